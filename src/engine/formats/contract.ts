import type { Clock, Timespec } from '../base/clock.ts';
import type { FsckOptions, FsckReport } from '../base/finding.ts';
import type { Label } from '../base/label.ts';
import type { CheckpointState } from '../base/checkpoint.ts';
import type { Prng } from '../base/prng.ts';
import type { Trace } from '../base/trace.ts';
import type { Device, Fill } from '../device/device.ts';
import type { Mending } from '../device/mending.ts';
import type { Survey } from './survey.ts';

export { ZERO_FILL } from '../device/device.ts';
export type { Fill } from '../device/device.ts';
export type { Finding, FsckOptions, FsckReport } from '../base/finding.ts';

/**
 * What every format offers, and all that vfs and session know of one. Several implementations, no shared parent.
 *
 * A format is handed a device that begins at its first block (a whole disk or a partition), never looks beyond it,
 * and has no state of its own outside the volumes it mounts.
 */
export interface Format {
  /** The word after `newfs -t`: 'fat32'. HFSX has a name of its own, though it shares its code with HFS+. */
  readonly name: FormatName;
  /** How macOS calls it: 'MS-DOS (FAT32)'. */
  readonly title: string;
  /** How exact it is: its README in rows. */
  readonly labels: readonly Label[];
  /** Does this device carry the format's signature? Looks at a few blocks, never throws on damage. */
  detect(device: Device): boolean;
  /** Make an empty volume. FsError EINVAL with a sentence in `detail` for what cannot be made. */
  newfs(device: Device, options: NewfsOptions): NewfsReport;
  /** FsError EINVAL (not this format), EIO or EFTYPE with a sentence in `detail` when the volume cannot be used. */
  mount(device: Device, options: MountOptions): Volume;
  /**
   * A format whose device holds several volumes that share its space (APFS). `mount` is then the first volume of a
   * container that lives as long as this mount. Errors as `mount`.
   */
  openContainer?(device: Device, options: MountOptions): Container;
  /** Never throws on a damaged disk, never hangs: every walk is bounded. */
  fsck(device: Device, options: FsckOptions): FsckReport;
  /** Look at the device as it is. Never throws. */
  survey(device: Device): Survey;
  /**
   * What to write so that the checksums over one block are right again after somebody edited it. `before` is the device
   * before the edit, whose structures tell what the block is. Never throws.
   */
  mend(device: Device, block: number, before: Device): Mending;
  /**
   * States of the whole volume or container that lie on the device beside the newest, newest first, at most `countMax`;
   * absent where the format keeps none. Never throws on damage. Cost: the metadata of each.
   */
  checkpoints?(device: Device, countMax: number): CheckpointState[];
}

export type FormatName = 'fat32' | 'exfat' | 'hfsplus' | 'hfsx' | 'apfs';

// ── making ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface NewfsOptions {
  /** Volume label as the user typed it; the format checks it. Empty: none. */
  readonly label: string;
  /** Format-specific settings, `-o key=value`: { 'cluster-size': '4k', type: 'fat16' }. Unknown keys are EINVAL. */
  readonly settings: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** For serial numbers and UUIDs. */
  readonly random: Prng;
  /** First block of the volume on the whole disk ("hidden sectors"); 0 without a partition map. */
  readonly partitionFirstBlock: number;
}

export interface NewfsReport {
  /** What macOS's own tool would print, line by line. */
  readonly lines: readonly string[];
  /** Advice that is not an error: 'Windows and Disk Utility …'. */
  readonly warnings: readonly string[];
}

// ── mounting ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `each`: every operation is on the device when it returns. `writeback`: dirty state gathers until sync or pressure. */
export type CommitPolicy = 'each' | 'writeback';

export interface MountOptions {
  readonly isReadOnly: boolean;
  readonly policy: CommitPolicy;
  readonly clock: Clock;
  readonly trace: Trace;
  /** Who owns the files of a format without owners. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Minutes east of UTC, for formats that keep local time. */
  readonly timeZoneMinutes: number;
  /**
   * The device was restored to a moment of a session in which this host had it mounted, all of it committed: what says
   * "in use" or "dirty" is our own mark, counters are true, and unmounting may say clean.
   */
  readonly isContinued?: boolean;
  /** Formats that copy on write: overwrite data in place that nobody shares. Absent: always new blocks. */
  readonly overwritesInPlace?: boolean;
  /** Open the container as this older checkpoint has it, read-only: its transaction number. EINVAL when not intact. */
  readonly checkpointXid?: number;
  /** Tell the device which blocks became free. Absent: yes. */
  readonly trims?: boolean;
}

export type FileType =
  'file' | 'directory' | 'symlink' | 'character device' | 'block device' | 'fifo' | 'socket';

/**
 * A file in use, like a vnode: one object per file for as long as anybody holds it, whatever its name becomes.
 * Only the volume that made it looks inside.
 */
export interface VolumeNode {
  readonly inode: number;
  readonly type: FileType;
}

export interface Attributes {
  readonly inode: number;
  readonly type: FileType;
  /** Permission bits including set-id and sticky, without the type: 0 … 0o7777. */
  readonly mode: number;
  readonly linkCount: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly allocatedBytes: number;
  /** BSD flags (UF_HIDDEN …), see vfs/constants.ts. */
  readonly flags: number;
  readonly accessTime: Timespec;
  readonly modifyTime: Timespec;
  readonly changeTime: Timespec;
  readonly birthTime: Timespec;
}

/** What setattr changes; absent members stay. A format that cannot store one ignores it or answers as macOS does. */
export interface AttributeChange {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly flags?: number;
  readonly accessTime?: Timespec;
  readonly modifyTime?: Timespec;
  readonly birthTime?: Timespec;
}

/** What a file shares with others, for formats with clones (getattrlist(2): CLONEID, CLONE_REFCNT, PRIVATESIZE). */
export interface Sharing {
  /** Equal for files whose contents are one and the same stream on disk. */
  readonly cloneId: number;
  /** How many files hold this stream, this one included; 1: it shares nothing as a whole. */
  readonly cloneReferenceCount: number;
  /** Bytes that would be free at once if this file were deleted now. */
  readonly privateBytes: number;
  readonly mayShareBlocks: boolean;
}

export interface ListedEntry {
  readonly name: string;
  readonly inode: number;
  readonly type: FileType;
}

export interface Listing {
  /** Without '.' and '..', in the order of the disk. */
  readonly entries: readonly ListedEntry[];
  /** Hand this back as `after` to go on; null at the end. Survives removal of entries already listed. */
  readonly next: number | null;
}

/** Where a piece of a file lies. `deviceOffsetBytes` counts from the start of the format's device. */
export interface Extent {
  readonly fileOffsetBytes: number;
  readonly deviceOffsetBytes: number;
  readonly lengthBytes: number;
}

export interface VolumeStatistics {
  readonly blockSizeBytes: number;
  readonly totalBlocks: number;
  readonly freeBlocks: number;
  readonly availableBlocks: number;
  /** ATTR_VOL_SPACEUSED: what this volume uses of a pool it shares with others. Absent: all that is not free. */
  readonly usedBlocks?: number;
  readonly totalFiles: number;
  readonly freeFiles: number;
}

export interface VolumeLimits {
  readonly fileSizeBytesMax: number;
  readonly nameUnitsMax: number;
}

/** Abilities a shell or a page wants to know beforehand; calling what is not there gives ENOTSUP anyway. */
export interface VolumeCapabilities {
  readonly isCaseSensitive: boolean;
  readonly hasPermissions: boolean;
  readonly hasHardLinks: boolean;
  readonly hasSymlinks: boolean;
  readonly hasSparseFiles: boolean;
  /** By the format itself, through the four calls below; false: vfs keeps them in AppleDouble files. */
  readonly hasExtendedAttributes: boolean;
  /** renamex_np(RENAME_EXCL); a volume without it answers ENOTSUP. */
  readonly hasExclusiveRename?: boolean;
  /** renamex_np(RENAME_SWAP), through `swap`. */
  readonly hasSwapRename?: boolean;
  readonly hasClones?: boolean;
  readonly hasSnapshots?: boolean;
}

/**
 * A mounted volume: the operations a kernel's vnode layer asks a file system for. Paths, descriptors, permissions and
 * current directories are vfs's business; a volume sees nodes and single names.
 *
 * Failures are FsError with Darwin's errno (syscall '' and path '': vfs fills them in). Optional members are what not
 * every format can do: where one is absent vfs answers ENOTSUP. After an FsError the volume is as before the call,
 * except where the message says otherwise; after InvariantError nothing is promised.
 */
export interface Volume {
  readonly formatName: FormatName;
  readonly title: string;
  readonly isReadOnly: boolean;
  readonly label: string;
  readonly root: VolumeNode;
  readonly limits: VolumeLimits;
  readonly capabilities: VolumeCapabilities;
  /** Sentences about what was found at mount: 'The volume was not unmounted cleanly …'. */
  readonly warnings: readonly string[];
  /** Does memory hold what is not on the device yet? Always false under `each`. Absent: assume so under `writeback`. */
  readonly isDirty?: boolean;

  statistics(): VolumeStatistics;
  attributes(node: VolumeNode): Attributes;
  setAttributes(node: VolumeNode, change: AttributeChange): void;

  /** The entry `name` of `directory` (never '.' or '..'), compared as the format compares; undefined when absent. */
  lookup(directory: VolumeNode, name: string): VolumeNode | undefined;
  /** The name as stored (case, composition) of the entry that `name` finds. */
  storedName(directory: VolumeNode, name: string): string | undefined;
  parentOf(directory: VolumeNode): VolumeNode;
  list(directory: VolumeNode, after: number | null, countMax: number): Listing;

  /** EEXIST when the name is taken. The new node is held once for the caller (see `release`). */
  create(directory: VolumeNode, name: string, init: NodeInit): VolumeNode;
  makeDirectory(directory: VolumeNode, name: string, init: NodeInit): VolumeNode;
  makeSymlink?(directory: VolumeNode, name: string, target: string, init: NodeInit): VolumeNode;
  readLink?(node: VolumeNode): string;
  link?(node: VolumeNode, directory: VolumeNode, name: string): void;
  /** Remove the name of anything but a directory. Contents go when the last holder releases the node. */
  remove(directory: VolumeNode, name: string): void;
  /** ENOTEMPTY when it has entries. */
  removeDirectory(directory: VolumeNode, name: string): void;
  /**
   * Move and rename; an existing target of the same kind is replaced (a directory only when empty). vfs has already
   * refused what POSIX refuses (into its own child, file over directory …). Changing only the case of a name works.
   */
  rename(fromDirectory: VolumeNode, fromName: string, toDirectory: VolumeNode, toName: string): void;

  /** Fills `into` from `offsetBytes`; returns how many bytes there were. */
  read(node: VolumeNode, offsetBytes: number, into: Uint8Array): number;
  /**
   * All or, on ENOSPC, as much as fits: returns the bytes written, throws ENOSPC only when none fits. EFBIG before
   * anything is written when the end would lie beyond the limit. A gap before `offsetBytes` reads as zeros.
   */
  write(node: VolumeNode, offsetBytes: number, data: Uint8Array): number;
  /** As `write`, with computed content: costs blocks of metadata, not bytes. */
  fill(node: VolumeNode, offsetBytes: number, lengthBytes: number, fill: Fill): number;
  /** Shrink or grow (grown bytes read as zeros). ENOSPC leaves the old size. */
  truncate(node: VolumeNode, sizeBytes: number): void;
  /** Bytes reserved beyond the end of the file; the size stays. */
  preallocate?(node: VolumeNode, lengthBytes: number): number;
  extents(node: VolumeNode): Extent[];

  // Extended attributes, all four or none. `com.apple.FinderInfo` (32 bytes) and `com.apple.ResourceFork` are among
  // them, wherever the format keeps them. vfs has checked permissions, the name's form and length, CREATE and REPLACE.
  /** undefined when there is none. FinderInfo of zeros is none; an empty resource fork is none. */
  getExtendedAttribute?(node: VolumeNode, name: string): Uint8Array | undefined;
  /** Replaces the whole value. E2BIG, ENOSPC. */
  setExtendedAttribute?(node: VolumeNode, name: string, value: Uint8Array): void;
  /** ENOATTR when there is none. */
  removeExtendedAttribute?(node: VolumeNode, name: string): void;
  /** FinderInfo and ResourceFork first, the others in the order of the disk. */
  listExtendedAttributes?(node: VolumeNode): string[];

  /** exchangedata(2): the contents change hands, names and attributes stay. vfs has checked that both are files. */
  exchange?(first: VolumeNode, second: VolumeNode): void;

  /** fpunchhole: the range, whole blocks (EINVAL otherwise), reads as zeros and takes no room; the size stays. */
  punchHole?(node: VolumeNode, offsetBytes: number, lengthBytes: number): void;
  /** Both entries exist and change places, whatever they are. vfs has refused what POSIX refuses. */
  swap?(fromDirectory: VolumeNode, fromName: string, toDirectory: VolumeNode, toName: string): void;
  /** FIFO, socket or device. `device`: major << 24 | minor of a device node. Held once for the caller. */
  makeSpecial?(
    directory: VolumeNode,
    name: string,
    type: Exclude<FileType, 'file' | 'directory' | 'symlink'>,
    device: number,
    init: NodeInit,
  ): VolumeNode;
  /** Major << 24 | minor of a device node. */
  deviceOf?(node: VolumeNode): number;
  /**
   * clonefile(2) of a file, a symlink or a whole directory, all or nothing. vfs has checked paths and permissions and
   * that `name` is free. Mode, flags, extended attributes and times of contents come along; set-id bits of files do not.
   */
  clone?(node: VolumeNode, directory: VolumeNode, name: string, owner: CloneOwner): void;
  sharing?(node: VolumeNode): Sharing;
  /** Absent where the format has none. Not to be changed on a volume that is mounted read-only: EROFS. */
  readonly snapshots?: Snapshots;

  /** One more holder (an open descriptor, a current directory). */
  retain(node: VolumeNode): void;
  /** One holder less. The last one of a file without a name frees its contents. */
  release(node: VolumeNode): void;

  setLabel(label: string): void;
  /** Everything dirty to the device, ending in a barrier. `node`: at least what belongs to this file. */
  sync(node?: VolumeNode): void;
  /** `sync`, say clean, forget everything. No other call may follow. */
  unmount(): void;
}

/** Whom a clone belongs to: the caller, or null for the owner and group of the source. */
export type CloneOwner = { readonly uid: number; readonly gid: number } | null;

// ── snapshots and containers ────────────────────────────────────────────────────────────────────────────────────────

export interface Snapshot {
  readonly name: string;
  /** Transaction that made it: snapshots are listed oldest first by it. */
  readonly xid: number;
  readonly uuid: string;
  readonly createTime: Timespec;
}

/** What one snapshot holds on to. */
export interface SnapshotSpace {
  /** Bytes on disk that the snapshot shows and the volume itself does not need any more. */
  readonly pinnedBytes: number;
  /** Bytes that deleting this snapshot alone would free. */
  readonly privateBytes: number;
}

/** fs_snapshot_*(2) of one volume. Names have been checked by vfs. */
export interface Snapshots {
  list(): readonly Snapshot[];
  /** EEXIST, ENOSPC. */
  create(name: string): void;
  /** ENOENT, EEXIST. Allowed while mounted. */
  rename(name: string, newName: string): void;
  /** ENOENT, EBUSY while mounted. */
  delete(name: string): void;
  /** The volume becomes what it was; later changes and later snapshots are lost. EBUSY while anything is open. ENOENT. */
  revert(name: string): void;
  space(name: string): SnapshotSpace;
}

/** One of the volumes of a container. */
export interface ContainerVolume {
  /** Place in the container's table; stays for the volume's lifetime. `disk2s1` is index 0. */
  readonly index: number;
  readonly label: string;
  readonly uuid: string;
  /** As macOS calls it: 'APFS', 'Case-sensitive APFS'. */
  readonly title: string;
  readonly isCaseSensitive: boolean;
  /** 'System', 'Data', 'Preboot' …; empty: no role. */
  readonly role: string;
  readonly isEncrypted: boolean;
  readonly isSealed: boolean;
  readonly consumedBytes: number;
  /** 0: none. */
  readonly quotaBytes: number;
  /** 0: none. */
  readonly reserveBytes: number;
  readonly snapshots: readonly Snapshot[];
}

export interface NewContainerVolume {
  readonly label: string;
  readonly isCaseSensitive: boolean;
  readonly role?: string;
  readonly quotaBytes?: number;
  readonly reserveBytes?: number;
  readonly random: Prng;
}

export interface ContainerVolumeMount {
  readonly isReadOnly: boolean;
  /** Name of a snapshot to show instead, read-only. ENOENT. */
  readonly snapshot?: string;
}

/** Several volumes in one pool of free blocks. Everything its volumes do is part of its transactions. */
export interface Container {
  readonly title: string;
  readonly uuid: string;
  readonly isReadOnly: boolean;
  readonly isDirty: boolean;
  readonly warnings: readonly string[];
  /** Space of the pool, without quotas and reserves. */
  statistics(): VolumeStatistics;
  /** In the order of their indexes; what cannot be read is left out and named in `warnings`. */
  volumes(): readonly ContainerVolume[];
  /** How many there can be. */
  readonly volumesMax: number;
  /** EBUSY when the live volume, or this snapshot, is mounted already; EACCES for a locked one; ENOENT. */
  mountVolume(index: number, options: ContainerVolumeMount): Volume;
  /** The new index. EINVAL with a sentence, ENOSPC. */
  addVolume(volume: NewContainerVolume): number;
  /** EBUSY while it or one of its snapshots is mounted. */
  deleteVolume(index: number): void;
  /** Mounted or not. */
  renameVolume(index: number, label: string): void;
  setRole(index: number, role: string): void;
  /** Between which sizes `resize` works; the largest is that of the device it lies on. */
  resizeLimits(): ContainerLimits;
  /** Volumes may be mounted and files open. ENOSPC with a sentence beyond the limits. A power cut leaves either size. */
  resize(sizeBytes: number): void;
  /** Everything dirty to the device. */
  sync(): void;
  /** `sync` and say clean. EBUSY while a volume is mounted. No other call may follow. */
  close(): void;
}

export interface ContainerLimits {
  readonly minimumBytes: number;
  /** What keeps it from being smaller, and what to do about that. */
  readonly minimumReason: string;
  readonly currentBytes: number;
  readonly maximumBytes: number;
}

export interface NodeInit {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}
