import type { Timespec } from '../../base/clock.ts';
import { FsError } from '../../base/errno.ts';
import { entryTypeOf, newInode, touchContents } from './attributes.ts';
import { countObject, insertInode, removeInode, saveInode } from './catalog.ts';
import { releaseContent } from './content.ts';
import { DirectoryCursor, findEntry, insertEntry, removeEntry, storedName } from './directory-records.ts';
import type { Name } from './directory-records.ts';
import type { FilesHost } from './files-host.ts';
import type { Inode } from './inode.ts';
import { OBJECT_ID } from './layout-catalog.ts';
import type { NodeTable } from './node-table.ts';
import { utf8 } from '../../base/bytes.ts';
import type { Room } from './transaction.ts';
import { dropXattrs } from './xattrs.ts';

/**
 * The end of files. One that nobody holds and that has few extents goes with its last name, in the same transaction.
 * One that is held, or too large for one transaction, is moved to the private directory as '0x…-dead' (its number in
 * hexadecimal): its link count is 0, it keeps its old parent and name, and the volume counts it no more. When its last
 * holder lets go it loses its contents from the front, some records in each transaction, at last its attributes and
 * records. A power cut anywhere leaves it in the private directory, where the next mount finds it.
 * [apfsck/inode.c check_inode_stats; what macOS leaves behind]
 */

/** Extents that one transaction lets go; fewer where there is hardly any room for the copies of nodes. */
const RELEASED_RECORDS = { usual: 64, scarce: 2 } as const;
/**
 * Leaves of the catalog that a removal or replacement touches besides those with extents: of names, inodes, attributes,
 * of two directories, the private one and one more where a name is added.
 */
const TOUCHED_LEAVES = 7;
/** Of extents that stand side by side in the catalog. */
const RECORDS_PER_LEAF = 30;

/** The name of an inode in the private directory. */
export const orphanName = (number: number): string => `0x${number.toString(16)}-dead`;
const ORPHAN = /^0x([0-9a-f]{1,14})-dead$/;

export class Orphans {
  readonly #host: FilesHost;
  readonly #nodes: NodeTable;

  constructor(host: FilesHost, nodes: NodeTable) {
    this.#host = host;
    this.#nodes = nodes;
  }

  /**
   * One transaction in which files lose names or contents: `body` is told how many records of them. It runs once, or
   * not at all (ENOSPC). A full volume has room for a step of few records: the container keeps as much back.
   */
  change<T>(body: (records: number) => T): T {
    const { commit } = this.#host;
    let hasBegun = false;
    const begin = (records: number) => (): T => {
      hasBegun = true;
      return body(records);
    };
    try {
      return commit.change(this.#room(RELEASED_RECORDS.usual), begin(RELEASED_RECORDS.usual));
    } catch (error) {
      const isFull = error instanceof FsError && error.code === 'ENOSPC';
      if (!isFull || hasBegun) throw error;
    }
    return commit.change(this.#room(RELEASED_RECORDS.scarce), begin(RELEASED_RECORDS.scarce));
  }

  #room(records: number): Room {
    const { catalog, references } = this.#host;
    const leaves = TOUCHED_LEAVES + Math.ceil(records / RECORDS_PER_LEAF);
    return {
      blocks: catalog.blocksOfTouching(leaves) + references.blocksOfTouching(2 * records),
      kind: 'shrink',
      freeRecords: 4 * records,
      coversNested: true,
    };
  }

  /**
   * The file has lost its last name, within `change`. True: it waits in the private directory
   * and `finish` goes on when nobody holds it; false: it is gone.
   */
  dismiss(inode: Inode, records: number): boolean {
    inode.childOrLinkCount = 0;
    countObject(this.#host, inode, -1);
    if (inode.holders === 0 && this.#releaseSome(inode, records)) {
      this.#erase(inode);
      return false;
    }
    inode.isUnlinked = true;
    this.#addEntry(inode);
    saveInode(this.#host, inode);
    return true;
  }

  /**
   * A file that never has a name, for contents that are being put together: whoever made it erases it, or `finish` does,
   * or after a power cut `resume`. Mode, owner and name for messages are those of `like`. Within a change of two records
   * and the private directory.
   */
  addNameless(like: Inode): Inode {
    const host = this.#host;
    const directory = this.#privateDirectory();
    const inode = newInode(host.newObjectId(), 'file', like, directory, like.nameBytes, host.now());
    // As one that has lost its name: checkers want an ordinary parent.
    inode.parentId = like.parentId;
    inode.childOrLinkCount = 0;
    inode.isUnlinked = true;
    this.#addEntry(inode);
    insertInode(host, inode);
    this.#nodes.add(inode);
    return inode;
  }

  #addEntry(inode: Inode): void {
    const now = this.#host.now();
    const privateDirectory = this.#privateDirectory();
    insertEntry(this.#host, OBJECT_ID.privateDirectory, this.#nameOf(inode), {
      fileId: inode.number,
      entryType: entryTypeOf(inode),
      siblingId: 0,
      dateAdded: now,
    });
    this.#countPrivate(privateDirectory, 1, now);
  }

  /** Erase what waits in the private directory and is held by nobody; a transaction for each step. */
  finish(inode: Inode): void {
    for (let isDone = false; !isDone;) {
      isDone = this.change((records) => {
        if (!this.#releaseSome(inode, records)) {
          saveInode(this.#host, inode);
          return false;
        }
        this.eraseNameless(inode);
        return true;
      });
    }
  }

  /** Does anything wait in the private directory? */
  get hasAny(): boolean {
    return new DirectoryCursor(this.#host, OBJECT_ID.privateDirectory, null).isValid;
  }

  /** Everything that a power cut left in the private directory. Returns how many files that were. */
  resume(): number {
    const numbers: number[] = [];
    const cursor = new DirectoryCursor(this.#host, OBJECT_ID.privateDirectory, null);
    for (; cursor.isValid; cursor.next()) {
      const digits = ORPHAN.exec(cursor.name)?.[1];
      if (digits !== undefined && parseInt(digits, 16) === cursor.fileId) numbers.push(cursor.fileId);
    }
    let count = 0;
    for (const number of numbers) {
      const inode = this.#nodes.get(number);
      if (inode === undefined || inode.holders > 0) continue;
      this.finish(inode);
      count++;
    }
    return count;
  }

  /** True when the contents are gone. */
  #releaseSome(inode: Inode, records: number): boolean {
    if (inode.stream === null) return true;
    return releaseContent(this.#host, inode, records);
  }

  #erase(inode: Inode): void {
    dropXattrs(this.#host, inode.number);
    removeInode(this.#host, inode);
    inode.isUnlinked = true;
    this.#nodes.forget(inode);
  }

  /** One that waits in the private directory and has no contents any more. Within a change. */
  eraseNameless(inode: Inode): void {
    const entry = findEntry(this.#host, OBJECT_ID.privateDirectory, this.#nameOf(inode));
    if (entry !== undefined) {
      removeEntry(this.#host, entry);
      this.#countPrivate(this.#privateDirectory(), -1, this.#host.now());
    }
    this.#erase(inode);
  }

  #nameOf(inode: Inode): Name {
    return storedName(this.#host, utf8(orphanName(inode.number)));
  }

  #privateDirectory(): Inode {
    const inode = this.#nodes.get(OBJECT_ID.privateDirectory);
    if (inode === undefined) {
      throw new FsError('EIO', '', '', 'the volume has no private directory (inode 3); run fsck');
    }
    return inode;
  }

  #countPrivate(directory: Inode, difference: 1 | -1, now: Timespec): void {
    directory.childOrLinkCount += difference;
    touchContents(directory, now);
    saveInode(this.#host, directory);
  }
}
