import type { Timespec } from '../../base/clock.ts';
import type { ContentHost } from './content-host.ts';

/** What files, directories and their names ask of their volume. VolumeState is one. */
export interface FilesHost extends ContentHost {
  /** Names differ by more than their case. (All hashed volumes take every normalization of a name for the same.) */
  readonly isCaseInsensitive: boolean;
  /** Keys of directory records carry a hash of the name; volumes of early releases have none. */
  readonly isHashed: boolean;
  /** Counters of the volume superblock. Who changes them calls `touch`. */
  readonly superblock: ObjectCounters;
  /** The superblock was changed. */
  touch(): void;
  now(): Timespec;
}

export interface ObjectCounters {
  fileCount: number;
  directoryCount: number;
  symlinkCount: number;
  otherCount: number;
}
