import { FsError, strerror } from '../../base/errno.ts';
import type { Stat, SystemCalls } from '../../vfs/calls.ts';
import * as C from '../../vfs/constants.ts';
import type { Running } from '../command.ts';
import { copyAttributes, copyContents, keepAttributes } from '../file-copy.ts';
import type { WalkEntry } from '../fts.ts';
import { TreeWalk } from '../fts.ts';
import { directoryName, joinPath } from '../paths-text.ts';
import { isDevice, isDirectory, isFifo, isRegular, isSocket, isSymlink } from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { attempt, program } from '../program.ts';
import { failedWith, outcomeOf } from '../system-outcome.ts';

const USAGE = [
  'usage: cp [-R [-H | -L | -P]] [-f | -i | -n] [-aclpSsvXx] source_file target_file',
  '       cp [-R [-H | -L | -P]] [-f | -i | -n] [-aclpSsvXx] source_file ... target_directory',
].join('\n');

export const cp = program({
  name: 'cp',
  summary: 'copy files',
  manual: `cp [-R [-H | -L | -P]] [-f | -i | -n] [-aclpSsvXx] source_file target_file
cp [-R [-H | -L | -P]] [-f | -i | -n] [-aclpSsvXx] source_file ... target_directory

  -R  directories with all that is in them       -a  the same as -RpP
  -p  keep times, owner, mode, flags             -X  leave extended attributes behind
  -c  clone: share the blocks instead of copying them; where the volume cannot (HFS+, exFAT, FAT) copy silently
  -f  where a target cannot be opened, remove it first      -i  ask before overwriting     -n  never overwrite
  -H, -L, -P  follow links among the arguments, everywhere, nowhere
  -l, -s  hard links, symbolic links instead of copies      -v  say what was copied     -x  stay on one volume

Differs from macOS: -S and -N are accepted and change nothing.`,
  usage: USAGE,
  usageExitCode: 64,
  letters: 'HLPRacfilNnprSsvXx',
  *main(call) {
    if (call.operands.length < 2) return yield* call.showUsage();
    const conflict = conflictIn(call);
    if (conflict !== null) return yield* call.fail(conflict);
    const target = call.operands.at(-1) || '.';
    const sources = call.operands.slice(0, -1);
    const stripped = target.replace(/(.)\/+$/, '$1');

    if (yield* call.refusesEmpty(sources)) return 1;
    const found = outcomeOf(() => call.system.stat(stripped));
    if (found instanceof FsError && found.code !== 'ENOENT') {
      yield* call.complain(stripped, found);
      return 1;
    }
    const copying = new Copying(call, stripped);
    if (!(found instanceof FsError) && isDirectory(found.mode)) {
      return yield* copying.run(sources, 'into', found);
    }
    if (sources.length > 1) return yield* call.fail(`${stripped} is not a directory`);
    const isNew = found instanceof FsError;
    const makesDirectory = isNew && copying.isRecursive && copying.isSourceDirectory(sources[0] ?? '');
    if (target !== stripped && !makesDirectory) {
      return yield* call.fail(
        isNew ? `directory ${stripped} does not exist` : `${stripped} is not a directory`,
      );
    }
    return yield* copying.run(sources, makesDirectory ? 'as directory' : 'as file', null);
  },
});

function conflictIn(call: Invocation): string | null {
  const clash = (a: string, b: string) =>
    call.has(a) && call.has(b) ? `the -${a} and -${b} options may not be specified together` : null;
  return clash('c', 'X') ?? clash('R', 'r') ?? clash('l', 's');
}

/** Where a copy goes: beside its siblings in the target, as the target itself, or as a new directory of that name. */
type Aim = 'into' | 'as file' | 'as directory';

class Copying {
  readonly isRecursive: boolean;
  readonly #call: Invocation;
  readonly #system: SystemCalls;
  readonly #target: string;
  readonly #follow: 'never' | 'roots' | 'always';
  /** Directories this copy has made. */
  readonly #made = new Set<string>();
  readonly #overwriting: 'force' | 'ask' | 'never' | 'plain';

  constructor(call: Invocation, target: string) {
    this.#call = call;
    this.#system = call.system;
    this.#target = target;
    this.isRecursive = call.has('R') || call.has('r') || call.has('a');
    const links = call.lastOf('HLPra');
    const isLogical = links === 'L' || links === 'r';
    this.#follow = this.isRecursive
      ? isLogical
        ? 'always'
        : links === 'H'
          ? 'roots'
          : 'never'
      : links === 'P'
        ? 'never'
        : 'always';
    const last = call.lastOf('fin');
    const asks = call.options.findLast(({ letter }) => letter === 'i' || letter === 'n')?.letter === 'i';
    this.#overwriting = last === 'n' ? 'never' : asks ? 'ask' : call.has('f') ? 'force' : 'plain';
  }

  isSourceDirectory(source: string): boolean {
    const look = this.#follow === 'never' ? this.#system.lstat : this.#system.stat;
    const found = outcomeOf(() => look.call(this.#system, source));
    return !(found instanceof FsError) && isDirectory(found.mode);
  }

  /**
   * `root` is the directory copied into. When the walk meets it the copy would feed on itself: the copy of the
   * source inside itself is left out, and no directory made here is ever copied again.
   */
  *run(sources: readonly string[], aim: Aim, root: Stat | null): Running {
    const walk = new TreeWalk(this.#system, sources, {
      follow: this.#follow,
      oneVolume: this.#call.has('x'),
    });
    let selfCopy: string | null = null;
    let base = 0;
    for (let entry = yield* walk.next(); entry; entry = yield* walk.next()) {
      if (entry.depth === 0) base = baseLength(entry.path, aim);
      const to = aim === 'as file' ? this.#target : this.#place(entry.path.slice(base));
      if (entry.event === 'directory end') {
        yield* this.#finish(entry, to);
        continue;
      }
      if (yield* this.#isHopeless(entry)) continue;
      const stat = entry.stat;
      if (!stat) continue;
      if (aim !== 'as file' && entry.event === 'directory') {
        if (this.#made.has(identity(stat))) {
          walk.skip();
          continue;
        }
        if (root && isSame(root, stat)) selfCopy = joinPath(to, entry.name);
      }
      if (to === selfCopy) {
        walk.skip();
        continue;
      }
      const isCopied = yield* this.#one(entry, stat, to, walk);
      if (!isCopied) this.#call.exitCode = 1;
      else if (this.#call.has('v')) yield* this.#call.printLine(`${entry.path} -> ${to}`);
    }
    return this.#call.exitCode;
  }

  #place(tail: string): string {
    return tail === ''
      ? this.#target
      : joinPath(this.#target, tail.replace(/^\/+/, '').replace(/(.)\/+$/, '$1'));
  }

  /** Entries that cannot be copied, and AppleDouble files, which travel with the file they belong to. */
  *#isHopeless(entry: WalkEntry): Running<boolean> {
    if (entry.event === 'cycle') {
      yield* this.#call.warn(`${entry.path}: directory causes a cycle`);
      return true;
    }
    if (entry.error) {
      yield* this.#call.complain(entry.path, entry.error);
      return true;
    }
    if (entry.depth === 0 || !/^\._./.test(entry.name) || this.#call.has('X')) return false;
    const owner = joinPath(directoryName(entry.path), entry.name.slice(2));
    return !(outcomeOf(() => this.#system.lstat(owner)) instanceof FsError);
  }

  *#one(entry: WalkEntry, stat: Stat, to: string, walk: TreeWalk): Running<boolean> {
    const isNew = outcomeOf(() => this.#system.lstat(to)) instanceof FsError;
    const existing = isNew ? null : outcomeOf(() => this.#system.stat(to));
    if (existing && !(existing instanceof FsError) && isSame(existing, stat)) {
      yield* this.#call.warn(`${to} and ${entry.path} are identical (not copied).`);
      walk.skip();
      return false;
    }
    if (isDirectory(stat.mode)) {
      const isMade = yield* this.#directory(entry, stat, to, isNew);
      if (!isMade) walk.skip();
      return isMade;
    }
    const isFollowed = this.#follow === 'always' || (this.#follow === 'roots' && entry.depth === 0);
    if (isSymlink(stat.mode) && !isFollowed) return yield* this.#link(entry, stat, to, isNew);
    if ((isDevice(stat.mode) || isFifo(stat.mode)) && this.isRecursive && !this.#call.has('s')) {
      const made = outcomeOf(() => this.#system.mknod(to, stat.mode, stat.rawDevice));
      if (!(made instanceof FsError)) return true;
      yield* this.#call.complain(`${isFifo(stat.mode) ? 'mkfifo' : 'mknod'}: ${to}`, made);
      return false;
    }
    if (isSocket(stat.mode) && this.isRecursive) {
      yield* this.#call.warn(`${entry.path} is a socket (not copied).`);
      return false;
    }
    return yield* this.#file(entry, stat, to, isNew);
  }

  *#directory(entry: WalkEntry, stat: Stat, to: string, isNew: boolean): Running<boolean> {
    if (!this.isRecursive) {
      yield* this.#call.warn(`${entry.path} is a directory (not copied).`);
      return false;
    }
    if (isNew) {
      const made = outcomeOf(() => this.#system.mkdir(to, (stat.mode & 0o777) | 0o700));
      if (made instanceof FsError) {
        yield* this.#call.complain(to, made);
        return false;
      }
      this.#made.add(identity(this.#system.stat(to)));
    } else if (!isDirectory(this.#system.stat(to).mode)) {
      yield* this.#call.complain(to, 'ENOTDIR');
      return false;
    }
    entry.note = isNew || this.#keepsAll ? 1 : 0;
    if (this.#call.has('X')) return true;
    const copied = outcomeOf(() => copyAttributes(this.#system, entry.path, to, false));
    if (!(copied instanceof FsError)) return true;
    yield* this.#call.complain(`${entry.path}: unable to copy extended attributes to ${to}`, copied);
    return false;
  }

  get #keepsAll(): boolean {
    return this.#call.has('p') || this.#call.has('a');
  }

  /** After what is in it: times and a mode that may forbid writing. */
  *#finish(entry: WalkEntry, to: string): Running<void> {
    if (entry.note === 0 || !entry.stat) return;
    if (this.#keepsAll) {
      yield* keepAttributes(this.#call, to, entry.stat);
      return;
    }
    const mask = this.#system.umask(0);
    this.#system.umask(mask);
    const { mode } = entry.stat;
    const wanted = mode & 0o7777 & ~mask;
    if ((mode & 0o7000) === 0 && ((mode | 0o700) & ~mask & 0o777) === wanted) return;
    yield* attempt(this.#call, `chmod: ${to}`, () => this.#system.chmod(to, wanted));
  }

  *#link(entry: WalkEntry, stat: Stat, to: string, isNew: boolean): Running<boolean> {
    if (!isNew && this.#overwriting === 'never') return yield* this.#leave(to);
    const { path } = entry;
    const target = yield* attempt(this.#call, `readlink: ${path}`, () => this.#system.readlink(path));
    if (target === undefined) return false;
    const removed = isNew ? undefined : outcomeOf(() => this.#system.unlink(to));
    if (removed instanceof FsError) {
      yield* this.#call.complain(`unlink: ${to}`, removed);
      return false;
    }
    const made = outcomeOf(() => this.#system.symlink(target, to));
    if (made instanceof FsError) {
      yield* this.#call.complain(`symlink: ${target}`, made);
      return false;
    }
    return this.#keepsAll ? yield* keepAttributes(this.#call, to, stat) : true;
  }

  *#leave(to: string): Running<boolean> {
    if (this.#call.has('v')) yield* this.#call.printLine(`${to} not overwritten`);
    return false;
  }

  *#file(entry: WalkEntry, stat: Stat, to: string, isNew: boolean): Running<boolean> {
    const { path } = entry;
    const makesLinks = this.#call.has('l') || this.#call.has('s');
    if (makesLinks) return yield* this.#replace(entry, to, isNew);
    const from = outcomeOf(() => this.#system.open(path, C.O_RDONLY));
    if (from instanceof FsError) {
      yield* this.#call.complain(path, from);
      return false;
    }
    try {
      if (!isNew && !(yield* this.#mayOverwrite(to))) return false;
      return yield* this.#contents(entry, stat, from, to, isNew);
    } finally {
      this.#system.close(from);
    }
  }

  *#mayOverwrite(to: string): Running<boolean> {
    if (this.#overwriting === 'never') return yield* this.#leave(to);
    if (this.#overwriting !== 'ask') return true;
    if (yield* this.#call.asks(`overwrite ${to}? (y/n [n]) `)) return true;
    yield* this.#call.say('not overwritten\n');
    return false;
  }

  /** -l and -s: another name instead of a copy. */
  *#replace(entry: WalkEntry, to: string, isNew: boolean): Running<boolean> {
    if (!isNew && !(yield* this.#mayOverwrite(to))) return false;
    if (!isNew && this.#call.has('f')) outcomeOf(() => this.#system.unlink(to));
    const isHard = this.#call.has('l');
    const made = outcomeOf(() =>
      isHard ? this.#system.link(entry.path, to) : this.#system.symlink(entry.path, to),
    );
    if (!(made instanceof FsError)) return true;
    yield* this.#call.complain(to, made);
    return false;
  }

  *#contents(entry: WalkEntry, stat: Stat, from: number, to: string, isNew: boolean): Running<boolean> {
    let makesNew = isNew;
    if (this.#call.has('c')) {
      if (!isNew) outcomeOf(() => this.#system.unlink(to));
      makesNew = true;
      const cloned = outcomeOf(() => this.#system.clonefile(entry.path, to, 0));
      if (!(cloned instanceof FsError)) return true;
      if (!failedWith(cloned, 'ENOTSUP')) {
        yield* this.#call.complain(`${to}: clonefile failed`, cloned);
        return false;
      }
    }
    const fd = this.#openTarget(to, stat, makesNew);
    if (fd instanceof FsError) {
      yield* this.#call.complain(to, fd);
      return false;
    }
    let isWhole = true;
    try {
      yield* copyContents(this.#system, from, fd);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      yield* this.#call.warn(`${to}: fcopyfile failed: ${strerror(error.code)}`);
      isWhole = false;
    } finally {
      this.#system.close(fd);
    }
    return (yield* this.#dress(entry, stat, to)) && isWhole;
  }

  #openTarget(to: string, stat: Stat, isNew: boolean): number | FsError {
    const create = () =>
      this.#system.open(to, C.O_WRONLY | C.O_CREAT | C.O_TRUNC, stat.mode & 0o7777 & ~0o6000);
    if (isNew) return outcomeOf(create);
    const opened = outcomeOf(() => this.#system.open(to, C.O_WRONLY | C.O_TRUNC));
    if (!(opened instanceof FsError) || !this.#call.has('f')) return opened;
    return outcomeOf(() => this.#system.unlink(to)) instanceof FsError ? opened : outcomeOf(create);
  }

  /** Even a copy that came to a bad end keeps what it could get, as cp's does. */
  *#dress(entry: WalkEntry, stat: Stat, to: string): Running<boolean> {
    let isDressed = true;
    if (!this.#call.has('X') && isRegular(stat.mode)) {
      const copied = outcomeOf(() => copyAttributes(this.#system, entry.path, to, false));
      if (copied instanceof FsError) {
        yield* this.#call.complain(`${entry.path}: could not copy extended attributes to ${to}`, copied);
        isDressed = false;
      }
    }
    if (!this.#keepsAll) return isDressed;
    return (yield* keepAttributes(this.#call, to, stat)) && isDressed;
  }
}

const identity = (stat: Stat): string => `${stat.device}:${stat.inode}`;
const isSame = (a: Stat, b: Stat): boolean => a.inode === b.inode && a.device === b.device;

/**
 * How much of a root's path is left off when its tail is put behind the target: `dir/` stands for what is in it, and
 * '..' becomes '.', or it would lead out of the target.
 */
function baseLength(path: string, aim: Aim): number {
  if (aim !== 'into') return path.length;
  const base = path.lastIndexOf('/') + 1;
  return path.slice(base) === '..' ? base + 1 : base;
}
