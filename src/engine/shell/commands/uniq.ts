import { O_CREAT, O_TRUNC, O_WRONLY } from '../../vfs/constants.ts';
import type { OutputStream, Running } from '../command.ts';
import { LineReader, withInput } from '../inputs.ts';
import { attempt, program, type Invocation } from '../program.ts';
import { Output, SystemFile } from '../streams.ts';

export const uniq = program({
  name: 'uniq',
  summary: 'leave out lines equal to the one before',
  manual: `uniq [-c | -d | -u] [-i] [-f fields] [-s characters] [input [output]]

Prints each of several equal lines in a row once. -c with how often, -d only those that repeat, -u only those that do
not. -i without regard to case; -f and -s skip fields and characters before comparing.`,
  letters: 'cduif:s:',
  usage: 'usage: uniq [-cdiu] [-f fields] [-s chars] [input [output]]',
  usageExitCode: 1,
  *main(call) {
    const [inputPath = '-', outputPath, ...more] = call.operands;
    if (more.length > 0) return yield* call.showUsage();
    const skip = { fields: Number(call.valueOf('f') ?? 0), characters: Number(call.valueOf('s') ?? 0) };
    if (!Number.isSafeInteger(skip.fields) || skip.fields < 0)
      return yield* call.fail(`illegal field skip value: ${call.valueOf('f')}`);
    if (!Number.isSafeInteger(skip.characters) || skip.characters < 0)
      return yield* call.fail(`illegal character skip value: ${call.valueOf('s')}`);
    const flags = O_WRONLY | O_CREAT | O_TRUNC;
    const descriptor =
      outputPath === undefined
        ? undefined
        : yield* attempt(call, outputPath, () => call.system.open(outputPath, flags, 0o666));
    if (outputPath !== undefined && descriptor === undefined) return 1;
    const file = descriptor === undefined ? undefined : new SystemFile(call.system, descriptor);
    try {
      const output = file ? new Output(file, outputPath ?? '') : call.context.stdout;
      yield* filter(call, inputPath, output, skip);
      yield* output.flush();
    } finally {
      file?.release();
    }
    return call.exitCode;
  },
});

function* filter(
  call: Invocation,
  path: string,
  output: OutputStream,
  skip: { fields: number; characters: number },
): Running<void> {
  const skipped = new RegExp(`^(?:[ \\t]*[^ \\t]+){0,${Math.min(skip.fields, 60000)}}`);
  const keyOf = (line: string): string => {
    const rest = skip.fields > 0 ? line.replace(skipped, '') : line;
    const key = skip.characters > 0 ? Array.from(rest).slice(skip.characters).join('') : rest;
    return call.has('i') ? key.toLowerCase() : key;
  };
  let current: { line: string; key: string; count: number } | undefined;
  const finish = function* (): Running<void> {
    if (!current || (call.has('d') && current.count === 1) || (call.has('u') && current.count > 1)) return;
    yield* output.write(`${call.has('c') ? `${String(current.count).padStart(4)} ` : ''}${current.line}\n`);
  };
  yield* withInput(call, path, function* (input) {
    const reader = new LineReader(input);
    for (let lines = yield* reader.next(); lines !== null; lines = yield* reader.next())
      for (const line of lines) {
        const key = keyOf(line);
        if (current?.key === key) {
          current.count++;
          continue;
        }
        yield* finish();
        current = { line, key, count: 1 };
      }
    yield* finish();
  });
}
