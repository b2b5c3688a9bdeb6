import { assert } from '../../base/assert.ts';
import { viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { BTree, Place } from './btree.ts';
import type { Commit } from './commit.ts';
import { damaged } from './damage.ts';
import {
  CatalogFile,
  CatalogFolder,
  CatalogKey,
  CatalogThread,
  RECORD_FLAG,
  RECORD_TYPE,
  storedUnits,
} from './layout-catalog.ts';
import { CNID, VOLUME_BIT } from './layout.ts';
import { isFolderLink } from './links.ts';
import { catalogKey } from './names.ts';
import type { HfsNode } from './node.ts';
import type { VolumeHeaderBuffer } from './volume-header.ts';

/**
 * The catalog: every file and folder has a record under its folder and name, and a thread under its own id that says
 * where the record is. This keeps the two, the counts of their folder and the counts of the volume in step.
 *
 * What may fail for lack of space fails in `reserve`, before anything changed. Names here are stored names.
 * Source: TN1150 "Catalog File"; apple-oss-distributions/hfs, core/hfs_catalog.c.
 */
export interface Thread {
  readonly isFolder: boolean;
  readonly parentId: number;
  readonly name: string;
}

/** A record as it passes by in a listing. `at`: byte of its data in `bytes`. */
export interface Listed {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly at: number;
}

const ID_AT = CatalogFile.fields.fileId.at;
const FLAGS_AT = CatalogFolder.fields.flags.at;
const VALENCE_AT = CatalogFolder.fields.valence.at;
const FOLDER_COUNT_AT = CatalogFolder.fields.folderCount.at;
const PARENT_AT = CatalogKey.fields.parentId.at;
const NAME_UNITS_AT = CatalogKey.fields.nameUnits.at;
const NAME_AT = CatalogKey.sizeBytes;

export const RECORD_SIZE_BYTES = { folder: CatalogFolder.sizeBytes, file: CatalogFile.sizeBytes } as const;

/** How many places of listings are remembered for going on; older ones are found by their id. */
const CURSORS_MAX = 4096;

export class Catalog {
  readonly tree: BTree;
  readonly #header: VolumeHeaderBuffer;
  readonly #commit: Commit;
  readonly #isHfsx: boolean;
  /** Key of the entry that a listing stopped at, by its id: going on works though the entry is gone. */
  readonly #cursors = new Map<number, Uint8Array>();

  constructor(tree: BTree, header: VolumeHeaderBuffer, commit: Commit, isHfsx: boolean) {
    this.tree = tree;
    this.#isHfsx = isHfsx;
    this.#header = header;
    this.#commit = commit;
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The record called `name` in folder `parentId`. EIO for one that makes no sense. */
  find(parentId: number, name: string): Place | undefined {
    const place = this.tree.find(catalogKey(parentId, name));
    if (place === undefined || !place.isFound || this.#isThread(place)) return undefined;
    this.#checkRecord(place);
    return place;
  }

  /**
   * Is there a record under this key? A name of nothing but units that comparisons pass over equals no name at all,
   * which is the key of the folder's thread: nobody finds an item there, and nobody can make one.
   */
  isTaken(parentId: number, name: string): boolean {
    return this.tree.find(catalogKey(parentId, name))?.isFound === true;
  }

  #isThread({ node, index }: Place): boolean {
    const type = node.view.getUint16(node.dataOffsetOf(index));
    return type === RECORD_TYPE.folderThread || type === RECORD_TYPE.fileThread;
  }

  #checkRecord({ node, index }: Place): void {
    const at = node.dataOffsetOf(index);
    const type = node.view.getUint16(at);
    const size =
      type === RECORD_TYPE.folder
        ? RECORD_SIZE_BYTES.folder
        : type === RECORD_TYPE.file
          ? RECORD_SIZE_BYTES.file
          : -1;
    if (size < 0 || node.offsetOf(index + 1) - at < size) {
      throw damaged(`record ${index} in node ${node.number} of the catalog is neither file nor folder`);
    }
  }

  /** Bytes of the record at `place`, a copy. */
  recordAt({ node, index }: Place): Uint8Array {
    const at = node.dataOffsetOf(index);
    const isFolder = node.view.getUint16(at) === RECORD_TYPE.folder;
    return node.bytes.slice(at, at + (isFolder ? RECORD_SIZE_BYTES.folder : RECORD_SIZE_BYTES.file));
  }

  /** The name as stored of the record at `place`. */
  nameAt({ node, index }: Place): string {
    const at = node.offsetOf(index);
    return storedUnits(node.bytes, at + NAME_AT, node.view.getUint16(at + NAME_UNITS_AT));
  }

  parentAt({ node, index }: Place): number {
    return node.view.getUint32(node.offsetOf(index) + PARENT_AT);
  }

  idAt({ node, index }: Place): number {
    return node.view.getUint32(node.dataOffsetOf(index) + ID_AT);
  }

  /** Where the item with this id is; undefined when there is none. */
  threadOf(id: number): Thread | undefined {
    const place = this.tree.find(catalogKey(id, ''));
    if (place === undefined || !place.isFound) return undefined;
    const { node, index } = place;
    const at = node.dataOffsetOf(index);
    const type = node.view.getUint16(at);
    if (
      (type !== RECORD_TYPE.folderThread && type !== RECORD_TYPE.fileThread) ||
      node.offsetOf(index + 1) < at + 10
    ) {
      throw damaged(`the thread of item ${id} makes no sense`);
    }
    return {
      isFolder: type === RECORD_TYPE.folderThread,
      parentId: node.view.getUint32(at + CatalogThread.fields.parentId.at),
      name: storedUnits(
        node.bytes,
        at + CatalogThread.sizeBytes,
        node.view.getUint16(at + CatalogThread.fields.nameUnits.at),
      ),
    };
  }

  /** The record of the item with this id, by its thread. */
  findById(id: number): Place | undefined {
    const thread = this.threadOf(id);
    return thread && this.find(thread.parentId, thread.name);
  }

  isEmpty(folderId: number): boolean {
    let isEmpty = true;
    this.walk(folderId, null, () => (isEmpty = false));
    return isEmpty;
  }

  /**
   * The records of a folder in the order of the disk, behind the one with id `after` (null: from the first), for as
   * long as `visit` returns true. The bytes are the tree's own: not to be kept.
   */
  walk(folderId: number, after: number | null, visit: (entry: Listed) => boolean): void {
    let place = this.#startOf(folderId, after);
    while (place !== undefined) {
      const { node } = place;
      const { view, bytes } = node;
      const count = node.recordCount;
      for (let index = place.index; index < count; index++) {
        const keyAt = node.offsetOf(index);
        if (view.getUint32(keyAt + PARENT_AT) !== folderId) return;
        const at = node.dataOffsetOf(index);
        const type = view.getUint16(at);
        // Of damage only what is whole is listed; a record that a lookup would refuse is passed over.
        const size = type === RECORD_TYPE.folder ? RECORD_SIZE_BYTES.folder : RECORD_SIZE_BYTES.file;
        if (type > RECORD_TYPE.file || type === 0 || node.offsetOf(index + 1) - at < size) continue;
        const name = storedUnits(bytes, keyAt + NAME_AT, view.getUint16(keyAt + NAME_UNITS_AT));
        if (!visit({ name, bytes, view, at })) return;
      }
      place = this.tree.next({ node, index: count - 1, isFound: true });
    }
  }

  #startOf(folderId: number, after: number | null): Place | undefined {
    const key = after === null ? catalogKey(folderId, '') : this.#cursorKey(folderId, after);
    if (key === undefined) return undefined;
    const place = this.tree.find(key);
    return place && this.tree.next(place);
  }

  #cursorKey(folderId: number, after: number): Uint8Array | undefined {
    const known = this.#cursors.get(after);
    if (known !== undefined && viewOf(known).getUint32(PARENT_AT) === folderId) return known;
    const thread = this.threadOf(after);
    return thread?.parentId === folderId ? catalogKey(folderId, thread.name) : undefined;
  }

  /** A listing stops behind this entry and may go on there, whatever becomes of it. */
  remember(folderId: number, name: string, id: number): void {
    this.#cursors.delete(id);
    this.#cursors.set(id, catalogKey(folderId, name));
    if (this.#cursors.size <= CURSORS_MAX) return;
    for (const oldest of this.#cursors.keys()) {
      this.#cursors.delete(oldest);
      return;
    }
  }

  // ── ids ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * An id that nobody has. They are given out in order; after the last one from 16 on, by looking, which attribute
   * bit 12 of the volume says for ever. ENOSPC when none is left. [HF cat_acquire_cnid]
   */
  newId(): number {
    let id = this.#header.nextCatalogId;
    if (id >= CNID.firstUser && !this.#header.has(VOLUME_BIT.catalogIdsReused)) {
      this.#setNextId(id);
      return id;
    }
    if (id < CNID.firstUser) id = CNID.firstUser;
    this.#header.setBit(VOLUME_BIT.catalogIdsReused, true);
    const tries = this.#header.fileCount + this.#header.folderCount + 2;
    for (let i = 0; i < tries; i++) {
      if (this.threadOf(id) === undefined) {
        this.#setNextId(id);
        return id;
      }
      id = id >= ID_MAX ? CNID.firstUser : id + 1;
    }
    throw new FsError('ENOSPC', '', '', 'every catalog node id is in use');
  }

  #setNextId(id: number): void {
    if (id >= ID_MAX) this.#header.setBit(VOLUME_BIT.catalogIdsReused, true);
    this.#header.nextCatalogId = id >= ID_MAX ? CNID.firstUser : id + 1;
  }

  // ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Room for so many new records with their threads, and for keys that change. ENOSPC. */
  reserve(items: number): void {
    // One more than needed, so that removing works on a volume that inserts have filled.
    this.tree.reserve(2 * items + 1);
  }

  reserveForRemoval(): void {
    this.tree.reserveForRemoval();
  }

  /** A new item: record and thread, and the counts of the volume. Its folder's are `count`'s business. */
  insert(parentId: number, name: string, record: Uint8Array): void {
    const isFolder = viewOf(record).getUint16(0) === RECORD_TYPE.folder;
    const id = viewOf(record).getUint32(ID_AT);
    this.tree.insert(catalogKey(parentId, name), record);
    this.tree.insert(catalogKey(id, ''), threadRecord(isFolder, parentId, name));
    if (isFolder) this.#header.folderCount++;
    else this.#header.fileCount++;
  }

  remove(parentId: number, name: string, id: number, isFolder: boolean): void {
    assert(this.tree.remove(catalogKey(parentId, name)), 'the record that goes was found before');
    this.tree.remove(catalogKey(id, ''));
    if (isFolder) this.#header.folderCount--;
    else this.#header.fileCount--;
  }

  /** The record under another key; its thread follows. The new key is free, or another spelling of the old one. */
  move(fromId: number, fromName: string, toId: number, toName: string, record: Uint8Array): void {
    const isFolder = viewOf(record).getUint16(0) === RECORD_TYPE.folder;
    const id = viewOf(record).getUint32(ID_AT);
    const from = catalogKey(fromId, fromName);
    assert(this.tree.remove(from), 'the record that moves was found before');
    this.tree.insert(catalogKey(toId, toName), record);
    const threadKey = catalogKey(id, '');
    const thread = threadRecord(isFolder, toId, toName);
    const place = this.tree.find(threadKey);
    if (place === undefined || !place.isFound) this.tree.insert(threadKey, thread);
    else if (fromName.length === toName.length && place.node.dataOf(place.index).length === thread.length)
      this.tree.update(place, thread);
    else this.tree.replace(threadKey, thread);
  }

  /** What `node.record` says goes to the tree. */
  store(node: HfsNode): void {
    if (node.isDirectory && node.isUnlinked) return;
    let { place } = node;
    if (place === undefined || place.node.version !== node.placeVersion) {
      place = this.tree.find(catalogKey(node.parentId, node.name));
      assert(place?.isFound === true, 'a node in use has a record');
      node.place = place;
      node.placeVersion = place.node.version;
    }
    const at = place.node.dataOffsetOf(place.index);
    this.tree.touch(place.node);
    place.node.bytes.set(node.record, at);
  }

  /**
   * An item came (1) or went (-1): valence, and on HFSX the count of folders, and the dates of the folder. `isFolder`:
   * it is a folder or a hard link to one.
   */
  count(folder: HfsNode, items: number, isFolder: boolean): void {
    const { view } = folder;
    view.setUint32(VALENCE_AT, Math.max(view.getUint32(VALENCE_AT) + items, 0));
    if (isFolder && this.#isHfsx) this.#countFolders(folder, items);
    this.touch(folder);
  }

  /** mkfs.hfsplus leaves the root without a count, which fsck wants as soon as there is something to count. */
  #countFolders(folder: HfsNode, items: number): void {
    const { view } = folder;
    const flags = view.getUint16(FLAGS_AT);
    let folders = view.getUint32(FOLDER_COUNT_AT) + items;
    if ((flags & RECORD_FLAG.hasFolderCount) === 0) {
      view.setUint16(FLAGS_AT, flags | RECORD_FLAG.hasFolderCount);
      folders = 0;
      this.walk(folder.inode, null, (entry) => {
        const isOne =
          entry.view.getUint16(entry.at) === RECORD_TYPE.folder || isFolderLink(entry.view, entry.at);
        if (isOne) folders++;
        return true;
      });
    }
    view.setUint32(FOLDER_COUNT_AT, Math.max(folders, 0));
  }

  /** What is in the folder changed now. */
  touch(folder: HfsNode): void {
    const now = this.#commit.now();
    folder.view.setUint32(CatalogFolder.fields.contentModDate.at, now);
    folder.view.setUint32(CatalogFolder.fields.attributeModDate.at, now);
    this.store(folder);
  }
}

const ID_MAX = 0xffff_ffff;

/** A thread has the bytes of its name and no more. */
export function threadRecord(isFolder: boolean, parentId: number, name: string): Uint8Array {
  const key = catalogKey(parentId, name);
  const thread = new Uint8Array(CatalogThread.sizeBytes + 2 * name.length);
  const view = viewOf(thread);
  view.setUint16(0, isFolder ? RECORD_TYPE.folderThread : RECORD_TYPE.fileThread);
  view.setUint32(CatalogThread.fields.parentId.at, parentId);
  // A key and a thread hold the name in the same form: its length, then its units.
  thread.set(key.subarray(NAME_UNITS_AT), CatalogThread.fields.nameUnits.at);
  return thread;
}
