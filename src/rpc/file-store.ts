import { FsError } from '../engine/base/errno.ts';
import { diskIn, openDisk } from '../engine/session/new-disk.ts';
import type { Session } from '../engine/session/session.ts';

/**
 * A disk over a file that the user chose: read piece by piece when somebody looks, never copied, never written. Needs a
 * worker, where FileReaderSync exists.
 *
 * Reading through FileReaderSync costs up to a millisecond a call, so neighbouring blocks come along: a chunk when
 * somebody jumps, twice as many each time when somebody reads on, as whoever lists a large folder does.
 */
const CHUNK_BYTES = 2 ** 16;
/** More than the catalog of a volume with 50,000 files: whoever reads it again finds it here. */
const CHUNKS_MAX = 512;
const CHUNKS_AHEAD_MAX = 16;

export const storeOver = (file: File): Session['store'] => openDisk(bytesOf(file), file.name, false);

/** What lies below a disk that was opened from this file. */
export const backingIn = (file: File): ReturnType<typeof diskIn> => diskIn(bytesOf(file), file.name);

function bytesOf(file: File) {
  const chunks = new Chunks(file);
  return {
    sizeBytes: file.size,
    read: (offsetBytes: number, into: Uint8Array) => chunks.read(offsetBytes, into),
  };
}

class Chunks {
  readonly #file: File;
  readonly #reader = new FileReaderSync();
  /** The chunks used last, oldest first. */
  readonly #kept = new Map<number, Uint8Array>();
  /** The chunk behind those loaded last, and how many they were. */
  #next = -1;
  #ahead = 1;

  constructor(file: File) {
    this.#file = file;
  }

  read(offsetBytes: number, into: Uint8Array): void {
    if (into.length > CHUNK_BYTES) {
      into.set(this.#load(offsetBytes, into.length));
      return;
    }
    for (let at = 0; at < into.length;) {
      const index = Math.floor((offsetBytes + at) / CHUNK_BYTES);
      const inChunk = offsetBytes + at - index * CHUNK_BYTES;
      const piece = this.#chunk(index).subarray(inChunk, inChunk + into.length - at);
      if (piece.length === 0) throw this.#unreadable();
      into.set(piece, at);
      at += piece.length;
    }
  }

  #chunk(index: number): Uint8Array {
    const kept = this.#kept.get(index);
    if (kept !== undefined) {
      this.#kept.delete(index);
      this.#kept.set(index, kept);
      return kept;
    }
    this.#ahead = index === this.#next ? Math.min(2 * this.#ahead, CHUNKS_AHEAD_MAX) : 1;
    this.#next = index + this.#ahead;
    const loaded = this.#load(index * CHUNK_BYTES, this.#ahead * CHUNK_BYTES);
    for (let at = 0; at < this.#ahead; at++)
      this.#keep(index + at, loaded.slice(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES));
    return loaded.subarray(0, CHUNK_BYTES);
  }

  #keep(index: number, chunk: Uint8Array): void {
    this.#kept.delete(index);
    this.#kept.set(index, chunk);
    if (this.#kept.size <= CHUNKS_MAX) return;
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest);
      break;
    }
  }

  #load(offsetBytes: number, lengthBytes: number): Uint8Array {
    try {
      const slice = this.#file.slice(offsetBytes, offsetBytes + lengthBytes);
      return new Uint8Array(this.#reader.readAsArrayBuffer(slice));
    } catch (error) {
      // NotReadableError, NotFoundError: the file was moved, changed or taken away since it was chosen.
      if (!(error instanceof DOMException)) throw error;
      throw this.#unreadable(error);
    }
  }

  #unreadable(cause?: unknown): FsError {
    const detail = 'the file was changed or moved since it was opened; open it again';
    return new FsError('EIO', 'read', this.#file.name, detail, cause === undefined ? {} : { cause });
  }
}
