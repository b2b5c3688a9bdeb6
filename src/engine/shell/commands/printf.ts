import { concatBytes, utf8 } from '../../base/bytes.ts';
import type { Command, CommandContext, Running } from '../command.ts';
import { readEscapes } from '../escapes.ts';
import { quoteForShell } from '../parameters.ts';

const SPECIFIER = /%([-+ 0#]*)(\*|\d{1,6})?(?:\.(\*|\d{1,6})?)?([a-zA-Z%])/;
const WIDTH_MAX = 100_000;

export const printf: Command = {
  name: 'printf',
  summary: 'print by a format',
  manual: `printf format [argument …]

Prints the format with its arguments put in, again and again until they are used up.

%s text   %b text with escapes   %q quoted for the shell   %c first character
%d %i %u %o %x %X numbers        %e %f %g numbers with a point        %% a percent sign
Between % and letter: - left, + sign, 0 zeros, # prefix, width, .precision; * takes them from the arguments.
A number 'c (with a quote in front) is the code of c. Escapes in the format: \\n \\t \\\\ \\a \\b \\e \\f \\r \\v \\nnn
\\xhh \\uhhhh.`,
  *run(context) {
    const { stderr } = context;
    const args = context.args[0] === '--' ? context.args.slice(1) : context.args;
    const [format, ...rest] = args;
    if (format === undefined) {
      yield* stderr.write('usage: printf format [arguments ...]\n');
      return 1;
    }
    const printer = new Printer(context, format, rest);
    do {
      yield* printer.round();
      yield;
    } while (printer.hasMore);
    return printer.exitCode;
  },
};

class Printer {
  exitCode = 0;
  readonly #context: CommandContext;
  readonly #format: string;
  readonly #args: readonly string[];
  #at = 0;
  #isStopped = false;
  #usesArguments = false;

  constructor(context: CommandContext, format: string, args: readonly string[]) {
    this.#context = context;
    this.#format = format;
    this.#args = args;
  }

  get hasMore(): boolean {
    return !this.#isStopped && this.#usesArguments && this.#at < this.#args.length;
  }

  /** The format once. */
  *round(): Running<void> {
    const parts: Uint8Array[] = [];
    let rest = this.#format;
    while (rest !== '' && !this.#isStopped) {
      const match = SPECIFIER.exec(rest);
      const literal = match ? rest.slice(0, match.index) : rest;
      const { bytes, isStopped } = readEscapes(literal, 'printf');
      parts.push(bytes);
      this.#isStopped = isStopped;
      if (!match || isStopped) break;
      rest = rest.slice(match.index + match[0].length);
      parts.push(yield* this.#convert(match));
    }
    yield* this.#context.stdout.write(concatBytes(parts));
  }

  *#convert([, flags = '', widthText, precisionText, letter = '']: RegExpExecArray): Running<Uint8Array> {
    if (letter === '%') return utf8('%');
    const isLeft = flags.includes('-');
    let width = widthText === '*' ? yield* this.#integer() : Number(widthText ?? 0);
    const precision =
      precisionText === '*'
        ? yield* this.#integer()
        : precisionText === undefined
          ? undefined
          : Number(precisionText);
    const goesLeft = isLeft || width < 0;
    width = Math.min(Math.abs(width), WIDTH_MAX);
    const pad = (text: string) => (goesLeft ? text.padEnd(width) : text.padStart(width));
    this.#usesArguments = true;
    switch (letter) {
      case 's':
        return utf8(pad(this.#next().slice(0, precision)));
      case 'c':
        return utf8(pad(Array.from(this.#next())[0] ?? '\0'));
      case 'q':
        return utf8(pad(quoted(this.#next())));
      case 'b': {
        const { bytes, isStopped } = readEscapes(this.#next(), 'printf');
        this.#isStopped = isStopped;
        return bytes;
      }
      default:
        return utf8(yield* this.#number(letter, flags, { width, precision, goesLeft }));
    }
  }

  *#number(
    letter: string,
    flags: string,
    { width, precision, goesLeft }: { width: number; precision: number | undefined; goesLeft: boolean },
  ): Running<string> {
    const digits = 'diuoxX'.includes(letter)
      ? integerText(yield* this.#bigint(), letter, flags, precision)
      : 'eEfFgG'.includes(letter)
        ? floatText(yield* this.#float(), letter, Math.min(precision ?? 6, 100))
        : undefined;
    if (digits === undefined) {
      yield* this.#complain(`%${letter}: invalid directive`);
      this.#isStopped = true;
      return '';
    }
    const isNegative = digits.startsWith('-');
    const sign = isNegative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
    const body = isNegative ? digits.slice(1) : digits;
    if (goesLeft) return (sign + body).padEnd(width);
    const isZeroed = flags.includes('0') && !(precision !== undefined && 'diuoxX'.includes(letter));
    return isZeroed ? sign + body.padStart(width - sign.length, '0') : (sign + body).padStart(width);
  }

  #next(): string {
    this.#usesArguments = true;
    return this.#args[this.#at++] ?? '';
  }

  *#integer(): Running<number> {
    return Number(yield* this.#bigint());
  }

  *#bigint(): Running<bigint> {
    const text = this.#next();
    const [, sign = '', digits] = /^\s*([-+]?)(0[xX][0-9a-fA-F]+|[0-9]+)/.exec(text) ?? [];
    if (/^['"]/.test(text)) return BigInt(text.codePointAt(1) ?? 0);
    const isWhole = /^\s*[-+]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.test(text);
    if (text !== '' && !isWhole) yield* this.#complain(`${text}: invalid number`);
    if (digits === undefined) return 0n;
    const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits.replace(/^0+(?=\d)/, '');
    return BigInt(octal) * (sign === '-' ? -1n : 1n);
  }

  *#float(): Running<number> {
    const text = this.#next();
    if (/^['"]/.test(text)) return text.codePointAt(1) ?? 0;
    const value = text === '' ? 0 : Number(text);
    if (!Number.isNaN(value)) return value;
    yield* this.#complain(`${text}: invalid number`);
    return Number.parseFloat(text) || 0;
  }

  *#complain(message: string): Running<void> {
    this.exitCode = 1;
    yield* this.#context.stderr.write(`printf: ${message}\n`);
  }
}

/** As the shells write it: backslashes, quotes where a newline or another control needs them. */
function quoted(text: string): string {
  if (text === '' || /\p{Cc}/u.test(text)) return quoteForShell(text);
  return text.replace(/[^\p{L}\p{M}\p{N}_@%+=:./-]/gu, '\\$&');
}

function integerText(value: bigint, letter: string, flags: string, precision: number | undefined): string {
  const isSigned = letter === 'd' || letter === 'i';
  const number = isSigned ? value : BigInt.asUintN(64, value);
  const base = letter === 'o' ? 8 : letter === 'x' || letter === 'X' ? 16 : 10;
  const magnitude = (number < 0n ? -number : number).toString(base).padStart(precision ?? 0, '0');
  const prefix = !flags.includes('#') || number === 0n ? '' : base === 8 ? '0' : base === 16 ? '0x' : '';
  const text = (number < 0n ? '-' : '') + prefix + magnitude;
  return letter === 'X' ? text.toUpperCase() : text;
}

function floatText(value: number, letter: string, precision: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf';
  const twoDigits = (text: string) => text.replace(/e([-+])(\d)$/, 'e$10$2');
  const kind = letter.toLowerCase();
  let text: string;
  if (kind === 'f') text = value.toFixed(precision);
  else if (kind === 'e') text = twoDigits(value.toExponential(precision));
  else text = general(value, precision === 0 ? 1 : precision, twoDigits);
  return letter === kind ? text : text.toUpperCase();
}

/** %g: the shorter of both, without zeros at the end. */
function general(value: number, digits: number, twoDigits: (text: string) => string): string {
  const exponent = value === 0 ? 0 : Number(/e(.+)$/.exec(value.toExponential(digits - 1))?.[1]);
  const trim = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  if (exponent >= -4 && exponent < digits) return trim(value.toFixed(digits - 1 - exponent));
  const [mantissa = '', power = ''] = value.toExponential(digits - 1).split('e');
  return twoDigits(`${trim(mantissa)}e${power}`);
}
