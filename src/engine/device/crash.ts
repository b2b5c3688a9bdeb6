import { Prng } from '../base/prng.ts';
import type { Profile } from './profile.ts';
import type { Store } from './store.ts';
import type { Tape, TapeRange } from './tape.ts';

/**
 * Power cuts. A device may do the requests between two barriers in any order and may be cut off at any moment, so what
 * the next start finds is: every epoch before the cut, whole; of the epoch it hit, any set of its requests; and of one
 * request in flight, its first blocks and perhaps a piece of the block behind them. Two requests for the same block are
 * never done in the wrong order (a cache would merge them), and what the profile calls atomic is never cut.
 */
export interface CrashImage {
  /** The disk after the cut. Free to be changed; gone when the next image is asked for. */
  readonly device: Store;
  /** One sentence: 'Power cut in epoch 2 of 5 (before "FAT before directory"): 1 of 3 requests done: #4.' */
  readonly description: string;
}

export interface CrashOptions {
  readonly profile: Profile;
  readonly seed: number;
  /** Epochs of at most so many requests are gone through set by set; larger ones are sampled. */
  readonly exhaustiveMax?: number;
  /** Random sets per sampled epoch, beside none, all, each prefix, each one missing and each one alone. */
  readonly samples?: number;
}

const EXHAUSTIVE_MAX = 12;
const SAMPLES = 64;
/** Places to cut one long request at: all of a short one, else the ends, the middle and chance. */
const CUTS_MAX = 8;
const SECTOR_BYTES = 512;

interface Epoch {
  readonly number: number;
  /** Requests, as entries of the tape; no barriers. */
  readonly entries: readonly number[];
  /** The barrier that ends it; 'the end of the recording' for the last. */
  readonly ending: string;
}

/** What is left of one request: its first `blocks`, then some bytes of the next block. */
interface Cut {
  readonly entry: number;
  readonly blocks: number;
  readonly torn: Torn | null;
}

interface Torn {
  /** One bit per sector of the block: set means new. */
  readonly newSectors: number;
  readonly isGarbage: boolean;
}

/** Every legal disk after a power cut while entries of `range` were under way; `before` is the state at its start. */
export function* crashImages(
  before: Store,
  tape: Tape,
  range: TapeRange,
  options: CrashOptions,
): Generator<CrashImage> {
  const random = new Prng(options.seed);
  const epochs = epochsOf(tape, range);
  const base = before.fork();
  for (const epoch of epochs) {
    const where = `Power cut in epoch ${epoch.number} of ${epochs.length} (before ${epoch.ending})`;
    const total = epoch.entries.length;
    for (const done of setsOf(epoch, options, random)) {
      // Nothing done here is everything done in the epoch before, which has been shown.
      if (done.length === 0 && epoch.number > 1) continue;
      const numbers = done.map((entry) => `#${entry - range.from}`).join(' ');
      const list = done.length === 0 || done.length === total ? '' : `: ${numbers}`;
      yield* shown(
        base,
        tape,
        done,
        null,
        random,
        `${where}: ${done.length} of ${total} requests done${list}.`,
      );
    }
    for (const { done, cut } of cutsOf(epoch, tape, options.profile, random)) {
      const torn = cut.torn === null ? '' : ` and ${cut.torn.isGarbage ? 'garbage' : 'a part'} of the next`;
      const text = `#${cut.entry - range.from} cut after ${cut.blocks} of ${tape.blockCountAt(cut.entry)} blocks${torn}`;
      yield* shown(
        base,
        tape,
        done,
        cut,
        random,
        `${where}: ${done.length} of ${total} requests done, ${text}.`,
      );
    }
    for (const entry of epoch.entries) base.replay(tape, { from: entry, to: entry + 1 });
  }
  base.discard();
}

function* shown(
  base: Store,
  tape: Tape,
  done: readonly number[],
  cut: Cut | null,
  random: Prng,
  description: string,
): Generator<CrashImage> {
  const device = base.fork();
  const requests = cut === null ? done : [...done, cut.entry].sort((a, b) => a - b);
  for (const entry of requests) {
    if (entry === cut?.entry) applyCut(device, tape, cut, random);
    else device.replay(tape, { from: entry, to: entry + 1 });
  }
  yield { device, description };
  device.discard();
}

function applyCut(device: Store, tape: Tape, cut: Cut, random: Prng): void {
  device.replayPart(tape, cut.entry, cut.blocks);
  if (cut.torn === null) return;
  const block = tape.firstBlockAt(cut.entry) + cut.blocks;
  const bytes = new Uint8Array(device.blockSizeBytes);
  const fresh = new Uint8Array(device.blockSizeBytes);
  device.read(block, bytes);
  device.readRecorded(tape, cut.entry, cut.blocks, fresh);
  for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
    if (cut.torn.isGarbage) bytes.set(random.bytes(SECTOR_BYTES), at);
    else if (cut.torn.newSectors & (1 << (at / SECTOR_BYTES)))
      bytes.set(fresh.subarray(at, at + SECTOR_BYTES), at);
  }
  device.write(block, bytes, { role: 'data', owner: '', reason: 'torn by the power cut' });
}

function epochsOf(tape: Tape, { from, to }: TapeRange): Epoch[] {
  const epochs: Epoch[] = [];
  let entries: number[] = [];
  const close = (ending: string) => {
    if (entries.length > 0) epochs.push({ number: epochs.length + 1, entries, ending });
    entries = [];
  };
  for (let i = from; i < to; i++) {
    if (tape.kindAt(i) === 'barrier') close(`"${tape.entry(i).reason}"`);
    else entries.push(i);
  }
  close('the end of the recording');
  return epochs;
}

/** Sets of requests that may be on the medium, each in the order of the tape. */
function* setsOf(epoch: Epoch, options: CrashOptions, random: Prng): Generator<number[]> {
  const { entries } = epoch;
  const count = entries.length;
  if (count <= (options.exhaustiveMax ?? EXHAUSTIVE_MAX)) {
    for (let set = 0; set < 2 ** count; set++) yield entries.filter((_, i) => set & (1 << i));
    return;
  }
  for (let length = 0; length <= count; length++) yield entries.slice(0, length);
  for (let i = 0; i < count; i++) {
    if (i > 0) yield entries.slice(i, i + 1); // the first one alone is a prefix
    if (i < count - 1) yield entries.toSpliced(i, 1); // all but the last are one, too
  }
  for (let i = 0; i < (options.samples ?? SAMPLES); i++) yield entries.filter(() => random.below(2) === 1);
}

/** One request caught half-way: with everything before it done and nothing after it, and with all others done. */
function* cutsOf(
  epoch: Epoch,
  tape: Tape,
  profile: Profile,
  random: Prng,
): Generator<{ done: readonly number[]; cut: Cut }> {
  const { entries } = epoch;
  for (const [i, entry] of entries.entries()) {
    const companies = [entries.slice(0, i), ...(i === entries.length - 1 ? [] : [entries.toSpliced(i, 1)])];
    for (const cut of cutsOfEntry(entry, tape, profile, random)) {
      for (const done of companies) yield { done, cut };
    }
  }
}

function* cutsOfEntry(entry: number, tape: Tape, profile: Profile, random: Prng): Generator<Cut> {
  const count = tape.blockCountAt(entry);
  const isTrim = tape.kindAt(entry) === 'trim';
  for (const blocks of placesToCut(count, random)) {
    if (blocks > 0) yield { entry, blocks, torn: null };
    if (isTrim) continue;
    for (const torn of tears(tape.blockSizeBytes, profile, random)) yield { entry, blocks, torn };
  }
}

/** How many of `count` blocks are whole: 0 … count − 1, or a selection of those. */
function placesToCut(count: number, random: Prng): number[] {
  if (count <= CUTS_MAX) return Array.from({ length: count }, (_, i) => i);
  const places = new Set([0, 1, Math.floor(count / 2), count - 1]);
  while (places.size < CUTS_MAX) places.add(random.below(count));
  return [...places].sort((a, b) => a - b);
}

/** Ways in which one block is neither old nor new: its first sectors, its last sectors, a set by chance, garbage. */
function* tears(blockSizeBytes: number, profile: Profile, random: Prng): Generator<Torn> {
  if (profile.tornBlock === 'garbage') yield { newSectors: 0, isGarbage: true };
  if (blockSizeBytes <= profile.atomicBytes) return;
  const sectors = blockSizeBytes / SECTOR_BYTES;
  const all = 2 ** sectors - 1;
  for (let written = 1; written < sectors; written++) {
    yield { newSectors: 2 ** written - 1, isGarbage: false };
    yield { newSectors: all - (2 ** written - 1), isGarbage: false };
  }
  yield { newSectors: 1 + random.below(all - 1), isGarbage: false };
}
