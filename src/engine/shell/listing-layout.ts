import { allDigits } from '../base/file-size.ts';
import { FsError } from '../base/errno.ts';
import type { Timespec } from '../base/clock.ts';
import type { Stat } from '../vfs/calls.ts';
import { XATTR_NOFOLLOW } from '../vfs/constants.ts';
import type { Running } from './command.ts';
import * as permissions from './permissions-text.ts';
import type { Invocation } from './program.ts';
import { humanize, withCommas } from './sizes-text.ts';
import { outcomeOf } from './system-outcome.ts';

/** The layouts of ls: one name a line, long, in columns, in a stream; each with macOS's widths. */

export interface Item {
  readonly name: string;
  readonly path: string;
  readonly stat: Stat;
  /** A dangling link keeps its own stat under -L. */
  readonly isDangling: boolean;
}

/** How items are to look. */
export interface LayoutStyle {
  readonly layout: 'single' | 'long' | 'columns' | 'across' | 'stream';
  readonly showsInode: boolean;
  readonly showsBlocks: boolean;
  readonly showsFlags: boolean;
  readonly showsAttributes: boolean;
  readonly hasOwner: boolean;
  readonly hasGroup: boolean;
  readonly isNumeric: boolean;
  readonly isHuman: boolean;
  readonly marks: 'none' | 'directories' | 'all';
  readonly printable: (name: string) => string;
  readonly blockUnits: number; // blocks of 512 bytes that count as one
  readonly timeOf: (stat: Stat) => Timespec;
  readonly hasCommas: boolean;
  /** The text of the time column. */
  readonly timeText: (time: Timespec) => string;
}

export class Layout {
  readonly #call: Invocation;
  readonly #style: LayoutStyle;

  constructor(call: Invocation, style: LayoutStyle) {
    this.#call = call;
    this.#style = style;
  }

  *display(items: readonly Item[], isArguments: boolean): Running<void> {
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
    if (this.#style.isHuman) return humanize(bytes, { bufferSize: 5, divisor: 1024 });
    return this.#style.hasCommas ? withCommas(bytes) : allDigits(bytes);
  }

  #row(item: Item): Row {
    const { isNumeric, printable, timeText, timeOf } = this.#style;
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
      size: permissions.isDevice(stat.mode) ? deviceText(stat.rawDevice) : this.#sizeText(stat.sizeBytes),
      time: timeText(timeOf(stat)),
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

/** printf's %#jx: no prefix before a zero. */
const deviceText = (device: number): string => (device === 0 ? '0' : `0x${device.toString(16)}`);

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

function widthsOf(items: readonly Item[], style: LayoutStyle): Widths {
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
