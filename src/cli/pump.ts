import type { Readable } from 'node:stream';
import type { Session } from '../engine/session/session.ts';
import type { RunOutcome } from '../engine/session/step-record.ts';
import type { Output } from './report.ts';

const SLICE_MILLISECONDS = 20;

/**
 * Runs a line to its end. Between slices it waits for whoever reads the output and lets signals in; when a command
 * wants input it gets what comes from `input`, or at once the end of it when there is none.
 */
export async function pump(
  session: Session,
  line: string,
  output: Output,
  input: Readable | null,
): Promise<RunOutcome> {
  const running = session.run(line);
  const typed = input === null ? null : new Input(input);
  try {
    for (;;) {
      const until = performance.now() + SLICE_MILLISECONDS;
      do {
        const result = running.next();
        if (result.done === true) return result.value;
      } while (performance.now() < until && !session.isWaitingForInput);
      await output.drained();
      if (session.isWaitingForInput) session.type(typed === null ? null : await typed.next());
      else await new Promise(setImmediate);
    }
  } finally {
    typed?.close();
  }
}

/** A stream read only when somebody wants something from it. */
class Input {
  readonly #stream: Readable;

  constructor(stream: Readable) {
    this.#stream = stream;
  }

  /** The next piece; null at the end. */
  async next(): Promise<string | null> {
    this.#stream.setEncoding('utf8');
    for (;;) {
      const piece: unknown = this.#stream.read();
      if (typeof piece === 'string') return piece;
      if (this.#stream.readableEnded || this.#stream.destroyed) return null;
      await new Promise<void>((resolve) => {
        const done = () => {
          for (const event of ['readable', 'end', 'close', 'error']) this.#stream.off(event, done);
          resolve();
        };
        for (const event of ['readable', 'end', 'close', 'error']) this.#stream.on(event, done);
      });
    }
  }

  /** An open input would keep the process alive. */
  close(): void {
    this.#stream.pause();
    const { unref } = this.#stream as { unref?: () => void };
    unref?.call(this.#stream);
  }
}
