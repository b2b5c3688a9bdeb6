import { viewOf } from '../../base/bytes.ts';
import { CNID, EXTENT_RECORD_SIZE_BYTES } from './layout.ts';
import { ATTRIBUTE_RECORD } from './layout-catalog.ts';
import { HEADER_NODE, NODE_DESCRIPTOR_SIZE_BYTES, NODE_KIND, recordOffsetAt } from './layout-tree.ts';
import {
  FILE_SIZE_BYTES,
  FOLDER_SIZE_BYTES,
  THREAD_SIZE_BYTES_MAX,
  THREAD_SIZE_BYTES_MIN,
  TYPE,
} from './fsck-records.ts';
import { placeOf } from './fsck-tree.ts';
import type { Tree } from './fsck-tree.ts';

/** All records of a tree that can still be read, sorted, each key once: what a tree is built anew from. */
export interface Salvaged {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly keyBytes: number;
  /** Of two records with one key the lower stays: inserted, in order, found by looking at every node. */
  readonly rank: number;
}

export function gatherRecords(tree: Tree): { records: Salvaged[]; leaves: number[] } {
  const found: Salvaged[] = [];
  for (const { key, data } of tree.inserted) {
    const bytes = new Uint8Array(key.length + data.length + (data.length & 1));
    bytes.set(key);
    bytes.set(data, key.length);
    found.push({ bytes, view: viewOf(bytes), keyBytes: key.length, rank: 0 });
  }
  const leaves = [...tree.leaves];
  for (const leaf of tree.leaves) readLeaf(tree, leaf, 1, found);
  if (tree.isBroken) {
    for (const leaf of lostLeaves(tree)) {
      leaves.push(leaf);
      readLeaf(tree, leaf, 2, found);
    }
  }
  const { keys } = tree;
  found.sort((a, b) => keys.compare(a.view, 0, b.view, 0) || a.rank - b.rank);
  const records = found.filter((record, index) => {
    const before = found[index - 1];
    return !before || keys.compare(before.view, 0, record.view, 0) !== 0;
  });
  return { records, leaves };
}

/** Leaves that no index leads to, in ascending order. What the map calls unused is left out where there is a map. */
function lostLeaves(tree: Tree): number[] {
  const known = new Set(tree.leaves);
  const size = tree.nodeSizeBytes;
  const marked: number[] = [];
  const unmarked: number[] = [];
  for (let at = tree.file.nextStored(0); at < tree.totalNodes * size; at = tree.file.nextStored(at)) {
    const node = Math.floor(at / size);
    at = (node + 1) * size;
    if (node === 0 || known.has(node)) continue;
    if (tree.readNode(node)[8] !== NODE_KIND.leaf) continue;
    (isMarked(tree, node) ? marked : unmarked).push(node);
  }
  return marked.length + known.size > 0 ? marked : unmarked;
}

function isMarked(tree: Tree, node: number): boolean {
  const { headerNode, nodeSizeBytes } = tree;
  if (headerNode[8] !== NODE_KIND.header || node >= (nodeSizeBytes - 256) * 8) return true;
  return ((headerNode[HEADER_NODE.map + (node >> 3)] ?? 0) & (0x80 >> (node & 7))) !== 0;
}

/** As many records as can be made out; a table of offsets that goes wrong ends the node. */
function readLeaf(tree: Tree, node: number, rank: number, found: Salvaged[]): void {
  const bytes = tree.readNode(node);
  const view = viewOf(bytes);
  const { keys } = tree;
  const size = tree.nodeSizeBytes;
  const count = Math.min(view.getUint16(10), size >> 2);
  for (let index = 0; index < count; index++) {
    const at = view.getUint16(recordOffsetAt(size, index));
    const end = view.getUint16(recordOffsetAt(size, index + 1));
    if (at < NODE_DESCRIPTOR_SIZE_BYTES || (at & 1) !== 0 || end <= at + 2 || end > size - 2 * (index + 1))
      continue;
    const length = view.getUint16(at);
    const dataAt = at + 2 + length + (length & 1);
    if (length < keys.lengthMin || length > keys.lengthMax || dataAt + 2 > end || !keys.isKey(view, at))
      continue;
    if (!isRecord(tree.file.id, view, dataAt, end) || tree.removed.has(placeOf(node, at))) continue;
    const record = new Uint8Array(end - at + (end & 1));
    record.set(bytes.subarray(at, end));
    found.push({ bytes: record, view: viewOf(record), keyBytes: dataAt - at, rank });
  }
}

/** Is what follows the key something that the tree holds? */
function isRecord(treeId: number, view: DataView, dataAt: number, end: number): boolean {
  const length = end - dataAt;
  if (treeId === CNID.extentsFile) return length === EXTENT_RECORD_SIZE_BYTES;
  if (treeId === CNID.attributesFile) {
    const type = length >= 4 ? view.getUint32(dataAt) : 0;
    return (
      type === ATTRIBUTE_RECORD.inline || type === ATTRIBUTE_RECORD.fork || type === ATTRIBUTE_RECORD.extents
    );
  }
  const type = view.getUint16(dataAt);
  if (type === TYPE.folder) return length === FOLDER_SIZE_BYTES;
  if (type === TYPE.file) return length === FILE_SIZE_BYTES;
  const isThread = type === TYPE.folderThread || type === TYPE.fileThread;
  return isThread && length >= THREAD_SIZE_BYTES_MIN && length <= THREAD_SIZE_BYTES_MAX;
}
