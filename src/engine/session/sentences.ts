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

export const counted = (count: number, noun: string): string =>
  `${count.toString().replace(/\B(?=(\d{3})+$)/g, ',')} ${noun}${count === 1 ? '' : 's'}`;
