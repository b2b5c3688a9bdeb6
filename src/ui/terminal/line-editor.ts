import type { Key, KeyName } from './keys.ts';

/** What the editor cannot do by itself. */
export type Intent = 'submit' | 'interrupt' | 'end-of-input' | 'complete' | 'clear' | 'bell';

const HISTORY_MAX = 2000;

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * One line being typed: text, cursor, history, the last text cut, and the search of Ctrl-R. Knows keys, not screens;
 * the cursor is a UTF-16 index that never stands inside a grapheme.
 */
export class LineEditor {
  text = '';
  cursor = 0;
  /** Of Ctrl-R; null while nobody searches. */
  search: { query: string; found: number } | null = null;
  /** A command that reads takes lines, not history. */
  hasHistory = true;

  #history: string[] = [];
  /** Position in the history while walking it; its length is the line being typed. */
  #place = 0;
  #draft = '';
  #cut = '';

  get history(): readonly string[] {
    return this.#history;
  }

  get isAtEnd(): boolean {
    return this.cursor === this.text.length;
  }

  set(text: string): void {
    this.text = text;
    this.cursor = text.length;
  }

  remember(line: string): void {
    if (line.trim() !== '' && this.#history.at(-1) !== line) this.#history.push(line);
    if (this.#history.length > HISTORY_MAX) this.#history.shift();
    this.#place = this.#history.length;
    this.#draft = '';
  }

  /** Take the line away, for whoever runs it. */
  take(): string {
    const text = this.text;
    this.set('');
    this.search = null;
    this.#place = this.#history.length;
    return text;
  }

  insert(text: string): void {
    this.text = this.text.slice(0, this.cursor) + text + this.text.slice(this.cursor);
    this.cursor += text.length;
  }

  /** Replace the `length` characters before the cursor. */
  replaceBefore(length: number, text: string): void {
    const from = Math.max(0, this.cursor - length);
    this.text = this.text.slice(0, from) + this.text.slice(this.cursor);
    this.cursor = from;
    this.insert(text);
  }

  press(key: Key): Intent | null {
    if (this.search !== null) {
      const handled = this.#pressInSearch(key);
      if (handled) return null;
    }
    if ('text' in key) {
      this.insert(key.text);
      return null;
    }
    return this.#act(key.name);
  }

  #act(name: KeyName): Intent | null {
    switch (name) {
      case 'enter':
        return 'submit';
      case 'interrupt':
        return 'interrupt';
      case 'tab':
        return 'complete';
      case 'clear':
        return 'clear';
      case 'end-of-input':
        if (this.text === '') return 'end-of-input';
        this.#remove(this.cursor, this.#after());
        return null;
      case 'backspace':
        this.#remove(this.#before(), this.cursor);
        return null;
      case 'delete':
        this.#remove(this.cursor, this.#after());
        return null;
      case 'search':
        if (!this.hasHistory) return 'bell';
        this.search = { query: '', found: this.#history.length };
        return null;
      case 'yank':
        this.insert(this.#cut);
        return null;
      case 'up':
        return this.#walk(-1);
      case 'down':
        return this.#walk(1);
      default:
        return this.#move(name);
    }
  }

  #move(name: KeyName): Intent | null {
    switch (name) {
      case 'left':
        this.cursor = this.#before();
        break;
      case 'right':
        this.cursor = this.#after();
        break;
      case 'home':
        this.cursor = 0;
        break;
      case 'end':
        this.cursor = this.text.length;
        break;
      case 'word-left':
        this.cursor = this.#wordStart();
        break;
      case 'word-right':
        this.cursor += /^[^\p{L}\p{N}]*[\p{L}\p{N}]*/u.exec(this.text.slice(this.cursor))?.[0].length ?? 0;
        break;
      case 'kill-word':
        this.#kill(/\S*\s*$/.exec(this.text.slice(0, this.cursor))?.index ?? 0, this.cursor);
        break;
      case 'kill-to-end':
        this.#kill(this.cursor, this.text.length);
        break;
      case 'kill-to-start':
        this.#kill(0, this.cursor);
        break;
    }
    return null;
  }

  /** True when the key belonged to the search; otherwise the line found is taken over and the key acts on it. */
  #pressInSearch(key: Key): boolean {
    const search = this.search;
    if (search === null) return false;
    if ('text' in key) {
      this.#find(search.query + key.text, this.#history.length - 1);
      return true;
    }
    switch (key.name) {
      case 'backspace':
        this.#find(search.query.slice(0, -1), this.#history.length - 1);
        return true;
      case 'search':
        this.#find(search.query, search.found - 1);
        return true;
      case 'escape':
      case 'interrupt':
        this.search = null;
        this.set('');
        return true;
      default:
        this.search = null;
        return false;
    }
  }

  #find(query: string, from: number): void {
    for (let at = Math.min(from, this.#history.length - 1); query !== '' && at >= 0; at--) {
      if (this.#history[at]?.includes(query)) {
        this.search = { query, found: at };
        this.set(this.#history[at] ?? '');
        return;
      }
    }
    // Nothing (more) found: what was found before stays in sight.
    this.search = { query, found: this.search?.found ?? this.#history.length };
  }

  #walk(by: number): Intent | null {
    if (!this.hasHistory) return 'bell';
    const place = this.#place + by;
    if (place < 0 || place > this.#history.length) return 'bell';
    if (this.#place === this.#history.length) this.#draft = this.text;
    this.#place = place;
    this.set(this.#history[place] ?? this.#draft);
    return null;
  }

  #remove(from: number, to: number): void {
    this.text = this.text.slice(0, from) + this.text.slice(to);
    this.cursor = from;
  }

  #kill(from: number, to: number): void {
    if (from !== to) this.#cut = this.text.slice(from, to);
    this.#remove(from, to);
  }

  #before(): number {
    let last = 0;
    for (const { index } of graphemes.segment(this.text.slice(0, this.cursor))) last = index;
    return last;
  }

  #after(): number {
    const [next] = graphemes.segment(this.text.slice(this.cursor));
    return this.cursor + (next?.segment.length ?? 0);
  }

  #wordStart(): number {
    return /[\p{L}\p{N}]*[^\p{L}\p{N}]*$/u.exec(this.text.slice(0, this.cursor))?.index ?? 0;
  }
}
