import { FsError } from '../../base/errno.ts';
import type { MountStatistics } from '../../vfs/calls.ts';
import type { BlockSize } from '../block-size.ts';
import { blockSizeFrom } from '../block-size.ts';
import type { Running } from '../command.ts';
import { isDevice } from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { humanize, withCommas } from '../sizes-text.ts';
import { outcomeOf } from '../system-outcome.ts';

export const df = program({
  name: 'df',
  summary: 'show how much space is free',
  manual: `df [-b | -g | -H | -h | -k | -m | -P] [-acIilnY] [-,] [-T type] [file | filesystem ...]

  -h  sizes with units of 1024 (-H: of 1000)   -k, -m, -g  blocks of 1 KiB, 1 MiB, 1 GiB
  -I  leave out the inodes (-i: show them)     -c  a line with the sum     -Y  a column with types
  -T  only these types, or all but them after 'no': msdos,apfs   -,  thousands with commas

Differs from macOS: no --libxo.`,
  usage: [
    'usage: df [--libxo] [-b | -g | -H | -h | -k | -m | -P] [-acIilnY] [-,] [-T type] [-t type]',
    '          [file | filesystem ...]',
  ].join('\n'),
  usageExitCode: 64,
  letters: 'abcgHhIiklmnPtT:Y,',
  long: { si: 'H' },
  *main(call) {
    const mounts = yield* selected(call);
    const shown = call.has('c') ? [...mounts, sumOf(mounts)] : mounts;
    if (shown.length === 0) return call.exitCode;
    const table = new Table(call, mounts);
    yield* call.print(table.header());
    for (const mount of shown) yield* call.print(table.row(mount));
    return call.exitCode;
  },
});

function* selected(call: Invocation): Running<MountStatistics[]> {
  const { system } = call;
  const types = call.valueOf('T');
  const names = types?.replace(/^no/, '').split(',');
  const isWanted = ({ typeName }: MountStatistics) =>
    names === undefined || names.includes(typeName) !== (types?.startsWith('no') ?? false);
  if (call.operands.length === 0) return system.getfsstat().filter(isWanted);

  const found: MountStatistics[] = [];
  for (const operand of call.operands) {
    const stat = outcomeOf(() => system.stat(operand));
    let path = operand;
    if (stat instanceof FsError || isDevice(stat.mode)) {
      const mount = system.getfsstat().find(({ from }) => from === operand);
      if (!mount) {
        if (stat instanceof FsError) yield* call.complain(operand, stat);
        else yield* call.warn(`${operand}: not mounted`);
        continue;
      }
      path = mount.on;
    }
    const mount = outcomeOf(() => system.statfs(path));
    if (mount instanceof FsError) yield* call.complain(path, mount);
    else if (isWanted(mount)) found.push(mount);
    else call.exitCode = 1;
  }
  return found;
}

const TOTAL = 'total';

/** As df.c's usedblks: what getattrlist says of the volume, where volumes share their space. */
const usedOf = ({ usedBlocks, totalBlocks, freeBlocks }: MountStatistics): number =>
  usedBlocks ?? Math.max(0, totalBlocks - freeBlocks);

function sumOf(mounts: readonly MountStatistics[]): MountStatistics {
  const sum = (pick: (mount: MountStatistics) => number) =>
    mounts.reduce((total, mount) => total + pick(mount), 0);
  const blocks = (count: 'totalBlocks' | 'freeBlocks' | 'availableBlocks') =>
    sum((mount) => (mount[count] * mount.blockSizeBytes) / 512);
  const usedBlocks = sum((mount) => (usedOf(mount) * mount.blockSizeBytes) / 512);
  return {
    from: TOTAL,
    on: '',
    typeName: '',
    title: '',
    label: '',
    isReadOnly: false,
    blockSizeBytes: 512,
    totalBlocks: blocks('totalBlocks'),
    freeBlocks: blocks('freeBlocks'),
    availableBlocks: blocks('availableBlocks'),
    usedBlocks,
    totalFiles: sum((mount) => mount.totalFiles),
    freeFiles: sum((mount) => mount.freeFiles),
  };
}

interface Widths {
  readonly from: number;
  readonly type: number;
  readonly total: number;
  readonly used: number;
  readonly available: number;
  readonly inodesUsed: number;
  readonly inodesFree: number;
}

class Table {
  readonly #units: 'blocks' | 1000 | 1024;
  readonly #blockSize: BlockSize;
  readonly #hasInodes: boolean;
  readonly #hasTypes: boolean;
  readonly #hasCommas: boolean;
  readonly #widths: Widths;

  constructor(call: Invocation, mounts: readonly MountStatistics[]) {
    const unit = call.lastOf('bPkmgHh');
    this.#units = unit === 'H' ? 1000 : unit === 'h' ? 1024 : 'blocks';
    const sizes: Readonly<Record<string, string>> = { b: '512', P: '512', k: '1024', m: '1m', g: '1g' };
    // POSIX: -k keeps its unit beside -P.
    const chosen = unit === 'P' && call.has('k') ? 'k' : (unit ?? '');
    this.#blockSize = blockSizeFrom(sizes[chosen] ?? call.context.environment.get('BLOCKSIZE'));
    this.#hasInodes = !'IPb'.includes(call.lastOf('IiPb') ?? 'i');
    this.#hasTypes = call.has('Y');
    this.#hasCommas = call.has(',');
    this.#widths = this.#measure(mounts);
  }

  #blocks(count: number, mount: MountStatistics): number {
    return Math.floor((count * mount.blockSizeBytes) / this.#blockSize.bytes);
  }

  #number(value: number): string {
    return this.#hasCommas ? withCommas(value) : String(value);
  }

  #measure(mounts: readonly MountStatistics[]): Widths {
    const widest = (least: number, texts: readonly string[]) =>
      texts.reduce((width, text) => Math.max(width, text.length), least);
    const column = (least: number, pick: (mount: MountStatistics) => number) =>
      widest(
        least,
        mounts.map((mount) => this.#number(pick(mount))),
      );
    const isHuman = this.#units !== 'blocks';
    return {
      from: widest(
        'Filesystem'.length,
        mounts.map(({ from }) => from),
      ),
      type: widest(
        'Type'.length,
        mounts.map(({ typeName }) => typeName),
      ),
      total: isHuman
        ? 7
        : column(this.#blockSize.title.length, (mount) => this.#blocks(mount.totalBlocks, mount)),
      used: isHuman ? 7 : column(4, (mount) => this.#blocks(usedOf(mount), mount)),
      available: isHuman ? 7 : column(9, (mount) => this.#blocks(mount.availableBlocks, mount)),
      inodesUsed: isHuman ? 7 : column(7, (mount) => mount.totalFiles - mount.freeFiles),
      inodesFree: isHuman ? 5 : column(5, (mount) => mount.freeFiles),
    };
  }

  header(): string {
    const { from, type, total, used, available, inodesUsed, inodesFree } = this.#widths;
    const isHuman = this.#units !== 'blocks';
    const types = this.#hasTypes ? `  ${'Type'.padEnd(type)}` : '';
    const sizes = [
      (isHuman ? 'Size' : this.#blockSize.title).padStart(total),
      'Used'.padStart(used),
      (isHuman ? 'Avail' : 'Available').padStart(available),
    ].join(' ');
    const inodes = this.#hasInodes
      ? ` ${'iused'.padStart(inodesUsed - 2)} ${'ifree'.padStart(inodesFree)} %iused`
      : '';
    return `${'Filesystem'.padEnd(from)}${types} ${sizes} Capacity${inodes}  Mounted on\n`;
  }

  row(mount: MountStatistics): string {
    const { from, type } = this.#widths;
    const used = usedOf(mount);
    const reachable = mount.availableBlocks + used;
    // The standard wants the share rounded up.
    const capacity = reachable === 0 ? 100 : Math.ceil((used / reachable) * 100);
    const types = this.#hasTypes ? `  ${mount.typeName.padEnd(type)}` : '';
    const on = mount.from === TOTAL ? '' : `  ${mount.on}`;
    return (
      `${mount.from.padEnd(from)}${types}${this.#sizes(mount, used)} ${String(capacity).padStart(5)}%` +
      `${this.#hasInodes ? this.#inodes(mount) : '  '}${on}\n`
    );
  }

  #sizes(mount: MountStatistics, used: number): string {
    const counts = [mount.totalBlocks, used, mount.availableBlocks];
    const units = this.#units;
    if (units !== 'blocks') {
      const suffix = units === 1000 ? '' : 'i';
      return counts
        .map((count) => humanize(count * mount.blockSizeBytes, { bufferSize: 6, divisor: units, suffix }))
        .map((text) => `  ${text.padStart(6)}`)
        .join('');
    }
    const widths = [this.#widths.total, this.#widths.used, this.#widths.available];
    return counts
      .map((count, at) => ` ${this.#number(this.#blocks(count, mount)).padStart(widths[at] ?? 0)}`)
      .join('');
  }

  #inodes(mount: MountStatistics): string {
    const used = mount.totalFiles - mount.freeFiles;
    const share =
      mount.totalFiles === 0
        ? '    - '
        : ` ${String(Math.round((used / mount.totalFiles) * 100)).padStart(4)}% `;
    if (this.#units !== 'blocks') {
      const count = (value: number) =>
        humanize(value, { bufferSize: 5, divisor: 1000, hasByteMark: false }).padStart(5);
      return `   ${count(used)} ${count(mount.freeFiles)}${mount.totalFiles === 0 ? ' ' : ''}${share}`;
    }
    const { inodesUsed, inodesFree } = this.#widths;
    const numbers = ` ${this.#number(used).padStart(inodesUsed)} ${this.#number(mount.freeFiles).padStart(inodesFree)}`;
    return `${numbers}${mount.totalFiles === 0 ? ' ' : ''}${share}`;
  }
}
