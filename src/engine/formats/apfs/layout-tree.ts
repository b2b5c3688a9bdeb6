import { struct, u16, u32, u64 } from '../../codec/struct.ts';
import type { Value } from '../../codec/struct.ts';
import {
  bitNames,
  blockAddress,
  HEADER_FIELDS,
  objectId,
  plural,
  transactionId,
  typeWord,
} from './layout.ts';

/**
 * Object maps and the nodes of B-trees. Source: Apple, "Apple File System Reference" [AFS], "Object Maps", "B-Trees".
 *
 * A node is header, table of contents, keys growing upwards, free space, values growing downwards, and in a root a
 * footer of 40 bytes. Key offsets count from the end of the table, value offsets backwards from the end of the block
 * (of a root: from the footer) to where the value begins.
 */

// ── object maps ─────────────────────────────────────────────────────────────────────────────────────────────────────

export const OMAP_SIZE_BYTES = 88;
export const OMAP_FLAG = {
  /** Of the container's; those of volumes keep themselves. */
  manuallyManaged: 1,
  encrypting: 2,
  decrypting: 4,
  keyRolling: 8,
  cryptoGeneration: 0x10,
} as const;

/** [AFS "omap_phys_t"] */
export const OmapPhys = struct('OmapPhys', 88, 'little', 'AFS, "omap_phys_t"', {
  ...HEADER_FIELDS,
  flags: u32(0x20, 'om_flags', {
    show: bitNames({
      0: 'manually managed',
      1: 'encrypting',
      2: 'decrypting',
      3: 'key rolling',
      4: 'crypto generation',
    }),
  }),
  snapshotCount: u32(0x24, 'om_snap_count', { show: plural('snapshot') }),
  treeType: typeWord(0x28, 'om_tree_type: type word of the tree of mappings'),
  snapshotTreeType: typeWord(0x2c, 'om_snapshot_tree_type'),
  treeBlock: blockAddress(0x30, 'om_tree_oid: root of the tree of mappings'),
  snapshotTreeBlock: blockAddress(0x38, 'om_snapshot_tree_oid: root of the tree of snapshots'),
  mostRecentSnapshot: transactionId(0x40, 'om_most_recent_snap: mappings up to it must be kept'),
  pendingRevertMin: transactionId(0x48, 'om_pending_revert_min: first transaction of a revert under way'),
  pendingRevertMax: transactionId(0x50, 'om_pending_revert_max: last one'),
});
export type OmapPhys = Value<typeof OmapPhys>;

/** [AFS "omap_key_t"] */
export const OmapKey = struct('OmapKey', 16, 'little', 'AFS, "omap_key_t"', {
  oid: u64(0, 'ok_oid: virtual object'),
  xid: u64(8, 'ok_xid: transaction that wrote this version'),
});

export const OMAP_VALUE_FLAG = {
  deleted: 1,
  saved: 2,
  encrypted: 4,
  noHeader: 8,
  cryptoGeneration: 16,
} as const;

/** [AFS "omap_val_t"] */
export const OmapValue = struct('OmapValue', 16, 'little', 'AFS, "omap_val_t"', {
  flags: u32(0, 'ov_flags', {
    show: bitNames({ 0: 'deleted', 1: 'saved', 2: 'encrypted', 3: 'no header', 4: 'crypto generation' }),
  }),
  sizeBytes: u32(4, 'ov_size: size of the object', { show: plural('byte') }),
  block: blockAddress(8, 'ov_paddr: where this version lies'),
});

export const OMAP_SNAPSHOT_FLAG = { deleted: 1, reverted: 2 } as const;

/** Its key is the snapshot's transaction, u64. [AFS "omap_snapshot_t"] */
export const OmapSnapshot = struct('OmapSnapshot', 16, 'little', 'AFS, "omap_snapshot_t"', {
  flags: u32(0, 'oms_flags', { show: bitNames({ 0: 'deleted', 1: 'reverted' }) }),
  padding: u32(4, 'oms_pad'),
  oid: objectId(8, 'oms_oid'),
});

// ── nodes ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export const NODE_FLAG = { root: 1, leaf: 2, fixedSizes: 4, hashed: 8, noHeader: 0x10 } as const;

export const NODE_HEADER_SIZE_BYTES = 56;
/** Where the table of contents begins. */
export const TABLE_AT = 56;
/** Table entry of a node with fixed sizes: {key offset, value offset}. */
export const FIXED_ENTRY_SIZE_BYTES = 4;
/** Table entry of any other: {key offset, key length, value offset, value length}. */
export const VARIABLE_ENTRY_SIZE_BYTES = 8;
/** An offset that leads nowhere: end of a free list, value of a ghost record. */
export const NO_OFFSET = 0xffff;
/** A child as an index record names it. */
export const CHILD_SIZE_BYTES = 8;
/** Levels a reader follows at most, as the checker and the Linux driver do. */
export const TREE_DEPTH_MAX = 12;

/** [AFS "btree_node_phys_t"] */
export const BtreeNodeHeader = struct('BtreeNode', 56, 'little', 'AFS, "btree_node_phys_t"', {
  ...HEADER_FIELDS,
  flags: u16(0x20, 'btn_flags', {
    show: bitNames({ 0: 'root', 1: 'leaf', 2: 'fixed sizes', 3: 'hashed', 4: 'no header' }),
  }),
  level: u16(0x22, 'btn_level: 0 for a leaf'),
  count: u32(0x24, 'btn_nkeys: records in this node', { show: plural('record') }),
  tableOffset: u16(0x28, 'btn_table_space: where the table of contents begins, after the header'),
  tableBytes: u16(0x2a, 'btn_table_space: room of the table of contents', { show: plural('byte') }),
  freeOffset: u16(0x2c, 'btn_free_space: where free space begins, from the end of the table'),
  freeBytes: u16(0x2e, 'btn_free_space: its length', { show: plural('byte') }),
  keyHoles: u16(0x30, 'btn_key_free_list: first hole among the keys, 0xffff none'),
  keyHoleBytes: u16(0x32, 'btn_key_free_list: bytes in all holes', { show: plural('byte') }),
  valueHoles: u16(0x34, 'btn_val_free_list: first hole among the values, 0xffff none'),
  valueHoleBytes: u16(0x36, 'btn_val_free_list: bytes in all holes', { show: plural('byte') }),
});
export type BtreeNodeHeader = Value<typeof BtreeNodeHeader>;

export const BTREE_INFO_SIZE_BYTES = 40;
/** Where the footer of a root lies. */
export const BTREE_INFO_AT = 4056;

export const BTREE_FLAG = {
  uint64Keys: 1,
  sequentialInsert: 2,
  allowsGhosts: 4,
  ephemeral: 8,
  physical: 0x10,
  nonPersistent: 0x20,
  notAligned: 0x40,
  hashed: 0x80,
  noHeader: 0x100,
} as const;

/** [AFS "btree_info_t"] */
export const BtreeInfo = struct('BtreeInfo', 40, 'little', 'AFS, "btree_info_t"', {
  flags: u32(0, 'bt_flags', {
    show: bitNames({
      0: 'u64 keys',
      1: 'sequential insert',
      2: 'ghosts allowed',
      3: 'ephemeral',
      4: 'physical',
      5: 'not persistent',
      6: 'records not aligned',
      7: 'hashed',
      8: 'nodes without headers',
    }),
  }),
  nodeSizeBytes: u32(4, 'bt_node_size', { show: plural('byte') }),
  keySizeBytes: u32(8, 'bt_key_size: 0 when they vary', { show: plural('byte') }),
  valueSizeBytes: u32(12, 'bt_val_size: 0 when they vary', { show: plural('byte') }),
  longestKeyBytes: u32(16, 'bt_longest_key: ever inserted', { show: plural('byte') }),
  longestValueBytes: u32(20, 'bt_longest_val: ever inserted', { show: plural('byte') }),
  keyCount: u64(24, 'bt_key_count: records in all leaves', { show: plural('record') }),
  nodeCount: u64(32, 'bt_node_count', { show: plural('node') }),
});
export type BtreeInfo = Value<typeof BtreeInfo>;
