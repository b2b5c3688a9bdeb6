import {
  BSD_FLAG,
  INODE_FIELD,
  INODE_FLAG,
  MODE_TYPE,
  MODE_TYPE_BITS,
  OBJECT_ID,
  objectIdAt,
} from './layout-catalog.ts';
import { hex, u64At } from './fsck-check.ts';
import { readInodeFields } from './fsck-fields.ts';
import { INODE_AT, INODE_FLAGS_KNOWN } from './fsck-records.ts';
import type { Remedy } from './fsck-report.ts';
import type { TreeRecord } from './fsck-tree.ts';
import { HAS, INODE, LINK, STREAM } from './fsck-view.ts';
import type { View } from './fsck-view.ts';

/** Inodes: each by itself, and against the names, streams and attributes that belong to it (apfs.md §6.3). */

export function visitInode(view: View, record: TreeRecord): void {
  const { valueAt, block } = record;
  const id = objectIdAt(record.view, record.keyAt);
  if (record.valueEnd - valueAt < INODE_AT.fields) {
    view.error('inode', `inode (id ${id}): value is too small`, block);
    return;
  }
  if (view.inodeById.has(id)) return;
  const { inodes } = view;
  const row = inodes.add();
  view.inodeById.set(id, row);
  const flags = u64At(record.view, valueAt + INODE_AT.flags);
  const mode = record.view.getUint16(valueAt + INODE_AT.mode, true);
  inodes.set(row, INODE.id, id);
  inodes.set(row, INODE.block, block);
  inodes.set(row, INODE.valueAt, valueAt);
  inodes.set(row, INODE.parentId, u64At(record.view, valueAt + INODE_AT.parentId));
  inodes.set(row, INODE.privateId, u64At(record.view, valueAt + INODE_AT.privateId));
  inodes.set(row, INODE.flags, flags);
  inodes.set(row, INODE.mode, mode);
  inodes.set(row, INODE.bsdFlags, record.view.getUint32(valueAt + INODE_AT.bsdFlags, true));
  inodes.set(row, INODE.count, record.view.getUint32(valueAt + INODE_AT.count, true));
  inodes.set(row, INODE.uid, record.view.getUint32(valueAt + INODE_AT.uid, true));
  checkFixedPart(view, row, record);
  readInodeFields(view, row, record);
  checkFieldFlags(view, row);
  if (has(view, row, INODE_FLAG.isBeingTruncated)) {
    view.warning('truncation', `inode (id ${id}): is being truncated; the next mount goes on with it`, block);
  }
}

function checkFixedPart(view: View, row: number, record: TreeRecord): void {
  const { inodes } = view;
  const at = record.valueAt;
  const wrong = (text: string): void =>
    view.error('inode', `inode (id ${inodes.get(row, INODE.id)}): ${text}`, record.block);
  const fault = idFault(view, inodes.get(row, INODE.id), inodes.get(row, INODE.parentId));
  if (fault !== null) wrong(fault);
  if (inodes.get(row, INODE.parentId) === OBJECT_ID.privateDirectory)
    wrong('parent is the private directory');
  checkInternalFlags(view, row, record.view.getUint32(at + INODE_AT.flags + 4, true), wrong);
  const protectionClass = record.view.getUint32(at + INODE_AT.protectionClass, true);
  if (protectionClass > PROTECTION_CLASS_MAX || protectionClass === PROTECTION_CLASS_UNUSED) {
    wrong(`invalid default protection class (${protectionClass})`);
  }
  const mode = inodes.get(row, INODE.mode);
  if (!MODES.has(mode & MODE_TYPE_BITS)) wrong(`invalid mode (0${mode.toString(8)})`);
  if (record.view.getUint16(at + INODE_AT.padding, true) !== 0) wrong('padding is not zero');
  const uncompressed = u64At(record.view, at + INODE_AT.uncompressedSize);
  if (uncompressed !== 0 && !has(view, row, INODE_FLAG.hasUncompressedSize)) {
    wrong(`uncompressed size (${uncompressed}) without its flag`);
  }
}

const PROTECTION_CLASS_MAX = 6;
const PROTECTION_CLASS_UNUSED = 5;
const MODES: ReadonlySet<number> = new Set(
  Object.values(MODE_TYPE).filter((type) => type !== MODE_TYPE.whiteout),
);

/** `flag` is below 2^31, and so are all flags that are known; higher bits are told once. */
const has = (view: View, row: number, flag: number): boolean =>
  ((view.inodes.get(row, INODE.flags) % 2 ** 32) & flag) !== 0;

function checkInternalFlags(view: View, row: number, high: number, wrong: (text: string) => void): void {
  const { inodes, facts } = view;
  const flags = inodes.get(row, INODE.flags) % 2 ** 32;
  if (high !== 0 || (flags & ~INODE_FLAGS_KNOWN) !== 0) {
    wrong(`unknown internal flags (${hex(inodes.get(row, INODE.flags))})`);
  }
  const both = (a: number, b: number): boolean => (flags & a) !== 0 && (flags & b) !== 0;
  if (
    (flags & INODE_FLAG.directoryStatisticsOrigin) !== 0 &&
    !has(view, row, INODE_FLAG.maintainDirectoryStatistics)
  ) {
    wrong('origin of directory statistics that it does not keep');
  }
  if (both(INODE_FLAG.hasResourceFork, INODE_FLAG.noResourceFork)) wrong('incompatible resource fork flags');
  if (both(INODE_FLAG.pinnedToMain, INODE_FLAG.pinnedToTier2)) wrong('pinned to both tiers');
  const id = inodes.get(row, INODE.id);
  const isClone = (flags & (INODE_FLAG.wasCloned | INODE_FLAG.wasEverCloned)) !== 0;
  if (inodes.get(row, INODE.privateId) !== id && !isClone) {
    wrong(`private id ${inodes.get(row, INODE.privateId)}, but never cloned`);
  }
  if ((flags & INODE_FLAG.wasCloned) !== 0 && (flags & INODE_FLAG.wasEverCloned) === 0) {
    if (id >= facts.cloneFlagsFrom) wrong('inconsistent clone flags');
    else {
      view.warning(
        'inode',
        `inode (id ${id}): WAS_CLONED without WAS_EVER_CLONED`,
        inodes.get(row, INODE.block),
      );
    }
  }
}

function checkFieldFlags(view: View, row: number): void {
  const { inodes } = view;
  const fields = inodes.get(row, INODE.fields);
  for (const [field, flag, text] of FIELD_FLAGS) {
    if ((((fields >>> field) & 1) !== 0) !== has(view, row, flag)) {
      view.error('inode', `${view.inode(row)}: wrong flag for ${text}`, inodes.get(row, INODE.block));
    }
  }
  const type = inodes.get(row, INODE.mode) & MODE_TYPE_BITS;
  const isDevice = type === MODE_TYPE.characterDevice || type === MODE_TYPE.blockDevice;
  if ((((fields >>> INODE_FIELD.device) & 1) !== 0) !== isDevice) {
    const text = isDevice ? 'device without device number' : 'device number, but it is no device';
    view.error('inode', `${view.inode(row)}: ${text}`, inodes.get(row, INODE.block));
  }
}

const FIELD_FLAGS = [
  [INODE_FIELD.directoryStatisticsKey, INODE_FLAG.maintainDirectoryStatistics, 'directory statistics'],
  [INODE_FIELD.sparseBytes, INODE_FLAG.isSparse, 'sparse bytes'],
  [INODE_FIELD.purgeableFlags, INODE_FLAG.hasPurgeableFlags, 'purgeable flags'],
] as const;

/** What is wrong with an id and that of its directory, or null. Of inodes and of directory records. */
export function idFault(view: View, id: number, parentId: number): string | null {
  view.useId(id);
  if (id < OBJECT_ID.firstUser) {
    const isKnown =
      id === OBJECT_ID.root || id === OBJECT_ID.privateDirectory || id === OBJECT_ID.snapshotDirectory;
    if (!isKnown) return `reserved id ${id}`;
    return parentId === OBJECT_ID.rootParent ? null : `bad parent id (${parentId}, expected 1)`;
  }
  if (parentId >= OBJECT_ID.firstUser || PARENTS.has(parentId)) return null;
  return `reserved parent id ${parentId}`;
}

const PARENTS: ReadonlySet<number> = new Set([
  OBJECT_ID.root,
  OBJECT_ID.privateDirectory,
  OBJECT_ID.snapshotDirectory,
  OBJECT_ID.purgeableDirectory,
]);

// ── against the rest of the catalog ─────────────────────────────────────────────────────────────────────────────────

/** In the private directory, waiting to be deleted. */
export const isOrphan = (view: View, row: number): boolean => {
  const first = view.inodes.get(row, INODE.firstLink);
  return first !== 0 && view.links.get(first - 1, LINK.parentId) === OBJECT_ID.privateDirectory;
};

export function checkInodes(view: View): void {
  for (let row = 0; row < view.inodes.length; row++) {
    checkNames(view, row);
    checkLinkCount(view, row);
    checkStream(view, row);
    checkAttributes(view, row);
  }
}

function checkNames(view: View, row: number): void {
  const { inodes, links, names } = view;
  const block = inodes.get(row, INODE.block);
  const nameAt = inodes.get(row, INODE.nameAt);
  const nameBytes = inodes.get(row, INODE.nameBytes);
  if (nameBytes === 0)
    view.error('inode', `inode (id ${inodes.get(row, INODE.id)}): has no name field`, block);
  const first = inodes.get(row, INODE.firstLink) - 1;
  if (first < 0) {
    view.error('directory', `${view.inode(row)}: no directory record leads to it`, block);
    return;
  }
  if (isOrphan(view, row)) {
    const text = `${view.inode(row)}: waits in the private directory to be deleted`;
    view.warning('orphan', text, links.get(first, LINK.block));
    return;
  }
  // Of several names the sibling links say which one the inode tells.
  if (nameBytes === 0 || inodes.get(row, INODE.siblings) > 0 || inodes.get(row, INODE.links) > 1) return;
  if (!names.isSame(nameAt, nameBytes, links.get(first, LINK.nameAt), links.get(first, LINK.nameBytes))) {
    view.error('inode', `${view.inode(row)}: its only name is "${view.linkName(first)}"`, block);
  }
  const parentId = links.get(first, LINK.parentId);
  if (inodes.get(row, INODE.parentId) !== parentId) {
    view.error(
      'inode',
      `${view.inode(row)}: parent id (${inodes.get(row, INODE.parentId)}, expected ${parentId})`,
      block,
      view.fix(block, inodes.get(row, INODE.valueAt) + INODE_AT.parentId, 8, parentId),
    );
  }
}

function checkLinkCount(view: View, row: number): void {
  const { inodes } = view;
  const block = inodes.get(row, INODE.block);
  const count = inodes.get(row, INODE.count);
  const links = inodes.get(row, INODE.links);
  if (links === 0) return;
  if ((inodes.get(row, INODE.mode) & MODE_TYPE_BITS) === MODE_TYPE.directory) {
    const id = inodes.get(row, INODE.id);
    const children = inodes.get(row, INODE.children);
    if (links !== 1)
      view.error('link-count', `directory (oid ${hex(id)}): has ${links} directory records`, block);
    if (count !== children) {
      const text = `directory valence check: directory (oid ${hex(id)}): nchildren (${count}) does not match drec count (${children})`;
      view.error('directory', text, block, fixCount(view, row, children));
    }
    if (isOrphan(view, row) && children !== 0) {
      view.error('directory', `${view.inode(row)}: waits to be deleted but has children`, block);
    }
    return;
  }
  if (isOrphan(view, row)) {
    if (links !== 1)
      view.error('link-count', `${view.inode(row)}: waits to be deleted but has other names`, block);
    if (count !== 0) {
      const text = `${view.inode(row)}: waits to be deleted with nlink (${count})`;
      view.error('link-count', text, block, fixCount(view, row, 0));
    }
  } else if (count !== links) {
    view.error(
      'link-count',
      `${view.inode(row)}: nlink (${count}) does not match drec count (${links})`,
      block,
      fixCount(view, row, links),
    );
  }
}

/** The number of children or names that an inode should tell. */
const fixCount = (view: View, row: number, right: number): Remedy | undefined =>
  view.fix(view.inodes.get(row, INODE.block), view.inodes.get(row, INODE.valueAt) + INODE_AT.count, 4, right);

function checkStream(view: View, row: number): void {
  const { inodes, streams } = view;
  const block = inodes.get(row, INODE.block);
  const stream = inodes.get(row, INODE.stream) - 1;
  const sparseBytes = inodes.get(row, INODE.sparseBytes);
  if (stream < 0) {
    if (sparseBytes !== 0) view.error('inode', `${view.inode(row)}: sparse bytes without a stream`, block);
    return;
  }
  const isClone = has(view, row, INODE_FLAG.wasCloned) || has(view, row, INODE_FLAG.wasEverCloned);
  if (streams.get(stream, STREAM.holders) > 1 && !isClone) {
    view.error('inode', `${view.inode(row)}: shares its stream, but was never cloned`, block);
  }
  if (isOrphan(view, row)) streams.set(stream, STREAM.isOrphan, 1);
  else if (streams.get(stream, STREAM.sparseBytes) !== sparseBytes) {
    const text = `sparse bytes (${sparseBytes}, expected ${streams.get(stream, STREAM.sparseBytes)})`;
    view.error('dstream', `${view.inode(row)}: ${text}`, block);
  }
}

function checkAttributes(view: View, row: number): void {
  const { inodes } = view;
  const xattrs = inodes.get(row, INODE.xattrs);
  const wrong = (text: string): void =>
    view.error('xattr', `${view.inode(row)}: ${text}`, inodes.get(row, INODE.block));
  const isSymlink = (inodes.get(row, INODE.mode) & MODE_TYPE_BITS) === MODE_TYPE.symlink;
  if (isSymlink !== ((xattrs & HAS.symlink) !== 0)) {
    wrong(isSymlink ? 'symlink without a target' : 'target of a symlink, but it is none');
  }
  const fork = (xattrs & HAS.resourceFork) !== 0;
  if (fork !== has(view, row, INODE_FLAG.hasResourceFork)) {
    wrong(fork ? 'resource fork without its flag' : 'flag of a resource fork, but it has none');
  }
  const security = (xattrs & HAS.security) !== 0;
  if (security !== has(view, row, INODE_FLAG.hasSecurity)) {
    wrong(
      security ? 'access control list without its flag' : 'flag of an access control list, but it has none',
    );
  }
  const field = ((inodes.get(row, INODE.fields) >>> INODE_FIELD.finderInfo) & 1) !== 0;
  const xattr = (xattrs & HAS.finderInfo) !== 0;
  if (field && xattr) wrong('Finder info twice');
  if ((field || xattr) !== has(view, row, INODE_FLAG.hasFinderInfo)) wrong('wrong flag for Finder info');
  const isPurgeable = inodes.get(row, INODE.purgeableLink) !== 0;
  if (isPurgeable !== has(view, row, INODE_FLAG.isPurgeable)) wrong('wrong flag for being purgeable');
  checkCompression(view, row, wrong);
}

function checkCompression(view: View, row: number, wrong: (text: string) => void): void {
  const { inodes } = view;
  const xattrs = inodes.get(row, INODE.xattrs);
  const isCompressed = (inodes.get(row, INODE.bsdFlags) & BSD_FLAG.compressed) !== 0;
  const hasHeader = (xattrs & HAS.decmpfs) !== 0;
  if (isCompressed !== hasHeader) {
    wrong(
      isCompressed ? 'compressed, but without com.apple.decmpfs' : 'com.apple.decmpfs, but not compressed',
    );
  }
  const compression = inodes.get(row, INODE.compression) - 1;
  if (!hasHeader || compression < 0) return;
  const fork = (xattrs & HAS.resourceFork) !== 0;
  if (COMPRESSED_IN_FORK.has(compression) && !fork) wrong('compressed into a resource fork that it lacks');
  if (COMPRESSED_INLINE.has(compression) && fork)
    wrong('compressed into its attribute, but has a resource fork');
}

/** Types of decmpfs whose bytes are in the resource fork, and those where they are in the attribute itself. */
const COMPRESSED_IN_FORK: ReadonlySet<number> = new Set([4, 8, 10, 12, 14]);
const COMPRESSED_INLINE: ReadonlySet<number> = new Set([1, 3, 7, 9, 11, 13]);
