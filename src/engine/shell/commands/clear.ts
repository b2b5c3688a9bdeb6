import type { Command } from '../command.ts';
import { CLEAR_SCREEN } from '../terminal.ts';

export const clear: Command = {
  name: 'clear',
  summary: 'empty the screen',
  manual: `clear

Empties the screen of the terminal.`,
  *run({ stdout }) {
    yield* stdout.write(CLEAR_SCREEN);
    return 0;
  },
};
