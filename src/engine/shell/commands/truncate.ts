import { isExactSum } from '../../base/file-size.ts';
import { FsError } from '../../base/errno.ts';
import * as C from '../../vfs/constants.ts';
import { attempt, program } from '../program.ts';
import { expandNumber } from '../sizes-text.ts';
import { failedWith, outcomeOf } from '../system-outcome.ts';

const USAGE = [
  'usage: truncate [-c] -s [+|-|%|/]size[K|k|M|m|G|g|T|t] file ...',
  '       truncate [-c] -r rfile file ...',
].join('\n');

export const truncate = program({
  name: 'truncate',
  summary: 'set the size of files',
  manual: `truncate [-c] -s [+|-|%|/]size[K|k|M|m|G|g|T|t] file ...
truncate [-c] -r rfile file ...

  -s  this size; + and - change it by so much, % rounds it up to a multiple, / rounds it down
  -r  the size of that file     -c  make no file`,
  usage: USAGE,
  usageExitCode: 1,
  letters: 'cr:s:',
  *main(call) {
    const { system } = call;
    const text = call.valueOf('s');
    const reference = call.valueOf('r');
    if (call.operands.length === 0 || (text === undefined) === (reference === undefined)) {
      return yield* call.showUsage();
    }
    const way = /^[-+%/]/.exec(text ?? '')?.[0] ?? '';
    const amount = text === undefined ? 0 : expandNumber(text.slice(way.length));
    if (amount === null || (amount === 0 && '%/'.includes(way || ' '))) {
      return yield* call.fail(`invalid size argument \`${text ?? ''}'`);
    }
    let base = 0;
    if (reference !== undefined) {
      const found = outcomeOf(() => system.stat(reference));
      if (found instanceof FsError) {
        yield* call.complain(reference, found);
        return 1;
      }
      base = found.sizeBytes;
    }
    for (const path of call.operands) {
      const flags = C.O_WRONLY | (call.has('c') ? 0 : C.O_CREAT);
      const fd = outcomeOf(() => system.open(path, flags, 0o644));
      if (fd instanceof FsError) {
        // Not there and not to be made: nothing to say, as truncate itself.
        if (!failedWith(fd, 'ENOENT')) yield* call.complain(path, fd);
        continue;
      }
      try {
        yield* attempt(call, path, () => {
          const now = system.fstat(fd).sizeBytes;
          system.ftruncate(fd, reference === undefined ? newSize(now, way, amount) : base);
        });
      } finally {
        system.close(fd);
      }
    }
    return call.exitCode;
  },
});

function newSize(now: number, way: string, amount: number): number {
  if (way === '+' && isExactSum(now, amount)) return now + amount;
  if (way === '-' && isExactSum(now, -amount)) return Math.max(0, now - amount);
  if (way === '+' || way === '-')
    throw new FsError('EFBIG', 'ftruncate', '', 'beyond 2^53 sizes are whole blocks');
  if (way === '%') return Math.ceil(now / amount) * amount;
  if (way === '/') return Math.floor(now / amount) * amount;
  return amount;
}
