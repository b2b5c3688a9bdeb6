import { assert } from '../../base/assert.ts';
import { ascii, bytes, flags8, hex, reserved, struct, u16, u32, u8, utf16 } from '../../codec/struct.ts';
import type { Value } from '../../codec/struct.ts';

/**
 * Every on-disk structure of FAT12, FAT16 and FAT32, and what follows from them. All little-endian.
 *
 * Region order: reserved sectors · FAT 1 · FAT 2 · fixed root directory (FAT12/16 only) · data, whose first cluster
 * is number 2. Source: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03 (FATGEN 1.03).
 */
const FATGEN = 'FATGEN 1.03';

const BOOT_SECTION = `${FATGEN}, "Boot Sector and BPB Structure"`;

const plural = (unit: string) => (value: number) => `${value} ${unit}${value === 1 ? '' : 's'}`;
const sectors = plural('sector');

/** What FAT12, FAT16 and FAT32 have in common: the first 36 bytes of the boot sector. */
export type BiosParameterBlock = Value<typeof BiosParameterBlock>;
export const BiosParameterBlock = struct('BPB', 36, 'little', BOOT_SECTION, {
  jump: bytes(0, 3, 'BS_jmpBoot: jump over the parameters to the boot code, EB xx 90 or E9 xx xx'),
  oemName: ascii(3, 8, 'BS_OEMName: who formatted the volume; no meaning'),
  bytesPerSector: u16(11, 'BPB_BytsPerSec: 512, 1024, 2048 or 4096', { show: plural('byte') }),
  sectorsPerCluster: u8(13, 'BPB_SecPerClus: a power of two up to 128', { show: sectors }),
  reservedSectors: u16(14, 'BPB_RsvdSecCnt: sectors before the first FAT', { show: sectors }),
  fatCount: u8(16, 'BPB_NumFATs: copies of the FAT, usually 2'),
  rootEntryCount: u16(17, 'BPB_RootEntCnt: entries of the fixed root directory; 0 on FAT32'),
  totalSectors16: u16(19, 'BPB_TotSec16: all sectors when fewer than 65,536, else 0', { show: sectors }),
  media: u8(21, 'BPB_Media: F8 fixed, F0 removable; the low byte of FAT entry 0 repeats it', { show: hex }),
  fatSizeSectors16: u16(22, 'BPB_FATSz16: sectors of one FAT on FAT12/16; 0 on FAT32', { show: sectors }),
  sectorsPerTrack: u16(24, 'BPB_SecPerTrk: for BIOS interrupt 13h'),
  headCount: u16(26, 'BPB_NumHeads: for BIOS interrupt 13h'),
  hiddenSectors: u32(28, 'BPB_HiddSec: sectors before this volume on the disk', { show: sectors }),
  totalSectors32: u32(32, 'BPB_TotSec32: all sectors when the 16-bit field is 0', { show: sectors }),
});

const STATE_BITS = ['volume is dirty', 'surface scan needed'];
export const STATE_DIRTY = 0x01;

/** The boot sector of FAT32 from byte 36 on; struct offsets count from the start of the sector. */
export type BootSector32 = Value<typeof BootSector32>;
export const BootSector32 = struct('BootSector', 512, 'little', BOOT_SECTION, {
  ...BiosParameterBlock.fields,
  fatSizeSectors32: u32(36, 'BPB_FATSz32: sectors of one FAT', { show: sectors }),
  extendedFlags: u16(40, 'BPB_ExtFlags: bits 0-3 active FAT, bit 7 mirroring is off', { show: hex }),
  version: u16(42, 'BPB_FSVer: 0', { show: hex }),
  rootCluster: u32(44, 'BPB_RootClus: first cluster of the root directory, usually 2'),
  fsInfoSector: u16(48, 'BPB_FSInfo: sector of the FSInfo structure, usually 1'),
  backupBootSector: u16(50, 'BPB_BkBootSec: sector of the copy of this one, usually 6'),
  reserved0: reserved(52, 12),
  driveNumber: u8(64, 'BS_DrvNum: 80h for a fixed disk', { show: hex }),
  state: flags8(65, 'BS_Reserved1: Linux and Windows keep the dirty flag here', STATE_BITS),
  bootSignature: u8(66, 'BS_BootSig: 29h says that the next three fields are there', { show: hex }),
  serialNumber: u32(67, 'BS_VolID: volume serial number', { show: hex }),
  label: ascii(71, 11, 'BS_VolLab: the label again; the entry in the root directory counts'),
  typeName: ascii(82, 8, 'BS_FilSysType: information only; the count of clusters decides the type'),
  bootCode: bytes(90, 420, 'boot code', { show: () => 'boot code' }),
  signature: u16(510, 'Signature_word: 55 AA', { show: hex }),
});

/** The boot sector of FAT12 and FAT16. */
export type BootSector16 = Value<typeof BootSector16>;
export const BootSector16 = struct('BootSector', 512, 'little', BOOT_SECTION, {
  ...BiosParameterBlock.fields,
  driveNumber: u8(36, 'BS_DrvNum: 80h for a fixed disk', { show: hex }),
  state: flags8(37, 'BS_Reserved1: Linux and Windows keep the dirty flag here', STATE_BITS),
  bootSignature: u8(38, 'BS_BootSig: 29h says that the next three fields are there', { show: hex }),
  serialNumber: u32(39, 'BS_VolID: volume serial number', { show: hex }),
  label: ascii(43, 11, 'BS_VolLab: the label again; the entry in the root directory counts'),
  typeName: ascii(54, 8, 'BS_FilSysType: information only; the count of clusters decides the type'),
  bootCode: bytes(62, 448, 'boot code', { show: () => 'boot code' }),
  signature: u16(510, 'Signature_word: 55 AA', { show: hex }),
});

export const BOOT_SIGNATURE = 0xaa55;

const clustersOrUnknown = (value: number) => (value === 0xffffffff ? 'unknown' : plural('cluster')(value));

/** Both counts are hints: the FAT itself is the truth. */
export type FsInfo = Value<typeof FsInfo>;
export const FsInfo = struct('FSInfo', 512, 'little', `${FATGEN}, "FAT32 FSInfo Sector Structure"`, {
  leadSignature: u32(0, 'FSI_LeadSig: says "RRaA"', { magic: 0x41615252, show: hex }),
  reserved1: reserved(4, 480),
  structSignature: u32(484, 'FSI_StrucSig: says "rrAa"', { magic: 0x61417272, show: hex }),
  freeCount: u32(488, 'FSI_Free_Count: free clusters when last counted', { show: clustersOrUnknown }),
  nextFree: u32(492, 'FSI_Nxt_Free: where to start looking for a free cluster', {
    show: (value) => (value === 0xffffffff ? 'unknown' : `cluster ${value}`),
  }),
  reserved2: reserved(496, 12),
  trailSignature: u32(508, 'FSI_TrailSig', { magic: 0xaa550000, show: hex }),
});

export const UNKNOWN_COUNT = 0xffffffff;

// ── directory entries ───────────────────────────────────────────────────────────────────────────────────────────────

export const ATTRIBUTE = {
  readOnly: 0x01,
  hidden: 0x02,
  system: 0x04,
  label: 0x08,
  directory: 0x10,
  archive: 0x20,
  /** Read-only, hidden, system and label at once: a part of a long name. */
  longName: 0x0f,
  longNameMask: 0x3f,
} as const;

const ATTRIBUTE_BITS = ['read-only', 'hidden', 'system', 'volume label', 'directory', 'archive'];

/** NT case bits: the part of an 8.3 name is shown in lower case. Not in FATGEN; Windows NT and Linux keep them. */
export const NT_CASE = { baseLower: 0x08, extensionLower: 0x10 } as const;

export const ENTRY_SIZE_BYTES = 32;
export const ENTRY_FREE = 0xe5;
export const ENTRY_END = 0x00;
/** Stands for a real E5 as the first byte of a name. */
export const ENTRY_ESCAPED_E5 = 0x05;
export const DIRECTORY_ENTRIES_MAX = 65_536;
export const FILE_SIZE_BYTES_MAX = 0xffff_ffff;

const date = (value: number) =>
  value === 0 ? 'none' : `${1980 + (value >> 9)}-${two((value >> 5) & 15)}-${two(value & 31)}`;
const time = (value: number) => `${two(value >> 11)}:${two((value >> 5) & 63)}:${two((value & 31) * 2)}`;
const two = (value: number) => String(value).padStart(2, '0');

export type DirectoryEntry = Value<typeof DirectoryEntry>;
export const DirectoryEntry = struct(
  'DirectoryEntry',
  ENTRY_SIZE_BYTES,
  'little',
  `${FATGEN}, "FAT Directory Structure"`,
  {
    name: bytes(
      0,
      11,
      'DIR_Name: eight and three characters, upper case, padded with spaces; E5 free, 00 end',
      {
        show: (value) => JSON.stringify(String.fromCharCode(...value)),
      },
    ),
    attributes: flags8(11, 'DIR_Attr', ATTRIBUTE_BITS),
    ntCase: flags8(12, 'DIR_NTRes: which part of the short name is shown in lower case', [
      '',
      '',
      '',
      'base lower',
      'extension lower',
    ]),
    createTenMilliseconds: u8(13, 'DIR_CrtTimeTenth: adds 0 to 199 × 10 ms to the creation time'),
    createTime: u16(14, 'DIR_CrtTime: local time, 2 s steps', { show: time }),
    createDate: u16(16, 'DIR_CrtDate', { show: date }),
    accessDate: u16(18, 'DIR_LstAccDate: a day, no time', { show: date }),
    firstClusterHigh: u16(20, 'DIR_FstClusHI: upper half of the first cluster; 0 on FAT12/16'),
    writeTime: u16(22, 'DIR_WrtTime: local time, 2 s steps', { show: time }),
    writeDate: u16(24, 'DIR_WrtDate', { show: date }),
    firstClusterLow: u16(26, 'DIR_FstClusLO: lower half of the first cluster; 0 for an empty file'),
    sizeBytes: u32(28, 'DIR_FileSize: 0 for directories', { show: plural('byte') }),
  },
);

/** One slot of a long name: 13 UTF-16 units. Slots stand before their short entry, last part first. */
export type LongNameEntry = Value<typeof LongNameEntry>;
export const LongNameEntry = struct(
  'LongNameEntry',
  ENTRY_SIZE_BYTES,
  'little',
  `${FATGEN}, "FAT Long Directory Entries"`,
  {
    order: u8(0, 'LDIR_Ord: part number from 1; 40h marks the last part, which is stored first', {
      show: hex,
    }),
    units1: utf16(1, 5, 'LDIR_Name1: characters 1-5 of this part'),
    attributes: u8(11, 'LDIR_Attr: 0F says "long name"', { show: hex }),
    type: u8(12, 'LDIR_Type: 0'),
    checksum: u8(13, 'LDIR_Chksum: of the short name, ties the slot to its entry', { show: hex }),
    units2: utf16(14, 6, 'LDIR_Name2: characters 6-11'),
    firstCluster: u16(26, 'LDIR_FstClusLO: 0'),
    units3: utf16(28, 2, 'LDIR_Name3: characters 12-13'),
  },
);

export const LONG_NAME_LAST = 0x40;
export const LONG_NAME_UNITS_PER_ENTRY = 13;
export const LONG_NAME_UNITS_MAX = 255;

// ── what follows from the boot sector ───────────────────────────────────────────────────────────────────────────────

export type FatType = 12 | 16 | 32;

/** Where everything lies. Sectors are the volume's own (`sectorSizeBytes`), counted from its start. */
export interface Geometry {
  readonly type: FatType;
  readonly sectorSizeBytes: number;
  readonly clusterSizeBytes: number;
  readonly totalSectors: number;
  readonly reservedSectors: number;
  readonly fatCount: number;
  readonly fatSizeSectors: number;
  /** FAT12/16: the fixed root directory. Both 0 on FAT32. */
  readonly rootFirstSector: number;
  readonly rootEntryCount: number;
  /** FAT32: first cluster of the root directory. 0 on FAT12/16. */
  readonly rootCluster: number;
  readonly dataFirstSector: number;
  /** Data clusters; numbers run from 2 to clusterCount + 1. */
  readonly clusterCount: number;
  /** 0 when there is none. */
  readonly fsInfoSector: number;
  readonly backupBootSector: number;
}

/** FATGEN 1.03, "FAT Type Determination": the count of clusters decides, nothing else. */
export const FAT12_CLUSTERS_MAX = 4084;
export const FAT16_CLUSTERS_MAX = 65_524;
/** Highest cluster count whose numbers stay below the bad-cluster mark. */
export const FAT32_CLUSTERS_MAX = 0x0fff_fff5;

/**
 * Derive the geometry from the first 512 bytes, or say in one sentence why they are no FAT boot sector. Trusts nothing:
 * every number is checked before it is divided by or multiplied with. `deviceSizeBytes` bounds the volume.
 */
export function geometryOf(bootSector: Uint8Array, deviceSizeBytes: number): Geometry | string {
  const boot = BootSector32.peek(bootSector);
  const { bytesPerSector, sectorsPerCluster, reservedSectors, fatCount, rootEntryCount } = boot;
  if (boot.signature !== BOOT_SIGNATURE) return 'the boot sector does not end in 55 AA';
  if (![512, 1024, 2048, 4096].includes(bytesPerSector)) {
    return `${bytesPerSector} bytes per sector: must be 512, 1024, 2048 or 4096`;
  }
  if (sectorsPerCluster === 0 || (sectorsPerCluster & (sectorsPerCluster - 1)) !== 0) {
    return `${sectorsPerCluster} sectors per cluster: must be a power of two`;
  }
  if (reservedSectors === 0) return 'no reserved sectors: the boot sector itself must be one';
  if (fatCount === 0 || fatCount > 2) return `${fatCount} file allocation tables: must be 1 or 2`;

  const fatSizeSectors = boot.fatSizeSectors16 !== 0 ? boot.fatSizeSectors16 : boot.fatSizeSectors32;
  const totalSectors = boot.totalSectors16 !== 0 ? boot.totalSectors16 : boot.totalSectors32;
  if (fatSizeSectors === 0) return 'the file allocation table has no sectors';
  if (totalSectors === 0) return 'the volume has no sectors';
  if (totalSectors * bytesPerSector > deviceSizeBytes) {
    return (
      `the volume claims ${totalSectors} sectors of ${bytesPerSector} bytes, ` +
      `the device ends after ${Math.floor(deviceSizeBytes / bytesPerSector)}: the image is cut short`
    );
  }

  const rootFirstSector = reservedSectors + fatCount * fatSizeSectors;
  const rootSectors = Math.ceil((rootEntryCount * ENTRY_SIZE_BYTES) / bytesPerSector);
  const dataFirstSector = rootFirstSector + rootSectors;
  if (dataFirstSector >= totalSectors) return 'no room for data behind the file allocation tables';
  const clusterCount = Math.floor((totalSectors - dataFirstSector) / sectorsPerCluster);
  if (clusterCount === 0) return 'no whole cluster behind the file allocation tables';

  // Linux and dosfstools call a volume FAT32 when the 16-bit size is 0, even with few clusters; so do we, for reading.
  const isFat32 = boot.fatSizeSectors16 === 0;
  const type: FatType = isFat32 ? 32 : clusterCount <= FAT12_CLUSTERS_MAX ? 12 : 16;
  if (type === 32 && rootEntryCount !== 0) return 'a FAT32 volume with a fixed root directory';
  if (type !== 32 && rootEntryCount === 0) return `a FAT${type} volume without a root directory`;
  if (type === 16 && clusterCount > FAT16_CLUSTERS_MAX)
    return `${clusterCount} clusters are too many for FAT16`;
  if (type === 32 && clusterCount > FAT32_CLUSTERS_MAX)
    return `${clusterCount} clusters are too many for FAT32`;
  const entriesPerFat = Math.floor((fatSizeSectors * bytesPerSector * 8) / bitsPerEntry(type));
  if (entriesPerFat < clusterCount + 2) {
    return `the file allocation table has ${entriesPerFat} entries for ${clusterCount} clusters`;
  }
  if (type === 32 && !isDataCluster({ clusterCount }, boot.rootCluster)) {
    return `the root directory starts at cluster ${boot.rootCluster}, outside the volume`;
  }

  const inReserved = (sector: number) => (type === 32 && sector < reservedSectors ? sector : 0);
  return {
    type,
    sectorSizeBytes: bytesPerSector,
    clusterSizeBytes: bytesPerSector * sectorsPerCluster,
    totalSectors,
    reservedSectors,
    fatCount,
    fatSizeSectors,
    rootFirstSector: isFat32 ? 0 : rootFirstSector,
    rootEntryCount,
    rootCluster: isFat32 ? boot.rootCluster : 0,
    dataFirstSector,
    clusterCount,
    fsInfoSector: inReserved(boot.fsInfoSector),
    backupBootSector: inReserved(boot.backupBootSector),
  };
}

export const isDataCluster = (geometry: { readonly clusterCount: number }, cluster: number): boolean =>
  cluster >= 2 && cluster < geometry.clusterCount + 2;

/**
 * First byte of cluster `cluster`, counted from the start of the volume.
 *
 * Clusters are numbered from 2: FAT entries 0 and 1 hold the media byte and the dirty flags.
 * Source: FATGEN 1.03, "FirstSectorofCluster".
 */
export function clusterOffsetBytes(geometry: Geometry, cluster: number): number {
  assert(isDataCluster(geometry, cluster), `cluster ${cluster} is in the data region`);
  return geometry.dataFirstSector * geometry.sectorSizeBytes + (cluster - 2) * geometry.clusterSizeBytes;
}

// ── entries of the FAT ──────────────────────────────────────────────────────────────────────────────────────────────

export const bitsPerEntry = (type: FatType): number => type;

/** Values of a FAT entry, for all three widths: `ofType(12).endOfChain` is 0xfff. */
export interface EntryMarks {
  readonly mask: number;
  readonly bad: number;
  /** From here on an entry says "last cluster of its chain". */
  readonly endOfChainMin: number;
  readonly endOfChain: number;
  /** Bits of entry 1: set means clean, set means no hardware error. 0 on FAT12, which has none. */
  readonly cleanBit: number;
  readonly noErrorBit: number;
}

const MARKS: Readonly<Record<FatType, EntryMarks>> = {
  12: { mask: 0xfff, bad: 0xff7, endOfChainMin: 0xff8, endOfChain: 0xfff, cleanBit: 0, noErrorBit: 0 },
  16: {
    mask: 0xffff,
    bad: 0xfff7,
    endOfChainMin: 0xfff8,
    endOfChain: 0xffff,
    cleanBit: 0x8000,
    noErrorBit: 0x4000,
  },
  32: {
    mask: 0x0fffffff,
    bad: 0x0ffffff7,
    endOfChainMin: 0x0ffffff8,
    endOfChain: 0x0fffffff,
    cleanBit: 0x08000000,
    noErrorBit: 0x04000000,
  },
};

export const marksOf = (type: FatType): EntryMarks => MARKS[type];

/** Byte of the FAT in which entry `cluster` begins. A FAT12 entry may go on in the next sector. */
export function entryOffsetBytes(type: FatType, cluster: number): number {
  return type === 12 ? cluster + (cluster >>> 1) : type === 16 ? cluster * 2 : cluster * 4;
}

/** Entry `cluster` of a FAT (or of a piece of one that starts at entry 0 of `fat`), without the reserved upper bits. */
export function getEntry(type: FatType, fat: Uint8Array, cluster: number): number {
  const at = entryOffsetBytes(type, cluster);
  const low = (fat[at] ?? 0) | ((fat[at + 1] ?? 0) << 8);
  if (type === 12) return cluster & 1 ? low >>> 4 : low & 0xfff;
  if (type === 16) return low;
  return (low | ((fat[at + 2] ?? 0) << 16) | (((fat[at + 3] ?? 0) & 0x0f) << 24)) >>> 0;
}

/** Sets entry `cluster`; the upper four bits of a FAT32 entry stay as they are (FATGEN 1.03, "FAT entry values"). */
export function setEntry(type: FatType, fat: Uint8Array, cluster: number, value: number): void {
  const at = entryOffsetBytes(type, cluster);
  assert(at + (type === 32 ? 4 : 2) <= fat.length, `entry ${cluster} lies in the table`);
  if (type === 12) {
    const old = (fat[at] ?? 0) | ((fat[at + 1] ?? 0) << 8);
    const mixed = cluster & 1 ? (old & 0x000f) | (value << 4) : (old & 0xf000) | (value & 0xfff);
    fat[at] = mixed;
    fat[at + 1] = mixed >>> 8;
    return;
  }
  fat[at] = value;
  fat[at + 1] = value >>> 8;
  if (type === 32) {
    fat[at + 2] = value >>> 16;
    fat[at + 3] = ((fat[at + 3] ?? 0) & 0xf0) | ((value >>> 24) & 0x0f);
  }
}
