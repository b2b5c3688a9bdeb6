import { assert } from '../../base/assert.ts';
import { FsError } from '../../base/errno.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import { ZERO_FILL } from '../../device/device.ts';
import { generate } from '../../device/generated.ts';
import type { Extent, Fill } from '../contract.ts';
import type { BlockSource, Fork } from './extents.ts';
import { blockOffsetBytes } from './layout.ts';
import type { Geometry } from './layout.ts';

/**
 * The bytes of forks: reading and writing them, making forks longer and shorter.
 *
 * Contents go to the device at once, past cache and journal; which blocks they are in follows with the transaction,
 * after a barrier. A power cut in between leaves the old size, and new bytes where old ones were overwritten. HFS+ has
 * no holes: whatever a fork grows by is written, as zeros if by nothing else. On any failure a fork is as before.
 *
 * What was preallocated lies behind the size and is given back when the last holder lets go of the file, as macOS
 * does. Source: apple-oss-distributions/hfs, core/hfs_readwrite.c hfs_vnop_write, do_hfs_truncate, hfs_vnop_allocate;
 * core/hfs_cnode.c hfs_filedone.
 */
export interface ContentHost {
  readonly device: Device;
  readonly geometry: Geometry;
  readonly allocation: BlockSource;
  /** File data went to the device: what names it must come after a barrier. */
  wroteData(): void;
}

/** What is written: bytes, or a rule that makes them. */
export type Source = Uint8Array | { readonly fill: Fill; readonly lengthBytes: number };

/** The format counts to 2^63 - 1; no volume of 2^32 blocks comes near to what a number holds exactly. */
export const FILE_SIZE_BYTES_MAX = Number.MAX_SAFE_INTEGER;

/** Writes up to so many bytes go out as one request though they begin or end within a sector. */
const GATHERED_BYTES_MAX = 65_536;

const lengthOf = (source: Source): number =>
  source instanceof Uint8Array ? source.length : source.lengthBytes;

export class Content {
  readonly #host: ContentHost;
  readonly #sector: number;
  readonly #scratch: Uint8Array;
  /** Does no sector hold blocks of two files? Otherwise what is not written of a sector is always kept. */
  readonly #isAligned: boolean;
  /** Label of the file last written to. */
  #label: WriteLabel = { role: 'data', owner: '', reason: CONTENTS };

  constructor(host: ContentHost) {
    this.#host = host;
    this.#sector = host.device.blockSizeBytes;
    this.#scratch = new Uint8Array(this.#sector);
    const { blockSizeBytes, volumeOffsetBytes } = host.geometry;
    this.#isAligned = blockSizeBytes % this.#sector === 0 && volumeOffsetBytes % this.#sector === 0;
  }

  #blocksFor(sizeBytes: number): number {
    return Math.ceil(sizeBytes / this.#host.geometry.blockSizeBytes);
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Fills `into` from `offsetBytes`; returns how many bytes there were. EIO. */
  read(fork: Fork, offsetBytes: number, into: Uint8Array): number {
    const length = Math.max(0, Math.min(into.length, fork.sizeBytes - offsetBytes));
    for (let done = 0; done < length;) {
      const piece = this.#piece(fork, offsetBytes + done, length - done);
      this.#readBytes(piece.at, into.subarray(done, done + piece.lengthBytes));
      done += piece.lengthBytes;
    }
    return length;
  }

  /** As much of the fork from `offsetBytes` on as lies in one piece, and where on the device. */
  #piece(fork: Fork, offsetBytes: number, lengthBytes: number): { at: number; lengthBytes: number } {
    const { geometry } = this.#host;
    const { blockSizeBytes } = geometry;
    const within = offsetBytes % blockSizeBytes;
    const run = fork.runAt((offsetBytes - within) / blockSizeBytes);
    return {
      at: blockOffsetBytes(geometry, run.startBlock) + within,
      lengthBytes: Math.min(run.blockCount * blockSizeBytes - within, lengthBytes),
    };
  }

  #readBytes(at: number, into: Uint8Array): void {
    const { device } = this.#host;
    const sector = this.#sector;
    for (let done = 0; done < into.length;) {
      const within = (at + done) % sector;
      const whole = into.length - done - ((into.length - done) % sector);
      if (within === 0 && whole > 0) {
        device.read((at + done) / sector, into.subarray(done, done + whole));
        done += whole;
        continue;
      }
      const part = Math.min(sector - within, into.length - done);
      device.read((at + done - within) / sector, this.#scratch);
      into.set(this.#scratch.subarray(within, within + part), done);
      done += part;
    }
  }

  // ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Write `source` at `offsetBytes`, with zeros where it leaves a gap. Returns how many bytes of it fitted, ENOSPC when
   * none did, EFBIG before anything is written. `owner` names the file for people.
   */
  write(fork: Fork, offsetBytes: number, source: Source, owner: string): number {
    const end = offsetBytes + lengthOf(source);
    if (end > FILE_SIZE_BYTES_MAX) throw tooLarge();
    if (end === offsetBytes) return 0;
    const { sizeBytes } = fork;
    const write = (roomBytes: number) => {
      const length = Math.min(end, roomBytes) - offsetBytes;
      if (offsetBytes > sizeBytes) this.#putZeros(fork, sizeBytes, offsetBytes, owner);
      this.#put(
        fork,
        Math.max(sizeBytes, offsetBytes),
        offsetBytes,
        head(source, length),
        this.#labelOf(owner),
      );
      if (offsetBytes + length > sizeBytes) fork.sizeBytes = offsetBytes + length;
      this.#host.wroteData();
      return length;
    };
    const wanted = this.#blocksFor(end);
    if (wanted <= fork.totalBlocks) return write(end);
    return this.#withBlocks(fork, wanted, this.#blocksFor(offsetBytes + 1), write);
  }

  /** Another size. Grown bytes are zeros; ENOSPC when not all of them fit. */
  truncate(fork: Fork, sizeBytes: number, owner: string): void {
    const old = fork.sizeBytes;
    if (sizeBytes > FILE_SIZE_BYTES_MAX) throw tooLarge();
    if (sizeBytes <= old) {
      this.#free(fork, this.#blocksFor(sizeBytes));
      fork.sizeBytes = sizeBytes;
      return;
    }
    const wanted = this.#blocksFor(sizeBytes);
    this.#withBlocks(fork, wanted, wanted, (roomBytes) => {
      assert(roomBytes >= sizeBytes, 'all of the blocks are there');
      this.#putZeros(fork, old, sizeBytes, owner);
      fork.sizeBytes = sizeBytes;
      this.#host.wroteData();
    });
  }

  /** Other contents, of whatever length, all of them or ENOSPC. They are written over the old ones. */
  replace(fork: Fork, value: Uint8Array, owner: string): void {
    const wanted = this.#blocksFor(value.length);
    this.#withBlocks(fork, wanted, wanted, () => {
      this.#put(fork, Math.min(fork.sizeBytes, value.length), 0, value, this.#labelOf(owner));
      fork.sizeBytes = value.length;
      this.#host.wroteData();
    });
    this.#free(fork, wanted);
  }

  #free(fork: Fork, keepBlocks: number): void {
    if (fork.totalBlocks > keepBlocks) this.#host.allocation.free(fork.cut(keepBlocks));
  }

  /**
   * Give `fork` `wantedBlocks` blocks, or as many as there are if these are at least `neededBlocks`; ENOSPC otherwise.
   * Then `action`, which gets the bytes there is room for; when it fails the new blocks are free again.
   */
  #withBlocks<T>(
    fork: Fork,
    wantedBlocks: number,
    neededBlocks: number,
    action: (roomBytes: number) => T,
  ): T {
    const { allocation, geometry } = this.#host;
    const had = fork.totalBlocks;
    if (wantedBlocks > had) {
      if (neededBlocks - had > allocation.freeBlocks) throw full(neededBlocks - had, allocation.freeBlocks);
      allocation.reserve(Math.min(wantedBlocks - had, allocation.freeBlocks));
      fork.extend(wantedBlocks - had);
    }
    try {
      if (fork.totalBlocks < neededBlocks) throw full(neededBlocks - had, fork.totalBlocks - had);
      return action(fork.totalBlocks * geometry.blockSizeBytes);
    } catch (error) {
      if (fork.totalBlocks > had) allocation.giveBack(fork.cut(had));
      throw error;
    }
  }

  /** Zeros from the old end of a fork to where something follows. */
  #putZeros(fork: Fork, fromBytes: number, toBytes: number, owner: string): void {
    const label: WriteLabel = { role: 'data', owner, reason: 'zeros in the gap: HFS+ has no sparse files' };
    this.#put(fork, fromBytes, fromBytes, { fill: ZERO_FILL, lengthBytes: toBytes - fromBytes }, label);
  }

  #labelOf(owner: string): WriteLabel {
    if (this.#label.owner !== owner) this.#label = { role: 'data', owner, reason: CONTENTS };
    return this.#label;
  }

  /**
   * Put `source` at `offsetBytes`. Whole sectors go as they are; of a sector touched in part the rest is kept, or is
   * zero where the fork, `validBytes` long, did not reach.
   */
  #put(fork: Fork, validBytes: number, offsetBytes: number, source: Source, label: WriteLabel): void {
    const length = lengthOf(source);
    for (let done = 0; done < length;) {
      const offset = offsetBytes + done;
      const { at, lengthBytes } = this.#piece(fork, offset, length - done);
      const within = at % this.#sector;
      const whole = lengthBytes - (lengthBytes % this.#sector);
      const isShort = source instanceof Uint8Array && lengthBytes <= GATHERED_BYTES_MAX;
      if (within === 0 && whole > 0 && (whole === lengthBytes || !isShort)) {
        this.#putSectors(at / this.#sector, source, done, whole, label);
        done += whole;
        continue;
      }
      // A short stretch with its ragged ends, or what leads to the next whole sector.
      const part = isShort ? lengthBytes : Math.min(this.#sector - within, lengthBytes);
      this.#putRagged(at, offset, validBytes, { source, from: done, lengthBytes: part }, label);
      done += part;
    }
  }

  #putSectors(
    firstSector: number,
    source: Source,
    from: number,
    lengthBytes: number,
    label: WriteLabel,
  ): void {
    const { device } = this.#host;
    if (source instanceof Uint8Array) {
      const isWhole = from === 0 && lengthBytes === source.length;
      device.write(firstSector, isWhole ? source : source.subarray(from, from + lengthBytes), label);
      return;
    }
    const { fill } = source;
    const shifted: Fill =
      fill.generator === 'zero' ? fill : { ...fill, offsetBytes: fill.offsetBytes + from };
    device.fill(firstSector, lengthBytes / this.#sector, shifted, label);
  }

  /** A short piece with the sectors it touches in part, as one request. */
  #putRagged(at: number, offset: number, validBytes: number, piece: Piece, label: WriteLabel): void {
    const { device } = this.#host;
    const sector = this.#sector;
    const within = at % sector;
    const end = within + piece.lengthBytes;
    const buffer = new Uint8Array(Math.ceil(end / sector) * sector);
    const firstSector = (at - within) / sector;
    const bufferOffset = offset - within;
    const lastAt = buffer.length - sector;
    const keptBytes = this.#isAligned ? validBytes : Infinity;
    if (within > 0 && bufferOffset < keptBytes) device.read(firstSector, buffer.subarray(0, sector));
    const isTailRagged = end % sector > 0;
    if (isTailRagged && (lastAt > 0 || within === 0) && bufferOffset + lastAt < keptBytes) {
      device.read(firstSector + lastAt / sector, buffer.subarray(lastAt));
    }
    const { source, from, lengthBytes } = piece;
    if (source instanceof Uint8Array) buffer.set(source.subarray(from, from + lengthBytes), within);
    else generate(source.fill, from, buffer.subarray(within, end));
    device.write(firstSector, buffer, label);
  }

  // ── reserving ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Reserve `lengthBytes` behind the last block of the fork; the size stays. Returns the bytes reserved, fewer when the
   * volume is full, ENOSPC when there are none.
   */
  preallocate(fork: Fork, lengthBytes: number): number {
    const { allocation, geometry } = this.#host;
    const wanted = this.#blocksFor(lengthBytes);
    if ((fork.totalBlocks + wanted) * geometry.blockSizeBytes > FILE_SIZE_BYTES_MAX) throw tooLarge();
    allocation.reserve(Math.min(wanted, allocation.freeBlocks));
    const gained = fork.extend(wanted);
    if (gained === 0 && wanted > 0) throw full(wanted, 0);
    return gained * geometry.blockSizeBytes;
  }

  /** Are there blocks that the size does not need? */
  hasReserve(fork: Fork): boolean {
    return fork.totalBlocks > this.#blocksFor(fork.sizeBytes);
  }

  /** Nobody holds the file any more: what was reserved and not used is free again. */
  releaseReserve(fork: Fork): void {
    this.#free(fork, this.#blocksFor(fork.sizeBytes));
  }

  // ── where it lies ─────────────────────────────────────────────────────────────────────────────────────────────────

  extents(fork: Fork): Extent[] {
    const { geometry } = this.#host;
    const { sizeBytes } = fork;
    const extents: Extent[] = [];
    let offset = 0;
    for (const { startBlock, blockCount } of fork.runs()) {
      const length = Math.min(blockCount * geometry.blockSizeBytes, sizeBytes - offset);
      if (length <= 0) break;
      const deviceOffsetBytes = blockOffsetBytes(geometry, startBlock);
      const last = extents.at(-1);
      if (last !== undefined && last.deviceOffsetBytes + last.lengthBytes === deviceOffsetBytes) {
        extents[extents.length - 1] = { ...last, lengthBytes: last.lengthBytes + length };
      } else {
        extents.push({ fileOffsetBytes: offset, deviceOffsetBytes, lengthBytes: length });
      }
      offset += length;
    }
    return extents;
  }
}

/** `lengthBytes` of `source` from `from` on. */
interface Piece {
  readonly source: Source;
  readonly from: number;
  readonly lengthBytes: number;
}

const CONTENTS = 'contents';

const head = (source: Source, lengthBytes: number): Source => {
  if (lengthOf(source) === lengthBytes) return source;
  return source instanceof Uint8Array ? source.subarray(0, lengthBytes) : { ...source, lengthBytes };
};

const tooLarge = (): FsError =>
  new FsError('EFBIG', '', '', `a file here holds at most ${FILE_SIZE_BYTES_MAX} bytes`);

const full = (wantedBlocks: number, foundBlocks: number): FsError =>
  new FsError(
    'ENOSPC',
    '',
    '',
    `${wantedBlocks} more allocation blocks are needed, ${foundBlocks} are to be had: remove something first`,
  );
