import type { Timespec } from '../../base/clock.ts';
import type { Trace } from '../../base/trace.ts';
import type { Btree } from './btree.ts';
import type { BlockReader } from './btree-home.ts';
import type { VolumeSuperblock } from './layout-volume.ts';
import type { Omap } from './omap.ts';
import type { Room, Spender, Transaction } from './transaction.ts';

/** What snapshots ask of their volume. VolumeState is one. */
export interface SnapshotHost {
  readonly commit: Transaction & {
    change<T>(room: Room, body: () => T, spender?: Spender): T;
    /** Ends the running transaction, if it has changed anything. */
    sync(): void;
  };
  readonly container: { readonly trace: Trace };
  readonly reader: BlockReader;
  /** The volume as payer of its blocks. */
  readonly spender: Spender;
  readonly isReadOnly: boolean;
  readonly omap: Omap;
  /** Of the live volume. */
  readonly catalog: Btree;
  /** Extent references of the live volume; a snapshot takes them along and leaves an empty tree. */
  references: Btree;
  readonly snapshotTree: Btree;
  /** The live superblock. Who changes it calls `touch`. */
  readonly superblock: { -readonly [Field in keyof VolumeSuperblock]: VolumeSuperblock[Field] };
  /** A copy of the live superblock as the running transaction would write it. */
  superblockBytes(): Uint8Array;
  touch(): void;
  now(): Timespec;
  newObjectId(): number;
  /** An existing tree of extent references, which may be changed, or with null a new and empty one. EIO. */
  openReferences(block: number | null): Btree;
  /** Contents are given back. */
  free(firstBlock: number, blockCount: number): void;
  isSnapshotMounted(xid: number): boolean;
  /** The superblock has become that of a snapshot: whatever is known of the catalog is out of date. */
  reopenCatalog(): void;
}
