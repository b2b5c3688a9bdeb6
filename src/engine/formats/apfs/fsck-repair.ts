import { viewOf } from '../../base/bytes.ts';
import type { Draft } from '../../device/draft.ts';
import {
  BLOCK_SIZE_BYTES,
  CHECKPOINT_MAP_FLAG,
  CheckpointMap,
  CheckpointMapping,
  MAPPING_SIZE_BYTES,
  MAPPINGS_AT,
  MAPPINGS_PER_BLOCK,
  NxSuperblock,
  OBJECT,
  TYPE_WORD,
} from './layout.ts';
import {
  BTREE_FLAG,
  BTREE_INFO_AT,
  BTREE_INFO_SIZE_BYTES,
  BtreeInfo,
  BtreeNodeHeader,
  NO_OFFSET,
  NODE_FLAG,
  NODE_HEADER_SIZE_BYTES,
} from './layout-tree.ts';
import { FREE_QUEUE, FreeQueue, SPACE_QUEUES_AT } from './layout-space.ts';
import { VolumeSuperblock } from './layout-volume.ts';
import type { Mapping } from './fsck-checkpoint.ts';
import type { Look } from './fsck-container.ts';
import { isIntact } from './fsck-object.ts';
import { QUEUE_NAMES } from './fsck-queue.ts';
import { Rebuild } from './fsck-rebuild.ts';
import type { Problem, Remedy } from './fsck-report.ts';
import { rewriteTrees } from './fsck-rewrite.ts';
import type { TreeWork } from './fsck-rewrite.ts';
import { putU64, RepairRefused, RepairWriter, sealObject, setXid } from './fsck-writer.ts';
import { slotOf } from './fsck-pool.ts';

type VolumeFix = Extract<Remedy, { action: 'volume-field' }>;

/** What is to be done to one volume. */
interface VolumeWork extends TreeWork {
  readonly fields: readonly VolumeFix[];
  /** 0: as its superblock says. */
  readonly nextObjectIdMin: number;
}

/**
 * Mends what has a remedy, in the draft: as one new checkpoint, written copy-on-write into places that the newest one
 * does not use, then block 0. Nothing that the newest checkpoint refers to changes before its successor is on the disk.
 *
 * Throws RepairRefused with the reason when that is not safe; then the draft is to be thrown away.
 */
export function repair(medium: Draft, look: Look, problems: readonly Problem[]): void {
  const writer = new RepairWriter(medium);
  const remedies = [...new Set(problems.flatMap(({ remedy }) => (remedy ? [remedy] : [])))];
  if (remedies.some(({ action }) => action !== 'block-zero')) new Successor(look, writer, remedies).write();
  else writer.writeLast(0, look.checkpoint.bytes, BLOCK_ZERO_LABEL);
}

/** Null: nothing. */
function workOf(index: number, remedies: readonly Remedy[]): VolumeWork | null {
  const fields = remedies
    .filter((remedy) => remedy.action === 'volume-field')
    .filter((fix) => fix.volume === index);
  const fixes = remedies
    .filter((remedy) => remedy.action === 'record-field')
    .filter((fix) => fix.volume === index);
  const siblings = remedies
    .filter((remedy) => remedy.action === 'siblings')
    .find(({ plan }) => plan.volume === index)?.plan;
  // Each finding has a remedy of its own; those about one tree share the plan.
  const plans = remedies.flatMap((remedy) => (remedy.action === 'references' ? [remedy.plan] : []));
  const references = [...new Set(plans)].filter(({ volume }) => volume === index);
  if (fields.length + fixes.length + references.length === 0 && !siblings) return null;
  return {
    ...{ fields, fixes, references },
    edits: siblings?.edits ?? [],
    nextObjectIdMin: siblings?.nextObjectId ?? 0,
  };
}

const BLOCK_ZERO_LABEL = {
  role: 'header',
  owner: 'block 0',
  reason: 'copy the newest checkpoint superblock',
} as const;
const CHECKPOINT_LABEL = {
  role: 'checkpoint',
  owner: 'checkpoint',
  reason: 'repair: a new checkpoint',
} as const;

/** The checkpoint that comes after the one that was checked. */
class Successor {
  readonly #look: Look;
  readonly #writer: RepairWriter;
  readonly #remedies: readonly Remedy[];
  readonly #xid: number;
  /** Of the container: what the old checkpoint uses, and blocks taken since. */
  readonly #taken: Float64Array;
  #nextFree = 0;
  /** Index in `#taken` of the first run that may lie in front of `#nextFree`. */
  #nextRun = 0;
  #nextOid: number;
  readonly #added: number[] = [];
  readonly #dropped = new Set<number>();
  #omapBlock: number;
  readonly #volumeBytes = new Map<number, Uint8Array>();

  constructor(look: Look, writer: RepairWriter, remedies: readonly Remedy[]) {
    this.#look = look;
    this.#writer = writer;
    this.#remedies = remedies;
    this.#xid = look.checkpoint.superblock.xid + 1;
    this.#taken = look.runs;
    this.#nextOid = look.check.nextOid;
    this.#omapBlock = look.checkpoint.superblock.omapBlock;
  }

  write(): void {
    const { check, space } = this.#look;
    if (check.isUsageUnknown) {
      throw new RepairRefused(
        'not everything that uses blocks could be read, so nobody knows which are free',
      );
    }
    if (!Number.isSafeInteger(this.#xid + 1)) throw new RepairRefused('transactions beyond 2^53');
    for (let i = 0; i < space.pool.bitmapSizeBlocks; i++) {
      if (slotOf(space, i) >= space.pool.bitmapRingBlocks)
        throw new RepairRefused('an internal pool bitmap is nowhere');
    }
    if (this.#remedies.some(({ action }) => action !== 'space' && action !== 'block-zero'))
      this.#fixVolumes();
    const rebuild = new Rebuild(space, this.#writer, this.#xid, this.#newRuns());
    rebuild.run();
    const { reserved, inUse } = this.#reserves();
    rebuild.setReserves(reserved, inUse);
    this.#writeCheckpoint(rebuild.bytes);
  }

  // ── volumes ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** New superblocks with the right numbers, and an object map of the container that knows them. */
  #fixVolumes(): void {
    const { check, volumes, checkpoint } = this.#look;
    const omap = check.read(checkpoint.superblock.omapBlock);
    const oldRoot = u64(omap, OMAP_TREE_AT);
    const root = check.read(oldRoot);
    const node = BtreeNodeHeader.peek(root);
    if ((node.flags & NODE_FLAG.leaf) === 0)
      throw new RepairRefused("the container's object map has several nodes");
    for (const { index, block } of volumes) {
      const work = workOf(index, this.#remedies);
      if (!work) continue;
      const bytes = check.read(block);
      this.#fixVolume(bytes, work);
      const target = this.#moveBlock(block);
      setXid(bytes, this.#xid);
      remap(root, node, u64(bytes, 8), this.#xid, target);
      const label = { role: 'header', owner: `volume ${index}`, reason: 'correct its numbers' } as const;
      this.#writer.seal(target, bytes, label);
      this.#volumeBytes.set(index, bytes);
    }
    const label = {
      role: 'tree',
      owner: 'container object map',
      reason: 'map the corrected volumes',
    } as const;
    const rootBlock = this.#moveBlock(oldRoot);
    putU64(viewOf(root), 8, rootBlock);
    setXid(root, this.#xid);
    this.#writer.seal(rootBlock, root, label);
    this.#omapBlock = this.#moveBlock(checkpoint.superblock.omapBlock);
    putU64(viewOf(omap), 8, this.#omapBlock);
    setXid(omap, this.#xid);
    putU64(viewOf(omap), OMAP_TREE_AT, rootBlock);
    this.#writer.seal(this.#omapBlock, omap, label);
  }

  /** The superblock of a volume, and its trees. */
  #fixVolume(superblock: Uint8Array, work: VolumeWork): void {
    const view = viewOf(superblock);
    for (const { at, lengthBytes, value } of work.fields) {
      if (lengthBytes === 8) putU64(view, at, value);
      else view.setUint32(at, value, true);
    }
    const at = VolumeSuperblock.fields.nextObjectId.at;
    if (work.nextObjectIdMin > u64(superblock, at)) putU64(view, at, work.nextObjectIdMin);
    const rewriting = {
      ...{ check: this.#look.check, writer: this.#writer, xid: this.#xid },
      take: () => this.#take(),
      give: (block: number) => this.#dropped.add(block),
      newOid: () => this.#nextOid++,
    };
    rewriteTrees(rewriting, superblock, work);
  }

  /** A free block for what lay in `old`, which is free from the new checkpoint on. */
  #moveBlock(old: number): number {
    this.#dropped.add(old);
    return this.#take();
  }

  #take(): number {
    const runs = this.#taken;
    for (; this.#nextRun < runs.length; this.#nextRun += 2) {
      if (this.#nextFree < (runs[this.#nextRun] ?? 0)) break;
      this.#nextFree = Math.max(this.#nextFree, runs[this.#nextRun + 1] ?? 0);
    }
    if (!this.#look.check.isInside(this.#nextFree, 1)) throw new RepairRefused('no free block');
    this.#added.push(this.#nextFree);
    return this.#nextFree++;
  }

  /** What the new checkpoint uses: no queued blocks, new places instead of old ones. */
  #newRuns(): Float64Array {
    const { claims } = this.#look.check;
    const silent = (): void => undefined;
    const runs: [number, number][] = [];
    const old = claims.merge(silent, QUEUE_NAMES[FREE_QUEUE.main]);
    const dropped = [...this.#dropped].sort((a, b) => a - b);
    let at = 0;
    for (let i = 0; i < old.length; i += 2) {
      let start = old[i] ?? 0;
      const end = old[i + 1] ?? 0;
      for (; at < dropped.length && (dropped[at] ?? 0) < end; at++) {
        const block = dropped[at] ?? 0;
        if (block > start) runs.push([start, block]);
        start = block + 1;
      }
      if (start < end) runs.push([start, end]);
    }
    for (const block of this.#added) runs.push([block, block + 1]);
    return Float64Array.from(runs.sort(([a], [b]) => a - b).flat());
  }

  #reserves(): { reserved: number; inUse: number } {
    const { check, volumes } = this.#look;
    let reserved = 0;
    let inUse = 0;
    for (const { index, block } of volumes) {
      const bytes = this.#volumeBytes.get(index) ?? check.read(block);
      const { reserveBlocks, allocatedBlocks } = VolumeSuperblock.peek(bytes);
      reserved += reserveBlocks;
      inUse += Math.min(reserveBlocks, allocatedBlocks);
    }
    return { reserved, inUse };
  }

  // ── the checkpoint itself ─────────────────────────────────────────────────────────────────────────────────────────

  #writeCheckpoint(spaceManager: Uint8Array): void {
    const { checkpoint, ephemerals } = this.#look;
    const { superblock } = checkpoint;
    const { dataBase, dataBlocks, dataNext, descriptorBase, descriptorBlocks, descriptorNext } = superblock;
    const queueRoots = this.#queueRoots(spaceManager);
    const objects: { mapping: Mapping; bytes: Uint8Array }[] = [];
    for (const mapping of ephemerals.mappings.values()) {
      if (!Number.isSafeInteger(mapping.oid)) throw new RepairRefused('an object id beyond 2^53');
      if (mapping.subtype === OBJECT.freeQueue && !queueRoots.has(mapping.oid)) continue;
      const isSpace = mapping.oid === superblock.spaceManagerOid;
      const bytes = isSpace
        ? spaceManager
        : queueRoots.has(mapping.oid)
          ? emptyQueue(mapping.oid)
          : ephemerals.bytesOf(mapping);
      if (!isSpace && mapping.subtype !== OBJECT.freeQueue && !isIntact(bytes)) {
        throw new RepairRefused(`object 0x${mapping.oid.toString(16)} of the checkpoint is damaged`);
      }
      setXid(bytes, this.#xid);
      sealObject(bytes);
      objects.push({ mapping, bytes });
    }
    const dataLength = objects.reduce((sum, { bytes }) => sum + bytes.length / BLOCK_SIZE_BYTES, 0);
    const maps = Math.max(1, Math.ceil(objects.length / MAPPINGS_PER_BLOCK));
    const fits =
      dataLength + superblock.dataLength <= dataBlocks &&
      maps + 1 + superblock.descriptorLength <= descriptorBlocks;
    if (!fits) throw new RepairRefused('the checkpoint areas have no room for another checkpoint');
    const records: { mapping: Mapping; block: number }[] = [];
    let index = dataNext;
    for (const { mapping, bytes } of objects) {
      records.push({ mapping, block: dataBase + index });
      for (let at = 0; at < bytes.length; at += BLOCK_SIZE_BYTES) {
        const part = bytes.subarray(at, at + BLOCK_SIZE_BYTES);
        this.#writer.write(dataBase + index, part, CHECKPOINT_LABEL);
        index = (index + 1) % dataBlocks;
      }
    }
    for (let i = 0; i < maps; i++) {
      const block = descriptorBase + ((descriptorNext + i) % descriptorBlocks);
      const part = records.slice(i * MAPPINGS_PER_BLOCK, (i + 1) * MAPPINGS_PER_BLOCK);
      this.#writer.seal(block, mapBlock(block, this.#xid, part, i === maps - 1), CHECKPOINT_LABEL);
    }
    const bytes = checkpoint.bytes.slice();
    const view = viewOf(bytes);
    const { fields } = NxSuperblock;
    putU64(view, fields.xid.at, this.#xid);
    putU64(view, fields.nextXid.at, this.#xid + 1);
    putU64(view, fields.omapBlock.at, this.#omapBlock);
    putU64(view, fields.nextOid.at, this.#nextOid);
    view.setUint32(fields.descriptorIndex.at, descriptorNext, true);
    view.setUint32(fields.descriptorLength.at, maps + 1, true);
    view.setUint32(fields.descriptorNext.at, (descriptorNext + maps + 1) % descriptorBlocks, true);
    view.setUint32(fields.dataIndex.at, dataNext, true);
    view.setUint32(fields.dataLength.at, dataLength, true);
    view.setUint32(fields.dataNext.at, index, true);
    sealObject(bytes);
    const place = descriptorBase + ((descriptorNext + maps) % descriptorBlocks);
    this.#writer.superblock(place, bytes, CHECKPOINT_LABEL);
    this.#writer.writeLast(0, bytes, BLOCK_ZERO_LABEL);
  }

  /** Trees that both queues keep, empty; one whose tree the checkpoint does not have gets none. */
  #queueRoots(spaceManager: Uint8Array): Set<number> {
    const roots = new Set<number>();
    for (const which of [FREE_QUEUE.internalPool, FREE_QUEUE.main]) {
      const at = SPACE_QUEUES_AT + which * FreeQueue.sizeBytes;
      const oid = u64(spaceManager, at + QUEUE_TREE_AT);
      const mapping = this.#look.ephemerals.mappings.get(oid);
      const isRoot = mapping?.subtype === OBJECT.freeQueue && mapping.type === TYPE_WORD.ephemeralRoot;
      if (isRoot && mapping.blocks === 1 && !roots.has(oid)) roots.add(oid);
      else putU64(viewOf(spaceManager), at + QUEUE_TREE_AT, 0);
    }
    return roots;
  }
}

const OMAP_TREE_AT = 0x30;
const QUEUE_TREE_AT = 8;

const u64 = (bytes: Uint8Array, at: number): number => {
  const view = viewOf(bytes);
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
};

/** In a leaf of the container's object map: this object lies elsewhere now. */
function remap(root: Uint8Array, node: BtreeNodeHeader, oid: number, xid: number, block: number): void {
  const view = viewOf(root);
  const keysAt = NODE_HEADER_SIZE_BYTES + node.tableBytes;
  for (let i = 0; i < node.count; i++) {
    const keyAt = keysAt + view.getUint16(NODE_HEADER_SIZE_BYTES + 4 * i, true);
    const valueAt = BTREE_INFO_AT - view.getUint16(NODE_HEADER_SIZE_BYTES + 4 * i + 2, true);
    if (u64(root, keyAt) !== oid) continue;
    putU64(view, keyAt + 8, xid);
    putU64(view, valueAt + 8, block);
    return;
  }
  throw new RepairRefused("the container's object map lacks a volume");
}

function mapBlock(
  block: number,
  xid: number,
  records: readonly { mapping: Mapping; block: number }[],
  isLast: boolean,
): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  CheckpointMap.write(bytes, {
    checksumLow: 0,
    checksumHigh: 0,
    oid: block,
    xid,
    type: TYPE_WORD.checkpointMap,
    subtype: 0,
    flags: isLast ? CHECKPOINT_MAP_FLAG.last : 0,
    count: records.length,
  });
  for (const [i, { mapping, block: at }] of records.entries()) {
    const { type, subtype, oid, blocks } = mapping;
    const sizeBytes = blocks * BLOCK_SIZE_BYTES;
    const value = { type, subtype, sizeBytes, padding: 0, volumeOid: 0, oid, block: at };
    CheckpointMapping.write(bytes, value, MAPPINGS_AT + i * MAPPING_SIZE_BYTES);
  }
  return bytes;
}

/** The tree of a free queue in which nothing waits: a root without records. */
function emptyQueue(oid: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  BtreeNodeHeader.write(bytes, {
    checksumLow: 0,
    checksumHigh: 0,
    oid,
    xid: 0,
    type: TYPE_WORD.ephemeralRoot,
    subtype: OBJECT.freeQueue,
    flags: NODE_FLAG.root | NODE_FLAG.leaf | NODE_FLAG.fixedSizes,
    level: 0,
    count: 0,
    tableOffset: 0,
    tableBytes: QUEUE_TABLE_BYTES,
    freeOffset: 0,
    freeBytes: BLOCK_SIZE_BYTES - NODE_HEADER_SIZE_BYTES - QUEUE_TABLE_BYTES - BTREE_INFO_SIZE_BYTES,
    keyHoles: NO_OFFSET,
    keyHoleBytes: 0,
    valueHoles: NO_OFFSET,
    valueHoleBytes: 0,
  });
  const info = {
    flags: BTREE_FLAG.allowsGhosts | BTREE_FLAG.ephemeral,
    nodeSizeBytes: BLOCK_SIZE_BYTES,
    keySizeBytes: 16,
    valueSizeBytes: 8,
    longestKeyBytes: 16,
    longestValueBytes: 8,
    keyCount: 0,
    nodeCount: 1,
  };
  BtreeInfo.write(bytes, info, BTREE_INFO_AT);
  return bytes;
}

/** Entries for as many records as could ever fit (apfs.md §4.4). */
const QUEUE_TABLE_BYTES = 576;
