import { concatBytes, utf8 } from '../../base/bytes.ts';
import type { InputStream, Running } from '../command.ts';
import { forEachInput } from '../inputs.ts';
import { program, type Invocation } from '../program.ts';

const PIECE_BYTES = 128 * 1024;
const NEWLINE = 10;
const TAB = 9;

export const cat = program({
  name: 'cat',
  summary: 'print files one after another',
  manual: `cat [-benstuv] [file …]

Copies files, or standard input, to standard output.

-n  number the lines           -b  number those that are not empty
-s  several empty lines become one
-v  show control characters: ^X, M-x for bytes above 127
-e  as -v, with $ at the end of each line      -t  as -v, with ^I for tabs
-u  do not gather output`,
  letters: 'belnstuv',
  usage: 'usage: cat [-belnstuv] [file ...]',
  usageExitCode: 1,
  *main(call) {
    const isPlain = !call.options.some(({ letter }) => letter !== 'u' && letter !== 'l');
    const painter = new Painter(call);
    yield* forEachInput(call, call.operands, (input) => (isPlain ? copy(call, input) : painter.paint(input)));
    return call.exitCode;
  },
});

function* copy({ context }: Invocation, input: InputStream): Running<void> {
  for (let piece = yield* input.read(PIECE_BYTES); piece !== null; piece = yield* input.read(PIECE_BYTES)) {
    yield* context.stdout.write(piece);
    yield* context.stdout.flush();
    yield;
  }
}

/** Numbers lines and shows what is invisible. Line numbers go on from file to file. */
class Painter {
  readonly #call: Invocation;
  #lineNumber = 0;
  #isAtLineStart = true;
  #emptyLines = 0;

  constructor(call: Invocation) {
    this.#call = call;
  }

  *paint(input: InputStream): Running<void> {
    for (let piece = yield* input.read(); piece !== null; piece = yield* input.read()) {
      const parts: Uint8Array[] = [];
      let start = 0;
      while (start < piece.length) {
        const end = piece.indexOf(NEWLINE, start);
        const stop = end < 0 ? piece.length : end;
        this.#paintLine(piece.subarray(start, stop), end >= 0, parts);
        start = stop + 1;
      }
      yield* this.#call.context.stdout.write(concatBytes(parts));
      yield;
    }
  }

  #paintLine(bytes: Uint8Array, isEnded: boolean, parts: Uint8Array[]): void {
    const call = this.#call;
    if (this.#isAtLineStart) {
      const isEmpty = bytes.length === 0;
      this.#emptyLines = isEmpty ? this.#emptyLines + 1 : 0;
      if (call.has('s') && this.#emptyLines > 1) return;
      const isNumbered = call.has('b') ? !isEmpty : call.has('n');
      if (isNumbered) parts.push(utf8(`${String(++this.#lineNumber).padStart(6)}\t`));
    }
    const isShown = call.has('v') || call.has('e') || call.has('t');
    parts.push(isShown ? visible(bytes, call.has('t')) : bytes);
    if (isEnded) parts.push(utf8(call.has('e') ? '$\n' : '\n'));
    this.#isAtLineStart = isEnded;
  }
}

function visible(bytes: Uint8Array, showsTabs: boolean): Uint8Array {
  let text = '';
  for (const byte of bytes) {
    if (byte === TAB && !showsTabs) {
      text += '\t';
      continue;
    }
    const low = byte & 0x7f;
    const shown =
      low < 32 ? `^${String.fromCharCode(low + 64)}` : low === 127 ? '^?' : String.fromCharCode(low);
    text += byte > 127 ? `M-${shown}` : shown;
  }
  return utf8(text);
}
