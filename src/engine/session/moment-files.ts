import { FsError } from '../base/errno.ts';
import { partsWithin } from '../device/difference.ts';
import type { Extent, ListedEntry } from '../formats/contract.ts';
import { UF_COMPRESSED, XATTR_NOFOLLOW, XATTR_SHOWCOMPRESSION } from '../vfs/constants.ts';
import type { Stat } from '../vfs/calls.ts';
import type { Process } from '../vfs/process.ts';
import type { Computer } from './computer.ts';
import { contentsBetween } from './moment-contents.ts';
import type { Budget, Contents, Stretch } from './moment-contents.ts';
import type { FileDifference } from './moment-view.ts';
import { counted } from './sentences.ts';
import type { FileView } from './view.ts';
import { attributeRows, entriesOf, extendedRows, extentsOf, FileViews, viewOf } from './views-files.ts';

/**
 * The files of two moments side by side, by path, in the order of a walk by name. Files are told apart by everything
 * programs can ask for, by where they lie and by their bytes; of those that agree nothing is read.
 */
export interface FilesBetween {
  readonly rows: readonly FileDifference[];
  readonly problems: readonly string[];
}

/** More directory entries than this are not looked at; the answer says so. */
const ENTRIES_MAX = 200_000;
/** So much is read to compare contents and extended attributes. */
const READ_BYTES_MAX = 64 * 2 ** 20;

interface Side {
  readonly process: Process;
  readonly root: string;
  readonly views: FileViews;
  readonly blockSizeBytes: number;
}

export function filesBetween(before: Computer, after: Computer, changed: Float64Array): FilesBetween {
  const problems: string[] = [];
  return during(before, 'before', problems, (sideBefore) =>
    during(after, 'after', problems, (sideAfter) => {
      const walk = new Walk(sideBefore, sideAfter, changed, problems);
      return { rows: walk.rows(), problems };
    }),
  );
}

/** With a process that may see everything; null where no volume can be mounted. */
function during<T>(computer: Computer, when: string, problems: string[], work: (side: Side | null) => T): T {
  const views = new FileViews(computer);
  const { first } = computer.mounts;
  if (first === undefined) {
    problems.push(
      `The files of the moment ${when} cannot be seen: ${computer.problem ?? 'no volume is mounted'}`,
    );
    return work(null);
  }
  const { blockSizeBytes } = computer.disk.store;
  return views.asRoot((process, root) => work({ process, root, views, blockSizeBytes }));
}

/** One file at one moment. */
interface Found {
  readonly side: Side;
  /** From the root of the volume. */
  readonly path: string;
  readonly stat: Stat;
  readonly extents: readonly Extent[];
  readonly view: FileView;
}

class Walk {
  readonly #rows: FileDifference[] = [];
  readonly #budget: Budget = { bytesLeft: READ_BYTES_MAX };
  #entriesLeft = ENTRIES_MAX;

  constructor(
    readonly before: Side | null,
    readonly after: Side | null,
    readonly changed: Float64Array,
    readonly problems: string[],
  ) {}

  rows(): readonly FileDifference[] {
    const stack = [{ path: '', isBefore: this.before !== null, isAfter: this.after !== null }];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { path, isBefore, isAfter } = next;
      const was = isBefore ? this.#look(this.before, path) : null;
      const is = isAfter ? this.#look(this.after, path) : null;
      this.#compare(was, is);
      const wasNames = this.#names(was);
      const isNames = this.#names(is);
      const names = [...new Set([...wasNames.keys(), ...isNames.keys()])].sort();
      if (this.#entriesLeft < names.length) {
        this.problems.push(
          `Only the first ${counted(ENTRIES_MAX, 'entry').replace('entrys', 'entries')} were compared.`,
        );
        break;
      }
      this.#entriesLeft -= names.length;
      for (const name of names.reverse()) {
        stack.push({ path: `${path}/${name}`, isBefore: wasNames.has(name), isAfter: isNames.has(name) });
      }
    }
    return this.#rows;
  }

  #look(side: Side | null, path: string): Found | null {
    if (side === null) return null;
    const { process, root } = side;
    return this.#attempt(path, null, () => {
      const stat = process.lstat(root + path);
      const extents = extentsOf(process, root + path, stat);
      return { side, path, stat, extents, view: viewOf({ process, root, path, stat, extents }) };
    });
  }

  #names(found: Found | null): ReadonlyMap<string, ListedEntry> {
    if (found?.view.type !== 'directory') return new Map();
    const { side, path } = found;
    const entries = this.#attempt(path, [], () => entriesOf(side.process, side.root + path));
    return new Map(entries.map((entry) => [entry.name, entry]));
  }

  /** A damaged place shows what it can; what it cannot is said. */
  #attempt<T>(path: string, otherwise: T, look: () => T): T {
    try {
      return look();
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      if (this.problems.length < PROBLEMS_MAX) {
        this.problems.push(
          `${path || '/'} cannot be read at one of the moments: ${error.detail || error.message}`,
        );
      }
      return otherwise;
    }
  }

  #compare(was: Found | null, is: Found | null): void {
    if (was === null || is === null || was.view.type !== is.view.type) {
      if (was !== null) this.#rows.push(alone('removed', was));
      if (is !== null) this.#rows.push(alone('added', is));
      return;
    }
    const row = this.#attempt(is.path, null, () => this.#pair(was, is));
    if (row !== null) this.#rows.push(row);
  }

  #pair(was: Found, is: Found): FileDifference | null {
    const hasSameAttributes = sameExtended(was, is, this.#budget);
    const isSame = sameStat(was.stat, is.stat) && sameExtents(was, is) && hasSameAttributes;
    if (isSame && was.view.target === is.view.target && !this.#isTouched(is)) return null;
    const { ranges, isExact } =
      is.view.type === 'file'
        ? contentsBetween(contentsOf(was), contentsOf(is), this.#changedOf(is), this.#budget)
        : { ranges: new Float64Array(), isExact: true };
    const facts = factsBetween(was, is, hasSameAttributes);
    if (facts.length === 0 && ranges.length === 0) return null;
    const { type, path } = is.view;
    return {
      path,
      kind: 'changed',
      type,
      facts,
      contents: ranges,
      isExact,
      before: was.view,
      after: is.view,
    };
  }

  #changedOf(found: Found) {
    return { ranges: this.changed, blockSizeBytes: found.side.blockSizeBytes };
  }

  /** Does a block with contents of the file differ? A directory's blocks are its entries, which are compared themselves. */
  #isTouched(found: Found): boolean {
    if (found.view.type !== 'file') return false;
    const { blockSizeBytes } = found.side;
    return stretchesOf(found).some(({ diskOffsetBytes, lengthBytes }) => {
      const first = Math.floor(diskOffsetBytes / blockSizeBytes);
      const count = Math.ceil((diskOffsetBytes + lengthBytes) / blockSizeBytes) - first;
      return partsWithin(this.changed, first, count).next().done !== true;
    });
  }
}

const PROBLEMS_MAX = 20;
const EXTENDED = XATTR_NOFOLLOW | XATTR_SHOWCOMPRESSION;

function alone(kind: 'added' | 'removed', { view }: Found): FileDifference {
  return {
    ...{ path: view.path, kind, type: view.type, facts: [], contents: new Float64Array(), isExact: true },
    ...(kind === 'added' ? { before: null, after: view } : { before: view, after: null }),
  };
}

function sameStat(was: Stat, is: Stat): boolean {
  const facts = (stat: Stat) => JSON.stringify({ ...stat, device: 0 });
  return facts(was) === facts(is);
}

function sameExtents(was: Found, is: Found): boolean {
  return JSON.stringify(stretchesOf(was)) === JSON.stringify(stretchesOf(is));
}

/** Names and values; where the budget ends they count as the same, for what is longer than that is no attribute. */
function sameExtended(was: Found, is: Found, budget: Budget): boolean {
  const names = (found: Found) => found.side.process.listxattr(found.side.root + found.path, EXTENDED);
  const value = ({ side, path }: Found, name: string) =>
    side.process.getxattr(side.root + path, name, EXTENDED);
  const [wasNames, isNames] = [names(was), names(is)];
  if (wasNames.length !== isNames.length) return false;
  const known = new Set(wasNames);
  return isNames.every((name) => {
    if (!known.has(name)) return false;
    if (budget.bytesLeft <= 0) return true;
    const [a, b] = [value(was, name), value(is, name)];
    budget.bytesLeft -= a.length + b.length;
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  });
}

/** Runs of a file on the whole disk, in the file's order. */
function stretchesOf({ side, path, extents }: Found): Stretch[] {
  if (extents.length === 0) return [];
  const shift = side.views.volumeFirstBlock(side.process, side.root + path) * side.blockSizeBytes;
  return extents
    .map(({ fileOffsetBytes, deviceOffsetBytes, lengthBytes }) => {
      return { fileOffsetBytes, diskOffsetBytes: deviceOffsetBytes + shift, lengthBytes };
    })
    .sort((a, b) => a.fileOffsetBytes - b.fileOffsetBytes);
}

function contentsOf(found: Found): Contents {
  const { side, path, stat } = found;
  return {
    ...{ process: side.process, path: side.root + path, sizeBytes: stat.sizeBytes },
    stretches: stretchesOf(found),
    isElsewhere: (stat.flags & UF_COMPRESSED) !== 0,
  };
}

/** What the Files pane says of the file, where it says another thing. */
function factsBetween(was: Found, is: Found, hasSameAttributes: boolean): FileDifference['facts'] {
  const rowsOf = (found: Found) => {
    const { side, path, stat, view } = found;
    const extended = hasSameAttributes ? [] : extendedRows(side.process, side.root + path);
    return new Map([...attributeRows(stat, view), ['Lies in', placeText(found)] as const, ...extended]);
  };
  const [before, after] = [rowsOf(was), rowsOf(is)];
  const facts = [...new Set([...before.keys(), ...after.keys()])]
    .map((name) => [name, before.get(name) ?? '', after.get(name) ?? ''] as const)
    .filter(([, was, is]) => was !== is);
  // Of a long value only the beginning is said.
  if (facts.length === 0 && !hasSameAttributes)
    facts.push(['Extended attributes', 'some bytes', 'other bytes']);
  return facts;
}

const PIECES_SHOWN = 4;

/** 'blocks 40 to 47, 99' */
function placeText(found: Found): string {
  const { blockSizeBytes } = found.side;
  const stretches = stretchesOf(found);
  if (stretches.length === 0) return 'no blocks of its own';
  const pieces = stretches.slice(0, PIECES_SHOWN).map(({ diskOffsetBytes, lengthBytes }) => {
    const first = Math.floor(diskOffsetBytes / blockSizeBytes);
    const last = Math.ceil((diskOffsetBytes + lengthBytes) / blockSizeBytes) - 1;
    return last > first ? `${first} to ${last}` : String(first);
  });
  const more = stretches.length - pieces.length;
  return `blocks ${pieces.join(', ')}${more > 0 ? ` and ${counted(more, 'more piece')}` : ''}`;
}
