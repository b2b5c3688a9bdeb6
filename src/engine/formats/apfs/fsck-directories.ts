import { textOf } from '../../base/bytes.ts';
import {
  DIRECTORY_FIELD_SIBLING_ID,
  DIRECTORY_RECORD_TYPE_BITS,
  FIELD_FLAG,
  MODE_TYPE,
  MODE_TYPE_BITS,
  OBJECT_ID,
  objectIdAt,
} from './layout-catalog.ts';
import { hex, u64At } from './fsck-check.ts';
import { idFault } from './fsck-inodes.ts';
import { storedNameHash } from './fsck-names.ts';
import { KEY_AT, LINK_AT, LINK_PURGEABLE } from './fsck-records.ts';
import type { TreeRecord } from './fsck-tree.ts';
import { INODE, LINK, STREAM } from './fsck-view.ts';
import type { View } from './fsck-view.ts';
import { isSameName } from './names.ts';

/**
 * Directory records (apfs.md §6.2): name and hash, type, the inode they lead to and the directory they stand in; no
 * directory has two names, none is below itself, and no two names of a directory are the same to who looks for them.
 */

export function visitLink(view: View, record: TreeRecord): void {
  const { links, facts } = view;
  const { keyAt, valueAt, block } = record;
  const parentId = objectIdAt(record.view, keyAt);
  const nameAt = keyAt + (facts.isHashed ? KEY_AT.hashedName : KEY_AT.plainName);
  const nameBytes = record.keyEnd - nameAt - 1;
  const row = links.add();
  links.set(row, LINK.parentId, parentId);
  links.set(row, LINK.nameAt, view.names.add(record.bytes, nameAt, nameBytes));
  links.set(row, LINK.nameBytes, nameBytes);
  links.set(row, LINK.block, block);
  links.set(row, LINK.valueAt, valueAt);
  links.set(row, LINK.keyAt, keyAt);
  if (nameBytes === 0) view.error('directory', `${describe(view, row)}: empty name`, block);
  if (facts.isHashed) checkHash(view, row, record, nameAt, nameBytes);
  if (record.valueEnd - valueAt < LINK_AT.fields) {
    view.error('directory', `${describe(view, row)}: value is too small`, block);
    return;
  }
  const fileId = u64At(record.view, valueAt + LINK_AT.fileId);
  links.set(row, LINK.fileId, fileId);
  links.set(row, LINK.flags, record.view.getUint16(valueAt + LINK_AT.flags, true));
  checkValue(view, row);
  readFields(view, row, record);
}

/** 'drec (parent 2, "notes.txt")' */
export const describe = (view: View, row: number): string =>
  `drec (parent ${view.links.get(row, LINK.parentId)}, "${view.linkName(row)}")`;

function checkHash(view: View, row: number, record: TreeRecord, nameAt: number, nameBytes: number): void {
  const { facts, before, links } = view;
  const stored = record.view.getUint32(record.keyAt + KEY_AT.hashAndLength, true) >>> 10;
  const right = storedNameHash(record.bytes, nameAt, nameBytes, facts.isCaseInsensitive);
  if (right < 0) view.error('directory', `${describe(view, row)}: name is not UTF-8`, record.block);
  else if (stored !== right) {
    const text = `invalid hash (${hex(stored)}, expected ${hex(right)})`;
    view.error('name-hash', `${describe(view, row)}: ${text}`, record.block);
  }
  const parentId = links.get(row, LINK.parentId);
  if (before.parentId === parentId && before.hash === stored) {
    const name = textOf(view.names.bytes(links.get(row, LINK.nameAt), nameBytes));
    const other = textOf(
      view.names.bytes(links.get(before.link, LINK.nameAt), links.get(before.link, LINK.nameBytes)),
    );
    if (isSameName(name, other, facts.isCaseInsensitive)) {
      view.error(
        'directory',
        `${describe(view, row)}: the same name as "${view.linkName(before.link)}"`,
        record.block,
      );
    }
  }
  before.parentId = parentId;
  before.hash = stored;
  before.link = row;
}

function checkValue(view: View, row: number): void {
  const { links } = view;
  const wrong = (text: string): void =>
    view.error('directory', `${describe(view, row)}: ${text}`, links.get(row, LINK.block));
  const fileId = links.get(row, LINK.fileId);
  const parentId = links.get(row, LINK.parentId);
  const fault = idFault(view, fileId, parentId);
  if (fault !== null) wrong(fault);
  const name = SPECIAL_NAMES[fileId];
  if (name !== undefined && view.linkName(row) !== name) wrong(`wrong name (expected "${name}")`);
  if (parentId === OBJECT_ID.privateDirectory && view.linkName(row) !== `0x${fileId.toString(16)}-dead`) {
    wrong(`wrong name of a file that waits to be deleted (expected "0x${fileId.toString(16)}-dead")`);
  }
  const flags = links.get(row, LINK.flags);
  const type = flags & DIRECTORY_RECORD_TYPE_BITS;
  if ((flags & ~(DIRECTORY_RECORD_TYPE_BITS | LINK_PURGEABLE)) !== 0) wrong(`unknown flags (${hex(flags)})`);
  const isPurgeable = (flags & LINK_PURGEABLE) !== 0;
  if (isPurgeable !== (parentId === OBJECT_ID.purgeableDirectory)) {
    wrong(
      isPurgeable ? 'purgeable outside of the purgeable directory' : 'not purgeable, but in that directory',
    );
  }
  if (type === 0) wrong('no type');
}

/** Names of the directories that every volume has. */
const SPECIAL_NAMES: Readonly<Record<number, string>> = {
  [OBJECT_ID.root]: 'root',
  [OBJECT_ID.privateDirectory]: 'private-dir',
};

/** At most one extended field: the id of a name that is one of several. */
function readFields(view: View, row: number, record: TreeRecord): void {
  const at = record.valueAt + LINK_AT.fields;
  const length = record.valueEnd - at;
  if (length === 0) return;
  const wrong = (text: string): void => {
    view.links.set(row, LINK.isFaulty, 1);
    view.siblingError('directory', `${describe(view, row)}: extended fields: ${text}`, record.block);
  };
  if (length !== FIELDS_BYTES || record.view.getUint16(at, true) !== 1) {
    wrong(`wrong size (${length}, expected ${FIELDS_BYTES} for one field)`);
    return;
  }
  const used = record.view.getUint16(at + 2, true);
  if (used !== SIBLING_ID_BYTES) wrong(`wrong size of values (${used}, expected ${SIBLING_ID_BYTES})`);
  const type = record.view.getUint8(at + 4);
  const flags = record.view.getUint8(at + 5);
  const size = record.view.getUint16(at + 6, true);
  const isBoth = (flags & FIELD_FLAG.userField) !== 0 && (flags & FIELD_FLAG.systemField) !== 0;
  if ((flags & RESERVED_FIELD_FLAGS) !== 0 || isBoth) wrong(`wrong flags (${hex(flags)})`);
  if (type !== DIRECTORY_FIELD_SIBLING_ID) wrong(`invalid type ${type}`);
  if (size !== SIBLING_ID_BYTES) wrong(`wrong size of a sibling id (${size})`);
  else view.links.set(row, LINK.siblingId, u64At(record.view, at + 8));
}

const SIBLING_ID_BYTES = 8;
/** Header, one entry, one value. */
const FIELDS_BYTES = 16;
const RESERVED_FIELD_FLAGS = 0xc4;

// ── against the inodes ──────────────────────────────────────────────────────────────────────────────────────────────

/** Bring names and inodes together: who is where, how many names and children each has. */
export function connectLinks(view: View): void {
  for (let row = 0; row < view.links.length; row++) connectLink(view, row);
}

function connectLink(view: View, row: number): void {
  const { links, inodes, inodeById } = view;
  const block = links.get(row, LINK.block);
  const parentId = links.get(row, LINK.parentId);
  if (parentId !== OBJECT_ID.rootParent && parentId !== OBJECT_ID.purgeableDirectory) {
    const parent = inodeById.get(parentId);
    if (parent === undefined)
      view.error('directory', `${describe(view, row)}: its directory is missing`, block);
    else if ((inodes.get(parent, INODE.mode) & MODE_TYPE_BITS) !== MODE_TYPE.directory) {
      view.error('directory', `${describe(view, row)}: stands in what is no directory`, block);
    } else inodes.increase(parent, INODE.children, 1);
  }
  const child = inodeById.get(links.get(row, LINK.fileId));
  if (child === undefined) {
    view.error('directory', `${describe(view, row)}: inode ${links.get(row, LINK.fileId)} is missing`, block);
    return;
  }
  if (parentId === OBJECT_ID.purgeableDirectory) {
    connectPurgeable(view, row, child);
    return;
  }
  inodes.increase(child, INODE.links, 1);
  if (inodes.get(child, INODE.firstLink) === 0) inodes.set(child, INODE.firstLink, row + 1);
  const type = links.get(row, LINK.flags) & DIRECTORY_RECORD_TYPE_BITS;
  const expected = inodes.get(child, INODE.mode) >>> 12;
  if (type !== expected) {
    view.error(
      'directory',
      `${describe(view, row)}: type (${type}, expected ${expected}) is not that of the inode`,
      block,
      view.fix(
        block,
        links.get(row, LINK.valueAt) + LINK_AT.flags,
        2,
        links.get(row, LINK.flags) - type + expected,
      ),
    );
  }
}

/** A second entry, by which the system finds what it may throw away. */
function connectPurgeable(view: View, row: number, child: number): void {
  const { links, inodes, streams } = view;
  const block = links.get(row, LINK.block);
  if (inodes.get(child, INODE.purgeableLink) !== 0) {
    view.error('directory', `${view.inode(child)}: two entries in the purgeable directory`, block);
  }
  inodes.set(child, INODE.purgeableLink, row + 1);
  const stream = inodes.get(child, INODE.stream) - 1;
  const bytes = stream < 0 ? 0 : streams.get(stream, STREAM.coveredBytes);
  const id = inodes.get(child, INODE.id).toString(16);
  const name = `0x${bytes.toString(16)}-0x${id}:${inodes.get(child, INODE.uid)}`;
  if (view.linkName(row) !== name)
    view.error('directory', `${describe(view, row)}: wrong name (expected "${name}")`, block);
}

/** Root and private directory exist; going up from any directory one comes to the root, not back to it. */
export function checkHierarchy(view: View, catalogBlock: number): void {
  for (const id of [OBJECT_ID.root, OBJECT_ID.privateDirectory]) {
    if (!view.inodeById.has(id)) {
      view.error('inode', `catalog: the ${SPECIAL_NAMES[id]} directory (id ${id}) is missing`, catalogBlock);
    }
  }
  const { inodes, links } = view;
  // 0: not looked at, 1: on the way being gone, 2: leads up to the root or has been told.
  const state = new Uint8Array(inodes.length);
  for (let start = 0; start < inodes.length; start++) {
    let row = start;
    const way: number[] = [];
    while (state[row] === 0) {
      state[row] = 1;
      way.push(row);
      const first = inodes.get(row, INODE.firstLink) - 1;
      const parent = first < 0 ? undefined : view.inodeById.get(links.get(first, LINK.parentId));
      if (parent === undefined) break;
      row = parent;
      if (state[row] === 1) {
        view.error('directory', `${view.inode(row)}: is below itself`, inodes.get(row, INODE.block));
      }
    }
    for (const passed of way) state[passed] = 2;
  }
}
