import { INODE_FLAG } from './layout-catalog.ts';

/**
 * Where fields of catalog records lie, and what a record under examination is. Little-endian; offsets count from the
 * beginning of the key or value they are of. The checker reads records where they lie, without an object for each.
 * Source: "Apple File System Reference", "File-System Objects" and "Extended Fields"; apfsck where the two disagree.
 */

export const KEY_AT = {
  /** Of an extent, a sibling link and a file info: the second word. */
  second: 8,
  hashAndLength: 8,
  hashedName: 12,
  nameLength: 8,
  plainName: 10,
} as const;

export const INODE_AT = {
  parentId: 0,
  privateId: 8,
  flags: 48,
  count: 56,
  protectionClass: 60,
  bsdFlags: 68,
  uid: 72,
  mode: 80,
  padding: 82,
  uncompressedSize: 84,
  fields: 92,
} as const;

/** Every bit of an inode's internal flags that has a meaning. */
export const INODE_FLAGS_KNOWN = Object.values(INODE_FLAG).reduce((all, bit) => all + bit, 0);

export const STREAM_AT = { size: 0, allocated: 8, crypto: 16 } as const;
export const STREAM_SIZE_BYTES = 40;

export const LINK_AT = { fileId: 0, flags: 16, fields: 18 } as const;
/** Entries of the purgeable directory have either. */
export const LINK_PURGEABLE = 0xa00;

export const XATTR_AT = { flags: 0, length: 2, data: 4 } as const;
export const XATTR_FLAGS_KNOWN = 0x1f;
/** The stream's id, and the stream. */
export const XATTR_STREAM_SIZE_BYTES = 48;

export const EXTENT_VALUE_SIZE_BYTES = 24;

/** Identifiers that stand where otherwise that of a per-file key stands. */
export const CRYPTO = { software: 4, reserved: 5 } as const;

/** All bits set: nobody. */
export const isNobody = (view: DataView, at: number): boolean =>
  view.getUint32(at, true) === 0xffff_ffff && view.getUint32(at + 4, true) === 0xffff_ffff;
