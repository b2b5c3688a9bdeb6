import type { WriteLabel } from '../../device/device.ts';

/** A stretch of the device, in whole sectors. */
export interface DeviceRun {
  readonly deviceOffsetBytes: number;
  readonly lengthBytes: number;
}

/**
 * A piece of metadata that is changed in memory and written as a whole: a node of a tree, a page of the bitmap, the
 * volume header. `Commit.touch` takes it into the running transaction; nobody else writes it.
 */
export interface MetadataBuffer {
  readonly bytes: Uint8Array;
  /** Where `bytes` lie, in order; together as long as they are. */
  readonly runs: readonly DeviceRun[];
  readonly label: WriteLabel;
  /** In memory and not at its home on the device yet. Kept by `Commit`; whoever caches buffers must not drop it then. */
  isDirty: boolean;
}

/** Whoever wants to know when a transaction is made of what was touched: bitmap, headers of trees. */
export interface CommitParticipant {
  /** Last chance to `touch`: counts and the like that were put off until now. */
  beforeCommit?(): void;
  /** The time to `touch` the bitmap for blocks that became free; without a journal, after all that named them. */
  releaseBlocks?(): void;
  /** The transaction will survive a power cut. */
  afterCommit?(): void;
}
