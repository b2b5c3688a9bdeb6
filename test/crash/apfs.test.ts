import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { crashImages } from '../../src/engine/device/crash.ts';
import { PROFILES } from '../../src/engine/device/profile.ts';
import type { Store } from '../../src/engine/device/store.ts';
import { Tape } from '../../src/engine/device/tape.ts';
import type { Volume, VolumeNode } from '../../src/engine/formats/contract.ts';
import { apfs } from '../../src/engine/formats/apfs/index.ts';
import { fsckApfsAfterPowerCut } from '../support/checkers.ts';
import { sparseImageFile } from '../support/formats.ts';
import { has, MORE, WRITE_TO_COMPRESSED } from './apfs-operations.ts';
import { data, Disk, isMountable, makeVolume, options, readAll } from './disk.ts';
import type { CrashType } from './disk.ts';
import { forgetBarrier } from './forgetful.ts';
import { digestOf, expectBeforeOrAfter, judged } from './judge.ts';
import { mixed, mixedBefore, OPERATIONS } from './operations.ts';

/**
 * Goal: wherever the power fails, the container mounts without repair and is exactly one of the states that were
 * committed: every file, attribute and snapshot. apfsck finds nothing (without -c, which wants to know whether somebody
 * unmounted), our fsck nothing but that.
 * Method: after every barrier the disk is mounted and written down; each crash image must be one of these states. The
 * barriers are taken away in turn, and the same judge must then find something.
 */
const APFS: CrashType = {
  name: 'APFS',
  format: apfs,
  sizeBytes: 16 << 20,
  blockSizeBytes: 4096,
  settings: {},
  profile: PROFILES.nvme,
};
/** A block of the container is eight of the disk's, and a power cut may tear it. */
const SMALL_SECTORS: CrashType = {
  ...APFS,
  name: 'APFS on sectors of 512 bytes',
  blockSizeBytes: 512,
  profile: PROFILES.hdd,
};
const FOLDER = new URL('../../src/engine/formats/apfs/', import.meta.url);

// ── states ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const NO_TIMES = { seconds: 0, nanoseconds: 0 };

/** Everything a volume shows, a line an entry; and the same of each snapshot. */
function stateOf(store: Store): string {
  const container = has(apfs.openContainer)(store.fork(), options('each', true));
  const { index, snapshots } = has(container.volumes()[0]);
  const live = container.mountVolume(index, { isReadOnly: true });
  const lines = [`label ${live.label}`, ...linesOf(live)];
  for (const { name } of snapshots) {
    lines.push(
      `snapshot ${name}`,
      ...linesOf(container.mountVolume(index, { isReadOnly: true, snapshot: name })),
    );
  }
  return lines.join('\n');
}

function linesOf(volume: Volume): string[] {
  const lines: string[] = [];
  const visit = (directory: VolumeNode, path: string): void => {
    for (const { name, type } of volume.list(directory, null, 10_000).entries) {
      const node = has(volume.lookup(directory, name));
      const { inode, ...attributes } = volume.attributes(node);
      lines.push(`${path}${name} ${inode} ${JSON.stringify({ ...attributes, accessTime: NO_TIMES })}`);
      for (const attribute of volume.listExtendedAttributes?.(node) ?? []) {
        lines.push(
          ` ${attribute} ${sum(volume.getExtendedAttribute?.(node, attribute) ?? new Uint8Array(0))}`,
        );
      }
      if (type === 'directory') visit(node, `${path}${name}/`);
      else if (type === 'symlink') lines.push(` -> ${volume.readLink?.(node)}`);
      else if (type === 'file') {
        const bytes = new Uint8Array(attributes.sizeBytes);
        volume.read(node, 0, bytes);
        lines.push(` ${sum(bytes)}`);
      }
    }
  };
  visit(volume.root, '');
  return lines.sort();
}

const sum = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

/** Record `run` on the disk, with the state after every barrier. */
function record(disk: Disk, run: (disk: Disk) => void): { tape: Tape; before: Store; states: Set<string> } {
  const { store } = disk;
  const before = store.fork();
  const states = new Set([stateOf(before)]);
  const tape = new Tape(disk.type.blockSizeBytes);
  store.tape = tape;
  disk.remember();
  const { barrier } = store;
  store.barrier = (reason) => {
    barrier.call(store, reason);
    store.tape = null;
    states.add(stateOf(store));
    store.tape = tape;
  };
  run(disk);
  store.barrier = barrier;
  store.tape = null;
  return { tape, before, states };
}

const rules = { verdict: (device: Store) => fsckApfsAfterPowerCut(sparseImageFile(device)) };

interface Case {
  readonly type: CrashType;
  readonly before?: (disk: Disk) => void;
  readonly run: (disk: Disk) => void;
  readonly policy?: 'each' | 'writeback';
  /** Why apfsck cannot judge what is on the disk. */
  readonly unjudged?: string;
}

/** Nobody has unmounted; a file waits to be deleted or cut; a superblock that the cut tore is none. */
const HARMLESS = ['dirty', 'orphan', 'truncation', 'old-checkpoint'];
const isSerious = ({ kind }: { kind: string }) => !HARMLESS.includes(kind);

/** Besides, one operation is one state or the other of every file, from its first byte to its last. */
function expectWholeFiles(
  now: Map<string, Uint8Array>,
  before: Map<string, Uint8Array>,
  disk: Disk,
  policy: 'each' | 'writeback',
  description: string,
): void {
  expectBeforeOrAfter(now, before, disk, description);
  if (policy === 'writeback') return;
  for (const [path, bytes] of now) {
    const isWhole = has(disk.ever.get(path)).some((state) => sameBytes(state, bytes));
    expect(isWhole, `${path} of ${bytes.length} bytes: ${description}`).toBe(true);
  }
}

function crash(
  { type, before, run, policy = 'each', unjudged }: Case,
  verdicts: Map<string, string>,
): number {
  const disk = new Disk(type, policy);
  before?.(disk);
  if (policy === 'writeback') disk.volume.sync();
  const contentsBefore = new Map(disk.contents);
  const { tape, before: start, states } = record(disk, run);
  let images = 0;
  const seen = new Set<string>();
  /** States of which every file has been read: a state has a digest of each. */
  const read = new Set<string>();
  const { judgeEvery, ...sampling } = has(SAMPLING[type.blockSizeBytes]);
  const how = { profile: type.profile, seed: 7, ...sampling };
  for (const { device, description } of crashImages(start, tape, { from: 0, to: tape.length }, how)) {
    images++;
    const digest = digestOf(device);
    if (seen.has(digest)) continue;
    seen.add(digest);
    const { findings } = type.format.fsck(device, { repair: false });
    expect(findings.filter(isSerious), description).toEqual([]);
    const state = stateOf(device);
    expect(states.has(state), `a state of its own: ${description}`).toBe(true);
    if (!read.has(state)) {
      read.add(state);
      expectWholeFiles(readAll(type, device), contentsBefore, disk, policy, description);
    }
    if (seen.size % judgeEvery === 1 && unjudged === undefined)
      expect(judged(device, rules, verdicts), description).toBe('');
  }
  return images;
}

/** Of each stretch between barriers, by block size: with small sectors there are eight times as many places to cut. */
const SAMPLING: Readonly<Record<number, { exhaustiveMax: number; samples: number; judgeEvery: number }>> = {
  4096: { exhaustiveMax: 5, samples: 4, judgeEvery: 12 },
  512: { exhaustiveMax: 4, samples: 4, judgeEvery: 16 },
};

/** For the same reason one operation in three will do there. */
const operationsOf = (type: CrashType) =>
  [...OPERATIONS, ...MORE].filter((_, i) => type === APFS || i % 3 === 0);

describe.each([APFS, SMALL_SECTORS])('$name', (type) => {
  const verdicts = new Map<string, string>();

  test.each(operationsOf(type).map((operation) => [operation.name, operation] as const))(
    'each: %s',
    (_, { before, run }) => {
      expect(crash({ type, run, ...(before === undefined ? {} : { before }) }, verdicts)).toBeGreaterThan(0);
    },
  );

  test('each: a compressed file is written to', () => {
    const unjudged = 'it does not know compressed files';
    expect(crash({ type, ...WRITE_TO_COMPRESSED, unjudged }, verdicts)).toBeGreaterThan(0);
  });

  test('writeback: a mixed batch', () => {
    const run = (disk: Disk): void => mixed(disk).volume.sync();
    expect(crash({ type, before: mixedBefore, run, policy: 'writeback' }, verdicts)).toBeGreaterThan(10);
  });

  test.each(['sync', 'unmount'] as const)('%s returns when all is on the medium', (call) => {
    const disk = new Disk(type, 'writeback');
    disk.put('late', data(900, 1));
    const tape = new Tape(type.blockSizeBytes);
    disk.store.tape = tape;
    disk.volume[call]();
    expect(tape.kindAt(tape.length - 1)).toBe('barrier');
  });
});

/** Mounted so that blocks nobody shares are overwritten where they lie: then a write is not one of two states. */
const IN_PLACE: CrashType = {
  ...APFS,
  format: { ...apfs, mount: (store, how) => apfs.mount(store, { ...how, overwritesInPlace: true }) },
};

test.each(['own', 'shared'])(
  'in place: a write into blocks of its own or shared (%s) spoils nothing else',
  (path) => {
    const [old, fresh] = [data(40_960, 1), data(12_288, 2)];
    const disk = new Disk(IN_PLACE, 'each').put('own', old).put('shared', old);
    const node = has(disk.volume.lookup(disk.volume.root, 'shared'));
    disk.volume.clone?.(node, disk.volume.root, 'clone', null);
    disk.contents.set('clone', old);
    const others = [...disk.contents].filter(([other]) => other !== path);
    const before = disk.store.fork();
    const tape = new Tape(APFS.blockSizeBytes);
    disk.store.tape = tape;
    disk.write(path, 8192, fresh);
    disk.store.tape = null;
    const after = has(disk.contents.get(path));
    const seen = { old: 0, fresh: 0, mixed: 0 };
    const verdicts = new Map<string, string>();
    const how = { profile: APFS.profile, seed: 7, exhaustiveMax: 4, samples: 12 };
    let images = 0;
    for (const { device, description } of crashImages(before, tape, { from: 0, to: tape.length }, how)) {
      expect(apfs.fsck(device, { repair: false }).findings.filter(isSerious), description).toEqual([]);
      if (images++ % 8 === 0) expect(judged(device, rules, verdicts), description).toBe('');
      const now = readAll(APFS, device);
      for (const [other, bytes] of others)
        expect(sameBytes(has(now.get(other)), bytes), `${other}: ${description}`).toBe(true);
      const blocks = [2, 3, 4].map((block) => {
        const bytes = has(now.get(path)).subarray(block * 4096, (block + 1) * 4096);
        return [old, after].map((state) =>
          sameBytes(bytes, state.subarray(block * 4096, (block + 1) * 4096)),
        );
      });
      expect(
        blocks.every((is) => is.includes(true)),
        description,
      ).toBe(true);
      if (blocks.every(([isOld]) => isOld)) seen.old++;
      else if (blocks.every(([, isFresh]) => isFresh)) seen.fresh++;
      else seen.mixed++;
    }
    expect(seen.old).toBeGreaterThan(0);
    expect(seen.fresh).toBeGreaterThan(0);
    // Blocks that somebody shares are never overwritten: there it is one or the other.
    expect(seen.mixed > 0).toBe(path === 'own');
  },
);

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

// ── barriers ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What is wrong with the disks that a power cut can leave when the barrier with this reason is forgotten. */
function problemsWithout(
  reason: string | null,
  run: (disk: Disk) => void,
  policy: 'each' | 'writeback',
): string[] {
  const disk = new Disk(APFS, policy);
  disk.put('target', data(30_000, 1));
  disk.volume.sync();
  const { store } = disk;
  const before = store.fork();
  const tape = new Tape(APFS.blockSizeBytes);
  store.tape = tape;
  if (reason !== null) forgetBarrier(store, reason);
  run(disk);
  store.tape = null;
  const problems: string[] = [];
  if (tape.kindAt(tape.length - 1) !== 'barrier') problems.push('it returns before all is on the medium');
  const how = { profile: APFS.profile, seed: 3, exhaustiveMax: 4, samples: 40 };
  for (const { device, description } of crashImages(before, tape, { from: 0, to: tape.length }, how)) {
    if (problems.length > 0) break;
    if (!isMountable(APFS, device)) problems.push(`it does not mount: ${description}`);
    else {
      const { findings } = apfs.fsck(device, { repair: false });
      const worse = findings.filter(isSerious);
      if (worse.length > 0) problems.push(`${worse[0]?.message}: ${description}`);
    }
  }
  return problems;
}

const SCENARIOS: readonly [string, (disk: Disk) => void][] = [
  [
    'each call commits',
    (d) => d.write('target', 0, data(9000, 2)).unlink('kept.bin').put('late', data(9000, 3)),
  ],
  ['unmounting', (d) => d.put('late', data(900, 2)).unmount()],
];

/** Of newfs and fsck: proved beside them. */
const ELSEWHERE = /^(newfs|fsck)/;

describe('every barrier of a mounted container is needed', () => {
  const reasons = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.ts') && !ELSEWHERE.test(name))
    .flatMap((name) => [...readFileSync(new URL(name, FOLDER), 'utf8').matchAll(/\bbarrier\(\s*'([^']+)'/g)])
    .map(([, reason = '']) => reason);

  test('there are some, each with its reason', () => {
    expect(reasons.length).toBeGreaterThanOrEqual(2);
    expect(new Set(reasons).size).toBe(reasons.length);
  });

  test.each(SCENARIOS)('%s: with all of them nothing goes wrong', (_, run) => {
    expect(problemsWithout(null, run, 'each')).toEqual([]);
  });

  test.each(reasons)('%s', (reason) => {
    const problems = SCENARIOS.flatMap(([, run]) => problemsWithout(reason, run, 'each'));
    expect(problems).not.toEqual([]);
  });
});

test('newfs leaves a clean container or none', () => {
  const old = new Disk(APFS, 'each');
  old.unmount();
  const before = old.store.fork();
  const tape = new Tape(APFS.blockSizeBytes);
  old.store.tape = tape;
  makeVolume(old.store, APFS, 'LABEL');
  const labels = new Set<string>();
  const verdicts = new Map<string, string>();
  const how = { profile: APFS.profile, seed: 7, exhaustiveMax: 6, samples: 30 };
  for (const { device, description } of crashImages(before, tape, { from: 0, to: tape.length }, how)) {
    if (!isMountable(APFS, device)) {
      labels.add('none');
      continue;
    }
    labels.add(apfs.mount(device, options('each', true)).label);
    expect(apfs.fsck(device, { repair: false }).findings, description).toEqual([]);
    expect(judged(device, rules, verdicts), description).toBe('');
  }
  expect(labels.has('LABEL')).toBe(true);
  expect([...labels].filter((label) => !['OLD', 'none', 'LABEL'].includes(label))).toEqual([]);
});
