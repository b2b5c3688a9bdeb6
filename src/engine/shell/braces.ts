import { ShellError } from './errors.ts';
import { BRACE_WORDS_MAX } from './limits.ts';

/**
 * Brace expansion, `a{b,c}d` and `{1..9}`, over the symbols of one word: a symbol is an unquoted character, or
 * something opaque (a quoted piece, an expansion) that braces only move about.
 */
export type WordSymbol<T> = string | T;

interface Budget {
  itemsLeft: number;
}

/** All words that one word means; just itself when its braces mean nothing. */
export function expandBraces<T extends object>(word: readonly WordSymbol<T>[]): WordSymbol<T>[][] {
  return expand(word, { itemsLeft: BRACE_WORDS_MAX });
}

function expand<T extends object>(word: readonly WordSymbol<T>[], budget: Budget): WordSymbol<T>[][] {
  for (let open = 0; open < word.length; open++) {
    if (word[open] !== '{') continue;
    const group = readGroup(word, open);
    if (!group) continue;
    const choices = group.sequence ?? group.parts.flatMap((part) => expand(part, budget));
    const before = word.slice(0, open);
    const rests = expand(word.slice(group.close + 1), budget);
    spend(budget, choices.length * rests.length);
    return choices.flatMap((choice) => rests.map((rest) => [...before, ...choice, ...rest]));
  }
  return [[...word]];
}

function spend(budget: Budget, items: number): void {
  budget.itemsLeft -= items;
  if (budget.itemsLeft < 0)
    throw new ShellError(`braces expand to more than ${BRACE_WORDS_MAX} words; use a loop or seq`);
}

interface Group<T> {
  readonly close: number;
  readonly parts: WordSymbol<T>[][];
  readonly sequence: string[][] | undefined;
}

/** The group that opens at `open`, when it closes and has a comma or is a sequence. */
function readGroup<T extends object>(word: readonly WordSymbol<T>[], open: number): Group<T> | undefined {
  const parts: WordSymbol<T>[][] = [];
  let depth = 0;
  let partStart = open + 1;
  for (let at = open; at < word.length; at++) {
    const symbol = word[at];
    if (symbol === '{') depth++;
    else if (symbol === '}') depth--;
    const isEnd = depth === 0;
    if (isEnd || (depth === 1 && symbol === ',')) {
      parts.push(word.slice(partStart, at));
      partStart = at + 1;
    }
    if (!isEnd) continue;
    const sequence = parts.length === 1 ? readSequence(parts[0] ?? []) : undefined;
    return parts.length > 1 || sequence ? { close: at, parts, sequence } : undefined;
  }
  return undefined;
}

/** `1..9`, `09..1..2`, `a..f`. */
function readSequence(symbols: readonly (string | object)[]): string[][] | undefined {
  if (symbols.some((symbol) => typeof symbol !== 'string')) return undefined;
  const text = symbols.join('');
  const numbers = /^(-?\d{1,15})\.\.(-?\d{1,15})(?:\.\.(-?\d{1,15}))?$/.exec(text);
  if (numbers) {
    const [, first = '', last = '', step = '1'] = numbers;
    const width = /^-?0\d/.test(first) || /^-?0\d/.test(last) ? Math.max(first.length, last.length) : 0;
    return count(Number(first), Number(last), Number(step)).map((value) => [...padded(value, width)]);
  }
  const letters = /^([A-Za-z])\.\.([A-Za-z])(?:\.\.(-?\d{1,15}))?$/.exec(text);
  if (!letters) return undefined;
  const [, first = '', last = '', step = '1'] = letters;
  return count(first.charCodeAt(0), last.charCodeAt(0), Number(step)).map((code) => [
    String.fromCharCode(code),
  ]);
}

function count(first: number, last: number, stepWish: number): number[] {
  const step = Math.max(1, Math.abs(stepWish));
  const length = Math.floor(Math.abs(last - first) / step) + 1;
  if (length > BRACE_WORDS_MAX)
    throw new ShellError(
      `{${first}..${last}} is ${length} words, the limit is ${BRACE_WORDS_MAX}; use a loop or seq`,
    );
  return Array.from({ length }, (_, i) => first + (last < first ? -step : step) * i);
}

function padded(value: number, width: number): string {
  const digits = String(Math.abs(value));
  return value < 0 ? `-${digits.padStart(width - 1, '0')}` : digits.padStart(width, '0');
}
