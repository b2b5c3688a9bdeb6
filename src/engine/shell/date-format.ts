import type { Timespec } from '../base/clock.ts';

/** strftime(3) in the C locale and UTC, the only zone this machine knows. */
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
);
const DAY_MILLISECONDS = 86_400_000;

export function formatDate(time: Timespec, format: string): string {
  const at = new Date(time.seconds * 1000);
  return format.replace(/%([a-zA-Z%+])/g, (whole, letter: string) => field(at, time, letter) ?? whole);
}

const two = (value: number, pad = '0'): string => String(value).padStart(2, pad);

function field(at: Date, time: Timespec, letter: string): string | undefined {
  const again = (format: string) => formatDate(time, format);
  const hour = at.getUTCHours();
  const day = DAYS[at.getUTCDay()] ?? '';
  const month = MONTHS[at.getUTCMonth()] ?? '';
  const fields: Readonly<Record<string, () => string>> = {
    '%': () => '%',
    A: () => day,
    a: () => day.slice(0, 3),
    B: () => month,
    b: () => month.slice(0, 3),
    C: () => two(Math.floor(at.getUTCFullYear() / 100)),
    c: () => again('%a %b %e %T %Y'),
    D: () => again('%m/%d/%y'),
    d: () => two(at.getUTCDate()),
    e: () => two(at.getUTCDate(), ' '),
    F: () => again('%Y-%m-%d'),
    H: () => two(hour),
    h: () => month.slice(0, 3),
    I: () => two(hour % 12 === 0 ? 12 : hour % 12),
    j: () => String(dayOfYear(at)).padStart(3, '0'),
    k: () => two(hour, ' '),
    l: () => two(hour % 12 === 0 ? 12 : hour % 12, ' '),
    M: () => two(at.getUTCMinutes()),
    m: () => two(at.getUTCMonth() + 1),
    N: () => String(time.nanoseconds).padStart(9, '0'),
    n: () => '\n',
    p: () => (hour < 12 ? 'AM' : 'PM'),
    R: () => again('%H:%M'),
    r: () => again('%I:%M:%S %p'),
    S: () => two(at.getUTCSeconds()),
    s: () => String(time.seconds),
    T: () => again('%H:%M:%S'),
    t: () => '\t',
    u: () => String(at.getUTCDay() === 0 ? 7 : at.getUTCDay()),
    w: () => String(at.getUTCDay()),
    X: () => again('%T'),
    x: () => again('%D'),
    Y: () => String(at.getUTCFullYear()),
    y: () => two(at.getUTCFullYear() % 100),
    Z: () => 'UTC',
    z: () => '+0000',
    '+': () => again('%a %b %e %T %Z %Y'),
  };
  return fields[letter]?.();
}

function dayOfYear(at: Date): number {
  const start = Date.UTC(at.getUTCFullYear(), 0, 1);
  return Math.floor((at.getTime() - start) / DAY_MILLISECONDS) + 1;
}
