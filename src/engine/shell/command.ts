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
  /** Every command there is, by name: for `help`, `man`, `which`. */
  readonly commands: ReadonlyMap<string, Command>;
  /** Lines typed so far, oldest first. */
  readonly history: readonly string[];
  /**
   * Run another command as a child and return its exit code: what execvp is to `find -exec`, `xargs`, `env`, `sudo`.
   * It gets this command's streams and directory unless told otherwise. Never a builtin that changes the shell, never
   * a function or an alias. Unknown: the message is printed and the code is 127.
   */
  execute(words: readonly string[], options?: ExecuteOptions): Running;
}

export interface ExecuteOptions {
  readonly stdin?: InputStream;
  readonly stdout?: OutputStream;
  readonly stderr?: OutputStream;
  readonly environment?: ReadonlyMap<string, string>;
  /** With user and group 0. */
  readonly asRoot?: boolean;
}

export interface InputStream {
  readonly isTerminal: boolean;
  /**
   * The descriptor behind it, of `CommandContext.system`, when that is a file: for those who seek (`tail`, `xxd -s`).
   * Absent for terminals, pipes and here-documents.
   */
  readonly descriptor?: number | undefined;
  /** Up to `countMax` bytes, at least one; null at the end. */
  read(countMax?: number): Running<Uint8Array | null>;
  /** One line without its newline; null at the end. Malformed UTF-8 becomes U+FFFD. */
  readLine(): Running<string | null>;
}

export interface OutputStream {
  readonly isTerminal: boolean;
  /**
   * Writes all of it, or throws: FsError of the file behind it (ENOSPC …), BrokenPipe when nobody reads on. The bytes
   * are copied where they are kept. To anything but a terminal small pieces gather, as in stdio, until the command
   * ends; `flush` sends them on at once.
   */
  write(data: Uint8Array | string): Running<void>;
  flush(): Running<void>;
}

/** SIGPIPE: the reader of a pipe is gone. Let it escape: the command ends without a word, exit code 141. */
export class BrokenPipe extends Error {
  override readonly name = 'BrokenPipe';
}
