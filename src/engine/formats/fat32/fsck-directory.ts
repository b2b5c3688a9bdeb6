import { ATTRIBUTE, DIRECTORY_ENTRIES_MAX, DirectoryEntry, LongNameEntry } from './layout.ts';
import { clusterOffsetBytes } from './layout.ts';
import { nameKey, nameOfDiskName, shortNameAt, shortNameText, shownShortName } from './names.ts';
import type { Pass } from './fsck-chains.ts';
import type { DirectoryContents } from './fsck-contents.ts';
import { checkDots, looksLikeDirectory } from './fsck-dots.ts';
import {
  attributesOf,
  clearStrayBits,
  correctStamps,
  firstClusterOf,
  hasStrayBits,
  illegalStamps,
  setSizeBytes,
  sizeBytesOf,
} from './fsck-entries.ts';
import { checkClusters } from './fsck-files.ts';
import { checkLabel } from './fsck-labels.ts';
import { changeEntry, deleteSlots, entryOffset, pathIn, removeEntry, writeSlot } from './fsck-editing.ts';
import type { DirectoryCheck, DirectoryToCheck, EntryCheck } from './fsck-editing.ts';
import { longNameFault, repairName, shortNameChecksum, shortNameFault } from './fsck-names.ts';
import { ROOT } from './fsck-owners.ts';
import { count, shown } from './fsck-report.ts';
import { CHECKSUM_FAULT, parseSlots } from './fsck-slots.ts';
import type { SlotGroup } from './fsck-slots.ts';

/** Check every slot of one directory, in the order of the disk. Directories met come back in `found`. */
export function checkDirectory(
  pass: Pass,
  directory: DirectoryToCheck,
  contents: DirectoryContents,
): DirectoryToCheck[] {
  const path = shown(pass.files.pathOf(directory.file));
  const check: DirectoryCheck = {
    pass,
    file: directory.file,
    firstCluster: directory.firstCluster,
    path,
    contents,
    taken: new Set(),
    found: [],
    nextRepairName: 0,
  };
  if (directory.file !== ROOT) checkDots(check);
  const parsed = parseSlots(contents);
  checkParts(check, parsed.blemishedParts);
  for (const group of parsed.groups) checkGroup(check, group);
  checkEnd(check, parsed.staleSlots, parsed.endSlot);
  return check.found;
}

function checkParts(check: DirectoryCheck, parts: readonly number[]): void {
  for (const slot of parts) {
    check.pass.report.add({
      kind: 'lfn-field',
      severity: 'warning',
      message: `${check.path}: long filename record in slot ${slot} has attribute, type or cluster start wrong`,
      offsetBytes: check.contents.offsetBytesOf(slot),
      question: 'Correct',
      repair: () => {
        const bytes = check.contents.bytesOf(slot).slice();
        bytes[LongNameEntry.fields.attributes.at] = ATTRIBUTE.longName;
        bytes[LongNameEntry.fields.type.at] = 0;
        bytes.fill(0, LongNameEntry.fields.firstCluster.at, LongNameEntry.fields.firstCluster.at + 2);
        writeSlot(check, slot, bytes, 'correct a part of a long name');
      },
    });
  }
}

function checkGroup(check: DirectoryCheck, group: SlotGroup): void {
  const { contents } = check;
  if (group.slot < 0) {
    reportParts(check, group, 'lfn-orphan', `at end of directory ${check.path}`, group.endSlot);
    return;
  }
  const bytes = contents.bytesOf(group.slot);
  const short = shortNameAt(bytes, 0);
  const { slot, firstSlot, endSlot, longName, fault } = group;
  const name = shownName(group, bytes, short);
  const entry: EntryCheck = { slot, firstSlot, endSlot, longName, fault, check, bytes, short, name };
  if (entry.name === '.' || entry.name === '..') {
    checkDotName(entry);
    return;
  }
  if (attributesOf(bytes) & ATTRIBUTE.label) {
    checkLabel(entry);
    return;
  }
  if (group.fault !== null) {
    const kind = group.fault === CHECKSUM_FAULT ? 'lfn-checksum' : 'lfn-order';
    reportParts(check, group, kind, `for ${pathIn(check, entry.name)}`, group.slot);
  }
  checkAttributes(entry);
  checkNames(entry);
  checkTimes(entry);
  const file = check.pass.files.add({
    parent: check.file,
    name: entry.name,
    isDirectory: (attributesOf(bytes) & ATTRIBUTE.directory) !== 0,
    firstCluster: firstClusterOf(check.pass.geometry.type, bytes),
  });
  const isDirectory = checkKind(entry);
  const claimed = checkClusters(entry, file, isDirectory);
  if (isDirectory && claimed) check.found.push({ file, ...claimed });
}

const shownName = (group: SlotGroup, bytes: Uint8Array, short: string): string =>
  group.longName !== null
    ? nameOfDiskName(group.longName)
    : shownShortName(short, bytes[DirectoryEntry.fields.ntCase.at] ?? 0);

function reportParts(
  check: DirectoryCheck,
  group: SlotGroup,
  kind: string,
  of: string,
  endSlot: number,
): void {
  check.pass.report.add({
    kind,
    severity: kind === 'lfn-orphan' ? 'warning' : 'error',
    message: `Invalid long filename entry ${of} (slots ${group.firstSlot} to ${endSlot - 1}: ${group.fault ?? ''})`,
    offsetBytes: check.contents.offsetBytesOf(group.firstSlot),
    question: 'Remove',
    repair: () =>
      deleteSlots(check, group.firstSlot, endSlot, 'remove parts of a long name without their entry'),
  });
}

/** '.' and '..' anywhere but in the first two slots of a subdirectory; those `checkDots` has judged. */
function checkDotName(entry: EntryCheck): void {
  const { check, slot } = entry;
  if (check.file !== ROOT && slot < 2) return;
  check.pass.report.add({
    kind: 'dot-misplaced',
    severity: 'error',
    message: `${check.path}: "${entry.name}" entry in slot ${slot}, where none belongs`,
    offsetBytes: entryOffset(entry),
    question: 'Remove',
    repair: () => removeEntry(entry, `remove "${entry.name}" from where none belongs`),
  });
}

function checkAttributes(entry: EntryCheck): void {
  if (!hasStrayBits(entry.bytes)) return;
  entry.check.pass.report.add({
    kind: 'attributes',
    severity: 'warning',
    message: `${pathIn(entry.check, entry.name)}: bits are set that have no meaning`,
    offsetBytes: entryOffset(entry),
    question: 'Correct',
    repair: () => changeEntry(entry, 'clear bits without meaning', clearStrayBits),
  });
}

function checkTimes(entry: EntryCheck): void {
  const illegal = illegalStamps(entry.bytes);
  if (illegal.length === 0) return;
  entry.check.pass.report.add({
    kind: 'bad-date',
    severity: 'warning',
    message: `${pathIn(entry.check, entry.name)}: no calendar has its ${illegal.join(', ')}`,
    offsetBytes: entryOffset(entry),
    question: 'Correct',
    repair: () => changeEntry(entry, 'replace an impossible date', correctStamps),
  });
}

// ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function checkNames(entry: EntryCheck): void {
  const { check } = entry;
  const fault = shortNameFault(entry.bytes);
  const key = nameKey(shownShortName(entry.short, 0));
  if (fault !== null) {
    reportShortName(
      entry,
      'bad-short-name',
      fault === 'forbidden' ? 'error' : 'warning',
      'Bad short file name',
    );
  } else if (check.taken.has(key)) {
    reportShortName(entry, 'duplicate-name', 'error', 'Duplicate directory entry');
  }
  // Keys of names that collided are in the set already; a new short name has put its own there.
  const longKey = entry.longName === null ? key : nameKey(entry.longName);
  const longFault = entry.longName === null ? null : longNameFault(entry.longName);
  if (longFault !== null) {
    reportLongName(
      entry,
      'bad-long-name',
      `Bad long file name of ${pathIn(check, entry.name)}: ${longFault}`,
    );
  } else if (longKey !== key) {
    if (check.taken.has(longKey)) {
      reportLongName(entry, 'duplicate-name', `Duplicate directory entry ${pathIn(check, entry.name)}`);
    }
    check.taken.add(longKey);
  }
  check.taken.add(key);
}

function reportShortName(entry: EntryCheck, kind: string, severity: 'error' | 'warning', what: string): void {
  const { check } = entry;
  check.pass.report.add({
    kind,
    severity,
    message: `${pathIn(check, entry.name)}: ${what} (${shown(shortNameText(entry.short))})`,
    offsetBytes: entryOffset(entry),
    question: 'Rename',
    repair: () => renameEntry(entry),
  });
}

/** A new short name; the long name, if there is one, is tied to it and stays. */
function renameEntry(entry: EntryCheck): void {
  const { check } = entry;
  let name: Uint8Array;
  let key: string;
  do {
    name = repairName(check.nextRepairName++);
    key = nameKey(shortNameText(shortNameAt(name, 0)));
  } while (check.taken.has(key));
  check.taken.add(key);
  changeEntry(entry, 'give the entry a short name of its own', (bytes) => {
    bytes.set(name);
    bytes[DirectoryEntry.fields.ntCase.at] = 0;
  });
  if (entry.longName === null) return;
  const checksum = shortNameChecksum(name);
  for (let slot = entry.firstSlot; slot < entry.slot; slot++) {
    const bytes = check.contents.bytesOf(slot).slice();
    bytes[LongNameEntry.fields.checksum.at] = checksum;
    writeSlot(check, slot, bytes, 'tie the long name to the new short name');
  }
}

function reportLongName(entry: EntryCheck, kind: string, message: string): void {
  entry.check.pass.report.add({
    kind,
    severity: 'error',
    message,
    offsetBytes: entry.check.contents.offsetBytesOf(entry.firstSlot),
    question: 'Remove long name',
    repair: () =>
      deleteSlots(entry.check, entry.firstSlot, entry.slot, 'remove a long name that cannot stay'),
  });
}

// ── files and directories ───────────────────────────────────────────────────────────────────────────────────────────

/** Is it a directory? An entry that says so over a cluster of something else is not followed. */
function checkKind(entry: EntryCheck): boolean {
  const { check } = entry;
  const { geometry, medium, table, report } = check.pass;
  const bytes = entry.bytes;
  if ((attributesOf(bytes) & ATTRIBUTE.directory) === 0) return false;
  const path = pathIn(check, entry.name);
  const first = firstClusterOf(geometry.type, bytes);
  const isReadable = table.isData(first) && check.pass.owners.get(first) === 0 && table.get(first) !== 0;
  if (isReadable) {
    const cluster = medium.read(clusterOffsetBytes(geometry, first), geometry.clusterSizeBytes);
    if (!looksLikeDirectory(geometry, cluster)) {
      report.add({
        kind: 'not-a-directory',
        severity: 'error',
        message: `Item ${path} does not appear to be a subdirectory`,
        offsetBytes: entryOffset(entry),
        question: 'Correct',
        repair: () =>
          changeEntry(entry, 'make it a file, for it holds no entries', (changed) => {
            changed[DirectoryEntry.fields.attributes.at] = attributesOf(changed) & ~ATTRIBUTE.directory;
            // As long as can be: what is behind the chain is cut off when the size is held against it.
            setSizeBytes(changed, 0xffff_ffff);
          }),
      });
      return false;
    }
  }
  if (sizeBytesOf(bytes) !== 0) {
    report.add({
      kind: 'directory-size',
      severity: 'warning',
      message: `Directory ${path} has size != 0`,
      offsetBytes: entryOffset(entry),
      question: 'Correct',
      repair: () =>
        changeEntry(entry, 'set the size of a directory to 0', (changed) => setSizeBytes(changed, 0)),
    });
  }
  return true;
}

// ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function checkEnd(check: DirectoryCheck, stale: readonly number[], endSlot: number): void {
  const { report } = check.pass;
  const [first] = stale;
  if (first !== undefined) {
    report.add({
      kind: 'entries-after-end',
      severity: 'warning',
      message: `${check.path} has entries after end of directory (${count(stale.length, 'slot')} from slot ${first} on)`,
      offsetBytes: check.contents.offsetBytesOf(first),
      question: 'Truncate',
      repair: () => {
        for (const slot of stale) writeSlot(check, slot, new Uint8Array(32), 'clear an entry behind the end');
      },
    });
  }
  if (endSlot > DIRECTORY_ENTRIES_MAX) {
    report.add({
      kind: 'too-many-entries',
      severity: 'warning',
      message: `${check.path} has ${endSlot} entries, FAT allows ${DIRECTORY_ENTRIES_MAX}; move some elsewhere`,
      offsetBytes: check.contents.offsetBytesOf(DIRECTORY_ENTRIES_MAX),
    });
  }
}
