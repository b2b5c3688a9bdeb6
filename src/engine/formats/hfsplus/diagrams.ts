import { stripOf, treeOf } from '../../base/diagram.ts';
import type { Diagram, DiagramPart, TreeNode } from '../../base/diagram.ts';
import type { Device } from '../../device/device.ts';
import { TREE_TITLE, nodeTitle } from './annotate-node.ts';
import { count } from './annotate-pieces.ts';
import { NODE_KIND } from './layout-tree.ts';
import { OwnerIndex } from './owner-index.ts';
import { NOWHERE, at, whereIn } from './structures-pieces.ts';
import { whereNode } from './structures-trees.ts';
import { usedRuns } from './view-bitmap.ts';
import type { ViewJournal } from './view-journal.ts';
import type { ViewTree } from './view-tree.ts';

/** What HFS+ draws: the journal as a ring, the allocation file as a strip, the B-trees. */
export function diagrams(device: Device, index: OwnerIndex = new OwnerIndex(device)): Diagram[] {
  if (!index.geometry) return [];
  const drawn: Diagram[] = [];
  const { journal } = index;
  if (journal !== null && typeof journal !== 'string' && journal.header) drawn.push(journalRing(journal));
  const bitmap = index.fork('allocation');
  const total = Math.min(index.known.totalBlocks, bitmap.allocatedBytes * 8);
  const runs = function* (): Generator<readonly [number, number]> {
    for (const [first, length] of usedRuns(bitmap, 0, total)) yield [first, first + length];
  };
  const head = {
    id: 'allocation',
    title: 'Allocation file',
    text: `a bit for each of ${count(total, 'block')}`,
  };
  const whereOf = (first: number, end: number) =>
    whereIn(bitmap, first >>> 3, ((end - 1) >>> 3) - (first >>> 3) + 1);
  if (total > 0) drawn.push(stripOf(head, { total, unit: 'block', firstNumber: 0, runs: runs(), whereOf }));
  for (const name of ['catalog', 'extents', 'attributes'] as const) {
    const tree = index.tree(name);
    const { rootNode, treeDepth, leafRecords } = tree.header;
    if (rootNode === 0 || !tree.has(rootNode)) continue;
    const text = `${count(treeDepth, 'level')}, ${count(leafRecords, 'record')}`;
    drawn.push(treeOf({ id: `tree:${name}`, title: TREE_TITLE[name], text }, nodeOf(tree, rootNode)));
  }
  return drawn;
}

/** So many transactions are drawn. */
const LISTS_MAX = 400;

function journalRing(journal: ViewJournal): Diagram {
  const { header, sizeBytes, lists } = journal;
  const { startBytes = 0, endBytes = 0 } = header ?? {};
  const parts = lists.slice(0, LISTS_MAX).map((list): DiagramPart => {
    const { offsetBytes, lengthBytes, sequence, state } = list;
    const isPending = state !== 'older';
    return {
      ...{ key: `list:${offsetBytes}:${sequence}`, title: `transaction ${sequence}` },
      text: `${count(list.header.blockCount - 1, 'block')}, ${isPending ? 'to be replayed' : 'home already'}`,
      ...{ tone: isPending ? 'now' : 'old', from: offsetBytes / sizeBytes, fill: 1, row: 0 },
      to: (offsetBytes + lengthBytes) / sizeBytes,
      ...at(journal.offsetBytes + offsetBytes, Math.min(lengthBytes, sizeBytes - offsetBytes)),
    };
  });
  const state = startBytes === endBytes ? 'empty: everything is home' : 'holds what is to be replayed';
  return {
    ...{ id: 'journal', kind: 'ring', title: 'Journal', parts },
    text: `${count(sizeBytes, 'byte')}, from ${startBytes} to ${endBytes}: ${state}`,
    marks: [
      { name: 'start', at: startBytes / sizeBytes },
      { name: 'end', at: endBytes / sizeBytes },
    ],
  };
}

function nodeOf(tree: ViewTree, number: number): TreeNode {
  const node = tree.node(number);
  const isIndex = node.kind === NODE_KIND.index;
  const used = node.count > 0 ? node.span(node.count - 1).to : 0;
  const where = tree.has(number) ? whereNode(tree, number) : NOWHERE;
  return {
    ...{ key: `node:${number}`, title: nodeTitle(node), text: count(node.count, 'record') },
    ...{ fill: used / tree.nodeSizeBytes, isBroken: node.count < node.recordCount, ...where },
    below(countMax) {
      const nodes: TreeNode[] = [];
      for (let i = 0; isIndex && i < node.count && nodes.length < countMax; i++) {
        const child = node.childOf(i);
        // Only the level below: a pointer upward is damage and ends here.
        if (child > 0 && tree.has(child) && tree.node(child).height < node.height)
          nodes.push(nodeOf(tree, child));
      }
      return { nodes, total: isIndex ? node.count : 0 };
    },
  };
}
