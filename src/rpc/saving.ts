import { FsError } from '../engine/base/errno.ts';
import { Session } from '../engine/session/session.ts';
import { backingIn } from './file-store.ts';
import type { Checkpoint, SavedSession } from './protocol.ts';

/** What saved sessions are made of, on their way to the page and back. */

/** Everything that is handed over instead of being copied. */
export const buffersOf = ({ blocks, beginning, steps }: Checkpoint): ArrayBuffer[] => {
  const patches = steps.flatMap(({ patch }) => (patch === undefined ? [] : [patch.blocks]));
  return [blocks, ...(beginning === null ? [] : [beginning.blocks]), ...patches].flatMap(({ chunks }) =>
    chunks.flatMap(({ runs, bytes }) => [runs.buffer, bytes.buffer]),
  );
};

/**
 * A session from what was saved of it. That may have come from a file that anybody made, or be torn: whatever goes
 * wrong while nothing is open yet is the save's doing, and said as such.
 */
export function restored(
  saved: SavedSession,
  file: File | null,
  onOutput: Parameters<typeof Session.restore>[2],
): Session {
  try {
    return Session.restore(saved, file === null ? null : backingIn(file), onOutput);
  } catch (cause) {
    if (cause instanceof FsError) throw cause;
    throw new FsError('EFTYPE', 'restore', '', 'what was saved of it is damaged', { cause });
  }
}
