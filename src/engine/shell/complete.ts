import { FsError } from '../base/errno.ts';
import type { SystemCalls } from '../vfs/calls.ts';
import { O_DIRECTORY, O_RDONLY, S_IFDIR, S_IFMT } from '../vfs/constants.ts';
import type { Environment } from './environment.ts';
import { byCodePoint } from './glob.ts';

/**
 * What Tab offers: commands where a command can stand, otherwise paths; variables behind `$`. Words come quoted as
 * the line needs them, with a space behind what is finished and a slash behind directories.
 */
export interface Completion {
  /** Whole words, each to replace the last `replaceLength` characters. */
  readonly words: readonly string[];
  readonly replaceLength: number;
}

const ENTRIES_MAX = 20_000;
const WORDS_MAX = 1000;

export function complete(environment: Environment, text: string): Completion {
  const word = lastWord(text);
  const replaceLength = text.length - word.start;
  const variable = /(?<!\\)\$(\{?)([A-Za-z_][A-Za-z0-9_]*)?$/.exec(text);
  if (variable && word.quote !== "'") {
    const [, brace = '', prefix = ''] = variable;
    const names = environment.variables.names().filter((name) => name.startsWith(prefix));
    return {
      words: names.map((name) => (brace === '' ? `$${name}` : `\${${name}}`)).slice(0, WORDS_MAX),
      replaceLength: variable[0].length,
    };
  }
  const words =
    word.isCommand && !word.value.includes('/')
      ? commandsLike(environment, word.value)
      : pathsLike(environment, word);
  return { words: words.slice(0, WORDS_MAX), replaceLength };
}

interface LastWord {
  /** Where its text begins. */
  readonly start: number;
  /** What it means so far, without quotes. */
  readonly value: string;
  /** The quote still open at the end. */
  readonly quote: '' | "'" | '"';
  readonly isCommand: boolean;
}

/** Walks the line as the shell would, to where its last word begins. */
function lastWord(text: string): LastWord {
  let start = 0;
  let value = '';
  let quote: LastWord['quote'] = '';
  let isCommand = true;
  let isEmpty = true;
  const endWord = (next: number, isSeparator: boolean) => {
    if (isSeparator) isCommand = true;
    else if (!isEmpty)
      isCommand = /^(?:do|then|else|elif|if|while|until|!|\{|time|sudo|xargs|[A-Za-z_]\w*=.*)$/s.test(value);
    [start, value, isEmpty] = [next, '', true];
  };
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote === '' && /\s/.test(character)) {
      endWord(at + 1, character === '\n');
    } else if (quote === '' && /[|&;()<>]/.test(character)) {
      endWord(at + 1, !/[<>]/.test(character));
      if (/[<>]/.test(character)) isCommand = false;
    } else if (quote === '' && (character === "'" || character === '"')) {
      quote = character;
      isEmpty = false;
    } else if (character === quote) {
      quote = '';
    } else {
      if (character === '\\' && quote !== "'" && at + 1 < text.length) at++;
      value += text.charAt(at);
      isEmpty = false;
    }
  }
  return { start, value, quote, isCommand };
}

function commandsLike(environment: Environment, prefix: string): string[] {
  const { commands } = environment.shared;
  const known = new Set([...commands.keys(), ...environment.functions.keys(), ...environment.aliases.keys()]);
  return [...known]
    .filter((name) => name.startsWith(prefix) && /^\w/.test(name))
    .sort(byCodePoint)
    .map((name) => `${name} `);
}

function pathsLike({ system, variables }: Environment, { value, quote }: LastWord): string[] {
  const slash = value.lastIndexOf('/') + 1;
  const shown = value.slice(0, slash);
  const prefix = value.slice(slash);
  const directory = shown.startsWith('~/') ? (variables.text('HOME') ?? '~') + shown.slice(1) : shown;
  const names = listAtOnce(system, directory === '' ? '.' : directory)
    .filter((name) => name.startsWith(prefix) && (prefix.startsWith('.') || !name.startsWith('.')))
    .sort(byCodePoint);
  return names.slice(0, WORDS_MAX).map((name) => {
    const isDirectory = isDirectoryAt(system, directory + name);
    return quoteWord(shown + name, quote, isDirectory);
  });
}

function listAtOnce(system: SystemCalls, directory: string): string[] {
  const names: string[] = [];
  try {
    const descriptor = system.open(directory, O_RDONLY | O_DIRECTORY);
    try {
      while (names.length < ENTRIES_MAX) {
        const page = system.getdirentries(descriptor, 1024);
        if (page.length === 0) break;
        for (const entry of page) names.push(entry.name);
      }
    } finally {
      system.close(descriptor);
    }
  } catch (error) {
    if (!(error instanceof FsError)) throw error; // what cannot be read offers nothing
  }
  return names;
}

function isDirectoryAt(system: SystemCalls, path: string): boolean {
  try {
    return (system.stat(path).mode & S_IFMT) === S_IFDIR;
  } catch (error) {
    if (error instanceof FsError) return false;
    throw error;
  }
}

function quoteWord(path: string, quote: LastWord['quote'], isDirectory: boolean): string {
  const end = isDirectory ? '/' : '';
  if (quote === "'" && !path.includes("'")) return `'${path}${end}${isDirectory ? '' : "' "}`;
  if (quote === '"') {
    const escaped = path.replace(/[$`"\\]/g, '\\$&');
    return `"${escaped}${end}${isDirectory ? '' : '" '}`;
  }
  // A newline cannot be quoted by a backslash.
  if (/[\u0000-\u001f\u007f]/.test(path)) return `${ansiQuote(path)}${end}${isDirectory ? '' : ' '}`;
  const escaped = path.replace(/[^\p{L}\p{M}\p{N}_@%+=:,./~-]/gu, '\\$&').replace(/^~(?!\/)/, '\\~');
  return `${escaped}${end}${isDirectory ? '' : ' '}`;
}

const ansiQuote = (text: string): string =>
  `$'${text.replace(/['\\]/g, '\\$&').replace(/\p{Cc}/gu, (c) => `\\x${(c.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`)}'`;
