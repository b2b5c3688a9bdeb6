import { program } from '../program.ts';

export const yes = program({
  name: 'yes',
  summary: 'print a word without end',
  manual: `yes [word]

Prints 'y', or the word, line after line until nobody reads on.`,
  letters: '',
  usage: 'usage: yes [expletive]',
  usageExitCode: 1,
  *main(call) {
    const line = `${call.operands.length > 0 ? call.operands.join(' ') : 'y'}\n`;
    const lines = line.repeat(Math.max(1, Math.floor(8192 / line.length)));
    for (;;) {
      yield* call.context.stdout.write(lines);
      yield;
    }
  },
});
