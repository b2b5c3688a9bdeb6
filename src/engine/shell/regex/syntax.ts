import { characterClass } from '../pattern.ts';

/**
 * POSIX regular expressions, basic and extended (IEEE 1003.1, chapter 9), with what BSD and GNU add to both: `\w \W \s
 * \S \d \D \b \B \< \>`, and `\+ \? \|` in basic ones. Back-references are refused: they alone would make matching
 * take exponential time.
 */
export type Node =
  | { readonly kind: 'empty' }
  /** One UTF-16 unit out of a set. */
  | { readonly kind: 'set'; readonly test: (unit: number) => boolean }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  | { readonly kind: 'sequence'; readonly nodes: readonly Node[] }
  | { readonly kind: 'choice'; readonly nodes: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number }
  | { readonly kind: 'group'; readonly node: Node; readonly index: number };

export type Assertion =
  | 'start'
  | 'end'
  | 'word boundary'
  | 'no word boundary'
  | 'word start'
  | 'word end'
  | 'no word before'
  | 'no word after';

/** A regular expression that cannot be; the message is what grep prints behind its name. */
export class RegexError extends Error {
  override readonly name = 'RegexError';
}

export interface Dialect {
  readonly isExtended: boolean;
  readonly ignoresCase: boolean;
}

const REPEAT_MAX = 255;
const DEPTH_MAX = 100;

export function parseRegex(source: string, dialect: Dialect): { node: Node; groupCount: number } {
  return new Parser(source, dialect).parse();
}

/** The text itself as an expression, for `-F`. */
export function literalRegex(text: string, dialect: Dialect): Node {
  return {
    kind: 'sequence',
    nodes: Array.from(text, (character) => literal(character, dialect.ignoresCase)),
  };
}

class Parser {
  readonly #source: string;
  readonly #isExtended: boolean;
  readonly #ignoresCase: boolean;
  #at = 0;
  #depth = 0;
  #groupCount = 0;

  constructor(source: string, dialect: Dialect) {
    this.#source = source;
    this.#isExtended = dialect.isExtended;
    this.#ignoresCase = dialect.ignoresCase;
  }

  parse(): { node: Node; groupCount: number } {
    const node = this.#choice();
    if (this.#at < this.#source.length) throw new RegexError('parentheses not balanced');
    return { node, groupCount: this.#groupCount };
  }

  /** Does the operator stand here (with a backslash in basic expressions)? Steps over it. */
  #accept(operator: string): boolean {
    const text = this.#isExtended ? operator : `\\${operator}`;
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #sees(operator: string): boolean {
    return this.#source.startsWith(this.#isExtended ? operator : `\\${operator}`, this.#at);
  }

  #choice(): Node {
    if (++this.#depth > DEPTH_MAX) throw new RegexError('regular expression nested too deeply');
    const nodes = [this.#sequence()];
    while (this.#accept('|')) nodes.push(this.#sequence());
    this.#depth--;
    return nodes.length === 1 ? (nodes[0] as Node) : { kind: 'choice', nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    while (this.#at < this.#source.length && !this.#sees('|') && !(this.#depth > 1 && this.#sees(')'))) {
      const isFirst = nodes.length === 0;
      nodes.push(this.#repeated(this.#atom(isFirst), isFirst));
    }
    return nodes.length === 1 ? (nodes[0] as Node) : { kind: 'sequence', nodes };
  }

  #repeated(atom: Node, isFirst: boolean): Node {
    let node = atom;
    for (;;) {
      const isAnchor = atom.kind === 'assertion' && isFirst && !this.#isExtended;
      if (this.#source[this.#at] === '*' && !isAnchor) {
        this.#at++;
        node = { kind: 'repeat', node, min: 0, max: Number.POSITIVE_INFINITY };
      } else if (this.#accept('+')) {
        node = { kind: 'repeat', node, min: 1, max: Number.POSITIVE_INFINITY };
      } else if (this.#accept('?')) {
        node = { kind: 'repeat', node, min: 0, max: 1 };
      } else {
        const bounds = this.#bounds();
        if (!bounds) return node;
        node = { kind: 'repeat', node, ...bounds };
      }
    }
  }

  #bounds(): { min: number; max: number } | undefined {
    const form = this.#isExtended ? /\{(\d+)(,?)(\d*)\}/y : /\\\{(\d+)(,?)(\d*)\\\}/y;
    form.lastIndex = this.#at;
    const match = form.exec(this.#source);
    if (!match) {
      if (!this.#isExtended && this.#sees('{')) throw new RegexError('invalid repetition count(s)');
      return undefined;
    }
    this.#at += match[0].length;
    const min = Number(match[1]);
    const max = match[2] === '' ? min : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3]);
    const isBounded = min <= REPEAT_MAX && (max <= REPEAT_MAX || max === Number.POSITIVE_INFINITY);
    if (min > max || !isBounded) throw new RegexError('invalid repetition count(s)');
    return { min, max };
  }

  #atom(isFirst: boolean): Node {
    const character = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0);
    if (this.#accept('(')) return this.#group();
    if (this.#isExtended && /[*+?]/.test(character) && isFirst)
      throw new RegexError('repetition-operator operand invalid');
    this.#at += character.length;
    switch (character) {
      case '.':
        return ANY;
      case '[':
        return this.#set();
      case '^':
        return this.#isExtended || isFirst ? assertion('start') : this.#literal(character);
      case '$':
        return this.#isExtended || this.#isAtEnd() ? assertion('end') : this.#literal(character);
      case '\\':
        return this.#escape();
      default:
        return this.#literal(character);
    }
  }

  #isAtEnd(): boolean {
    return this.#at === this.#source.length || this.#sees(')') || this.#sees('|');
  }

  #group(): Node {
    const index = ++this.#groupCount;
    const node = this.#choice();
    if (!this.#accept(')')) throw new RegexError('parentheses not balanced');
    return { kind: 'group', node, index };
  }

  #escape(): Node {
    const character = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0x5c);
    if (this.#at >= this.#source.length) throw new RegexError('trailing backslash (\\)');
    this.#at += character.length;
    if (/[1-9]/.test(character)) throw new RegexError('back-references are not supported');
    return ESCAPES[character] ?? this.#literal(character);
  }

  #literal(character: string): Node {
    return literal(character, this.#ignoresCase);
  }

  #set(): Node {
    const isNegated = this.#source[this.#at] === '^';
    if (isNegated) this.#at++;
    const tests: ((unit: number) => boolean)[] = [];
    for (let isFirst = true; ; isFirst = false) {
      if (this.#at >= this.#source.length) throw new RegexError('brackets ([ ]) not balanced');
      if (this.#source[this.#at] === ']' && !isFirst) break;
      tests.push(this.#setMember());
    }
    this.#at++;
    const folded = this.#ignoresCase ? tests.map(foldingCase) : tests;
    const test = (unit: number) => folded.some((member) => member(unit)) !== isNegated;
    return isNegated ? wholeCharacter(test) : { kind: 'set', test };
  }

  #setMember(): (unit: number) => boolean {
    const named = /\[:([a-z]+):\]/y;
    named.lastIndex = this.#at;
    const name = named.exec(this.#source)?.[1];
    if (name !== undefined) {
      const members = characterClass(name);
      if (!members) throw new RegexError('invalid character class');
      this.#at += name.length + 4;
      return (unit) => members.test(String.fromCharCode(unit));
    }
    const first = this.#source.charCodeAt(this.#at++);
    const isRange = this.#source[this.#at] === '-' && ![']', undefined].includes(this.#source[this.#at + 1]);
    if (!isRange) return (unit) => unit === first;
    const last = this.#source.charCodeAt(this.#at + 1);
    this.#at += 2;
    if (last < first) throw new RegexError('invalid character range');
    return (unit) => unit >= first && unit <= last;
  }
}

const assertion = (kind: Assertion): Node => ({ kind: 'assertion', assertion: kind });

function literal(character: string, ignoresCase: boolean): Node {
  if (character.length > 1)
    return { kind: 'sequence', nodes: Array.from({ length: 2 }, (_, i) => unit(character.charCodeAt(i))) };
  const code = character.charCodeAt(0);
  if (!ignoresCase) return unit(code);
  return { kind: 'set', test: foldingCase((each) => each === code) };
}

const unit = (code: number): Node => ({ kind: 'set', test: (each) => each === code });

function foldingCase(test: (unit: number) => boolean): (unit: number) => boolean {
  return (code) => {
    const character = String.fromCharCode(code);
    return [character, character.toLowerCase(), character.toUpperCase()].some(
      (each) => each.length === 1 && test(each.charCodeAt(0)),
    );
  };
}

/** A set that takes a pair of surrogates as one character. */
function wholeCharacter(test: (unit: number) => boolean): Node {
  const isHigh = (code: number) => code >= 0xd800 && code < 0xdc00;
  const isLow = (code: number) => code >= 0xdc00 && code < 0xe000;
  const pair: Node = {
    kind: 'sequence',
    nodes: [
      { kind: 'set', test: isHigh },
      { kind: 'set', test: isLow },
    ],
  };
  return { kind: 'choice', nodes: [{ kind: 'set', test: (code) => !isHigh(code) && test(code) }, pair] };
}

const ANY = wholeCharacter(() => true);

export const isWordUnit = (code: number): boolean =>
  code === 0x5f || (code < 128 ? /[0-9A-Za-z]/ : /[\p{L}\p{N}]/u).test(String.fromCharCode(code));

const isSpaceUnit = (code: number): boolean => /\s/.test(String.fromCharCode(code));
const isDigitUnit = (code: number): boolean => code >= 48 && code <= 57;

const ESCAPES: Readonly<Record<string, Node>> = {
  w: { kind: 'set', test: isWordUnit },
  W: wholeCharacter((code) => !isWordUnit(code)),
  s: { kind: 'set', test: isSpaceUnit },
  S: wholeCharacter((code) => !isSpaceUnit(code)),
  d: { kind: 'set', test: isDigitUnit },
  D: wholeCharacter((code) => !isDigitUnit(code)),
  b: assertion('word boundary'),
  B: assertion('no word boundary'),
  '<': assertion('word start'),
  '>': assertion('word end'),
};
