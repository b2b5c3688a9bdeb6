import { FsError } from '../../base/errno.ts';
import type { Running } from '../command.ts';
import { directoryName } from '../paths-text.ts';
import { isDirectory, parseMode } from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { attempt, program } from '../program.ts';
import { failedWith, outcomeOf } from '../system-outcome.ts';

export const mkdir = program({
  name: 'mkdir',
  summary: 'make directories',
  manual: `mkdir [-pv] [-m mode] directory_name ...

  -p  the directories on the way too; no error when it is there already
  -m  permissions, as chmod takes them     -v  say what was made`,
  usage: 'usage: mkdir [-pv] [-m mode] directory_name ...',
  usageExitCode: 64,
  letters: 'm:pv',
  *main(call) {
    if (call.operands.length === 0) return yield* call.showUsage();
    const text = call.valueOf('m');
    const change = text === undefined ? null : parseMode(text, 0);
    if (text !== undefined && change === null) return yield* call.fail(`invalid file mode: ${text}`);
    const mode = change?.(0o777) ?? 0o777;
    for (const path of call.operands) {
      const isMade = yield* call.has('p') ? makePath(call, path, mode) : makeOne(call, path, mode);
      // mkdir(2) heeds only nine bits and the umask; chmod(2) brings what was asked for.
      if (isMade && change) yield* attempt(call, path, () => call.system.chmod(path, mode));
    }
    return call.exitCode;
  },
});

function* makeOne(call: Invocation, path: string, mode: number): Running<boolean> {
  const made = outcomeOf(() => call.system.mkdir(path, mode));
  if (made instanceof FsError) {
    yield* call.complain(failedWith(made, 'ENOTDIR', 'ENOENT') ? directoryName(path) : path, made);
    return false;
  }
  if (call.has('v')) yield* call.printLine(path);
  return true;
}

/** Directories on the way get the umask's permissions and are always usable by their owner. */
function* makePath(call: Invocation, path: string, mode: number): Running<boolean> {
  const { system } = call;
  const trimmed = path.replace(/(.)\/+$/, '$1');
  const steps = [...trimmed.matchAll(/[^/]+/g)].map(({ 0: name, index }) =>
    trimmed.slice(0, index + name.length),
  );
  if (steps.length === 0) steps.push(trimmed);
  for (const [index, step] of steps.entries()) {
    const isLast = index === steps.length - 1;
    const mask = system.umask(0);
    system.umask(isLast ? mask : mask & ~0o300);
    const made = outcomeOf(() => system.mkdir(step, isLast ? mode : 0o777));
    system.umask(mask);
    if (!(made instanceof FsError)) {
      if (call.has('v')) yield* call.printLine(step);
      if (isLast) return true;
      continue;
    }
    const found = outcomeOf(() => system.stat(step));
    if (!failedWith(made, 'EEXIST', 'EISDIR') || found instanceof FsError) {
      yield* call.complain(
        step,
        failedWith(made, 'EEXIST', 'EISDIR') && found instanceof FsError ? found : made,
      );
      return false;
    }
    if (!isDirectory(found.mode)) {
      yield* call.complain(step, isLast ? 'EEXIST' : 'ENOTDIR');
      return false;
    }
  }
  return false;
}
