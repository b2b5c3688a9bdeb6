import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { isZero } from '../engine/base/bytes.ts';
import { FsError } from '../engine/base/errno.ts';
import { changesOf } from '../engine/device/image.ts';
import type { ImagePiece } from '../engine/device/image.ts';
import type { Store } from '../engine/device/store.ts';
import { EXIT, HostError, hostFailure, onHost, printable } from './report.ts';

/**
 * Disk images as files of the host: read block by block when somebody looks, written only at the end and only where
 * something changed, so that a sparse image of a terabyte costs what it holds.
 *
 * Promise: an image in place is untouched until `save`; `save` looks for everything that could go wrong before its
 * first write, and when a write fails all the same it puts the old bytes back.
 */

/** Longest stretch of zeros written at once. */
const CHUNK_BYTES = 2 ** 20;
/** Old bytes kept while saving; beyond this a failed write cannot be taken back any more. */
const UNDO_BYTES_MAX = 2 ** 28;

interface DataPiece {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

export class HostImage {
  readonly #descriptor: number;
  readonly #modifiedMs: number;

  private constructor(
    readonly path: string,
    readonly sizeBytes: number,
    descriptor: number,
    modifiedMs: number,
  ) {
    this.#descriptor = descriptor;
    this.#modifiedMs = modifiedMs;
  }

  /** `isWritable`: fail now, with a sentence, rather than after an hour of work. */
  static open(path: string, isWritable: boolean): HostImage {
    const stats = onHost('open', path, EXIT.unreadable, () => fs.statSync(path));
    if (stats.isDirectory()) throw new HostError(`${printable(path)} is a directory.`, EXIT.unreadable);
    if (!stats.isFile()) throw new HostError(`${printable(path)} is not a plain file.`, EXIT.unreadable);
    const descriptor = onHost(isWritable ? 'open for writing' : 'open', path, EXIT.unreadable, () =>
      fs.openSync(path, isWritable ? 'r+' : 'r'),
    );
    return new HostImage(path, stats.size, descriptor, stats.mtimeMs);
  }

  /** Fills `into` from `offsetBytes`; beyond the end of the file come zeros. FsError EIO when the host cannot. */
  read(offsetBytes: number, into: Uint8Array): void {
    let at = 0;
    try {
      while (at < into.length) {
        const count = fs.readSync(this.#descriptor, into, at, into.length - at, offsetBytes + at);
        if (count === 0) break;
        at += count;
      }
    } catch (error) {
      const failure = hostFailure('read', this.path, error, EXIT.unreadable);
      if (!(failure instanceof HostError)) throw failure;
      throw new FsError('EIO', 'read', this.path, failure.message, { cause: error });
    }
    into.fill(0, at);
  }

  /** Writes what differs from the file: the store has this image as its backing. Returns the bytes written. */
  save(store: Store): number {
    let bytes = 0;
    for (const { blockCount, kind } of store.runs()) {
      if (kind !== 'backing') bytes += blockCount * store.blockSizeBytes;
    }
    if (bytes === 0) return 0;
    this.#checkBeforeWriting(bytes);
    return withoutSignals(() => this.#write(store));
  }

  #checkBeforeWriting(bytes: number): void {
    const stats = onHost('write', this.path, EXIT.failed, () => fs.fstatSync(this.#descriptor));
    if (stats.mtimeMs !== this.#modifiedMs || stats.size !== this.sizeBytes) {
      throw new HostError(
        `${printable(this.path)} was changed by another program meanwhile; nothing is written.`,
        EXIT.failed,
      );
    }
    const holesBytes = Math.max(0, stats.size - stats.blocks * 512);
    const needBytes = Math.min(bytes, holesBytes);
    if (needBytes > freeBytes(this.path)) throw hostIsFull(this.path, needBytes);
  }

  #write(store: Store): number {
    const undo: DataPiece[] = [];
    let undoBytes = 0;
    let written = 0;
    const buffer = new Uint8Array(CHUNK_BYTES);
    try {
      for (const { offsetBytes, bytes } of dataOf(changesOf(store))) {
        const old = buffer.subarray(0, bytes.length);
        this.read(offsetBytes, old);
        for (const [start, end] of differences(old, bytes, store.blockSizeBytes)) {
          if (undoBytes <= UNDO_BYTES_MAX) {
            undo.push({ offsetBytes: offsetBytes + start, bytes: old.slice(start, end) });
            undoBytes += end - start;
          }
          writeAll(this.#descriptor, bytes.subarray(start, end), offsetBytes + start);
          written += end - start;
        }
      }
      fs.fsyncSync(this.#descriptor);
      return written;
    } catch (error) {
      throw this.#takeBack(undo, undoBytes <= UNDO_BYTES_MAX, error);
    }
  }

  /** Puts the old bytes back; returns the error to throw, which says how that went. */
  #takeBack(undo: readonly DataPiece[], isWhole: boolean, error: unknown): unknown {
    let outcome = 'it is half-written: check it before use';
    try {
      for (const { offsetBytes, bytes } of undo.toReversed()) this.#putBack(offsetBytes, bytes);
      if (isWhole) outcome = 'it is as it was before';
    } catch (second) {
      outcome += ` (${String(second)})`;
    }
    const failure = hostFailure('write', this.path, error, EXIT.failed);
    if (!(failure instanceof HostError)) return failure;
    return new HostError(`${failure.message.replace(/\.$/, '')}; ${outcome}.`, EXIT.failed, { cause: error });
  }

  /** Only blocks that differ: where the write failed there may be nothing to put back, and no room to do it. */
  #putBack(offsetBytes: number, old: Uint8Array): void {
    const now = new Uint8Array(old.length);
    this.read(offsetBytes, now);
    for (const [start, end] of differences(now, old, 512)) {
      writeAll(this.#descriptor, old.subarray(start, end), offsetBytes + start);
    }
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }
}

/**
 * Makes `path` a new image of `sizeBytes`, sparse: written beside it under another name and moved into place when it
 * is complete, so that nobody ever sees half of one.
 */
export function createImage(path: string, sizeBytes: number, store: Store): void {
  const target = onHost('make', path, EXIT.failed, () =>
    fs.existsSync(path) ? fs.realpathSync(path) : path,
  );
  writeAside(target, 'make', (descriptor) => {
    fs.ftruncateSync(descriptor, sizeBytes);
    for (const piece of changesOf(store)) {
      if (piece.kind === 'hole') continue;
      for (const [start, end] of differences(null, piece.bytes, store.blockSizeBytes)) {
        writeAll(descriptor, piece.bytes.subarray(start, end), piece.offsetBytes + start);
      }
    }
  });
}

/**
 * Lets `write` fill a new file beside `target` that takes its place when it is complete. Whatever goes wrong, `target`
 * is as before and the new file is gone.
 */
export function writeAside(target: string, verb: string, write: (descriptor: number) => void): void {
  const temporary = `${target}.new-${process.pid}`;
  onHost(verb, target, EXIT.failed, () => {
    const descriptor = fs.openSync(temporary, 'wx');
    try {
      try {
        write(descriptor);
        fs.fsyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
      fs.renameSync(temporary, target);
    } catch (error) {
      fs.rmSync(temporary, { force: true });
      throw error;
    }
  });
}

/** A hole is zeros where the file may hold something else; hosts can make holes at the end only. */
function* zeros({ offsetBytes, lengthBytes }: ImagePiece & { kind: 'hole' }): Generator<DataPiece> {
  const bytes = new Uint8Array(Math.min(lengthBytes, CHUNK_BYTES));
  for (let at = 0; at < lengthBytes; at += bytes.length) {
    yield { offsetBytes: offsetBytes + at, bytes: bytes.subarray(0, lengthBytes - at) };
  }
}

function* dataOf(pieces: Iterable<ImagePiece>): Generator<DataPiece> {
  for (const piece of pieces) {
    if (piece.kind === 'data') yield piece;
    else yield* zeros(piece);
  }
}

/** Runs of whole units in which `bytes` differs from `old` (null: from zeros), as [start, end) in bytes. */
function* differences(
  old: Uint8Array | null,
  bytes: Uint8Array,
  unitBytes: number,
): Generator<readonly [number, number]> {
  if (old !== null && Buffer.compare(old, bytes) === 0) return;
  let start = -1;
  for (let at = 0; at < bytes.length; at += unitBytes) {
    const unit = bytes.subarray(at, at + unitBytes);
    const isSame = old === null ? isZero(unit) : Buffer.compare(unit, old.subarray(at, at + unitBytes)) === 0;
    if (!isSame && start < 0) start = at;
    if (isSame && start >= 0) {
      yield [start, at];
      start = -1;
    }
  }
  if (start >= 0) yield [start, bytes.length];
}

export function writeAll(descriptor: number, bytes: Uint8Array, offsetBytes: number | null): void {
  for (let at = 0; at < bytes.length;) {
    const position = offsetBytes === null ? null : offsetBytes + at;
    at += fs.writeSync(descriptor, bytes, at, bytes.length - at, position);
  }
}

export function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = fs.statfsSync(dirname(path));
    return bavail * bsize;
  } catch (error) {
    // Not every host's file system can say; the write itself will then tell.
    if (error instanceof Error) return Infinity;
    throw error;
  }
}

export const hostIsFull = (path: string, needBytes: number): HostError =>
  new HostError(
    `Cannot write ${printable(path)}: it needs ${needBytes.toLocaleString('en')} bytes more than the host's disk has free; nothing is written.`,
    EXIT.failed,
  );

/** A Ctrl-C between the first and the last write of an image must not leave half of it. */
function withoutSignals<T>(work: () => T): T {
  const ignore = () => {};
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, ignore);
  try {
    return work();
  } finally {
    for (const signal of signals) process.off(signal, ignore);
  }
}
