import { concatBytes, textOf } from '../base/bytes.ts';
import { FsError } from '../base/errno.ts';
import { O_RDONLY } from '../vfs/constants.ts';
import type { InputStream, Running } from './command.ts';
import { INPUT_LINE_BYTES_MAX } from './limits.ts';
import type { Invocation } from './program.ts';
import { Input, isOutputFailure, SystemFile } from './streams.ts';

/**
 * The files that a text tool reads: its operands in order, `-` and nothing at all meaning standard input. What cannot
 * be opened or read is complained about and the rest goes on, as all these tools do.
 */
export function* forEachInput(
  call: Invocation,
  operands: readonly string[],
  use: (input: InputStream, path: string) => Running<void>,
): Running<void> {
  for (const path of operands.length === 0 ? ['-'] : operands) {
    yield* withInput(call, path, (input) => use(input, path));
    yield;
  }
}

export function* withInput(
  call: Invocation,
  path: string,
  use: (input: InputStream) => Running<void>,
): Running<void> {
  const isStandard = path === '-';
  let file: SystemFile | undefined;
  try {
    file = isStandard ? undefined : new SystemFile(call.system, call.system.open(path, O_RDONLY));
    yield* use(file ? new Input(file, call.system) : standardInput(call));
  } catch (error) {
    if (!(error instanceof FsError) || isOutputFailure(error)) throw error;
    yield* call.complain(isStandard ? 'stdin' : path, error);
  } finally {
    file?.release();
  }
}

/** Where somebody watches, what was printed so far is shown before the tool waits for more. */
function standardInput(call: Invocation): InputStream {
  const { stdin, stdout } = call.context;
  if (!stdin.isTerminal && !stdout.isTerminal) return stdin;
  return {
    isTerminal: stdin.isTerminal,
    get descriptor() {
      return stdin.descriptor;
    },
    *read(countMax) {
      yield* call.flush();
      return yield* stdin.read(countMax);
    },
    *readLine() {
      yield* call.flush();
      return yield* stdin.readLine();
    },
  };
}

/** Lines in batches, as many as each read brings: a generator a line would cost more than the line. */
export class LineReader {
  readonly #input: InputStream;
  #carry: Uint8Array[] = [];
  #carryBytes = 0;
  #isAtEnd = false;
  /** Whether the very last line lacked its newline; known once `next` gave null. */
  lacksNewline = false;
  /** A NUL byte was met: this is no text. */
  hasNul = false;

  constructor(input: InputStream) {
    this.#input = input;
  }

  /** Lines without their newlines; null at the end. */
  *next(): Running<string[] | null> {
    while (!this.#isAtEnd) {
      const piece = yield* this.#input.read();
      yield;
      if (piece === null) {
        this.#isAtEnd = true;
        if (this.#carryBytes === 0) return null;
        this.lacksNewline = true;
        return [this.#take()];
      }
      this.hasNul ||= piece.includes(0);
      const end = piece.lastIndexOf(NEWLINE);
      if (end >= 0) {
        this.#keep(piece.subarray(0, end));
        const text = this.#take();
        this.#keep(piece.subarray(end + 1));
        return text.split('\n');
      }
      this.#keep(piece);
      if (this.#carryBytes > INPUT_LINE_BYTES_MAX) return [this.#take()];
    }
    return null;
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#carry.push(bytes);
    this.#carryBytes += bytes.length;
  }

  #take(): string {
    const text = textOf(concatBytes(this.#carry));
    this.#carry = [];
    this.#carryBytes = 0;
    return text;
  }
}

const NEWLINE = 10;
