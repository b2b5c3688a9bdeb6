import { equalBytes, viewOf } from '../../base/bytes.ts';
import {
  BLOCK_SIZE_BYTES,
  CHECKPOINT_MAP_FLAG,
  CheckpointMap,
  CheckpointMapping,
  CONTAINER_MAGIC,
  FIRST_FREE_OID,
  MAPPING_SIZE_BYTES,
  MAPPINGS_AT,
  MAPPINGS_PER_BLOCK,
  NxSuperblock,
  OBJECT,
  TYPE_WORD,
} from './layout.ts';
import { hex, u64At } from './fsck-check.ts';
import type { Check } from './fsck-check.ts';
import { checkObject, isIntact } from './fsck-object.ts';
import { BLOCK_ZERO_REMEDY } from './fsck-report.ts';

/** The newest checkpoint and block 0, as far as they can be read. */
export interface Checkpoint {
  readonly block: number;
  readonly bytes: Uint8Array;
  readonly superblock: NxSuperblock;
}

/** So many blocks a descriptor ring may have; apfsck's limit, against nonsense. */
const DESCRIPTOR_BLOCKS_MAX = 10_000;
/** Where block 0 says nothing, the ring is looked for in so many blocks behind it: every formatter puts it there. */
const SCANNED_BLOCKS_MAX = 4096;

/** Block 0, the ring that it names, the newest intact superblock there. Null, with findings, when there is none. */
export function findCheckpoint(check: Check): Checkpoint | null {
  const zero = check.read(0);
  const isNamed = viewOf(zero).getUint32(0x20, true) === CONTAINER_MAGIC;
  const isSound = isNamed && isIntact(zero);
  const ring = (isNamed ? ringOf(check, zero) : null) ?? searchRing(check);
  if (!ring) {
    if (isNamed) check.error('superblock', 'block 0 names no checkpoint descriptor area that can be read', 0);
    else check.error('not-apfs', 'no container superblock: this is not an APFS container', 0);
    return null;
  }
  const newest = newestIn(check, ring);
  if (!newest) {
    check.error('checkpoint', 'no intact checkpoint superblock in the checkpoint descriptor area', ring.base);
    return null;
  }
  if (!isSound) {
    const text = isNamed ? 'block 0 has a wrong checksum' : 'block 0 holds no container superblock';
    check.error('superblock', text, 0, BLOCK_ZERO_REMEDY);
  } else {
    compareBlockZero(check, zero, newest);
  }
  return newest;
}

interface Ring {
  readonly base: number;
  readonly blocks: number;
}

function ringOf(check: Check, bytes: Uint8Array): Ring | null {
  const { descriptorBase: base, descriptorBlocks: blocks } = NxSuperblock.peek(bytes);
  const end = (base + blocks) * BLOCK_SIZE_BYTES;
  return blocks > 0 && blocks <= DESCRIPTOR_BLOCKS_MAX && base > 0 && end <= check.medium.sizeBytes
    ? { base, blocks }
    : null;
}

function searchRing(check: Check): Ring | null {
  const { medium } = check;
  const end = Math.min(medium.sizeBytes, SCANNED_BLOCKS_MAX * BLOCK_SIZE_BYTES);
  for (let at = BLOCK_SIZE_BYTES; at < end; at += BLOCK_SIZE_BYTES) {
    at = Math.floor(medium.nextStored(at) / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
    if (at >= end) return null;
    const bytes = check.read(at / BLOCK_SIZE_BYTES);
    if (!isSuperblock(bytes) || !isIntact(bytes)) continue;
    const ring = ringOf(check, bytes);
    if (ring) return ring;
  }
  return null;
}

const isSuperblock = (bytes: Uint8Array): boolean => viewOf(bytes).getUint32(0x20, true) === CONTAINER_MAGIC;

function newestIn(check: Check, { base, blocks }: Ring): Checkpoint | null {
  let newest: Checkpoint | null = null;
  const torn: number[] = [];
  for (let block = base; block < base + blocks; block++) {
    const bytes = check.read(block);
    if (!isSuperblock(bytes)) continue;
    if (!isIntact(bytes)) {
      torn.push(block);
    } else if (!newest || u64At(viewOf(bytes), 16) > newest.superblock.xid) {
      newest = { block, bytes, superblock: NxSuperblock.peek(bytes) };
    }
  }
  for (const block of torn) {
    const message = `the checkpoint superblock in block ${hex(block)} has a wrong checksum`;
    check.warning('old-checkpoint', `${message}: damaged, or never written completely`, block);
  }
  return newest;
}

/** Fields that a driver changes between checkpoints without writing block 0: counters and flags. */
const COMPARED = [
  [0x08, 0x3d8],
  [0x4d8, 0x4f0],
  [0x4f8, BLOCK_SIZE_BYTES],
] as const;

function compareBlockZero(check: Check, zero: Uint8Array, newest: Checkpoint): void {
  const { xid } = newest.superblock;
  const found = u64At(viewOf(zero), 16);
  if (u64At(viewOf(zero), 8) !== newest.superblock.oid) {
    check.error('superblock', 'block 0 has a wrong object id', 0, BLOCK_ZERO_REMEDY);
  } else if (found > xid) {
    const message = `block 0 is of transaction ${found}, but the newest intact checkpoint is of ${xid}`;
    check.error('checkpoint', message, 0);
  } else if (found < xid) {
    const message = `the container was not unmounted cleanly: block 0 is of transaction ${found}, the newest is ${xid}`;
    check.warning('dirty', message, 0, BLOCK_ZERO_REMEDY);
  } else if (
    COMPARED.some(([from, to]) => !equalBytes(zero.subarray(from, to), newest.bytes.subarray(from, to)))
  ) {
    check.error('superblock', 'block 0 differs from the checkpoint of its transaction', 0, BLOCK_ZERO_REMEDY);
  }
}

/** Where an ephemeral object of the checkpoint lies. */
export interface Mapping {
  readonly oid: number;
  readonly type: number;
  readonly subtype: number;
  readonly block: number;
  readonly blocks: number;
  /** Of the checkpoint map block, for messages. */
  readonly mapBlock: number;
}

/** The ephemeral objects of one checkpoint: each is read at most once, those nobody asks for are told. */
export class Ephemerals {
  readonly mappings = new Map<number, Mapping>();
  readonly #check: Check;
  readonly #superblock: NxSuperblock;
  readonly #seen = new Set<number>();

  constructor(check: Check, superblock: NxSuperblock) {
    this.#check = check;
    this.#superblock = superblock;
  }

  /** The mapping of an object, which must be of this type; whoever reads it himself (nodes of trees) checks it. */
  locate(oid: number, type: number, subtype: number): Mapping | null {
    const mapping = this.mappings.get(oid);
    if (!mapping) return null;
    if (mapping.type !== type || mapping.subtype !== subtype) {
      const found = `${hex(mapping.type)}/${hex(mapping.subtype)}`;
      const message = `(oid ${hex(oid)}) checkpoint map: wrong type (${found}, expected ${hex(type)}/${hex(subtype)})`;
      this.#check.error('checkpoint', message, mapping.mapBlock);
    }
    if (this.#seen.has(oid)) {
      this.#check.error('checkpoint', `ephemeral object ${hex(oid)} is used twice`, mapping.mapBlock);
    }
    this.#seen.add(oid);
    return mapping;
  }

  /** The whole object, whose header is checked; null, with a finding, when there is none. */
  read(
    oid: number,
    type: number,
    subtype: number,
    name: string,
  ): { bytes: Uint8Array; block: number } | null {
    const mapping = this.locate(oid, type, subtype);
    if (!mapping) {
      this.#check.error('checkpoint', `(oid ${hex(oid)}) ${name}: no mapping in the checkpoint`, 0);
      return null;
    }
    const { block } = mapping;
    const bytes = this.bytesOf(mapping);
    const { xid } = this.#superblock;
    return checkObject(this.#check, bytes, block, { name, oid, type, subtype, xid })
      ? { bytes, block }
      : null;
  }

  /** An object may go on at the beginning of the ring. */
  bytesOf(mapping: Mapping): Uint8Array {
    const { dataBase, dataBlocks } = this.#superblock;
    const bytes = new Uint8Array(mapping.blocks * BLOCK_SIZE_BYTES);
    for (let i = 0; i < mapping.blocks; i++) {
      const block = dataBase + ((mapping.block - dataBase + i) % dataBlocks);
      bytes.set(this.#check.read(block), i * BLOCK_SIZE_BYTES);
    }
    return bytes;
  }

  finish(): void {
    for (const { oid, mapBlock } of this.mappings.values()) {
      if (this.#seen.has(oid)) continue;
      this.#check.error(
        'checkpoint',
        `the checkpoint maps object ${hex(oid)}, which nothing refers to`,
        mapBlock,
      );
    }
  }
}

/** All maps of the newest checkpoint. What cannot be read is told; objects it would map are missing then. */
export function readMaps(check: Check, { superblock, block: found }: Checkpoint): Ephemerals {
  const ephemerals = new Ephemerals(check, superblock);
  const { descriptorBase, descriptorBlocks, descriptorIndex, dataIndex, dataNext, xid } = superblock;
  const wrong = (text: string, block: number): void =>
    check.error('checkpoint', `checkpoint map: ${text}`, block);
  if (
    descriptorIndex >= descriptorBlocks ||
    superblock.dataBlocks === 0 ||
    dataIndex >= superblock.dataBlocks
  ) {
    return ephemerals;
  }
  let index = dataIndex;
  let maps = 0;
  for (let isLast = false; !isLast; maps++) {
    const block = descriptorBase + ((descriptorIndex + maps) % descriptorBlocks);
    if (maps === descriptorBlocks) {
      wrong('none is marked as the last', block);
      return ephemerals;
    }
    const bytes = check.read(block);
    const expected = { name: 'checkpoint map', oid: block, type: TYPE_WORD.checkpointMap, subtype: 0, xid };
    if (!checkObject(check, bytes, block, expected)) return ephemerals;
    const map = CheckpointMap.peek(bytes);
    if (map.count > MAPPINGS_PER_BLOCK) {
      wrong(`${map.count} mappings do not fit into a block`, block);
      return ephemerals;
    }
    if (map.flags > CHECKPOINT_MAP_FLAG.last) wrong(`unknown flags (${hex(map.flags)})`, block);
    for (let i = 0; i < map.count; i++) {
      const at = MAPPINGS_AT + i * MAPPING_SIZE_BYTES;
      index = addMapping(check, ephemerals, superblock, CheckpointMapping.peek(bytes, at), block, index);
    }
    isLast = (map.flags & CHECKPOINT_MAP_FLAG.last) !== 0;
  }
  const block = descriptorBase + descriptorIndex;
  const place = descriptorBase + ((descriptorIndex + maps) % descriptorBlocks);
  if (place !== found) wrong(`the superblock lies in block ${hex(found)}, its place is ${hex(place)}`, found);
  if (index !== dataNext)
    wrong(`the objects end at place ${index} of the data area, not at ${dataNext}`, block);
  if (superblock.descriptorLength !== maps + 1) {
    wrong(`${maps} maps, ${superblock.descriptorLength - 1} according to the superblock`, block);
  }
  return ephemerals;
}

/** The place in the data ring where the next object must begin. */
function addMapping(
  check: Check,
  ephemerals: Ephemerals,
  superblock: NxSuperblock,
  mapping: CheckpointMapping,
  mapBlock: number,
  index: number,
): number {
  const { dataBase, dataBlocks, dataIndex, dataLength } = superblock;
  const { oid, sizeBytes, block, type, subtype } = mapping;
  const at = `(oid ${hex(oid)}) checkpoint map`;
  const wrong = (text: string): void => check.error('checkpoint', `${at}: ${text}`, mapBlock);
  const blocks = sizeBytes / BLOCK_SIZE_BYTES;
  if (!Number.isInteger(blocks) || blocks === 0 || blocks > dataBlocks) {
    wrong(`a size of ${sizeBytes} bytes`);
    return index;
  }
  if (block < dataBase || block >= dataBase + dataBlocks) {
    wrong(`block ${hex(block)} is not in the checkpoint data area`);
    return index;
  }
  if (block !== dataBase + index)
    wrong(`block ${hex(block)} is out of order, ${hex(dataBase + index)} expected`);
  if (ephemerals.mappings.has(oid)) wrong('mapped twice');
  if (oid < FIRST_FREE_OID || oid >= check.nextOid) wrong('an object id that was never handed out');
  if (mapping.padding !== 0) wrong('padding is not zero');
  if (mapping.volumeOid !== 0) check.warning('unsupported', `${at}: belongs to a volume`, mapBlock);
  if (blocks > 1 && type % 0x10000 !== OBJECT.spaceManager) {
    check.warning('unsupported', `${at}: an object of ${blocks} blocks`, mapBlock);
  }
  const offset = (dataBlocks + index - dataIndex) % dataBlocks;
  if (offset + blocks > dataLength) wrong('lies beyond the objects of this checkpoint');
  ephemerals.mappings.set(oid, { oid, type, subtype, block, blocks, mapBlock });
  return (index + blocks) % dataBlocks;
}
