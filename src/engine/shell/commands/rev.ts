import { forEachInput, LineReader } from '../inputs.ts';
import { program } from '../program.ts';

export const rev = program({
  name: 'rev',
  summary: 'reverse each line',
  manual: `rev [file …]

Prints the characters of each line in reverse order.`,
  letters: '',
  usage: 'usage: rev [file ...]',
  usageExitCode: 1,
  *main(call) {
    yield* forEachInput(call, call.operands, function* (input) {
      const reader = new LineReader(input);
      for (let lines = yield* reader.next(); lines !== null; lines = yield* reader.next())
        for (const [index, line] of lines.entries()) {
          const isOpen = reader.lacksNewline && index === lines.length - 1;
          yield* call.print(Array.from(line).reverse().join('') + (isOpen ? '' : '\n'));
        }
    });
    return call.exitCode;
  },
});
