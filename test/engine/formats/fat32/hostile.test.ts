import { describe, expect, test } from 'vitest';
import type { Volume } from '../../../../src/engine/formats/contract.ts';
import { geometryOf, setEntry } from '../../../../src/engine/formats/fat32/layout.ts';
import type { Geometry } from '../../../../src/engine/formats/fat32/layout.ts';
import { fsckVfat, imageFile } from '../../../support/checkers.ts';
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
  INIT,
  makeDirectory,
  names,
  outcome,
  put,
  sentence,
} from '../fat-family/support.ts';
import { formatted, fresh, mounted, KIT } from './support.ts';

/** Goal and method: see the suites of the family; here stands how this format is damaged, and what only it has. */

const geometryIn = (device: FlatDevice): Geometry => geometryFrom(device, geometryOf);

/** Overwrite entry `cluster` in both FATs. */
function poke(device: FlatDevice, cluster: number, value: number): void {
  const geometry = geometryIn(device);
  for (let fat = 0; fat < geometry.fatCount; fat++) {
    const at = (geometry.reservedSectors + fat * geometry.fatSizeSectors) * geometry.sectorSizeBytes;
    setEntry(geometry.type, device.bytes.subarray(at), cluster, value);
  }
}

/** A volume with a file of five clusters in one piece, taken apart by `damage`, which gets them. */
function damaged(damage: ChainDamage[1]): Volume {
  const { device, volume } = fresh(34);
  put(volume, volume.root, 'file', bytesOf(2500));
  const first = volume.lookup(volume.root, 'file')!;
  const [extent] = volume.extents(first);
  const geometry = geometryIn(device);
  const cluster =
    (extent!.deviceOffsetBytes - geometry.dataFirstSector * geometry.sectorSizeBytes) /
      geometry.clusterSizeBytes +
    2;
  volume.unmount();
  damage(
    device,
    [0, 1, 2, 3, 4].map((i) => cluster + i),
  );
  return mounted(device);
}

describeChains(damaged, [
  ['that runs in a circle', (d, c) => poke(d, c[2]!, c[0]!), /EIO: its chain runs in a circle/],
  ['that points to itself', (d, c) => poke(d, c[0]!, c[0]!), /EIO: its chain runs in a circle/],
  ['that leaves the volume', (d, c) => poke(d, c[1]!, 0x0ff0_0000), /EIO: .*cannot hold data/],
  ['that leads to a free cluster', (d, c) => poke(d, c[1]!, 0), /EIO: .*a free cluster/],
  ['that leads to a bad cluster', (d, c) => poke(d, c[1]!, 0x0fff_fff7), /EIO: .*cannot hold data/],
  ['shorter than the size', (d, c) => poke(d, c[1]!, 0x0fff_ffff), /EIO: .*shorter than its size/],
]);

describe('a directory', () => {
  test('that contains itself is not walked for ever', () => {
    const { device, volume } = fresh();
    const d = makeDirectory(volume, volume.root, 'd');
    makeDirectory(volume, d, 'e');
    const cluster = d.inode;
    volume.unmount();
    const geometry = geometryIn(device);
    const at = geometry.dataFirstSector * 512 + (cluster - 2) * geometry.clusterSizeBytes;
    // The entry of 'e' gets the first cluster of 'd'.
    device.bytes[at + 2 * 32 + 26] = cluster;
    const again = mounted(device);
    const inside = again.lookup(again.lookup(again.root, 'd')!, 'e')!;
    expect(sentence(() => again.list(inside, null, 10))).toMatch(/EIO: the directory leads back/);
  });

  test('with names that look like paths shows none', () => {
    const { device, volume } = fresh();
    put(volume, volume.root, 'a long name with xx in it', bytesOf(3));
    volume.unmount();
    const geometry = geometryIn(device);
    const at = geometry.dataFirstSector * 512;
    for (let slot = 0; slot < 3; slot++) {
      const entry = device.bytes.subarray(at + slot * 32, at + slot * 32 + 32);
      for (let i = 0; i < 31; i++)
        if (entry[11] === 0x0f && entry[i] === 0x78 && entry[i + 1] === 0) entry[i] = 0x2f;
    }
    const again = mounted(device);
    const [name] = names(again, again.root);
    expect(name).toBe('a long name with \ufffd\ufffd in it');
    expect(get(again, again.root, name!)).toEqual(bytesOf(3));
  });

  testJunkBehindTheEnd(KIT, 300, (device) => {
    const geometry = geometryIn(device);
    const root = geometry.dataFirstSector * 512;
    device.bytes.fill(0x41, root + 2 * 32, root + geometry.clusterSizeBytes);
    device.bytes[root + 32] = 0;
  });

  test('of 65,536 entries is full: ENOSPC, and clean', () => {
    const { device, volume } = fresh(40, {}, { policy: 'writeback' });
    const d = makeDirectory(volume, volume.root, 'd');
    const long = 'x'.repeat(240);
    let made = 0;
    const code = outcome(() => {
      for (; ; made++) volume.release(volume.create(d, `${made} ${long}`, INIT));
    });
    expect([code, made]).toEqual(['ENOSPC', Math.floor((65_536 - 2) / 20)]);
    volume.remove(d, `7 ${long}`);
    volume.release(volume.create(d, `again ${long}`, INIT));
    volume.unmount();
    expect(fsckVfat(imageFile(device.bytes))).toBe('');
  });

  testManyNames(KIT);
});

describe('mounting', () => {
  testForeignBytes(KIT, 'EINVAL: the boot sector does not end in 55 AA');
  testMountedVolumes(KIT);
  testScrambledVolumes(KIT, {
    makeVolume(random) {
      const type = random.pick(['fat12', 'fat16']);
      const device = new FlatDevice((type === 'fat12' ? 1 : 5) * 2 ** 20);
      formatted(device, { type, 'cluster-size': type === 'fat12' ? '1k' : '512' });
      return device;
    },
    scramble(device, random) {
      const geometry = geometryIn(device);
      const end = (geometry.dataFirstSector + 40) * 512;
      for (let i = random.below(60); i >= 0; i--) {
        const at = random.below(3) === 0 ? random.below(end) : 512 + random.below(end - 512);
        device.bytes[at] = random.u32();
      }
    },
  });
});

describeBadBlock(KIT);
