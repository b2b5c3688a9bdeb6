import type { OutputPiece } from './protocol.ts';

/** Gathers what commands print until the page can take it; bytes become text, characters cut in two are kept whole. */
export class Output {
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  #pieces: { stream: OutputPiece['stream']; text: string }[] = [];

  add(stream: OutputPiece['stream'], bytes: Uint8Array): void {
    this.#append(stream, this.#decoders[stream].decode(bytes, { stream: true }));
  }

  #append(stream: OutputPiece['stream'], text: string): void {
    const last = this.#pieces.at(-1);
    if (last?.stream === stream) last.text += text;
    else if (text !== '') this.#pieces.push({ stream, text });
  }

  /** Everything since the last call, in order. `isEnd`: what is cut off now stays cut off. */
  take(isEnd: boolean): OutputPiece[] {
    if (isEnd)
      for (const stream of ['stdout', 'stderr'] as const)
        this.#append(stream, this.#decoders[stream].decode());
    const taken = this.#pieces;
    this.#pieces = [];
    return taken;
  }
}
