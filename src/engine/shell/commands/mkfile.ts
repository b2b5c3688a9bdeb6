import { FsError, strerror } from '../../base/errno.ts';
import { ZERO_FILL } from '../../formats/contract.ts';
import * as C from '../../vfs/constants.ts';
import type { Running } from '../command.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 512, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

export const mkfile = program({
  name: 'mkfile',
  summary: 'make files of a size, filled with zeros',
  manual: `mkfile [-nv] size[b|k|m|g] filename ...

  -n  only set the size, write nothing (a hole, where the volume has holes)     -v  say what was made`,
  usage: 'usage: mkfile [-nv] size[b|k|m|g] filename ...',
  usageExitCode: 1,
  letters: 'nv',
  *main(call) {
    const [sizeText = '', ...paths] = call.operands;
    const match = /^(\d+)([bkmg]?)$/i.exec(sizeText);
    if (paths.length === 0) return yield* call.showUsage();
    const size = match ? Number(match[1]) * (UNITS[(match[2] ?? '').toLowerCase()] ?? NaN) : NaN;
    if (!Number.isSafeInteger(size)) return yield* call.fail('Bad file size!');
    for (const path of paths) {
      if (!(yield* make(call, path, size))) return 1;
    }
    return call.exitCode;
  },
});

/** A file that does not get its whole size is removed again, as mkfile does. */
function* make(call: Invocation, path: string, sizeBytes: number): Running<boolean> {
  const { system } = call;
  const fd = outcomeOf(() => system.open(path, C.O_RDWR | C.O_CREAT | C.O_TRUNC, 0o600));
  if (fd instanceof FsError) {
    yield* call.warn(strerror(fd.code));
    return false;
  }
  let problem: FsError | null = null;
  try {
    if (call.has('n')) system.ftruncate(fd, sizeBytes);
    else {
      for (let at = 0; at < sizeBytes;) {
        at += system.fill(fd, sizeBytes - at, ZERO_FILL);
        yield;
      }
    }
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    problem = error;
  } finally {
    system.close(fd);
  }
  if (problem) {
    const removed = outcomeOf(() => system.unlink(path));
    const what = removed instanceof FsError ? 'not removed' : 'removed';
    yield* call.warn(`(${path} ${what}) Write Error: ${strerror(problem.code)}`);
    return false;
  }
  if (call.has('v')) yield* call.say(`${path} ${sizeBytes} bytes\n`);
  return true;
}
