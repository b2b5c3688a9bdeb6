import { FsError, strerror } from '../base/errno.ts';
import type { Running } from './command.ts';
import type { Environment } from './environment.ts';
import { Output } from './streams.ts';

/** What a program prints when a system call failed: `cp: b.txt: No space left on device`, and our reason behind it. */
export function describeFailure(name: string, error: FsError): string {
  const path = error.path === '' ? '' : `${error.path}: `;
  const detail = error.detail === '' ? '' : ` (${error.detail})`;
  return `${name}: ${path}${strerror(error.code)}${detail}\n`;
}

/** Print to the environment's standard error; nowhere to print is no second failure. */
export function* complain(environment: Environment, text: string): Running<void> {
  const file = environment.descriptors.get(2);
  if (!file) return;
  const output = new Output(file, 'stderr', false);
  try {
    yield* output.write(text);
  } catch (error) {
    // A full disk behind 2>file: the message is lost, as it would be there.
    if (!(error instanceof FsError)) throw error;
  }
}
