import type { Timespec } from '../base/clock.ts';

/** Times of the simulated machine as text, and text as times. Its time zone is UTC, its language English. */

export const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August'].concat([
  'September',
  'October',
  'November',
  'December',
]);
export const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

const two = (value: number, fill = '0'): string => String(value).padStart(2, fill);
const DAY_MS = 86_400_000;

/** strftime(3) in the C locale. An unknown conversion is printed as it stands. */
export function formatTime(time: Timespec, format: string): string {
  const date = new Date(time.seconds * 1000);
  if (Number.isNaN(date.getTime())) return '?';
  return format.replace(/%([EO_0-]?)([a-zA-Z%+])/g, (whole, _modifier: string, letter: string) => {
    return convert(date, time.seconds, letter) ?? whole;
  });
}

function convert(date: Date, seconds: number, letter: string): string | null {
  const expanded = COMPOSED[letter];
  if (expanded !== undefined) {
    return expanded.replace(/%([a-zA-Z])/g, (_whole, inner: string) => convert(date, seconds, inner) ?? '');
  }
  const month = MONTHS[date.getUTCMonth()] ?? '';
  const day = DAYS[date.getUTCDay()] ?? '';
  const hour = date.getUTCHours();
  const year = date.getUTCFullYear();
  const dayOfYear = Math.floor(
    (Date.UTC(year, date.getUTCMonth(), date.getUTCDate()) - Date.UTC(year, 0)) / DAY_MS,
  );
  const values: Readonly<Record<string, () => string>> = {
    a: () => day.slice(0, 3),
    A: () => day,
    b: () => month.slice(0, 3),
    B: () => month,
    C: () => two(Math.floor(year / 100)),
    d: () => two(date.getUTCDate()),
    e: () => two(date.getUTCDate(), ' '),
    H: () => two(hour),
    h: () => month.slice(0, 3),
    I: () => two(hour % 12 || 12),
    j: () => String(dayOfYear + 1).padStart(3, '0'),
    k: () => two(hour, ' '),
    l: () => two(hour % 12 || 12, ' '),
    m: () => two(date.getUTCMonth() + 1),
    M: () => two(date.getUTCMinutes()),
    n: () => '\n',
    p: () => (hour < 12 ? 'AM' : 'PM'),
    s: () => String(seconds),
    S: () => two(date.getUTCSeconds()),
    t: () => '\t',
    u: () => String(date.getUTCDay() || 7),
    U: () => two(Math.floor((dayOfYear + 7 - date.getUTCDay()) / 7)),
    w: () => String(date.getUTCDay()),
    W: () => two(Math.floor((dayOfYear + 7 - ((date.getUTCDay() + 6) % 7)) / 7)),
    y: () => two(year % 100),
    Y: () => String(year),
    z: () => '+0000',
    Z: () => 'UTC',
    '%': () => '%',
  };
  return values[letter]?.() ?? null;
}

const COMPOSED: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y',
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  R: '%H:%M',
  r: '%I:%M:%S %p',
  T: '%H:%M:%S',
  v: '%e-%b-%Y',
  x: '%m/%d/%Y',
  X: '%H:%M:%S',
  '+': '%a %b %e %H:%M:%S %Z %Y',
};

const HALF_YEAR_SECONDS = Math.floor(365 / 2) * 86_400;

/** The time column of `ls -l`: with the clock for the last half year, with the year otherwise. */
export function listingTime(time: Timespec, now: Timespec, hasSeconds: boolean): string {
  if (hasSeconds) return formatTime(time, '%b %e %H:%M:%S %Y');
  const isRecent = time.seconds + HALF_YEAR_SECONDS > now.seconds && time.seconds <= now.seconds;
  return formatTime(time, isRecent ? '%b %e %H:%M' : '%b %e  %Y');
}

interface Fields {
  readonly year: number;
  readonly month: number; // 1 … 12
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** Null for a date the calendar does not have. */
function secondsOf({ year, month, day, hour, minute, second }: Fields): number | null {
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 60) return null;
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  if (day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return null;
  return date.getTime() / 1000;
}

/** `touch -t [[CC]YY]MMDDhhmm[.SS]`; null when it is not one. Two-digit years from 69 on are of the last century. */
export function parseTouchTime(text: string, now: Timespec): Timespec | null {
  const match = /^(?:(\d\d)?(\d\d))?(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d\d))?$/.exec(text);
  if (!match) return null;
  const [, century, years, month, day, hour, minute, second] = match;
  const thisYear = new Date(now.seconds * 1000).getUTCFullYear();
  const shortYear = Number(years);
  const year =
    years === undefined
      ? thisYear
      : century !== undefined
        ? Number(century) * 100 + shortYear
        : shortYear + (shortYear < 69 ? 2000 : 1900);
  const seconds = secondsOf({
    year,
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second ?? 0),
  });
  return seconds === null ? null : { seconds, nanoseconds: 0 };
}

/** `touch -d YYYY-MM-DDThh:mm:SS[.frac][Z]`; null when it is not one. */
export function parseIsoTime(text: string): Timespec | null {
  const match = /^(\d{4})-(\d\d?)-(\d\d?)[T ](\d\d?):(\d\d?):(\d\d?)(?:[.,](\d+))?Z?$/.exec(text);
  if (!match) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const seconds = secondsOf({ year, month, day, hour, minute, second });
  if (seconds === null) return null;
  return { seconds, nanoseconds: Number((match[7] ?? '').slice(0, 9).padEnd(9, '0')) };
}
