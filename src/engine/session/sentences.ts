import type { Timespec } from '../base/clock.ts';

/** Words for numbers, as the session's sentences and reports print them. */

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 67108864 → '64 MiB'. */
export function printedSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toFixed(value < 10 ? 2 : 1))} ${UNITS[unit]}`;
}

/** 2048 → '2,048'. */
export const grouped = (count: number): string => count.toString().replace(/\B(?=(\d{3})+$)/g, ',');

export const counted = (count: number, noun: string): string =>
  `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;

/** 'a', 'a and b', 'a, b and c'. */
export function listed(words: readonly string[]): string {
  if (words.length <= 1) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** '2026-01-01T09:00:00.25Z': as many decimals as the time has; plain seconds where no calendar reaches. */
export function isoTime({ seconds, nanoseconds }: Timespec): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds} s`;
  const decimals = nanoseconds === 0 ? '' : `.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}`;
  return date.toISOString().replace(/\.000Z$/, `${decimals}Z`);
}

/** A simulated duration: '0.21 ms', '3.9 ms', '1.2 s'. */
export function printedDuration(nanoseconds: number): string {
  const [value, unit] =
    nanoseconds >= 1e9
      ? [nanoseconds / 1e9, 's']
      : nanoseconds >= 1e5 || nanoseconds === 0
        ? [nanoseconds / 1e6, 'ms']
        : [nanoseconds / 1e3, 'µs'];
  return `${Number(value.toPrecision(value >= 100 ? 3 : 2))} ${unit}`;
}

/** '1.02', '20,480': of bytes to bytes. */
export const printedRatio = (ratio: number): string =>
  ratio >= 100 ? grouped(Math.round(ratio)) : `${Number(ratio.toPrecision(3))}`;
