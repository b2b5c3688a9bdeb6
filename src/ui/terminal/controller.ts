import { count } from '../draw/words.ts';
import type { Printed } from '../state/output-fan.ts';
import { keysOf } from './keys.ts';
import type { Key } from './keys.ts';
import { LineEditor } from './line-editor.ts';
import { Painter } from './painter.ts';
import { safeForTerminal, withReturns } from './safe-text.ts';
import { widthOf } from './width.ts';

/** The part of xterm.js that is needed; a test hands in a list. */
export interface Screen {
  readonly columns: number;
  write(text: string): void;
  clear(): void;
  /** Do something once all that was written stands on the screen. */
  settled(action: () => void): void;
}

/** Who runs what is typed. */
export interface Machine {
  /** Resolves when the next line may run. Never rejects: whoever implements it reports failures elsewhere. */
  run(text: string, print: (piece: Printed) => void): Promise<{ isComplete: boolean; unread: string }>;
  /** Resolves when the line that ran last cannot get lost any more. Never rejects. */
  kept(): Promise<void>;
  type(text: string | null): Promise<boolean>;
  interrupt(): Promise<void>;
  complete(text: string): Promise<{ readonly words: readonly string[]; readonly replaceLength: number }>;
  prompt(): string;
  resize(columns: number): void;
}

export const OUTPUT_CHARACTERS_MAX = 2_000_000;
const CLEAR_SCREEN = '\x1b[H\x1b[2J';
const WORDS_MAX = 120;
/** A longer unfinished line is not drawn again with every key; typing appears on a line of its own. */
const TAIL_CHARACTERS_MAX = 4096;
/** Lines pasted behind a command become its input only when it has not ended by then. */
const HOLD_MILLISECONDS = 250;
/** Errors red, what the page says grey. */
const STYLES: Readonly<Record<Printed['stream'], string>> = { stdout: '', stderr: '31', remark: '90' };

/**
 * A shell's prompt over a screen: edits the line, runs it, shows what comes, and treats what is typed meanwhile as a
 * terminal does: the running command may read it, and what nobody read is the next line.
 */
export class TerminalController {
  readonly editor = new LineEditor();
  readonly #painter = new Painter();
  /** Lines of an unfinished command. */
  #beginning = '';
  #isRunning = false;
  /** Unfinished last line of output; what is typed appears behind it. */
  #tail = '';
  #shown = 0;
  #isCut = false;
  #waiting: Key[] = [];
  /** Under way. */
  #resizes = 0;
  #isCompleting = false;
  /** Of a running command: keys that were there before it began wait a moment for its end. */
  #hold: ReturnType<typeof setTimeout> | null = null;
  #logTail = '';
  /** Lines under way to the running command, one after the other; those that came too late for it. */
  #sending = Promise.resolve();
  #late: string[] = [];
  #whenEnded: (() => void)[] = [];

  constructor(
    readonly screen: Screen,
    readonly machine: Machine,
    /** Plain text for the live region: finished lines only. */
    readonly log: (line: string) => void,
  ) {}

  get isRunning(): boolean {
    return this.#isRunning;
  }

  start(): void {
    this.machine.resize(this.screen.columns);
    this.#paint();
  }

  /** Keys and pastes from the screen. */
  feed(data: string): void {
    const keys = keysOf(data);
    if (keys.some((key) => 'name' in key && key.name === 'interrupt')) this.#release();
    this.#waiting.push(...keys);
    this.#pump();
  }

  /**
   * Run a line as if it had been typed: buttons, suggestions and demonstrations do. It waits for what runs now; resolves
   * when the prompt is back.
   */
  async submit(line: string): Promise<void> {
    while (this.#isRunning) await this.#end();
    this.#beginning = '';
    this.editor.set(line);
    this.#waiting.unshift({ name: 'enter' });
    this.#pump();
    if (this.#isRunning) await this.#end();
  }

  #end(): Promise<void> {
    return new Promise((resolve) => this.#whenEnded.push(resolve));
  }

  /** A remark that is not output of a command. */
  remark(sentence: string): void {
    this.#write(`\x1b[90m${safeForTerminal(sentence)}\x1b[0m\r\n`);
    this.log(sentence);
    this.#paint();
  }

  /**
   * Give the screen another size. Rows that were broken at the old width are joined by that, and the line being typed
   * would not be found again: it is taken away before and drawn anew after.
   */
  resize(fit: () => void): void {
    this.screen.write(this.#painter.erase());
    this.#resizes += 1;
    this.screen.settled(() => {
      fit();
      this.#resizes -= 1;
      this.machine.resize(this.screen.columns);
      this.#paint();
    });
  }

  repaint(): void {
    this.#paint();
  }

  #pump(): void {
    while (this.#waiting.length > 0 && !this.#isCompleting && this.#hold === null) {
      const key = this.#waiting.shift();
      if (key !== undefined) this.#press(key);
    }
    if (!this.#isCompleting) this.#paint();
  }

  #press(key: Key): void {
    this.editor.hasHistory = !this.#isRunning;
    const intent = this.editor.press(key);
    if (intent === 'submit') this.#submit();
    else if (intent === 'interrupt') this.#interrupt();
    else if (intent === 'end-of-input') this.#endOfInput();
    else if (intent === 'complete') void this.#complete();
    else if (intent === 'clear') this.#clear();
    else if (intent === 'bell') this.screen.write('\x07');
  }

  #submit(): void {
    this.screen.write(this.#painter.leave(this.#line(), this.screen.columns));
    this.#tail = '';
    const line = this.editor.take();
    if (this.#isRunning) {
      this.#typed(`${line}\n`);
      return;
    }
    this.log(`${this.#prompt()}${line}`);
    const text = this.#beginning === '' ? line : `${this.#beginning}\n${line}`;
    if (text.trim() === '') return;
    void this.#run(text);
  }

  async #run(text: string): Promise<void> {
    this.#isRunning = true;
    this.#hold = setTimeout(() => {
      this.#release();
      this.#pump();
    }, HOLD_MILLISECONDS);
    this.#shown = 0;
    this.#isCut = false;
    const { isComplete, unread } = await this.machine.run(text, (piece) => this.#show(piece));
    // A prompt waits for that; a line that is there already need not.
    if (this.#waiting.length === 0) await this.machine.kept();
    await this.#sending;
    this.#isRunning = false;
    this.#release();
    if (this.#tail !== '') this.#write('\r\n');
    this.#logText('\n');
    if (isComplete) this.editor.remember(text);
    this.#beginning = isComplete ? '' : text;
    this.#typeAgain(unread);
    for (const tell of this.#whenEnded.splice(0)) tell();
    this.#pump();
  }

  #release(): void {
    if (this.#hold !== null) clearTimeout(this.#hold);
    this.#hold = null;
  }

  #typed(text: string | null): void {
    const late = this.#late;
    this.#sending = this.#sending.then(async () => {
      const isTaken = await this.machine.type(text);
      if (!isTaken && text !== null) late.push(text);
    });
  }

  /** What a command left is for the prompt, in the order it was typed: unread, too late, not yet a line, waiting. */
  #typeAgain(unread: string): void {
    const lines = keysOf(unread + this.#late.join(''));
    this.#late = [];
    if (lines.length === 0) return;
    const text = this.editor.take();
    this.#waiting.unshift(...lines, ...(text === '' ? [] : [{ text }]));
  }

  #interrupt(): void {
    this.screen.write(
      this.#painter.leave({ ...this.#line(), text: `${this.editor.text}^C` }, this.screen.columns),
    );
    this.#tail = '';
    this.editor.take();
    this.#beginning = '';
    if (this.#isRunning) {
      this.#waiting = [];
      this.#late = [];
      void this.machine.interrupt();
    }
  }

  #endOfInput(): void {
    if (this.#isRunning) this.#typed(null);
    else if (this.#beginning === '') this.remark('The prompt stays open: closing the page ends the session.');
  }

  #show(piece: Printed): void {
    if (this.#isCut) return;
    const room = OUTPUT_CHARACTERS_MAX - this.#shown;
    // What the command `clear` prints; the one sequence that is obeyed.
    const cleared = piece.text.lastIndexOf(CLEAR_SCREEN);
    if (cleared >= 0) this.#clear();
    const fresh = cleared < 0 ? piece.text : piece.text.slice(cleared + CLEAR_SCREEN.length);
    const text = fresh.slice(0, room);
    this.#shown += text.length;
    this.#isCut = fresh.length > room;
    const safe = withReturns(safeForTerminal(text));
    const style = STYLES[piece.stream];
    this.#write(style === '' ? safe : `\x1b[${style}m${safe}\x1b[0m`);
    this.#logText(safeForTerminal(text));
    if (this.#isCut) {
      const limit = count(OUTPUT_CHARACTERS_MAX);
      this.remark(`… cut after ${limit} characters. Send it to a file to keep all: command > file`);
    }
    this.#paint();
  }

  #clear(): void {
    this.screen.write(this.#painter.erase());
    this.#tail = '';
    this.screen.clear();
  }

  #logText(text: string): void {
    const lines = (this.#logTail + text).split('\n');
    this.#logTail = lines.pop() ?? '';
    for (const line of lines) if (line !== '') this.log(line);
  }

  async #complete(): Promise<void> {
    if (this.#isRunning) {
      this.editor.insert('\t');
      return;
    }
    this.#isCompleting = true;
    const text = this.editor.text.slice(0, this.editor.cursor);
    const before = this.#beginning === '' ? text : `${this.#beginning}\n${text}`;
    const { words, replaceLength } = await this.machine.complete(before);
    this.#isCompleting = false;
    this.#offer(words, replaceLength);
    this.#pump();
  }

  #offer(words: readonly string[], replaceLength: number): void {
    const [only] = words;
    if (only === undefined) {
      this.screen.write('\x07');
    } else if (words.length === 1) {
      this.editor.replaceBefore(replaceLength, /[/ =]$/.test(only) ? only : `${only} `);
    } else {
      const common = commonStart(words);
      if (common.length > replaceLength) this.editor.replaceBefore(replaceLength, common);
      else this.#list(words);
    }
  }

  #list(words: readonly string[]): void {
    this.screen.write(this.#painter.leave(this.#line(), this.screen.columns));
    const shown = words.slice(0, WORDS_MAX).map(safeForTerminal);
    const width = Math.max(...shown.map(widthOf)) + 2;
    const perRow = Math.max(1, Math.floor(this.screen.columns / width));
    for (let at = 0; at < shown.length; at += perRow) {
      const row = shown.slice(at, at + perRow);
      this.screen.write(`${row.map((word) => word + ' '.repeat(width - widthOf(word))).join('')}\r\n`);
    }
    if (words.length > WORDS_MAX) this.screen.write(`… and ${count(words.length - WORDS_MAX)} more\r\n`);
    this.log(shown.join(' '));
  }

  /** Output goes above the line being typed; its own unfinished end stays in front of it. */
  #write(text: string): void {
    const whole = this.#tail + text;
    const start = Math.max(whole.lastIndexOf('\n'), whole.lastIndexOf('\r')) + 1;
    this.screen.write(this.#painter.erase() + whole.slice(0, start));
    const rest = whole.slice(start);
    const isTail = plain(rest) !== '' && rest.length < TAIL_CHARACTERS_MAX;
    this.#tail = isTail ? rest : '';
    if (!isTail) this.screen.write(rest);
  }

  #prompt(): string {
    return this.#beginning === '' ? this.machine.prompt() : '> ';
  }

  #line() {
    const { text, cursor, search } = this.editor;
    if (this.#isRunning) return { prompt: plain(this.#tail), style: '', text, cursor };
    const prompt = search === null ? this.#prompt() : `(search) ‘${search.query}’: `;
    return { prompt, style: '32', text, cursor };
  }

  #paint(): void {
    if (this.#resizes > 0) return;
    this.screen.write(this.#painter.paint(this.#line(), this.screen.columns));
  }
}

/** An unfinished line of output without the styles we put around it, tabs as the spaces they take. */
function plain(text: string): string {
  let rest = text.replace(/\x1b\[\d+m/g, '');
  for (let at = rest.indexOf('\t'); at >= 0; at = rest.indexOf('\t')) {
    rest = rest.slice(0, at) + ' '.repeat(8 - (widthOf(rest.slice(0, at)) % 8)) + rest.slice(at + 1);
  }
  return rest;
}

function commonStart(words: readonly string[]): string {
  let common = words[0] ?? '';
  for (const word of words) while (!word.startsWith(common)) common = common.slice(0, -1);
  return common;
}
