import { forEachChild, parse, type ParsedScript, type ParseError, type SyntaxNode } from 'unbash';
import { SCRIPT_LENGTH_MAX } from './limits.ts';

/**
 * From text to syntax tree, with everything that is wrong found before anything runs: errors of the grammar, also of
 * nested `$( )`, and words of bash that this shell does not speak, each refused in a sentence.
 */
export type Parsed =
  | { readonly script: ParsedScript; readonly source: string; readonly error: undefined }
  | { readonly script: undefined; readonly source: string; readonly error: string };

export function parseScript(source: string): Parsed {
  if (source.length > SCRIPT_LENGTH_MAX)
    return refuse(source, `the text is longer than ${SCRIPT_LENGTH_MAX} characters`);
  const script = parse(source);
  const { errors, refusal } = survey(script);
  const [first] = errors;
  if (first) return refuse(source, `syntax error: ${first.message}${place(source, first.pos)}`);
  if (refusal) return refuse(source, `${refusal.message}${place(source, refusal.pos)}`);
  return { script, source, error: undefined };
}

/** False while the text is only the beginning of a command: an open quote, loop, list, here-document or `\` at the end. */
export function isComplete(source: string): boolean {
  if (source.length > SCRIPT_LENGTH_MAX) return true;
  const script = parse(source);
  const { errors, openHereDocument } = survey(script);
  const end = source.trimEnd().length;
  const isOpen = errors.some(({ message, pos }) => message.includes('to close') && pos >= end);
  if (errors.some((error) => !isCutShort(error, end) && !(isOpen && isEmptiness(error)))) return true;
  if (errors.length > 0 || openHereDocument) return false;
  // Backslashes of a comment are no continuation: there no word reaches to the end.
  const text = source.replace(/\n$/, '');
  const backslashes = /\\*$/.exec(text)?.[0].length ?? 0;
  if (backslashes % 2 === 0) return true;
  const probe = `${text.slice(0, -1)}x`;
  return survey(parse(probe)).wordsEnd < probe.length;
}

/** Would more text mend it? */
function isCutShort({ message, pos }: ParseError, end: number): boolean {
  if (message.startsWith('unterminated')) return true;
  return message.startsWith('expected') && message !== 'expected redirect target' && pos >= end;
}

/** `{` and `(` with nothing in them yet are complained about at their beginning. */
const isEmptiness = ({ message }: ParseError): boolean => message.startsWith('expected command in');

const refuse = (source: string, error: string): Parsed => ({ script: undefined, source, error });

function place(source: string, pos: number): string {
  const before = source.slice(0, pos).split('\n');
  const column = (before.at(-1)?.length ?? 0) + 1;
  return before.length === 1 ? ` (character ${column})` : ` (line ${before.length}, character ${column})`;
}

interface Survey {
  readonly errors: readonly ParseError[];
  readonly refusal: ParseError | undefined;
  readonly openHereDocument: boolean;
  /** Where the last word ends; a comment lies beyond it. */
  readonly wordsEnd: number;
}

/** Looks at every node, also within words, with a stack of its own: trees of long chains are deep. */
function survey(script: ParsedScript): Survey {
  const errors: ParseError[] = [];
  let refusal: ParseError | undefined;
  let openHereDocument = false;
  let wordsEnd = 0;
  const stack: SyntaxNode[] = [script];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.type === 'Script') errors.push(...(node.errors ?? []));
    if (node.type === 'CommandExpansion' && !/[)`}]$/.test(node.text))
      errors.push({ message: 'unterminated command substitution', pos: node.pos });
    if (node.type === 'HereDoc' && node.delimiter && !node.closing) openHereDocument = true;
    if (node.type === 'Word' || node.type === 'Assignment') wordsEnd = Math.max(wordsEnd, node.end);
    const message = unsupported(node);
    if (message !== undefined && !(refusal && refusal.pos <= node.pos)) refusal = { message, pos: node.pos };
    forEachChild(node, (child) => stack.push(child));
  }
  errors.sort((a, b) => a.pos - b.pos);
  return { errors, refusal, openHereDocument, wordsEnd };
}

function unsupported(node: SyntaxNode): string | undefined {
  switch (node.type) {
    case 'Statement':
      return node.background ? "'&' is not supported: commands run one after another" : undefined;
    case 'Select':
      return "'select' is not supported: use 'for' or 'case'";
    case 'Coproc':
      return "'coproc' is not supported: use a pipe";
    case 'ProcessSubstitution':
      return `'${node.operator}( )' is not supported: use a pipe or a file`;
    case 'ExtendedGlob':
      return `extended patterns as '${node.operator}( )' are not supported`;
    case 'FileDescriptorVariable':
      return "'{name}>' is not supported: use a number";
    default:
      return undefined;
  }
}
