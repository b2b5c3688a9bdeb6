import type { SystemCalls } from '../vfs/calls.ts';
import type { Machine } from './machine.ts';

/**
 * A command of the shell: a synchronous generator that yields breathing points and returns its exit code.
 *
 * It never waits: where it cannot go on (its input pipe is empty, its output pipe is full) it yields and is resumed;
 * in long loops it yields every few thousand rounds so that the host can stop it. Input and output are the generator
 * methods of `streams`, used with `yield*`. An FsError that escapes ends the command: the shell prints
 * `name: path: text` and the exit code is 1. Ctrl-C ends it by `generator.return()`: clean up in `finally`.
 */
export type Running<T = number> = Generator<void, T, void>;

export interface Command {
  readonly name: string;
  /** One line for `help`. */
  readonly summary: string;
  /** The page of `man`: usage, options, what differs from macOS. Plain text. */
  readonly manual: string;
  run(context: CommandContext): Running;
}

export interface CommandContext {
  /** Without the command's own name. */
  readonly args: readonly string[];
  /** The name it was called by. */
  readonly name: string;
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly system: SystemCalls;
  /** Disks, mounts and checkers: what lies below files. */
  readonly machine: Machine;
  readonly environment: ReadonlyMap<string, string>;
  /** Columns of the terminal, for `ls`; 80 when output is no terminal. */
  readonly columns: number;
}

export interface InputStream {
  readonly isTerminal: boolean;
  /** Up to `countMax` bytes, at least one; null at the end. */
  read(countMax?: number): Running<Uint8Array | null>;
  /** One line without its newline; null at the end. Malformed UTF-8 becomes U+FFFD. */
  readLine(): Running<string | null>;
}

export interface OutputStream {
  readonly isTerminal: boolean;
  /** Writes all of it, or throws: FsError of the file behind it (ENOSPC …), BrokenPipe when nobody reads on. */
  write(data: Uint8Array | string): Running<void>;
}
