/**
 * Command-line arguments, described as data and parsed strictly: what the description does not know is an error that
 * names the nearest thing it does know. The same description prints `--help`, so the two cannot drift apart.
 */
export interface OptionSpec {
  /** Without dashes: 'scheme'. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** Placeholder of its value, 'SIZE'; absent for a switch. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly isRepeatable?: boolean;
  readonly help: string;
}

export interface OperandSpec {
  /** 'IMAGE' */
  readonly name: string;
  readonly isOptional?: boolean;
  readonly help: string;
}

export interface Synopsis {
  readonly name: string;
  readonly summary: string;
  readonly operands: readonly OperandSpec[];
  readonly options: readonly OptionSpec[];
  /** Paragraphs printed below the options. */
  readonly notes?: readonly string[];
}

/** The user's mistake in the call itself: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const HELP: OptionSpec = { name: 'help', short: 'h', help: 'print this and stop' };

export class Arguments {
  readonly #values = new Map<string, string[]>();
  readonly #operands = new Map<string, string>();

  set(option: string, value: string): void {
    const values = this.#values.get(option);
    if (values) values.push(value);
    else this.#values.set(option, [value]);
  }

  setOperand(name: string, value: string): void {
    this.#operands.set(name, value);
  }

  has(option: string): boolean {
    return this.#values.has(option);
  }

  /** The last value given. */
  value(option: string): string | undefined {
    return this.#values.get(option)?.at(-1);
  }

  values(option: string): readonly string[] {
    return this.#values.get(option) ?? [];
  }

  operand(name: string): string | undefined {
    return this.#operands.get(name);
  }

  /** An operand that the synopsis demands; `parse` has made sure of it. */
  required(name: string): string {
    const value = this.#operands.get(name);
    if (value === undefined) throw new UsageError(`${name} is missing.`);
    return value;
  }
}

/**
 * Reads `argv` (without the subcommand) by `synopsis`. `--name value`, `--name=value`, `-n value`, `-nvalue` and
 * bundled switches are understood; `--` ends the options and `-` is an operand. Throws UsageError.
 */
export function parseArguments(synopsis: Synopsis, argv: readonly string[]): Arguments {
  const parsed = new Arguments();
  const operands: string[] = [];
  const options = [...synopsis.options, HELP];

  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    if (argument === '--') {
      operands.push(...argv.slice(i + 1));
      break;
    }
    if (!argument.startsWith('-') || argument === '-') operands.push(argument);
    else i += takeOption(options, argument, argv[i + 1], parsed);
  }
  if (!parsed.has('help')) takeOperands(synopsis, operands, parsed);
  return parsed;
}

/** Returns how many further arguments were used. */
function takeOption(
  options: readonly OptionSpec[],
  argument: string,
  next: string | undefined,
  parsed: Arguments,
): number {
  if (argument.startsWith('--')) {
    const [name = '', ...rest] = argument.slice(2).split('=');
    const option = options.find((candidate) => candidate.name === name);
    if (option === undefined) throw unknownOption(options, `--${name}`);
    return takeValue(option, `--${name}`, rest.length > 0 ? rest.join('=') : undefined, next, parsed);
  }
  for (let at = 1; at < argument.length; at++) {
    const letter = argument.charAt(at);
    const option = options.find((candidate) => candidate.short === letter);
    if (option === undefined) throw unknownOption(options, at === 1 ? argument : `-${letter}`);
    const rest = argument.slice(at + 1);
    if (option.value !== undefined) {
      return takeValue(option, `-${letter}`, rest === '' ? undefined : rest, next, parsed);
    }
    takeValue(option, `-${letter}`, undefined, undefined, parsed);
  }
  return 0;
}

function takeValue(
  option: OptionSpec,
  shown: string,
  attached: string | undefined,
  next: string | undefined,
  parsed: Arguments,
): number {
  if (option.value === undefined) {
    if (attached !== undefined) throw new UsageError(`${shown} takes no value.`);
    parsed.set(option.name, '');
    return 0;
  }
  const value = attached ?? next;
  if (value === undefined) throw new UsageError(`${shown} needs a value: ${shown} ${option.value}.`);
  if (option.choices && !option.choices.includes(value)) {
    throw new UsageError(
      `${shown} does not know '${value}'${suggestion(value, option.choices)}; it takes ${listed(option.choices)}.`,
    );
  }
  if (parsed.has(option.name) && !option.isRepeatable) throw new UsageError(`${shown} is given twice.`);
  parsed.set(option.name, value);
  return attached === undefined ? 1 : 0;
}

function takeOperands(synopsis: Synopsis, operands: readonly string[], parsed: Arguments): void {
  const extra = operands[synopsis.operands.length];
  if (extra !== undefined) throw new UsageError(`'${extra}' is one argument too many.`);
  synopsis.operands.forEach(({ name, isOptional }, i) => {
    const value = operands[i];
    if (value !== undefined) parsed.setOperand(name, value);
    else if (!isOptional) throw new UsageError(`${name} is missing.`);
  });
}

function unknownOption(options: readonly OptionSpec[], given: string): UsageError {
  const near =
    given.length > 2
      ? suggestion(
          given,
          options.map(({ name }) => `--${name}`),
        )
      : '';
  return new UsageError(`There is no option ${given}${near}.`);
}

/** ' (did you mean --stats?)', or nothing when nothing is near. */
export function suggestion(given: string, known: readonly string[]): string {
  const near = known
    .map((word) => ({ word, distance: editDistance(given, word) }))
    .filter(({ word, distance }) => distance <= Math.max(2, Math.floor(word.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0];
  return near === undefined ? '' : ` (did you mean ${near.word}?)`;
}

const listed = (words: readonly string[]): string => words.join(', ').replace(/, ([^,]*)$/, ' or $1');

/** Levenshtein's distance; words here are short. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replace, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** 'Usage: diskoscope newfs [options] IMAGE' */
export const usageLine = ({ name, operands, options }: Synopsis): string =>
  [
    `usage: diskoscope ${name}`,
    ...(options.length > 0 ? ['[options]'] : []),
    ...operands.map((operand) => (operand.isOptional ? `[${operand.name}]` : operand.name)),
  ].join(' ');

export function helpText(synopsis: Synopsis): string {
  const rows = [
    ...synopsis.operands.map(({ name, help }) => [name, help] as const),
    ...[...synopsis.options, HELP].map((option) => [optionForm(option), option.help] as const),
  ];
  const width = Math.max(...rows.map(([form]) => form.length)) + 2;
  return [
    usageLine(synopsis),
    '',
    `${synopsis.summary}.`,
    '',
    ...rows.map(([form, help]) => `  ${form.padEnd(width)}${help}`),
    ...(synopsis.notes ?? []).flatMap((note) => ['', note]),
    '',
  ].join('\n');
}

function optionForm({ name, short, value, choices }: OptionSpec): string {
  const placeholder = choices ? choices.join('|') : value;
  return `${short ? `-${short}, ` : '    '}--${name}${placeholder === undefined ? '' : ` ${placeholder}`}`;
}
