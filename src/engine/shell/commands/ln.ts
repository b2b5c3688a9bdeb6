import { FsError } from '../../base/errno.ts';
import type { Running } from '../command.ts';
import { baseName, directoryName, joinPath } from '../paths-text.ts';
import { isDirectory, isSymlink } from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';

const USAGE = [
  'usage: ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file [target_file]',
  '       ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file ... target_dir',
].join('\n');

export const ln = program({
  name: 'ln',
  summary: 'make links',
  manual: `ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file [target_file]
ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file ... target_dir

A hard link is another name for the same file; FAT and exFAT have none. A symbolic link (-s) is a path.

  -f  replace what is in the way   -i  ask first   -F  replace an empty directory too (with -s)
  -h, -n  a target that is a link to a directory is not followed
  -L, -P  link to what a symbolic link points to, to the link itself
  -w  warn when the source of a symbolic link is missing     -v  say what was linked`,
  usage: USAGE,
  usageExitCode: 1,
  letters: 'FLPfhinsvw',
  *main(call) {
    const { operands, system } = call;
    const [source, target] = operands;
    if (source === undefined) return yield* call.showUsage();
    const linking = new Linking(call);
    if (target === undefined) yield* linking.link(source, '.', true);
    else if (operands.length === 2) yield* linking.link(source, target, false);
    else {
      const directory = operands.at(-1) ?? '';
      const own = outcomeOf(() => system.lstat(directory));
      if (linking.keepsLinks && !(own instanceof FsError) && isSymlink(own.mode)) {
        yield* call.complain(directory, 'ENOTDIR');
        return 1;
      }
      const found = outcomeOf(() => system.stat(directory));
      if (found instanceof FsError) {
        yield* call.complain(directory, found);
        return 1;
      }
      if (!isDirectory(found.mode)) return yield* call.showUsage();
      for (const each of operands.slice(0, -1)) yield* linking.link(each, directory, true);
    }
    return call.exitCode;
  },
});

class Linking {
  readonly keepsLinks: boolean;
  readonly #call: Invocation;
  readonly #isSymbolic: boolean;
  readonly #replacesDirectories: boolean;
  readonly #way: 'force' | 'ask' | 'plain';

  constructor(call: Invocation) {
    this.#call = call;
    this.keepsLinks = call.has('h') || call.has('n');
    this.#isSymbolic = call.has('s');
    this.#replacesDirectories = call.has('F') && this.#isSymbolic;
    const last = call.lastOf('fi');
    this.#way = last === 'i' ? 'ask' : last === 'f' || this.#replacesDirectories ? 'force' : 'plain';
  }

  *link(source: string, target: string, isInside: boolean): Running<void> {
    const { system } = this.#call;
    if (!this.#isSymbolic && !(yield* this.#isLinkable(source))) return;
    const path = this.#place(source, target, isInside);
    if (this.#isSymbolic && this.#call.has('w') && this.#way !== 'force')
      yield* this.#warnOfMissing(source, path);

    const existing = outcomeOf(() => system.lstat(path));
    if (!(existing instanceof FsError)) {
      if (!this.#isSymbolic && this.#isSameEntry(source, path)) {
        yield* this.#call.warn(`${source} and ${path} are the same directory entry`);
        return;
      }
      if (!(yield* this.#makeRoom(path, isDirectory(existing.mode)))) return;
    }
    const made = outcomeOf(() => {
      if (this.#isSymbolic) system.symlink(source, path);
      else system.link(this.#call.lastOf('LP') === 'P' ? source : this.#followed(source), path);
    });
    if (made instanceof FsError) {
      yield* this.#call.complain(path, made);
      return;
    }
    if (this.#call.has('v'))
      yield* this.#call.printLine(`${path} ${this.#isSymbolic ? '-' : '='}> ${source}`);
  }

  *#isLinkable(source: string): Running<boolean> {
    const { system } = this.#call;
    const found = outcomeOf(() =>
      this.#call.lastOf('LP') === 'P' ? system.lstat(source) : system.stat(source),
    );
    if (!(found instanceof FsError) && !isDirectory(found.mode)) return true;
    yield* this.#call.complain(source, found instanceof FsError ? found : 'EISDIR');
    return false;
  }

  #followed(source: string): string {
    const { system } = this.#call;
    return isSymlink(system.lstat(source).mode) ? system.realpath(source) : source;
  }

  #place(source: string, target: string, isInside: boolean): string {
    if (this.#replacesDirectories) return target;
    const { system } = this.#call;
    const found = outcomeOf(() => (this.keepsLinks ? system.lstat(target) : system.stat(target)));
    const leadsInside = isInside || (!(found instanceof FsError) && isDirectory(found.mode));
    return leadsInside ? joinPath(target, baseName(source)) : target;
  }

  *#warnOfMissing(source: string, path: string): Running<void> {
    const { system } = this.#call;
    const isAbsolute = source.startsWith('/');
    const found = outcomeOf(() => system.stat(isAbsolute ? source : joinPath(directoryName(path), source)));
    if (!(found instanceof FsError)) return;
    const { exitCode } = this.#call;
    yield* this.#call.complain(`warning: ${source}${isAbsolute ? ' inaccessible' : ''}`, found);
    this.#call.exitCode = exitCode;
  }

  /** The same name in the same directory, however the paths spell it. */
  #isSameEntry(a: string, b: string): boolean {
    if (a === b) return true;
    if (baseName(a) !== baseName(b)) return false;
    const { system } = this.#call;
    const [left, right] = [a, b].map((path) => outcomeOf(() => system.stat(directoryName(path))));
    if (!left || !right || left instanceof FsError || right instanceof FsError) return false;
    return left.inode === right.inode && left.device === right.device;
  }

  *#makeRoom(path: string, isDirectoryThere: boolean): Running<boolean> {
    if (this.#way === 'plain') return true;
    if (this.#way === 'ask' && !(yield* this.#call.asks(`replace ${path}? `))) {
      yield* this.#call.say('not replaced\n');
      this.#call.exitCode = 1;
      return false;
    }
    const { system } = this.#call;
    const removed = outcomeOf(() =>
      this.#replacesDirectories && isDirectoryThere ? system.rmdir(path) : system.unlink(path),
    );
    if (!(removed instanceof FsError)) return true;
    yield* this.#call.complain(path, removed);
    return false;
  }
}
