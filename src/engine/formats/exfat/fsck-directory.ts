import { ATTRIBUTE, ENTRY_IN_USE, ENTRY_SIZE_BYTES, ENTRY_TYPE, FileEntry, StreamEntry } from './layout.ts';
import type { Pass } from './fsck-chains.ts';
import type { DirectoryContents, Run } from './fsck-contents.ts';
import { STREAM_AT, checkAllocation } from './fsck-files.ts';
import { checkName } from './fsck-naming.ts';
import { nameOfUnits } from './fsck-names.ts';
import { ROOT } from './fsck-owners.ts';
import { count, shown } from './fsck-report.ts';
import { EntrySet, isSecondary, shapeOf } from './fsck-sets.ts';
import { correctOffsets, correctStamps, illegalOffsets, illegalStamps } from './fsck-stamps.ts';

/** A directory whose clusters have been claimed and whose entries wait to be judged. */
export interface DirectoryToCheck {
  readonly file: number;
  readonly runs: readonly Run[];
}

/** One directory under examination, with what its entries have to be compared with. */
export interface DirectoryCheck {
  readonly pass: Pass;
  readonly file: number;
  readonly path: string;
  readonly contents: DirectoryContents;
  /** Names met, by their hash. */
  readonly taken: Map<number, string | string[] | Set<string>>;
  /** For files whose name somebody else has. */
  nextNumber: number;
  /** Directories found here, to be checked later. */
  readonly found: DirectoryToCheck[];
}

/** Judge every entry of a directory. Returns the directories in it. */
export function checkDirectory(
  pass: Pass,
  file: number,
  contents: DirectoryContents,
): readonly DirectoryToCheck[] {
  const path = pass.files.pathOf(file);
  const check: DirectoryCheck = { pass, file, path, contents, taken: new Map(), nextNumber: 1, found: [] };
  checkEnd(check, checkEntries(check));
  return check.found;
}

/** Judge entries up to the end marker, and say where that is. */
function checkEntries(check: DirectoryCheck): number {
  const { contents } = check;
  let entry = 0;
  for (const { firstEntry, endEntry } of contents.pieces) {
    // What lies between two pieces was never stored: zeros, and the first of them is the end.
    if (firstEntry > entry) return entry;
    while (entry < endEntry) {
      const type = contents.typeOf(entry);
      if (type === ENTRY_TYPE.end) return entry;
      entry += type & ENTRY_IN_USE ? checkEntry(check, entry, type) : 1;
    }
  }
  return entry;
}

/** Judge the entry in use at `entry`, and what belongs to it; returns how many entries that were. */
function checkEntry(check: DirectoryCheck, entry: number, type: number): number {
  if (type === ENTRY_TYPE.file) return checkSet(check, entry);
  const isSystem =
    type === ENTRY_TYPE.bitmap ||
    type === ENTRY_TYPE.upcase ||
    type === ENTRY_TYPE.label ||
    type === ENTRY_TYPE.guid;
  if (isSystem && check.file === ROOT) return 1;
  const { report } = check.pass;
  const isPart = isSecondary(type);
  report.add({
    kind: isPart ? 'orphan-entry' : 'unknown-entry',
    severity: 'error',
    message: isPart
      ? `${shown(check.path)}: entry ${entry} of type 0x${type.toString(16)} belongs to no file`
      : `${shown(check.path)}: unknown entry type 0x${type.toString(16)} (entry ${entry})`,
    offsetBytes: check.contents.offsetBytesOf(entry),
    question: 'Remove',
    repair: () => putOutAll(check, entry, 1, 'remove an entry that belongs to nothing'),
  });
  return 1;
}

/** Clear the "in use" bits of entries; the rest of their bytes stays readable for whoever looks. */
function putOutAll(check: DirectoryCheck, first: number, entryCount: number, reason: string): void {
  for (let entry = first; entry < first + entryCount; entry++) {
    const bytes = check.contents.bytesOf(entry).slice();
    bytes[0] = (bytes[0] ?? 0) & ~ENTRY_IN_USE;
    check.contents.write(check.pass.medium, entry, bytes, check.path, reason);
  }
}

const { attributes } = FileEntry.fields;
const LEGAL_ATTRIBUTES =
  ATTRIBUTE.readOnly | ATTRIBUTE.hidden | ATTRIBUTE.system | ATTRIBUTE.directory | ATTRIBUTE.archive;

function checkSet(check: DirectoryCheck, entry: number): number {
  const { pass, contents } = check;
  const shape = shapeOf(contents, entry, pass.upcase);
  if (typeof shape === 'string') return reportTorn(check, entry, shape);

  const set = new EntrySet(contents, entry, shape);
  const isSummed = set.isSummed;
  const name = nameOfUnits(shape.nameLength);
  if (!isSummed) reportChecksum(check, set, name);
  checkCount(check, set, name);
  const storedName = checkName(check, set, name);
  checkAttributes(check, set, storedName);
  const isDirectory = (set.u16(attributes.at) & ATTRIBUTE.directory) !== 0;
  const firstCluster = set.u32(STREAM_AT + StreamEntry.fields.firstCluster.at);
  const file = pass.files.add({ parent: check.file, name: storedName, isDirectory, firstCluster });
  const path = `${check.path === '/' ? '' : check.path}/${storedName}`;
  const runs = checkAllocation({ pass, set, at: STREAM_AT, file, path, isDirectory });
  for (let i = 2 + shape.nameEntryCount; i < shape.entryCount; i++) checkVendor(check, set, i, file, path);
  if (isDirectory && runs.length > 0 && !set.isRemoved) check.found.push({ file, runs });
  flush(check, set);
  return shape.entryCount;
}

/** Bring the changes of a set into the directory, summed anew. */
function flush(check: DirectoryCheck, set: EntrySet): void {
  if (set.changes.length === 0) return;
  const reason = set.changes.join(', ');
  if (set.isRemoved) {
    putOutAll(check, set.first, set.shape.entryCount, reason);
    return;
  }
  set.sum();
  check.contents.write(check.pass.medium, set.first, set.bytes, check.path, reason);
}

/** The file entry and the secondary entries behind it, as many as it claims. */
function reportTorn(check: DirectoryCheck, entry: number, why: string): number {
  const { contents, pass } = check;
  const said = contents.bytesOf(entry)[FileEntry.fields.secondaryCount.at] ?? 0;
  let entryCount = 1;
  while (entryCount <= said && isSecondary(contents.typeOf(entry + entryCount))) entryCount++;
  pass.report.add({
    kind: 'torn-set',
    severity: 'error',
    message: `${shown(check.path)}: the set of entry ${entry} is torn: ${why}`,
    offsetBytes: contents.offsetBytesOf(entry),
    question: 'Remove',
    repair: () => putOutAll(check, entry, entryCount, 'remove a file entry without its secondary entries'),
  });
  return entryCount;
}

function reportChecksum(check: DirectoryCheck, set: EntrySet, name: string): void {
  check.pass.report.add({
    kind: 'set-checksum',
    severity: 'error',
    message: `${pathIn(check, name)}: the checksum 0x${set.storedChecksum.toString(16)} of its entries is wrong`,
    offsetBytes: set.offsetBytesOf(FileEntry.fields.setChecksum.at),
    question: 'Fix',
    repair: () => set.change('write the checksum of the set', () => undefined),
  });
}

function checkCount(check: DirectoryCheck, set: EntrySet, name: string): void {
  const { entryCount } = set.shape;
  if (set.storedCount === entryCount - 1) return;
  check.pass.report.add({
    kind: 'secondary-count',
    severity: 'error',
    message: `${pathIn(check, name)}: SecondaryCount ${set.storedCount} is different from ${entryCount - 1}`,
    offsetBytes: set.offsetBytesOf(FileEntry.fields.secondaryCount.at),
    question: 'Fix',
    repair: () => set.change('write the count of secondary entries', () => set.setCount()),
  });
}

function checkAttributes(check: DirectoryCheck, set: EntrySet, name: string): void {
  const { report } = check.pass;
  const value = set.u16(attributes.at);
  if (value & ~LEGAL_ATTRIBUTES) {
    report.add({
      kind: 'attributes',
      severity: 'warning',
      message: `${pathIn(check, name)} has attributes 0x${value.toString(16)}, some of which mean nothing`,
      offsetBytes: set.offsetBytesOf(attributes.at),
      question: 'Fix',
      repair: () =>
        set.change('clear attributes without meaning', (_, view) =>
          view.setUint16(attributes.at, value & LEGAL_ATTRIBUTES, true),
        ),
    });
  }
  const stamps = illegalStamps(set.bytes);
  if (stamps.length > 0) {
    report.add({
      kind: 'bad-date',
      severity: 'warning',
      message: `${pathIn(check, name)}: no calendar has its ${stamps.join(', ')}`,
      offsetBytes: set.offsetBytesOf(FileEntry.fields.createStamp.at),
      question: 'Fix',
      repair: () => set.change('write a time that can be', (bytes) => correctStamps(bytes)),
    });
  }
  const offsets = illegalOffsets(set.bytes);
  if (offsets.length > 0) {
    report.add({
      kind: 'utc-offset',
      severity: 'warning',
      message: `${pathIn(check, name)}: no place on Earth has the time zone of its ${offsets.join(', ')}`,
      offsetBytes: set.offsetBytesOf(FileEntry.fields.createOffset.at),
      question: 'Fix',
      repair: () => set.change('forget a time zone that cannot be', (bytes) => correctOffsets(bytes)),
    });
  }
}

/** What vendors keep beside a file may have clusters of its own (7.9). */
function checkVendor(check: DirectoryCheck, set: EntrySet, index: number, file: number, path: string): void {
  const at = index * ENTRY_SIZE_BYTES;
  if (set.bytes[at] !== ENTRY_TYPE.vendorAllocation) return;
  checkAllocation({
    pass: check.pass,
    set,
    at,
    file,
    path: `${path} (vendor allocation)`,
    isDirectory: false,
  });
}

export const pathIn = (check: DirectoryCheck, name: string): string =>
  shown(`${check.path === '/' ? '' : check.path}/${name}`);

// ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Entries between the end and a set behind it are made unused one by one; more than so many are damage of another kind. */
const GAP_MAX = 4096;

/**
 * Behind the first entry of type 0 nothing counts. Whole sets that lie there (a sector before them was lost) come back
 * by making the entries between unused; anything else is cleared, so that the growing directory does not revive it.
 */
function checkEnd(check: DirectoryCheck, end: number): void {
  const { contents, pass } = check;
  const stale: number[] = [];
  let lastSet = -1;
  let near = end;
  let storedTo = end;
  for (const piece of contents.pieces) {
    if (piece.endEntry <= end) continue;
    // Entries that were never stored cannot be made unused: what lies behind them stays lost.
    const isConnected = piece.firstEntry <= storedTo;
    if (isConnected) storedTo = piece.endEntry;
    for (let entry = Math.max(piece.firstEntry, end); entry < piece.endEntry; entry++) {
      const type = contents.typeOf(entry);
      if (type === ENTRY_TYPE.end) continue;
      stale.push(entry);
      const isNear = isConnected && entry - near <= GAP_MAX;
      if (isNear && type === ENTRY_TYPE.file && isWhole(check, entry)) lastSet = entry;
      if (isNear) near = entry;
    }
  }
  const [first] = stale;
  if (first === undefined) return;
  const isAlive = lastSet >= 0;
  pass.report.add({
    kind: 'entries-after-end',
    severity: isAlive ? 'error' : 'warning',
    message:
      `${shown(check.path)} has ${count(stale.length, 'entry')} after its end, ` +
      `from entry ${first} on${isAlive ? ', whole files among them' : ''}`,
    offsetBytes: contents.offsetBytesOf(first),
    question: isAlive ? 'Bring back' : 'Clear',
    repair: () => (isAlive ? bringBack(check, end, lastSet) : clearEntries(check, stale)),
  });
}

function isWhole(check: DirectoryCheck, entry: number): boolean {
  const shape = shapeOf(check.contents, entry, check.pass.upcase);
  return typeof shape !== 'string' && new EntrySet(check.contents, entry, shape).isSummed;
}

const UNUSED = ENTRY_TYPE.file & ~ENTRY_IN_USE;

/** The next pass sees what is behind the gap, and what is wrong with it. */
function bringBack(check: DirectoryCheck, end: number, lastSet: number): void {
  for (let entry = end; entry < lastSet; entry++) {
    if (check.contents.typeOf(entry) !== ENTRY_TYPE.end) continue;
    const bytes = check.contents.bytesOf(entry).slice();
    bytes[0] = UNUSED;
    check.contents.write(check.pass.medium, entry, bytes, check.path, 'an unused entry instead of an end');
  }
}

function clearEntries(check: DirectoryCheck, stale: readonly number[]): void {
  const zeros = new Uint8Array(ENTRY_SIZE_BYTES);
  for (const entry of stale) {
    check.contents.write(check.pass.medium, entry, zeros, check.path, 'clear an entry behind the end');
  }
}
