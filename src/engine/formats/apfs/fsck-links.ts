import { objectIdAt, OBJECT_ID } from './layout-catalog.ts';
import { u64At } from './fsck-check.ts';
import { describe } from './fsck-directories.ts';
import { isOrphan } from './fsck-inodes.ts';
import { nameFault } from './fsck-names.ts';
import { INODE_AT, KEY_AT } from './fsck-records.ts';
import type { TreeRecord } from './fsck-tree.ts';
import { INODE, LINK, SIBLING } from './fsck-view.ts';
import type { View } from './fsck-view.ts';

/**
 * Hard links (apfs.md §6.7): from the second name on each name has an id, a sibling link under its inode and a sibling
 * map that leads back. The name with the lowest id is the one the inode itself tells.
 */

const LINK_FIXED_BYTES = 10;
const MAP_BYTES = 8;

export function visitSiblingLink(view: View, record: TreeRecord): void {
  const { siblings } = view;
  const { valueAt, block } = record;
  const fileId = objectIdAt(record.view, record.keyAt);
  const id = u64At(record.view, record.keyAt + KEY_AT.second);
  const row = siblings.add();
  siblings.set(row, SIBLING.fileId, fileId);
  siblings.set(row, SIBLING.id, id);
  siblings.set(row, SIBLING.block, block);
  const wrong = (text: string): void => {
    siblings.set(row, SIBLING.isFaulty, 1);
    view.siblingError('link-count', `sibling link (inode ${fileId}, id ${id}): ${text}`, block);
  };
  if (id < OBJECT_ID.firstUser) wrong('reserved id');
  view.useId(id);
  if (record.valueEnd - valueAt < LINK_FIXED_BYTES) {
    wrong('value is too small');
    return;
  }
  const nameAt = valueAt + LINK_FIXED_BYTES;
  const lengthBytes = record.valueEnd - nameAt;
  const fault = nameFault(record.bytes, nameAt, lengthBytes, record.view.getUint16(valueAt + 8, true));
  if (fault !== null) wrong(fault);
  const nameBytes = Math.max(lengthBytes - 1, 0);
  siblings.set(row, SIBLING.parentId, u64At(record.view, valueAt));
  siblings.set(row, SIBLING.nameAt, view.names.add(record.bytes, nameAt, nameBytes));
  siblings.set(row, SIBLING.nameBytes, nameBytes);
}

export function visitSiblingMap(view: View, record: TreeRecord): void {
  const id = objectIdAt(record.view, record.keyAt);
  if (record.valueEnd - record.valueAt !== MAP_BYTES) {
    view.siblingError('link-count', `sibling map (id ${id}): wrong size of value`, record.block);
    view.siblingMap.set(id, { fileId: 0, block: record.block });
    return;
  }
  view.siblingMap.set(id, { fileId: u64At(record.view, record.valueAt), block: record.block });
}

export function checkSiblings(view: View): void {
  const linkOf = new Map<number, number>();
  const { links, siblings, inodes } = view;
  for (let row = 0; row < links.length; row++) {
    const id = links.get(row, LINK.siblingId);
    if (id === 0) continue;
    if (linkOf.has(id)) {
      view.siblingError(
        'link-count',
        `${describe(view, row)}: sibling id ${id} is another name's too`,
        links.get(row, LINK.block),
      );
    }
    linkOf.set(id, row);
  }
  const seen = new Set<number>();
  for (let row = 0; row < siblings.length; row++) {
    const id = siblings.get(row, SIBLING.id);
    if (seen.has(id)) tell(view, row, 'id is that of two sibling links');
    seen.add(id);
    connectSibling(view, row, linkOf.get(id));
  }
  for (const [id, link] of linkOf) {
    if (!seen.has(id)) {
      view.siblingError(
        'link-count',
        `${describe(view, link)}: sibling link ${id} is missing`,
        links.get(link, LINK.block),
      );
    }
  }
  for (const [id, { fileId, block }] of view.siblingMap) {
    if (!seen.has(id))
      view.siblingError(
        'link-count',
        `sibling map (id ${id}): inode ${fileId} has no such sibling link`,
        block,
      );
  }
  for (let row = 0; row < inodes.length; row++) checkPrimary(view, row);
}

function tell(view: View, row: number, text: string): void {
  const { siblings, inodes } = view;
  const inode = view.inodeById.get(siblings.get(row, SIBLING.fileId));
  if (inode !== undefined) inodes.set(inode, INODE.hasSiblingFault, 1);
  const at = `sibling link (inode ${siblings.get(row, SIBLING.fileId)}, id ${siblings.get(row, SIBLING.id)})`;
  view.siblingError('link-count', `${at}: ${text}`, siblings.get(row, SIBLING.block));
}

function connectSibling(view: View, row: number, link: number | undefined): void {
  const { siblings, links, names, inodes } = view;
  const fileId = siblings.get(row, SIBLING.fileId);
  const inode = view.inodeById.get(fileId);
  if (inode === undefined) tell(view, row, 'inode is missing');
  else {
    inodes.increase(inode, INODE.siblings, 1);
    // Keys ascend: the first one met has the lowest id.
    if (inodes.get(inode, INODE.firstSibling) === 0) inodes.set(inode, INODE.firstSibling, row + 1);
  }
  const mapped = view.siblingMap.get(siblings.get(row, SIBLING.id));
  if (!mapped) tell(view, row, 'sibling map is missing');
  else if (mapped.fileId !== fileId) tell(view, row, `sibling map leads to inode ${mapped.fileId}`);
  if (link === undefined) {
    tell(view, row, 'no directory record has this id');
    return;
  }
  if (links.get(link, LINK.fileId) !== fileId)
    tell(view, row, `${describe(view, link)} leads to another inode`);
  if (links.get(link, LINK.parentId) !== siblings.get(row, SIBLING.parentId)) {
    tell(
      view,
      row,
      `parent id (${siblings.get(row, SIBLING.parentId)}, expected ${links.get(link, LINK.parentId)})`,
    );
  }
  const [nameAt, nameBytes] = [links.get(link, LINK.nameAt), links.get(link, LINK.nameBytes)];
  if (
    !names.isSame(siblings.get(row, SIBLING.nameAt), siblings.get(row, SIBLING.nameBytes), nameAt, nameBytes)
  ) {
    tell(view, row, `name is not that of ${describe(view, link)}`);
  }
}

function checkPrimary(view: View, row: number): void {
  const { inodes, siblings, names } = view;
  const count = inodes.get(row, INODE.siblings);
  const links = inodes.get(row, INODE.links);
  const block = inodes.get(row, INODE.block);
  if (isOrphan(view, row)) {
    if (count > 0)
      view.siblingError('link-count', `${view.inode(row)}: waits to be deleted but has sibling links`, block);
    return;
  }
  if (links > 0 && count !== links && !(links === 1 && count === 0)) {
    view.siblingError('link-count', `${view.inode(row)}: ${links} names, but ${count} sibling links`, block);
    return;
  }
  if (count === 0 || inodes.get(row, INODE.hasSiblingFault) === 1) return;
  const first = inodes.get(row, INODE.firstSibling) - 1;
  const [nameAt, nameBytes] = [siblings.get(first, SIBLING.nameAt), siblings.get(first, SIBLING.nameBytes)];
  if (!names.isSame(inodes.get(row, INODE.nameAt), inodes.get(row, INODE.nameBytes), nameAt, nameBytes)) {
    view.error('inode', `${view.inode(row)}: its primary name is "${view.nameOf(nameAt, nameBytes)}"`, block);
  }
  const parentId = siblings.get(first, SIBLING.parentId);
  if (inodes.get(row, INODE.parentId) !== parentId) {
    view.error(
      'inode',
      `${view.inode(row)}: parent id (${inodes.get(row, INODE.parentId)}, expected ${parentId})`,
      block,
      view.fix(block, inodes.get(row, INODE.valueAt) + INODE_AT.parentId, 8, parentId),
    );
  }
}
