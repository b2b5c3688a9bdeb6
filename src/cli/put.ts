import * as fs from 'node:fs';
import { FsError } from '../engine/base/errno.ts';
import type { Timespec } from '../engine/base/clock.ts';
import type { SystemCalls } from '../engine/vfs/calls.ts';
import { O_CREAT, O_TRUNC, O_WRONLY, S_IFDIR, S_IFMT } from '../engine/vfs/constants.ts';
import { FIRST_USER } from '../engine/vfs/kernel.ts';
import { baseName } from '../engine/shell/paths-text.ts';
import { withImage } from './image-session.ts';
import type { ImageSession } from './image-session.ts';
import { pathInVolume } from './paths.ts';
import { EXIT, HostError, onHost, printable, Progress } from './report.ts';
import type { Output } from './report.ts';
import type { Subcommand } from './run.ts';
import { choiceOf, IMAGE_OPERAND, READ_WRITE, VOLUME_OPTION } from './settings.ts';

const PIECE_BYTES = 2 ** 20;

export const putCommand: Subcommand = {
  synopsis: {
    name: 'put',
    summary: 'Copy a file of the host into an image',
    operands: [
      IMAGE_OPERAND,
      { name: 'HOSTFILE', help: 'file of the host; - is standard input' },
      { name: 'PATH', help: 'where to in the volume: a new name, or a directory' },
    ],
    options: [VOLUME_OPTION],
    notes: ['The time of modification goes along. The image changes only when all of the file fitted.'],
  },
  run(args, output) {
    const hostPath = args.required('HOSTFILE');
    const source = HostSource.open(hostPath);
    return withImage(args.required('IMAGE'), { ...READ_WRITE, ...choiceOf(args) }, (opened) => {
      const path = targetPath(opened, args.required('PATH'), hostPath);
      refuseWhatCannotFit(opened, path, source.sizeBytes);
      copyIn(opened, source, path, output);
      opened.save();
      return EXIT.ok;
    }).finally(() => source.close());
  },
};

/** A file of the host, read from front to back. */
class HostSource {
  private constructor(
    readonly path: string,
    readonly descriptor: number,
    /** Null: nobody knows before the end (a pipe). */
    readonly sizeBytes: number | null,
    readonly modified: Timespec | null,
  ) {}

  static open(path: string): HostSource {
    if (path === '-') return new HostSource('standard input', 0, null, null);
    return onHost('read', path, EXIT.unreadable, () => {
      const descriptor = fs.openSync(path, 'r');
      const stats = fs.fstatSync(descriptor);
      if (stats.isDirectory()) {
        fs.closeSync(descriptor);
        throw new HostError(`${printable(path)} is a directory; put copies single files.`, EXIT.failed);
      }
      const seconds = Math.floor(stats.mtimeMs / 1000);
      const modified = { seconds, nanoseconds: Math.floor((stats.mtimeMs - seconds * 1000) * 1e6) };
      return new HostSource(path, descriptor, stats.isFile() ? stats.size : null, modified);
    });
  }

  /** Fills the buffer as far as there is something; 0 is the end. */
  read(into: Uint8Array): number {
    let at = 0;
    while (at < into.length) {
      const count = this.#readSome(into, at);
      if (count === 0) break;
      at += count;
    }
    return at;
  }

  #readSome(into: Uint8Array, at: number): number {
    return onHost('read', this.path, EXIT.failed, () => {
      for (;;) {
        try {
          return fs.readSync(this.descriptor, into, at, into.length - at, null);
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'EOF') return 0;
          // A terminal or pipe that has nothing yet; there is nothing else to do meanwhile.
          if (code !== 'EAGAIN') throw error;
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
        }
      }
    });
  }

  close(): void {
    if (this.descriptor !== 0) fs.closeSync(this.descriptor);
  }
}

/** A directory stands for the name of the host's file in it. */
function targetPath({ system, session }: ImageSession, path: string, hostPath: string): string {
  const target = pathInVolume(session.mountPoint, path);
  const stat = statOf(system, target);
  if (stat === undefined || (stat.mode & S_IFMT) !== S_IFDIR) {
    if (path.endsWith('/')) throw new FsError('ENOTDIR', 'put', path);
    return target;
  }
  if (hostPath === '-')
    throw new FsError('EISDIR', 'put', path, 'give the name that the new file shall have');
  return `${target}/${baseName(hostPath)}`;
}

function statOf(system: SystemCalls, path: string) {
  try {
    return system.stat(path);
  } catch (error) {
    if (error instanceof FsError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Says so before the first byte is written, not after the last that fits. */
function refuseWhatCannotFit(
  { session, system }: ImageSession,
  path: string,
  sizeBytes: number | null,
): void {
  const { volume, mountPoint } = session;
  if (sizeBytes === null || volume === null) return;
  const shown = path.slice(mountPoint.length);
  const size = sizeBytes.toLocaleString('en');
  const limitBytes = volume.limits.fileSizeBytesMax;
  if (sizeBytes > limitBytes) {
    const limit = limitBytes.toLocaleString('en');
    const detail = `${size} bytes; a file of ${volume.title} holds at most ${limit}; nothing was written`;
    throw new FsError('EFBIG', 'put', shown, detail);
  }
  const { availableBlocks, blockSizeBytes } = volume.statistics();
  const replacedBytes = (statOf(system, path)?.blocks ?? 0) * 512;
  const freeBytes = availableBlocks * blockSizeBytes + replacedBytes;
  if (sizeBytes > freeBytes) {
    const detail = `${size} bytes, and ${freeBytes.toLocaleString('en')} are free; nothing was written`;
    throw new FsError('ENOSPC', 'put', shown, detail);
  }
}

function copyIn({ system }: ImageSession, source: HostSource, path: string, output: Output): void {
  const progress = new Progress(output, 'put', source.sizeBytes);
  const buffer = new Uint8Array(PIECE_BYTES);
  const isNew = statOf(system, path) === undefined;
  const fd = system.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644);
  if (isNew) system.chown(path, FIRST_USER.uid, FIRST_USER.gid);
  try {
    let done = 0;
    for (let count = source.read(buffer); count > 0; count = source.read(buffer)) {
      for (let at = 0; at < count;) at += system.write(fd, buffer.subarray(at, count));
      done += count;
      progress.show(done);
    }
  } finally {
    progress.end();
    system.close(fd);
  }
  if (source.modified !== null) system.utimes(path, { access: source.modified, modify: source.modified });
}
