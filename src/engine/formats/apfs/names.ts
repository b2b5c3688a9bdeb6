import { FsError } from '../../base/errno.ts';
import { utf8 } from '../../base/bytes.ts';
import { canonicalPoints } from '../../codec/apfs-unicode.ts';
import { crc32cWord } from '../../codec/crc32c.ts';

/**
 * Names of APFS: UTF-8 as the program spelt it, 1 to 255 bytes and a NUL. What makes two names one is decided apart
 * from that: canonical decomposition, on a case-insensitive volume full case folding besides (apfs-unicode.ts). A
 * directory record carries 22 bits of the CRC-32C of that form, which also order the records.
 * [Apple File System Reference, j_drec_hashed_key_t; apfsprogs lib/unicode.c, apfsck/key.c]
 *
 * Refused, as macOS does: half a surrogate pair and code points that are no characters in any Unicode. What Unicode has
 * not assigned yet is taken and hashed as itself (Linux and apfsck do so): macOS refuses it too, but moves that border
 * with each release. Two faults of apfsprogs are not followed: it never ends on a folded letter with a breathing and an
 * iota below (U+1F80 and its like), and it takes plane 16 for plane 0.
 */

/** Longest name in bytes of UTF-8, its NUL not counted. */
export const NAME_BYTES_MAX = 255;

const HASH_MASK = 0x3fffff;
const ASCII_LAST = 0x7f;

const isAscii = (name: string): boolean => {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) > ASCII_LAST) return false;
  return true;
};

/** Surrogates without their other half, and the 66 noncharacters. */
const UNENCODABLE = /[\p{Surrogate}\p{Noncharacter_Code_Point}]/u;

/** The name as it is stored, without its NUL. ENAMETOOLONG, EILSEQ, EINVAL for an empty one. */
export function nameBytes(name: string): Uint8Array {
  if (name.length > NAME_BYTES_MAX) throw tooLong();
  if (isAscii(name)) {
    if (name === '') throw new FsError('EINVAL', '', '', 'a name has at least one character');
    const bytes = new Uint8Array(name.length);
    for (let i = 0; i < name.length; i++) {
      const unit = name.charCodeAt(i);
      if (unit === 0) throw new FsError('EINVAL', '', '', 'a name cannot contain U+0000');
      bytes[i] = unit;
    }
    return bytes;
  }
  if (UNENCODABLE.test(name)) {
    const detail =
      'APFS names are UTF-8: half a surrogate pair, or a code point that is no character, cannot be stored';
    throw new FsError('EILSEQ', '', '', detail);
  }
  if (name.includes('\0')) throw new FsError('EINVAL', '', '', 'a name cannot contain U+0000');
  const bytes = utf8(name);
  if (bytes.length > NAME_BYTES_MAX) throw tooLong();
  return bytes;
}

const tooLong = (): FsError =>
  new FsError('ENAMETOOLONG', '', '', `APFS names have at most ${NAME_BYTES_MAX} bytes of UTF-8`);

/** The 22 bits that a directory record of a hashed volume carries for this name. */
export function nameHash(name: string, isCaseInsensitive: boolean): number {
  let crc = 0xffffffff;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit > ASCII_LAST) return hashOfPoints(canonicalPoints(name, isCaseInsensitive));
    crc = crc32cWord(crc, isCaseInsensitive ? lowerAscii(unit) : unit);
  }
  return crc & HASH_MASK;
}

function hashOfPoints(points: readonly number[]): number {
  let crc = 0xffffffff;
  for (const point of points) crc = crc32cWord(crc, point);
  return crc & HASH_MASK;
}

const lowerAscii = (unit: number): number => (unit >= 0x41 && unit <= 0x5a ? unit + 0x20 : unit);

/** Whether a hashed volume takes the two for one name. (On an unhashed one every byte counts.) */
export function isSameName(a: string, b: string, isCaseInsensitive: boolean): boolean {
  if (a === b) return true;
  if (isAscii(a) && isAscii(b)) return isCaseInsensitive && isSameAscii(a, b);
  const pointsA = canonicalPoints(a, isCaseInsensitive);
  const pointsB = canonicalPoints(b, isCaseInsensitive);
  if (pointsA.length !== pointsB.length) return false;
  for (const [i, point] of pointsA.entries()) if (point !== pointsB[i]) return false;
  return true;
}

function isSameAscii(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (lowerAscii(a.charCodeAt(i)) !== lowerAscii(b.charCodeAt(i))) return false;
  }
  return true;
}
