/** Counts as `head`, `tail` and their like take them: decimal, with k, m, g (powers of 1024) or b (512) behind. */
const UNITS: Readonly<Record<string, number>> = { b: 512, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Undefined for what is no count. The sign is kept: `tail -n +5`. */
export function readCount(text: string): number | undefined {
  const [, sign = '', digits, unit = ''] = /^([-+]?)(\d+)([bkmg]?)$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = Number(digits) * (UNITS[unit.toLowerCase()] ?? 1);
  if (!Number.isSafeInteger(value)) return undefined;
  return sign === '-' ? -value : value;
}
