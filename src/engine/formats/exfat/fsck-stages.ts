import type { Stages } from '../../device/draft.ts';

/** What a repair writes before what. */
export const STAGE = { entries: 0, table: 1, summary: 2 } as const;
export type Stage = number;

/**
 * A power cut between two stages leaves what the next run repairs: entries that no longer name the clusters, clusters
 * still marked as used; never an entry whose clusters are free.
 */
export const STAGES: Stages = {
  reasons: [
    'fsck: repaired entries before the clusters they gave up are freed',
    'fsck: repaired tables before the volume is called clean',
    'fsck: repairs are on the disk',
  ],
  together: Math.max,
};
