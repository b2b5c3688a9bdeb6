import { assert } from '../../base/assert.ts';
import type { Role } from '../../base/role.ts';
import { BLOCK_SIZE_BYTES, OBJECT } from './layout.ts';
import {
  BTREE_FLAG,
  CHILD_SIZE_BYTES,
  FIXED_ENTRY_SIZE_BYTES,
  NODE_HEADER_SIZE_BYTES,
} from './layout-tree.ts';
import { u32At } from './object.ts';

/**
 * What distinguishes the B-trees of a container: what they hold, how long records are, how keys are ordered, and how
 * their nodes are addressed. Comparison works on the bytes as they lie in a node and allocates nothing.
 */
export interface TreeKind {
  /** For sentences: 'catalog'. */
  readonly title: string;
  readonly subtype: number;
  /** High bits of the type word of its nodes: OBJECT_FLAG, 0 for virtual ones. */
  readonly storage: 'virtual' | 'physical' | 'ephemeral';
  /** bt_flags of the footer. */
  readonly footerFlags: number;
  /** Sizes of leaf records that all have the same; null: they vary. Children in index nodes take 8 bytes. */
  readonly fixed: { readonly keyBytes: number; readonly valueBytes: number } | null;
  /** What the footer says of its longest records while there are none. */
  readonly longestWhenEmpty: { readonly keyBytes: number; readonly valueBytes: number };
  /** May a leaf record lack its value? (Only in free queues: a range of one block.) */
  readonly allowsGhosts: boolean;
  readonly role: Role;
  /** Bits of the upper word of the first eight bytes that, with the lower one, decide the order before all else. */
  readonly orderMask: number;
  /** Do keys of names have a hash behind object and type, which decides before the name? */
  readonly isHashed: boolean;
  readonly compare: KeyComparison;
}

/**
 * Negative, 0 or positive: how the key of `aLength` bytes at `a[aAt]` stands to the one at `b[bAt]`. A key that ends
 * too early stands before every longer one, so a search may be for the beginning of a key.
 */
export type KeyComparison = (
  a: Uint8Array,
  aAt: number,
  aLength: number,
  b: Uint8Array,
  bAt: number,
  bLength: number,
) => number;

/** Unsigned 64-bit numbers. Both keys have eight bytes there. */
function compareU64(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): number {
  const high = u32At(a, aAt + 4) - u32At(b, bAt + 4);
  return high !== 0 ? high : u32At(a, aAt) - u32At(b, bAt);
}

/** Keys of fixed size: one number, or two of which the first counts more. */
const compareNumber: KeyComparison = (a, aAt, _aLength, b, bAt) => compareU64(a, aAt, b, bAt);
const compareTwoNumbers: KeyComparison = (a, aAt, aLength, b, bAt, bLength) => {
  const first = compareU64(a, aAt, b, bAt);
  if (first !== 0) return first;
  if (aLength < 16 || bLength < 16) return aLength - bLength;
  return compareU64(a, aAt + 8, b, bAt + 8);
};

/** Byte by byte to the end of the shorter; names carry their NUL, so this is strcmp. */
function compareNames(
  a: Uint8Array,
  aAt: number,
  aEnd: number,
  b: Uint8Array,
  bAt: number,
  bEnd: number,
): number {
  while (aAt < aEnd && bAt < bEnd) {
    const difference = a[aAt++]! - b[bAt++]!;
    if (difference !== 0) return difference;
  }
  return aEnd - aAt - (bEnd - bAt);
}

/** Types of records whose keys go on behind object and type (apfsprogs, apfsck/key.c). */
const RECORD = { xattr: 4, siblingLink: 5, fileExtent: 8, directory: 9, snapshotName: 11, fileInfo: 13 };

/** Of the upper word of j_key_t: the object; the rest is the type. */
const OBJECT_MASK = 0x0fff_ffff;

const NAME_AT = 10;
/** In the key of a name with a hash. */
export const HASHED_NAME_AT = 12;

/** The hash of a name's key: what stands behind object and type, without the length that shares its word. */
export const hashIn = (word: number): number => word >>> 10;

/** The hash in a key of a kind that has them; −1 for a key without. */
export const hashOf = (kind: TreeKind, key: Uint8Array): number =>
  kind.isHashed && key.length >= HASHED_NAME_AT && u32At(key, 4) >>> 28 === RECORD.directory
    ? hashIn(u32At(key, 8))
    : -1;

/**
 * Order of j_key_t: object (low 60 bits of the first word), type (high 4), then by type a number, a hash and a name, or
 * a name. The length that shares its word with a hash does not count. [AFS "j_key_t"]
 */
const compareRecords =
  (isHashed: boolean): KeyComparison =>
  (a, aAt, aLength, b, bAt, bLength) => {
    const aHigh = u32At(a, aAt + 4);
    const bHigh = u32At(b, bAt + 4);
    const object = (aHigh & OBJECT_MASK) - (bHigh & OBJECT_MASK) || u32At(a, aAt) - u32At(b, bAt);
    if (object !== 0) return object;
    const type = aHigh >>> 28;
    const difference = type - (bHigh >>> 28);
    if (difference !== 0) return difference;
    switch (type) {
      case RECORD.directory: {
        if (!isHashed) return compareNames(a, aAt + NAME_AT, aAt + aLength, b, bAt + NAME_AT, bAt + bLength);
        if (aLength < HASHED_NAME_AT || bLength < HASHED_NAME_AT) return aLength - bLength;
        const hash = hashIn(u32At(a, aAt + 8)) - hashIn(u32At(b, bAt + 8));
        if (hash !== 0) return hash;
        return compareNames(a, aAt + HASHED_NAME_AT, aAt + aLength, b, bAt + HASHED_NAME_AT, bAt + bLength);
      }
      case RECORD.xattr:
      case RECORD.snapshotName:
        return compareNames(a, aAt + NAME_AT, aAt + aLength, b, bAt + NAME_AT, bAt + bLength);
      case RECORD.fileExtent:
      case RECORD.fileInfo:
      case RECORD.siblingLink:
        if (aLength < 16 || bLength < 16) return aLength - bLength;
        return compareU64(a, aAt + 8, b, bAt + 8);
      default:
        return 0;
    }
  };

const recordOrder = (isHashed: boolean) => ({ isHashed, compare: compareRecords(isHashed) });

const NOTHING = { keyBytes: 0, valueBytes: 0 };

const CATALOG = {
  title: 'catalog',
  subtype: OBJECT.catalog,
  storage: 'virtual',
  footerFlags: BTREE_FLAG.notAligned,
  fixed: null,
  longestWhenEmpty: NOTHING,
  allowsGhosts: false,
  role: 'tree',
  orderMask: OBJECT_MASK,
} as const;

/** Volumes whose names are compared normalized, or normalized and case-folded: names have hashes. */
export const HASHED_CATALOG: TreeKind = { ...CATALOG, ...recordOrder(true) };
/** Volumes whose names are plain bytes. */
export const PLAIN_CATALOG: TreeKind = { ...CATALOG, ...recordOrder(false) };

const fixedKind = (
  title: string,
  subtype: number,
  keyBytes: number,
  valueBytes: number,
  compare: KeyComparison,
): TreeKind => ({
  title,
  subtype,
  storage: 'physical',
  footerFlags: BTREE_FLAG.physical,
  fixed: { keyBytes, valueBytes },
  longestWhenEmpty: { keyBytes, valueBytes },
  allowsGhosts: false,
  role: 'tree',
  orderMask: 0xffff_ffff,
  isHashed: false,
  compare,
});

export const OMAP_TREE = fixedKind('object map', OBJECT.objectMap, 16, 16, compareTwoNumbers);
export const OMAP_SNAPSHOTS = fixedKind('omap snapshots', OBJECT.omapSnapshots, 8, 16, compareNumber);
/** Of sealed volumes: read only. */
export const FILE_EXTENT_TREE = fixedKind('file extents', OBJECT.fileExtentTree, 16, 16, compareTwoNumbers);

export const FREE_QUEUE_TREE: TreeKind = {
  ...fixedKind('free queue', OBJECT.freeQueue, 16, 8, compareTwoNumbers),
  storage: 'ephemeral',
  footerFlags: BTREE_FLAG.ephemeral | BTREE_FLAG.allowsGhosts,
  allowsGhosts: true,
  role: 'checkpoint',
};

const variableKind = (title: string, subtype: number, role: Role): TreeKind => ({
  title,
  subtype,
  storage: 'physical',
  footerFlags: BTREE_FLAG.physical | BTREE_FLAG.notAligned,
  fixed: null,
  longestWhenEmpty: NOTHING,
  allowsGhosts: false,
  role,
  orderMask: OBJECT_MASK,
  ...recordOrder(true),
});

/** All its records have 8 and 20 bytes, yet its nodes are those of a tree whose records vary. */
export const EXTENT_REFERENCES = variableKind('extent references', OBJECT.extentReferences, 'references');
export const SNAPSHOT_METADATA = variableKind('snapshot metadata', OBJECT.snapshotMetadata, 'tree');

/** What a kind's footer says of key and value size: 0 when they vary. */
export const footerSizes = (kind: TreeKind): { readonly keyBytes: number; readonly valueBytes: number } =>
  kind.fixed ?? NOTHING;

/** Bytes of the whole table that nodes with fixed sizes set aside; the footer of a root does not count (apfsck). */
export function fixedTableBytes(kind: TreeKind, level: number): number {
  assert(kind.fixed !== null, 'only fixed sizes set a table aside');
  const valueBytes = level === 0 ? kind.fixed.valueBytes : CHILD_SIZE_BYTES;
  const recordBytes = kind.fixed.keyBytes + valueBytes + FIXED_ENTRY_SIZE_BYTES;
  return Math.floor((BLOCK_SIZE_BYTES - NODE_HEADER_SIZE_BYTES) / recordBytes) * FIXED_ENTRY_SIZE_BYTES;
}
