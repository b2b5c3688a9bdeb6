import { program } from '../program.ts';

/** Without slashes at the end; a path of slashes only is one slash. */
const trimmed = (path: string): string => (/^\/+$/.test(path) ? '/' : path.replace(/\/+$/, ''));

function lastName(path: string, suffix: string): string {
  const clean = trimmed(path);
  const name = clean === '/' ? '/' : clean.slice(clean.lastIndexOf('/') + 1);
  return name !== suffix && suffix !== '' && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

export const basename = program({
  name: 'basename',
  summary: 'last part of a path',
  manual: `basename path [suffix]
basename [-a] [-s suffix] path …

Prints what stands behind the last slash, without the suffix. -a takes every argument as a path.`,
  letters: 'as:',
  usage: 'usage: basename string [suffix]\n       basename [-a] [-s suffix] string [...]',
  usageExitCode: 1,
  *main(call) {
    const { operands } = call;
    const takesAll = call.has('a') || call.has('s');
    if (operands.length === 0 || (!takesAll && operands.length > 2)) return yield* call.showUsage();
    const [first = '', suffix = ''] = operands;
    if (!takesAll) yield* call.printLine(lastName(first, suffix));
    else for (const path of operands) yield* call.printLine(lastName(path, call.valueOf('s') ?? ''));
    return 0;
  },
});

export const dirname = program({
  name: 'dirname',
  summary: 'path without its last part',
  manual: `dirname path …

Prints what stands before the last slash, '.' when there is none.`,
  letters: '',
  usage: 'usage: dirname string [...]',
  usageExitCode: 1,
  *main(call) {
    if (call.operands.length === 0) return yield* call.showUsage();
    for (const path of call.operands) {
      const clean = trimmed(path);
      const slash = clean.lastIndexOf('/');
      const parent = slash < 0 ? '.' : trimmed(clean.slice(0, slash + 1));
      yield* call.printLine(parent);
    }
    return 0;
  },
});
