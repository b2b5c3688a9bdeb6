/** Numbers as people read them. Binary units, tabular: at most three digits before the unit's fraction. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** '36 KiB', '8.1 MiB', '0 B'. Negative values keep a true minus sign. */
export function bytesInWords(bytes: number): string {
  const sign = bytes < 0 ? '−' : '';
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${sign}${value.toFixed(digits)} ${UNITS[unit]}`;
}

const THOUSANDS = new Intl.NumberFormat('en');

/** 131,072 */
export const count = (value: number): string => THOUSANDS.format(value);

/** '1 block', '2,048 blocks' */
export const plural = (value: number, noun: string): string =>
  `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

/** A simulated duration: '0.21 ms', '3.9 ms', '1.2 s'. */
export { printedDuration as durationInWords } from '../../rpc/words.ts';

/** 'block 57' or 'blocks 57 to 79' */
export const blocksInWords = (first: number, blockCount: number): string =>
  blockCount <= 1 ? `block ${count(first)}` : `blocks ${count(first)} to ${count(first + blockCount - 1)}`;

/** '57' or '57–79', where a column or a mark says that blocks are meant. */
export const blockRange = (first: number, blockCount: number): string =>
  blockCount <= 1 ? count(first) : `${count(first)}–${count(first + blockCount - 1)}`;

/** 0x001a, at least `digits` wide. */
export const hexadecimal = (value: number, digits: number): string =>
  value.toString(16).padStart(digits, '0');

/**
 * Text from a disk, fit to be shown: control characters, and marks that reorder or hide what stands around them,
 * appear as escapes instead of acting.
 */
export const visible = (text: string): string =>
  text.replace(
    /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g,
    (unit) => {
      const code = unit.charCodeAt(0);
      return code < 0x100 ? `\\x${hexadecimal(code, 2)}` : `\\u${hexadecimal(code, 4)}`;
    },
  );

/** Bytes from '64m', '1.44 MB', '512', '2 GiB'. Units are binary, as newfs reads them. Null: not a size. */
export function parseSize(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*$/i.exec(text);
  if (match === null) return null;
  const power = ['', 'k', 'm', 'g', 't'].indexOf((match[2] ?? '').toLowerCase());
  const bytes = Number(match[1]) * 1024 ** power;
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : null;
}
