import { FsError } from '../../base/errno.ts';
import type { Stat } from '../../vfs/calls.ts';
import type { Running } from '../command.ts';
import { isSymlink } from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { FORMATS, formatStat, TIME_FORMAT } from '../stat-format.ts';
import { failedWith, outcomeOf } from '../system-outcome.ts';

export const stat = program({
  name: 'stat',
  summary: 'show all a directory entry says of a file',
  manual: `stat [-FLnq] [-f format | -l | -r | -s | -x] [-t timefmt] [file ...]

  -x  several lines with words   -l  like ls -lT (-F marks types)   -r  numbers   -s  shell variables
  -L  what a link points to      -n  no newline      -q  no words about missing files
  -t  times, as strftime has it
  -f  format: %[-+ #0][width][.precision][DOUXFS][HML]datum
      d device  i inode  p mode  A permissions  l links  u user  g group  r device number  z size  Z size
      a m c B times of access, modification, change, birth  b blocks of 512 bytes  k best block size
      f flags  v generation  N name  T type  Y target of a link  R real path   %n %t %% %@`,
  usage: 'usage: stat [-FLnq] [-f format | -l | -r | -s | -x] [-t timefmt] [file ...]',
  usageExitCode: 1,
  letters: 'f:FlLnqrst:x',
  *main(call) {
    const ways = call.options.filter(({ letter }) => 'flrsx'.includes(letter));
    const [way, second] = ways;
    if (way && second) return yield* call.fail(`can't use format '${way.letter}' with '${second.letter}'`);
    const marks = call.has('F');
    if (marks && way && way.letter !== 'l')
      return yield* call.fail(`can't use format '${way.letter}' with -F`);
    const letter = way?.letter ?? (marks ? 'l' : '');
    const formats: Readonly<Record<string, string>> = {
      f: way?.value ?? '',
      l: marks ? FORMATS.lsMarked : FORMATS.ls,
      r: FORMATS.raw,
      s: FORMATS.shell,
      x: FORMATS.verbose,
    };
    return yield* show(call, formats[letter] ?? FORMATS.default, letter === 'x' ? '%c' : TIME_FORMAT);
  },
});

export const readlink = program({
  name: 'readlink',
  summary: 'show where a symbolic link leads',
  manual: `readlink [-fn] [file ...]

  -f  the whole path, all links resolved    -n  no newline`,
  usage: 'usage: readlink [-fn] [file ...]',
  usageExitCode: 1,
  letters: 'fn',
  *main(call) {
    let exitCode = 0;
    for (const path of call.operands) {
      const read = () => (call.has('f') ? call.system.realpath(path) : call.system.readlink(path));
      const target = outcomeOf(read);
      if (target instanceof FsError) exitCode = 1;
      else yield* call.print(call.has('n') ? target : `${target}\n`);
    }
    return exitCode;
  },
});

function* show(call: Invocation, format: string, usualTime: string): Running {
  const timeFormat = call.valueOf('t') ?? usualTime;
  const names = call.operands.length > 0 ? call.operands : [null];
  for (const [index, name] of names.entries()) {
    const found = outcomeOf(() => look(call, name));
    if (found instanceof FsError) {
      call.exitCode = 1;
      if (!call.has('q')) yield* call.complain(`${name ?? '(stdin)'}: stat`, found);
      continue;
    }
    const { system } = call;
    const target = name !== null && isSymlink(found.mode) ? outcomeOf(() => system.readlink(name)) : null;
    const real = name !== null && /%[^%]*R/.test(format) ? outcomeOf(() => system.realpath(name)) : null;
    const text = formatStat(format, {
      stat: found,
      name: name ?? '(stdin)',
      number: index + 1,
      timeFormat,
      linkTarget: target instanceof FsError ? null : target,
      realPath: real instanceof FsError ? null : real,
    });
    if (typeof text !== 'string') return yield* call.fail(`${text.badFormat}: bad format`);
    yield* call.print(text.endsWith('\n') || call.has('n') ? text : `${text}\n`);
  }
  return call.exitCode;
}

function look(call: Invocation, name: string | null): Stat {
  const { system, context } = call;
  if (name === null) {
    const { descriptor } = context.stdin;
    if (descriptor === undefined) throw new FsError('EBADF', 'fstat', '(stdin)', 'the input is no file');
    return system.fstat(descriptor);
  }
  if (!call.has('L')) return system.lstat(name);
  const target = outcomeOf(() => system.stat(name));
  if (!(target instanceof FsError)) return target;
  // A broken link is shown itself.
  if (failedWith(target, 'ENOENT')) return system.lstat(name);
  throw target;
}
