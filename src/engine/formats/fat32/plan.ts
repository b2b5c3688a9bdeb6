import { FsError } from '../../base/errno.ts';
import { ENTRY_SIZE_BYTES, FAT32_CLUSTERS_MAX } from './layout.ts';
import type { FatType } from './layout.ts';
import type { Settings } from './settings.ts';

/**
 * Where everything of a new volume lies. Two ways to decide it:
 *
 * - `mkfs.fat` (dosfstools 4.2, establish_params and setup_tables): all structures aligned to clusters, the volume to
 *   whole tracks, unless it is as small as a floppy disk;
 * - `windows` (FATGEN 1.03, DskTableFAT16 and DskTableFAT32, "FAT Volume Initialization"): nothing aligned.
 *
 * The cluster counts stay clear of the limits between the types, where drivers disagree by a few.
 */
export interface Plan {
  readonly type: FatType;
  readonly sectorSizeBytes: number;
  readonly sectorsPerCluster: number;
  readonly totalSectors: number;
  readonly reservedSectors: number;
  readonly fatCount: number;
  readonly fatSizeSectors: number;
  readonly rootEntryCount: number;
  /** Of the fixed root directory; 0 on FAT32. */
  readonly rootSectors: number;
  /** Of the fixed root directory, or of cluster 2. */
  readonly rootFirstSector: number;
  readonly clusterCount: number;
  readonly sectorsPerTrack: number;
  readonly headCount: number;
  /** 0 when there is none. */
  readonly fsInfoSector: number;
  readonly backupBootSector: number;
}

const SECTORS_MAX = 0xffff_ffff;
/** Boot sector, FSInfo and their copies from sector 6 on. */
const RESERVED32_SECTORS_MIN = 8;
const GIB_BYTES = 2 ** 30;
/** As large as a floppy disk: mkfs.fat aligns nothing. */
const UNALIGNED_SECTORS_MAX = 8192;
const CLUSTERS_MIN: Readonly<Record<FatType, number>> = { 12: 1, 16: 4087, 32: 65_529 };
const CLUSTERS_MAX: Readonly<Record<FatType, number>> = { 12: 4084, 16: 65_524, 32: FAT32_CLUSTERS_MAX };

/** FsError EINVAL when the device is too small or too large for what was asked, with a sentence that says what fits. */
export function planVolume(
  blockCount: number,
  sectorSizeBytes: number,
  settings: Settings,
): { plan: Plan; warnings: string[] } {
  const plan = planOf(Math.min(blockCount, SECTORS_MAX), sectorSizeBytes, settings);
  if (typeof plan === 'string') throw new FsError('EINVAL', '', '', plan);
  const warnings: string[] = [];
  if (blockCount > SECTORS_MAX) {
    const unused = formatSize((blockCount - plan.totalSectors) * sectorSizeBytes);
    warnings.push(`FAT counts at most 4,294,967,295 sectors; ${unused} at the end of the disk stay unused.`);
  }
  if (plan.type === 32 && plan.totalSectors * sectorSizeBytes > 32 * GIB_BYTES) {
    warnings.push(
      'The volume is larger than 32 GB: Windows reads it but formats none like it; exFAT suits such disks better.',
    );
  }
  return { plan, warnings };
}

function planOf(sectors: number, sectorSizeBytes: number, settings: Settings): Plan | string {
  const size = formatSize(sectors * sectorSizeBytes);
  const { type, clusterSizeBytes } = settings;
  if (clusterSizeBytes !== undefined && clusterSizeBytes < sectorSizeBytes) {
    return `a cluster of ${clusterSizeBytes} bytes is smaller than the disk's sector of ${sectorSizeBytes}`;
  }
  if (type === 32 && (settings.reservedSectors ?? RESERVED32_SECTORS_MIN) < RESERVED32_SECTORS_MIN) {
    return `FAT32 needs ${RESERVED32_SECTORS_MIN} reserved sectors or more: boot sector, FSInfo and their copies`;
  }
  const fitting = fittingPlan(sectors, sectorSizeBytes, settings);
  if (fitting !== undefined) return fitting;

  const name = type === 'default' || type === 'auto' ? 'FAT' : `FAT${type}`;
  const clusters = clusterSizeBytes === undefined ? '' : ` with clusters of ${formatSize(clusterSizeBytes)}`;
  const { smallest, largest } = limitsOf(sectorSizeBytes, settings);
  if (smallest === undefined) return `no ${name} volume${clusters} can be made with these settings`;
  if (sectors < smallest) {
    return `${size} is too small for a ${name} volume${clusters}: try -s ${roundedSize(smallest * sectorSizeBytes)}`;
  }
  const limit = roundedSize(largest * sectorSizeBytes, Math.floor);
  return `${size} is too large for a ${name} volume${clusters}: at most ${limit}; try larger clusters or type=fat32`;
}

function fittingPlan(sectors: number, sectorSizeBytes: number, settings: Settings): Plan | undefined {
  if (settings.type === 12 || settings.type === 16 || settings.type === 32) {
    return planOfType(settings.type, sectors, sectorSizeBytes, settings);
  }
  const isLarge = sectors * sectorSizeBytes >= 512 * 2 ** 20;
  if (settings.type === 'default' || isLarge) {
    const plan = planOfType(32, sectors, sectorSizeBytes, settings);
    if (plan) return plan;
  }
  // mkfs.fat takes the first cluster size with which either type works, then the type with more clusters.
  const plans = [
    planOfType(16, sectors, sectorSizeBytes, settings),
    planOfType(12, sectors, sectorSizeBytes, settings),
  ]
    .filter((plan) => plan !== undefined)
    .sort((a, b) => a.sectorsPerCluster - b.sectorsPerCluster || b.clusterCount - a.clusterCount);
  return plans[0];
}

function planOfType(
  type: FatType,
  sectors: number,
  sectorSizeBytes: number,
  settings: Settings,
): Plan | undefined {
  const track = trackOf(sectors);
  const isAligned = settings.table === 'mkfs.fat' && sectors > UNALIGNED_SECTORS_MAX;
  const totalSectors =
    settings.table === 'mkfs.fat'
      ? Math.floor(sectors / track.sectorsPerTrack) * track.sectorsPerTrack
      : sectors;
  const given = settings.clusterSizeBytes;
  const first =
    given === undefined
      ? firstSectorsPerCluster(type, sectors, sectorSizeBytes, settings)
      : given / sectorSizeBytes;
  const last = given === undefined ? 128 : first;
  for (let sectorsPerCluster = first; sectorsPerCluster <= last; sectorsPerCluster *= 2) {
    const frame = { type, sectorSizeBytes, sectorsPerCluster, totalSectors, isAligned, ...track };
    const plan = planWithClusters(frame, settings);
    if (plan) return plan;
  }
  return undefined;
}

interface Frame {
  readonly type: FatType;
  readonly sectorSizeBytes: number;
  readonly sectorsPerCluster: number;
  readonly totalSectors: number;
  readonly isAligned: boolean;
  readonly sectorsPerTrack: number;
  readonly headCount: number;
}

function planWithClusters(frame: Frame, settings: Settings): Plan | undefined {
  const { type, sectorSizeBytes, sectorsPerCluster, totalSectors, isAligned } = frame;
  const { fatCount } = settings;
  const aligned = (count: number) =>
    isAligned ? Math.ceil(count / sectorsPerCluster) * sectorsPerCluster : count;
  const entriesPerSector = sectorSizeBytes / ENTRY_SIZE_BYTES;

  const reservedSectors = aligned(settings.reservedSectors ?? (type === 32 ? 32 : 1));
  if (type === 32 && reservedSectors < RESERVED32_SECTORS_MIN) return undefined;
  const rootSectors =
    type === 32 ? 0 : aligned(Math.ceil((settings.rootEntryCount ?? 512) / entriesPerSector));
  const forTablesAndData = totalSectors - reservedSectors - rootSectors;
  if (forTablesAndData <= 0) return undefined;

  const fatSizeSectors =
    settings.table === 'windows' && type !== 12
      ? windowsFatSize(frame, forTablesAndData, fatCount)
      : aligned(smallestFatSize(frame, forTablesAndData, fatCount));
  const dataSectors = forTablesAndData - fatCount * fatSizeSectors;
  const clusterCount = Math.floor(dataSectors / sectorsPerCluster);
  if (clusterCount < CLUSTERS_MIN[type] || clusterCount > CLUSTERS_MAX[type]) return undefined;
  if (type !== 32 && fatSizeSectors > 0xffff) return undefined;
  return {
    type,
    sectorSizeBytes,
    sectorsPerCluster,
    totalSectors,
    reservedSectors,
    fatCount,
    fatSizeSectors,
    rootEntryCount: rootSectors * entriesPerSector,
    rootSectors,
    rootFirstSector: reservedSectors + fatCount * fatSizeSectors,
    clusterCount,
    sectorsPerTrack: frame.sectorsPerTrack,
    headCount: frame.headCount,
    fsInfoSector: type === 32 ? 1 : 0,
    backupBootSector: type === 32 ? 6 : 0,
  };
}

/**
 * Sectors of one FAT such that tables and data together fill the space: each cluster costs its sectors and `type` bits
 * in every table; entries 0 and 1 exist without clusters. Doubled where half bytes occur.
 */
function smallestFatSize(frame: Frame, sectors: number, fatCount: number): number {
  const { type, sectorSizeBytes, sectorsPerCluster } = frame;
  const twiceEntryBytes = type / 4;
  const clusters = Math.floor(
    (2 * sectors * sectorSizeBytes + 2 * fatCount * twiceEntryBytes) /
      (2 * sectorsPerCluster * sectorSizeBytes + fatCount * twiceEntryBytes),
  );
  return Math.ceil(Math.ceil(((clusters + 2) * twiceEntryBytes) / 2) / sectorSizeBytes);
}

/** FATGEN 1.03, "FAT Volume Initialization": may be a few sectors more than needed, never fewer. */
function windowsFatSize(frame: Frame, sectors: number, fatCount: number): number {
  const perFatSector = (frame.sectorSizeBytes / 2) * frame.sectorsPerCluster + fatCount;
  return Math.ceil(sectors / (frame.type === 32 ? perFatSector / 2 : perFatSector));
}

/** Rows: volumes of up to so many MiB get clusters of so many bytes. */
type ClusterTable = readonly (readonly [mebibytes: number, clusterSizeBytes: number])[];

const FAT32_TABLE: ClusterTable = [
  [260, 512],
  [8 * 1024, 4096],
  [16 * 1024, 8192],
  [32 * 1024, 16_384],
  [Infinity, 32_768],
];

const WINDOWS_FAT16_TABLE: ClusterTable = [
  [16, 1024],
  [128, 2048],
  [256, 4096],
  [512, 8192],
  [1024, 16_384],
  [2048, 32_768],
  [Infinity, 65_536],
];

/** Where the search for a cluster size begins; it doubles until the count of clusters suits the type. */
function firstSectorsPerCluster(
  type: FatType,
  sectors: number,
  sectorSizeBytes: number,
  settings: Settings,
): number {
  const inClusters = (table: ClusterTable) => {
    const mebibytes = (sectors * sectorSizeBytes) / 2 ** 20;
    const [, clusterSizeBytes] = table.find(([limit]) => mebibytes <= limit) ?? [0, 32_768];
    return Math.max(1, clusterSizeBytes / sectorSizeBytes);
  };
  if (type === 32) return inClusters(FAT32_TABLE);
  if (settings.table === 'windows') return type === 16 ? inClusters(WINDOWS_FAT16_TABLE) : 1;
  return 4;
}

/** Heads and sectors of a disk that has neither. Source: SD specification part 2 to 256 MiB, LBA assist above. */
function trackOf(sectors: number): { sectorsPerTrack: number; headCount: number } {
  if (sectors <= 524_288) {
    const headCount = sectors <= 32_768 ? 2 : sectors <= 65_536 ? 4 : sectors <= 262_144 ? 8 : 16;
    return { sectorsPerTrack: sectors <= 4096 ? 16 : 32, headCount };
  }
  const headCount = [16, 32, 64, 128].find((heads) => sectors <= heads * 63 * 1024) ?? 255;
  return { sectorsPerTrack: 63, headCount };
}

// ── sizes in sentences ──────────────────────────────────────────────────────────────────────────────────────────────

/** Smallest and largest count of sectors for which a plan exists. Doubles, then halves the gap: some 60 plans. */
function limitsOf(sectorSizeBytes: number, settings: Settings): { smallest?: number; largest: number } {
  const fits = (sectors: number) => fittingPlan(sectors, sectorSizeBytes, settings) !== undefined;
  let some = 1;
  while (some <= SECTORS_MAX && !fits(some)) some = Math.ceil(some * 1.25);
  if (some > SECTORS_MAX) return { largest: 0 };
  const edge = (bad: number, good: number) => {
    while (Math.abs(bad - good) > 1) {
      const middle = Math.floor((bad + good) / 2);
      if (fits(middle)) good = middle;
      else bad = middle;
    }
    return good;
  };
  return {
    smallest: edge(0, some),
    largest: fits(SECTORS_MAX) ? SECTORS_MAX : edge(SECTORS_MAX, some),
  };
}

const UNITS = ['', 'k', 'm', 'g', 't'];

/** '64m' as a user types it: exact where the size is a whole number of units, otherwise in the next smaller unit. */
function formatSize(sizeBytes: number): string {
  let unit = 0;
  let size = sizeBytes;
  while (size >= 1024 && size % 1024 === 0 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return unit === 0 ? `${sizeBytes} bytes` : `${size}${UNITS[unit] ?? ''}`;
}

/** A size somebody would type: to three digits or fewer, upwards unless told otherwise. */
function roundedSize(sizeBytes: number, round: (value: number) => number = Math.ceil): string {
  let unit = 1;
  while (sizeBytes / 1024 ** unit >= 1000 && unit < UNITS.length - 1) unit++;
  return `${round(sizeBytes / 1024 ** unit)}${UNITS[unit] ?? ''}`;
}
