import type { Timespec } from '../base/clock.ts';
import type { Tape, TapeRange } from '../device/tape.ts';
import type { Computer } from './computer.ts';
import { writtenRanges } from './costs.ts';
import { firstErrorOf } from './step-error.ts';
import type { Costs, StepView } from './view.ts';

export interface RunOutcome {
  /** False: the text is only the beginning of a command; nothing ran. */
  readonly isComplete: boolean;
  readonly exitCode: number;
  readonly step: StepView | null;
}

/** What is known of a step when its line begins, and what is made of it when the line has ended. */
export class StepRecord {
  /** Lines that the shell had run before. */
  readonly lineCount: number;
  readonly #tape: Tape;
  readonly #startedAt: Timespec;
  readonly #freeBytes: number;
  readonly #firstEntry: number;
  readonly #firstSpan: number;

  constructor(tape: Tape, computer: Computer, lineCount: number) {
    this.lineCount = lineCount;
    this.#tape = tape;
    this.#startedAt = computer.clock.now();
    this.#freeBytes = freeBytesOf(computer);
    this.#firstEntry = tape.length;
    this.#firstSpan = tape.spanCount;
  }

  get entries(): TapeRange {
    return { from: this.#firstEntry, to: this.#tape.length };
  }

  get spans(): TapeRange {
    return { from: this.#firstSpan, to: this.#tape.spanCount };
  }

  view(
    line: string,
    exitCode: number,
    costs: Costs,
    computer: Computer,
  ): Omit<StepView, 'step' | 'parent' | 'branch'> {
    const { entries } = this;
    return {
      figures: computer.figures(this.#tape, entries),
      ...{ line, exitCode, costs, startedAt: this.#startedAt },
      error: firstErrorOf(this.#tape, this.spans, exitCode),
      writeCount: entries.to - entries.from,
      freeBytesChange: freeBytesOf(computer) - this.#freeBytes,
      written: writtenRanges(this.#tape, entries),
    };
  }
}

function freeBytesOf({ mounts }: Computer): number {
  const statistics = mounts.first?.volume.statistics();
  return statistics === undefined ? 0 : statistics.freeBlocks * statistics.blockSizeBytes;
}
