import { textOf } from '../base/bytes.ts';
import type { Timespec } from '../base/clock.ts';
import { FsError } from '../base/errno.ts';
import type { Extent, ListedEntry, Sharing } from '../formats/contract.ts';
import { baseName, joinPath } from '../shell/paths-text.ts';
import { flagsText, modeText } from '../shell/permissions-text.ts';
import type { Stat } from '../vfs/calls.ts';
import {
  O_DIRECTORY,
  O_RDONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  XATTR_NOFOLLOW,
  XATTR_SHOWCOMPRESSION,
} from '../vfs/constants.ts';
import type { Process } from '../vfs/process.ts';
import type { Computer } from './computer.ts';
import type { MountRecord } from './mounts.ts';
import { counted, isoTime, printedSize } from './sentences.ts';
import type { DirectoryView, FileDetailView, FileView } from './view.ts';

/**
 * Files of a volume, for people to look at. Without a volume named: of the one that is mounted, or of all of them, each
 * under its name in /Volumes. Everything goes through system calls of a process of its own,
 * which may see everything and is gone afterwards; what is shown is what programs see.
 */
export class FileViews {
  readonly #computer: Computer;
  /** What paths count from; undefined while nothing is mounted. */
  readonly #root: string | undefined;
  /** The directory looked at last, so that its pages need not be counted out again and again. */
  #listed: { readonly path: string; readonly entries: readonly ListedEntry[] } | null = null;

  constructor(computer: Computer, mount?: MountRecord) {
    const { all, first } = computer.mounts;
    this.#computer = computer;
    const isInFirst = ({ on }: MountRecord) => on === first?.on || on.startsWith(`${first?.on}/`);
    this.#root = mount?.on ?? (all.every(isInFirst) ? first?.on : VOLUMES);
  }

  /** Entries sorted by name; `path` counts from the root of the volume. */
  directory(path: string, page: { offset: number; countMax: number }): DirectoryView {
    return this.asRoot((process, root) => {
      const clean = cleanPath(path);
      if (this.#listed?.path !== clean) {
        this.#listed = { path: clean, entries: entriesOf(process, root + clean) };
      }
      const { entries } = this.#listed;
      const shown = entries.slice(page.offset, page.offset + page.countMax);
      const files = shown.flatMap(({ name }) => {
        const file = fileView(process, root, joinPath(clean === '' ? '/' : clean, name));
        return file === null ? [] : [file];
      });
      return { path: clean === '' ? '/' : clean, files, total: entries.length };
    });
  }

  file(path: string): FileDetailView {
    return this.asRoot((process, root) => {
      const clean = cleanPath(path);
      const stat = process.lstat(root + clean);
      const extents = extentsOf(process, root + clean, stat);
      const file = viewOf({ process, root, path: clean, stat, extents });
      const mount = this.#mountAt(process, root + clean);
      const sharing = sharingOf(process, root + clean, stat);
      return {
        file,
        extents,
        forkAllocatedBytes: this.#forkBytes(process, root + clean, stat),
        extentFirstBlocks: Float64Array.from(extents, (extent) => this.#diskBlockOf(mount, extent)),
        attributes: [...extendedRows(process, root + clean), ...attributeRows(stat, file)],
        ...(sharing === undefined ? {} : { sharing }),
      };
    });
  }

  /** The volume that a path is on, and the path from there; undefined for what is on none. */
  placeOf(path: string): { readonly mount: MountRecord; readonly path: string } | undefined {
    return this.asRoot((process, root) => {
      const full = root + cleanPath(path);
      const mount = this.#mountAt(process, full);
      return mount === undefined ? undefined : { mount, path: full.slice(mount.on.length) };
    });
  }

  /** The mount that a path is on; none for /Volumes itself. A symlink is where it stands, not where it points. */
  #mountAt(process: Process, path: string): MountRecord | undefined {
    const { all, first } = this.#computer.mounts;
    if (all.length <= 1) return first;
    const parent = process.realpath(path.slice(0, path.lastIndexOf('/')) || '/');
    const full = `${parent}${path.slice(path.lastIndexOf('/'))}`;
    return all
      .filter(({ on }) => full === on || full.startsWith(`${on}/`))
      .sort((a, b) => b.on.length - a.on.length)[0];
  }

  /** Where the volume that holds `path`, a whole path, begins on the disk. */
  volumeFirstBlock(process: Process, path: string): number {
    return this.#mountAt(process, path)?.slice.firstBlock ?? 0;
  }

  /** First block of an extent of the volume, counted on the whole disk. */
  #diskBlockOf(mount: MountRecord | undefined, { deviceOffsetBytes }: Extent): number {
    const { disk } = this.#computer;
    return (mount?.slice.firstBlock ?? 0) + Math.floor(deviceOffsetBytes / disk.store.blockSizeBytes);
  }

  /** Volumes with attributes of their own keep a fork in blocks of the file; of a compressed file it is the contents. */
  #forkBytes(process: Process, path: string, stat: Stat): number {
    const volume = this.#mountAt(process, path)?.volume;
    const isFile = (stat.mode & S_IFMT) === S_IFREG;
    if (!isFile || volume?.capabilities.hasExtendedAttributes !== true) return 0;
    try {
      if (!process.listxattr(path).includes(RESOURCE_FORK)) return 0;
      const { length } = process.getxattr(path, RESOURCE_FORK);
      return Math.ceil(length / stat.blockSizeBytes) * stat.blockSizeBytes;
    } catch (error) {
      if (error instanceof FsError) return 0;
      throw error;
    }
  }

  /** ENXIO while nothing is mounted. `root`: what paths count from. */
  asRoot<T>(look: (process: Process, root: string) => T): T {
    const { kernel, problem, trace } = this.#computer;
    const root = this.#root;
    if (root === undefined) throw new FsError('ENXIO', 'open', '', problem ?? 'no volume is mounted');
    return trace.during(() => {
      const process = kernel.spawn({ cwd: '/', credentials: { uid: 0, gid: 0 } });
      try {
        return look(process, root);
      } finally {
        process.exit();
      }
    });
  }
}

const VOLUMES = '/Volumes';
const RESOURCE_FORK = 'com.apple.ResourceFork';

/** '/a/b' of 'a/b/', '' of '/'. */
const cleanPath = (path: string): string =>
  path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .map((part) => `/${part}`)
    .join('');

/** What a directory holds, sorted by name. */
export function entriesOf(process: Process, path: string): ListedEntry[] {
  const fd = process.open(path === '' ? '/' : path, O_RDONLY | O_DIRECTORY);
  try {
    const entries: ListedEntry[] = [];
    for (;;) {
      const page = process.getdirentries(fd, 1024);
      if (page.length === 0) break;
      entries.push(...page);
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  } finally {
    process.close(fd);
  }
}

/** Null when the entry cannot even be looked at: a damaged directory shows what it can. */
function fileView(process: Process, root: string, path: string): FileView | null {
  try {
    const stat = process.lstat(root + path);
    return viewOf({ process, root, path, stat, extents: extentsOf(process, root + path, stat) });
  } catch (error) {
    if (error instanceof FsError) return null;
    throw error;
  }
}

export function extentsOf(process: Process, path: string, stat: Stat): Extent[] {
  const type = stat.mode & S_IFMT;
  return type === S_IFREG || type === S_IFDIR ? process.extents(path) : [];
}

interface Looked {
  readonly process: Process;
  readonly root: string;
  readonly path: string;
  readonly stat: Stat;
  readonly extents: readonly Extent[];
}

export function viewOf({ process, root, path, stat, extents }: Looked): FileView {
  const type = typeName(stat.mode);
  return {
    path: path === '' ? '/' : path,
    name: path === '' ? '/' : baseName(path),
    type,
    sizeBytes: stat.sizeBytes,
    allocatedBytes: stat.blocks * 512,
    extentCount: extents.length,
    linkCount: stat.linkCount,
    mode: modeText(stat.mode),
    flags: flagsText(stat.flags),
    modified: timeText(stat.modifyTime),
    target: type === 'symlink' ? process.readlink(root + path) : null,
  };
}

function typeName(mode: number): string {
  const format = mode & S_IFMT;
  if (format === S_IFDIR) return 'directory';
  if (format === S_IFLNK) return 'symlink';
  if (format === S_IFIFO) return 'fifo';
  if (format === S_IFSOCK) return 'socket';
  return format === S_IFCHR || format === S_IFBLK ? 'device' : 'file';
}

export function attributeRows(stat: Stat, file: FileView): (readonly [string, string])[] {
  return [
    ['Inode', String(stat.inode)],
    ['Mode', file.mode],
    ['Links', String(stat.linkCount)],
    ['Owner', `${stat.uid}:${stat.gid}`],
    ['Size', counted(stat.sizeBytes, 'byte')],
    ['Size on disk', `${printedSize(file.allocatedBytes)} (${counted(file.allocatedBytes, 'byte')})`],
    ['Flags', file.flags === '' || file.flags === '-' ? 'none' : file.flags],
    ['Created', timeText(stat.birthTime)],
    ['Modified', timeText(stat.modifyTime)],
    ['Changed', timeText(stat.changeTime)],
    ['Accessed', timeText(stat.accessTime)],
    ...(file.target === null ? [] : [['Target', file.target] as const]),
  ];
}

/** At most this many are shown; a file may have thousands. */
const EXTENDED_MAX = 64;
/** So much of a value is shown. */
const SHOWN_BYTES = 48;

/** Extended attributes by name: how long they are and how they begin; also those that compression hides. */
export function extendedRows(process: Process, path: string): (readonly [string, string])[] {
  const options = XATTR_NOFOLLOW | XATTR_SHOWCOMPRESSION;
  try {
    const names = process.listxattr(path, options);
    const rows = names.slice(0, EXTENDED_MAX).map((name) => {
      const value = process.getxattr(path, name, options);
      return [name, `${counted(value.length, 'byte')}: ${valueText(value)}`] as const;
    });
    const more = names.length - rows.length;
    return more === 0 ? rows : [...rows, ['…', `${counted(more, 'more extended attribute')}`] as const];
  } catch (error) {
    if (error instanceof FsError) return [['Extended attributes', `cannot be read: ${error.message}`]];
    throw error;
  }
}

/** Text in quotation marks where it is text, hexadecimal digits otherwise. */
function valueText(value: Uint8Array): string {
  const head = value.subarray(0, SHOWN_BYTES);
  const rest = value.length > head.length ? ' …' : '';
  const isText = head.every((byte) => byte >= 0x20 && byte < 0x7f);
  if (isText) return `"${textOf(head)}"${rest}`;
  return [...head.subarray(0, 32)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ') + rest;
}

/** '2026-01-01 09:00:00.25 UTC' */
const timeText = (time: Timespec): string => isoTime(time).replace('T', ' ').replace('Z', ' UTC');

/** Undefined for what is no plain file, and where nothing is ever shared. */
function sharingOf(process: Process, path: string, { mode }: Stat): Sharing | undefined {
  if ((mode & S_IFMT) !== S_IFREG) return undefined;
  try {
    return process.sharing(path);
  } catch (error) {
    if (error instanceof FsError && error.code === 'ENOTSUP') return undefined;
    throw error;
  }
}
