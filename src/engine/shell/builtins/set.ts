import type { Builtin, BuiltinCall } from './builtin.ts';
import type { Running } from '../command.ts';
import { OPTION_LETTERS, type Environment, type OptionName } from '../environment.ts';
import { ShellError } from '../errors.ts';
import { quoteForShell } from '../parameters.ts';
import { isOptionName } from '../specials.ts';

const NAMES = Object.keys(OPTION_LETTERS).filter(isOptionName);

export const setBuiltin: Builtin = {
  name: 'set',
  summary: 'options of the shell and positional parameters',
  manual: `set [-eufxC] [+eufxC] [-o option] [+o option] [--] [word …]

-e  errexit    a command that fails ends the shell
-u  nounset    an unset variable is an error
-x  xtrace     print each command before it runs
-f  noglob     patterns stay as they are
-C  noclobber  > does not overwrite files; >| does
-o pipefail    a pipeline fails when any of its commands fails

+ switches an option off. Words become $1, $2 …; 'set --' forgets them. 'set -o' lists the options, 'set' alone the
variables.`,
  *run(call) {
    const { environment, args } = call;
    if (args.length === 0) return yield* listVariables(call);
    for (let at = 0; at < args.length; at++) {
      const text = args[at] ?? '';
      if (text === '--' || !/^[-+]./.test(text)) {
        environment.positional = args.slice(text === '--' ? at + 1 : at);
        return 0;
      }
      const isOn = text.startsWith('-');
      for (const letter of text.slice(1)) {
        if (letter !== 'o') switchOption(environment, optionOf(letter), isOn);
        else if (at + 1 < args.length) switchOption(environment, optionNamed(args[++at] ?? ''), isOn);
        else return yield* listOptions(call, isOn);
      }
    }
    return 0;
  },
};

function switchOption(environment: Environment, option: OptionName, isOn: boolean): void {
  if (isOn) environment.options.add(option);
  else environment.options.delete(option);
}

function optionOf(letter: string): OptionName {
  const option = NAMES.find((name) => OPTION_LETTERS[name] === letter);
  if (option === undefined) throw new ShellError(`-${letter}: invalid option (known: -e -u -x -f -C -o)`, 2);
  return option;
}

function optionNamed(name: string): OptionName {
  if (!isOptionName(name))
    throw new ShellError(`${name}: invalid option name (known: ${NAMES.join(', ')})`, 2);
  return name;
}

function* listOptions({ environment, stdout }: BuiltinCall, isTable: boolean): Running {
  for (const name of NAMES) {
    const isOn = environment.options.has(name);
    const line = isTable ? `${name.padEnd(15)}\t${isOn ? 'on' : 'off'}` : `set ${isOn ? '-' : '+'}o ${name}`;
    yield* stdout.write(`${line}\n`);
  }
  return 0;
}

function* listVariables({ environment, stdout }: BuiltinCall): Running {
  for (const name of environment.variables.names()) {
    const variable = environment.variables.get(name);
    if (variable?.elements) {
      const elements = environment.variables.elements(name);
      const shown = elements.map(([index, value]) => `[${index}]=${quoteForShell(value)}`);
      yield* stdout.write(`${name}=(${shown.join(' ')})\n`);
    } else if (variable?.value !== undefined) {
      const { value } = variable;
      yield* stdout.write(`${name}=${/^[\w@%+=:,./-]*$/.test(value) ? value : quoteForShell(value)}\n`);
    }
  }
  return 0;
}
