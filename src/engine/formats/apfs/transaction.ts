import type { WriteLabel } from '../../device/device.ts';

/**
 * What the parts of a container ask of the running transaction. Implemented by Commit (commit.ts).
 *
 * Copy-on-write is eager: an object of the disk that is changed for the first time in a transaction gets its new block
 * at once. Whether that has happened is seen from its xid: `buffer xid === transaction.xid`.
 */
export interface Transaction {
  /** Of the transaction that gathers changes now, or of the next one if nothing has changed yet. */
  readonly xid: number;
  /** A new id of an ephemeral or virtual object: ascending, never given twice. */
  newOid(): number;
  /**
   * One block for metadata: the lowest free one. The room has been asked for by `change`; running out of it all the
   * same is FsError ENOSPC.
   */
  allocateBlock(spender: Spender): number;
  /**
   * Gives blocks back. What this transaction itself had allocated is free again at once; everything else stays in use
   * until this transaction is durable. The range may mix both.
   */
  freeBlocks(firstBlock: number, blockCount: number, spender: Spender): void;
  /** Was this block allocated by the running transaction? Then nothing durable refers to it: it may be overwritten. */
  isFresh(block: number): boolean;
  /** The buffer is to be written at the commit. As often as one likes. */
  touch(buffer: MetadataBuffer): void;
  /** The buffer is not wanted any more (its block has been freed). */
  forget(buffer: MetadataBuffer): void;
}

/** An object of one block with an object header, kept in memory until the commit seals and writes it. */
export interface MetadataBuffer {
  readonly bytes: Uint8Array;
  /** Where it is written; may change between `touch` and commit. */
  readonly block: number;
  readonly label: WriteLabel;
  /** Called once at the commit, right before the checksum: last chance to put the xid or counters into the bytes. */
  prepare?(xid: number): void;
}

/** Who pays for blocks. */
export interface Spender {
  /** Blocks became this spender's. */
  blocksAllocated(blockCount: number): void;
  /** Blocks ceased to be this spender's. */
  blocksFreed(blockCount: number): void;
  /** How many blocks it may take now at most, given so many free ones: quota, and the reserves of others. */
  available(freeBlocks: number): number;
}

/** Structures of the container itself, volume superblocks and copies of them: counted nowhere. */
export const CONTAINER_SPENDER: Spender = {
  blocksAllocated: () => {},
  blocksFreed: () => {},
  available: (freeBlocks) => freeBlocks,
};

/** What an operation needs at worst, asked for before it changes anything. */
export interface Room {
  /** New blocks at most, data and copies of metadata together. */
  readonly blocks: number;
  /** 'shrink': frees more than it takes in the long run, so it may use the last headroom. */
  readonly kind: 'grow' | 'shrink';
  /**
   * Runs of blocks at most that the operation frees, each one record of the free queue; absent: 64. See
   * `freeRecordsLeft` of Commit for how many one transaction can take.
   */
  readonly freeRecords?: number;
  /** What changes of kind 'shrink' within this one take is part of `blocks`: they are not asked again. */
  readonly coversNested?: boolean;
}
