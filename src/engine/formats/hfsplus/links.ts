import { FsError } from '../../base/errno.ts';
import type { Place } from './btree.ts';
import type { Catalog } from './directory.ts';
import {
  CatalogFile,
  CatalogFolder,
  FILE_CREATOR,
  FILE_TYPE,
  FINDER_FLAG,
  RECORD_FLAG,
} from './layout-catalog.ts';
import { CNID } from './layout.ts';
import type { HfsNode } from './node.ts';

/**
 * Hard links, and files that outlive their names. Both need the private folder in the root, whose name begins with
 * four units U+0000 so that nobody meets it; it is made when first needed (macOS makes it at the first mount for
 * writing). A file with links is the iNode file there; each of its names is a record of its own that refers to it, and
 * the names of one file are chained. A file that loses its last name while held becomes temp… there, so that the
 * next mount can remove it if this one does not come to it.
 *
 * Hard links to folders are followed and kept, never made. [TN1150 "Hard Links"; apple-oss-distributions/hfs,
 * core/hfs_link.c]
 */
export const PRIVATE_FOLDER_NAME = '\0\0\0\0HFS+ Private Data';
export const PRIVATE_DIRECTORY_FOLDER_NAME = '.HFS+ Private Directory Data\r';

/** Apple's HFS_LINK_MAX. */
export const LINKS_MAX = 32_767;

const { fields } = CatalogFile;
const AT = {
  flags: fields.flags.at,
  firstLink: fields.firstLinkId.at,
  id: fields.fileId.at,
  createDate: fields.createDate.at,
  attributeModDate: fields.attributeModDate.at,
  /** Of a link: ids of its neighbours in the chain. */
  previous: fields.ownerId.at,
  next: fields.groupId.at,
  ownerFlags: fields.ownerFlags.at,
  fileMode: fields.fileMode.at,
  special: fields.special.at,
  type: fields.fileType.at,
  creator: fields.fileCreator.at,
  finderFlags: fields.finderFlags.at,
} as const;

const UF_IMMUTABLE = 0x02;
const LINK_MODE = 0o100_444;

/** Does the record at byte `at` refer to an iNode file? */
export const isFileLink = (view: DataView, at: number): boolean =>
  view.getUint16(at) === 2 &&
  view.getUint32(at + AT.type) === FILE_TYPE.hardLink &&
  view.getUint32(at + AT.creator) === FILE_CREATOR.hfsplus;

/** Does it refer to a folder? An alias of the Finder looks alike, but has no chain. */
export const isFolderLink = (view: DataView, at: number): boolean =>
  view.getUint16(at) === 2 &&
  view.getUint32(at + AT.type) === FILE_TYPE.directoryLink &&
  view.getUint32(at + AT.creator) === FILE_CREATOR.directoryLink &&
  (view.getUint16(at + AT.flags) & RECORD_FLAG.hasLinkChain) !== 0;

/** What links need of the tree of files. */
export interface LinkHost {
  readonly root: HfsNode;
  nodeAt(place: Place): HfsNode;
  knownNode(id: number): HfsNode | undefined;
  newFolderRecord(mode: number, uid: number, gid: number): Uint8Array;
  newFileRecord(mode: number, uid: number, gid: number): Uint8Array;
  now(): number;
}

export class Links {
  readonly #catalog: Catalog;
  readonly #host: LinkHost;
  #folder: HfsNode | null | undefined = undefined;
  #directoryFolder: HfsNode | null | undefined = undefined;

  constructor(catalog: Catalog, host: LinkHost) {
    this.#catalog = catalog;
    this.#host = host;
  }

  // ── the private folders ───────────────────────────────────────────────────────────────────────────────────────────

  /** null while the volume has none. */
  get folder(): HfsNode | null {
    if (this.#folder === undefined) this.#folder = this.#findFolder(PRIVATE_FOLDER_NAME);
    return this.#folder;
  }

  get directoryFolder(): HfsNode | null {
    if (this.#directoryFolder === undefined) {
      this.#directoryFolder = this.#findFolder(PRIVATE_DIRECTORY_FOLDER_NAME);
    }
    return this.#directoryFolder;
  }

  #findFolder(name: string): HfsNode | null {
    const place = this.#catalog.find(CNID.root, name);
    if (place === undefined) return null;
    const node = this.#host.nodeAt(place);
    if (!node.isDirectory) return null;
    node.holders++;
    return node;
  }

  isPrivate(id: number): boolean {
    return id === this.folder?.inode || id === this.directoryFolder?.inode;
  }

  /** Items to reserve room for beyond one's own, so that `ensureFolder` cannot fail. */
  get folderItems(): number {
    return this.folder === null ? 1 : 0;
  }

  #ensureFolder(): HfsNode {
    if (this.folder !== null) return this.folder;
    const record = this.#host.newFolderRecord(0, 0, 0);
    const view = new DataView(record.buffer);
    view.setUint32(AT.id, this.#catalog.newId());
    view.setUint8(AT.ownerFlags, UF_IMMUTABLE);
    view.setUint16(AT.finderFlags, FINDER_FLAG.isInvisible | FINDER_FLAG.nameLocked);
    view.setUint16(CatalogFolder.fields.location.at, FAR_AWAY);
    view.setUint16(CatalogFolder.fields.location.at + 2, FAR_AWAY);
    // The date that every link repeats; Linux also believes the root's.
    view.setUint32(AT.createDate, this.#host.root.view.getUint32(AT.createDate));
    this.#catalog.insert(CNID.root, PRIVATE_FOLDER_NAME, record);
    this.#catalog.count(this.#host.root, 1, true);
    this.#folder = this.#findFolder(PRIVATE_FOLDER_NAME);
    if (this.#folder === null) throw new FsError('EIO', '', '', 'the folder of hard links cannot be made');
    return this.#folder;
  }

  // ── following ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The iNode file that the link at byte `at` refers to; undefined when it is missing. */
  fileOf(view: DataView, at: number): Place | undefined {
    if (this.folder === null) return undefined;
    return this.#catalog.find(this.folder.inode, `iNode${view.getUint32(at + AT.special)}`);
  }

  /** The folder that the link at byte `at` refers to. */
  folderOf(view: DataView, at: number): Place | undefined {
    if (this.directoryFolder === null) return undefined;
    return this.#catalog.find(this.directoryFolder.inode, `dir_${view.getUint32(at + AT.special)}`);
  }

  isLinked(file: HfsNode): boolean {
    return file.parentId === this.folder?.inode && file.name.startsWith('iNode');
  }

  // ── making ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Another name for `file`. The caller has found it free, and counts it in its folder. EMLINK, ENOSPC. */
  add(file: HfsNode, folder: HfsNode, name: string): void {
    const isFirst = !this.isLinked(file);
    const links = isFirst ? 1 : file.view.getUint32(AT.special);
    if (links >= LINKS_MAX) {
      throw new FsError('EMLINK', '', '', `a file has at most ${LINKS_MAX} names on HFS+`);
    }
    this.#catalog.reserve(3 + this.folderItems);
    if (isFirst) this.#convert(file);
    // Volumes of Mac OS X before 10.5 have links without chains; fsck would miss the others in one that begins now.
    const isChained = isFirst || (file.view.getUint16(AT.flags) & RECORD_FLAG.hasLinkChain) !== 0;
    const id = this.#insertLink(file, folder.inode, name, isChained);
    if (isChained) file.view.setUint32(AT.firstLink, id);
    file.view.setUint32(AT.special, links + 1);
    file.view.setUint32(AT.attributeModDate, this.#host.now());
    this.#catalog.store(file);
  }

  /** An ordinary file becomes an iNode file; a first link takes its place under its old name. */
  #convert(file: HfsNode): void {
    const priv = this.#ensureFolder();
    const { parentId, name } = file;
    file.view.setUint16(AT.flags, file.view.getUint16(AT.flags) | RECORD_FLAG.hasLinkChain);
    file.view.setUint32(AT.firstLink, 0);
    this.#moveTo(file, priv, `iNode${file.inode}`);
    const id = this.#insertLink(file, parentId, name, true);
    file.view.setUint32(AT.firstLink, id);
  }

  #moveTo(file: HfsNode, folder: HfsNode, name: string): void {
    this.#catalog.move(file.parentId, file.name, folder.inode, name, file.record);
    file.parentId = folder.inode;
    file.name = name;
    file.place = undefined;
    this.#catalog.count(folder, 1, false);
  }

  /** A record that refers to `file`, at the head of the chain. Returns its id. */
  #insertLink(file: HfsNode, parentId: number, name: string, isChained: boolean): number {
    const id = this.#catalog.newId();
    const record = this.#host.newFileRecord(LINK_MODE, 0, 0);
    const view = new DataView(record.buffer);
    const flags = RECORD_FLAG.threadExists | (isChained ? RECORD_FLAG.hasLinkChain : 0);
    const next = isChained ? file.view.getUint32(AT.firstLink) : 0;
    view.setUint16(AT.flags, flags);
    view.setUint32(AT.id, id);
    view.setUint32(AT.createDate, this.#createDate());
    view.setUint32(AT.next, next);
    view.setUint8(AT.ownerFlags, UF_IMMUTABLE);
    view.setUint32(AT.special, Number(file.name.slice('iNode'.length)));
    view.setUint32(AT.type, FILE_TYPE.hardLink);
    view.setUint32(AT.creator, FILE_CREATOR.hfsplus);
    view.setUint16(AT.finderFlags, FINDER_FLAG.hasBeenInited);
    this.#catalog.insert(parentId, name, record);
    if (next !== 0) this.#setNeighbour(next, AT.previous, id);
    return id;
  }

  #createDate(): number {
    return this.folder?.view.getUint32(AT.createDate) ?? 0;
  }

  /** Of the link with this id, one of its two neighbours. A chain that is broken already stays so. */
  #setNeighbour(linkId: number, fieldAt: number, neighbour: number): void {
    const place = this.#catalog.findById(linkId);
    if (place === undefined) return;
    const at = place.node.dataOffsetOf(place.index);
    if (!isFileLink(place.node.view, at)) return;
    this.#catalog.tree.touch(place.node);
    place.node.view.setUint32(at + fieldAt, neighbour);
  }

  // ── removing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The link `record` called `name` goes; its folder is the caller's business. Returns true when it was the last name
   * of `file`.
   */
  remove(record: Uint8Array, parentId: number, name: string, file: HfsNode): boolean {
    const view = new DataView(record.buffer, record.byteOffset, record.length);
    const id = view.getUint32(AT.id);
    const previous = view.getUint32(AT.previous);
    const next = view.getUint32(AT.next);
    this.#catalog.remove(parentId, name, id, false);
    if ((view.getUint16(AT.flags) & RECORD_FLAG.hasLinkChain) !== 0) {
      if (previous !== 0) this.#setNeighbour(previous, AT.next, next);
      else file.view.setUint32(AT.firstLink, next);
      if (next !== 0) this.#setNeighbour(next, AT.previous, previous);
    }
    const links = Math.max(file.view.getUint32(AT.special) - 1, 0);
    file.view.setUint32(AT.special, links);
    file.view.setUint32(AT.attributeModDate, this.#host.now());
    this.#catalog.store(file);
    return links === 0;
  }

  /** The file lives on without a name. What named it, its folder's count included, is the caller's business. */
  moveToTemporary(file: HfsNode): void {
    const priv = this.#ensureFolder();
    if (file.parentId === priv.inode) this.#catalog.count(priv, -1, false);
    file.view.setUint16(AT.flags, file.view.getUint16(AT.flags) & ~RECORD_FLAG.hasLinkChain);
    file.view.setUint32(AT.firstLink, 0);
    file.view.setUint32(AT.special, 0);
    this.#moveTo(file, priv, `temp${file.inode}`);
    file.isUnlinked = true;
  }

  /** Files that a power cut left without a name, and iNode files without any link. */
  abandoned(): Place[] {
    if (this.folder === null) return [];
    const ids: number[] = [];
    this.#catalog.walk(this.folder.inode, null, ({ name, view, at }) => {
      const isLinkless = name.startsWith('iNode') && view.getUint32(at + AT.special) === 0;
      if (view.getUint16(at) === 2 && (/^temp\d+$/.test(name) || isLinkless))
        ids.push(view.getUint32(at + AT.id));
      return true;
    });
    return ids.map((id) => this.#catalog.findById(id)).filter((place) => place !== undefined);
  }
}

/** Where the Finder draws it, if ever: outside every window. */
const FAR_AWAY = 16_384;
