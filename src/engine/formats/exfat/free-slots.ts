/**
 * Which slots of a directory are free, and where the first place for a set of n is: O(log slots) to change and to ask.
 *
 * A set goes where it lies within one sector, so that one write makes it and one write changes it. Sets longer than a
 * sector cannot; those begin where at least their first two entries, which hold all that changes, share one.
 *
 * A tree over the slots in four byte arrays; every node knows the longest free run in its part, at its start and at
 * its end, and the longest that crosses no border of sectors. Runs are counted up to 32 only, for no set needs more
 * than 19 slots. The answer is what a scan from the beginning would find, so it follows from the directory alone and
 * not from how it came about.
 */
const SATURATED = 32;

export class FreeSlots {
  readonly #slotsPerSector: number;
  #capacity: number;
  #best = new Uint8Array(0);
  #prefix = new Uint8Array(0);
  #suffix = new Uint8Array(0);
  #inside = new Uint8Array(0);

  /** A power of two. */
  constructor(slotsPerSector: number) {
    this.#slotsPerSector = slotsPerSector;
    this.#capacity = slotsPerSector;
    this.#allocate(new Uint8Array(slotsPerSector));
  }

  #allocate(leaves: Uint8Array): void {
    const size = this.#capacity * 2;
    this.#best = new Uint8Array(size);
    this.#best.set(leaves, this.#capacity);
    this.#prefix = this.#best.slice();
    this.#suffix = this.#best.slice();
    this.#inside = this.#best.slice();
    this.#combineAbove(this.#capacity, size - 1);
  }

  /** Make room for `slotCount` slots; new ones are taken until `set` says otherwise. */
  reserve(slotCount: number): void {
    if (slotCount <= this.#capacity) return;
    const old = this.#best.subarray(this.#capacity);
    while (this.#capacity < slotCount) this.#capacity *= 2;
    this.#allocate(old);
  }

  set(first: number, count: number, isFree: boolean): void {
    const low = this.#capacity + first;
    const value = isFree ? 1 : 0;
    this.#best.fill(value, low, low + count);
    this.#prefix.fill(value, low, low + count);
    this.#suffix.fill(value, low, low + count);
    this.#inside.fill(value, low, low + count);
    this.#combineAbove(low, low + count - 1);
  }

  #combineAbove(firstLeaf: number, lastLeaf: number): void {
    const best = this.#best;
    const prefix = this.#prefix;
    const suffix = this.#suffix;
    const inside = this.#inside;
    let low = firstLeaf >> 1;
    let high = lastLeaf >> 1;
    // A child that is free from end to end counts this much; `span` slots lie below a node of this level.
    for (let span = 2; low >= 1; low >>= 1, high >>= 1, span *= 2) {
      const full = Math.min(SATURATED, span / 2);
      const isInSector = span <= this.#slotsPerSector;
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
        const saturated = longest > SATURATED ? SATURATED : longest;
        best[node] = saturated;
        inside[node] = isInSector ? saturated : Math.max(inside[left] ?? 0, inside[right] ?? 0);
        prefix[node] = leftPrefix === full ? Math.min(SATURATED, full + rightPrefix) : leftPrefix;
        suffix[node] = rightSuffix === full ? Math.min(SATURATED, full + leftSuffix) : rightSuffix;
      }
    }
  }

  /** First slot of the first place for a set of `count` (at most 30), −1 when there is none. */
  find(count: number): number {
    const perSector = this.#slotsPerSector;
    if (count <= perSector) return this.#find(count, this.#inside);
    const first = this.#find(count + 1, this.#best);
    return first % perSector === perSector - 1 ? first + 1 : first;
  }

  /** `longest` is what decides above the sectors: runs across borders, or none. */
  #find(count: number, longest: Uint8Array): number {
    if ((longest[1] ?? 0) < count) return -1;
    const isAcrossAllowed = longest === this.#best;
    let node = 1;
    let size = this.#capacity;
    let first = 0;
    while (size > 1) {
      const mayCross = isAcrossAllowed || size <= this.#slotsPerSector;
      size /= 2;
      const left = node * 2;
      if ((longest[left] ?? 0) >= count) {
        node = left;
      } else {
        const leftSuffix = this.#suffix[left] ?? 0;
        if (mayCross && leftSuffix + (this.#prefix[left + 1] ?? 0) >= count) return first + size - leftSuffix;
        node = left + 1;
        first += size;
      }
    }
    return first;
  }
}
