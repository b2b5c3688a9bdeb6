import { FreeSlots } from './free-slots.ts';
import type { ExfatNode } from './node.ts';

const KNOWN_SLOTS_MIN = 64;

/**
 * What is known of the slots of one directory: which sets begin where, what they are called, who uses them, and which
 * slots are free. It reaches only as far as slots were ever used: a directory with three files costs the same whether
 * its cluster has room for four more or for four thousand.
 */
export class Slots {
  readonly #free: FreeSlots;
  /** Slots from here on were never used. */
  #known = 0;
  readonly #names: (string | undefined)[] = [];
  /** Entries of the set that begins there; 0 elsewhere. */
  #counts = new Uint8Array(0);
  #inodes = new Float64Array(0);
  readonly #live: (ExfatNode | undefined)[] = [];

  constructor(slotsPerSector: number) {
    this.#free = new FreeSlots(slotsPerSector);
  }

  /** Slots before `slotCount` exist: free ones, where nothing was said of them before. */
  know(slotCount: number): void {
    const old = this.#known;
    if (slotCount <= old) return;
    this.#free.reserve(slotCount);
    this.#free.set(old, slotCount - old, true);
    if (slotCount > this.#counts.length) this.#enlarge(Math.max(slotCount, this.#counts.length * 2));
    this.#known = slotCount;
  }

  /** Doubling keeps the cost of a directory that grows cluster by cluster the same for each of its files. */
  #enlarge(size: number): void {
    this.#names.length = size;
    this.#live.length = size;
    const counts = new Uint8Array(size);
    counts.set(this.#counts);
    this.#counts = counts;
    const inodes = new Float64Array(size);
    inodes.set(this.#inodes);
    this.#inodes = inodes;
  }

  /** First slot of the first free place for a set of `count`, of `capacity` slots in all; −1 when there is none. */
  findFree(count: number, capacity: number): number {
    for (;;) {
      const first = this.#free.find(count);
      if (first >= 0 || this.#known >= capacity) return first;
      this.know(Math.min(capacity, Math.max(KNOWN_SLOTS_MIN, this.#known * 2)));
    }
  }

  setFree(first: number, count: number, isFree: boolean): void {
    this.#free.set(first, count, isFree);
  }

  /** A set of `count` entries called `name` begins at `slot`. */
  enter(slot: number, count: number, name: string): void {
    this.#names[slot] = name;
    this.#counts[slot] = count;
  }

  leave(slot: number): void {
    this.#names[slot] = undefined;
    this.#counts[slot] = 0;
    this.#live[slot] = undefined;
  }

  /** Next slot after `slot` and before `end` where a set begins, −1 when there is none. */
  next(slot: number, end: number): number {
    const counts = this.#counts;
    for (let next = slot + 1; next < end; next++) if (counts[next] !== 0) return next;
    return -1;
  }

  nameAt(slot: number): string {
    return this.#names[slot] ?? '';
  }
  countAt(slot: number): number {
    return this.#counts[slot] ?? 0;
  }
  inodeAt(slot: number): number {
    return this.#inodes[slot] ?? 0;
  }
  setInode(slot: number, inode: number): void {
    this.#inodes[slot] = inode;
  }
  /** The node in use there, if there is one. */
  liveAt(slot: number): ExfatNode | undefined {
    return this.#live[slot];
  }
  setLive(slot: number, node: ExfatNode | undefined): void {
    this.#live[slot] = node;
  }
}
