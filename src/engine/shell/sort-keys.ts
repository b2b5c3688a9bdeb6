import type { Option } from './option-parser.ts';

/** What `sort` compares: keys made of fields and characters, each with its own way of comparing. */
export type Comparison = (a: string, b: string) => number;

interface Place {
  /** Counted from 1. */
  readonly field: number;
  /** Counted from 1; 0 as an end means the last character. */
  readonly character: number;
}

interface Key {
  readonly from: Place;
  readonly to: Place | undefined;
  readonly letters: string;
}

/** Keys by -k, or the whole line; a sentence for what cannot be read. */
export function readKeys(options: readonly Option[]): Key[] | string {
  const common = options
    .map(({ letter }) => letter)
    .filter((letter) => 'bdfhinrMV'.includes(letter))
    .join('');
  const keys: Key[] = [];
  for (const { letter, value } of options) {
    if (letter !== 'k') continue;
    const match =
      /^(\d{1,6})(?:\.(\d{1,6}))?([bdfhinrMV]*)(?:,(\d{1,6})(?:\.(\d{1,6}))?([bdfhinrMV]*))?$/.exec(value);
    if (!match || match[1] === '0') return `-k ${value}: invalid field specification`;
    const [, field, character = '1', letters1 = '', toField, toCharacter = '0', letters2 = ''] = match;
    keys.push({
      from: { field: Number(field), character: Number(character) },
      to: toField === undefined ? undefined : { field: Number(toField), character: Number(toCharacter) },
      letters: letters1 + letters2,
    });
  }
  if (keys.length === 0) return [{ from: { field: 1, character: 1 }, to: undefined, letters: common }];
  return keys.map((key) => (key.letters === '' ? { ...key, letters: common } : key));
}

export function makeComparison(
  keys: readonly Key[],
  separator: string | undefined,
  { isReversed, isStable }: { isReversed: boolean; isStable: boolean },
): Comparison {
  const parts = keys.map((key) => ({
    pick: (line: string) => pick(line, key, separator),
    compare: comparisonOf(key.letters),
    sign: key.letters.includes('r') ? -1 : 1,
  }));
  return (a, b) => {
    for (const { pick: take, compare, sign } of parts) {
      const order = compare(take(a), take(b));
      if (order !== 0) return order * sign;
    }
    // The last resort: the whole lines, so that the result does not depend on the order of the input.
    return isStable ? 0 : byText(a, b) * (isReversed ? -1 : 1);
  };
}

function pick(line: string, { from, to, letters }: Key, separator: string | undefined): string {
  const isWhole = from.field === 1 && from.character === 1 && to === undefined;
  if (isWhole) return letters.includes('b') ? line.trimStart() : line;
  const fields = fieldsOf(line, separator);
  const start = placeOf(line, fields, from, letters.includes('b'));
  if (to === undefined) return line.slice(start);
  const field = fields[to.field - 1];
  const end = !field
    ? line.length
    : to.character === 0
      ? field.end
      : Math.min(field.end, placeOf(line, fields, to, letters.includes('b')) + 1);
  return line.slice(start, Math.max(start, end));
}

interface Field {
  readonly start: number;
  readonly end: number;
}

/** Without a separator the blanks before a field belong to it. */
function fieldsOf(line: string, separator: string | undefined): Field[] {
  const fields: Field[] = [];
  if (separator === undefined) {
    for (const match of line.matchAll(/[ \t]*[^ \t]+/g))
      fields.push({ start: match.index, end: match.index + match[0].length });
    return fields;
  }
  for (let start = 0; ;) {
    const end = line.indexOf(separator, start);
    fields.push({ start, end: end < 0 ? line.length : end });
    if (end < 0) return fields;
    start = end + separator.length;
  }
}

function placeOf(line: string, fields: readonly Field[], place: Place, skipsBlanks: boolean): number {
  const field = fields[place.field - 1];
  if (!field) return line.length;
  let start = field.start;
  if (skipsBlanks) while (start < field.end && /[ \t]/.test(line.charAt(start))) start++;
  return Math.min(field.end, start + place.character - 1);
}

function comparisonOf(letters: string): Comparison {
  if (letters.includes('n')) return (a, b) => numberOf(a) - numberOf(b);
  if (letters.includes('h')) return (a, b) => humanNumberOf(a) - humanNumberOf(b);
  if (letters.includes('M')) return (a, b) => monthOf(a) - monthOf(b);
  if (letters.includes('V')) return byVersion;
  const changes: ((text: string) => string)[] = [];
  if (letters.includes('d')) changes.push((text) => text.replace(/[^\p{L}\p{N} \t]/gu, ''));
  if (letters.includes('i')) changes.push((text) => text.replace(/\p{Cc}/gu, ''));
  if (letters.includes('f')) changes.push((text) => text.toUpperCase());
  if (changes.length === 0) return byText;
  const prepare = (text: string) => changes.reduce((changed, change) => change(changed), text);
  return (a, b) => byText(prepare(a), prepare(b));
}

/** By code point, as the C locale and macOS's UTF-8 locales do; surrogates come after the rest of the plane. */
function byText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x !== y) return lifted(x) - lifted(y);
  }
  return a.length - b.length;
}

const lifted = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);

const numberOf = (text: string): number => {
  const digits = /^\s*(-?\d*\.?\d*)/.exec(text)?.[1] ?? '';
  return /\d/.test(digits) ? Number(digits) : 0;
};

/** By the letter first: 1023K is less than 1M however many there are. */
function humanNumberOf(text: string): number {
  const unit = /^\s*-?\d*\.?\d*([KMGTPEZY]?)/i.exec(text)?.[1]?.toUpperCase() ?? '';
  const power = unit === '' ? 0 : 'KMGTPEZY'.indexOf(unit) + 1;
  const value = numberOf(text);
  return Math.sign(value) * (power * 1e9 + Math.min(Math.abs(value), 999_999_999));
}

const MONTHS = 'JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC';
const monthOf = (text: string): number => {
  const name = text.trimStart().slice(0, 3).toUpperCase();
  const at = name.length === 3 ? MONTHS.indexOf(name) : -1;
  return at < 0 || at % 3 !== 0 ? 0 : at / 3 + 1;
};

function byVersion(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.match(/\d+|\D+/g) ?? []);
  for (let i = 0; i < Math.max(left?.length ?? 0, right?.length ?? 0); i++) {
    const [x = '', y = ''] = [left?.[i], right?.[i]];
    const isNumber = /^\d/.test(x) && /^\d/.test(y);
    const order = isNumber ? Number(x) - Number(y) : byText(x, y);
    if (order !== 0) return order;
  }
  return 0;
}
