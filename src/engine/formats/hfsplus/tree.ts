import { assert } from '../../base/assert.ts';
import { FsError } from '../../base/errno.ts';
import { viewOf } from '../../base/bytes.ts';
import type { FileType, NodeInit } from '../contract.ts';
import { FILE_MODE_TYPE, stampNew, typeOfRecord } from './attributes.ts';
import type { Place } from './btree.ts';
import type { Commit } from './commit.ts';
import { damaged } from './damage.ts';
import { RECORD_SIZE_BYTES } from './directory.ts';
import type { Catalog } from './directory.ts';
import { CatalogFile, FILE_CREATOR, FILE_TYPE, RECORD_FLAG, RECORD_TYPE } from './layout-catalog.ts';
import { CNID, HFS_EPOCH_SECONDS } from './layout.ts';
import { isFileLink, isFolderLink, Links } from './links.ts';
import { storedName } from './names.ts';
import { HfsNode } from './node.ts';

/**
 * Files and folders by name: nodes in use, names that come, go and move. Nothing here decides when something is
 * written; whoever calls surrounds it with `Commit.begin` and `end`. What may fail fails before the first change.
 *
 * Nodes nobody holds are kept for a while, the latest 1024 of them, so that a path walk finds again what it just found.
 */
const UNHELD_NODES_MAX = 1024;

export interface TreeHost {
  readonly catalog: Catalog;
  readonly commit: Commit;
  readonly isHfsx: boolean;
  /** Journal files are hidden where there is a journal. */
  readonly hasJournal: boolean;
  /** Blocks and extended attributes of an item about to lose its record; nothing that may fail for lack of space. */
  discard(node: HfsNode): void;
}

/** A name, found: the record it stands for and the node it leads to. */
interface Entry {
  readonly folder: HfsNode;
  /** As stored, in the spelling of the disk. */
  readonly name: string;
  readonly id: number;
  readonly node: HfsNode;
  /** A hard link's record; undefined for the record of the item itself. */
  readonly link: Uint8Array | undefined;
}

const ID_AT = CatalogFile.fields.fileId.at;
const FLAGS_AT = CatalogFile.fields.flags.at;
const MODE_AT = CatalogFile.fields.fileMode.at;
const ATTRIBUTE_MOD_DATE_AT = CatalogFile.fields.attributeModDate.at;
/** Within the Finder's second half: document id, then the date added, in seconds of the Unix epoch. */
const DATE_ADDED_AT = CatalogFile.fields.finderInfo.at + 4;

const JOURNAL_FILES: readonly string[] = ['.journal', '.journal_info_block'];

export class Tree {
  readonly catalog: Catalog;
  readonly links: Links;
  readonly root: HfsNode;
  readonly #host: TreeHost;
  readonly #commit: Commit;

  readonly #nodes = new Map<number, HfsNode>();
  readonly #unheld: (HfsNode | undefined)[] = [];
  #unheldNext = 0;

  /** EIO when the volume has no root folder. */
  constructor(host: TreeHost) {
    this.#host = host;
    this.#commit = host.commit;
    this.catalog = host.catalog;
    const place = this.catalog.findById(CNID.root);
    if (place === undefined) throw damaged('the catalog has no root folder');
    this.root = this.nodeAt(place);
    if (!this.root.isDirectory) throw damaged('the root of the catalog is a file');
    this.root.holders = 1;
    this.links = new Links(this.catalog, {
      root: this.root,
      nodeAt: (found) => this.nodeAt(found),
      knownNode: (id) => this.#nodes.get(id),
      newFolderRecord: (mode, uid, gid) => this.#newRecord('directory', { mode, uid, gid }),
      newFileRecord: (mode, uid, gid) => this.#newRecord('file', { mode, uid, gid }),
      now: () => this.#commit.now(),
    });
  }

  // ── nodes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The node whose own record is at `place`. */
  nodeAt(place: Place): HfsNode {
    const id = this.catalog.idAt(place);
    const known = this.#nodes.get(id);
    if (known !== undefined) return known;
    const record = this.catalog.recordAt(place);
    const node = new HfsNode(
      record,
      typeOfRecord(record),
      this.catalog.parentAt(place),
      this.catalog.nameAt(place),
    );
    node.place = place;
    node.placeVersion = place.node.version;
    this.#nodes.set(id, node);
    this.#queueUnheld(node);
    return node;
  }

  nodeById(id: number): HfsNode | undefined {
    const known = this.#nodes.get(id);
    if (known !== undefined) return known;
    const place = this.catalog.findById(id);
    return place && this.nodeAt(place);
  }

  /** The latest nodes that nobody holds, in a ring; whoever falls out is forgotten. */
  #queueUnheld(node: HfsNode): void {
    if (node.isQueued) return;
    const oldest = this.#unheld[this.#unheldNext];
    this.#unheld[this.#unheldNext] = node;
    this.#unheldNext = (this.#unheldNext + 1) % UNHELD_NODES_MAX;
    node.isQueued = true;
    if (oldest === undefined) return;
    oldest.isQueued = false;
    if (oldest.holders === 0 && this.#nodes.get(oldest.inode) === oldest) this.#nodes.delete(oldest.inode);
  }

  /**
   * The one object that stands for this file. A caller may keep a node it does not hold while 1024 others come and go;
   * then another object may have taken over, and what the old one remembers is old.
   */
  current(node: HfsNode): HfsNode {
    const known = this.#nodes.get(node.inode);
    if (known === node || node.isUnlinked) return node;
    const now = known ?? this.nodeById(node.inode);
    if (now !== undefined) return now;
    node.isUnlinked = true;
    return node;
  }

  retain(node: HfsNode): void {
    node.holders++;
  }

  /** True when a file without a name lost its last holder: `discardUnlinked` is due. */
  release(node: HfsNode): boolean {
    assert(node.holders > 0, 'only what was held is released');
    if (--node.holders > 0) return false;
    if (node.isUnlinked) return !node.isDirectory;
    this.#queueUnheld(node);
    return false;
  }

  // ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────

  lookup(folder: HfsNode, name: string): HfsNode | undefined {
    return this.entry(folder, name)?.node;
  }

  /** What `name` (as programs spell it) stands for. ENOTDIR, ENAMETOOLONG, EIO. */
  entry(folder: HfsNode, name: string): Entry | undefined {
    if (!folder.isDirectory) throw new FsError('ENOTDIR', '', '');
    const place = this.catalog.find(folder.inode, storedName(name));
    if (place === undefined || this.#isHidden(folder, place)) return undefined;
    return this.#entryAt(folder, place);
  }

  #entryAt(folder: HfsNode, place: Place): Entry {
    const at = place.node.dataOffsetOf(place.index);
    const { view } = place.node;
    const id = view.getUint32(at + ID_AT);
    const known = this.#nodes.get(id);
    if (known !== undefined) return { folder, name: known.name, id, node: known, link: undefined };
    const target = this.#targetOf(view, at);
    const name = this.catalog.nameAt(place);
    if (target === undefined) return { folder, name, id, node: this.nodeAt(place), link: undefined };
    const link = this.catalog.recordAt(place);
    const node = this.nodeAt(target);
    if (node.isDirectory) node.linkedFrom = folder;
    return { folder, name, id, node, link };
  }

  /** Where a hard link leads; undefined for what is none, and for one that leads nowhere: that is a file of its own. */
  #targetOf(view: DataView, at: number): Place | undefined {
    if (isFileLink(view, at)) return this.links.fileOf(view, at);
    if (isFolderLink(view, at)) return this.links.folderOf(view, at);
    return undefined;
  }

  /** Of the root: folders of links, and the files that are the journal. */
  #isHidden(folder: HfsNode, place: Place): boolean {
    if (folder !== this.root) return false;
    if (this.links.isPrivate(this.catalog.idAt(place))) return true;
    return this.#host.hasJournal && JOURNAL_FILES.includes(this.catalog.nameAt(place));
  }

  /** As `#isHidden`, in a listing. */
  isHiddenInListing(folder: HfsNode, name: string, id: number): boolean {
    if (folder !== this.root) return false;
    return this.links.isPrivate(id) || (this.#host.hasJournal && JOURNAL_FILES.includes(name));
  }

  /** Folders of the root that nobody sees. */
  hiddenFolders(folder: HfsNode): number {
    if (folder !== this.root) return 0;
    return (this.links.folder === null ? 0 : 1) + (this.links.directoryFolder === null ? 0 : 1);
  }

  /** Inode number and type behind a record of a listing. */
  listedAs(view: DataView, at: number): { inode: number; type: FileType } | undefined {
    const target = this.#targetOf(view, at);
    if (target === undefined) return undefined;
    const targetAt = target.node.dataOffsetOf(target.index);
    const record = target.node.bytes.subarray(targetAt);
    return { inode: target.node.view.getUint32(targetAt + ID_AT), type: typeOfRecord(record) };
  }

  parentOf(folder: HfsNode): HfsNode {
    if (folder === this.root) return folder;
    if (folder.linkedFrom !== undefined) return folder.linkedFrom;
    return this.nodeById(folder.parentId) ?? this.root;
  }

  /** A folder about to change: ENOTDIR, and ENOENT when it was removed while somebody stood in it. */
  #living(folder: HfsNode): void {
    if (!folder.isDirectory) throw new FsError('ENOTDIR', '', '');
    if (folder.isUnlinked) throw new FsError('ENOENT', '', '', 'the folder was removed');
  }

  // ── making ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Held once for the caller. EEXIST, ENAMETOOLONG, ENOSPC. */
  create(folder: HfsNode, name: string, type: 'file' | 'directory' | 'symlink', init: NodeInit): HfsNode {
    this.#living(folder);
    const stored = storedName(name);
    if (this.catalog.isTaken(folder.inode, stored)) throw new FsError('EEXIST', '', '');
    this.catalog.reserve(1);
    const record = this.#newRecord(type, init);
    viewOf(record).setUint32(ID_AT, this.catalog.newId());
    this.#note(`add ${name}`);
    this.catalog.insert(folder.inode, stored, record);
    this.catalog.count(folder, 1, type === 'directory');
    const node = new HfsNode(record, type, folder.inode, stored);
    node.holders = 1;
    this.#nodes.set(node.inode, node);
    return node;
  }

  #newRecord(type: 'file' | 'directory' | 'symlink', init: NodeInit): Uint8Array {
    const isFolder = type === 'directory';
    const record = new Uint8Array(isFolder ? RECORD_SIZE_BYTES.folder : RECORD_SIZE_BYTES.file);
    const view = viewOf(record);
    const { fields } = CatalogFile;
    view.setUint16(0, isFolder ? RECORD_TYPE.folder : RECORD_TYPE.file);
    const kind = !isFolder ? RECORD_FLAG.threadExists : this.#host.isHfsx ? RECORD_FLAG.hasFolderCount : 0;
    view.setUint16(FLAGS_AT, kind | RECORD_FLAG.hasDateAdded);
    stampNew(record, this.#commit.now());
    view.setUint32(fields.ownerId.at, init.uid);
    view.setUint32(fields.groupId.at, init.gid);
    view.setUint16(MODE_AT, FILE_MODE_TYPE[type] | (init.mode & 0o7777));
    view.setUint32(fields.special.at, 1);
    if (type === 'symlink') {
      view.setUint32(fields.fileType.at, FILE_TYPE.symlink);
      view.setUint32(fields.fileCreator.at, FILE_CREATOR.symlink);
    }
    this.#setDateAdded(view);
    return record;
  }

  #setDateAdded(view: DataView): void {
    view.setUint16(FLAGS_AT, view.getUint16(FLAGS_AT) | RECORD_FLAG.hasDateAdded);
    view.setUint32(DATE_ADDED_AT, Math.max(this.#commit.now() - HFS_EPOCH_SECONDS, 0));
  }

  /** Another name for `file`. EPERM for a folder, EEXIST, EMLINK, ENOSPC. */
  link(file: HfsNode, folder: HfsNode, name: string): void {
    this.#living(folder);
    if (file.isDirectory) {
      throw new FsError('EPERM', '', '', 'only Time Machine makes hard links to folders on HFS+');
    }
    if (file.isUnlinked) throw new FsError('ENOENT', '', '', 'the file has no name any more');
    const stored = storedName(name);
    if (this.catalog.isTaken(folder.inode, stored)) throw new FsError('EEXIST', '', '');
    this.#note(`link ${name}`);
    this.links.add(file, folder, stored);
    this.catalog.count(folder, 1, false);
  }

  // ── removing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  remove(folder: HfsNode, name: string): void {
    const entry = this.#existing(folder, name);
    if (entry.node.isDirectory) {
      const detail = entry.link === undefined ? 'it is a folder' : HARD_LINKED_FOLDER;
      throw new FsError('EPERM', '', '', detail);
    }
    this.#reserveForRemoval(entry);
    this.#note(`remove ${name}`);
    this.#removeFile(entry);
    this.catalog.count(folder, -1, false);
  }

  #existing(folder: HfsNode, name: string): Entry {
    const entry = this.entry(folder, name);
    if (entry === undefined) throw new FsError('ENOENT', '', '');
    return entry;
  }

  #reserveForRemoval({ node }: Entry): void {
    if (node.holders > 0 && !node.isDirectory) this.catalog.reserve(1 + this.links.folderItems);
    else this.catalog.reserveForRemoval();
  }

  /** The name goes, and with the last name the file, unless somebody holds it. */
  #removeFile({ folder, name, node, link }: Entry): void {
    if (link !== undefined && !this.links.remove(link, folder.inode, name, node)) return;
    if (node.holders > 0) {
      this.links.moveToTemporary(node);
      return;
    }
    this.#erase(node);
    if (link !== undefined && this.links.folder !== null) this.catalog.count(this.links.folder, -1, false);
  }

  /** Contents, attributes and record. */
  #erase(node: HfsNode): void {
    this.#host.discard(node);
    this.catalog.remove(node.parentId, node.name, node.inode, node.isDirectory);
    this.#nodes.delete(node.inode);
    node.isUnlinked = true;
  }

  removeFolder(folder: HfsNode, name: string): void {
    const entry = this.#existing(folder, name);
    if (!entry.node.isDirectory) throw new FsError('ENOTDIR', '', '');
    this.#assertRemovable(entry);
    this.catalog.reserveForRemoval();
    this.#note(`remove folder ${name}`);
    this.#erase(entry.node);
    this.catalog.count(folder, -1, true);
  }

  #assertRemovable({ node, link }: Entry): void {
    if (link !== undefined) throw new FsError('EPERM', '', '', HARD_LINKED_FOLDER);
    if (!this.catalog.isEmpty(node.inode)) throw new FsError('ENOTEMPTY', '', '');
  }

  /** Contents and record of a file that has no name and, from now on, no holder. */
  discardUnlinked(node: HfsNode): void {
    this.catalog.reserveForRemoval();
    const { folder } = this.links;
    this.#note('remove a file that has lost its name');
    this.#erase(node);
    if (folder !== null) this.catalog.count(folder, -1, false);
  }

  /** What a power cut left without a name. Returns how many files that were. */
  discardAbandoned(): number {
    const places = this.links.abandoned();
    const nodes = places.map((place) => this.nodeAt(place)).filter((node) => node.holders === 0);
    for (const node of nodes) this.discardUnlinked(node);
    return nodes.length;
  }

  /** Files without a name that are still held. */
  unlinkedNodes(): HfsNode[] {
    return [...this.#nodes.values()].filter((node) => node.isUnlinked && !node.isDirectory);
  }

  // ── moving ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** One transaction, an existing target included. */
  rename(from: HfsNode, fromName: string, to: HfsNode, toName: string): void {
    this.#living(to);
    const source = this.#existing(from, fromName);
    const stored = storedName(toName);
    const target = this.entry(to, toName);
    const isSame = target?.id === source.id;
    if (isSame && source.name === stored && from === to) return;
    if (source.node.isDirectory && source.link !== undefined)
      throw new FsError('EPERM', '', '', HARD_LINKED_FOLDER);
    if (target === undefined && this.catalog.isTaken(to.inode, stored)) {
      throw new FsError('EEXIST', '', '', 'the name belongs to the volume itself');
    }
    if (target !== undefined && !isSame) {
      // Two names of one file: POSIX wants nothing done.
      if (target.node === source.node) return;
      this.#assertReplaceable(source, target);
    }
    this.catalog.reserve(2 + this.links.folderItems);
    this.#note(`rename ${fromName} to ${toName}`);
    if (target !== undefined && !isSame) this.#removeTarget(target);
    this.#moveEntry(source, to, stored);
    this.#countMove(source, to, target !== undefined && !isSame);
  }

  #assertReplaceable(source: Entry, target: Entry): void {
    if (target.node.isDirectory && !source.node.isDirectory) throw new FsError('EISDIR', '', '');
    if (source.node.isDirectory && !target.node.isDirectory) throw new FsError('ENOTDIR', '', '');
    if (target.node.isDirectory) this.#assertRemovable(target);
  }

  #removeTarget(target: Entry): void {
    if (target.node.isDirectory) this.#erase(target.node);
    else this.#removeFile(target);
  }

  #moveEntry({ folder, name, node, link }: Entry, to: HfsNode, stored: string): void {
    if (link !== undefined) {
      this.catalog.move(folder.inode, name, to.inode, stored, link);
      return;
    }
    node.view.setUint32(ATTRIBUTE_MOD_DATE_AT, this.#commit.now());
    if (folder !== to) this.#setDateAdded(node.view);
    this.catalog.move(folder.inode, name, to.inode, stored, node.record);
    node.parentId = to.inode;
    node.name = stored;
    node.place = undefined;
  }

  /** Valence and dates of the folders involved. What is replaced is of the same kind as what comes. */
  #countMove({ folder, node }: Entry, to: HfsNode, hasReplaced: boolean): void {
    if (folder !== to || hasReplaced) this.catalog.count(folder, -1, node.isDirectory);
    if (folder !== to && !hasReplaced) this.catalog.count(to, 1, node.isDirectory);
    else this.catalog.touch(to);
  }

  /** Another name for the volume, which is the name of its root folder. */
  renameRoot(name: string): void {
    const stored = storedName(name);
    if (stored === this.root.name) return;
    this.catalog.reserve(1);
    this.#note(`name the volume ${name}`);
    this.catalog.move(CNID.rootParent, this.root.name, CNID.rootParent, stored, this.root.record);
    this.root.name = stored;
    this.root.place = undefined;
    this.catalog.touch(this.root);
  }

  #note(reason: string): void {
    if (this.#commit.isRecording) this.catalog.tree.reason = reason;
  }
}

const HARD_LINKED_FOLDER =
  'hard links to folders are kept as they are: only Time Machine makes and removes them';
