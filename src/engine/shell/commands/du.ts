import { strerror } from '../../base/errno.ts';
import type { Stat } from '../../vfs/calls.ts';
import { blockSizeFrom } from '../block-size.ts';
import { compilePattern } from '../pattern.ts';
import { TreeWalk } from '../fts.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { expandNumber, humanize } from '../sizes-text.ts';

export const du = program({
  name: 'du',
  summary: 'show how much space files take',
  manual: `du [-Aclnx] [-H | -L | -P] [-g | -h | -k | -m] [-a | -s | -d depth] [-B blocksize] [-I mask] [-t threshold] [file ...]

  -h  sizes with units of 1024 (--si: of 1000)    -k, -m, -g  in KiB, MiB, GiB instead of 512 bytes
  -s  one line an argument     -a  every file     -d  directories this deep     -c  the sum
  -A  sizes instead of blocks in use              -I  leave out names that match
  -l  hard links as often as they are met         -x  stay on one volume        -t  only what is larger

Clones are counted fully each: df knows what they share.`,
  usage:
    'usage: du [-Aclnx] [-H | -L | -P] [-g | -h | -k | -m] [-a | -s | -d depth] ' +
    '[-B blocksize] [-I mask] [-t threshold] [file ...]',
  usageExitCode: 64,
  letters: 'AB:HI:LPasd:cghklmnrt:x',
  long: { si: 'S' },
  *main(call) {
    const depthText = call.valueOf('d');
    if (depthText !== undefined && !/^\d+$/.test(depthText)) {
      yield* call.warn(`invalid argument to option d: ${depthText}`);
      return yield* call.showUsage();
    }
    if ([call.has('a'), call.has('s'), depthText !== undefined].filter(Boolean).length > 1) {
      return yield* call.showUsage();
    }
    const thresholdText = call.valueOf('t');
    const threshold = thresholdText === undefined ? 0 : expandNumber(thresholdText.replace(/^-/, ''));
    if (threshold === null || (thresholdText !== undefined && threshold === 0)) {
      yield* call.warn(`invalid threshold: ${thresholdText ?? ''}`);
      return yield* call.showUsage();
    }
    const countText = call.valueOf('B');
    if (countText !== undefined && !(Number.parseInt(countText, 10) > 0)) {
      yield* call.warn(`invalid argument to option B: ${countText}`);
      return yield* call.showUsage();
    }
    if (yield* call.refusesEmpty(call.operands)) return 1;
    const depthMax = call.has('s') ? 0 : Number(depthText ?? Infinity);
    return yield* new Usage(call, depthMax, threshold, thresholdText?.startsWith('-') ?? false).run();
  },
});

class Usage {
  readonly #call: Invocation;
  readonly #depthMax: number;
  readonly #thresholdBytes: number;
  readonly #isCeiling: boolean;
  readonly #unitBytes: number;
  readonly #divisor: 1000 | 1024 | null;
  readonly #countedBytes: number;
  /** Files with several names, by device and inode: counted at the first. */
  readonly #seen = new Set<string>();

  constructor(call: Invocation, depthMax: number, thresholdBytes: number, isCeiling: boolean) {
    this.#call = call;
    this.#depthMax = depthMax;
    this.#thresholdBytes = thresholdBytes;
    this.#isCeiling = isCeiling;
    const unit = call.lastOf('gkmhS') ?? '';
    const sizes: Readonly<Record<string, number>> = { g: 2 ** 30, k: 2 ** 10, m: 2 ** 20 };
    this.#unitBytes = sizes[unit] ?? blockSizeFrom(call.context.environment.get('BLOCKSIZE')).bytes;
    this.#divisor = unit === 'h' ? 1024 : unit === 'S' ? 1000 : null;
    const counted = Number.parseInt(call.valueOf('B') ?? '512', 10);
    this.#countedBytes = call.has('A') ? counted : Math.ceil(counted / 512) * 512;
  }

  *run() {
    const call = this.#call;
    const links = call.lastOf('HLP');
    const walk = new TreeWalk(call.system, call.operands.length > 0 ? call.operands : ['.'], {
      follow: links === 'L' ? 'always' : links === 'H' ? 'roots' : 'never',
      oneVolume: call.has('x'),
    });
    /** Bytes below each directory that is being walked; the first is the sum of the arguments. */
    const sums = [0];
    const add = (bytes: number) => sums.push((sums.pop() ?? 0) + bytes);
    for (let entry = yield* walk.next(); entry; entry = yield* walk.next()) {
      const { event, path, name, depth, stat, error } = entry;
      if (error) {
        if (event === 'unreadable') add(sums.pop() ?? 0);
        yield* call.warn(`${path}: ${strerror(error.code)}`);
        continue;
      }
      if (event === 'cycle') return yield* call.fail(`Can't follow symlink cycle from ${path}`);
      const isIgnored = call.options.some(
        ({ letter, value }) => letter === 'I' && compilePattern(value).matches(name),
      );
      if (event === 'directory') {
        if (isIgnored) walk.skip();
        else sums.push(0);
        continue;
      }
      if (!stat || isIgnored) continue;
      if (event === 'directory end') {
        const bytes = (sums.pop() ?? 0) + this.#bytesOf(stat);
        add(bytes);
        if (depth <= this.#depthMax && this.#isShown(bytes)) yield* call.printLine(this.#line(bytes, path));
        continue;
      }
      if (this.#isCounted(stat)) continue;
      const bytes = this.#bytesOf(stat);
      if (call.has('a') || depth === 0) yield* call.printLine(this.#line(bytes, path));
      add(bytes);
    }
    if (call.has('c')) yield* call.printLine(this.#line(sums[0] ?? 0, 'total'));
    return call.exitCode;
  }

  #bytesOf(stat: Stat): number {
    const bytes = this.#call.has('A') ? stat.sizeBytes : stat.blocks * 512;
    return Math.ceil(bytes / this.#countedBytes) * this.#countedBytes;
  }

  #isCounted(stat: Stat): boolean {
    if (stat.linkCount <= 1 || this.#call.has('l')) return false;
    const key = `${stat.device}:${stat.inode}`;
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    return false;
  }

  #isShown(bytes: number): boolean {
    return this.#isCeiling ? bytes <= this.#thresholdBytes : bytes >= this.#thresholdBytes;
  }

  #line(bytes: number, path: string): string {
    const size = this.#divisor
      ? humanize(bytes, { bufferSize: 5, divisor: this.#divisor }).padStart(4)
      : String(Math.ceil(bytes / this.#unitBytes));
    return `${size}\t${path}`;
  }
}
