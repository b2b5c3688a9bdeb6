import type { KeyOrder } from './btree-node.ts';

/**
 * Order of the extents overflow tree: file, then data before resource fork, then block of the fork.
 * [TN1150 "Extents Overflow File Key"]
 */
export const EXTENTS_ORDER: KeyOrder = {
  compare: (node, at, key) =>
    u32(node, at + 4) - u32(key, 4) || (node[at + 2] ?? 0) - (key[2] ?? 0) || u32(node, at + 8) - u32(key, 8),
};

/**
 * Order of the attributes tree: file, then name, unit by unit without folding, then block of the value.
 * [apple-oss-distributions/hfs, core/hfs_xattr.c hfs_attrkeycompare]
 */
export const ATTRIBUTES_ORDER: KeyOrder = {
  compare: (node, at, key) =>
    u32(node, at + 4) - u32(key, 4) || compareNames(node, at, key) || u32(node, at + 8) - u32(key, 8),
};

const NAME_LENGTH_AT = 12;
const NAME_AT = 14;

function compareNames(node: Uint8Array, at: number, key: Uint8Array): number {
  const left = u16(node, at + NAME_LENGTH_AT);
  const right = u16(key, NAME_LENGTH_AT);
  const end = NAME_AT + 2 * Math.min(left, right);
  // Big-endian units compare as their bytes do.
  for (let i = NAME_AT; i < end; i++) {
    const difference = (node[at + i] ?? 0) - (key[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return left - right;
}

const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
const u32 = (bytes: Uint8Array, at: number): number => u16(bytes, at) * 65_536 + u16(bytes, at + 2);
