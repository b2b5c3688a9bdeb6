import { equalBytes, isZero, viewOf } from '../../base/bytes.ts';
import { HEADER_NODE, HeaderRecord, NODE_KIND, TREE_BIT } from './layout-tree.ts';
import { bytesOf32 } from './fsck-bits.ts';
import { STAGE } from './fsck-stages.ts';
import type { Report } from './fsck-report.ts';
import type { Tree } from './fsck-tree.ts';
import { Walk } from './fsck-walk.ts';
import type { LeafVisitor } from './fsck-walk.ts';

/** A whole B-tree: the walk, then what the header node says about it, the map of used nodes, and the unused ones. */
export function checkTree(tree: Tree, report: Report, visit: LeafVisitor, mustErase: boolean): void {
  const walk = new Walk(tree, report, visit);
  walk.run();
  if (tree.isBroken) return;
  checkHeaderRecord(tree, report);
  const pieces = findMap(tree, walk);
  if (tree.isBroken) return;
  checkMap(tree, report, pieces);
  if (mustErase) checkUnused(tree, report);
}

/** Where each number of the header record stands in the header node. */
const NUMBERS = [
  'treeDepth',
  'rootNode',
  'leafRecords',
  'firstLeafNode',
  'lastLeafNode',
  'maxKeyLengthBytes',
  'totalNodes',
  'treeType',
  'attributes',
] as const;

function checkHeaderRecord(tree: Tree, report: Report): void {
  const right: Record<(typeof NUMBERS)[number], number> = {
    treeDepth: tree.header.treeDepth,
    rootNode: tree.header.rootNode,
    leafRecords: tree.leafRecords,
    firstLeafNode: tree.leaves[0] ?? 0,
    lastLeafNode: tree.leaves.at(-1) ?? 0,
    maxKeyLengthBytes: tree.fresh.maxKeyLengthBytes,
    totalNodes: tree.totalNodes,
    treeType: 0,
    attributes: ((tree.header.attributes & TREE_BITS) | tree.fresh.attributes) >>> 0,
  };
  for (const name of NUMBERS) setNumber(tree, report, name, right[name]);
}

/** Bits with a meaning. */
const TREE_BITS = TREE_BIT.bigKeys | TREE_BIT.variableIndexKeys | TREE_BIT.badClose;

function setNumber(
  tree: Tree,
  report: Report,
  name: (typeof NUMBERS)[number] | 'freeNodes',
  right: number,
): void {
  const found = tree.header[name];
  if (found === right) return;
  const field = HeaderRecord.fields[name];
  const at = HEADER_NODE.header + field.at;
  report.add({
    kind: 'tree-header',
    severity: 'error',
    message: name === 'leafRecords' ? 'Invalid leaf record count' : 'Invalid B-tree header',
    detail: `${tree.name}: ${name}`,
    shouldBe: [right, found],
    place: [tree.file.id, 0],
    offsetBytes: tree.deviceOffset(0, at),
    repair: () => tree.patch(0, at, bytesOf(right, field.lengthBytes), `set ${name} to ${right}`),
  });
}

/** One record of the map: bytes `at` … of a node, for nodes from `first`. */
interface MapPiece {
  readonly node: number;
  readonly at: number;
  readonly lengthBytes: number;
  readonly first: number;
}

/** Header node and map nodes, as far as the tree needs them. */
function findMap(tree: Tree, walk: Walk): MapPiece[] {
  const size = tree.nodeSizeBytes;
  const pieces: MapPiece[] = [{ node: 0, at: HEADER_NODE.map, lengthBytes: size - 256, first: 0 }];
  let covered = (size - 256) * 8;
  let next = viewOf(tree.headerNode).getUint32(0);
  let from = 0;
  while (next !== 0) {
    if (next >= tree.totalNodes || !tree.used.add(next)) {
      walk.fault('Invalid map node linkage', from, 0, `goes on to node ${next}`);
      return pieces;
    }
    const bytes = tree.readNode(next);
    const view = viewOf(bytes);
    if (bytes[8] !== NODE_KIND.map || view.getUint16(10) !== 1) {
      walk.fault('Invalid map node', next, 8, `kind ${bytes[8]}, ${view.getUint16(10)} records`);
      return pieces;
    }
    if (view.getUint16(size - 2) !== 14 || bytes[9] !== 0) {
      walk.fault('Invalid map node', next, size - 2, `its record begins at byte ${view.getUint16(size - 2)}`);
      return pieces;
    }
    pieces.push({ node: next, at: 14, lengthBytes: size - 20, first: covered });
    covered += (size - 20) * 8;
    from = next;
    next = view.getUint32(0);
  }
  if (covered < tree.totalNodes) {
    walk.fault('Invalid map node', from, 0, `the map ends after ${covered} of ${tree.totalNodes} nodes`);
  }
  return pieces;
}

function checkMap(tree: Tree, report: Report, pieces: readonly MapPiece[]): void {
  for (const { node, at, lengthBytes, first } of pieces) {
    const bytes = node === 0 ? tree.headerNode : tree.readNode(node);
    const found = bytes.subarray(at, at + lengthBytes);
    const right = tree.used.bytes(first, lengthBytes * 8);
    if (equalBytes(found, right)) continue;
    const byte = found.findIndex((value, index) => value !== right[index]);
    report.add({
      kind: 'tree-map',
      severity: 'error',
      message: 'Invalid B-tree node map',
      detail: `${tree.name}: the map of used nodes differs near node ${first + byte * 8}`,
      place: [tree.file.id, node],
      offsetBytes: tree.deviceOffset(node, at + byte),
      repair: () => tree.patch(node, at, right, 'mark the nodes that the tree uses, no others'),
    });
  }
  setNumber(tree, report, 'freeNodes', tree.totalNodes - tree.used.size);
}

/** With bit 31 of the volume's attributes, nodes not in use hold zeros. Looks only at what was ever written. */
function checkUnused(tree: Tree, report: Report): void {
  const size = tree.nodeSizeBytes;
  const { file } = tree;
  for (let at = file.nextStored(0); at < tree.totalNodes * size; at = file.nextStored(at)) {
    const node = Math.floor(at / size);
    at = (node + 1) * size;
    if (tree.used.has(node) || isZero(tree.readNode(node))) continue;
    const label = tree.label(`erase unused node ${node}`);
    report.add({
      kind: 'unused-node',
      severity: 'error',
      message: `Unused node is not erased (node = ${node})`,
      detail: tree.name,
      offsetBytes: tree.deviceOffset(node),
      repair: () =>
        tree.erasures.push(() => file.write(node * size, new Uint8Array(size), STAGE.cleanup, label)),
    });
  }
}

const bytesOf = (value: number, lengthBytes: number): Uint8Array => bytesOf32(value).slice(4 - lengthBytes);
