import { runsOf } from '../../codec/struct.ts';
import type { BlockAnnotation } from '../survey.ts';
import type { OwnerIndex } from './owner-index.ts';

/** What the explainers of a block share. */

/** The block in question. Offsets of annotations count from its start. */
export interface BlockView {
  readonly index: OwnerIndex;
  readonly startBytes: number;
  readonly bytes: Uint8Array;
}

/** What is said of one part of the volume within the block. */
export type Piece = BlockAnnotation;

export const SPEC = 'exFAT specification';

export const run = runsOf(SPEC);
