import type { Timespec } from '../../base/clock.ts';
import { hex } from '../../codec/struct.ts';
import type { Field } from '../../codec/struct.ts';

/** Kinds of fields and ways to show them that the layouts of catalog records share. */

export const plural = (unit: string) => (value: number) => `${value} ${unit}${value === 1 ? '' : 's'}`;

/** Bits with names: `bitNames({ 9: 'sparse' })` shows '0x200 sparse'. Looks at the lower 32 bits. */
export const bitNames = (names: Readonly<Record<number, string>>) => (value: number) => {
  const set = Object.entries(names).filter(([bit]) => (value >>> Number(bit)) & 1);
  return [hex(value), set.map(([, name]) => name).join(', ')].filter((text) => text !== '').join(' ');
};

const SECOND = 1_000_000_000;
const DIGIT = 0x1_0000;
const WORD = 2 ** 32;

/**
 * The time at `at`: nanoseconds since 1970 as a signed number of 64 bits, which no double holds exactly. Divided by
 * hand, digit by digit of 16 bits, so that no BigInt is made.
 */
export function readTime(view: DataView, at: number): Timespec {
  const isNegative = view.getUint8(at + 7) >= 0x80;
  let high = view.getUint32(at + 4, true);
  let low = view.getUint32(at, true);
  if (isNegative) {
    // One more than the inverse; what is carried stands in the remainder below.
    high = ~high >>> 0;
    low = ~low >>> 0;
  }
  let rest = high % SECOND;
  let quotient = Math.floor(high / SECOND);
  for (const digit of [low >>> 16, low & 0xffff]) {
    const dividend = rest * DIGIT + digit;
    quotient = quotient * DIGIT + Math.floor(dividend / SECOND);
    rest = dividend % SECOND;
  }
  return isNegative
    ? { seconds: -quotient - 1, nanoseconds: SECOND - 1 - rest }
    : { seconds: quotient, nanoseconds: rest };
}

/** Writes a time between the years 1677 and 2262; what lies outside becomes the nearest. */
export function writeTime(view: DataView, at: number, time: Timespec): void {
  const seconds = Math.min(Math.max(time.seconds, -SECONDS_MAX), SECONDS_MAX);
  const upper = Math.floor(seconds / DIGIT) * SECOND;
  const upperHigh = Math.floor(upper / DIGIT);
  const lower =
    (upper - upperHigh * DIGIT) * DIGIT + (seconds - Math.floor(seconds / DIGIT) * DIGIT) * SECOND;
  const sum = lower + time.nanoseconds;
  const carry = Math.floor(sum / WORD);
  view.setUint32(at, sum - carry * WORD, true);
  view.setUint32(at + 4, (upperHigh + carry) >>> 0, true);
}

const SECONDS_MAX = 9_223_372_035;

const showTime = ({ seconds, nanoseconds }: Timespec): string => {
  if (seconds === 0 && nanoseconds === 0) return 'never';
  const date = new Date(seconds * 1000).toISOString();
  return `${date.slice(0, 19)}.${String(nanoseconds).padStart(9, '0')}Z`;
};

/** A time as a field. */
export const time = (at: number, doc: string): Field<Timespec> => ({
  at,
  doc,
  lengthBytes: 8,
  show: showTime,
  get: readTime,
  set: (view, from, value) => writeTime(view, from, value),
});
