import type { Builtin, BuiltinCall } from './builtin.ts';
import type { Running } from '../command.ts';
import type { Environment } from '../environment.ts';
import { ShellError } from '../errors.ts';
import { quoteForShell } from '../parameters.ts';
import { assignVariable } from '../specials.ts';
import { isName } from '../variables.ts';

/** Declaring variables: `export readonly local declare unset shift`. */

/** `name`, `name=value` or `name+=value`; arrays were already taken out by the interpreter. */
function declare(environment: Environment, text: string, before?: (name: string) => void): string {
  const [, name = '', append, value] = /^([^=+]*)(?:(\+)?=(.*))?$/s.exec(text) ?? [];
  if (!isName(name)) throw new ShellError(`\`${text}': not a valid identifier`);
  const old = environment.variables.text(name) ?? '';
  before?.(name);
  if (value !== undefined) assignVariable(environment, name, append ? old + value : value);
  return name;
}

function* declareAll(call: BuiltinCall, args: readonly string[], one: (text: string) => void): Running {
  let status = 0;
  for (const text of args) {
    try {
      one(text);
    } catch (error) {
      if (!(error instanceof ShellError)) throw error;
      yield* call.stderr.write(`sh: ${call.name}: ${error.message}\n`);
      status = 1;
    }
  }
  return status;
}

function splitOptions(
  args: readonly string[],
  known: string,
): { letters: string; operands: readonly string[] } {
  let letters = '';
  let at = 0;
  for (; at < args.length && /^-./.test(args[at] ?? ''); at++) {
    if (args[at] === '--') {
      at++;
      break;
    }
    letters += (args[at] ?? '').slice(1);
  }
  const unknown = [...letters].find((letter) => !known.includes(letter));
  if (unknown !== undefined) throw new ShellError(`-${unknown}: invalid option`, 2);
  return { letters, operands: args.slice(at) };
}

function* list(call: BuiltinCall, word: string, isListed: (name: string) => boolean): Running {
  const { variables } = call.environment;
  for (const name of variables.names().filter(isListed)) {
    const value = variables.text(name);
    yield* call.stdout.write(`${word} ${name}${value === undefined ? '' : `=${quoteForShell(value)}`}\n`);
  }
  return 0;
}

export const exportBuiltin: Builtin = {
  name: 'export',
  summary: 'hand variables on to commands',
  manual: `export [-n] [-p] [name[=value] …]

Marks variables so that commands find them in their environment. -n takes the mark away. Without names, lists what is
exported.`,
  *run(call) {
    const { environment } = call;
    const { letters, operands } = splitOptions(call.args, 'np');
    if (operands.length === 0)
      return yield* list(call, 'export', (name) => environment.variables.get(name)?.isExported ?? false);
    return yield* declareAll(call, operands, (text) => {
      const name = declare(environment, text);
      environment.variables.mark(name, { isExported: !letters.includes('n') });
    });
  },
};

export const readonlyBuiltin: Builtin = {
  name: 'readonly',
  summary: 'protect variables from change',
  manual: `readonly [-p] [name[=value] …]

The variables can no longer be changed or unset. Without names, lists those that are protected.`,
  *run(call) {
    const { environment } = call;
    const { operands } = splitOptions(call.args, 'pa');
    if (operands.length === 0)
      return yield* list(call, 'readonly', (name) => environment.variables.get(name)?.isReadOnly ?? false);
    return yield* declareAll(call, operands, (text) => {
      environment.variables.mark(declare(environment, text), { isReadOnly: true });
    });
  },
};

export const localBuiltin: Builtin = {
  name: 'local',
  summary: 'variables of a function',
  manual: `local name[=value] …

The variables belong to the function and to what it calls; when it ends, what they were before is back.`,
  *run(call) {
    const { environment } = call;
    if (environment.functionNames.length === 0) throw new ShellError('can only be used in a function');
    const { operands } = splitOptions(call.args, 'arx');
    return yield* declareAll(call, operands, (text) => {
      declare(environment, text, (name) => environment.variables.makeLocal(name));
    });
  },
};

export const declareBuiltin: Builtin = {
  name: 'declare',
  summary: 'set variables and what they are',
  manual: `declare [-a] [-g] [-p] [-r] [-x] [name[=value] …]

-x exports, -r protects, -a makes an array (every variable can become one). In a function the variables are its own,
as with local; -g makes them global. -p, or no names, lists. Associative arrays (-A) are not supported.`,
  *run(call) {
    const { environment } = call;
    const { letters, operands } = splitOptions(call.args, 'agprx');
    const missing = operands.find((name) => environment.variables.get(name) === undefined);
    if (letters.includes('p') && missing !== undefined) throw new ShellError(`${missing}: not found`);
    if (letters.includes('p') || operands.length === 0)
      return yield* list(call, 'declare --', (name) => operands.length === 0 || operands.includes(name));
    const isLocal = environment.functionNames.length > 0 && !letters.includes('g');
    return yield* declareAll(call, operands, (text) => {
      const own = (name: string) => environment.variables.makeLocal(name);
      const name = declare(environment, text, isLocal ? own : undefined);
      if (letters.includes('x')) environment.variables.mark(name, { isExported: true });
      if (letters.includes('r')) environment.variables.mark(name, { isReadOnly: true });
    });
  },
};

export const unsetBuiltin: Builtin = {
  name: 'unset',
  summary: 'forget variables and functions',
  manual: `unset [-f | -v] name …

Forgets variables, elements of arrays (name[2]) and functions: -v variables only, -f functions only.`,
  *run(call) {
    const { environment } = call;
    const { letters, operands } = splitOptions(call.args, 'fv');
    return yield* declareAll(call, operands, (text) => {
      const [, name = '', index] = /^(\w+)(?:\[(\d+)\])?$/.exec(text) ?? [];
      if (!isName(name)) throw new ShellError(`\`${text}': not a valid identifier`);
      const isVariable = !letters.includes('f') && environment.variables.get(name) !== undefined;
      if (isVariable) environment.variables.unset(name, index === undefined ? undefined : Number(index));
      else if (!letters.includes('v')) environment.functions.delete(name);
    });
  },
};

export const shiftBuiltin: Builtin = {
  name: 'shift',
  summary: 'drop the first positional parameters',
  manual: `shift [n]

$2 becomes $1 and so on, n times (once when not given).`,
  *run({ environment, args }) {
    const [text = '1'] = args;
    if (!/^\d{1,9}$/.test(text)) throw new ShellError(`${text}: numeric argument required`);
    const count = Number(text);
    if (count > environment.positional.length) return 1;
    environment.positional = environment.positional.slice(count);
    return 0;
  },
};
