import { assert } from '../../base/assert.ts';
import { bytes, flags8, hex, reserved, struct, u16, u32, u64, u8, utf16 } from '../../codec/struct.ts';
import type { Value } from '../../codec/struct.ts';

/**
 * Every on-disk structure of exFAT, its checksums, and what follows from the boot sector. All little-endian.
 *
 * Region order: main boot region (12 sectors) · backup boot region (12) · FAT · cluster heap, whose first cluster is
 * number 2. Source: Microsoft, "exFAT file system specification" (2019).
 */
const SPEC = 'exFAT specification';

const plural = (unit: string) => (value: number) => `${value} ${unit}${value === 1 ? '' : 's'}`;
const sectors = plural('sector');
const cluster = (value: number) => (value === 0 ? 'none' : `cluster ${value}`);

// ── boot region ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Bits of VolumeFlags. */
export const VOLUME_FLAG = { activeFat: 0x01, dirty: 0x02, mediaFailure: 0x04, clearToZero: 0x08 } as const;

const VOLUME_FLAG_NAMES = ['second FAT is active', 'volume is dirty', 'media failure', 'clear to zero'];

const volumeFlagsText = (value: number): string => {
  const names = VOLUME_FLAG_NAMES.filter((_, bit) => value & (1 << bit));
  return names.length === 0 ? hex(value) : `${hex(value)} ${names.join(', ')}`;
};

export type BootSector = Value<typeof BootSector>;
export const BootSector = struct(
  'BootSector',
  512,
  'little',
  `${SPEC}, 3.1 "Main and Backup Boot Sector Sub-regions"`,
  {
    jump: bytes(0, 3, 'JumpBoot: EB 76 90, a jump over the parameters to the boot code'),
    fileSystemName: bytes(3, 8, 'FileSystemName: "EXFAT" and three spaces', {
      show: (value) => JSON.stringify(String.fromCharCode(...value)),
    }),
    mustBeZero: bytes(
      11,
      53,
      'MustBeZero: where FAT keeps its parameters, so that no FAT driver mounts this',
      {
        show: (value) => (value.every((byte) => byte === 0) ? 'zero' : 'not zero'),
      },
    ),
    partitionOffset: u64(64, 'PartitionOffset: sectors before this volume on the disk; 0 says nothing', {
      show: sectors,
    }),
    volumeLength: u64(72, 'VolumeLength: sectors of the volume', { show: sectors }),
    fatOffset: u32(80, 'FatOffset: first sector of the FAT, 24 or later', { show: sectors }),
    fatLength: u32(84, 'FatLength: sectors of one FAT', { show: sectors }),
    clusterHeapOffset: u32(88, 'ClusterHeapOffset: first sector of cluster 2', { show: sectors }),
    clusterCount: u32(92, 'ClusterCount: clusters of the heap', { show: plural('cluster') }),
    rootCluster: u32(96, 'FirstClusterOfRootDirectory', { show: cluster }),
    serialNumber: u32(100, 'VolumeSerialNumber', { show: hex }),
    revision: u16(104, 'FileSystemRevision: 0x0100 is 1.00', { show: hex }),
    volumeFlags: u16(106, 'VolumeFlags: outside the checksum', { show: volumeFlagsText }),
    bytesPerSectorShift: u8(108, 'BytesPerSectorShift: 9 to 12', { show: (value) => `2^${value} bytes` }),
    sectorsPerClusterShift: u8(109, 'SectorsPerClusterShift: clusters of at most 32 MiB', {
      show: (value) => `2^${value} sectors`,
    }),
    fatCount: u8(110, 'NumberOfFats: 1; 2 on TexFAT'),
    driveSelect: u8(111, 'DriveSelect: for BIOS interrupt 13h, 80h', { show: hex }),
    percentInUse: u8(112, 'PercentInUse: of the clusters, rounded down; outside the checksum', {
      show: (value) => (value === PERCENT_UNKNOWN ? 'unknown' : `${value} %`),
    }),
    reserved: reserved(113, 7),
    bootCode: bytes(120, 390, 'BootCode', { show: () => 'boot code' }),
    signature: u16(510, 'BootSignature: 55 AA', { show: hex }),
  },
);

export const BOOT_JUMP: readonly number[] = [0xeb, 0x76, 0x90];
export const BOOT_NAME = 'EXFAT   ';
export const BOOT_SIGNATURE = 0xaa55;
export const REVISION = 0x0100;
export const PERCENT_UNKNOWN = 0xff;

/** Sectors of one boot region: boot sector, 8 extended boot sectors, OEM parameters, reserved, checksum. */
export const BOOT_REGION_SECTORS = 12;
export const EXTENDED_BOOT_FIRST_SECTOR = 1;
export const EXTENDED_BOOT_SECTORS = 8;
export const OEM_PARAMETERS_SECTOR = 9;
export const RESERVED_SECTOR = 10;
export const CHECKSUM_SECTOR = 11;
/** In the last four bytes of each extended boot sector. */
export const EXTENDED_BOOT_SIGNATURE = 0xaa550000;

/** One of the ten records in the sector of OEM parameters. */
export const OemParameters = struct(
  'OemParameters',
  48,
  'little',
  `${SPEC}, 3.3 "Main and Backup OEM Parameters Sub-regions"`,
  {
    guid: bytes(0, 16, 'ParametersGuid: whose parameters; zero for an unused record'),
    custom: bytes(16, 32, 'CustomDefined'),
  },
);
export const OEM_PARAMETERS_COUNT = 10;

/** Bytes of the boot sector that its checksum leaves out: VolumeFlags and PercentInUse. */
const UNSUMMED_AT: readonly number[] = [106, 107, 112];

const sum32 = (sum: number, byte: number): number => ((sum >>> 1) + ((sum & 1) << 31) + byte) >>> 0;

/** Of the first eleven sectors of a boot region, main or backup. exFAT specification, 3.4. */
export function bootChecksum(region: Uint8Array, sectorSizeBytes: number): number {
  assert(region.length >= CHECKSUM_SECTOR * sectorSizeBytes, 'eleven sectors are there to be summed');
  let sum = 0;
  for (let i = 0; i < CHECKSUM_SECTOR * sectorSizeBytes; i++) {
    if (!UNSUMMED_AT.includes(i)) sum = sum32(sum, region[i] ?? 0);
  }
  return sum;
}

/** Of an up-case table as it is stored, 7.2.2. */
export const tableChecksum = (table: Uint8Array): number => table.reduce(sum32, 0);

// ── geometry ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where everything lies. Sectors are the volume's own (`sectorSizeBytes`), counted from its start. */
export interface Geometry {
  readonly sectorSizeBytes: number;
  readonly clusterSizeBytes: number;
  readonly sectorsPerCluster: number;
  readonly totalSectors: number;
  readonly fatFirstSector: number;
  /** Of one FAT. */
  readonly fatSizeSectors: number;
  /** 1; 2 on TexFAT, whose active FAT and bitmap VolumeFlags names. */
  readonly fatCount: number;
  readonly activeFat: number;
  readonly heapFirstSector: number;
  /** Clusters of the heap; numbers run from 2 to clusterCount + 1. */
  readonly clusterCount: number;
  readonly rootCluster: number;
}

export const CLUSTER_SIZE_BYTES_MAX = 2 ** 25;
export const CLUSTERS_MAX = 0xffff_fff5;
export const FIRST_CLUSTER = 2;

/**
 * Derive the geometry from the first 512 bytes, or say in one sentence why they are no exFAT boot sector that can be
 * used. Trusts nothing: every number is checked before it is shifted by or multiplied with. `deviceSizeBytes` bounds
 * the volume. The checksum is not looked at.
 */
export function geometryOf(bootSector: Uint8Array, deviceSizeBytes: number): Geometry | string {
  const boot = BootSector.peek(bootSector);
  if (String.fromCharCode(...boot.fileSystemName) !== BOOT_NAME) return 'the boot sector does not say EXFAT';
  if (boot.signature !== BOOT_SIGNATURE) return 'the boot sector does not end in 55 AA';
  if (boot.mustBeZero.some((byte) => byte !== 0)) return 'bytes 11 to 63 of the boot sector are not zero';
  const { bytesPerSectorShift, sectorsPerClusterShift, fatCount, clusterCount, rootCluster } = boot;
  if (boot.revision >> 8 !== REVISION >> 8) {
    return `revision ${boot.revision >> 8}.${boot.revision & 0xff} of exFAT: only revision 1 is known`;
  }
  if (bytesPerSectorShift < 9 || bytesPerSectorShift > 12) {
    return `a sector of 2^${bytesPerSectorShift} bytes: must be 2^9 to 2^12`;
  }
  if (sectorsPerClusterShift > 25 - bytesPerSectorShift) {
    return `a cluster of 2^${sectorsPerClusterShift} sectors: at most 32 MiB are allowed`;
  }
  if (fatCount !== 1 && fatCount !== 2) return `${fatCount} file allocation tables: must be 1 or 2`;
  const geometry: Geometry = {
    sectorSizeBytes: 2 ** bytesPerSectorShift,
    sectorsPerCluster: 2 ** sectorsPerClusterShift,
    clusterSizeBytes: 2 ** (bytesPerSectorShift + sectorsPerClusterShift),
    totalSectors: boot.volumeLength,
    fatFirstSector: boot.fatOffset,
    fatSizeSectors: boot.fatLength,
    fatCount,
    activeFat: fatCount === 2 ? boot.volumeFlags & VOLUME_FLAG.activeFat : 0,
    heapFirstSector: boot.clusterHeapOffset,
    clusterCount,
    rootCluster,
  };
  return impossibilityOf(geometry, deviceSizeBytes) ?? geometry;
}

function impossibilityOf(geometry: Geometry, deviceSizeBytes: number): string | null {
  const { sectorSizeBytes, totalSectors, fatFirstSector, fatSizeSectors, heapFirstSector } = geometry;
  const { clusterCount, fatCount, sectorsPerCluster, rootCluster } = geometry;
  if (totalSectors * sectorSizeBytes > deviceSizeBytes) {
    return (
      `the volume claims ${totalSectors} sectors of ${sectorSizeBytes} bytes, ` +
      `the device ends after ${Math.floor(deviceSizeBytes / sectorSizeBytes)}: the image is cut short`
    );
  }
  if (fatFirstSector < 2 * BOOT_REGION_SECTORS) {
    return `the file allocation table begins at sector ${fatFirstSector}, inside the boot regions`;
  }
  if (fatFirstSector + fatCount * fatSizeSectors > heapFirstSector) {
    return `the file allocation table reaches into the cluster heap, which begins at sector ${heapFirstSector}`;
  }
  if (clusterCount === 0) return 'the cluster heap has no clusters';
  if (clusterCount > CLUSTERS_MAX) return `${clusterCount} clusters are too many for exFAT`;
  if (heapFirstSector + clusterCount * sectorsPerCluster > totalSectors) {
    return `${clusterCount} clusters do not fit into ${totalSectors} sectors`;
  }
  const entriesPerFat = (fatSizeSectors * sectorSizeBytes) / FAT_ENTRY_BYTES;
  if (entriesPerFat < clusterCount + FIRST_CLUSTER) {
    return `the file allocation table has ${entriesPerFat} entries for ${clusterCount} clusters`;
  }
  if (!isDataCluster(geometry, rootCluster)) {
    return `the root directory starts at cluster ${rootCluster}, outside the volume`;
  }
  return null;
}

export const isDataCluster = (geometry: { readonly clusterCount: number }, number: number): boolean =>
  number >= FIRST_CLUSTER && number < geometry.clusterCount + FIRST_CLUSTER;

/** First byte of cluster `number`, counted from the start of the volume. */
export function clusterOffsetBytes(geometry: Geometry, number: number): number {
  assert(isDataCluster(geometry, number), `cluster ${number} is in the heap`);
  return geometry.heapFirstSector * geometry.sectorSizeBytes + (number - 2) * geometry.clusterSizeBytes;
}

// ── FAT and bitmap ──────────────────────────────────────────────────────────────────────────────────────────────────

export const FAT_ENTRY_BYTES = 4;
/** What entries 0 and 1 hold: the media byte F8 and all ones. */
export const FAT_MEDIA = 0xffff_fff8;
export const FAT_SECOND = 0xffff_ffff;
export const FAT_BAD = 0xffff_fff7;
export const FAT_END = 0xffff_ffff;

/** Bytes of the allocation bitmap: bit 0 of byte 0 is cluster 2, lowest bit first. */
export const bitmapSizeBytes = (clusterCount: number): number => Math.ceil(clusterCount / 8);

// ── directory entries ───────────────────────────────────────────────────────────────────────────────────────────────

export const ENTRY_SIZE_BYTES = 32;
/** Bit 7 says "in use", bit 6 "secondary", bit 5 "benign". 00 ends the directory; 01 to 7F are unused. */
export const ENTRY_TYPE = {
  end: 0x00,
  bitmap: 0x81,
  upcase: 0x82,
  label: 0x83,
  file: 0x85,
  guid: 0xa0,
  texFatPadding: 0xa1,
  stream: 0xc0,
  name: 0xc1,
  vendorExtension: 0xe0,
  vendorAllocation: 0xe1,
} as const;
export const ENTRY_IN_USE = 0x80;
export const ENTRY_SECONDARY = 0x40;
export const ENTRY_BENIGN = 0x20;

export const NAME_UNITS_MAX = 255;
export const NAME_UNITS_PER_ENTRY = 15;
/** File, stream, 17 parts of a name. */
export const SET_ENTRIES_MIN = 3;
export const SET_ENTRIES_MAX = 19;
export const DIRECTORY_BYTES_MAX = 256 * 2 ** 20;
export const LABEL_UNITS_MAX = 11;

const SET_SECTION = `${SPEC}, 7 "Directory Entry Definitions"`;
const entryType = (doc: string) => u8(0, `EntryType: ${doc}`, { show: hex });

export type BitmapEntry = Value<typeof BitmapEntry>;
export const BitmapEntry = struct('BitmapEntry', 32, 'little', `${SPEC}, 7.1 "Allocation Bitmap"`, {
  entryType: entryType('81, allocation bitmap'),
  flags: u8(1, 'BitmapFlags: bit 0 for the bitmap of the second FAT (TexFAT)', { show: hex }),
  reserved: reserved(2, 18),
  firstCluster: u32(20, 'FirstCluster', { show: cluster }),
  dataLength: u64(24, 'DataLength: one bit a cluster', { show: plural('byte') }),
});

export type UpcaseEntry = Value<typeof UpcaseEntry>;
export const UpcaseEntry = struct('UpcaseEntry', 32, 'little', `${SPEC}, 7.2 "Up-case Table"`, {
  entryType: entryType('82, up-case table'),
  reserved1: reserved(1, 3),
  tableChecksum: u32(4, 'TableChecksum: of the table as stored', { show: hex }),
  reserved2: reserved(8, 12),
  firstCluster: u32(20, 'FirstCluster', { show: cluster }),
  dataLength: u64(24, 'DataLength', { show: plural('byte') }),
});

export type LabelEntry = Value<typeof LabelEntry>;
export const LabelEntry = struct('LabelEntry', 32, 'little', `${SPEC}, 7.3 "Volume Label"`, {
  entryType: entryType('83, volume label; 03 without one'),
  characterCount: u8(1, 'CharacterCount: at most 11'),
  label: utf16(2, 11, 'VolumeLabel'),
  reserved: reserved(24, 8),
});

export type GuidEntry = Value<typeof GuidEntry>;
export const GuidEntry = struct('GuidEntry', 32, 'little', `${SPEC}, 7.5 "Volume GUID"`, {
  entryType: entryType('A0, volume GUID'),
  secondaryCount: u8(1, 'SecondaryCount: 0'),
  setChecksum: u16(2, 'SetChecksum', { show: hex }),
  flags: u16(4, 'GeneralPrimaryFlags: 0', { show: hex }),
  guid: bytes(6, 16, 'VolumeGuid: not zero'),
  reserved: reserved(22, 10),
});

export const ATTRIBUTE = {
  readOnly: 0x01,
  hidden: 0x02,
  system: 0x04,
  directory: 0x10,
  archive: 0x20,
} as const;
const ATTRIBUTE_BITS = ['read-only', 'hidden', 'system', '', 'directory', 'archive'];
const attributesText = (value: number): string => {
  const names = ATTRIBUTE_BITS.filter((name, bit) => name !== '' && value & (1 << bit));
  return names.length === 0 ? hex(value) : `${hex(value)} ${names.join(', ')}`;
};

const two = (value: number) => String(value).padStart(2, '0');
/** A 32-bit timestamp in the entry's own zone: '2026-01-01 09:00:02'. */
export const stampText = (stamp: number): string =>
  `${1980 + (stamp >>> 25)}-${two((stamp >>> 21) & 15)}-${two((stamp >>> 16) & 31)} ` +
  `${two((stamp >>> 11) & 31)}:${two((stamp >>> 5) & 63)}:${two((stamp & 31) * 2)}`;

/** Bit 7: the offset is valid. The rest: quarters of an hour east of UTC, seven bits with sign. */
export const UTC_OFFSET_VALID = 0x80;
const offsetText = (value: number): string => {
  const minutes = utcOffsetMinutes(value);
  if (minutes === null) return 'unknown';
  const east = Math.abs(minutes);
  return `UTC${minutes < 0 ? '-' : '+'}${two(Math.floor(east / 60))}:${two(east % 60)}`;
};

/** Minutes east of UTC; null where the entry does not say. */
export const utcOffsetMinutes = (value: number): number | null =>
  value & UTC_OFFSET_VALID ? (((value & 0x7f) << 25) >> 25) * 15 : null;

/** For a zone of whole quarters between −16:00 and +15:45. */
export const utcOffsetOf = (minutes: number): number => UTC_OFFSET_VALID | (Math.round(minutes / 15) & 0x7f);

export type FileEntry = Value<typeof FileEntry>;
export const FileEntry = struct('FileEntry', 32, 'little', `${SPEC}, 7.4 "File Directory Entry"`, {
  entryType: entryType('85, file or directory'),
  secondaryCount: u8(1, 'SecondaryCount: entries that follow and belong to it, 2 to 18'),
  setChecksum: u16(2, 'SetChecksum: over the whole set but these two bytes', { show: hex }),
  attributes: u16(4, 'FileAttributes', { show: attributesText }),
  reserved1: reserved(6, 2),
  createStamp: u32(8, 'CreateTimestamp: date and time, 2 s steps', { show: stampText }),
  modifyStamp: u32(12, 'LastModifiedTimestamp', { show: stampText }),
  accessStamp: u32(16, 'LastAccessedTimestamp', { show: stampText }),
  createTens: u8(20, 'Create10msIncrement: adds 0 to 199 × 10 ms'),
  modifyTens: u8(21, 'LastModified10msIncrement: adds 0 to 199 × 10 ms'),
  createOffset: u8(22, 'CreateUtcOffset: quarter hours', { show: offsetText }),
  modifyOffset: u8(23, 'LastModifiedUtcOffset', { show: offsetText }),
  accessOffset: u8(24, 'LastAccessedUtcOffset', { show: offsetText }),
  reserved2: reserved(25, 7),
});

export const STREAM_FLAG = { allocationPossible: 0x01, noFatChain: 0x02 } as const;

export type StreamEntry = Value<typeof StreamEntry>;
export const StreamEntry = struct('StreamEntry', 32, 'little', `${SPEC}, 7.6 "Stream Extension"`, {
  entryType: entryType('C0, stream extension'),
  flags: flags8(1, 'GeneralSecondaryFlags', ['allocation possible', 'no FAT chain']),
  reserved1: reserved(2, 1),
  nameLength: u8(3, 'NameLength: UTF-16 units'),
  nameHash: u16(4, 'NameHash: of the up-cased name', { show: hex }),
  reserved2: reserved(6, 2),
  validDataLength: u64(8, 'ValidDataLength: bytes from here to DataLength read as zero', {
    show: plural('byte'),
  }),
  reserved3: reserved(16, 4),
  firstCluster: u32(20, 'FirstCluster', { show: cluster }),
  dataLength: u64(24, 'DataLength: size of the file; of a directory all of its clusters', {
    show: plural('byte'),
  }),
});

export type NameEntry = Value<typeof NameEntry>;
export const NameEntry = struct('NameEntry', 32, 'little', `${SPEC}, 7.7 "File Name"`, {
  entryType: entryType('C1, part of the name'),
  flags: u8(1, 'GeneralSecondaryFlags: 0', { show: hex }),
  name: utf16(2, 15, 'FileName: 15 units, zeros behind the end'),
});

export const VendorExtensionEntry = struct('VendorExtensionEntry', 32, 'little', `${SPEC}, 7.8`, {
  entryType: entryType('E0, vendor extension'),
  flags: u8(1, 'GeneralSecondaryFlags', { show: hex }),
  vendorGuid: bytes(2, 16, 'VendorGuid: whose'),
  vendorDefined: bytes(18, 14, 'VendorDefined'),
});

export const VendorAllocationEntry = struct('VendorAllocationEntry', 32, 'little', `${SPEC}, 7.9`, {
  entryType: entryType('E1, vendor allocation'),
  flags: flags8(1, 'GeneralSecondaryFlags', ['allocation possible', 'no FAT chain']),
  vendorGuid: bytes(2, 16, 'VendorGuid: whose'),
  vendorDefined: u16(18, 'VendorDefined', { show: hex }),
  firstCluster: u32(20, 'FirstCluster', { show: cluster }),
  dataLength: u64(24, 'DataLength', { show: plural('byte') }),
});

/** An entry of no known type, in use or not. */
export const UnknownEntry = struct('Entry', 32, 'little', SET_SECTION, {
  entryType: entryType('unknown or not in use'),
  bytes: bytes(1, 31, 'bytes of the entry'),
});

/** Over `entryCount` entries from byte `at` on, without bytes 2 and 3 of the first. exFAT specification, 6.3.3. */
export function setChecksum(entries: Uint8Array, at: number, entryCount: number): number {
  const end = at + entryCount * ENTRY_SIZE_BYTES;
  let sum = 0;
  for (let i = at; i < end; i++) {
    if (i === at + 2) i += 2;
    sum = (((sum & 1) << 15) + (sum >>> 1) + (entries[i] ?? 0)) & 0xffff;
  }
  return sum;
}

/** Of a stored name, through the volume's up-case table of 65,536 units. exFAT specification, 7.6.4. */
export function nameHash(name: string, upcase: Uint16Array): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) {
    const unit = upcase[name.charCodeAt(i)] ?? 0;
    hash = (((hash & 1) << 15) + (hash >>> 1) + (unit & 0xff)) & 0xffff;
    hash = (((hash & 1) << 15) + (hash >>> 1) + (unit >>> 8)) & 0xffff;
  }
  return hash;
}
