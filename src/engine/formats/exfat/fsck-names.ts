import { textOfUnits } from '../../base/bytes.ts';
import { ENTRY_SIZE_BYTES, NAME_UNITS_MAX, NAME_UNITS_PER_ENTRY } from './layout.ts';

/** Names as entries hold them: 15 UTF-16 units an entry, from byte 64 of a set on. exFAT specification, 7.7. */
const FIRST_UNIT_AT = 2;

/** Byte of unit `index` within a set that begins with file and stream entry. */
export const unitOffset = (index: number): number =>
  (2 + Math.floor(index / NAME_UNITS_PER_ENTRY)) * ENTRY_SIZE_BYTES +
  FIRST_UNIT_AT +
  2 * (index % NAME_UNITS_PER_ENTRY);

/** Room for every name; one name at a time. */
export const units = new Uint16Array(17 * NAME_UNITS_PER_ENTRY);

/** Put the units of `entryCount` name entries into `units`. */
export function readUnits(set: Uint8Array, entryCount: number): void {
  let index = 0;
  for (let entry = 0; entry < entryCount; entry++) {
    let at = (2 + entry) * ENTRY_SIZE_BYTES + FIRST_UNIT_AT;
    for (let i = 0; i < NAME_UNITS_PER_ENTRY; i++, at += 2) {
      units[index++] = (set[at] ?? 0) | ((set[at + 1] ?? 0) << 8);
    }
  }
}

/** The first `length` of `units` as text; lone surrogates stay what they are. */
export const nameOfUnits = (length: number): string => textOfUnits(units.subarray(0, length));

/** NameHash of the first `length` of `units`, 7.6.4. */
export function hashOfUnits(length: number, upcase: Uint16Array): number {
  let hash = 0;
  for (let i = 0; i < length; i++) {
    const unit = upcase[units[i] ?? 0] ?? 0;
    hash = (((hash & 1) << 15) + (hash >>> 1) + (unit & 0xff)) & 0xffff;
    hash = (((hash & 1) << 15) + (hash >>> 1) + (unit >>> 8)) & 0xffff;
  }
  return hash;
}

export const sameName = (a: string, b: string, upcase: Uint16Array): boolean => {
  if (a.length !== b.length) return false;
  // From the end: names of one directory tend to begin alike.
  for (let i = a.length - 1; i >= 0; i--) {
    if (upcase[a.charCodeAt(i)] !== upcase[b.charCodeAt(i)]) return false;
  }
  return true;
};

export function upcased(name: string, upcase: Uint16Array): string {
  for (let i = 0; i < name.length; i++) units[i] = upcase[name.charCodeAt(i)] ?? 0;
  return nameOfUnits(name.length);
}

const FORBIDDEN = new Set([...'"*/:<>?\\|'].map((character) => character.charCodeAt(0)));
const isForbidden = (unit: number): boolean => unit < 0x20 || (unit < 0x7f && FORBIDDEN.has(unit));

/** Why this is no name; null for a good one. 7.7.3, table 35. */
export function nameProblem(name: string): string | null {
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (!isForbidden(unit)) continue;
    return `it has a forbidden character (0x${unit.toString(16).padStart(2, '0')})`;
  }
  return name === '.' || name === '..' ? 'only paths may say "." and ".."' : null;
}

/** A legal name in place of `name`, of as many units: forbidden ones become '_'. */
export function legalName(name: string): string {
  if (/^\.{1,2}$/.test(name)) return '_'.repeat(name.length);
  let legal = '';
  for (let i = 0; i < name.length; i++) legal += isForbidden(name.charCodeAt(i)) ? '_' : name.charAt(i);
  return legal;
}

/**
 * A name as near as can be to `name`: 'notes~1.txt'. It needs no more entries than `name` has, so that it can be
 * written in place.
 */
export function numberedName(name: string, entryCount: number, number: number): string {
  const room = Math.min(entryCount * NAME_UNITS_PER_ENTRY, NAME_UNITS_MAX);
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= 6 ? name.slice(dot) : '';
  const tail = `~${number}${extension}`;
  const base = name.slice(0, Math.min(name.length - extension.length, room - tail.length));
  return base + tail;
}

/** Write `name` over the units of `entryCount` name entries, zeros behind it. */
export function writeUnits(set: Uint8Array, entryCount: number, name: string): void {
  for (let index = 0; index < entryCount * NAME_UNITS_PER_ENTRY; index++) {
    const unit = index < name.length ? name.charCodeAt(index) : 0;
    const at = unitOffset(index);
    set[at] = unit;
    set[at + 1] = unit >>> 8;
  }
}
