import { FROM_BACKING, slotOf, ZEROS, type Slots } from './slots.ts';
import type { Geometry, Store, Version } from './store.ts';
import { BlockTree, FAN_OUT, Inner, Leaf, type Child } from './tree.ts';

/**
 * What a disk holds, as plain data to be kept elsewhere: chunks of CHUNK_BYTES with the bytes that are stored, and
 * references for everything that is computed. A terabyte of noise is one line here too.
 *
 * `changesBetween` compares two versions by the structure they share: its cost follows what differs. Put into a store
 * in the order in which they were taken (`putBlocks`), the changes make the same disk again.
 */
export interface SavedContent {
  readonly kind: SavedKind;
  /** Of a random stream: its seed, and which byte of it byte 0 of the device would be. */
  readonly seed: number;
  readonly originBytes: number;
}

/** 'backing': what the image below holds. 'zero' is said over a backing too, and means zeros. */
export type SavedKind = 'backing' | 'zero' | 'generated' | 'stored';

/** A stretch of whole chunks, all with one content that needs no bytes. */
export interface SavedCover extends SavedContent {
  readonly firstBlock: number;
  readonly blockCount: number;
}

/** Everything a chunk holds. */
export interface SavedChunk {
  readonly index: number;
  /** Per run of blocks: number of its kind in SAVED_KINDS, block count, seed, originBytes. */
  readonly runs: Float64Array<ArrayBuffer>;
  /** The stored blocks, one behind the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Covers come first, then chunks: each replaces all that was there before. */
export interface SavedBlocks {
  readonly covers: readonly SavedCover[];
  readonly chunks: readonly SavedChunk[];
}

export const SAVED_KINDS: readonly SavedKind[] = ['backing', 'zero', 'generated', 'stored'];
export const CHUNK_BYTES = 2 ** 18;
/** Numbers of a run in `SavedChunk.runs`. */
const RUN_FIELDS = 4;

/** A whole number of leaves, and a whole number of them in an inner node: 512-byte and 4096-byte blocks both fit. */
export const blocksPerChunk = ({ blockSizeBytes }: { blockSizeBytes: number }): number =>
  CHUNK_BYTES / blockSizeBytes;

/** What has to be put on `before` (null: an untouched disk) to have `after`. */
export function changesBetween(geometry: Geometry, before: Version | null, after: Version): SavedBlocks {
  const found = new Differences(geometry);
  found.compare(before?.root ?? FROM_BACKING, after.root);
  const reader = new ChunkReader(geometry, after);
  return {
    covers: found.covers.map(({ firstBlock, blockCount, value }) => ({
      ...{ firstBlock, blockCount },
      ...contentOf(value, after.slots),
    })),
    chunks: [...found.chunks].map((index) => reader.read(index)),
  };
}

/** True when two stores of one size hold the same bytes; reads what their versions do not share. */
export function holdSameBytes(a: Store, b: Store): boolean {
  const { covers, chunks } = changesBetween(a, a.version(), b.version());
  const perChunk = blocksPerChunk(a);
  const ranges = [
    ...chunks.map(({ index }) => ({ firstBlock: index * perChunk, blockCount: perChunk })),
    ...covers,
  ];
  return ranges.every(({ firstBlock, blockCount }) => {
    const end = Math.min(firstBlock + blockCount, a.blockCount);
    for (let block = Math.min(a.nextStored(firstBlock), b.nextStored(firstBlock)); block < end;) {
      const count = Math.min(perChunk, end - block);
      if (!areEqual(readOf(a, block, count), readOf(b, block, count))) return false;
      block = Math.min(a.nextStored(block + count), b.nextStored(block + count));
    }
    return true;
  });
}

/** Let `store` hold what was saved. Nothing is recorded: this is no write of anybody. */
export function putBlocks(store: Store, { covers, chunks }: SavedBlocks): void {
  for (const { firstBlock, blockCount, ...content } of covers) store.cover(firstBlock, blockCount, content);
  const perChunk = blocksPerChunk(store);
  for (const { index, runs, bytes } of chunks) {
    let block = index * perChunk;
    let at = 0;
    for (let i = 0; i < runs.length; i += RUN_FIELDS) {
      const [number = 0, blockCount = 0, seed = 0, originBytes = 0] = runs.subarray(i, i + RUN_FIELDS);
      const kind = SAVED_KINDS[number] ?? 'zero';
      if (kind === 'stored') {
        const lengthBytes = blockCount * store.blockSizeBytes;
        store.write(block, bytes.subarray(at, at + lengthBytes), RESTORED);
        at += lengthBytes;
      } else store.cover(block, blockCount, { kind, seed, originBytes });
      block += blockCount;
    }
  }
}

/** Why data from elsewhere cannot be put into a disk of this size; null when it can. */
export function problemOf(geometry: Geometry, { covers, chunks }: SavedBlocks): string | null {
  const { blockCount, blockSizeBytes } = geometry;
  const isWhole = (value: number) => Number.isSafeInteger(value) && value >= 0;
  const isStream = (seed: number, origin: number) =>
    Number.isSafeInteger(seed) && Number.isSafeInteger(origin);
  for (const cover of covers) {
    const { firstBlock, blockCount: count, kind, seed, originBytes } = cover;
    if (!isWhole(firstBlock) || !isWhole(count) || firstBlock + count > blockCount) return OUTSIDE;
    if (kind === 'stored' || !SAVED_KINDS.includes(kind) || !isStream(seed, originBytes)) return UNKNOWN;
  }
  const perChunk = blocksPerChunk(geometry);
  for (const { index, runs, bytes } of chunks) {
    if (!isWhole(index) || index * perChunk >= blockCount) return OUTSIDE;
    let blocks = 0;
    let stored = 0;
    for (let i = 0; i < runs.length; i += RUN_FIELDS) {
      const [kind = -1, count = -1, seed = NaN, origin = NaN] = runs.subarray(i, i + RUN_FIELDS);
      if (SAVED_KINDS[kind] === undefined || !isWhole(count) || !isStream(seed, origin)) return UNKNOWN;
      blocks += count;
      if (SAVED_KINDS[kind] === 'stored') stored += count;
    }
    if (blocks !== Math.min(perChunk, blockCount - index * perChunk)) return OUTSIDE;
    if (stored * blockSizeBytes !== bytes.length) return 'it lacks bytes of a block';
  }
  return null;
}

const OUTSIDE = 'it names blocks that the disk does not have';
const UNKNOWN = 'it holds a kind of content that is not known here';
const RESTORED = { role: 'free', owner: '', reason: 'what was saved comes back' } as const;

function readOf(store: Store, firstBlock: number, blockCount: number): Uint8Array {
  const bytes = new Uint8Array(blockCount * store.blockSizeBytes);
  store.read(firstBlock, bytes);
  return bytes;
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

interface Covered {
  firstBlock: number;
  blockCount: number;
  value: number;
}

/** Walks two trees at once and stays out of what they share. */
class Differences {
  readonly covers: Covered[] = [];
  readonly chunks = new Set<number>();
  readonly #perChunk: number;
  readonly #blockCount: number;
  readonly #levels: number;

  constructor(geometry: Geometry) {
    this.#perChunk = blocksPerChunk(geometry);
    this.#blockCount = geometry.blockCount;
    let levels = 0;
    for (let leaves = 1; leaves * FAN_OUT < geometry.blockCount; leaves *= FAN_OUT) levels++;
    this.#levels = levels;
  }

  compare(before: Child, after: Child): void {
    this.#compare(before, after, this.#levels, 0);
  }

  #compare(before: Child, after: Child, level: number, first: number): void {
    if (before === after || first >= this.#blockCount) return;
    if (after instanceof Leaf) {
      if (differs(before, after)) this.chunks.add(Math.floor(first / this.#perChunk));
      return;
    }
    const span = FAN_OUT ** level;
    if (after instanceof Inner) {
      const old = before instanceof Inner ? before.children : null;
      for (let i = 0; i < FAN_OUT; i++) {
        this.#compare(old?.[i] ?? (before as number), after.children[i]!, level - 1, first + i * span);
      }
    } else if (level === 0) this.chunks.add(Math.floor(first / this.#perChunk));
    else this.#cover(first, Math.min(span * FAN_OUT, this.#blockCount - first), after);
  }

  #cover(firstBlock: number, blockCount: number, value: number): void {
    const last = this.covers.at(-1);
    if (last?.value === value && last.firstBlock + last.blockCount === firstBlock)
      last.blockCount += blockCount;
    else this.covers.push({ firstBlock, blockCount, value });
  }
}

/** Whether a leaf holds anything else than `before`, whoever owns the slots. */
function differs(before: Child, after: Leaf): boolean {
  if (before instanceof Inner) return true;
  for (let i = 0; i < FAN_OUT; i++) {
    const old = typeof before === 'number' ? before : before.values[i]!;
    const value = after.values[i]!;
    if (old !== value && (old <= 0 || slotOf(old) !== slotOf(value))) return true;
  }
  return false;
}

function contentOf(value: number, slots: Slots): SavedContent {
  if (value === FROM_BACKING || value === ZEROS || value > 0) {
    const kind = value > 0 ? 'stored' : value === ZEROS ? 'zero' : 'backing';
    return { kind, seed: 0, originBytes: 0 };
  }
  return { kind: 'generated', ...slots.generatedRun(value) };
}

/** Reads chunks of a version without making a store of it. */
class ChunkReader {
  readonly #geometry: Geometry;
  readonly #slots: Slots;
  readonly #tree: BlockTree;

  constructor(geometry: Geometry, { slots, root }: Version) {
    this.#geometry = geometry;
    this.#slots = slots;
    this.#tree = new BlockTree(geometry.blockCount, slots);
    this.#tree.restore(root);
  }

  read(index: number): SavedChunk {
    const perChunk = blocksPerChunk(this.#geometry);
    const first = index * perChunk;
    const end = Math.min(first + perChunk, this.#geometry.blockCount);
    const runs: number[] = [];
    const slots: { slot: number; count: number }[] = [];
    let stored = 0;
    let lastValue: number | null = null;
    for (let block = first; block < end; block++) {
      const leaf = this.#tree.find(Math.floor(block / FAN_OUT));
      const value = typeof leaf === 'number' ? leaf : leaf.values[block % FAN_OUT]!;
      const isMore = lastValue !== null && (value > 0 ? lastValue > 0 : value === lastValue);
      if (isMore) runs[runs.length - RUN_FIELDS + 1]! += 1;
      else {
        const { kind, seed, originBytes } = contentOf(value, this.#slots);
        runs.push(SAVED_KINDS.indexOf(kind), 1, seed, originBytes);
      }
      if (value > 0) {
        const last = slots.at(-1);
        if (isMore && last !== undefined && last.slot + last.count === slotOf(value)) last.count++;
        else slots.push({ slot: slotOf(value), count: 1 });
        stored++;
      }
      lastValue = value;
    }
    const bytes = new Uint8Array(stored * this.#geometry.blockSizeBytes);
    let at = 0;
    for (const { slot, count } of slots) {
      this.#slots.load(slot, count, bytes, at);
      at += count * this.#geometry.blockSizeBytes;
    }
    return { index, runs: Float64Array.from(runs), bytes };
  }
}
