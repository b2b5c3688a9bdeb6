import { ShellError } from './errors.ts';
import { ARGUMENTS_LENGTH_MAX, FIELDS_MAX } from './limits.ts';

/** Collects what pieces of a word expand to. One of three shapes: fields of a command, one text, one pattern. */
export interface Sink {
  /** Text as written. */
  text(text: string, isQuoted: boolean): void;
  /** What an expansion gave: one value, or a list (`$@`, `$*`, `${a[@]}`). */
  values(values: readonly string[], shape: 'one' | 'each' | 'joined', isQuoted: boolean): void;
}

export interface Fragment {
  readonly text: string;
  /** Quoted text is no pattern. */
  readonly isQuoted: boolean;
}

/** Fields of a command: unquoted expansions are split at IFS, `"$@"` is a field each. */
export class FieldSink implements Sink {
  readonly #separators: string;
  readonly #fields: Fragment[][] = [];
  #current: Fragment[] | undefined;

  constructor(separators: string) {
    this.#separators = separators;
  }

  text(text: string, isQuoted: boolean): void {
    (this.#current ??= []).push({ text, isQuoted });
  }

  values(values: readonly string[], shape: 'one' | 'each' | 'joined', isQuoted: boolean): void {
    if (!isQuoted) {
      for (const [index, value] of values.entries()) {
        if (index > 0) this.#endField();
        this.#split(value);
      }
    } else if (shape === 'each') {
      for (const [index, value] of values.entries()) {
        if (index > 0) this.#endField();
        this.text(value, true);
      }
    } else {
      this.text(values.join(this.#separators.charAt(0)), true);
    }
  }

  finish(): Fragment[][] {
    this.#endField();
    return this.#fields;
  }

  #endField(): void {
    if (this.#current) this.#fields.push(this.#current);
    this.#current = undefined;
    if (this.#fields.length > FIELDS_MAX)
      throw new ShellError(`the line expands to more than ${FIELDS_MAX} words`);
  }

  /** POSIX 2.6.5: runs of white space separate once; any other separator delimits a field, also an empty one. */
  #split(value: string): void {
    const separators = this.#separators;
    if (separators === '') {
      if (value !== '') this.text(value, false);
      return;
    }
    let start = 0;
    const take = (end: number) => {
      if (end > start) this.text(value.slice(start, end), false);
    };
    for (let at = 0; at < value.length; at++) {
      if (!separators.includes(value.charAt(at))) continue;
      take(at);
      let isDelimited = false;
      for (; at < value.length && separators.includes(value.charAt(at)); at++) {
        if (' \t\n'.includes(value.charAt(at))) continue;
        if (isDelimited) break;
        isDelimited = true;
        this.#current ??= [];
      }
      this.#endField();
      start = at--;
    }
    take(value.length);
  }
}

/** One text, nothing split: assignments, redirection targets, here-documents. */
export class TextSink implements Sink {
  readonly #separators: string;
  result = '';

  constructor(separators: string) {
    this.#separators = separators;
  }

  text(text: string): void {
    this.result += text;
  }

  values(values: readonly string[], shape: 'one' | 'each' | 'joined'): void {
    this.result += values.join(shape === 'joined' ? this.#separators.charAt(0) : ' ');
  }
}

/** A pattern: what was quoted stands for itself. */
export class PatternSink implements Sink {
  readonly #quote: (text: string) => string;
  result = '';

  constructor(quote: (text: string) => string) {
    this.#quote = quote;
  }

  text(text: string, isQuoted: boolean): void {
    this.result += isQuoted ? this.#quote(text) : text;
  }

  values(values: readonly string[], _shape: string, isQuoted: boolean): void {
    for (const [index, value] of values.entries()) this.text(index > 0 ? ` ${value}` : value, isQuoted);
  }
}

export function checkArgumentsLength(fields: readonly string[]): void {
  const length = fields.reduce((sum, field) => sum + field.length + 1, 0);
  if (length > ARGUMENTS_LENGTH_MAX) throw new ShellError('argument list too long');
}
