import { viewOf } from '../../base/bytes.ts';
import { BTREE_FLAG } from './layout-tree.ts';
import {
  BLOCK_SIZE_BYTES,
  CHECKPOINT_MAP_FLAG,
  CheckpointMapping,
  MAPPING_SIZE_BYTES,
  MAPPINGS_AT,
  MAPPINGS_PER_BLOCK,
  OBJECT,
  REAPER_FLAG,
  REAPER_SIZE_BYTES,
  TYPE_WORD,
} from './layout.ts';
import { writeFooter, writeNode } from './node-writer.ts';
import { putHeader, seal } from './object.ts';

/**
 * Ephemeral objects: what every checkpoint writes anew into its data ring, and the maps that say where. The order of
 * the mappings is the order in the ring.
 */
export class EphemeralObject {
  /** Place in the data ring, given anew by every checkpoint. */
  block = 0;

  constructor(
    readonly oid: number,
    readonly type: number,
    readonly subtype: number,
    readonly bytes: Uint8Array,
  ) {}

  get blockCount(): number {
    return this.bytes.length / BLOCK_SIZE_BYTES;
  }

  seal(xid: number): void {
    putHeader(this.bytes, this.oid, xid, this.type, this.subtype);
    seal(this.bytes);
  }
}

/** A reaper with nothing to do. Its header and checksum are missing. */
export function newReaper(): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  viewOf(bytes).setUint32(0x20, 1, true);
  viewOf(bytes).setUint32(0x40, REAPER_FLAG.alwaysSet, true);
  viewOf(bytes).setUint32(0x6c, BLOCK_SIZE_BYTES - REAPER_SIZE_BYTES, true);
  return bytes;
}

export const QUEUE_KEY_BYTES = 16;
export const QUEUE_VALUE_BYTES = 8;
/** (4096 − 56) / (16 + 8 + 4) entries of 4 bytes: the least a node of a free queue must provide. */
export const QUEUE_TABLE_BYTES_MIN = 576;

export function writeQueueFooter(bytes: Uint8Array, keyCount: number, nodeCount: number): void {
  writeFooter(bytes, {
    flags: BTREE_FLAG.ephemeral | BTREE_FLAG.allowsGhosts,
    keySizeBytes: QUEUE_KEY_BYTES,
    valueSizeBytes: QUEUE_VALUE_BYTES,
    longestKeyBytes: QUEUE_KEY_BYTES,
    longestValueBytes: QUEUE_VALUE_BYTES,
    keyCount,
    nodeCount,
  });
}

/** Root of a free queue in which nothing waits. */
export function emptyQueueRoot(oid: number): EphemeralObject {
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  writeNode(bytes, { level: 0, isRoot: true, isFixed: true, tableBytes: QUEUE_TABLE_BYTES_MIN }, []);
  writeQueueFooter(bytes, 0, 1);
  return new EphemeralObject(oid, TYPE_WORD.ephemeralRoot, OBJECT.freeQueue, bytes);
}

/** How many maps so many ephemeral objects need. */
export const mapBlocksOf = (objectCount: number): number => Math.ceil(objectCount / MAPPINGS_PER_BLOCK);

/** The sealed maps of a checkpoint; `placeOf` gives the block of the map with this ordinal. */
export function mapBlocks(
  objects: readonly EphemeralObject[],
  xid: number,
  placeOf: (ordinal: number) => number,
): { readonly block: number; readonly bytes: Uint8Array }[] {
  const count = mapBlocksOf(objects.length);
  return Array.from({ length: count }, (_, ordinal) => {
    const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
    const block = placeOf(ordinal);
    const listed = objects.slice(ordinal * MAPPINGS_PER_BLOCK, (ordinal + 1) * MAPPINGS_PER_BLOCK);
    viewOf(bytes).setUint32(0x20, ordinal === count - 1 ? CHECKPOINT_MAP_FLAG.last : 0, true);
    viewOf(bytes).setUint32(0x24, listed.length, true);
    listed.forEach((object, i) => {
      const { type, subtype, oid } = object;
      CheckpointMapping.write(
        bytes,
        { type, subtype, sizeBytes: object.bytes.length, padding: 0, volumeOid: 0, oid, block: object.block },
        MAPPINGS_AT + i * MAPPING_SIZE_BYTES,
      );
    });
    putHeader(bytes, block, xid, TYPE_WORD.checkpointMap, 0);
    seal(bytes);
    return { block, bytes };
  });
}
