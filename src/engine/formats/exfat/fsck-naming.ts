import { ENTRY_SIZE_BYTES, NAME_UNITS_PER_ENTRY, StreamEntry, nameHash } from './layout.ts';
import { pathIn } from './fsck-directory.ts';
import type { DirectoryCheck } from './fsck-directory.ts';
import {
  legalName,
  nameProblem,
  numberedName,
  sameName,
  unitOffset,
  upcased,
  writeUnits,
} from './fsck-names.ts';
import { shown } from './fsck-report.ts';
import type { EntrySet } from './fsck-sets.ts';

/**
 * The name of a set: its length, its letters, its hash, and that nobody else in the directory has it. Returns the name
 * as it is after the repairs.
 */
export function checkName(check: DirectoryCheck, set: EntrySet, found: string): string {
  const { report, upcase } = check.pass;
  const { nameEntryCount } = set.shape;
  let name = found;
  checkLength(check, set, name);
  checkPadding(check, set, name);
  checkParts(check, set, name);
  const problem = nameProblem(name);
  if (problem !== null) {
    report.add({
      kind: 'bad-name',
      severity: 'error',
      message: `Invalid name ${pathIn(check, found)}: ${problem}`,
      offsetBytes: set.offsetBytesOf(unitOffset(0)),
      question: 'Rename',
      repair: () => {
        const legal = legalName(found);
        name = isTaken(check, legal) ? newName(check, legal, nameEntryCount) : legal;
        rename(check, set, name, `rename ${found}`);
      },
    });
  }
  let hash = nameHash(name, upcase);
  checkHash(check, set, name, hash);
  if (isTaken(check, name, hash)) {
    const second = name;
    report.add({
      kind: 'duplicate-name',
      severity: 'error',
      message: `Duplicate name ${pathIn(check, second)}`,
      offsetBytes: set.offsetBytesOf(unitOffset(0)),
      question: 'Rename',
      repair: () => {
        name = newName(check, second, nameEntryCount);
        hash = nameHash(name, upcase);
        rename(check, set, name, `rename the second ${second}`);
      },
    });
  }
  take(check, name, hash);
  return name;
}

function checkLength(check: DirectoryCheck, set: EntrySet, name: string): void {
  const { nameLength, storedNameLength } = set.shape;
  if (nameLength === storedNameLength) return;
  check.pass.report.add({
    kind: 'name-length',
    severity: 'error',
    message: `${pathIn(check, name)}: the length of the name is ${storedNameLength}, should be ${nameLength}`,
    offsetBytes: set.offsetBytesOf(ENTRY_SIZE_BYTES + StreamEntry.fields.nameLength.at),
    question: 'Fix',
    repair: () => set.change('write the length of the name', () => set.setNameLength(nameLength)),
  });
}

/** Units behind the end of the name are zero (7.7.3). */
function checkPadding(check: DirectoryCheck, set: EntrySet, name: string): void {
  const end = set.shape.nameEntryCount * NAME_UNITS_PER_ENTRY;
  for (let index = name.length; index < end; index++) {
    if (set.u16(unitOffset(index)) === 0) continue;
    check.pass.report.add({
      kind: 'name-padding',
      severity: 'warning',
      message: `${pathIn(check, name)}: something stands behind the end of the name`,
      offsetBytes: set.offsetBytesOf(unitOffset(index)),
      question: 'Clear',
      repair: () =>
        set.change('clear what stands behind the name', (bytes) =>
          writeUnits(bytes, set.shape.nameEntryCount, name),
        ),
    });
    return;
  }
}

/** GeneralSecondaryFlags of name entries: nothing is allocated, 0 (7.7.2). */
function checkParts(check: DirectoryCheck, set: EntrySet, name: string): void {
  for (let i = 0; i < set.shape.nameEntryCount; i++) {
    const at = (2 + i) * ENTRY_SIZE_BYTES + 1;
    if (set.bytes[at] === 0) continue;
    check.pass.report.add({
      kind: 'name-flags',
      severity: 'warning',
      message: `${pathIn(check, name)}: part ${i + 1} of the name has flags`,
      offsetBytes: set.offsetBytesOf(at),
      question: 'Clear',
      repair: () => set.change('clear the flags of the name', (bytes) => (bytes[at] = 0)),
    });
  }
}

function checkHash(check: DirectoryCheck, set: EntrySet, name: string, hash: number): void {
  if (hash === set.storedHash) return;
  check.pass.report.add({
    kind: 'name-hash',
    severity: 'error',
    message: `${pathIn(check, name)}: the hash 0x${set.storedHash.toString(16)} of the name is wrong, should be 0x${hash.toString(16)}`,
    offsetBytes: set.offsetBytesOf(ENTRY_SIZE_BYTES + StreamEntry.fields.nameHash.at),
    question: 'Fix',
    repair: () => set.change('write the hash of the name', () => set.setHash(hash)),
  });
}

/** In place: the new name needs as many entries as the old one. */
function rename(check: DirectoryCheck, set: EntrySet, name: string, reason: string): void {
  set.change(`${shown(reason)} to ${shown(name)}`, (bytes) => {
    writeUnits(bytes, set.shape.nameEntryCount, name);
    set.setNameLength(name.length);
    set.setHash(nameHash(name, check.pass.upcase));
  });
}

/** Numbers go on within a directory: a hundred thousand files of one name do not try them all again each. */
function newName(check: DirectoryCheck, name: string, nameEntryCount: number): string {
  for (;;) {
    const candidate = numberedName(name, nameEntryCount, check.nextNumber++);
    if (!isTaken(check, candidate)) return candidate;
  }
}

function isTaken(check: DirectoryCheck, name: string, hash = nameHash(name, check.pass.upcase)): boolean {
  const { upcase } = check.pass;
  const known = check.taken.get(hash);
  if (known === undefined) return false;
  if (typeof known === 'string') return sameName(known, name, upcase);
  if (known instanceof Set) return known.has(upcased(name, upcase));
  return known.some((other) => sameName(other, name, upcase));
}

/** More names than this share a hash only where somebody made them so: then they are looked up, not gone through. */
const COMPARED_MAX = 16;

function take(check: DirectoryCheck, name: string, hash: number): void {
  const { upcase } = check.pass;
  const known = check.taken.get(hash);
  if (known === undefined) check.taken.set(hash, name);
  else if (typeof known === 'string') check.taken.set(hash, [known, name]);
  else if (known instanceof Set) known.add(upcased(name, upcase));
  else if (known.push(name) > COMPARED_MAX) {
    check.taken.set(hash, new Set(known.map((other) => upcased(other, upcase))));
  }
}
