import { isZero } from '../../base/bytes.ts';
import { ATTRIBUTE, DirectoryEntry, ENTRY_END, ENTRY_SIZE_BYTES, isDataCluster } from './layout.ts';
import type { Geometry } from './layout.ts';
import { shortNameAt } from './names.ts';
import { isFreeSlot } from './fsck-contents.ts';
import type { DirectoryContents } from './fsck-contents.ts';
import { deleteSlots, writeSlot } from './fsck-editing.ts';
import type { DirectoryCheck } from './fsck-editing.ts';
import {
  attributesOf,
  firstClusterOf,
  makeDotEntry,
  setFirstCluster,
  setSizeBytes,
  sizeBytesOf,
} from './fsck-entries.ts';
import { shortNameFault } from './fsck-names.ts';
import { ROOT } from './fsck-owners.ts';
import { isLongNamePart, parseSlots } from './fsck-slots.ts';
import type { SlotGroup } from './fsck-slots.ts';

/**
 * '.' and '..': the first two slots of every directory but the root. '.' names the directory's own first cluster, '..'
 * its parent's, and 0 when the parent is the root directory, wherever that lies (FATGEN 1.03, "FAT Directory
 * Structure").
 */
const NT_CASE_AT = DirectoryEntry.fields.ntCase.at;
const DOT = '.          ';
const DOT_DOT = '..         ';

export function checkDots(check: DirectoryCheck): void {
  const { files } = check.pass;
  const parent = files.get(check.file)?.parent ?? ROOT;
  const parentCluster = parent === ROOT ? 0 : (files.get(parent)?.firstCluster ?? 0);
  checkDot(check, 0, '.', DOT, check.firstCluster);
  if (check.contents.slotCount > 1) checkDot(check, 1, '..', DOT_DOT, parentCluster);
}

function checkDot(check: DirectoryCheck, slot: number, name: string, short: string, cluster: number): void {
  const { report, geometry } = check.pass;
  const { contents, path } = check;
  const bytes = contents.bytesOf(slot);
  const offsetBytes = contents.offsetBytesOf(slot);
  if (shortNameAt(bytes, 0) !== short) {
    createDot(check, slot, name, cluster);
    return;
  }
  const found = firstClusterOf(geometry.type, bytes);
  const isDirectory = (attributesOf(bytes) & (ATTRIBUTE.directory | ATTRIBUTE.label)) === ATTRIBUTE.directory;
  const isPlain = isDirectory && sizeBytesOf(bytes) === 0 && bytes[NT_CASE_AT] === 0;
  if (found === cluster && isPlain) return;
  const what =
    found === cluster
      ? 'is not that of a directory of size 0'
      : cluster === 0
        ? `has non-zero start cluster (${found}), its parent being the root directory`
        : `has incorrect start cluster (${found}, not ${cluster})`;
  report.add({
    kind: name === '.' ? 'dot-entry' : 'dotdot-entry',
    severity: 'error',
    message: `\`${name}' entry in ${path} ${what}`,
    offsetBytes,
    question: 'Correct',
    repair: () => {
      const corrected = bytes.slice();
      corrected[DirectoryEntry.fields.attributes.at] = ATTRIBUTE.directory;
      corrected[NT_CASE_AT] = 0;
      setFirstCluster(geometry.type, corrected, cluster);
      setSizeBytes(corrected, 0);
      writeSlot(check, slot, corrected, `correct the "${name}" entry`);
    },
  });
}

function createDot(check: DirectoryCheck, slot: number, name: string, cluster: number): void {
  const { report, geometry } = check.pass;
  const plan = planRoom(check.contents, slot);
  report.add({
    kind: name === '.' ? 'no-dot' : 'no-dotdot',
    severity: 'error',
    message: `${check.path}: Expected a valid '${name}' entry in the ${slot === 0 ? 'first' : 'second'} slot`,
    offsetBytes: check.contents.offsetBytesOf(slot),
    ...(plan && {
      question: 'Create',
      repair: () => {
        moveGroup(check, plan);
        writeSlot(check, slot, makeDotEntry(geometry.type, name, cluster), `make the "${name}" entry`);
      },
    }),
  });
}

// ── making room for them ────────────────────────────────────────────────────────────────────────────────────────────

/** Slots `from` … that stand where a dot entry belongs, and where they can go; no slots when the place is free. */
interface Move {
  readonly from: number;
  readonly slots: number;
  readonly to: number;
}

const NOTHING: Move = { from: 0, slots: 0, to: 0 };

/** How to empty one of the first two slots, or null when the directory has no room for what stands there. */
function planRoom(contents: DirectoryContents, slot: number): Move | null {
  const bytes = contents.bytesOf(slot);
  const short = shortNameAt(bytes, 0);
  if (isFreeSlot(bytes[0] ?? 0) || short === DOT || short === DOT_DOT) return NOTHING;
  const parsed = parseSlots(contents);
  const group = parsed.groups.find((one) => one.firstSlot <= slot && slot < one.endSlot);
  if (!group || group.slot < 0) return NOTHING;
  return placeFor(contents, group, group.firstSlot) ?? placeFor(contents, group, group.slot);
}

/** The first run of free slots behind the dots that takes the group from `firstSlot` on. */
function placeFor(contents: DirectoryContents, group: SlotGroup, firstSlot: number): Move | null {
  const slots = group.endSlot - firstSlot;
  let run = 0;
  for (const piece of contents.pieces) {
    const end = piece.firstSlot + piece.bytes.length / ENTRY_SIZE_BYTES;
    for (let slot = Math.max(2, piece.firstSlot); slot < end; slot++) {
      run = isFreeSlot(contents.bytesOf(slot)[0] ?? 0) ? run + 1 : 0;
      if (run === slots) return { from: firstSlot, slots, to: slot - slots + 1 };
    }
    run = 0;
  }
  return null;
}

function moveGroup(check: DirectoryCheck, move: Move): void {
  const { contents } = check;
  if (move.slots === 0) return;
  const reachesEnd = contents.bytesOf(move.to + move.slots - 1)[0] === ENTRY_END;
  for (let i = 0; i < move.slots; i++) {
    writeSlot(check, move.to + i, contents.bytesOf(move.from + i).slice(), 'make room for a dot entry');
  }
  // The entries now end one group later; what lay behind the old end marker must not come to life.
  const next = move.to + move.slots;
  if (reachesEnd && contents.offsetBytesOf(next) >= 0) {
    writeSlot(check, next, new Uint8Array(ENTRY_SIZE_BYTES), 'end the directory behind the moved entry');
  }
  deleteSlots(check, move.from, move.from + move.slots, 'the entry has moved');
}

// ── is it a directory at all? ───────────────────────────────────────────────────────────────────────────────────────

/**
 * Does this cluster, the first of what an entry calls a directory, hold entries? Either dot in its place is enough, and
 * so is an empty cluster; otherwise every slot must make sense. Following a cluster of something else would hand the
 * clusters of other files to entries that nobody ever made.
 */
export function looksLikeDirectory(geometry: Geometry, cluster: Uint8Array): boolean {
  if (shortNameAt(cluster, 0) === DOT || shortNameAt(cluster, ENTRY_SIZE_BYTES) === DOT_DOT) return true;
  if (isZero(cluster)) return true;
  let entries = 0;
  for (let at = 0; at + ENTRY_SIZE_BYTES <= cluster.length; at += ENTRY_SIZE_BYTES) {
    const slot = cluster.subarray(at, at + ENTRY_SIZE_BYTES);
    if (slot[0] === ENTRY_END) break;
    if (isFreeSlot(slot[0] ?? 0)) continue;
    if (!isPlausible(geometry, slot)) return false;
    entries++;
  }
  return entries > 0;
}

function isPlausible(geometry: Geometry, slot: Uint8Array): boolean {
  if (isLongNamePart(slot)) {
    const part = (slot[0] ?? 0) & 0x3f;
    return part >= 1 && part <= 20;
  }
  const short = shortNameAt(slot, 0);
  const first = firstClusterOf(geometry.type, slot);
  const hasName = short === DOT || short === DOT_DOT || shortNameFault(slot) !== 'forbidden';
  return hasName && (attributesOf(slot) & 0xc0) === 0 && (first === 0 || isDataCluster(geometry, first));
}
