import type { Annotation } from '../../codec/struct.ts';
import type { Page, StructureId, StructureNode, StructurePage } from '../survey.ts';
import { EMPTY, slice } from '../structure-page.ts';
import { BTREE_INFO_SIZE_BYTES, BtreeInfo, TABLE_AT } from './layout-tree.ts';
import { nodeFields, nodeTitle, recordFields } from './annotate-node.ts';
import { count } from './annotate-pieces.ts';
import { describeRecord } from './structures-records.ts';
import { entryItem } from './structures-files.ts';
import { NOWHERE, branch, fieldNodes, pagedBehind, whereBlocks, whereInObject } from './structures-pieces.ts';
import type { Where } from './structures-pieces.ts';
import type { OwnerIndex } from './owner-index.ts';
import { QUEUES } from './view-space.ts';
import { WRONG_CHECKSUM } from './view-tree.ts';
import type { Place, ViewNode, ViewTree } from './view-tree.ts';
import { viewOfKey } from './structures-views.ts';

/**
 * B-trees from the root down: nodes, records, fields. A tree is known by a word: 'omap' (the container's), 'omap.0',
 * 'omapsnapshots.0', 'catalog.0.7' (volume 0 as snapshot 7 has it; 0: as it is), 'references.0.7', 'snapshots.0',
 * 'extents.0', 'queue.1'.
 */
export function treeOf({ container }: OwnerIndex, word: string): ViewTree | null {
  const [kind, slot, xid] = word.split('.');
  if (kind === 'omap' && slot === undefined) return container.omap.tree;
  if (kind === 'queue') {
    const queue = QUEUES.find(({ which }) => String(which) === slot);
    return queue ? container.queueTree(queue.which) : null;
  }
  const volume = container.volumes.find((one) => String(one.slot) === slot);
  if (!volume) return null;
  switch (kind) {
    case 'omap':
      return volume.omap.tree;
    case 'omapsnapshots':
      return volume.omap.snapshotTree;
    case 'catalog':
      return viewOfKey(container, slot, xid)?.catalog ?? null;
    case 'references': {
      if (xid === '0') return volume.references;
      const snapshot = volume.snapshots.find((one) => String(one.xid) === xid);
      return snapshot ? volume.referenceTree(snapshot.metadata.extentReferenceTreeBlock) : null;
    }
    case 'snapshots':
      return volume.snapshotTree;
    case 'extents':
      return volume.fileExtentTree;
    default:
      return null;
  }
}

/** A tree as a node: opening it gives its root. */
export function treeNode(index: OwnerIndex, word: string, title: string): StructureNode | null {
  const tree = treeOf(index, word);
  if (!tree || tree.rootReference === 0) return null;
  const { root } = tree;
  if (root.problem !== '')
    return branch(`tree:${word}`, title, `damaged: the root ${root.problem}`, whereNode(index, root));
  const { keyCount, nodeCount } = BtreeInfo.peek(root.bytes, root.bytes.length - BTREE_INFO_SIZE_BYTES);
  const text = `${count(root.level + 1, 'level')}, ${count(keyCount, 'record')} in ${count(nodeCount, 'node')}`;
  return branch(`tree:${word}`, title, text, whereNode(index, root));
}

const whereNode = (index: OwnerIndex, node: ViewNode): Where =>
  node.block === 0 ? NOWHERE : whereBlocks(index, node.block);

export function treeChildren(index: OwnerIndex, word: string, page: Page): StructurePage {
  const tree = treeOf(index, word);
  if (!tree) return EMPTY;
  return slice([nodeNode(index, word, tree.rootReference, tree.root)], page);
}

function nodeNode(
  index: OwnerIndex,
  word: string,
  reference: number,
  node: ViewNode,
  prefix = '',
): StructureNode {
  const text = node.problem === '' ? `block ${node.block}` : `block ${node.block}: ${node.problem}`;
  return branch(`node:${word}:${reference}`, `${prefix}${nodeTitle(node)}`, text, whereNode(index, node));
}

/** The node, whole or with a wrong checksum; what is no node of this tree has nothing to show. */
function nodeOf(index: OwnerIndex, word: string, reference: number): ViewNode | null {
  const node = treeOf(index, word)?.node(reference);
  return node && (node.problem === '' || node.problem === WRONG_CHECKSUM) ? node : null;
}

const PARTS = ['header', 'table of contents', 'footer'] as const;

function partFields(node: ViewNode, part: number): Annotation[] {
  const [from, to] =
    part === 0 ? [0, TABLE_AT] : part === 1 ? [TABLE_AT, node.keysAt] : [node.valuesEnd, node.bytes.length];
  return nodeFields(node).filter(({ offsetBytes }) => offsetBytes >= from && offsetBytes < to);
}

/** Header, records, table of contents, footer. */
export function nodeChildren(index: OwnerIndex, word: string, reference: number, page: Page): StructurePage {
  const node = nodeOf(index, word, reference);
  if (!node) return EMPTY;
  const id = (part: number): StructureId => `part:${word}:${reference}:${part}`;
  const whereOf = whereInObject([node.block]);
  const head = [branch(id(0), PARTS[0], nodeTitle(node), whereOf(0, TABLE_AT))];
  const tail: StructureNode[] = [];
  if (node.keysAt > TABLE_AT) {
    const text = `where keys and values lie, ${count(node.count, 'entry')}`;
    tail.push(branch(id(1), PARTS[1], text, whereOf(TABLE_AT, node.keysAt - TABLE_AT)));
  }
  if (node.isRoot)
    tail.push(
      branch(
        id(2),
        PARTS[2],
        'what holds for the whole tree',
        whereOf(node.valuesEnd, BTREE_INFO_SIZE_BYTES),
      ),
    );
  return pagedBehind(head, node.count + tail.length, page, (i) => {
    return tail[i - node.count] ?? recordNode(word, reference, { node, record: i });
  });
}

export function partChildren(
  index: OwnerIndex,
  word: string,
  reference: number,
  part: number,
  page: Page,
): StructurePage {
  const node = nodeOf(index, word, reference);
  if (!node || PARTS[part] === undefined) return EMPTY;
  return slice(fieldNodes(partFields(node, part), whereInObject([node.block])), page);
}

function recordNode(word: string, reference: number, place: Place, title?: string): StructureNode {
  const { node, record } = place;
  const about = describeRecord(place);
  const text = node.isLeaf ? about.text : `→ ${treeWordOf(word)} ${node.childOf(record)}`;
  const from = node.keyAt(record);
  return branch(
    `record:${word}:${reference}:${record}`,
    title ?? `record ${record}: ${about.title}`,
    title === undefined ? text : [about.title, text].filter((part) => part !== '').join(', '),
    whereInObject([node.block])(from, node.keyEnd(record) - from),
  );
}

const treeWordOf = (word: string): string => (/^(catalog|queue)/.test(word) ? 'object' : 'block');

/** Of an index record the node below and the fields; of a leaf's, the file it describes and the fields. */
export function recordChildren(
  index: OwnerIndex,
  word: string,
  reference: number,
  record: number,
  page: Page,
): StructurePage {
  const tree = treeOf(index, word);
  const node = nodeOf(index, word, reference);
  if (!tree || !node || !(record >= 0 && record < node.count)) return EMPTY;
  const fields = fieldNodes(recordFields(node, record), whereInObject([node.block]));
  const head: StructureNode[] = [];
  const below = node.isLeaf ? undefined : tree.child(node, record);
  if (below) head.push(nodeNode(index, word, tree.referenceBelow(node, record), below, 'below: '));
  const [kind, slot, xid] = word.split('.');
  const view = kind === 'catalog' ? viewOfKey(index.container, slot, xid) : undefined;
  const item = view && node.isLeaf ? entryItem(view, { node, record }) : null;
  if (item) head.push({ ...item, title: `leads to: ${item.title}` });
  return slice([...head, ...fields], page);
}
