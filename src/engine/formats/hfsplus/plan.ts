import { FsError } from '../../base/errno.ts';
import { HEADER_NODE } from './layout-tree.ts';
import { CNID } from './layout.ts';
import type { ExtentDescriptor } from './layout.ts';
import { inWords, JOURNAL_SIZE_BYTES_MAX } from './settings.ts';
import type { Settings, TreeName } from './settings.ts';

/**
 * Where everything of a new volume lies, as newfs_hfs decides it: header, bitmap, journal, extents tree, attributes
 * tree, room for that to grow, catalog, room again, and on large volumes a band for hot files, behind which files begin.
 * Source: apple-oss-distributions/hfs, newfs_hfs/newfs_hfs.c hfsplus_params, makehfs.c InitVH.
 */
export interface Plan {
  readonly volumeSizeBytes: number;
  readonly blockSizeBytes: number;
  readonly totalBlocks: number;
  readonly freeBlocks: number;
  readonly nextAllocation: number;
  readonly bitmap: ExtentDescriptor;
  readonly journal: JournalPlan | null;
  readonly trees: Readonly<Record<TreeName, TreePlan>>;
  readonly dataClumpSizeBytes: number;
  /** Blocks of boot area and volume header, and of the alternate header at the end. */
  readonly firstBlocks: number;
  readonly lastBlocks: number;
  readonly nextCatalogId: number;
}

export interface JournalPlan {
  readonly infoBlock: number;
  readonly startBlock: number;
  readonly sizeBytes: number;
  readonly blockCount: number;
}

export interface TreePlan {
  readonly nodeSizeBytes: number;
  /** Initial size, and by how much the file grows. */
  readonly sizeBytes: number;
  readonly startBlock: number;
  readonly blockCount: number;
}

const KIB = 1024;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const VOLUME_SIZE_BYTES_MIN = 512 * KIB;
const TOTAL_BLOCKS_MAX = 0xffff_ffff;
const OPTIMAL_BLOCK_SIZE_BYTES = 4096;

/** FsError EINVAL when the device is too small or too large for what was asked, with a sentence that says what fits. */
export function planVolume(
  volumeSizeBytes: number,
  sectorBytes: number,
  settings: Settings,
): { plan: Plan; warnings: string[] } {
  const fail = (detail: string): never => {
    throw new FsError('EINVAL', '', '', detail);
  };
  if (volumeSizeBytes < VOLUME_SIZE_BYTES_MIN) {
    fail(`the disk is too small for HFS+: it has ${inWords(volumeSizeBytes)}, the least is 512k`);
  }
  const blockSizeBytes = settings.blockSizeBytes ?? defaultBlockSize(volumeSizeBytes);
  if (blockSizeBytes < sectorBytes) {
    fail(
      `blocks of ${inWords(blockSizeBytes)} are smaller than the disk's sectors of ${inWords(sectorBytes)}`,
    );
  }
  const smallNode = Object.values(settings.nodeSizeBytes).find(
    (size) => size !== undefined && size < sectorBytes,
  );
  if (smallNode !== undefined) {
    fail(`nodes of ${inWords(smallNode)} are smaller than the disk's sectors of ${inWords(sectorBytes)}`);
  }
  const totalBlocks = Math.floor(volumeSizeBytes / blockSizeBytes);
  if (totalBlocks > TOTAL_BLOCKS_MAX) {
    fail(
      `HFS+ counts at most 4,294,967,295 blocks: with blocks of ${inWords(blockSizeBytes)} the disk has ` +
        `${totalBlocks}; choose larger ones, or leave block-size out`,
    );
  }
  const plan = layOut(volumeSizeBytes, blockSizeBytes, totalBlocks, sectorBytes, settings);
  if (plan === undefined) {
    const journal = journalSize(volumeSizeBytes, blockSizeBytes, sectorBytes, settings);
    const hint = journal > 0 ? `the journal alone takes ${inWords(journal)}; try -o journal=off, or ` : '';
    return fail(
      `the disk of ${inWords(volumeSizeBytes)} is too small for what newfs_hfs lays out: ${hint}a larger disk, ` +
        'or smaller blocks and nodes',
    );
  }
  return { plan, warnings: warningsOf(plan) };
}

function warningsOf(plan: Plan): string[] {
  const { blockSizeBytes, trees, journal, bitmap } = plan;
  const warnings: string[] = [];
  if (blockSizeBytes < OPTIMAL_BLOCK_SIZE_BYTES) {
    warnings.push(`Warning: ${blockSizeBytes} is a non-optimal block size (4096 would be a better choice)`);
    if (blockSizeBytes < trees.catalog.nodeSizeBytes) {
      warnings.push(
        `Warning: block size ${blockSizeBytes} is less than catalog b-tree node size ${trees.catalog.nodeSizeBytes}`,
      );
    }
  }
  if (blockSizeBytes < trees.extents.nodeSizeBytes) {
    warnings.push(
      `Warning: block size ${blockSizeBytes} is less than extents b-tree node size ${trees.extents.nodeSizeBytes}`,
    );
  }
  if (journal !== null && journal.sizeBytes < bitmap.blockCount * blockSizeBytes + 256 * KIB) {
    warnings.push(
      'The journal is smaller than the bitmap of the volume: one change of very large files may not fit into it, and ' +
        'is then written without its protection.',
    );
  }
  return warnings;
}

/** [HF newfs_hfs.c alloc_blocksize] 4 KiB below 2 TiB, 8 KiB below 8 TiB, from there doubled with the size. */
function defaultBlockSize(volumeSizeBytes: number): number {
  const exponent = Math.floor(Math.log2(volumeSizeBytes));
  if (exponent < 41) return OPTIMAL_BLOCK_SIZE_BYTES;
  return exponent < 43 ? 8192 : 8192 * 2 ** (exponent - 42);
}

/** [HF newfs_hfs.c hfsplus_params] 8 MiB for each 100 GiB; small volumes have small transactions. 0: no journal. */
function journalSize(
  volumeSizeBytes: number,
  blockSizeBytes: number,
  sectorBytes: number,
  { journal }: Settings,
): number {
  if (journal === 'off') return 0;
  // What the largest list of blocks in one sector describes: more than the kernel accepts in a smaller journal.
  const leastBytes = sectorBytes * (sectorBytes / 16);
  let sizeBytes: number;
  if (journal !== 'on') {
    ({ sizeBytes } = journal);
  } else if (volumeSizeBytes < 128 * MIB) {
    sizeBytes = Math.max(512 * KIB, leastBytes);
  } else {
    sizeBytes = 8 * MIB * (Math.min(Math.floor(volumeSizeBytes / (100 * GIB)), 64) + 1);
  }
  return Math.max(Math.min(Math.max(sizeBytes, leastBytes), JOURNAL_SIZE_BYTES_MAX), blockSizeBytes);
}

function layOut(
  volumeSizeBytes: number,
  blockSizeBytes: number,
  totalBlocks: number,
  sectorBytes: number,
  settings: Settings,
): Plan | undefined {
  const blocks = (sizeBytes: number) => Math.ceil(sizeBytes / blockSizeBytes);
  const tree = (name: TreeName, startBlock: number): TreePlan => {
    const nodeSizeBytes =
      settings.nodeSizeBytes[name] ?? defaultNodeSize(name, volumeSizeBytes, blockSizeBytes);
    const sizeBytes = treeSize(name, volumeSizeBytes, Math.max(nodeSizeBytes, blockSizeBytes), nodeSizeBytes);
    return { nodeSizeBytes, sizeBytes, startBlock, blockCount: sizeBytes / blockSizeBytes };
  };

  const firstBlocks = Math.max(Math.ceil(1536 / blockSizeBytes), 1);
  const lastBlocks = Math.max(Math.ceil(1024 / blockSizeBytes), 1);
  let next = firstBlocks;
  const bitmap = { startBlock: next, blockCount: blocks(Math.ceil(totalBlocks / 8)) };
  next += bitmap.blockCount;

  let journal: JournalPlan | null = null;
  const journalBytes = journalSize(volumeSizeBytes, blockSizeBytes, sectorBytes, settings);
  if (journalBytes > 0) {
    const blockCount = blocks(journalBytes);
    journal = { infoBlock: next, startBlock: next + 1, sizeBytes: journalBytes, blockCount };
    next += 1 + blockCount;
  }

  const extents = tree('extents', next);
  next += extents.blockCount;
  const attributes = tree('attributes', next);
  next += attributes.blockCount;
  // Room for the attributes to grow, except on the smallest volumes.
  if (totalBlocks * blockSizeBytes >= 2 * MIB) next += 10 * attributes.blockCount;
  const catalog = tree('catalog', next);
  next += catalog.blockCount;
  const usedEnd = next;
  next += 10 * catalog.blockCount + hotFileBlocks(totalBlocks * blockSizeBytes, blockSizeBytes);

  if (usedEnd + lastBlocks >= totalBlocks) return undefined;
  const used =
    firstBlocks +
    lastBlocks +
    bitmap.blockCount +
    (journal === null ? 0 : 1 + journal.blockCount) +
    extents.blockCount +
    attributes.blockCount +
    catalog.blockCount;
  return {
    volumeSizeBytes,
    blockSizeBytes,
    totalBlocks,
    freeBlocks: totalBlocks - used,
    nextAllocation: next,
    bitmap,
    journal,
    trees: { extents, attributes, catalog },
    dataClumpSizeBytes: Math.max(16 * Math.min(blockSizeBytes, OPTIMAL_BLOCK_SIZE_BYTES), blockSizeBytes),
    firstBlocks,
    lastBlocks,
    nextCatalogId: CNID.firstUser + (journal === null ? 0 : 2),
  };
}

/** [HF makehfs.c InitVH] 5 MB for each GB, 10 to 512 MB, on volumes of 10 GiB and more. */
function hotFileBlocks(volumeSizeBytes: number, blockSizeBytes: number): number {
  if (volumeSizeBytes < 10 * GIB) return 0;
  const sizeBytes = Math.min(Math.max(Math.floor(volumeSizeBytes / 1024) * 5, 10 * MIB), 512 * MIB);
  return Math.floor(sizeBytes / blockSizeBytes);
}

function defaultNodeSize(name: TreeName, volumeSizeBytes: number, blockSizeBytes: number): number {
  if (name === 'extents') return 4096;
  if (name === 'attributes') return 8192;
  return blockSizeBytes < OPTIMAL_BLOCK_SIZE_BYTES || volumeSizeBytes < GIB ? 4096 : 8192;
}

/** MiB by the size of the volume: 1, 2, 4, 8 … GB up to 16 TB. [HF newfs_hfs.c clumptbl] */
const TREE_MIB: Readonly<Record<TreeName, readonly number[]>> = {
  attributes: [4, 6, 8, 11, 64, 84, 111, 147, 194, 256, 294, 338, 388, 446, 512],
  catalog: [4, 6, 8, 11, 32, 49, 74, 111, 169, 256, 294, 338, 388, 446, 512],
  extents: [4, 4, 4, 5, 5, 6, 7, 8, 9, 11, 14, 16, 20, 25, 32],
};

/** [HF newfs_hfs.c CalcHFSPlusBTreeClumpSize] Rounded down to whole nodes and blocks. */
function treeSize(name: TreeName, volumeSizeBytes: number, unitBytes: number, nodeSizeBytes: number): number {
  const table = TREE_MIB[name];
  let sizeBytes: number;
  if (volumeSizeBytes < GIB) {
    sizeBytes = Math.max(Math.floor(volumeSizeBytes / 512) * 4, 8 * nodeSizeBytes);
  } else {
    const doublings = Math.floor(volumeSizeBytes / (2 * GIB));
    const index = doublings === 0 ? 0 : Math.min(Math.floor(Math.log2(doublings)) + 1, table.length - 1);
    sizeBytes = (table[index] ?? 0) * MIB;
  }
  return Math.max(Math.floor(sizeBytes / unitBytes), 1) * unitBytes;
}

// ── maps of nodes ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Bits of the map record of the header node: all that stands behind it but four offsets. */
export const headerMapBits = (nodeSizeBytes: number): number => 8 * (nodeSizeBytes - HEADER_NODE.map - 8);
/** Bits of a map node: descriptor, two offsets and two spare bytes are no map. */
export const mapNodeBits = (nodeSizeBytes: number): number => 8 * (nodeSizeBytes - 14 - 4 - 2);

export function mapNodesOf({ nodeSizeBytes, sizeBytes }: TreePlan): number {
  const beyondHeader = sizeBytes / nodeSizeBytes - headerMapBits(nodeSizeBytes);
  return Math.max(Math.ceil(beyondHeader / mapNodeBits(nodeSizeBytes)), 0);
}
