/** A set of numbers below 2^32 in pages that exist only where something is in it. */
export class NumberSet {
  readonly #pages = new Map<number, Uint8Array>();
  size = 0;

  has(number: number): boolean {
    const page = this.#pages.get(Math.floor(number / PAGE_BITS));
    return page !== undefined && ((page[(number % PAGE_BITS) >> 3] ?? 0) & (0x80 >> (number & 7))) !== 0;
  }

  /** False when it was there already. */
  add(number: number): boolean {
    const index = Math.floor(number / PAGE_BITS);
    let page = this.#pages.get(index);
    if (!page) {
      page = new Uint8Array(PAGE_BITS / 8);
      this.#pages.set(index, page);
    }
    const at = (number % PAGE_BITS) >> 3;
    const bit = 0x80 >> (number & 7);
    if (((page[at] ?? 0) & bit) !== 0) return false;
    page[at] = (page[at] ?? 0) | bit;
    this.size++;
    return true;
  }

  /** The bits of `count` numbers from `first` (a multiple of 8) as bytes, highest bit first, as maps on the disk are. */
  bytes(first: number, count: number): Uint8Array {
    const out = new Uint8Array(Math.ceil(count / 8));
    for (let at = 0; at < out.length;) {
      const number = first + at * 8;
      const skip = (number % PAGE_BITS) >> 3;
      const length = Math.min(PAGE_BITS / 8 - skip, out.length - at);
      const page = this.#pages.get(Math.floor(number / PAGE_BITS));
      if (page) out.set(page.subarray(skip, skip + length), at);
      at += length;
    }
    return out;
  }
}

const PAGE_BITS = 32_768;

/** Rows of 32-bit numbers that grow: what a checker keeps of 100,000 records without 100,000 objects. */
export class Rows {
  length = 0;
  #data: Uint32Array;

  constructor(readonly width: number) {
    this.#data = new Uint32Array(width * 256);
  }

  /** Index of a new row of zeros. */
  add(): number {
    if ((this.length + 1) * this.width > this.#data.length) {
      const grown = new Uint32Array(this.#data.length * 2);
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
}

export function bytesOf32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

export function bytesOf16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  new DataView(bytes.buffer).setUint16(0, value);
  return bytes;
}

export function bytesOf64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(value / 2 ** 32));
  view.setUint32(4, value % 2 ** 32);
  return bytes;
}

/** '1 block', '2 blocks'. */
export const count = (number: number, unit: string): string => `${number} ${unit}${number === 1 ? '' : 's'}`;
