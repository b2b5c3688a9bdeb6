import { expect, test } from 'vitest';
import {
  blocksInWords,
  bytesInWords,
  durationInWords,
  parseSize,
  plural,
  visible,
} from '../../src/ui/draw/words.ts';

test.each([
  [0, '0 B'],
  [512, '512 B'],
  [36_864, '36 KiB'],
  [8_493_466, '8.1 MiB'],
  [-57_344, '−56 KiB'],
  [2 ** 44, '16 TiB'],
])('%i bytes are %s', (bytes, words) => expect(bytesInWords(bytes)).toBe(words));

test.each([
  [0, '0 ms'],
  [20_000, '20 µs'],
  [210_000, '0.21 ms'],
  [3_900_000, '3.9 ms'],
  [1_200_000_000, '1.2 s'],
])('%i ns are %s', (nanoseconds, words) => expect(durationInWords(nanoseconds)).toBe(words));

test.each([
  ['64m', 64 * 2 ** 20],
  ['512', 512],
  ['1.44 MB', 1_509_949],
  ['2 GiB', 2 ** 31],
  ['1t', 2 ** 40],
  ['', null],
  ['-1', null],
  ['64 q', null],
  ['9e99', null],
  ['99999999t', null],
])('%s is a size of %s', (text, bytes) => expect(parseSize(text)).toBe(bytes));

test('counts read as sentences', () => {
  expect(plural(1, 'block')).toBe('1 block');
  expect(plural(2048, 'block')).toBe('2,048 blocks');
  expect(blocksInWords(57, 23)).toBe('blocks 57 to 79');
});

test('nothing from a disk acts: control, direction and invisible characters are escaped', () => {
  expect(visible('a\x1b[31m\nb\u202etxt.exe\u200b')).toBe('a\\x1b[31m\\x0ab\\u202etxt.exe\\u200b');
  expect(visible('größe 猫.txt')).toBe('größe 猫.txt');
});
