import { concatBytes, utf8 } from '../../base/bytes.ts';
import type { Command } from '../command.ts';
import { readEscapes } from '../escapes.ts';

export const echo: Command = {
  name: 'echo',
  summary: 'print words',
  manual: `echo [-neE] [word …]

Prints its words with spaces between them and a newline.

-n  no newline
-e  \\n \\t \\\\ \\a \\b \\e \\f \\r \\v \\0nnn \\xhh mean characters, \\c ends the output
-E  they do not (the default)`,
  *run({ args, stdout }) {
    let at = 0;
    let hasNewline = true;
    let hasEscapes = false;
    for (; /^-[neE]+$/.test(args[at] ?? ''); at++) {
      for (const letter of (args[at] ?? '').slice(1)) {
        if (letter === 'n') hasNewline = false;
        else hasEscapes = letter === 'e';
      }
    }
    const text = args.slice(at).join(' ');
    if (!hasEscapes) {
      yield* stdout.write(hasNewline ? `${text}\n` : text);
      return 0;
    }
    const { bytes, isStopped } = readEscapes(text, 'echo');
    yield* stdout.write(hasNewline && !isStopped ? concatBytes([bytes, utf8('\n')]) : bytes);
    return 0;
  },
};
