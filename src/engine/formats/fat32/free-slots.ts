/**
 * Which slots of a directory are free, and where the first run of n free ones is: O(log slots) to change and to ask.
 *
 * A tree over the slots in three byte arrays; every node knows the longest free run in its part, at its start and at
 * its end. Runs are counted up to 32 only, for no name needs more than 21 slots. The answer is what a scan from the
 * beginning would find, so it follows from the directory alone and not from how it came about.
 */
const SATURATED = 32;

export class FreeSlots {
  #capacity = 16;
  #best = new Uint8Array(32);
  #prefix = new Uint8Array(32);
  #suffix = new Uint8Array(32);

  /** Make room for `slotCount` slots; new ones are taken until `set` says otherwise. */
  reserve(slotCount: number): void {
    if (slotCount <= this.#capacity) return;
    const old = this.#best.subarray(this.#capacity);
    while (this.#capacity < slotCount) this.#capacity *= 2;
    const size = this.#capacity * 2;
    this.#best = new Uint8Array(size);
    this.#best.set(old, this.#capacity);
    this.#prefix = this.#best.slice();
    this.#suffix = this.#best.slice();
    this.#combineAbove(this.#capacity, size - 1);
  }

  set(first: number, count: number, isFree: boolean): void {
    const low = this.#capacity + first;
    const value = isFree ? 1 : 0;
    this.#best.fill(value, low, low + count);
    this.#prefix.fill(value, low, low + count);
    this.#suffix.fill(value, low, low + count);
    this.#combineAbove(low, low + count - 1);
  }

  #combineAbove(firstLeaf: number, lastLeaf: number): void {
    const best = this.#best;
    const prefix = this.#prefix;
    const suffix = this.#suffix;
    let low = firstLeaf >> 1;
    let high = lastLeaf >> 1;
    // A child that is free from end to end counts this much.
    for (let full = 1; low >= 1; low >>= 1, high >>= 1, full = Math.min(SATURATED, full * 2)) {
      for (let node = low; node <= high; node++) {
        const left = node * 2;
        const right = left + 1;
        const leftPrefix = prefix[left] ?? 0;
        const rightPrefix = prefix[right] ?? 0;
        const leftSuffix = suffix[left] ?? 0;
        const rightSuffix = suffix[right] ?? 0;
        const across = leftSuffix + rightPrefix;
        let longest = Math.max(best[left] ?? 0, best[right] ?? 0);
        if (across > longest) longest = across;
        best[node] = longest > SATURATED ? SATURATED : longest;
        prefix[node] = leftPrefix === full ? Math.min(SATURATED, full + rightPrefix) : leftPrefix;
        suffix[node] = rightSuffix === full ? Math.min(SATURATED, full + leftSuffix) : rightSuffix;
      }
    }
  }

  /** First slot of the first run of `count` free slots (at most 31), −1 when there is none. */
  find(count: number): number {
    if ((this.#best[1] ?? 0) < count) return -1;
    let node = 1;
    let size = this.#capacity;
    let first = 0;
    while (size > 1) {
      size /= 2;
      const left = node * 2;
      if ((this.#best[left] ?? 0) >= count) {
        node = left;
      } else {
        const leftSuffix = this.#suffix[left] ?? 0;
        if (leftSuffix + (this.#prefix[left + 1] ?? 0) >= count) return first + size - leftSuffix;
        node = left + 1;
        first += size;
      }
    }
    return first;
  }
}
