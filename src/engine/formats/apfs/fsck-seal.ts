import { BLOCK_SIZE_BYTES, TYPE_WORD } from './layout.ts';
import { hex, u64At } from './fsck-check.ts';
import { TREE_KINDS } from './fsck-kinds.ts';
import { readObject } from './fsck-object.ts';
import type { State, VolumePass } from './fsck-state.ts';
import { addExtent } from './fsck-streams.ts';
import { readTree } from './fsck-tree.ts';
import type { View } from './fsck-view.ts';

/**
 * Sealed volumes (apfs.md §10): integrity metadata, and the tree that has the extents of files instead of the catalog.
 * The hashes themselves are not computed again: that is said as a finding of its own, so that nobody takes silence for
 * proof.
 */

const AT = {
  version: 0x20,
  flags: 0x24,
  hashType: 0x28,
  hashOffset: 0x2c,
  brokenXid: 0x30,
  reserved: 0x38,
} as const;
const RESERVED_BYTES = 72;
const STRUCTURE_BYTES = 128;
const VERSION_MAX = 2;
const HASH_TYPE_MAX = 4;
const HASH_BYTES = 32;
const SEAL_BROKEN = 1;

export function checkIntegrity(pass: VolumePass, { superblock, owner }: State): void {
  const { check, omap } = pass;
  const oid = superblock.fields.integrityOid;
  const located = omap.resolve(oid);
  const name = `${owner} integrity metadata`;
  if (!located) {
    check.error('volume', `(oid ${hex(oid)}) ${name}: no such object`, superblock.block);
    return;
  }
  const { block } = located;
  const expected = { name, oid, type: TYPE_WORD.integrityMetadata, subtype: 0 };
  const bytes = readObject(check, block, expected);
  if (!bytes) return;
  const wrong = (text: string): void => check.error('volume', `(oid ${hex(oid)}) ${name}: ${text}`, block);
  const view = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_SIZE_BYTES);
  const version = view.getUint32(AT.version, true);
  if (version === 0 || version > VERSION_MAX) wrong(`version ${version}`);
  const flags = view.getUint32(AT.flags, true);
  if ((flags & ~SEAL_BROKEN) !== 0) wrong(`unknown flags (${hex(flags)})`);
  const hashType = view.getUint32(AT.hashType, true);
  if (hashType === 0 || hashType > HASH_TYPE_MAX) wrong(`unknown kind of hash (${hashType})`);
  const at = view.getUint32(AT.hashOffset, true);
  if (at % 8 !== 0 || at < STRUCTURE_BYTES || at + HASH_BYTES > BLOCK_SIZE_BYTES) wrong(`hash at byte ${at}`);
  if (bytes.subarray(AT.reserved, AT.reserved + RESERVED_BYTES).some((byte) => byte !== 0)) {
    wrong('reserved field is in use');
  }
  if ((flags & SEAL_BROKEN) !== 0 || u64At(view, AT.brokenXid) !== 0) {
    check.warning('unsupported', `${owner}: the seal is broken`, block);
  }
  check.warning('unsupported', `${owner}: the hashes of the seal are not verified`, block);
}

const EXTENT_VALUE_BYTES = 16;

/** True when the tree could not be read whole. */
export function checkFileExtents(pass: VolumePass, { superblock, owner }: State, view: View): boolean {
  const { check } = pass;
  check.report.phase('Checking the file extent tree.');
  const source = {
    kind: TREE_KINDS.fileExtents,
    root: superblock.fields.fileExtentTreeBlock,
    resolve: pass.nodes,
    owner: `${owner} `,
  };
  const tree = readTree(check, source, (record) => {
    const { keyAt, valueAt, block } = record;
    const id = u64At(record.view, keyAt);
    const offset = u64At(record.view, keyAt + 8);
    const wrong = (text: string): void =>
      check.error('extent', `${owner}: fext (id ${id}, offset ${offset}): ${text}`, block);
    if (record.valueEnd - valueAt !== EXTENT_VALUE_BYTES) {
      wrong('wrong size of value');
      return;
    }
    if (record.view.getUint8(valueAt + 7) !== 0) wrong('flags are set');
    const high = record.view.getUint32(valueAt + 4, true) & 0xff_ffff;
    const lengthBytes = high * 2 ** 32 + record.view.getUint32(valueAt, true);
    addExtent(view, { id, offset, lengthBytes, firstBlock: u64At(record.view, valueAt + 8), block }, wrong);
  });
  pass.ownBlocks += tree.nodeCount;
  return tree.isBroken;
}
