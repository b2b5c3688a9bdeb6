import { safeForTerminal } from './safe-text.ts';
import { endOf } from './width.ts';

/** What stands at the foot of the terminal: a prompt and the line behind it. */
export interface PromptLine {
  readonly prompt: string;
  /** SGR parameters for the prompt: '32' is green. Empty: as it is. */
  readonly style: string;
  readonly text: string;
  readonly cursor: number;
}

/**
 * Draws the line being typed, over several rows if need be, and takes it away again. Between `paint` and `erase`
 * nobody else may write. Remembers in which row of its own drawing the cursor stands.
 */
export class Painter {
  #cursorRow = 0;

  erase(): string {
    const up = this.#cursorRow > 0 ? `\x1b[${this.#cursorRow}A` : '';
    this.#cursorRow = 0;
    return `${up}\r\x1b[J`;
  }

  /** After this the cursor is at the start of a fresh row and the drawing stays. */
  leave(line: PromptLine, columns: number): string {
    const end = this.paint({ ...line, cursor: line.text.length }, columns);
    this.#cursorRow = 0;
    return `${end}\r\n`;
  }

  paint(line: PromptLine, columns: number): string {
    const prompt = safeForTerminal(line.prompt);
    const before = safeForTerminal(line.text.slice(0, line.cursor));
    const text = before + safeForTerminal(line.text.slice(line.cursor));
    const end = endOf(prompt + text, columns);
    const cursor = endOf(prompt + before, columns);

    const start = this.erase();
    const styled = line.style === '' ? prompt : `\x1b[${line.style}m${prompt}\x1b[0m`;
    // A row filled to its last column leaves the cursor in between rows; a newline makes the next row real.
    const isFull = end.column === 0 && end.row > 0 && !text.endsWith('\n');
    const up = end.row > cursor.row ? `\x1b[${end.row - cursor.row}A` : '';
    const right = cursor.column > 0 ? `\x1b[${cursor.column}C` : '';
    this.#cursorRow = cursor.row;
    return `${start}${styled}${text.replaceAll('\n', '\r\n')}${isFull ? '\r\n' : ''}${up}\r${right}`;
  }
}
