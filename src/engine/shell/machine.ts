import type {
  CommitPolicy,
  ContainerVolume,
  Extent,
  FsckReport,
  NewfsReport,
  Snapshot,
  SnapshotSpace,
} from '../formats/contract.ts';

/**
 * What commands may ask of the machine below the file systems: `mount`, `diskutil`, `newfs_*`, `fsck_*`, `scope`.
 * The session implements it; the shell knows no device and no format. Devices go by their names: 'disk1', 'disk1s1',
 * with or without '/dev/' and '/dev/r'. Failures are FsError with a sentence in `detail`.
 *
 * A disk or slice with an APFS container ('disk1s1') is a physical store. The container is a disk of its own that macOS
 * calls synthesized ('disk2'), its volumes are slices of that ('disk2s1' is index 0) and their snapshots ('disk2s1s1')
 * are numbered oldest first. `mount`, `unmount`, `rename`, `info` take volumes by these names, mounted or not.
 */
export interface Machine {
  /** Real disks first, each followed by the containers on it. */
  disks(): readonly DiskDescription[];
  /** `diskutil info`: key and value pairs in macOS's order. */
  info(deviceOrPath: string): readonly (readonly [string, string])[];
  newfs(device: string, options: NewVolumeOptions): NewfsReport;
  /** Erase a whole disk: new partition map (or none) and one volume, mounted. Yields printable progress lines. */
  eraseDisk(
    device: string,
    options: { format: string; label: string; scheme: string; settings: Record<string, string> },
  ): readonly string[];
  /**
   * Returns where. `mountPoint` is an existing directory; absent: a new one in /Volumes named after the label.
   * `snapshot`: this one of the volume, read-only; ENOENT.
   */
  mount(device: string, options: MountRequest): string;
  /**
   * Everything mounted of the container of a volume, at once and without unmounting: read-only or not, by other policies,
   * or as an older checkpoint has it. Returns where the volume is. EBUSY while a file of it is open; FsError, and nothing
   * changed, where that cannot be.
   */
  remount(deviceOrPath: string, options: MountRequest): string;
  unmount(deviceOrPath: string): void;
  /** `diskutil rename`: give a mounted volume another label. */
  rename(deviceOrPath: string, label: string): void;
  /**
   * Refused with EBUSY for repair while mounted. `format`: how to read a slice that no format recognizes; its first
   * blocks may be what is damaged.
   */
  fsck(device: string, options: { repair: boolean; format?: string }): FsckReport;

  // Containers. ENXIO: no such device; ENOTSUP: what is there is none. None of these asks who the caller is.
  /** `container`: 'disk2'. Returns the new volume's device; it is not mounted. */
  addVolume(container: string, volume: NewPoolVolume): string;
  /** EBUSY while it or one of its snapshots is mounted. */
  deleteVolume(device: string): void;
  /** `role`: 'Data', 'System' …; empty: none. EINVAL. */
  changeRole(device: string, role: string): void;
  /** Between which sizes the container could be made another one. */
  resizeLimits(container: string): ResizeLimits;
  /** Container and partition; whole blocks of 4,096 bytes, rounded down. ENOSPC beyond the limits, EROFS. */
  resizeContainer(container: string, sizeBytes: number): void;
  // Snapshots of one volume, by device or by a path on it, mounted or not.
  /** EEXIST, ENOSPC, EROFS. */
  createSnapshot(deviceOrPath: string, name: string): void;
  renameSnapshot(deviceOrPath: string, name: string, newName: string): void;
  deleteSnapshot(deviceOrPath: string, name: string): void;
  /** The volume as it was, mounted again where it was; EBUSY while files are open. */
  revertToSnapshot(deviceOrPath: string, name: string): void;
  snapshotSpace(deviceOrPath: string, name: string): SnapshotSpace;

  /** Plain sentences about one file or block: where it lies, who holds it, what deleting it would free. */
  why(pathOrBlock: string): readonly string[];
  /** What deleting a snapshot would free, in a sentence. */
  whySnapshot(deviceOrPath: string, name: string): readonly string[];
  /** Offsets count from the start of the whole disk. */
  extentsOf(path: string): readonly Extent[];
  /** Bytes of the disk changed by hand, under whatever is mounted. EINVAL, EBUSY, EROFS, with a sentence. */
  poke(edit: ByteEdit): readonly string[];
  /** Block roles as runs: a text picture of the disk. */
  map(device: string): readonly { firstBlock: number; blockCount: number; role: string; owner: string }[];
  /** Going back and forth; the change takes effect when the command line has ended. Returns a sentence. */
  undo(): string;
  redo(): string;
  advanceTime(nanoseconds: number): void;
}

/** Bytes of one block that are to become others. */
export interface ByteEdit {
  /** Of the whole disk. */
  readonly block: number;
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
  /** Make the checksums over them fit again. */
  readonly mends: boolean;
}

export interface MountRequest {
  readonly isReadOnly: boolean;
  readonly policy?: CommitPolicy;
  readonly mountPoint?: string;
  readonly snapshot?: string;
  /** Copy-on-write formats: the whole container as this older checkpoint has it, read-only. EBUSY while it is in use otherwise. */
  readonly checkpointXid?: number;
  readonly overwritesInPlace?: boolean;
  readonly trims?: boolean;
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

export interface NewPoolVolume {
  readonly label: string;
  readonly isCaseSensitive: boolean;
  readonly role?: string;
  readonly quotaBytes?: number;
  readonly reserveBytes?: number;
}

export interface ResizeLimits {
  readonly minimumBytes: number;
  /** What keeps it from being smaller, and what to do about that. */
  readonly minimumReason: string;
  readonly currentBytes: number;
  readonly maximumBytes: number;
}

export interface DiskDescription {
  readonly device: string; // 'disk1'
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
  readonly scheme: 'none' | 'gpt' | 'mbr' | 'apm' | 'apfs';
  readonly isImage: boolean;
  readonly slices: readonly SliceDescription[];
  /** Of a synthesized disk, whose scheme is 'apfs'. */
  readonly container?: ContainerDescription;
}

export interface ContainerDescription {
  readonly uuid: string;
  readonly physicalStore: {
    readonly device: string; // 'disk1s1'
    readonly uuid: string;
    readonly sizeBytes: number;
  };
  /** Of the pool: all that no volume uses. */
  readonly freeBytes: number;
  readonly warnings: readonly string[];
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
  /** Of a physical store: 'disk2'. */
  readonly containerDevice?: string;
  /** Of a container's volume. */
  readonly volume?: PoolVolumeDescription;
}

export interface PoolVolumeDescription extends Omit<ContainerVolume, 'snapshots'> {
  /** Oldest first. */
  readonly snapshots: readonly SnapshotDescription[];
}

export interface SnapshotDescription extends Snapshot {
  /** 'disk2s1s1' */
  readonly device: string;
  readonly mountPoint: string | null;
}
