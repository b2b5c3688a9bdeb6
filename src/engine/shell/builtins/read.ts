import type { Builtin } from './builtin.ts';
import { textOf } from '../../base/bytes.ts';
import type { Running } from '../command.ts';
import type { Environment } from '../environment.ts';
import { ShellError } from '../errors.ts';
import { fieldSeparators } from '../expand.ts';
import { assignVariable } from '../specials.ts';
import { isName } from '../variables.ts';

export const readBuiltin: Builtin = {
  name: 'read',
  summary: 'read a line into variables',
  manual: `read [-r] [-p prompt] [-a array] [name …]

Reads one line from standard input and splits it at IFS: the first field goes to the first name, what is left over to
the last. Without names the line goes to REPLY. A backslash quotes the next character and joins lines, unless -r.
Fails at the end of input.`,
  *run(call) {
    const { environment } = call;
    const { isRaw, prompt, array, names } = readOptions(call.args);
    if (prompt !== '' && call.stdin.isTerminal) yield* call.stderr.write(prompt);
    const line = yield* readLine(environment, isRaw);
    const characters = line?.characters ?? [];
    if (array !== undefined) {
      const fields = splitFields(environment, characters, Number.POSITIVE_INFINITY);
      environment.variables.setArray(array, new Map(fields.map((field, index) => [index, field])));
    } else if (names.length === 0) {
      assignVariable(environment, 'REPLY', characters.map(({ text }) => text).join(''));
    } else {
      const fields = splitFields(environment, characters, names.length);
      for (const [index, name] of names.entries()) assignVariable(environment, name, fields[index] ?? '');
    }
    return line?.isEnded ? 0 : 1;
  },
};

function readOptions(args: readonly string[]) {
  const rest = [...args];
  let isRaw = false;
  let prompt = '';
  let array: string | undefined;
  while (/^-./.test(rest[0] ?? '')) {
    const word = rest.shift() ?? '';
    if (word === '--') break;
    for (const letter of word.slice(1)) {
      if (letter === 'r') isRaw = true;
      else if (letter === 'p') prompt = rest.shift() ?? '';
      else if (letter === 'a') array = rest.shift() ?? '';
      else throw new ShellError(`-${letter}: invalid option (known: -r -p -a)`, 2);
    }
  }
  const wrong = [...rest, ...(array === undefined ? [] : [array])].find((name) => !isName(name));
  if (wrong !== undefined) throw new ShellError(`\`${wrong}': not a valid identifier`);
  return { isRaw, prompt, array, names: rest };
}

interface Character {
  readonly text: string;
  /** A quoted character separates nothing. */
  readonly isQuoted: boolean;
}

function* readLine(
  environment: Environment,
  isRaw: boolean,
): Running<{ characters: Character[]; isEnded: boolean } | null> {
  const characters: Character[] = [];
  for (let isFirst = true; ; isFirst = false) {
    const line = yield* environment.descriptor(0).readLine();
    if (line === null) return isFirst ? null : { characters, isEnded: false };
    const text = textOf(line.bytes);
    let isJoined = false;
    for (let at = 0; at < text.length; at++) {
      const isEscape = !isRaw && text.charAt(at) === '\\';
      if (isEscape) at++;
      isJoined = isEscape && at === text.length;
      if (!isJoined) characters.push({ text: text.charAt(at), isQuoted: isEscape });
    }
    if (!isJoined || !line.isEnded) return { characters, isEnded: line.isEnded };
  }
}

/** At most `countMax` fields; the last takes the rest of the line without the white space around it. */
function splitFields(environment: Environment, characters: readonly Character[], countMax: number): string[] {
  const separators = fieldSeparators(environment);
  const isSeparator = (at: number) => isOneOf(characters[at], separators);
  const isSpace = (at: number) => isSeparator(at) && isOneOf(characters[at], ' \t\n');
  const fields: string[] = [];
  let end = characters.length;
  let at = 0;
  while (at < end && isSpace(at)) at++;
  while (end > at && isSpace(end - 1)) end--;
  while (at < end) {
    const start = at;
    while (at < end && !isSeparator(at)) at++;
    const isLast = fields.length + 1 >= countMax;
    let next = at;
    while (next < end && isSpace(next)) next++;
    if (next < end && isSeparator(next) && !isSpace(next)) next++;
    while (next < end && isSpace(next)) next++;
    // The last name takes everything, except one separator that ends the line.
    const stop = isLast && next < end ? end : at;
    fields.push(
      characters
        .slice(start, stop)
        .map(({ text }) => text)
        .join(''),
    );
    if (isLast) break;
    at = next;
  }
  return fields;
}

const isOneOf = (character: Character | undefined, set: string): boolean =>
  character !== undefined && !character.isQuoted && set.includes(character.text);
