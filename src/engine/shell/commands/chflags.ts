import { FsError } from '../../base/errno.ts';
import { parseFlags } from '../permissions-text.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';
import { changeEach } from '../tree-change.ts';

export const chflags = program({
  name: 'chflags',
  summary: 'change flags: locked, hidden, archived',
  manual: `chflags [-fhvx] [-R [-H | -L | -P]] flags file ...

  flags  octal, or names: uchg (locked), hidden, arch, uappnd, nodump, opaque; schg and sappnd for root; with 'no' to
         take one off
  -R  directories with all that is in them    -v  say what was changed    -f  no words    -x  stay on one volume

HFS+ keeps every flag. FAT and exFAT keep uchg (their read-only bit), hidden and arch; what they cannot keep they
refuse.`,
  usage: 'usage: chflags [-fhvx] [-R [-H | -L | -P]] flags file ...',
  usageExitCode: 1,
  letters: 'HLPRfhvx',
  *main(call) {
    const [text, ...paths] = call.operands;
    if (text === undefined || paths.length === 0) return yield* call.showUsage();
    let change: (flags: number) => number;
    if (/^[0-7]/.test(text)) {
      const flags = /^[0-7]{1,11}$/.test(text) ? parseInt(text, 8) : NaN;
      if (!(flags <= 0xffff_ffff)) return yield* call.fail(`invalid flags: ${text}`);
      change = () => flags;
    } else {
      const parsed = parseFlags(text);
      if ('unknown' in parsed) return yield* call.fail(`invalid flag: ${parsed.unknown}`);
      change = (flags) => ((flags | parsed.set) & ~parsed.clear) >>> 0;
    }
    const verbosity = call.options.filter(({ letter }) => letter === 'v').length;
    return yield* changeEach(call, paths, 'directories last', function* (path, stat) {
      const flags = change(stat.flags);
      if (flags === stat.flags) return;
      const changed = outcomeOf(() => call.system.chflags(path, flags));
      if (changed instanceof FsError) {
        if (!call.has('f')) yield* call.complain(path, changed);
      } else if (verbosity > 0) {
        const detail = `: 0${stat.flags.toString(8)} -> 0${flags.toString(8)}`;
        yield* call.printLine(`${path}${verbosity > 1 ? detail : ''}`);
      }
    });
  },
});
