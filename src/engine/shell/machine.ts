import type { CommitPolicy, Extent, FsckReport, NewfsReport } from '../formats/contract.ts';

/**
 * What commands may ask of the machine below the file systems: `mount`, `diskutil`, `newfs_*`, `fsck_*`, `scope`.
 * The session implements it; the shell knows no device and no format. Devices go by their names: 'disk1', 'disk1s1',
 * with or without '/dev/' and '/dev/r'. Failures are FsError with a sentence in `detail`.
 */
export interface Machine {
  disks(): readonly DiskDescription[];
  /** `diskutil info`: key and value pairs in macOS's order. */
  info(deviceOrPath: string): readonly (readonly [string, string])[];
  newfs(device: string, options: NewVolumeOptions): NewfsReport;
  /** Erase a whole disk: new partition map (or none) and one volume, mounted. Yields printable progress lines. */
  eraseDisk(
    device: string,
    options: { format: string; label: string; scheme: string; settings: Record<string, string> },
  ): readonly string[];
  /** Returns where. `mountPoint` is an existing directory; absent: a new one in /Volumes named after the label. */
  mount(device: string, options: { isReadOnly: boolean; policy?: CommitPolicy; mountPoint?: string }): string;
  unmount(deviceOrPath: string): void;
  /** `diskutil rename`: give a mounted volume another label. */
  rename(deviceOrPath: string, label: string): void;
  /**
   * Refused with EBUSY for repair while mounted. `format`: how to read a slice that no format recognizes; its first
   * blocks may be what is damaged.
   */
  fsck(device: string, options: { repair: boolean; format?: string }): FsckReport;

  /** Plain sentences about one file or block: where it lies, who holds it, what deleting it would free. */
  why(pathOrBlock: string): readonly string[];
  /** Offsets count from the start of the whole disk. */
  extentsOf(path: string): readonly Extent[];
  /** Block roles as runs: a text picture of the disk. */
  map(device: string): readonly { firstBlock: number; blockCount: number; role: string; owner: string }[];
  /** Going back and forth; the change takes effect when the command line has ended. Returns a sentence. */
  undo(): string;
  redo(): string;
  advanceTime(nanoseconds: number): void;
}

export interface NewVolumeOptions {
  readonly format: string;
  readonly label: string;
  readonly settings: Record<string, string>;
  /** Nothing is written: the report says what would be. */
  readonly isRehearsal?: boolean;
  /** Let the partition map say what the slice now holds, as `diskutil` does and `newfs_*` does not. */
  readonly entersMap?: boolean;
}

export interface DiskDescription {
  readonly device: string; // 'disk1'
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
  readonly scheme: 'none' | 'gpt' | 'mbr' | 'apm';
  readonly isImage: boolean;
  readonly slices: readonly SliceDescription[];
}

export interface SliceDescription {
  readonly device: string; // 'disk1s1'; the disk itself when there is no map
  readonly index: number;
  /** As `diskutil list` prints it: 'Windows_FAT_32', 'Microsoft Basic Data', 'EFI'. */
  readonly typeName: string;
  readonly label: string;
  readonly sizeBytes: number;
  readonly firstBlock: number;
  readonly mountPoint: string | null;
  /** What was found when it was mounted: 'The journal was replayed …'. */
  readonly warnings: readonly string[];
  readonly formatName: string | null;
  /** As macOS calls what is there: 'Journaled HFS+'; null without a known format. */
  readonly personality: string | null;
}
