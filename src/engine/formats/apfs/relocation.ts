import { FsError } from '../../base/errno.ts';
import type { WriteLabel } from '../../device/device.ts';
import type { Btree } from './btree.ts';
import type { Commit } from './commit.ts';
import { nodesOfChanges } from './content-host.ts';
import { damaged } from './damage.ts';
import { replaceRange } from './extents.ts';
import { holdersBehind } from './holders.ts';
import type { Holder } from './holders.ts';
import { EXTENT_KIND } from './layout-extents.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { OMAP_VALUE_FLAG } from './layout-tree.ts';
import { u64At } from './object.ts';
import { mappingOf } from './omap.ts';
import { moveReferences, referenceBehind } from './references.ts';
import { CONTAINER_SPENDER } from './transaction.ts';
import type { VolumeState } from './volume-state.ts';

/**
 * Takes a volume out of the end of its container, which is about to be cut off: contents, versions of virtual objects
 * (those that snapshots show as well), nodes of physical trees, the superblock. The allocator gives blocks in front of
 * `end` only (SpaceManager.confine), so whatever is copied on write on the way is out of it too.
 *
 * Each transaction is one like any other: after a power cut the volume is what it was, some of it elsewhere. Cost: what
 * is moved, one walk over the object map, and one over the catalog where several streams hold what is moved.
 *
 * What snapshots hold of contents, and their own trees and superblocks, stays (pins.ts): there must be none behind
 * `end`.
 */
export class Relocation {
  readonly #commit: Commit;
  readonly #state: VolumeState;
  readonly #end: number;

  constructor(commit: Commit, state: VolumeState, end: number) {
    this.#commit = commit;
    this.#state = state;
    this.#end = end;
  }

  /** ENOSPC, with the volume as sound as before, when there is no room for what has to be written on the way. EIO. */
  run(): void {
    this.#moveContents();
    this.#moveObjects();
    const { omap } = this.#state;
    for (const tree of [...omap.trees, this.#state.snapshotTree]) this.#moveTree(tree);
    this.#moveReferences();
    this.#change(omap.blocksOfChanges(1), () => {
      if (omap.block >= this.#end) omap.touch();
      this.#state.touch();
    });
  }

  // ── contents ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #moveContents(): void {
    const { references } = this.#state;
    const first = referenceBehind(references, this.#end);
    if (first === undefined) return;
    const holders = holdersBehind(this.#state, this.#end);
    let open: Holder[] = [];
    let next = 0;
    for (let at = this.#end; ;) {
      const record = referenceBehind(references, at);
      if (record === undefined) return;
      if (record.kind !== EXTENT_KIND.new) {
        throw damaged(`block ${record.firstBlock} should be a snapshot's, and no snapshot has it`);
      }
      const from = Math.max(at, record.firstBlock);
      const to = Math.min(record.endBlock, from + STEP_BLOCKS);
      open = open.filter(({ endBlock }) => endBlock > from);
      while ((holders[next]?.firstBlock ?? Infinity) < to) open.push(holders[next++]!);
      at = this.#moveRun(
        from,
        to,
        open.filter(({ endBlock }) => endBlock > from),
      );
    }
  }

  /** One transaction's worth of the run, all of whose holders these are. Returns the first block that is left. */
  #moveRun(from: number, to: number, holders: readonly Holder[]): number {
    const { catalog, references } = this.#state;
    const changes = 3 * holders.length + CHANGES_MAX;
    const nodes = nodesOfChanges(catalog, changes) + nodesOfChanges(references, CHANGES_MAX);
    const stop = Math.min(to, from + this.#dataRoom(nodes));
    // What the device cannot read fails before anything changes.
    const bytes = new Uint8Array((stop - from) * BLOCK_SIZE_BYTES);
    this.#commit.blocks.read(from, bytes);
    return this.#change(
      nodes,
      () => {
        let at = from;
        for (let done = 0; at < stop && done < CHANGES_MAX;) {
          const run = this.#commit.allocate(stop - at, null, 'data', this.#state);
          const offset = (at - from) * BLOCK_SIZE_BYTES;
          const part = bytes.subarray(offset, offset + run.blockCount * BLOCK_SIZE_BYTES);
          done += this.#moveTo(at, run.firstBlock, part, holders);
          at += run.blockCount;
        }
        this.#state.free(from, at - from);
        return at;
      },
      stop - from,
      1,
    );
  }

  /** Returns how many records of the catalog or of the references changed. */
  #moveTo(from: number, target: number, bytes: Uint8Array, holders: readonly Holder[]): number {
    const { catalog, references } = this.#state;
    const blockCount = bytes.length / BLOCK_SIZE_BYTES;
    const to = from + blockCount;
    this.#commit.blocks.write(target, bytes, this.#label(holders));
    let changes = moveReferences(references, from, blockCount, target);
    for (const { streamId, firstBlock, endBlock, offsetBytes, cryptoId } of holders) {
      const [start, stop] = [Math.max(from, firstBlock), Math.min(to, endBlock)];
      if (start >= stop) continue;
      const offset = offsetBytes + (start - firstBlock) * BLOCK_SIZE_BYTES;
      const lengthBytes = (stop - start) * BLOCK_SIZE_BYTES;
      const moved = { offsetBytes: offset, lengthBytes, firstBlock: target + start - from, cryptoId };
      replaceRange(catalog, streamId, offset, offset + lengthBytes, moved);
      changes += CHANGES_OF_RANGE;
    }
    return changes;
  }

  #label([holder]: readonly Holder[]): WriteLabel {
    return { role: 'data', owner: `object ${holder?.streamId ?? 0} of ${this.#state.label}`, reason: REASON };
  }

  // ── metadata ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Versions of virtual objects: copied as they are, since only the object map knows where they lie. */
  #moveObjects(): void {
    const { omap, container } = this.#state;
    const versions: { oid: number; xid: number; block: number }[] = [];
    for (const cursor = omap.tree.first(); cursor.isValid; cursor.next()) {
      const { flags, xid, block } = mappingOf(cursor.key, cursor.value);
      const isThere = (flags & OMAP_VALUE_FLAG.deleted) === 0 && block >= this.#end;
      if (isThere) versions.push({ oid: u64At(cursor.key, 0), xid, block });
    }
    const label: WriteLabel = { role: 'tree', owner: this.#state.label, reason: REASON };
    for (let from = 0; from < versions.length; from += STEP_NODES) {
      const some = versions
        .slice(from, from + STEP_NODES)
        .map((version) => ({ ...version, bytes: container.blocks.copyOf(version.block) }));
      this.#change(
        omap.blocksOfChanges(some.length),
        () => {
          for (const { oid, xid, block, bytes } of some) {
            const target = this.#commit.allocateBlock(this.#state);
            container.blocks.write(target, bytes, label);
            omap.relocate(oid, xid, target);
            this.#state.free(block, 1);
          }
        },
        some.length,
      );
    }
  }

  /** The live tree of extent references may be empty, and then has no record that could be replaced. */
  #moveReferences(): void {
    const { references } = this.#state;
    this.#moveTree(references);
    if (references.keyCount > 0 || references.root < this.#end) return;
    this.#change(2, () => {
      this.#state.references = this.#state.openReferences(null);
      references.destroy();
    });
  }

  #moveTree(tree: Btree): void {
    const keys = tree.keysTo((block) => block >= this.#end);
    for (let from = 0; from < keys.length; from += STEP_PATHS) {
      const some = keys.slice(from, from + STEP_PATHS);
      this.#change(tree.blocksOfTouching(some.length) + MAP_BLOCKS, () => {
        for (const key of some) tree.replace(key, tree.find(key) ?? key);
        this.#state.touch();
        this.#state.omap.touch();
      });
    }
  }

  // ── transactions ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** How many blocks of contents can be moved now, at least one. */
  #dataRoom(nodes: number): number {
    const spare = (): number => this.#commit.roomBlocks - slackOf(nodes);
    if (spare() < STEP_BLOCKS) this.#commit.sync();
    if (spare() >= 1) return spare();
    const detail = `volume '${this.#state.label}' has no room left to move its blocks to: try a larger size`;
    throw new FsError('ENOSPC', '', '', detail);
  }

  /** `dataBlocks` besides nodes, in as many runs as `freedRuns` says they leave. */
  #change<T>(nodes: number, body: () => T, dataBlocks = 0, freedRuns = dataBlocks): T {
    const room = { blocks: dataBlocks + nodes, kind: 'shrink', freeRecords: nodes + freedRuns } as const;
    return this.#commit.change(room, body, CONTAINER_SPENDER);
  }
}

/** Worst cases of nodes are added up; a small part of them proves ample, as for everything that frees blocks. */
const slackOf = (nodes: number): number => Math.max(24, Math.ceil(nodes / 8));

const REASON = 'out of the part that is cut off';
/** Contents that one transaction moves at most: 4 MiB. */
const STEP_BLOCKS = 1024;
/** Records that change in one transaction, a few more perhaps. */
const CHANGES_MAX = 48;
const CHANGES_OF_RANGE = 3;
/** Virtual objects that one transaction moves at most. */
const STEP_NODES = 64;
/** Leaves of a physical tree that one transaction brings to new places. */
const STEP_PATHS = 16;
/** Object map, superblock of the volume. */
const MAP_BLOCKS = 2;
