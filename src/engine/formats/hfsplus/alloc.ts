import { FsError } from '../../base/errno.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import type { Commit } from './commit.ts';
import { blockOffsetBytes } from './layout.ts';
import type { ExtentDescriptor, Geometry } from './layout.ts';
import type { CommitParticipant, DeviceRun, MetadataBuffer } from './metadata.ts';
import type { VolumeHeaderBuffer } from './volume-header.ts';

/**
 * Which allocation blocks are in use: the allocation file, one bit a block, the first block in the highest bit.
 *
 * Promises: a block given out was free on the disk and in memory. A block set free becomes available when the
 * transaction that freed it is on its way to the device, never to the operation that freed it. `freeBlocks` of the
 * volume header counts what is free for the user, waiting blocks included.
 *
 * Pages of the bitmap are read when looked at and kept; each remembers how many free blocks it has, so that full
 * stretches are skipped. Search: at the goal first; else from the header's nextAllocation on for one run that is long
 * enough, within a window; else the longest run seen there. newfs sets nextAllocation behind the metadata zone (room
 * for trees to grow, hot files), which therefore is used for files only when the rest is full. That is all there is
 * of Apple's metadata zone: no hot files, no free-extent cache. Source: TN1150 "Allocation File".
 */
export type BlockRun = ExtentDescriptor;

const PAGE_SIZE_BYTES = 4096;
/** Pages that one search for a long run looks through: 16 pages are 2 GiB of 4 KiB blocks. */
const WINDOW_PAGES = 16;
const UNKNOWN = -1;

interface Page extends MetadataBuffer {
  isDirty: boolean;
}

export class AllocationBitmap implements CommitParticipant {
  readonly #device: Device;
  readonly #geometry: Geometry;
  readonly #header: VolumeHeaderBuffer;
  readonly #commit: Commit;
  /** The allocation file, whole sectors in order. */
  readonly #runs: readonly DeviceRun[];
  readonly #pages = new Map<number, Page>();
  /** Free blocks of each page, or UNKNOWN. */
  readonly #freeInPage: Int32Array;
  readonly #blocksPerPage: number;
  readonly #pageSizeBytes: number;

  /** Set free, but not before the transaction that says so. */
  #waiting: BlockRun[] = [];
  #waitingBlocks = 0;
  #freed: BlockRun[] = [];

  /** `extents`: all of the allocation file, within the volume and large enough (mount checks both). */
  constructor(
    device: Device,
    geometry: Geometry,
    header: VolumeHeaderBuffer,
    extents: readonly ExtentDescriptor[],
    commit: Commit,
  ) {
    this.#device = device;
    this.#geometry = geometry;
    this.#header = header;
    this.#commit = commit;
    this.#runs = extents.map(({ startBlock, blockCount }) => ({
      deviceOffsetBytes: blockOffsetBytes(geometry, startBlock),
      lengthBytes: blockCount * geometry.blockSizeBytes,
    }));
    this.#pageSizeBytes = Math.max(PAGE_SIZE_BYTES, device.blockSizeBytes);
    this.#blocksPerPage = this.#pageSizeBytes * 8;
    this.#freeInPage = new Int32Array(Math.ceil(geometry.totalBlocks / this.#blocksPerPage)).fill(UNKNOWN);
    commit.join(this);
  }

  /** What the volume header says, waiting blocks included. */
  get freeBlocks(): number {
    return this.#header.freeBlocks;
  }

  /** What can be given out now. */
  get availableBlocks(): number {
    return Math.max(0, this.#header.freeBlocks - this.#waitingBlocks);
  }

  /**
   * At the start of an operation, before anything changed: ENOSPC unless so many blocks are there. When they are
   * among those that wait, commits what came before.
   */
  reserve(blocks: number): void {
    if (blocks > this.#header.freeBlocks) {
      throw new FsError('ENOSPC', '', '', `${blocks} blocks are needed, ${this.#header.freeBlocks} are free`);
    }
    if (blocks > this.availableBlocks) this.#commit.flush();
  }

  /**
   * Up to `wantedBlocks`, in as few runs as the search finds, the first at `goalBlock` when that is free. Fewer only
   * when no more are available. `goalBlock` 0: no wish.
   */
  allocate(goalBlock: number, wantedBlocks: number): BlockRun[] {
    const found: BlockRun[] = [];
    let left = Math.min(wantedBlocks, this.availableBlocks);
    if (goalBlock > 0 && goalBlock < this.#geometry.totalBlocks && left > 0) {
      const length = this.#freeLength(goalBlock, left);
      if (length > 0) left -= this.#take(found, goalBlock, length);
    }
    while (left > 0) {
      const run = this.#search(left);
      if (run === undefined) break;
      left -= this.#take(found, run.startBlock, Math.min(run.blockCount, left));
      this.#header.nextAllocation = (run.startBlock + run.blockCount) % this.#geometry.totalBlocks;
    }
    return found;
  }

  /** Blocks that nothing will name any more once this transaction is committed. */
  free(runs: readonly BlockRun[]): void {
    let count = 0;
    for (const run of runs) {
      if (run.blockCount === 0) continue;
      this.#waiting.push(run);
      count += run.blockCount;
      this.#commit.addWaiting();
    }
    this.#waitingBlocks += count;
    this.#header.freeBlocks += count;
  }

  /** Undo an `allocate` of the same operation: nothing names these blocks, they are available again at once. */
  giveBack(runs: readonly BlockRun[]): void {
    for (const { startBlock, blockCount } of runs) {
      this.#mark(startBlock, blockCount, false);
      this.#header.freeBlocks += blockCount;
    }
  }

  isUsed(block: number): boolean {
    const page = this.#page(Math.floor(block / this.#blocksPerPage));
    const bit = block % this.#blocksPerPage;
    return ((page.bytes[bit >>> 3] ?? 0) & (0x80 >>> (bit & 7))) !== 0;
  }

  // ── commit ────────────────────────────────────────────────────────────────────────────────────────────────────────

  releaseBlocks(): void {
    for (const { startBlock, blockCount } of this.#waiting) this.#mark(startBlock, blockCount, false);
    this.#freed.push(...this.#waiting);
    this.#waiting = [];
    this.#waitingBlocks = 0;
  }

  /** The device may forget what was in them: no transaction that a replay could undo needs it any more. */
  afterCommit(): void {
    if (this.#freed.length === 0) return;
    const runs = this.#freed.sort((a, b) => a.startBlock - b.startBlock);
    this.#freed = [];
    let [first, end] = [0, 0];
    for (const { startBlock, blockCount } of runs) {
      if (startBlock !== end) {
        this.#trim(first, end);
        first = startBlock;
      }
      end = startBlock + blockCount;
    }
    this.#trim(first, end);
  }

  #trim(firstBlock: number, endBlock: number): void {
    if (endBlock === firstBlock || !this.#commit.trims) return;
    const { blockSizeBytes } = this.#device;
    const first = blockOffsetBytes(this.#geometry, firstBlock) / blockSizeBytes;
    this.#device.trim(first, ((endBlock - firstBlock) * this.#geometry.blockSizeBytes) / blockSizeBytes);
  }

  // ── bits ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  #take(found: BlockRun[], startBlock: number, blockCount: number): number {
    this.#mark(startBlock, blockCount, true);
    this.#header.freeBlocks -= blockCount;
    const last = found.at(-1);
    if (last !== undefined && last.startBlock + last.blockCount === startBlock) {
      found[found.length - 1] = { startBlock: last.startBlock, blockCount: last.blockCount + blockCount };
    } else {
      found.push({ startBlock, blockCount });
    }
    return blockCount;
  }

  /** Set or clear bits; those that are so already stay uncounted. */
  #mark(startBlock: number, blockCount: number, isUsed: boolean): void {
    const end = startBlock + blockCount;
    for (let block = startBlock; block < end;) {
      const number = Math.floor(block / this.#blocksPerPage);
      const pageStart = number * this.#blocksPerPage;
      const stop = Math.min(end, pageStart + this.#blocksPerPage);
      const page = this.#page(number);
      this.#commit.touch(page);
      const changed = markBits(page.bytes, block - pageStart, stop - pageStart, isUsed);
      this.#freeInPage[number] = (this.#freeInPage[number] ?? 0) + (isUsed ? -changed : changed);
      block = stop;
    }
  }

  /** Free blocks from `block` on without a gap, at most `wanted`. */
  #freeLength(block: number, wanted: number): number {
    const limit = Math.min(block + wanted, this.#geometry.totalBlocks);
    let at = block;
    while (at < limit) {
      const number = Math.floor(at / this.#blocksPerPage);
      const pageStart = number * this.#blocksPerPage;
      const stop = Math.min(limit, pageStart + this.#blocksPerPage);
      const page = this.#page(number);
      if (this.#freeInPage[number] === 0) break;
      const next = nextBit(page.bytes, at - pageStart, stop - pageStart, true) + pageStart;
      at = next;
      if (next < stop) break;
    }
    return at - block;
  }

  /** A run of `wanted` free blocks, or the longest of the window; undefined when every block is used. */
  #search(wanted: number): BlockRun | undefined {
    const { totalBlocks } = this.#geometry;
    const hint = this.#header.nextAllocation < totalBlocks ? this.#header.nextAllocation : 0;
    let best: BlockRun | undefined;
    let pagesSeen = 0;
    // From the hint to the end, then from the start to the hint.
    for (const [from, to] of [
      [hint, totalBlocks],
      [0, hint],
    ] as const) {
      let at = from;
      while (at < to) {
        const number = Math.floor(at / this.#blocksPerPage);
        const pageStart = number * this.#blocksPerPage;
        const stop = Math.min(to, pageStart + this.#blocksPerPage);
        if (this.#freeInPage[number] === 0) {
          at = stop;
          continue;
        }
        const page = this.#page(number);
        const free = nextBit(page.bytes, at - pageStart, stop - pageStart, false) + pageStart;
        if (free < stop) {
          const length = this.#freeLength(free, Math.min(wanted, to - free));
          if (length >= wanted) return { startBlock: free, blockCount: length };
          if (length > (best?.blockCount ?? 0)) best = { startBlock: free, blockCount: length };
          at = free + length;
        } else {
          at = stop;
        }
        if (at >= stop && best !== undefined && ++pagesSeen >= WINDOW_PAGES) return best;
      }
    }
    return best;
  }

  #page(number: number): Page {
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const offset = number * this.#pageSizeBytes;
    const runs = slice(this.#runs, offset, this.#pageSizeBytes);
    const bytes = new Uint8Array(runs.reduce((sum, run) => sum + run.lengthBytes, 0));
    let at = 0;
    for (const { deviceOffsetBytes, lengthBytes } of runs) {
      const part = bytes.subarray(at, at + lengthBytes);
      this.#device.read(deviceOffsetBytes / this.#device.blockSizeBytes, part);
      at += lengthBytes;
    }
    const page: Page = { bytes, runs, label: LABEL, isDirty: false };
    this.#pages.set(number, page);
    const blocks = Math.min(
      this.#blocksPerPage,
      this.#geometry.totalBlocks - number * this.#blocksPerPage,
      bytes.length * 8,
    );
    this.#freeInPage[number] = countFree(bytes, blocks);
    return page;
  }
}

/** The pieces of `runs` that hold `lengthBytes` from `offsetBytes` on; fewer where the runs end. */
export function slice(runs: readonly DeviceRun[], offsetBytes: number, lengthBytes: number): DeviceRun[] {
  const pieces: DeviceRun[] = [];
  let start = 0;
  for (const run of runs) {
    const from = Math.max(offsetBytes, start);
    const to = Math.min(offsetBytes + lengthBytes, start + run.lengthBytes);
    if (from < to) {
      pieces.push({ deviceOffsetBytes: run.deviceOffsetBytes + from - start, lengthBytes: to - from });
    }
    start += run.lengthBytes;
    if (start >= offsetBytes + lengthBytes) break;
  }
  return pieces;
}

/** Set or clear bits [from, to); returns how many changed. */
function markBits(bytes: Uint8Array, from: number, to: number, isUsed: boolean): number {
  let changed = 0;
  let bit = from;
  while (bit < to) {
    const index = bit >>> 3;
    const old = bytes[index] ?? 0;
    const first = bit & 7;
    const last = Math.min(8, first + to - bit);
    const mask = (0xff >>> first) & (0xff << (8 - last)) & 0xff;
    const fresh = isUsed ? old | mask : old & ~mask;
    changed += ones(old ^ fresh);
    bytes[index] = fresh;
    bit += last - first;
  }
  return changed;
}

/** First bit in [from, to) that is set (or clear); `to` when there is none. */
function nextBit(bytes: Uint8Array, from: number, to: number, isSet: boolean): number {
  const skip = isSet ? 0 : 0xff;
  let bit = from;
  while (bit < to) {
    const byte = (bytes[bit >>> 3] ?? 0xff) ^ skip;
    if ((bit & 7) === 0 && byte === 0) {
      bit += 8;
      continue;
    }
    // Highest bit first; those before `bit` do not count.
    const rest = byte & (0xff >>> (bit & 7));
    if (rest !== 0) return Math.min(to, (bit & ~7) + Math.clz32(rest) - 24);
    bit = (bit & ~7) + 8;
  }
  return to;
}

function countFree(bytes: Uint8Array, bits: number): number {
  let used = 0;
  const whole = bits >>> 3;
  for (let i = 0; i < whole; i++) used += ones(bytes[i] ?? 0);
  if (bits & 7) used += ones((bytes[whole] ?? 0) & (0xff << (8 - (bits & 7))) & 0xff);
  return bits - used;
}

function ones(byte: number): number {
  let bits = byte - ((byte >>> 1) & 0x55);
  bits = (bits & 0x33) + ((bits >>> 2) & 0x33);
  return (bits + (bits >>> 4)) & 0x0f;
}

const LABEL: WriteLabel = { role: 'allocation', owner: 'allocation file', reason: 'blocks in use and free' };
