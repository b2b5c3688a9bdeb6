import { FsError } from '../engine/base/errno.ts';

/**
 * A file on its way in or out of the worker: how far it is, and whether somebody has asked it to stop. Whoever carries
 * it pauses between two pieces; then the worker answers other questions, and a stop ends the work with a sentence.
 */
export interface TransferView {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

const SLICE_MILLISECONDS = 20;

export class Transfer {
  doneBytes = 0;
  #isStopped = false;
  #sliceBegan = performance.now();

  constructor(
    readonly name: string,
    readonly totalBytes: number,
  ) {}

  get view(): TransferView {
    return { doneBytes: Math.min(this.doneBytes, this.totalBytes), totalBytes: this.totalBytes };
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** FsError ECANCELED once `stop` was called. */
  async pause(): Promise<void> {
    if (performance.now() - this.#sliceBegan > SLICE_MILLISECONDS) {
      await breathe();
      this.#sliceBegan = performance.now();
    }
    if (this.#isStopped)
      throw new FsError('ECANCELED', 'copy', this.name, 'it was cancelled; nothing was kept of it');
  }
}

/** Lets messages that have arrived be answered. A timer would wait four milliseconds. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
