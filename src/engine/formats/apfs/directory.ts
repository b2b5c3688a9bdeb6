import { FsError } from '../../base/errno.ts';
import type { FileType, ListedEntry, Listing, NodeInit } from '../contract.ts';
import { entryTypeOf, newInode, touchContents } from './attributes.ts';
import { catalogRoom, countObject, insertInode, readInode, removeInode, saveInode } from './catalog.ts';
import {
  DirectoryCursor,
  findEntry,
  findFileId,
  insertEntry,
  isEmptyDirectory,
  nameOf,
  nameToFind,
  removeEntry,
  replaceEntry,
} from './directory-records.ts';
import type { DirectoryEntry, Name } from './directory-records.ts';
import type { FilesHost } from './files-host.ts';
import type { Inode } from './inode.ts';
import { OBJECT_ID } from './layout-catalog.ts';
import { addSibling, moveSibling, numberFirstName, removeSibling } from './links.ts';
import { NodeTable } from './node-table.ts';
import { Orphans } from './orphans.ts';
import { dropXattrs } from './xattrs.ts';

/**
 * Names that come, go and move, and the inodes they lead to. Each public operation is one change, part of one
 * transaction; what may fail fails before it begins. Directories count their entries in their inode, the volume counts
 * its objects: both are exact after every operation.
 */

/** Records of the catalog that an operation touches at most, hard links and replaced targets among them. */
const CHANGES = { create: 3, link: 8, rename: 10 } as const;

/** How many places of listings without hashes are remembered for going on. */
const PLACES_MAX = 4096;

/** A name, found: the record and the inode it leads to. */
interface Found {
  readonly directory: Inode;
  readonly entry: DirectoryEntry;
  readonly inode: Inode;
}

export class DirectoryTree {
  readonly nodes: NodeTable;
  readonly orphans: Orphans;
  readonly root: Inode;
  readonly #host: FilesHost;
  /** Where listings of directories without hashes stopped. */
  readonly #places = new Map<number, Uint8Array>();
  #nextPlace = 0;

  /** EIO when the volume has no root directory. */
  constructor(host: FilesHost) {
    this.#host = host;
    this.nodes = new NodeTable((number) => readInode(host, number));
    this.orphans = new Orphans(host, this.nodes);
    const root = this.nodes.get(OBJECT_ID.root);
    if (root?.isDirectory !== true) {
      throw new FsError('EIO', '', '', 'the volume has no root directory (inode 2); run fsck');
    }
    this.root = root;
    root.holders = 1;
  }

  // ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** ENOTDIR, ENAMETOOLONG, EILSEQ, EIO. */
  lookup(directory: Inode, text: string): Inode | undefined {
    requireDirectory(directory);
    const fileId = findFileId(this.#host, directory.number, text);
    return fileId === undefined ? undefined : this.inodeNumbered(fileId);
  }

  #find(directory: Inode, name: Name): Found | undefined {
    requireDirectory(directory);
    const entry = findEntry(this.#host, directory.number, name);
    return entry && { directory, entry, inode: this.inodeNumbered(entry.fileId) };
  }

  /** The inode a name leads to. EIO when there is none. */
  inodeNumbered(fileId: number): Inode {
    const inode = this.nodes.get(fileId);
    if (inode === undefined) {
      throw new FsError('EIO', '', '', `a name leads to inode ${fileId}, which does not exist; run fsck`);
    }
    return inode;
  }

  /** What cannot be a name is the name of nothing. */
  #findText(directory: Inode, text: string): Found | undefined {
    requireDirectory(directory);
    const name = nameToFind(this.#host, text);
    return name && this.#find(directory, name);
  }

  #existing(directory: Inode, text: string): Found {
    const found = this.#findText(directory, text);
    if (found === undefined) throw new FsError('ENOENT', '', '');
    return found;
  }

  /** The bytes of the name as the directory has it. */
  storedName(directory: Inode, text: string): Uint8Array | undefined {
    requireDirectory(directory);
    const name = nameToFind(this.#host, text);
    return name && findEntry(this.#host, directory.number, name)?.nameBytes;
  }

  parentOf(directory: Inode): Inode {
    if (directory === this.root) return directory;
    return this.nodes.get(directory.parentId) ?? this.root;
  }

  /** In the order of the disk. `after` is where the last piece ended; EINVAL for one that nobody gave out. */
  list(directory: Inode, after: number | null, countMax: number): Listing {
    requireDirectory(directory);
    const cursor = new DirectoryCursor(this.#host, directory.number, this.#placeOf(after));
    const entries: ListedEntry[] = [];
    if (!this.#host.isHashed) return this.#listPlain(cursor, entries, countMax);
    let lastHash = -1;
    for (; cursor.isValid; cursor.next()) {
      const { hash } = cursor;
      // A piece ends with a hash, so that its number says where to go on; names of one hash are a few.
      if (entries.length >= countMax && hash !== lastHash) return { entries, next: lastHash };
      entries.push({ name: cursor.name, inode: cursor.fileId, type: cursor.type });
      lastHash = hash;
    }
    return { entries, next: null };
  }

  #listPlain(cursor: DirectoryCursor, entries: ListedEntry[], countMax: number): Listing {
    let last: Uint8Array | undefined;
    for (; cursor.isValid; cursor.next()) {
      if (entries.length >= countMax && last !== undefined) {
        return { entries, next: this.#remember(last) };
      }
      entries.push({ name: cursor.name, inode: cursor.fileId, type: cursor.type });
      if (entries.length >= countMax) last = cursor.entry.key;
    }
    return { entries, next: null };
  }

  #placeOf(after: number | null): number | Uint8Array | null {
    if (after === null || this.#host.isHashed) return after;
    const place = this.#places.get(after);
    if (place === undefined)
      throw new FsError('EINVAL', '', '', 'the listing is too old to go on: begin again');
    return place;
  }

  #remember(key: Uint8Array): number {
    const place = this.#nextPlace++;
    this.#places.set(place, key);
    if (this.#places.size > PLACES_MAX) this.#places.delete(place - PLACES_MAX);
    return place;
  }

  // ── making ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Held once for the caller. `complete` adds what a type needs besides, within the same change: `extra` records of the
   * catalog at most. EEXIST, ENOTDIR, ENOENT, ENOSPC.
   */
  create(
    directory: Inode,
    text: string,
    type: FileType,
    init: NodeInit,
    extra = 0,
    complete?: (inode: Inode) => void,
  ): Inode {
    const host = this.#host;
    const name = this.#newName(directory, text);
    return host.commit.change(this.#growRoom(CHANGES.create + extra), () => {
      const now = host.now();
      const inode = newInode(host.newObjectId(), type, init, directory, name.bytes, now);
      complete?.(inode);
      this.addNew(inode, directory, name);
      inode.holders = 1;
      this.nodes.add(inode);
      this.#touch(directory, 1);
      return inode;
    });
  }

  #growRoom(changes: number) {
    return { blocks: catalogRoom(this.#host, changes), kind: 'grow' } as const;
  }

  /** A name that is free in a directory that is there. */
  #newName(directory: Inode, text: string): Name {
    requireLiving(directory);
    const name = nameOf(this.#host, text);
    if (findEntry(this.#host, directory.number, name) !== undefined) throw new FsError('EEXIST', '', '');
    return name;
  }

  /** Records of a new inode and its name. The directory counts it when all is there. */
  addNew(inode: Inode, directory: Inode, name: Name): void {
    insertInode(this.#host, inode);
    insertEntry(this.#host, directory.number, name, {
      fileId: inode.number,
      entryType: entryTypeOf(inode),
      siblingId: 0,
      dateAdded: inode.createTime,
    });
    countObject(this.#host, inode, 1);
  }

  /**
   * A name for what `make` adds with `addNew` and counts for itself, all in one change that takes `changes` records of
   * the catalog and `blocks` besides. EEXIST, ENOTDIR, ENOENT, ENOSPC.
   */
  addTo(directory: Inode, text: string, changes: number, blocks: number, make: (name: Name) => void): void {
    const name = this.#newName(directory, text);
    const room = this.#growRoom(CHANGES.create + changes);
    this.#host.commit.change({ ...room, blocks: room.blocks + blocks }, () => {
      make(name);
      this.#touch(directory, 1);
    });
  }

  /** Its entries changed, `difference` more of them. */
  #touch(directory: Inode, difference: number): void {
    directory.childOrLinkCount = Math.max(directory.childOrLinkCount + difference, 0);
    touchContents(directory, this.#host.now());
    saveInode(this.#host, directory);
  }

  /** Another name for a file. EPERM for a directory, EEXIST, EMLINK. */
  link(inode: Inode, directory: Inode, text: string): void {
    if (inode.isDirectory) throw new FsError('EPERM', '', '', 'APFS has no hard links to directories');
    if (inode.isUnlinked) throw new FsError('ENOENT', '', '', 'the file has no name any more');
    if (inode.childOrLinkCount >= 0xffff_ffff) throw new FsError('EMLINK', '', '');
    const name = this.#newName(directory, text);
    const host = this.#host;
    host.commit.change(this.#growRoom(CHANGES.link), () => {
      numberFirstName(host, inode);
      const siblingId = addSibling(host, inode.number, directory.number, name.bytes);
      const now = host.now();
      insertEntry(host, directory.number, name, {
        ...{ fileId: inode.number, entryType: entryTypeOf(inode), siblingId },
        dateAdded: now,
      });
      inode.childOrLinkCount++;
      inode.changeTime = now;
      saveInode(host, inode);
      this.#touch(directory, 1);
    });
  }

  // ── removing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Contents of a file that nobody holds go in as many transactions as they need, once the name is gone. */
  remove(directory: Inode, text: string): void {
    const found = this.#existing(directory, text);
    if (found.inode.isDirectory) throw new FsError('EPERM', '', '', 'it is a directory: use rmdir');
    this.orphans.change((records) => {
      this.#unlink(found, records);
      this.#touch(directory, -1);
    });
    this.finishUnheld(found.inode);
  }

  /** The rest of a file that was too large for one transaction. */
  finishUnheld(inode: Inode): void {
    if (inode.isUnlinked && !inode.isGone && !inode.isDirectory && inode.holders === 0) {
      this.orphans.finish(inode);
    }
  }

  /** The name goes, and with the last name the file. */
  #unlink({ entry, inode }: Found, records: number): void {
    const host = this.#host;
    removeEntry(host, entry);
    inode.changeTime = host.now();
    if (entry.siblingId !== 0) removeSibling(host, inode, entry.siblingId);
    if (inode.childOrLinkCount > 1) {
      inode.childOrLinkCount--;
      saveInode(host, inode);
    } else {
      this.orphans.dismiss(inode, records);
    }
  }

  /** ENOTDIR, ENOTEMPTY. */
  removeDirectory(directory: Inode, text: string): void {
    const found = this.#existing(directory, text);
    if (!found.inode.isDirectory) throw new FsError('ENOTDIR', '', '');
    this.#requireEmpty(found.inode);
    this.orphans.change(() => {
      this.#eraseDirectory(found);
      this.#touch(directory, -1);
    });
  }

  #requireEmpty(directory: Inode): void {
    if (!isEmptyDirectory(this.#host, directory.number)) throw new FsError('ENOTEMPTY', '', '');
  }

  #eraseDirectory({ entry, inode }: Found): void {
    const host = this.#host;
    removeEntry(host, entry);
    dropXattrs(host, inode.number);
    removeInode(host, inode);
    countObject(host, inode, -1);
    inode.isUnlinked = true;
    this.nodes.forget(inode);
  }

  // ── moving ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** An existing target goes in the same transaction. */
  rename(from: Inode, fromText: string, to: Inode, toText: string): void {
    requireLiving(to);
    const source = this.#existing(from, fromText);
    const name = nameOf(this.#host, toText);
    const target = this.#find(to, name);
    const isSameEntry =
      target !== undefined && from === to && isSameBytes(target.entry.key, source.entry.key);
    if (isSameEntry && isSameBytes(name.bytes, source.entry.nameBytes)) return;
    const replaced = isSameEntry ? undefined : target;
    if (replaced !== undefined) {
      // Two names of one file: POSIX wants nothing done.
      if (replaced.inode === source.inode) return;
      this.#requireReplaceable(source.inode, replaced.inode);
    }
    if (replaced === undefined) {
      this.#host.commit.change(this.#growRoom(CHANGES.rename), () => this.#move(source, to, name));
      return;
    }
    // Room as for a removal: one name takes the place of another.
    this.orphans.change((records) => {
      if (replaced.inode.isDirectory) this.#eraseDirectory(replaced);
      else this.#unlink(replaced, records);
      this.#touch(to, -1);
      this.#move(source, to, name);
    });
    this.finishUnheld(replaced.inode);
  }

  #requireReplaceable(source: Inode, target: Inode): void {
    if (target.isDirectory && !source.isDirectory) throw new FsError('EISDIR', '', '');
    if (source.isDirectory && !target.isDirectory) throw new FsError('ENOTDIR', '', '');
    if (target.isDirectory) this.#requireEmpty(target);
  }

  #move(source: Found, to: Inode, name: Name): void {
    const host = this.#host;
    const { directory: from, entry } = source;
    removeEntry(host, entry);
    const dateAdded = from === to ? entry.dateAdded : host.now();
    insertEntry(host, to.number, name, { ...entry, dateAdded });
    this.#follow(source, to, name);
    if (from !== to) this.#touch(from, -1);
    this.#touch(to, from === to ? 0 : 1);
  }

  /** What the inode and its hard links say of the name `entry` becomes that of its new place. */
  #follow({ entry, inode }: Pick<Found, 'entry' | 'inode'>, to: Inode, name: Name): void {
    if (entry.siblingId !== 0) {
      moveSibling(this.#host, inode, entry.siblingId, to.number, name);
    } else {
      inode.parentId = to.number;
      inode.nameBytes = name.bytes;
    }
    inode.changeTime = this.#host.now();
    saveInode(this.#host, inode);
  }

  /** Both names exist and change what they lead to. */
  swap(from: Inode, fromText: string, to: Inode, toText: string): void {
    const first = this.#existing(from, fromText);
    const second = this.#existing(to, toText);
    if (first.inode === second.inode) return;
    const host = this.#host;
    host.commit.change(this.#growRoom(CHANGES.rename), () => {
      const now = host.now();
      const isSameDirectory = from === to;
      const arriving = ({ entry }: Found): DirectoryEntry =>
        isSameDirectory ? entry : { ...entry, dateAdded: now };
      replaceEntry(host, first.entry, arriving(second));
      replaceEntry(host, second.entry, arriving(first));
      this.#follow({ entry: first.entry, inode: first.inode }, to, spelling(second.entry));
      this.#follow({ entry: second.entry, inode: second.inode }, from, spelling(first.entry));
      this.#touch(from, 0);
      if (!isSameDirectory) this.#touch(to, 0);
    });
  }
}

const spelling = ({ nameBytes }: DirectoryEntry): Name => ({ text: '', bytes: nameBytes, hash: 0 });

function requireDirectory(directory: Inode): void {
  if (!directory.isDirectory) throw new FsError('ENOTDIR', '', '');
}

/** A directory about to get an entry: ENOENT when it was removed while somebody stood in it. */
function requireLiving(directory: Inode): void {
  requireDirectory(directory);
  if (directory.isUnlinked || directory.isGone) {
    throw new FsError('ENOENT', '', '', 'the directory was removed');
  }
}

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
