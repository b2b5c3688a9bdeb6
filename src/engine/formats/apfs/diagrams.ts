import { stripOf, treeOf } from '../../base/diagram.ts';
import type { Diagram, DiagramPart, TreeNode } from '../../base/diagram.ts';
import type { Device } from '../../device/device.ts';
import { nodeTitle } from './annotate-node.ts';
import { count } from './annotate-pieces.ts';
import { OwnerIndex } from './owner-index.ts';
import { NOWHERE, whereBlocks } from './structures-pieces.ts';
import type { ViewNode, ViewTree } from './view-tree.ts';
import type { VolumeView } from './view-volume.ts';

/** What APFS draws: the ring of checkpoints, the chunks, of each volume its layers and trees. */
export function diagrams(device: Device, index: OwnerIndex = new OwnerIndex(device)): Diagram[] {
  const { container } = index;
  if (container.problem !== '') return [];
  const drawn = [checkpointRing(index)];
  const { space, blockCount } = container;
  if (space) {
    const head = { id: 'space', title: 'Space manager', text: count(space.chunkCount, 'chunk') };
    const runs = space.usedRuns(0, blockCount);
    const whereOf = (first: number, end: number) => whereBlocks(index, first, end - first);
    drawn.push(stripOf(head, { total: blockCount, unit: 'block', firstNumber: 0, runs, whereOf }));
  }
  drawn.push(...treeDiagram(index, 'omap', 'Object map of the container', container.omap.tree));
  for (const volume of container.volumes) {
    const { slot, name } = volume;
    drawn.push(layers(index, volume));
    drawn.push(...treeDiagram(index, `omap.${slot}`, `Object map of ${name}`, volume.omap.tree));
    drawn.push(...treeDiagram(index, `catalog.${slot}`, `Catalog of ${name}`, volume.live.catalog));
    drawn.push(
      ...treeDiagram(index, `references.${slot}`, `Extent references of ${name}`, volume.references),
    );
  }
  return drawn;
}

/** Each superblock in its slot, and the maps that belong to it. */
function checkpointRing(index: OwnerIndex): Diagram {
  const { container } = index;
  const { checkpoints, current, descriptorRing } = container;
  const size = Math.max(1, descriptorRing.count);
  const parts: DiagramPart[] = [];
  const drawnSlots = new Set<number>();
  const add = (place: number, part: Pick<DiagramPart, 'key' | 'title' | 'text' | 'tone'>): void => {
    if (place < 0 || place >= size || drawnSlots.has(place)) return;
    drawnSlots.add(place);
    const where = whereBlocks(index, descriptorRing.first + place);
    parts.push({ ...part, from: place / size, to: (place + 1) / size, fill: 1, row: 0, ...where });
  };
  for (const checkpoint of checkpoints) {
    const { xid, place, problem, maps } = checkpoint;
    const isNow = checkpoint === current;
    const tone = problem !== '' ? 'broken' : isNow ? 'now' : 'kept';
    const text = problem !== '' ? problem : isNow ? 'the newest whole one' : 'whole in its rings';
    add(place, { key: `superblock:${place}:${xid}`, title: `slot ${place}: transaction ${xid}`, text, tone });
    for (const { block } of maps) {
      const slot = block - descriptorRing.first;
      const title = `slot ${slot}: map of transaction ${xid}`;
      add(slot, { key: `map:${slot}:${xid}`, title, text: 'where its objects lie in the data ring', tone });
    }
  }
  const { descriptorIndex, descriptorNext } = current.superblock;
  return {
    ...{ id: 'checkpoints', kind: 'ring', title: 'Checkpoint ring', parts },
    text: `${count(size, 'slot')}, newest: transaction ${current.xid}`,
    marks: [
      { name: 'start', at: (descriptorIndex % size) / size },
      { name: 'end', at: (descriptorNext % size) / size },
    ],
  };
}

/** So many snapshots are drawn, the newest. */
const LAYERS_MAX = 64;

/** The volume as it is on top, its snapshots below, the oldest at the bottom. */
function layers(index: OwnerIndex, volume: VolumeView): Diagram {
  const { superblock, snapshots, slot, name, block } = volume;
  const shown = [...snapshots].reverse().slice(0, LAYERS_MAX);
  const flat = { from: 0, to: 1, fill: 0, row: 0 };
  const parts: DiagramPart[] = shown.map((snapshot) => ({
    ...{ key: `snapshot:${snapshot.name}`, title: `snapshot ${snapshot.name}`, ...flat },
    ...{ text: `transaction ${snapshot.xid}`, tone: 'kept' },
    ...whereBlocks(index, snapshot.metadata.superblockBlock),
  }));
  const live: DiagramPart = {
    ...{ key: 'live', title: `${name} as it is`, tone: 'now', ...flat, fill: 1 },
    text: `transaction ${superblock.xid}, ${count(superblock.allocatedBlocks, 'block')} in use`,
    ...whereBlocks(index, block),
  };
  const text = snapshots.length === 0 ? 'no snapshots' : count(snapshots.length, 'snapshot');
  return {
    id: `layers.${slot}`,
    kind: 'layers',
    title: `Layers of ${name}`,
    text,
    marks: [],
    parts: [live, ...parts],
  };
}

function treeDiagram(index: OwnerIndex, id: string, title: string, tree: ViewTree): Diagram[] {
  const { root } = tree;
  if (root.problem !== '') return [];
  return [
    treeOf({ id: `tree:${id}`, title, text: count(root.level + 1, 'level') }, nodeOf(index, tree, root)),
  ];
}

function nodeOf(index: OwnerIndex, tree: ViewTree, node: ViewNode): TreeNode {
  const isBroken = node.problem !== '';
  return {
    ...{ key: `node:${node.block}`, title: isBroken ? `block ${node.block}` : nodeTitle(node), isBroken },
    text: isBroken ? node.problem : `block ${node.block}, ${count(node.count, 'record')}`,
    fill: isBroken ? 0 : Math.min(1, node.count / RECORDS_FULL),
    ...(node.block === 0 ? NOWHERE : whereBlocks(index, node.block)),
    below(countMax) {
      const nodes: TreeNode[] = [];
      if (isBroken || node.isLeaf) return { nodes, total: 0 };
      for (let record = 0; record < node.count && nodes.length < countMax; record++) {
        const child = tree.child(node, record);
        // Only the level below: a pointer upward is damage and ends here.
        if (child && (child.problem !== '' || child.level < node.level))
          nodes.push(nodeOf(index, tree, child));
      }
      return { nodes, total: node.count };
    },
  };
}

/** About as many records as a node of 4,096 bytes holds. */
const RECORDS_FULL = 60;
