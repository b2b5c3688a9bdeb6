import { fletcher64 } from '../../codec/fletcher64.ts';

/**
 * Headers of objects as this format writes them. [AFS "obj_phys_t"]
 *
 * Numbers are written byte by byte or as aligned words: these functions run once per block of a commit.
 */

/** Puts the checksum; the last thing that happens to an object before it is written. */
export function seal(bytes: Uint8Array): void {
  const { low, high } = fletcher64(bytes, 8);
  putU32(bytes, 0, low);
  putU32(bytes, 4, high);
}

/** Is the checksum that of the bytes? A block of zeros never is intact. */
export function isIntact(bytes: Uint8Array): boolean {
  const { low, high } = fletcher64(bytes, 8);
  return u32At(bytes, 0) === low && u32At(bytes, 4) === high;
}

/** Everything of the header but the checksum. */
export function putHeader(bytes: Uint8Array, oid: number, xid: number, type: number, subtype: number): void {
  putU64(bytes, 8, oid);
  putU64(bytes, 16, xid);
  putU32(bytes, 24, type);
  putU32(bytes, 28, subtype);
}

export const oidOf = (bytes: Uint8Array): number => u64At(bytes, 8);
export const xidOf = (bytes: Uint8Array): number => u64At(bytes, 16);
export const typeOf = (bytes: Uint8Array): number => u32At(bytes, 24);
export const subtypeOf = (bytes: Uint8Array): number => u32At(bytes, 28);

export const u16At = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);

export const u32At = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

/** Exact up to 2^53; beyond (damage) the nearest double. */
export const u64At = (bytes: Uint8Array, at: number): number =>
  u32At(bytes, at + 4) * 2 ** 32 + u32At(bytes, at);

export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function putU64(bytes: Uint8Array, at: number, value: number): void {
  putU32(bytes, at, value >>> 0);
  putU32(bytes, at + 4, Math.floor(value / 2 ** 32));
}
