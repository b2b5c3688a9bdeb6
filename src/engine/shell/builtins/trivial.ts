import { evaluateText } from '../arithmetic.ts';
import { ShellError } from '../errors.ts';
import type { Builtin } from './builtin.ts';

export const colonBuiltin: Builtin = {
  name: ':',
  summary: 'do nothing, successfully',
  manual: `: [argument …]

Does nothing; its arguments are expanded. Exit code 0.`,
  *run() {
    return 0;
  },
};

export const letBuiltin: Builtin = {
  name: 'let',
  summary: 'evaluate arithmetic',
  manual: `let expression …

Evaluates each expression as (( )) does. Exit code 0 when the last one is not 0.`,
  *run({ environment, args }) {
    if (args.length === 0) throw new ShellError('expression expected');
    let value = 0n;
    for (const text of args) value = yield* evaluateText(environment, text);
    return value === 0n ? 1 : 0;
  },
};

export const trapBuiltin: Builtin = {
  name: 'trap',
  summary: 'not supported',
  manual: `trap

Nothing on this machine sends signals to a script, so there are none to catch. To clean up at the end of a script, put
it into a function or a file and run the cleaning after it.`,
  *run({ stderr }) {
    yield* stderr.write('sh: trap: not supported: nothing here sends signals\n');
    return 1;
  },
};

export const waitBuiltin: Builtin = {
  name: 'wait',
  summary: 'wait for background commands',
  manual: `wait

There are no background commands on this machine, so there is nothing to wait for. Exit code 0.`,
  *run() {
    return 0;
  },
};
