import { textOf, utf8 } from '../../base/bytes.ts';
import { forEachInput, LineReader } from '../inputs.ts';
import { program } from '../program.ts';

/** Ranges, merged when asked: from the first to the last position, counted from 1. */
interface Range {
  readonly first: number;
  readonly last: number;
}

export const cut = program({
  name: 'cut',
  summary: 'print parts of each line',
  manual: `cut -b list [-n] [file …]
cut -c list [file …]
cut -f list [-d delimiter] [-s] [-w] [file …]

Prints bytes, characters or fields of each line. A list is 1,3-5,7- and counts from 1.
-d  what stands between fields (a tab)    -w  any white space does    -s  no lines without delimiter`,
  letters: 'b:c:f:d:snw',
  usage:
    'usage: cut -b list [-n] [file ...]\n       cut -c list [file ...]\n       cut -f list [-s] [-w | -d delim] [file ...]',
  usageExitCode: 1,
  *main(call) {
    const letter = call.lastOf('bcf');
    if (letter === undefined) return yield* call.showUsage();
    const ranges = readRanges(call.valueOf(letter) ?? '');
    if (ranges === undefined) return yield* call.fail(`[-${letter}] list: illegal list value`);
    const delimiter = call.valueOf('d') ?? '\t';
    if (Array.from(delimiter).length !== 1) return yield* call.fail('bad delimiter');
    const isKept = (index: number) => ranges.some(({ first, last }) => first <= index && index <= last);
    const keep = <T>(items: readonly T[]) => items.filter((_, index) => isKept(index + 1));
    const cutLine = (line: string): string | undefined => {
      if (letter === 'c') return keep(Array.from(line)).join('');
      if (letter === 'b') return textOf(Uint8Array.from(keep([...utf8(line)])));
      const fields = call.has('w') ? line.split(/[ \t]+/) : line.split(delimiter);
      if (fields.length === 1) return call.has('s') ? undefined : line;
      return keep(fields).join(call.has('w') ? '\t' : delimiter);
    };
    yield* forEachInput(call, call.operands, function* (input) {
      const reader = new LineReader(input);
      for (let lines = yield* reader.next(); lines !== null; lines = yield* reader.next())
        for (const line of lines) {
          const part = cutLine(line);
          if (part !== undefined) yield* call.printLine(part);
        }
    });
    return call.exitCode;
  },
});

function readRanges(text: string): Range[] | undefined {
  const ranges: Range[] = [];
  for (const part of text.split(/[, \t]+/)) {
    const [, from = '', dash, to = ''] = /^(\d{0,9})(-?)(\d{0,9})$/.exec(part) ?? [];
    if (dash === undefined || (from === '' && to === '')) return undefined;
    const first = from === '' ? 1 : Number(from);
    const last = dash === '' ? first : to === '' ? Number.POSITIVE_INFINITY : Number(to);
    if (first < 1 || last < first) return undefined;
    ranges.push({ first, last });
  }
  return ranges;
}
