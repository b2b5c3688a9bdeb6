import { FsError } from '../../base/errno.ts';
import type { Device } from '../../device/device.ts';
import type { Inode } from './inode.ts';
import { INODE_FLAG } from './layout-catalog.ts';
import type { Room } from './transaction.ts';

/**
 * What contents ask of their volume. VolumeState is one; of a snapshot's only the catalog and the device are used.
 */
export interface ContentHost {
  readonly device: Device;
  readonly catalog: RecordTree;
  /** Extent references of the live volume. */
  readonly references: RecordTree;
  /** Are there snapshots? Blocks without a record of their own in `references` are then theirs. */
  readonly hasSnapshots: boolean;
  /** Policy: contents that nobody shares and no snapshot holds are written over where they are. */
  readonly overwritesInPlace: boolean;
  /** Are extents behind the end of a file flagged as preallocated on this volume? (incompatible feature 0x80) */
  readonly flagsPreallocation: boolean;
  newObjectId(): number;
  /** Blocks that `allocate` may give at most now: what is free, less headroom, the quota and reserves of others. */
  readonly availableBlocks: number;
  /** 1 … `blockCount` blocks in one run, from `goalBlock` on if that is free. ENOSPC. */
  allocate(
    blockCount: number,
    goalBlock: number | null,
    use: 'data',
  ): { readonly firstBlock: number; readonly blockCount: number };
  free(firstBlock: number, blockCount: number): void;
  readonly commit: {
    /** Was this block allocated by the running transaction? */
    isFresh(block: number): boolean;
    change<T>(room: Room, body: () => T): T;
  };
}

/** The B-tree operations that contents need. */
export interface RecordTree {
  readonly nodeCount: number;
  /** New blocks that one insertion takes at most. */
  readonly maxNodesOfChange: number;
  /** A view that is valid until the tree changes. */
  find(key: Uint8Array): Uint8Array | undefined;
  insert(key: Uint8Array, value: Uint8Array): void;
  replace(key: Uint8Array, value: Uint8Array): void;
  remove(key: Uint8Array): boolean;
  /** The first record that is not before `key`. */
  seek(key: Uint8Array): RecordCursor;
  /** The last record that is not behind `key`. */
  seekBefore(key: Uint8Array): RecordCursor;
}

/** Void after a change of its tree by others. */
export interface RecordCursor {
  readonly isValid: boolean;
  /** Views. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Where key and value stand, for who reads numbers of them and needs no views. */
  readonly bytes: Uint8Array;
  readonly keyStart: number;
  readonly valueStart: number;
  readonly valueLengthBytes: number;
  next(): void;
  previous(): void;
  /** Another value, as long as the one before. */
  replace(value: Uint8Array): void;
}

/** Whose contents: an inode, as far as contents look at it. What they change of it the caller stores. */
export type StreamOwner = Pick<
  Inode,
  'number' | 'nameBytes' | 'privateId' | 'internalFlags' | 'stream' | 'sparseBytes'
>;

/** Leaves are at least so full when records were inserted one behind the other. */
const RECORDS_PER_NEW_LEAF = 30;

/**
 * New nodes that `changes` insertions, replacements and removals anywhere in `tree` take at most: copies of all there
 * are, and those that come when nodes split. (Insertions that each split another full leaf would take more: then the
 * headroom of the container serves.)
 */
export const nodesOfChanges = (tree: RecordTree, changes: number): number =>
  Math.min(changes * tree.maxNodesOfChange, tree.nodeCount + nodesOfNeighbours(tree, changes));

/** The same of records that stand side by side. */
export const nodesOfNeighbours = (tree: RecordTree, changes: number): number =>
  Math.min(
    changes * tree.maxNodesOfChange,
    Math.ceil(changes / RECORDS_PER_NEW_LEAF) + 2 * tree.maxNodesOfChange,
  );

export const isFull = (error: unknown): boolean => error instanceof FsError && error.code === 'ENOSPC';

/** Both flags lie below 2^31; the others, up to 2^53, stay. */
export const withFlags = (flags: number, wanted: number): number => {
  const low = flags % 2 ** 31;
  return flags - low + (low | wanted);
};

/** The flag that goes with the field of sparse bytes. */
export function setSparse(inode: StreamOwner): void {
  const low = inode.internalFlags % 2 ** 31;
  const isSparse = inode.sparseBytes > 0;
  const wanted = isSparse ? low | INODE_FLAG.isSparse : low & ~INODE_FLAG.isSparse;
  if (wanted !== low) inode.internalFlags += wanted - low;
}
