import { allDigits } from '../../base/file-size.ts';
import type { InputStream, Running } from '../command.ts';
import { forEachInput } from '../inputs.ts';
import { program, type Invocation } from '../program.ts';
import { S_IFMT, S_IFREG } from '../../vfs/constants.ts';

interface Counts {
  lines: number;
  words: number;
  characters: number;
  bytes: number;
}

export const wc = program({
  name: 'wc',
  summary: 'count lines, words and bytes',
  manual: `wc [-clmw] [file …]

Prints lines, words and bytes of each file, and the sums of several.
-l  lines    -w  words    -c  bytes (of a file without reading it)    -m  characters`,
  letters: 'clmw',
  usage: 'usage: wc [-clmw] [file ...]',
  usageExitCode: 1,
  *main(call) {
    const total: Counts = { lines: 0, words: 0, characters: 0, bytes: 0 };
    yield* forEachInput(call, call.operands, function* (input, path) {
      const counts = yield* count(call, input);
      total.lines += counts.lines;
      total.words += counts.words;
      total.characters += counts.characters;
      total.bytes += counts.bytes;
      yield* print(call, counts, call.operands.length === 0 ? '' : path);
    });
    if (call.operands.length > 1) yield* print(call, total, 'total');
    return call.exitCode;
  },
});

function* print(call: Invocation, counts: Counts, path: string): Running<void> {
  const isChosen = call.options.length > 0;
  const columns: number[] = [];
  if (!isChosen || call.has('l')) columns.push(counts.lines);
  if (!isChosen || call.has('w')) columns.push(counts.words);
  if (call.lastOf('cm') === 'm') columns.push(counts.characters);
  else if (!isChosen || call.has('c')) columns.push(counts.bytes);
  const numbers = columns.map((column) => ` ${allDigits(column).padStart(7)}`).join('');
  yield* call.printLine(path === '' ? numbers : `${numbers} ${path}`);
}

function* count(call: Invocation, input: InputStream): Running<Counts> {
  const counts: Counts = { lines: 0, words: 0, characters: 0, bytes: 0 };
  const { descriptor } = input;
  if (descriptor !== undefined && call.options.every(({ letter }) => letter === 'c') && call.has('c')) {
    const { mode, sizeBytes } = call.system.fstat(descriptor);
    if ((mode & S_IFMT) === S_IFREG) return { ...counts, bytes: sizeBytes };
  }
  let isInWord = false;
  for (let piece = yield* input.read(); piece !== null; piece = yield* input.read()) {
    counts.bytes += piece.length;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] ?? 0;
      if (byte === 10) counts.lines++;
      if ((byte & 0xc0) !== 0x80) counts.characters++;
      const isSpace = byte === 32 || (byte >= 9 && byte <= 13);
      if (!isSpace && !isInWord) counts.words++;
      isInWord = !isSpace;
    }
    yield;
  }
  return counts;
}
