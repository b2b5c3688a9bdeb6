import { FsError } from '../base/errno.ts';
import type { Running } from './command.ts';
import type { NamedVolume } from './disk-names.ts';
import { reasonOf } from './disk-names.ts';
import type { Invocation } from './program.ts';
import { outcomeOf } from './system-outcome.ts';

/** What the verbs of diskutil share. diskutil does not name itself in its messages. */

/** Null: the words do not fit the verb. */
export type Verb = (call: Invocation, words: readonly string[]) => Running<number | null>;

export function* failed(call: Invocation, sentence: string): Running {
  yield* call.say(`${sentence}\n`);
  return 1;
}

export function* notFound(call: Invocation, name: string): Running {
  yield* call.say(`Could not find disk: ${name}\n`);
  return 1;
}

export const title = ({ slice }: NamedVolume): string =>
  slice.label === '' ? slice.device : `${slice.label} on ${slice.device}`;

/** Unmount, or say why not. */
export function* leave(call: Invocation, found: NamedVolume): Running<boolean> {
  const done = outcomeOf(() => call.context.machine.unmount(found.slice.device));
  if (!(done instanceof FsError)) return true;
  yield* call.say(`Volume ${title(found)} failed to unmount: ${reasonOf(done)}\n`);
  return false;
}
