import { bytes, hex, reserved, struct, u16, u32, u64 } from '../../codec/struct.ts';
import type { Value } from '../../codec/struct.ts';
import { HEADER_FIELDS, plural } from './layout.ts';

/**
 * Where a container keeps count of its blocks: the space manager with its devices and free queues, chunk info blocks
 * and their address blocks. Little-endian; offsets count from the start of the object. Sources: Apple File System
 * Reference (2020), "Space Manager" [ref]; what that leaves out (internal pool, versioned form, node limits): containers
 * made by macOS, apfsprogs (apfsck/spaceman.c) and libfsapfs.
 *
 * One bitmap block covers a chunk of 32,768 blocks; a chunk info block (CIB) describes 126 chunks; the space manager
 * lists the CIBs, or above 507 of them the address blocks (CABs) that do.
 */
const showAddress = (value: number) => (value === 0 ? 'none' : `block ${value}`);
const showXid = (value: number) => (value === 0 ? 'none' : `transaction ${value}`);

export const BLOCKS_PER_CHUNK = 32_768;
export const CHUNKS_PER_CIB = 126;
export const CIBS_PER_CAB = 507;

// ── space manager ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Space manager: the datazone of eight zones a device is there, and the arrays lie behind it. */
export const SPACE_FLAG_VERSIONED = 1;
export const SPACE_STRUCT_VERSION = 1;
/** Bytes before the arrays: of the versioned form, and of the form without version and datazone. */
export const SPACE_VERSIONED_SIZE_BYTES = 2520;
export const SPACE_PLAIN_SIZE_BYTES = 0x150;

/** One device of the container; the second is the slow one of a Fusion drive, all zero without. */
export const SpaceDevice = struct('spaceman_device_t', 48, 'little', 'ref "spaceman_device"', {
  blockCount: u64(0, 'blocks of the device', { show: plural('block') }),
  chunkCount: u64(8, 'chunks of 32,768 blocks, the last may be shorter', { show: plural('chunk') }),
  cibCount: u32(16, 'chunk info blocks'),
  cabCount: u32(
    20,
    'address blocks of chunk info blocks; 0: the space manager lists the chunk info blocks itself',
  ),
  freeCount: u64(24, 'free blocks, without those in the free queue', { show: plural('block') }),
  addressOffsetBytes: u32(32, 'where in this object the list of addresses begins', { show: plural('byte') }),
  reserved1: reserved(36, 4),
  reserved2: reserved(40, 8),
});
export type SpaceDevice = Value<typeof SpaceDevice>;

/** Blocks that were freed but must outlive an older checkpoint. */
export const FreeQueue = struct('spaceman_free_queue_t', 40, 'little', 'ref "spaceman_free_queue"', {
  count: u64(0, 'blocks in the queue', { show: plural('block') }),
  treeOid: u64(8, 'ephemeral B-tree of the ranges; 0: none was ever needed'),
  oldestXid: u64(16, 'oldest transaction whose freed blocks are here', { show: showXid }),
  treeNodeLimit: u16(24, 'most nodes the tree may have', { show: plural('node') }),
  pad16: reserved(26, 2),
  pad32: reserved(28, 4),
  reserved: reserved(32, 8),
});
export type FreeQueue = Value<typeof FreeQueue>;

/** Which queue of the space manager is which. */
export const FREE_QUEUE = { internalPool: 0, main: 1, secondary: 2 } as const;

/** Where the parts of the fixed structure begin that are structures themselves. */
export const SPACE_DEVICES_AT = 0x30;
export const SPACE_QUEUES_AT = 0xc8;
export const SPACE_DATAZONE_AT = 0x158;

/** The fixed part, without devices and queues, which SpaceDevice and FreeQueue describe. */
export const SpaceManagerHead = struct('spaceman_phys_t', 0x30, 'little', 'ref "spaceman_phys_t"', {
  ...HEADER_FIELDS,
  blockSizeBytes: u32(0x20, 'block size', { show: plural('byte') }),
  blocksPerChunk: u32(0x24, 'blocks that one bitmap block covers'),
  chunksPerCib: u32(0x28, 'chunks that one chunk info block describes'),
  cibsPerCab: u32(0x2c, 'chunk info blocks that one address block lists'),
});
export type SpaceManagerHead = Value<typeof SpaceManagerHead>;

/** From 0x90 to 0xc8: the internal pool and the reserves of volumes. Offsets here count from 0x90. */
export const SPACE_POOL_AT = 0x90;
export const SpacePool = struct('spaceman_phys_t', 0x38, 'little', 'ref "spaceman_phys_t"', {
  flags: u32(0, 'form of this object', {
    show: (value) => `${hex(value)}${value & SPACE_FLAG_VERSIONED ? ' versioned' : ''}`,
  }),
  bitmapTransactionMultiplier: u32(4, 'generations of the internal pool bitmap that are kept', {
    show: plural('generation'),
  }),
  poolBlockCount: u64(8, 'blocks of the internal pool: three for every bitmap, CIB and CAB', {
    show: plural('block'),
  }),
  bitmapSizeBlocks: u32(0x10, 'blocks of one generation of the internal pool bitmap', {
    show: plural('block'),
  }),
  bitmapRingBlocks: u32(0x14, 'blocks of the ring in which its generations lie', { show: plural('block') }),
  bitmapBase: u64(0x18, 'first block of that ring', { show: showAddress }),
  poolBase: u64(0x20, 'first block of the internal pool', { show: showAddress }),
  reservedBlocks: u64(0x28, 'sum of the reserves of all volumes', { show: plural('block') }),
  reservedBlocksInUse: u64(0x30, 'how much of these reserves the volumes use already', {
    show: plural('block'),
  }),
});
export type SpacePool = Value<typeof SpacePool>;

/** From 0x140 to 0x150: the list of free slots of the ring and where the arrays lie. Offsets here count from 0x140. */
export const SPACE_RING_AT = 0x140;
export const SpaceRing = struct('spaceman_phys_t', 0x10, 'little', 'ref "spaceman_phys_t"', {
  freeHead: u16(0, 'first free slot of the ring of internal pool bitmaps'),
  freeTail: u16(2, 'last free slot of that ring'),
  bitmapXidOffsetBytes: u32(4, 'where the transactions of the current bitmaps are listed'),
  bitmapSlotOffsetBytes: u32(8, 'where the slots of the current bitmaps are listed'),
  freeNextOffsetBytes: u32(12, 'where the chain of free slots lies'),
});
export type SpaceRing = Value<typeof SpaceRing>;

/** From 0x150 to 0x158, only of the versioned form. */
export const SPACE_VERSION_AT = 0x150;
export const SpaceVersion = struct('spaceman_phys_t', 8, 'little', 'libfsapfs "Space manager"', {
  version: u32(0, 'version of the structure'),
  structSizeBytes: u32(4, 'bytes of the structure before the arrays', { show: plural('byte') }),
});
export type SpaceVersion = Value<typeof SpaceVersion>;

/** End of the chain of free slots, and the entry of every slot in use. */
export const NO_SLOT = 0xffff;
/** Generations of every internal pool bitmap block in the ring. */
export const POOL_BITMAP_GENERATIONS = 16;

// ── chunks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export const CHUNK_INFO_SIZE_BYTES = 32;
/** The free count shares its word with reserved bits. */
export const FREE_COUNT_MASK = 0xf_ffff;

/** Where in an entry its bitmap's address stands. */
export const CHUNK_INFO_BITMAP_AT = 24;
export const ChunkInfo = struct('chunk_info_t', CHUNK_INFO_SIZE_BYTES, 'little', 'ref "chunk_info_t"', {
  xid: u64(0, 'transaction that changed this chunk last', { show: showXid }),
  address: u64(8, 'first block of the chunk', { show: (value) => `block ${value}` }),
  blockCount: u32(16, 'blocks of the chunk', { show: plural('block') }),
  freeCount: u32(20, 'free ones among them (low 20 bits)', {
    show: (value) => plural('block')(value & FREE_COUNT_MASK),
  }),
  bitmapAddress: u64(CHUNK_INFO_BITMAP_AT, 'block of its bitmap; 0: the whole chunk is free', {
    show: showAddress,
  }),
});
export type ChunkInfo = Value<typeof ChunkInfo>;

/** Where the entries of chunk info blocks and the addresses of address blocks begin. */
export const CHUNK_INFOS_AT = 0x28;

export const ChunkInfoBlock = struct(
  'chunk_info_block_t',
  CHUNK_INFOS_AT,
  'little',
  'ref "chunk_info_block"',
  {
    ...HEADER_FIELDS,
    index: u32(0x20, 'place among the chunk info blocks'),
    count: u32(0x24, 'chunks described here', { show: plural('chunk') }),
  },
);
export type ChunkInfoBlock = Value<typeof ChunkInfoBlock>;

export const CIB_ADDRESSES_AT = 0x28;
export const CibAddressBlock = struct(
  'cib_addr_block_t',
  CIB_ADDRESSES_AT,
  'little',
  'ref "cib_addr_block"',
  {
    ...HEADER_FIELDS,
    index: u32(0x20, 'place among the address blocks'),
    count: u32(0x24, 'chunk info blocks listed here'),
  },
);
export type CibAddressBlock = Value<typeof CibAddressBlock>;

// ── free queue records ──────────────────────────────────────────────────────────────────────────────────────────────

/** Key of a free queue record. Its value is the count as u64; a record of one block has none ("ghost"). */
export const FreeQueueKey = struct(
  'spaceman_free_queue_key_t',
  16,
  'little',
  'ref "spaceman_free_queue_key_t"',
  {
    xid: u64(0, 'transaction that freed the blocks', { show: showXid }),
    address: u64(8, 'first of the blocks', { show: (value) => `block ${value}` }),
  },
);
export type FreeQueueKey = Value<typeof FreeQueueKey>;

export const FreeQueueValue = struct(
  'spaceman_free_queue_val_t',
  8,
  'little',
  'ref "spaceman_free_queue_val_t"',
  {
    blockCount: u64(0, 'how many blocks from the key on', { show: plural('block') }),
  },
);
export type FreeQueueValue = Value<typeof FreeQueueValue>;

/** Most nodes the internal pool's free queue may have in a container of so many chunks: checked exactly. */
export function poolQueueNodeLimit(chunkCount: number): number {
  const limit = Math.floor((3 * (chunkCount + 751)) / 1127) - 1;
  return limit === 2 ? 3 : limit;
}

/** Most nodes the main free queue may have on a device of so many blocks: checked exactly. */
export function mainQueueNodeLimit(blockCount: number): number {
  if (blockCount >= 0x10_0000) return 512;
  if (blockCount >= 0x4_0000) return 116 + Math.floor((blockCount - 261_281) / 2272);
  const limit = 1 + Math.floor((blockCount - 1) / 4544);
  return limit === 2 ? 3 : limit;
}

// ── datazone ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Datazone: eight zones a device, unused by us; one row so that no byte stays unexplained. */
export const SpaceDatazone = struct(
  'spaceman_datazone_info_phys_t',
  SPACE_VERSIONED_SIZE_BYTES - SPACE_DATAZONE_AT,
  'little',
  'libfsapfs "Space manager"',
  {
    zones: bytes(0, SPACE_VERSIONED_SIZE_BYTES - SPACE_DATAZONE_AT, 'allocation zones, eight a device', {
      show: (value) => (value.every((byte) => byte === 0) ? 'none set' : 'set'),
    }),
  },
);
