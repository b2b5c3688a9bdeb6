import { allDigits } from '../base/file-size.ts';
import type { Running } from './command.ts';
import type { Invocation } from './program.ts';

/** Rows between breathing points. */
const PAGE = 1024;

/** Numbers to the right, words to the left. */
export function* table(
  call: Invocation,
  titles: readonly string[],
  rows: readonly (readonly (number | string)[])[],
): Running<void> {
  if (rows.length === 0) return;
  const widths = titles.map((title) => title.length);
  for (const row of rows) {
    row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, textOfCell(cell).length)));
  }
  const line = (cells: readonly (number | string)[], isTitle: boolean) =>
    cells
      .map((cell, at) => {
        const isNumber = typeof (isTitle ? rows[0]?.[at] : cell) === 'number';
        return isNumber
          ? textOfCell(cell).padStart(widths[at] ?? 0)
          : textOfCell(cell).padEnd(widths[at] ?? 0);
      })
      .join('  ')
      .trimEnd();
  yield* call.printLine(`  ${line(titles, true)}`);
  for (const [index, row] of rows.entries()) {
    yield* call.printLine(`  ${line(row, false)}`);
    if (index % PAGE === PAGE - 1) yield;
  }
}

const textOfCell = (cell: number | string): string => (typeof cell === 'number' ? allDigits(cell) : cell);
