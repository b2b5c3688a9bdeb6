import { viewOf } from '../../base/bytes.ts';
import type { Geometry } from './geometry.ts';
import {
  BLOCKS_PER_CHUNK,
  CHUNKS_PER_CIB,
  CIBS_PER_CAB,
  FreeQueue,
  FREE_QUEUE,
  mainQueueNodeLimit,
  NO_SLOT,
  POOL_BITMAP_GENERATIONS,
  poolQueueNodeLimit,
  SpaceDevice,
  SpacePool,
  SPACE_DATAZONE_AT,
  SPACE_DEVICES_AT,
  SPACE_FLAG_VERSIONED,
  SPACE_PLAIN_SIZE_BYTES,
  SPACE_POOL_AT,
  SPACE_QUEUES_AT,
  SPACE_RING_AT,
  SPACE_STRUCT_VERSION,
  SPACE_VERSIONED_SIZE_BYTES,
  SPACE_VERSION_AT,
  SpaceRing,
  SpaceVersion,
} from './layout-space.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { get64, put64 } from './words.ts';

const QUEUE_SIZE_BYTES = 40;
const FREE_COUNT_AT = SPACE_DEVICES_AT + 24;

/**
 * The space manager as it lies on disk, the one object of a checkpoint that may have several blocks. Everything that
 * changes is changed in these bytes; what we do not know stays as it was.
 */
export class SpaceObject {
  readonly #view: DataView;
  readonly #xids: number;
  readonly #slots: number;
  readonly #next: number;
  readonly #addresses: number;

  constructor(readonly bytes: Uint8Array) {
    this.#view = viewOf(bytes);
    const ring = SpaceRing.peek(bytes, SPACE_RING_AT);
    this.#xids = ring.bitmapXidOffsetBytes;
    this.#slots = ring.bitmapSlotOffsetBytes;
    this.#next = ring.freeNextOffsetBytes;
    this.#addresses = this.device.addressOffsetBytes;
  }

  get device(): SpaceDevice {
    return SpaceDevice.peek(this.bytes, SPACE_DEVICES_AT);
  }

  get pool(): SpacePool {
    return SpacePool.peek(this.bytes, SPACE_POOL_AT);
  }

  get freeCount(): number {
    return get64(this.#view, FREE_COUNT_AT);
  }

  set freeCount(value: number) {
    put64(this.#view, FREE_COUNT_AT, value);
  }

  queue(which: number): FreeQueue {
    return FreeQueue.peek(this.bytes, SPACE_QUEUES_AT + which * QUEUE_SIZE_BYTES);
  }

  /** Count, root and oldest transaction of a queue; its node limit stays. */
  setQueue(which: number, count: number, treeOid: number, oldestXid: number): void {
    const at = SPACE_QUEUES_AT + which * QUEUE_SIZE_BYTES;
    put64(this.#view, at, count);
    put64(this.#view, at + 8, treeOid);
    put64(this.#view, at + 16, oldestXid);
  }

  /** Another size that leaves the internal pool as it is. */
  setBlockCount(blockCount: number): void {
    put64(this.#view, SPACE_DEVICES_AT, blockCount);
    const at = SPACE_QUEUES_AT + FREE_QUEUE.main * QUEUE_SIZE_BYTES + 24;
    this.#view.setUint16(at, mainQueueNodeLimit(blockCount), true);
  }

  setReserves(reservedBlocks: number, inUseBlocks: number): void {
    put64(this.#view, SPACE_POOL_AT + 0x28, reservedBlocks);
    put64(this.#view, SPACE_POOL_AT + 0x30, inUseBlocks);
  }

  /** Address of chunk info block or, where there are such, address block `index`. */
  address(index: number): number {
    return get64(this.#view, this.#addresses + 8 * index);
  }

  setAddress(index: number, block: number): void {
    put64(this.#view, this.#addresses + 8 * index, block);
  }

  /** Place in the ring of the current generation of internal pool bitmap block `index`. */
  slot(index: number): number {
    return this.#view.getUint16(this.#slots + 2 * index, true);
  }

  freeNext(slot: number): number {
    return this.#view.getUint16(this.#next + 2 * slot, true);
  }

  get freeHead(): number {
    return this.#view.getUint16(SPACE_RING_AT, true);
  }

  get freeTail(): number {
    return this.#view.getUint16(SPACE_RING_AT + 2, true);
  }

  /** The bitmap block gets the first free slot of the ring; its old one goes to the end of the free ones. */
  advanceSlot(index: number, xid: number): number {
    const old = this.slot(index);
    this.#setNext(this.freeTail, old);
    this.#setNext(old, NO_SLOT);
    this.#view.setUint16(SPACE_RING_AT + 2, old, true);
    const slot = this.freeHead;
    this.#view.setUint16(SPACE_RING_AT, this.freeNext(slot), true);
    this.#setNext(slot, NO_SLOT);
    this.#view.setUint16(this.#slots + 2 * index, slot, true);
    put64(this.#view, this.#xids + 8 * index, xid);
    return slot;
  }

  #setNext(slot: number, next: number): void {
    this.#view.setUint16(this.#next + 2 * slot, next, true);
  }
}

/** Where the arrays of a new space manager lie, and how long the object becomes. */
export interface SpaceForm {
  readonly isVersioned: boolean;
  readonly xids: number;
  readonly slots: number;
  readonly next: number;
  readonly addresses: number;
  readonly secondaryAddresses: number;
  readonly sizeBytes: number;
}

const roundedTo8 = (value: number): number => Math.ceil(value / 8) * 8;

export function spaceFormOf(geometry: Geometry, isVersioned: boolean): SpaceForm {
  const xids = isVersioned ? SPACE_VERSIONED_SIZE_BYTES : SPACE_PLAIN_SIZE_BYTES;
  const slots = xids + 8 * geometry.poolBitmapBlocks;
  const next = roundedTo8(slots + 2 * geometry.poolBitmapBlocks);
  const addresses = roundedTo8(next + 2 * geometry.ringBlocks);
  const secondaryAddresses =
    addresses + 8 * (geometry.cabCount === 0 ? geometry.cibCount : geometry.cabCount);
  const sizeBytes = Math.ceil(secondaryAddresses / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
  return { isVersioned, xids, slots, next, addresses, secondaryAddresses, sizeBytes };
}

/** A new space manager: every internal pool bitmap in its first slot, no addresses yet. */
export function newSpaceObject(
  geometry: Geometry,
  form: SpaceForm,
  ringBase: number,
  poolBase: number,
): SpaceObject {
  const bytes = new Uint8Array(form.sizeBytes);
  const view = viewOf(bytes);
  view.setUint32(0x20, BLOCK_SIZE_BYTES, true);
  view.setUint32(0x24, BLOCKS_PER_CHUNK, true);
  view.setUint32(0x28, CHUNKS_PER_CIB, true);
  view.setUint32(0x2c, CIBS_PER_CAB, true);
  SpaceDevice.write(
    bytes,
    { ...geometry, freeCount: 0, addressOffsetBytes: form.addresses },
    SPACE_DEVICES_AT,
  );
  view.setUint32(SPACE_DEVICES_AT + 48 + 32, form.secondaryAddresses, true);
  SpacePool.write(
    bytes,
    {
      flags: form.isVersioned ? SPACE_FLAG_VERSIONED : 0,
      bitmapTransactionMultiplier: POOL_BITMAP_GENERATIONS,
      poolBlockCount: geometry.poolBlocks,
      bitmapSizeBlocks: geometry.poolBitmapBlocks,
      bitmapRingBlocks: geometry.ringBlocks,
      bitmapBase: ringBase,
      poolBase,
      reservedBlocks: 0,
      reservedBlocksInUse: 0,
    },
    SPACE_POOL_AT,
  );
  const queueLimit = (which: number, treeNodeLimit: number) =>
    FreeQueue.write(
      bytes,
      { count: 0, treeOid: 0, oldestXid: 0, treeNodeLimit },
      SPACE_QUEUES_AT + which * QUEUE_SIZE_BYTES,
    );
  queueLimit(FREE_QUEUE.internalPool, poolQueueNodeLimit(geometry.chunkCount));
  queueLimit(FREE_QUEUE.main, mainQueueNodeLimit(geometry.blockCount));
  SpaceRing.write(
    bytes,
    {
      freeHead: geometry.poolBitmapBlocks,
      freeTail: geometry.ringBlocks - 1,
      bitmapXidOffsetBytes: form.xids,
      bitmapSlotOffsetBytes: form.slots,
      freeNextOffsetBytes: form.next,
    },
    SPACE_RING_AT,
  );
  if (form.isVersioned) {
    SpaceVersion.write(
      bytes,
      { version: SPACE_STRUCT_VERSION, structSizeBytes: SPACE_VERSIONED_SIZE_BYTES },
      SPACE_VERSION_AT,
    );
  }
  for (let i = 0; i < geometry.poolBitmapBlocks; i++) {
    put64(view, form.xids + 8 * i, 1);
    view.setUint16(form.slots + 2 * i, i, true);
  }
  for (let slot = 0; slot < geometry.ringBlocks; slot++) {
    const isLinked = slot >= geometry.poolBitmapBlocks && slot < geometry.ringBlocks - 1;
    view.setUint16(form.next + 2 * slot, isLinked ? slot + 1 : NO_SLOT, true);
  }
  return new SpaceObject(bytes);
}

/**
 * The space manager of a container that gets another size and a new internal pool. Queues, reserves and what nobody
 * here knows are taken over; addresses and slots are new.
 */
export function resizedSpaceObject(
  old: SpaceObject,
  geometry: Geometry,
  ringBase: number,
  poolBase: number,
): SpaceObject {
  const isVersioned = (old.pool.flags & SPACE_FLAG_VERSIONED) !== 0;
  const space = newSpaceObject(geometry, spaceFormOf(geometry, isVersioned), ringBase, poolBase);
  const { reservedBlocks, reservedBlocksInUse, flags } = old.pool;
  space.setReserves(reservedBlocks, reservedBlocksInUse);
  viewOf(space.bytes).setUint32(SPACE_POOL_AT, flags, true);
  for (const which of Object.values(FREE_QUEUE)) {
    const { count, treeOid, oldestXid } = old.queue(which);
    space.setQueue(which, count, treeOid, oldestXid);
  }
  if (isVersioned)
    space.bytes.set(old.bytes.subarray(SPACE_DATAZONE_AT, SPACE_VERSIONED_SIZE_BYTES), SPACE_DATAZONE_AT);
  return space;
}
