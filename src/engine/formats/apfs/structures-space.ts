import type { Page, StructureNode, StructurePage } from '../survey.ts';
import { EMPTY, paged, slice } from '../structure-page.ts';
import {
  CHUNKS_PER_CIB,
  CHUNK_INFOS_AT,
  CHUNK_INFO_SIZE_BYTES,
  ChunkInfo,
  FREE_COUNT_MASK,
} from './layout-space.ts';
import { FieldList, count, rangeOf } from './annotate-pieces.ts';
import { bitmapFields } from './annotate-space.ts';
import type { OwnerIndex } from './owner-index.ts';
import { NOWHERE, branch, fieldNodes, leaf, whereBlocks, whereInObject } from './structures-pieces.ts';
import { treeNode } from './structures-trees.ts';
import { QUEUES } from './view-space.ts';
import type { SpaceView } from './view-space.ts';

/** The space manager: its own fields, chunks with their bitmaps, free queues, the internal pool, and who has which blocks. */

export function spaceNode(index: OwnerIndex): StructureNode {
  const { container } = index;
  const { space, superblock } = container;
  const object = container.ephemeral(superblock.spaceManagerOid);
  if (!space || !object) return leaf('space', 'Space manager', 'cannot be found: damage', NOWHERE);
  const [first = 0] = object.blocks;
  const text = `${space.device.freeCount} of ${count(space.device.blockCount, 'block')} free`;
  return branch('space', 'Space manager', text, whereBlocks(index, first, object.blocks.length));
}

export function spaceChildren(index: OwnerIndex, page: Page): StructurePage {
  const { container } = index;
  const { space, superblock, current } = container;
  const object = container.ephemeral(superblock.spaceManagerOid);
  if (!space || !object) return EMPTY;
  const [first = 0] = object.blocks;
  const where = whereBlocks(index, first, object.blocks.length);
  const nodes = [
    branch(`ephemeral:${current.block}:${object.oid}`, 'Fields', `object ${object.oid}`, where),
    branch('chunks', 'Chunks', `${count(space.chunkCount, 'chunk')} of 32768 blocks`, cibs(index, space)),
  ];
  for (const { which, title } of QUEUES) {
    const queue = space.queue(which);
    const node = treeNode(index, `queue.${which}`, title);
    if (node) nodes.push({ ...node, text: `${count(queue.count, 'block')} waiting; ${node.text}` });
    else if (which < 2) nodes.push(leaf(`queue:${which}`, title, 'empty: no tree was needed yet', NOWHERE));
  }
  const { poolBitmaps, poolBlocks, pool } = space;
  const poolText = `${count(pool.poolBlockCount, 'block')} for bitmaps and chunk info blocks`;
  nodes.push(leaf('pool', 'Internal pool', poolText, whereBlocks(index, poolBlocks.first, poolBlocks.count)));
  const ringText = `${count(pool.bitmapRingBlocks, 'place')}, of which ${pool.bitmapSizeBlocks} in use`;
  nodes.push(
    leaf(
      'ring',
      'Ring of internal pool bitmaps',
      ringText,
      whereBlocks(index, poolBitmaps.first, poolBitmaps.count),
    ),
  );
  nodes.push(branch('blocks', 'Blocks by owner', 'every block of the container', NOWHERE));
  return slice(nodes, page);
}

const cibs = (index: OwnerIndex, space: SpaceView): ReturnType<typeof whereBlocks> => {
  const [first = 0] = space.cibBlocks();
  return first === 0 ? NOWHERE : whereBlocks(index, first);
};

export function chunkList(index: OwnerIndex, page: Page): StructurePage {
  const { space } = index.container;
  if (!space) return EMPTY;
  return paged(space.chunkCount, page, (chunk) => {
    const info = space.chunk(chunk);
    if (!info) return leaf(`chunk:${chunk}`, `chunk ${chunk}`, 'its info block is damaged', NOWHERE);
    const bitmap = info.bitmapAddress === 0 ? 'no bitmap: all free' : `bitmap in block ${info.bitmapAddress}`;
    const text = `${info.freeCount & FREE_COUNT_MASK} of ${count(info.blockCount, 'block')} free, ${bitmap}`;
    return branch(`chunk:${chunk}`, `chunk ${chunk}`, text, whereChunkInfo(space, chunk));
  });
}

const infoAt = (chunk: number): number => CHUNK_INFOS_AT + (chunk % CHUNKS_PER_CIB) * CHUNK_INFO_SIZE_BYTES;

function whereChunkInfo(space: SpaceView, chunk: number): ReturnType<typeof whereBlocks> {
  const block = space.cibBlocks()[Math.floor(chunk / CHUNKS_PER_CIB)] ?? 0;
  return whereInObject([block])(infoAt(chunk), CHUNK_INFO_SIZE_BYTES);
}

/** Its entry, then its bitmap in runs. */
export function chunkChildren(index: OwnerIndex, chunk: number, page: Page): StructurePage {
  const { space, read } = index.container;
  const bytes = space?.cib(Math.floor(chunk / CHUNKS_PER_CIB));
  const info = space?.chunk(chunk);
  if (!space || !bytes || !info || !(chunk < space.chunkCount)) return EMPTY;
  const block = space.cibBlocks()[Math.floor(chunk / CHUNKS_PER_CIB)] ?? 0;
  const list = new FieldList(bytes, infoAt(chunk));
  list.struct(ChunkInfo, bytes.length);
  const nodes = fieldNodes(list.fields, whereInObject([block]));
  const bitmap = info.bitmapAddress === 0 ? undefined : read(info.bitmapAddress);
  if (bitmap) {
    const fields = bitmapFields(bitmap, info.address, info.blockCount);
    nodes.push(...fieldNodes(fields, whereInObject([info.bitmapAddress])));
  }
  return slice(nodes, page);
}

/** Runs of blocks with what they are for. */
export function blockList(index: OwnerIndex, page: Page): StructurePage {
  const { segments } = index;
  return paged(segments.length, page, (i) => {
    const segment = segments[i];
    if (!segment) return leaf('run', 'block', '', NOWHERE);
    const { first, end, role, owner } = segment;
    const text = owner === '' ? role : `${role}: ${owner}`;
    return leaf(
      `run:${first}`,
      rangeOf('block', first, end - first),
      text,
      whereBlocks(index, first, end - first),
    );
  });
}
