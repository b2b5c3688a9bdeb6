import { FsError } from '../../base/errno.ts';
import type { CloneOwner } from '../contract.ts';
import { newInode, setFlag } from './attributes.ts';
import { saveInode } from './catalog.ts';
import { shareStream } from './clones.ts';
import { DirectoryCursor, storedName } from './directory-records.ts';
import type { DirectoryTree } from './directory.ts';
import type { FilesHost } from './files-host.ts';
import type { Inode } from './inode.ts';
import { INODE_FLAG } from './layout-catalog.ts';
import { copyXattrs, xattrsCopyRoom } from './xattrs.ts';

/**
 * clonefile(2) of a file, a symlink or a whole directory, in one transaction: all of it or nothing.
 *
 * The clone of a file is another inode that names the same stream; nothing of the contents is read, copied or counted
 * block by block, so it costs the same whatever the file's length. Mode, BSD flags, extended attributes and the times
 * of contents come along; the clone was made now, belongs to whom the caller says, and set-id bits of files do not
 * survive. Of a hard link the clone is a file of its own. [clonefile(2); semantics of xnu's clonefile_internal]
 */

const SET_ID_BITS = 0o6000;
/** Flags of the inode that describe what comes along with attributes and contents. */
const COPIED_FLAGS =
  INODE_FLAG.hasSecurity |
  INODE_FLAG.hasFinderInfo |
  INODE_FLAG.hasResourceFork |
  INODE_FLAG.noResourceFork |
  INODE_FLAG.hasUncompressedSize |
  INODE_FLAG.snapshotCowExemption;
/** Deeper than any path can name; a damaged directory that holds itself stops here. */
const DEPTH_MAX = 512;

/** Records of the catalog for each object: inode, name, count of holders, the source's inode. */
const CHANGES_PER_OBJECT = 4;

export class CloneTree {
  readonly #host: FilesHost;
  readonly #tree: DirectoryTree;

  constructor(host: FilesHost, tree: DirectoryTree) {
    this.#host = host;
    this.#tree = tree;
  }

  /** EEXIST, EINVAL for what is no file, symlink or directory, ENOSPC. */
  clone(source: Inode, directory: Inode, text: string, owner: CloneOwner): void {
    const { type } = source;
    if (source === this.#tree.root) {
      throw new FsError('EINVAL', '', '', 'the root of a volume cannot be cloned');
    }
    if (type !== 'file' && type !== 'symlink' && type !== 'directory') {
      throw new FsError('EINVAL', '', '', `a ${type} cannot be cloned`);
    }
    if (source.isDirectory && this.#isWithin(directory, source)) {
      throw new FsError('EINVAL', '', '', 'a directory cannot be cloned into itself');
    }
    const survey = this.#survey(source, 0);
    this.#tree.addTo(directory, text, survey.objects * CHANGES_PER_OBJECT, survey.blocks, (name) => {
      this.#copy(source, directory, name.bytes, owner, 0);
    });
  }

  #isWithin(directory: Inode, ancestor: Inode): boolean {
    let at = directory;
    for (let depth = 0; depth < DEPTH_MAX; depth++) {
      if (at === ancestor) return true;
      if (at === this.#tree.root) return false;
      at = this.#tree.parentOf(at);
    }
    return true;
  }

  /** What there is to clone. EIO, ELOOP. */
  #survey(source: Inode, depth: number): { objects: number; blocks: number } {
    const sum = { objects: 1, blocks: xattrsCopyRoom(this.#host, source.number) };
    if (!source.isDirectory) return sum;
    for (const { inode } of this.#children(source, depth)) {
      const below = this.#survey(inode, depth + 1);
      sum.objects += below.objects;
      sum.blocks += below.blocks;
    }
    return sum;
  }

  #children(directory: Inode, depth: number): { readonly nameBytes: Uint8Array; readonly inode: Inode }[] {
    if (depth >= DEPTH_MAX) throw new FsError('ELOOP', '', '', `directories are nested ${DEPTH_MAX} deep`);
    const found: { nameBytes: Uint8Array; fileId: number }[] = [];
    const cursor = new DirectoryCursor(this.#host, directory.number, null);
    for (; cursor.isValid; cursor.next()) found.push(cursor.entry);
    return found.map(({ nameBytes, fileId }) => ({ nameBytes, inode: this.#tree.inodeNumbered(fileId) }));
  }

  #copy(source: Inode, directory: Inode, nameBytes: Uint8Array, owner: CloneOwner, depth: number): void {
    const host = this.#host;
    const clone = this.#newClone(source, directory, nameBytes, owner);
    // The source's stream is shared, and says so from now on.
    if (source.stream !== null) {
      shareStream(host, source, clone);
      saveInode(host, source);
    }
    const children = source.isDirectory ? this.#children(source, depth) : [];
    clone.childOrLinkCount = source.isDirectory ? children.length : 1;
    this.#tree.addNew(clone, directory, storedName(host, nameBytes));
    copyXattrs(host, source.number, clone.number);
    for (const child of children) this.#copy(child.inode, clone, child.nameBytes, owner, depth + 1);
  }

  #newClone(source: Inode, directory: Inode, nameBytes: Uint8Array, owner: CloneOwner): Inode {
    const now = this.#host.now();
    const { uid, gid } = owner ?? source;
    const mode = source.type === 'file' ? source.mode & ~SET_ID_BITS : source.mode;
    const number = this.#host.newObjectId();
    const clone = newInode(number, source.type, { mode, uid, gid }, directory, nameBytes, now);
    clone.modifyTime = source.modifyTime;
    clone.accessTime = source.accessTime;
    clone.bsdFlags = source.bsdFlags;
    clone.protectionClass = source.protectionClass;
    clone.uncompressedSizeBytes = source.uncompressedSizeBytes;
    clone.finderInfo = source.finderInfo?.slice() ?? null;
    setFlag(clone, COPIED_FLAGS, false);
    setFlag(clone, source.internalFlags & COPIED_FLAGS, true);
    return clone;
  }
}
