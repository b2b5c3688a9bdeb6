import { SEEK_CUR } from '../../vfs/constants.ts';
import type { InputStream, Running } from '../command.ts';
import { forEachInput } from '../inputs.ts';
import { program, type Invocation } from '../program.ts';
import { readCount } from '../counts.ts';

const NEWLINE = 10;

export const head = program({
  name: 'head',
  summary: 'print the beginning of files',
  manual: `head [-n lines | -c bytes] [file …]

Prints the first 10 lines, or as many as -n says (also -5), or the first bytes.
-q  no titles between several files      -v  titles always`,
  letters: 'n:c:qv0123456789',
  usage: 'usage: head [-n lines | -c bytes] [file ...]',
  usageExitCode: 1,
  *main(call) {
    const bytes = call.valueOf('c');
    const digits = call.options.filter(({ letter }) => /\d/.test(letter)).map(({ letter }) => letter);
    const lines = call.valueOf('n') ?? (digits.length > 0 ? digits.join('') : '10');
    const count = readCount(bytes ?? lines);
    if (count === undefined || count < 1)
      return yield* call.fail(`illegal ${bytes === undefined ? 'line' : 'byte'} count -- ${bytes ?? lines}`);
    let isFirst = true;
    yield* forEachInput(call, call.operands, function* (input, path) {
      const hasTitle = call.has('v') || (call.operands.length > 1 && !call.has('q'));
      if (hasTitle)
        yield* call.print(`${isFirst ? '' : '\n'}==> ${path === '-' ? 'standard input' : path} <==\n`);
      isFirst = false;
      yield* bytes === undefined ? printLines(call, input, count) : printBytes(call, input, count);
    });
    return call.exitCode;
  },
});

function* printBytes(call: Invocation, input: InputStream, count: number): Running<void> {
  for (let left = count; left > 0;) {
    const piece = yield* input.read(Math.min(left, 65536));
    if (piece === null) return;
    yield* call.printBytes(piece);
    left -= piece.length;
    yield;
  }
}

/** What was read of a file beyond the last line wanted is given back, for whoever reads next. */
function* printLines(call: Invocation, input: InputStream, count: number): Running<void> {
  for (let left = count; left > 0;) {
    const piece = yield* input.read(8192);
    if (piece === null) return;
    let end = 0;
    while (left > 0 && end < piece.length) {
      const newline = piece.indexOf(NEWLINE, end);
      end = newline < 0 ? piece.length : newline + 1;
      if (newline >= 0) left--;
    }
    yield* call.printBytes(piece.subarray(0, end));
    const { descriptor } = input;
    if (end < piece.length && descriptor !== undefined)
      call.system.lseek(descriptor, end - piece.length, SEEK_CUR);
    yield;
  }
}
