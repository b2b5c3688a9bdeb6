import { TYPE_WORD } from './layout.ts';
import {
  BLOCKS_PER_CHUNK,
  CHUNK_INFO_SIZE_BYTES,
  CHUNK_INFOS_AT,
  CHUNKS_PER_CIB,
  ChunkInfo,
  ChunkInfoBlock,
  CIB_ADDRESSES_AT,
  CibAddressBlock,
  CIBS_PER_CAB,
} from './layout-space.ts';
import { viewOf } from '../../base/bytes.ts';
import { hex, u64At } from './fsck-check.ts';
import { objectXid, readObject } from './fsck-object.ts';
import type { Space } from './fsck-space.ts';

/**
 * All chunk info blocks, through their address blocks where there are such (apfs.md §3.2): order, counts, transactions.
 * Marks them and the chunk bitmaps as used in the internal pool; the bitmaps themselves are compared at the end.
 */
export function readChunks(space: Space): void {
  const { device, view, check } = space;
  const count = device.cabCount > 0 ? device.cabCount : device.cibCount;
  space.isComplete = space.hasArray(device.addressOffsetBytes, count, 8, 'list of addresses');
  if (space.isComplete) {
    for (let i = 0; i < count && space.isComplete; i++) {
      const block = u64At(view, device.addressOffsetBytes + 8 * i);
      if (device.cabCount > 0) readCab(space, block, i);
      else readCib(space, block);
    }
  }
  const chunks = space.cibs.reduce((sum, cib) => sum + cib.chunks, 0);
  if (space.isComplete && chunks !== device.chunkCount) {
    space.wrong(`${chunks} chunks are described, expected ${device.chunkCount}`);
    space.isComplete = false;
  }
  if (!space.isComplete) check.isUsageUnknown = true;
}

function readCab(space: Space, block: number, index: number): void {
  const { check, device } = space;
  const wrong = (text: string): void =>
    check.error('space-manager', `chunk info address block ${index}: ${text}`, block);
  const bytes = readPoolObject(
    space,
    block,
    TYPE_WORD.chunkInfoAddresses,
    'sm: cab',
    'chunk info address block',
  );
  if (!bytes) return;
  const head = CibAddressBlock.peek(bytes);
  const expected = Math.min(CIBS_PER_CAB, device.cibCount - index * CIBS_PER_CAB);
  if (head.index !== index) wrong(`wrong index (${head.index})`);
  if (head.count !== expected) {
    wrong(`${head.count} addresses, expected ${expected}`);
    space.isComplete = false;
    return;
  }
  space.cabs.push(block);
  let newest = 0;
  for (let i = 0; i < head.count && space.isComplete; i++) {
    newest = Math.max(newest, readCib(space, u64At(viewOf(bytes), CIB_ADDRESSES_AT + 8 * i)));
  }
  if (space.isComplete && objectXid(bytes) !== newest) {
    wrong(`of transaction ${objectXid(bytes)}, its newest chunk info block of ${newest}`);
  }
}

/** Its transaction; 0 when it cannot be read. */
function readCib(space: Space, block: number): number {
  const { check, device } = space;
  const index = space.cibs.length;
  const wrong = (text: string): void =>
    check.error('space-manager', `chunk info block ${index}: ${text}`, block);
  const bytes = readPoolObject(space, block, TYPE_WORD.chunkInfo, 'sm: cib', 'chunk info block');
  if (!bytes) return 0;
  const head = ChunkInfoBlock.peek(bytes);
  const expected = Math.min(CHUNKS_PER_CIB, device.chunkCount - index * CHUNKS_PER_CIB);
  if (head.index !== index) wrong(`wrong index (${head.index})`);
  if (head.count !== expected) {
    wrong(`${head.count} chunks, expected ${expected}`);
    space.isComplete = false;
    return 0;
  }
  space.cibs.push({ block, bytes, chunks: head.count });
  let newest = 0;
  for (let i = 0; i < head.count; i++) {
    newest = Math.max(
      newest,
      checkChunk(space, bytes, i, (index * CHUNKS_PER_CIB + i) * BLOCKS_PER_CHUNK, block),
    );
  }
  const xid = objectXid(bytes);
  if (xid !== newest) wrong(`of transaction ${xid}, its newest chunk of ${newest}`);
  return xid;
}

function checkChunk(space: Space, bytes: Uint8Array, index: number, first: number, block: number): number {
  const chunk = ChunkInfo.peek(bytes, CHUNK_INFOS_AT + index * CHUNK_INFO_SIZE_BYTES);
  const wrong = (text: string): void =>
    space.check.error('space-manager', `chunk of blocks from ${hex(first)}: ${text}`, block);
  const expected = Math.min(BLOCKS_PER_CHUNK, space.device.blockCount - first);
  if (chunk.address !== first) wrong(`its address is ${hex(chunk.address)}`);
  if (chunk.blockCount !== expected) wrong(`${chunk.blockCount} blocks, expected ${expected}`);
  if (chunk.xid === 0 || chunk.xid > space.check.xid) wrong(`transaction ${chunk.xid}`);
  if (chunk.bitmapAddress !== 0) space.mark(chunk.bitmapAddress, 1, 'chunk bitmap');
  return chunk.xid;
}

function readPoolObject(
  space: Space,
  block: number,
  type: number,
  name: string,
  owner: string,
): Uint8Array | null {
  const bytes = space.mark(block, 1, owner)
    ? readObject(space.check, block, { name, oid: block, type, subtype: 0 })
    : null;
  if (!bytes) space.isComplete = false;
  return bytes;
}
