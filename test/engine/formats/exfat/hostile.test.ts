import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { FaultyDevice } from '../../../../src/engine/device/fault.ts';
import type { Volume, VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { detect } from '../../../../src/engine/formats/exfat/mount.ts';
import { clusterOffsetBytes, geometryOf, setChecksum } from '../../../../src/engine/formats/exfat/layout.ts';
import type { Geometry } from '../../../../src/engine/formats/exfat/layout.ts';
import { fsckExfat, imageFile } from '../../../support/checkers.ts';
import { FlatDevice } from '../../../support/flat-device.ts';
import {
  bytesOf,
  formatted,
  fresh,
  get,
  INIT,
  makeDirectory,
  mounted,
  names,
  outcome,
  put,
} from './support.ts';

/**
 * Goal: whatever is on the disk, a sentence and the right errno, never a hang, never a bug reported as such.
 * Method: one scene per damage, then hundreds of volumes with random bytes in their metadata, walked from end to end.
 */

const sentence = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof FsError) return `${error.code}: ${error.detail}`;
    throw error;
  }
  return 'ok';
};

const geometryIn = (device: FlatDevice): Geometry => {
  const geometry = geometryOf(device.bytes.subarray(0, 512), device.bytes.length);
  if (typeof geometry === 'string') throw new Error(geometry);
  return geometry;
};

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
function damaged(damage: (device: FlatDevice, clusters: number[]) => void): Volume {
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

const readWhole = (volume: Volume): string => sentence(() => get(volume, volume.root, 'file'));

describe('a chain', () => {
  test.each<[string, (device: FlatDevice, clusters: number[]) => void, RegExp]>([
    ['that runs in a circle', (d, c) => putFat(d, c[2]!, c[0]!), /EIO: its chain runs in a circle/],
    ['that points to itself', (d, c) => putFat(d, c[0]!, c[0]!), /EIO: its chain runs in a circle/],
    ['that leaves the volume', (d, c) => putFat(d, c[1]!, 0x0ff0_0000), /EIO: .*cannot hold data/],
    ['that leads to nothing', (d, c) => putFat(d, c[1]!, 0), /EIO: .*cannot hold data/],
    ['that leads to a bad cluster', (d, c) => putFat(d, c[1]!, 0xffff_fff7), /EIO: .*cannot hold data/],
    ['shorter than the size', (d, c) => putFat(d, c[1]!, 0xffff_ffff), /EIO: .*shorter than its size/],
  ])('%s', (_, damage, wanted) => {
    const volume = damaged(damage);
    expect(readWhole(volume)).toMatch(wanted);
    const node = volume.lookup(volume.root, 'file')!;
    expect(sentence(() => volume.write(node, 2500, bytesOf(5000)))).toMatch(/^EIO/);
    // What is sound can be read, and the file removed, each cluster freed once.
    expect(volume.read(node, 0, new Uint8Array(500))).toBe(500);
    const free = volume.statistics().freeBlocks;
    volume.remove(volume.root, 'file');
    expect(volume.statistics().freeBlocks - free).toBeGreaterThan(0);
    expect(volume.statistics().freeBlocks - free).toBeLessThanOrEqual(5);
    put(volume, volume.root, 'next', bytesOf(4000, 2));
    expect(get(volume, volume.root, 'next')).toEqual(bytesOf(4000, 2));
  });
});

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

  test('with junk behind its end mark does not bring it to life', () => {
    const { device, volume } = fresh(1);
    put(volume, volume.root, 'first', bytesOf(3));
    volume.unmount();
    const geometry = geometryIn(device);
    const root = clusterOffsetBytes(geometry, geometry.rootCluster);
    device.bytes.fill(0x85, root + 7 * 32, root + geometry.clusterSizeBytes);
    const again = mounted(device);
    expect(names(again, again.root)).toEqual(['first']);
    for (let i = 0; i < 40; i++) put(again, again.root, `a file of number ${i}`, bytesOf(1));
    again.unmount();
    expect(names(mounted(device), again.root)).toHaveLength(41);
    expect(fsckExfat(imageFile(device.bytes))).toBe('');
  });

  test('of 20,000 names: creating does not slow down', () => {
    const { volume } = fresh(64, {}, { policy: 'writeback' });
    const d = makeDirectory(volume, volume.root, 'd');
    const create = (from: number, count: number) => {
      const start = process.cpuUsage();
      for (let i = from; i < from + count; i++) volume.release(volume.create(d, `holiday ${i}.jpeg`, INIT));
      const { user, system } = process.cpuUsage(start);
      return user + system;
    };
    create(0, 2000);
    const early = create(2000, 4000);
    create(6000, 8000);
    const late = create(14_000, 4000);
    expect(late / early).toBeLessThan(3);
  });
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
  test('zeros and random bytes are not this format', () => {
    const device = new FlatDevice(2 ** 20);
    expect([detect(device), sentence(() => mounted(device))]).toEqual([
      false,
      'EINVAL: the boot sector does not say EXFAT',
    ]);
    device.bytes.set(bytesOf(2 ** 20));
    expect(outcome(() => mounted(device))).toBe('EINVAL');
  });

  test('a truncated image says so', () => {
    const { device } = fresh(8);
    const short = new FlatDevice(2 ** 20);
    short.bytes.set(device.bytes.subarray(0, 2 ** 20));
    expect(detect(short)).toBe(true);
    expect(sentence(() => mounted(short))).toMatch(/EFTYPE: .*the image is cut short/);
  });

  test('a volume left dirty warns, and stays marked until a check', () => {
    const { device, volume } = fresh();
    put(volume, volume.root, 'x', bytesOf(1));
    const again = mounted(device);
    expect(again.warnings.join()).toContain('not unmounted cleanly');
    again.unmount();
    expect(mounted(device).warnings).toHaveLength(1);
    // Unless it was ourselves, going back to a moment of the same session.
    const continued = mounted(device, { isContinued: true });
    expect(continued.warnings).toEqual([]);
    continued.unmount();
    expect(fsckExfat(imageFile(device.bytes))).toBe('');
  });

  test('for reading only changes nothing and refuses to', () => {
    const { device, volume } = fresh();
    put(volume, volume.root, 'x', bytesOf(1));
    volume.unmount();
    const before = device.bytes.slice();
    const again = mounted(device, { isReadOnly: true });
    const x = again.lookup(again.root, 'x')!;
    for (const action of [
      () => again.create(again.root, 'y', INIT),
      () => again.remove(again.root, 'x'),
      () => again.write(x, 0, bytesOf(1)),
      () => again.setAttributes(x, { mode: 0o600 }),
      () => again.setLabel('NEW'),
    ]) {
      expect(outcome(action)).toBe('EROFS');
    }
    expect(get(again, again.root, 'x')).toEqual(bytesOf(1));
    again.sync();
    again.unmount();
    expect(device.bytes.every((byte, i) => byte === before[i])).toBe(true);
  });

  test('of random bytes in the metadata: no hang, no bug, whatever is done', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const random = new Prng(seed);
      const device = new FlatDevice(2 ** 20);
      formatted(device, { 'cluster-size': random.pick(['512', '4k']) });
      const volume = mounted(device);
      const d = makeDirectory(volume, volume.root, 'd');
      for (let i = 0; i < 20; i++)
        put(volume, i % 2 ? d : volume.root, `some name ${i}`, bytesOf(100 * i, i));
      volume.unmount();
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
      abuse(device, random);
    }
  });
});

/** Do everything there is to do; only FsError may come of it. */
function abuse(device: FlatDevice, random: Prng): void {
  const tries = (action: () => unknown) => void outcome(action);
  tries(() => {
    const volume = mounted(device);
    let visits = 0;
    const visit = (node: VolumeNode) => {
      if (++visits > 200) return;
      for (const { name } of volume.list(node, null, 200).entries) {
        tries(() => {
          const child = volume.lookup(node, name);
          if (!child) return;
          tries(() => volume.attributes(child));
          tries(() => volume.extents(child));
          if (child.type === 'directory') visit(child);
          else tries(() => volume.read(child, random.below(5000), new Uint8Array(5000)));
          tries(() => volume.write(child, random.below(9000), bytesOf(700)));
          if (random.below(3) === 0) tries(() => volume.remove(node, name));
          if (random.below(3) === 0) tries(() => volume.rename(node, name, volume.root, `renamed ${visits}`));
        });
      }
      tries(() => put(volume, node, `new ${visits}`, bytesOf(900)));
    };
    visit(volume.root);
    tries(() => volume.statistics());
    volume.unmount();
  });
}

describe('a bad block', () => {
  test('of contents is EIO for its file; the volume goes on and remembers', () => {
    const { device, volume } = fresh();
    put(volume, volume.root, 'bad', bytesOf(5000));
    put(volume, volume.root, 'good', bytesOf(5000, 2));
    const block = volume.extents(volume.lookup(volume.root, 'bad')!)[0]!.deviceOffsetBytes / 512 + 3;
    volume.unmount();
    const faulty = new FaultyDevice(device, [{ firstBlock: block, blockCount: 1, fails: 'both' }]);
    const again = mounted(faulty);
    expect(outcome(() => get(again, again.root, 'bad'))).toBe('EIO');
    expect(get(again, again.root, 'good')).toEqual(bytesOf(5000, 2));
    expect(outcome(() => again.write(again.lookup(again.root, 'bad')!, 0, bytesOf(5000, 3)))).toBe('EIO');
    again.remove(again.root, 'bad');
    put(again, again.root, 'after', bytesOf(100));
    again.unmount();
    expect(mounted(device).warnings.join()).toContain('read or write error');
  });
});
