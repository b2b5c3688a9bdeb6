import { concatBytes, textOf } from '../../base/bytes.ts';
import type { Running } from '../command.ts';
import { readEscapes } from '../escapes.ts';
import { characterClass } from '../pattern.ts';
import { program, type Invocation } from '../program.ts';

const ASCII = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
const SET_LENGTH_MAX = 0x20000;

export const tr = program({
  name: 'tr',
  summary: 'exchange, squeeze or delete characters',
  manual: `tr [-Cc] [-s] string1 string2
tr [-Cc] -d string1
tr [-Cc] -s string1
tr [-Cc] -ds string1 string2

Copies standard input with each character of string1 replaced by its counterpart in string2 (whose last character
stands for all that are missing). -d deletes, -s makes one of several equal ones, -c takes all characters but these.
Strings know ranges a-z, classes [:alpha:], repeats [x*3] and escapes \\n \\t \\\\ \\012.`,
  letters: 'Ccdsu',
  usage:
    'usage: tr [-Ccsu] string1 string2\n       tr [-Ccu] -d string1\n       tr [-Ccu] -s string1\n       tr [-Ccu] -ds string1 string2',
  usageExitCode: 1,
  *main(call) {
    const [text1, text2, ...more] = call.operands;
    const needsSecond = call.has('d') === call.has('s');
    const mayHaveSecond = needsSecond || call.has('s');
    const isWrong = needsSecond ? text2 === undefined : text2 !== undefined && !mayHaveSecond;
    if (text1 === undefined || more.length > 0 || isWrong) return yield* call.showUsage();
    const set1 = readSet(text1, 0);
    const set2 = text2 === undefined ? undefined : readSet(text2, Array.isArray(set1) ? set1.length : 0);
    if (typeof set1 === 'string') return yield* call.fail(set1);
    if (typeof set2 === 'string') return yield* call.fail(set2);
    if (set2?.length === 0 && !call.has('d')) return yield* call.fail('empty string2');
    yield* translate(call, makeRules(call, set1, set2));
    return 0;
  },
});

interface Rules {
  readonly isDeleted: (character: string) => boolean;
  readonly map: (character: string) => string;
  readonly isSqueezed: (character: string) => boolean;
}

function makeRules(call: Invocation, set1: readonly string[], set2: readonly string[] | undefined): Rules {
  const members = new Set(set1);
  const isComplement = call.has('c') || call.has('C');
  const isIn1 = (character: string) => members.has(character) !== isComplement;
  const never = () => false;
  const last = set2?.at(-1) ?? '';
  const table = new Map(set1.map((character, index): [string, string] => [character, set2?.[index] ?? last]));
  const isMapping = !call.has('d') && set2 !== undefined;
  const squeezed = new Set(set2);
  return {
    isDeleted: call.has('d') ? isIn1 : never,
    map: !isMapping
      ? (character) => character
      : isComplement
        ? (character) => (isIn1(character) ? last : character)
        : (character) => table.get(character) ?? character,
    isSqueezed: !call.has('s') ? never : set2 === undefined ? isIn1 : (character) => squeezed.has(character),
  };
}

function* translate(call: Invocation, rules: Rules): Running<void> {
  const { stdin, stdout } = call.context;
  let carry = new Uint8Array(0);
  let before = '';
  for (let piece = yield* stdin.read(); ; piece = yield* stdin.read()) {
    const bytes: Uint8Array = piece === null ? carry : concatBytes([carry, piece]);
    const end = piece === null ? bytes.length : endOfCharacters(bytes);
    carry = bytes.slice(end);
    let text = '';
    for (const character of textOf(bytes.subarray(0, end))) {
      if (rules.isDeleted(character)) continue;
      const mapped = rules.map(character);
      if (mapped === before && rules.isSqueezed(mapped)) continue;
      text += mapped;
      before = mapped;
    }
    yield* stdout.write(text);
    yield;
    if (piece === null) return;
  }
}

/** Where the last whole UTF-8 sequence ends, so that none is cut between two pieces. */
function endOfCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return bytes.length;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** Characters of a string of tr in order, or what is wrong with it. */
function readSet(source: string, length1: number): string[] | string {
  const text = Array.from(textOf(readEscapes(source, 'printf').bytes));
  const set: string[] = [];
  for (let at = 0; at < text.length;) {
    const rest = text.slice(at, at + 40).join('');
    const name = /^\[:([a-z]+):\]/.exec(rest)?.[1];
    const repeat = /^\[(.)\*(\d*)\]/su.exec(rest);
    if (name !== undefined) {
      const members = characterClass(name);
      if (!members) return `unknown class: ${name}`;
      set.push(...ASCII.filter((character) => members.test(character)));
      at += name.length + 4;
    } else if (repeat) {
      const [whole, character = '', digits = ''] = repeat;
      const count =
        digits === '' || Number(digits) === 0 ? Math.max(0, length1 - set.length) : Number(digits);
      if (count > SET_LENGTH_MAX) return `illegal sequence count: ${digits}`;
      for (let i = 0; i < count; i++) set.push(character);
      at += Array.from(whole).length;
    } else if (text[at + 1] === '-' && at + 2 < text.length) {
      const [first, last] = [text[at]?.codePointAt(0) ?? 0, text[at + 2]?.codePointAt(0) ?? 0];
      if (last < first || last - first > SET_LENGTH_MAX)
        return `range-endpoints of '${rest.slice(0, 3)}' are in reverse order`;
      for (let code = first; code <= last; code++) set.push(String.fromCodePoint(code));
      at += 3;
    } else {
      set.push(text[at] ?? '');
      at++;
    }
  }
  return set;
}
