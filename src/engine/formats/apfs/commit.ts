import { assert } from '../../base/assert.ts';
import { viewOf } from '../../base/bytes.ts';
import type { Clock, Timespec } from '../../base/clock.ts';
import { FsError } from '../../base/errno.ts';
import type { Trace } from '../../base/trace.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import type { CommitPolicy, MountOptions } from '../contract.ts';
import { SpaceManager } from './alloc.ts';
import type { Run } from './alloc.ts';
import type { Blocks } from './blocks.ts';
import { dataBlocksMax, writeCheckpoint } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { ContainerMap } from './container-map.ts';
import { EphemeralObject } from './ephemeral.ts';
import { geometryOf } from './geometry.ts';
import { NxSuperblock, TYPE_WORD } from './layout.ts';
import { seal } from './object.ts';
import { Queues } from './queues.ts';
import { isUsedBehind, leastBlocks, poolPlaceFor } from './resize.ts';
import type { Sizing } from './resize.ts';
import { SpaceObject } from './space-object.ts';
import { CONTAINER_SPENDER } from './transaction.ts';
import type { MetadataBuffer, Room, Spender, Transaction } from './transaction.ts';
import { get64, put64 } from './words.ts';

/** What has something to add to a transaction at its end: a volume, its superblock. */
export interface CommitMember {
  /** Last chance to allocate, free and touch before the transaction is written. */
  beforeCommit(): void;
  /** Reserve and allocation of a live volume, for the sums of the space manager. */
  readonly reserveBlocks: number;
  readonly allocatedBlocks: number;
}

/**
 * The transactions of a container. One gathers the changes of any number of operations; nothing that the newest
 * checkpoint on the disk refers to is overwritten before the next one is durable:
 *
 * 1. Contents go to the disk at once, metadata when the transaction ends, both to blocks that were free before it.
 * 2. Then bitmaps and chunk info into the internal pool, space manager, reaper, queues and maps into the rings.
 * 3. A barrier, the superblock, a barrier. Until the superblock is whole, a power cut leaves the checkpoint before;
 *    what was written for the new one lies in blocks that are free there.
 *
 * Blocks freed in transaction X stay in use in X (free queue) and are released when X + 1 begins.
 */
export class Commit implements Transaction {
  readonly blocks: Blocks;
  readonly space: SpaceManager;
  readonly map: ContainerMap;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly policy: CommitPolicy;
  readonly isReadOnly: boolean;
  readonly options: MountOptions;

  readonly #superblock: Uint8Array;
  readonly #view: DataView;
  /** Ephemeral objects that are neither the space manager nor a queue's: the reaper, and what we do not know. */
  readonly #others: readonly EphemeralObject[];
  #spaceObject: EphemeralObject;
  #xid: number;
  readonly #queues: Queues;
  readonly #members = new Set<CommitMember>();
  readonly #touched = new Set<MetadataBuffer>();
  #depth = 0;
  #coversNested = false;
  /** Has the running transaction begun: changed anything? */
  #isActive = false;
  #begun: Timespec | null = null;
  #hasFailed = false;

  constructor(
    blocks: Blocks,
    checkpoint: Checkpoint,
    map: ContainerMap,
    options: MountOptions,
    isReadOnly: boolean,
    nextXid: number,
    readonly wasLeftBehind: boolean,
  ) {
    this.blocks = blocks;
    this.map = map;
    this.options = options;
    this.clock = options.clock;
    this.trace = options.trace;
    this.policy = options.policy;
    this.isReadOnly = isReadOnly;
    this.#superblock = checkpoint.superblock.slice();
    this.#view = viewOf(this.#superblock);
    put64(this.#view, NEXT_XID_AT, nextXid);
    this.#xid = nextXid;
    const spaceOid = this.superblock.spaceManagerOid;
    const space = checkpoint.objects.find(({ oid }) => oid === spaceOid);
    if (space === undefined || space.type !== TYPE_WORD.spaceManager) {
      throw new FsError('EIO', '', '', 'the checkpoint has no space manager; check the container with fsck');
    }
    this.#spaceObject = space;
    this.space = new SpaceManager(blocks, new SpaceObject(space.bytes));
    this.#queues = new Queues(this.space, checkpoint.objects);
    this.#others = checkpoint.objects.filter(({ oid }) => oid !== spaceOid && !this.#queues.hasNode(oid));
  }

  get device(): Device {
    return this.blocks.device;
  }

  /** As it will be written with the next checkpoint; its xid is that of the newest one on the disk. */
  get superblock(): ReturnType<typeof NxSuperblock.peek> {
    return NxSuperblock.peek(this.#superblock);
  }

  /** The newest checkpoint's superblock as it lies in the ring. */
  get superblockBytes(): Uint8Array {
    return this.#superblock;
  }

  /** Place of a volume in the container's table; oid 0 takes it out. */
  setVolumeOid(index: number, oid: number): void {
    this.#begin();
    put64(this.#view, VOLUME_OIDS_AT + 8 * index, oid);
  }

  join(member: CommitMember): void {
    this.#members.add(member);
  }

  leave(member: CommitMember): void {
    this.#members.delete(member);
  }

  // ── the running transaction ───────────────────────────────────────────────────────────────────────────────────────

  /** As the superblock has it; asked for with every node that changes. */
  get xid(): number {
    return this.#xid;
  }

  get isDirty(): boolean {
    return this.#isActive;
  }

  newOid(): number {
    this.#begin();
    const oid = get64(this.#view, NEXT_OID_AT);
    put64(this.#view, NEXT_OID_AT, oid + 1);
    return oid;
  }

  readBlock(block: number): Uint8Array {
    return this.blocks.copyOf(block);
  }

  isFresh(block: number): boolean {
    return this.#isActive && this.space.isFresh(block);
  }

  allocateBlock(spender: Spender): number {
    return this.allocate(1, null, 'metadata', spender).firstBlock;
  }

  /** 1 … `count` blocks in one run. FsError ENOSPC when none is free. */
  allocate(count: number, goalBlock: number | null, use: 'data' | 'metadata', spender: Spender): Run {
    this.#begin();
    const run = this.space.allocate(count, goalBlock, use, this.xid);
    if (run === undefined) throw full();
    spender.blocksAllocated(run.blockCount);
    return run;
  }

  freeBlocks(firstBlock: number, blockCount: number, spender: Spender): void {
    this.#begin();
    this.space.free(firstBlock, blockCount, this.xid);
    spender.blocksFreed(blockCount);
  }

  touch(buffer: MetadataBuffer): void {
    this.#begin();
    this.#touched.add(buffer);
  }

  forget(buffer: MetadataBuffer): void {
    this.#touched.delete(buffer);
  }

  /** The first change of a transaction: what the one before freed can be used from now on. */
  #begin(): void {
    if (this.#isActive) return;
    assert(!this.isReadOnly, 'a container that is open for reading only is not changed');
    if (this.#hasFailed) throw failed();
    this.#isActive = true;
    this.#begun = this.clock.now();
    this.#queues.release(this.xid, this.options.trims !== false);
  }

  // ── room ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Free blocks, with those that the running transaction cannot have yet because it freed them itself. */
  get freeBlocksAfterCommit(): number {
    return this.roomBlocks + this.space.freed.blockCount;
  }

  /** Blocks that the running transaction can have, headroom included. */
  get roomBlocks(): number {
    return this.space.freeCount + (this.#isActive ? 0 : this.space.usableBlocks(this.#queues.waitingRuns));
  }

  /** Runs of blocks that one more operation of the running transaction may free: see `Room.freeRecords`. */
  get freeRecordsLeft(): number {
    return Math.max(0, this.space.freeRecordsLeft - this.#ownRecords);
  }

  /** What the commit itself frees: the container's object map, superblocks of volumes. */
  get #ownRecords(): number {
    return 4 + 2 * this.#members.size;
  }

  /** Kept so that what frees blocks can always run, however full the container is. */
  get headroomBlocks(): number {
    return headroomOf(this.blocks.count);
  }

  /** What `spender` can have now in an operation that grows. */
  availableTo(spender: Spender): number {
    return Math.max(0, spender.available(this.roomBlocks - this.headroomBlocks));
  }

  /**
   * What shrinks asks for the sum of all worst cases, and takes a small part of it: nodes are copied, hardly ever split.
   * An eighth has proved ample; a volume that could not be emptied for want of the rest would be no use to anybody. Who
   * vouches for nested changes has reckoned closely, and gets what was asked for.
   */
  #hasRoom({ blocks, kind, coversNested }: Room, spender: Spender, leastShrinking: number): boolean {
    if (kind === 'grow') return this.availableTo(spender) >= blocks;
    if (coversNested === true) return this.roomBlocks >= blocks + this.#ownRecords;
    const likely = Math.max(leastShrinking, Math.ceil(blocks / 8));
    return this.roomBlocks >= Math.min(blocks + this.#ownRecords, likely);
  }

  /**
   * Runs `body`, which changes the container, as one operation: everything it changes gets into one checkpoint. A call
   * within a call joins it. Under the policy `each` the outermost one commits.
   *
   * FsError ENOSPC before anything changes when there is no room, EROFS when nothing may change. When the running
   * transaction must end first, because it holds the blocks or has freed too many runs, it does.
   */
  change<T>(room: Room, body: () => T, spender: Spender = CONTAINER_SPENDER): T {
    if (this.isReadOnly) throw new FsError('EROFS', '', '', 'the container is open for reading only');
    if (this.#hasFailed) throw failed();
    if (this.#depth === 0 && this.#isActive && !this.#fits(room, spender)) this.commit();
    if (!this.#isCovered(room) && !this.#hasRoom(room, spender, SHRINKING_MIN)) throw full();
    this.#depth++;
    if (this.#depth === 1) this.#coversNested = room.coversNested === true;
    try {
      return body();
    } finally {
      this.#depth--;
      if (this.#depth === 0) this.#afterOperation();
    }
  }

  /** Has the outermost change asked for this one too? */
  #isCovered({ kind }: Room): boolean {
    return this.#depth > 0 && this.#coversNested && kind === 'shrink';
  }

  #fits(room: Room, spender: Spender): boolean {
    const records = Math.min(room.freeRecords ?? FREE_RECORDS_DEFAULT, this.#recordsMax);
    const isQueueReady = this.freeRecordsLeft >= records && this.space.poolRecordsLeft >= POOL_RECORDS;
    return isQueueReady && this.#hasRoom(room, spender, this.headroomBlocks);
  }

  /** No transaction can take more records than an empty queue. */
  get #recordsMax(): number {
    return Math.max(0, this.#queues.capacity - this.#ownRecords);
  }

  #afterOperation(): void {
    if (!this.#isActive) return;
    if (this.policy === 'each' || this.#isUnderPressure) this.commit();
  }

  get #isUnderPressure(): boolean {
    if (this.#touched.size > TOUCHED_MAX) return true;
    const now = this.clock.now();
    const begun = this.#begun ?? now;
    return now.seconds - begun.seconds >= SECONDS_MAX;
  }

  // ── another size ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * How small the container can be made, in blocks. `volumesLeast`: so many volumes it must have room for; `pinnedEnd`:
   * behind the last block that must stay. What is still in memory is written first, because it may lie anywhere.
   */
  leastBlocks(volumesLeast: number, pinnedEnd: number): number {
    if (this.#isActive && !this.isReadOnly) this.sync();
    return leastBlocks(this.#sizing(), {
      ...{ volumesLeast, pinnedEnd },
      unmetReserves: this.unmetReserves(null),
      headroomOf,
    });
  }

  /**
   * Has `move` empty the container from block `blockCount` on, in as many transactions as it takes: blocks behind it are
   * not given meanwhile, nor is the place that the internal pool will need. EIO when something is left there.
   */
  vacate(blockCount: number, move: () => void): void {
    this.sync();
    if (!isUsedBehind(this.#sizing(), blockCount)) return;
    const geometry = geometryOf(blockCount);
    const place = poolPlaceFor(this.#sizing(), geometry);
    const poolBlocks = geometry.ringBlocks + geometry.poolBlocks;
    const keptFree = place === null ? null : { firstBlock: place.ringBase, blockCount: poolBlocks };
    this.space.confine(blockCount, keptFree);
    try {
      move();
      this.sync();
    } finally {
      this.space.confine(null);
    }
    if (!isUsedBehind(this.#sizing(), blockCount)) return;
    const detail = `blocks behind block ${blockCount} are marked as in use and no volume has them: run fsck_apfs --repair`;
    throw new FsError('EIO', '', '', detail);
  }

  /**
   * Gives the container another size, in one transaction of its own: a power cut leaves the old size or the new one.
   * The device has the blocks; `blockCount` is at least `leastBlocks`.
   */
  resize(blockCount: number): void {
    assert(this.#depth === 0, 'a container is resized between operations');
    this.sync();
    this.#begin();
    const geometry = geometryOf(blockCount);
    this.space.resize(geometry, poolPlaceFor(this.#sizing(), geometry), this.xid);
    this.#queues.takeLimits();
    const { oid, type, subtype } = this.#spaceObject;
    this.#spaceObject = new EphemeralObject(oid, type, subtype, this.space.object.bytes);
    put64(this.#view, BLOCK_COUNT_AT, blockCount);
    this.#view.setUint32(VOLUMES_MAX_AT, geometry.volumesMax, true);
    put64(this.#view, EPHEMERAL_INFO_AT, geometry.ephemeralInfo);
    this.commit();
  }

  #sizing(): Sizing {
    return { space: this.space, blockCount: this.blocks.count, waiting: this.#queues.waitingRuns };
  }

  // ── committing ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Everything gathered to the device. Nothing changed: nothing is written. */
  sync(): void {
    assert(this.#depth === 0, 'an operation ends before it is made durable');
    if (this.#isActive) this.commit();
  }

  /** Ends the running transaction. EIO of the device makes the container unusable until it is mounted again. */
  commit(): void {
    const { trace } = this;
    if (trace.isRecording) trace.open('operation', `Write checkpoint ${this.xid}`);
    try {
      this.#commit();
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    } finally {
      if (trace.isRecording) trace.close();
    }
    // What one queue could not take goes with the next checkpoint; reserves must be backed by free blocks.
    if (this.#queues.hasCarry || this.#lacksReserve) {
      this.#begin();
      this.commit();
    }
  }

  #commit(): void {
    const { xid } = this;
    for (const member of this.#members) member.beforeCommit();
    put64(this.#view, OMAP_BLOCK_AT, this.map.write(this, this.blocks, get64(this.#view, OMAP_BLOCK_AT)));
    this.#writeTouched(xid);
    const queueNodes = this.#queues.build(xid, this.#queueNodesMax, () => this.newOid());
    this.#sumReserves();
    this.space.write(xid);
    const objects = [this.#spaceObject, ...this.#others, ...queueNodes];
    writeCheckpoint(this.blocks, this.#superblock, objects, xid);
    this.#xid = get64(this.#view, NEXT_XID_AT);
    this.#isActive = false;
    this.#begun = null;
  }

  /** So many that the checkpoint before keeps its place in the data ring. */
  get #queueNodesMax(): number {
    const others = this.#others.reduce((sum, object) => sum + object.blockCount, 0);
    return dataBlocksMax(this.#view.getUint32(DATA_BLOCKS_AT, true)) - others - this.#spaceObject.blockCount;
  }

  #writeTouched(xid: number): void {
    const buffers = [...this.#touched].sort((a, b) => a.block - b.block);
    this.#touched.clear();
    for (const buffer of buffers) {
      buffer.prepare?.(xid);
      seal(buffer.bytes);
      this.blocks.write(buffer.block, buffer.bytes, buffer.label);
    }
  }

  #sumReserves(): void {
    let reserved = 0;
    let inUse = 0;
    for (const { reserveBlocks, allocatedBlocks } of this.#members) {
      reserved += reserveBlocks;
      inUse += Math.min(reserveBlocks, allocatedBlocks);
    }
    this.space.object.setReserves(reserved, inUse);
  }

  /** Blocks that volumes other than `except` have reserved and do not use yet. */
  unmetReserves(except: CommitMember | null): number {
    let blocks = 0;
    for (const member of this.#members) {
      if (member !== except) blocks += Math.max(0, member.reserveBlocks - member.allocatedBlocks);
    }
    return blocks;
  }

  get #lacksReserve(): boolean {
    return this.#queues.waitingBlocks > 0 && this.unmetReserves(null) > this.space.freeCount;
  }

  /** Says in block 0 what the newest checkpoint says, if it does not yet: what a clean unmount leaves. */
  refreshBlock0(): void {
    const current = this.blocks.copyOf(0);
    if (get64(viewOf(current), XID_AT) === get64(this.#view, XID_AT)) return;
    this.blocks.write(0, this.#superblock, LABEL_BLOCK_0);
    this.device.barrier('apfs: block 0 shows the newest checkpoint, the container is clean');
  }
}

function headroomOf(blockCount: number): number {
  const least = Math.min(HEADROOM_MIN, Math.floor(blockCount / 8));
  return Math.max(least, Math.min(HEADROOM_MAX, Math.floor(blockCount / 128)));
}

const XID_AT = 0x10;
const BLOCK_COUNT_AT = 0x28;
const NEXT_OID_AT = 0x58;
const NEXT_XID_AT = 0x60;
const DATA_BLOCKS_AT = 0x6c;
const OMAP_BLOCK_AT = 0xa0;
const VOLUMES_MAX_AT = 0xb4;
const VOLUME_OIDS_AT = 0xb8;
const EPHEMERAL_INFO_AT = 0x520;

/** Where the container has that many blocks to spare; a removal from a catalog of three levels takes no more. */
const HEADROOM_MIN = 48;
const HEADROOM_MAX = 128;
/** With fewer free blocks nothing can be deleted either. */
const SHRINKING_MIN = 20;
/** Blocks of the internal pool that an operation gives up, hardly ever more: what goes beyond waits for the next. */
const POOL_RECORDS = 32;
/** Runs an operation frees unless it says otherwise. */
const FREE_RECORDS_DEFAULT = 64;
/** 32 MiB of metadata. */
const TOUCHED_MAX = 8192;
const SECONDS_MAX = 5;

const LABEL_BLOCK_0: WriteLabel = {
  role: 'header',
  owner: 'block 0',
  reason: 'show the newest checkpoint: unmounted cleanly',
};

const full = (): FsError =>
  new FsError(
    'ENOSPC',
    '',
    '',
    'the container, or what the quota of the volume and the reserves of others leave of it, is full: ' +
      'delete files or snapshots',
  );

const failed = (): FsError =>
  new FsError(
    'EIO',
    '',
    '',
    'an earlier checkpoint could not be written; unmount the container and check it',
  );
