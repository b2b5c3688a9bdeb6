import { FsError } from '../../src/engine/base/errno.ts';

/** What an action is refused with, 'ENOSPC why'; or 'accepted'. */
export function refusalOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof FsError) return `${error.code} ${error.detail}`;
    throw error;
  }
  return 'accepted';
}
