import type { Tape, TapeRange } from '../device/tape.ts';
import type { TraceRow } from './view.ts';

/**
 * The trace of one step, ready to be paged: spans and device accesses in the order in which they happened. Rows are
 * made only for the page asked for; of a step with a million writes the order alone costs four megabytes.
 */
export class TraceRows {
  readonly #tape: Tape;
  readonly #entries: TapeRange;
  /** Entry e as e, span s as −1 − s. */
  readonly #order: Int32Array;
  readonly #depths: Int32Array;
  readonly #spans: TapeRange;

  constructor(tape: Tape, entries: TapeRange, spans: TapeRange) {
    this.#tape = tape;
    this.#entries = entries;
    this.#spans = spans;
    this.#order = new Int32Array(entries.to - entries.from + spans.to - spans.from);
    this.#depths = new Int32Array(spans.to - spans.from);
    this.#merge();
  }

  #merge(): void {
    let at = 0;
    let entry = this.#entries.from;
    for (let span = this.#spans.from; span < this.#spans.to; span++) {
      const { firstEntry, parent } = this.#tape.span(span);
      while (entry < firstEntry && entry < this.#entries.to) this.#order[at++] = entry++;
      this.#order[at++] = -1 - span;
      this.#depths[span - this.#spans.from] = this.#depthBelow(parent);
    }
    while (entry < this.#entries.to) this.#order[at++] = entry++;
  }

  /** Depth of what hangs below `span`; 0 below none or one of an earlier step. */
  #depthBelow(span: number): number {
    return span < this.#spans.from ? 0 : (this.#depths[span - this.#spans.from] ?? 0) + 1;
  }

  get total(): number {
    return this.#order.length;
  }

  page({ offset, countMax }: { offset: number; countMax: number }): TraceRow[] {
    return [...this.#order.subarray(offset, offset + countMax)].map((item) =>
      item < 0 ? this.#spanRow(-1 - item) : this.#entryRow(item),
    );
  }

  #spanRow(index: number): TraceRow {
    const { level, sentence, result } = this.#tape.span(index);
    return {
      kind: level,
      depth: this.#depths[index - this.#spans.from] ?? 0,
      ...{ sentence, result, firstBlock: -1, blockCount: 0, role: null, write: -1 },
    };
  }

  #entryRow(index: number): TraceRow {
    const { kind, span, firstBlock, blockCount, role, owner, reason } = this.#tape.entry(index);
    const isBarrier = kind === 'barrier';
    return {
      kind: kind === 'fill' ? 'write' : kind,
      depth: this.#depthBelow(span),
      sentence: sentenceOf(kind, owner, reason),
      result: '',
      firstBlock: isBarrier ? -1 : firstBlock,
      blockCount,
      role: isBarrier ? null : role,
      write: index - this.#entries.from,
    };
  }
}

const VERBS = { write: 'Write', fill: 'Fill', trim: 'Trim', barrier: 'Barrier' } as const;

/** How many blocks and where is shown beside it. */
function sentenceOf(kind: keyof typeof VERBS, owner: string, reason: string): string {
  return owner === '' || kind === 'barrier'
    ? `${VERBS[kind]}: ${reason}`
    : `${VERBS[kind]} ${owner}: ${reason}`;
}
