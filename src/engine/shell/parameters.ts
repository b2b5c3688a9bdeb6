import type { ParameterOperation } from 'unbash';
import type { Running } from './command.ts';
import type { Environment } from './environment.ts';
import { evaluateText } from './arithmetic.ts';
import { ShellError } from './errors.ts';
import { addPieces, expandToPattern, expandToText } from './expand.ts';
import type { Sink } from './fields.ts';
import { compilePattern } from './pattern.ts';
import { assignVariable, readParameter } from './specials.ts';
import { isName } from './variables.ts';
import { compileSingle, type Parameter } from './words.ts';

/** `$x`, `${x…}` and `$@`: values, lists, and what the operators of `${ }` make of them. */
export function* addParameter(
  environment: Environment,
  sink: Sink,
  parameter: Parameter,
  isQuoted: boolean,
): Running<void> {
  const { operation } = parameter;
  if (parameter.parameter === '' || operation?.type === 'Unknown')
    throw new ShellError(`${parameter.text}: bad substitution`);
  if (operation?.type === 'Names') {
    const names = environment.variables.names().filter((name) => name.startsWith(parameter.parameter));
    sink.values(names, operation.operator === '@' ? 'each' : 'joined', isQuoted);
    return;
  }
  const found = yield* look(environment, parameter);
  if (operation?.type === 'Default') {
    yield* addDefault(environment, sink, parameter, operation, found, isQuoted);
    return;
  }
  if (found.values.length === 0 && found.shape === 'one') {
    if (environment.options.has('nounset')) throw new ShellError(`${parameter.parameter}: unbound variable`);
    sink.values(operation || parameter.prefix === '#' ? [] : [''], 'one', isQuoted);
    if (isQuoted) sink.text('', true);
    return;
  }
  const values = operation ? yield* operate(environment, operation, found) : found.values;
  sink.values(values, found.shape, isQuoted);
}

interface Found {
  /** Empty: the parameter is unset. */
  readonly values: readonly string[];
  readonly shape: 'one' | 'each' | 'joined';
  /** The variable behind it, for `${x=…}` and messages. */
  readonly name: string;
  readonly index: number | undefined;
}

/** What the parameter itself is, before its operator. */
function* look(environment: Environment, parameter: Parameter): Running<Found> {
  const { prefix } = parameter;
  const subscript = parameter.index?.text;
  const isList = parameter.parameter === '@' || parameter.parameter === '*';
  const isArrayList = subscript === '@' || subscript === '*';
  if (prefix === '!' && isArrayList) {
    const indexes = environment.variables.elements(parameter.parameter).map(([index]) => String(index));
    return found(parameter.parameter, indexes, subscript === '@' ? 'each' : 'joined');
  }
  if (prefix === '!') return yield* lookIndirect(environment, parameter);
  if (isList || isArrayList) {
    const values = isList ? environment.positional : readElements(environment, parameter.parameter);
    if (prefix === '#') return found(parameter.parameter, [String(values.length)], 'one');
    const isEach = parameter.parameter === '@' || subscript === '@';
    return found(parameter.parameter, values, isEach ? 'each' : 'joined');
  }
  const index = parameter.index ? yield* readSubscript(environment, parameter) : undefined;
  const value = readValue(environment, parameter.parameter, index);
  if (prefix === '#') {
    if (value === undefined && environment.options.has('nounset'))
      throw new ShellError(`${parameter.parameter}: unbound variable`);
    return found(parameter.parameter, [String(Array.from(value ?? '').length)], 'one');
  }
  return { values: value === undefined ? [] : [value], shape: 'one', name: parameter.parameter, index };
}

const found = (name: string, values: readonly string[], shape: Found['shape']): Found => ({
  values,
  shape,
  name,
  index: undefined,
});

function readElements(environment: Environment, name: string): readonly string[] {
  if (name === 'PIPESTATUS') return environment.pipeStatus.map(String);
  if (name === 'FUNCNAME') return environment.functionNames.toReversed();
  return environment.variables.elements(name).map(([, value]) => value);
}

function readValue(environment: Environment, name: string, index: number | undefined): string | undefined {
  if (index === undefined) return readParameter(environment, name);
  if (name === 'PIPESTATUS' || name === 'FUNCNAME') return readElements(environment, name).at(index);
  const elements = environment.variables.elements(name);
  const at = index < 0 ? (elements.at(-1)?.[0] ?? -1) + 1 + index : index;
  return elements.find(([key]) => key === at)?.[1];
}

/** `${!name}`: the value of the variable whose name is the value of `name`. */
function* lookIndirect(environment: Environment, parameter: Parameter): Running<Found> {
  const name = readParameter(environment, parameter.parameter) ?? '';
  const [, base = '', subscript] = /^(\w+|[@*#?$!-])(?:\[(.*)\])?$/s.exec(name) ?? [];
  if (base === '') throw new ShellError(`${parameter.parameter}: invalid indirect expansion`);
  const index = subscript === undefined ? undefined : Number(yield* evaluateText(environment, subscript));
  const value = readValue(environment, base, index);
  return { values: value === undefined ? [] : [value], shape: 'one', name: base, index };
}

function* readSubscript(environment: Environment, parameter: Parameter): Running<number> {
  if (!parameter.index) return 0;
  const text = yield* expandToText(environment, compileSingle(parameter.index, 'plain'));
  return Number(yield* evaluateText(environment, text));
}

type Operation<Type extends ParameterOperation['type']> = ParameterOperation & { type: Type };

/** `${x:-w}` `${x:=w}` `${x:?w}` `${x:+w}`; without the colon an empty value counts as a value. */
function* addDefault(
  environment: Environment,
  sink: Sink,
  parameter: Parameter,
  { operator, operand }: Operation<'Default'>,
  { values, shape, name, index }: Found,
  isQuoted: boolean,
): Running<void> {
  const isNothing = operator.startsWith(':') ? values.join('') === '' : values.length === 0;
  const word = compileSingle(operand, isQuoted ? 'quoted' : 'plain');
  if (operator.endsWith('+')) {
    if (!isNothing) yield* addPieces(environment, isQuoted ? sink : splitting(sink), word);
    else if (isQuoted) sink.text('', true);
    return;
  }
  if (!isNothing) {
    sink.values(values, shape, isQuoted);
    return;
  }
  if (operator.endsWith('-')) {
    if (isQuoted) sink.text('', true);
    yield* addPieces(environment, isQuoted ? sink : splitting(sink), word);
    return;
  }
  const text = yield* expandToText(environment, word);
  if (operator.endsWith('?'))
    throw new ShellError(
      `${name}: ${text || (operator === '?' ? 'parameter not set' : 'parameter null or not set')}`,
    );
  if (!isName(name)) throw new ShellError(`${parameter.text}: cannot assign in this way`);
  if (index === undefined) assignVariable(environment, name, text);
  else environment.variables.setElement(name, index, text);
  sink.values([text], 'one', isQuoted);
}

/** The word of `${x:-a b}` is split like a value, where it is not quoted. */
const splitting = (sink: Sink): Sink => ({
  text: (text, isQuoted) => (isQuoted ? sink.text(text, true) : sink.values([text], 'one', false)),
  values: (values, shape, isQuoted) => sink.values(values, shape, isQuoted),
});

function* operate(
  environment: Environment,
  operation: ParameterOperation,
  found: Found,
): Running<readonly string[]> {
  const { values } = found;
  switch (operation.type) {
    case 'Remove': {
      const pattern = compilePattern(
        yield* expandToPattern(environment, compileSingle(operation.operand, 'pattern')),
      );
      return values.map((value) => removeMatch(value, pattern, operation.operator));
    }
    case 'Replace':
      return yield* replaceMatches(environment, operation, values);
    case 'Slice':
      return yield* slice(environment, operation, found);
    case 'CaseModification': {
      const pieces = operation.operand ? compileSingle(operation.operand, 'pattern') : [];
      const pattern = compilePattern((yield* expandToPattern(environment, pieces)) || '?');
      return values.map((value) =>
        changeCase(value, operation.operator, (letter) => pattern.matches(letter)),
      );
    }
    case 'Transform':
      return values.map((value) => transform(value, operation.operand.text));
    default:
      throw new ShellError(`${found.name}: bad substitution`);
  }
}

function removeMatch(value: string, pattern: ReturnType<typeof compilePattern>, operator: string): string {
  const characters = Array.from(value);
  const wish = operator.length === 2 ? 'longest' : 'shortest';
  if (operator.startsWith('#')) {
    const length = pattern.prefixLength(characters, wish);
    return length <= 0 ? value : characters.slice(length).join('');
  }
  const length = pattern.suffixLength(characters, wish);
  return length <= 0 ? value : characters.slice(0, characters.length - length).join('');
}

function* replaceMatches(
  environment: Environment,
  { operator, pattern, replacement }: Operation<'Replace'>,
  values: readonly string[],
): Running<readonly string[]> {
  const text = yield* expandToPattern(environment, compileSingle(pattern, 'pattern'));
  const by = yield* expandToText(environment, compileSingle(replacement, 'plain'));
  const compiled = compilePattern(text);
  return values.map((value) => {
    if (operator === '/' || operator === '//') return compiled.replace(value, by, operator === '//');
    const characters = Array.from(value);
    const isPrefix = operator === '/#';
    const length = isPrefix
      ? compiled.prefixLength(characters, 'longest')
      : compiled.suffixLength(characters, 'longest');
    if (length < 0) return value;
    return isPrefix
      ? by + characters.slice(length).join('')
      : characters.slice(0, characters.length - length).join('') + by;
  });
}

/** `${x:offset:length}` of characters; of lists, elements. */
function* slice(
  environment: Environment,
  operation: Operation<'Slice'>,
  { values, shape, name }: Found,
): Running<readonly string[]> {
  const number = function* (word: Operation<'Slice'>['offset']): Running<number> {
    const text = yield* expandToText(environment, compileSingle(word, 'plain'));
    return Number(yield* evaluateText(environment, text));
  };
  const offset = yield* number(operation.offset);
  const length = operation.length ? yield* number(operation.length) : undefined;
  const isPositional = name === '@' || name === '*';
  const items =
    shape === 'one'
      ? Array.from(values[0] ?? '')
      : isPositional
        ? [environment.scriptName, ...values]
        : values;
  const start = offset < 0 ? items.length + offset : offset;
  if (start < 0 || start > items.length) return shape === 'one' ? [''] : [];
  if (length !== undefined && length < 0 && shape !== 'one')
    throw new ShellError(`${length}: substring expression < 0`);
  const end = length === undefined ? items.length : length < 0 ? items.length + length : start + length;
  if (end < start) throw new ShellError(`${length}: substring expression < 0`);
  const part = items.slice(start, end);
  return shape === 'one' ? [part.join('')] : part;
}

function changeCase(value: string, operator: string, applies: (letter: string) => boolean): string {
  const isUpper = operator.startsWith('^');
  const change = (letter: string) =>
    !applies(letter) ? letter : isUpper ? letter.toUpperCase() : letter.toLowerCase();
  const letters = Array.from(value);
  return operator.length === 2
    ? letters.map(change).join('')
    : letters.map((letter, index) => (index === 0 ? change(letter) : letter)).join('');
}

function transform(value: string, letter: string): string {
  switch (letter) {
    case 'Q':
      return quoteForShell(value);
    case 'U':
      return value.toUpperCase();
    case 'u':
      return changeCase(value, '^', () => true);
    case 'L':
      return value.toLowerCase();
    default:
      throw new ShellError(`@${letter}: bad substitution`);
  }
}

/** The value written so that the shell reads it back as it is. */
export const quoteForShell = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`;
