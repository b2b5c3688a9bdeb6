import { viewOf } from '../../base/bytes.ts';
import { fletcher64 } from '../../codec/fletcher64.ts';
import { CONTAINER_SUPERBLOCK_OID, FIRST_FREE_OID } from './layout.ts';
import { hex, u64At } from './fsck-check.ts';
import type { Check } from './fsck-check.ts';
import type { Remedy } from './fsck-report.ts';

/** What the header of an object has to say (apfs.md §1). */
export interface Expected {
  /** In messages: 'object map'. */
  readonly name: string;
  /** Object id; of a physical object its block. */
  readonly oid: number;
  /** The whole word: type and flags. */
  readonly type: number;
  readonly subtype: number;
  /** The transaction it must carry, where that is known. */
  readonly xid?: number;
  /** Else: the newest it may carry; absent: that of the checkpoint. */
  readonly xidMax?: number;
  /** Of whatever is wrong with it. */
  readonly remedy?: Remedy;
}

/**
 * A block with its header checked: checksum, id, type, transaction. Null, with a finding, when the checksum or the type
 * says that this is another thing; an object whose id or transaction is wrong is told and still handed out.
 */
export function readObject(check: Check, block: number, expected: Expected): Uint8Array | null {
  if (!check.isInside(block, 1)) {
    check.error('tree', `${expected.name}: block ${hex(block)} is not in the container`, 0);
    return null;
  }
  const bytes = check.read(block);
  return checkObject(check, bytes, block, expected) ? bytes : null;
}

/** The same for bytes already read, which may be several blocks (the space manager). */
export function checkObject(check: Check, bytes: Uint8Array, block: number, expected: Expected): boolean {
  const { name, oid, remedy } = expected;
  const at = `(oid ${hex(oid)}) ${name}`;
  if (!isIntact(bytes)) {
    check.error('checksum', `${at}: block ${hex(block)} has a wrong checksum`, block, remedy);
    return false;
  }
  const view = viewOf(bytes);
  const type = view.getUint32(24, true);
  if (type !== expected.type) {
    check.error(
      'tree',
      `${at}: invalid o_type (${hex(type)}, expected ${hex(expected.type)})`,
      block,
      remedy,
    );
    return false;
  }
  const subtype = view.getUint32(28, true);
  if (subtype !== expected.subtype) {
    check.error(
      'tree',
      `${at}: invalid o_subtype (${hex(subtype)}, expected ${hex(expected.subtype)})`,
      block,
      remedy,
    );
    return false;
  }
  checkIdentity(check, view, block, expected, at);
  return true;
}

/** Is the Fletcher-64 of the header that of the bytes behind it? Whole blocks. */
export function isIntact(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  const { low, high } = fletcher64(bytes, CHECKSUM_BYTES);
  return view.getUint32(0, true) === low && view.getUint32(4, true) === high;
}
const CHECKSUM_BYTES = 8;

function checkIdentity(check: Check, view: DataView, block: number, expected: Expected, at: string): void {
  const oid = u64At(view, 8);
  const xid = u64At(view, 16);
  if (oid !== expected.oid)
    check.error(
      'tree',
      `${at}: invalid o_oid (${hex(oid)}, expected ${hex(expected.oid)})`,
      block,
      expected.remedy,
    );
  const isPhysical = expected.type >>> 30 === 1;
  if (!isPhysical && (oid < FIRST_FREE_OID || oid >= check.nextOid) && oid !== CONTAINER_SUPERBLOCK_OID) {
    check.error(
      'tree',
      `${at}: object id ${hex(oid)} was never handed out (next is ${hex(check.nextOid)})`,
      block,
      expected.remedy,
    );
  }
  const max = expected.xidMax ?? check.xid;
  if (expected.xid !== undefined && xid !== expected.xid) {
    check.error('tree', `${at}: invalid o_xid (${xid}, expected ${expected.xid})`, block, expected.remedy);
  } else if (xid === 0 || xid > max) {
    check.error(
      'tree',
      `${at}: invalid o_xid (${xid}, the newest possible is ${max})`,
      block,
      expected.remedy,
    );
  }
}

export const objectOid = (bytes: Uint8Array): number => u64At(viewOf(bytes), 8);
export const objectXid = (bytes: Uint8Array): number => u64At(viewOf(bytes), 16);
