import { equalBytes } from '../../base/bytes.ts';
import type { InputStream, Running } from '../command.ts';
import { hexadecimal, printable, readOffset, RowReader } from '../hex-input.ts';
import { forEachInput } from '../inputs.ts';
import { program, type Invocation } from '../program.ts';

export const hexdump = program({
  name: 'hexdump',
  summary: 'show bytes in hexadecimal',
  manual: `hexdump [-C | -b | -d | -o | -x] [-v] [-s offset] [-n length] [file …]

-C  offset, bytes and characters, 16 bytes a line      -b  bytes in octal
-x  words of two bytes, wide      -d  the same in decimal      -o  in octal
-s  begin there, without reading what is before      -n  so many bytes
Lines equal to the one before are shown once, then as *; -v shows all. -e and -f are not supported.`,
  letters: 'Cbcdoxvs:n:e:f:',
  usage: 'usage: hexdump [-bCdovx] [-n length] [-s skip] [file ...]',
  usageExitCode: 1,
  *main(call) {
    if (call.has('e') || call.has('f') || call.has('c'))
      return yield* call.fail(
        'formats of your own (-e -f) and -c are not supported; use -C, -b, -d, -o or -x',
      );
    const [offset, length] = [call.valueOf('s') ?? '0', call.valueOf('n')];
    const skip = readOffset(offset);
    const count = length === undefined ? Number.POSITIVE_INFINITY : readOffset(length);
    if (skip === undefined || skip < 0) return yield* call.fail(`${offset}: bad skip value`);
    if (count === undefined || count < 0) return yield* call.fail(`${length}: bad length value`);
    const paths = call.operands.slice(0, 1);
    if (call.operands.length > 1) return yield* call.fail('one file at a time; join several with cat');
    yield* forEachInput(call, paths, (input) => dump(call, input, skip, count));
    return call.exitCode;
  },
});

function* dump(call: Invocation, input: InputStream, skip: number, lengthBytes: number): Running<void> {
  const reader = new RowReader(input, { rowBytes: 16, lengthBytes });
  let offset = skip === 0 ? 0 : yield* reader.skip(skip, call.system);
  const style = call.lastOf('Cbdox') ?? '';
  let before: Uint8Array | undefined;
  let isRepeating = false;
  for (let row = yield* reader.next(); row !== null; row = yield* reader.next()) {
    const isSame = !call.has('v') && before !== undefined && row.length === 16 && equalBytes(before, row);
    if (!isSame) yield* call.printLine(`${hexadecimal(offset, style === 'C' ? 8 : 7)}${line(row, style)}`);
    else if (!isRepeating) yield* call.printLine('*');
    isRepeating = isSame;
    before = row.slice();
    offset += row.length;
  }
  if (before) yield* call.printLine(hexadecimal(offset, style === 'C' ? 8 : 7));
}

function line(row: Uint8Array, style: string): string {
  if (style === 'C') {
    const bytes = Array.from(row, (byte) => hexadecimal(byte, 2));
    const text = `  ${bytes.slice(0, 8).join(' ')}`.padEnd(25) + `  ${bytes.slice(8).join(' ')}`.padEnd(25);
    return `${text}  |${printable(row)}|`;
  }
  if (style === 'b')
    return Array.from(row, (byte) => ` ${byte.toString(8).padStart(3, '0')}`)
      .join('')
      .padEnd(64);
  const [base, digits, width] = STYLES[style] ?? STYLES[''];
  let text = '';
  for (let at = 0; at < row.length; at += 2) {
    const word = (row[at] ?? 0) | ((row[at + 1] ?? 0) << 8);
    text += word.toString(base).padStart(digits, '0').padStart(width);
  }
  return text.padEnd(8 * width);
}

/** Base, digits and columns of one word of two bytes. */
const STYLES: Readonly<Record<string, readonly [number, number, number]>> & {
  readonly '': readonly [number, number, number];
} = { '': [16, 4, 5], d: [10, 5, 8], o: [8, 6, 8], x: [16, 4, 8] };
