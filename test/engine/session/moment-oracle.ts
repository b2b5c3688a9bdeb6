import type { Backing } from '../../../src/engine/device/store.ts';
import { Store } from '../../../src/engine/device/store.ts';
import { Session } from '../../../src/engine/session/session.ts';
import { DEFAULT_SETTINGS } from '../../../src/engine/session/settings.ts';
import {
  O_DIRECTORY,
  O_RDONLY,
  XATTR_NOFOLLOW,
  XATTR_SHOWCOMPRESSION,
} from '../../../src/engine/vfs/constants.ts';
import type { Moment } from '../../../src/engine/session/view.ts';

/** The whole disk at a moment, byte by byte, and what a machine that knows nothing else finds on it. */
export interface Whole {
  readonly disk: Uint8Array;
  /** By path: everything programs can ask, as text, and the contents of files. */
  readonly files: ReadonlyMap<string, { readonly facts: string; readonly contents: Uint8Array | null }>;
}

const OPTIONS = XATTR_NOFOLLOW | XATTR_SHOWCOMPRESSION;
const FILE = 0o100000;
const DIRECTORY = 0o040000;
const TYPE = 0o170000;

export function wholeAt(session: Session, moment: Moment): Whole {
  session.seek(moment);
  const { shownStore: shown } = session;
  const disk = new Uint8Array(shown.blockCount * shown.blockSizeBytes);
  shown.read(0, disk);
  const backing: Backing = {
    sizeBytes: disk.length,
    read: (offset, into) => into.set(disk.subarray(offset, offset + into.length)),
  };
  const store = new Store(shown, backing, true);
  const other = Session.open(
    store,
    'copy',
    { ...DEFAULT_SETTINGS, isReadOnly: true, isRecording: false },
    () => {},
  );
  const files = new Map<string, { facts: string; contents: Uint8Array | null }>();
  if (other.volume !== null) walk(other.system.fork({ uid: 0, gid: 0 }), other.mountPoint, '', files);
  return { disk, files };
}

type Files = Map<string, { facts: string; contents: Uint8Array | null }>;

function walk(process: Session['system'], root: string, path: string, files: Files): void {
  const full = root + path;
  const stat = process.lstat(full);
  const type = stat.mode & TYPE;
  const names = process.listxattr(full, OPTIONS);
  const values = names
    .map((name) => Buffer.from(process.getxattr(full, name, OPTIONS)).toString('hex'))
    .join();
  const extents = type === FILE || type === DIRECTORY ? process.extents(full) : process.readlink(full);
  files.set(path, {
    facts: JSON.stringify([{ ...stat, device: 0 }, names, values, extents]),
    contents: type === FILE ? contentsOf(process, full, stat.sizeBytes) : null,
  });
  if (type !== DIRECTORY) return;
  const fd = process.open(full, O_RDONLY | O_DIRECTORY);
  for (;;) {
    const page = process.getdirentries(fd, 100);
    if (page.length === 0) break;
    for (const { name } of page) walk(process, root, `${path}/${name}`, files);
  }
  process.close(fd);
}

function contentsOf(process: Session['system'], path: string, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  const fd = process.open(path, O_RDONLY);
  process.pread(fd, bytes, 0);
  process.close(fd);
  return bytes;
}

/** Blocks that differ, one by one. */
export function differingBlocks(a: Uint8Array, b: Uint8Array, blockSizeBytes: number): number[] {
  const blocks: number[] = [];
  for (let at = 0; at < a.length; at += blockSizeBytes) {
    const end = at + blockSizeBytes;
    if (Buffer.compare(a.subarray(at, end), b.subarray(at, end)) !== 0) blocks.push(at / blockSizeBytes);
  }
  return blocks;
}
