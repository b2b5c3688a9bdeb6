/** What xterm.js hands over for one press or one paste, taken apart into keys. */
export type KeyName =
  | 'enter'
  | 'backspace'
  | 'delete'
  | 'left'
  | 'right'
  | 'up'
  | 'down'
  | 'home'
  | 'end'
  | 'word-left'
  | 'word-right'
  | 'kill-word'
  | 'kill-to-end'
  | 'kill-to-start'
  | 'yank'
  | 'tab'
  | 'interrupt'
  | 'end-of-input'
  | 'clear'
  | 'search'
  | 'escape';

export type Key = { readonly name: KeyName } | { readonly text: string };

const CONTROLS: Readonly<Record<string, KeyName>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\t': 'tab',
  '\x01': 'home',
  '\x02': 'left',
  '\x03': 'interrupt',
  '\x04': 'end-of-input',
  '\x05': 'end',
  '\x06': 'right',
  '\x07': 'escape', // Ctrl-G, as in every shell's search
  '\x0b': 'kill-to-end',
  '\x0c': 'clear',
  '\x0e': 'down',
  '\x10': 'up',
  '\x12': 'search',
  '\x15': 'kill-to-start',
  '\x17': 'kill-word',
  '\x19': 'yank',
};

const SEQUENCES: Readonly<Record<string, KeyName>> = {
  '[A': 'up',
  '[B': 'down',
  '[C': 'right',
  '[D': 'left',
  '[H': 'home',
  '[F': 'end',
  '[1~': 'home',
  '[4~': 'end',
  '[3~': 'delete',
  '[1;3C': 'word-right',
  '[1;3D': 'word-left',
  '[1;5C': 'word-right',
  '[1;5D': 'word-left',
  OA: 'up',
  OB: 'down',
  OC: 'right',
  OD: 'left',
  OH: 'home',
  OF: 'end',
  b: 'word-left',
  f: 'word-right',
  '\x7f': 'kill-word',
};

const SEQUENCE = /^\x1b(\[[0-9;?]*[ -/]*[@-~]|O[@-~]|[bf\x7f])/;

const TEXT = /^[^\x00-\x1f\x7f-\x9f]+/;

export function keysOf(data: string): Key[] {
  const keys: Key[] = [];
  let rest = data.replace(/\r\n/g, '\r');
  while (rest !== '') {
    const sequence = SEQUENCE.exec(rest);
    const text = TEXT.exec(rest);
    if (sequence !== null) {
      const name = SEQUENCES[sequence[1] ?? ''];
      if (name !== undefined) keys.push({ name });
      rest = rest.slice(sequence[0].length);
    } else if (text !== null) {
      keys.push({ text: text[0] });
      rest = rest.slice(text[0].length);
    } else {
      const name = rest[0] === '\x1b' ? 'escape' : CONTROLS[rest[0] ?? ''];
      if (name !== undefined) keys.push({ name });
      rest = rest.slice(1);
    }
  }
  return keys;
}
