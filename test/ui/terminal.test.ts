import { describe, expect, test } from 'vitest';
import type { OutputPiece } from '../../src/rpc/protocol.ts';
import { unreadByAll } from '../../src/ui/state/typed-line.ts';
import { OUTPUT_CHARACTERS_MAX, TerminalController } from '../../src/ui/terminal/controller.ts';
import type { Machine } from '../../src/ui/terminal/controller.ts';
import { keysOf } from '../../src/ui/terminal/keys.ts';
import { LineEditor } from '../../src/ui/terminal/line-editor.ts';
import { Painter } from '../../src/ui/terminal/painter.ts';
import { safeForTerminal } from '../../src/ui/terminal/safe-text.ts';
import { endOf, widthOf } from '../../src/ui/terminal/width.ts';

const typed = (...data: string[]) => {
  const editor = new LineEditor();
  for (const key of keysOf(data.join(''))) editor.press(key);
  return editor;
};

describe('line editor', () => {
  test.each([
    ['types and deletes', 'lss\x7f -l', 'ls -l'],
    ['moves by character and inserts', 'lsX\x1b[D\x1b[D\x1b[3~', 'lX'],
    ['jumps home and end', 'world\x01hello \x05!', 'hello world!'],
    ['cuts a word and puts it back', 'cp a b\x17\x17\x19c', 'cp a c'],
    ['cuts to start and end', 'abc def\x1bb\x0b\x15x', 'x'],
    ['deletes a whole grapheme', 'a👩‍👩‍👧e\u0301\x7f\x7f', 'a'],
    ['ignores sequences it does not know', 'a\x1b[200~b\x1b[15~c', 'abc'],
  ])('%s', (_, data, text) => expect(typed(data).text).toBe(text));

  test('walks the history and keeps the line begun', () => {
    const editor = new LineEditor();
    for (const line of ['one', 'two', 'two', ' ']) editor.remember(line);
    expect(editor.history).toEqual(['one', 'two']);
    editor.set('dra');
    const up = { name: 'up' } as const;
    editor.press(up);
    editor.press(up);
    expect(editor.text).toBe('one');
    expect(editor.press(up)).toBe('bell');
    editor.press({ name: 'down' });
    editor.press({ name: 'down' });
    expect(editor.text).toBe('dra');
  });

  test('searches backwards, further with Ctrl-R again, and leaves the found line to edit', () => {
    const editor = new LineEditor();
    for (const line of ['cp a b', 'ls', 'cp c d']) editor.remember(line);
    for (const key of keysOf('\x12cp')) editor.press(key);
    expect(editor.text).toBe('cp c d');
    for (const key of keysOf('\x12\x01X')) editor.press(key);
    expect(editor.text).toBe('Xcp a b');
    for (const key of keysOf('\x12nothing like it\x1b')) editor.press(key);
    expect(editor.text).toBe('');
  });
});

describe('painting', () => {
  test('knows where lines wrap, wide characters and combining marks included', () => {
    expect(widthOf('a猫e\u0301')).toBe(4);
    expect(endOf('12345', 5)).toEqual({ row: 1, column: 0 });
    expect(endOf('1234猫', 5)).toEqual({ row: 1, column: 2 });
    expect(endOf('ab\nc', 5)).toEqual({ row: 1, column: 1 });
  });

  test('erases every row it drew', () => {
    const painter = new Painter();
    painter.paint({ prompt: '% ', style: '', text: 'x'.repeat(25), cursor: 25 }, 10);
    expect(painter.erase()).toBe('\x1b[2A\r\x1b[J');
    expect(painter.erase()).toBe('\r\x1b[J');
  });
});

test('no control sequence from a disk reaches the terminal', () => {
  const hostile = 'a\x1b]0;title\x07\x9b31m\x00\x7fb\tc\nd\re\b\u202e';
  expect(safeForTerminal(hostile)).toBe('a^[]0;title^G\\u009b31m^@^?b\tc\nd\re\b\\u202e');
});

class FakeMachine implements Machine {
  readonly ran: string[] = [];
  readonly typed: (string | null)[] = [];
  interrupts = 0;
  behaviour: (
    text: string,
    output: (piece: OutputPiece) => void,
  ) => Promise<{ isComplete: boolean; unread: string }> = async () => ({
    isComplete: true,
    unread: '',
  });

  run(text: string, output: (piece: OutputPiece) => void) {
    this.ran.push(text);
    return this.behaviour(text, output);
  }
  async type(text: string | null) {
    this.typed.push(text);
    return true;
  }
  async interrupt() {
    this.interrupts += 1;
  }
  async complete() {
    return { words: ['notes.txt', 'notes-2.txt'], replaceLength: 2 };
  }
  kept = () => Promise.resolve();
  prompt = () => 'disk % ';
  resize() {}
}

function terminal() {
  const machine = new FakeMachine();
  const written: string[] = [];
  const log: string[] = [];
  let clearCount = 0;
  const clear = () => void (clearCount += 1);
  const afterwards: (() => void)[] = [];
  const screen = {
    ...{ columns: 80, clear },
    write: (text: string) => void written.push(text),
    settled: (action: () => void) => void afterwards.push(action),
  };
  const controller = new TerminalController(screen, machine, (line) => log.push(line));
  controller.start();
  const settleScreen = () => afterwards.splice(0).forEach((action) => action());
  const screenText = () => written.join('');
  return { machine, controller, log, screen, settleScreen, screenText, clears: () => clearCount };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('terminal', () => {
  test('runs each line of a paste as a command of its own', async () => {
    const { machine, controller, log } = terminal();
    controller.feed('one\rtwo\rthr');
    await settle();
    expect(machine.ran).toEqual(['one', 'two']);
    expect(machine.typed).toEqual([]);
    expect(controller.editor.text).toBe('thr');
    expect(log).toEqual(['disk % one', 'disk % two']);
  });

  test('the prompt waits until a line is kept, a line that waits itself does not', async () => {
    const { machine, controller } = terminal();
    let keep = () => {};
    machine.kept = () => new Promise((resolve) => (keep = resolve));
    controller.feed('one\rtwo\r');
    await settle();
    expect([machine.ran, controller.isRunning]).toEqual([['one', 'two'], true]);
    keep();
    await settle();
    expect(controller.isRunning).toBe(false);
  });

  test('goes on with an unfinished command until it is whole; Ctrl-C gives it up', async () => {
    const { machine, controller, screenText } = terminal();
    machine.behaviour = async (text) => ({ isComplete: text.includes('done'), unread: '' });
    controller.feed('for i in 1\r');
    await settle();
    expect(screenText()).toContain('> ');
    controller.feed('do echo; done\r');
    await settle();
    expect(machine.ran.at(-1)).toBe('for i in 1\ndo echo; done');
    controller.feed('for i in 2\r');
    await settle();
    controller.feed('\x03ls\r');
    await settle();
    expect(machine.ran.at(-1)).toBe('ls');
  });

  test('gives what is typed to the running command, and what it did not read to the prompt', async () => {
    const { machine, controller } = terminal();
    let end = (_: { isComplete: boolean; unread: string }) => {};
    machine.behaviour = () => new Promise((resolve) => (end = resolve));
    controller.feed('cat\r');
    await new Promise((resolve) => setTimeout(resolve, 300));
    controller.feed('hello\r\x04');
    await settle();
    expect(machine.typed).toEqual(['hello\n', null]);
    machine.behaviour = async () => ({ isComplete: true, unread: '' });
    end({ isComplete: true, unread: 'ls\n' });
    await settle();
    expect(machine.ran).toEqual(['cat', 'ls']);
  });

  test('keeps the order of what a command did not read, what came too late for it, and what was half typed', async () => {
    const { machine, controller } = terminal();
    let end = (_: { isComplete: boolean; unread: string }) => {};
    let answer = (_: boolean) => {};
    machine.behaviour = () => new Promise((resolve) => (end = resolve));
    controller.feed('sleep\r');
    await new Promise((resolve) => setTimeout(resolve, 300));
    controller.feed('one\r');
    await settle();
    machine.type = () => new Promise((resolve) => (answer = resolve));
    controller.feed('two\rthr');
    await settle();
    machine.behaviour = async () => ({ isComplete: true, unread: '' });
    end({ isComplete: true, unread: 'one\n' });
    await settle();
    controller.feed('ee');
    answer(false);
    await settle();
    expect(machine.ran).toEqual(['sleep', 'one', 'two']);
    expect(controller.editor.text).toBe('three');
  });

  test('what one of several disks read, the prompt does not get', () => {
    expect(unreadByAll(['a\n', null, 'b\n'], [['a\n'], []])).toBe('b\n');
    expect(unreadByAll(['a\n'], [['a\n', null]])).toBe('');
    expect(unreadByAll([], [])).toBe('');
  });

  test('takes the line being typed away before the screen gets another width, and draws it anew after', () => {
    const { controller, screen, screenText, settleScreen } = terminal();
    screen.columns = 12;
    controller.feed('echo hello');
    const drawn = screenText().length;
    controller.resize(() => (screen.columns = 40));
    controller.feed('!');
    const erased = screenText().slice(drawn);
    expect(erased).toBe('\x1b[1A\r\x1b[J');
    settleScreen();
    expect(screenText().slice(drawn + erased.length)).toContain('echo hello!');
  });

  test('Ctrl-C interrupts at once, even while pasted lines wait', async () => {
    const { machine, controller } = terminal();
    let end = (_: { isComplete: boolean; unread: string }) => {};
    machine.behaviour = () => new Promise((resolve) => (end = resolve));
    controller.feed('loop\rnever\r');
    controller.feed('\x03');
    expect(machine.interrupts).toBe(1);
    end({ isComplete: true, unread: '' });
    await settle();
    expect(machine.ran).toEqual(['loop']);
  });

  test('cuts endless output with a sentence', async () => {
    const { machine, controller, screenText, log } = terminal();
    machine.behaviour = async (_, output) => {
      for (let nth = 0; nth < 60; nth++) output({ stream: 'stdout', text: 'y\n'.repeat(25_000) });
      return { isComplete: true, unread: '' };
    };
    controller.feed('yes\r');
    await settle();
    expect(screenText().length).toBeLessThan(OUTPUT_CHARACTERS_MAX * 2);
    expect(log.at(-1)).toContain('cut after 2,000,000 characters');
  });

  test('keeps output that ends without a newline, and the line typed behind it', async () => {
    const { machine, controller, log } = terminal();
    let end = (_: { isComplete: boolean; unread: string }) => {};
    let output: (piece: OutputPiece) => void = () => {};
    machine.behaviour = (_, out) => {
      output = out;
      return new Promise((resolve) => (end = resolve));
    };
    controller.feed('read x\r');
    output({ stream: 'stdout', text: 'na' });
    output({ stream: 'stdout', text: 'me? ' });
    end({ isComplete: true, unread: '' });
    await settle();
    expect(log).toEqual(['disk % read x', 'name? ']);
  });

  test('`clear` clears; the same sequence inside other output does not act', async () => {
    const { machine, controller, screenText, clears } = terminal();
    machine.behaviour = async (text, output) => {
      output({ stream: 'stdout', text: text === 'clear' ? '\x1b[H\x1b[2J' : 'a\x1b[2Jb\n' });
      return { isComplete: true, unread: '' };
    };
    controller.feed('clear\r');
    await settle();
    expect(clears()).toBe(1);
    controller.feed('cat hostile\r');
    await settle();
    expect(clears()).toBe(1);
    expect(screenText()).toContain('a^[[2Jb');
  });

  test('completes the common start, then lists what there is', async () => {
    const { controller } = terminal();
    controller.feed('cat no\t');
    await settle();
    expect(controller.editor.text).toBe('cat notes');
  });
});
