import { concatBytes, viewOf } from '../../base/bytes.ts';
import {
  CATALOG_KEY_LENGTH_BYTES,
  ATTRIBUTE_KEY_LENGTH_BYTES,
  CatalogFile,
  CatalogFolder,
  CatalogThread,
  EXTENTS_KEY_LENGTH_BYTES,
  FILE_CREATOR,
  FILE_TYPE,
  FINDER_FLAG,
  RECORD_FLAG,
  RECORD_TYPE,
} from './layout-catalog.ts';
import {
  HEADER_NODE,
  HeaderRecord,
  KEY_COMPARE,
  NODE_DESCRIPTOR_SIZE_BYTES,
  NODE_KIND,
  NodeDescriptor,
  recordOffsetAt,
  TREE_BIT,
} from './layout-tree.ts';
import { CNID, EMPTY_FORK } from './layout.ts';
import { catalogKey } from './names.ts';
import { headerMapBits, mapNodeBits, mapNodesOf } from './plan.ts';
import type { Plan, TreePlan } from './plan.ts';
import type { TreeName } from './settings.ts';

/**
 * The three trees of a new volume: only the catalog has records, all in one leaf. Source:
 * apple-oss-distributions/hfs, newfs_hfs/makehfs.c.
 */

export interface RootDirectory {
  readonly storedLabel: string;
  /** Seconds since 1904, GMT. */
  readonly createDate: number;
  readonly isHfsx: boolean;
  readonly isBinary: boolean;
  readonly uid: number;
  readonly gid: number;
}

const MAX_KEY_LENGTH: Readonly<Record<TreeName, number>> = {
  catalog: CATALOG_KEY_LENGTH_BYTES.max,
  extents: EXTENTS_KEY_LENGTH_BYTES,
  attributes: ATTRIBUTE_KEY_LENGTH_BYTES.max,
};

/** All nodes in use, from node 0 on without a gap; the rest of the file is zeros. */
export function firstNodes(name: TreeName, plan: Plan, root: RootDirectory): Uint8Array {
  const tree = plan.trees[name];
  const leaf = name === 'catalog' ? catalogLeaf(plan, root) : undefined;
  const mapNodes = mapNodesOf(tree);
  const usedNodes = 1 + (leaf === undefined ? 0 : 1) + mapNodes;
  const header = headerNode(tree, {
    usedNodes,
    firstMapNode: mapNodes === 0 ? 0 : usedNodes - mapNodes,
    leafRecords: leaf?.recordCount ?? 0,
    maxKeyLengthBytes: MAX_KEY_LENGTH[name],
    keyCompareType: name !== 'catalog' ? 0 : root.isBinary ? KEY_COMPARE.binary : KEY_COMPARE.folding,
    attributes: TREE_BIT.bigKeys + (name === 'extents' ? 0 : TREE_BIT.variableIndexKeys),
  });
  const maps = Array.from({ length: mapNodes }, (_, i) => {
    const forward = i === mapNodes - 1 ? 0 : usedNodes - mapNodes + i + 1;
    return mapNode(tree.nodeSizeBytes, forward);
  });
  return concatBytes([header, ...(leaf === undefined ? [] : [leaf.bytes]), ...maps]);
}

export interface HeaderValues {
  readonly usedNodes: number;
  readonly firstMapNode: number;
  readonly leafRecords: number;
  readonly maxKeyLengthBytes: number;
  readonly keyCompareType: number;
  readonly attributes: number;
}

/** Node 0 of a tree that fills its file; `usedNodes` from node 0 on are in use. */
export function headerNode(
  { nodeSizeBytes, sizeBytes }: Pick<TreePlan, 'nodeSizeBytes' | 'sizeBytes'>,
  values: HeaderValues,
): Uint8Array {
  const node = new Uint8Array(nodeSizeBytes);
  const hasLeaf = values.leafRecords > 0 ? 1 : 0;
  NodeDescriptor.write(node, {
    forward: values.firstMapNode,
    backward: 0,
    kind: NODE_KIND.header,
    height: 0,
    recordCount: 3,
  });
  HeaderRecord.write(
    node,
    {
      treeDepth: hasLeaf,
      rootNode: hasLeaf,
      leafRecords: values.leafRecords,
      firstLeafNode: hasLeaf,
      lastLeafNode: hasLeaf,
      nodeSizeBytes,
      maxKeyLengthBytes: values.maxKeyLengthBytes,
      totalNodes: sizeBytes / nodeSizeBytes,
      freeNodes: sizeBytes / nodeSizeBytes - values.usedNodes,
      clumpSizeBytes: sizeBytes,
      treeType: 0,
      keyCompareType: values.keyCompareType,
      attributes: values.attributes,
    },
    HEADER_NODE.header,
  );
  for (let i = 0; i < values.usedNodes; i++) {
    const at = HEADER_NODE.map + (i >>> 3);
    node[at] = (node[at] ?? 0) | (0x80 >>> (i & 7));
  }
  const end = HEADER_NODE.map + headerMapBits(nodeSizeBytes) / 8;
  putOffsets(node, [HEADER_NODE.header, HEADER_NODE.user, HEADER_NODE.map, end]);
  return node;
}

function mapNode(nodeSizeBytes: number, forward: number): Uint8Array {
  const node = new Uint8Array(nodeSizeBytes);
  NodeDescriptor.write(node, { forward, backward: 0, kind: NODE_KIND.map, height: 0, recordCount: 1 });
  const end = NODE_DESCRIPTOR_SIZE_BYTES + mapNodeBits(nodeSizeBytes) / 8;
  putOffsets(node, [NODE_DESCRIPTOR_SIZE_BYTES, end]);
  return node;
}

function putOffsets(node: Uint8Array, offsets: readonly number[]): void {
  const view = viewOf(node);
  for (const [i, offset] of offsets.entries()) view.setUint16(recordOffsetAt(node.length, i), offset);
}

// ── catalog ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const JOURNAL_NAMES = ['.journal', '.journal_info_block'] as const;
const MODE_DIRECTORY = 0o040755;
/** The type alone: nobody may do anything with the journal. */
const MODE_JOURNAL = 0o100000;

function catalogLeaf(plan: Plan, root: RootDirectory): { bytes: Uint8Array; recordCount: number } {
  const { journal } = plan;
  const records = [
    catalogKey(CNID.rootParent, root.storedLabel),
    rootFolder(root, journal === null ? 0 : JOURNAL_NAMES.length),
    catalogKey(CNID.root, ''),
    thread(RECORD_TYPE.folderThread, CNID.rootParent, root.storedLabel),
  ];
  if (journal !== null) {
    const blocks = { startBlock: journal.startBlock, blockCount: journal.blockCount };
    const info = { startBlock: journal.infoBlock, blockCount: 1 };
    const [name, infoName] = JOURNAL_NAMES;
    const [id, infoId] = [CNID.firstUser, CNID.firstUser + 1];
    const { createDate } = root;
    records.push(
      catalogKey(CNID.root, name),
      journalFile(id, createDate + 1, journal.sizeBytes, blocks),
      catalogKey(CNID.root, infoName),
      journalFile(infoId, createDate, plan.blockSizeBytes, info),
      catalogKey(id, ''),
      thread(RECORD_TYPE.fileThread, CNID.root, name),
      catalogKey(infoId, ''),
      thread(RECORD_TYPE.fileThread, CNID.root, infoName),
    );
  }
  return leafOf(plan.trees.catalog.nodeSizeBytes, records);
}

/** `records`: key, data, key, data … */
function leafOf(nodeSizeBytes: number, records: readonly Uint8Array[]) {
  const bytes = new Uint8Array(nodeSizeBytes);
  const recordCount = records.length / 2;
  NodeDescriptor.write(bytes, {
    forward: 0,
    backward: 0,
    kind: NODE_KIND.leaf,
    height: 1,
    recordCount,
  });
  const offsets: number[] = [];
  let at = NODE_DESCRIPTOR_SIZE_BYTES;
  for (const [i, part] of records.entries()) {
    if (i % 2 === 0) offsets.push(at);
    bytes.set(part, at);
    at += part.length;
  }
  putOffsets(bytes, [...offsets, at]);
  return { bytes, recordCount };
}

function rootFolder(root: RootDirectory, valence: number): Uint8Array {
  const record = new Uint8Array(CatalogFolder.sizeBytes);
  CatalogFolder.write(record, {
    flags: root.isHfsx ? RECORD_FLAG.hasFolderCount : 0,
    valence,
    folderId: CNID.root,
    createDate: root.createDate,
    contentModDate: root.createDate,
    attributeModDate: 0,
    accessDate: 0,
    backupDate: 0,
    ownerId: root.uid,
    groupId: root.gid,
    adminFlags: 0,
    ownerFlags: 0,
    fileMode: MODE_DIRECTORY,
    special: 0,
    windowBounds: new Uint8Array(8),
    finderFlags: 0,
    location: new Uint8Array(4),
    view: 0,
    finderInfo: new Uint8Array(16),
    textEncoding: 0,
    folderCount: 0,
  });
  return record;
}

function journalFile(
  fileId: number,
  createDate: number,
  sizeBytes: number,
  extent: { readonly startBlock: number; readonly blockCount: number },
): Uint8Array {
  const record = new Uint8Array(CatalogFile.sizeBytes);
  CatalogFile.write(record, {
    flags: RECORD_FLAG.threadExists,
    firstLinkId: 0,
    fileId,
    createDate,
    contentModDate: createDate,
    attributeModDate: 0,
    accessDate: 0,
    backupDate: 0,
    ownerId: 0,
    groupId: 0,
    adminFlags: 0,
    ownerFlags: 0,
    fileMode: MODE_JOURNAL,
    special: 1,
    fileType: FILE_TYPE.journal,
    fileCreator: FILE_CREATOR.hfsplus,
    finderFlags: FINDER_FLAG.isInvisible + FINDER_FLAG.nameLocked,
    location: new Uint8Array(4),
    opaque: 0,
    finderInfo: new Uint8Array(16),
    textEncoding: 0,
    dataFork: {
      logicalSizeBytes: sizeBytes,
      clumpSizeBytes: 0,
      totalBlocks: extent.blockCount,
      extents: [extent],
    },
    resourceFork: EMPTY_FORK,
  });
  return record;
}

function thread(recordType: number, parentId: number, name: string): Uint8Array {
  const record = new Uint8Array(CatalogThread.sizeBytes + 2 * name.length);
  CatalogThread.write(record, { recordType, parentId, nameUnits: name.length });
  const view = viewOf(record);
  for (let i = 0; i < name.length; i++) {
    view.setUint16(CatalogThread.sizeBytes + 2 * i, name.charCodeAt(i));
  }
  return record;
}
