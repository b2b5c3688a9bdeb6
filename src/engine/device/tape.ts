import { assert } from '../base/assert.ts';
import { ROLES, roleIndex, type Role } from '../base/role.ts';
import type { SpanLevel, Trace } from '../base/trace.ts';
import type { WriteLabel } from './device.ts';

/**
 * The record of everything that was done to a device, in order, and of who did it: append-only columns, one entry per
 * write, fill, trim and barrier, and one span per command, system call and operation.
 *
 * The tape holds no bytes. A store that records never overwrites a slot, so an entry keeps the slots it filled, and
 * the contents of every entry stay readable (`Store.readRecorded`) and can be done again without copying
 * (`Store.replay`). Switched off, a tape costs a test per write.
 */
export type EntryKind = 'write' | 'fill' | 'trim' | 'barrier';
const KINDS: readonly EntryKind[] = ['write', 'fill', 'trim', 'barrier'];
const KIND_BARRIER = KINDS.indexOf('barrier');
const KIND_TRIM = KINDS.indexOf('trim');

export interface TapeEntry {
  readonly kind: EntryKind;
  /** Innermost span that was open; −1: none. */
  readonly span: number;
  /** 0 for a barrier, as is the count. */
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly role: Role;
  readonly owner: string;
  readonly reason: string;
}

export interface Span {
  readonly level: SpanLevel;
  readonly sentence: string;
  readonly result: string;
  /** −1 at the top. */
  readonly parent: number;
  /** Entries firstEntry … endEntry − 1 happened while it was open; endEntry is −1 as long as it is. */
  readonly firstEntry: number;
  readonly endEntry: number;
}

/** Entries from … to − 1. */
export interface TapeRange {
  readonly from: number;
  readonly to: number;
}

export interface Totals {
  /** Writes and fills. */
  writes: number;
  blocks: number;
  bytes: number;
  /** By role index. */
  bytesByRole: Float64Array;
  barriers: number;
  trims: number;
}

type Numbers = Uint8Array | Int32Array | Float64Array;

/** A column of numbers that grows by doubling. */
class Column<T extends Numbers> {
  values: T;
  readonly #make: (length: number) => T;

  constructor(make: (length: number) => T) {
    this.#make = make;
    this.values = make(256);
  }

  set(index: number, value: number): void {
    if (index >= this.values.length) {
      const larger = this.#make(this.values.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[index] = value;
  }
}

const bytesColumn = () => new Column((length) => new Uint8Array(length));
const intColumn = () => new Column((length) => new Int32Array(length));
const doubleColumn = () => new Column((length) => new Float64Array(length));

/** Each different text once, numbered in order of appearance. */
class Texts {
  readonly list: string[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.list.length;
      this.list.push(text);
      this.#numbers.set(text, number);
    }
    return number;
  }
}

export class Tape implements Trace {
  readonly blockSizeBytes: number;
  #isRecording: boolean;

  #length = 0;
  readonly #kind = bytesColumn();
  readonly #span = intColumn();
  readonly #first = doubleColumn();
  readonly #count = doubleColumn();
  readonly #role = bytesColumn();
  readonly #owner = intColumn();
  readonly #reason = intColumn();
  /** Index of the entry's first piece; its last one is before the next entry's first. */
  readonly #firstPiece = intColumn();
  readonly #texts = new Texts();

  #pieceCount = 0;
  readonly #pieceValue = intColumn();
  readonly #pieceBlocks = doubleColumn();

  readonly #spans: { -readonly [K in keyof Span]: Span[K] }[] = [];
  #openSpan = -1;

  constructor(blockSizeBytes: number, isRecording = true) {
    this.blockSizeBytes = blockSizeBytes;
    this.#isRecording = isRecording;
  }

  /** How many entries there are: the position that a moment remembers. */
  get length(): number {
    return this.#length;
  }

  get isRecording(): boolean {
    return this.#isRecording;
  }

  set isRecording(isRecording: boolean) {
    assert(this.#openSpan === -1, 'recording changes between spans, not inside one');
    this.#isRecording = isRecording;
  }

  // ── spans ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  open(level: SpanLevel, sentence: string): void {
    if (!this.#isRecording) return;
    const parent = this.#openSpan;
    this.#openSpan = this.#spans.length;
    this.#spans.push({ level, sentence, result: '', parent, firstEntry: this.#length, endEntry: -1 });
  }

  close(result = ''): void {
    if (!this.#isRecording) return;
    const span = this.#spans[this.#openSpan];
    assert(span !== undefined, 'a span is open');
    span.result = result;
    span.endEntry = this.#length;
    this.#openSpan = span.parent;
  }

  get spanCount(): number {
    return this.#spans.length;
  }

  span(index: number): Span {
    const span = this.#spans[index];
    assert(span !== undefined, `span ${index} is on the tape`);
    return span;
  }

  // ── entries ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Called by the store that records; what each entry stored follows as pieces. */
  append(kind: EntryKind, firstBlock: number, blockCount: number, label: WriteLabel): void {
    const at = this.#length++;
    this.#kind.set(at, KINDS.indexOf(kind));
    this.#span.set(at, this.#openSpan);
    this.#first.set(at, firstBlock);
    this.#count.set(at, blockCount);
    this.#role.set(at, roleIndex(label.role));
    this.#owner.set(at, this.#texts.numberOf(label.owner));
    this.#reason.set(at, this.#texts.numberOf(label.reason));
    this.#firstPiece.set(at, this.#pieceCount);
  }

  /** The next `blockCount` blocks of the newest entry hold `value` (slots.ts), slots counting up. */
  appendPiece(value: number, blockCount: number): void {
    this.#pieceValue.set(this.#pieceCount, value);
    this.#pieceBlocks.set(this.#pieceCount, blockCount);
    this.#pieceCount++;
  }

  entry(index: number): TapeEntry {
    assert(index >= 0 && index < this.#length, `entry ${index} is on the tape`);
    return {
      kind: KINDS[this.#kind.values[index]!]!,
      span: this.#span.values[index]!,
      firstBlock: this.#first.values[index]!,
      blockCount: this.#count.values[index]!,
      role: ROLES[this.#role.values[index]!]!,
      owner: this.#texts.list[this.#owner.values[index]!]!,
      reason: this.#texts.list[this.#reason.values[index]!]!,
    };
  }

  kindAt(index: number): EntryKind {
    return KINDS[this.#kind.values[index]!]!;
  }

  /** Innermost span that was open; −1: none. */
  spanAt(index: number): number {
    return this.#span.values[index]!;
  }

  /** Do two entries belong to one structure: same role, same owner? */
  isSameStructure(a: number, b: number): boolean {
    return this.#role.values[a] === this.#role.values[b] && this.#owner.values[a] === this.#owner.values[b];
  }

  firstBlockAt(index: number): number {
    return this.#first.values[index]!;
  }

  blockCountAt(index: number): number {
    return this.#count.values[index]!;
  }

  /** What an entry stored, piece by piece: `visit(block, count, value)`. A barrier has none. */
  pieces(index: number, visit: (block: number, count: number, value: number) => void): void {
    assert(index >= 0 && index < this.#length, `entry ${index} is on the tape`);
    const end = index + 1 < this.#length ? this.#firstPiece.values[index + 1]! : this.#pieceCount;
    let block = this.#first.values[index]!;
    for (let piece = this.#firstPiece.values[index]!; piece < end; piece++) {
      const count = this.#pieceBlocks.values[piece]!;
      visit(block, count, this.#pieceValue.values[piece]!);
      block += count;
    }
  }

  /** Costs of a range; work is in proportion to the entries in it. */
  totals({ from, to }: TapeRange): Totals {
    const totals: Totals = {
      writes: 0,
      blocks: 0,
      bytes: 0,
      bytesByRole: new Float64Array(ROLES.length),
      barriers: 0,
      trims: 0,
    };
    for (let i = from; i < to; i++) {
      const kind = this.#kind.values[i]!;
      if (kind === KIND_BARRIER) totals.barriers++;
      else if (kind === KIND_TRIM) totals.trims++;
      else {
        const blocks = this.#count.values[i]!;
        totals.writes++;
        totals.blocks += blocks;
        totals.bytesByRole[this.#role.values[i]!]! += blocks * this.blockSizeBytes;
      }
    }
    totals.bytes = totals.blocks * this.blockSizeBytes;
    return totals;
  }
}
