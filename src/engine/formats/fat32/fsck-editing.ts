import { ENTRY_FREE } from './layout.ts';
import type { Pass } from './fsck-chains.ts';
import type { DirectoryContents } from './fsck-contents.ts';
import { setFirstCluster, setSizeBytes } from './fsck-entries.ts';
import { STAGE } from './fsck-stages.ts';
import { shown } from './fsck-report.ts';
import type { SlotGroup } from './fsck-slots.ts';

/** What is under examination in a directory, and the few ways in which repairs change slots. */

/** A directory whose chain has been claimed and whose slots wait to be judged. */
export interface DirectoryToCheck {
  readonly file: number;
  readonly firstCluster: number;
  readonly clusterCount: number;
}

/** One directory under examination, with what its entries have to be compared with. */
export interface DirectoryCheck {
  readonly pass: Pass;
  readonly file: number;
  /** 0 for the fixed root directory of FAT12/16. */
  readonly firstCluster: number;
  readonly path: string;
  readonly contents: DirectoryContents;
  /** Keys of all names met, short and long in one: they share a namespace. */
  readonly taken: Set<string>;
  /** Directories found here, to be checked later. */
  readonly found: DirectoryToCheck[];
  nextRepairName: number;
}

/** One entry under examination. */
export interface EntryCheck extends SlotGroup {
  readonly check: DirectoryCheck;
  /** Eleven characters; the escaped E5 resolved. */
  readonly short: string;
  /** The 32 bytes of the short entry, as they are after the repairs so far. */
  readonly bytes: Uint8Array;
  /** As programs see it, from the disk: print it through `shown`. */
  readonly name: string;
}

// ── looking and changing ─────────────────────────────────────────────────────────────────────────────────────────────

export const writeSlot = (check: DirectoryCheck, slot: number, bytes: Uint8Array, reason: string): void =>
  check.contents.write(check.pass.medium, slot, bytes, STAGE.entries, check.path, reason);

/** Mark slots as deleted; the rest of their bytes stays readable for whoever looks. */
export function deleteSlots(check: DirectoryCheck, firstSlot: number, endSlot: number, reason: string): void {
  for (let slot = firstSlot; slot < endSlot; slot++) {
    const bytes = check.contents.bytesOf(slot).slice();
    bytes[0] = ENTRY_FREE;
    writeSlot(check, slot, bytes, reason);
  }
}

export const pathIn = (check: DirectoryCheck, name: string): string =>
  `${check.path === '/' ? '' : check.path}/${shown(name)}`;

export const entryOffset = (entry: EntryCheck): number => entry.check.contents.offsetBytesOf(entry.slot);

/** Change the short entry in place. */
export function changeEntry(entry: EntryCheck, reason: string, change: (bytes: Uint8Array) => void): void {
  const bytes = entry.bytes.slice();
  change(bytes);
  writeSlot(entry.check, entry.slot, bytes, reason);
}

/** Remove the entry with its long name. */
export const removeEntry = (entry: EntryCheck, reason: string): void =>
  deleteSlots(entry.check, entry.firstSlot, entry.endSlot, reason);

/** Forget the clusters of an entry. */
export const emptyEntry = (entry: EntryCheck, reason: string): void =>
  changeEntry(entry, reason, (bytes) => {
    setFirstCluster(entry.check.pass.geometry.type, bytes, 0);
    setSizeBytes(bytes, 0);
  });
