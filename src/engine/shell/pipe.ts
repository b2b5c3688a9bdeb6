import { FsError } from '../base/errno.ts';
import { BrokenPipe, type Running } from './command.ts';
import { PIPE_BYTES_MAX } from './limits.ts';
import { OpenFile } from './streams.ts';

/**
 * A bounded pipe. A full one makes its writer yield, an empty one its reader; the scheduler in pipeline.ts resumes
 * both in turn. A pipe nobody reads breaks its writer, a pipe nobody writes ends for its reader.
 */
export function openPipe(terminal: { isBlocked: boolean }): { reader: OpenFile; writer: OpenFile } {
  const pipe = new Pipe(terminal);
  return { reader: new PipeReader(pipe), writer: new PipeWriter(pipe) };
}

class Pipe {
  readonly terminal: { isBlocked: boolean };
  readonly pieces: Uint8Array[] = [];
  lengthBytes = 0;
  isReaderGone = false;
  isWriterGone = false;

  constructor(terminal: { isBlocked: boolean }) {
    this.terminal = terminal;
  }
}

class PipeReader extends OpenFile {
  readonly #pipe: Pipe;

  constructor(pipe: Pipe) {
    super();
    this.#pipe = pipe;
  }

  protected override *receive(countMax: number): Running<Uint8Array | null> {
    const pipe = this.#pipe;
    while (pipe.pieces.length === 0) {
      if (pipe.isWriterGone) return null;
      pipe.terminal.isBlocked = true;
      yield;
    }
    let piece = pipe.pieces.shift() as Uint8Array;
    if (piece.length > countMax) {
      pipe.pieces.unshift(piece.subarray(countMax));
      piece = piece.subarray(0, countMax);
    }
    pipe.lengthBytes -= piece.length;
    return piece;
  }

  override send(): Running<void> {
    throw new FsError('EBADF', 'write', '');
  }

  protected override shut(): void {
    this.#pipe.isReaderGone = true;
  }
}

class PipeWriter extends OpenFile {
  readonly #pipe: Pipe;

  constructor(pipe: Pipe) {
    super();
    this.#pipe = pipe;
  }

  protected override receive(): Running<null> {
    throw new FsError('EBADF', 'read', '');
  }

  override *send(data: Uint8Array): Running<void> {
    const pipe = this.#pipe;
    let at = 0;
    while (at < data.length) {
      if (pipe.isReaderGone) throw new BrokenPipe();
      const piece = data.slice(at, at + PIPE_BYTES_MAX - pipe.lengthBytes);
      if (piece.length > 0) {
        pipe.pieces.push(piece);
        pipe.lengthBytes += piece.length;
        at += piece.length;
      }
      if (at === data.length) return;
      pipe.terminal.isBlocked = true;
      yield;
    }
  }

  protected override shut(): void {
    this.#pipe.isWriterGone = true;
  }
}
