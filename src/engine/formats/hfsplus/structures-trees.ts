import type { Annotation } from '../../codec/struct.ts';
import type { Page, StructureId, StructureNode, StructurePage } from '../survey.ts';
import { EMPTY, slice } from '../structure-page.ts';
import { NODE_KIND } from './layout-tree.ts';
import { TREE_TITLE, nodeFields, nodeTitle } from './annotate-node.ts';
import { count } from './annotate-pieces.ts';
import { recordFields } from './annotate-records.ts';
import { itemIdOf } from './owner-index.ts';
import { itemNode } from './structures-files.ts';
import { recordNode, whereInNode } from './structures-records.ts';
import { branch, fieldNodes, pagedBehind, whereIn, numberOf } from './structures-pieces.ts';
import type { VolumeView, Where } from './structures-pieces.ts';
import type { TreeName, ViewNode, ViewTree } from './view-tree.ts';

/** The B-trees from the header node down: root, index nodes, leaves, records, fields. */

const TREES: readonly TreeName[] = ['catalog', 'extents', 'attributes'];

const treeOf = ({ index }: VolumeView, word: string): ViewTree | null => {
  const name = TREES.find((known) => known === word);
  return name ? index.tree(name) : null;
};

export const whereNode = (tree: ViewTree, number: number): Where =>
  whereIn(tree.fork, number * tree.nodeSizeBytes, tree.nodeSizeBytes);

export function treeNodes(volume: VolumeView): StructureNode[] {
  const nodes: StructureNode[] = [];
  for (const name of TREES) {
    const tree = volume.index.tree(name);
    const { treeDepth, leafRecords, totalNodes, freeNodes } = tree.header;
    if (tree.fork.runs.length === 0) continue;
    const levels =
      treeDepth === 0 ? 'empty' : `${count(treeDepth, 'level')}, ${count(leafRecords, 'record')}`;
    const nodesUsed = `${totalNodes - freeNodes} of ${count(totalNodes, 'node')} in use`;
    const text = tree.problem === '' ? `${levels}, ${nodesUsed}` : `damaged: the header node ${tree.problem}`;
    const [run] = tree.fork.pieces(0, tree.fork.allocatedBytes);
    nodes.push(branch(`tree:${name}`, TREE_TITLE[name], text, run ?? whereNode(tree, 0)));
  }
  return nodes;
}

/** Header node, map nodes, and the root. */
export function treeChildren(volume: VolumeView, word: string, page: Page): StructurePage {
  const tree = treeOf(volume, word);
  if (!tree?.has(0)) return EMPTY;
  const { rootNode, treeDepth } = tree.header;
  const nodes = [nodeNode(tree, 0)];
  if (tree.has(rootNode) && rootNode > 0)
    nodes.push(nodeNode(tree, rootNode, treeDepth > 1 ? 'root: ' : 'root and only leaf: '));
  for (const number of tree.mapNodes) nodes.push(nodeNode(tree, number));
  return slice(nodes, page);
}

function nodeNode(tree: ViewTree, number: number, prefix = ''): StructureNode {
  const node = tree.node(number);
  const title = `${prefix}${nodeTitle(node).slice(TREE_TITLE[tree.name].length + 2)}`;
  const { forward, backward } = node;
  const links = [
    backward > 0 ? `before it node ${backward}` : '',
    forward > 0 ? `after it node ${forward}` : '',
  ].filter((text) => text !== '');
  return branch(nodeId(tree, number), title, links.join(', '), whereNode(tree, number));
}

const nodeId = (tree: ViewTree, number: number): StructureId => `node:${tree.name}:${number}`;

/** Fields of a node that belong together, by the names that annotations give them. */
const PARTS: readonly { readonly title: string; readonly names: RegExp }[] = [
  { title: 'node descriptor', names: /^NodeDescriptor\./ },
  { title: 'header record', names: /^HeaderRecord\./ },
  { title: 'map of nodes', names: /^(nodes? \d|map$)/ },
  { title: 'table of offsets', names: /^offset of / },
];

const RECORD = /^record \d+$/;

/** Descriptor, records, free space and table of offsets; of the header node its records, of a map node the map. */
export function nodeChildren(volume: VolumeView, word: string, number: number, page: Page): StructurePage {
  const found = partsOf(volume, word, number);
  if (!found) return EMPTY;
  const { node, fields } = found;
  const whereOf = whereInNode(node);
  const before: StructureNode[] = [];
  const behind: StructureNode[] = [];
  for (const field of fields) {
    const part = PARTS.findIndex(({ names }) => names.test(field.name));
    if (RECORD.test(field.name)) continue;
    const nodes = part >= 0 && part < 2 ? before : behind;
    const known = PARTS[part];
    if (!known) nodes.push(...fieldNodes([field], whereOf));
    else {
      const id = `part:${word}:${number}:${part}`;
      if (nodes.some((other) => other.id === id)) continue;
      const own = fields.filter(({ name }) => known.names.test(name));
      const length = own.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
      nodes.push(branch(id, known.title, partText(node, part), whereOf(field.offsetBytes, length)));
    }
  }
  const records = isKeyed(node) ? node.count : 0;
  return pagedBehind(
    before,
    records + behind.length,
    page,
    (i) => behind[i - records] ?? recordNode(volume, { node, record: i }),
  );
}

const isKeyed = ({ kind }: ViewNode): boolean => kind === NODE_KIND.leaf || kind === NODE_KIND.index;

function partText({ recordCount, height, tree }: ViewNode, part: number): string {
  if (part === 0) return `${count(recordCount, 'record')}, height ${height}`;
  if (part === 1)
    return `${count(tree.header.treeDepth, 'level')}, ${count(tree.header.leafRecords, 'record')} in leaves`;
  return part === 2
    ? 'one bit for every node'
    : `where each record begins, ${count(recordCount + 1, 'entry')}`;
}

/** Of records only that they are there: they are shown one by one, and cost little so. */
function partsOf(
  volume: VolumeView,
  word: string,
  number: number,
): { node: ViewNode; fields: Annotation[] } | null {
  const tree = treeOf(volume, word);
  if (!tree?.has(number)) return null;
  const node = tree.node(number);
  return { node, fields: nodeFields(volume.index, node, 0, isKeyed(node) ? 0 : node.bytes.length) };
}

export function partChildren(volume: VolumeView, parts: readonly string[], page: Page): StructurePage {
  const [word = '', number, part] = parts;
  const found = partsOf(volume, word, numberOf(number));
  const known = PARTS[numberOf(part)];
  if (!found || !known) return EMPTY;
  const fields = found.fields.filter(({ name }) => known.names.test(name));
  const prefix = /^\w+\./.exec(fields[0]?.name ?? '')?.[0] ?? '';
  return slice(fieldNodes(fields, whereInNode(found.node), prefix), page);
}

/** Of an index record the node below and the fields; of a leaf's, the item it describes and the fields. */
export function recordChildren(
  volume: VolumeView,
  word: string,
  number: number,
  record: number,
  page: Page,
): StructurePage {
  const tree = treeOf(volume, word);
  if (!tree?.has(number)) return EMPTY;
  const node = tree.node(number);
  if (!(record >= 0 && record < node.count)) return EMPTY;
  const isIndex = node.kind === NODE_KIND.index;
  if (!isIndex && node.kind !== NODE_KIND.leaf) return EMPTY;
  const fields = fieldNodes(recordFields(volume.index, node, record, '').fields, whereInNode(node));
  const head: StructureNode[] = [];
  const child = node.childOf(record);
  if (isIndex && child > 0 && tree.has(child)) head.push(nodeNode(tree, child, 'below: '));
  const place = { node, record };
  if (!isIndex && tree.name === 'catalog' && itemIdOf(place) > 0) {
    const item = itemNode(volume, place);
    if (item) head.push(item);
  }
  return slice([...head, ...fields], page);
}
