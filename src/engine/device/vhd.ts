import { viewOf } from '../base/bytes.ts';
import { FsError } from '../base/errno.ts';
import type { Prng } from '../base/prng.ts';
import { ascii, bytes, hex, reserved, struct, u16, u32, u64, u8 } from '../codec/struct.ts';
import type { Device } from './device.ts';
import { rawPieces, type FilePiece } from './image-pieces.ts';

/**
 * A virtual hard disk of fixed size: the bytes of the disk and a footer behind them, which is all that Windows asks of
 * an image before it attaches it.
 */
const SECTION = 'Virtual Hard Disk Image Format Specification 1.0, "Hard Disk Footer Format"';
const FOOTER_BYTES = 512;
const NO_DATA_OFFSET = 0xffff_ffff;
/** 2040 GiB: what Windows takes. */
export const VHD_BYTES_MAX = 2040 * 2 ** 30;

const Footer = struct('VHD footer', FOOTER_BYTES, 'big', SECTION, {
  cookie: ascii(0, 8, 'Cookie', { magic: 'conectix' }),
  features: u32(8, 'Features: the bit that is always set', { show: hex }),
  version: u32(12, 'File Format Version: 1.0', { magic: 0x0001_0000, show: hex }),
  dataOffsetHigh: u32(16, 'Data Offset: all ones for a fixed disk', { show: hex }),
  dataOffsetLow: u32(20, 'Data Offset', { show: hex }),
  timeStamp: u32(24, 'Time Stamp: seconds since 2000'),
  creator: ascii(28, 4, 'Creator Application'),
  creatorVersion: u32(32, 'Creator Version', { show: hex }),
  creatorSystem: ascii(36, 4, 'Creator Host OS'),
  originalSize: u64(40, 'Original Size'),
  currentSize: u64(48, 'Current Size'),
  cylinders: u16(56, 'Disk Geometry: cylinders'),
  heads: u8(58, 'Disk Geometry: heads'),
  sectorsPerTrack: u8(59, 'Disk Geometry: sectors per track'),
  diskType: u32(60, 'Disk Type: 2 is fixed', { magic: 2 }),
  checksum: u32(64, 'Checksum: complement of the sum of all other bytes', { show: hex }),
  uniqueId: bytes(68, 16, 'Unique Id'),
  savedState: u8(84, 'Saved State'),
  reserved: reserved(85, 427),
});

export function* vhdPieces(device: Device, random: Prng): Generator<FilePiece> {
  const sizeBytes = device.blockCount * device.blockSizeBytes;
  if (sizeBytes > VHD_BYTES_MAX) {
    throw new FsError('EINVAL', 'export', '', 'a VHD holds at most 2040 GiB; choose another kind of file');
  }
  yield* rawPieces(device);
  yield { kind: 'data', bytes: footer(sizeBytes, random.bytes(16)) };
}

function footer(sizeBytes: number, uniqueId: Uint8Array): Uint8Array {
  const block = new Uint8Array(FOOTER_BYTES);
  const fields = {
    ...{ cookie: 'conectix', features: 2, dataOffsetHigh: NO_DATA_OFFSET, dataOffsetLow: NO_DATA_OFFSET },
    // No clock: equal disks give equal files. Readers know the host by these four letters.
    ...{ timeStamp: 0, creator: 'dsko', creatorVersion: 0x0001_0000, creatorSystem: 'Wi2k' },
    ...{ originalSize: sizeBytes, currentSize: sizeBytes, ...geometryOf(sizeBytes / 512) },
    ...{ checksum: 0, uniqueId, savedState: 0 },
  };
  Footer.write(block, fields);
  const sum = block.reduce((total, byte) => total + byte, 0);
  viewOf(block).setUint32(Footer.fields.checksum.at, ~sum >>> 0);
  return block;
}

/** Cylinders, heads and sectors of a disk of so many sectors, as the appendix of the specification computes them. */
function geometryOf(sectorCount: number) {
  const sectors = Math.min(Math.floor(sectorCount), 65535 * 16 * 255);
  let sectorsPerTrack = 17;
  let heads = 0;
  let tracks = 0;
  if (sectors >= 65535 * 16 * 63) {
    sectorsPerTrack = 255;
    heads = 16;
    tracks = Math.floor(sectors / sectorsPerTrack);
  } else {
    tracks = Math.floor(sectors / 17);
    heads = Math.max(4, Math.floor((tracks + 1023) / 1024));
    if (tracks >= heads * 1024 || heads > 16) {
      sectorsPerTrack = 31;
      heads = 16;
      tracks = Math.floor(sectors / sectorsPerTrack);
    }
    if (tracks >= heads * 1024) {
      sectorsPerTrack = 63;
      heads = 16;
      tracks = Math.floor(sectors / sectorsPerTrack);
    }
  }
  return { cylinders: Math.floor(tracks / heads), heads, sectorsPerTrack };
}
