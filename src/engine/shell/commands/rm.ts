import { FsError } from '../../base/errno.ts';
import type { Stat } from '../../vfs/calls.ts';
import * as C from '../../vfs/constants.ts';
import { ZERO_FILL } from '../../formats/contract.ts';
import type { Running } from '../command.ts';
import { CHUNK_BYTES, writeAll } from '../file-copy.ts';
import { TreeWalk } from '../fts.ts';
import { baseName } from '../paths-text.ts';
import {
  flagsText,
  groupName,
  isDirectory,
  isRegular,
  isSymlink,
  modeText,
  userName,
} from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';

const USAGE = 'usage: rm [-f | -i] [-dIPRrvWx] file ...\n       unlink [--] file';

const USER_LOCKS = C.UF_APPEND | C.UF_IMMUTABLE;
const SYSTEM_LOCKS = C.SF_APPEND | C.SF_IMMUTABLE;

export const rm = program({
  name: 'rm',
  summary: 'remove files',
  manual: `rm [-f | -i] [-dIPRrvWx] file ...

  -r, -R  directories with all that is in them    -d  empty directories too
  -f  no questions, no words about what is missing
  -i  ask about each     -I  ask once before much is removed     -v  say what was removed
  -P  overwrite seven times before removing       -x  stay on one volume

'/', '.' and '..' are refused. Differs from macOS: -W (undelete) finds nothing to bring back.`,
  usage: USAGE,
  usageExitCode: 64,
  letters: 'dfiIPRrvWx',
  *main(call) {
    if (call.operands.length === 0) return call.has('f') ? 0 : yield* call.showUsage();
    const paths = yield* permitted(call);
    if (paths.length === 0) return call.exitCode;
    if (call.has('W')) {
      for (const path of paths) yield* call.complain(path, 'ENOTSUP');
      return call.exitCode;
    }
    const removal = new Removal(call);
    if (removal.isRecursive && paths.includes(''))
      return call.has('f') ? call.exitCode : yield* call.fail('fts_open: No such file or directory');
    if (call.has('I') && !(yield* removal.mayBegin(paths))) return 1;
    yield* removal.isRecursive ? removal.trees(paths) : removal.files(paths);
    return call.exitCode;
  },
});

export const unlink = program({
  name: 'unlink',
  summary: 'remove one file',
  manual: 'unlink [--] file\n\nRemoves one name that is no directory.',
  usage: USAGE,
  usageExitCode: 64,
  letters: '',
  *main(call) {
    if (call.operands.length !== 1) return yield* call.showUsage();
    yield* new Removal(call).files(call.operands);
    return call.exitCode;
  },
});

/** All but '/', '.' and '..', each kind of which is refused with one sentence. */
function* permitted(call: Invocation): Running<string[]> {
  const isDot = (path: string) => path !== '' && ['.', '..'].includes(baseName(path));
  const isRoot = (path: string) => /^\/+$/.test(path);
  if (call.operands.some(isDot)) yield* call.warn('"." and ".." may not be removed');
  if (call.operands.some(isRoot)) yield* call.warn('"/" may not be removed');
  return call.operands.filter((path) => !isDot(path) && !isRoot(path));
}

class Removal {
  readonly isRecursive: boolean;
  readonly #call: Invocation;
  readonly #isForced: boolean;
  readonly #isAsking: boolean;

  constructor(call: Invocation) {
    this.#call = call;
    const way = call.lastOf('fi');
    this.#isForced = way === 'f';
    this.#isAsking = way === 'i';
    this.isRecursive = call.has('r') || call.has('R');
  }

  /** -I: one question before a directory or more than three files go. */
  *mayBegin(paths: readonly string[]): Running<boolean> {
    let files = 0;
    const directories: string[] = [];
    for (const path of paths) {
      const stat = outcomeOf(() => this.#call.system.lstat(path));
      if (stat instanceof FsError) continue;
      if (isDirectory(stat.mode)) directories.push(path);
      else files++;
    }
    let question: string;
    if (directories.length > 0 && this.isRecursive) {
      const what = directories.length === 1 ? (directories[0] ?? '') : `${directories.length} dirs`;
      const more = files === 0 ? '' : files === 1 ? ' and 1 file' : ` and ${files} files`;
      question = `recursively remove ${what}${more}`;
    } else if (directories.length + files > 3) question = `remove ${directories.length + files} files`;
    else return true;
    return yield* this.#call.asks(`${question}? `);
  }

  *files(paths: readonly string[]): Running<void> {
    for (const path of paths) {
      const stat = outcomeOf(() => this.#call.system.lstat(path));
      if (stat instanceof FsError) {
        yield* this.#complain(path, stat);
        continue;
      }
      if (isDirectory(stat.mode) && !this.#call.has('d')) {
        yield* this.#call.warn(`${path}: is a directory`);
        continue;
      }
      yield* this.#one(path, stat);
    }
  }

  *trees(paths: readonly string[]): Running<void> {
    const walk = new TreeWalk(this.#call.system, paths, { follow: 'never', oneVolume: this.#call.has('x') });
    for (let entry = yield* walk.next(); entry; entry = yield* walk.next()) {
      const { event, path, stat, error } = entry;
      if (event === 'directory') {
        if (this.#isAsking && !(yield* this.#call.asks(`examine files in directory ${path}? `))) walk.skip();
        else if (stat) this.#unlock(path, stat);
      } else if (event === 'missing' || event === 'unreadable') {
        if (error) yield* this.#complain(path, error);
      } else if (event === 'cycle') {
        yield* this.#call.warn(`${path}: directory causes a cycle`);
      } else if (stat) yield* this.#one(path, stat);
    }
  }

  *#complain(path: string, error: FsError): Running<void> {
    if (this.#isForced && error.code === 'ENOENT') return;
    yield* this.#call.complain(path, error);
  }

  *#one(path: string, stat: Stat): Running<void> {
    if (!this.#isForced && !(yield* this.#isAllowed(path, stat))) return;
    try {
      this.#unlock(path, stat);
      if (isDirectory(stat.mode)) this.#call.system.rmdir(path);
      else {
        if (this.#call.has('P') && isRegular(stat.mode)) yield* this.#overwrite(path, stat.sizeBytes);
        this.#call.system.unlink(path);
      }
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      yield* this.#complain(path, error);
      return;
    }
    if (this.#call.has('v')) yield* this.#call.printLine(path);
  }

  /** Root's rm takes user locks off by itself. */
  #unlock(path: string, { mode, flags }: Stat): void {
    const isLocked = (flags & USER_LOCKS) !== 0 && (flags & SYSTEM_LOCKS) === 0;
    if (!isLocked || isSymlink(mode) || this.#call.system.getuid() !== 0) return;
    this.#call.system.chflags(path, flags & ~USER_LOCKS);
  }

  *#isAllowed(path: string, stat: Stat): Running<boolean> {
    if (this.#isAsking) return yield* this.#call.asks(`remove ${path}? `);
    const { system, context } = this.#call;
    if (!context.stdin.isTerminal || isSymlink(stat.mode)) return true;
    const isRoot = system.getuid() === 0;
    const isLocked = (stat.flags & SYSTEM_LOCKS) !== 0 || ((stat.flags & USER_LOCKS) !== 0 && !isRoot);
    if (!isLocked && !(outcomeOf(() => system.access(path, C.W_OK)) instanceof FsError)) return true;
    const flags = flagsText(stat.flags);
    const who = `${userName(stat.uid)}/${groupName(stat.gid)}`;
    const what = `${modeText(stat.mode).slice(1)} ${who} ${flags === '' ? '' : `${flags} `}for ${path}`;
    return yield* this.#call.asks(`override ${what}? `);
  }

  /** removefile(3), REMOVEFILE_SECURE_7_PASS: each pass is on the disk before the next begins. */
  *#overwrite(path: string, sizeBytes: number): Running<void> {
    const { system } = this.#call;
    const fd = system.open(path, C.O_WRONLY);
    try {
      for (const [pass, pattern] of [0xf6, 0x00, 0xff, null, 0x00, 0xff, null].entries()) {
        system.lseek(fd, 0, C.SEEK_SET);
        if (pattern === 0) system.fill(fd, sizeBytes, ZERO_FILL);
        else if (pattern === null)
          system.fill(fd, sizeBytes, { generator: 'random', seed: pass, offsetBytes: 0 });
        else {
          const chunk = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes)).fill(pattern);
          for (let at = 0; at < sizeBytes; at += chunk.length) {
            writeAll(system, fd, chunk.subarray(0, Math.min(chunk.length, sizeBytes - at)));
            yield;
          }
        }
        system.fullfsync(fd);
        yield;
      }
    } finally {
      system.close(fd);
    }
  }
}
