import { parse, type ArithmeticExpression } from 'unbash';
import type { Running } from './command.ts';
import type { Environment } from './environment.ts';
import { ShellError } from './errors.ts';
import { captureOutput, expandToText } from './expand.ts';
import { ARITHMETIC_DEPTH_MAX } from './limits.ts';
import { assignVariable, readParameter } from './specials.ts';
import { compileSingle } from './words.ts';

/**
 * `$(( ))`, `(( ))` and subscripts: bash's integer arithmetic, 64 bits with wrap-around. Variables hold expressions:
 * a name is evaluated until a number is found.
 */
export function* evaluate(
  environment: Environment,
  expression: ArithmeticExpression | undefined,
): Running<bigint> {
  return expression === undefined ? 0n : yield* evaluateNode(environment, expression, 0);
}

/** The value of an expression that is only text: a subscript, the value of a variable. */
export function evaluateText(environment: Environment, text: string): Running<bigint> {
  return evaluateNested(environment, text, 0);
}

type Node = ArithmeticExpression;
type Target = { readonly name: string; readonly index: number | undefined };

const wrap = (value: bigint): bigint => BigInt.asIntN(64, value);
const truth = (value: boolean): bigint => (value ? 1n : 0n);

function* evaluateNested(environment: Environment, text: string, depth: number): Running<bigint> {
  const trimmed = text.trim();
  if (trimmed === '') return 0n;
  const number = readNumber(trimmed);
  if (number !== undefined) return number;
  const script = parse(`((${trimmed}\n))`);
  const command = script.commands[0]?.command;
  if (script.errors?.length || script.commands.length !== 1 || command?.type !== 'ArithmeticCommand')
    throw new ShellError(`${trimmed.slice(0, 80)}: syntax error in expression`);
  return command.expression === undefined
    ? 0n
    : yield* evaluateNode(environment, command.expression, depth + 1);
}

function* evaluateNode(environment: Environment, node: Node, depth: number): Running<bigint> {
  if (depth > ARITHMETIC_DEPTH_MAX) throw new ShellError('expression recursion level exceeded');
  switch (node.type) {
    case 'ArithmeticGroup':
      return yield* evaluateNode(environment, node.expression, depth + 1);
    case 'ArithmeticTernary': {
      const test = yield* evaluateNode(environment, node.test, depth + 1);
      return yield* evaluateNode(environment, test !== 0n ? node.consequent : node.alternate, depth + 1);
    }
    case 'ArithmeticUnary':
      return yield* evaluateUnary(environment, node, depth);
    case 'ArithmeticBinary':
      return yield* evaluateBinary(environment, node, depth);
    case 'ArithmeticWord':
      return yield* evaluateWord(environment, node, depth);
    case 'ArithmeticCommandExpansion': {
      const text = node.script ? yield* captureOutput(environment, node.script) : '';
      return yield* evaluateNested(environment, text, depth);
    }
  }
}

function* evaluateWord(
  environment: Environment,
  node: Node & { type: 'ArithmeticWord' },
  depth: number,
): Running<bigint> {
  const text = yield* wordText(environment, node);
  const number = readNumber(text);
  if (number !== undefined) return number;
  const target = yield* readTarget(environment, text);
  if (!target) {
    // An expansion may bring any expression along: $((  $a + 1 )) with a='2 * 3'.
    if (text !== node.value) return yield* evaluateNested(environment, text, depth);
    throw new ShellError(`${text}: syntax error: operand expected`);
  }
  const value = readTargetText(environment, target);
  return value === undefined ? 0n : yield* evaluateNested(environment, value, depth + 1);
}

function* wordText(environment: Environment, node: Node & { type: 'ArithmeticWord' }): Running<string> {
  const parameter = /^\$(\w+|[@*#?$!-])$/.exec(node.value)?.[1];
  if (parameter !== undefined)
    return (readTargetText(environment, { name: parameter, index: undefined }) ?? '').trim();
  if (!node.parts) return node.value.trim();
  const word = { type: 'Word', text: node.value, value: node.value, pos: node.pos, end: node.end } as const;
  const pieces = compileSingle({ ...word, parts: node.parts }, 'plain');
  return (yield* expandToText(environment, pieces)).trim();
}

/** Decimal, 0x…, 0…, base#digits. */
function readNumber(text: string): bigint | undefined {
  if (!/^[0-9]/.test(text)) return undefined;
  if (/^(0[xX][0-9a-fA-F]+|[1-9][0-9]*|0)$/.test(text)) return wrap(BigInt(text));
  if (/^0[0-7]+$/.test(text)) return wrap(BigInt(`0o${text.slice(1)}`));
  const [, baseText, digits = ''] = /^([1-9][0-9]?)#([0-9a-zA-Z@_]+)$/.exec(text) ?? [];
  if (baseText === undefined) {
    if (/^0[0-9]+$/.test(text)) throw new ShellError(`${text}: value too great for base`);
    return undefined;
  }
  const base = Number(baseText);
  let value = 0n;
  for (const digit of digits) {
    const worth = digitValue(digit, base);
    if (base < 2 || base > 64 || worth >= base) throw new ShellError(`${text}: value too great for base`);
    value = wrap(value * BigInt(base) + BigInt(worth));
  }
  return value;
}

function digitValue(digit: string, base: number): number {
  const order = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@_';
  return order.indexOf(base <= 36 ? digit.toLowerCase() : digit);
}

// ── variables ───────────────────────────────────────────────────────────────────────────────────────────────────────

function* readTarget(environment: Environment, text: string): Running<Target | undefined> {
  const [, name, subscript] = /^([A-Za-z_][A-Za-z0-9_]*)(?:\[(.*)\])?$/s.exec(text) ?? [];
  if (name === undefined) return undefined;
  if (subscript === undefined) return { name, index: undefined };
  return { name, index: Number(yield* evaluateText(environment, subscript)) };
}

function readTargetText(environment: Environment, { name, index }: Target): string | undefined {
  if (index === undefined) {
    const value = readParameter(environment, name);
    if (value === undefined && environment.options.has('nounset'))
      throw new ShellError(`${name}: unbound variable`);
    return value;
  }
  return environment.variables.get(name)?.elements?.get(index);
}

function* assign(
  environment: Environment,
  node: Node,
  depth: number,
  change: (old: bigint) => Running<bigint>,
): Running<{ old: bigint; value: bigint }> {
  const text = node.type === 'ArithmeticWord' ? yield* wordText(environment, node) : '';
  const target = yield* readTarget(environment, text);
  if (!target) throw new ShellError('attempted assignment to non-variable');
  const before = readTargetText(environment, target);
  const old = before === undefined ? 0n : yield* evaluateNested(environment, before, depth + 1);
  const value = yield* change(old);
  if (target.index === undefined) assignVariable(environment, target.name, String(value));
  else environment.variables.setElement(target.name, target.index, String(value));
  return { old, value };
}

// ── operators ───────────────────────────────────────────────────────────────────────────────────────────────────────

function* evaluateUnary(
  environment: Environment,
  node: Node & { type: 'ArithmeticUnary' },
  depth: number,
): Running<bigint> {
  if (node.operator === '++' || node.operator === '--') {
    const step = node.operator === '++' ? 1n : -1n;
    const { old, value } = yield* assign(environment, node.operand, depth, function* (before) {
      return wrap(before + step);
    });
    return node.prefix ? value : old;
  }
  const operand = yield* evaluateNode(environment, node.operand, depth + 1);
  switch (node.operator) {
    case '-':
      return wrap(-operand);
    case '+':
      return operand;
    case '!':
      return truth(operand === 0n);
    case '~':
      return wrap(~operand);
    default:
      throw new ShellError(`${node.operator}: arithmetic operator not supported`);
  }
}

function* evaluateBinary(
  environment: Environment,
  node: Node & { type: 'ArithmeticBinary' },
  depth: number,
): Running<bigint> {
  const { operator } = node;
  if (operator === '=' || /^(?:[-+*/%&|^]|<<|>>)=$/.test(operator)) {
    const { value } = yield* assign(environment, node.left, depth, function* (old) {
      const right = yield* evaluateNode(environment, node.right, depth + 1);
      return operator === '=' ? right : calculate(operator.slice(0, -1), old, right);
    });
    return value;
  }
  const left = yield* evaluateNode(environment, node.left, depth + 1);
  if (operator === '&&' && left === 0n) return 0n;
  if (operator === '||' && left !== 0n) return 1n;
  const right = yield* evaluateNode(environment, node.right, depth + 1);
  return operator === '&&' || operator === '||' ? truth(right !== 0n) : calculate(operator, left, right);
}

function calculate(operator: string, left: bigint, right: bigint): bigint {
  switch (operator) {
    case '+':
      return wrap(left + right);
    case '-':
      return wrap(left - right);
    case '*':
      return wrap(left * right);
    case '/':
    case '%':
      if (right === 0n) throw new ShellError('division by 0');
      return wrap(operator === '/' ? left / right : left % right);
    case '**':
      return power(left, right);
    case '<<':
      return wrap(left << (right & 63n));
    case '>>':
      return left >> (right & 63n);
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    case '<':
      return truth(left < right);
    case '<=':
      return truth(left <= right);
    case '>':
      return truth(left > right);
    case '>=':
      return truth(left >= right);
    case '==':
      return truth(left === right);
    case '!=':
      return truth(left !== right);
    case ',':
      return right;
    default:
      throw new ShellError(`${operator}: arithmetic operator not supported`);
  }
}

/** By squaring, so that 2 ** 1000000000 is as quick as 2 ** 10. */
function power(base: bigint, exponent: bigint): bigint {
  if (exponent < 0n) throw new ShellError('exponent less than 0');
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = wrap(result * square);
    square = wrap(square * square);
  }
  return result;
}
