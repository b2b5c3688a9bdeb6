import type { Device } from '../../device/device.ts';
import type { Page, StructureId, StructureNode, StructurePage } from '../survey.ts';
import { EMPTY, paged, slice } from '../structure-page.ts';
import { VOLUME_HEADER_OFFSET_BYTES, VOLUME_HEADER_SIZE_BYTES, VolumeHeader } from './layout.ts';
import { Holders } from './annotate-bitmap.ts';
import { FieldList, count, rangeOf } from './annotate-pieces.ts';
import { Explainer } from './annotate.ts';
import { OwnerIndex } from './owner-index.ts';
import { itemChildren, rootNode } from './structures-files.ts';
import { journalChildren, journalNode } from './structures-journal.ts';
import { NOWHERE, at, branch, fieldNodes, leaf, whereIn, numberOf } from './structures-pieces.ts';
import type { VolumeView } from './structures-pieces.ts';
import { nodeChildren, partChildren, recordChildren, treeChildren, treeNodes } from './structures-trees.ts';
import { usedRuns } from './view-bitmap.ts';

/**
 * The volume as the tree of its structures: headers, allocation file, the three B-trees from root to field, the journal
 * with its transactions, folders and files by name. Children are made when somebody opens their parent, page by page.
 *
 * Ids say what they mean, so that they survive a change of the volume: 'header', 'tree:catalog', 'node:catalog:5',
 * 'record:catalog:5:3', 'item:17' (by catalog node id), 'list:4608' (by place in the journal), 'logged:4608:2'. An id of
 * something that is no longer there has no children.
 */
export function structures(
  device: Device,
  parent: StructureId | null,
  page: Page,
  index: OwnerIndex = new OwnerIndex(device),
): StructurePage {
  if (!index.geometry) return parent === null ? slice([unreadable(index)], page) : EMPTY;
  const volume: VolumeView = { index, explainer: new Explainer(index) };
  if (parent === null) return slice(topOf(volume), page);
  const [kind = '', ...parts] = parent.split(':');
  const [first = '', second = '', third = ''] = parts;
  switch (kind) {
    case 'header':
      return slice(headerFields(volume, index.geometry.headerOffsetBytes), page);
    case 'alternate':
      return slice(headerFields(volume, index.geometry.alternateHeaderOffsetBytes), page);
    case 'allocation':
      return usedBlocks(volume, page);
    case 'tree':
      return treeChildren(volume, first, page);
    case 'node':
      return nodeChildren(volume, first, numberOf(second), page);
    case 'part':
      return partChildren(volume, parts, page);
    case 'record':
      return recordChildren(volume, first, numberOf(second), numberOf(third), page);
    case 'item':
      return itemChildren(volume, numberOf(first), page);
    default:
      return journalChildren(volume, kind, parts, page);
  }
}

const unreadable = (index: OwnerIndex): StructureNode =>
  leaf(
    'header',
    'Volume header',
    `not an HFS+ volume: ${index.problem}`,
    at(VOLUME_HEADER_OFFSET_BYTES, VOLUME_HEADER_SIZE_BYTES),
  );

function topOf(volume: VolumeView): StructureNode[] {
  const { index } = volume;
  const { headerOffsetBytes, alternateHeaderOffsetBytes, isHfsx, blockSizeBytes, totalBlocks } = index.known;
  const { fileCount, folderCount, freeBlocks } = index.header;
  const blocks = `${count(totalBlocks, 'block')} of ${blockSizeBytes} bytes`;
  const text = index.isAlternateUsed
    ? `damaged: ${index.problem}`
    : `${isHfsx ? 'HFSX' : 'HFS+'}, ${blocks}, ${count(fileCount, 'file')}, ${count(folderCount, 'folder')}`;
  const bitmap = index.fork('allocation');
  const nodes = [
    branch('header', 'Volume header', text, at(headerOffsetBytes, VOLUME_HEADER_SIZE_BYTES)),
    branch(
      'alternate',
      'Alternate volume header',
      index.isAlternateUsed
        ? 'a copy, used because the first is damaged'
        : 'a copy, 1024 bytes before the end',
      at(alternateHeaderOffsetBytes, VOLUME_HEADER_SIZE_BYTES),
    ),
    branch(
      'allocation',
      'Allocation file',
      `a bit for every block; ${freeBlocks} of ${totalBlocks} free`,
      bitmap.pieces(0, bitmap.allocatedBytes)[0] ?? NOWHERE,
    ),
    ...treeNodes(volume),
  ];
  const journal = journalNode(volume);
  if (journal) nodes.push(journal);
  nodes.push(rootNode(volume));
  return nodes;
}

function headerFields({ index }: VolumeView, offset: number): StructureNode[] {
  const list = new FieldList(index.medium.read(offset, VOLUME_HEADER_SIZE_BYTES), 0);
  list.struct(VolumeHeader, VOLUME_HEADER_SIZE_BYTES);
  return fieldNodes(list.fields, (at_, length) => at(offset + at_, length), `${VolumeHeader.name}.`);
}

/** Runs of blocks in use, each with its bits and whose they are. */
function usedBlocks({ index }: VolumeView, page: Page): StructurePage {
  const bitmap = index.fork('allocation');
  const runs = [...usedRuns(bitmap, 0, Math.min(index.known.totalBlocks, bitmap.allocatedBytes * 8))];
  const holders = new Holders(index);
  return paged(runs.length, page, (i) => {
    const [first, length] = runs[i] ?? [0, 1];
    const firstByte = first >>> 3;
    const where = whereIn(bitmap, firstByte, ((first + length - 1) >>> 3) - firstByte + 1);
    return leaf(`used:${first}`, rangeOf('block', first, length), holders.of(first, length), where);
  });
}
