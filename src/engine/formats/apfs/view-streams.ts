import { INODE_FLAG, RECORD_TYPE, XATTR_FLAG, objectIdAt, recordTypeAt } from './layout-catalog.ts';
import { numberOfTagged } from './layout-extents.ts';
import type { Place, ViewNode } from './view-tree.ts';
import { blocksOf, inodeAt, nameIn, objectIdOf } from './view-records.ts';
import type { CatalogView, VolumeView } from './view-volume.ts';

/**
 * Which stream holds which blocks, and which files hold which stream: one pass over the leaves of the catalog as it is
 * and over those that only snapshots still have. Numbers are read in place, names only when somebody asks, for every
 * file of the volume goes by here whenever one block of contents is looked at.
 */
export interface StreamRun {
  readonly firstBlock: number;
  readonly blockCount: number;
  /** Of the whole run as the record has it: where its first block lies in the stream. */
  readonly offsetBytes: number;
  readonly streamId: number;
  /** The inode record that stands before it in the tree, if it has the stream's number. */
  readonly inode: Place | undefined;
}

export type StreamRunVisitor = (view: CatalogView, run: StreamRun) => void;

/** Who holds a stream. */
interface Holder {
  readonly place: Place;
  readonly kind: 'inode' | 'attribute';
}

/** Files that hold one stream: the first of them, and how many there are. */
export interface StreamFiles {
  /** Never empty, at most FILES_MAX. */
  readonly files: readonly StreamFile[];
  readonly total: number;
}

/** So many files of one stream are looked up; a stream can have any number of clones. */
const FILES_MAX = 32;

/** A file that a block of contents belongs to. */
export interface StreamFile {
  readonly path: string;
  /** Of the stream's contents; −1 when nobody says. */
  readonly sizeBytes: number;
}

const CLONE_FLAGS = INODE_FLAG.wasCloned | INODE_FLAG.wasEverCloned;
const INODE_VALUE_BYTES = 92;

export class StreamVisitor {
  readonly #volume: VolumeView;
  /** Of streams that are not, or not only, those of the inode with their number. */
  readonly #holders = new Map<number, Holder[]>();
  readonly #files = new Map<CatalogView, Map<number, StreamFiles>>();

  constructor(volume: VolumeView) {
    this.#volume = volume;
  }

  /** Runs that touch blocks `first` up to `end`, of the volume as it is, then of what only snapshots have. */
  visit(first: number, end: number, visit: StreamRunVisitor): void {
    const volume = this.#volume;
    const seen = new Set<number>();
    for (const node of volume.live.catalog.leaves()) {
      seen.add(node.block);
      this.#leaf(volume.live, node, first, end, visit);
    }
    if (volume.snapshots.length > 0) this.#olderLeaves(seen, first, end, visit);
    if (volume.superblock.fileExtentTreeBlock !== 0) this.#sealed(first, end, visit);
  }

  /** Leaves that the object map keeps for snapshots: each looked at once, however many snapshots show it. */
  #olderLeaves(seen: Set<number>, first: number, end: number, visit: StreamRunVisitor): void {
    const volume = this.#volume;
    for (const { block, xid, nextXid } of volume.omap.versions()) {
      if (block === 0 || seen.has(block)) continue;
      const snapshot = volume.newestSnapshot(xid, nextXid);
      const view = snapshot && volume.viewOf(snapshot);
      const node = view?.catalog.nodeIn(block);
      if (view && node?.problem === '' && node.isLeaf) this.#leaf(view, node, first, end, visit);
    }
  }

  #leaf(view: CatalogView, node: ViewNode, first: number, end: number, visit: StreamRunVisitor): void {
    const { count, view: data } = node;
    let inodeRecord = -1;
    let inodeId = -1;
    for (let record = 0; record < count; record++) {
      const at = node.keyAt(record);
      if (at + 8 > node.valuesEnd) continue;
      const type = recordTypeAt(data, at);
      if (type === RECORD_TYPE.fileExtent) {
        const value = node.valueAt(record);
        if (at + 16 > node.valuesEnd || value + 16 > node.valuesEnd) continue;
        const firstBlock = node.u64(value + 8);
        if (firstBlock === 0 || firstBlock >= end) continue;
        // The upper eight bits of the length are flags.
        const lengthBytes =
          (data.getUint32(value + 4, true) & 0xff_ffff) * 2 ** 32 + data.getUint32(value, true);
        const blockCount = blocksOf(lengthBytes);
        if (firstBlock + blockCount <= first) continue;
        const streamId = objectIdAt(data, at);
        const inode = inodeId === streamId ? { node, record: inodeRecord } : undefined;
        visit(view, { firstBlock, blockCount, offsetBytes: node.u64(at + 8), streamId, inode });
      } else if (type === RECORD_TYPE.inode) {
        inodeRecord = record;
        inodeId = objectIdAt(data, at);
        const value = node.valueAt(record);
        if (value + INODE_VALUE_BYTES > node.valuesEnd) continue;
        const privateId = node.u64(value + 8);
        if (privateId !== inodeId || (data.getUint32(value + 48, true) & CLONE_FLAGS) !== 0)
          this.#hold(privateId, { place: { node, record }, kind: 'inode' });
      } else if (type === RECORD_TYPE.extendedAttribute) {
        const value = node.valueAt(record);
        if (value + 12 > node.valuesEnd) continue;
        if ((data.getUint16(value, true) & XATTR_FLAG.dataStream) !== 0)
          this.#hold(node.u64(value + 4), { place: { node, record }, kind: 'attribute' });
      }
    }
  }

  /** Extents of a sealed volume stand in a tree of their own. */
  #sealed(first: number, end: number, visit: StreamRunVisitor): void {
    for (const node of this.#volume.fileExtentTree.leaves()) {
      for (let record = 0; record < node.count; record++) {
        const at = node.keyAt(record);
        const value = node.valueAt(record);
        if (at + 16 > node.keyEnd(record) || value + 16 > node.valueEnd(record)) continue;
        const firstBlock = node.u64(value + 8);
        const blockCount = blocksOf(numberOfTagged(node.view, value));
        if (firstBlock === 0 || firstBlock >= end || firstBlock + blockCount <= first) continue;
        const run = { firstBlock, blockCount, offsetBytes: node.u64(at + 8), streamId: node.u64(at) };
        visit(this.#volume.live, { ...run, inode: undefined });
      }
    }
  }

  #hold(streamId: number, holder: Holder): void {
    const known = this.#holders.get(streamId);
    if (known) known.push(holder);
    else this.#holders.set(streamId, [holder]);
  }

  // ── names, once somebody asks ──

  /** Files that hold a stream, in the order of the tree. The same object for the same stream of a view. */
  filesOf(view: CatalogView, { streamId, inode }: StreamRun): StreamFiles {
    let ofView = this.#files.get(view);
    if (!ofView) {
      ofView = new Map();
      this.#files.set(view, ofView);
    }
    let files = ofView.get(streamId);
    if (!files) {
      files = this.#find(view, streamId, inode);
      ofView.set(streamId, files);
    }
    return files;
  }

  #find(view: CatalogView, streamId: number, inode: Place | undefined): StreamFiles {
    const files: StreamFile[] = [];
    const named = new Set<number | string>();
    const holders = this.#holders.get(streamId) ?? [];
    for (const { place, kind } of holders.slice(0, FILES_MAX)) {
      const objectId = objectIdOf(place);
      // The holder may be a record that only another view has: what this one says of the object counts.
      if (kind === 'attribute') {
        const name = `${objectId} ${attributeName(place)}`;
        if (named.has(name)) continue;
        named.add(name);
        const path = `attribute ${attributeName(place)} of ${view.pathOf(objectId)}`;
        files.push({ path, sizeBytes: place.node.u64(place.node.valueAt(place.record) + 12) });
      } else if (!named.has(objectId)) {
        if (!addFile(files, view, view.inodeOf(objectId), streamId)) continue;
        named.add(objectId);
      }
    }
    if (!named.has(streamId) && holders.length <= FILES_MAX) {
      addFile(files, view, inode ?? view.inodeOf(streamId), streamId);
    }
    if (files.length === 0) files.push({ path: `stream ${streamId}, which no file has`, sizeBytes: -1 });
    return { files, total: files.length + Math.max(holders.length - FILES_MAX, 0) };
  }
}

/** Adds the file that this inode is, if it holds the stream; says whether it does. */
function addFile(
  files: StreamFile[],
  view: CatalogView,
  place: Place | undefined,
  streamId: number,
): boolean {
  if (!place) return false;
  const inode = inodeAt(place);
  if (inode.privateId !== streamId) return false;
  files.push({ path: view.pathOfInode(place, inode), sizeBytes: inode.sizeBytes });
  return true;
}

/** Name in the key of an extended attribute. */
export function attributeName({ node, record }: Place): string {
  const at = node.keyAt(record);
  const end = node.keyEnd(record);
  return at + 10 > end ? '' : nameIn(node.bytes.subarray(0, end), at + 10, end - at - 10);
}
