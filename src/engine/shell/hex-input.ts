import { SEEK_SET } from '../vfs/constants.ts';
import type { InputStream, Running } from './command.ts';

/** Bytes in rows, for `xxd` and `hexdump`: from an offset on, found by seeking where that is possible. */
export class RowReader {
  readonly #input: InputStream;
  readonly #rowBytes: number;
  #left: number;
  #pending: Uint8Array = new Uint8Array(0);

  constructor(input: InputStream, options: { rowBytes: number; lengthBytes: number }) {
    this.#input = input;
    this.#rowBytes = options.rowBytes;
    this.#left = options.lengthBytes;
  }

  /** Go to `offsetBytes` from the beginning, or from the end when negative; returns where that is. */
  *skip(offsetBytes: number, seek: SeekCalls): Running<number> {
    const { descriptor } = this.#input;
    if (descriptor !== undefined) {
      const { sizeBytes } = seek.fstat(descriptor);
      const at = offsetBytes < 0 ? Math.max(0, sizeBytes + offsetBytes) : offsetBytes;
      return seek.lseek(descriptor, at, SEEK_SET);
    }
    for (let left = Math.max(0, offsetBytes); left > 0;) {
      const piece = yield* this.#input.read(Math.min(left, 65536));
      if (piece === null) break;
      left -= piece.length;
      yield;
    }
    return Math.max(0, offsetBytes);
  }

  /** The next row, shorter only at the end; null behind it. */
  *next(): Running<Uint8Array | null> {
    const want = Math.min(this.#rowBytes, this.#left);
    while (this.#pending.length < want) {
      const piece = yield* this.#input.read(65536);
      yield;
      if (piece === null) break;
      const joined = new Uint8Array(this.#pending.length + piece.length);
      joined.set(this.#pending);
      joined.set(piece, this.#pending.length);
      this.#pending = joined;
    }
    const row = this.#pending.subarray(0, want);
    this.#pending = this.#pending.subarray(row.length);
    this.#left -= row.length;
    return row.length === 0 ? null : row;
  }
}

interface SeekCalls {
  fstat(fd: number): { readonly sizeBytes: number };
  lseek(fd: number, offsetBytes: number, whence: number): number;
}

/** Offsets and lengths as C writes them: 512, 0x200, 01000; with k or m behind. */
export function readOffset(text: string): number | undefined {
  const [, sign = '', digits = '', unit = ''] =
    /^([-+]?)(0[xX][0-9a-fA-F]+|[0-9]+)([bkm]?)$/.exec(text) ?? [];
  if (digits === '') return undefined;
  const isOctal = /^0[0-7]+$/.test(digits);
  const value = isOctal ? Number.parseInt(digits, 8) : Number(digits);
  const scale = { '': 1, b: 512, k: 1024, m: 1024 * 1024 }[unit] ?? 1;
  return Number.isSafeInteger(value * scale) ? value * scale * (sign === '-' ? -1 : 1) : undefined;
}

export const printable = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');

export const hexadecimal = (value: number, digits: number): string =>
  value.toString(16).padStart(digits, '0');
