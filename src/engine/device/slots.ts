import { assert } from '../base/assert.ts';
import { randomBytes } from './generated.ts';
import { SlotTable } from './slot-table.ts';

/**
 * Where bytes are kept: slots of one block each, in slabs of 1 MiB. One arena serves a store and all its forks, so that
 * they share content by naming the same slot.
 *
 * A *value* says what a block holds, in one small integer (V8 keeps those unboxed, also with 31-bit pointers):
 *
 *      0          what the backing holds there; zeros without one
 *     −1          zeros, whatever the backing holds
 *   ≤ −2          computed: run −2 − value of `runs`
 *   ≥  2          stored in slot value >>> 1; the lowest bit is set while nobody else can see that slot, so that it may
 *                 be overwritten in place and is free the moment its block holds something else
 */
export const FROM_BACKING = 0;
export const ZEROS = -1;

const SLAB_BYTES = 2 ** 20;
const SLOTS_MAX = 2 ** 29;

export const valueOfSlot = (slot: number): number => slot * 2;
export const ownValueOfSlot = (slot: number): number => slot * 2 + 1;
export const slotOf = (value: number): number => value >>> 1;
export const isOwn = (value: number): boolean => value > 0 && (value & 1) === 1;

/** A random stream laid over the device: byte 0 of the device would be byte `originBytes` of the stream. */
export interface GeneratedRun {
  readonly seed: number;
  readonly originBytes: number;
}

export class Slots {
  readonly slotSizeBytes: number;
  readonly #slotShift: number;
  readonly #slabShift: number;
  readonly #slabMask: number;
  /** Null: every slot of the slab was free when `sweep` last looked, and its memory was given back. */
  readonly #slabs: (Uint8Array | null)[] = [];
  readonly #runs: GeneratedRun[] = [];

  /** Slots next … end − 1 are free and are handed out in order, so that a long write lies in one piece. */
  #next = 1;
  #end = 1;
  /** More free slots: start, end, start, end … */
  #free: number[] = [];
  #usedSlots = 0;
  #lastOwner = 0;
  /** Slots with content that is kept for good, so that the same block written again takes no room. */
  readonly #known = new SlotTable();

  constructor(slotSizeBytes: number) {
    this.slotSizeBytes = slotSizeBytes;
    this.#slotShift = 31 - Math.clz32(slotSizeBytes);
    this.#slabShift = 31 - Math.clz32(SLAB_BYTES / slotSizeBytes);
    this.#slabMask = 2 ** this.#slabShift - 1;
  }

  /** Bytes of content held, by whichever store, version or tape. */
  get usedBytes(): number {
    return this.#usedSlots * this.slotSizeBytes;
  }

  /** A number that no node of any tree of this arena carries yet. */
  newOwner(): number {
    return ++this.#lastOwner;
  }

  allocate(): number {
    if (this.#next === this.#end) this.#refill();
    this.#usedSlots++;
    return this.#next++;
  }

  /** `allocate` again if that gives exactly `slot`, the next one in a row. */
  allocateAt(slot: number): boolean {
    if (slot !== this.#next || this.#next === this.#end) return false;
    this.#next++;
    this.#usedSlots++;
    return true;
  }

  #refill(): void {
    const end = this.#free.pop();
    const start = this.#free.pop();
    if (start !== undefined && end !== undefined) {
      // One slab at a time: memory that was given back comes back only as it is needed.
      const slab = start >>> this.#slabShift;
      const endHere = Math.min(end, (slab + 1) << this.#slabShift);
      if (endHere < end) this.#free.push(endHere, end);
      this.#slabs[slab] ??= new Uint8Array(SLAB_BYTES);
      this.#next = start;
      this.#end = endHere;
      return;
    }
    const first = this.#slabs.length << this.#slabShift;
    assert(first < SLOTS_MAX, 'the content stored fits the memory of a machine');
    this.#slabs.push(new Uint8Array(SLAB_BYTES));
    this.#next = Math.max(1, first); // slot 0 is no slot: its value would mean "backing"
    this.#end = first + this.#slabMask + 1;
  }

  /** The caller knows that no tree and no tape names this slot any more. */
  free(slot: number): void {
    this.#usedSlots--;
    const last = this.#free.length - 1;
    if (last > 0 && this.#free[last] === slot) this.#free[last] = slot + 1;
    else this.#free.push(slot, slot + 1);
  }

  /** Copy `count` blocks from `data` at `fromBytes` into slots `slot` …; one copy per slab. */
  store(slot: number, count: number, data: Uint8Array, fromBytes: number): void {
    let at = fromBytes;
    for (let left = count; left > 0;) {
      const inSlab = slot & this.#slabMask;
      const here = Math.min(left, this.#slabMask + 1 - inSlab);
      const bytes = here << this.#slotShift;
      const slab = this.#slabs[slot >>> this.#slabShift]!;
      slab.set(bytes === data.length ? data : data.subarray(at, at + bytes), inSlab << this.#slotShift);
      slot += here;
      at += bytes;
      left -= here;
    }
  }

  /**
   * A slot that certainly holds the block at `fromBytes` of `data` and that nobody will overwrite, or 0. Asked only about
   * what is kept for good: the caller hands in new content with `remember`.
   */
  find(data: Uint8Array, fromBytes: number, hash: number): number {
    return this.#known.find(hash, (slot) => this.#holds(slot, data, fromBytes));
  }

  /** From now on `slot` is never overwritten, and `find` may give it to others. */
  remember(slot: number, hash: number): void {
    this.#known.add(hash, slot);
  }

  #holds(slot: number, data: Uint8Array, fromBytes: number): boolean {
    const slab = this.#slabs[slot >>> this.#slabShift]!;
    const start = (slot & this.#slabMask) << this.#slotShift;
    for (let i = 0; i < this.slotSizeBytes; i++) if (slab[start + i] !== data[fromBytes + i]) return false;
    return true;
  }

  /** The inverse of `store`. */
  load(slot: number, count: number, into: Uint8Array, toBytes: number): void {
    let at = toBytes;
    for (let left = count; left > 0;) {
      const inSlab = slot & this.#slabMask;
      const here = Math.min(left, this.#slabMask + 1 - inSlab);
      const start = inSlab << this.#slotShift;
      const bytes = here << this.#slotShift;
      into.set(this.#slabs[slot >>> this.#slabShift]!.subarray(start, start + bytes), at);
      slot += here;
      at += bytes;
      left -= here;
    }
  }

  /** The value for blocks whose bytes are a random stream; equal streams get equal values. */
  generatedValue(seed: number, originBytes: number): number {
    const last = this.#runs.at(-1);
    if (last?.seed !== seed || last.originBytes !== originBytes) this.#runs.push({ seed, originBytes });
    return -1 - this.#runs.length;
  }

  /** Do two computed values, of blocks at the same place, mean the same bytes? */
  isSameStream(a: number, b: number): boolean {
    if (a === b) return true;
    const [one, other] = [this.#runs[-2 - a], this.#runs[-2 - b]];
    return one !== undefined && one.seed === other?.seed && one.originBytes === other.originBytes;
  }

  generatedRun(value: number): GeneratedRun {
    const run = this.#runs[-2 - value];
    assert(run !== undefined, `value ${value} names a generated run`);
    return run;
  }

  loadGenerated(value: number, deviceOffsetBytes: number, into: Uint8Array): void {
    const { seed, originBytes } = this.generatedRun(value);
    randomBytes(seed, originBytes + deviceOffsetBytes, into);
  }

  /** One bit per slot, for `sweep`. */
  newMarks(): Uint32Array {
    return new Uint32Array(((this.#slabs.length << this.#slabShift) + 31) >>> 5);
  }

  /** Everything without a mark is free from now on; slabs without any mark give their memory back. */
  sweep(marks: Uint32Array): void {
    const slotsPerSlab = this.#slabMask + 1;
    const slotCount = this.#slabs.length * slotsPerSlab;
    this.#free = [];
    this.#known.clear();
    this.#next = 1;
    this.#end = 1;
    this.#usedSlots = 0;
    let freeFrom = 0;
    for (let slot = 1; slot <= slotCount; slot++) {
      const isUsed = slot < slotCount && (marks[slot >>> 5]! & (1 << (slot & 31))) !== 0;
      if (isUsed) this.#usedSlots++;
      if (isUsed || slot === slotCount) {
        if (freeFrom > 0) this.#free.push(freeFrom, slot);
        freeFrom = 0;
      } else if (freeFrom === 0) freeFrom = slot;
    }
    for (let i = 0; i < this.#free.length; i += 2) {
      const start = this.#free[i]!;
      const firstWhole = start === 1 ? 0 : Math.ceil(start / slotsPerSlab); // there is no slot 0
      const endWhole = Math.floor(this.#free[i + 1]! / slotsPerSlab);
      for (let slab = firstWhole; slab < endWhole; slab++) this.#slabs[slab] = null;
    }
  }
}

export function mark(marks: Uint32Array, slot: number, count: number): void {
  for (let i = slot; i < slot + count; i++) marks[i >>> 5]! |= 1 << (i & 31);
}
