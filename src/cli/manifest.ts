import { createHash } from 'node:crypto';
import { FsError } from '../engine/base/errno.ts';
import { DEVICE_BYTES_MAX } from '../engine/device/store.ts';
import { isoTime } from '../engine/session/sentences.ts';
import type { Stat, SystemCalls } from '../engine/vfs/calls.ts';
import {
  O_DIRECTORY,
  O_RDONLY,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  XATTR_NOFOLLOW,
} from '../engine/vfs/constants.ts';
import { withImage } from './image-session.ts';
import type { ImageSession } from './image-session.ts';
import type { Subcommand } from './run.ts';
import type { Output } from './report.ts';
import { EXIT, fsErrorText } from './report.ts';
import { choiceOf, IMAGE_OPERAND, READ_ONLY, VOLUME_OPTION, SNAPSHOT_OPTION } from './settings.ts';

/** One JSON line per file: the contract of `manifest`. */
export interface ManifestLine {
  /** From the root of the volume: '/photos/a.jpg'. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'other';
  /** Permission bits in octal: '0755'. */
  readonly mode: string;
  readonly nlink: number;
  /** In bytes; 0 for directories. */
  readonly size: number;
  /** UTC, ISO 8601, with as many decimals as the time has. */
  readonly mtime: string;
  /** Of a file's contents, in hexadecimal; else null. Null as well of what no disk could hold: mostly holes. */
  readonly sha256: string | null;
  /** Where a symbolic link points to; else null. */
  readonly target: string | null;
  /** Values in base64 by name. */
  readonly xattrs: Readonly<Record<string, string>>;
}

export const manifestCommand: Subcommand = {
  synopsis: {
    name: 'manifest',
    summary: 'List every file of an image as JSON lines, with checksums',
    operands: [IMAGE_OPERAND],
    options: [VOLUME_OPTION, SNAPSHOT_OPTION],
    notes: [
      'Members: path type mode nlink size mtime sha256 target xattrs. Sorted by path, byte by byte, without the root.',
      'Exit code 1 when a file could not be read; a sentence about each goes to standard error.',
    ],
  },
  run(args, output) {
    return withImage(args.required('IMAGE'), { ...READ_ONLY, ...choiceOf(args) }, (opened) =>
      printManifest(opened, output),
    );
  },
};

async function printManifest(opened: ImageSession, output: Output): Promise<number> {
  let exitCode: number = EXIT.ok;
  const complain = (path: string, error: unknown) => {
    if (!(error instanceof FsError)) throw error;
    output.complain(
      `diskoscope manifest: ${fsErrorText(error.path === '' ? renamed(error, path) : error)}\n`,
    );
    exitCode = EXIT.failed;
  };
  for (const path of pathsOf(opened, complain)) {
    try {
      output.print(`${JSON.stringify(manifestLine(opened, path))}\n`);
    } catch (error) {
      complain(path, error);
    }
    await output.drained();
  }
  return exitCode;
}

const renamed = ({ code, syscall, detail }: FsError, path: string): FsError =>
  new FsError(code, syscall, path, detail);

/** Every path below the root, sorted by its bytes. A directory that contains itself (damage) is entered once. */
function pathsOf(opened: ImageSession, complain: (path: string, error: unknown) => void): string[] {
  const { system } = opened;
  const { mountPoint } = opened.session;
  const paths: { path: string; key: Buffer }[] = [];
  const seen = new Set<number>([system.lstat(mountPoint).inode]);
  const open: string[] = [''];
  for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
    try {
      const fd = system.open(mountPoint + (directory === '' ? '/' : directory), O_RDONLY | O_DIRECTORY);
      try {
        for (let page = next(opened, fd); page.length > 0; page = next(opened, fd)) {
          for (const { name, type, inode } of page) {
            const path = `${directory}/${name}`;
            paths.push({ path, key: Buffer.from(path) });
            if (type !== 'directory') continue;
            if (seen.has(inode)) complain(path, new FsError('ELOOP', 'open', path, 'seen before: a loop'));
            else open.push(path);
            seen.add(inode);
          }
        }
      } finally {
        system.close(fd);
      }
    } catch (error) {
      complain(directory, error);
    }
  }
  return paths.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ path }) => path);
}

const next = ({ system }: ImageSession, fd: number) => system.getdirentries(fd, 1024);

function manifestLine({ system, session }: ImageSession, path: string): ManifestLine {
  const full = session.mountPoint + path;
  const stat = system.lstat(full);
  const type = typeOf(stat);
  return {
    path,
    type,
    mode: (stat.mode & 0o7777).toString(8).padStart(4, '0'),
    nlink: stat.linkCount,
    size: type === 'directory' ? 0 : stat.sizeBytes,
    mtime: isoTime(stat.modifyTime),
    sha256: type === 'file' && stat.sizeBytes <= DEVICE_BYTES_MAX ? checksum(system, full) : null,
    target: type === 'symlink' ? system.readlink(full) : null,
    xattrs: attributesOf(system, full),
  };
}

function typeOf({ mode }: Stat): ManifestLine['type'] {
  const format = mode & S_IFMT;
  if (format === S_IFREG) return 'file';
  if (format === S_IFDIR) return 'directory';
  return format === S_IFLNK ? 'symlink' : 'other';
}

const buffer = new Uint8Array(2 ** 20);

function checksum(system: SystemCalls, path: string): string {
  const hash = createHash('sha256');
  const fd = system.open(path, O_RDONLY);
  try {
    for (let count = system.read(fd, buffer); count > 0; count = system.read(fd, buffer)) {
      hash.update(buffer.subarray(0, count));
    }
  } finally {
    system.close(fd);
  }
  return hash.digest('hex');
}

function attributesOf(system: SystemCalls, path: string): Record<string, string> {
  const names = system.listxattr(path, XATTR_NOFOLLOW).toSorted();
  return Object.fromEntries(
    names.map((name) => [name, Buffer.from(system.getxattr(path, name, XATTR_NOFOLLOW)).toString('base64')]),
  );
}
