import { md5 } from '@noble/hashes/legacy.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { utf8 } from '../base/bytes.ts';

/**
 * Symlinks on volumes that know none: a file of exactly 1067 bytes that says "XSym", the target's length, its MD5 and
 * the target, padded to 1024 bytes by one line feed and spaces. macOS, Samba and Minshall+French's NFS agree on it.
 * Source: Apple msdosfs-788, msdosfs_vnops.c, `struct symlink`.
 */
export const XSYM_SIZE_BYTES = 1067;
export const XSYM_TARGET_BYTES_MAX = 1024;

const MAGIC = 'XSym\n';
const LENGTH_OFFSET_BYTES = 5;
const MD5_OFFSET_BYTES = 10;
const TARGET_OFFSET_BYTES = 43;

/** The file for `target`, or null when the target is longer than 1024 bytes of UTF-8. */
export function encodeXSym(target: string): Uint8Array | null {
  const bytes = utf8(target);
  if (bytes.length > XSYM_TARGET_BYTES_MAX) return null;
  const file = new Uint8Array(XSYM_SIZE_BYTES).fill(0x20);
  const length = String(bytes.length).padStart(4, '0');
  file.set(utf8(`${MAGIC}${length}\n${bytesToHex(md5(bytes))}\n`));
  file.set(bytes, TARGET_OFFSET_BYTES);
  if (bytes.length < XSYM_TARGET_BYTES_MAX) file[TARGET_OFFSET_BYTES + bytes.length] = 0x0a;
  return file;
}

/** The bytes of the target, or null for any other file, be it off by one byte. */
export function decodeXSym(file: Uint8Array): Uint8Array | null {
  if (file.length !== XSYM_SIZE_BYTES) return null;
  const text = (from: number, length: number) => String.fromCharCode(...file.subarray(from, from + length));
  if (text(0, MAGIC.length) !== MAGIC) return null;
  const digits = text(LENGTH_OFFSET_BYTES, 4);
  if (!/^\d{4}$/.test(digits) || Number(digits) > XSYM_TARGET_BYTES_MAX) return null;
  const target = file.slice(TARGET_OFFSET_BYTES, TARGET_OFFSET_BYTES + Number(digits));
  return text(MD5_OFFSET_BYTES, 32) === bytesToHex(md5(target)) ? target : null;
}
