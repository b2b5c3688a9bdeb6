/**
 * fnmatch(3): `*`, `?`, `[a-z]`, `[!a]`, `[[:digit:]]`, backslash. Slashes and leading dots are characters like others,
 * as for `find -name` and `du -I`. Costs at most pattern × text steps, whatever the pattern.
 */
export function matches(pattern: string, text: string, ignoresCase = false): boolean {
  const tokens = tokenize(ignoresCase ? pattern.toLowerCase() : pattern);
  const letters = [...(ignoresCase ? text.toLowerCase() : text)];
  let at = 0;
  let token = 0;
  let starToken = -1;
  let starAt = 0;
  while (at < letters.length) {
    const test = tokens[token];
    if (test === '*') {
      starToken = token++;
      starAt = at;
    } else if (test !== undefined && test(letters[at] ?? '')) {
      token++;
      at++;
    } else if (starToken >= 0) {
      token = starToken + 1;
      at = ++starAt;
    } else return false;
  }
  while (tokens[token] === '*') token++;
  return token === tokens.length;
}

type Token = '*' | ((letter: string) => boolean);

function tokenize(pattern: string): Token[] {
  const letters = [...pattern];
  const tokens: Token[] = [];
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at] ?? '';
    if (letter === '*') tokens.push('*');
    else if (letter === '?') tokens.push(() => true);
    else if (letter === '[') {
      const found = bracket(letters, at);
      if (found) {
        tokens.push(found.test);
        at = found.end;
      } else tokens.push((other) => other === '[');
    } else {
      const literal = letter === '\\' && at + 1 < letters.length ? (letters[++at] ?? '') : letter;
      tokens.push((other) => other === literal);
    }
  }
  return tokens;
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[\p{L}\p{N}]/u,
  alpha: /\p{L}/u,
  blank: /[ \t]/,
  cntrl: /\p{Cc}/u,
  digit: /[0-9]/,
  graph: /[^\p{C}\s]/u,
  lower: /\p{Ll}/u,
  print: /[^\p{C}]/u,
  punct: /[\p{P}\p{S}]/u,
  space: /\s/,
  upper: /\p{Lu}/u,
  xdigit: /[0-9A-Fa-f]/,
};

/** The set that begins at `start`; null when it is not closed, so that the bracket stands for itself. */
function bracket(
  letters: readonly string[],
  start: number,
): { test: (letter: string) => boolean; end: number } | null {
  let at = start + 1;
  const isNegated = letters[at] === '!' || letters[at] === '^';
  if (isNegated) at++;
  const tests: ((letter: string) => boolean)[] = [];
  for (let isFirst = true; ; isFirst = false) {
    const letter = letters[at];
    if (letter === undefined) return null;
    if (letter === ']' && !isFirst) break;
    const named = letter === '[' && letters[at + 1] === ':' ? className(letters, at + 2) : null;
    if (named) {
      tests.push((other) => named.test.test(other));
      at = named.end;
      continue;
    }
    const low = letter === '\\' ? (letters[++at] ?? '\\') : letter;
    const high = letters[at + 1] === '-' && letters[at + 2] !== ']' ? letters[at + 2] : undefined;
    at += high === undefined ? 1 : 3;
    tests.push((other) => codeOf(other) >= codeOf(low) && codeOf(other) <= codeOf(high ?? low));
  }
  return { test: (letter) => tests.some((test) => test(letter)) !== isNegated, end: at };
}

function className(letters: readonly string[], start: number): { test: RegExp; end: number } | null {
  const close = letters.findIndex((letter, at) => at >= start && letter === ':' && letters[at + 1] === ']');
  if (close < 0) return null;
  const test = CLASSES[letters.slice(start, close).join('')];
  return test ? { test, end: close + 2 } : null;
}

const codeOf = (letter: string): number => letter.codePointAt(0) ?? -1;
