import { viewOf } from '../../base/bytes.ts';
import { BLOCK_SIZE_BYTES, OBJECT, TYPE_WORD } from './layout.ts';
import { OMAP_FLAG, OMAP_VALUE_FLAG, OmapPhys } from './layout-tree.ts';
import { hex, u64At } from './fsck-check.ts';
import type { Check } from './fsck-check.ts';
import { TREE_KINDS } from './fsck-kinds.ts';
import { isIntact, readObject } from './fsck-object.ts';
import { physicalNodes, readTree } from './fsck-tree.ts';
import type { Located, TreeRecord } from './fsck-tree.ts';

export interface OmapSource {
  /** Block of the object map itself. */
  readonly block: number;
  /** Null: the container's. Else its number, for messages and owners of blocks. */
  readonly volume: number | null;
  /** Objects of an encrypted volume are marked as such. */
  readonly isEncrypted: boolean;
}

/** A snapshot as the object map lists it. */
export interface OmapSnapshotRow {
  readonly xid: number;
  readonly flags: number;
}

/**
 * An object map (apfs.md §4.1 to §4.3): where each version of each virtual object lies. Reading it checks the object,
 * its tree, its snapshots and every record, and marks their blocks as used. Then views are opened one after the other,
 * the live one and those of the snapshots, and objects resolved in them; at the end every version that is not deleted
 * must have been reached from one of them, and each at most once a view.
 */
export class ObjectMap {
  readonly snapshots: OmapSnapshotRow[] = [];
  /** Blocks of the map itself: object, nodes, nodes of the snapshot tree. */
  ownBlocks = 0;
  /** Blocks of the versions that were reached: each counts once, however many views show it. */
  objectBlocks = 0;
  /** Nothing may be concluded from a missing record. */
  isBroken = false;
  readonly header: OmapPhys;
  readonly #check: Check;
  readonly #source: OmapSource;
  readonly #oids: number[] = [];
  readonly #xids: number[] = [];
  readonly #blocks: number[] = [];
  readonly #flags: number[] = [];
  /** Number of the last view in which a record was reached; 0: none yet. */
  #seen = new Uint32Array(0);
  #viewXid = 0;
  #view = 0;

  private constructor(check: Check, source: OmapSource, header: OmapPhys) {
    this.#check = check;
    this.#source = source;
    this.header = header;
  }

  /** Null, with findings, when there is no object map in that block. */
  static read(check: Check, source: OmapSource): ObjectMap | null {
    const { block, volume } = source;
    const owner = volume === null ? 'container object map' : 'object map of volume';
    const isMarked = check.mark(block, 1, owner, volume ?? undefined);
    const name = volume === null ? 'om' : `volume ${volume} om`;
    const expected = { name, oid: block, type: TYPE_WORD.objectMap, subtype: 0 };
    const bytes = isMarked ? readObject(check, block, expected) : null;
    if (!bytes) {
      check.isUsageUnknown = true;
      check.report.line('Object map is invalid.');
      return null;
    }
    const map = new ObjectMap(check, source, OmapPhys.peek(bytes));
    map.#readTrees(owner);
    return map;
  }

  #readTrees(owner: string): void {
    const { header } = this;
    const check = this.#check;
    const { volume } = this.#source;
    this.#checkHeader();
    const shared = {
      owner: volume === null ? '' : `volume ${volume} `,
      resolve: physicalNodes(check, owner, volume ?? undefined),
    };
    const tree = readTree(check, { ...shared, kind: TREE_KINDS.omap, root: header.treeBlock }, (record) =>
      this.#add(record),
    );
    this.ownBlocks = 1 + tree.nodeCount;
    this.isBroken = tree.isBroken;
    this.#seen = new Uint32Array(this.#oids.length);
    if (header.snapshotTreeBlock === 0) return;
    const { nodeCount } = readTree(
      check,
      { ...shared, kind: TREE_KINDS.omapSnapshots, root: header.snapshotTreeBlock },
      (record) => {
        const { view, keyAt, valueAt } = record;
        this.snapshots.push({ xid: u64At(view, keyAt), flags: view.getUint32(valueAt, true) });
        if (view.getUint32(valueAt + 4, true) !== 0 || u64At(view, valueAt + 8) !== 0) {
          this.#wrong(`reserved fields of snapshot ${u64At(view, keyAt)} are set`, record.block);
        }
      },
    );
    this.ownBlocks += nodeCount;
    this.#checkSnapshots();
  }

  #checkHeader(): void {
    const { header } = this;
    const { block, volume } = this.#source;
    const wrong = (text: string): void => this.#wrong(text, block);
    const managed = header.flags & OMAP_FLAG.manuallyManaged;
    if (header.flags > 31) wrong(`unknown flags (${hex(header.flags)})`);
    if (volume === null && managed === 0) wrong("the container's is not marked as managed by hand");
    if (volume !== null && managed !== 0) wrong("a volume's is marked as managed by hand");
    if ((header.flags & ~OMAP_FLAG.manuallyManaged) !== 0) {
      this.#check.warning('unsupported', `${this.#name()} encryption is being changed`, block);
    }
    for (const [what, type] of [
      ['tree', header.treeType],
      ['snapshot tree', header.snapshotTreeType],
    ] as const) {
      if (type !== TYPE_WORD.physicalRoot) wrong(`wrong type of its ${what} (${hex(type)})`);
    }
    if (header.pendingRevertMin !== 0 || header.pendingRevertMax !== 0) {
      this.#check.warning('unsupported', `${this.#name()} a revert to a snapshot is under way`, block);
    }
    if (header.snapshotTreeBlock !== 0) {
      if (volume === null) wrong("the container's has a snapshot tree");
    } else if (header.snapshotCount !== 0 || header.mostRecentSnapshot !== 0) {
      wrong('it counts snapshots and has no tree of them');
    }
  }

  #checkSnapshots(): void {
    const { header, snapshots } = this;
    const { block } = this.#source;
    if (header.snapshotCount !== snapshots.length) {
      this.#wrong(`${header.snapshotCount} snapshots, its tree has ${snapshots.length}`, block);
    }
    const newest = snapshots.at(-1)?.xid ?? 0;
    if (header.mostRecentSnapshot !== newest) {
      this.#wrong(`most recent snapshot ${header.mostRecentSnapshot}, its tree says ${newest}`, block);
    }
    if (newest > this.#check.xid) this.#wrong(`snapshot of the future transaction ${newest}`, block);
  }

  #add({ view, keyAt, valueAt, block }: TreeRecord): void {
    const oid = u64At(view, keyAt);
    const xid = u64At(view, keyAt + 8);
    const flags = view.getUint32(valueAt, true);
    const target = u64At(view, valueAt + 8);
    const wrong = (text: string): void => this.#wrong(`object ${hex(oid)} of ${xid}: ${text}`, block);
    if (keyAt % 8 !== 0 || valueAt % 8 !== 0) wrong('its record is not aligned');
    if (flags > 31) wrong(`unknown flags (${hex(flags)})`);
    if ((flags & OMAP_VALUE_FLAG.saved) !== 0) wrong('it is marked as saved');
    const isEncrypted = (flags & OMAP_VALUE_FLAG.encrypted) !== 0;
    if (isEncrypted !== this.#source.isEncrypted)
      wrong(isEncrypted ? 'it is marked as encrypted' : 'it is not marked as encrypted');
    const sizeBytes = view.getUint32(valueAt + 4, true);
    if (sizeBytes % BLOCK_SIZE_BYTES !== 0) wrong(`a size of ${sizeBytes} bytes`);
    else if (sizeBytes !== BLOCK_SIZE_BYTES) {
      this.#check.warning('unsupported', `${this.#name()} object ${hex(oid)} has ${sizeBytes} bytes`, block);
    }
    this.#oids.push(oid);
    this.#xids.push(xid);
    this.#blocks.push(target);
    this.#flags.push(flags);
  }

  /** What is resolved from now on belongs to the live volume (`xid`: the checkpoint's) or to a snapshot. */
  openView(xid: number): void {
    this.#viewXid = xid;
    this.#view++;
  }

  /**
   * Where the object lies in the present view; null: it has no version there (the caller tells). Marks its block as
   * used the first time, tells versions that are deleted or reached twice. Fits as `resolve` of a TreeSource.
   */
  readonly resolve = (oid: number): Located | null => this.locate(oid, false);

  /** As `resolve`, for objects without a header (`isBare`: nodes of a sealed catalog). */
  locate(oid: number, isBare: boolean): Located | null {
    const row = this.#find(oid, this.#viewXid);
    if (row < 0) return null;
    const block = this.#blocks[row] ?? 0;
    const flags = this.#flags[row] ?? 0;
    const xid = this.#xids[row] ?? 0;
    const wrong = (text: string): void => this.#wrong(`object ${hex(oid)} of ${xid}: ${text}`, block);
    if ((flags & OMAP_VALUE_FLAG.deleted) !== 0) {
      wrong('it is deleted and still in use');
      return null;
    }
    if (((flags & OMAP_VALUE_FLAG.noHeader) !== 0) !== isBare) wrong('wrong mark about its header');
    const seen = this.#seen[row] ?? 0;
    if (seen === this.#view) wrong('it is used twice');
    this.#seen[row] = this.#view;
    // A volume's superblock is marked by whoever checks the volume.
    const { volume } = this.#source;
    if (seen === 0 && volume !== null) {
      if (!this.#check.mark(block, 1, 'object of volume', volume)) return null;
      this.objectBlocks++;
    }
    return { block, xid };
  }

  /** The block of the version that transaction `xid` sees, without using it; null: none. */
  peek(oid: number, xid: number): number | null {
    const row = this.#find(oid, xid);
    return row < 0 ? null : (this.#blocks[row] ?? 0);
  }

  /** Every version counts as used: what holds them together cannot be read (a locked volume). */
  useAll(): void {
    for (let row = 0; row < this.#oids.length; row++) {
      const isDeleted = ((this.#flags[row] ?? 0) & OMAP_VALUE_FLAG.deleted) !== 0;
      if (isDeleted || (this.#seen[row] ?? 0) !== 0) continue;
      this.#seen[row] = Math.max(this.#view, 1);
      const { volume } = this.#source;
      if (this.#check.mark(this.#blocks[row] ?? 0, 1, 'object of volume', volume ?? undefined))
        this.objectBlocks++;
    }
  }

  /** After all views: versions that none of them shows are leaked. `mayBeBroken`: a tree in them was not read whole. */
  finish(mayBeBroken = false): void {
    if (this.isBroken || mayBeBroken) return;
    for (let row = 0; row < this.#oids.length; row++) {
      const isDeleted = ((this.#flags[row] ?? 0) & OMAP_VALUE_FLAG.deleted) !== 0;
      if (isDeleted || (this.#seen[row] ?? 0) !== 0 || this.#isStray(row)) continue;
      const what = `object ${hex(this.#oids[row] ?? 0)} of ${this.#xids[row]}`;
      this.#wrong(`${what}: nothing uses this version`, this.#blocks[row] ?? 0);
    }
  }

  /** Drivers that do not know extended snapshot metadata leave them behind when they delete a snapshot. */
  #isStray(row: number): boolean {
    const { volume } = this.#source;
    const block = this.#blocks[row] ?? 0;
    if (volume === null || (this.#xids[row] ?? 0) >= this.#check.xid || !this.#check.isInside(block, 1))
      return false;
    const bytes = this.#check.read(block);
    const view = viewOf(bytes);
    const isExtension = view.getUint32(24, true) % 0x10000 === OBJECT.snapshotMetadataExtension;
    if (!isExtension || view.getUint32(28, true) !== 0 || !isIntact(bytes)) return false;
    this.#check.mark(block, 1, 'object of volume', volume);
    this.objectBlocks++;
    return true;
  }

  /** The version that a view of `xid` shows: the newest up to it. −1: none. */
  #find(oid: number, xid: number): number {
    let low = 0;
    let high = this.#oids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = this.#oids[middle] ?? 0;
      if (found < oid || (found === oid && (this.#xids[middle] ?? 0) <= xid)) low = middle + 1;
      else high = middle;
    }
    return low > 0 && this.#oids[low - 1] === oid ? low - 1 : -1;
  }

  #name(): string {
    const { volume } = this.#source;
    return volume === null ? 'om:' : `volume ${volume} om:`;
  }

  #wrong(text: string, block: number): void {
    this.#check.error('omap', `${this.#name()} ${text}`, block);
  }
}
