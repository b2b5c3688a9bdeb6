import { program } from '../program.ts';

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;
const LINES_PER_BREATH = 1000;

export const seq = program({
  name: 'seq',
  summary: 'print a sequence of numbers',
  manual: `seq [-w] [-s separator] [-t terminator] [first [step]] last

Prints the numbers from first (1) to last by step (1, or -1 when last is the smaller).
-w  all equally wide, with zeros in front    -s  what stands between (a newline)    -t  what stands at the end`,
  letters: 'ws:t:f:',
  usage: 'usage: seq [-w] [-s string] [-t string] [first [incr]] last',
  usageExitCode: 1,
  *main(call) {
    const { operands } = call;
    if (operands.length < 1 || operands.length > 3) return yield* call.showUsage();
    const wrong = operands.find((operand) => !NUMBER.test(operand));
    if (wrong !== undefined) return yield* call.fail(`invalid floating point argument: ${wrong}`);
    if (call.has('f')) return yield* call.fail("-f is not supported; use printf '%…\\n' $(seq …)");
    const last = Number(operands.at(-1));
    const first = operands.length > 1 ? Number(operands[0]) : 1;
    const step = operands.length > 2 ? Number(operands[1]) : first <= last ? 1 : -1;
    if (step === 0) return yield* call.fail('zero increment');
    if (last > first && step < 0) return yield* call.fail('needs positive increment');
    if (last < first && step > 0) return yield* call.fail('needs negative decrement');
    const decimals = Math.max(0, ...operands.slice(0, -1).map(decimalsOf));
    const format = (value: number) => (decimals === 0 ? plain(value) : value.toFixed(decimals));
    const width = call.has('w') ? Math.max(format(first).length, format(last).length) : 0;
    const separator = call.valueOf('s') ?? '\n';
    const count = Math.floor((last - first) / step + 1e-10) + 1;
    for (let i = 0; i < count; i++) {
      yield* call.print((i > 0 ? separator : '') + padded(format(first + i * step), width));
      if (i % LINES_PER_BREATH === 0) yield;
    }
    yield* call.print(call.valueOf('t') ?? '\n');
    return 0;
  },
});

const decimalsOf = (text: string): number => /\.(\d*)/.exec(text)?.[1]?.length ?? 0;

const plain = (value: number): string => (Math.abs(value) < 1e15 ? String(value) : value.toPrecision(6));

const padded = (text: string, width: number): string =>
  text.startsWith('-') ? `-${text.slice(1).padStart(width - 1, '0')}` : text.padStart(width, '0');
