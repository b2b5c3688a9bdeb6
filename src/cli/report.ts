import { FsError, strerror } from '../engine/base/errno.ts';

/** How the command line speaks: what goes to which stream, and what a failure means for the exit code. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreadable: 3, interrupted: 130 } as const;

/** Where a command's text goes. The real one writes to the process's streams; tests collect. */
export interface Output {
  /** To standard output, as it is. */
  print(text: string | Uint8Array): void;
  /** To standard error, as it is. */
  complain(text: string | Uint8Array): void;
  /** Resolves when the reader has caught up, so that endless output does not pile up in memory. */
  drained(): Promise<void>;
  readonly isTerminal: boolean;
  readonly columns: number;
}

/** The host or the image made the work impossible. The message is a sentence. */
export class HostError extends Error {
  override readonly name = 'HostError';

  constructor(
    message: string,
    readonly exitCode: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const NODE_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  ENOSPC: "the host's disk is full",
  EDQUOT: 'your quota on the host is used up',
  EROFS: "the host's file system is read-only",
  EFBIG: "the host's file system does not allow files of that size",
  EIO: 'the host reported an input/output error',
  EMFILE: 'too many files are open',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
  ETXTBSY: 'it is in use',
  EBUSY: 'it is in use',
};

/** Turns an error of node:fs into a sentence: 'Cannot read a.img: permission denied.' Anything else passes through. */
export function hostFailure(verb: string, path: string, error: unknown, exitCode: number): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (!(error instanceof Error) || typeof code !== 'string' || error instanceof FsError) return error;
  const reason = NODE_REASONS[code] ?? code;
  return new HostError(`Cannot ${verb} ${printable(path)}: ${reason}.`, exitCode, { cause: error });
}

/** Runs `work`, turning node's errors into sentences about `path`. */
export function onHost<T>(verb: string, path: string, exitCode: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw hostFailure(verb, path, error, exitCode);
  }
}

/** An FsError for people: 'put: /big: File too large (…)'. */
export function fsErrorText(error: FsError): string {
  const where = error.path === '' ? error.syscall : error.path;
  const what = where === '' ? '' : `${printable(where)}: `;
  return `${what}${strerror(error.code)}${error.detail === '' ? '' : ` (${error.detail})`}`;
}

/** Names come from disks: control characters are shown, never sent to the terminal. */
export const printable = (text: string): string =>
  text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Progress on one line of standard error, at most ten times a second, only on a terminal. */
export class Progress {
  #shownAt = 0;
  #isShown = false;

  constructor(
    readonly output: Output,
    readonly verb: string,
    /** Null: nobody knows. */
    readonly totalBytes: number | null,
  ) {}

  show(doneBytes: number): void {
    const now = Date.now();
    if (!this.output.isTerminal || now - this.#shownAt < 100) return;
    this.#shownAt = now;
    this.#isShown = true;
    const percent = this.totalBytes ? `, ${Math.floor((doneBytes / this.totalBytes) * 100)} %` : '';
    this.output.complain(`\r${this.verb} ${doneBytes.toLocaleString('en')} bytes${percent}\u001b[K`);
  }

  /** Clears the line. */
  end(): void {
    if (this.#isShown) this.output.complain('\r\u001b[K');
  }
}
