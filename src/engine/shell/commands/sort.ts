import { FsError } from '../../base/errno.ts';
import { utf8 } from '../../base/bytes.ts';
import { O_CREAT, O_TRUNC, O_WRONLY } from '../../vfs/constants.ts';
import type { Running } from '../command.ts';
import { forEachInput, LineReader } from '../inputs.ts';
import { program, type Invocation } from '../program.ts';
import { makeComparison, readKeys, type Comparison } from '../sort-keys.ts';
import { SystemFile } from '../streams.ts';

const RUN_LINES = 4000;
const MEMORY_UNITS_MAX = 256 * 1024 * 1024;

export const sort = program({
  name: 'sort',
  summary: 'sort lines',
  manual: `sort [-bdfhinrsuMV] [-k from[,to]] [-t separator] [-o file] [file …]
sort -c [file]

Prints the lines of all files in order.
-n  by number   -h  by number with K M G behind   -r  the other way round   -f  without regard to case
-b  without leading blanks   -d  only letters, digits and blanks count   -u  equal lines once   -s  keep the order of equals
-k  by fields: -k2,2 the second, -k2.3 from its third character, -k1,1n with options of its own
-t  what stands between fields (white space)   -o  into a file, which may be one of the inputs   -c  only check`,
  letters: 'bdfhinrsucVMk:t:o:',
  usage: 'usage: sort [-bcdfhinrsu] [-k field1[,field2]] [-t char] [-o output] [file ...]',
  usageExitCode: 2,
  *main(call) {
    const keys = readKeys(call.options);
    if (typeof keys === 'string') return yield* call.fail(keys, 2);
    const separator = call.valueOf('t');
    if (separator !== undefined && Array.from(separator).length !== 1)
      return yield* call.fail(`multi-character tab '${separator}'`, 2);
    const compare = makeComparison(keys, separator, {
      isReversed: call.has('r'),
      isStable: call.has('s') || call.has('u'),
    });
    const lines = yield* readLines(call);
    if (lines === null) return 2;
    if (call.has('c')) return yield* check(call, lines, compare);
    const sorted = yield* mergeSort(lines, compare);
    const wanted = call.has('u') ? distinct(sorted, compare) : sorted;
    const status = yield* write(call, wanted);
    return call.exitCode === 0 ? status : 2;
  },
});

function* readLines(call: Invocation): Running<string[] | null> {
  const all: string[] = [];
  let units = 0;
  yield* forEachInput(call, call.operands, function* (input) {
    const reader = new LineReader(input);
    for (let lines = yield* reader.next(); lines !== null; lines = yield* reader.next()) {
      for (const line of lines) {
        all.push(line);
        units += line.length;
      }
      if (units > MEMORY_UNITS_MAX) return;
    }
  });
  if (units <= MEMORY_UNITS_MAX) return all;
  yield* call.warn(`more than ${MEMORY_UNITS_MAX / 1024 / 1024} MiB of lines; too much to sort here`);
  return null;
}

/** Short runs by the engine's own sort, then merged two by two, with a breath after each piece of work. */
function* mergeSort(lines: readonly string[], compare: Comparison): Running<string[]> {
  let runs: string[][] = [];
  for (let at = 0; at < lines.length; at += RUN_LINES) {
    runs.push(lines.slice(at, at + RUN_LINES).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const merged: string[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      const [left = [], right = []] = runs.slice(at, at + 2);
      merged.push(right.length === 0 ? left : yield* merge(left, right, compare));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merge(left: readonly string[], right: readonly string[], compare: Comparison): Running<string[]> {
  const result: string[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    const [a, b] = [left[i], right[j]];
    const takesLeft = b === undefined || (a !== undefined && compare(a, b) <= 0);
    result.push((takesLeft ? a : b) ?? '');
    if (takesLeft) i++;
    else j++;
    if (result.length % RUN_LINES === 0) yield;
  }
  return result;
}

const distinct = (lines: readonly string[], compare: Comparison): string[] =>
  lines.filter((line, index) => index === 0 || compare(lines[index - 1] ?? '', line) !== 0);

function* check(call: Invocation, lines: readonly string[], compare: Comparison): Running {
  const isWrong = (index: number) => {
    const order = compare(lines[index - 1] ?? '', lines[index] ?? '');
    return order > 0 || (call.has('u') && order === 0);
  };
  for (let index = 1; index < lines.length; index++) {
    if (isWrong(index)) {
      yield* call.say(`sort: ${call.operands[0] ?? '-'}:${index + 1}: disorder: ${lines[index]}\n`);
      return 1;
    }
    if (index % RUN_LINES === 0) yield;
  }
  return 0;
}

function* write(call: Invocation, lines: readonly string[]): Running {
  const path = call.valueOf('o');
  if (path === undefined) {
    for (const line of lines) yield* call.print(`${line}\n`);
    return 0;
  }
  try {
    const file = new SystemFile(call.system, call.system.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o666));
    try {
      for (let at = 0; at < lines.length; at += RUN_LINES)
        yield* file.send(
          utf8(
            lines
              .slice(at, at + RUN_LINES)
              .map((line) => `${line}\n`)
              .join(''),
          ),
        );
    } finally {
      file.release();
    }
    return 0;
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    yield* call.complain(path, error);
    return 2;
  }
}
