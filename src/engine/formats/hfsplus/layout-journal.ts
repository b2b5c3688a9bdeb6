import { bytes, hex, reserved, struct, u16, u32, u64 } from '../../codec/struct.ts';
import type { Endian, Value } from '../../codec/struct.ts';
import { plural } from './layout.ts';

/**
 * On-disk structures of the journal. The info block is big-endian like the rest of the volume; journal header, block
 * list headers and block infos have the byte order of the computer that wrote them (both are read).
 * Source: TN1150 "Journal"; apple-oss-distributions/hfs, core/hfs_journal.h, which the current kernel follows where
 * the note differs (sequence numbers).
 */
/** Flags of the info block. */
export const JOURNAL_INFO_FLAG = { inVolume: 1, onOtherDevice: 2, needsInitialising: 4 } as const;

export const JOURNAL_INFO_SIZE_BYTES = 180;
export type JournalInfoBlock = Value<typeof JournalInfoBlock>;
export const JournalInfoBlock = struct('JournalInfoBlock', 180, 'big', 'TN1150, "Journal Info Block"', {
  flags: u32(0, 'flags: 1 journal in this volume, 2 on another device, 4 not initialised yet', { show: hex }),
  deviceSignature: bytes(4, 32, 'device_signature: of the device with the journal'),
  offsetBytes: u64(36, 'offset: byte of the volume at which the journal begins'),
  sizeBytes: u64(44, 'size: of the journal with its header', { show: plural('byte') }),
  externalUuid: bytes(52, 37, 'ext_jnl_uuid: volume of an external journal'),
  machineSerial: bytes(89, 48, 'machine_serial_num: of the computer with the external journal'),
  reserved: reserved(137, 43),
});

export const JOURNAL_MAGIC = 0x4a4e4c78; // 'JNLx'
export const JOURNAL_ENDIAN = 0x12345678;
/** Bytes of the header that its checksum covers; the sequence number lies beyond. */
export const JOURNAL_HEADER_CHECKED_BYTES = 44;

export type JournalHeader = Value<ReturnType<typeof journalHeader>>;
const journalHeader = (endian: Endian) =>
  struct('JournalHeader', 48, endian, 'TN1150, "Journal Header"', {
    magic: u32(0, 'magic: "JNLx"', { magic: JOURNAL_MAGIC, show: hex }),
    endian: u32(4, 'endian: 12345678 in the byte order of the writer', { magic: JOURNAL_ENDIAN, show: hex }),
    startBytes: u64(8, 'start: byte of the journal at which the oldest transaction begins'),
    endBytes: u64(16, 'end: byte of the journal behind the newest transaction; start = end: empty'),
    sizeBytes: u64(24, 'size: of the journal with this header', { show: plural('byte') }),
    blockListSizeBytes: u32(32, 'blhdr_size: bytes of a block list header', { show: plural('byte') }),
    checksum: u32(36, 'checksum: over the first 44 bytes with this field zero', { show: hex }),
    headerSizeBytes: u32(40, 'jhdr_size: bytes of this header and of the sectors that blocks are counted in'),
    sequenceNumber: u32(44, 'sequence_num: of the newest transaction'),
  });

/** By byte order of the writer; Intel and ARM Macs write little-endian. */
export const JournalHeader = { little: journalHeader('little'), big: journalHeader('big') } as const;
export const JOURNAL_HEADER_SIZE_BYTES = 48;
export const JOURNAL_HEADER_CHECKSUM_AT = 36;

/** Flags of a block list header. */
export const BLOCK_LIST_FLAG = { checksums: 1, firstHeader: 2 } as const;

export type BlockListHeader = Value<ReturnType<typeof blockListHeader>>;
const blockListHeader = (endian: Endian) =>
  struct('BlockListHeader', 16, endian, 'TN1150, "Block List Header"', {
    maxBlocks: u16(0, 'max_blocks: block infos that fit into this header'),
    blockCount: u16(2, 'num_blocks: block infos used, the first of which is no block'),
    bytesUsed: u32(4, 'bytes_used: this header and the blocks behind it', { show: plural('byte') }),
    checksum: u32(8, 'checksum: over the first 32 bytes with this field zero', { show: hex }),
    flags: u32(12, 'flags: 1 blocks have checksums, 2 first header of a transaction', { show: hex }),
  });

export const BlockListHeader = { little: blockListHeader('little'), big: blockListHeader('big') } as const;
export const BLOCK_LIST_HEADER_SIZE_BYTES = 16;
export const BLOCK_LIST_CHECKED_BYTES = 32;
export const BLOCK_LIST_CHECKSUM_AT = 8;

/** A block infos' number that says: this block was withdrawn, skip its bytes. */
export const KILLED_BLOCK_HALF = 0xffff_ffff;

/** Info 0 of every header is no block: the last four bytes hold the sequence number of the transaction. */
export type BlockInfo = Value<ReturnType<typeof blockInfo>>;
const blockInfo = (endian: Endian) =>
  struct('BlockInfo', 16, endian, 'TN1150, "Block Info"', {
    sector: u64(
      0,
      'bnum: where the block belongs, in units of jhdr_size from the start of the volume; all ones: withdrawn',
    ),
    sizeBytes: u32(8, 'bsize', { show: plural('byte') }),
    checksum: u32(12, 'cksum: of the block; of info 0, the sequence number', { show: hex }),
  });

export const BlockInfo = { little: blockInfo('little'), big: blockInfo('big') } as const;
export const BLOCK_INFO_SIZE_BYTES = 16;

/** [HF hfs_journal.c calc_checksum] A field that holds the checksum itself must be zero while this runs. */
export function journalChecksum(data: Uint8Array, at = 0, lengthBytes = data.length - at): number {
  let sum = 0;
  for (let i = at; i < at + lengthBytes; i++) sum = ((sum << 8) ^ (sum + (data[i] ?? 0))) | 0;
  return ~sum >>> 0;
}
