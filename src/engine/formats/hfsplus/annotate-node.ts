import { isZero, viewOf } from '../../base/bytes.ts';
import type { Annotation } from '../../codec/struct.ts';
import {
  HEADER_NODE,
  HEADER_RECORD_SIZE_BYTES,
  HeaderRecord,
  NODE_DESCRIPTOR_SIZE_BYTES,
  NODE_KIND,
  NodeDescriptor,
  recordOffsetAt,
} from './layout-tree.ts';
import { FieldList, rangeOf, run } from './annotate-pieces.ts';
import { describeRecord, recordFields } from './annotate-records.ts';
import type { OwnerIndex } from './owner-index.ts';
import type { TreeName, ViewNode } from './view-tree.ts';

/**
 * Nodes of a B-tree: descriptor, records, free space, table of offsets. `from` and `to` say which bytes of the node are
 * wanted; records wholly outside are told in one piece each, for nobody sees them.
 */
export const TREE_TITLE: Readonly<Record<TreeName, string>> = {
  catalog: 'Catalog tree',
  extents: 'Extents overflow tree',
  attributes: 'Attributes tree',
};

const NODES = 'TN1150, "Nodes"';

/** 'Catalog tree, leaf node 5', with what is special about it. */
export function nodeTitle(node: ViewNode): string {
  const { tree, number, kind, height, recordCount } = node;
  const where = TREE_TITLE[tree.name];
  if (number === 0 && kind === NODE_KIND.header) return `${where}, header node 0`;
  const isEmpty = !tree.isUsed(number);
  if (isEmpty && isZero(node.bytes)) return `${where}, node ${number}, never used or cleared`;
  const old = isEmpty ? ', not in use: what is left of it' : '';
  if (kind === NODE_KIND.map) return `${where}, map node ${number}${old}`;
  if (kind === NODE_KIND.leaf) return `${where}, leaf node ${number}, ${records(recordCount)}${old}`;
  if (kind === NODE_KIND.index)
    return `${where}, index node ${number} at height ${height}, ${records(recordCount)}${old}`;
  return `${where}, node ${number} of unknown kind`;
}

const records = (number: number): string => `${number} record${number === 1 ? '' : 's'}`;

/** Every byte of the node, in order. */
export function nodeFields(
  index: OwnerIndex,
  node: ViewNode,
  from = 0,
  to = node.bytes.length,
): Annotation[] {
  const { bytes, tree, number, kind } = node;
  if (isZero(bytes)) {
    const isWrong = tree.isUsed(number);
    const doc = isWrong ? 'the map says this node is in use: damage' : 'the map says: not in use';
    return [run(0, bytes.length, `node ${number}`, 'zeros', doc, NODES)];
  }
  const list = new FieldList(bytes, 0);
  list.struct(NodeDescriptor, bytes.length, {
    forward: linkText(node.forward, kind),
    backward: linkText(node.backward, kind),
  });
  for (let record = 0; record < node.count; record++) {
    const span = node.span(record);
    if (span.to <= from || span.from >= to) list.run(span.to, `record ${record}`, 'elsewhere', '', NODES);
    else addRecord(index, node, record, list);
  }
  addRest(node, list);
  return list.fields;
}

const linkText = (number: number, kind: number): string =>
  number === 0
    ? 'none'
    : `${kind === NODE_KIND.map || kind === NODE_KIND.header ? 'map node' : 'node'} ${number}`;

function addRecord(index: OwnerIndex, node: ViewNode, record: number, list: FieldList): void {
  const { to } = node.span(record);
  const prefix = `record ${record}: `;
  if (node.kind === NODE_KIND.header) addHeaderRecord(node, record, list, to);
  else if (node.kind === NODE_KIND.map) addMap(node, list, to, node.tree.firstNodeOfMap(node.number));
  else if (node.kind === NODE_KIND.leaf || node.kind === NODE_KIND.index) {
    const inner = recordFields(index, node, record, prefix).fields;
    const about = describeRecord(index, node, record);
    inner.forEach((field, i) =>
      list.fields.push(i === 0 ? { ...field, text: `${field.text}: ${about}` } : field),
    );
    list.at = to;
  } else list.rest(to, `record ${record}`, 'of a node of unknown kind');
}

function addHeaderRecord(node: ViewNode, record: number, list: FieldList, to: number): void {
  if (record === 0 && list.at === HEADER_NODE.header && to - list.at >= HEADER_RECORD_SIZE_BYTES) {
    list.struct(HeaderRecord, to);
    list.rest(to, 'header padding', 'behind the header record');
  } else if (record === 1)
    list.rest(to, 'user data record', 'for whoever uses the tree; HFS+ leaves it empty');
  else if (record === 2) addMap(node, list, to, 0);
  else list.rest(to, `record ${record}`, 'a header node has three records');
}

/** Bits of nodes, one row for every so many bytes; rows that are alike are told together. */
function addMap(node: ViewNode, list: FieldList, to: number, firstNode: number): void {
  const { tree, bytes } = node;
  if (firstNode < 0) {
    list.rest(to, 'map', 'a map node that is not in the chain of map nodes');
    return;
  }
  const start = list.at;
  const nodeOf = (at: number): number => firstNode + 8 * (at - start);
  while (list.at < to && nodeOf(list.at) < tree.nodeCount) {
    const value = bytes[list.at] ?? 0;
    const isWhole = value === 0 || value === 0xff;
    let end = list.at + 1;
    while (isWhole && end < to && bytes[end] === value && nodeOf(end) < tree.nodeCount) end++;
    const first = nodeOf(list.at);
    const length = Math.min(nodeOf(end), tree.nodeCount) - first;
    const doc = 'one bit for every node, the highest bit of a byte first; 1: in use';
    list.run(
      end,
      rangeOf('node', first, length),
      bitsText(value, first, length),
      doc,
      'TN1150, "Map Record"',
    );
  }
  list.rest(to, 'map', 'no nodes belong to these bits');
}

/** 'all in use', 'all free', or the bits of one byte with the ones in use named. */
export function bitsText(value: number, first: number, length: number): string {
  if (value === 0) return 'all free';
  if (value === 0xff && length >= 8) return 'all in use';
  const used = Array.from({ length: Math.min(length, 8) }, (_, bit) => bit).filter(
    (bit) => (value << bit) & 0x80,
  );
  const bits = value.toString(2).padStart(8, '0');
  if (used.length === length) return `${bits}: all in use`;
  return `${bits}: in use ${used.map((bit) => first + bit).join(', ')}`;
}

/** Behind the records that can be told apart: free space, or what cannot be told apart, and the table of offsets. */
function addRest(node: ViewNode, list: FieldList): void {
  const { bytes, recordCount, count } = node;
  const size = bytes.length;
  const isPossible = recordCount <= (size - NODE_DESCRIPTOR_SIZE_BYTES) / 2 - 1;
  const tableAt = isPossible ? recordOffsetAt(size, recordCount) : size;
  if (!isPossible || count < recordCount) {
    const text = isPossible
      ? `records ${count} to ${recordCount - 1} cannot be told apart`
      : `${recordCount} records cannot be in a node of ${size} bytes`;
    list.run(
      Math.max(tableAt, list.at),
      'damaged records',
      text,
      'the table of offsets at the node’s end is damaged',
      NODES,
    );
  } else list.rest(tableAt, 'free space', 'between the last record and the table of offsets');
  const view = viewOf(bytes);
  for (let record = recordCount; record >= 0 && isPossible; record--) {
    const at = recordOffsetAt(size, record);
    if (at < list.at) continue;
    const name = record === recordCount ? 'offset of the free space' : `offset of record ${record}`;
    list.run(
      at + 2,
      name,
      `byte ${view.getUint16(at)} of the node`,
      'table of offsets, last record first',
      NODES,
    );
  }
  list.rest(size, 'rest of the node', 'behind everything');
}
