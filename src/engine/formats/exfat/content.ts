import { assert } from '../../base/assert.ts';
import { FsError } from '../../base/errno.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import { ZERO_FILL } from '../../device/device.ts';
import { generate } from '../../device/generated.ts';
import type { Extent, Fill } from '../contract.ts';
import type { AllocationBitmap, ClusterRun } from './alloc.ts';
import type { Commit } from './commit.ts';
import { damaged } from './damage.ts';
import type { Chain } from './extents.ts';
import { clusterOffsetBytes } from './layout.ts';
import type { Geometry } from './layout.ts';
import type { FileAllocationTable } from './table.ts';

/**
 * What is in files: reading and writing the bytes of a chain, making chains longer and shorter.
 *
 * Contents go to the device at once, past any cache; lengths and first clusters follow through `Commit`, after a
 * barrier. A file has clusters for all of its size, but bytes from its valid length on read as zeros whatever the
 * clusters hold: growing writes nothing, and a write beyond the valid length zeroes the gap first.
 */
export interface ContentHost {
  readonly device: Device;
  readonly geometry: Geometry;
  readonly fat: FileAllocationTable;
  readonly bitmap: AllocationBitmap;
  readonly commit: Commit;
}

/** How long a file is, and how many bytes of it were written. */
export interface Lengths {
  readonly dataBytes: number;
  /** At most `dataBytes`. */
  readonly validBytes: number;
}

/** The largest size that a double counts exactly; the format's own limit is 2^64 − 1. */
export const FILE_SIZE_BYTES_MAX = Number.MAX_SAFE_INTEGER;

/** What is written: bytes, or a rule that makes them. */
export type Source = Uint8Array | { readonly fill: Fill; readonly lengthBytes: number };

const lengthOf = (source: Source): number =>
  source instanceof Uint8Array ? source.length : source.lengthBytes;

export class Content {
  readonly #host: ContentHost;
  readonly #block: number;
  readonly #scratch: Uint8Array;
  #buffer = new Uint8Array(0);

  constructor(host: ContentHost) {
    this.#host = host;
    this.#block = host.device.blockSizeBytes;
    this.#scratch = new Uint8Array(this.#block);
  }

  #clustersFor(sizeBytes: number): number {
    return Math.ceil(sizeBytes / this.#host.geometry.clusterSizeBytes);
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Fill `into` from `offsetBytes` on, with zeros from `validBytes` of the file on; the caller has made sure that the
   * file is that long. EIO on a broken chain.
   */
  read(chain: Chain, validBytes: number, offsetBytes: number, into: Uint8Array): void {
    const validEnd = Math.max(0, Math.min(into.length, validBytes - offsetBytes));
    if (validEnd < into.length) into.fill(0, validEnd);
    let done = 0;
    while (done < validEnd) {
      const offset = offsetBytes + done;
      const at = this.#deviceOffset(chain, offset);
      const length = Math.min(validEnd - done, this.#contiguousBytes(chain, offset, validEnd - done));
      this.#readBytes(at, into.subarray(done, done + length));
      done += length;
    }
  }

  #readBytes(at: number, into: Uint8Array): void {
    const { device } = this.#host;
    let done = 0;
    while (done < into.length) {
      const within = (at + done) % this.#block;
      const whole = into.length - done - ((into.length - done) % this.#block);
      if (within === 0 && whole > 0) {
        device.read((at + done) / this.#block, into.subarray(done, done + whole));
        done += whole;
        continue;
      }
      const part = Math.min(this.#block - within, into.length - done);
      device.read((at + done - within) / this.#block, this.#scratch);
      into.set(this.#scratch.subarray(within, within + part), done);
      done += part;
    }
  }

  #deviceOffset(chain: Chain, offsetBytes: number): number {
    const { clusterSizeBytes } = this.#host.geometry;
    const index = Math.floor(offsetBytes / clusterSizeBytes);
    if (chain.reach(index + 1) <= index) {
      chain.assertSound();
      throw damaged(SHORT_CHAIN);
    }
    return clusterOffsetBytes(this.#host.geometry, chain.at(index)) + (offsetBytes % clusterSizeBytes);
  }

  /** Bytes from `offsetBytes` on that lie in one piece, at most about `wantedBytes`. */
  #contiguousBytes(chain: Chain, offsetBytes: number, wantedBytes: number): number {
    const { clusterSizeBytes } = this.#host.geometry;
    const index = Math.floor(offsetBytes / clusterSizeBytes);
    chain.reach(this.#clustersFor(offsetBytes + wantedBytes));
    return chain.contiguousFrom(index) * clusterSizeBytes - (offsetBytes % clusterSizeBytes);
  }

  // ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Write `source` at `offsetBytes` of a file of `lengths`, with zeros between its valid length and there. Returns how
   * many bytes of it fitted, ENOSPC when none did. On any failure the chain is as before.
   */
  write(chain: Chain, lengths: Lengths, offsetBytes: number, source: Source, owner: string): number {
    const end = offsetBytes + lengthOf(source);
    if (end > FILE_SIZE_BYTES_MAX) throw tooLarge();
    const { dataBytes, validBytes } = lengths;
    return this.#withClusters(chain, dataBytes, end, offsetBytes, (roomBytes) => {
      const length = Math.min(lengthOf(source), roomBytes - offsetBytes);
      const label = contentLabel(owner);
      if (offsetBytes > validBytes)
        this.#put(chain, validBytes, validBytes, zeros(offsetBytes - validBytes), label);
      this.#put(chain, Math.max(validBytes, offsetBytes), offsetBytes, head(source, length), label);
      return length;
    });
  }

  /** Clusters for a file of `newSizeBytes`; nothing is written into them. ENOSPC when it does not fit: nothing changed. */
  grow(chain: Chain, dataBytes: number, newSizeBytes: number): void {
    if (newSizeBytes > FILE_SIZE_BYTES_MAX) throw tooLarge();
    this.#withClusters(chain, dataBytes, newSizeBytes, newSizeBytes - 1, (roomBytes) =>
      assert(roomBytes >= newSizeBytes, 'all of the clusters are there'),
    );
  }

  /** Free what a file of `newSizeBytes` does not need, once its entry says so. */
  shrink(chain: Chain, newSizeBytes: number): void {
    const keep = this.#clustersFor(newSizeBytes);
    const cut = chain.cut(keep);
    if (cut.length === 0) return;
    const { bitmap, commit, fat } = this.#host;
    if (keep > 0) fat.cutAfter(chain.lastKnown, !chain.isContiguous);
    for (const run of cut) bitmap.free(run);
    if (commit.isRecording) bitmap.note(`free ${clustersInWords(cut)}`);
  }

  /**
   * Give `chain`, of a file of `dataBytes`, the clusters for `endBytes`, or as many as there are, if they reach beyond
   * byte `neededBytes`. Then `action`, which gets the bytes there is room for; when it fails the new clusters are free
   * again.
   */
  #withClusters<T>(
    chain: Chain,
    dataBytes: number,
    endBytes: number,
    neededBytes: number,
    action: (roomBytes: number) => T,
  ): T {
    const { bitmap, commit, fat, geometry } = this.#host;
    const wanted = this.#clustersFor(endBytes);
    const had = chain.reach(wanted);
    if (had >= wanted) {
      const result = action(endBytes);
      commit.wroteData();
      return result;
    }
    chain.assertSound();
    if (had < this.#clustersFor(dataBytes)) throw damaged(SHORT_CHAIN);
    const last = chain.lastKnown;
    // A tail that was cut off here is still the file's on the device: first let the device know.
    if (last !== 0 && fat.isCutWaiting(last)) commit.flush();
    const runs = commit.allocate(last, wanted - had);
    const roomBytes = Math.min(endBytes, (had + countOf(runs)) * geometry.clusterSizeBytes);
    if (roomBytes <= neededBytes) {
      bitmap.giveBack(runs);
      throw new FsError('ENOSPC', '', '');
    }
    return this.extend(chain, had, runs, () => action(roomBytes));
  }

  /**
   * `chain`, of `had` clusters, gets `runs`, taken for it, and `action` writes into them; when it fails they are free
   * again. A file whose clusters are one run needs no FAT; when it stops being one the whole chain is written, which
   * nobody follows before the entry on the device says so.
   */
  extend<T>(chain: Chain, had: number, runs: readonly ClusterRun[], action: () => T): T {
    const { bitmap, commit, fat } = this.#host;
    const last = chain.lastKnown;
    const wasContiguous = chain.isContiguous;
    const staysContiguous = chain.staysContiguousWith(runs);
    const before = wasContiguous && !staysContiguous ? chain.runs() : [];
    try {
      chain.append(runs);
      const result = action();
      commit.wroteData();
      if (commit.isRecording) bitmap.note(`use ${clustersInWords(runs)}`);
      if (staysContiguous) return result;
      fat.chain([...before, ...runs]);
      const first = runs[0];
      if (had > 0 && !wasContiguous && first !== undefined) fat.link(last, first.first);
      if (commit.isRecording) fat.note(chainSentence(before, runs, had > 0 ? last : 0));
      return result;
    } catch (error) {
      chain.takeBack(had, wasContiguous);
      bitmap.giveBack(runs);
      throw error;
    }
  }

  /**
   * Put `source` at `offsetBytes`. Whole blocks go as they are; of a block touched in part the rest is kept, or is
   * zero where the file, `validBytes` long, did not reach.
   */
  #put(chain: Chain, validBytes: number, offsetBytes: number, source: Source, label: WriteLabel): void {
    const length = lengthOf(source);
    let done = 0;
    while (done < length) {
      const offset = offsetBytes + done;
      const at = this.#deviceOffset(chain, offset);
      const piece = Math.min(length - done, this.#contiguousBytes(chain, offset, length - done));
      const within = at % this.#block;
      const whole = piece - (piece % this.#block);
      if (source instanceof Uint8Array && piece <= GATHERED_BYTES_MAX && (within > 0 || whole < piece)) {
        this.#putGathered(at, offset, validBytes, source.subarray(done, done + piece), label);
        done += piece;
        continue;
      }
      if (within === 0 && whole > 0) {
        this.#putBlocks(at / this.#block, source, done, whole, label);
        done += whole;
        continue;
      }
      const part = Math.min(this.#block - within, piece);
      if (offset - within < validBytes) this.#host.device.read((at - within) / this.#block, this.#scratch);
      else this.#scratch.fill(0);
      const target = this.#scratch.subarray(within, within + part);
      if (source instanceof Uint8Array) target.set(source.subarray(done, done + part));
      else generate(source.fill, done, target);
      this.#host.device.write((at - within) / this.#block, this.#scratch, label);
      done += part;
    }
  }

  /** Room for one request, used again by the next one: the device copies what it is given. */
  #gathered(lengthBytes: number): Uint8Array {
    if (this.#buffer.length < lengthBytes) this.#buffer = new Uint8Array(lengthBytes * 2);
    return this.#buffer.subarray(0, lengthBytes);
  }

  /** A short piece with the blocks it touches in part, as one request. */
  #putGathered(at: number, offset: number, validBytes: number, data: Uint8Array, label: WriteLabel): void {
    const { device } = this.#host;
    const block = this.#block;
    const within = at % block;
    const length = Math.ceil((within + data.length) / block) * block;
    const buffer = this.#gathered(length);
    buffer.fill(0, 0, within);
    buffer.fill(0, within + data.length);
    const firstBlock = (at - within) / block;
    const bufferOffset = offset - within;
    const lastAt = buffer.length - block;
    if (within > 0 && bufferOffset < validBytes) device.read(firstBlock, buffer.subarray(0, block));
    const isTailPartial = (within + data.length) % block > 0;
    if (isTailPartial && (lastAt > 0 || within === 0) && bufferOffset + lastAt < validBytes) {
      device.read(firstBlock + lastAt / block, buffer.subarray(lastAt));
    }
    buffer.set(data, within);
    device.write(firstBlock, buffer, label);
  }

  #putBlocks(firstBlock: number, source: Source, from: number, lengthBytes: number, label: WriteLabel): void {
    const { device } = this.#host;
    if (source instanceof Uint8Array) {
      device.write(firstBlock, source.subarray(from, from + lengthBytes), label);
      return;
    }
    const { fill } = source;
    const shifted: Fill =
      fill.generator === 'zero' ? fill : { ...fill, offsetBytes: fill.offsetBytes + from };
    device.fill(firstBlock, lengthBytes / this.#block, shifted, label);
  }

  // ── where it lies ─────────────────────────────────────────────────────────────────────────────────────────────────

  extents(chain: Chain, sizeBytes: number): Extent[] {
    const { geometry } = this.#host;
    const extents: Extent[] = [];
    let offset = 0;
    for (const run of chain.runs()) {
      const length = Math.min(run.count * geometry.clusterSizeBytes, sizeBytes - offset);
      if (length <= 0) break;
      extents.push({
        fileOffsetBytes: offset,
        deviceOffsetBytes: clusterOffsetBytes(geometry, run.first),
        lengthBytes: length,
      });
      offset += length;
    }
    return extents;
  }
}

/** Writes up to so many bytes go out as one request though they begin or end within a block. */
const GATHERED_BYTES_MAX = 65_536;

const SHORT_CHAIN = 'its chain of clusters is shorter than its size';

const zeros = (lengthBytes: number): Source => ({ fill: ZERO_FILL, lengthBytes });

const head = (source: Source, lengthBytes: number): Source => {
  if (lengthOf(source) === lengthBytes) return source;
  return source instanceof Uint8Array ? source.subarray(0, lengthBytes) : { ...source, lengthBytes };
};

const contentLabel = (owner: string): WriteLabel => ({ role: 'data', owner, reason: 'contents' });

const tooLarge = (): FsError => new FsError('EFBIG', '', '', 'a file holds at most 2^53 − 1 bytes here');

const countOf = (runs: readonly ClusterRun[]): number => runs.reduce((sum, run) => sum + run.count, 0);

function chainSentence(before: readonly ClusterRun[], runs: readonly ClusterRun[], last: number): string {
  if (before.length > 0) {
    return `write the whole chain of ${clustersInWords([...before, ...runs])}: they are not one run any more`;
  }
  return `chain ${clustersInWords(runs)}${last === 0 ? '' : ` behind ${last}`}`;
}

/** 'clusters 7-9 and 12' */
export function clustersInWords(runs: readonly ClusterRun[]): string {
  const parts = runs
    .slice(0, 4)
    .map(({ first, count }) => (count === 1 ? String(first) : `${first}-${first + count - 1}`));
  if (runs.length > 4) parts.push(`${runs.length - 4} more runs`);
  const list =
    parts.length > 1 ? `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}` : parts.join('');
  return countOf(runs) === 1 ? `cluster ${list}` : `clusters ${list}`;
}
