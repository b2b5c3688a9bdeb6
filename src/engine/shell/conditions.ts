import type { TestExpression, Word } from 'unbash';
import { FsError } from '../base/errno.ts';
import type { Stat, SystemCalls } from '../vfs/calls.ts';
import {
  R_OK,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFIFO,
  S_IFREG,
  S_IFSOCK,
  W_OK,
  X_OK,
} from '../vfs/constants.ts';
import type { Running } from './command.ts';
import type { Environment } from './environment.ts';
import { evaluateText } from './arithmetic.ts';
import { ShellError } from './errors.ts';
import { expandToPattern, expandToText } from './expand.ts';
import { compilePattern } from './pattern.ts';
import { compileRegex } from './regex/regex.ts';
import { RegexError } from './regex/syntax.ts';
import { isOptionName } from './specials.ts';
import { compileSingle } from './words.ts';

/** `[[ ]]`, and the questions about files that `test` shares with it. */
export function* evaluateCondition(environment: Environment, node: TestExpression): Running<boolean> {
  switch (node.type) {
    case 'TestGroup':
      return yield* evaluateCondition(environment, node.expression);
    case 'TestNot': {
      const value = yield* evaluateCondition(environment, node.operand);
      return node.negations.length % 2 === 1 ? !value : value;
    }
    case 'TestLogical': {
      const isAnd = node.operator === '&&';
      for (const operand of node.operands)
        if ((yield* evaluateCondition(environment, operand)) !== isAnd) return !isAnd;
      return isAnd;
    }
    case 'TestUnary': {
      const text = yield* wordText(environment, node.operand);
      if (node.operator === '-v') return isSet(environment, text);
      if (node.operator === '-o') return isOptionName(text) && environment.options.has(text);
      if (node.operator === '-t') return environment.descriptors.get(Number(text))?.isTerminal ?? false;
      return testUnary(environment.system, node.operator, text);
    }
    case 'TestBinary':
      return yield* evaluateBinary(environment, node.operator, node.left, node.right);
  }
}

const wordText = (environment: Environment, word: Word): Running<string> =>
  expandToText(environment, compileSingle(word, 'plain'));

function isSet(environment: Environment, text: string): boolean {
  const [, name = '', index] = /^(\w+)(?:\[(\d+)\])?$/.exec(text) ?? [];
  if (index === undefined) return environment.variables.text(name) !== undefined;
  return environment.variables.elements(name).some(([at]) => at === Number(index));
}

function* evaluateBinary(
  environment: Environment,
  operator: string,
  leftWord: Word,
  rightWord: Word,
): Running<boolean> {
  const left = yield* wordText(environment, leftWord);
  if (operator === '=' || operator === '==' || operator === '!=') {
    const pattern = yield* expandToPattern(environment, compileSingle(rightWord, 'pattern'));
    return compilePattern(pattern).matches(left) === (operator !== '!=');
  }
  if (NUMERIC.has(operator)) {
    const right = yield* wordText(environment, rightWord);
    const [a, b] = [yield* evaluateText(environment, left), yield* evaluateText(environment, right)];
    return compareNumbers(operator, a, b);
  }
  if (operator === '=~') return yield* matchesRegex(environment, left, rightWord);
  return testBinary(environment.system, operator, left, yield* wordText(environment, rightWord));
}

/** `[[ text =~ expression ]]`: extended; what was quoted is plain. Leaves the match and its groups in BASH_REMATCH. */
function* matchesRegex(environment: Environment, left: string, word: Word): Running<boolean> {
  const quote = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const source = yield* expandToPattern(environment, compileSingle(word, 'pattern'), quote);
  try {
    const regex = compileRegex([source], { isExtended: true, ignoresCase: false });
    const match = yield* regex.find(left);
    const found = match ? [left.slice(match.start, match.end), ...match.groups] : [];
    environment.variables.setArray('BASH_REMATCH', new Map(found.entries()));
    return match !== null;
  } catch (error) {
    if (error instanceof RegexError) throw new ShellError(`${source}: ${error.message}`, 2);
    throw error;
  }
}

const NUMERIC = new Set(['-eq', '-ne', '-lt', '-le', '-gt', '-ge']);
export const isNumericOperator = (operator: string): boolean => NUMERIC.has(operator);

export function compareNumbers(operator: string, a: bigint, b: bigint): boolean {
  switch (operator) {
    case '-eq':
      return a === b;
    case '-ne':
      return a !== b;
    case '-lt':
      return a < b;
    case '-le':
      return a <= b;
    case '-gt':
      return a > b;
    default:
      return a >= b;
  }
}

const UNARY = new Set([...'abcdefghknoprstuvwxzGLNORS'].map((letter) => `-${letter}`));
export const isUnaryOperator = (text: string): boolean => UNARY.has(text);

const BINARY = new Set(['=', '==', '!=', '<', '>', '-nt', '-ot', '-ef', ...NUMERIC]);
export const isBinaryOperator = (text: string): boolean => BINARY.has(text);

/** A question about one text or file, without those that need the shell (`-v`, `-o`, `-t`). */
export function testUnary(system: SystemCalls, operator: string, text: string): boolean {
  switch (operator) {
    case '-n':
      return text !== '';
    case '-z':
      return text === '';
    case '-L':
    case '-h':
      return hasType(system, text, S_IFLNK);
    case '-e':
    case '-a':
      return statOf(system, text) !== undefined;
    case '-f':
      return hasType(system, text, S_IFREG);
    case '-d':
      return hasType(system, text, S_IFDIR);
    case '-b':
      return hasType(system, text, S_IFBLK);
    case '-c':
      return hasType(system, text, S_IFCHR);
    case '-s':
      return (statOf(system, text)?.sizeBytes ?? 0) > 0;
    case '-r':
      return isAllowed(system, text, R_OK);
    case '-w':
      return isAllowed(system, text, W_OK);
    case '-x':
      return isAllowed(system, text, X_OK);
    case '-u':
      return hasModeBit(system, text, 0o4000);
    case '-g':
      return hasModeBit(system, text, 0o2000);
    case '-k':
      return hasModeBit(system, text, 0o1000);
    case '-O':
      return statOf(system, text)?.uid === system.getuid();
    case '-G':
      return statOf(system, text)?.gid === system.getgid();
    case '-p':
      return hasType(system, text, S_IFIFO);
    case '-S':
      return hasType(system, text, S_IFSOCK);
    default:
      throw new ShellError(`${operator}: unary operator expected`, 2);
  }
}

export function testBinary(system: SystemCalls, operator: string, left: string, right: string): boolean {
  switch (operator) {
    case '=':
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '>':
      return left > right;
    case '-nt':
      return compareTimes(statOf(system, left), statOf(system, right)) > 0;
    case '-ot':
      return compareTimes(statOf(system, left), statOf(system, right)) < 0;
    case '-ef': {
      const [a, b] = [statOf(system, left), statOf(system, right)];
      return a !== undefined && b !== undefined && a.device === b.device && a.inode === b.inode;
    }
    default:
      throw new ShellError(`${operator}: binary operator expected`, 2);
  }
}

/** A file that is not there is older than any other. */
function compareTimes(a: Stat | undefined, b: Stat | undefined): number {
  if (!a || !b) return (a ? 1 : 0) - (b ? 1 : 0);
  const seconds = a.modifyTime.seconds - b.modifyTime.seconds;
  return seconds !== 0 ? seconds : a.modifyTime.nanoseconds - b.modifyTime.nanoseconds;
}

const answered = <T>(question: () => T): T | undefined => {
  try {
    return question();
  } catch (error) {
    if (error instanceof FsError) return undefined; // not there, or not to be seen: the answer is no
    throw error;
  }
};

const statOf = (system: SystemCalls, path: string): Stat | undefined => answered(() => system.stat(path));

function hasType(system: SystemCalls, path: string, type: number): boolean {
  const stat = type === S_IFLNK ? answered(() => system.lstat(path)) : statOf(system, path);
  return stat !== undefined && (stat.mode & S_IFMT) === type;
}

const hasModeBit = (system: SystemCalls, path: string, bit: number): boolean =>
  ((statOf(system, path)?.mode ?? 0) & bit) !== 0;

const isAllowed = (system: SystemCalls, path: string, mode: number): boolean =>
  answered(() => {
    system.access(path, mode);
    return true;
  }) ?? false;
