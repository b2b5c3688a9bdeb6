import { ENTRY_ESCAPED_E5, LONG_NAME_UNITS_MAX } from './layout.ts';

/**
 * Names as the checker judges them: written anew from FATGEN 1.03 ("Short Directory Entries", "Long Directory
 * Entries"), not shared with the code that makes names.
 */
export const SHORT_NAME_BYTES = 11;

/** Characters no short name may hold, fsck.vfat's list; the rest of FATGEN's (`+ , ; = [ ]`, lower case) is below. */
const FORBIDDEN = new Set([...'*?<>|"\\/:.'].map((character) => character.charCodeAt(0)));
const DISCOURAGED = new Set([...'+,;=[]'].map((character) => character.charCodeAt(0)));

export type ShortNameFault = 'forbidden' | 'discouraged';

/** `forbidden`: no system can use the name. `discouraged`: FATGEN forbids it, drivers put up with it. */
export function shortNameFault(name: Uint8Array): ShortNameFault | null {
  if (name[0] === 0x20) return 'forbidden';
  let isDiscouraged = false;
  for (let i = 0; i < SHORT_NAME_BYTES; i++) {
    const byte = name[i] ?? 0;
    if (byte < 0x20 && !(i === 0 && byte === ENTRY_ESCAPED_E5)) return 'forbidden';
    if (byte === 0x7f || FORBIDDEN.has(byte)) return 'forbidden';
    if (DISCOURAGED.has(byte) || (byte >= 0x61 && byte <= 0x7a)) isDiscouraged = true;
  }
  return isDiscouraged ? 'discouraged' : null;
}

/** Sum that ties long name slots to their short entry (FATGEN 1.03, "Checksum"). */
export function shortNameChecksum(name: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < SHORT_NAME_BYTES; i++) sum = (((sum & 1) << 7) + (sum >>> 1) + (name[i] ?? 0)) & 0xff;
  return sum;
}

const ILLEGAL_IN_LONG = /[\u0000-\u001f"*/:<>?\\|]/;

/** What is wrong with the characters of a long name, or null. */
export function longNameFault(name: string): string | null {
  if (name.length === 0) return 'it is empty';
  if (name.length > LONG_NAME_UNITS_MAX) return `it has ${name.length} characters`;
  if (name === '.' || name === '..') return 'it is reserved';
  return ILLEGAL_IN_LONG.test(name) ? 'it has a forbidden character' : null;
}

/** The `number`th name for an entry whose own cannot stay, as fsck.vfat numbers them: 'FSCK0000000'. */
export function repairName(number: number): Uint8Array {
  const text = `FSCK${String(number).padStart(7, '0')}`;
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
