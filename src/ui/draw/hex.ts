import type { Annotation } from '../../rpc/protocol.ts';

/** Geometry of the hex pane: rows of 16 bytes, and which field each byte belongs to. */

export const TINTS = 4;

/** Index of the field per byte of the block; −1 where none covers it. Of overlapping fields the later wins. */
export function fieldsByByte(lengthBytes: number, fields: readonly Annotation[]): Int16Array {
  const map = new Int16Array(lengthBytes).fill(-1);
  fields.forEach((field, index) => {
    map.fill(index, Math.max(0, field.offsetBytes), Math.max(0, field.offsetBytes + field.lengthBytes));
  });
  return map;
}

/** Tint 1 … 4 of a field: neighbours differ. Reserved and unknown bytes stay plain (0). */
export const tintOf = (fieldIndex: number, field: Annotation | undefined): number =>
  field === undefined || /\breserved/i.test(field.name) ? 0 : (fieldIndex % TINTS) + 1;

/** What a byte looks like as text; everything outside printable ASCII is a dot. */
export const asciiOf = (byte: number): string =>
  byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·';

/** Offsets of bytes that differ. */
export function changedBytes(before: Uint8Array | null, after: Uint8Array): Uint8Array {
  const changed = new Uint8Array(after.length);
  if (before !== null)
    for (let at = 0; at < after.length; at++) if (before[at] !== after[at]) changed[at] = 1;
  return changed;
}

/** '01 02 03', cut with '…' after `bytesMax`. */
export function hexOf(bytes: Uint8Array, bytesMax = 8): string {
  const shown = [...bytes.subarray(0, bytesMax)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return bytes.length > bytesMax ? `${shown} …` : shown;
}
