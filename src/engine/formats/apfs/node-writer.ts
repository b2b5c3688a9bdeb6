import { assert } from '../../base/assert.ts';
import { viewOf } from '../../base/bytes.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import {
  BTREE_INFO_AT,
  BTREE_INFO_SIZE_BYTES,
  BtreeInfo,
  FIXED_ENTRY_SIZE_BYTES,
  NODE_FLAG,
  NO_OFFSET,
  TABLE_AT,
  VARIABLE_ENTRY_SIZE_BYTES,
} from './layout-tree.ts';
import type { Value } from '../../codec/struct.ts';

/** A record as bytes; `value` null is a ghost, which only free queues know. */
export interface RawRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

export interface NodeForm {
  readonly level: number;
  readonly isRoot: boolean;
  readonly isFixed: boolean;
  /** Room of the table of contents; the records' entries must fit. */
  readonly tableBytes: number;
}

/**
 * Fills a node of a tree that is made in one go (newfs, free queues) with records in order, without holes. Header and
 * checksum are the caller's. The records must fit: InvariantError.
 */
export function writeNode(bytes: Uint8Array, form: NodeForm, records: readonly RawRecord[]): void {
  const view = viewOf(bytes);
  const keyArea = TABLE_AT + form.tableBytes;
  const valueEnd = BLOCK_SIZE_BYTES - (form.isRoot ? BTREE_INFO_SIZE_BYTES : 0);
  let key = keyArea;
  let value = valueEnd;
  let entry = TABLE_AT;
  for (const record of records) {
    bytes.set(record.key, key);
    if (record.value !== null) {
      value -= record.value.length;
      bytes.set(record.value, value);
    }
    const valueOffset = record.value === null ? NO_OFFSET : valueEnd - value;
    view.setUint16(entry, key - keyArea, true);
    if (form.isFixed) {
      view.setUint16(entry + 2, valueOffset, true);
    } else {
      view.setUint16(entry + 2, record.key.length, true);
      view.setUint16(entry + 4, valueOffset, true);
      view.setUint16(entry + 6, record.value?.length ?? 0, true);
    }
    entry += form.isFixed ? FIXED_ENTRY_SIZE_BYTES : VARIABLE_ENTRY_SIZE_BYTES;
    key += record.key.length;
  }
  assert(key <= value && entry <= keyArea, `${records.length} records fit in a node`);
  const flags =
    (form.isRoot ? NODE_FLAG.root : 0) |
    (form.level === 0 ? NODE_FLAG.leaf : 0) |
    (form.isFixed ? NODE_FLAG.fixedSizes : 0);
  view.setUint16(0x20, flags, true);
  view.setUint16(0x22, form.level, true);
  view.setUint32(0x24, records.length, true);
  view.setUint16(0x28, 0, true);
  view.setUint16(0x2a, form.tableBytes, true);
  view.setUint16(0x2c, key - keyArea, true);
  view.setUint16(0x2e, value - key, true);
  view.setUint16(0x30, NO_OFFSET, true);
  view.setUint16(0x32, 0, true);
  view.setUint16(0x34, NO_OFFSET, true);
  view.setUint16(0x36, 0, true);
}

export type Footer = Omit<Value<typeof BtreeInfo>, 'nodeSizeBytes'>;

/** The footer of a root. */
export function writeFooter(bytes: Uint8Array, footer: Footer): void {
  BtreeInfo.write(bytes, { ...footer, nodeSizeBytes: BLOCK_SIZE_BYTES }, BTREE_INFO_AT);
}
