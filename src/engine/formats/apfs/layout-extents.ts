import type { Timespec } from '../../base/clock.ts';
import { viewOf } from '../../base/bytes.ts';
import { hex, struct, u16, u32, u64 } from '../../codec/struct.ts';
import type { Field, Value } from '../../codec/struct.ts';

/**
 * Records of two physical B-trees of a volume: extent references (who holds which blocks of contents) and snapshot
 * metadata. Little-endian. Sources: Apple File System Reference (2020), "Physical Extents" and "Snapshot Metadata";
 * apfsprogs, apfsck/extents.c and snapshot.c, for what a checker demands.
 *
 * A number of 64 bits whose highest four carry a kind or type is never taken for one number: it is a `Tagged`.
 */

/** A 64-bit word as the format packs it: 60 bits of number, four bits of tag above them. */
export interface Tagged {
  readonly tag: number;
  readonly number: number;
}

const TAG_SHIFT = 28;
const NUMBER_HIGH_MASK = 0x0fff_ffff;

/** The low 60 bits of the word at `at`; exact up to 2^53. */
export const numberOfTagged = (view: DataView, at: number): number =>
  (view.getUint32(at + 4, true) & NUMBER_HIGH_MASK) * 2 ** 32 + view.getUint32(at, true);

/** The high four bits of the word at `at`. */
export const tagOfTagged = (view: DataView, at: number): number => view.getUint32(at + 4, true) >>> TAG_SHIFT;

export function putTagged(view: DataView, at: number, tag: number, number: number): void {
  view.setUint32(at, number >>> 0, true);
  view.setUint32(at + 4, Math.floor(number / 2 ** 32) + tag * 2 ** TAG_SHIFT, true);
}

const tagged = (at: number, doc: string, show: (value: Tagged) => string): Field<Tagged> => ({
  at,
  doc,
  show,
  lengthBytes: 8,
  get: (view, from) => ({ tag: tagOfTagged(view, from), number: numberOfTagged(view, from) }),
  set: (view, from, value) => putTagged(view, from, value.tag, value.number),
});

// ── extent references ───────────────────────────────────────────────────────────────────────────────────────────────

/** Types of keys in these trees: the same numbers as in the catalog, where they never appear. */
export const EXTENT_KEY_TYPE = { snapshotMetadata: 1, extent: 2, snapshotName: 11 } as const;

const showKeyType = (type: number): string =>
  ({ 1: 'snapshot metadata', 2: 'extent', 11: 'snapshot name' })[type] ?? `unknown type ${type}`;

export const REFERENCE_KEY_SIZE_BYTES = 8;
export const REFERENCE_VALUE_SIZE_BYTES = 20;

/** NEW: these blocks were allocated since the newest snapshot. UPDATE: a delta to what an older snapshot's tree says. */
export const EXTENT_KIND = { new: 1, update: 2 } as const;

const showKind = (kind: number): string =>
  ({ 1: 'NEW', 2: 'UPDATE', 3: 'DEAD', 4: 'UPDATE_REFCNT' })[kind] ?? `unknown kind ${kind}`;

/** The owner of every UPDATE record: all bits set. Not a safe number, so it is compared word by word. */
export const NO_OWNER = { low: 0xffff_ffff, high: 0xffff_ffff } as const;

export type ExtentReferenceKey = Value<typeof ExtentReferenceKey>;
export const ExtentReferenceKey = struct(
  'j_phys_ext_key',
  8,
  'little',
  'APFS Reference, "j_phys_ext_key_t"',
  {
    firstBlock: tagged(
      0,
      'obj_id_and_type: first block of the run, and type 2',
      ({ tag, number }) => `block ${number}, ${showKeyType(tag)}`,
    ),
  },
);

const signed = (value: number): string => (value > 0x7fff_ffff ? String(value - 2 ** 32) : String(value));

export type ExtentReferenceValue = Value<typeof ExtentReferenceValue>;
export const ExtentReferenceValue = struct(
  'j_phys_ext_val',
  20,
  'little',
  'APFS Reference, "j_phys_ext_val_t"',
  {
    blockCount: tagged(
      0,
      'len_and_kind: blocks of the run, and kind of record',
      ({ tag, number }) => `${number} block${number === 1 ? '' : 's'}, ${showKind(tag)}`,
    ),
    ownerLow: u32(8, 'owning_obj_id, low half: stream that allocated the run; all ones in an UPDATE', {
      show: hex,
    }),
    ownerHigh: u32(12, 'owning_obj_id, high half', { show: hex }),
    count: u32(16, 'refcnt: streams that hold the run (NEW), or what this adds to an older count (UPDATE)', {
      show: signed,
    }),
  },
);

// ── snapshot metadata ───────────────────────────────────────────────────────────────────────────────────────────────

const NANOSECONDS_PER_SECOND = 1_000_000_000;
const HALF = 65_536;

/** Nanoseconds since 1970 as one 64-bit word, taken apart in steps that a double holds exactly. */
function timeAt(view: DataView, at: number): Timespec {
  const high = view.getUint32(at + 4, true);
  const low = view.getUint32(at, true);
  const upper = (high % NANOSECONDS_PER_SECOND) * HALF + (low >>> 16);
  const lower = (upper % NANOSECONDS_PER_SECOND) * HALF + (low & 0xffff);
  return {
    seconds:
      Math.floor(high / NANOSECONDS_PER_SECOND) * 2 ** 32 +
      Math.floor(upper / NANOSECONDS_PER_SECOND) * HALF +
      Math.floor(lower / NANOSECONDS_PER_SECOND),
    nanoseconds: lower % NANOSECONDS_PER_SECOND,
  };
}

function putTimeAt(view: DataView, at: number, { seconds, nanoseconds }: Timespec): void {
  const lower = (seconds % HALF) * NANOSECONDS_PER_SECOND + nanoseconds;
  const upper = Math.floor(seconds / HALF) * NANOSECONDS_PER_SECOND + Math.floor(lower / HALF);
  view.setUint32(at, (upper % HALF) * HALF + (lower % HALF), true);
  view.setUint32(at + 4, Math.floor(upper / HALF), true);
}

const time = (at: number, doc: string): Field<Timespec> => ({
  at,
  doc,
  lengthBytes: 8,
  get: timeAt,
  set: putTimeAt,
  show: ({ seconds, nanoseconds }) => {
    // A Date holds at most 8.64e12 seconds; the word at most 1.85e10.
    const text = new Date(seconds * 1000).toISOString().replace('.000Z', '');
    return `${text}.${String(nanoseconds).padStart(9, '0')}Z`;
  },
});

export const SNAPSHOT_METADATA_KEY_SIZE_BYTES = 8;

export const SnapshotMetadataKey = struct(
  'j_snap_metadata_key',
  8,
  'little',
  'APFS Reference, "j_snap_metadata_key_t"',
  {
    xid: tagged(
      0,
      'obj_id_and_type: transaction that made the snapshot, and type 1',
      ({ tag, number }) => `transaction ${number}, ${showKeyType(tag)}`,
    ),
  },
);

/** pending dataless, merge in progress: neither is written here. */
export const SNAPSHOT_FLAG = { pendingDataless: 1, mergeInProgress: 2 } as const;

/** The fixed part of the record; `nameBytes` bytes of name, with their final NUL, follow. */
export type SnapshotMetadata = Value<typeof SnapshotMetadata>;
export const SnapshotMetadata = struct(
  'j_snap_metadata_val',
  50,
  'little',
  'APFS Reference, "j_snap_metadata_val_t"',
  {
    extentReferenceTreeBlock: u64(0, 'extentref_tree_oid: root of the extent references it took along'),
    superblockBlock: u64(8, 'sblock_oid: the copy of the volume superblock'),
    createTime: time(16, 'create_time'),
    changeTime: time(24, 'change_time'),
    inode: u64(32, 'inum: an object id of its own'),
    extentReferenceTreeType: u32(40, 'extentref_tree_type: a physical B-tree', { show: hex }),
    flags: u32(44, 'flags', { show: hex }),
    nameBytes: u16(48, 'name_len: bytes of the name that follows, with its final NUL'),
  },
);

/** The number in the key of every snapshot name: all 60 bits set. Not a safe number; both halves are compared. */
export const SNAPSHOT_NAME_KEY_WORDS = { low: 0xffff_ffff, high: 0xbfff_ffff } as const;

/** The fixed part of a name's key; `nameBytes` bytes of name, with their final NUL, follow. */
export const SnapshotNameKey = struct(
  'j_snap_name_key',
  10,
  'little',
  'APFS Reference, "j_snap_name_key_t"',
  {
    low: u32(0, 'obj_id_and_type, low half: all ones', { show: hex }),
    high: u32(4, 'obj_id_and_type, high half: all ones, and type 11', { show: hex }),
    nameBytes: u16(8, 'name_len: bytes of the name that follows, with its final NUL'),
  },
);

export const SnapshotNameValue = struct(
  'j_snap_name_val',
  8,
  'little',
  'APFS Reference, "j_snap_name_val_t"',
  {
    xid: u64(0, 'snap_xid: transaction that made the snapshot'),
  },
);

// ── bytes of keys ───────────────────────────────────────────────────────────────────────────────────────────────────

/** The key of snapshot `xid`'s metadata. */
export function snapshotMetadataKey(xid: number): Uint8Array {
  const key = new Uint8Array(SNAPSHOT_METADATA_KEY_SIZE_BYTES);
  putTagged(viewOf(key), 0, EXTENT_KEY_TYPE.snapshotMetadata, xid);
  return key;
}

/** The key of the name record of the snapshot called `name` (UTF-8, without the NUL). */
export function snapshotNameKey(name: Uint8Array): Uint8Array {
  const key = new Uint8Array(SnapshotNameKey.sizeBytes + name.length + 1);
  const { low, high } = SNAPSHOT_NAME_KEY_WORDS;
  SnapshotNameKey.write(key, { low, high, nameBytes: name.length + 1 });
  key.set(name, SnapshotNameKey.sizeBytes);
  return key;
}

/** The bytes of a name behind a fixed part of `fixedBytes`, without the NUL; what is cut off is left out. */
export function storedSnapshotName(record: Uint8Array, fixedBytes: number, nameBytes: number): Uint8Array {
  const name = record.subarray(fixedBytes, fixedBytes + Math.max(nameBytes - 1, 0));
  const end = name.indexOf(0);
  return end < 0 ? name : name.subarray(0, end);
}
