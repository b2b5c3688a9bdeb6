import { isZero, viewOf } from '../../base/bytes.ts';
import { BLOCK_SIZE_BYTES, TYPE_WORD } from './layout.ts';
import type { NxSuperblock } from './layout.ts';
import {
  BLOCKS_PER_CHUNK,
  CHUNKS_PER_CIB,
  CIBS_PER_CAB,
  FREE_QUEUE,
  FreeQueue,
  SPACE_DEVICES_AT,
  SPACE_FLAG_VERSIONED,
  SPACE_PLAIN_SIZE_BYTES,
  SPACE_POOL_AT,
  SPACE_QUEUES_AT,
  SPACE_RING_AT,
  SPACE_VERSION_AT,
  SPACE_VERSIONED_SIZE_BYTES,
  SpaceDevice,
  SpaceManagerHead,
  SpacePool,
  SpaceRing,
  SpaceVersion,
} from './layout-space.ts';
import { hex } from './fsck-check.ts';
import type { Check } from './fsck-check.ts';
import type { Ephemerals } from './fsck-checkpoint.ts';
import { Claims } from './fsck-claims.ts';
import { checkDatazone } from './fsck-zones.ts';

/** The space manager of the checkpoint and what hangs on it, as far as it could be read. */
export class Space {
  readonly check: Check;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** First block of the object in the checkpoint data area. */
  readonly block: number;
  readonly pool: SpacePool;
  readonly ring: SpaceRing;
  readonly device: SpaceDevice;
  readonly queues: readonly FreeQueue[];
  /** Bytes before the arrays. */
  readonly headBytes: number;
  /** Who uses which blocks of the internal pool. */
  readonly claims = new Claims();
  /** Chunk info blocks in order, up to the first that cannot be read. */
  readonly cibs: Cib[] = [];
  /** Blocks of chunk info address blocks, in order; empty where the space manager lists the chunk info blocks. */
  readonly cabs: number[] = [];
  /** The list of chunks is whole and can be relied on. */
  isComplete = true;

  constructor(check: Check, bytes: Uint8Array, block: number) {
    this.check = check;
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.block = block;
    this.pool = SpacePool.peek(bytes, SPACE_POOL_AT);
    this.ring = SpaceRing.peek(bytes, SPACE_RING_AT);
    this.device = SpaceDevice.peek(bytes, SPACE_DEVICES_AT);
    this.queues = Object.values(FREE_QUEUE).map((which) =>
      FreeQueue.peek(bytes, SPACE_QUEUES_AT + which * FreeQueue.sizeBytes),
    );
    const isVersioned = (this.pool.flags & SPACE_FLAG_VERSIONED) !== 0;
    this.headBytes = isVersioned ? SPACE_VERSIONED_SIZE_BYTES : SPACE_PLAIN_SIZE_BYTES;
  }

  wrong(text: string): void {
    this.check.error('space-manager', `space manager: ${text}`, this.block);
  }

  isInPool(block: number): boolean {
    return block >= this.pool.poolBase && block < this.pool.poolBase + this.pool.poolBlockCount;
  }

  /** A block of the internal pool is in use. False, with a finding, when it is none of these. */
  mark(block: number, count: number, owner: string): boolean {
    if (!this.isInPool(block) || !this.isInPool(block + count - 1)) {
      this.check.error(
        'space-manager',
        `${owner}: block ${hex(block)}+${count} is not in the internal pool`,
        this.block,
      );
      return false;
    }
    this.claims.add(block, count, owner, -1);
    return true;
  }

  /** Does an array of `count` items of `itemBytes` at `offset` lie behind the fixed part and inside the object? */
  hasArray(offset: number, count: number, itemBytes: number, what: string): boolean {
    if (
      offset % itemBytes === 0 &&
      offset >= this.headBytes &&
      offset + count * itemBytes <= this.bytes.length
    ) {
      return true;
    }
    this.wrong(`${what}: ${count} items at byte ${offset} do not lie in the object`);
    return false;
  }
}

/** A chunk info block. */
export interface Cib {
  readonly block: number;
  readonly bytes: Uint8Array;
  readonly chunks: number;
}

/** Reads the space manager itself; chunks follow with `readChunks`. Null, with a finding, when it cannot be read. */
export function readSpaceManager(
  check: Check,
  ephemerals: Ephemerals,
  superblock: NxSuperblock,
): Space | null {
  const found = ephemerals.read(superblock.spaceManagerOid, TYPE_WORD.spaceManager, 0, 'sm');
  if (!found) return null;
  const space = new Space(check, found.bytes, found.block);
  checkHead(space, superblock);
  return space;
}

function checkHead(space: Space, superblock: NxSuperblock): void {
  const { bytes, pool, device } = space;
  const head = SpaceManagerHead.peek(bytes);
  if (head.blockSizeBytes !== BLOCK_SIZE_BYTES) space.wrong(`blocks of ${head.blockSizeBytes} bytes`);
  if (head.blocksPerChunk !== BLOCKS_PER_CHUNK) space.wrong(`${head.blocksPerChunk} blocks per chunk`);
  if (head.chunksPerCib !== CHUNKS_PER_CIB) space.wrong(`${head.chunksPerCib} chunks per chunk info block`);
  if (head.cibsPerCab !== CIBS_PER_CAB) space.wrong(`${head.cibsPerCab} chunk info blocks per address block`);
  if (pool.flags > SPACE_FLAG_VERSIONED) space.wrong(`unknown flags (${hex(pool.flags)})`);
  if ((pool.flags & SPACE_FLAG_VERSIONED) !== 0) {
    const { structSizeBytes } = SpaceVersion.peek(bytes, SPACE_VERSION_AT);
    if (structSizeBytes !== SPACE_VERSIONED_SIZE_BYTES)
      space.wrong(`a structure of ${structSizeBytes} bytes`);
    checkDatazone(space);
  }
  const chunks = Math.ceil(device.blockCount / BLOCKS_PER_CHUNK);
  const cibs = Math.ceil(chunks / CHUNKS_PER_CIB);
  const cabs = cibs > CIBS_PER_CAB ? Math.ceil(cibs / CIBS_PER_CAB) : 0;
  if (device.blockCount !== superblock.blockCount) {
    space.wrong(`${device.blockCount} blocks, the container has ${superblock.blockCount}`);
  }
  if (device.chunkCount !== chunks) space.wrong(`${device.chunkCount} chunks, expected ${chunks}`);
  if (device.cibCount !== cibs) space.wrong(`${device.cibCount} chunk info blocks, expected ${cibs}`);
  if (device.cabCount !== cabs) space.wrong(`${device.cabCount} chunk info address blocks, expected ${cabs}`);
  const second = SPACE_DEVICES_AT + SpaceDevice.sizeBytes;
  // The list of addresses of a device that has none may be said to lie anywhere.
  if (!isZero(bytes.subarray(second, second + 32)) || !isZero(bytes.subarray(second + 36, second + 48))) {
    space.wrong('a second device in a container that has none');
  }
  if (!isZero(bytes.subarray(SPACE_DEVICES_AT + 36, second)))
    space.wrong('a reserved field of the device is set');
}
