import { utf8 } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { InputStream, Running } from '../command.ts';
import { TreeWalk } from '../fts.ts';
import { LineReader, withInput } from '../inputs.ts';
import { program, type Invocation } from '../program.ts';
import { compileRegex, type Regex } from '../regex/regex.ts';
import { RegexError } from '../regex/syntax.ts';
import { outcomeOf } from '../system-outcome.ts';
import { S_IFDIR, S_IFMT } from '../../vfs/constants.ts';

const LINES_PER_BREATH = 2000;
const MATCHES_PER_BREATH = 20;

export const grep = program({
  name: 'grep',
  summary: 'print lines that match a pattern',
  manual: `grep [-EFGHRachiLlmnoqrsvwx] [-A n] [-B n] [-C n] [-e pattern] [-f file] [pattern] [file …]

Prints the lines of the files (or of standard input) that match a regular expression. Exit code 0 when some did, 1
when none did, 2 on errors.

-E  extended expressions   -F  plain texts   -e  a pattern, as often as wanted   -f  patterns from a file
-i  without regard to case   -v  lines that do not match   -w  whole words   -x  whole lines
-c  only how many   -l  only names of files   -L  of those without   -q  only the exit code   -o  only what matches
-a  files with NUL bytes too, of which otherwise only is said that they match
-n  line numbers   -H  names of files always   -h  never   -s  no complaints about files   -m n  stop after n lines
-A -B -C  so many lines after, before, around   -r  down into directories

Matching takes time in proportion to the text, whatever the expression; therefore there are no back-references.`,
  letters: 'A:B:C:EFGHLRUabce:f:hilm:noqrsvwxyz0123456789',
  long: {
    'ignore-case': 'i',
    'invert-match': 'v',
    count: 'c',
    'line-number': 'n',
    recursive: 'r',
    quiet: 'q',
  },
  usage:
    'usage: grep [-abcdDEFGHhIiJLlMmnOopqRSsUVvwXxZz] [-A num] [-B num] [-C[num]]\n\t[-e pattern] [-f file] [pattern] [file ...]',
  usageExitCode: 2,
  *main(call) {
    const patterns = yield* readPatterns(call);
    if (patterns === null) return call.exitCode === 0 ? yield* call.showUsage() : 2;
    const search = prepare(call, patterns.sources, patterns.paths);
    if (typeof search === 'string') return yield* call.fail(search, 2);
    const run = new Search(call, search);
    yield* run.searchAll(patterns.paths);
    if (run.hasMatched && call.has('q')) return 0;
    return call.exitCode !== 0 ? 2 : run.hasMatched ? 0 : 1;
  },
});

export const egrep = {
  ...grep,
  name: 'egrep',
  summary: 'grep -E: print lines that match an extended expression',
};
export const fgrep = { ...grep, name: 'fgrep', summary: 'grep -F: print lines that hold a text' };

function* readPatterns(call: Invocation): Running<{ sources: string[]; paths: readonly string[] } | null> {
  const sources: string[] = [];
  for (const { letter, value } of call.options) {
    if (letter === 'e') sources.push(...value.split('\n'));
    if (letter !== 'f') continue;
    yield* withInput(call, value, function* (input) {
      const reader = new LineReader(input);
      for (let lines = yield* reader.next(); lines !== null; lines = yield* reader.next())
        sources.push(...lines);
    });
    if (call.exitCode !== 0) return null;
  }
  if (call.has('e') || call.has('f')) return { sources, paths: call.operands };
  const [pattern, ...paths] = call.operands;
  return pattern === undefined ? null : { sources: pattern.split('\n'), paths };
}

interface Plan {
  readonly regex: Regex;
  readonly before: number;
  readonly after: number;
  readonly matchesMax: number;
  readonly hasNames: boolean;
  readonly isRecursive: boolean;
}

function prepare(call: Invocation, sources: readonly string[], paths: readonly string[]): Plan | string {
  const counts: Record<string, number> = {};
  for (const letter of 'ABCm') {
    const text = call.valueOf(letter);
    if (text !== undefined && !/^\d{1,9}$/.test(text))
      return `${text}: context argument must be non-negative`;
    if (text !== undefined) counts[letter] = Number(text);
  }
  const digits = call.options.filter(({ letter }) => /\d/.test(letter)).map(({ letter }) => letter);
  const around = counts['C'] ?? (digits.length > 0 ? Number(digits.join('')) : 0);
  const isRecursive = call.has('r') || call.has('R');
  const dialect =
    call.context.name === 'egrep' ? 'E' : call.context.name === 'fgrep' ? 'F' : call.lastOf('EFG');
  try {
    const regex = compileRegex(sources, {
      isLiteral: dialect === 'F',
      isExtended: dialect === 'E',
      ignoresCase: call.has('i') || call.has('y'),
      bounds: call.has('x') ? 'line' : call.has('w') ? 'word' : 'none',
    });
    return {
      regex,
      before: counts['B'] ?? around,
      after: counts['A'] ?? around,
      matchesMax: counts['m'] ?? Number.POSITIVE_INFINITY,
      hasNames: call.lastOf('hH') === 'H' || (call.lastOf('hH') !== 'h' && (paths.length > 1 || isRecursive)),
      isRecursive,
    };
  } catch (error) {
    if (error instanceof RegexError) return error.message;
    throw error;
  }
}

class Search {
  hasMatched = false;
  readonly #call: Invocation;
  readonly #plan: Plan;
  /** Something was printed already: a gap between contexts gets a line of dashes. */
  #hasPrinted = false;

  constructor(call: Invocation, plan: Plan) {
    this.#call = call;
    this.#plan = plan;
  }

  *searchAll(paths: readonly string[]): Running<void> {
    const { isRecursive } = this.#plan;
    for (const path of paths.length > 0 ? paths : [isRecursive ? '.' : '-']) {
      if (path !== '-' && isRecursive) yield* this.#searchTree(path);
      else yield* this.#searchFile(path);
      if (this.#isSatisfied) return;
    }
  }

  get #isSatisfied(): boolean {
    return this.hasMatched && this.#call.has('q');
  }

  *#searchTree(root: string): Running<void> {
    const walk = new TreeWalk(this.#call.system, [root], {
      follow: this.#call.has('R') ? 'always' : 'roots',
    });
    for (let entry = yield* walk.next(); entry !== null; entry = yield* walk.next()) {
      if (entry.event === 'file') yield* this.#searchFile(entry.path);
      else if (entry.error) yield* this.#complain(entry.path, entry.error.code);
      if (this.#isSatisfied) return;
    }
  }

  *#searchFile(path: string): Running<void> {
    const call = this.#call;
    if (path !== '-') {
      const stat = outcomeOf(() => call.system.stat(path));
      if (stat instanceof FsError) return yield* this.#complain(path, stat.code);
      if ((stat.mode & S_IFMT) === S_IFDIR) return yield* this.#complain(path, 'EISDIR');
    }
    const title = path === '-' ? '(standard input)' : path;
    yield* withInput(call, path, (input) => this.#searchInput(input, title));
  }

  *#complain(path: string, code: Parameters<Invocation['complain']>[1]): Running<void> {
    if (this.#call.has('s')) this.#call.exitCode ||= 2;
    else yield* this.#call.complain(path, code);
  }

  *#searchInput(input: InputStream, title: string): Running<void> {
    const call = this.#call;
    const { regex, matchesMax, before, after } = this.#plan;
    const isQuiet = ['c', 'l', 'L', 'q'].some((letter) => call.has(letter));
    const printer = new ContextPrinter(
      before,
      (line, number, isMatch) => this.#print(title, line, number, isMatch),
      () => call.printLine('--'),
    );
    const reader = new LineReader(input);
    let count = 0;
    let number = 0;
    let afterLeft = 0;
    search: for (let lines = yield* reader.next(); lines !== null; lines = yield* reader.next()) {
      for (const line of lines) {
        number++;
        if (number % LINES_PER_BREATH === 0) yield;
        const isMatch = count < matchesMax && regex.test(line) !== call.has('v');
        if (isMatch) {
          count++;
          this.hasMatched = true;
          if (call.has('q') || call.has('l') || call.has('L')) break search;
          if (!isQuiet && reader.hasNul && !call.has('a')) {
            yield* call.printLine(`Binary file ${title} matches`);
            return;
          }
          afterLeft = after;
          if (!isQuiet) yield* printer.match(line, number, this.#hasPrinted && before + after > 0);
          this.#hasPrinted = true;
        } else if (afterLeft > 0) {
          afterLeft--;
          if (!isQuiet) yield* printer.context(line, number);
        } else if (count >= matchesMax) {
          break search;
        } else {
          printer.remember(line, number);
        }
      }
    }
    yield* this.#conclude(title, count);
  }

  *#conclude(title: string, count: number): Running<void> {
    const call = this.#call;
    if (call.has('q')) return;
    if (call.has('l') || call.has('L')) {
      if (call.has('l') === count > 0) yield* call.printLine(title);
    } else if (call.has('c')) {
      yield* call.printLine(this.#plan.hasNames ? `${title}:${count}` : String(count));
    }
  }

  *#print(title: string, line: string, number: number, isMatch: boolean): Running<void> {
    const call = this.#call;
    const mark = isMatch ? ':' : '-';
    let prefix = this.#plan.hasNames ? `${title}${mark}` : '';
    if (call.has('n')) prefix += `${number}${mark}`;
    if (!call.has('o')) return yield* call.print(`${prefix}${line}\n`);
    if (!isMatch || call.has('v')) return;
    let rounds = 0;
    for (let at = 0; at <= line.length;) {
      const match = yield* this.#plan.regex.find(line, at);
      if (!match) return;
      if (match.end > match.start) {
        const offset = call.has('b') ? `${utf8(line.slice(0, match.start)).length}:` : '';
        yield* call.print(`${prefix}${offset}${line.slice(match.start, match.end)}\n`);
      }
      at = Math.max(match.end, match.start + 1);
      if (++rounds % MATCHES_PER_BREATH === 0) yield;
    }
  }
}

/** Keeps the lines before a match, and dashes between contexts that do not touch. */
class ContextPrinter {
  readonly #countMax: number;
  readonly #print: (line: string, number: number, isMatch: boolean) => Running<void>;
  readonly #printGap: () => Running<void>;
  #remembered: { line: string; number: number }[] = [];
  #lastPrinted = 0;

  constructor(
    countMax: number,
    print: (line: string, number: number, isMatch: boolean) => Running<void>,
    printGap: () => Running<void>,
  ) {
    this.#countMax = countMax;
    this.#print = print;
    this.#printGap = printGap;
  }

  remember(line: string, number: number): void {
    if (this.#countMax === 0) return;
    this.#remembered.push({ line, number });
    if (this.#remembered.length > this.#countMax) this.#remembered.shift();
  }

  *match(line: string, number: number, hasGap: boolean): Running<void> {
    const first = this.#remembered[0]?.number ?? number;
    if (hasGap && first !== this.#lastPrinted + 1) yield* this.#printGap();
    for (const each of this.#remembered) yield* this.#print(each.line, each.number, false);
    this.#remembered = [];
    yield* this.#print(line, number, true);
    this.#lastPrinted = number;
  }

  *context(line: string, number: number): Running<void> {
    yield* this.#print(line, number, false);
    this.#lastPrinted = number;
  }
}
