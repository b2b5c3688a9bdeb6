import type { FileDifference } from '../../rpc/protocol.ts';
import { bytesInWords, count, plural } from './words.ts';

/** Differences between two moments, in words. */

const RANGES_SHOWN = 6;

/** 'bytes 10,000 to 10,001 and 20,000' */
export function rangesInWords(ranges: Float64Array): string {
  const words: string[] = [];
  for (let i = 0; i < Math.min(ranges.length, RANGES_SHOWN * 2); i += 2) {
    const first = ranges[i] ?? 0;
    const last = first + (ranges[i + 1] ?? 0) - 1;
    words.push(last === first ? count(first) : `${count(first)} to ${count(last)}`);
  }
  const more = ranges.length / 2 - words.length;
  const all = more > 0 ? [...words, `${plural(more, 'more place')}`] : words;
  const listed = all.length > 1 ? `${all.slice(0, -1).join(', ')} and ${all.at(-1)}` : (all[0] ?? '');
  return `${ranges.length === 2 && ranges[1] === 1 ? 'byte' : 'bytes'} ${listed}`;
}

/** What a row of the list says behind the name. */
export function summaryOf({ kind, facts, contents, before, after }: FileDifference): string {
  if (kind !== 'changed') return bytesInWords((after ?? before)?.sizeBytes ?? 0);
  let bytes = 0;
  for (let i = 1; i < contents.length; i += 2) bytes += contents[i] ?? 0;
  if (bytes > 0) return `${bytesInWords(bytes)} of contents`;
  return facts
    .slice(0, 3)
    .map(([name]) => name.toLowerCase())
    .join(', ');
}
