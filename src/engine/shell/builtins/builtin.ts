import type { InputStream, OutputStream, Running } from '../command.ts';
import type { Environment } from '../environment.ts';
import type { Redirections } from '../redirect.ts';

/**
 * A command that changes or reads the shell itself, and therefore runs inside it. A ShellError that escapes is printed
 * behind the builtin's name and becomes its exit code; from a transparent one (`eval`, `.`) it goes on and ends the line.
 */
export interface Builtin {
  readonly name: string;
  readonly summary: string;
  readonly manual: string;
  readonly isTransparent?: boolean;
  /** Also a program of its own: `sudo sh -c …` starts a new shell. */
  readonly isProgram?: boolean;
  run(call: BuiltinCall): Running;
}

export interface BuiltinCall {
  readonly environment: Environment;
  readonly name: string;
  readonly args: readonly string[];
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Redirections of this call, for `exec`; undefined when there can be none. */
  readonly redirections: Redirections | undefined;
  /** Runs a builtin or a command of the machine, past functions and aliases. */
  runCommand(words: readonly string[]): Running;
}
