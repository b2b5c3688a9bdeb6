/**
 * Options as getopt(3) of the BSDs reads them: single letters, bundled (`-la`) or with a value (`-m755`, `-m 755`),
 * up to the first operand or `--`. Options after an operand are operands, as on macOS.
 */

export interface ParsedOptions {
  /** In the order given; a long option appears under the letter it stands for. */
  readonly options: readonly Option[];
  readonly operands: readonly string[];
  /** What getopt would print after the command's name; null when all is well. */
  readonly problem: string | null;
}

export interface Option {
  readonly letter: string;
  /** Empty for options that take none. */
  readonly value: string;
}

export interface OptionGrammar {
  /** Letters as getopt(3) takes them; a colon after one means it takes a value: 'fm:pv'. */
  readonly letters: string;
  /** Long names by the letter they stand for. Tools that know any use getopt_long, whose wording differs. */
  readonly long?: Readonly<Record<string, string>>;
}

export function parseOptions(args: readonly string[], grammar: OptionGrammar): ParsedOptions {
  const options: Option[] = [];
  const stop = (problem: string): ParsedOptions => ({ options, operands: [], problem });
  let at = 0;

  while (at < args.length) {
    const word = args[at] ?? '';
    if (word === '--') return { options, operands: args.slice(at + 1), problem: null };
    if (!word.startsWith('-') || word === '-') break;
    at++;

    if (word.startsWith('--') && grammar.long) {
      const [name = '', value = ''] = word.slice(2).split('=', 2);
      const letter = grammar.long[name];
      if (letter === undefined) return stop(`unrecognized option \`${word}'`);
      options.push({ letter, value });
      continue;
    }

    const letters = [...word.slice(1)];
    while (letters.length > 0) {
      const letter = letters.shift() ?? '';
      const place = letter === ':' ? -1 : grammar.letters.indexOf(letter);
      if (place < 0) return stop(`${grammar.long ? 'invalid' : 'illegal'} option -- ${letter}`);
      if (grammar.letters[place + 1] !== ':') {
        options.push({ letter, value: '' });
        continue;
      }
      const value = letters.length > 0 ? letters.join('') : args[at++];
      if (value === undefined) return stop(`option requires an argument -- ${letter}`);
      options.push({ letter, value });
      break;
    }
  }
  return { options, operands: args.slice(at), problem: null };
}
