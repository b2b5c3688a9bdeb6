import type { Builtin, BuiltinCall } from './builtin.ts';
import { Jump, ShellError } from '../errors.ts';

/** Leaving things: loops, functions, the shell. */

const number = ({ args }: BuiltinCall, otherwise: number): number => {
  const [text] = args;
  if (text === undefined) return otherwise;
  if (!/^-?\d{1,15}$/.test(text)) throw new ShellError(`${text}: numeric argument required`, 2);
  if (args.length > 1) throw new ShellError('too many arguments');
  return Number(text);
};

const exitCode = (value: number): number => ((value % 256) + 256) % 256;

const loopJump = (name: 'break' | 'continue', summary: string): Builtin => ({
  name,
  summary,
  manual: `${name} [n]

${summary}. With a number, that many loops around it count.`,
  *run(call) {
    const levels = number(call, 1);
    if (levels < 1) throw new ShellError(`${levels}: loop count out of range`);
    if (call.environment.loopDepth === 0) {
      yield* call.stderr.write(`sh: ${name}: only meaningful in a \`for', \`while', or \`until' loop\n`);
      return 0;
    }
    throw new Jump(name, Math.min(levels, call.environment.loopDepth));
  },
});

export const breakBuiltin = loopJump('break', 'leave a loop');
export const continueBuiltin = loopJump('continue', 'begin the next round of a loop');

export const returnBuiltin: Builtin = {
  name: 'return',
  summary: 'leave a function or a sourced file',
  manual: `return [n]

Leaves the function with exit code n; without n, with that of the last command.`,
  *run(call) {
    const { environment } = call;
    if (environment.functionNames.length === 0 && environment.sourceDepth === 0)
      throw new ShellError("can only `return' from a function or sourced script", 2);
    throw new Jump('return', exitCode(number(call, environment.lastStatus)));
  },
};

export const exitBuiltin: Builtin = {
  name: 'exit',
  summary: 'leave the shell',
  manual: `exit [n]

Leaves the shell, or the subshell or script it stands in, with exit code n; without n, with that of the last
command.`,
  *run(call) {
    throw new Jump('exit', exitCode(number(call, call.environment.lastStatus)));
  },
};
