import { viewOf } from '../../base/bytes.ts';
import {
  BLOCK_SIZE_BYTES,
  CHECKPOINT_AREA_IS_TREE,
  CHECKPOINT_MAP_FLAG,
  CONTAINER_MAGIC,
  CheckpointMap,
  CheckpointMapping,
  MAPPINGS_AT,
  MAPPINGS_PER_BLOCK,
  MAPPING_SIZE_BYTES,
  NxSuperblock,
  OBJECT,
  ObjectHeader,
} from './layout.ts';
import { isIntact } from './view-tree.ts';

/**
 * The rings of checkpoints: which superblocks stand in them, newest first, and whether what each of them refers to in
 * the rings is still there. Reads leniently; what is not whole says why.
 */
export interface Checkpoint {
  readonly xid: number;
  /** Place of the superblock in the descriptor ring; −1 for the copy in block 0. */
  readonly place: number;
  readonly block: number;
  readonly superblock: NxSuperblock;
  readonly maps: readonly { readonly block: number; readonly count: number }[];
  readonly objects: readonly EphemeralObject[];
  /** Why the checkpoint cannot be used; '' when it can. */
  readonly problem: string;
}

export interface EphemeralObject {
  readonly oid: number;
  readonly type: number;
  readonly subtype: number;
  readonly sizeBytes: number;
  /** Blocks of the data ring in their order; a long object may go on at the ring's beginning. */
  readonly blocks: readonly number[];
  /** The mapping that leads here: block of the map, and which of its mappings. */
  readonly mapBlock: number;
  readonly mapIndex: number;
}

export interface Ring {
  readonly first: number;
  readonly count: number;
}

/** No ring is longer; what says so is damage. */
const RING_BLOCKS_MAX = 65_536;
/** A space manager of the largest container. */
const OBJECT_BLOCKS_MAX = 1024;

export type BlockReader = (block: number) => Uint8Array | undefined;

const ringOf = (first: number, count: number, blockCount: number): Ring =>
  count >= CHECKPOINT_AREA_IS_TREE || first >= blockCount
    ? { first: 0, count: 0 }
    : { first, count: Math.max(0, Math.min(count, blockCount - first, RING_BLOCKS_MAX)) };

export const descriptorRing = (superblock: NxSuperblock, blockCount: number): Ring =>
  ringOf(superblock.descriptorBase, superblock.descriptorBlocks, blockCount);

export const dataRing = (superblock: NxSuperblock, blockCount: number): Ring =>
  ringOf(superblock.dataBase, superblock.dataBlocks, blockCount);

const isSuperblock = (bytes: Uint8Array): boolean =>
  viewOf(bytes).getUint32(0x20, true) === CONTAINER_MAGIC &&
  viewOf(bytes).getUint16(0x18, true) === OBJECT.containerSuperblock;

/** All superblocks of the descriptor ring, the newest first. */
export function checkpointsOf(read: BlockReader, start: NxSuperblock, blockCount: number): Checkpoint[] {
  const ring = descriptorRing(start, blockCount);
  const found: Checkpoint[] = [];
  for (let place = 0; place < ring.count; place++) {
    const bytes = read(ring.first + place);
    if (bytes && isSuperblock(bytes))
      found.push(checkpointAt(read, bytes, ring, place, ring.first + place, blockCount));
  }
  return found.sort((a, b) => b.xid - a.xid);
}

/** The checkpoint whose superblock these bytes are. */
export function checkpointAt(
  read: BlockReader,
  bytes: Uint8Array,
  ring: Ring,
  place: number,
  block: number,
  blockCount: number,
): Checkpoint {
  const superblock = NxSuperblock.peek(bytes);
  const { xid } = superblock;
  if (!isIntact(bytes)) {
    const problem = 'its superblock has a wrong checksum';
    return { xid, place, block, superblock, maps: [], objects: [], problem };
  }
  const collector = new Collector(read, superblock, ring, dataRing(superblock, blockCount));
  const problem = collector.collect();
  return { xid, place, block, superblock, maps: collector.maps, objects: collector.objects, problem };
}

/** Follows one superblock through the rings. */
class Collector {
  readonly maps: { block: number; count: number }[] = [];
  readonly objects: EphemeralObject[] = [];
  readonly #read: BlockReader;
  readonly #superblock: NxSuperblock;
  readonly #ring: Ring;
  readonly #data: Ring;

  constructor(read: BlockReader, superblock: NxSuperblock, ring: Ring, data: Ring) {
    this.#read = read;
    this.#superblock = superblock;
    this.#ring = ring;
    this.#data = data;
  }

  /** What is wrong first, '' when nothing is. */
  collect(): string {
    const { descriptorIndex, descriptorLength, xid } = this.#superblock;
    const { first, count } = this.#ring;
    if (count === 0 || descriptorLength > count) return 'its maps cannot lie in the descriptor ring';
    let isLast = false;
    for (let i = 0; i + 1 < descriptorLength && !isLast; i++) {
      const block = first + ((descriptorIndex + i) % count);
      const bytes = this.#read(block);
      if (!bytes) return `its map in block ${block} cannot be read`;
      const header = CheckpointMap.peek(bytes);
      if (header.type % 65_536 !== OBJECT.checkpointMap || !isIntact(bytes))
        return `block ${block}, where its map was, holds something else by now`;
      if (header.xid !== xid) return `its map in block ${block} was overwritten by transaction ${header.xid}`;
      const mappings = Math.min(header.count, MAPPINGS_PER_BLOCK);
      this.maps.push({ block, count: mappings });
      for (let index = 0; index < mappings; index++) {
        const problem = this.#object(bytes, block, index);
        if (problem !== '') return problem;
      }
      isLast = (header.flags & CHECKPOINT_MAP_FLAG.last) !== 0;
    }
    return isLast ? '' : 'none of its maps says that it is the last';
  }

  #object(map: Uint8Array, mapBlock: number, mapIndex: number): string {
    const mapping = CheckpointMapping.peek(map, MAPPINGS_AT + mapIndex * MAPPING_SIZE_BYTES);
    const { oid, type, subtype, sizeBytes } = mapping;
    const count = Math.ceil(sizeBytes / BLOCK_SIZE_BYTES);
    const { first, count: length } = this.#data;
    const place = mapping.block - first;
    if (count < 1 || count > OBJECT_BLOCKS_MAX || count > length || place < 0 || place >= length)
      return `object ${oid} cannot lie in the data ring`;
    const blocks = Array.from({ length: count }, (_, i) => first + ((place + i) % length));
    this.objects.push({ oid, type, subtype, sizeBytes, blocks, mapBlock, mapIndex });
    const bytes = bytesOfObject(this.#read, blocks);
    if (!bytes || !isIntact(bytes)) return `object ${oid} in the data ring was overwritten or is damaged`;
    const { oid: storedOid, xid } = ObjectHeader.peek(bytes);
    return storedOid === oid && xid === this.#superblock.xid
      ? ''
      : `object ${oid} in the data ring was overwritten by transaction ${xid}`;
  }
}

/** The whole object; undefined when a part cannot be read. */
export function bytesOfObject(read: BlockReader, blocks: readonly number[]): Uint8Array | undefined {
  const bytes = new Uint8Array(blocks.length * BLOCK_SIZE_BYTES);
  for (const [i, block] of blocks.entries()) {
    const part = read(block);
    if (!part) return undefined;
    bytes.set(part, i * BLOCK_SIZE_BYTES);
  }
  return bytes;
}
