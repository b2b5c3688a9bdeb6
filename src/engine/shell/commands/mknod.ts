import { FsError } from '../../base/errno.ts';
import { S_IFBLK, S_IFCHR, S_IFIFO } from '../../vfs/constants.ts';
import { numberOf } from '../making.ts';
import { parseMode } from '../permissions-text.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';

const TYPES: Readonly<Record<string, number>> = { b: S_IFBLK, c: S_IFCHR, p: S_IFIFO };
const MAJOR_MAX = 0xff;
const MINOR_MAX = 0xff_ffff;

export const mknod = program({
  name: 'mknod',
  summary: 'make device nodes and FIFOs',
  manual: `mknod [-m mode] name b | c major minor
mknod [-m mode] name b | c number
mknod [-m mode] name p

  b, c  a block or character device; only for root: sudo mknod ...
  p     a FIFO, as mkfifo makes it
  -m    permissions, as chmod takes them

On volumes that keep special files (APFS). No device answers behind such a node: volumes are mounted with nodev.

Differs from macOS: no -F, -g, -r, -R.`,
  usage: [
    'usage: mknod [-rR] [-F format] [-m mode] [-g group]',
    '                   [ name [b | c] major minor',
    '                   | name [b | c] major unit subunit',
    '                   | name [b | c] number',
    '                   | name p ]',
  ].join('\n'),
  usageExitCode: 1,
  letters: 'm:',
  *main(call) {
    const [name, letter, ...words] = call.operands;
    if (name === undefined || letter === undefined) return yield* call.showUsage();
    const type = TYPES[letter];
    if (type === undefined) return yield* call.fail("node type must be 'b', 'c' or 'p'.");
    if (letter === 'p' ? words.length > 0 : words.length < 1 || words.length > 2) {
      return yield* call.showUsage();
    }
    const numbers: number[] = [];
    for (const word of words) {
      const number = numberOf(word);
      if (number === null) return yield* call.fail(`invalid number: ${word}`);
      numbers.push(number);
    }
    const [first = 0, minor] = numbers;
    if (minor !== undefined && first > MAJOR_MAX) return yield* call.fail('invalid major number');
    if (minor !== undefined && minor > MINOR_MAX) return yield* call.fail('invalid minor number');
    const text = call.valueOf('m');
    const change = text === undefined ? null : parseMode(text, 0);
    if (text !== undefined && change === null) return yield* call.fail(`Cannot set file mode \`${text}'`);
    const device = minor === undefined ? first : first * 2 ** 24 + minor;
    const mode = change?.(0o666) ?? 0o666;
    const mask = call.system.umask(0);
    call.system.umask(change === null ? mask : 0);
    try {
      const made = outcomeOf(() => call.system.mknod(name, type | mode, device));
      if (made instanceof FsError) yield* call.complain(name, made);
    } finally {
      call.system.umask(mask);
    }
    return call.exitCode;
  },
});
