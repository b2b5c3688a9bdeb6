import type { ErrnoCode } from '../base/errno.ts';
import { FsError } from '../base/errno.ts';

/** The result of a system call, or the errno it failed with: commands go on after most failures. */
export function outcomeOf<T>(call: () => T): T | FsError {
  try {
    return call();
  } catch (error) {
    if (error instanceof FsError) return error;
    throw error;
  }
}

export const failedWith = (outcome: unknown, ...codes: ErrnoCode[]): outcome is FsError =>
  outcome instanceof FsError && codes.includes(outcome.code);
