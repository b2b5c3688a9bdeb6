import { viewOf } from '../../base/bytes.ts';
import {
  ENTRY_IN_USE,
  ENTRY_SECONDARY,
  ENTRY_SIZE_BYTES,
  ENTRY_TYPE,
  FileEntry,
  NAME_UNITS_PER_ENTRY,
  SET_ENTRIES_MAX,
  StreamEntry,
  setChecksum,
} from './layout.ts';
import type { DirectoryContents } from './fsck-contents.ts';
import { hashOfUnits, readUnits, units } from './fsck-names.ts';

/**
 * What belongs together in a directory: a file entry, its stream extension, its name, and what vendors added.
 * exFAT specification, 6.3 and 7.4.
 */
export interface SetShape {
  /** Entries of the set as it is to be: file, stream, names, vendors. */
  readonly entryCount: number;
  readonly nameEntryCount: number;
  /** Units of the name: as its entries tell, and as the stream entry says. */
  readonly nameLength: number;
  readonly storedNameLength: number;
}

const COUNT_AT = FileEntry.fields.secondaryCount.at;
const CHECKSUM_AT = FileEntry.fields.setChecksum.at;
const NAME_LENGTH_AT = ENTRY_SIZE_BYTES + StreamEntry.fields.nameLength.at;
const HASH_AT = ENTRY_SIZE_BYTES + StreamEntry.fields.nameHash.at;
const NAME_ENTRIES_MAX = 17;

const isVendor = (type: number): boolean =>
  type === ENTRY_TYPE.vendorExtension || type === ENTRY_TYPE.vendorAllocation;

/** Is this entry in use, and only as a part of a set? */
export const isSecondary = (type: number): boolean =>
  (type & (ENTRY_IN_USE | ENTRY_SECONDARY)) === (ENTRY_IN_USE | ENTRY_SECONDARY);

/**
 * What the set whose file entry is entry `first` consists of, or a sentence why it is torn. One number that is wrong
 * (how many entries, how long the name) does not tear it as long as the others agree about what is there: the name's
 * hash knows whether it is whole. Leaves the units of the name in `units`.
 */
export function shapeOf(directory: DirectoryContents, first: number, upcase: Uint16Array): SetShape | string {
  const available = Math.min(SET_ENTRIES_MAX, directory.entryCount - first);
  if (available < 3) return 'the directory ends within it';
  if (directory.typeOf(first + 1) !== ENTRY_TYPE.stream) return 'its stream extension is missing';
  let names = 0;
  while (
    2 + names < available &&
    names < NAME_ENTRIES_MAX &&
    directory.typeOf(first + 2 + names) === ENTRY_TYPE.name
  ) {
    names++;
  }
  if (names === 0) return 'its name is missing';

  const head = directory.bytesOf(first, 2 + names);
  const said = head[COUNT_AT] ?? 0;
  const nameLength = head[NAME_LENGTH_AT] ?? 0;
  const namesNeeded = Math.ceil(nameLength / NAME_UNITS_PER_ENTRY);
  // Names behind the last one that is needed belong to nobody, if the hash agrees with the shorter name.
  if (
    names > namesNeeded &&
    namesNeeded > 0 &&
    (said === 1 + namesNeeded || isHashed(head, namesNeeded, nameLength, upcase))
  ) {
    names = namesNeeded;
  }
  let vendors = 0;
  while (1 + names + vendors < said && 2 + names + vendors < available) {
    if (!isVendor(directory.typeOf(first + 2 + names + vendors))) break;
    vendors++;
  }
  readUnits(head, names);
  const isCounted = said === 1 + names + vendors;
  const isLong = names === namesNeeded;
  if (!isCounted && !(isLong && hashOfUnits(nameLength, upcase) === hashIn(head))) {
    return `it has ${1 + names + vendors} of ${said} secondary entries`;
  }
  return {
    entryCount: 2 + names + vendors,
    nameEntryCount: names,
    nameLength: lengthOf(head, names, nameLength, upcase),
    storedNameLength: nameLength,
  };
}

const hashIn = (head: Uint8Array): number => (head[HASH_AT] ?? 0) | ((head[HASH_AT + 1] ?? 0) << 8);

/** Does a name of so many units need exactly so many entries? */
const fits = (length: number, nameEntries: number): boolean =>
  Math.ceil(length / NAME_UNITS_PER_ENTRY) === nameEntries;

/** How long the name in `units` is, which fills its entries: by the stream entry, by its last letter, by its hash. */
function lengthOf(head: Uint8Array, nameEntries: number, said: number, upcase: Uint16Array): number {
  const room = nameEntries * NAME_UNITS_PER_ENTRY;
  const hash = hashIn(head);
  let extent = room;
  while (extent > 0 && units[extent - 1] === 0) extent--;
  if (extent === said && fits(said, nameEntries)) return said;
  if (!fits(said, nameEntries)) return fits(extent, nameEntries) ? extent : room - NAME_UNITS_PER_ENTRY + 1;
  if (!fits(extent, nameEntries) || hashOfUnits(said, upcase) === hash) return said;
  return extent < said || hashOfUnits(extent, upcase) === hash ? extent : said;
}

function isHashed(head: Uint8Array, nameEntries: number, length: number, upcase: Uint16Array): boolean {
  readUnits(head, nameEntries);
  return hashOfUnits(length, upcase) === hashIn(head);
}

/** One set under examination. Repairs change `bytes`; `flush` sums them and puts them into the directory. */
export class EntrySet {
  bytes: Uint8Array;
  /** What repairs did, in words; empty: nothing to write. */
  readonly changes: string[] = [];
  readonly directory: DirectoryContents;
  readonly first: number;
  readonly shape: SetShape;

  constructor(directory: DirectoryContents, first: number, shape: SetShape) {
    this.directory = directory;
    this.first = first;
    this.shape = shape;
    this.bytes = directory.bytesOf(first, shape.entryCount);
  }

  get isSummed(): boolean {
    return setChecksum(this.bytes, 0, this.shape.entryCount) === this.u16(CHECKSUM_AT);
  }

  get storedChecksum(): number {
    return this.u16(CHECKSUM_AT);
  }

  get storedHash(): number {
    return this.u16(HASH_AT);
  }

  get storedCount(): number {
    return this.bytes[COUNT_AT] ?? 0;
  }

  /** Byte of the volume of byte `at` of the set. */
  offsetBytesOf(at = 0): number {
    const entry = Math.floor(at / ENTRY_SIZE_BYTES);
    return Math.max(0, this.directory.offsetBytesOf(this.first + entry)) + (at % ENTRY_SIZE_BYTES);
  }

  u16(at: number): number {
    return (this.bytes[at] ?? 0) | ((this.bytes[at + 1] ?? 0) << 8);
  }

  u32(at: number): number {
    return (this.u16(at) | (this.u16(at + 2) << 16)) >>> 0;
  }

  /** Exact up to 2^53; what is larger can only be damage and reads as something large. */
  u64(at: number): number {
    return this.u32(at) + this.u32(at + 4) * 2 ** 32;
  }

  change(reason: string, apply: (bytes: Uint8Array, view: DataView) => void): void {
    if (this.changes.length === 0) this.bytes = this.bytes.slice();
    this.changes.push(reason);
    apply(this.bytes, viewOf(this.bytes));
  }

  isRemoved = false;

  /** Nothing of the set is to stay. */
  remove(reason: string): void {
    this.isRemoved = true;
    this.changes.push(reason);
  }

  setHash(hash: number): void {
    viewOf(this.bytes).setUint16(HASH_AT, hash, true);
  }

  setNameLength(length: number): void {
    this.bytes[NAME_LENGTH_AT] = length;
  }

  setCount(): void {
    this.bytes[COUNT_AT] = this.shape.entryCount - 1;
  }

  sum(): void {
    const sum = setChecksum(this.bytes, 0, this.shape.entryCount);
    viewOf(this.bytes).setUint16(CHECKSUM_AT, sum, true);
  }
}
