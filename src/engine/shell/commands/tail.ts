import { concatBytes } from '../../base/bytes.ts';
import { SEEK_CUR, SEEK_SET, S_IFMT, S_IFREG } from '../../vfs/constants.ts';
import type { InputStream, Running } from '../command.ts';
import { readCount } from '../counts.ts';
import { forEachInput } from '../inputs.ts';
import { program, type Invocation } from '../program.ts';

const NEWLINE = 10;
const PIECE_BYTES = 64 * 1024;
/** Of input that cannot be sought, what the tool is willing to remember. */
const MEMORY_BYTES_MAX = 256 * 1024 * 1024;

export const tail = program({
  name: 'tail',
  summary: 'print the end of files',
  manual: `tail [-r] [-q] [-n lines | -c bytes | -b blocks] [file …]

Prints the last 10 lines, or as many as -n says; -c counts bytes, -b blocks of 512 bytes. With + before the number
output begins at that line or byte. -r prints the lines in reverse order, all of them unless -n says otherwise.
Of files only the end is read, however long they are. -f is not supported: nothing else could write meanwhile.`,
  letters: 'n:c:b:rqv0123456789',
  usage: 'usage: tail [-r] [-q] [-c # | -n # | -b #] [file ...]',
  usageExitCode: 1,
  *main(call) {
    const wish = readWish(call);
    if (typeof wish === 'string') return yield* call.fail(wish);
    let isFirst = true;
    yield* forEachInput(call, call.operands, function* (input, path) {
      const hasTitle = call.has('v') || (call.operands.length > 1 && !call.has('q'));
      if (hasTitle)
        yield* call.print(`${isFirst ? '' : '\n'}==> ${path === '-' ? 'standard input' : path} <==\n`);
      isFirst = false;
      yield* print(call, input, wish);
    });
    return call.exitCode;
  },
});

interface Wish {
  readonly unit: 'lines' | 'bytes';
  readonly count: number;
  /** `+n`: from the n-th on instead of the last n. */
  readonly isFromStart: boolean;
  readonly isReversed: boolean;
}

function readWish(call: Invocation): Wish | string {
  const digits = call.options.filter(({ letter }) => /\d/.test(letter)).map(({ letter }) => letter);
  const letter = call.lastOf('ncb') ?? 'n';
  const isReversed = call.has('r');
  const text =
    call.valueOf(letter) ?? (digits.length > 0 ? digits.join('') : isReversed ? `${2 ** 50}` : '10');
  const value = readCount(text);
  if (value === undefined) return `illegal offset -- ${text}`;
  const scale = letter === 'b' ? 512 : 1;
  return {
    unit: letter === 'n' ? 'lines' : 'bytes',
    count: Math.abs(value) * scale,
    isFromStart: text.startsWith('+'),
    isReversed,
  };
}

function* print(call: Invocation, input: InputStream, wish: Wish): Running<void> {
  if (wish.isFromStart && !wish.isReversed) return yield* printFrom(call, input, wish);
  const { descriptor } = input;
  const isFile =
    descriptor !== undefined && (call.system.fstat(descriptor).mode & S_IFMT) === S_IFREG && !wish.isReversed;
  if (isFile) return yield* printEndOfFile(call, input, descriptor, wish);
  const pieces = yield* remember(call, input, wish);
  const all = concatBytes(pieces);
  const end = all.subarray(
    wish.unit === 'bytes' ? Math.max(0, all.length - wish.count) : startOfLines(all, wish.count),
  );
  yield* wish.isReversed ? printReversed(call, end) : call.printBytes(end);
}

/** `+n`: everything from line or byte n on, counting from 1. */
function* printFrom(call: Invocation, input: InputStream, { unit, count }: Wish): Running<void> {
  let skip = Math.max(0, count - 1);
  for (let piece = yield* input.read(); piece !== null; piece = yield* input.read()) {
    let at = 0;
    if (unit === 'bytes') {
      at = Math.min(skip, piece.length);
      skip -= at;
    }
    while (unit === 'lines' && skip > 0 && at < piece.length) {
      const newline = piece.indexOf(NEWLINE, at);
      at = newline < 0 ? piece.length : newline + 1;
      if (newline >= 0) skip--;
    }
    yield* call.printBytes(piece.subarray(at));
    yield;
  }
}

/** Looks for the place from the end backwards, then copies from there. */
function* printEndOfFile(
  call: Invocation,
  input: InputStream,
  descriptor: number,
  wish: Wish,
): Running<void> {
  const { system } = call;
  const { sizeBytes } = system.fstat(descriptor);
  const first = system.lseek(descriptor, 0, SEEK_CUR);
  let start = Math.max(first, sizeBytes - wish.count);
  if (wish.unit === 'lines')
    start = yield* findLineFromEnd(call, descriptor, { first, sizeBytes, count: wish.count });
  system.lseek(descriptor, start, SEEK_SET);
  for (let piece = yield* input.read(PIECE_BYTES); piece !== null; piece = yield* input.read(PIECE_BYTES)) {
    yield* call.printBytes(piece);
    yield;
  }
}

function* findLineFromEnd(
  { system }: Invocation,
  descriptor: number,
  { first, sizeBytes, count }: { first: number; sizeBytes: number; count: number },
): Running<number> {
  if (count === 0) return sizeBytes;
  let left = count;
  for (let end = sizeBytes; end > first;) {
    const start = Math.max(first, end - PIECE_BYTES);
    const piece = new Uint8Array(end - start);
    const got = system.pread(descriptor, piece, start);
    // The newline that ends the file ends its last line and begins none.
    for (let at = Math.min(got, piece.length) - 1; at >= 0; at--) {
      if (piece[at] !== NEWLINE || start + at === sizeBytes - 1) continue;
      if (--left === 0) return start + at + 1;
    }
    end = start;
    yield;
  }
  return first;
}

/** All that may still be wanted of a stream, oldest pieces forgotten as newer ones come. */
function* remember(
  call: Invocation,
  input: InputStream,
  { unit, count, isReversed }: Wish,
): Running<Uint8Array[]> {
  const pieces: { bytes: Uint8Array; units: number }[] = [];
  let units = 0;
  let length = 0;
  for (let bytes = yield* input.read(); bytes !== null; bytes = yield* input.read()) {
    const piece = { bytes, units: unit === 'bytes' ? bytes.length : countNewlines(bytes) };
    pieces.push(piece);
    units += piece.units;
    length += bytes.length;
    // One line more than wanted: the last newline may end the input.
    for (
      let [oldest] = pieces;
      oldest && units - oldest.units > count + 1 && !isReversed;
      [oldest] = pieces
    ) {
      pieces.shift();
      units -= oldest.units;
      length -= oldest.bytes.length;
    }
    if (length > MEMORY_BYTES_MAX) {
      yield* call.warn('standard input is too long to remember; use a file');
      return [];
    }
    yield;
  }
  return pieces.map(({ bytes }) => bytes);
}

function countNewlines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

function startOfLines(bytes: Uint8Array, count: number): number {
  if (count === 0) return bytes.length;
  let left = count;
  for (let at = bytes.length - 2; at >= 0; at--) if (bytes[at] === NEWLINE && --left === 0) return at + 1;
  return 0;
}

function* printReversed(call: Invocation, bytes: Uint8Array): Running<void> {
  for (let end = bytes.length; end > 0;) {
    const newline = bytes.lastIndexOf(NEWLINE, end - 2);
    const start = end >= 2 ? newline + 1 : 0;
    yield* call.context.stdout.write(bytes.subarray(start, end));
    end = start;
    yield;
  }
}
