/**
 * What the worker answered last to a question that changes often (which block, which part of the map). One question is
 * under way at a time; of those asked meanwhile only the newest is asked at all, so a dragged pointer costs no queue.
 */
export class Answer<T> {
  value = $state.raw<T | null>(null);
  failure = $state<string | null>(null);
  #isAsking = false;
  #next: (() => Promise<T>) | null = null;

  ask(question: () => Promise<T>): void {
    this.#next = question;
    if (!this.#isAsking) void this.#work();
  }

  forget(): void {
    this.#next = null;
    this.value = null;
    this.failure = null;
  }

  async #work(): Promise<void> {
    this.#isAsking = true;
    while (this.#next !== null) {
      const question = this.#next;
      this.#next = null;
      try {
        const value = await question();
        // Somebody may have asked for something else, or for nothing, in the meantime.
        if (this.#next === null) this.value = value;
        this.failure = null;
      } catch (error) {
        this.value = null;
        this.failure = error instanceof Error ? error.message : String(error);
      }
    }
    this.#isAsking = false;
  }
}
