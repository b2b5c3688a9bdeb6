import { FsError, strerror } from '../../base/errno.ts';
import type { Timespec } from '../../base/clock.ts';
import type { Stat } from '../../vfs/calls.ts';
import { XATTR_NOFOLLOW } from '../../vfs/constants.ts';
import type { Running } from '../command.ts';
import { namesIn } from '../fts.ts';
import { joinPath } from '../paths-text.ts';
import * as permissions from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { humanize } from '../sizes-text.ts';
import { outcomeOf } from '../system-outcome.ts';
import { visibleName } from '../terminal-text.ts';
import { listingTime } from '../times-text.ts';

/** What the options of one `ls` amount to. */
interface Style {
  readonly layout: 'single' | 'long' | 'columns' | 'across' | 'stream';
  readonly showsHidden: boolean;
  readonly showsDots: boolean;
  readonly isRecursive: boolean;
  readonly listsDirectories: boolean;
  readonly showsInode: boolean;
  readonly showsBlocks: boolean;
  readonly showsFlags: boolean;
  readonly showsAttributes: boolean;
  readonly hasOwner: boolean;
  readonly hasGroup: boolean;
  readonly isNumeric: boolean;
  readonly isHuman: boolean;
  readonly hasSeconds: boolean;
  readonly marks: 'none' | 'directories' | 'all';
  readonly printable: (name: string) => string;
  readonly blockUnits: number; // blocks of 512 bytes that count as one
  readonly timeOf: (stat: Stat) => Timespec;
  readonly compare: ((a: Item, b: Item) => number) | null;
  readonly follow: 'never' | 'arguments' | 'directory arguments' | 'always';
}

interface Item {
  readonly name: string;
  readonly path: string;
  readonly stat: Stat;
  /** A dangling link keeps its own stat under -L. */
  readonly isDangling: boolean;
}

const USAGE =
  'usage: ls [-@ABCFGHILOPRSTUWXabcdefghiklmnopqrstuvwxy1%,] [--color=when] [-D format] [file ...]';

export const ls = program({
  name: 'ls',
  summary: 'list what is in a directory',
  manual: `ls [-@1AaCcdeFfGghiklmnOopqRrSsTtUuwx] [file ...]

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
  -C  columns   -x  columns, across   -m  in a stream   -q  ? for control characters   -w  raw names

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
    hasSeconds: has('T'),
    marks: marks === 'F' ? 'all' : marks === 'p' ? 'directories' : 'none',
    printable: showing === 'q' ? visibleName : (name) => name,
    blockUnits: has('k') ? 2 : 1,
    timeOf,
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

/** strcmp(3) on UTF-8: by code point, which JavaScript's own order is not for characters beyond U+FFFF. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) {
      return (a.codePointAt(i) ?? 0) - (b.codePointAt(i) ?? 0);
    }
  }
  return a.length - b.length;
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
  #hasPrinted = false;

  constructor(call: Invocation, style: Style) {
    this.#call = call;
    this.#style = style;
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
      yield* this.#display(files, true);
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
    yield* this.#display(items, false);
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

  *#display(items: readonly Item[], isArguments: boolean): Running<void> {
    const { layout, showsBlocks, blockUnits } = this.#style;
    if (!isArguments && (layout === 'long' || showsBlocks) && layout !== 'stream') {
      const blocks = items.reduce((sum, { stat }) => sum + stat.blocks, 0);
      yield* this.#call.printLine(`total ${Math.ceil(blocks / blockUnits)}`);
    }
    if (items.length === 0) return;
    if (layout === 'long') return yield* this.#long(items);
    const widths = widthsOf(items, this.#style);
    const cells = items.map((item) => this.#cell(item, widths));
    if (layout === 'stream') return yield* this.#stream(cells);
    if (layout === 'single') {
      for (const cell of cells) yield* this.#call.printLine(cell);
      return;
    }
    yield* this.#columns(cells, layout === 'across');
  }

  #cell(item: Item, widths: Widths): string {
    const { showsInode, showsBlocks, blockUnits, printable } = this.#style;
    const inode = showsInode ? `${String(item.stat.inode).padStart(widths.inode)} ` : '';
    const blocks = showsBlocks
      ? `${String(Math.ceil(item.stat.blocks / blockUnits)).padStart(widths.blocks)} `
      : '';
    return `${inode}${blocks}${printable(item.name)}${this.#mark(item)}`;
  }

  #mark({ stat: { mode } }: Item): string {
    const { marks } = this.#style;
    if (marks === 'none') return '';
    if (marks === 'directories') return permissions.isDirectory(mode) ? '/' : '';
    return permissions.typeMark(mode);
  }

  *#stream(cells: readonly string[]): Running<void> {
    let line = '';
    for (const [index, cell] of cells.entries()) {
      const isLast = index === cells.length - 1;
      if (line.length + cell.length + (isLast ? 0 : 2) >= this.#call.context.columns) {
        yield* this.#call.printLine(line);
        line = '';
      }
      line += isLast ? cell : `${cell}, `;
    }
    yield* this.#call.printLine(line);
  }

  /** Columns are a multiple of eight wide and filled with tabs, as ls does without colours. */
  *#columns(cells: readonly string[], isAcross: boolean): Running<void> {
    const widest = cells.reduce((width, cell) => Math.max(width, cellWidth(cell)), 0);
    const columnWidth = (widest + 8) & ~7;
    const columnCount = Math.floor(this.#call.context.columns / columnWidth);
    if (columnCount < 2) {
      for (const cell of cells) yield* this.#call.printLine(cell);
      return;
    }
    const rowCount = Math.ceil(cells.length / columnCount);
    for (let row = 0; row < rowCount; row++) {
      let line = '';
      for (let column = 0; column < columnCount; column++) {
        const index = isAcross ? row * columnCount + column : column * rowCount + row;
        const cell = cells[index];
        if (cell === undefined) break;
        const next = isAcross ? index + 1 : index + rowCount;
        const isLast = next >= cells.length || column === columnCount - 1;
        const missing = columnWidth - cellWidth(cell);
        line += isLast ? cell : cell + '\t'.repeat(Math.ceil(missing / 8));
      }
      yield* this.#call.printLine(line);
    }
  }

  *#long(items: readonly Item[]): Running<void> {
    const rows = items.map((item) => this.#row(item));
    const width = (pick: (row: Row) => string) =>
      rows.reduce((most, row) => Math.max(most, pick(row).length), 0);
    const [links, owner, group] = [
      width((row) => row.links),
      width((row) => row.owner),
      width((row) => row.group),
    ];
    const [flags, size] = [width((row) => row.flags), this.#style.isHuman ? 5 : width((row) => row.size)];
    const widths = widthsOf(items, this.#style);
    const { showsFlags, showsAttributes, hasOwner, hasGroup } = this.#style;
    for (const row of rows) {
      const who = [
        hasOwner ? [row.owner.padEnd(owner)] : [],
        hasGroup ? [row.group.padEnd(group)] : [],
      ].flat();
      const owners = who.length === 0 ? ' ' : `${who.join('  ')} `;
      const flagsCell = showsFlags ? ` ${row.flags.padEnd(flags)}` : '';
      yield* this.#call.printLine(
        `${this.#prefix(row.item, widths)}${row.mode} ${row.links.padStart(links)} ${owners}` +
          `${flagsCell} ${row.size.padStart(size)} ${row.time} ${row.name}`,
      );
      if (!showsAttributes) continue;
      for (const { name, size: bytes } of row.attributes) {
        yield* this.#call.printLine(
          `\t${this.#style.printable(name)}\t${this.#sizeText(bytes).padStart(size)} `,
        );
      }
    }
  }

  #prefix(item: Item, widths: Widths): string {
    const { showsInode, showsBlocks, blockUnits } = this.#style;
    const blocks = String(Math.ceil(item.stat.blocks / blockUnits)).padStart(widths.blocks);
    return `${showsInode ? `${String(item.stat.inode).padStart(widths.inode)} ` : ''}${showsBlocks ? `${blocks} ` : ''}`;
  }

  #sizeText(bytes: number): string {
    return this.#style.isHuman ? humanize(bytes, { bufferSize: 5, divisor: 1024 }) : String(bytes);
  }

  #row(item: Item): Row {
    const { isNumeric, printable, hasSeconds, timeOf } = this.#style;
    const { stat } = item;
    const { system } = this.#call;
    const attributes = this.#attributes(item);
    const link = permissions.isSymlink(stat.mode) ? outcomeOf(() => system.readlink(item.path)) : '';
    const target = typeof link === 'string' && link !== '' ? ` -> ${printable(link)}` : '';
    return {
      item,
      mode: permissions.modeText(stat.mode) + (attributes.length > 0 ? '@' : ' '),
      links: String(stat.linkCount),
      owner: isNumeric ? String(stat.uid) : permissions.userName(stat.uid),
      group: isNumeric ? String(stat.gid) : permissions.groupName(stat.gid),
      flags: permissions.flagsText(stat.flags) || '-',
      size: this.#sizeText(stat.sizeBytes),
      time: listingTime(timeOf(stat), system.now(), hasSeconds),
      name: `${printable(item.name)}${this.#mark(item)}${target}`,
      attributes,
    };
  }

  /** A volume that cannot say has none, as for ls itself. */
  #attributes({ path }: Item): Row['attributes'] {
    const { system } = this.#call;
    const names = outcomeOf(() => system.listxattr(path, XATTR_NOFOLLOW));
    if (names instanceof FsError) return [];
    return names.map((name) => {
      if (!this.#style.showsAttributes) return { name, size: 0 };
      const value = outcomeOf(() => system.getxattr(path, name, XATTR_NOFOLLOW));
      return { name, size: value instanceof FsError ? 0 : value.length };
    });
  }
}

interface Row {
  readonly item: Item;
  readonly mode: string;
  readonly links: string;
  readonly owner: string;
  readonly group: string;
  readonly flags: string;
  readonly size: string;
  readonly time: string;
  readonly name: string;
  readonly attributes: readonly { readonly name: string; readonly size: number }[];
}

interface Widths {
  readonly inode: number;
  readonly blocks: number;
}

function widthsOf(items: readonly Item[], style: Style): Widths {
  let inode = 0;
  let blocks = 0;
  for (const { stat } of items) {
    inode = Math.max(inode, stat.inode);
    blocks = Math.max(blocks, Math.ceil(stat.blocks / style.blockUnits));
  }
  return { inode: String(inode).length, blocks: String(blocks).length };
}

/** Cells a name takes on the terminal, near enough: code points without combining marks. */
const cellWidth = (text: string): number => [...text.replace(/\p{Mark}/gu, '')].length;
