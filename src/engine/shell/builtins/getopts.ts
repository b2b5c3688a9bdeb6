import { ShellError } from '../errors.ts';
import { assignVariable } from '../specials.ts';
import { isName } from '../variables.ts';
import type { Builtin, BuiltinCall } from './builtin.ts';
import type { Running } from '../command.ts';

export const getoptsBuiltin: Builtin = {
  name: 'getopts',
  summary: 'read the options of a script or function',
  manual: `getopts letters name [argument …]

Puts the next option of $1, $2 … (or of the arguments) into the variable: while getopts ab: option; do …
A colon behind a letter: it takes a value, which goes to OPTARG. OPTIND is the argument to go on with; setting it to 1
begins anew. A wrong option gives '?'. A colon before the letters keeps messages away.`,
  *run(call) {
    const [letters, name, ...args] = call.args;
    if (letters === undefined || name === undefined)
      throw new ShellError('usage: getopts optstring name [arg ...]', 2);
    if (!isName(name)) throw new ShellError(`\`${name}': not a valid identifier`);
    const { variables } = call.environment;
    const words = args.length > 0 ? args : call.environment.positional;
    // OPTIND is the word, the rest of a bundle like -abc is remembered behind the scenes.
    const index = Number(variables.text('OPTIND') ?? 1) || 1;
    const [savedIndex, savedOffset] = (variables.text('_OPTOFFSET') ?? '').split(' ').map(Number);
    const offset = savedIndex === index && savedOffset ? savedOffset : 1;
    return yield* next(call, { letters, name, words, index, offset });
  },
};

interface Place {
  readonly letters: string;
  readonly name: string;
  readonly words: readonly string[];
  readonly index: number;
  readonly offset: number;
}

function* next(call: BuiltinCall, { letters, name, words, index, offset }: Place): Running {
  const { environment } = call;
  const word = words[index - 1] ?? '';
  if (!/^-./s.test(word) || word === '--') {
    assignVariable(environment, 'OPTIND', String(word === '--' ? index + 1 : index));
    assignVariable(environment, name, '?');
    return 1;
  }
  const letter = word.charAt(offset);
  const isLast = offset + 1 >= word.length;
  const move = (step: number, at: number) => {
    assignVariable(environment, 'OPTIND', String(index + step));
    environment.variables.set('_OPTOFFSET', `${index + step} ${at}`);
  };
  const fail = function* (sign: string, message: string): Running {
    const isQuiet = letters.startsWith(':');
    assignVariable(environment, name, isQuiet ? sign : '?');
    if (isQuiet) assignVariable(environment, 'OPTARG', letter);
    else {
      environment.variables.unset('OPTARG');
      yield* call.stderr.write(`${environment.scriptName}: ${message} -- ${letter}\n`);
    }
    return 0;
  };
  const known = letter === ':' ? -1 : letters.indexOf(letter);
  const takesValue = letters.charAt(known + 1) === ':';
  if (known < 0 || !takesValue) {
    if (isLast) move(1, 1);
    else move(0, offset + 1);
    if (known < 0) return yield* fail('?', 'illegal option');
    environment.variables.unset('OPTARG');
    assignVariable(environment, name, letter);
    return 0;
  }
  const value = isLast ? words[index] : word.slice(offset + 1);
  move(isLast && value !== undefined ? 2 : 1, 1);
  if (value === undefined) return yield* fail(':', 'option requires an argument');
  assignVariable(environment, 'OPTARG', value);
  assignVariable(environment, name, letter);
  return 0;
}
