import { textOfUnits } from '../../base/bytes.ts';
import {
  ENTRY_IN_USE,
  ENTRY_SECONDARY,
  ENTRY_SIZE_BYTES,
  ENTRY_TYPE,
  NAME_UNITS_PER_ENTRY,
  SET_ENTRIES_MAX,
  SET_ENTRIES_MIN,
  setChecksum,
} from './layout.ts';
import { AT, u16At } from './node.ts';

export interface DirectoryVisitor {
  /** A file or directory: slot of its file entry, entries of its set, and its name as stored. */
  set(slot: number, entryCount: number, diskName: string): void;
  /** An entry not in use. */
  freeSlot(slot: number): void;
  label(slot: number): void;
}

/**
 * One pass over the slots of a directory. A set counts only when it is whole and its checksum is right; entries that
 * belong to none are passed over, and their slots are nobody's.
 */
export function scanDirectory(bytes: Uint8Array, slotCount: number, visitor: DirectoryVisitor): void {
  for (let slot = 0; slot < slotCount; slot++) {
    const at = slot * ENTRY_SIZE_BYTES;
    const type = bytes[at] ?? 0;
    if (!(type & ENTRY_IN_USE)) {
      visitor.freeSlot(slot);
    } else if (type === ENTRY_TYPE.label) {
      visitor.label(slot);
    } else if (type === ENTRY_TYPE.file) {
      const entryCount = setLengthAt(bytes, slot, slotCount);
      if (entryCount === 0) continue;
      const diskName = storedNameAt(bytes, at);
      if (diskName === '.' || diskName === '..') continue;
      visitor.set(slot, entryCount, diskName);
      slot += entryCount - 1;
    }
  }
}

/** Entries of the set that begins at `slot`, 0 when it is none that can be used. */
function setLengthAt(bytes: Uint8Array, slot: number, slotCount: number): number {
  const at = slot * ENTRY_SIZE_BYTES;
  const entryCount = 1 + (bytes[at + 1] ?? 0);
  if (entryCount < SET_ENTRIES_MIN || entryCount > SET_ENTRIES_MAX || slot + entryCount > slotCount) return 0;
  if (bytes[at + ENTRY_SIZE_BYTES] !== ENTRY_TYPE.stream) return 0;
  const nameEntries = nameEntriesAt(bytes, at);
  if (nameEntries === 0 || nameEntries > entryCount - 2) return 0;
  for (let entry = 2; entry < entryCount; entry++) {
    const type = bytes[at + entry * ENTRY_SIZE_BYTES] ?? 0;
    const isExpected =
      entry < 2 + nameEntries
        ? type === ENTRY_TYPE.name
        : (type & ENTRY_IN_USE) !== 0 && (type & ENTRY_SECONDARY) !== 0;
    if (!isExpected) return 0;
  }
  return setChecksum(bytes, at, entryCount) === u16At(bytes, at + 2) ? entryCount : 0;
}

const units = new Uint16Array(17 * NAME_UNITS_PER_ENTRY);

/** The name in the set at byte `at`: its length has been checked against its entries. */
function storedNameAt(bytes: Uint8Array, at: number): string {
  const length = bytes[at + AT.nameLength] ?? 0;
  let from = at + 2 * ENTRY_SIZE_BYTES + 2;
  for (let unit = 0; unit < length; from += 2) {
    units[unit++] = u16At(bytes, from);
    if (unit % NAME_UNITS_PER_ENTRY === 0) from += 2;
  }
  return textOfUnits(units.subarray(0, length));
}

/** Name entries of the set at byte `at`, going by the length of the name. */
export const nameEntriesAt = (bytes: Uint8Array, at: number): number =>
  Math.ceil((bytes[at + AT.nameLength] ?? 0) / NAME_UNITS_PER_ENTRY);

/** Entries that a name needs. */
export const nameEntryCount = (diskName: string): number => Math.ceil(diskName.length / NAME_UNITS_PER_ENTRY);

/** Write the name entries of `diskName` from byte `at` on. */
export function writeNameEntries(bytes: Uint8Array, at: number, diskName: string): void {
  for (let unit = 0, entryAt = at; unit < diskName.length; entryAt += ENTRY_SIZE_BYTES) {
    bytes[entryAt] = ENTRY_TYPE.name;
    bytes[entryAt + 1] = 0;
    for (let i = 0; i < NAME_UNITS_PER_ENTRY; i++, unit++) {
      const code = unit < diskName.length ? diskName.charCodeAt(unit) : 0;
      bytes[entryAt + 2 + 2 * i] = code;
      bytes[entryAt + 3 + 2 * i] = code >>> 8;
    }
  }
}
