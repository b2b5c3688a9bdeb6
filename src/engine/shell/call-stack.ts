import type { Running } from './command.ts';

/**
 * Function calls, subshells and sourced files may nest hundreds deep, each through a dozen generators; delegating
 * them all with `yield*` would exhaust the host's stack and make every yield pass through all levels. So a nested call
 * is handed to the loop of `run`, which keeps the waiting ones in an array: depth costs memory, not stack.
 */
export class CallStack {
  #requested: Running<unknown> | undefined;
  #result: unknown;

  /** Within `run`: what `body` returns or throws. */
  *call<T>(body: Running<T>): Running<T> {
    this.#requested = body;
    yield;
    return this.#result as T;
  }

  /** Drives `root` and all that is called below it. */
  *run<T>(root: Running<T>): Running<T> {
    const waiting: Running<unknown>[] = [root];
    let failure: { error: unknown } | undefined;
    try {
      for (;;) {
        const top = waiting.at(-1) as Running<unknown>;
        let step: IteratorResult<void, unknown>;
        try {
          step = failure ? top.throw(failure.error) : top.next();
          failure = undefined;
        } catch (error) {
          waiting.pop();
          if (waiting.length === 0) throw error;
          failure = { error };
          continue;
        }
        if (step.done) {
          waiting.pop();
          if (waiting.length === 0) return step.value as T;
          this.#result = step.value;
        } else if (this.#requested) {
          waiting.push(this.#requested);
          this.#requested = undefined;
        } else {
          yield;
        }
      }
    } finally {
      unwind(waiting);
    }
  }
}

/** Cancelled: every level cleans up, the innermost first, also when one of them fails at it. */
function unwind(waiting: Running<unknown>[]): void {
  const top = waiting.pop();
  if (!top) return;
  try {
    top.return(undefined);
  } finally {
    unwind(waiting);
  }
}
