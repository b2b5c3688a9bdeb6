import { FsError, strerror } from '../../base/errno.ts';
import { S_IFMT } from '../../vfs/constants.ts';
import { modeText, parseMode } from '../permissions-text.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';
import { changeEach } from '../tree-change.ts';

export const chmod = program({
  name: 'chmod',
  summary: 'change permissions',
  manual: `chmod [-fhv] [-R [-H | -L | -P]] mode file ...

  mode  octal, or clauses: u+rw,go-w  a=rX  +t  g=u
  -R  directories with all that is in them (-H, -L, -P: follow links among the arguments, everywhere, nowhere)
  -v  say what was changed (-vv: and how)     -f  say nothing about failures

FAT and exFAT keep no permissions: chmod succeeds there and changes nothing. Differs from macOS: no access control
lists (-a, +a, -E, -C, -N, -i, -I).`,
  usage: 'usage: chmod [-fhv] [-R [-H | -L | -P]] mode file ...',
  usageExitCode: 1,
  letters: 'HLPRfhv',
  prepare: beforeMode,
  *main(call) {
    const [text, ...paths] = call.operands;
    if (text === undefined || paths.length === 0) return yield* call.showUsage();
    const { system } = call;
    const mask = system.umask(0);
    system.umask(mask);
    const change = parseMode(text, mask);
    if (!change) return yield* call.fail(`Invalid file mode: ${text}`);
    const verbosity = call.options.filter(({ letter }) => letter === 'v').length;
    return yield* changeEach(call, paths, 'directories first', function* (path, stat) {
      const mode = change(stat.mode);
      if (mode === (stat.mode & 0o7777)) return;
      const changed = outcomeOf(() => system.chmod(path, mode));
      if (changed instanceof FsError) {
        if (!call.has('f'))
          yield* call.warn(`Unable to change file mode on ${path}: ${strerror(changed.code)}`);
      } else if (verbosity > 0) {
        const after = (stat.mode & S_IFMT) | mode;
        const show = (bits: number) => `0${bits.toString(8)} [${modeText(bits)} ]`;
        yield* call.printLine(verbosity > 1 ? `${path}: ${show(stat.mode)} -> ${show(after)}` : path);
      }
    });
  },
});

/** `-w`, `-x` and their like are modes, not options: chmod's getopt stops at them. */
function beforeMode(args: readonly string[]): readonly string[] {
  const at = args.findIndex((arg) => !/^-[HLPRfhv]+$/.test(arg));
  const isMode = /^-[rwxXstugo][-+=rwxXstugo,]*$/.test(args[at] ?? '');
  return isMode ? [...args.slice(0, at), '--', ...args.slice(at)] : args;
}
