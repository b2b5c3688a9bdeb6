import type { WorkerLike } from './client.ts';

/**
 * A worker that is started later: until then what it is told waits, in order. Workers compile for a good part of a
 * second, which the page wants for itself while it opens.
 */
export class LateWorker implements WorkerLike {
  #worker: WorkerLike | null = null;
  #isEnded = false;
  readonly #waiting: ((worker: WorkerLike) => void)[] = [];

  /** `when` resolves when it is time. */
  constructor(when: Promise<void>, start: () => WorkerLike) {
    void when.then(() => {
      if (this.#isEnded) return;
      const worker = start();
      this.#worker = worker;
      for (const action of this.#waiting.splice(0)) action(worker);
    });
  }

  #tell(action: (worker: WorkerLike) => void): void {
    if (this.#worker !== null) action(this.#worker);
    else this.#waiting.push(action);
  }

  postMessage(...message: Parameters<WorkerLike['postMessage']>): void {
    this.#tell((worker) => worker.postMessage(...message));
  }

  addEventListener(...listener: Parameters<WorkerLike['addEventListener']>): void {
    this.#tell((worker) => worker.addEventListener(...listener));
  }

  removeEventListener(...listener: Parameters<WorkerLike['removeEventListener']>): void {
    this.#tell((worker) => worker.removeEventListener(...listener));
  }

  terminate(): void {
    this.#isEnded = true;
    this.#worker?.terminate();
  }
}
