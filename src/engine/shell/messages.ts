import { FsError, strerror } from '../base/errno.ts';
import type { Running } from './command.ts';
import type { Environment } from './environment.ts';
import { RedirectionError } from './errors.ts';
import { Output } from './streams.ts';

/** What a program prints when a system call failed: `cp: b.txt: No space left on device`, and our reason behind it. */
export function describeFailure(name: string, error: FsError): string {
  const path = error.path === '' ? '' : `${error.path}: `;
  const detail = error.detail === '' ? '' : ` (${error.detail})`;
  return `${name}: ${path}${strerror(error.code)}${detail}\n`;
}

/** The sentence of a command's span: its text, cut where it would be too long for a line. */
export const describeCommand = (text: string): string =>
  `run ${text.length > SENTENCE_LENGTH_MAX ? `${text.slice(0, SENTENCE_LENGTH_MAX)}…` : text}`;

const SENTENCE_LENGTH_MAX = 120;

/**
 * A redirection that could not be made, or a file that could not be closed, is the failure of one command; every other
 * error goes on its way.
 */
export function* complainOfRedirection(environment: Environment, error: unknown): Running<void> {
  if (error instanceof RedirectionError)
    yield* complain(environment, `${environment.scriptName}: ${error.message}\n`);
  else if (error instanceof FsError)
    yield* complain(environment, describeFailure(environment.scriptName, error));
  else throw error;
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
