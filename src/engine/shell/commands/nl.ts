import { forEachInput, LineReader } from '../inputs.ts';
import { program } from '../program.ts';

export const nl = program({
  name: 'nl',
  summary: 'number lines',
  manual: `nl [-b a|t|n] [-i step] [-n ln|rn|rz] [-s separator] [-v first] [-w width] [file …]

Numbers the lines that are not empty (-b a: all, -b n: none). -n: numbers left, right, right with zeros.`,
  letters: 'b:i:n:s:v:w:',
  usage: 'usage: nl [-b type] [-i incr] [-n format] [-s sep] [-v startnum] [-w width] [file ...]',
  usageExitCode: 1,
  *main(call) {
    const numbers = { i: 1, v: 1, w: 6 };
    for (const key of ['i', 'v', 'w'] as const) {
      const text = call.valueOf(key);
      if (text !== undefined && !/^-?\d{1,9}$/.test(text))
        return yield* call.fail(`illegal number -- ${text}`);
      numbers[key] = text === undefined ? numbers[key] : Number(text);
    }
    if (numbers.w < 1 || numbers.w > 1000) return yield* call.fail(`illegal width -- ${numbers.w}`);
    const which = call.valueOf('b') ?? 't';
    const format = call.valueOf('n') ?? 'rn';
    if (!['a', 't', 'n'].includes(which))
      return yield* call.fail(`illegal body line numbering type -- ${which}`);
    if (!['ln', 'rn', 'rz'].includes(format)) return yield* call.fail(`illegal format -- ${format}`);
    const separator = call.valueOf('s') ?? '\t';
    let number = numbers.v;
    yield* forEachInput(call, call.operands, function* (input) {
      const reader = new LineReader(input);
      for (let lines = yield* reader.next(); lines !== null; lines = yield* reader.next())
        for (const line of lines) {
          const isNumbered = which === 'a' || (which === 't' && line !== '');
          if (!isNumbered) {
            yield* call.print(`${' '.repeat(numbers.w + separator.length)}${line}\n`);
            continue;
          }
          const text = String(number);
          const shown =
            format === 'ln' ? text.padEnd(numbers.w) : text.padStart(numbers.w, format === 'rz' ? '0' : ' ');
          yield* call.print(`${shown}${separator}${line}\n`);
          number += numbers.i;
        }
    });
    return call.exitCode;
  },
});
