import { ENTRY_SIZE_BYTES, ENTRY_TYPE, LABEL_UNITS_MAX } from './layout.ts';
import { labelText } from './names.ts';
import { putU16, u16At } from './node.ts';

/** The label in the entry at byte `at`. */
export function labelAt(bytes: Uint8Array, at: number): string {
  const count = Math.min(bytes[at + 1] ?? 0, LABEL_UNITS_MAX);
  let units = '';
  for (let i = 0; i < count; i++) units += String.fromCharCode(u16At(bytes, at + 2 + 2 * i));
  return labelText(units, count);
}

/** Make the entry at byte `at` say `label`; '' leaves one that says "none", as newfs_exfat makes it. */
export function putLabel(bytes: Uint8Array, at: number, label: string): void {
  bytes.fill(0, at, at + ENTRY_SIZE_BYTES);
  bytes[at] = ENTRY_TYPE.label;
  bytes[at + 1] = label.length;
  for (let i = 0; i < label.length; i++) putU16(bytes, at + 2 + 2 * i, label.charCodeAt(i));
}
