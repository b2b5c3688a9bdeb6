import type {
  ArithmeticExpression,
  HereDoc,
  ParameterExpansionPart,
  ParsedScript,
  Word,
  WordPart,
} from 'unbash';
import { expandBraces, type WordSymbol } from './braces.ts';

/**
 * From a word of the syntax tree to the pieces that expansion works on: quotes and backslashes resolved, braces
 * multiplied out, tildes found. Purely of the text, so each word is compiled once, however often a loop runs it.
 */
export type Piece =
  | { readonly kind: 'text'; readonly text: string; readonly isQuoted: boolean }
  /** `~` or `~user`: the text behind the tilde. */
  | { readonly kind: 'tilde'; readonly user: string }
  | { readonly kind: 'parameter'; readonly parameter: Parameter; readonly isQuoted: boolean }
  | { readonly kind: 'command'; readonly script: ParsedScript; readonly isQuoted: boolean }
  | {
      readonly kind: 'arithmetic';
      readonly expression: ArithmeticExpression | undefined;
      readonly isQuoted: boolean;
    };

/** `$x` is `${x}` without more. */
export type Parameter = Pick<ParameterExpansionPart, 'parameter' | 'prefix' | 'index' | 'operation' | 'text'>;

export type Pieces = readonly Piece[];

/**
 * `argument`: braces multiply, a leading tilde counts. `assignment`: no braces, a tilde also counts after each colon.
 * `plain`: a leading tilde only. `quoted`: as between double quotes. `pattern`: no tilde.
 */
export type WordMode = 'argument' | 'assignment' | 'plain' | 'quoted' | 'pattern';

const compiled = new WeakMap<Word, Map<WordMode, readonly Pieces[]>>();

/** The words that one word means; more than one only in mode 'argument'. */
export function compileWord(word: Word, mode: WordMode): readonly Pieces[] {
  let modes = compiled.get(word);
  if (!modes) compiled.set(word, (modes = new Map()));
  let pieces = modes.get(mode);
  if (!pieces) modes.set(mode, (pieces = compile(word, mode)));
  return pieces;
}

export function compileSingle(word: Word, mode: Exclude<WordMode, 'argument'>): Pieces {
  return compileWord(word, mode)[0] ?? [];
}

/**
 * The body of a here-document: expanded unless its delimiter was quoted, without the tabs before its lines after `<<-`.
 */
export function compileHereDocument({ body, delimiter, operator }: HereDoc): Pieces {
  const parts = delimiter?.quoted ? undefined : body.parts;
  const pieces = parts ? parts.flatMap((part) => partSymbols(part, true) as Piece[]) : [quoted(body.text)];
  if (operator === '<<') return pieces;
  return pieces.map((piece, index) => {
    if (piece.kind !== 'text') return piece;
    return quoted(piece.text.replace(index === 0 ? /(^|\n)\t+/g : /(\n)\t+/g, '$1'));
  });
}

function compile(word: Word, mode: WordMode): readonly Pieces[] {
  const { parts } = word;
  const isQuoted = mode === 'quoted';
  const symbols = parts
    ? parts.flatMap((part) => partSymbols(part, isQuoted))
    : textSymbols(word.text, isQuoted);
  const hasBraces = mode === 'argument' && (parts?.some((part) => part.type === 'BraceExpansion') ?? false);
  const words = hasBraces ? expandBraces(symbols.flatMap(characters)) : [symbols];
  return words.map((each) => markTildes(merge(each), mode));
}

const characters = (symbol: WordSymbol<Piece>): WordSymbol<Piece>[] =>
  typeof symbol === 'string' ? symbol.split('') : [symbol];

/** Unquoted text comes as strings, which braces, globs and tildes look at; the rest as pieces. */
function partSymbols(part: WordPart, isQuoted: boolean): WordSymbol<Piece>[] {
  switch (part.type) {
    case 'Literal':
      return isQuoted ? [quoted(part.value)] : textSymbols(part.text, false);
    case 'SingleQuoted':
      return [quoted(isQuoted ? part.text : part.value)];
    case 'AnsiCQuoted':
      return [quoted(part.value)];
    case 'DoubleQuoted':
    case 'LocaleString': {
      const inside = part.parts.flatMap((child) => partSymbols(child, true));
      return inside.length === 0 ? [quoted('')] : inside;
    }
    case 'SimpleExpansion': {
      const parameter = { parameter: part.text.slice(1), text: part.text };
      return [{ kind: 'parameter', parameter: parameter as Parameter, isQuoted }];
    }
    case 'ParameterExpansion':
      return [{ kind: 'parameter', parameter: part, isQuoted }];
    case 'CommandExpansion':
      return part.script ? [{ kind: 'command', script: part.script, isQuoted }] : [];
    case 'ArithmeticExpansion':
      return [{ kind: 'arithmetic', expression: part.expression, isQuoted }];
    case 'Glob':
    case 'BraceExpansion':
      return nestedSymbols(part.text, part.pos, part.parts, isQuoted);
    case 'ExtendedGlob':
    case 'ProcessSubstitution':
      return textSymbols(part.text, isQuoted); // refused by parse.ts before anything runs
  }
}

/** The characters of `text` with the parts inside it in their places. */
function nestedSymbols(
  text: string,
  pos: number,
  parts: readonly WordPart[] | undefined,
  isQuoted: boolean,
): WordSymbol<Piece>[] {
  const symbols: WordSymbol<Piece>[] = [];
  let at = pos;
  for (const part of parts ?? []) {
    symbols.push(
      ...textSymbols(text.slice(at - pos, part.pos - pos), isQuoted),
      ...partSymbols(part, isQuoted),
    );
    at = part.end;
  }
  symbols.push(...textSymbols(text.slice(at - pos), isQuoted));
  return symbols;
}

const quoted = (text: string): Piece => ({ kind: 'text', text, isQuoted: true });

/** Raw text: a backslash quotes one character and joins lines; between double quotes only what is special there. */
function textSymbols(text: string, isQuoted: boolean): WordSymbol<Piece>[] {
  const symbols: WordSymbol<Piece>[] = [];
  const pieces = isQuoted ? /\\([$`"\\\n])|(?:[^\\]|\\(?![$`"\\\n]))+/g : /\\([^])|[^\\]+|\\$/g;
  for (const [run, escaped] of text.matchAll(pieces)) {
    if (escaped === undefined) symbols.push(isQuoted ? quoted(run) : run);
    else if (escaped !== '\n') symbols.push(quoted(escaped));
  }
  return symbols;
}

/** Neighbouring characters become one piece of text. */
function merge(symbols: readonly WordSymbol<Piece>[]): Piece[] {
  const pieces: Piece[] = [];
  let run = '';
  const flush = () => {
    if (run !== '') pieces.push({ kind: 'text', text: run, isQuoted: false });
    run = '';
  };
  for (const symbol of symbols) {
    if (typeof symbol === 'string') {
      run += symbol;
      continue;
    }
    flush();
    const last = pieces.at(-1);
    if (symbol.kind === 'text' && last?.kind === 'text' && last.isQuoted && symbol.isQuoted)
      pieces[pieces.length - 1] = quoted(last.text + symbol.text);
    else pieces.push(symbol);
  }
  flush();
  return pieces;
}

/** Splits `~…` off the unquoted text at the beginning (in assignments also behind colons). */
function markTildes(pieces: readonly Piece[], mode: WordMode): Pieces {
  if (mode === 'quoted' || mode === 'pattern') return pieces;
  return pieces.flatMap((piece, index) => {
    if (piece.kind !== 'text' || piece.isQuoted || !piece.text.includes('~')) return [piece];
    const isLast = index === pieces.length - 1;
    const split = mode === 'assignment' ? piece.text.split(/(?<=:)/) : [piece.text];
    return split.flatMap((text, i): Piece[] => {
      const mayBegin = index === 0 || i > 0;
      const user = mayBegin ? /^~([^/:]*)(?=\/|:|$)/.exec(text)?.[1] : undefined;
      const isCut =
        user !== undefined && user.length + 1 === text.length && !(isLast && i === split.length - 1);
      if (user === undefined || isCut) return [{ kind: 'text', text, isQuoted: false }];
      const rest = text.slice(user.length + 1);
      const tilde: Piece = { kind: 'tilde', user };
      return rest === '' ? [tilde] : [tilde, { kind: 'text', text: rest, isQuoted: false }];
    });
  });
}
