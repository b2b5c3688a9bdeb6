import { viewOf } from '../../base/bytes.ts';
import { fletcher64 } from '../../codec/fletcher64.ts';
import { put64 } from './words.ts';

const CHECKSUM_SIZE_BYTES = 8;

/** Puts the checksum over everything behind it. The last change of a block before it is written. */
export function seal(bytes: Uint8Array): void {
  const { low, high } = fletcher64(bytes, CHECKSUM_SIZE_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, low, true);
  view.setUint32(4, high, true);
}

export function isIntact(bytes: Uint8Array): boolean {
  const { low, high } = fletcher64(bytes, CHECKSUM_SIZE_BYTES);
  const view = viewOf(bytes);
  return view.getUint32(0, true) === low && view.getUint32(4, true) === high;
}

/** Everything of the header but the checksum. */
export function putHeader(bytes: Uint8Array, oid: number, xid: number, type: number, subtype: number): void {
  const view = viewOf(bytes);
  put64(view, 8, oid);
  put64(view, 16, xid);
  view.setUint32(24, type, true);
  view.setUint32(28, subtype, true);
}
