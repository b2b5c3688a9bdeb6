import { hex, reserved, struct, u16, u32, u8 } from '../../codec/struct.ts';
import type { Value } from '../../codec/struct.ts';
import { bitNames, plural } from './layout.ts';

/**
 * Nodes of the three B-trees. A node is a descriptor, records in ascending order of their keys, free space, and at its
 * end a table of the records' offsets that grows backwards. Node 0 is the header node; it and the map nodes behind it
 * keep one bit for every node. Source: TN1150 "B-Trees".
 */
export const NODE_DESCRIPTOR_SIZE_BYTES = 14;
export const NODE_SIZE_BYTES_MIN = 512;
export const NODE_SIZE_BYTES_MAX = 32_768;
/** Of catalog and attributes tree. */
export const LARGE_KEY_NODE_SIZE_BYTES_MIN = 4096;
/** fsck refuses a deeper tree (E_BTDepth). */
export const TREE_DEPTH_MAX = 8;

/** Kinds of node, as the signed byte is read unsigned. */
export const NODE_KIND = { leaf: 0xff, index: 0, header: 1, map: 2 } as const;

const showKind = (kind: number) =>
  ({
    [NODE_KIND.leaf]: 'leaf',
    [NODE_KIND.index]: 'index',
    [NODE_KIND.header]: 'header',
    [NODE_KIND.map]: 'map',
  })[kind] ?? `unknown kind ${hex(kind)}`;

const NODES = 'TN1150, "B-Trees"';

export type NodeDescriptor = Value<typeof NodeDescriptor>;
export const NodeDescriptor = struct('NodeDescriptor', NODE_DESCRIPTOR_SIZE_BYTES, 'big', NODES, {
  forward: u32(0, 'fLink: next node of this level, or next map node; 0 none'),
  backward: u32(4, 'bLink: previous node of this level; 0 none'),
  kind: u8(8, 'kind: -1 leaf, 0 index, 1 header, 2 map', { show: showKind }),
  height: u8(9, 'height: 1 for leaves, one more for each level above; 0 for header and map'),
  recordCount: u16(10, 'numRecords', { show: plural('record') }),
  reserved: reserved(12, 2),
});

export const HEADER_RECORD_SIZE_BYTES = 106;
/** Offsets within the header node. [TN "Header Node"] */
export const HEADER_NODE = { header: 14, user: 120, map: 248 } as const;
export const USER_RECORD_SIZE_BYTES = 128;

/** How a catalog compares names: BTHeaderRec.keyCompareType. */
export const KEY_COMPARE = { folding: 0xcf, binary: 0xbc } as const;
/** BTHeaderRec.attributes */
export const TREE_BIT = { badClose: 1, bigKeys: 2, variableIndexKeys: 4 } as const;

const showCompare = (value: number) =>
  value === KEY_COMPARE.folding
    ? '0xcf case folding'
    : value === KEY_COMPARE.binary
      ? '0xbc binary'
      : hex(value);

export type HeaderRecord = Value<typeof HeaderRecord>;
export const HeaderRecord = struct(
  'HeaderRecord',
  HEADER_RECORD_SIZE_BYTES,
  'big',
  'TN1150, "Header Record"',
  {
    treeDepth: u16(0, 'treeDepth: levels of nodes; 0 for an empty tree'),
    rootNode: u32(2, 'rootNode'),
    leafRecords: u32(6, 'leafRecords: records of all leaves', { show: plural('record') }),
    firstLeafNode: u32(10, 'firstLeafNode'),
    lastLeafNode: u32(14, 'lastLeafNode'),
    nodeSizeBytes: u16(18, 'nodeSize', { show: plural('byte') }),
    maxKeyLengthBytes: u16(20, 'maxKeyLength', { show: plural('byte') }),
    totalNodes: u32(22, 'totalNodes: nodes of the file, used or not', { show: plural('node') }),
    freeNodes: u32(26, 'freeNodes: clear bits of the map', { show: plural('node') }),
    reserved1: reserved(30, 2),
    clumpSizeBytes: u32(32, 'clumpSize: not used', { show: plural('byte') }),
    treeType: u8(36, 'btreeType: 0; 128 for the tree of hot files'),
    keyCompareType: u8(37, 'keyCompareType: how names of an HFSX catalog are compared', {
      show: showCompare,
    }),
    attributes: u32(38, 'attributes', {
      show: bitNames({ 0: 'bad close', 1: 'big keys', 2: 'variable index keys' }),
    }),
    reserved3: reserved(42, 64),
  },
);

/** Byte of a node in which the offset of record `index` stands; `index` = record count: start of free space. */
export const recordOffsetAt = (nodeSizeBytes: number, index: number): number =>
  nodeSizeBytes - 2 * (index + 1);
