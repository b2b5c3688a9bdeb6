import { FsError } from '../base/errno.ts';
import type { Stat, SystemCalls } from '../vfs/calls.ts';
import { O_DIRECTORY, O_RDONLY } from '../vfs/constants.ts';
import type { Running } from './command.ts';
import { baseName, joinPath } from './paths-text.ts';
import { isDirectory, isSymlink } from './permissions-text.ts';

/**
 * Walks over trees in the manner of fts(3): every entry once, directories before and after what is in them, names in
 * the order of the disk. A directory is read whole when it is entered, so entries may be removed during the walk, and
 * no descriptor is held. A directory that is its own ancestor, by a link or by damage, is reported and not entered.
 */

export type WalkEvent =
  | 'file' // anything that is no directory, symlinks included
  | 'directory' // before what is in it
  | 'directory end'
  | 'cycle'
  | 'unreadable' // a directory that cannot be listed; comes instead of 'directory end'
  | 'missing'; // the entry cannot be looked at

export interface WalkEntry {
  readonly event: WalkEvent;
  readonly path: string;
  readonly name: string;
  /** 0 for the roots. */
  readonly depth: number;
  /** Of the symlink's target where links are followed and the target exists. Undefined when 'missing'. */
  readonly stat: Stat | undefined;
  /** Why, for 'unreadable' and 'missing'. */
  readonly error: FsError | undefined;
  /** Whatever the walker wants to find again at 'directory end'. */
  note: number;
}

export interface WalkOptions {
  /** 'never' (-P), 'roots' (-H) or 'always' (-L). */
  readonly follow: 'never' | 'roots' | 'always';
  /** Do not enter other volumes. */
  readonly oneVolume?: boolean;
  /** Names sorted by this; disk order otherwise. */
  readonly compare?: (a: string, b: string) => number;
}

interface Level {
  readonly directory: WalkEntry;
  readonly names: readonly string[];
  at: number;
}

/** Entries per getdirentries call, and per breathing point. */
const PAGE = 1024;

/** The names in a directory without '.' and '..', in the order of the disk. */
export function* namesIn(system: SystemCalls, path: string): Running<string[]> {
  const fd = system.open(path, O_RDONLY | O_DIRECTORY);
  const names: string[] = [];
  try {
    for (;;) {
      const page = system.getdirentries(fd, PAGE);
      if (page.length === 0) return names;
      for (const entry of page) names.push(entry.name);
      yield;
    }
  } finally {
    system.close(fd);
  }
}

export class TreeWalk {
  readonly #system: SystemCalls;
  readonly #options: WalkOptions;
  readonly #roots: readonly string[];
  readonly #levels: Level[] = [];
  #nextRoot = 0;
  #rootDevice = 0;
  /** The directory last handed out, which the next call enters unless `skip` was called. */
  #entering: WalkEntry | null = null;
  /** `#entering` is not to be listed: it lies on another volume, or the walker passes over it. */
  #isHollow = false;
  #steps = 0;

  constructor(system: SystemCalls, roots: readonly string[], options: WalkOptions) {
    this.#system = system;
    this.#roots = roots;
    this.#options = options;
  }

  /** Do not enter the directory just handed out, and do not come back to it. */
  skip(): void {
    this.#entering = null;
  }

  /** Do not enter the directory just handed out; its 'directory end' comes next. */
  passOver(): void {
    this.#isHollow = true;
  }

  *next(): Running<WalkEntry | null> {
    if (++this.#steps % PAGE === 0) yield;
    if (this.#entering) {
      const directory = this.#entering;
      this.#entering = null;
      const problem = yield* this.#enter(directory);
      if (problem) return { ...directory, event: 'unreadable', error: problem };
    }
    const level = this.#levels.at(-1);
    if (level) {
      const name = level.names[level.at++];
      if (name === undefined) {
        this.#levels.pop();
        const { directory } = level;
        return { ...directory, event: 'directory end' };
      }
      return this.#look(joinPath(level.directory.path, name), name, this.#levels.length);
    }
    const root = this.#roots[this.#nextRoot++];
    return root === undefined ? null : this.#look(root, baseName(root), 0);
  }

  *#enter(directory: WalkEntry): Running<FsError | null> {
    if (this.#isHollow) {
      this.#levels.push({ directory, names: [], at: 0 });
      return null;
    }
    try {
      const names = yield* namesIn(this.#system, directory.path);
      if (this.#options.compare) names.sort(this.#options.compare);
      this.#levels.push({ directory, names, at: 0 });
      return null;
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      return error;
    }
  }

  #look(path: string, name: string, depth: number): WalkEntry {
    const { follow } = this.#options;
    const follows = follow === 'always' || (follow === 'roots' && depth === 0);
    let stat: Stat;
    try {
      stat = this.#system.lstat(path);
      if (follows && isSymlink(stat.mode)) stat = this.#target(path) ?? stat;
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      return { event: 'missing', path, name, depth, stat: undefined, error, note: 0 };
    }
    const entry: WalkEntry = { event: 'file', path, name, depth, stat, error: undefined, note: 0 };
    if (!isDirectory(stat.mode)) return entry;
    if (depth === 0) this.#rootDevice = stat.device;
    const isAncestor = this.#levels.some(
      ({ directory }) => directory.stat?.inode === stat.inode && directory.stat.device === stat.device,
    );
    if (isAncestor) return { ...entry, event: 'cycle' };
    const found: WalkEntry = { ...entry, event: 'directory' };
    this.#isHollow = this.#options.oneVolume === true && stat.device !== this.#rootDevice;
    this.#entering = found;
    return found;
  }

  #target(path: string): Stat | undefined {
    try {
      return this.#system.stat(path);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      return undefined;
    }
  }
}
