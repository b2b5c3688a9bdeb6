import { concatBytes, equalBytes, textOf, utf8 } from '../base/bytes.ts';
import type { Running } from './command.ts';
import { OpenFile } from './streams.ts';

/**
 * The terminal as the host lends it: output goes out at once, input comes from a queue that the host fills. A command
 * that reads an empty queue yields and says so in `isWaiting`, so that the host can rest instead of pumping.
 */
export type OutputSink = (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void;

export class Terminal {
  /** Whether programs are told that they talk to a person. */
  readonly isTerminal: boolean;
  /** Some command wants input, the queue is empty, and nobody else has anything to do. */
  isWaiting = false;
  /** Set by whoever yields because it cannot go on: at the terminal, or at a pipe. */
  isBlocked = false;
  readonly #sink: OutputSink;
  /** Null is Ctrl-D: one end of input. */
  #queue: (Uint8Array | null)[] = [];

  constructor(sink: OutputSink, isTerminal: boolean) {
    this.#sink = sink;
    this.isTerminal = isTerminal;
  }

  type(text: string | null): void {
    // As a terminal in canonical mode: a read gets one line at most, and what is behind it is still nobody's.
    const pieces = text === null ? [null] : this.isTerminal ? text.split(/(?<=\n)/) : [text];
    this.#queue.push(...pieces.map((piece) => (piece === null ? null : utf8(piece))));
    this.isWaiting = false;
  }

  /** What was typed and nobody read; ends of input are dropped. */
  takeUnread(): string {
    const pieces = this.#queue.filter((piece) => piece !== null);
    this.#queue = [];
    return textOf(concatBytes(pieces));
  }

  *receive(countMax: number): Running<Uint8Array | null> {
    for (;;) {
      const piece = this.#queue.shift();
      if (piece === null) return null;
      if (piece !== undefined && piece.length > 0) {
        if (piece.length > countMax) this.#queue.unshift(piece.subarray(countMax));
        return piece.subarray(0, countMax);
      }
      this.isWaiting = this.isBlocked = this.#queue.length === 0;
      yield;
    }
  }

  emit(stream: 'stdout' | 'stderr', bytes: Uint8Array): void {
    this.#sink(stream, this.isTerminal ? visibleBytes(bytes) : bytes.slice());
  }
}

/** One of the three descriptors that a shell starts with. */
export class TerminalFile extends OpenFile {
  readonly #terminal: Terminal;
  readonly #stream: 'stdout' | 'stderr';
  override readonly isTerminal: boolean;

  constructor(terminal: Terminal, stream: 'stdout' | 'stderr') {
    super();
    this.#terminal = terminal;
    this.#stream = stream;
    this.isTerminal = terminal.isTerminal;
  }

  protected override receive(countMax: number): Running<Uint8Array | null> {
    return this.#terminal.receive(countMax);
  }

  override *send(data: Uint8Array): Running<void> {
    this.#terminal.emit(this.#stream, data);
    yield;
  }

  protected override shut(): void {}
}

/** Moves the cursor home and empties the screen: what `clear` prints, and the one sequence that passes. */
export const CLEAR_SCREEN = '\u001b[H\u001b[2J';
const CLEAR_SCREEN_BYTES = utf8(CLEAR_SCREEN);

/**
 * What a person may be shown: whatever stands in a file, it must not steer the terminal. Control bytes but tab and
 * newline become `?`; so do C1 controls and marks that turn the direction of text, in UTF-8.
 */
function visibleBytes(bytes: Uint8Array): Uint8Array {
  const shown = bytes.slice();
  if (equalBytes(bytes, CLEAR_SCREEN_BYTES)) return shown;
  for (let at = 0; at < shown.length; at++) {
    const byte = shown[at] ?? 0;
    if ((byte < 0x20 && byte !== 0x09 && byte !== 0x0a) || byte === 0x7f) shown[at] = QUESTION_MARK;
    else if (byte === 0xc2 && (shown[at + 1] ?? 0) < 0xa0) shown.fill(QUESTION_MARK, at, at + 2);
    else if (byte === 0xe2 && isDirectionMark(shown[at + 1] ?? 0, shown[at + 2] ?? 0))
      shown.fill(QUESTION_MARK, at, at + 3);
  }
  return shown;
}

const QUESTION_MARK = 0x3f;

/** U+2028 … U+202E and U+2066 … U+2069, behind their first byte. */
const isDirectionMark = (second: number, third: number): boolean =>
  (second === 0x80 && third >= 0xa8 && third <= 0xae) || (second === 0x81 && third >= 0xa6 && third <= 0xa9);
