/**
 * How the language itself fails and jumps. These never reach a command: `run.ts` and `shell.ts` catch them where
 * POSIX says that they end.
 */

/** An error of the language (bad substitution, division by zero, a limit): ends the line, as at bash's prompt. */
export class ShellError extends Error {
  override readonly name = 'ShellError';

  constructor(
    message: string,
    readonly status = 1,
  ) {
    super(message);
  }
}

/**
 * `break`, `continue`, `return` and `exit` on their way to where they end. No Error: it is no failure, and writing down
 * the call stack would cost more than the rest of a function call.
 */
export class Jump {
  readonly kind: 'break' | 'continue' | 'return' | 'exit';
  /** Loops still to leave, or the exit code. */
  readonly value: number;

  constructor(kind: Jump['kind'], value: number) {
    this.kind = kind;
    this.value = value;
  }
}

/** A redirection that could not be made: its command does not run and has exit code 1; the line goes on. */
export class RedirectionError extends Error {
  override readonly name = 'RedirectionError';
}
