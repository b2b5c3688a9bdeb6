import { expect, test } from 'vitest';
import {
  decodeUpcase,
  standardUpcase,
  UPCASE_TABLE_CHECKSUM,
  UPCASE_TABLE_COMPRESSED,
} from '../../../src/engine/codec/exfat-upcase.ts';

test('the recommended table has the length and the checksum that the specification prints', () => {
  expect(UPCASE_TABLE_COMPRESSED).toHaveLength(5836);
  let sum = 0;
  for (const byte of UPCASE_TABLE_COMPRESSED) sum = ((sum >>> 1) + ((sum & 1) << 31) + byte) >>> 0;
  expect(sum).toBe(0xe619d30d);
  expect(UPCASE_TABLE_CHECKSUM).toBe(0xe619d30d);
});

test('it maps 874 units, ASCII among them, and keeps modern letters apart', () => {
  const table = standardUpcase();
  expect(table.reduce((count, upper, unit) => count + (upper === unit ? 0 : 1), 0)).toBe(874);
  const upper = (text: string) =>
    [...text].map((character) => String.fromCharCode(table[character.charCodeAt(0)] ?? 0)).join('');
  expect(upper('hello, World 1')).toBe('HELLO, WORLD 1');
  expect(upper('äöüÿéñ')).toBe('ÄÖÜŸÉÑ');
  expect(upper('ıſµẞ')).toBe('ıſµẞ');
  for (let unit = 0xd800; unit < 0xe000; unit++) expect(table[unit]).toBe(unit);
});

test('a table cut short or too long is read as far as it goes', () => {
  expect(decodeUpcase(Uint8Array.of(0x41))[0x61]).toBe(0x61);
  const short = decodeUpcase(UPCASE_TABLE_COMPRESSED.subarray(0, 2 * 0x62));
  expect([short[0x61], short[0x62]]).toEqual([0x41, 0x62]);
  const long = new Uint8Array(0x30000).fill(0x20);
  expect(decodeUpcase(long)[0xffff]).toBe(0x2020);
  expect(decodeUpcase(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))[5]).toBe(5);
});
