import { assert } from '../../base/assert.ts';
import { viewOf } from '../../base/bytes.ts';
import type { WriteLabel } from '../../device/device.ts';
import type { Blocks } from './blocks.ts';
import { EphemeralObject, mapBlocks, mapBlocksOf } from './ephemeral.ts';
import {
  BLOCK_SIZE_BYTES,
  CHECKPOINT_AREA_IS_TREE,
  CHECKPOINT_MAP_FLAG,
  CheckpointMapping,
  CONTAINER_MAGIC,
  CONTAINER_SUPERBLOCK_OID,
  MAPPING_SIZE_BYTES,
  MAPPINGS_AT,
  MAPPINGS_PER_BLOCK,
  NxSuperblock,
  TYPE_WORD,
} from './layout.ts';
import { isIntact, putHeader, seal } from './object.ts';
import { get64, put64 } from './words.ts';

/**
 * Checkpoints in their two rings. In the descriptor ring lie the maps and the superblock of each, in the data ring its
 * ephemeral objects. A checkpoint counts when its superblock, its maps and every ephemeral object are intact; the newest
 * one that counts is the container.
 */
export interface Checkpoint {
  readonly xid: number;
  /** The block as it lies in the ring, to be changed into that of the next checkpoint. */
  readonly superblock: Uint8Array;
  /** In the order of the maps. */
  readonly objects: readonly EphemeralObject[];
}

/** Where the rings are, as block 0 and every superblock say. */
interface Rings {
  readonly descriptorBase: number;
  readonly descriptorBlocks: number;
  readonly dataBase: number;
  readonly dataBlocks: number;
}

/** Rings beyond this are damage, not size: newfs_apfs makes at most some 28,000 blocks. */
const RING_BLOCKS_MAX = 2 ** 20;
/** The one object of several blocks, the space manager, may have so many. */
const OBJECT_BLOCKS_MAX = 4096;

export type SuperblockValue = ReturnType<typeof NxSuperblock.peek>;

/** A sentence why this cannot be a superblock of ours, or null. */
export function faultOfSuperblock(bytes: Uint8Array): string | null {
  const view = viewOf(bytes);
  if (view.getUint32(0x20, true) !== CONTAINER_MAGIC) return "it has no 'NXSB'";
  if (!isIntact(bytes)) return 'its checksum is wrong';
  if (get64(view, 8) !== CONTAINER_SUPERBLOCK_OID) return 'it is not object 1';
  const xid = get64(view, 16);
  if (xid === 0 || !Number.isSafeInteger(xid)) return 'its transaction number makes no sense';
  return null;
}

/** A sentence why these rings cannot be followed, or null. */
export function faultOfRings(rings: Rings, blocks: Blocks): string | null {
  const { descriptorBlocks, dataBlocks } = rings;
  if (descriptorBlocks >= CHECKPOINT_AREA_IS_TREE || dataBlocks >= CHECKPOINT_AREA_IS_TREE) {
    return 'its checkpoint areas are in pieces, which is not supported';
  }
  for (const [base, count] of [
    [rings.descriptorBase, descriptorBlocks],
    [rings.dataBase, dataBlocks],
  ] as const) {
    const isPossible = count > 0 && count <= RING_BLOCKS_MAX && blocks.contains(base, count);
    if (!isPossible) return `its checkpoint area of ${count} blocks from ${base} on cannot be`;
  }
  return null;
}

/** Superblocks of the descriptor ring that are intact, newest first. Cost: the ring. */
export function superblocksOf(blocks: Blocks, rings: Rings): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let place = 0; place < rings.descriptorBlocks; place++) {
    const bytes = blocks.copyOf(rings.descriptorBase + place);
    if (faultOfSuperblock(bytes) === null) found.push(bytes);
  }
  return found.sort((a, b) => get64(viewOf(b), 16) - get64(viewOf(a), 16));
}

/** The whole checkpoint of a superblock, or a sentence about what is wrong with it. */
export function readCheckpoint(blocks: Blocks, superblock: Uint8Array): Checkpoint | string {
  const value = NxSuperblock.peek(superblock);
  const { xid } = value;
  const rings = faultOfRings(value, blocks);
  if (rings !== null) return rings;
  const { descriptorIndex, descriptorLength, descriptorBlocks, dataBlocks } = value;
  if (descriptorLength < 2 || descriptorLength > descriptorBlocks || descriptorIndex >= descriptorBlocks) {
    return 'it says nothing sensible about its maps';
  }
  const objects: EphemeralObject[] = [];
  const seen = new Set<number>();
  for (let i = 0; i < descriptorLength - 1; i++) {
    const block = value.descriptorBase + ((descriptorIndex + i) % descriptorBlocks);
    const map = blocks.copyOf(block);
    const fault = faultOfMap(map, block, xid, i === descriptorLength - 2);
    if (fault !== null) return fault;
    const count = viewOf(map).getUint32(0x24, true);
    for (let j = 0; j < count; j++) {
      const mapping = CheckpointMapping.peek(map, MAPPINGS_AT + j * MAPPING_SIZE_BYTES);
      if (seen.has(mapping.oid)) return `ephemeral object ${mapping.oid} is mapped twice`;
      seen.add(mapping.oid);
      const place = mapping.block - value.dataBase;
      if (place < 0 || place >= dataBlocks) return `ephemeral object ${mapping.oid} is outside the data ring`;
      const object = readObject(blocks, value, mapping, xid);
      if (typeof object === 'string') return object;
      objects.push(object);
    }
  }
  return { xid, superblock, objects };
}

function faultOfMap(map: Uint8Array, block: number, xid: number, isLast: boolean): string | null {
  const view = viewOf(map);
  if (!isIntact(map) || view.getUint32(24, true) !== TYPE_WORD.checkpointMap) {
    return `its map in block ${block} is damaged`;
  }
  if (get64(view, 16) !== xid) {
    return `its map in block ${block} is of transaction ${get64(view, 16)}`;
  }
  if (view.getUint32(0x24, true) > MAPPINGS_PER_BLOCK) return `its map in block ${block} is too long`;
  const saysLast = (view.getUint32(0x20, true) & CHECKPOINT_MAP_FLAG.last) !== 0;
  return saysLast === isLast ? null : `its maps do not end where it says`;
}

function readObject(
  blocks: Blocks,
  { dataBase, dataBlocks }: Rings,
  mapping: ReturnType<typeof CheckpointMapping.peek>,
  xid: number,
): EphemeralObject | string {
  const { oid, type, subtype, sizeBytes, block } = mapping;
  const name = `ephemeral object ${oid}`;
  const count = sizeBytes / BLOCK_SIZE_BYTES;
  if (!Number.isInteger(count) || count === 0 || count > Math.min(OBJECT_BLOCKS_MAX, dataBlocks)) {
    return `${name} has an impossible size`;
  }
  const bytes = new Uint8Array(sizeBytes);
  for (let i = 0; i < count; i++) {
    const place = (block - dataBase + i) % dataBlocks;
    const part = bytes.subarray(i * BLOCK_SIZE_BYTES, (i + 1) * BLOCK_SIZE_BYTES);
    blocks.read(dataBase + place, part);
  }
  const view = viewOf(bytes);
  if (!isIntact(bytes)) return `${name} in block ${block} is damaged`;
  const isIt =
    get64(view, 8) === oid &&
    get64(view, 16) === xid &&
    view.getUint32(24, true) === type &&
    view.getUint32(28, true) === subtype;
  if (!isIt) return `block ${block} does not hold ${name} of this checkpoint`;
  const object = new EphemeralObject(oid, type, subtype, bytes);
  object.block = block;
  return object;
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** How many blocks of ephemeral objects one checkpoint may have, so that the one before survives. */
export const dataBlocksMax = (dataBlocks: number): number => Math.floor(dataBlocks / 4);

/**
 * Writes the next checkpoint and makes it the newest: objects and maps, a barrier, the superblock, a barrier. The
 * superblock's rings, transaction and next transaction are set here, everything else in it beforehand. A power cut
 * before the superblock is whole leaves the checkpoint before; its objects lie elsewhere in the rings.
 */
export function writeCheckpoint(
  blocks: Blocks,
  superblock: Uint8Array,
  objects: readonly EphemeralObject[],
  xid: number,
): void {
  const view = viewOf(superblock);
  const rings = {
    descriptorBlocks: view.getUint32(0x68, true),
    dataBlocks: view.getUint32(0x6c, true),
    descriptorBase: get64(view, 0x70),
    dataBase: get64(view, 0x78),
    descriptorNext: view.getUint32(0x80, true),
    dataNext: view.getUint32(0x84, true),
    dataLength: view.getUint32(0x94, true),
  };
  const length = objects.reduce((sum, object) => sum + object.blockCount, 0);
  const dataIndex = rings.dataNext + length > rings.dataBlocks ? 0 : rings.dataNext;
  assert(length + rings.dataLength <= rings.dataBlocks, 'two checkpoints fit in the data ring');
  let place = rings.dataBase + dataIndex;
  for (const object of objects) {
    object.block = place;
    object.seal(xid);
    blocks.write(place, object.bytes, LABEL_OBJECTS);
    place += object.blockCount;
  }
  const maps = mapBlocksOf(objects.length);
  assert(2 * (maps + 1) <= rings.descriptorBlocks, 'two checkpoints fit in the descriptor ring');
  const descriptorPlace = (ordinal: number) => (rings.descriptorNext + ordinal) % rings.descriptorBlocks;
  const written = mapBlocks(objects, xid, (ordinal) => rings.descriptorBase + descriptorPlace(ordinal));
  for (const { block, bytes } of written) blocks.write(block, bytes, LABEL_MAP);

  view.setUint32(0x80, descriptorPlace(maps + 1), true);
  view.setUint32(0x84, (dataIndex + length) % rings.dataBlocks, true);
  view.setUint32(0x88, rings.descriptorNext, true);
  view.setUint32(0x8c, maps + 1, true);
  view.setUint32(0x90, dataIndex, true);
  view.setUint32(0x94, length, true);
  put64(view, 0x60, xid + 1);
  putHeader(superblock, CONTAINER_SUPERBLOCK_OID, xid, TYPE_WORD.containerSuperblock, 0);
  seal(superblock);
  blocks.device.barrier('apfs: everything the new checkpoint refers to before its superblock');
  blocks.write(rings.descriptorBase + descriptorPlace(maps), superblock, LABEL_SUPERBLOCK);
  blocks.device.barrier('apfs: the new checkpoint before anything of the one before is used again');
}

const LABEL_OBJECTS: WriteLabel = {
  role: 'checkpoint',
  owner: 'checkpoint data',
  reason: 'write space manager, reaper and free queues anew',
};
const LABEL_MAP: WriteLabel = {
  role: 'checkpoint',
  owner: 'checkpoint map',
  reason: 'say where the objects of the checkpoint are',
};
const LABEL_SUPERBLOCK: WriteLabel = {
  role: 'checkpoint',
  owner: 'container superblock',
  reason: 'make the checkpoint the newest',
};
