import type { Timespec } from '../../base/clock.ts';
import type { Snapshots, VolumeStatistics } from '../contract.ts';
import type { ContentHost, RecordTree } from './content-host.ts';
import type { NameCache } from './name-cache.ts';
import type { Room } from './transaction.ts';

/** What files, directories and their names ask of their volume. VolumeState is one. */
export interface FilesHost extends ContentHost {
  readonly catalog: FilesTree;
  readonly references: FilesTree;
  /** Names differ by more than their case. (All hashed volumes take every normalization of a name for the same.) */
  readonly isCaseInsensitive: boolean;
  /** Keys of directory records carry a hash of the name; volumes of early releases have none. */
  readonly isHashed: boolean;
  /** Names found or made lately. */
  readonly names: NameCache;
  /** Counters of the volume superblock. Who changes them calls `touch`. */
  readonly superblock: ObjectCounters;
  /** The superblock was changed. */
  touch(): void;
  now(): Timespec;
  readonly commit: FilesCommit;
}

/** A tree that knows what changes within its nodes cost. */
export interface FilesTree extends RecordTree {
  /** New blocks that changes in so many leaves take at most, where nothing splits. */
  blocksOfTouching(leaves: number): number;
}

export interface ObjectCounters {
  fileCount: number;
  directoryCount: number;
  symlinkCount: number;
  otherCount: number;
}

export interface FilesCommit {
  isFresh(block: number): boolean;
  change<T>(room: Room, body: () => T): T;
  /** Everything gathered to the device; not within `change`. */
  sync(): void;
  /** Does memory hold what is not on the device yet? */
  readonly isDirty: boolean;
  /** The container had not been unmounted when it was opened. */
  readonly wasLeftBehind: boolean;
}

/** What a mounted volume asks besides. */
export interface VolumeHost extends FilesHost {
  /** A snapshot, or mounted for reading only. */
  readonly isReadOnly: boolean;
  readonly warnings: readonly string[];
  readonly label: string;
  /** Within a change of its own. EINVAL, ENAMETOOLONG. */
  setLabel(label: string): void;
  /** Sizes of the pool as this volume may use it. */
  space(): Omit<VolumeStatistics, 'totalFiles' | 'freeFiles'>;
  /** Absent in a snapshot. */
  readonly snapshots: Snapshots | undefined;
  /** Everything to the device; nobody uses this mount any more. */
  unmount(): void;
}
