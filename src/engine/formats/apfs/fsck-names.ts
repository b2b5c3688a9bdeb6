import { equalBytes, textOf, utf8 } from '../../base/bytes.ts';
import { crc32cWord } from '../../codec/crc32c.ts';
import { nameHash } from './names.ts';

/** Names as records hold them: bytes of UTF-8 that end with the only NUL among them. */

/** What is wrong with the `lengthBytes` bytes at `at`, or null: `statedBytes` of them should be a name with its NUL. */
export function nameFault(
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
  statedBytes: number,
): string | null {
  if (lengthBytes < 1) return 'no room for a name';
  if (statedBytes !== lengthBytes) return `name length ${statedBytes}, but ${lengthBytes} bytes of name`;
  if (lengthBytes > NAME_WITH_NUL_BYTES_MAX) return `name of ${lengthBytes} bytes`;
  for (let i = 0; i < lengthBytes - 1; i++) if (bytes[at + i] === 0) return 'NUL within the name';
  if (bytes[at + lengthBytes - 1] !== 0) return 'name without NUL at its end';
  return null;
}

const NAME_WITH_NUL_BYTES_MAX = 256;

/** The hash of a name of a directory record, -1 when the bytes are no UTF-8. `lengthBytes` without the NUL. */
export function storedNameHash(
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
  isCaseInsensitive: boolean,
): number {
  let crc = 0xffff_ffff;
  for (let i = 0; i < lengthBytes; i++) {
    const byte = bytes[at + i] ?? 0;
    if (byte > 0x7f) return wideHash(bytes.subarray(at, at + lengthBytes), isCaseInsensitive);
    crc = crc32cWord(crc, isCaseInsensitive && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
  }
  return crc & 0x3f_ffff;
}

function wideHash(name: Uint8Array, isCaseInsensitive: boolean): number {
  const text = textOf(name);
  return equalBytes(utf8(text), name) ? nameHash(text, isCaseInsensitive) : -1;
}

/** Order of two names by their bytes, as keys have it. */
export function compareNames(
  a: Uint8Array,
  aAt: number,
  aEnd: number,
  b: Uint8Array,
  bAt: number,
  bEnd: number,
): number {
  const length = Math.min(aEnd - aAt, bEnd - bAt);
  for (let i = 0; i < length; i++) {
    const difference = (a[aAt + i] ?? 0) - (b[bAt + i] ?? 0);
    if (difference !== 0) return difference;
  }
  return aEnd - aAt - (bEnd - bAt);
}
