import type { Role } from '../base/role.ts';
import type { FileView, Moment } from './view.ts';

/**
 * What lies between two moments, at three levels: files as programs see them, structures by role and owner, blocks and
 * their bytes. Both moments are looked at as they are on the disk: what a volume still holds in memory (`writeback`) is
 * on neither.
 */
export interface MomentPair {
  readonly before: Moment;
  readonly after: Moment;
}

export interface FileDifference {
  /** From the root of the volume, as in the Files pane. */
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly type: string;
  /** What is said differently: name, before, after; an empty text where there is nothing. Only of what is in both. */
  readonly facts: readonly (readonly [name: string, before: string, after: string])[];
  /** Where the contents differ, in bytes of the file: [offset, length, …]. Each range begins and ends with a difference. */
  readonly contents: Float64Array;
  /** False: the contents were too long to be compared to their end, or differ in too many places to be listed. */
  readonly isExact: boolean;
  readonly before: FileView | null;
  readonly after: FileView | null;
}

export interface FileDifferences {
  readonly rows: readonly FileDifference[];
  readonly total: number;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** Why files of a moment cannot be seen, or not all of them; empty when everything was compared. */
  readonly problems: readonly string[];
}

export interface StructurePart {
  readonly role: Role;
  readonly owner: string;
}

/** Blocks that were of one structure and are now of one, perhaps another. */
export interface StructureDifference {
  readonly before: StructurePart;
  readonly after: StructurePart;
  readonly blockCount: number;
  /** The first of its ranges: [first, count, …]. */
  readonly ranges: Float64Array;
  readonly rangeCount: number;
}

export interface StructureDifferences {
  readonly rows: readonly StructureDifference[];
  readonly total: number;
}

export interface BlockDifferences {
  /** Ranges offset … offset + countMax − 1 of those that differ: [first, count, …]. */
  readonly ranges: Float64Array;
  readonly total: number;
  readonly blockCount: number;
  readonly isExact: boolean;
}

export interface FieldDifference {
  readonly name: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** In words; null where the block has no such field at that moment. */
  readonly before: string | null;
  readonly after: string | null;
}

export interface BlockDifferenceView {
  readonly block: number;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  readonly titleBefore: string;
  readonly titleAfter: string;
  readonly fields: readonly FieldDifference[];
}
