import type { Stages } from '../../device/draft.ts';

/** What a repair writes before what. The verdict is the volume header, which says clean. */
export const STAGE = { fresh: 0, records: 1, cleanup: 2, verdict: 3 } as const;
export type Stage = number;

/**
 * A power cut before the last stage is done leaves a volume that says itself that it is inconsistent, with old or new
 * trees but never half of one: the next run repairs it.
 */
export const STAGES: Stages = {
  reasons: [
    'fsck: new nodes and copies are on the disk before anything points at them',
    'fsck: records, trees, bitmap before what the old trees were made of is erased',
    'fsck: everything else before the header that says clean',
    'fsck: the repair is complete',
  ],
  // A change in a node that is new itself goes with the node.
  together: (earlier, later) => (later === STAGE.records && earlier === STAGE.fresh ? earlier : later),
};
