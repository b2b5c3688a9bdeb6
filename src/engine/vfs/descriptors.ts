import { isFileOffset } from '../base/file-size.ts';
import { FsError } from '../base/errno.ts';
import type { Trace } from '../base/trace.ts';
import type { Fill, ListedEntry } from '../formats/contract.ts';
import { callSpan } from './callspan.ts';
import type { Stat } from './calls.ts';
import { OPEN_MAX } from './constants.ts';
import { physicalRun } from './holes.ts';
import type { PhysicalRun } from './holes.ts';
import { statOf } from './metadata.ts';
import type { Place } from './mount.ts';
import type { OpenFile } from './openfile.ts';

/** What a process has open, and the system calls that take a descriptor. EBADF for one that is not open. */
export class DescriptorTable {
  readonly #trace: Trace;
  readonly #onTaken: (bytes: number) => void;
  readonly #files: (OpenFile | undefined)[] = [];

  /** `onTaken` hears how many bytes of contents a file of a volume took from its program. */
  constructor(trace: Trace, onTaken: (bytes: number) => void) {
    this.#trace = trace;
    this.#onTaken = onTaken;
  }

  /** Gives the lowest free descriptor to the file that `open` returns. EMFILE before `open` is asked. */
  add(path: string, open: () => OpenFile): number {
    const free = this.#files.indexOf(undefined);
    const fd = free === -1 ? this.#files.length : free;
    if (fd >= OPEN_MAX) throw new FsError('EMFILE', '', path, `a process has at most ${OPEN_MAX} open files`);
    this.#files[fd] = open();
    return fd;
  }

  all(): OpenFile[] {
    return this.#files.filter((file) => file !== undefined);
  }

  /** Forget them all; whoever calls has closed them or taken their volumes away. */
  clear(): void {
    this.#files.length = 0;
  }

  close(fd: number): void {
    const sentence = () => `close ${this.#nameOf(fd)}`;
    this.#call('close', this.#pathOf(fd), sentence, () => {
      const file = this.file(fd);
      this.#files[fd] = undefined;
      file.close();
    });
  }

  read(fd: number, into: Uint8Array): number {
    return this.#transfer(
      'read',
      fd,
      () => `read up to ${bytes(into.length)} of ${this.#nameOf(fd)}`,
      (file) => file.read(into),
    );
  }

  pread(fd: number, into: Uint8Array, offsetBytes: number): number {
    const sentence = () => `read up to ${bytes(into.length)} of ${this.#nameOf(fd)} from byte ${offsetBytes}`;
    return this.#transfer('pread', fd, sentence, (file) => file.readAt(into, offsetBytes));
  }

  write(fd: number, data: Uint8Array): number {
    return this.#transfer(
      'write',
      fd,
      () => `write ${bytes(data.length)} to ${this.#nameOf(fd)}`,
      (file) => this.#taken(file, file.write(data)),
    );
  }

  pwrite(fd: number, data: Uint8Array, offsetBytes: number): number {
    const sentence = () => `write ${bytes(data.length)} to ${this.#nameOf(fd)} at byte ${offsetBytes}`;
    return this.#transfer('pwrite', fd, sentence, (file) =>
      this.#taken(file, file.writeAt(data, offsetBytes)),
    );
  }

  fill(fd: number, lengthBytes: number, fill: Fill): number {
    const content = fill.generator === 'zero' ? 'zeros' : 'pseudo-random content';
    const sentence = () => `fill ${bytes(lengthBytes)} of ${this.#nameOf(fd)} with ${content}`;
    return this.#transfer('write', fd, sentence, (file) => this.#taken(file, file.fill(lengthBytes, fill)));
  }

  lseek(fd: number, offsetBytes: number, whence: number): number {
    const sentence = () => `move the offset of ${this.#nameOf(fd)}`;
    const work = () => this.file(fd).seek(offsetBytes, whence);
    return this.#call('lseek', this.#pathOf(fd), sentence, work, (offset) => `byte ${offset}`);
  }

  ftruncate(fd: number, sizeBytes: number): void {
    const path = this.#pathOf(fd);
    this.#call(
      'ftruncate',
      path,
      () => `make ${this.#nameOf(fd)} ${bytes(sizeBytes)} long`,
      () => {
        const { place, isWritable } = this.file(fd);
        if (!isWritable || place.node.type !== 'file')
          throw new FsError('EINVAL', '', path, 'not open for writing');
        truncateTo(place, path, sizeBytes);
      },
    );
  }

  fsync(fd: number): void {
    this.#sync('fsync', fd, 'to the disk');
  }

  fullfsync(fd: number): void {
    this.#sync('fcntl', fd, "to the disk and empty the disk's cache");
  }

  preallocate(fd: number, lengthBytes: number): number {
    const path = this.#pathOf(fd);
    const sentence = () => `reserve ${bytes(lengthBytes)} behind the end of ${this.#nameOf(fd)}`;
    const work = () => {
      const file = this.file(fd);
      if (!file.isWritable || file.node.type !== 'file')
        throw new FsError('EBADF', '', path, 'not open for writing');
      if (!Number.isSafeInteger(lengthBytes) || lengthBytes <= 0) throw new FsError('EINVAL', '', path);
      const { volume } = file.mount;
      const reserved = volume.preallocate?.(file.node, lengthBytes);
      if (reserved === undefined) throw new FsError('ENOTSUP', '', path, 'this volume reserves nothing');
      return reserved;
    };
    return this.#call('fcntl', path, sentence, work, bytes);
  }

  punchHole(fd: number, offsetBytes: number, lengthBytes: number): void {
    const path = this.#pathOf(fd);
    const sentence = () => `free ${bytes(lengthBytes)} inside ${this.#nameOf(fd)}`;
    this.#call('fcntl', path, sentence, () => {
      const file = this.file(fd);
      // EPERM, not EBADF: xnu bsd/kern/kern_descrip.c, F_PUNCHHOLE.
      if (!file.isWritable) throw new FsError('EPERM', '', path, 'not open for writing');
      const isRange = isFileOffset(offsetBytes) && isFileOffset(lengthBytes) && lengthBytes > 0;
      if (!isRange) throw new FsError('EINVAL', '', path, 'no such range');
      const { volume } = file.mount;
      if (volume.punchHole === undefined) throw new FsError('ENOTTY', '', path, 'this volume has no holes');
      if (file.node.type !== 'file') throw new FsError('EINVAL', '', path, 'only files have holes');
      volume.punchHole(file.node, offsetBytes, lengthBytes);
    });
  }

  log2phys(fd: number, offsetBytes: number, lengthBytes: number): PhysicalRun {
    const path = this.#pathOf(fd);
    const sentence = () => `ask where byte ${offsetBytes} of ${this.#nameOf(fd)} lies`;
    const work = () => {
      const { node, place } = this.file(fd);
      if (!isFileOffset(offsetBytes) || !isFileOffset(lengthBytes)) {
        throw new FsError('EINVAL', '', path, 'no such range');
      }
      if (node.type !== 'file') throw new FsError('EINVAL', '', path, 'only files lie on blocks');
      return physicalRun(place, offsetBytes, lengthBytes);
    };
    return this.#call('fcntl', path, sentence, work, ({ deviceOffsetBytes: at }) =>
      at === -1 ? 'a hole' : `byte ${at} of the device`,
    );
  }

  fstat(fd: number): Stat {
    const sentence = () => `ask about ${this.#nameOf(fd)}`;
    return this.#call('fstat', this.#pathOf(fd), sentence, () => statOf(this.file(fd).place));
  }

  getdirentries(fd: number, countMax: number): readonly ListedEntry[] {
    const sentence = () => `read up to ${countMax} entries of ${this.#nameOf(fd)}`;
    const work = () => this.file(fd).list(countMax);
    return this.#call('getdirentries', this.#pathOf(fd), sentence, work, ({ length }) => `${length} entries`);
  }

  #call<T>(
    name: string,
    path: string,
    sentence: () => string,
    work: () => T,
    result?: (value: T) => string,
  ): T {
    return callSpan(this.#trace, { name, path }, sentence, work, result);
  }

  #transfer(name: string, fd: number, sentence: () => string, work: (file: OpenFile) => number): number {
    return this.#call(name, this.#pathOf(fd), sentence, () => work(this.file(fd)), bytes);
  }

  /** Devices and pipes hold no contents: what they take is not counted. */
  #taken(file: OpenFile, count: number): number {
    if (file.node.type === 'file') this.#onTaken(count);
    return count;
  }

  #sync(name: string, fd: number, where: string): void {
    this.#call(
      name,
      this.#pathOf(fd),
      () => `write everything of ${this.#nameOf(fd)} ${where}`,
      () => {
        const { mount, node } = this.file(fd);
        mount.volume.sync(node);
      },
    );
  }

  /** EBADF. */
  file(fd: number): OpenFile {
    const file = this.#files[fd];
    if (file === undefined) throw new FsError('EBADF', '', `descriptor ${fd}`);
    return file;
  }

  #pathOf(fd: number): string {
    return this.#files[fd]?.path ?? `descriptor ${fd}`;
  }

  #nameOf(fd: number): string {
    const path = this.#files[fd]?.path;
    return path === undefined ? `descriptor ${fd}` : quoted(path);
  }
}

export function truncateTo({ mount, node }: Place, path: string, sizeBytes: number): void {
  if (!Number.isInteger(sizeBytes) || sizeBytes < 0) throw new FsError('EINVAL', '', path, 'no such size');
  if (!isFileOffset(sizeBytes)) throw new FsError('EFBIG', '', path, 'no file has more than 2^63 bytes');
  if (node.type === 'file') mount.volume.truncate(node, sizeBytes);
}

export const quoted = (text: string): string => JSON.stringify(text);
export const bytes = (count: number): string => (count === 1 ? '1 byte' : `${count} bytes`);
