import type { Timespec } from '../base/clock.ts';
import { FsError } from '../base/errno.ts';
import type { Extent, Fill, ListedEntry } from '../formats/contract.ts';
import type { ProcessCalls, Stat } from './calls.ts';
import { O_ACCMODE, O_CREAT, O_RDWR, O_TRUNC, O_WRONLY, S_IFIFO, XATTR_NOFOLLOW } from './constants.ts';
import { bytes, DescriptorTable, quoted, truncateTo } from './descriptors.ts';
import type { PhysicalRun } from './holes.ts';
import type { Kernel } from './kernel.ts';
import { changeFlags, changeMode, changeOwner, changeTimes, requireAccess, statOf } from './metadata.ts';
import { pathOf } from './mount.ts';
import type { Located, Mount } from './mount.ts';
import { walkToCanonical, walkToEntry, walkToExisting } from './namei.ts';
import type { Entry } from './namei.ts';
import { makeDirectory, makeLink, makeSymlink, openPath } from './naming.ts';
import { removeDirectory, removeFile, renamePath } from './naming.ts';
import type { Caller } from './naming.ts';
import type { OpenFile } from './openfile.ts';
import { requireRead, requireSearch, requireWrite } from './permissions.ts';
import type { Credentials } from './permissions.ts';
import { makeSpecialFile } from './special.ts';
import { VolumeCalls } from './volume-calls.ts';
import { WorkingDirectory } from './workingdirectory.ts';
import { listAttributes, readAttribute, removeAttribute, writeAttribute } from './xattr.ts';

/**
 * A program of the simulated machine as the kernel knows it: who it runs as, where it is, what it has open, and the
 * system calls it can make. Made by `Kernel.spawn` and `fork`; `exit` gives back everything it holds.
 *
 * Every call is one span of the trace, and every FsError leaves with the call's name and the path it is about.
 */
export class Process extends VolumeCalls implements ProcessCalls, Caller {
  readonly #descriptors: DescriptorTable;
  #cwd: WorkingDirectory;
  #umask: number;

  constructor(
    readonly kernel: Kernel,
    readonly credentials: Credentials,
    cwd: Located,
    umask: number,
  ) {
    super();
    this.#descriptors = new DescriptorTable(kernel.trace, (bytes) => kernel.countHandedBytes(bytes));
    this.#cwd = new WorkingDirectory(cwd);
    this.#umask = umask & 0o777;
  }

  // ── the process itself ─────────────────────────────────────────────────────────────────────────────────────────

  get root(): Mount {
    return this.kernel.root;
  }

  get cwd(): WorkingDirectory {
    return this.#cwd;
  }

  get creationMask(): number {
    return this.#umask;
  }

  /** A child in the same directory with the same umask, as the same user or as another (`sudo`); no open files. */
  fork(credentials: Credentials = this.credentials): Process {
    return this.kernel.adopt(new Process(this.kernel, credentials, this.#cwd, this.#umask));
  }

  /** Closes everything and leaves the current directory. The object is of no use afterwards. */
  exit(): void {
    for (const file of this.openFiles()) file.close();
    this.#descriptors.clear();
    this.#cwd.release();
    this.kernel.forget(this);
  }

  /** Forget what lies on volumes that are being taken away (Kernel.abandonAll); the process is then at `/`. */
  abandon(): void {
    this.#descriptors.clear();
    this.#cwd = new WorkingDirectory(this.root.root);
  }

  openFiles(): OpenFile[] {
    return this.#descriptors.all();
  }

  // ── files ──────────────────────────────────────────────────────────────────────────────────────────────────────

  open(path: string, flags: number, mode = 0o666): number {
    return this.call(
      'open',
      path,
      () => `open ${quoted(path)} ${purposeOf(flags)}`,
      () => this.#descriptors.add(path, () => openPath(this, path, flags, mode)),
      (fd) => `descriptor ${fd}`,
    );
  }

  close(fd: number): void {
    this.#descriptors.close(fd);
  }

  read(fd: number, into: Uint8Array): number {
    return this.#descriptors.read(fd, into);
  }

  pread(fd: number, into: Uint8Array, offsetBytes: number): number {
    return this.#descriptors.pread(fd, into, offsetBytes);
  }

  write(fd: number, data: Uint8Array): number {
    return this.#descriptors.write(fd, data);
  }

  pwrite(fd: number, data: Uint8Array, offsetBytes: number): number {
    return this.#descriptors.pwrite(fd, data, offsetBytes);
  }

  fill(fd: number, lengthBytes: number, fill: Fill): number {
    return this.#descriptors.fill(fd, lengthBytes, fill);
  }

  lseek(fd: number, offsetBytes: number, whence: number): number {
    return this.#descriptors.lseek(fd, offsetBytes, whence);
  }

  ftruncate(fd: number, sizeBytes: number): void {
    this.#descriptors.ftruncate(fd, sizeBytes);
  }

  truncate(path: string, sizeBytes: number): void {
    this.call(
      'truncate',
      path,
      () => `make ${quoted(path)} ${bytes(sizeBytes)} long`,
      () => {
        if (sizeBytes < 0) throw new FsError('EINVAL', '', path, 'a size below 0');
        const place = walkToExisting(this, path, { follow: true });
        if (place.node.type === 'directory') throw new FsError('EISDIR', '', path);
        requireWrite(place, this.credentials, path, false);
        truncateTo(place, path, sizeBytes);
      },
    );
  }

  fsync(fd: number): void {
    this.#descriptors.fsync(fd);
  }

  fullfsync(fd: number): void {
    this.#descriptors.fullfsync(fd);
  }

  preallocate(fd: number, lengthBytes: number): number {
    return this.#descriptors.preallocate(fd, lengthBytes);
  }

  punchHole(fd: number, offsetBytes: number, lengthBytes: number): void {
    this.#descriptors.punchHole(fd, offsetBytes, lengthBytes);
  }

  log2phys(fd: number, offsetBytes: number, lengthBytes: number): PhysicalRun {
    return this.#descriptors.log2phys(fd, offsetBytes, lengthBytes);
  }

  extents(path: string): Extent[] {
    const sentence = () => `ask where ${quoted(path)} lies`;
    const work = () => {
      const place = walkToExisting(this, path, { follow: true });
      requireRead(place, this.credentials, path);
      return place.mount.volume.extents(place.node);
    };
    return this.call('fcntl', path, sentence, work, ({ length }) =>
      length === 1 ? '1 extent' : `${length} extents`,
    );
  }

  // ── names ──────────────────────────────────────────────────────────────────────────────────────────────────────

  link(existing: string, path: string): void {
    const sentence = () => `give ${quoted(existing)} the second name ${quoted(path)}`;
    this.call('link', path, sentence, () => makeLink(this, existing, path));
  }

  symlink(target: string, path: string): void {
    const sentence = () => `make ${quoted(path)} a symbolic link to ${quoted(target)}`;
    this.call('symlink', path, sentence, () => makeSymlink(this, target, path));
  }

  readlink(path: string): string {
    const work = () => {
      const { mount, node } = walkToExisting(this, path, { follow: false });
      if (node.type !== 'symlink') throw new FsError('EINVAL', '', path, 'it is no symbolic link');
      return mount.volume.readLink?.(node) ?? '';
    };
    return this.call('readlink', path, () => `read the symbolic link ${quoted(path)}`, work, quoted);
  }

  unlink(path: string): void {
    this.call(
      'unlink',
      path,
      () => `remove the name ${quoted(path)}`,
      () => removeFile(this, path),
    );
  }

  rename(from: string, to: string): void {
    this.#rename('rename', from, to, 0);
  }

  renamex(from: string, to: string, flags: number): void {
    this.#rename('renamex_np', from, to, flags);
  }

  mkdir(path: string, mode = 0o777): void {
    this.call(
      'mkdir',
      path,
      () => `make the directory ${quoted(path)}`,
      () => makeDirectory(this, path, mode),
    );
  }

  rmdir(path: string): void {
    this.call(
      'rmdir',
      path,
      () => `remove the directory ${quoted(path)}`,
      () => removeDirectory(this, path),
    );
  }

  /** `device`: major << 24 | minor; a FIFO needs none. */
  mknod(path: string, mode: number, device = 0): void {
    const sentence = () => `make a special file ${quoted(path)} of mode ${mode.toString(8)}`;
    this.call('mknod', path, sentence, () => makeSpecialFile(this, path, mode, device));
  }

  mkfifo(path: string, mode = 0o666): void {
    const sentence = () => `make the FIFO ${quoted(path)}`;
    this.call('mkfifo', path, sentence, () => makeSpecialFile(this, path, S_IFIFO | (mode & 0o7777), 0));
  }

  // ── attributes ─────────────────────────────────────────────────────────────────────────────────────────────────

  stat(path: string): Stat {
    return this.#stat('stat', path, true);
  }

  lstat(path: string): Stat {
    return this.#stat('lstat', path, false);
  }

  fstat(fd: number): Stat {
    return this.#descriptors.fstat(fd);
  }

  access(path: string, mode: number): void {
    this.call(
      'access',
      path,
      () => `ask what is permitted with ${quoted(path)}`,
      () => {
        requireAccess(walkToExisting(this, path, { follow: true }), this.credentials, path, mode);
      },
    );
  }

  chmod(path: string, mode: number): void {
    this.call(
      'chmod',
      path,
      () => `set the mode of ${quoted(path)} to ${mode.toString(8)}`,
      () => changeMode(walkToEntry(this, path, { follow: true }), this.credentials, path, mode),
    );
  }

  chown(path: string, uid: number, gid: number): void {
    this.call(
      'chown',
      path,
      () => `give ${quoted(path)} to user ${uid} and group ${gid}`,
      () => changeOwner(walkToEntry(this, path, { follow: true }), this.credentials, path, { uid, gid }),
    );
  }

  chflags(path: string, flags: number): void {
    this.call(
      'chflags',
      path,
      () => `set the flags of ${quoted(path)} to 0x${flags.toString(16)}`,
      () => changeFlags(walkToEntry(this, path, { follow: true }), this.credentials, path, flags),
    );
  }

  utimes(path: string, times: { access?: Timespec; modify?: Timespec }, noFollow = false): void {
    this.call(
      noFollow ? 'lutimes' : 'utimes',
      path,
      () => `set the times of ${quoted(path)}`,
      () => changeTimes(walkToEntry(this, path, { follow: !noFollow }), this, path, times),
    );
  }

  umask(mask: number): number {
    const before = this.#umask;
    this.#umask = mask & 0o777;
    return before;
  }

  getxattr(path: string, name: string, options = 0): Uint8Array {
    const sentence = () => `read the attribute ${quoted(name)} of ${quoted(path)}`;
    const work = () => readAttribute(this, this.#attributeEntry(path, options), { name, options }, path);
    return this.call('getxattr', path, sentence, work, ({ length }) => bytes(length));
  }

  setxattr(path: string, name: string, value: Uint8Array, options = 0): void {
    const sentence = () => `set the attribute ${quoted(name)} of ${quoted(path)} to ${bytes(value.length)}`;
    this.call('setxattr', path, sentence, () => {
      writeAttribute(this, this.#attributeEntry(path, options), { name, value, options }, path);
      this.kernel.countHandedBytes(value.length);
    });
  }

  listxattr(path: string, options = 0): string[] {
    const sentence = () => `list the attributes of ${quoted(path)}`;
    const work = () => listAttributes(this, this.#attributeEntry(path, options), options, path);
    return this.call('listxattr', path, sentence, work, (names) => names.join(', ') || 'none');
  }

  removexattr(path: string, name: string, options = 0): void {
    const sentence = () => `remove the attribute ${quoted(name)} of ${quoted(path)}`;
    this.call('removexattr', path, sentence, () =>
      removeAttribute(this, this.#attributeEntry(path, options), name, path),
    );
  }

  // ── directories ────────────────────────────────────────────────────────────────────────────────────────────────

  getdirentries(fd: number, countMax: number): readonly ListedEntry[] {
    return this.#descriptors.getdirentries(fd, countMax);
  }

  chdir(path: string): void {
    this.call(
      'chdir',
      path,
      () => `go to ${quoted(path)}`,
      () => {
        const place = walkToCanonical(this, path, { follow: true });
        if (place.node.type !== 'directory') throw new FsError('ENOTDIR', '', path);
        requireSearch(place, this.credentials, path);
        const left = this.#cwd;
        this.#cwd = new WorkingDirectory(place);
        left.release();
      },
    );
  }

  getcwd(): string {
    if (this.#cwd.isRemoved) {
      throw new FsError('ENOENT', 'getcwd', pathOf(this.#cwd.components), 'the directory has been removed');
    }
    return pathOf(this.#cwd.components);
  }

  realpath(path: string): string {
    const work = () => pathOf(walkToCanonical(this, path, { follow: true }).components);
    return this.call('realpath', path, () => `ask for the true name of ${quoted(path)}`, work, quoted);
  }

  // ── who ────────────────────────────────────────────────────────────────────────────────────────────────────────

  getuid(): number {
    return this.credentials.uid;
  }

  getgid(): number {
    return this.credentials.gid;
  }

  now(): Timespec {
    return this.kernel.clock.now();
  }

  // ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

  protected openFile(fd: number): OpenFile {
    return this.#descriptors.file(fd);
  }

  #stat(name: string, path: string, follow: boolean): Stat {
    const work = () => statOf(walkToExisting(this, path, { follow }));
    return this.call(name, path, () => `ask about ${quoted(path)}`, work);
  }

  #rename(name: string, from: string, to: string, flags: number): void {
    const sentence = () => `rename ${quoted(from)} to ${quoted(to)}`;
    this.call(
      name,
      from,
      sentence,
      () => renamePath(this, from, to, flags),
      (remark) => remark ?? 'done',
    );
  }

  #attributeEntry(path: string, options: number): Entry {
    return walkToEntry(this, path, { follow: (options & XATTR_NOFOLLOW) === 0 });
  }
}

function purposeOf(flags: number): string {
  const mode = flags & O_ACCMODE;
  const purpose =
    mode === O_RDWR ? 'for reading and writing' : mode === O_WRONLY ? 'for writing' : 'for reading';
  const creates = (flags & O_CREAT) !== 0;
  const truncates = (flags & O_TRUNC) !== 0;
  if (creates && truncates) return `${purpose}, empty or new`;
  if (creates) return `${purpose}, creating it if needed`;
  return truncates ? `${purpose}, emptying it` : purpose;
}
