import { utf8 } from '../base/bytes.ts';

const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * A file name for a terminal: controls, newline included, become `?` as in macOS's `ls -q`, and so do marks that turn
 * the direction of text. The terminal itself guards against the rest; a newline in a name only a lister can tell.
 */
export const visibleName = (name: string): string => name.replace(CONTROLS, '?');

const LETTERS: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** `ls -B` and `ls -b`: what cannot be printed, quotes and backslashes as octal bytes, or as C's letters where it has some. */
export const escapedName = (name: string, usesLetters: boolean): string =>
  name.replace(/[\p{Cc}\p{Cf}"\\]/gu, (letter) => {
    const escape = usesLetters ? LETTERS[letter] : undefined;
    return escape ?? [...utf8(letter)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  });
