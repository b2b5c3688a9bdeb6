import type { Command, CommandContext, Running } from '../command.ts';
import {
  compareNumbers,
  isBinaryOperator,
  isNumericOperator,
  isUnaryOperator,
  testBinary,
  testUnary,
} from '../conditions.ts';
import { ShellError } from '../errors.ts';

/**
 * `test` and `[`: with up to four arguments the meaning depends on their number alone, as POSIX says, so that
 * `[ "$x" = "(" ]` is safe whatever $x is; longer ones are parsed with -a, -o, ! and parentheses.
 */
function* run(context: CommandContext): Running {
  const words = [...context.args];
  try {
    if (context.name === '[' && words.pop() !== ']') throw new ShellError("missing `]'", 2);
    return isTrue(context, words) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof ShellError)) throw error;
    yield* context.stderr.write(`${context.name}: ${error.message}\n`);
    return 2;
  }
}

function isTrue(context: CommandContext, words: readonly string[]): boolean {
  const [first = '', second = '', third = ''] = words;
  switch (words.length) {
    case 0:
      return false;
    case 1:
      return first !== '';
    case 2:
      if (first === '!') return second === '';
      if (isUnaryOperator(first)) return unary(context, first, second);
      throw new ShellError(`${first}: unary operator expected`);
    case 3:
      if (isBinaryOperator(second)) return binary(context, first, second, third);
      if (second === '-a') return first !== '' && third !== '';
      if (second === '-o') return first !== '' || third !== '';
      if (first === '!') return !isTrue(context, words.slice(1));
      if (first === '(' && third === ')') return second !== '';
      throw new ShellError(`${second}: binary operator expected`);
    case 4:
      if (first === '!') return !isTrue(context, words.slice(1));
      if (first === '(' && words[3] === ')') return isTrue(context, words.slice(1, 3));
  }
  const parser = new Parser(context, words);
  return parser.parse();
}

function unary({ system, stdin, stdout, stderr }: CommandContext, operator: string, text: string): boolean {
  if (operator === '-t') return [stdin, stdout, stderr][Number(text)]?.isTerminal ?? false;
  if (operator === '-o' || operator === '-v' || operator === '-R' || operator === '-N')
    throw new ShellError(`${operator}: only [[ ]] knows this`);
  return testUnary(system, operator, text);
}

function binary({ system }: CommandContext, left: string, operator: string, right: string): boolean {
  if (!isNumericOperator(operator)) return testBinary(system, operator, left, right);
  return compareNumbers(operator, readInteger(left), readInteger(right));
}

function readInteger(text: string): bigint {
  const digits = /^\s*([-+]?[0-9]+)\s*$/.exec(text)?.[1];
  if (digits === undefined) throw new ShellError(`${text}: integer expression expected`);
  return BigInt(digits.replace(/^\+/, ''));
}

const DEPTH_MAX = 200;

class Parser {
  readonly #context: CommandContext;
  readonly #words: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(context: CommandContext, words: readonly string[]) {
    this.#context = context;
    this.#words = words;
  }

  parse(): boolean {
    const value = this.#or();
    if (this.#at < this.#words.length) throw new ShellError('too many arguments');
    return value;
  }

  #or(): boolean {
    let value = this.#and();
    while (this.#accept('-o')) value = this.#and() || value;
    return value;
  }

  #and(): boolean {
    let value = this.#primary();
    while (this.#accept('-a')) value = this.#primary() && value;
    return value;
  }

  #primary(): boolean {
    if (++this.#depth > DEPTH_MAX) throw new ShellError('expression nested too deeply');
    try {
      if (this.#accept('!')) return !this.#primary();
      const [first, second, third] = this.#words.slice(this.#at, this.#at + 3);
      if (first === undefined) throw new ShellError('argument expected');
      if (second !== undefined && third !== undefined && isBinaryOperator(second)) {
        this.#at += 3;
        return binary(this.#context, first, second, third);
      }
      if (this.#accept('(')) {
        const value = this.#or();
        if (!this.#accept(')')) throw new ShellError("`)' expected");
        return value;
      }
      const isUnary = second !== undefined && isUnaryOperator(first) && first !== '-a' && first !== '-o';
      this.#at += isUnary ? 2 : 1;
      return isUnary ? unary(this.#context, first, second) : first !== '';
    } finally {
      this.#depth--;
    }
  }

  #accept(word: string): boolean {
    if (this.#words[this.#at] !== word) return false;
    this.#at++;
    return true;
  }
}

const manual = `test expression
[ expression ]

Exit code 0 when the expression is true, 1 when it is false, 2 when it makes no sense.

-e -f -d -L -b -c  file exists, is a regular file, directory, link, block or character device
-s -r -w -x        file is not empty, may be read, written, executed
-u -g -k -O -G     has set-user, set-group or sticky bit; belongs to you, to your group
a -nt b  a -ot b  a -ef b     newer, older, the same file
-z s  -n s  s = t  s != t  s < t  s > t     texts
a -eq b  -ne -lt -le -gt -ge                whole numbers
! e   e -a e   e -o e   ( e )`;

export const testCommand: Command = { name: 'test', summary: 'ask about files, texts, numbers', manual, run };
export const bracketCommand: Command = {
  name: '[',
  summary: 'ask about files, texts, numbers',
  manual,
  run,
};
