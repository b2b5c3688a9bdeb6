/**
 * Slots by a hash of their content: open addressing in two columns of numbers, at most half full. Metadata is written
 * over and over with few bytes changed; of a node of 4096 bytes in sectors of 512 most sectors were there before.
 */
export class SlotTable {
  #hashes = new Int32Array(SIZE_AT_START);
  /** 0: the place is free; no slot has that number. */
  #slots = new Int32Array(SIZE_AT_START);
  #count = 0;

  /** The slot added with `hash` that `isMeant` accepts; 0 when there is none. */
  find(hash: number, isMeant: (slot: number) => boolean): number {
    const mask = this.#slots.length - 1;
    for (let at = (hash >>> 1) & mask; ; at = (at + 1) & mask) {
      const slot = this.#slots[at]!;
      if (slot === 0) return 0;
      if (this.#hashes[at] === hash && isMeant(slot)) return slot;
    }
  }

  add(hash: number, slot: number): void {
    if (this.#count * 2 >= this.#slots.length) this.#grow();
    this.#count++;
    this.#put(hash, slot);
  }

  #put(hash: number, slot: number): void {
    const mask = this.#slots.length - 1;
    let at = (hash >>> 1) & mask;
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#hashes[at] = hash;
    this.#slots[at] = slot;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const slots = this.#slots;
    this.#hashes = new Int32Array(slots.length * 2);
    this.#slots = new Int32Array(slots.length * 2);
    for (let i = 0; i < slots.length; i++) if (slots[i] !== 0) this.#put(hashes[i]!, slots[i]!);
  }

  clear(): void {
    this.#hashes = new Int32Array(SIZE_AT_START);
    this.#slots = new Int32Array(SIZE_AT_START);
    this.#count = 0;
  }
}

/** A power of two. */
const SIZE_AT_START = 1024;

/**
 * Hash of `lengthBytes` (a multiple of 4) bytes from `fromBytes` on; 0 exactly for zeros only. Not for anybody hostile: who
 * finds two blocks with one hash gets both stored, for contents are compared before a slot is shared.
 */
export function contentHash(data: Uint8Array, fromBytes: number, lengthBytes: number): number {
  const start = data.byteOffset + fromBytes;
  const words =
    (start & 3) === 0
      ? new Int32Array(data.buffer, start, lengthBytes >>> 2)
      : new Int32Array(data.slice(fromBytes, fromBytes + lengthBytes).buffer);
  let hash = 0;
  let all = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    all |= word;
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return all === 0 ? 0 : hash | 1;
}
