import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { FaultyDevice } from '../../../../src/engine/device/fault.ts';
import type { Volume, VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { detect } from '../../../../src/engine/formats/fat32/mount.ts';
import { geometryOf, setEntry } from '../../../../src/engine/formats/fat32/layout.ts';
import type { Geometry } from '../../../../src/engine/formats/fat32/layout.ts';
import { fsckVfat, imageFile } from '../../../support/checkers.ts';
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

/** Overwrite entry `cluster` in both FATs. */
function poke(device: FlatDevice, cluster: number, value: number): void {
  const geometry = geometryIn(device);
  for (let fat = 0; fat < geometry.fatCount; fat++) {
    const at = (geometry.reservedSectors + fat * geometry.fatSizeSectors) * geometry.sectorSizeBytes;
    setEntry(geometry.type, device.bytes.subarray(at), cluster, value);
  }
}

/** A volume with a file of five clusters, taken apart by `damage`, which gets the file's first cluster. */
function damaged(damage: (device: FlatDevice, first: number) => void): Volume {
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
  damage(device, cluster);
  return mounted(device);
}

const readWhole = (volume: Volume): string => sentence(() => get(volume, volume.root, 'file'));

describe('a chain', () => {
  test.each<[string, (device: FlatDevice, first: number) => void, RegExp]>([
    [
      'that runs in a circle',
      (device, first) => poke(device, first + 2, first),
      /EIO: its chain runs in a circle/,
    ],
    [
      'that points to itself',
      (device, first) => poke(device, first, first),
      /EIO: its chain runs in a circle/,
    ],
    [
      'that leaves the volume',
      (device, first) => poke(device, first + 1, 0x0ff0_0000),
      /EIO: .*cannot hold data/,
    ],
    ['that leads to a free cluster', (device, first) => poke(device, first + 1, 0), /EIO: .*a free cluster/],
    [
      'that leads to a bad cluster',
      (device, first) => poke(device, first + 1, 0x0fff_fff7),
      /EIO: .*cannot hold data/,
    ],
    [
      'shorter than the size',
      (device, first) => poke(device, first + 1, 0x0fff_ffff),
      /EIO: .*shorter than its size/,
    ],
  ])('%s', (_, damage, wanted) => {
    const volume = damaged(damage);
    expect(readWhole(volume)).toMatch(wanted);
    const node = volume.lookup(volume.root, 'file')!;
    expect(sentence(() => volume.write(node, 2500, bytesOf(5000)))).toMatch(/^EIO/);
    // What is sound can be read, and the file removed, each cluster freed once.
    expect(volume.read(node, 0, new Uint8Array(512))).toBe(512);
    const free = volume.statistics().freeBlocks;
    volume.remove(volume.root, 'file');
    expect(volume.statistics().freeBlocks - free).toBeGreaterThan(0);
    expect(volume.statistics().freeBlocks).toBeLessThanOrEqual(volume.statistics().totalBlocks - 1);
    put(volume, volume.root, 'next', bytesOf(4000, 2));
    expect(get(volume, volume.root, 'next')).toEqual(bytesOf(4000, 2));
  });
});

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

  test('with junk behind its end mark does not bring it to life', () => {
    const { device, volume } = fresh(300);
    put(volume, volume.root, 'first', bytesOf(3));
    volume.unmount();
    const geometry = geometryIn(device);
    const root = geometry.dataFirstSector * 512;
    device.bytes.fill(0x41, root + 2 * 32, root + geometry.clusterSizeBytes);
    device.bytes[root + 32] = 0;
    const again = mounted(device);
    expect(names(again, again.root)).toEqual(['first']);
    for (let i = 0; i < 40; i++) put(again, again.root, `a file of number ${i}`, bytesOf(1));
    again.unmount();
    expect(names(mounted(device), again.root)).toHaveLength(41);
    expect(fsckVfat(imageFile(device.bytes))).toBe('');
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

  test('of 20,000 names that begin alike: creating does not slow down', () => {
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

describe('mounting', () => {
  test('zeros and random bytes are not this format', () => {
    const device = new FlatDevice(2 ** 20);
    expect([detect(device), sentence(() => mounted(device))]).toEqual([
      false,
      'EINVAL: the boot sector does not end in 55 AA',
    ]);
    device.bytes.set(bytesOf(2 ** 20));
    expect(outcome(() => mounted(device))).toBe('EINVAL');
  });

  test('a truncated image says so', () => {
    const { device } = fresh(34);
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
    expect(fsckVfat(imageFile(device.bytes))).toBe('');
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
      const type = random.pick(['fat12', 'fat16']);
      const device = new FlatDevice((type === 'fat12' ? 1 : 5) * 2 ** 20);
      formatted(device, { type, 'cluster-size': type === 'fat12' ? '1k' : '512' });
      const volume = mounted(device);
      const d = makeDirectory(volume, volume.root, 'd');
      for (let i = 0; i < 20; i++)
        put(volume, i % 2 ? d : volume.root, `some name ${i}`, bytesOf(100 * i, i));
      volume.unmount();
      const geometry = geometryIn(device);
      const end = (geometry.dataFirstSector + 40) * 512;
      for (let i = random.below(60); i >= 0; i--) {
        const at = random.below(3) === 0 ? random.below(end) : 512 + random.below(end - 512);
        device.bytes[at] = random.u32();
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
