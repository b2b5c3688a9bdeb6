import { FsError } from '../../base/errno.ts';
import { UPCASE_TABLE_COMPRESSED } from '../../codec/exfat-upcase.ts';
import {
  bitmapSizeBytes,
  BOOT_REGION_SECTORS,
  CLUSTER_SIZE_BYTES_MAX,
  CLUSTERS_MAX,
  FAT_ENTRY_BYTES,
  FIRST_CLUSTER,
} from './layout.ts';
import type { Settings } from './settings.ts';

/**
 * Where everything of a new volume lies. Three ways to decide it:
 *
 * - `macos`: FAT and heap at boundaries of at most 1 MiB, which shrink with small disks; the FAT reaches to the heap, as
 *   on volumes that newfs_exfat made (its source is closed);
 * - `windows`: as `macos`, but the FAT is as long as needed, and small volumes have boundaries of 64 KiB;
 * - `mkfs.exfat` (exfatprogs 1.2): boundaries of 1 MiB.
 *
 * Cluster sizes are Microsoft's table in all three. Clusters: bitmap, up-case table, root directory, from 2 on.
 */
export interface Plan {
  readonly sectorSizeBytes: number;
  readonly sectorsPerCluster: number;
  readonly clusterSizeBytes: number;
  readonly totalSectors: number;
  readonly fatFirstSector: number;
  readonly fatSizeSectors: number;
  readonly heapFirstSector: number;
  readonly clusterCount: number;
  readonly bitmapClusters: number;
  readonly upcaseClusters: number;
  /** First clusters of the three, which have one cluster for the root. */
  readonly bitmapCluster: number;
  readonly upcaseCluster: number;
  readonly rootCluster: number;
}

const MIB_BYTES = 2 ** 20;
const GIB_BYTES = 2 ** 30;
/** Room for contents that a volume should have to deserve the name. */
const FREE_CLUSTERS_MIN = 1;
const OFFSET_SECTORS_MAX = 0xffff_ffff;

/** FsError EINVAL when the device is too small or too large for what was asked, with a sentence that says what fits. */
export function planVolume(
  blockCount: number,
  sectorSizeBytes: number,
  settings: Settings,
): { plan: Plan; warnings: string[] } {
  const { clusterSizeBytes } = settings;
  if (clusterSizeBytes !== undefined && clusterSizeBytes < sectorSizeBytes) {
    throw invalid(
      `a cluster of ${clusterSizeBytes} bytes is smaller than the disk's sector of ${sectorSizeBytes}`,
    );
  }
  const { alignmentBytes } = settings;
  if (alignmentBytes !== undefined && alignmentBytes < sectorSizeBytes) {
    throw invalid(
      `an alignment of ${alignmentBytes} bytes is smaller than the disk's sector of ${sectorSizeBytes}`,
    );
  }
  const plan = planOf(blockCount, sectorSizeBytes, settings);
  if (plan === undefined) throw invalid(unfittingSentence(blockCount, sectorSizeBytes, settings));

  const warnings: string[] = [];
  if (blockCount * sectorSizeBytes < MIB_BYTES) {
    warnings.push(
      'The volume is smaller than 1 MiB, the least that the specification allows: not every system opens it.',
    );
  }
  const unusedBytes = (blockCount - plan.totalSectors) * sectorSizeBytes;
  if (unusedBytes > 0) {
    warnings.push(
      `exFAT counts at most 4,294,967,285 clusters; ${sizeInWords(unusedBytes)} at the end of the disk stay unused.`,
    );
  }
  return { plan, warnings };
}

const invalid = (detail: string): FsError => new FsError('EINVAL', '', '', detail);

function unfittingSentence(blockCount: number, sectorSizeBytes: number, settings: Settings): string {
  let enough = blockCount;
  for (let doubling = 0; doubling < 64 && planOf(enough, sectorSizeBytes, settings) === undefined; doubling++)
    enough = Math.max(1, enough) * 2;
  const size = sizeInWords(blockCount * sectorSizeBytes);
  if (planOf(enough, sectorSizeBytes, settings) === undefined) {
    return `no exFAT volume of ${size} can be made with these settings: try other cluster sizes or alignments`;
  }
  let tooFew = blockCount;
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    if (planOf(middle, sectorSizeBytes, settings) === undefined) tooFew = middle;
    else enough = middle;
  }
  const least = Math.ceil((enough * sectorSizeBytes) / 1024);
  return `${size} is too small for an exFAT volume with these settings: it needs ${least} KiB or more`;
}

/** Microsoft's table: 4 KiB to 256 MiB, 32 KiB to 32 GiB, 128 KiB above; larger where the clusters would be too many. */
function clusterSizeFor(sizeBytes: number, sectorSizeBytes: number): number {
  let size = sizeBytes <= 256 * MIB_BYTES ? 4096 : sizeBytes <= 32 * GIB_BYTES ? 32_768 : 131_072;
  while (sizeBytes / size > CLUSTERS_MAX && size < CLUSTER_SIZE_BYTES_MAX) size *= 2;
  return Math.max(size, sectorSizeBytes);
}

function alignmentFor(sizeBytes: number, sectorSizeBytes: number, settings: Settings): number {
  if (settings.alignmentBytes !== undefined) return settings.alignmentBytes;
  if (settings.table === 'mkfs.exfat') return MIB_BYTES;
  if (settings.table === 'windows' && sizeBytes <= 256 * MIB_BYTES) return 65_536;
  let alignment = MIB_BYTES;
  while (alignment > sectorSizeBytes && alignment > sizeBytes / 8) alignment /= 2;
  return alignment;
}

const roundedUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

function planOf(blockCount: number, sectorSizeBytes: number, settings: Settings): Plan | undefined {
  const sizeBytes = blockCount * sectorSizeBytes;
  const clusterSizeBytes = settings.clusterSizeBytes ?? clusterSizeFor(sizeBytes, sectorSizeBytes);
  const sectorsPerCluster = clusterSizeBytes / sectorSizeBytes;
  const alignment = alignmentFor(sizeBytes, sectorSizeBytes, settings) / sectorSizeBytes;

  const fatFirstSector = roundedUp(2 * BOOT_REGION_SECTORS, alignment);
  const fatBytes = fatSizeBytes(sizeBytes - fatFirstSector * sectorSizeBytes, clusterSizeBytes);
  if (fatBytes <= 0) return undefined;
  const neededSectors = Math.ceil(fatBytes / sectorSizeBytes);
  const heapFirstSector = roundedUp(fatFirstSector + neededSectors, alignment);
  const fatSizeSectors = settings.table === 'macos' ? heapFirstSector - fatFirstSector : neededSectors;
  const clusterCount = Math.min(CLUSTERS_MAX, Math.floor((blockCount - heapFirstSector) / sectorsPerCluster));
  const bitmapClusters = Math.ceil(bitmapSizeBytes(clusterCount) / clusterSizeBytes);
  const upcaseClusters = Math.ceil(UPCASE_TABLE_COMPRESSED.length / clusterSizeBytes);
  if (clusterCount < bitmapClusters + upcaseClusters + 1 + FREE_CLUSTERS_MIN) return undefined;
  if (heapFirstSector > OFFSET_SECTORS_MAX) return undefined;
  return {
    sectorSizeBytes,
    sectorsPerCluster,
    clusterSizeBytes,
    totalSectors:
      clusterCount === CLUSTERS_MAX ? heapFirstSector + clusterCount * sectorsPerCluster : blockCount,
    fatFirstSector,
    fatSizeSectors,
    heapFirstSector,
    clusterCount,
    bitmapClusters,
    upcaseClusters,
    bitmapCluster: FIRST_CLUSTER,
    upcaseCluster: FIRST_CLUSTER + bitmapClusters,
    rootCluster: FIRST_CLUSTER + bitmapClusters + upcaseClusters,
  };
}

/** Of a FAT for all clusters that could be behind it: each costs its own bytes and an entry; entries 0 and 1 are extra. */
function fatSizeBytes(roomBytes: number, clusterSizeBytes: number): number {
  const clusters = Math.min(CLUSTERS_MAX, Math.ceil(roomBytes / (clusterSizeBytes + FAT_ENTRY_BYTES)));
  return clusters <= 0 ? 0 : (clusters + FIRST_CLUSTER) * FAT_ENTRY_BYTES;
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function sizeInWords(sizeBytes: number): string {
  let unit = 0;
  let size = sizeBytes;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${Number(size.toFixed(1))} ${UNITS[unit] ?? ''}`;
}
