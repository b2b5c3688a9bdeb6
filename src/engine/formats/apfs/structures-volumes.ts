import type { Page, StructureNode, StructurePage } from '../survey.ts';
import { EMPTY, slice } from '../structure-page.ts';
import { OBJECT_ID } from './layout-catalog.ts';
import { ROLE_NAMES, VOLUME_INCOMPATIBLE } from './layout-volume.ts';
import { count } from './annotate-pieces.ts';
import type { OwnerIndex } from './owner-index.ts';
import { objectNode } from './structures-checkpoints.ts';
import { itemNode } from './structures-files.ts';
import { branch, whereBlocks } from './structures-pieces.ts';
import { treeNode } from './structures-trees.ts';
import type { CatalogView, SnapshotView, VolumeView } from './view-volume.ts';

/** Volumes with their superblock, trees, snapshots and files. */

export function volumeNode(index: OwnerIndex, volume: VolumeView): StructureNode {
  const { superblock, slot, name } = volume;
  const role = ROLE_NAMES[superblock.role] ?? '';
  const words = [
    role === '' ? '' : `role ${role}`,
    count(superblock.fileCount, 'file'),
    count(superblock.directoryCount, 'directory'),
    superblock.snapshotCount === 0 ? '' : count(superblock.snapshotCount, 'snapshot'),
    `${count(superblock.allocatedBlocks, 'block')} in use`,
    (superblock.incompatibleFeatures & VOLUME_INCOMPATIBLE.sealed) === 0 ? '' : 'sealed',
  ];
  const text = words.filter((word) => word !== '').join(', ');
  return branch(`volume:${slot}`, `Volume ${name}`, text, whereBlocks(index, volume.block));
}

const volumeIn = ({ container }: OwnerIndex, slot: number): VolumeView | undefined =>
  container.volumes.find((one) => one.slot === slot);

/** Two nodes of an object map: its fields and its tree. */
export function omapNodes(index: OwnerIndex, block: number, word: string): StructureNode[] {
  const nodes = [objectNode(index, block, 'Object map')];
  const tree = treeNode(index, word, 'Tree of the object map');
  if (tree) nodes.push(tree);
  return nodes;
}

export function volumeChildren(index: OwnerIndex, slot: number, page: Page): StructurePage {
  const volume = volumeIn(index, slot);
  if (!volume) return EMPTY;
  const { superblock, snapshots } = volume;
  const nodes = [
    objectNode(index, volume.block, 'Volume superblock'),
    ...omapNodes(index, superblock.omapBlock, `omap.${slot}`),
  ];
  const trees = [
    [`omapsnapshots.${slot}`, 'Snapshots of the object map'],
    [`catalog.${slot}.0`, 'Catalog'],
    [`references.${slot}.0`, 'Extent references'],
    [`extents.${slot}`, 'File extents'],
    [`snapshots.${slot}`, 'Snapshot metadata'],
  ] as const;
  for (const [word, title] of trees) {
    const node = treeNode(index, word, title);
    if (node) nodes.push(node);
  }
  for (const snapshot of snapshots) nodes.push(snapshotNode(index, volume, snapshot));
  nodes.push(rootNode(volume.live));
  return slice(nodes, page);
}

const rootNode = (view: CatalogView): StructureNode => {
  const node = itemNode(view, OBJECT_ID.root, '/');
  return node.hasChildren || !isEncrypted(view)
    ? node
    : { ...node, title: 'Files', text: 'encrypted: the catalog cannot be read without the key' };
};

const isEncrypted = ({ superblock }: CatalogView): boolean => superblock.flags % 2 === 0;

function snapshotNode(index: OwnerIndex, { slot }: VolumeView, snapshot: SnapshotView): StructureNode {
  const { name, xid, metadata } = snapshot;
  const text = `transaction ${xid}, superblock in block ${metadata.superblockBlock}`;
  const where = whereBlocks(index, metadata.superblockBlock);
  return branch(`snapshot:${slot}:${xid}`, `Snapshot ${name}`, text, where);
}

/** What the snapshot has of its own, and the files as it has them. */
export function snapshotChildren(index: OwnerIndex, slot: number, xid: number, page: Page): StructurePage {
  const volume = volumeIn(index, slot);
  const snapshot = volume?.snapshots.find((one) => one.xid === xid);
  if (!volume || !snapshot) return EMPTY;
  const nodes = [objectNode(index, snapshot.metadata.superblockBlock, 'Superblock of the snapshot')];
  for (const [word, title] of [
    [`catalog.${slot}.${xid}`, 'Catalog as the snapshot has it'],
    [`references.${slot}.${xid}`, 'Extent references it took along'],
  ] as const) {
    const node = treeNode(index, word, title);
    if (node) nodes.push(node);
  }
  const view = volume.views.find((one) => one.snapshot?.xid === xid);
  if (view) nodes.push(rootNode(view));
  return slice(nodes, page);
}
