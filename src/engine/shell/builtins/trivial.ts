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

export const waitBuiltin: Builtin = {
  name: 'wait',
  summary: 'wait for background commands',
  manual: `wait

There are no background commands on this machine, so there is nothing to wait for. Exit code 0.`,
  *run() {
    return 0;
  },
};
