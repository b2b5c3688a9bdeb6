import { FsError } from '../../base/errno.ts';
import type { Running } from '../command.ts';
import { reasonOf } from '../disk-names.ts';
import type { Invocation } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';

/** `scope poke block offset hex [--mend]`: bytes of the disk changed by hand. */
export function* poke(call: Invocation, words: readonly string[]): Running<number | null> {
  const mends = words.includes('--mend');
  const [blockText, offsetText, ...digits] = words.filter((word) => word !== '--mend');
  if (blockText === undefined || offsetText === undefined || digits.length === 0) return null;
  const edit = outcomeOf(() => ({
    block: numberOf('block', blockText),
    offsetBytes: numberOf('offset', offsetText),
    bytes: bytesOf(digits.join('')),
    mends,
  }));
  if (edit instanceof FsError) return yield* call.fail(reasonOf(edit));
  const lines = outcomeOf(() => call.context.machine.poke(edit));
  if (lines instanceof FsError) return yield* call.fail(`block ${edit.block}: ${reasonOf(lines)}`);
  for (const line of lines) yield* call.printLine(line);
  return 0;
}

/** More do not fit into a block of any disk. */
const DIGITS_MAX = 2 * 4096;

/** Decimal, or hexadecimal behind 0x. */
function numberOf(what: string, text: string): number {
  if (/^(\d{1,15}|0[xX][\da-fA-F]{1,12})$/.test(text)) return Number(text);
  throw new FsError('EINVAL', 'scope', text, `'${text}' is no ${what}: give a number such as 57 or 0x39`);
}

function bytesOf(text: string): Uint8Array {
  const digits = text.replace(/^0[xX]/, '');
  const wrong = /[^\da-fA-F]/u.exec(digits)?.[0];
  const refuse = (detail: string) => new FsError('EINVAL', 'scope', text, detail);
  if (wrong !== undefined) throw refuse(`'${wrong}' is no hexadecimal digit; bytes are pairs of 0-9 and a-f`);
  if (digits === '') throw refuse('there is no byte to write');
  if (digits.length % 2 === 1) {
    throw refuse(`${digits.length} hexadecimal digits are no whole number of bytes: each byte has two`);
  }
  if (digits.length > DIGITS_MAX) throw refuse(`${digits.length / 2} bytes are more than a block has`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}
