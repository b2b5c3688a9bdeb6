import type { SpanLevel, Trace } from '../base/trace.ts';

/** A trace that can look away: while panes look at files, their system calls are nobody's step. */
export class MutedTrace implements Trace {
  readonly #trace: Trace;
  #isMuted = false;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  get isRecording(): boolean {
    return !this.#isMuted && this.#trace.isRecording;
  }

  open(level: SpanLevel, sentence: string): void {
    this.#trace.open(level, sentence);
  }

  close(result?: string): void {
    this.#trace.close(result);
  }

  during<T>(work: () => T): T {
    const before = this.#isMuted;
    this.#isMuted = true;
    try {
      return work();
    } finally {
      this.#isMuted = before;
    }
  }
}
