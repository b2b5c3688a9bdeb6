import type { Role } from '../../base/role.ts';
import type { Annotation } from '../../codec/struct.ts';
import type { OwnerIndex } from './owner-index.ts';

/** What the explainers of a block share. */

/** The block in question. Offsets of annotations count from its start. */
export interface BlockView {
  readonly index: OwnerIndex;
  readonly startBytes: number;
  readonly bytes: Uint8Array;
}

/** What is said of one part of the volume within the block. */
export interface Piece {
  readonly role: Role;
  readonly owner: string;
  readonly title: string;
  readonly fields: readonly Annotation[];
}

export const SPEC = 'exFAT specification';

export const run = (
  from: number,
  to: number,
  name: string,
  text: string,
  doc: string,
  section = SPEC,
): Annotation => ({
  offsetBytes: from,
  lengthBytes: to - from,
  name,
  text,
  doc,
  section,
});
