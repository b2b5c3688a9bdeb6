import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/engine/device/store.ts';
import { Tape } from '../../src/engine/device/tape.ts';
import type { Finding } from '../../src/engine/formats/contract.ts';
import { Disk, data, emptyStore, imagesOf, isMountable, makeVolume, readAll } from './disk.ts';
import type { CrashType } from './disk.ts';
import { OPERATIONS, mixed, mixedBefore } from './operations.ts';
import type { Window } from './operations.ts';

/**
 * Power cuts on a format without a journal. Each kind of operation is recorded on a disk that does requests between
 * barriers in any order. Of every legal image the format's fsck may find nothing but leaks, its repair satisfies the
 * reference checker, and all contents are before-or-after.
 */
const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0);

/** What a format's crash images may show, and who judges them. */
export interface CrashRules {
  /** Findings that only cost space: legal at any moment. */
  readonly leaks: readonly string[];
  readonly windows: Readonly<Record<Window, readonly string[]>>;
  /** What the reference checker says of a repaired disk; '' for clean. */
  readonly verdict: (device: Store) => string;
  /** One in so many is shown to it; our own fsck looks at all. */
  readonly judgeEvery: number;
  /** newfs makes sure that an older volume is gone before it writes another. */
  readonly clearsFirst?: true;
  /** Findings that nothing needs to warn of. */
  readonly isHarmless?: (findings: readonly Finding[]) => boolean;
  /** More that must hold of the kinds found. */
  readonly expectMore?: (kinds: readonly string[], description: string) => void;
}

/** Record `run` and judge every disk that a power cut can leave. Returns how many there were. */
export function crash(
  disk: Disk,
  run: (disk: Disk) => void,
  windows: readonly Window[],
  rules: CrashRules,
  verdicts: Map<string, string>,
): number {
  const { fsck } = disk.type.format;
  const before = disk.store.fork();
  const contentsBefore = new Map(disk.contents);
  const tape = new Tape(disk.type.blockSizeBytes);
  disk.store.tape = tape;
  disk.remember();
  run(disk);
  disk.store.tape = null;

  const allowed = new Set([...rules.leaks, ...windows.flatMap((window) => rules.windows[window])]);
  let images = 0;
  for (const { device, description } of imagesOf(before, tape, disk.type)) {
    images++;
    const report = fsck(device, { repair: false });
    const kinds = report.findings.map(({ kind }) => kind);
    if (kinds.length > 0 && !rules.isHarmless?.(report.findings)) {
      expect(kinds, `nothing warns of it: ${description}`).toContain('dirty');
    }
    rules.expectMore?.(kinds, description);
    const worse = report.findings.filter(({ kind }) => !allowed.has(kind));
    expect(worse, description).toEqual([]);

    const repair = fsck(device, { repair: true });
    expect(
      repair.findings.every((finding) => finding.isRepaired),
      description,
    ).toBe(true);
    expect(fsck(device, { repair: false }).findings, description).toEqual([]);
    if (images % rules.judgeEvery === 1) expect(judged(device, rules, verdicts), description).toBe('');
    expectBeforeOrAfter(readAll(disk.type, device), contentsBefore, disk, description);
  }
  return images;
}

/** The reference checker's verdict; disks are often equal, and are asked about once. */
export function judged(
  device: Store,
  rules: Pick<CrashRules, 'verdict'>,
  verdicts: Map<string, string>,
): string {
  const key = digestOf(device);
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  const verdict = rules.verdict(device);
  verdicts.set(key, verdict);
  return verdict;
}

const PIECE_BYTES = 65_536;

/** Of all that a disk holds: of its pieces in which anything is stored. */
export function digestOf(device: Store): string {
  const pieceBlocks = PIECE_BYTES / device.blockSizeBytes;
  const piece = new Uint8Array(PIECE_BYTES);
  const hash = createHash('sha1');
  for (let at = device.nextStored(0); at < device.blockCount;) {
    const first = at - (at % pieceBlocks);
    const bytes = piece.subarray(0, Math.min(pieceBlocks, device.blockCount - first) * device.blockSizeBytes);
    device.read(first, bytes);
    hash.update(`${first}`).update(bytes);
    at = device.nextStored(first + pieceBlocks);
  }
  return hash.digest('hex');
}

/** No byte of any file is one that it never had; what the operation left alone is whole; nothing renamed is gone. */
export function expectBeforeOrAfter(
  now: Map<string, Uint8Array>,
  before: Map<string, Uint8Array>,
  { contents: after, ever }: Disk,
  description: string,
): void {
  for (const [path, bytes] of now) {
    const states = ever.get(path) ?? [];
    expect(states.length, `${path} was never there: ${description}`).toBeGreaterThan(0);
    const wrong = bytes.findIndex((byte, i) => !states.some((state) => state[i] === byte));
    expect(wrong, `${path} of ${bytes.length} bytes: ${description}`).toBe(-1);
  }
  for (const [path, bytes] of before) {
    if (ever.get(path)?.length === 1 && same(bytes, after.get(path))) {
      expect(same(now.get(path), bytes), `${path}: ${description}`).toBe(true);
    }
    const isKept = bytes.length > 0 && [...after.values()].some((late) => same(late, bytes));
    if (isKept) {
      const isThere = [...now.values()].some((late) => same(late, bytes));
      expect(isThere, `${path} is gone: ${description}`).toBe(true);
    }
  }
}

/** The tests that every format passes. */
export function describeCrashes(
  types: readonly CrashType[],
  more: readonly CrashType[],
  rules: CrashRules,
): void {
  describe.each(types)('$name', (type) => {
    const verdicts = new Map<string, string>();

    test.each(OPERATIONS.map((operation) => [operation.name, operation] as const))(
      'each: %s',
      (_, { before, run, window }) => {
        const disk = new Disk(type, 'each');
        before?.(disk);
        expect(crash(disk, run, window ? [window] : [], rules, verdicts)).toBeGreaterThan(0);
      },
    );

    test('newfs leaves a clean volume or none', () => {
      const store = emptyStore(type);
      const label = { role: 'data', owner: '', reason: 'what was there before' } as const;
      for (let block = 0; block < 600; block += 2)
        store.write(block, data(type.blockSizeBytes, block), label);
      const before = store.fork();
      const tape = new Tape(type.blockSizeBytes);
      store.tape = tape;
      makeVolume(store, type, 'LABEL');
      let [none, clean] = [0, 0];
      for (const { device, description } of imagesOf(before, tape, type)) {
        if (!isMountable(type, device)) {
          none++;
          continue;
        }
        clean++;
        expect(type.format.fsck(device, { repair: false }).findings, description).toEqual([]);
        expect(judged(device, rules, verdicts), description).toBe('');
      }
      expect(Math.min(none, clean)).toBeGreaterThan(0);
      expect(tape.kindAt(tape.length - 1), 'newfs returns when all is on the medium').toBe('barrier');
    });

    test('newfs over another volume leaves that one, none or the new one', () => {
      if (!rules.clearsFirst) return;
      const old = new Disk(type, 'each');
      old.unmount();
      const before = old.store.fork();
      const tape = new Tape(type.blockSizeBytes);
      old.store.tape = tape;
      makeVolume(old.store, type, 'LABEL');
      const seen = new Set<number>();
      for (const { device, description } of imagesOf(before, tape, type)) {
        if (!isMountable(type, device)) continue;
        expect(type.format.fsck(device, { repair: false }).findings, description).toEqual([]);
        const now = readAll(type, device);
        for (const [path, bytes] of now) expect(same(bytes, old.contents.get(path)), description).toBe(true);
        seen.add(now.size);
      }
      expect(seen).toEqual(new Set([0, old.contents.size]));
    });

    test.each(['sync', 'unmount'] as const)('%s returns when all is on the medium', (call) => {
      const disk = new Disk(type, 'writeback');
      disk.put('late', data(900, 1));
      const tape = new Tape(type.blockSizeBytes);
      disk.store.tape = tape;
      disk.volume[call]();
      expect(tape.length).toBeGreaterThan(1);
      expect(tape.kindAt(tape.length - 1)).toBe('barrier');
    });
  });

  describe.each([...types, ...more])('$name', (type) => {
    test('writeback: a mixed batch', () => {
      const disk = new Disk(type, 'writeback');
      mixedBefore(disk);
      disk.volume.sync();
      const run = (changed: Disk): void => mixed(changed).volume.sync();
      expect(crash(disk, run, ['two names', 'two places'], rules, new Map())).toBeGreaterThan(50);
    });
  });
}
