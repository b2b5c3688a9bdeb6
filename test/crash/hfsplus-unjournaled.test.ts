import { describe, expect, test } from 'vitest';
import { PROFILES } from '../../src/engine/device/profile.ts';
import type { Store } from '../../src/engine/device/store.ts';
import { Tape } from '../../src/engine/device/tape.ts';
import { crashImages } from '../../src/engine/device/crash.ts';
import { hfsplus, hfsx } from '../../src/engine/formats/hfsplus/index.ts';
import { findChecker, fsckHfsplus, runChecker } from '../support/checkers.ts';
import { sparseImageFile } from '../support/formats.ts';
import { Disk, data, readAll } from './disk.ts';
import type { CrashType } from './disk.ts';
import { forgetBarrier } from './forgetful.ts';
import { mixed, mixedBefore, OPERATIONS } from './operations.ts';

/**
 * Goal: HFS+ without a journal is as good as order alone can make it. Wherever the power fails, damage never goes
 * unannounced (the volume says that it was not unmounted, and mounts for reading only); no block in use is called free
 * and none has two owners; no file shows bytes that it never had; our fsck_hfs and fsck.hfsplus bring it back to clean.
 * A torn tree may cost names, which is why there are journals.
 * Method: every kind of operation, every legal image; each barrier is then left out and the same judge must see it.
 */
const type: CrashType = {
  name: 'HFS+ without a journal',
  format: hfsplus,
  sizeBytes: 2 << 20,
  blockSizeBytes: 512,
  settings: { journal: 'off', 'block-size': '512', 'node-size-catalog': '4k' },
  profile: PROFILES.hdd,
};

/** Bits of blocks in use are set before and cleared after: neither may ever be seen. */
const NEVER = ['bitmap-missing', 'overlap', 'overlap-internal'];

interface Judged {
  readonly problems: readonly string[];
  readonly images: number;
  /** Images that needed more than the mark taken away. */
  readonly damaged: number;
}

/** What is wrong with any disk that a power cut during `run` can leave; the first few problems. */
function judge(disk: Disk, run: (disk: Disk) => void, forgotten: string | null, mustReturnDurable = false) {
  const before = disk.store.fork();
  const tape = new Tape(disk.type.blockSizeBytes);
  disk.remember();
  disk.store.tape = tape;
  if (forgotten !== null) forgetBarrier(disk.store, forgotten);
  run(disk);
  disk.store.tape = null;
  const problems: string[] = [];
  let [images, damaged, theirs] = [0, 0, 0];
  if (mustReturnDurable && tape.kindAt(tape.length - 1) !== 'barrier') problems.push('not all on the medium');
  const options = { profile: disk.type.profile, seed: 7, exhaustiveMax: 6, samples: 6 };
  for (const { device, description } of crashImages(before, tape, { from: 0, to: tape.length }, options)) {
    if (problems.length > 2) break;
    const say = (problem: string) => problems.push(`${problem}: ${description}`);
    images++;
    const kinds = disk.type.format.fsck(device, { repair: false }).findings.map(({ kind }) => kind);
    const isDamaged = kinds.some((kind) => kind !== 'dirty');
    if (isDamaged && saysUnmounted(device)) say(`nothing warns of ${kinds.join(' ')}`);
    for (const kind of NEVER) if (kinds.includes(kind)) say(kind);
    if (isDamaged) damaged++;
    // Of nodes that are torn fsck.hfsplus 540 saves less than ours.
    if (isDamaged && !kinds.includes('tree') && theirs++ % 20 === 0) {
      const verdict = theirRepair(device);
      if (verdict !== '') say(`fsck.hfsplus cannot repair ${kinds.join(' ')}: ${verdict}`);
    }
    if (kinds.length > 0) disk.type.format.fsck(device, { repair: true });
    const left = disk.type.format.fsck(device, { repair: false }).findings.map(({ kind }) => kind);
    if (left.length > 0) say(`${kinds.join(' ')} repaired to ${left.join(' ')}`);
    if (images % 60 === 1) {
      const verdict = fsckHfsplus(sparseImageFile(device));
      if (verdict !== '') say(verdict);
    }
    for (const problem of foreignBytes(disk, device)) say(problem);
  }
  return { problems, images, damaged } satisfies Judged;
}

/** Bit 8 of the attributes. */
function saysUnmounted(device: Store): boolean {
  const header = new Uint8Array(512);
  device.read(2, header);
  return ((header[6] ?? 0) & 1) === 1;
}

/** Files with bytes that they never had. */
function foreignBytes(disk: Disk, device: Store): string[] {
  const wrong: string[] = [];
  for (const [path, bytes] of readAll(disk.type, device)) {
    const states = disk.ever.get(path) ?? [];
    if (states.length === 0) continue; // a name that repair gave, as in lost+found
    const at = bytes.findIndex((byte, i) => byte !== 0 && !states.some((state) => state[i] === byte));
    if (at >= 0) wrong.push(`${path} has a byte at ${at} that it never had`);
  }
  return wrong;
}

/** The damaged disk as fsck.hfsplus leaves it after a repair of its own; '' for clean. */
function theirRepair(device: Store): string {
  const program = findChecker('fsck.hfsplus');
  if (program === null) return '';
  const image = sparseImageFile(device);
  runChecker(program, ['-fy', image]);
  return fsckHfsplus(image);
}

describe('every kind of operation', () => {
  // In a catalog a name that a sector does not hold is a name like others.
  const kinds = OPERATIONS.filter(({ name }) => !name.includes('sector'));

  test.each(kinds.map((operation) => [operation.name, operation] as const))('%s', (_, { before, run }) => {
    const disk = new Disk(type, 'each');
    before?.(disk);
    const { problems, images } = judge(disk, run, null);
    expect(problems).toEqual([]);
    expect(images).toBeGreaterThan(0);
  });

  test.each([hfsplus, hfsx])('writeback: a mixed batch', (format) => {
    const disk = new Disk({ ...type, format }, 'writeback');
    mixedBefore(disk);
    disk.volume.sync();
    const { problems, damaged } = judge(disk, (changed) => mixed(changed).volume.sync(), null);
    expect(problems).toEqual([]);
    expect(damaged, 'order alone does not keep trees whole').toBeGreaterThan(0);
  });
});

interface Scenario {
  readonly before?: (disk: Disk) => void;
  readonly run: (disk: Disk) => void;
  readonly mustReturnDurable?: true;
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'hfs+: the volume says that it is in use before anything changes': {
    before: (d) => d.remount(),
    run: (d) => d.create('early'),
  },
  'hfs+: blocks are in use and filled before a record names them': {
    before: (d) => d.create('target'),
    run: (d) => d.write('target', 0, data(5000, 1)),
  },
  'hfs+: no record names the blocks before they become free': {
    before: (d) => d.put('target', data(5000, 1)),
    run: (d) => d.unlink('target'),
  },
  'hfs+: everything else before the header that says clean': {
    run: (d) => d.create('late').unmount(),
  },
  'hfs+: the volume is unmounted': { run: (d) => d.create('late').unmount(), mustReturnDurable: true },
  'hfs+: sync': { run: (d) => d.create('late').volume.sync(), mustReturnDurable: true },
};

describe('without one barrier the judge sees it', () => {
  test.each(Object.entries(SCENARIOS))('%s', (barrier, { before, run, mustReturnDurable }) => {
    const judged = (forgotten: string | null) => {
      const disk = new Disk(type, 'each');
      before?.(disk);
      return judge(disk, run, forgotten, mustReturnDurable).problems;
    };
    expect(judged(null)).toEqual([]);
    expect(judged(barrier).length).toBeGreaterThan(0);
  });
});
