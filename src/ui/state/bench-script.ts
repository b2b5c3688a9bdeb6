import type { BenchHistory } from './bench-history.svelte.ts';
import type { Column } from './column.svelte.ts';

/** The lines of one way through the history, and how many of them the moment shown has behind it. */
export interface BenchScript {
  readonly lines: readonly BenchLine[];
  readonly shown: number;
}

/** A line, and on which disks of the bench it ran (counted from 0), with what was typed into it there. */
export interface BenchLine {
  readonly text: string;
  readonly on: readonly { readonly disk: number; readonly typed: readonly (string | null)[] }[];
}

export const NO_SCRIPT: BenchScript = { lines: [], shown: 0 };

export interface TypedScript extends BenchScript {
  /** Of each line, its number in the history. */
  readonly numbers: readonly number[];
}

/** Without lines that Ctrl-C ended: where they were when it came, nobody can find again. */
export function scriptOf(history: BenchHistory, columns: readonly Column[]): TypedScript {
  const lines: BenchLine[] = [];
  const numbers: number[] = [];
  let shown = 0;
  for (const number of history.path) {
    const step = history.step(number);
    const on = columns.flatMap(({ key }, disk) => {
      const taken = step?.taken.get(key);
      return taken === undefined || taken.isInterrupted ? [] : [{ disk, typed: taken.typed }];
    });
    if (step !== null && on.length > 0) {
      lines.push({ text: step.line, on });
      numbers.push(number);
    }
    if (number === history.now.number) shown = lines.length;
  }
  return { lines, shown, numbers };
}
