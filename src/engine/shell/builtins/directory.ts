import type { Builtin, BuiltinCall } from './builtin.ts';
import type { Running } from '../command.ts';
import { FsError, strerror } from '../../base/errno.ts';
import type { SystemCalls } from '../../vfs/calls.ts';
import type { Environment } from '../environment.ts';
import { ShellError } from '../errors.ts';

export const cdBuiltin: Builtin = {
  name: 'cd',
  summary: 'change the current directory',
  manual: `cd [-L | -P] [directory]

Without a directory, goes to $HOME. 'cd -' goes back to where you were and prints it. Keeps PWD and OLDPWD.`,
  *run(call) {
    const { environment, args } = call;
    const operands = args.filter((arg, index) => !(arg === '--' || (index === 0 && /^-[LP]+$/.test(arg))));
    if (operands.length > 1) throw new ShellError('too many arguments');
    const [wish] = operands;
    const { variables } = environment;
    const path = wish === '-' ? variables.text('OLDPWD') : (wish ?? variables.text('HOME'));
    if (path === undefined) throw new ShellError(wish === '-' ? 'OLDPWD not set' : 'HOME not set');
    return yield* change(call, path, wish === '-');
  },
};

function* change({ environment, stdout }: BuiltinCall, path: string, isPrinted: boolean): Running {
  const { system, variables } = environment;
  if (path === '') return 0;
  const before = currentDirectory(environment);
  try {
    enter(system, path, before);
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    throw new ShellError(`${path}: ${strerror(error.code)}`);
  }
  const now = system.getcwd();
  variables.set('OLDPWD', before);
  variables.set('PWD', now);
  if (isPrinted) yield* stdout.write(`${now}\n`);
  return 0;
}

/** Out of a directory that was removed `..` leads only by name: by what $PWD says, as in every shell. */
function enter(system: SystemCalls, path: string, before: string): void {
  try {
    system.chdir(path);
  } catch (error) {
    if (!(error instanceof FsError) || error.code !== 'ENOENT' || path.startsWith('/')) throw error;
    const parts: string[] = [];
    for (const part of `${before}/${path}`.split('/')) {
      if (part === '..') parts.pop();
      else if (part !== '' && part !== '.') parts.push(part);
    }
    try {
      system.chdir(`/${parts.join('/')}`);
    } catch (second) {
      throw second instanceof FsError ? error : second;
    }
  }
}

/** Where the shell is; of a directory that was removed the path it had. */
export function currentDirectory({ system, variables }: Environment): string {
  try {
    return system.getcwd();
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    return variables.text('PWD') ?? '/';
  }
}

export const umaskBuiltin: Builtin = {
  name: 'umask',
  summary: 'permissions that new files do not get',
  manual: `umask [-S] [mode]

Shows the mask, or sets it to an octal mode. -S shows what new files do get.`,
  *run({ environment, args, stdout }) {
    const { system } = environment;
    const isSymbolic = args[0] === '-S';
    const [wish] = isSymbolic ? args.slice(1) : args;
    if (wish === undefined) {
      const mask = system.umask(0);
      system.umask(mask);
      yield* stdout.write(`${isSymbolic ? symbolic(mask) : mask.toString(8).padStart(4, '0')}\n`);
      return 0;
    }
    if (!/^[0-7]{1,4}$/.test(wish)) throw new ShellError(`${wish}: octal number out of range`);
    system.umask(Number.parseInt(wish, 8));
    return 0;
  },
};

function symbolic(mask: number): string {
  const bits = (shift: number) =>
    [...'rwx'].filter((_, index) => ((mask >> shift) & (4 >> index)) === 0).join('');
  return `u=${bits(6)},g=${bits(3)},o=${bits(0)}`;
}
