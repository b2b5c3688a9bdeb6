import { FsError } from '../base/errno.ts';
import type { ErrnoCode } from '../base/errno.ts';
import type { Stat, SystemCalls } from '../vfs/calls.ts';
import { XATTR_NOFOLLOW } from '../vfs/constants.ts';
import type { CommandContext, Running } from './command.ts';
import { isSymlink } from './permissions-text.ts';
import type { Invocation } from './program.ts';

/** What cp and mv share: contents by chunks, extended attributes, and the rest that `-p` keeps. */

export const CHUNK_BYTES = 2 ** 20;
const CHUNK_BYTES_MIN = 4096;

/** All bytes from one descriptor to the other. Breathes after every chunk; a failure is the write's or read's own. */
export function* copyContents(system: SystemCalls, from: number, to: number): Running<void> {
  const { sizeBytes } = system.fstat(from);
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(CHUNK_BYTES_MIN, sizeBytes)));
  for (;;) {
    const count = system.read(from, chunk);
    if (count === 0) return;
    writeAll(system, to, chunk.subarray(0, count));
    yield;
  }
}

/** A full volume takes a part first; asking again for the rest brings its errno out. */
export function writeAll(system: SystemCalls, fd: number, data: Uint8Array): void {
  for (let at = 0; at < data.length;) at += system.write(fd, data.subarray(at));
}

/** Where extended attributes cannot be kept at all there is nothing to copy either. */
export function copyAttributes(system: SystemCalls, from: string, to: string, noFollow: boolean): void {
  const options = noFollow ? XATTR_NOFOLLOW : 0;
  const names = attributeNames(system, from, options, ['ENOTSUP']);
  if (names === null) return;
  // What was there goes first (copyfile.c, copyfile_xattr): a fork would keep its tail, the others would stay. A target
  // that may be written but not read keeps what it has.
  for (const name of attributeNames(system, to, options, ['ENOTSUP', 'EACCES']) ?? []) {
    system.removexattr(to, name, options);
  }
  for (const name of names) system.setxattr(to, name, system.getxattr(from, name, options), options);
}

/** Null where asking is answered with one of `forgiven`. */
function attributeNames(
  system: SystemCalls,
  path: string,
  options: number,
  forgiven: readonly ErrnoCode[],
): string[] | null {
  try {
    return system.listxattr(path, options);
  } catch (error) {
    if (error instanceof FsError && forgiven.includes(error.code)) return null;
    throw error;
  }
}

/**
 * Times, owner, mode and flags of `wanted` for `path`, in the order cp takes so that the set-id bits survive chown.
 * Says what could not be kept; a file that may not change hands loses its set-id bits without a word.
 */
export function* keepAttributes(call: Invocation, path: string, wanted: Stat): Running<boolean> {
  const { system } = call;
  const isLink = isSymlink(wanted.mode);
  let isKept = true;
  function* step(what: string, change: () => void): Running<FsError | null> {
    try {
      change();
      return null;
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      const isForgiven =
        (what === 'chown' && error.code === 'EPERM') ||
        (what === 'chflags' && wanted.flags === 0 && (error.code === 'EPERM' || error.code === 'ENOTSUP'));
      if (!isForgiven) {
        yield* call.complain(`${what}: ${path}`, error);
        isKept = false;
      }
      return error;
    }
  }

  yield* step('utimensat', () =>
    system.utimes(path, { access: wanted.accessTime, modify: wanted.modifyTime }, isLink),
  );
  // No call of this machine changes the owner, mode or flags of a link itself.
  if (isLink) return isKept;

  const now = system.stat(path);
  let mode = wanted.mode & 0o7777;
  if (now.uid !== wanted.uid || now.gid !== wanted.gid) {
    if (yield* step('chown', () => system.chown(path, wanted.uid, wanted.gid))) mode &= 0o1777;
  }
  if ((now.mode & 0o7777) !== mode) yield* step('chmod', () => system.chmod(path, mode));
  if (now.flags !== wanted.flags) yield* step('chflags', () => system.chflags(path, wanted.flags));
  return isKept;
}

/** The same streams and machine for a command that another one is made of. */
export const asCommand = (
  context: CommandContext,
  name: string,
  args: readonly string[],
): CommandContext => ({
  args,
  name,
  stdin: context.stdin,
  stdout: context.stdout,
  stderr: context.stderr,
  system: context.system,
  machine: context.machine,
  environment: context.environment,
  columns: context.columns,
  commands: context.commands,
  history: context.history,
  execute: (words, options) => context.execute(words, options),
});
