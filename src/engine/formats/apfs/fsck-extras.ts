import { BLOCK_SIZE_BYTES, TYPE_WORD } from './layout.ts';
import { NODE_FLAG, TABLE_AT, TREE_DEPTH_MAX } from './layout-tree.ts';
import { hex, u64At } from './fsck-check.ts';
import type { Superblock } from './fsck-header.ts';
import { isIntact, readObject } from './fsck-object.ts';
import type { VolumePass } from './fsck-state.ts';

/**
 * Objects of a state besides its catalog: the extended metadata of a snapshot, and trees of macOS whose records are not
 * known (document ids, a second root). Of those the nodes are followed, so that their blocks have an owner.
 */
export function checkExtras(pass: VolumePass, superblock: Superblock, xid: number): void {
  if (pass.isLocked) return;
  const { fields } = superblock;
  if (fields.snapshotExtensionOid !== 0) checkExtension(pass, superblock, xid);
  const seen = new Set<number>();
  for (const root of [fields.documentTreeOid, fields.previousDocumentTreeOid, fields.secondaryRootOid]) {
    if (root === 0 || seen.has(root)) continue;
    seen.add(root);
    followTree(pass, root, superblock.block);
  }
}

const AT = { version: 0x20, flags: 0x24, xid: 0x28 } as const;

function checkExtension(pass: VolumePass, superblock: Superblock, xid: number): void {
  const { check, omap, owner } = pass;
  const oid = superblock.fields.snapshotExtensionOid;
  const name = `${owner} snap_meta_ext`;
  const located = omap.resolve(oid);
  const wrong = (text: string, block: number): void =>
    check.error('snapshot', `(oid ${hex(oid)}) ${name}: ${text}`, block);
  if (!located) {
    wrong('no such object', superblock.block);
    return;
  }
  const { block } = located;
  const expected = { name, oid, type: TYPE_WORD.snapshotMetadataExtension, subtype: 0 };
  const bytes = readObject(check, block, expected);
  if (!bytes) return;
  if (omap.snapshots.length === 0) wrong('the volume has no snapshots', block);
  const view = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_SIZE_BYTES);
  const version = view.getUint32(AT.version, true);
  if (version !== 1) wrong(`version ${version}`, block);
  if (view.getUint32(AT.flags, true) !== 0) wrong(`flags (${hex(view.getUint32(AT.flags, true))})`, block);
  const of = u64At(view, AT.xid);
  if (of === 0 || (superblock.isSnapshot && of !== xid)) wrong(`transaction ${of}`, block);
}

/** A virtual tree of any kind: headers of its nodes and the ways down. */
function followTree(pass: VolumePass, root: number, fromBlock: number): void {
  const queue: { readonly oid: number; readonly level: number; readonly from: number }[] = [
    { oid: root, level: -1, from: fromBlock },
  ];
  const entered = new Set<number>();
  for (let next = queue.pop(); next; next = queue.pop()) {
    if (entered.has(next.oid)) continue;
    entered.add(next.oid);
    for (const child of childrenOf(pass, next.oid, next.level, next.from)) queue.push(child);
  }
}

function childrenOf(
  pass: VolumePass,
  oid: number,
  level: number,
  from: number,
): { readonly oid: number; readonly level: number; readonly from: number }[] {
  const { check, omap, owner } = pass;
  const lose = (text: string, block: number): [] => {
    check.error('tree', `(oid ${hex(oid)}) ${owner} tree of the system: ${text}`, block);
    pass.isBroken = true;
    check.isUsageUnknown = true;
    return [];
  };
  const located = omap.resolve(oid);
  if (!located) return lose('no such object', from);
  const { block } = located;
  const bytes = check.read(block);
  if (!isIntact(bytes)) return lose(`block ${hex(block)} has a wrong checksum`, block);
  const view = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_SIZE_BYTES);
  const type = view.getUint32(24, true) % 0x1_0000;
  const wanted = level < 0 ? TYPE_WORD.virtualRoot : TYPE_WORD.virtualNode;
  if (type !== wanted) return lose(`invalid o_type (${hex(type)}, expected ${hex(wanted)})`, block);
  const own = view.getUint16(0x22, true);
  if (own >= TREE_DEPTH_MAX || (level >= 0 && own !== level)) return lose(`level ${own}`, block);
  return own === 0 ? [] : readChildren(view, own - 1, block);
}

/** Index values are the ids of children. */
function readChildren(
  view: DataView,
  level: number,
  from: number,
): { readonly oid: number; readonly level: number; readonly from: number }[] {
  const flags = view.getUint16(0x20, true);
  const isFixed = (flags & NODE_FLAG.fixedSizes) !== 0;
  const end = (flags & NODE_FLAG.root) === 0 ? BLOCK_SIZE_BYTES : BLOCK_SIZE_BYTES - 40;
  const entryBytes = isFixed ? 4 : 8;
  const count = Math.min(view.getUint32(0x24, true), Math.floor((end - TABLE_AT) / entryBytes));
  const children = [];
  for (let i = 0; i < count; i++) {
    const valueAt = end - view.getUint16(TABLE_AT + i * entryBytes + (isFixed ? 2 : 4), true);
    if (valueAt >= TABLE_AT && valueAt + 8 <= end) children.push({ oid: u64At(view, valueAt), level, from });
  }
  return children;
}
