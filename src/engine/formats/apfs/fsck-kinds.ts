import { OBJECT } from './layout.ts';
import { BTREE_FLAG } from './layout-tree.ts';

/**
 * The kinds of B-trees and how their keys are ordered (apfs.md §4.3 to §4.5, §6.1): enough to walk any of them.
 * What a record means is the business of whoever walks.
 */
export interface TreeKind {
  /** As fsck_apfs calls it in messages: 'om'. */
  readonly code: string;
  /** '   Object map is invalid.' */
  readonly title: string;
  readonly storage: 'physical' | 'virtual' | 'ephemeral';
  readonly subtype: number;
  /** Sizes of a leaf record's parts; null: variable. */
  readonly fixed: { readonly keyBytes: number; readonly valueBytes: number } | null;
  /** Keys may lack a value. */
  readonly hasGhosts: boolean;
  /** Bits of the footer that must be as here; SEQUENTIAL_INSERT and UINT64_KEYS may be either. */
  readonly footerFlags: number;
  /** The footer's longest key and value: exactly these, where not null; else at least what was met. */
  readonly longest: { readonly keyBytes: number | null; readonly valueBytes: number | null };
  /** An empty tree may say 0 for both. */
  readonly mayLongestBeZero: boolean;
  /** A sealed volume's catalog: nodes without header, children hashed. */
  readonly isSealed: boolean;
  /** Shortest key that can be compared. */
  readonly keyBytesMin: number;
  /** Negative, 0 or positive. Keys as they lie on the disk; both at least `keyBytesMin` long. */
  readonly compare: Compare;
}

/** `a` from byte `aAt` to before `aEnd` against `b`. */
export type Compare = (
  a: Uint8Array,
  aAt: number,
  aEnd: number,
  b: Uint8Array,
  bAt: number,
  bEnd: number,
) => number;

const u32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) +
  (bytes[at + 1] ?? 0) * 0x100 +
  (bytes[at + 2] ?? 0) * 0x10000 +
  (bytes[at + 3] ?? 0) * 0x1000000;

function compareU64(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): number {
  const high = u32(a, aAt + 4) - u32(b, bAt + 4);
  return high !== 0 ? high : u32(a, aAt) - u32(b, bAt);
}

const compareOne: Compare = (a, aAt, _aEnd, b, bAt) => compareU64(a, aAt, b, bAt);

const compareTwo: Compare = (a, aAt, _aEnd, b, bAt) => {
  const first = compareU64(a, aAt, b, bAt);
  return first !== 0 ? first : compareU64(a, aAt + 8, b, bAt + 8);
};

/** The 60 bits of the id, then the type that stands above them. */
function compareIdAndType(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): number {
  const aHigh = u32(a, aAt + 4);
  const bHigh = u32(b, bAt + 4);
  const high = (aHigh & 0x0fffffff) - (bHigh & 0x0fffffff);
  if (high !== 0) return high;
  const low = u32(a, aAt) - u32(b, bAt);
  return low !== 0 ? low : (aHigh >>> 28) - (bHigh >>> 28);
}

/** Bytes up to a NUL or the end. */
function compareNames(
  a: Uint8Array,
  aAt: number,
  aEnd: number,
  b: Uint8Array,
  bAt: number,
  bEnd: number,
): number {
  for (let i = 0; ; i++) {
    const x = aAt + i < aEnd ? (a[aAt + i] ?? 0) : 0;
    const y = bAt + i < bEnd ? (b[bAt + i] ?? 0) : 0;
    if (x !== y || x === 0) return x - y;
  }
}

const compareReferences: Compare = (a, aAt, _aEnd, b, bAt) => compareIdAndType(a, aAt, b, bAt);

const compareSnapshots: Compare = (a, aAt, aEnd, b, bAt, bEnd) => {
  const first = compareIdAndType(a, aAt, b, bAt);
  if (first !== 0 || (a[aAt + 7] ?? 0) >>> 4 !== TYPE.snapshotName) return first;
  return compareNames(a, aAt + 10, aEnd, b, bAt + 10, bEnd);
};

const TYPE = { xattr: 4, siblingLink: 5, fileExtent: 8, directoryRecord: 9, snapshotName: 11, fileInfo: 13 };

const compareCatalog =
  (isHashed: boolean): Compare =>
  (a, aAt, aEnd, b, bAt, bEnd) => {
    const first = compareIdAndType(a, aAt, b, bAt);
    if (first !== 0) return first;
    switch ((a[aAt + 7] ?? 0) >>> 4) {
      case TYPE.directoryRecord: {
        if (!isHashed) return compareNames(a, aAt + 10, aEnd, b, bAt + 10, bEnd);
        const hash = (u32(a, aAt + 8) >>> 10) - (u32(b, bAt + 8) >>> 10);
        return hash !== 0 ? hash : compareNames(a, aAt + 12, aEnd, b, bAt + 12, bEnd);
      }
      case TYPE.xattr:
        return compareNames(a, aAt + 10, aEnd, b, bAt + 10, bEnd);
      case TYPE.siblingLink:
      case TYPE.fileExtent:
        return longEnough(aAt, aEnd, bAt, bEnd) ? compareU64(a, aAt + 8, b, bAt + 8) : 0;
      case TYPE.fileInfo: {
        if (!longEnough(aAt, aEnd, bAt, bEnd)) return 0;
        const high = (u32(a, aAt + 12) & 0xffffff) - (u32(b, bAt + 12) & 0xffffff);
        return high !== 0 ? high : u32(a, aAt + 8) - u32(b, bAt + 8);
      }
      default:
        return 0;
    }
  };

const longEnough = (aAt: number, aEnd: number, bAt: number, bEnd: number): boolean =>
  aEnd - aAt >= 16 && bEnd - bAt >= 16;

const physicalFixed = (
  code: string,
  title: string,
  subtype: number,
  keyBytes: number,
  compare: Compare,
): TreeKind => ({
  code,
  title,
  storage: 'physical',
  subtype,
  fixed: { keyBytes, valueBytes: 16 },
  hasGhosts: false,
  footerFlags: BTREE_FLAG.physical,
  longest: { keyBytes, valueBytes: 16 },
  mayLongestBeZero: subtype === OBJECT.objectMap,
  isSealed: false,
  keyBytesMin: keyBytes,
  compare,
});

const catalog = (isHashed: boolean, isSealed: boolean): TreeKind => ({
  code: 'fsroot',
  title: 'fsroot tree',
  storage: 'virtual',
  subtype: OBJECT.catalog,
  fixed: null,
  hasGhosts: false,
  footerFlags: BTREE_FLAG.notAligned | (isSealed ? BTREE_FLAG.hashed | BTREE_FLAG.noHeader : 0),
  longest: { keyBytes: null, valueBytes: null },
  mayLongestBeZero: false,
  isSealed,
  keyBytesMin: 8,
  compare: compareCatalog(isHashed),
});

export const TREE_KINDS = {
  omap: physicalFixed('om', 'Object map', OBJECT.objectMap, 16, compareTwo),
  omapSnapshots: physicalFixed('om_snap', 'Object map snapshot tree', OBJECT.omapSnapshots, 8, compareOne),
  fileExtents: physicalFixed('fext', 'File extent tree', OBJECT.fileExtentTree, 16, compareTwo),
  freeQueue: {
    ...physicalFixed('sm_fq', 'Space manager free queue tree', OBJECT.freeQueue, 16, compareTwo),
    storage: 'ephemeral',
    fixed: { keyBytes: 16, valueBytes: 8 },
    hasGhosts: true,
    footerFlags: BTREE_FLAG.allowsGhosts | BTREE_FLAG.ephemeral,
    longest: { keyBytes: 16, valueBytes: null },
  },
  extentReferences: {
    ...physicalFixed('extentref', 'Extent ref tree', OBJECT.extentReferences, 8, compareReferences),
    fixed: null,
    footerFlags: BTREE_FLAG.physical | BTREE_FLAG.notAligned,
    longest: { keyBytes: 8, valueBytes: 20 },
    mayLongestBeZero: true,
  },
  snapshotMetadata: {
    ...physicalFixed('snap_meta', 'Snapshot metadata tree', OBJECT.snapshotMetadata, 8, compareSnapshots),
    fixed: null,
    footerFlags: BTREE_FLAG.physical | BTREE_FLAG.notAligned,
    longest: { keyBytes: null, valueBytes: null },
  },
  /** Names are found by hash: case-insensitive and normalization-insensitive volumes. */
  hashedCatalog: catalog(true, false),
  plainCatalog: catalog(false, false),
  sealedCatalog: catalog(true, true),
  sealedPlainCatalog: catalog(false, true),
} as const satisfies Record<string, TreeKind>;
