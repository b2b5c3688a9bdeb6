import type { InputStream, Running } from '../command.ts';
import { hexadecimal, printable, readOffset, RowReader } from '../hex-input.ts';
import { withInput, LineReader } from '../inputs.ts';
import { program, type Invocation } from '../program.ts';

const COLUMNS_MAX = 256;

export const xxd = program({
  name: 'xxd',
  summary: 'show bytes in hexadecimal, or make bytes of hexadecimal',
  manual: `xxd [-b | -p | -i | -r] [-u] [-s offset] [-l length] [-c columns] [-g bytes] [file]

Prints offset, bytes and characters, 16 bytes a line. Only the range asked for is read.
-s  begin there; negative: that far before the end      -l  so many bytes      -c  bytes a line      -g  bytes a group
-p  only digits      -b  bits      -u  capital digits      -i  as a C array
-r  the other way: digits become bytes on standard output (-r -p from plain digits)`,
  letters: 'bpiruEeas:l:c:g:o:',
  usage: 'usage: xxd [-b|-i|-p|-r] [-u] [-c cols] [-g bytes] [-l len] [-s seek] [infile]',
  usageExitCode: 1,
  *main(call) {
    const numbers = readNumbers(call);
    if (typeof numbers === 'string') return yield* call.fail(numbers);
    if (call.operands.length > 1) return yield* call.fail('one file at a time; the output goes through >');
    const path = call.operands[0] ?? '-';
    yield* withInput(call, path, (input) =>
      call.has('r') ? reverse(call, input) : dump(call, input, numbers, path),
    );
    return call.exitCode;
  },
});

interface Numbers {
  readonly offset: number;
  readonly length: number;
  readonly columns: number;
  readonly group: number;
}

function readNumbers(call: Invocation): Numbers | string {
  const wishes: Record<string, number> = {};
  for (const letter of 'slcg') {
    const text = call.valueOf(letter);
    const value = text === undefined ? undefined : readOffset(text);
    if (text !== undefined && value === undefined) return `invalid number: -${letter} ${text}`;
    if (value !== undefined) wishes[letter] = value;
  }
  const isPlain = call.has('p');
  const columns = wishes['c'] ?? (isPlain ? 30 : call.has('b') ? 6 : call.has('i') ? 12 : 16);
  if (columns < 1 || columns > COLUMNS_MAX) return `invalid number of columns (max. ${COLUMNS_MAX}).`;
  const group = wishes['g'] ?? (call.has('b') ? 1 : 2);
  return {
    offset: wishes['s'] ?? 0,
    length: wishes['l'] ?? Number.POSITIVE_INFINITY,
    columns,
    group: group <= 0 ? columns : group,
  };
}

function* dump(call: Invocation, input: InputStream, numbers: Numbers, path: string): Running<void> {
  const { columns, group } = numbers;
  const reader = new RowReader(input, { rowBytes: columns, lengthBytes: numbers.length });
  let offset = numbers.offset === 0 ? 0 : yield* reader.skip(numbers.offset, call.system);
  const digits = (byte: number) => {
    const text = call.has('b') ? byte.toString(2).padStart(8, '0') : hexadecimal(byte, 2);
    return call.has('u') ? text.toUpperCase() : text;
  };
  const digitsEach = call.has('b') ? 8 : 2;
  const width = columns * digitsEach + Math.ceil(columns / group) - 1;
  const rows: string[] = [];
  for (let row = yield* reader.next(); row !== null; row = yield* reader.next()) {
    const bytes = Array.from(row, digits);
    if (call.has('p')) {
      yield* call.printLine(bytes.join(''));
    } else if (call.has('i')) {
      rows.push(`  ${bytes.map((byte) => `0x${byte}`).join(', ')}`);
    } else {
      const groups: string[] = [];
      for (let at = 0; at < bytes.length; at += group) groups.push(bytes.slice(at, at + group).join(''));
      yield* call.printLine(
        `${hexadecimal(offset, 8)}: ${groups.join(' ').padEnd(width)}  ${printable(row)}`,
      );
    }
    offset += row.length;
  }
  if (!call.has('i')) return;
  const name = path.replace(/[^A-Za-z0-9]/g, '_');
  const length = offset - Math.max(0, numbers.offset);
  if (path === '-') yield* call.printLine(rows.join(',\n'));
  else
    yield* call.print(
      `unsigned char ${name}[] = {\n${rows.join(',\n')}\n};\nunsigned int ${name}_len = ${length};\n`,
    );
}

/** `-r`: offsets may leave gaps, which become zeros; going back is not possible on a stream. */
function* reverse(call: Invocation, input: InputStream): Running<void> {
  const reader = new LineReader(input);
  let at = 0;
  for (let lines = yield* reader.next(); lines !== null; lines = yield* reader.next())
    for (const line of lines) {
      const [, offsetText, rest = line] = call.has('p')
        ? []
        : (/^\s*([0-9a-fA-F]+):\s?(.*)$/.exec(line) ?? ['', undefined, '']);
      const digits = call.has('p')
        ? line.replace(/\s/g, '')
        : (rest.split(/ {2}/)[0] ?? '').replace(/ /g, '');
      const offset = offsetText === undefined ? at : Number.parseInt(offsetText, 16);
      if (offset < at) {
        yield* call.warn('sorry, cannot seek backwards.');
        return;
      }
      yield* zeros(call, offset - at);
      const bytes = /^(?:[0-9a-fA-F]{2})*/.exec(digits)?.[0] ?? '';
      const piece = Uint8Array.from(bytes.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
      yield* call.printBytes(piece);
      at = offset + piece.length;
    }
}

function* zeros(call: Invocation, count: number): Running<void> {
  for (let left = count; left > 0; left -= 65536) {
    yield* call.printBytes(new Uint8Array(Math.min(left, 65536)));
    yield;
  }
}
