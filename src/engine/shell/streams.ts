import { FsError } from '../base/errno.ts';
import { concatBytes, textOf, utf8 } from '../base/bytes.ts';
import type { SystemCalls } from '../vfs/calls.ts';
import { SEEK_CUR } from '../vfs/constants.ts';
import type { InputStream, OutputStream, Running } from './command.ts';
import { ShellError } from './errors.ts';
import { CAPTURE_BYTES_MAX, INPUT_LINE_BYTES_MAX, OUTPUT_BUFFER_BYTES } from './limits.ts';

/**
 * What the shell's descriptors point at. An OpenFile is shared by everybody who inherited or copied the descriptor
 * and is shut when the last of them lets go. Input that was read but not used stays here, so that `read` in a loop
 * takes one line and leaves the rest to the next command.
 */

const READ_BYTES = 64 * 1024;
const NEWLINE = 10;
const NOTHING = new Uint8Array(0);

export abstract class OpenFile {
  readonly isTerminal: boolean = false;
  #holderCount = 1;
  #ahead: Uint8Array = NOTHING;

  /** Up to `countMax` bytes, at least one; null at the end. The array belongs to the caller. */
  protected abstract receive(countMax: number): Running<Uint8Array | null>;
  /** All of it, or an error. Keeps no reference to `data`. */
  abstract send(data: Uint8Array): Running<void>;
  protected abstract shut(): void;

  /** The descriptor for those who want to seek: only within the process that opened it. */
  descriptorFor(_system: SystemCalls): number | undefined {
    return undefined;
  }

  retain(): this {
    this.#holderCount++;
    return this;
  }

  release(): void {
    this.#holderCount--;
    if (this.#holderCount === 0) this.shut();
  }

  *read(countMax = READ_BYTES): Running<Uint8Array | null> {
    if (this.#ahead.length === 0) return yield* this.receive(countMax);
    const piece = this.#ahead.subarray(0, countMax);
    this.#ahead = this.#ahead.subarray(piece.length);
    return piece;
  }

  /** One line; `isEnded` tells whether a newline (dropped) ended it. Null at the end of input. */
  *readLine(): Running<{ bytes: Uint8Array; isEnded: boolean } | null> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const piece = yield* this.read();
      if (piece === null) return parts.length === 0 ? null : { bytes: concatBytes(parts), isEnded: false };
      const end = piece.indexOf(NEWLINE);
      if (end >= 0) {
        this.#ahead = piece.subarray(end + 1);
        parts.push(piece.subarray(0, end));
        return { bytes: parts.length === 1 ? (parts[0] ?? NOTHING) : concatBytes(parts), isEnded: true };
      }
      parts.push(piece);
      length += piece.length;
      if (length > INPUT_LINE_BYTES_MAX) return { bytes: concatBytes(parts), isEnded: true };
      yield;
    }
  }

  /** Forget what was read ahead; returns how many bytes that were. */
  protected dropAhead(): number {
    const { length } = this.#ahead;
    this.#ahead = NOTHING;
    return length;
  }
}

/** A file of a volume, opened by a redirection. */
export class SystemFile extends OpenFile {
  readonly #system: SystemCalls;
  readonly #descriptor: number;

  constructor(system: SystemCalls, descriptor: number) {
    super();
    this.#system = system;
    this.#descriptor = descriptor;
  }

  override descriptorFor(system: SystemCalls): number | undefined {
    if (system !== this.#system) return undefined;
    const aheadBytes = this.dropAhead();
    if (aheadBytes > 0) this.#system.lseek(this.#descriptor, -aheadBytes, SEEK_CUR);
    return this.#descriptor;
  }

  protected override *receive(countMax: number): Running<Uint8Array | null> {
    const buffer = new Uint8Array(countMax);
    const count = this.#system.read(this.#descriptor, buffer);
    return count === 0 ? null : buffer.subarray(0, count);
  }

  override *send(data: Uint8Array): Running<void> {
    let at = 0;
    while (at < data.length) {
      const count = this.#system.write(this.#descriptor, data.subarray(at));
      if (count === 0) throw new FsError('ENOSPC', 'write', '');
      at += count;
      yield;
    }
  }

  protected override shut(): void {
    this.#system.close(this.#descriptor);
  }
}

/** A here-document or here-string. */
export class TextFile extends OpenFile {
  #rest: Uint8Array;

  constructor(text: string) {
    super();
    this.#rest = utf8(text);
  }

  protected override *receive(countMax: number): Running<Uint8Array | null> {
    if (this.#rest.length === 0) return null;
    const piece = this.#rest.subarray(0, countMax);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  override send(): Running<void> {
    throw new FsError('EBADF', 'write', '');
  }

  protected override shut(): void {}
}

/** Where `$( )` collects. */
export class Capture extends OpenFile {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  text(): string {
    return textOf(concatBytes(this.#parts));
  }

  protected override receive(): Running<null> {
    throw new FsError('EBADF', 'read', '');
  }

  override *send(data: Uint8Array): Running<void> {
    this.#length += data.length;
    if (this.#length > CAPTURE_BYTES_MAX)
      throw new ShellError(`$( ) holds at most ${CAPTURE_BYTES_MAX / 1024 / 1024} MiB; use a file`);
    this.#parts.push(data.slice());
  }

  protected override shut(): void {}
}

/** What a closed descriptor (`>&-`) is to a command. */
class ClosedFile extends OpenFile {
  protected override receive(): Running<null> {
    throw new FsError('EBADF', 'read', '');
  }

  override send(): Running<void> {
    throw new FsError('EBADF', 'write', '');
  }

  protected override shut(): void {}
}
export const CLOSED_FILE: OpenFile = new ClosedFile();

/** An OpenFile as a command reads it. */
export class Input implements InputStream {
  readonly #file: OpenFile;
  readonly #system: SystemCalls;

  constructor(file: OpenFile, system: SystemCalls) {
    this.#file = file;
    this.#system = system;
  }

  get file(): OpenFile {
    return this.#file;
  }

  get isTerminal(): boolean {
    return this.#file.isTerminal;
  }

  get descriptor(): number | undefined {
    return this.#file.descriptorFor(this.#system);
  }

  read(countMax?: number): Running<Uint8Array | null> {
    return this.#file.read(countMax);
  }

  *readLine(): Running<string | null> {
    const line = yield* this.#file.readLine();
    return line === null ? null : textOf(line.bytes);
  }
}

/** What errors of standard output call it: of programs, and of what the shell itself prints. */
export const STDOUT_TITLE = 'stdout';
export const BUILTIN_STDOUT_TITLE = 'write error';

/** Is it about standard output, and not about a file that the command opened? */
export const isOutputFailure = (error: FsError): boolean =>
  error.syscall === 'write' && (error.path === STDOUT_TITLE || error.path === BUILTIN_STDOUT_TITLE);

/** An OpenFile as a command writes it: straight to a terminal, gathered to anything else until the command ends. */
export class Output implements OutputStream {
  readonly #file: OpenFile;
  readonly #title: string;
  readonly #isGathering: boolean;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(file: OpenFile, title: string, isGathering = !file.isTerminal) {
    this.#file = file;
    this.#title = title;
    this.#isGathering = isGathering;
  }

  get file(): OpenFile {
    return this.#file;
  }

  get isTerminal(): boolean {
    return this.#file.isTerminal;
  }

  *write(data: Uint8Array | string): Running<void> {
    if (data.length === 0) return;
    const bytes = typeof data === 'string' ? utf8(data) : data;
    if (this.#length + bytes.length > OUTPUT_BUFFER_BYTES) yield* this.flush();
    if (!this.#isGathering || bytes.length > OUTPUT_BUFFER_BYTES) {
      yield* this.#send(bytes);
    } else {
      this.#parts.push(bytes === data ? bytes.slice() : bytes);
      this.#length += bytes.length;
    }
  }

  *flush(): Running<void> {
    if (this.#length === 0) return;
    const bytes = concatBytes(this.#parts);
    this.#parts = [];
    this.#length = 0;
    yield* this.#send(bytes);
  }

  *#send(bytes: Uint8Array): Running<void> {
    try {
      yield* this.#file.send(bytes);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      throw new FsError(error.code, 'write', this.#title, error.detail, { cause: error });
    }
  }
}
