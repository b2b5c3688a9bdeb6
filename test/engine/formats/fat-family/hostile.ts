import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { FaultyDevice } from '../../../../src/engine/device/fault.ts';
import type { Volume, VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { imageFile } from '../../../support/checkers.ts';
import { FlatDevice } from '../../../support/flat-device.ts';
import { bytesOf, get, INIT, makeDirectory, names, outcome, put, sentence } from './support.ts';
import type { Kit } from './support.ts';
import { millisecondsOf } from '../../../support/stopwatch.ts';

/**
 * Goal: whatever is on the disk, a sentence and the right errno, never a hang, never a bug reported as such.
 * Method: one scene per damage, then hundreds of volumes with random bytes in their metadata, walked from end to end.
 */

/** Title, damage to a volume whose file of five clusters of 512 bytes it gets, and the sentence it must lead to. */
export type ChainDamage = readonly [
  string,
  (device: FlatDevice, clusters: readonly number[]) => void,
  RegExp,
];

/** `damaged`: the volume after the damage, mounted, with 2500 bytes in 'file'. */
export function describeChains(
  damaged: (damage: ChainDamage[1]) => Volume,
  damages: readonly ChainDamage[],
): void {
  describe('a chain', () => {
    test.each(damages)('%s', (_, damage, wanted) => {
      const volume = damaged(damage);
      expect(sentence(() => get(volume, volume.root, 'file'))).toMatch(wanted);
      const node = volume.lookup(volume.root, 'file')!;
      expect(sentence(() => volume.write(node, 2500, bytesOf(5000)))).toMatch(/^EIO/);
      // What is sound can be read, and the file removed, each cluster freed once.
      expect(volume.read(node, 0, new Uint8Array(512))).toBe(512);
      const free = volume.statistics().freeBlocks;
      volume.remove(volume.root, 'file');
      expect(volume.statistics().freeBlocks - free).toBeGreaterThan(0);
      expect(volume.statistics().freeBlocks - free).toBeLessThanOrEqual(5);
      put(volume, volume.root, 'next', bytesOf(4000, 2));
      expect(get(volume, volume.root, 'next')).toEqual(bytesOf(4000, 2));
    });
  });
}

/** `putJunk`: bytes like entries behind the end mark of the root directory, which holds one file. */
export function testJunkBehindTheEnd(
  kit: Kit,
  sizeMebibytes: number,
  putJunk: (device: FlatDevice) => void,
): void {
  test('with junk behind its end mark does not bring it to life', () => {
    const { device, volume } = kit.fresh(sizeMebibytes);
    put(volume, volume.root, 'first', bytesOf(3));
    volume.unmount();
    putJunk(device);
    const again = kit.mounted(device);
    expect(names(again, again.root)).toEqual(['first']);
    for (let i = 0; i < 40; i++) put(again, again.root, `a file of number ${i}`, bytesOf(1));
    again.unmount();
    expect(names(kit.mounted(device), again.root)).toHaveLength(41);
    expect(kit.judge(imageFile(device.bytes))).toBe('');
  });
}

export function testManyNames(kit: Kit): void {
  test('of 20,000 names that begin alike: creating does not slow down', () => {
    const { volume } = kit.fresh(64, {}, { policy: 'writeback' });
    const d = makeDirectory(volume, volume.root, 'd');
    const create = (from: number, count: number) =>
      millisecondsOf(() => {
        for (let i = from; i < from + count; i++) volume.release(volume.create(d, `holiday ${i}.jpeg`, INIT));
      });
    create(0, 2000);
    const early = create(2000, 4000);
    create(6000, 8000);
    const late = create(14_000, 4000);
    expect(late / early).toBeLessThan(3);
  });
}

/** `nothing`: what is said of zeros. */
export function testForeignBytes({ format, fresh, mounted }: Kit, nothing: string): void {
  test('zeros and random bytes are not this format', () => {
    const device = new FlatDevice(2 ** 20);
    expect([format.detect(device), sentence(() => mounted(device))]).toEqual([false, nothing]);
    device.bytes.set(bytesOf(2 ** 20));
    expect(outcome(() => mounted(device))).toBe('EINVAL');
  });

  test('a truncated image says so', () => {
    const { device } = fresh();
    const short = new FlatDevice(2 ** 20);
    short.bytes.set(device.bytes.subarray(0, 2 ** 20));
    expect(format.detect(short)).toBe(true);
    expect(sentence(() => mounted(short))).toMatch(/EFTYPE: .*the image is cut short/);
  });
}

export function testMountedVolumes(kit: Kit): void {
  test('a volume left dirty warns, and stays marked until a check', () => {
    const { device, volume } = kit.fresh();
    put(volume, volume.root, 'x', bytesOf(1));
    const again = kit.mounted(device);
    expect(again.warnings.join()).toContain('not unmounted cleanly');
    again.unmount();
    expect(kit.mounted(device).warnings).toHaveLength(1);
    // Unless it was ourselves, going back to a moment of the same session.
    const continued = kit.mounted(device, { isContinued: true });
    expect(continued.warnings).toEqual([]);
    continued.unmount();
    expect(kit.judge(imageFile(device.bytes))).toBe('');
  });

  test('for reading only changes nothing and refuses to', () => {
    const { device, volume } = kit.fresh();
    put(volume, volume.root, 'x', bytesOf(1));
    volume.unmount();
    const before = device.bytes.slice();
    const again = kit.mounted(device, { isReadOnly: true });
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
}

/** An empty volume of some kind, and random damage to the metadata it has after use. */
export interface Scrambling {
  readonly makeVolume: (random: Prng) => FlatDevice;
  readonly scramble: (device: FlatDevice, random: Prng) => void;
}

export function testScrambledVolumes(kit: Kit, { makeVolume, scramble }: Scrambling): void {
  test('of random bytes in the metadata: no hang, no bug, whatever is done', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const random = new Prng(seed);
      const device = makeVolume(random);
      const volume = kit.mounted(device);
      const d = makeDirectory(volume, volume.root, 'd');
      for (let i = 0; i < 20; i++)
        put(volume, i % 2 ? d : volume.root, `some name ${i}`, bytesOf(100 * i, i));
      volume.unmount();
      scramble(device, random);
      abuse(kit, device, random);
    }
  });
}

/** Do everything there is to do; only FsError may come of it. */
function abuse(kit: Kit, device: FlatDevice, random: Prng): void {
  const tries = (action: () => unknown) => void outcome(action);
  tries(() => {
    const volume = kit.mounted(device);
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

export function describeBadBlock(kit: Kit): void {
  describe('a bad block', () => {
    test('of contents is EIO for its file; the volume goes on and remembers', () => {
      const { device, volume } = kit.fresh();
      put(volume, volume.root, 'bad', bytesOf(5000));
      put(volume, volume.root, 'good', bytesOf(5000, 2));
      const block = volume.extents(volume.lookup(volume.root, 'bad')!)[0]!.deviceOffsetBytes / 512 + 3;
      volume.unmount();
      const faulty = new FaultyDevice(device, [{ firstBlock: block, blockCount: 1, fails: 'both' }]);
      const again = kit.mounted(faulty);
      expect(outcome(() => get(again, again.root, 'bad'))).toBe('EIO');
      expect(get(again, again.root, 'good')).toEqual(bytesOf(5000, 2));
      expect(outcome(() => again.write(again.lookup(again.root, 'bad')!, 0, bytesOf(5000, 3)))).toBe('EIO');
      again.remove(again.root, 'bad');
      put(again, again.root, 'after', bytesOf(100));
      again.unmount();
      expect(kit.mounted(device).warnings.join()).toContain('read or write error');
    });
  });
}
