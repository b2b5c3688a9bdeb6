import type { ParsedScript, Word } from 'unbash';
import type { Running } from './command.ts';
import type { Environment } from './environment.ts';
import { evaluate } from './arithmetic.ts';
import { ShellError } from './errors.ts';
import {
  checkArgumentsLength,
  FieldSink,
  PatternSink,
  TextSink,
  type Fragment,
  type Sink,
} from './fields.ts';
import { glob } from './glob.ts';
import { FIELDS_MAX } from './limits.ts';
import { addParameter } from './parameters.ts';
import { isPattern, quotePattern } from './pattern.ts';
import { Capture } from './streams.ts';
import { compileWord, type Pieces } from './words.ts';

/**
 * Word expansion in the order of POSIX 2.6: tilde, parameter, command and arithmetic expansion, field splitting,
 * pathname expansion, quote removal. Braces were multiplied out when the word was compiled.
 */
export function* expandWords(environment: Environment, words: readonly Word[]): Running<string[]> {
  const result: string[] = [];
  for (const word of words) {
    for (const pieces of compileWord(word, 'argument')) {
      const [only] = pieces;
      if (pieces.length === 1 && only?.kind === 'text' && !mayGlob(only)) {
        result.push(only.text);
        continue;
      }
      const sink = new FieldSink(fieldSeparators(environment));
      yield* addPieces(environment, sink, pieces);
      for (const field of sink.finish()) {
        const [fragment] = field;
        if (field.length === 1 && fragment && !mayGlob(fragment)) result.push(fragment.text);
        else yield* addField(environment, field, result);
        if (result.length % FIELDS_PER_BREATH === 0) yield;
      }
    }
    if (result.length > FIELDS_MAX) throw new ShellError(`the line expands to more than ${FIELDS_MAX} words`);
  }
  checkArgumentsLength(result);
  return result;
}

const FIELDS_PER_BREATH = 4096;

const mayGlob = ({ text, isQuoted }: Fragment): boolean => !isQuoted && isPattern(text);

/** Pathname expansion of one field; a pattern that matches nothing stays as it is. */
function* addField(environment: Environment, field: readonly Fragment[], result: string[]): Running<void> {
  const text = field.map((fragment) => fragment.text).join('');
  if (!field.some(mayGlob) || environment.options.has('noglob')) {
    result.push(text);
    return;
  }
  const pattern = field.map((fragment) => (fragment.isQuoted ? quotePattern(fragment.text) : fragment.text));
  const paths = yield* glob(environment.system, pattern.join(''));
  if (paths.length === 0) result.push(text);
  else for (const path of paths) result.push(path);
}

/** One text: nothing is split and no pattern looked up. */
export function* expandToText(environment: Environment, pieces: Pieces): Running<string> {
  const sink = new TextSink(fieldSeparators(environment));
  yield* addPieces(environment, sink, pieces);
  return sink.result;
}

/** A pattern for `case`, `[[ = ]]`, `${x#…}`. `quote` makes quoted text stand for itself. */
export function* expandToPattern(
  environment: Environment,
  pieces: Pieces,
  quote: (text: string) => string = quotePattern,
): Running<string> {
  const sink = new PatternSink(quote);
  yield* addPieces(environment, sink, pieces);
  return sink.result;
}

export function* addPieces(environment: Environment, sink: Sink, pieces: Pieces): Running<void> {
  for (const piece of pieces) {
    switch (piece.kind) {
      case 'text':
        sink.text(piece.text, piece.isQuoted);
        break;
      case 'tilde':
        sink.text(readTilde(environment, piece.user), true);
        break;
      case 'parameter':
        yield* addParameter(environment, sink, piece.parameter, piece.isQuoted);
        break;
      case 'command': {
        const text = yield* captureOutput(environment, piece.script);
        sink.values([text], 'one', piece.isQuoted);
        break;
      }
      case 'arithmetic': {
        const value = yield* evaluate(environment, piece.expression);
        sink.values([String(value)], 'one', piece.isQuoted);
        break;
      }
    }
  }
}

export const fieldSeparators = (environment: Environment): string =>
  environment.variables.text('IFS') ?? ' \t\n';

function readTilde(environment: Environment, user: string): string {
  const name = { '': 'HOME', '+': 'PWD', '-': 'OLDPWD' }[user];
  return (name === undefined ? undefined : environment.variables.text(name)) ?? `~${user}`;
}

/** `$( )`: what the script prints in a fork, without the newlines at its end. */
export function* captureOutput(environment: Environment, script: ParsedScript): Running<string> {
  const child = environment.fork();
  const output = new Capture();
  child.setDescriptor(1, output);
  try {
    environment.substitutionStatus = yield* environment.calls.call(
      environment.shared.runSubshell(child, script),
    );
    environment.lastStatus = environment.substitutionStatus;
  } finally {
    child.dispose();
  }
  return output.text().replace(/\n+$/, '');
}
