import { viewOf } from '../../base/bytes.ts';
import { BLOCK_SIZE_BYTES, OBJECT, OBJECT_FLAG } from './layout.ts';
import {
  BTREE_INFO_AT,
  CHILD_SIZE_BYTES,
  FIXED_ENTRY_SIZE_BYTES,
  NO_OFFSET,
  NODE_FLAG,
  TABLE_AT,
  TREE_DEPTH_MAX,
  VARIABLE_ENTRY_SIZE_BYTES,
} from './layout-tree.ts';
import { isIntact, subtypeOf, typeOf, u32At } from './object.ts';
import type { TreeKind } from './tree-kinds.ts';

/**
 * Whether a block may be believed to be a node. BtreeNode takes the bytes as they are; what has passed here can be
 * read, searched and changed without leaving the block, and its keys ascend.
 */
const marks = new Uint8Array(BLOCK_SIZE_BYTES);

/** Half a sentence about what is wrong ('its checksum is wrong'), null for a sound node. `level` null: a root. */
export function damageOf(bytes: Uint8Array, kind: TreeKind, level: number | null): string | null {
  if (!isIntact(bytes)) return 'its checksum is wrong';
  const view = viewOf(bytes);
  const flags = view.getUint16(0x20, true);
  const isRoot = (flags & NODE_FLAG.root) !== 0;
  const storage = kind.storage === 'virtual' ? 0 : OBJECT_FLAG[kind.storage];
  const type = storage + (isRoot ? OBJECT.btreeRoot : OBJECT.btreeNode);
  if (typeOf(bytes) !== type || subtypeOf(bytes) !== kind.subtype) return 'it is an object of another type';
  if (isRoot !== (level === null)) return isRoot ? 'it is a root' : 'it is not a root';
  const found = view.getUint16(0x22, true);
  if (level !== null && found !== level) return `it is at level ${found} instead of ${level}`;
  if (found >= TREE_DEPTH_MAX) return `it is at level ${found}; trees have at most ${TREE_DEPTH_MAX} levels`;
  if (((flags & NODE_FLAG.leaf) !== 0) !== (found === 0)) return 'level and flags contradict each other';
  if (((flags & NODE_FLAG.fixedSizes) !== 0) !== (kind.fixed !== null))
    return 'its sizes are of another kind';
  if ((flags & (NODE_FLAG.hashed | NODE_FLAG.noHeader)) !== 0) return 'it belongs to a sealed volume';
  return damageOfRecords(bytes, kind, found, isRoot);
}

function damageOfRecords(bytes: Uint8Array, kind: TreeKind, level: number, isRoot: boolean): string | null {
  const view = viewOf(bytes);
  const count = view.getUint32(0x24, true);
  const entryBytes = kind.fixed === null ? VARIABLE_ENTRY_SIZE_BYTES : FIXED_ENTRY_SIZE_BYTES;
  const tableBytes = view.getUint16(0x2a, true);
  const keysAt = TABLE_AT + tableBytes;
  const freeAt = keysAt + view.getUint16(0x2c, true);
  const valuesAt = freeAt + view.getUint16(0x2e, true);
  const valuesEnd = isRoot ? BTREE_INFO_AT : BLOCK_SIZE_BYTES;
  if (view.getUint16(0x28, true) !== 0 || count * entryBytes > tableBytes || valuesAt > valuesEnd) {
    return 'its areas do not fit into it';
  }
  if (count === 0 && !(isRoot && level === 0)) return 'it is empty';

  marks.fill(0);
  let before = 0;
  for (let i = 0; i < count; i++) {
    const entry = TABLE_AT + i * entryBytes;
    const { keyAt, keyLength, valueAt, valueLength } = placeOf(view, kind, level, entry, keysAt, valuesEnd);
    if (keyAt + keyLength > freeAt || keyLength < 8) return `the key of record ${i} lies outside`;
    if (valueAt < valuesAt || valueAt + valueLength > valuesEnd)
      return `the value of record ${i} lies outside`;
    if (level > 0 && valueLength !== CHILD_SIZE_BYTES) return `record ${i} names no child`;
    if (!claim(keyAt, keyLength) || !claim(valueAt, valueLength)) return `record ${i} overlaps another`;
    if (kind.fixed === null && !isLongEnough(bytes, keyAt, keyLength)) return `the key of record ${i} is cut`;
    if (i > 0) {
      const previous = TABLE_AT + (i - 1) * entryBytes;
      const previousLength = kind.fixed?.keyBytes ?? view.getUint16(previous + 2, true);
      if (kind.compare(bytes, before, previousLength, bytes, keyAt, keyLength) >= 0) {
        return `its keys are out of order at record ${i}`;
      }
    }
    before = keyAt;
  }
  return null;
}

function placeOf(
  view: DataView,
  kind: TreeKind,
  level: number,
  entry: number,
  keysAt: number,
  valuesEnd: number,
) {
  const keyAt = keysAt + view.getUint16(entry, true);
  if (kind.fixed === null) {
    return {
      keyAt,
      keyLength: view.getUint16(entry + 2, true),
      valueAt: valuesEnd - view.getUint16(entry + 4, true),
      valueLength: view.getUint16(entry + 6, true),
    };
  }
  const offset = view.getUint16(entry + 2, true);
  const isGhost = offset === NO_OFFSET && kind.allowsGhosts && level === 0;
  const valueLength = level === 0 ? kind.fixed.valueBytes : CHILD_SIZE_BYTES;
  return {
    keyAt,
    keyLength: kind.fixed.keyBytes,
    valueAt: isGhost ? valuesEnd : valuesEnd - offset,
    valueLength: isGhost ? 0 : valueLength,
  };
}

/** Keys whose order looks beyond the first word must have it. Types as in tree-kinds.ts. */
function isLongEnough(bytes: Uint8Array, at: number, length: number): boolean {
  const type = u32At(bytes, at + 4) >>> 28;
  if (type === 5 || type === 8 || type === 13) return length >= 16;
  return type === 4 || type === 9 || type === 11 ? length > 10 : true;
}

/** Marks bytes as taken; false if some were already. */
function claim(at: number, length: number): boolean {
  for (let i = at; i < at + length; i++) if (marks[i] === 1) return false;
  marks.fill(1, at, at + length);
  return true;
}
