import type { Timespec } from '../base/clock.ts';
import type { Extent, Fill, ListedEntry, Sharing, Snapshot, VolumeStatistics } from '../formats/contract.ts';
import type { PhysicalRun } from './holes.ts';

/**
 * The system calls a program of the simulated machine can make, with macOS semantics: signatures follow the man pages,
 * arguments of structs are objects, results are returned and failures are thrown as FsError with `syscall` and `path`
 * filled in. Numbers for flags are in constants.ts.
 */
export interface SystemCalls {
  // files
  open(path: string, flags: number, mode?: number): number;
  close(fd: number): void;
  read(fd: number, into: Uint8Array): number;
  pread(fd: number, into: Uint8Array, offsetBytes: number): number;
  /** Returns how many bytes were written: fewer than asked when the volume fills up. */
  write(fd: number, data: Uint8Array): number;
  pwrite(fd: number, data: Uint8Array, offsetBytes: number): number;
  /** Not in macOS: write computed content, as `mkfile` and `dd if=/dev/zero` of gigabytes need it. */
  fill(fd: number, lengthBytes: number, fill: Fill): number;
  lseek(fd: number, offsetBytes: number, whence: number): number;
  ftruncate(fd: number, sizeBytes: number): void;
  truncate(path: string, sizeBytes: number): void;
  /** Ask the volume to write everything of this file; `fcntl(F_FULLFSYNC)` is the same plus a barrier. */
  fsync(fd: number): void;
  fullfsync(fd: number): void;
  /** fcntl(F_PREALLOCATE): bytes reserved beyond the end of the file. */
  preallocate(fd: number, lengthBytes: number): number;
  /** fcntl(F_PUNCHHOLE) */
  punchHole(fd: number, offsetBytes: number, lengthBytes: number): void;
  /** fcntl(F_LOG2PHYS_EXT) */
  log2phys(fd: number, offsetBytes: number, lengthBytes: number): PhysicalRun;
  /** All of fcntl(F_LOG2PHYS) at once. */
  extents(path: string): Extent[];

  // names
  link(existing: string, path: string): void;
  symlink(target: string, path: string): void;
  readlink(path: string): string;
  unlink(path: string): void;
  rename(from: string, to: string): void;
  renamex(from: string, to: string, flags: number): void;
  mkdir(path: string, mode?: number): void;
  rmdir(path: string): void;
  /** renameatx_np: relative paths begin at the descriptors; AT_FDCWD for the current directory. */
  renameatx(fromFd: number, from: string, toFd: number, to: string, flags: number): void;
  /** `device`: major << 24 | minor. */
  mknod(path: string, mode: number, device?: number): void;
  mkfifo(path: string, mode?: number): void;
  clonefile(source: string, target: string, flags: number): void;
  clonefileat(sourceFd: number, source: string, targetFd: number, target: string, flags: number): void;
  fclonefileat(sourceFd: number, targetFd: number, target: string, flags: number): void;
  exchangedata(path1: string, path2: string): void;

  // attributes
  stat(path: string): Stat;
  lstat(path: string): Stat;
  fstat(fd: number): Stat;
  access(path: string, mode: number): void;
  chmod(path: string, mode: number): void;
  chown(path: string, uid: number, gid: number): void;
  chflags(path: string, flags: number): void;
  /** Absent members stay as they are. Does not follow a symlink when `noFollow`. */
  utimes(path: string, times: { access?: Timespec; modify?: Timespec }, noFollow?: boolean): void;
  umask(mask: number): number;
  getxattr(path: string, name: string, options?: number): Uint8Array;
  setxattr(path: string, name: string, value: Uint8Array, options?: number): void;
  listxattr(path: string, options?: number): string[];
  removexattr(path: string, name: string, options?: number): void;

  // directories
  /** A page of entries without '.' and '..'; empty at the end. Goes on where the last call stopped. */
  getdirentries(fd: number, countMax: number): readonly ListedEntry[];
  chdir(path: string): void;
  getcwd(): string;
  /** realpath(3): absolute, no links, names as stored. */
  realpath(path: string): string;

  // volumes
  statfs(path: string): MountStatistics;
  getfsstat(): MountStatistics[];
  sync(): void;
  /** Of getattrlist(2) what is about clones. */
  sharing(path: string): Sharing;
  /** fs_snapshot_*(2); `path`, in the place of a descriptor, is the root of the volume. */
  fsSnapshotCreate(path: string, name: string): void;
  fsSnapshotDelete(path: string, name: string): void;
  fsSnapshotRename(path: string, name: string, newName: string): void;
  fsSnapshotList(path: string): readonly Snapshot[];
  fsSnapshotMount(path: string, on: string, name: string): void;
  fsSnapshotRevert(path: string, name: string): void;

  // who
  getuid(): number;
  getgid(): number;
  now(): Timespec;
}

/**
 * A process of the simulated machine. The shell's own, and one for each subshell, pipeline stage and `sudo`, because
 * each has a current directory, a umask and a user of its own.
 */
export interface ProcessCalls extends SystemCalls {
  /** A child with this one's directory, umask and user (or another user), and with no descriptor open. */
  fork(user?: { readonly uid: number; readonly gid: number }): ProcessCalls;
  /** Closes every descriptor and lets the directory go. No call may follow. */
  exit(): void;
}

/** struct stat. Sizes in bytes, `blocks` in units of 512 bytes as POSIX wants. */
export interface Stat {
  readonly device: number;
  readonly inode: number;
  /** Type and permissions, S_IF… | 0o7777. */
  readonly mode: number;
  readonly linkCount: number;
  readonly uid: number;
  readonly gid: number;
  /** st_rdev of a device node: major << 24 | minor; 0 of anything else. */
  readonly rawDevice: number;
  readonly sizeBytes: number;
  readonly blocks: number;
  readonly blockSizeBytes: number;
  readonly flags: number;
  readonly accessTime: Timespec;
  readonly modifyTime: Timespec;
  readonly changeTime: Timespec;
  readonly birthTime: Timespec;
}

/** struct statfs. */
export interface MountStatistics extends VolumeStatistics {
  /** '/dev/disk1s1' */
  readonly from: string;
  /** '/Volumes/UNTITLED' */
  readonly on: string;
  /** 'msdos', 'exfat', 'hfs', 'apfs', 'devfs' as macOS's f_fstypename has it. */
  readonly typeName: string;
  readonly title: string;
  readonly label: string;
  readonly isReadOnly: boolean;
}
