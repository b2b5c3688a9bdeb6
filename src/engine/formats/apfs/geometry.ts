import { BYTES_PER_VOLUME, VOLUMES_MAX, BLOCK_SIZE_BYTES } from './layout.ts';
import {
  BLOCKS_PER_CHUNK,
  CHUNKS_PER_CIB,
  CIBS_PER_CAB,
  POOL_BITMAP_GENERATIONS,
  mainQueueNodeLimit,
} from './layout-space.ts';

/**
 * How much a container of so many blocks needs of everything that its size decides. Chunks, internal pool and ring are
 * prescribed (a checker recomputes them); the sizes of the two checkpoint areas follow what newfs_apfs was seen to
 * choose.
 */
export interface Geometry {
  readonly blockCount: number;
  readonly chunkCount: number;
  readonly cibCount: number;
  /** 0 when the space manager can list the chunk info blocks itself. */
  readonly cabCount: number;
  /** Three blocks for each bitmap, chunk info block and address block. */
  readonly poolBlocks: number;
  /** Of one generation of the internal pool's bitmap. */
  readonly poolBitmapBlocks: number;
  readonly ringBlocks: number;
  readonly descriptorBlocks: number;
  readonly dataBlocks: number;
  readonly volumesMax: number;
  /** First word of nx_ephemeral_info. */
  readonly ephemeralInfo: number;
}

export const CONTAINER_BLOCKS_MIN = 256;
/** 16 TiB. */
export const CONTAINER_BLOCKS_MAX = 2 ** 32;

export function geometryOf(blockCount: number): Geometry {
  const chunkCount = Math.ceil(blockCount / BLOCKS_PER_CHUNK);
  const cibCount = Math.ceil(chunkCount / CHUNKS_PER_CIB);
  const cabCount = cibCount > CIBS_PER_CAB ? Math.ceil(cibCount / CIBS_PER_CAB) : 0;
  const poolBlocks = 3 * (chunkCount + cibCount + cabCount);
  const poolBitmapBlocks = Math.ceil(poolBlocks / BLOCKS_PER_CHUNK);
  return {
    blockCount,
    chunkCount,
    cibCount,
    cabCount,
    poolBlocks,
    poolBitmapBlocks,
    ringBlocks: POOL_BITMAP_GENERATIONS * poolBitmapBlocks,
    descriptorBlocks: descriptorBlocks(blockCount),
    dataBlocks: dataBlocks(blockCount),
    volumesMax: Math.min(VOLUMES_MAX, Math.ceil((blockCount * BLOCK_SIZE_BYTES) / BYTES_PER_VOLUME)),
    ephemeralInfo: ephemeralInfo(blockCount),
  };
}

const MIB_BLOCKS = 256;
const GIB_BLOCKS = 1024 * MIB_BLOCKS;

function descriptorBlocks(blockCount: number): number {
  if (blockCount < GIB_BLOCKS / 2) return 8;
  if (blockCount < GIB_BLOCKS) return 12;
  if (blockCount >= 50 * GIB_BLOCKS) return 280;
  const steps = Math.floor((blockCount - GIB_BLOCKS) / (GIB_BLOCKS / 2));
  return 20 + Math.floor((60 * steps) / 23);
}

function dataBlocks(blockCount: number): number {
  const steps = (from: number, size: number) => Math.floor((blockCount - from) / size);
  if (blockCount < 4545) return 52;
  if (blockCount < 13_633) return 124;
  if (blockCount < 36_353) return 160 + 36 * steps(13_633, 4544);
  if (blockCount < 131_777) return 308 + 4 * steps(36_353, 4544);
  if (blockCount < GIB_BLOCKS) return 648 + 4 * steps(131_777, 4544);
  if (blockCount === GIB_BLOCKS) return 992;
  if (blockCount < 4 * GIB_BLOCKS) {
    const halves = steps(GIB_BLOCKS, GIB_BLOCKS / 2);
    return 1248 + 488 * halves + 4 * Math.floor((blockCount - (261_280 + halves * 131_776)) / 2272);
  }
  if (blockCount < 4_063_232) return 4112 + 256 * steps(4 * GIB_BLOCKS, GIB_BLOCKS / 2);
  if (blockCount < 50 * GIB_BLOCKS) return 10_000 + 256 * steps(4_063_232, GIB_BLOCKS / 2);
  return 27_672;
}

/** Smallest data area << 32 | structures of a volume << 16 | version, all small numbers. */
function ephemeralInfo(blockCount: number): number {
  const smallest = blockCount < 128 * MIB_BLOCKS ? mainQueueNodeLimit(blockCount) : 8;
  return smallest * 2 ** 32 + 4 * 2 ** 16 + 1;
}
