import { sentenceOf } from './sentence.ts';

/**
 * What the worker answered last to a question that changes often (which block, which part of the map). One question is
 * under way at a time; of those asked meanwhile only the newest is asked at all, so a dragged pointer costs no queue.
 */
export class Answer<T> {
  value = $state.raw<T | null>(null);
  failure = $state<string | null>(null);
  #isAsking = false;
  /** Grows when what is under way is no longer wanted. */
  #era = 0;
  #next: (() => Promise<T>) | null = null;

  ask(question: () => Promise<T>): void {
    this.#next = question;
    if (!this.#isAsking) void this.#work();
  }

  forget(): void {
    this.#era += 1;
    this.#next = null;
    this.value = null;
    this.failure = null;
  }

  async #work(): Promise<void> {
    this.#isAsking = true;
    while (this.#next !== null) {
      const question = this.#next;
      this.#next = null;
      const era = this.#era;
      try {
        const value = await question();
        if (era !== this.#era || this.#next !== null) continue;
        this.value = value;
        this.failure = null;
      } catch (error) {
        if (era !== this.#era) continue;
        this.value = null;
        this.failure = sentenceOf(error);
      }
    }
    this.#isAsking = false;
  }
}
