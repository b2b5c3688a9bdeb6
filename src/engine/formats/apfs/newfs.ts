import { viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import { ZERO_FILL } from '../../device/device.ts';
import type { NewfsOptions, NewfsReport } from '../contract.ts';
import { CONTAINER_BLOCKS_MAX, CONTAINER_BLOCKS_MIN, geometryOf } from './geometry.ts';
import type { Geometry } from './geometry.ts';
import {
  BLOCKS_PER_CHUNK,
  CHUNK_INFO_SIZE_BYTES,
  CHUNK_INFOS_AT,
  CHUNKS_PER_CIB,
  CIB_ADDRESSES_AT,
  CIBS_PER_CAB,
  FREE_QUEUE,
} from './layout-space.ts';
import { OMAP_FLAG } from './layout-tree.ts';
import {
  BLOCK_SIZE_BYTES,
  CONTAINER_INCOMPATIBLE,
  CONTAINER_SUPERBLOCK_OID,
  FIRST_FREE_OID,
  NxSuperblock,
  TYPE_WORD,
} from './layout.ts';
import { NEW_VOLUME_BLOCKS, newVolumeBlocks, omapLeaf, omapObject, randomUuid } from './new-volume.ts';
import type { NewBlock, NewVolume } from './new-volume.ts';
import { EphemeralObject, emptyQueueRoot, mapBlocks, newReaper } from './ephemeral.ts';
import { putHeader, seal } from './object.ts';
import { readSettings } from './settings.ts';
import type { Settings } from './settings.ts';
import { newSpaceObject, spaceFormOf } from './space-object.ts';
import type { SpaceObject } from './space-object.ts';
import { put64 } from './words.ts';
import { chunkBitmap, countUsed, setBits } from './used-runs.ts';
import type { UsedRun } from './used-runs.ts';

/**
 * Make a container. Two checkpoints, as newfs_apfs leaves it: the first of an empty container, the second with its
 * volumes. What might be an older file system's headers and checkpoints goes first, then everything is written that the
 * superblocks refer to, then these; a barrier between each. A power cut on the way leaves a disk without a container.
 *
 * Cost: chunk info blocks (one for 15.75 GiB), the bitmaps of what is in use, some 20 blocks besides.
 */
export function newfs(device: Device, options: NewfsOptions): NewfsReport {
  const settings = readSettings(options.settings, options.label);
  const plan = planContainer(device, settings, options);
  const writer = new BlockWriter(device);
  writer.clear(0, plan.poolBase, 'clear what may be headers and checkpoints of an older file system');
  device.barrier('apfs: an older file system is gone before its place is taken');
  const first = checkpoint(plan, FIRST_XID, []);
  const second = checkpoint(plan, LAST_XID, plan.volumes);
  for (const block of sharedSpace(plan)) writer.write(block);
  for (const { objects } of [first, second]) for (const block of objects) writer.write(block);
  device.barrier('apfs: everything else before the superblocks that make it a container');
  writer.write(first.superblock);
  writer.write(second.superblock);
  writer.write({ ...second.superblock, block: 0, label: LABEL_BLOCK_0 });
  device.barrier('apfs: the new container is complete');
  return { lines: printedLines(plan), warnings: [] };
}

const FIRST_XID = 1;
const LAST_XID = 2;
/** Container object map and its root, of either checkpoint. */
const OMAP_BLOCKS = 2;
const VOLUME_BLOCKS = 1 + NEW_VOLUME_BLOCKS;

const LABEL_BLOCK_0: WriteLabel = {
  role: 'header',
  owner: 'block 0',
  reason: 'tell where the checkpoints are',
};
const LABEL_CHECKPOINT: WriteLabel = {
  role: 'checkpoint',
  owner: 'checkpoint',
  reason: 'make an empty container',
};
const LABEL_SPACE: WriteLabel = {
  role: 'allocation',
  owner: 'space manager',
  reason: 'count blocks in use and free',
};
const LABEL_OMAP: WriteLabel = {
  role: 'tree',
  owner: 'container object map',
  reason: 'list the volumes of the container',
};

// ── planning ────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Plan {
  readonly geometry: Geometry;
  readonly settings: Settings;
  readonly descriptorBase: number;
  readonly dataBase: number;
  readonly ringBase: number;
  readonly poolBase: number;
  /** Two object maps, then the volumes. All in one chunk. */
  readonly variableBase: number;
  readonly variableChunk: number;
  readonly usedChunks: number;
  readonly spaceOid: number;
  readonly reaperOid: number;
  /** Ids of the free queues' roots; 0 when they are not made. */
  readonly queueOids: readonly [number, number];
  readonly nextOid: number;
  readonly uuid: Uint8Array;
  readonly volumes: readonly NewVolume[];
}

const invalid = (detail: string): FsError => new FsError('EINVAL', '', '', detail);

function planContainer(device: Device, settings: Settings, options: NewfsOptions): Plan {
  const geometry = geometryOf(containerBlocks(device));
  if (settings.volumes.length > geometry.volumesMax) {
    throw invalid(
      `a container of this size can hold ${geometry.volumesMax} of the ${settings.volumes.length} volumes: ` +
        'each needs 512 MiB of it',
    );
  }
  const descriptorBase = 1;
  const dataBase = descriptorBase + geometry.descriptorBlocks;
  const ringBase = dataBase + geometry.dataBlocks;
  const poolBase = ringBase + geometry.ringBlocks;
  const variableBlocks = 2 * OMAP_BLOCKS + settings.volumes.length * VOLUME_BLOCKS;
  const variableBase = startInOneChunk(poolBase + geometry.poolBlocks, variableBlocks);
  const variableChunk = Math.floor(variableBase / BLOCKS_PER_CHUNK);
  checkReserves(settings, geometry.blockCount - variableBase - variableBlocks);

  let nextOid = FIRST_FREE_OID;
  const spaceOid = nextOid++;
  const reaperOid = nextOid++;
  const uuid = randomUuid(options.random);
  const time = options.clock.now();
  const volumes = settings.volumes.map((volume, index): NewVolume => {
    const base = variableBase + 2 * OMAP_BLOCKS + index * VOLUME_BLOCKS;
    const [oid, catalogOid] = [nextOid++, nextOid++];
    return {
      ...volume,
      ...{ index, oid, catalogOid, time, xid: LAST_XID },
      uuid: randomUuid(options.random),
      places: {
        superblock: base,
        omap: base + 1,
        omapRoot: base + 2,
        catalogRoot: base + 3,
        references: base + 4,
        snapshotTree: base + 5,
      },
    };
  });
  const queueOids = settings.makesQueues ? ([nextOid++, nextOid++] as const) : ([0, 0] as const);
  return {
    ...{ geometry, settings, descriptorBase, dataBase, ringBase, poolBase, variableBase, variableChunk },
    ...{ usedChunks: variableChunk + 1, spaceOid, reaperOid, queueOids, nextOid, uuid, volumes },
  };
}

/** Whole blocks of the device; EINVAL with a sentence when they are too few or too many. */
function containerBlocks(device: Device): number {
  const blocks = Math.floor((device.blockCount * device.blockSizeBytes) / BLOCK_SIZE_BYTES);
  if (blocks < CONTAINER_BLOCKS_MIN) {
    throw invalid('an APFS container needs 1 MiB at least; choose a larger disk or another format');
  }
  if (blocks > CONTAINER_BLOCKS_MAX) {
    throw invalid('containers are made up to 16 TiB here; make a partition of at most that size');
  }
  return blocks;
}

/** First block at or after `block` from which so many lie in one chunk, so that one bitmap tells of all of them. */
function startInOneChunk(block: number, count: number): number {
  const left = BLOCKS_PER_CHUNK - (block % BLOCKS_PER_CHUNK);
  return left < count ? block + left : block;
}

function checkReserves({ volumes }: Settings, freeBlocks: number): void {
  const wanted = volumes.reduce(
    (sum, { reserveBlocks }) => sum + Math.max(0, reserveBlocks - NEW_VOLUME_BLOCKS),
    0,
  );
  if (wanted > freeBlocks) {
    throw invalid('the volumes reserve more than the container has; reserve less or choose a larger disk');
  }
}

// ── one checkpoint ──────────────────────────────────────────────────────────────────────────────────────────────────

interface NewCheckpoint {
  readonly objects: readonly NewBlock[];
  readonly superblock: NewBlock;
}

/** Everything that belongs to one of the two checkpoints, with its own bitmap of the chunk in which they differ. */
function checkpoint(plan: Plan, xid: number, volumes: readonly NewVolume[]): NewCheckpoint {
  const ordinal = xid - FIRST_XID;
  const omapBlock = plan.variableBase + ordinal * OMAP_BLOCKS;
  const entries = volumes.map(({ oid, places }) => ({ oid, xid, block: places.superblock }));
  const { space, objects: spaceBlocks } = spaceOf(plan, xid, volumes);
  const { blocks: rings, descriptor, data } = ringsOf(plan, xid, space);
  const objects: NewBlock[] = [
    ...volumes.flatMap(newVolumeBlocks),
    {
      block: omapBlock,
      bytes: omapObject(omapBlock, xid, omapBlock + 1, OMAP_FLAG.manuallyManaged),
      label: LABEL_OMAP,
    },
    { block: omapBlock + 1, bytes: omapLeaf(omapBlock + 1, xid, entries), label: LABEL_OMAP },
    ...spaceBlocks,
    ...rings,
  ];
  const bytes = superblock(plan, xid, omapBlock, volumes, descriptor, data);
  const block = plan.descriptorBase + descriptor.index + descriptor.length - 1;
  return { objects, superblock: { block, bytes, label: LABEL_CHECKPOINT } };
}

/** A piece of a ring: place of its first block, and length. */
interface Piece {
  readonly index: number;
  readonly length: number;
}

function ringsOf(plan: Plan, xid: number, space: SpaceObject) {
  const [poolQueue, mainQueue] = plan.queueOids;
  const objects = [
    new EphemeralObject(plan.spaceOid, TYPE_WORD.spaceManager, 0, space.bytes),
    new EphemeralObject(plan.reaperOid, TYPE_WORD.reaper, 0, newReaper()),
  ];
  if (poolQueue !== 0 && xid === LAST_XID) {
    objects.push(emptyQueueRoot(poolQueue), emptyQueueRoot(mainQueue));
  }
  const firstLength = space.bytes.length / BLOCK_SIZE_BYTES + 1;
  const data = {
    index: xid === FIRST_XID ? 0 : firstLength,
    length: objects.reduce((sum, object) => sum + object.blockCount, 0),
  };
  const blocks: NewBlock[] = [];
  let place = plan.dataBase + data.index;
  for (const object of objects) {
    object.seal(xid);
    object.block = place;
    blocks.push({ block: place, bytes: object.bytes, label: LABEL_CHECKPOINT });
    place += object.blockCount;
  }
  const descriptor = { index: xid === FIRST_XID ? 0 : 2, length: 2 };
  const map = mapBlocks(objects, xid, (ordinal) => plan.descriptorBase + descriptor.index + ordinal);
  for (const { block, bytes } of map) blocks.push({ block, bytes, label: LABEL_CHECKPOINT });
  return { blocks, descriptor, data };
}

function superblock(
  { geometry, ...plan }: Plan,
  xid: number,
  omapBlock: number,
  volumes: readonly NewVolume[],
  descriptor: Piece,
  data: Piece,
): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  const header = { oid: CONTAINER_SUPERBLOCK_OID, xid, type: TYPE_WORD.containerSuperblock, subtype: 0 };
  NxSuperblock.write(bytes, {
    ...{ checksumLow: 0, checksumHigh: 0, ...header },
    blockSizeBytes: BLOCK_SIZE_BYTES,
    blockCount: geometry.blockCount,
    ...{ features: 0, readOnlyCompatibleFeatures: 0, incompatibleFeatures: CONTAINER_INCOMPATIBLE.version2 },
    uuid: plan.uuid,
    nextOid: xid === FIRST_XID ? plan.reaperOid + 1 : plan.nextOid,
    nextXid: xid + 1,
    descriptorBlocks: geometry.descriptorBlocks,
    dataBlocks: geometry.dataBlocks,
    descriptorBase: plan.descriptorBase,
    dataBase: plan.dataBase,
    descriptorNext: (descriptor.index + descriptor.length) % geometry.descriptorBlocks,
    dataNext: (data.index + data.length) % geometry.dataBlocks,
    descriptorIndex: descriptor.index,
    descriptorLength: descriptor.length,
    dataIndex: data.index,
    dataLength: data.length,
    spaceManagerOid: plan.spaceOid,
    omapBlock,
    reaperOid: plan.reaperOid,
    testType: 0,
    volumesMax: geometry.volumesMax,
    volumeOids: volumes.map(({ oid }) => oid),
    counters: [],
    ...{ blockedOutFirst: 0, blockedOutCount: 0, evictMappingTree: 0, flags: 0, efiJumpstart: 0 },
    fusionUuid: new Uint8Array(16),
    ...{ keybagFirst: 0, keybagCount: 0 },
    ephemeralInfo: [geometry.ephemeralInfo],
    ...{ testOid: 0, fusionMiddleTree: 0, fusionWriteBackCache: 0 },
    ...{ fusionWriteBackFirst: 0, fusionWriteBackCount: 0 },
    newestMountedVersion: new Uint8Array(8),
    ...{ mediaKeybagFirst: 0, mediaKeybagCount: 0 },
  });
  seal(bytes);
  return bytes;
}

// ── space ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The internal pool begins with what differs between the checkpoints (bitmap of one chunk, its chunk info block, the
 * address block of that), once for each; then comes what they share.
 */
interface PoolPlaces {
  bitmap(chunk: number, xid: number): number;
  cib(index: number, xid: number): number;
  cab(index: number, xid: number): number;
  /** Blocks of the pool that both checkpoints together use. */
  readonly used: number;
  readonly ownLength: number;
}

function poolPlaces(plan: Plan): PoolPlaces {
  const { poolBase, variableChunk, usedChunks, geometry } = plan;
  const ownLength = geometry.cabCount === 0 ? 2 : 3;
  const own = (xid: number) => poolBase + (xid - FIRST_XID) * ownLength;
  const shared = poolBase + 2 * ownLength;
  const ownCib = Math.floor(variableChunk / CHUNKS_PER_CIB);
  const ownCab = Math.floor(ownCib / CIBS_PER_CAB);
  const without = (index: number, left: number) => (index > left ? index - 1 : index);
  const cibs = shared + usedChunks - 1;
  const cabs = cibs + geometry.cibCount - 1;
  return {
    ownLength,
    used: cabs + Math.max(0, geometry.cabCount - 1) - poolBase,
    bitmap: (chunk, xid) => (chunk === variableChunk ? own(xid) : shared + without(chunk, variableChunk)),
    cib: (index, xid) => (index === ownCib ? own(xid) + 1 : cibs + without(index, ownCib)),
    cab: (index, xid) => (index === ownCab ? own(xid) + 2 : cabs + without(index, ownCab)),
  };
}

function usedRuns(plan: Plan, xid: number, volumes: readonly NewVolume[]): readonly UsedRun[] {
  const omap = plan.variableBase + (xid - FIRST_XID) * OMAP_BLOCKS;
  const volumeBase = plan.variableBase + 2 * OMAP_BLOCKS;
  return [
    [0, plan.poolBase + plan.geometry.poolBlocks],
    [omap, omap + OMAP_BLOCKS],
    [volumeBase, volumeBase + volumes.length * VOLUME_BLOCKS],
  ];
}

function chunkInfoBlock(plan: Plan, index: number, xid: number, runs: readonly UsedRun[]): NewBlock {
  const places = poolPlaces(plan);
  const { geometry, variableChunk, usedChunks } = plan;
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  const view = viewOf(bytes);
  const first = index * CHUNKS_PER_CIB;
  const count = Math.min(CHUNKS_PER_CIB, geometry.chunkCount - first);
  view.setUint32(0x20, index, true);
  view.setUint32(0x24, count, true);
  let newest = FIRST_XID;
  for (let i = 0; i < count; i++) {
    const chunk = first + i;
    const at = CHUNK_INFOS_AT + i * CHUNK_INFO_SIZE_BYTES;
    const address = chunk * BLOCKS_PER_CHUNK;
    const end = Math.min(address + BLOCKS_PER_CHUNK, geometry.blockCount);
    const chunkXid = chunk === variableChunk ? xid : FIRST_XID;
    newest = Math.max(newest, chunkXid);
    put64(view, at, chunkXid);
    put64(view, at + 8, address);
    view.setUint32(at + 16, end - address, true);
    view.setUint32(at + 20, end - address - countUsed(runs, address, end), true);
    put64(view, at + 24, chunk < usedChunks ? places.bitmap(chunk, xid) : 0);
  }
  const block = places.cib(index, xid);
  putHeader(bytes, block, newest, TYPE_WORD.chunkInfo, 0);
  seal(bytes);
  return { block, bytes, label: LABEL_SPACE };
}

function cibAddressBlock(plan: Plan, index: number, xid: number, newest: number): NewBlock {
  const places = poolPlaces(plan);
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  const first = index * CIBS_PER_CAB;
  const count = Math.min(CIBS_PER_CAB, plan.geometry.cibCount - first);
  viewOf(bytes).setUint32(0x20, index, true);
  viewOf(bytes).setUint32(0x24, count, true);
  for (let i = 0; i < count; i++) {
    put64(viewOf(bytes), CIB_ADDRESSES_AT + 8 * i, places.cib(first + i, xid));
  }
  const block = places.cab(index, xid);
  putHeader(bytes, block, newest, TYPE_WORD.chunkInfoAddresses, 0);
  seal(bytes);
  return { block, bytes, label: LABEL_SPACE };
}

/** Bitmaps, chunk info and address blocks that both checkpoints share: those of other chunks. */
function* sharedSpace(plan: Plan): Generator<NewBlock> {
  const runs = usedRuns(plan, FIRST_XID, []);
  const places = poolPlaces(plan);
  const { geometry, variableChunk, usedChunks } = plan;
  for (let chunk = 0; chunk < usedChunks; chunk++) {
    if (chunk === variableChunk) continue;
    const bytes = chunkBitmap(chunk, runs);
    yield { block: places.bitmap(chunk, FIRST_XID), bytes, label: LABEL_SPACE };
  }
  for (let cib = 0; cib < geometry.cibCount; cib++) {
    if (places.cib(cib, FIRST_XID) !== places.cib(cib, LAST_XID)) continue;
    yield chunkInfoBlock(plan, cib, FIRST_XID, runs);
  }
  for (let cab = 0; cab < geometry.cabCount; cab++) {
    if (places.cab(cab, FIRST_XID) !== places.cab(cab, LAST_XID)) continue;
    yield cibAddressBlock(plan, cab, FIRST_XID, FIRST_XID);
  }
}

/** Space manager of one checkpoint, and the blocks that only it has. */
function spaceOf(plan: Plan, xid: number, volumes: readonly NewVolume[]) {
  const { geometry, variableChunk } = plan;
  const places = poolPlaces(plan);
  const runs = usedRuns(plan, xid, volumes);
  const form = spaceFormOf(geometry, plan.settings.isVersioned);
  const space = newSpaceObject(geometry, form, plan.ringBase, plan.poolBase);
  const slot = xid === FIRST_XID ? 0 : space.advanceSlot(0, xid);
  const objects: NewBlock[] = [];
  const ownCib = Math.floor(variableChunk / CHUNKS_PER_CIB);
  const bitmap = chunkBitmap(variableChunk, runs);
  objects.push({ block: places.bitmap(variableChunk, xid), bytes: bitmap, label: LABEL_SPACE });
  objects.push(chunkInfoBlock(plan, ownCib, xid, runs));
  if (geometry.cabCount === 0) {
    for (let i = 0; i < geometry.cibCount; i++) space.setAddress(i, places.cib(i, xid));
  } else {
    objects.push(cibAddressBlock(plan, Math.floor(ownCib / CIBS_PER_CAB), xid, xid));
    for (let i = 0; i < geometry.cabCount; i++) space.setAddress(i, places.cab(i, xid));
  }
  const poolBitmap = new Uint8Array(BLOCK_SIZE_BYTES);
  const own = (xid - FIRST_XID) * places.ownLength;
  setBits(poolBitmap, own, own + places.ownLength);
  setBits(poolBitmap, 2 * places.ownLength, places.used);
  objects.push({ block: plan.ringBase + slot, bytes: poolBitmap, label: LABEL_SPACE });

  space.freeCount = geometry.blockCount - countUsed(runs, 0, geometry.blockCount);
  if (xid === LAST_XID) {
    const [poolQueue, mainQueue] = plan.queueOids;
    space.setQueue(FREE_QUEUE.internalPool, 0, poolQueue, 0);
    space.setQueue(FREE_QUEUE.main, 0, mainQueue, 0);
    const reserve = (part: (volume: NewVolume) => number) =>
      plan.settings.volumes.reduce((sum, _, index) => sum + (volumes[index] ? part(volumes[index]) : 0), 0);
    space.setReserves(
      reserve(({ reserveBlocks }) => reserveBlocks),
      reserve(({ reserveBlocks }) => Math.min(reserveBlocks, NEW_VOLUME_BLOCKS)),
    );
  }
  return { space, objects };
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Writes whole blocks of 4,096 bytes on a device of smaller or equal ones. */
class BlockWriter {
  readonly #sectors: number;

  constructor(readonly device: Device) {
    this.#sectors = BLOCK_SIZE_BYTES / device.blockSizeBytes;
  }

  write({ block, bytes, label }: NewBlock): void {
    this.device.write(block * this.#sectors, bytes, label);
  }

  clear(firstBlock: number, endBlock: number, reason: string): void {
    this.device.fill(firstBlock * this.#sectors, (endBlock - firstBlock) * this.#sectors, ZERO_FILL, {
      role: 'reserved',
      owner: 'new container',
      reason,
    });
  }
}

function printedLines({ geometry, volumes }: Plan): string[] {
  const sizeMiB = Math.floor((geometry.blockCount * BLOCK_SIZE_BYTES) / 2 ** 20);
  const names = volumes.map(({ name }) => `'${name}'`).join(', ');
  const many = volumes.length === 1 ? 'volume' : 'volumes';
  return [`Created APFS container of ${geometry.blockCount} blocks (${sizeMiB} MiB) with ${many} ${names}`];
}
