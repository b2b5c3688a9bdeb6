import type { Timespec } from '../../base/clock.ts';
import { viewOf } from '../../base/bytes.ts';
import { bytes, hex, reserved, struct, u16, u32, u64 } from '../../codec/struct.ts';
import type { Field, Value } from '../../codec/struct.ts';

/**
 * The volume header of HFS+ and HFSX, forks, dates, and where everything lies. B-trees are in layout-tree.ts, their
 * records in layout-catalog.ts, the journal in layout-journal.ts. All big-endian but the journal. Sources: Apple, Technical Note TN1150 "HFS Plus Volume Format" [TN]; apple-oss-distributions/hfs,
 * core/hfs_format.h [HF].
 *
 * The volume header stands 1,024 bytes after the start of the volume, its alternate 1,024 bytes before the end.
 * Everything else is a fork: runs of allocation blocks, of which block 0 begins where the volume begins.
 */
export const plural = (unit: string) => (value: number) => `${value} ${unit}${value === 1 ? '' : 's'}`;

/** The four bytes of a type or creator as text: 0x686c6e6b is 'hlnk'. */
export const fourCharacters = (value: number): string =>
  String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
export const showFour = (value: number) =>
  value === 0 ? 'none' : `${hex(value)} ${JSON.stringify(fourCharacters(value))}`;

/** Bits with names: `bitNames({ 8: 'unmounted cleanly' })` shows '0x100 unmounted cleanly'. */
export const bitNames = (names: Readonly<Record<number, string>>) => (value: number) => {
  const set = Object.entries(names).filter(([bit]) => (value >>> Number(bit)) & 1);
  return [hex(value), set.map(([, name]) => name).join(', ')].filter((text) => text !== '').join(' ');
};

// ── dates ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Seconds from the HFS epoch, 1904-01-01, to the Unix epoch. */
export const HFS_EPOCH_SECONDS = 2_082_844_800;

/** A time as HFS+ stores it, GMT, held within 1904 … 2040. Zero stays zero ("never"), as Apple's driver has it. */
export function hfsDate(time: { readonly seconds: number }): number {
  if (time.seconds === 0) return 0;
  return Math.min(Math.max(time.seconds + HFS_EPOCH_SECONDS, 0), 0xffff_ffff);
}

/** Times before 1970 read as 1970, as Apple's to_bsd_time answers. */
export const timeOfHfs = (date: number): Timespec => ({
  seconds: Math.max(date - HFS_EPOCH_SECONDS, 0),
  nanoseconds: 0,
});

const showDate = (date: number) =>
  date === 0 ? 'never' : new Date((date - HFS_EPOCH_SECONDS) * 1000).toISOString().replace('.000Z', 'Z');

// ── forks ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export const FORK_SIZE_BYTES = 80;
export const EXTENTS_PER_RECORD = 8;
export const EXTENT_SIZE_BYTES = 8;
/** Eight extents: the tail of fork data, the data of an extents overflow record. */
export const EXTENT_RECORD_SIZE_BYTES = 64;

/** A run of allocation blocks: HFSPlusExtentDescriptor. blockCount 0: unused. */
export interface ExtentDescriptor {
  readonly startBlock: number;
  readonly blockCount: number;
}

/** [TN "Fork Data Structure"] */
export interface ForkData {
  readonly logicalSizeBytes: number;
  readonly clumpSizeBytes: number;
  readonly totalBlocks: number;
  /** The used ones of eight, in order. */
  readonly extents: readonly ExtentDescriptor[];
}

export const EMPTY_FORK: ForkData = { logicalSizeBytes: 0, clumpSizeBytes: 0, totalBlocks: 0, extents: [] };

/** The used extents of the eight at `at`; stops at the first of length 0, as every reader does. */
export function readExtents(record: Uint8Array, at: number): ExtentDescriptor[] {
  const view = viewOf(record);
  const extents: ExtentDescriptor[] = [];
  for (let i = 0; i < EXTENTS_PER_RECORD; i++) {
    const blockCount = view.getUint32(at + i * EXTENT_SIZE_BYTES + 4);
    if (blockCount === 0) break;
    extents.push({ startBlock: view.getUint32(at + i * EXTENT_SIZE_BYTES), blockCount });
  }
  return extents;
}

/** At most eight; what remains of the record becomes zero. */
export function writeExtents(record: Uint8Array, at: number, extents: readonly ExtentDescriptor[]): void {
  const view = viewOf(record);
  for (let i = 0; i < EXTENTS_PER_RECORD; i++) {
    view.setUint32(at + i * EXTENT_SIZE_BYTES, extents[i]?.startBlock ?? 0);
    view.setUint32(at + i * EXTENT_SIZE_BYTES + 4, extents[i]?.blockCount ?? 0);
  }
}

export function readFork(record: Uint8Array, at = 0): ForkData {
  const view = viewOf(record);
  return {
    logicalSizeBytes: view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4),
    clumpSizeBytes: view.getUint32(at + 8),
    totalBlocks: view.getUint32(at + 12),
    extents: readExtents(record, at + 16),
  };
}

export function writeFork(record: Uint8Array, fork: ForkData, at = 0): void {
  const view = viewOf(record);
  view.setUint32(at, Math.floor(fork.logicalSizeBytes / 2 ** 32));
  view.setUint32(at + 4, fork.logicalSizeBytes >>> 0);
  view.setUint32(at + 8, fork.clumpSizeBytes);
  view.setUint32(at + 12, fork.totalBlocks);
  writeExtents(record, at + 16, fork.extents);
}

const showExtents = (extents: readonly ExtentDescriptor[]) =>
  extents.map((run) => `${run.startBlock}+${run.blockCount}`).join(', ');
const showFork = (fork: ForkData) =>
  fork.totalBlocks === 0
    ? 'empty'
    : `${plural('byte')(fork.logicalSizeBytes)} in ${plural('block')(fork.totalBlocks)}: ${showExtents(fork.extents)}`;

/** Fork data as one field of a larger structure; `ForkDataFields` explains its 80 bytes one by one. */
export const fork = (at: number, doc: string): Field<ForkData> => ({
  at,
  doc,
  lengthBytes: FORK_SIZE_BYTES,
  show: showFork,
  get: (view, at) => readFork(new Uint8Array(view.buffer, view.byteOffset + at, FORK_SIZE_BYTES)),
  set: (view, at, value) =>
    writeFork(new Uint8Array(view.buffer, view.byteOffset + at, FORK_SIZE_BYTES), value),
});

export const extentRecord = (at: number, doc: string): Field<readonly ExtentDescriptor[]> => ({
  at,
  doc,
  lengthBytes: EXTENT_RECORD_SIZE_BYTES,
  show: showExtents,
  get: (view, at) =>
    readExtents(new Uint8Array(view.buffer, view.byteOffset + at, EXTENT_RECORD_SIZE_BYTES), 0),
  set: (view, at, value) =>
    writeExtents(new Uint8Array(view.buffer, view.byteOffset + at, EXTENT_RECORD_SIZE_BYTES), 0, value),
});

export const ForkDataFields = struct('ForkData', FORK_SIZE_BYTES, 'big', 'TN1150, "Fork Data Structure"', {
  logicalSizeBytes: u64(0, 'logicalSize: bytes of contents', { show: plural('byte') }),
  clumpSizeBytes: u32(8, 'clumpSize: how much to allocate at once; on files, reads counted for hot files'),
  totalBlocks: u32(12, 'totalBlocks: allocation blocks of all extents', { show: plural('block') }),
  extents: extentRecord(
    16,
    'extents: the first eight runs, start + count; others are in the extents overflow file',
  ),
});

export const ExtentFields = struct('Extent', EXTENT_SIZE_BYTES, 'big', 'TN1150, "Extent Descriptor"', {
  startBlock: u32(0, 'startBlock: first allocation block of the run'),
  blockCount: u32(4, 'blockCount: length of the run; 0 unused', { show: plural('block') }),
});

// ── volume header ───────────────────────────────────────────────────────────────────────────────────────────────────

export const VOLUME_HEADER_OFFSET_BYTES = 1024;
export const VOLUME_HEADER_SIZE_BYTES = 512;
/** The alternate header begins this far before the end of the volume. */
export const ALTERNATE_HEADER_FROM_END_BYTES = 1024;

/** Signatures: 'H+', 'HX', and 'BD' of an HFS wrapper. */
export const SIGNATURE = { hfsplus: 0x482b, hfsx: 0x4858, hfs: 0x4244 } as const;
export const VERSION = { hfsplus: 4, hfsx: 5 } as const;

/** Who mounted it last; a header with 'FSK!' asks for a whole check after a journal that could not be replayed. */
export const MOUNTED_BY = {
  macos: 0x31302e30, // '10.0'
  macosJournaled: 0x4846534a, // 'HFSJ'
  fsck: 0x6673636b, // 'fsck'
  journalFailed: 0x46534b21, // 'FSK!'
} as const;

/** Bits of VolumeHeader.attributes. */
export const VOLUME_BIT = {
  hardwareLock: 2 ** 7,
  unmounted: 2 ** 8,
  sparedBlocks: 2 ** 9,
  noCache: 2 ** 10,
  bootInconsistent: 2 ** 11,
  catalogIdsReused: 2 ** 12,
  journaled: 2 ** 13,
  inconsistent: 2 ** 14,
  softwareLock: 2 ** 15,
  expandedTimes: 2 ** 29,
  contentProtection: 2 ** 30,
  unusedNodeFix: 2 ** 31,
} as const;

const VOLUME_BIT_NAMES = {
  7: 'hardware lock',
  8: 'unmounted cleanly',
  9: 'bad blocks spared',
  10: 'no cache',
  11: 'boot volume inconsistent',
  12: 'catalog node ids reused',
  13: 'journaled',
  14: 'inconsistent',
  15: 'software lock',
  29: 'expanded times',
  30: 'content protection',
  31: 'unused nodes are zeros',
};

/** A date as a field. */
export const date = (at: number, doc: string) => u32(at, doc, { show: showDate });

export type VolumeHeader = Value<typeof VolumeHeader>;
export const VolumeHeader = struct(
  'VolumeHeader',
  VOLUME_HEADER_SIZE_BYTES,
  'big',
  'TN1150, "Volume Header"',
  {
    signature: u16(0, 'signature: "H+" (482B) or "HX" (4858)', { show: hex }),
    version: u16(2, 'version: 4 for HFS+, 5 for HFSX'),
    attributes: u32(4, 'attributes', { show: bitNames(VOLUME_BIT_NAMES) }),
    lastMountedVersion: u32(8, 'lastMountedVersion: who mounted it last', { show: showFour }),
    journalInfoBlock: u32(
      12,
      'journalInfoBlock: allocation block of the journal info block; 0 without a journal',
    ),
    createDate: date(16, 'createDate: in local time, unlike all others'),
    modifyDate: date(20, 'modifyDate: last write to the volume'),
    backupDate: date(24, 'backupDate'),
    checkedDate: date(28, 'checkedDate: when fsck last looked'),
    fileCount: u32(32, 'fileCount: file records of the catalog', { show: plural('file') }),
    folderCount: u32(36, 'folderCount: folder records without the root', { show: plural('folder') }),
    blockSizeBytes: u32(40, 'blockSize: bytes of an allocation block', { show: plural('byte') }),
    totalBlocks: u32(44, 'totalBlocks', { show: plural('block') }),
    freeBlocks: u32(48, 'freeBlocks: zero bits of the bitmap', { show: plural('block') }),
    nextAllocation: u32(52, 'nextAllocation: where to look for free blocks first'),
    resourceClumpSizeBytes: u32(56, 'rsrcClumpSize: default clump of resource forks', {
      show: plural('byte'),
    }),
    dataClumpSizeBytes: u32(60, 'dataClumpSize: default clump of data forks', { show: plural('byte') }),
    nextCatalogId: u32(64, 'nextCatalogID: next unused catalog node id'),
    writeCount: u32(68, 'writeCount: grows with every mount'),
    encodingsBitmap: bytes(72, 8, 'encodingsBitmap: text encodings used by names; lowest bit MacRoman'),
    finderInfo: bytes(
      80,
      32,
      'finderInfo: folders to boot from and to open; the last eight bytes identify the volume',
    ),
    allocationFile: fork(112, 'allocationFile: bitmap of the allocation blocks'),
    extentsFile: fork(192, 'extentsFile: B-tree of extents beyond the first eight of each fork'),
    catalogFile: fork(272, 'catalogFile: B-tree of files and folders'),
    attributesFile: fork(352, 'attributesFile: B-tree of extended attributes'),
    startupFile: fork(432, 'startupFile: for computers without built-in support; empty'),
  },
);

export const FORK_OFFSET_BYTES = {
  allocation: VolumeHeader.fields.allocationFile.at,
  extents: VolumeHeader.fields.extentsFile.at,
  catalog: VolumeHeader.fields.catalogFile.at,
  attributes: VolumeHeader.fields.attributesFile.at,
  startup: VolumeHeader.fields.startupFile.at,
} as const;

/** Catalog node ids that the format gives away itself. [TN "Catalog Node IDs"] */
export const CNID = {
  rootParent: 1,
  root: 2,
  extentsFile: 3,
  catalogFile: 4,
  badBlocks: 5,
  allocationFile: 6,
  startupFile: 7,
  attributesFile: 8,
  repairTemporary: 14,
  exchangeTemporary: 15,
  firstUser: 16,
} as const;

/** The first 162 bytes of an HFS volume that wraps an HFS+ volume. [TN "HFS Wrapper"] */
export type MasterDirectoryBlock = Value<typeof MasterDirectoryBlock>;
export const MasterDirectoryBlock = struct('MasterDirectoryBlock', 162, 'big', 'TN1150, "HFS Wrapper"', {
  signature: u16(0, 'drSigWord: "BD"', { show: hex }),
  before: reserved(2, 18, 'fields of HFS standard'),
  blockSizeBytes: u32(20, 'drAlBlkSiz: bytes of an allocation block of the wrapper', {
    show: plural('byte'),
  }),
  clumpSizeBytes: u32(24, 'drClpSiz', { show: plural('byte') }),
  firstBlockSector: u16(28, 'drAlBlSt: sector (512 bytes) of the wrapper’s allocation block 0'),
  between: reserved(30, 94, 'fields of HFS standard'),
  embeddedSignature: u16(124, 'drEmbedSigWord: "H+" when an HFS+ volume is inside', { show: hex }),
  embeddedStartBlock: u16(126, 'drEmbedExtent: first block of the embedded volume'),
  embeddedBlockCount: u16(128, 'drEmbedExtent: blocks of the embedded volume'),
  after: reserved(130, 32, 'fields of HFS standard'),
});

// ── where everything lies ───────────────────────────────────────────────────────────────────────────────────────────

/** Bytes count from the start of the device, blocks from the start of the volume, which a wrapper moves. */
export interface Geometry {
  readonly isHfsx: boolean;
  /** Where the volume begins on the device: 0 unless an HFS wrapper surrounds it. */
  readonly volumeOffsetBytes: number;
  /** From the volume's first byte to its last, which may lie beyond its last whole allocation block. */
  readonly volumeSizeBytes: number;
  readonly blockSizeBytes: number;
  readonly totalBlocks: number;
  readonly headerOffsetBytes: number;
  readonly alternateHeaderOffsetBytes: number;
}

export const BLOCK_SIZE_BYTES_MIN = 512;
/** What Apple's driver accepts: MAXBSIZE and beyond is read by fsck, not mounted; TN1150 knows no limit. */
export const BLOCK_SIZE_BYTES_MAX = 2 ** 31;

/** Where an HFS+ volume lies inside an HFS wrapper, or undefined when `block` (at byte 1024) is none that has one. */
export function embeddedVolume(block: Uint8Array): { offsetBytes: number; sizeBytes: number } | undefined {
  const mdb = MasterDirectoryBlock.peek(block);
  if (mdb.signature !== SIGNATURE.hfs || mdb.embeddedSignature !== SIGNATURE.hfsplus) return undefined;
  return {
    offsetBytes: mdb.firstBlockSector * 512 + mdb.embeddedStartBlock * mdb.blockSizeBytes,
    sizeBytes: mdb.embeddedBlockCount * mdb.blockSizeBytes,
  };
}

/**
 * Derive the geometry from a volume header, or say in one sentence why it is none. Trusts nothing. `volumeOffsetBytes`
 * and `volumeSizeBytes` are what device or wrapper leave to the volume.
 */
export function geometryOf(
  header: Uint8Array,
  volumeOffsetBytes: number,
  volumeSizeBytes: number,
): Geometry | string {
  const { signature, version, blockSizeBytes, totalBlocks } = VolumeHeader.peek(header);
  const isHfsx = signature === SIGNATURE.hfsx;
  if (!isHfsx && signature !== SIGNATURE.hfsplus) {
    return 'no volume header: byte 1024 holds neither "H+" nor "HX"';
  }
  const expected = isHfsx ? VERSION.hfsx : VERSION.hfsplus;
  if (version !== expected) return `version ${version} of the volume header: must be ${expected}`;
  const isPowerOfTwo = Number.isInteger(Math.log2(blockSizeBytes));
  if (!isPowerOfTwo || blockSizeBytes < BLOCK_SIZE_BYTES_MIN || blockSizeBytes > BLOCK_SIZE_BYTES_MAX) {
    return `allocation blocks of ${blockSizeBytes} bytes: must be a power of two of at least 512`;
  }
  if (totalBlocks === 0) return 'the volume has no allocation blocks';
  if (totalBlocks * blockSizeBytes > volumeSizeBytes) {
    return (
      `the volume claims ${totalBlocks} blocks of ${blockSizeBytes} bytes, ` +
      `the device ends after ${Math.floor(volumeSizeBytes / blockSizeBytes)}: the image is cut short`
    );
  }
  return {
    isHfsx,
    volumeOffsetBytes,
    volumeSizeBytes,
    blockSizeBytes,
    totalBlocks,
    headerOffsetBytes: volumeOffsetBytes + VOLUME_HEADER_OFFSET_BYTES,
    alternateHeaderOffsetBytes: volumeOffsetBytes + volumeSizeBytes - ALTERNATE_HEADER_FROM_END_BYTES,
  };
}

/** First byte of allocation block `block`, counted from the start of the device. */
export const blockOffsetBytes = (geometry: Geometry, block: number): number =>
  geometry.volumeOffsetBytes + block * geometry.blockSizeBytes;
