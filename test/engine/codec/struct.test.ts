import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../../src/engine/base/assert.ts';
import {
  ascii,
  BadMagic,
  bytes,
  flags8,
  hex,
  reserved,
  struct,
  u16,
  u32,
  u64,
  u8,
  utf16,
} from '../../../src/engine/codec/struct.ts';

/** Goal: a declaration reads, writes and explains the same bytes, in both byte orders, and checks itself. */

const declare = (endian: 'little' | 'big') =>
  struct('Sample', 40, endian, 'Spec §1', {
    magic: u32(0, 'says who it is', { magic: 0x01020304, show: hex }),
    count: u16(4, 'how many', { show: (value) => `${value} pieces` }),
    gap: reserved(6, 2),
    size: u64(8, 'bytes in all'),
    name: ascii(16, 4, 'four letters'),
    units: utf16(20, 3, 'three units'),
    flags: flags8(26, 'bits', ['dirty', 'odd']),
    kind: u8(27, 'a byte'),
    uuid: bytes(28, 12, 'raw'),
  });

const value = {
  count: 513,
  size: 2 ** 40 + 5,
  name: 'abcd',
  units: 'xyz',
  flags: 1,
  kind: 7,
  uuid: Uint8Array.from({ length: 12 }, (_, i) => i),
};

describe.each(['little', 'big'] as const)('%s-endian', (endian) => {
  const Sample = declare(endian);

  test('what is written is read back, at any offset', () => {
    const buffer = new Uint8Array(64).fill(0xee);
    Sample.write(buffer, value, 8);
    expect(Sample.read(buffer, 8)).toEqual({ magic: 0x01020304, ...value });
    expect([buffer[7], buffer[48]]).toEqual([0xee, 0xee]);
    expect([buffer[14], buffer[15]], 'reserved bytes are zeroed').toEqual([0, 0]);
  });

  test('numbers lie in the byte order declared', () => {
    const buffer = new Uint8Array(40);
    Sample.write(buffer, value);
    const [first, second] = endian === 'little' ? [1, 2] : [2, 1];
    expect([buffer[4], buffer[5]]).toEqual([first, second]);
    expect(buffer[endian === 'little' ? 13 : 10], '2^40 is byte 5 of the number').toBe(1);
  });

  test('read refuses a wrong magic, peek and annotate do not', () => {
    const buffer = new Uint8Array(40);
    expect(() => Sample.read(buffer)).toThrow(BadMagic);
    expect(() => Sample.read(buffer)).toThrow('Sample.magic is 0x0, expected 0x1020304');
    expect(Sample.peek(buffer).magic).toBe(0);
    expect(Sample.annotate(buffer)[0]?.text).toBe('0x0');
  });

  test('peek and annotate live with a buffer cut short', () => {
    const buffer = new Uint8Array(40);
    Sample.write(buffer, value);
    expect(Sample.peek(buffer.subarray(0, 10)).count).toBe(513);
    expect(Sample.peek(buffer.subarray(0, 10)).kind).toBe(0);
    expect(Sample.annotate(buffer.subarray(0, 10)).map((field) => field.name)).toEqual([
      'Sample.magic',
      'Sample.count',
      'Sample.gap',
    ]);
  });

  test('annotations cover every byte once, with unit and section', () => {
    const buffer = new Uint8Array(40);
    Sample.write(buffer, value);
    const fields = Sample.annotate(buffer);
    let end = 0;
    for (const field of fields) {
      expect(field.offsetBytes).toBe(end);
      expect(field.section).toBe('Spec §1');
      end += field.lengthBytes;
    }
    expect(end).toBe(40);
    expect(fields.map((field) => field.text)).toContain('513 pieces');
    expect(fields.map((field) => field.text)).toContain('0x1 dirty');
  });
});

describe('a declaration is refused when it loads', () => {
  test.each([
    ['a gap', () => struct('S', 8, 'little', '', { a: u32(0, ''), b: u16(6, '') })],
    ['an overlap', () => struct('S', 6, 'little', '', { a: u32(0, ''), b: u16(2, '') })],
    ['a wrong size', () => struct('S', 8, 'little', '', { a: u32(0, '') })],
  ])('%s', (_, make) => {
    expect(make).toThrow(InvariantError);
  });
});

test('a number beyond 2^53 is never written', () => {
  const Wide = struct('Wide', 8, 'little', '', { size: u64(0, '') });
  expect(() => Wide.write(new Uint8Array(8), { size: 2 ** 53 })).toThrow(InvariantError);
  expect(() => Wide.write(new Uint8Array(8), { size: -1 })).toThrow(InvariantError);
});

test('text of the wrong length is never written', () => {
  const Text = struct('Text', 4, 'little', '', { name: ascii(0, 4, '') });
  expect(() => Text.write(new Uint8Array(4), { name: 'abc' })).toThrow(InvariantError);
});
