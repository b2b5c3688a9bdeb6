/** What the checker keeps of hundreds of thousands of records without an object for each. */

/** Rows of numbers (ids, sizes, blocks: exact up to 2^53) that grow. */
export class Rows {
  length = 0;
  #data: Float64Array;

  constructor(readonly width: number) {
    this.#data = new Float64Array(width * 64);
  }

  /** Index of a new row of zeros. */
  add(): number {
    if ((this.length + 1) * this.width > this.#data.length) {
      const grown = new Float64Array(this.#data.length * 2);
      grown.set(this.#data);
      this.#data = grown;
    }
    return this.length++;
  }

  get(row: number, column: number): number {
    return this.#data[row * this.width + column] ?? 0;
  }

  set(row: number, column: number, value: number): void {
    this.#data[row * this.width + column] = value;
  }

  increase(row: number, column: number, by: number): void {
    const at = row * this.width + column;
    this.#data[at] = (this.#data[at] ?? 0) + by;
  }
}

/** A list of numbers that grows. */
export class Numbers {
  length = 0;
  #data = new Float64Array(256);

  push(value: number): void {
    if (this.length === this.#data.length) {
      const grown = new Float64Array(this.#data.length * 2);
      grown.set(this.#data);
      this.#data = grown;
    }
    this.#data[this.length++] = value;
  }

  at(index: number): number {
    return this.#data[index] ?? 0;
  }

  set(index: number, value: number): void {
    this.#data[index] = value;
  }

  /** The numbers themselves; void after the next `push`. */
  view(): Float64Array {
    return this.#data.subarray(0, this.length);
  }
}

/** Names, one behind the other: a name is the number where it begins and its length in bytes. */
export class Names {
  #bytes = new Uint8Array(4096);
  #length = 0;

  /** Where the copy begins. */
  add(bytes: Uint8Array, from: number, lengthBytes: number): number {
    while (this.#length + lengthBytes > this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    const at = this.#length;
    for (let i = 0; i < lengthBytes; i++) this.#bytes[at + i] = bytes[from + i] ?? 0;
    this.#length += lengthBytes;
    return at;
  }

  isSame(at: number, lengthBytes: number, otherAt: number, otherLengthBytes: number): boolean {
    if (lengthBytes !== otherLengthBytes) return false;
    const bytes = this.#bytes;
    for (let i = 0; i < lengthBytes; i++) if (bytes[at + i] !== bytes[otherAt + i]) return false;
    return true;
  }

  bytes(at: number, lengthBytes: number): Uint8Array {
    return this.#bytes.subarray(at, at + lengthBytes);
  }
}
