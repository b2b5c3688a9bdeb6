import type { Device } from '../../device/device.ts';
import type { Page, StructureId, StructureNode, StructurePage } from '../survey.ts';
import { EMPTY, slice } from '../structure-page.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { count } from './annotate-pieces.ts';
import { OwnerIndex } from './owner-index.ts';
import {
  checkpointChildren,
  checkpointList,
  checkpointsNode,
  ephemeralChildren,
  objectChildren,
  objectNode,
} from './structures-checkpoints.ts';
import { itemChildren, leafRecordChildren } from './structures-files.ts';
import { branch, leaf, numberOf, whereBlocks } from './structures-pieces.ts';
import { blockList, chunkChildren, chunkList, spaceChildren, spaceNode } from './structures-space.ts';
import { nodeChildren, partChildren, recordChildren, treeChildren } from './structures-trees.ts';
import { viewOfKey } from './structures-views.ts';
import { omapNodes, snapshotChildren, volumeChildren, volumeNode } from './structures-volumes.ts';

/**
 * The container as the tree of its structures: superblock, checkpoints, space manager, object map, volumes with their
 * trees, snapshots and files. Children are made when somebody opens their parent, page by page.
 *
 * Ids say what they mean, so that they survive a change: 'checkpoint:5' (by block), 'object:63', 'chunk:0',
 * 'volume:0', 'snapshot:0:7', 'node:catalog.0.7:1027' (tree and reference), 'record:omap:62:3', 'item:0.0:17' (volume
 * 0 as it is, inode 17). An id of something that is no longer there has no children.
 */
export function structures(
  device: Device,
  parent: StructureId | null,
  page: Page,
  index: OwnerIndex = new OwnerIndex(device),
): StructurePage {
  if (index.container.problem !== '') return parent === null ? slice([unreadable(index)], page) : EMPTY;
  if (parent === null) return slice(topOf(index), page);
  const [kind = '', first = '', second, third] = parent.split(':');
  switch (kind) {
    case 'checkpoints':
      return checkpointList(index, page);
    case 'checkpoint':
      return checkpointChildren(index, numberOf(first), page);
    case 'ephemeral':
      return ephemeralChildren(index, numberOf(first), numberOf(second), page);
    case 'object':
      return objectChildren(index, numberOf(first), page);
    case 'space':
      return spaceChildren(index, page);
    case 'chunks':
      return chunkList(index, page);
    case 'chunk':
      return chunkChildren(index, numberOf(first), page);
    case 'blocks':
      return blockList(index, page);
    case 'omap':
      return slice(omapNodes(index, index.container.superblock.omapBlock, 'omap'), page);
    case 'volume':
      return volumeChildren(index, numberOf(first), page);
    case 'snapshot':
      return snapshotChildren(index, numberOf(first), numberOf(second), page);
    default:
      return inTrees(index, kind, [first, second, third], page);
  }
}

function inTrees(
  index: OwnerIndex,
  kind: string,
  [first = '', second, third]: readonly (string | undefined)[],
  page: Page,
): StructurePage {
  const [slot, xid] = first.split('.');
  switch (kind) {
    case 'tree':
      return treeChildren(index, first, page);
    case 'node':
      return nodeChildren(index, first, numberOf(second), page);
    case 'part':
      return partChildren(index, first, numberOf(second), numberOf(third), page);
    case 'record':
      return recordChildren(index, first, numberOf(second), numberOf(third), page);
    case 'item':
      return itemChildren(index, viewOfKey(index.container, slot, xid), numberOf(second), page);
    case 'inleaf':
      return leafRecordChildren(
        index,
        viewOfKey(index.container, slot, xid),
        numberOf(second),
        numberOf(third),
        page,
      );
    default:
      return EMPTY;
  }
}

const unreadable = (index: OwnerIndex): StructureNode =>
  leaf(
    'object:0',
    'Container superblock',
    `not an APFS container: ${index.container.problem}`,
    whereBlocks(index, 0),
  );

function topOf(index: OwnerIndex): StructureNode[] {
  const { container } = index;
  const { superblock, current } = container;
  const blocks = `${count(superblock.blockCount, 'block')} of ${BLOCK_SIZE_BYTES} bytes`;
  const state = current.problem === '' ? `transaction ${superblock.xid}` : `damaged: ${current.problem}`;
  const { xid: copied } = container.checkpointInBlock0;
  const copy =
    copied === superblock.xid
      ? `a copy of transaction ${copied}: unmounted cleanly`
      : `a copy of transaction ${copied}; the newest checkpoint is ${superblock.xid}`;
  const nodes = [
    objectNode(index, 0, 'Block 0', copy),
    objectNode(index, current.block, 'Container superblock', `${state}, ${blocks}`),
    checkpointsNode(index),
    spaceNode(index),
    branch(
      'omap',
      'Object map of the container',
      'where the volume superblocks lie',
      whereBlocks(index, superblock.omapBlock),
    ),
  ];
  for (const volume of container.volumes) nodes.push(volumeNode(index, volume));
  return nodes;
}
