import { allDigits } from '../base/file-size.ts';

/** Sizes as macOS's tools write and read them. */

export interface HumanizeOptions {
  /** Size of the C buffer the tool passes, which decides how many digits fit. */
  readonly bufferSize: number;
  readonly divisor: 1000 | 1024;
  /** After the prefix: 'i' in `df -h`. */
  readonly suffix?: string;
  /** Write 'B' where there is no prefix. */
  readonly hasByteMark?: boolean;
}

/** humanize_number(3) with HN_NOSPACE, HN_DECIMAL and HN_AUTOSCALE: '4.0K', '932Gi', '0B'. */
export function humanize(quantity: number, options: HumanizeOptions): string {
  const { divisor, suffix = '', hasByteMark = true } = options;
  const isThousands = divisor === 1000;
  const prefixes = [hasByteMark ? 'B' : '', isThousands ? 'k' : 'K', 'M', 'G', 'T', 'P', 'E'];
  const roundsUpFrom = isThousands ? 950 : 973;
  const sign = quantity < 0 ? '-' : '';
  const baseLength = (quantity < 0 ? 3 : 2) + suffix.length;
  const limit = 10 ** (options.bufferSize - baseLength);

  let whole = Math.abs(Math.trunc(quantity));
  let rest = 0;
  let scale = 0;
  while (
    (whole >= limit || (whole === limit - 1 && (rest >= roundsUpFrom || rest >= divisor / 2))) &&
    scale < prefixes.length - 1
  ) {
    rest = whole % divisor;
    whole = Math.floor(whole / divisor);
    scale++;
  }
  const prefix = prefixes[scale] ?? '';
  if (scale > 0 && (whole < 9 || (whole === 9 && rest < roundsUpFrom))) {
    const tenths = Math.floor((rest * 10 + divisor / 2) / divisor);
    return `${sign}${whole + Math.floor(tenths / 10)}.${tenths % 10}${prefix}${suffix}`;
  }
  return `${sign}${whole + Math.floor((rest + divisor / 2) / divisor)}${prefix}${suffix}`;
}

const EXPANSIONS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
  e: 2 ** 60,
};

/**
 * expand_number(3): '10', '4k', '1G' in bytes; null for anything else and beyond 2^63. Beyond 2^53 only what is a number
 * of its own: whole blocks are.
 */
export function expandNumber(text: string): number | null {
  const match = /^(\d+)([bkmgtpe]?)$/i.exec(text);
  if (!match) return null;
  const [, digits = '', unit = ''] = match;
  const count = Number(digits);
  const value = count * (EXPANSIONS[unit.toLowerCase()] ?? NaN);
  const isExact = Number.isSafeInteger(count) || allDigits(count) === digits.replace(/^0+/, '');
  return isExact && value < 2 ** 63 ? value : null;
}

/** Decimal sizes as diskutil prints them: '512 B', '8.4 MB', '1.0 TB'. */
export function decimalSize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
  let scale = 0;
  let value = bytes;
  while (value >= 999.95 && scale < units.length - 1) {
    value /= 1000;
    scale++;
  }
  return `${scale === 0 ? value : value.toFixed(1)} ${units[scale] ?? ''}`;
}

/** '1,234,567' */
export const withCommas = (value: number): string => allDigits(value).replace(/\B(?=(\d{3})+$)/g, ',');
