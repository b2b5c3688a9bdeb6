import { FsError } from '../../base/errno.ts';
import type { Stat } from '../../vfs/calls.ts';
import * as C from '../../vfs/constants.ts';
import type { Running } from '../command.ts';
import { asCommand, copyAttributes, copyContents } from '../file-copy.ts';
import { baseName, joinPath } from '../paths-text.ts';
import { groupName, isDirectory, isRegular, isSymlink, modeText, userName } from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { failedWith, outcomeOf } from '../system-outcome.ts';
import { cp } from './cp.ts';
import { rm } from './rm.ts';

const USAGE = [
  'usage: mv [-f | -i | -n] [-hv] source target',
  '       mv [-f | -i | -n] [-v] source ... directory',
].join('\n');

export const mv = program({
  name: 'mv',
  summary: 'move or rename files',
  manual: `mv [-f | -i | -n] [-hv] source target
mv [-f | -i | -n] [-v] source ... directory

Renames within a volume. To another volume: copies, then removes the source.

  -f  overwrite without asking   -i  ask first   -n  never overwrite   -v  say what was moved
  -h  a target that is a link to a directory is replaced, not followed`,
  usage: USAGE,
  usageExitCode: 64,
  letters: 'fhinv',
  *main(call) {
    const { operands, system } = call;
    if (operands.length < 2) return yield* call.showUsage();
    const target = operands.at(-1) ?? '';
    const [first = ''] = operands;
    const found = outcomeOf(() => system.stat(target));
    if (found instanceof FsError || !isDirectory(found.mode)) {
      if (operands.length > 2) return yield* call.fail(`${target} is not a directory`);
      return (yield* move(call, first, target)) ? 0 : 1;
    }
    if (operands.length === 2 && isOtherSpelling(call, first, target)) {
      return (yield* move(call, first, target)) ? 0 : 1;
    }
    if (call.has('h')) {
      if (operands.length > 2) return yield* call.showUsage();
      const own = outcomeOf(() => system.lstat(target));
      if (!(own instanceof FsError) && isSymlink(own.mode)) return (yield* move(call, first, target)) ? 0 : 1;
    }
    let exitCode = 0;
    for (const source of operands.slice(0, -1)) {
      const to = joinPath(target, baseName(source));
      if (isSameFile(call, source, to)) {
        yield* call.warn(`${source} and ${to} are identical`);
        exitCode = 2;
      } else if (!(yield* move(call, source, to))) exitCode ||= 1;
    }
    return exitCode;
  },
});

function isSameFile(call: Invocation, a: string, b: string): boolean {
  const [left, right] = [outcomeOf(() => call.system.stat(a)), outcomeOf(() => call.system.stat(b))];
  if (left instanceof FsError || right instanceof FsError) return false;
  return left.inode === right.inode && left.device === right.device;
}

/** `mv dir Dir` on a volume that does not tell case apart: the target is the source itself, and yet it is renamed. */
function isOtherSpelling(call: Invocation, from: string, to: string): boolean {
  return (
    isSameFile(call, from, to) &&
    baseName(from) !== baseName(to) &&
    baseName(from) !== '.' &&
    baseName(to) !== '.'
  );
}

function* move(call: Invocation, from: string, to: string): Running<boolean> {
  const { system } = call;
  if (!(yield* mayReplace(call, from, to))) return call.exitCode === 0;
  const renamed = outcomeOf(() => system.rename(from, to));
  if (!(renamed instanceof FsError)) {
    if (call.has('v')) yield* call.printLine(`${from} -> ${to}`);
    return true;
  }
  if (!failedWith(renamed, 'EXDEV')) {
    yield* call.complain(`rename ${from} to ${to}`, renamed);
    return false;
  }
  const source = outcomeOf(() => system.lstat(from));
  if (source instanceof FsError) {
    yield* call.complain(from, source);
    return false;
  }
  if (!isSymlink(source.mode)) {
    const real = system.realpath(from);
    if (system.statfs(real).on === real) {
      yield* call.warn('cannot rename a mount point');
      return false;
    }
  }
  return isRegular(source.mode) ? yield* moveFile(call, from, to, source) : yield* moveTree(call, from, to);
}

/** Asks where asking is due. False with a clean exit code: the user, or -n, said no. */
function* mayReplace(call: Invocation, from: string, to: string): Running<boolean> {
  const { system, context } = call;
  const way = call.lastOf('fin');
  if (way === 'f' || outcomeOf(() => system.access(to, C.F_OK)) instanceof FsError) return true;
  const source = outcomeOf(() => system.lstat(from));
  if (source instanceof FsError) {
    yield* call.complain(from, source);
    return false;
  }
  if (way === 'n') {
    if (call.has('v')) yield* call.printLine(`${to} not overwritten`);
    return false;
  }
  let question: string | null = null;
  if (way === 'i') question = `overwrite ${to}? (y/n [n]) `;
  else if (context.stdin.isTerminal && outcomeOf(() => system.access(to, C.W_OK)) instanceof FsError) {
    const { mode, uid, gid } = system.stat(to);
    question = `override ${modeText(mode).slice(1)} ${userName(uid)}/${groupName(gid)} for ${to}? (y/n [n]) `;
  }
  if (question === null || (yield* call.asks(question))) return true;
  yield* call.say('not overwritten\n');
  return false;
}

/** To another volume: the source goes only when the copy is whole; a copy that fails is taken away again. */
function* moveFile(call: Invocation, from: string, to: string, source: Stat): Running<boolean> {
  const { system } = call;
  const input = outcomeOf(() => system.open(from, C.O_RDONLY));
  if (input instanceof FsError) {
    yield* call.complain(`fastcopy: open() failed (from): ${from}`, input);
    return false;
  }
  try {
    const flags = C.O_CREAT | C.O_EXCL | C.O_TRUNC | C.O_WRONLY;
    let output = outcomeOf(() => system.open(to, flags, 0o600));
    if (failedWith(output, 'EEXIST') && !(outcomeOf(() => system.unlink(to)) instanceof FsError)) {
      output = outcomeOf(() => system.open(to, flags, 0o600));
    }
    if (output instanceof FsError) {
      yield* call.complain(`fastcopy: open() failed (to): ${to}`, output);
      return false;
    }
    let problem: FsError | null = null;
    try {
      yield* copyContents(system, input, output);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      problem = error;
    } finally {
      system.close(output);
    }
    if (problem) {
      const isReading = problem.syscall === 'read';
      yield* call.complain(
        `fastcopy: ${isReading ? 'read' : 'write'}() failed: ${isReading ? from : to}`,
        problem,
      );
      const removed = outcomeOf(() => system.unlink(to));
      if (removed instanceof FsError) yield* call.complain(`${to}: remove`, removed);
      return false;
    }
  } finally {
    system.close(input);
  }
  yield* dress(call, from, to, source);
  const removed = outcomeOf(() => system.unlink(from));
  if (removed instanceof FsError) {
    yield* call.complain(`${from}: remove`, removed);
    return false;
  }
  if (call.has('v')) yield* call.printLine(`${from} -> ${to}`);
  return true;
}

/** What cannot be kept is told but stops nothing. */
function* dress(call: Invocation, from: string, to: string, source: Stat): Running<void> {
  const { system } = call;
  const octal = (value: number, width: number) => `0${value.toString(8).padStart(width, '0')}`;
  function* keep(what: string, change: () => void, forgives: (error: FsError) => boolean): Running<void> {
    const kept = outcomeOf(change);
    if (!(kept instanceof FsError) || forgives(kept)) return;
    const exitCode = call.exitCode;
    yield* call.complain(`${to}: ${what}`, kept);
    call.exitCode = exitCode;
  }
  const never = () => false;
  yield* keep(
    `unable to move extended attributes and ACL from ${from}`,
    () => copyAttributes(system, from, to, false),
    never,
  );
  yield* keep(
    `set owner/group (was: ${source.uid}/${source.gid})`,
    () => system.chown(to, source.uid, source.gid),
    never,
  );
  const mode = source.mode & 0o7777;
  yield* keep(`set mode (was: ${octal(mode, 3)})`, () => system.chmod(to, mode), never);
  yield* keep(
    `set flags (was: ${octal(source.flags, 7)})`,
    () => system.chflags(to, source.flags),
    (error) => error.code === 'ENOTSUP' && source.flags === 0,
  );
  yield* keep(
    'set times',
    () => system.utimes(to, { access: source.accessTime, modify: source.modifyTime }),
    never,
  );
}

/** Directories, links and devices go through cp and rm, which then speak under mv's name. */
function* moveTree(call: Invocation, from: string, to: string): Running<boolean> {
  const { system, context } = call;
  const existing = outcomeOf(() => system.lstat(to));
  if (existing instanceof FsError) {
    if (existing.code !== 'ENOENT') {
      yield* call.complain(to, existing);
      return false;
    }
  } else {
    const way = isDirectory(existing.mode) ? 'rmdir' : 'unlink';
    const removed = outcomeOf(() => (way === 'rmdir' ? system.rmdir(to) : system.unlink(to)));
    if (removed instanceof FsError) {
      yield* call.complain(`${way} ${to}`, removed);
      return false;
    }
  }
  yield* call.flush();
  const copied = yield* cp.run(asCommand(context, 'mv', [call.has('v') ? '-PRpv' : '-PRp', '--', from, to]));
  if (copied !== 0) {
    yield* call.warn(`/bin/cp ${from} ${to}: terminated with ${copied} (non-zero) status`);
    return false;
  }
  const removed = yield* rm.run(asCommand(context, 'mv', ['-rf', '--', from]));
  if (removed !== 0) {
    yield* call.warn(`/bin/rm ${from}: terminated with ${removed} (non-zero) status`);
    return false;
  }
  return true;
}
