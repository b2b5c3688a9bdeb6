import type { Page, StructureNode, StructurePage } from '../survey.ts';
import { EMPTY, slice } from '../structure-page.ts';
import { BLOCK_SIZE_BYTES, OBJECT } from './layout.ts';
import { MODE_TYPE, MODE_TYPE_BITS, OBJECT_ID, RECORD_TYPE, XATTR_NAME } from './layout-catalog.ts';
import { VOLUME_INCOMPATIBLE } from './layout-volume.ts';
import { recordFields } from './annotate-node.ts';
import { count } from './annotate-pieces.ts';
import type { OwnerIndex } from './owner-index.ts';
import {
  NOWHERE,
  branch,
  fieldNodes,
  leaf,
  pagedBehind,
  whereBlocks,
  whereInObject,
} from './structures-pieces.ts';
import type { Where } from './structures-pieces.ts';
import { describeRecord, extentBlocks, extentText } from './structures-records.ts';
import { keyOfView } from './structures-views.ts';
import { attributeName } from './view-streams.ts';
import type { Place } from './view-tree.ts';
import { inodeAt, isDirectory, nameIn, nameOfDirectoryRecord, targetOf, typeOf } from './view-records.ts';
import type { InodeSummary } from './view-records.ts';
import type { CatalogView } from './view-volume.ts';

/** Directories and files by their names: inode record, attributes, links, stream and extents. */

const KINDS: Readonly<Record<number, string>> = {
  [MODE_TYPE.directory]: 'Directory',
  [MODE_TYPE.file]: 'File',
  [MODE_TYPE.symlink]: 'Symbolic link',
  [MODE_TYPE.fifo]: 'FIFO',
  [MODE_TYPE.socket]: 'Socket',
  [MODE_TYPE.characterDevice]: 'Character device',
  [MODE_TYPE.blockDevice]: 'Block device',
};

export function itemNode(view: CatalogView, objectId: number, name?: string): StructureNode {
  const id = `item:${keyOfView(view)}:${objectId}`;
  const place = view.inodeOf(objectId);
  if (!place)
    return leaf(id, `Inode ${objectId} ${name ?? ''}`, 'has no record in the catalog: damage', NOWHERE);
  const inode = inodeAt(place);
  const kind = KINDS[inode.mode & MODE_TYPE_BITS] ?? 'Item';
  const title = `${kind} ${name ?? (objectId === OBJECT_ID.root ? '/' : inode.name)}`;
  return branch(id, title, summaryOf(view, objectId, inode), whereRecord(place));
}

/** The item that a directory's record in the catalog leads to; null for other records. */
export function entryItem(view: CatalogView, place: Place): StructureNode | null {
  if (typeOf(place) !== RECORD_TYPE.directoryRecord) return null;
  return itemNode(view, targetOf(place).objectId, nameOfDirectoryRecord(place, view.isHashed));
}

function summaryOf(view: CatalogView, objectId: number, inode: InodeSummary): string {
  const parts = [`inode ${objectId}`];
  if (isDirectory(inode)) parts.push(count(inode.childOrLinkCount, 'entry'));
  else {
    if (inode.sizeBytes >= 0) parts.push(count(inode.sizeBytes, 'byte'));
    if (inode.childOrLinkCount > 1) parts.push(count(inode.childOrLinkCount, 'name'));
    if (inode.privateId !== objectId) parts.push(`stream ${inode.privateId}: a clone`);
    if ((inode.mode & MODE_TYPE_BITS) === MODE_TYPE.symlink) parts.push(`→ ${targetText(view, objectId)}`);
  }
  return parts.join(', ');
}

function targetText(view: CatalogView, objectId: number): string {
  for (const place of view.recordsOf(objectId, RECORD_TYPE.extendedAttribute)) {
    if (typeOf(place) !== RECORD_TYPE.extendedAttribute) break;
    if (attributeName(place) !== XATTR_NAME.symlink) continue;
    const { node, record } = place;
    return nameIn(node.bytes.subarray(0, node.valueEnd(record)), node.valueAt(record) + 4, 1024);
  }
  return '(nothing)';
}

const whereRecord = ({ node, record }: Place): Where => {
  const from = node.keyAt(record);
  return whereInObject([node.block])(from, node.keyEnd(record) - from);
};

/** So many records of one file are shown; a directory's entries and a file's extents come page by page. */
const RECORDS_MAX = 10_000;

export function itemChildren(
  index: OwnerIndex,
  view: CatalogView | undefined,
  objectId: number,
  page: Page,
): StructurePage {
  const place = view?.inodeOf(objectId);
  if (!view || !place) return EMPTY;
  const inode = inodeAt(place);
  const head: StructureNode[] = [];
  for (const own of view.recordsOf(objectId)) {
    const type = typeOf(own);
    if (type === RECORD_TYPE.directoryRecord || type === RECORD_TYPE.fileExtent || head.length >= RECORDS_MAX)
      break;
    head.push(catalogRecord(view, own));
  }
  if (!isDirectory(inode)) {
    if (inode.privateId !== objectId) {
      for (const own of view.recordsOf(inode.privateId, RECORD_TYPE.dstreamId)) {
        if (typeOf(own) === RECORD_TYPE.dstreamId) head.push(catalogRecord(view, own));
        break;
      }
    }
    return extents(index, view, inode.privateId, head, page);
  }
  return inStretches(view, objectId, RECORD_TYPE.directoryRecord, head, page, (own) => {
    return entryItem(view, own) ?? leaf('record', 'record', 'cannot be read', NOWHERE);
  });
}

function catalogRecord(view: CatalogView, place: Place): StructureNode {
  const { node, record } = place;
  const { title, text } = describeRecord(place);
  return branch(
    `inleaf:${keyOfView(view)}:${node.block}:${record}`,
    `record: ${title}`,
    text,
    whereRecord(place),
  );
}

function extents(
  index: OwnerIndex,
  view: CatalogView,
  streamId: number,
  head: readonly StructureNode[],
  page: Page,
): StructurePage {
  return inStretches(view, streamId, RECORD_TYPE.fileExtent, head, page, (place) => {
    const { node, record } = place;
    const from = node.u64(node.keyAt(record) + 8);
    const blocks = extentBlocks(place);
    const first = node.u64(node.valueAt(record) + 8);
    const where = first === 0 ? NOWHERE : whereBlocks(index, first, blocks);
    const title = `bytes ${from} to ${from + blocks * BLOCK_SIZE_BYTES - 1}`;
    return leaf(`extent:${keyOfView(view)}:${streamId}:${from}`, title, extentText(place), where);
  });
}

/** `head`, then the records of one object and type; only those on the page are made. */
function inStretches(
  view: CatalogView,
  objectId: number,
  type: number,
  head: readonly StructureNode[],
  page: Page,
  make: (place: Place) => StructureNode,
): StructurePage {
  const stretches = view.stretchesOf(objectId, type);
  const total = stretches.reduce((sum, { first, end }) => sum + end - first, 0);
  const from = Math.max(page.offset - head.length, 0);
  const onPage: Place[] = [];
  let before = 0;
  for (const { node, first, end } of stretches) {
    for (
      let record = first + Math.max(from - before, 0);
      record < end && onPage.length < page.countMax;
      record++
    )
      onPage.push({ node, record });
    before += end - first;
  }
  return pagedBehind(head, total, page, (at) => {
    const place = onPage[at - from];
    return place ? make(place) : leaf('record', 'record', 'cannot be read', NOWHERE);
  });
}

/** Fields of a record of a file, which is known by the block of its leaf. */
export function leafRecordChildren(
  { container }: OwnerIndex,
  view: CatalogView | undefined,
  block: number,
  record: number,
  page: Page,
): StructurePage {
  if (!view || !(block < container.blockCount)) return EMPTY;
  const isSealed = (view.superblock.incompatibleFeatures & VOLUME_INCOMPATIBLE.sealed) !== 0;
  const node = container.nodes.node(block, OBJECT.catalog, isSealed);
  if (node.problem !== '' || !node.isLeaf || !(record < node.count)) return EMPTY;
  return slice(fieldNodes(recordFields(node, record), whereInObject([block])), page);
}
