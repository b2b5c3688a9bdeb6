import { ascii, bytes, hex, reserved, struct, u32, u64 } from '../codec/struct.ts';

/**
 * The structures of disk images of macOS (udif.ts says how they hang together). Apple has not published the format; the
 * fields are as every known reader of it has them, and as found in images made by hdiutil.
 */
const SECTION = 'UDIF, no public specification';
export const SECTOR_BYTES = 512;
export const TRAILER_BYTES = 512;
export const TABLE_HEAD_BYTES = 204;
export const CHUNK_ENTRY_BYTES = 40;
/** Of a checksum: kind, bits and up to 32 words, of which CRC-32 fills the first. */
export const CHECKSUM_BYTES = 136;
export const CHECKSUM_CRC32 = 2;

export const Trailer = struct('koly', TRAILER_BYTES, 'big', SECTION, {
  signature: ascii(0, 4, 'koly'),
  version: u32(4, '4'),
  headerSize: u32(8, 'bytes of this trailer: 512'),
  flags: u32(12, 'bit 0: flattened', { show: hex }),
  runningDataForkOffset: u64(16, '0'),
  dataForkOffset: u64(24, 'where the chunks begin in the file'),
  dataForkLength: u64(32, 'bytes of all chunks'),
  resourceForkOffset: u64(40, 'old images keep their tables in a resource fork'),
  resourceForkLength: u64(48, ''),
  segmentNumber: u32(56, 'of an image in several files'),
  segmentCount: u32(60, 'files of the image'),
  segmentId: bytes(64, 16, ''),
  dataChecksum: bytes(80, 136, 'type, size and value'),
  plistOffset: u64(216, 'where the property list begins in the file'),
  plistLength: u64(224, 'its bytes'),
  reserved1: reserved(232, 120),
  masterChecksum: bytes(352, 136, 'type, size and value'),
  imageVariant: u32(488, '1: a whole disk'),
  sectorCount: u64(492, 'sectors of the disk'),
  reserved2: reserved(500, 12),
});

export const TableHead = struct('mish', TABLE_HEAD_BYTES, 'big', SECTION, {
  signature: ascii(0, 4, 'mish'),
  version: u32(4, '1'),
  firstSector: u64(8, 'first sector of the disk that the table speaks of'),
  sectorCount: u64(16, ''),
  dataOffset: u64(24, 'added to the offsets of the chunks'),
  buffersNeeded: u32(32, ''),
  descriptorCount: u32(36, ''),
  reserved1: reserved(40, 24),
  checksum: bytes(64, 136, 'type, size and value'),
  chunkCount: u32(200, 'entries that follow'),
});

export const ZERO = 0x0000_0000;
export const RAW = 0x0000_0001;
export const IGNORED = 0x0000_0002;
export const ZLIB = 0x8000_0005;
export const COMMENT = 0x7fff_fffe;
export const TERMINATOR = 0xffff_ffff;
