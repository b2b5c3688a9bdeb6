import type { Tape, TapeRange } from '../device/tape.ts';

/**
 * Where one can stop inside a step, at each grain: after every system call that touched the disk, after every change of
 * one structure, at every access. Stepping forwards and backwards is then a search in an ascending column.
 */
export interface StepStops {
  readonly step: number;
  /** Writes, trims and barriers of the step; each is a stop of the finest grain. */
  readonly accessCount: number;
  /** Accesses (`Moment.write`) with which a system call ends, ascending. The last access is always among them. */
  readonly calls: Int32Array;
  /** Accesses with which a change of one structure ends: the next access is of another operation, role or owner. */
  readonly structures: Int32Array;
  /** Accesses that are barriers. */
  readonly barriers: Int32Array;
}

/** Costs what the step has accesses and spans. */
export function stepStops(tape: Tape, step: number, entries: TapeRange, spans: TapeRange): StepStops {
  const accessCount = entries.to - entries.from;
  const calls = new Marks(accessCount);
  const structures = new Marks(accessCount);
  const barriers = new Marks(accessCount);

  for (let index = spans.from; index < spans.to; index++) {
    const { level, firstEntry, endEntry } = tape.span(index);
    if (level === 'call' && endEntry > firstEntry) calls.set(endEntry - 1 - entries.from);
  }
  // What a barrier waits for lies before it, so it ends the change that it follows.
  let structure = entries.from;
  for (let entry = entries.from; entry < entries.to; entry++) {
    if (tape.kindAt(entry) === 'barrier') {
      barriers.set(entry - entries.from);
      continue;
    }
    const isNext = tape.spanAt(entry) !== tape.spanAt(structure) || !tape.isSameStructure(entry, structure);
    if (isNext && entry > entries.from) structures.set(entry - 1 - entries.from);
    structure = entry;
  }
  if (accessCount > 0) {
    calls.set(accessCount - 1);
    structures.set(accessCount - 1);
  }
  return {
    ...{ step, accessCount, calls: calls.indexes() },
    ...{ structures: structures.indexes(), barriers: barriers.indexes() },
  };
}

/** A set of accesses that comes out in order. */
class Marks {
  readonly #isSet: Uint8Array;
  #count = 0;

  constructor(length: number) {
    this.#isSet = new Uint8Array(length);
  }

  set(index: number): void {
    if (this.#isSet[index] !== 0) return;
    this.#isSet[index] = 1;
    this.#count++;
  }

  indexes(): Int32Array {
    const indexes = new Int32Array(this.#count);
    let at = 0;
    for (let i = 0; i < this.#isSet.length; i++) if (this.#isSet[i] === 1) indexes[at++] = i;
    return indexes;
  }
}
