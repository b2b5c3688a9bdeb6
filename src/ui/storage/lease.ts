/**
 * Which tab may write a bench: one at a time, by the browser's locks. A second one may look, and takes over when the
 * first lets go or is closed, however it ends.
 */
export interface Locks {
  request(
    name: string,
    options: { ifAvailable?: boolean; signal?: AbortSignal },
    held: (lock: unknown) => Promise<void> | undefined,
  ): Promise<unknown>;
}

export class Lease {
  readonly #locks: Locks | null;
  #release: () => void = () => {};

  /** Null: the browser has no locks; then every tab may write, as if there were no other. */
  constructor(locks: Locks | null) {
    this.#locks = locks;
  }

  /** True: this tab may write. False: another one does, and `onMine` is called once it has let go. */
  async take(id: string, onMine: () => void): Promise<boolean> {
    this.leave();
    const locks = this.#locks;
    if (locks === null) return true;
    const name = `diskoscope bench ${id}`;
    const waiting = new AbortController();
    const kept = new Promise<void>((resolve) => {
      this.#release = () => {
        waiting.abort();
        resolve();
      };
    });
    const isFree = await new Promise<boolean>((answer) => {
      void locks.request(name, { ifAvailable: true }, (lock) => {
        answer(lock !== null);
        return lock === null ? undefined : kept;
      });
    });
    if (isFree) return true;
    locks
      .request(name, { signal: waiting.signal }, () => {
        onMine();
        return kept;
      })
      .catch((error: unknown) => {
        // Another bench was opened here meanwhile: nobody waits any more.
        if (!(error instanceof DOMException && error.name === 'AbortError')) throw error;
      });
    return false;
  }

  /** Another tab may write it from now on. */
  leave(): void {
    this.#release();
    this.#release = () => {};
  }
}
