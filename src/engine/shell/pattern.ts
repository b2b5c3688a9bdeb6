import { ShellError } from './errors.ts';
import { PATTERN_STEPS_MAX } from './limits.ts';

/**
 * Shell patterns: `*`, `?`, `[a-z]`, `[!a]`, `[[:alpha:]]`, with `\` quoting one character. Matched by walking all
 * states at once, so that no pattern takes longer than its length times the text's.
 */
type Token =
  | { readonly kind: 'character'; readonly character: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'star' }
  | { readonly kind: 'set'; readonly isNegated: boolean; readonly members: readonly Member[] };

type Member = { readonly first: string; readonly last: string } | { readonly matches: RegExp };

const CLASSES: Readonly<Record<string, RegExp>> = {
  alpha: /^\p{L}$/u,
  digit: /^[0-9]$/,
  alnum: /^[\p{L}0-9]$/u,
  upper: /^\p{Lu}$/u,
  lower: /^\p{Ll}$/u,
  space: /^\s$/,
  blank: /^[ \t]$/,
  punct: /^[!-/:-@[-`{-~]$/,
  print: /^[^\p{Cc}]$/u,
  graph: /^[^\p{Cc}\s]$/u,
  cntrl: /^\p{Cc}$/u,
  xdigit: /^[0-9A-Fa-f]$/,
};

export const characterClass = (name: string): RegExp | undefined => CLASSES[name];

/** Does the text hold a character that patterns treat specially? */
export const isPattern = (text: string): boolean => /[*?[]/.test(text);

/** Makes every character of `text` stand for itself. */
export const quotePattern = (text: string): string => text.replace(/[*?[\]\\!^-]/g, '\\$&');

const cache = new Map<string, Pattern>();
const CACHE_SIZE_MAX = 256;

/** The pattern that `text` writes. */
export function compilePattern(text: string): Pattern {
  let pattern = cache.get(text);
  if (!pattern) {
    if (cache.size >= CACHE_SIZE_MAX) cache.clear();
    cache.set(text, (pattern = new Pattern(readTokens(Array.from(text)))));
  }
  return pattern;
}

export class Pattern {
  readonly #tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** Does it begin with a literal full stop? Only then a glob finds hidden files. */
  get beginsWithDot(): boolean {
    const [first] = this.#tokens;
    return first?.kind === 'character' && first.character === '.';
  }

  matches(text: string): boolean {
    const characters = Array.from(text);
    return this.#ends(characters, 0, 'longest') === characters.length;
  }

  /** `${x#p}`: how many code points the match at the beginning has; −1 when there is none. */
  prefixLength(characters: readonly string[], wish: 'shortest' | 'longest'): number {
    return this.#ends(characters, 0, wish);
  }

  /** `${x%p}`: likewise at the end. */
  suffixLength(characters: readonly string[], wish: 'shortest' | 'longest'): number {
    const reversed = new Pattern(this.#tokens.toReversed());
    return reversed.#ends(characters.toReversed(), 0, wish);
  }

  /** `${x/p/r}`: the text with the first or every longest match replaced. */
  replace(text: string, replacement: string, isEvery: boolean): string {
    const characters = Array.from(text);
    let result = '';
    let steps = 0;
    for (let at = 0; at < characters.length;) {
      const end = this.#ends(characters, at, 'longest', (count) => (steps += count));
      if (steps > PATTERN_STEPS_MAX)
        throw new ShellError('the pattern takes too long on a text of this length');
      if (end <= at) {
        result += characters[at++] ?? '';
        continue;
      }
      result += replacement;
      at = end;
      if (!isEvery) return result + characters.slice(at).join('');
    }
    return result;
  }

  /** Where a match that starts at `from` ends; −1 when there is none. */
  #ends(
    characters: readonly string[],
    from: number,
    wish: 'shortest' | 'longest',
    report?: (steps: number) => void,
  ): number {
    const tokens = this.#tokens;
    // states[i]: the first i tokens are used up.
    let states = new Uint8Array(tokens.length + 1);
    states[0] = 1;
    this.#skipStars(states);
    let end = states[tokens.length] === 1 ? from : -1;
    let at = from;
    for (; at < characters.length && !(wish === 'shortest' && end >= 0); at++) {
      const next = new Uint8Array(tokens.length + 1);
      let isAlive = false;
      const character = characters[at] ?? '';
      for (let i = 0; i < tokens.length; i++) {
        if (states[i] === 0) continue;
        const token = tokens[i] as Token;
        if (!accepts(token, character)) continue;
        next[token.kind === 'star' ? i : i + 1] = 1;
        isAlive = true;
      }
      if (!isAlive) break;
      this.#skipStars(next);
      states = next;
      if (states[tokens.length] === 1) end = at + 1;
    }
    report?.((at - from + 1) * (tokens.length + 1));
    return end;
  }

  #skipStars(states: Uint8Array): void {
    for (let i = 0; i < this.#tokens.length; i++)
      if (states[i] === 1 && this.#tokens[i]?.kind === 'star') states[i + 1] = 1;
  }
}

function accepts(token: Token, character: string): boolean {
  switch (token.kind) {
    case 'character':
      return token.character === character;
    case 'any':
    case 'star':
      return true;
    case 'set':
      return token.members.some((member) => isMember(member, character)) !== token.isNegated;
  }
}

const isMember = (member: Member, character: string): boolean =>
  'matches' in member
    ? member.matches.test(character)
    : codePoint(member.first) <= codePoint(character) && codePoint(character) <= codePoint(member.last);

const codePoint = (character: string): number => character.codePointAt(0) ?? 0;

function readTokens(characters: readonly string[]): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === '*') {
      if (tokens.at(-1)?.kind !== 'star') tokens.push({ kind: 'star' });
    } else if (character === '?') {
      tokens.push({ kind: 'any' });
    } else if (character === '\\' && at + 1 < characters.length) {
      tokens.push({ kind: 'character', character: characters[++at] ?? '' });
    } else {
      const set = character === '[' ? readSet(characters, at) : undefined;
      tokens.push(set ? set.token : { kind: 'character', character });
      if (set) at = set.end;
    }
  }
  return tokens;
}

/** The set that opens at `open`; undefined when it never closes and `[` is only a bracket. */
function readSet(characters: readonly string[], open: number): { token: Token; end: number } | undefined {
  let at = open + 1;
  const isNegated = characters[at] === '!' || characters[at] === '^';
  if (isNegated) at++;
  const members: Member[] = [];
  for (let isFirst = true; at < characters.length; isFirst = false) {
    if (characters[at] === ']' && !isFirst) return { token: { kind: 'set', isNegated, members }, end: at };
    const named = /^\[:([a-z]+):\]/.exec(characters.slice(at, at + 12).join(''));
    const matches = named ? characterClass(named[1] ?? '') : undefined;
    if (named && matches) {
      members.push({ matches });
      at += named[0].length;
      continue;
    }
    const first = readMember(characters, at);
    const isRange = characters[first.next] === '-' && ![']', undefined].includes(characters[first.next + 1]);
    const last = isRange ? readMember(characters, first.next + 1) : first;
    members.push({ first: first.character, last: last.character });
    at = last.next;
  }
  return undefined;
}

function readMember(characters: readonly string[], at: number): { character: string; next: number } {
  const isQuoted = characters[at] === '\\' && at + 1 < characters.length;
  return { character: characters[isQuoted ? at + 1 : at] ?? '', next: at + (isQuoted ? 2 : 1) };
}
