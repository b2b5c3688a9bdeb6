import { Rows } from './fsck-bits.ts';

/**
 * Who says that blocks are his: one row for every extent of every fork. Sorted once, they tell which blocks are in use
 * and where two claims overlap; blocks are never looked at one by one.
 */
export class Claims {
  readonly #rows = new Rows(6);

  /** `slotAt`: byte of the file `slotFile` (0: of the volume header) where the extent stands. */
  add(start: number, count: number, owner: number, kind: ClaimKind, slotFile: number, slotAt: number): void {
    const rows = this.#rows;
    const row = rows.add();
    rows.set(row, START, start);
    rows.set(row, COUNT, count);
    rows.set(row, OWNER, owner);
    rows.set(row, KIND, kind * 16 + slotFile);
    rows.set(row, SLOT_HIGH, Math.floor(slotAt / 2 ** 32));
    rows.set(row, SLOT_LOW, slotAt % 2 ** 32);
  }

  get length(): number {
    return this.#rows.length;
  }

  get(row: number): Claim {
    const rows = this.#rows;
    const kind = rows.get(row, KIND);
    return {
      start: rows.get(row, START),
      count: rows.get(row, COUNT),
      owner: rows.get(row, OWNER),
      kind: (kind >> 4) as ClaimKind,
      slotFile: kind & 15,
      slotAt: rows.get(row, SLOT_HIGH) * 2 ** 32 + rows.get(row, SLOT_LOW),
    };
  }

  /**
   * All blocks in use as disjoint runs in ascending order, [start, end) pairs. `overlap` hears of each pair of claims
   * that share blocks: at most as often as there are claims.
   */
  merge(overlap: (first: number, second: number) => void): Float64Array {
    const rows = this.#rows;
    const order = this.#sorted();
    const runs = new Float64Array(2 * order.length);
    let used = 0;
    let end = -1;
    let holder = -1;
    for (const row of order) {
      const start = rows.get(row, START);
      const stop = start + rows.get(row, COUNT);
      if (start < end) overlap(holder, row);
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
    const rows = this.#rows;
    if (rows.length < SORT_KEYS_MAX) {
      const keys = new Float64Array(rows.length);
      for (let row = 0; row < rows.length; row++) keys[row] = rows.get(row, START) * SORT_KEYS_MAX + row;
      keys.sort();
      for (let i = 0; i < keys.length; i++) keys[i] = (keys[i] ?? 0) % SORT_KEYS_MAX;
      return keys;
    }
    const order = Array.from({ length: rows.length }, (_, row) => row);
    return order.sort((a, b) => rows.get(a, START) - rows.get(b, START));
  }
}

export interface Claim {
  readonly start: number;
  readonly count: number;
  /** Catalog node id. */
  readonly owner: number;
  readonly kind: ClaimKind;
  readonly slotFile: number;
  readonly slotAt: number;
}

/** Lower ones keep contested blocks. */
export const CLAIM = { header: 0, special: 1, data: 2, resource: 3, attribute: 4, bad: 5 } as const;
export type ClaimKind = (typeof CLAIM)[keyof typeof CLAIM];

const [START, COUNT, OWNER, KIND, SLOT_HIGH, SLOT_LOW] = [0, 1, 2, 3, 4, 5];
/** 2^32 blocks times this many rows are still exact numbers. */
const SORT_KEYS_MAX = 2 ** 21;
