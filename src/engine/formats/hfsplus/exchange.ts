import { FsError } from '../../base/errno.ts';
import { viewOf } from '../../base/bytes.ts';
import { clearNoDump } from './attributes.ts';
import type { BTree, Place } from './btree.ts';
import { extentsKey } from './extents.ts';
import type { ExtendedAttributes } from './extended-attributes.ts';
import type { Files, FilesHost } from './files.ts';
import { CatalogFile, EXTENTS_KEY_LENGTH_BYTES } from './layout-catalog.ts';
import { FORK_SIZE_BYTES } from './layout.ts';
import type { HfsNode } from './node.ts';

/** Travels with the contents it warns of. */
const QUARANTINE_NAME = 'com.apple.quarantine';
const FORKS_AT = CatalogFile.fields.dataFork.at;
const MODIFY_DATE_AT = CatalogFile.fields.contentModDate.at;
const FILE_ID_AT = 4;

interface OverflowRecord {
  readonly key: Uint8Array;
  readonly data: Uint8Array;
}

/**
 * exchangedata(2): two files exchange both forks, the date their contents changed, and the quarantine attribute; ids,
 * names, owners, dates and all other attributes stay. Compressed files are unpacked first. Records of extents change
 * hands by their keys, in one transaction; room for them is found before anything changes (ENOSPC).
 * Source: apple-oss-distributions/hfs, core/hfs_vnops.c hfs_vnop_exchange, core/FileIDsServices.c.
 */
export function exchangeContents(
  host: FilesHost,
  files: Files,
  attributes: ExtendedAttributes,
  pair: readonly [HfsNode, HfsNode],
): void {
  const [first, second] = pair;
  if (first.inode === second.inode)
    throw new FsError('EINVAL', '', '', 'a file cannot be exchanged with itself');
  for (const node of pair) {
    if (node.type !== 'file') throw new FsError('EINVAL', '', '', 'only files can be exchanged');
    files.unpack(node);
  }
  exchangeQuarantine(attributes, first, second);
  if (host.extentsTree !== undefined) exchangeOverflow(host.extentsTree, first.inode, second.inode);
  exchangeBytes(first.record, second.record, FORKS_AT, 2 * FORK_SIZE_BYTES);
  exchangeBytes(first.record, second.record, MODIFY_DATE_AT, 4);
  for (const node of pair) {
    const { data, resource } = files.forksOf(node);
    data.forget();
    resource.forget();
    if (first.parentId !== second.parentId) clearNoDump(node.record, host.commit.now());
    host.catalog.store(node);
  }
}

function exchangeQuarantine(attributes: ExtendedAttributes, first: HfsNode, second: HfsNode): void {
  const ofFirst = attributes.get(first, QUARANTINE_NAME);
  const ofSecond = attributes.get(second, QUARANTINE_NAME);
  give(attributes, first, ofFirst, ofSecond);
  try {
    give(attributes, second, ofSecond, ofFirst);
  } catch (error) {
    give(attributes, first, ofSecond, ofFirst);
    throw error;
  }
}

function give(
  attributes: ExtendedAttributes,
  node: HfsNode,
  old: Uint8Array | undefined,
  value: Uint8Array | undefined,
): void {
  if (value !== undefined) attributes.set(node, QUARANTINE_NAME, value);
  else if (old !== undefined) attributes.remove(node, QUARANTINE_NAME);
}

function exchangeOverflow(tree: BTree, first: number, second: number): void {
  const ofFirst = overflowOf(tree, first);
  const ofSecond = overflowOf(tree, second);
  if (ofFirst.length + ofSecond.length === 0) return;
  tree.reserve(ofFirst.length + ofSecond.length);
  for (const { key } of [...ofFirst, ...ofSecond]) tree.remove(key);
  for (const { key, data } of ofFirst) tree.insert(keyFor(key, second), data);
  for (const { key, data } of ofSecond) tree.insert(keyFor(key, first), data);
}

/** Records of both forks of a file, copied. */
function overflowOf(tree: BTree, fileId: number): OverflowRecord[] {
  const records: OverflowRecord[] = [];
  let place = tree.seek(extentsKey(fileId, 'data', 0));
  while (place !== undefined && fileIdAt(place) === fileId) {
    const { node, index } = place;
    const at = node.offsetOf(index);
    records.push({
      key: node.bytes.slice(at, at + 2 + EXTENTS_KEY_LENGTH_BYTES),
      data: node.bytes.slice(node.dataOffsetOf(index), node.offsetOf(index + 1)),
    });
    place = tree.next(place);
  }
  return records;
}

const fileIdAt = ({ node, index }: Place): number => node.view.getUint32(node.offsetOf(index) + FILE_ID_AT);

function keyFor(key: Uint8Array, fileId: number): Uint8Array {
  const other = key.slice();
  viewOf(other).setUint32(FILE_ID_AT, fileId);
  return other;
}

function exchangeBytes(a: Uint8Array, b: Uint8Array, at: number, lengthBytes: number): void {
  const kept = a.slice(at, at + lengthBytes);
  a.set(b.subarray(at, at + lengthBytes), at);
  b.set(kept, at);
}
