import { allDigits } from '../../base/file-size.ts';
import type { Timespec } from '../../base/clock.ts';
import { bytes, hex, struct, u32, u64 } from '../../codec/struct.ts';
import type { Field, Value } from '../../codec/struct.ts';

/**
 * Objects, the container and its checkpoints. Object maps and B-trees are in layout-tree.ts, the volume superblock in
 * layout-volume.ts, the space manager in layout-space.ts, catalog records in layout-catalog.ts, extent references and
 * snapshots in layout-extents.ts. All little-endian. Source: Apple, "Apple File System Reference" of 2020-06-22 [AFS].
 *
 * A container is a run of 4,096-byte blocks addressed from 0. Almost every block is an object: a header with a
 * checksum, an identifier, the transaction that wrote it and a type; what follows depends on the type.
 */
export const BLOCK_SIZE_BYTES = 4096;

export const plural = (unit: string) => (value: number) =>
  `${allDigits(value)} ${unit}${value === 1 ? '' : 's'}`;

/** Bits with names: `bitNames({ 0: 'root', 1: 'leaf' })` shows '0x3 root, leaf'. Bits count from 0, up to 52. */
export const bitNames = (names: Readonly<Record<number, string>>) => (value: number) => {
  const set = Object.entries(names).filter(([bit]) => Math.floor(value / 2 ** Number(bit)) % 2 === 1);
  return [hex(value), set.map(([, name]) => name).join(', ')].filter((text) => text !== '').join(' ');
};

/** One of several named numbers: '0x2 root of a B-tree'. */
export const named = (names: Readonly<Record<number, string>>) => (value: number) =>
  names[value] === undefined ? hex(value) : `${hex(value)} ${names[value]}`;

const orNone = (unit: string) => (value: number) => (value === 0 ? 'none' : `${unit} ${value}`);
/** Address of a block, 0: none. */
export const blockAddress = (at: number, doc: string) => u64(at, doc, { show: orNone('block') });
/** Object identifier, 0: none. */
export const objectId = (at: number, doc: string) => u64(at, doc, { show: orNone('object') });
/** Transaction identifier, 0: none. */
export const transactionId = (at: number, doc: string) => u64(at, doc, { show: orNone('transaction') });
export const blockCount64 = (at: number, doc: string) => u64(at, doc, { show: plural('block') });

const word = u64(0, '');

/** A fixed number of u64. The value has all of them. */
export const u64Array = (at: number, count: number, doc: string): Field<readonly number[]> => ({
  at,
  doc,
  lengthBytes: count * 8,
  show: (values) => {
    const used = values.flatMap((value, index) => (value === 0 ? [] : [`[${index}] ${value}`]));
    return used.length === 0 ? 'all 0' : used.join(', ');
  },
  get: (view, at) => Array.from({ length: count }, (_, i) => word.get(view, at + 8 * i, true)),
  set: (view, at, values) => {
    for (let i = 0; i < count; i++) word.set(view, at + 8 * i, values[i] ?? 0, true);
  },
});

// ── times and identifiers ───────────────────────────────────────────────────────────────────────────────────────────

const NANOSECONDS_PER_SECOND = 1_000_000_000;

/** A signed 64-bit count of nanoseconds since 1970-01-01T00:00:00Z, divided in steps that stay exact. */
export function timeOf(view: DataView, at: number): Timespec {
  const low = view.getUint32(at, true);
  const high = view.getInt32(at + 4, true);
  // Long division by digits of 16 bits.
  const first = Math.floor(high / NANOSECONDS_PER_SECOND);
  const upper = (high - first * NANOSECONDS_PER_SECOND) * 65_536 + (low >>> 16);
  const second = Math.floor(upper / NANOSECONDS_PER_SECOND);
  const lower = (upper - second * NANOSECONDS_PER_SECOND) * 65_536 + (low & 0xffff);
  const third = Math.floor(lower / NANOSECONDS_PER_SECOND);
  return {
    seconds: (first * 65_536 + second) * 65_536 + third,
    nanoseconds: lower - third * NANOSECONDS_PER_SECOND,
  };
}

/** The inverse of `timeOf`. What 64 bits cannot hold (before 1677, after 2262) becomes the nearest they can. */
export function putTime(view: DataView, at: number, time: Timespec): void {
  const seconds = Math.min(Math.max(time.seconds, -9_223_372_036), 9_223_372_035);
  const upper = Math.floor(seconds / 65_536);
  const product = upper * NANOSECONDS_PER_SECOND;
  const productUpper = Math.floor(product / 65_536);
  const lower =
    (product - productUpper * 65_536) * 65_536 +
    (seconds - upper * 65_536) * NANOSECONDS_PER_SECOND +
    time.nanoseconds;
  const carry = Math.floor(lower / 2 ** 32);
  view.setUint32(at, lower - carry * 2 ** 32, true);
  view.setInt32(at + 4, productUpper + carry, true);
}

const showTime = ({ seconds, nanoseconds }: Timespec) =>
  seconds === 0 && nanoseconds === 0
    ? 'never'
    : new Date(seconds * 1000).toISOString().replace('.000Z', `.${String(nanoseconds).padStart(9, '0')}Z`);

/** A time as a field. */
export const time = (at: number, doc: string): Field<Timespec> => ({
  at,
  doc,
  lengthBytes: 8,
  show: showTime,
  get: timeOf,
  set: putTime,
});

/** Sixteen raw bytes in the order in which the text names them: '49f9e3b0-…'. */
export function uuidText(uuid: Uint8Array): string {
  const digits = [...uuid].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join('');
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => digits.slice(from, to))
    .join('-');
}

export const uuid = (at: number, doc: string) => bytes(at, 16, doc, { show: uuidText });

// ── objects ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export const OBJECT_HEADER_SIZE_BYTES = 32;

/** Low 16 bits of a type word, and subtypes. [AFS "Object Types"] */
export const OBJECT = {
  none: 0,
  containerSuperblock: 1,
  btreeRoot: 2,
  btreeNode: 3,
  spaceManager: 5,
  chunkInfoAddresses: 6,
  chunkInfo: 7,
  spaceBitmap: 8,
  freeQueue: 9,
  extentListTree: 0xa,
  objectMap: 0xb,
  checkpointMap: 0xc,
  volume: 0xd,
  catalog: 0xe,
  extentReferences: 0xf,
  snapshotMetadata: 0x10,
  reaper: 0x11,
  reapList: 0x12,
  omapSnapshots: 0x13,
  efiJumpstart: 0x14,
  encryptionRolling: 0x18,
  snapshotMetadataExtension: 0x1d,
  integrityMetadata: 0x1e,
  fileExtentTree: 0x1f,
} as const;

const OBJECT_NAMES: Readonly<Record<number, string>> = {
  0: 'none',
  1: 'container superblock',
  2: 'root of a B-tree',
  3: 'node of a B-tree',
  5: 'space manager',
  6: 'chunk info address block',
  7: 'chunk info block',
  8: 'bitmap',
  9: 'free queue',
  10: 'extent list tree',
  11: 'object map',
  12: 'checkpoint map',
  13: 'volume superblock',
  14: 'catalog',
  15: 'extent references',
  16: 'snapshot metadata',
  17: 'reaper',
  18: 'reap list',
  19: 'snapshots of an object map',
  20: 'EFI jumpstart',
  21: 'Fusion middle tree',
  22: 'Fusion write-back cache',
  23: 'Fusion write-back cache list',
  24: 'encryption rolling state',
  25: 'general bitmap',
  26: 'general bitmap tree',
  27: 'general bitmap block',
  28: 'encryption rolling recovery',
  29: 'snapshot metadata extension',
  30: 'integrity metadata',
  31: 'file extent tree',
};

/** High bits of a type word: where the object's identifier leads. Neither of the first two: virtual. */
export const OBJECT_FLAG = {
  /** Held in memory, written into the checkpoint data area by every checkpoint. */
  ephemeral: 0x8000_0000,
  /** The identifier is the block's address. */
  physical: 0x4000_0000,
  noHeader: 0x2000_0000,
  encrypted: 0x1000_0000,
  nonPersistent: 0x0800_0000,
} as const;

/** What header, mapping and pointer say of each kind of object: the whole type word. */
export const TYPE_WORD = {
  containerSuperblock: 0x8000_0001,
  checkpointMap: 0x4000_000c,
  spaceManager: 0x8000_0005,
  chunkInfoAddresses: 0x4000_0006,
  chunkInfo: 0x4000_0007,
  reaper: 0x8000_0011,
  objectMap: 0x4000_000b,
  volume: 0x0000_000d,
  volumeOfSnapshot: 0x4000_000d,
  virtualRoot: 0x0000_0002,
  virtualNode: 0x0000_0003,
  physicalRoot: 0x4000_0002,
  physicalNode: 0x4000_0003,
  ephemeralRoot: 0x8000_0002,
  ephemeralNode: 0x8000_0003,
  integrityMetadata: 0x0000_001e,
  snapshotMetadataExtension: 0x0000_001d,
} as const;

export const typeName = (type: number): string => OBJECT_NAMES[type % 65_536] ?? hex(type % 65_536);
const STORAGE_NAMES = bitNames({
  27: 'not persistent',
  28: 'encrypted',
  29: 'without header',
  30: 'physical',
  31: 'ephemeral',
});
/** '0x40000002 root of a B-tree, physical' */
export const typeWord = (at: number, doc: string) =>
  u32(at, doc, {
    show: (value) => {
      const storage = value >>> 30 === 0 ? 'virtual' : '';
      const flags = STORAGE_NAMES(value - (value % 65_536)).replace(/^\S+ ?/, '');
      return [`${hex(value)} ${typeName(value)}`, storage, flags].filter((text) => text !== '').join(', ');
    },
  });
/** A subtype word: the kind of tree. */
export const subtype = (at: number, doc: string) =>
  u32(at, doc, { show: (value) => `${hex(value)} ${typeName(value)}` });

/** The first fields of every object; structures below spread them. [AFS "obj_phys_t"] */
export const HEADER_FIELDS = {
  checksumLow: u32(0, 'o_cksum, low half: Fletcher-64 of everything behind it', { show: hex }),
  checksumHigh: u32(4, 'o_cksum, high half', { show: hex }),
  oid: u64(8, 'o_oid: identifier of the object; of a physical one its block'),
  xid: u64(16, 'o_xid: transaction that wrote this version of the object'),
  type: typeWord(24, 'o_type: what it is (low half) and where its identifier leads (high bits)'),
  subtype: subtype(28, 'o_subtype: what a B-tree holds'),
} as const;

export const ObjectHeader = struct('ObjectHeader', 32, 'little', 'AFS, "obj_phys_t"', HEADER_FIELDS);
export type ObjectHeader = Value<typeof ObjectHeader>;

/** First identifier that newfs hands out; below it are reserved ones. The container superblock itself is object 1. */
export const CONTAINER_SUPERBLOCK_OID = 1;
export const FIRST_FREE_OID = 1024;

// ── container superblock ────────────────────────────────────────────────────────────────────────────────────────────

/** 'NXSB' as the bytes lie on disk. */
export const CONTAINER_MAGIC = 0x4253_584e;
export const VOLUMES_MAX = 100;
/** A container has room for one volume per so many bytes, rounded up, at most VOLUMES_MAX. */
export const BYTES_PER_VOLUME = 512 * 1024 * 1024;

export const CONTAINER_FEATURE = { defragmentation: 1, lowCapacityFusion: 2 } as const;
export const CONTAINER_INCOMPATIBLE = { version1: 1, version2: 2, fusion: 0x100 } as const;
export const CONTAINER_FLAG = { reserved1: 1, reserved2: 2, softwareEncryption: 4 } as const;
/** Top bit of the counts of checkpoint blocks: the area is not contiguous, its base is a B-tree. */
export const CHECKPOINT_AREA_IS_TREE = 0x8000_0000;

export const CONTAINER_SUPERBLOCK_SIZE_BYTES = 1408;

/** [AFS "nx_superblock_t"] */
export const NxSuperblock = struct('NxSuperblock', 1408, 'little', 'AFS, "nx_superblock_t"', {
  ...HEADER_FIELDS,
  magic: u32(0x20, "nx_magic: 'NXSB'", {
    magic: CONTAINER_MAGIC,
    show: (value) => (value === CONTAINER_MAGIC ? "'NXSB'" : hex(value)),
  }),
  blockSizeBytes: u32(0x24, 'nx_block_size: bytes per block', { show: plural('byte') }),
  blockCount: blockCount64(0x28, 'nx_block_count: blocks of the container'),
  features: u64(0x30, 'nx_features: optional features', {
    show: bitNames({ 0: 'defragmentation', 1: 'low capacity Fusion' }),
  }),
  readOnlyCompatibleFeatures: u64(
    0x38,
    'nx_readonly_compatible_features: who does not know them reads only',
    {
      show: hex,
    },
  ),
  incompatibleFeatures: u64(0x40, 'nx_incompatible_features: who does not know them keeps away', {
    show: bitNames({ 0: 'version 1 (of the beta)', 1: 'version 2', 8: 'Fusion' }),
  }),
  uuid: uuid(0x48, 'nx_uuid: identifies the container'),
  nextOid: u64(0x58, 'nx_next_oid: next identifier for an ephemeral or virtual object'),
  nextXid: u64(0x60, 'nx_next_xid: next transaction'),
  descriptorBlocks: u32(0x68, 'nx_xp_desc_blocks: blocks of the checkpoint descriptor ring', {
    show: plural('block'),
  }),
  dataBlocks: u32(0x6c, 'nx_xp_data_blocks: blocks of the checkpoint data ring', { show: plural('block') }),
  descriptorBase: blockAddress(0x70, 'nx_xp_desc_base: first block of the descriptor ring'),
  dataBase: blockAddress(0x78, 'nx_xp_data_base: first block of the data ring'),
  descriptorNext: u32(0x80, 'nx_xp_desc_next: place in the descriptor ring for the next checkpoint'),
  dataNext: u32(0x84, 'nx_xp_data_next: place in the data ring for the next checkpoint'),
  descriptorIndex: u32(0x88, 'nx_xp_desc_index: place of the first block of this checkpoint'),
  descriptorLength: u32(0x8c, 'nx_xp_desc_len: maps and superblock of this checkpoint', {
    show: plural('block'),
  }),
  dataIndex: u32(0x90, 'nx_xp_data_index: place of the first ephemeral object'),
  dataLength: u32(0x94, 'nx_xp_data_len: ephemeral objects of this checkpoint', { show: plural('block') }),
  spaceManagerOid: objectId(0x98, 'nx_spaceman_oid: space manager, ephemeral'),
  omapBlock: blockAddress(0xa0, 'nx_omap_oid: object map of the container, physical'),
  reaperOid: objectId(0xa8, 'nx_reaper_oid: reaper, ephemeral'),
  testType: u32(0xb0, 'nx_test_type: for tests by Apple', { show: hex }),
  volumesMax: u32(0xb4, 'nx_max_file_systems: how many volumes there may be', { show: plural('volume') }),
  volumeOids: u64Array(0xb8, VOLUMES_MAX, 'nx_fs_oid: volume superblocks, virtual; 0 is a free place'),
  counters: u64Array(0x3d8, 32, 'nx_counters: [0] checksums computed, [1] of them wrong'),
  blockedOutFirst: blockAddress(0x4d8, 'nx_blocked_out_prange: first block that must not be allocated'),
  blockedOutCount: blockCount64(0x4e0, 'nx_blocked_out_prange: how many; set while a container shrinks'),
  evictMappingTree: objectId(0x4e8, 'nx_evict_mapping_tree_oid: where blocks move while a container shrinks'),
  flags: u64(0x4f0, 'nx_flags', { show: bitNames({ 2: 'software encryption' }) }),
  efiJumpstart: blockAddress(0x4f8, 'nx_efi_jumpstart: EFI driver inside the container'),
  fusionUuid: uuid(0x500, 'nx_fusion_uuid: both disks of a Fusion drive'),
  keybagFirst: blockAddress(0x510, 'nx_keylocker: first block of the container keybag'),
  keybagCount: blockCount64(0x518, 'nx_keylocker: length of the container keybag'),
  ephemeralInfo: u64Array(0x520, 4, 'nx_ephemeral_info: [0] smallest data area << 32 | 4 << 16 | version 1'),
  testOid: objectId(0x540, 'nx_test_oid: for tests by Apple'),
  fusionMiddleTree: objectId(0x548, 'nx_fusion_mt_oid'),
  fusionWriteBackCache: objectId(0x550, 'nx_fusion_wbc_oid'),
  fusionWriteBackFirst: blockAddress(0x558, 'nx_fusion_wbc: first block of the write-back cache'),
  fusionWriteBackCount: blockCount64(0x560, 'nx_fusion_wbc: its length'),
  newestMountedVersion: bytes(0x568, 8, 'nx_newest_mounted_version: newest driver that mounted it, packed'),
  mediaKeybagFirst: blockAddress(0x570, 'nx_mkb_locker: first block of the wrapped media key'),
  mediaKeybagCount: blockCount64(0x578, 'nx_mkb_locker: its length'),
});
export type NxSuperblock = Value<typeof NxSuperblock>;

// ── checkpoint maps ─────────────────────────────────────────────────────────────────────────────────────────────────

export const CHECKPOINT_MAP_FLAG = { last: 1 } as const;
export const MAPPING_SIZE_BYTES = 40;
export const MAPPINGS_AT = 40;
/** (4096 − 40) / 40 */
export const MAPPINGS_PER_BLOCK = 101;

/** [AFS "checkpoint_map_phys_t"]; the mappings follow. */
export const CheckpointMap = struct('CheckpointMap', 40, 'little', 'AFS, "checkpoint_map_phys_t"', {
  ...HEADER_FIELDS,
  flags: u32(0x20, 'cpm_flags', { show: bitNames({ 0: 'last map of the checkpoint' }) }),
  count: u32(0x24, 'cpm_count: how many mappings follow', { show: plural('mapping') }),
});
export type CheckpointMap = Value<typeof CheckpointMap>;

/** Where one ephemeral object of the checkpoint lies. [AFS "checkpoint_mapping_t"] */
export const CheckpointMapping = struct('Mapping', 40, 'little', 'AFS, "checkpoint_mapping_t"', {
  type: typeWord(0, 'cpm_type: type word of the object'),
  subtype: subtype(4, 'cpm_subtype: subtype of the object'),
  sizeBytes: u32(8, 'cpm_size: whole blocks', { show: plural('byte') }),
  padding: u32(12, 'cpm_pad'),
  volumeOid: objectId(16, 'cpm_fs_oid: volume it belongs to, none for the container'),
  oid: u64(24, 'cpm_oid: identifier of the ephemeral object'),
  block: blockAddress(32, 'cpm_paddr: its first block in the data ring'),
});
export type CheckpointMapping = Value<typeof CheckpointMapping>;

// ── EFI jumpstart ───────────────────────────────────────────────────────────────────────────────────────────────────

/** [AFS "nx_efi_jumpstart_t"]; `extentCount` runs of {first block u64, count u64} follow at 0xb0. */
export const EFI_JUMPSTART_EXTENTS_AT = 0xb0;
export const EfiJumpstart = struct('EfiJumpstart', 0xb0, 'little', 'AFS, "nx_efi_jumpstart_t"', {
  ...HEADER_FIELDS,
  magic: u32(0x20, "nej_magic: 'RDSJ'", { show: hex }),
  version: u32(0x24, 'nej_version'),
  driverBytes: u32(0x28, 'nej_efi_file_len: size of the driver', { show: plural('byte') }),
  extentCount: u32(0x2c, 'nej_num_extents: runs of blocks that hold it'),
  reserved: bytes(0x30, 128, 'nej_reserved', { show: () => '' }),
});

/** [AFS "nx_reaper_phys_t"]; a state buffer fills the block. */
export const REAPER_SIZE_BYTES = 112;
export const REAPER_FLAG = { alwaysSet: 1, continues: 2 } as const;
export const Reaper = struct('Reaper', 112, 'little', 'AFS, "nx_reaper_phys_t"', {
  ...HEADER_FIELDS,
  nextReapId: u64(0x20, 'nr_next_reap_id'),
  completedId: u64(0x28, 'nr_completed_id: last one done'),
  head: objectId(0x30, 'nr_head: first reap list'),
  tail: objectId(0x38, 'nr_tail: last reap list'),
  flags: u32(0x40, 'nr_flags', { show: bitNames({ 0: 'BHM (always set)', 1: 'continue' }) }),
  listCount: u32(0x44, 'nr_rlcount: reap lists'),
  reapType: u32(0x48, 'nr_type: of the object being reaped', { show: hex }),
  sizeBytes: u32(0x4c, 'nr_size: of the object being reaped'),
  volumeOid: objectId(0x50, 'nr_fs_oid'),
  objectOid: objectId(0x58, 'nr_oid'),
  objectXid: transactionId(0x60, 'nr_xid'),
  entryFlags: u32(0x68, 'nrle_flags', { show: hex }),
  stateBufferBytes: u32(0x6c, 'nr_state_buffer_size: room for the state of the work', {
    show: plural('byte'),
  }),
});
export type Reaper = Value<typeof Reaper>;
