/**
 * A second replayer of the HFS+ journal, for tests: written from the description of the format alone, sharing nothing
 * with the engine's. It works on a whole image and answers what the image holds after replay.
 *
 * As macOS: from start to end, then on behind the end while block lists verify and sequence numbers go on; a broken
 * transaction takes itself and all that follow with it.
 */
export interface ReplayedImage {
  /** 'empty', 'replayed', 'first transaction broken', 'no journal' … */
  readonly outcome: string;
  readonly transactions: number;
  /** From the start of the image to the sector with the journal header; -1 without one. */
  readonly headerAt: number;
}

const be32 = (image: Uint8Array, at: number): number =>
  new DataView(image.buffer, image.byteOffset + at, 4).getUint32(0, false);
const be64 = (image: Uint8Array, at: number): number => be32(image, at) * 2 ** 32 + be32(image, at + 4);

/** Changes `image` into what it is after replay; the journal header itself stays as it was. */
export function replayImage(image: Uint8Array): ReplayedImage {
  const none = (outcome: string): ReplayedImage => ({ outcome, transactions: 0, headerAt: -1 });
  const isJournaled = (be32(image, 1024 + 4) & 0x2000) !== 0;
  if (!isJournaled) return none('no journal');
  const infoAt = be32(image, 1024 + 12) * be32(image, 1024 + 40);
  const infoFlags = be32(image, infoAt);
  if ((infoFlags & 4) !== 0) return none('not initialised');
  const headerAt = be64(image, infoAt + 36);
  const journal = new JournalBytes(image.subarray(headerAt, headerAt + be64(image, infoAt + 44)));
  if (!journal.hasMagic) return { ...none('no header'), headerAt };
  // 'HFSJ': the last to write was one who knows journals.
  if (be32(image, 1024 + 8) !== 0x4846534a || journal.start === journal.end) {
    return { ...none('empty'), headerAt };
  }
  const { copies, transactions } = journal.collect();
  if (transactions === 0) return { ...none('first transaction broken'), headerAt };
  for (const { home, data } of copies) image.set(data, home);
  return { outcome: 'replayed', transactions, headerAt };
}

interface Copy {
  readonly home: number;
  readonly data: Uint8Array;
}

interface List {
  readonly sequence: number;
  readonly startsTransaction: boolean;
  readonly copies: readonly Copy[];
  readonly next: number;
  readonly length: number;
}

class JournalBytes {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #isLittle: boolean;
  readonly start: number;
  readonly end: number;
  readonly #size: number;
  readonly #listSize: number;
  readonly #sector: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = Uint8Array.from(bytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#isLittle = this.#view.getUint32(4, true) === 0x12345678;
    const u64 = (at: number) => Number(this.#view.getBigUint64(at, this.#isLittle));
    this.start = u64(8);
    this.end = u64(16);
    this.#size = u64(24);
    this.#listSize = this.#view.getUint32(32, this.#isLittle);
    this.#sector = this.#view.getUint32(40, this.#isLittle);
  }

  get hasMagic(): boolean {
    return this.#view.getUint32(0, this.#isLittle) === 0x4a4e4c78;
  }

  /** All whole transactions, oldest first. */
  collect(): { copies: Copy[]; transactions: number } {
    const whole: Copy[] = [];
    let transactions = 0;
    let pending: Copy[] | null = null;
    let sequence = 0;
    let seen = 0;
    let isBehindEnd = false;
    let at = this.start;
    for (;;) {
      if (at === this.end && !isBehindEnd) {
        // Up to here the header vouches for it.
        isBehindEnd = true;
        if (pending !== null) transactions++;
        whole.push(...(pending ?? []));
        pending = null;
      }
      const list = this.#list(at, sequence);
      if (typeof list === 'string') {
        const isCutShort = list === 'other time' || (isBehindEnd && list === 'no list');
        if (isCutShort && pending !== null) {
          transactions++;
          whole.push(...pending);
        }
        return { copies: whole, transactions };
      }
      if (list.startsTransaction || pending === null || list.sequence !== sequence) {
        if (pending !== null) transactions++;
        whole.push(...(pending ?? []));
        pending = [];
      }
      pending.push(...list.copies);
      sequence = list.sequence;
      at = list.next;
      seen += list.length;
      if (seen > this.#size) return { copies: whole, transactions };
    }
  }

  #list(at: number, before: number): List | string {
    const header = this.#ring(at, this.#listSize);
    const view = new DataView(header.buffer);
    const stored = view.getUint32(8, this.#isLittle);
    const checked = header.slice(0, 32);
    checked.fill(0, 8, 12);
    if (checksum(checked) !== stored) return 'no list';
    const sequence = view.getUint32(16 + 12, this.#isLittle);
    if (before !== 0 && sequence !== before && sequence !== before + 1) return 'other time';
    const count = view.getUint16(2, this.#isLittle);
    const bytesUsed = view.getUint32(4, this.#isLittle);
    const flags = view.getUint32(12, this.#isLittle);
    if (count < 1 || count > view.getUint16(0, this.#isLittle)) return 'bad count';
    const copies: Copy[] = [];
    let data = this.#forward(at, this.#listSize);
    for (let i = 1; i < count; i++) {
      const info = 16 + 16 * i;
      const home = view.getBigUint64(info, this.#isLittle);
      const size = view.getUint32(info + 8, this.#isLittle);
      const sum = view.getUint32(info + 12, this.#isLittle);
      if (size === 0) return 'bad size';
      if (home !== 0xffff_ffff_ffff_ffffn) {
        const bytes = this.#ring(data, size);
        if ((flags & 1) !== 0 && sum !== 0 && checksum(bytes) !== sum) return 'bad block';
        copies.push({ home: Number(home) * this.#sector, data: bytes });
      }
      data = this.#forward(data, size);
    }
    const next = this.#forward(at, bytesUsed);
    return { sequence, startsTransaction: (flags & 2) !== 0, copies, next, length: bytesUsed };
  }

  #forward(at: number, count: number): number {
    const end = at + count;
    return end < this.#size ? end : this.#sector + (end - this.#size);
  }

  #ring(at: number, count: number): Uint8Array {
    const out = new Uint8Array(count);
    for (let i = 0, from = at; i < count;) {
      const piece = this.#bytes.subarray(from, Math.min(from + count - i, this.#size));
      if (piece.length === 0) break;
      out.set(piece, i);
      i += piece.length;
      from = this.#sector;
    }
    return out;
  }
}

/** Shift, exclusive or, add: byte by byte, in 32 bits; all bits turned round at the end. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum = (((sum << 8) >>> 0) ^ ((sum + byte) >>> 0)) >>> 0;
  return ~sum >>> 0;
}
