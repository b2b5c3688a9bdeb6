/**
 * Who says that blocks are his: one row a claim. Sorted once, they tell which blocks are in use and where two claims
 * overlap; blocks are never looked at one by one, so that 16 TiB cost what is stored on them.
 */
export class Claims {
  #starts = new Float64Array(64);
  #counts = new Float64Array(64);
  #owners = new Uint16Array(64);
  #ownerNumbers = new Float64Array(64);
  readonly #names: string[] = [];
  readonly #nameIndexes = new Map<string, number>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(start: number, count: number, owner: string, ownerNumber: number): void {
    if (this.#length === this.#starts.length) this.#grow();
    const row = this.#length++;
    this.#starts[row] = start;
    this.#counts[row] = count;
    this.#owners[row] = this.#nameIndex(owner);
    this.#ownerNumbers[row] = ownerNumber;
  }

  /** 'file 17' */
  ownerOf(row: number): string {
    const name = this.#names[this.#owners[row] ?? 0] ?? '';
    const number = this.#ownerNumbers[row] ?? -1;
    return number < 0 ? name : `${name} ${number}`;
  }

  /**
   * All blocks in use as disjoint runs in ascending order, [start, end) pairs. `overlap` hears of each pair of claims
   * that share blocks, with the run they share: at most as often as there are claims. `without`: leave out this owner's.
   */
  merge(
    overlap: (first: number, second: number, start: number, end: number) => void,
    without?: string,
  ): Float64Array {
    const left = without === undefined ? -1 : (this.#nameIndexes.get(without) ?? -1);
    const order = this.#sorted();
    const runs = new Float64Array(2 * order.length);
    let used = 0;
    let end = -1;
    let holder = -1;
    for (const row of order) {
      if (this.#owners[row] === left) continue;
      const start = this.#starts[row] ?? 0;
      const stop = start + (this.#counts[row] ?? 0);
      if (start < end) overlap(holder, row, start, Math.min(end, stop));
      if (start > end || used === 0) {
        runs[used] = start;
        runs[used + 1] = stop;
        used += 2;
      } else if (stop > end) {
        runs[used - 1] = stop;
      }
      if (stop > end) {
        end = stop;
        holder = row;
      }
    }
    return runs.subarray(0, used);
  }

  #sorted(): Float64Array | number[] {
    if (this.#length < SORT_KEYS_MAX) {
      const keys = new Float64Array(this.#length);
      for (let row = 0; row < keys.length; row++) keys[row] = (this.#starts[row] ?? 0) * SORT_KEYS_MAX + row;
      keys.sort();
      for (let i = 0; i < keys.length; i++) keys[i] = (keys[i] ?? 0) % SORT_KEYS_MAX;
      return keys;
    }
    const starts = this.#starts;
    const order = Array.from({ length: this.#length }, (_, row) => row);
    return order.sort((a, b) => (starts[a] ?? 0) - (starts[b] ?? 0));
  }

  #nameIndex(owner: string): number {
    let index = this.#nameIndexes.get(owner);
    if (index === undefined) {
      // A thousandth owner without a name of its own costs a clear message, nothing else.
      index = Math.min(this.#names.length, OWNERS_MAX - 1);
      if (index === this.#names.length) this.#names.push(owner);
      this.#nameIndexes.set(owner, index);
    }
    return index;
  }

  #grow(): void {
    const enlarge = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(2 * old.length);
      grown.set(old);
      return grown;
    };
    this.#starts = enlarge(this.#starts);
    this.#counts = enlarge(this.#counts);
    this.#ownerNumbers = enlarge(this.#ownerNumbers);
    const owners = new Uint16Array(2 * this.#owners.length);
    owners.set(this.#owners);
    this.#owners = owners;
  }
}

const OWNERS_MAX = 1024;
/** 2^32 blocks times this many rows are still exact numbers. */
const SORT_KEYS_MAX = 2 ** 21;
