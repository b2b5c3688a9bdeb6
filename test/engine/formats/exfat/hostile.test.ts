import { describe, expect, test } from 'vitest';
import type { Volume } from '../../../../src/engine/formats/contract.ts';
import { clusterOffsetBytes, geometryOf, setChecksum } from '../../../../src/engine/formats/exfat/layout.ts';
import type { Geometry } from '../../../../src/engine/formats/exfat/layout.ts';
import { FlatDevice } from '../../../support/flat-device.ts';
import {
  describeBadBlock,
  describeChains,
  testForeignBytes,
  testJunkBehindTheEnd,
  testManyNames,
  testMountedVolumes,
  testScrambledVolumes,
} from '../fat-family/hostile.ts';
import type { ChainDamage } from '../fat-family/hostile.ts';
import {
  geometryFrom,
  bytesOf,
  get,
  makeDirectory,
  names,
  outcome,
  put,
  sentence,
} from '../fat-family/support.ts';
import { formatted, fresh, mounted, KIT } from './support.ts';

/** Goal and method: see the suites of the family; here stands how this format is damaged, and what only it has. */

const geometryIn = (device: FlatDevice): Geometry => geometryFrom(device, geometryOf);

const viewOf = (device: FlatDevice): DataView => new DataView(device.bytes.buffer);

const putFat = (device: FlatDevice, cluster: number, value: number): void => {
  const { fatFirstSector } = geometryIn(device);
  viewOf(device).setUint32(fatFirstSector * 512 + cluster * 4, value, true);
};

/** Change the set whose name begins with `letter` in the root directory, and give it a right checksum again. */
function editSet(device: FlatDevice, letter: string, edit: (set: DataView) => void): void {
  const geometry = geometryIn(device);
  const root = clusterOffsetBytes(geometry, geometry.rootCluster);
  for (let at = root; at < root + geometry.clusterSizeBytes; at += 32) {
    if (device.bytes[at] !== 0x85 || device.bytes[at + 66] !== letter.charCodeAt(0)) continue;
    const entryCount = device.bytes[at + 1]! + 1;
    edit(new DataView(device.bytes.buffer, at, entryCount * 32));
    viewOf(device).setUint16(at + 2, setChecksum(device.bytes, at, entryCount), true);
    return;
  }
  throw new Error(`no set of ${letter}`);
}

/** A volume with a file of five clusters in two pieces, taken apart by `damage`, which gets them. */
function damaged(damage: ChainDamage[1]): Volume {
  const { device, volume } = fresh(1, { 'cluster-size': '512' });
  put(volume, volume.root, 'file', bytesOf(1500));
  put(volume, volume.root, 'wall', bytesOf(512));
  const file = volume.lookup(volume.root, 'file')!;
  volume.write(file, 1500, bytesOf(1000));
  const geometry = geometryIn(device);
  const clusters = volume.extents(file).flatMap(({ deviceOffsetBytes, lengthBytes }) => {
    const first = (deviceOffsetBytes - geometry.heapFirstSector * 512) / 512 + 2;
    return Array.from({ length: Math.ceil(lengthBytes / 512) }, (_, i) => first + i);
  });
  expect(clusters).toHaveLength(5);
  volume.unmount();
  damage(device, clusters);
  return mounted(device);
}

describeChains(damaged, [
  ['that runs in a circle', (d, c) => putFat(d, c[2]!, c[0]!), /EIO: its chain runs in a circle/],
  ['that points to itself', (d, c) => putFat(d, c[0]!, c[0]!), /EIO: its chain runs in a circle/],
  ['that leaves the volume', (d, c) => putFat(d, c[1]!, 0x0ff0_0000), /EIO: .*cannot hold data/],
  ['that leads to nothing', (d, c) => putFat(d, c[1]!, 0), /EIO: .*cannot hold data/],
  ['that leads to a bad cluster', (d, c) => putFat(d, c[1]!, 0xffff_fff7), /EIO: .*cannot hold data/],
  ['shorter than the size', (d, c) => putFat(d, c[1]!, 0xffff_ffff), /EIO: .*shorter than its size/],
]);

describe('a set', () => {
  const edited = (edit: (set: DataView) => void): Volume => {
    const { device, volume } = fresh(1);
    put(volume, volume.root, 'file', bytesOf(5000));
    volume.unmount();
    editSet(device, 'f', edit);
    return mounted(device);
  };

  test.each<[string, (set: DataView) => void, RegExp]>([
    ['of clusters beyond the heap', (set) => set.setUint32(32 + 20, 0x7fff_ffff, true), /EIO: its clusters/],
    ['of cluster 1', (set) => set.setUint32(32 + 20, 1, true), /EIO: its clusters/],
    [
      'longer than the volume',
      (set) => set.setUint32(32 + 28, 0x00ff_ffff, true),
      /EIO: its clusters|EFBIG: a file holds/,
    ],
  ])('%s', (_, edit, wanted) => {
    const volume = edited(edit);
    const node = volume.lookup(volume.root, 'file')!;
    expect(sentence(() => volume.write(node, volume.attributes(node).sizeBytes, bytesOf(1)))).toMatch(wanted);
    expect(outcome(() => volume.remove(volume.root, 'file'))).toBe('ok');
  });

  test('with more valid bytes than bytes shows no more than it has', () => {
    const volume = edited((set) => set.setUint32(32 + 8, 0xffff_ffff, true));
    expect(get(volume, volume.root, 'file')).toEqual(bytesOf(5000));
    volume.write(volume.lookup(volume.root, 'file')!, 5000, bytesOf(1));
    volume.unmount();
  });

  test.each<[string, (device: FlatDevice, at: number) => void]>([
    ['with a wrong checksum', (device, at) => (device.bytes[at + 2]! ^= 1)],
    ['without its stream entry', (device, at) => (device.bytes[at + 32] = 0x40)],
    ['with too few entries for its name', (device, at) => (device.bytes[at + 32 + 3] = 16)],
    ['with a name of no units', (device, at) => (device.bytes[at + 32 + 3] = 0)],
  ])('%s is not seen; others are', (_, damage) => {
    const { device, volume } = fresh(1);
    put(volume, volume.root, 'seen before', bytesOf(10));
    put(volume, volume.root, 'broken', bytesOf(10));
    put(volume, volume.root, 'seen behind', bytesOf(10));
    volume.unmount();
    const geometry = geometryIn(device);
    let at = clusterOffsetBytes(geometry, geometry.rootCluster);
    while (device.bytes[at] !== 0x85 || device.bytes[at + 66] !== 0x62) at += 32;
    damage(device, at);
    const again = mounted(device);
    expect(names(again, again.root)).toEqual(['seen before', 'seen behind']);
    put(again, again.root, 'new', bytesOf(10));
    expect(names(mounted(device), again.root)).toHaveLength(3);
  });

  test.each(['.', '..'])('that is called %s is not seen', (name) => {
    const { device, volume } = fresh(1);
    put(volume, volume.root, 'x'.repeat(name.length), bytesOf(10));
    volume.unmount();
    editSet(device, 'x', (set) => {
      for (let i = 0; i < name.length; i++) set.setUint16(66 + 2 * i, 0x2e, true);
    });
    const again = mounted(device);
    expect(names(again, again.root)).toEqual([]);
  });

  test('whose name looks like a path shows none', () => {
    const { device, volume } = fresh(1);
    put(volume, volume.root, 'y..y..y', bytesOf(3));
    volume.unmount();
    editSet(device, 'y', (set) => {
      set.setUint16(66, 0x2f, true);
      set.setUint16(72, 0, true);
    });
    const again = mounted(device);
    const [name] = names(again, again.root);
    expect(name).toBe('\ufffd..\ufffd..y');
    expect(get(again, again.root, name!)).toEqual(bytesOf(3));
  });
});

describe('a directory', () => {
  test('that contains itself is EIO', () => {
    const { device, volume } = fresh(1);
    const d = makeDirectory(volume, volume.root, 'd');
    const cluster = d.inode;
    makeDirectory(volume, d, 'e');
    volume.unmount();
    const at = clusterOffsetBytes(geometryIn(device), cluster);
    viewOf(device).setUint32(at + 32 + 20, cluster, true);
    viewOf(device).setUint16(at + 2, setChecksum(device.bytes, at, 3), true);
    const again = mounted(device);
    const inside = again.lookup(again.lookup(again.root, 'd')!, 'e')!;
    expect(sentence(() => again.list(inside, null, 10))).toMatch(/EIO: the directory leads back/);
  });

  test('without clusters, as Linux makes them, is empty and grows', () => {
    const { device, volume } = fresh(1);
    makeDirectory(volume, volume.root, 'd');
    volume.unmount();
    editSet(device, 'd', (set) => {
      set.setUint8(32 + 1, 1);
      for (const at of [8, 20, 24]) set.setUint32(32 + at, 0, true);
    });
    const again = mounted(device);
    const d = again.lookup(again.root, 'd')!;
    expect([names(again, d), again.attributes(d).sizeBytes]).toEqual([[], 0]);
    put(again, d, 'first', bytesOf(10));
    again.unmount();
    const later = mounted(device);
    const found = later.lookup(later.root, 'd')!;
    expect(get(later, found, 'first')).toEqual(bytesOf(10));
    expect(later.attributes(found).sizeBytes).toBe(4096);
  });

  testJunkBehindTheEnd(KIT, 1, (device) => {
    const geometry = geometryIn(device);
    const root = clusterOffsetBytes(geometry, geometry.rootCluster);
    device.bytes.fill(0x85, root + 7 * 32, root + geometry.clusterSizeBytes);
  });

  testManyNames(KIT);
});

describe('a volume that cannot be used says why', () => {
  const broken = (damage: (device: FlatDevice, root: number) => void): string => {
    const { device } = fresh(1);
    const geometry = geometryIn(device);
    damage(device, clusterOffsetBytes(geometry, geometry.rootCluster));
    return sentence(() => mounted(device));
  };

  test.each<[string, (device: FlatDevice, root: number) => void, RegExp]>([
    [
      'boot checksum',
      (d) => (d.bytes[100]! ^= 1),
      /^EFTYPE: the checksum of the boot region is wrong; run fsck_exfat/,
    ],
    ['sector size', (d) => (d.bytes[108] = 8), /^EFTYPE: a sector of 2\^8 bytes/],
    ['cluster size', (d) => (d.bytes[109] = 200), /^EFTYPE: a cluster of 2\^200 sectors/],
    ['number of FATs', (d) => (d.bytes[110] = 0), /^EFTYPE: 0 file allocation tables/],
    ['old parameters', (d) => (d.bytes[20] = 1), /^EFTYPE: bytes 11 to 63/],
    ['revision', (d) => (d.bytes[105] = 2), /^EFTYPE: revision 2\.0/],
    ['root', (d) => d.bytes.fill(0xff, 96, 100), /^EFTYPE: the root directory starts at cluster 4294967295/],
    [
      'FAT in the boot region',
      (d) => d.bytes.fill(0, 80, 84),
      /^EFTYPE: the file allocation table begins at sector 0/,
    ],
    ['too many clusters', (d) => (d.bytes[94] = 9), /^EFTYPE: /],
    [
      'no bitmap',
      (d, root) => (d.bytes[root + 32] = 0x01),
      /^EFTYPE: the root directory names no allocation bitmap/,
    ],
    [
      'no up-case table',
      (d, root) => (d.bytes[root + 64] = 0),
      /^EFTYPE: the root directory names no up-case table/,
    ],
    [
      'short bitmap',
      (d, root) => (d.bytes[root + 32 + 24] = 3),
      /^EFTYPE: the allocation bitmap has 3 bytes/,
    ],
    [
      'bitmap nowhere',
      (d, root) => (d.bytes[root + 32 + 23] = 0xff),
      /^EFTYPE: the chain of the allocation bitmap/,
    ],
  ])('%s', (_, damage, wanted) => expect(broken(damage)).toMatch(wanted));

  test('a damaged up-case table is replaced by the recommended one, with a warning', () => {
    const { device, volume } = fresh(1);
    put(volume, volume.root, 'Name', bytesOf(5));
    volume.unmount();
    const geometry = geometryIn(device);
    device.bytes[clusterOffsetBytes(geometry, 3) + 200]! ^= 0x55;
    const again = mounted(device);
    expect(again.warnings.join()).toContain('up-case table is damaged');
    expect(get(again, again.root, 'NAME')).toEqual(bytesOf(5));
  });
});

describe('mounting', () => {
  testForeignBytes(KIT, 'EINVAL: the boot sector does not say EXFAT');
  testMountedVolumes(KIT);
  testScrambledVolumes(KIT, {
    makeVolume(random) {
      const device = new FlatDevice(2 ** 20);
      formatted(device, { 'cluster-size': random.pick(['512', '4k']) });
      return device;
    },
    scramble(device, random) {
      const geometry = geometryIn(device);
      const heap = geometry.heapFirstSector * 512;
      for (let i = random.below(60); i >= 0; i--) {
        const [from, length] = random.pick([
          [geometry.fatFirstSector * 512, 400],
          [heap, 40 * 512],
          [heap, 40 * 512],
          [106, 7],
        ] as const);
        device.bytes[from + random.below(length)] = random.u32();
      }
      // Right checksums let the damage through to where it hurts.
      for (let at = heap; at < heap + 60 * 512; at += 32) {
        if (device.bytes[at] !== 0x85 || random.below(4) === 0) continue;
        viewOf(device).setUint16(at + 2, setChecksum(device.bytes, at, device.bytes[at + 1]! + 1), true);
      }
    },
  });
});

describeBadBlock(KIT);
