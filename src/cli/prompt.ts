import * as readline from 'node:readline';
import type { Session } from '../engine/session/session.ts';
import { EXIT, printable } from './report.ts';
import type { Output } from './report.ts';

const SLICE_MILLISECONDS = 20;

/**
 * The interactive prompt: history, Tab and Ctrl-C by node:readline. While a command runs, typed lines are its input.
 * Ends with `exit` or Ctrl-D and returns the last exit code.
 */
export const runPrompt = (session: Session, output: Output): Promise<number> =>
  new Prompt(session, output).untilEnd();

class Prompt {
  readonly #session: Session;
  readonly #output: Output;
  #terminal: readline.Interface;
  /** Lines typed, newest first, as readline keeps them. */
  #history: string[] = [];
  /** Lines of a command that is not complete yet. */
  #beginning = '';
  #queue: string[] = [];
  #isRunning = false;
  #isClosed = false;
  #exitCode: number = EXIT.ok;
  #wake: () => void = () => {};
  #finish: (exitCode: number) => void = () => {};
  #fail: (error: unknown) => void = () => {};

  constructor(session: Session, output: Output) {
    this.#session = session;
    this.#output = output;
    this.#terminal = this.#listen();
    process.stdout.on('resize', () => (session.columns = process.stdout.columns ?? 80));
  }

  #listen(): readline.Interface {
    const { stdin, stdout } = process;
    const terminal = readline.createInterface({
      input: stdin,
      output: stdout,
      terminal: stdin.isTTY === true && stdout.isTTY === true,
      history: this.#history,
      historySize: 1000,
      completer: (text: string) => {
        const { words, replaceLength } = this.#session.complete(text);
        return [[...words], replaceLength === 0 ? '' : text.slice(-replaceLength)];
      },
    });
    terminal.on('line', (line) => this.#typed(line));
    terminal.on('history', (lines) => (this.#history = lines));
    terminal.on('SIGINT', () => this.#interrupt());
    terminal.on('close', () => this.#closed());
    return terminal;
  }

  untilEnd(): Promise<number> {
    this.#show();
    return new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
  }

  #show(): void {
    if (!this.#terminal.terminal) return;
    const place = this.#session.directory;
    const name = place === '/' ? '/' : place.replace(/^.*\//, '');
    this.#terminal.setPrompt(this.#beginning === '' ? `${printable(name)} % ` : '> ');
    this.#terminal.prompt();
  }

  #typed(line: string): void {
    if (this.#isRunning) {
      this.#session.type(`${line}\n`);
      this.#wake();
      return;
    }
    this.#queue.push(line);
    void this.#work().catch((error: unknown) => this.#fail(error));
  }

  async #work(): Promise<void> {
    this.#isRunning = true;
    for (let line = this.#queue.shift(); line !== undefined; line = this.#queue.shift()) {
      await this.#run(this.#beginning + line);
      this.#queue.unshift(...unreadLines(this.#session.takeUnread()));
      if (this.#session.exitCode !== null) {
        this.#exitCode = this.#session.exitCode;
        this.#terminal.close();
        break;
      }
    }
    this.#isRunning = false;
    if (this.#isClosed) this.#finish(this.#exitCode);
    else this.#show();
  }

  async #run(text: string): Promise<void> {
    const running = this.#session.run(text);
    for (;;) {
      const until = performance.now() + SLICE_MILLISECONDS;
      do {
        const { done, value } = running.next();
        if (done === true) {
          this.#beginning = value.isComplete ? '' : `${text}\n`;
          if (value.isComplete) this.#exitCode = value.exitCode;
          return;
        }
      } while (performance.now() < until && !this.#session.isWaitingForInput);
      await this.#output.drained();
      if (this.#session.isWaitingForInput && this.#isClosed) this.#session.type(null);
      else if (this.#session.isWaitingForInput) await new Promise<void>((wake) => (this.#wake = wake));
      else await new Promise(setImmediate);
    }
  }

  #interrupt(): void {
    this.#output.print('^C\n');
    if (this.#isRunning) {
      this.#session.interrupt();
      this.#wake();
      return;
    }
    // Forget the line: to its end, and everything before it away.
    this.#terminal.write(null, { ctrl: true, name: 'e' });
    this.#terminal.write(null, { ctrl: true, name: 'u' });
    this.#beginning = '';
    this.#show();
  }

  /**
   * Ctrl-D, for which readline closes itself, or the end of a file or pipe. While a command runs Ctrl-D ends its input
   * and no more, so we listen anew.
   */
  #closed(): void {
    if (this.#isRunning) {
      if (process.stdin.readableEnded || !this.#terminal.terminal || this.#session.exitCode !== null) {
        this.#isClosed = true;
      } else {
        this.#terminal = this.#listen();
      }
      this.#session.type(null);
      this.#wake();
      return;
    }
    this.#isClosed = true;
    if (this.#terminal.terminal) this.#output.print('\n');
    this.#finish(this.#exitCode);
  }
}

const unreadLines = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));
