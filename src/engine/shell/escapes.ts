import { concatBytes, utf8 } from '../base/bytes.ts';

/** Backslash escapes of `echo -e`, `printf` and `tr`: text to the bytes it writes. */
const LETTERS: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  e: 27,
  E: 27,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
};

/**
 * `echo` wants a 0 before octal digits, `printf` does not. `\c` stops all output. What is no escape stays as it is.
 */
export function readEscapes(
  text: string,
  dialect: 'echo' | 'printf',
): { readonly bytes: Uint8Array; readonly isStopped: boolean } {
  const octal = dialect === 'echo' ? '0([0-7]{0,3})' : '([0-7]{1,3})';
  const escape = new RegExp(
    `\\\\(?:([abeEfnrtv\\\\])|${octal}|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|(c)|(["']))`,
    'g',
  );
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const match of text.matchAll(escape)) {
    const [whole, letter, octalDigits, hexadecimal, unicode, stop, quote] = match;
    if (quote !== undefined && dialect === 'echo') continue;
    parts.push(utf8(text.slice(at, match.index)));
    at = match.index + whole.length;
    if (stop !== undefined) return { bytes: concatBytes(parts), isStopped: true };
    if (unicode !== undefined) parts.push(utf8(String.fromCodePoint(Number.parseInt(unicode, 16))));
    else if (quote !== undefined) parts.push(utf8(quote));
    else parts.push(Uint8Array.of(byteOf(letter, octalDigits, hexadecimal)));
  }
  parts.push(utf8(text.slice(at)));
  return { bytes: concatBytes(parts), isStopped: false };
}

function byteOf(
  letter: string | undefined,
  octal: string | undefined,
  hexadecimal: string | undefined,
): number {
  if (letter !== undefined) return LETTERS[letter] ?? 0;
  if (hexadecimal !== undefined) return Number.parseInt(hexadecimal, 16);
  return octal === '' ? 0 : Number.parseInt(octal ?? '0', 8) & 0xff;
}
