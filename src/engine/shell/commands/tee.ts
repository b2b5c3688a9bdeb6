import { FsError } from '../../base/errno.ts';
import { O_APPEND, O_CREAT, O_TRUNC, O_WRONLY } from '../../vfs/constants.ts';
import { attempt, program } from '../program.ts';
import { SystemFile } from '../streams.ts';

export const tee = program({
  name: 'tee',
  summary: 'copy input to files and to output',
  manual: `tee [-a] [file …]

Copies standard input to standard output and to each file. -a appends instead of overwriting; -i is accepted.`,
  letters: 'ai',
  usage: 'usage: tee [-ai] [file ...]',
  usageExitCode: 1,
  *main(call) {
    const { system, context } = call;
    const flags = O_WRONLY | O_CREAT | (call.has('a') ? O_APPEND : O_TRUNC);
    const files = new Map<string, SystemFile>();
    try {
      for (const path of call.operands) {
        const descriptor = yield* attempt(call, path, () => system.open(path, flags, 0o666));
        if (descriptor !== undefined) files.set(path, new SystemFile(system, descriptor));
      }
      for (let piece = yield* context.stdin.read(); piece !== null; piece = yield* context.stdin.read()) {
        for (const [path, file] of files) {
          try {
            yield* file.send(piece);
          } catch (error) {
            if (!(error instanceof FsError)) throw error;
            yield* call.complain(path, error);
          }
        }
        yield* context.stdout.write(piece);
        yield* context.stdout.flush();
        yield;
      }
    } finally {
      for (const file of files.values()) file.release();
    }
    return call.exitCode;
  },
});
