import { UsageError } from './options.ts';

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/** '512k', '64m', '2g', '1t', '1.5g', plain bytes, upper or lower case, with or without 'b' or 'ib'. In bytes. */
export function parseSize(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)([bkmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  if (digits === '' || factor === undefined) {
    throw new UsageError(`'${text}' is not a size; write 512k, 64m, 2g, 1t or a number of bytes.`);
  }
  const sizeBytes = Number(digits) * factor;
  if (!Number.isSafeInteger(sizeBytes)) throw new UsageError(`'${text}' is not a whole number of bytes.`);
  return sizeBytes;
}
