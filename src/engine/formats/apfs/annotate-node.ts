import type { Annotation } from '../../codec/struct.ts';
import { OBJECT } from './layout.ts';
import {
  BTREE_INFO_AT,
  BTREE_INFO_SIZE_BYTES,
  BtreeInfo,
  BtreeNodeHeader,
  NODE_FLAG,
  TABLE_AT,
} from './layout-tree.ts';
import { FieldList, count } from './annotate-pieces.ts';
import { explainKey, explainValue } from './annotate-records.ts';
import type { ViewNode } from './view-tree.ts';

/** The bytes of one node of any tree: header, table of contents, keys, free space, values, footer. */

export const TREE_TITLE: Readonly<Record<number, string>> = {
  [OBJECT.objectMap]: 'Object map',
  [OBJECT.omapSnapshots]: 'Snapshots of the object map',
  [OBJECT.freeQueue]: 'Free queue',
  [OBJECT.catalog]: 'Catalog',
  [OBJECT.extentReferences]: 'Extent references',
  [OBJECT.snapshotMetadata]: 'Snapshot metadata',
  [OBJECT.fileExtentTree]: 'File extents',
};

/** 'leaf, 12 records', 'root, level 1, 3 records' */
export function nodeTitle(node: ViewNode): string {
  const root = node.isRoot
    ? node.isLeaf
      ? 'root and only leaf'
      : 'root'
    : node.isLeaf
      ? 'leaf'
      : 'index node';
  const level = node.isLeaf ? '' : `, level ${node.level}`;
  return `${root}${level}, ${count(node.statedCount, 'record')}`;
}

export function nodeFields(node: ViewNode): Annotation[] {
  const list = new FieldList(node.bytes);
  list.struct(BtreeNodeHeader, TABLE_AT);
  for (let record = 0; record < node.count; record++) {
    const key = `key at ${node.keyAt(record)}, ${count(node.keyEnd(record) - node.keyAt(record), 'byte')}`;
    const value = node.hasValue(record)
      ? `value at ${node.valueAt(record)}, ${count(node.valueEnd(record) - node.valueAt(record), 'byte')}`
      : 'no value: one block';
    const doc = node.isFixed
      ? 'kvoff_t: offsets of key and value'
      : 'kvloc_t: offsets and lengths of key and value';
    list.run(node.entryAt(record + 1), `table[${record}]`, `${key}; ${value}`, doc);
  }
  list.rest(node.keysAt, 'table', 'room for more entries of the table of contents');
  explainRecords(list, node);
  if ((node.flags & NODE_FLAG.root) !== 0) list.struct(BtreeInfo, BTREE_INFO_AT + BTREE_INFO_SIZE_BYTES);
  return list.fields;
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly record: number;
  readonly isKey: boolean;
}

function spansOf(node: ViewNode): Span[] {
  const spans: Span[] = [];
  for (let record = 0; record < node.count; record++) {
    spans.push({ from: node.keyAt(record), to: node.keyEnd(record), record, isKey: true });
    if (node.hasValue(record))
      spans.push({ from: node.valueAt(record), to: node.valueEnd(record), record, isKey: false });
  }
  return spans.sort((a, b) => a.from - b.from || a.to - b.to);
}

/** Keys and values in the order in which they lie; what lies between is free. */
function explainRecords(list: FieldList, node: ViewNode): void {
  const lastKeyEnd = Math.max(node.keysAt, ...keyEnds(node));
  for (const span of spansOf(node)) {
    if (span.to <= list.at) continue;
    list.prefix = '';
    if (span.from > list.at) gap(list, span.from, lastKeyEnd);
    list.prefix = `record ${span.record}: `;
    if (span.from < list.at) {
      list.run(span.to, 'damaged', 'overlaps what lies before it', 'records of a sound node lie apart');
    } else if (span.isKey) explainKey(list, node, span.record, span.to);
    else explainValue(list, node, span.record, span.to);
    list.rest(span.to, 'rest', 'behind what the record should have');
  }
  list.prefix = '';
  gap(list, node.valuesEnd, lastKeyEnd);
}

function* keyEnds(node: ViewNode): Generator<number> {
  for (let record = 0; record < node.count; record++) yield node.keyEnd(record);
}

function gap(list: FieldList, to: number, lastKeyEnd: number): void {
  const isMiddle = list.at === lastKeyEnd;
  const doc = isMiddle
    ? 'between the keys, which grow upwards, and the values, which grow downwards'
    : 'a record that was removed or moved left it';
  list.rest(to, isMiddle ? 'free space' : 'hole', doc);
}

/** The fields of one record: of its key, then of its value. */
export function recordFields(node: ViewNode, record: number): Annotation[] {
  const key = new FieldList(node.bytes, node.keyAt(record));
  explainKey(key, node, record, node.keyEnd(record));
  key.rest(node.keyEnd(record), 'rest of the key', 'behind what the key should have');
  if (!node.hasValue(record)) return key.fields;
  const value = new FieldList(node.bytes, node.valueAt(record));
  explainValue(value, node, record, node.valueEnd(record));
  value.rest(node.valueEnd(record), 'rest of the value', 'behind what the value should have');
  return [...key.fields, ...value.fields];
}
