import type { Running } from '../command.ts';
import { LineReader } from '../inputs.ts';
import { program, type Invocation } from '../program.ts';
import { Input, TextFile } from '../streams.ts';

const WORDS_MAX = 5000;
const LENGTH_MAX = 128 * 1024;

export const xargs = program({
  name: 'xargs',
  summary: 'run a command with words from standard input',
  manual: `xargs [-0rtx] [-n words] [-L lines] [-I text] [-s length] [command [argument …]]

Reads words (quotes and backslashes count) and runs the command with as many of them as fit; without a command, echo.
-0  words end with NUL bytes, as find -print0 writes them      -n  at most so many words each time
-L  so many lines each time      -I  once for each line, which takes the place of the text in the arguments
-r  not at all without words (so it is anyway here, as on macOS)      -t  show each command first`,
  letters: '0rtxn:L:I:J:s:P:',
  usage: 'usage: xargs [-0rt] [-I replstr] [-L number] [-n number] [-s size] [utility [argument ...]]',
  usageExitCode: 1,
  *main(call) {
    if (call.has('P') || call.has('J')) return yield* call.fail('-P and -J are not supported');
    const limits = readLimits(call);
    if (typeof limits === 'string') return yield* call.fail(limits);
    const words = call.operands.length === 0 ? ['echo'] : [...call.operands];
    const runner = new Runner(call, words, limits);
    yield* read(call, runner);
    yield* runner.finish();
    return runner.exitCode;
  },
});

interface Limits {
  readonly words: number;
  readonly lines: number;
  readonly length: number;
}

function readLimits(call: Invocation): Limits | string {
  const numbers: Record<string, number> = {};
  for (const letter of 'nLs') {
    const text = call.valueOf(letter);
    if (text === undefined) continue;
    if (!/^\d{1,9}$/.test(text) || Number(text) < 1)
      return `-${letter} ${text}: must be a number greater than 0`;
    numbers[letter] = Number(text);
  }
  return {
    words: Math.min(numbers['n'] ?? WORDS_MAX, WORDS_MAX),
    lines: numbers['L'] ?? Number.POSITIVE_INFINITY,
    length: Math.min(numbers['s'] ?? LENGTH_MAX, LENGTH_MAX),
  };
}

function* read(call: Invocation, runner: Runner): Running<void> {
  const reader = new LineReader(call.context.stdin);
  const replaced = call.valueOf('I');
  if (call.has('0')) {
    let carry = '';
    for (let lines = yield* reader.next(); lines !== null; lines = yield* reader.next()) {
      // Lines are no units here: put back the newlines that the reader took out.
      const parts = (carry + lines.join('\n') + (reader.lacksNewline ? '' : '\n')).split('\0');
      carry = parts.pop() ?? '';
      for (const part of parts) yield* runner.add(part, replaced);
      if (runner.isStopped) return;
    }
    if (carry !== '') yield* runner.add(carry, replaced);
    return;
  }
  for (let lines = yield* reader.next(); lines !== null; lines = yield* reader.next())
    for (const line of lines) {
      const words =
        replaced === undefined ? splitWords(line) : [line.trimStart()].filter((word) => word !== '');
      if (words === undefined) {
        yield* call.fail('unterminated quote');
        runner.exitCode = 1;
        return;
      }
      for (const word of words) yield* runner.add(word, replaced);
      if (words.length > 0) yield* runner.endLine();
      if (runner.isStopped) return;
    }
}

/** Quotes and backslashes as xargs reads them; undefined when a quote does not end in its line. */
function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (character === ' ' || character === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === "'" || character === '"') {
      const end = line.indexOf(character, at + 1);
      if (end < 0) return undefined;
      word = (word ?? '') + line.slice(at + 1, end);
      at = end;
    } else {
      if (character === '\\' && at + 1 < line.length) at++;
      word = (word ?? '') + line.charAt(at);
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** Gathers words and runs the command when enough are there. */
class Runner {
  exitCode = 0;
  /** A command said 255, or was not found: nothing more is run. */
  isStopped = false;
  readonly #call: Invocation;
  readonly #command: readonly string[];
  readonly #limits: Limits;
  #words: string[] = [];
  #length = 0;
  #lines = 0;

  constructor(call: Invocation, command: readonly string[], limits: Limits) {
    this.#call = call;
    this.#command = command;
    this.#limits = limits;
  }

  *add(word: string, replaced: string | undefined): Running<void> {
    if (this.isStopped) return;
    if (replaced !== undefined) {
      const [name = '', ...args] = this.#command;
      yield* this.#run([name, ...args.map((arg) => arg.replaceAll(replaced, word))]);
      return;
    }
    if (this.#length + word.length + 1 > this.#limits.length) yield* this.finish();
    this.#words.push(word);
    this.#length += word.length + 1;
    if (this.#words.length >= this.#limits.words) yield* this.finish();
  }

  *endLine(): Running<void> {
    this.#lines++;
    if (this.#lines >= this.#limits.lines) yield* this.finish();
  }

  *finish(): Running<void> {
    const words = this.#words;
    this.#words = [];
    this.#length = 0;
    this.#lines = 0;
    if (words.length > 0) yield* this.#run([...this.#command, ...words]);
  }

  *#run(words: readonly string[]): Running<void> {
    const { context } = this.#call;
    if (this.isStopped) return;
    if (this.#call.has('t')) yield* this.#call.say(`${words.join(' ')}\n`);
    const stdin = new Input(new TextFile(''), context.system);
    const status = yield* context.execute(words, { stdin });
    if (status === 126 || status === 127) [this.exitCode, this.isStopped] = [status, true];
    else if (status === 255) {
      yield* this.#call.warn(`${words[0] ?? ''}: exited with status 255; aborting`);
      [this.exitCode, this.isStopped] = [124, true];
    } else if (status !== 0) this.exitCode = 123;
    yield;
  }
}
