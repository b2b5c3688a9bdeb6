import type { Command } from '../command.ts';

const constant = (name: string, exitCode: number): Command => ({
  name,
  summary: `do nothing, ${exitCode === 0 ? 'successfully' : 'unsuccessfully'}`,
  manual: `${name}

Does nothing. Exit code ${exitCode}.`,
  *run() {
    return exitCode;
  },
});

export const trueCommand = constant('true', 0);
export const falseCommand = constant('false', 1);
