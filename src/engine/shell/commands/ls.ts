import { FsError, strerror } from '../../base/errno.ts';
import type { Timespec } from '../../base/clock.ts';
import type { Stat } from '../../vfs/calls.ts';
import type { Running } from '../command.ts';
import { namesIn } from '../fts.ts';
import type { Item, LayoutStyle } from '../listing-layout.ts';
import { Layout } from '../listing-layout.ts';
import { compareNames, joinPath } from '../paths-text.ts';
import * as permissions from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';
import { escapedName, visibleName } from '../terminal-text.ts';
import { formatTime, listingTime } from '../times-text.ts';

/** What the options of one `ls` amount to. */
interface Style extends LayoutStyle {
  readonly showsHidden: boolean;
  readonly showsDots: boolean;
  readonly isRecursive: boolean;
  readonly listsDirectories: boolean;
  readonly compare: ((a: Item, b: Item) => number) | null;
  readonly follow: 'never' | 'arguments' | 'directory arguments' | 'always';
}

const USAGE =
  'usage: ls [-@ABCFGHILOPRSTUWXabcdefghiklmnopqrstuvwxy1%,] [--color=when] [-D format] [file ...]';

export const ls = program({
  name: 'ls',
  summary: 'list what is in a directory',
  manual: `ls [-@1ABbCcdeFfGghiklmnOopqRrSsTtUuwx,] [-D format] [file ...]

Lists files and what is in directories, sorted by name.

  -l  long: mode, links, owner, group, size, time, name     -1  one name a line
  -a  also names that begin with a dot, '.' and '..'        -A  the same without '.' and '..'
  -R  go down into directories      -d  directories themselves, not what is in them
  -O  flags (uchg, hidden …)        -@  names and sizes of extended attributes (with -l)
  -i  inode numbers                 -s  blocks of 512 bytes (-k: of 1024)
  -h  sizes with units              -n  numbers instead of owners    -T  times to the second
  -t  by time, newest first         -S  by size, largest first       -r  the other way round
  -u, -c, -U  use the time of access, of change, of birth instead of modification
  -F  mark types: / @ *             -p  mark directories             -f  unsorted, all
  -C  columns   -x  columns, across   -m  in a stream
  -q  ? for control characters   -B, -b  octal numbers, C's escapes for them   -w  raw names
  -D  times in a format of strftime      -,  sizes with commas

Differs from macOS: no colours (-G is accepted), no access control lists (-e is accepted).`,
  usage: USAGE,
  usageExitCode: 1,
  letters: '@1ABCD:FGHILOPRSTUWXabcdefghiklmnopqrstuvwxy%,',
  long: { color: 'G' },
  *main(call) {
    const style = styleOf(call);
    const operands = call.operands.length > 0 ? call.operands : ['.'];
    if (yield* call.refusesEmpty(operands)) return 1;
    const listing = new Listing(call, style);
    yield* listing.arguments(operands);
    return call.exitCode;
  },
});

/** What is done with names: `?` for control characters, octal for them, or C's escapes where there are some. */
const PRINTABLE: Readonly<Record<string, (name: string) => string>> = {
  q: visibleName,
  B: (name) => escapedName(name, false),
  b: (name) => escapedName(name, true),
};

function styleOf(call: Invocation): Style {
  const isTerminal = call.context.stdout.isTerminal;
  const has = (letter: string) => call.has(letter);
  const layout = call.lastOf('1Cxlmgon') ?? (isTerminal ? 'C' : '1');
  const isLong = 'lgon'.includes(layout);
  const marks = call.lastOf('Fp');
  const timeLetter = call.lastOf('cuU');
  const times: Readonly<Record<string, (stat: Stat) => Timespec>> = {
    c: (stat) => stat.changeTime,
    u: (stat) => stat.accessTime,
    U: (stat) => stat.birthTime,
  };
  const timeOf = times[timeLetter ?? ''] ?? ((stat: Stat) => stat.modifyTime);
  const showing = call.lastOf('qwvBb') ?? (isTerminal ? 'q' : 'w');
  const links = call.lastOf('HLP');
  const now = call.system.now();
  const format = call.valueOf('D');
  const seesThrough = !isLong && !has('d') && !has('i') && !has('F');
  return {
    layout: isLong
      ? 'long'
      : layout === 'C'
        ? 'columns'
        : layout === 'x'
          ? 'across'
          : layout === 'm'
            ? 'stream'
            : 'single',
    showsHidden: has('a') || has('A') || has('f') || (call.system.getuid() === 0 && !has('I')),
    showsDots: has('a') || has('f'),
    isRecursive: has('R') && !has('d'),
    listsDirectories: has('d'),
    showsInode: has('i'),
    showsBlocks: has('s'),
    showsFlags: has('O'),
    showsAttributes: has('@'),
    hasOwner: !has('g'),
    hasGroup: !has('o'),
    isNumeric: has('n'),
    isHuman: call.lastOf('hk') === 'h',
    marks: marks === 'F' ? 'all' : marks === 'p' ? 'directories' : 'none',
    printable: PRINTABLE[showing] ?? ((name) => name),
    blockUnits: has('k') ? 2 : 1,
    timeOf,
    timeText: (time) => (format === undefined ? listingTime(time, now, has('T')) : formatTime(time, format)),
    hasCommas: has(','),
    compare: has('f') ? null : order(call, timeOf),
    follow:
      links === 'L'
        ? 'always'
        : links === 'P'
          ? 'never'
          : seesThrough
            ? 'arguments'
            : links === 'H'
              ? 'directory arguments'
              : 'never',
  };
}

function order(call: Invocation, timeOf: (stat: Stat) => Timespec): (a: Item, b: Item) => number {
  const direction = call.has('r') ? -1 : 1;
  const by = call.lastOf('St');
  return (a, b) => {
    let result = 0;
    if (by === 'S') result = b.stat.sizeBytes - a.stat.sizeBytes;
    if (by === 't') {
      const [left, right] = [timeOf(a.stat), timeOf(b.stat)];
      result = right.seconds - left.seconds || right.nanoseconds - left.nanoseconds;
    }
    return direction * (result || compareNames(a.name, b.name));
  };
}

/** Items between breathing points. */
const PAGE = 1024;

class Listing {
  readonly #call: Invocation;
  readonly #style: Style;
  readonly #layout: Layout;
  #hasPrinted = false;

  constructor(call: Invocation, style: Style) {
    this.#call = call;
    this.#style = style;
    this.#layout = new Layout(call, style);
  }

  /** Files first, then what is in each directory: as ls sorts its arguments. */
  *arguments(operands: readonly string[]): Running<void> {
    const { follow, listsDirectories } = this.#style;
    const files: Item[] = [];
    const directories: Item[] = [];
    for (const operand of operands) {
      const item = yield* this.#item(operand, operand, follow !== 'never', follow === 'directory arguments');
      if (!item) continue;
      if (item.isDangling && follow === 'always') yield* this.#call.complain(operand, 'ENOENT');
      const isListed = permissions.isDirectory(item.stat.mode) && !listsDirectories;
      (isListed ? directories : files).push(item);
    }
    this.#sort(files);
    this.#sort(directories);
    if (files.length > 0) {
      yield* this.#layout.display(files, true);
      this.#hasPrinted = true;
    }
    for (const directory of directories) yield* this.#directory(directory, operands.length > 1, []);
  }

  *#item(path: string, name: string, follows: boolean, onlyDirectories = false): Running<Item | null> {
    const { system } = this.#call;
    const own = outcomeOf(() => system.lstat(path));
    if (own instanceof FsError) {
      yield* this.#call.complain(name, own);
      return null;
    }
    if (!follows || !permissions.isSymlink(own.mode)) return { name, path, stat: own, isDangling: false };
    const target = outcomeOf(() => system.stat(path));
    if (target instanceof FsError) return { name, path, stat: own, isDangling: true };
    if (onlyDirectories && !permissions.isDirectory(target.mode))
      return { name, path, stat: own, isDangling: false };
    return { name, path, stat: target, isDangling: false };
  }

  #sort(items: Item[]): void {
    if (this.#style.compare) items.sort(this.#style.compare);
  }

  *#directory(directory: Item, isTitled: boolean, ancestors: readonly Item[]): Running<void> {
    const { printable, showsHidden, showsDots, isRecursive, follow } = this.#style;
    if (this.#hasPrinted) yield* this.#call.print(`\n${printable(directory.path)}:\n`);
    else if (isTitled) yield* this.#call.printLine(`${printable(directory.path)}:`);
    this.#hasPrinted ||= isTitled;

    const items: Item[] = [];
    try {
      const names = yield* namesIn(this.#call.system, directory.path);
      const shown = showsHidden ? names : names.filter((name) => !name.startsWith('.'));
      for (const name of showsDots ? ['.', '..', ...shown] : shown) {
        const item = yield* this.#item(joinPath(directory.path, name), name, follow === 'always');
        if (item && !(item.isDangling && follow === 'always')) items.push(item);
        if (items.length % PAGE === 0) yield;
      }
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      yield* this.#call.warn(`${directory.path}: ${strerror(error.code)}`);
      return;
    }
    this.#sort(items);
    yield* this.#layout.display(items, false);
    this.#hasPrinted = true;
    if (!isRecursive) return;

    const inside = [...ancestors, directory];
    for (const item of items) {
      if (!permissions.isDirectory(item.stat.mode) || item.name === '.' || item.name === '..') continue;
      if (inside.some(({ stat }) => stat.inode === item.stat.inode && stat.device === item.stat.device)) {
        yield* this.#call.warn(`${item.name}: directory causes a cycle`);
        continue;
      }
      yield* this.#directory(item, true, inside);
    }
  }
}
