import type {
  AndOr,
  ArithmeticFor,
  Case,
  Command,
  CommandNode,
  CompoundList,
  For,
  Function as FunctionNode,
  If,
  ParsedScript,
  Pipeline,
  PipelineNode,
  Redirected,
  Statement,
  While,
} from 'unbash';
import { assert } from '../base/assert.ts';
import { FsError } from '../base/errno.ts';
import { BrokenPipe, type Running } from './command.ts';
import type { Environment } from './environment.ts';
import { evaluate } from './arithmetic.ts';
import { evaluateCondition } from './conditions.ts';
import { Jump, ShellError } from './errors.ts';
import { expandToPattern, expandToText, expandWords } from './expand.ts';
import { complain, complainOfRedirection, describeCommand, describeFailure } from './messages.ts';
import { compilePattern } from './pattern.ts';
import { runStages } from './pipeline.ts';
import { Redirections } from './redirect.ts';
import { runSimple } from './simple.ts';
import { assignVariable } from './specials.ts';
import { compileSingle } from './words.ts';

/** The syntax tree, executed: lists, pipelines and compound commands. Every loop yields on each round. */
export function* runScript(environment: Environment, script: ParsedScript): Running {
  return yield* runStatements(environment, script.commands);
}

/**
 * A shell process from beginning to end: jumps and errors that leave it become its exit code. Nothing but cancelling
 * and bugs passes through.
 */
export function* runProcess(environment: Environment, body: Running): Running {
  try {
    return yield* body;
  } catch (error) {
    if (error instanceof Jump) return error.kind === 'exit' || error.kind === 'return' ? error.value : 0;
    if (error instanceof BrokenPipe) return 141;
    if (error instanceof ShellError) {
      yield* complain(environment, `${environment.scriptName}: ${error.message}\n`);
      return error.status;
    }
    if (error instanceof FsError) {
      yield* complain(environment, describeFailure(environment.scriptName, error));
      return 1;
    }
    throw error;
  }
}

/** `$( )`: the script's positions may count from a text of its own. */
export function runSubshell(child: Environment, script: ParsedScript): Running {
  child.source = script.source ?? child.source;
  return runProcess(child, runScript(child, script));
}

function* runStatements(environment: Environment, statements: readonly Statement[]): Running {
  let status = 0;
  for (const statement of statements) {
    status = yield* runCommand(environment, statement.command);
    yield;
  }
  return status;
}

const runList = (environment: Environment, list: CompoundList): Running =>
  runStatements(environment, list.commands);

/** One pipeline or list of `&&` and `||`; sets `$?` and, under `set -e`, ends the shell when it failed. */
function* runCommand(environment: Environment, node: PipelineNode | AndOr): Running {
  const status =
    node.type === 'AndOr' ? yield* runAndOr(environment, node) : yield* runNode(environment, node);
  environment.lastStatus = status;
  if (node.type !== 'Pipeline' && node.type !== 'AndOr') environment.pipeStatus = [status];
  const mayExit = status !== 0 && environment.conditionDepth === 0 && environment.options.has('errexit');
  if (mayExit && isErrexitPoint(node)) throw new Jump('exit', status);
  return status;
}

function isErrexitPoint(node: PipelineNode | AndOr): boolean {
  if (node.type === 'Pipeline') return !node.prefixes.some((prefix) => prefix.type === 'Negation');
  return ['Command', 'Subshell', 'ArithmeticCommand', 'TestCommand', 'Redirected'].includes(node.type);
}

function* runAndOr(environment: Environment, { commands, operators }: AndOr): Running {
  let status = 0;
  for (const [index, command] of commands.entries()) {
    const operator = operators[index - 1];
    if (operator !== undefined && (operator === '&&') !== (status === 0)) continue;
    const isLast = index === commands.length - 1;
    status = isLast
      ? yield* runCommand(environment, command)
      : yield* runTest(environment, () => runCommand(environment, command));
  }
  return status;
}

/** What is only asked for its exit code never ends the shell under `set -e`. */
function* runTest(environment: Environment, run: () => Running): Running {
  environment.conditionDepth++;
  try {
    return yield* run();
  } finally {
    environment.conditionDepth--;
  }
}

function* runNode(environment: Environment, node: PipelineNode): Running {
  if (node.type === 'Command') return yield* runSimple(environment, node, runFunctionBody);
  // Compound commands inside one another use up the host's stack: now and then they get a new one.
  const needsStack = ++environment.nesting % NESTING_PER_STACK === 0;
  try {
    const running = runCompound(environment, node);
    return yield* needsStack ? environment.calls.call(running) : running;
  } finally {
    environment.nesting--;
  }
}

const NESTING_PER_STACK = 16;

function* runCompound(environment: Environment, node: Exclude<PipelineNode, Command>): Running {
  switch (node.type) {
    case 'Pipeline':
      return yield* runPipeline(environment, node);
    case 'Redirected':
      return yield* runRedirected(environment, node);
    case 'Subshell':
      return yield* runForked(environment, node.body);
    case 'BraceGroup':
      return yield* runList(environment, node.body);
    case 'If':
      return yield* runIf(environment, node);
    case 'For':
      return yield* runFor(environment, node);
    case 'ArithmeticFor':
      return yield* runArithmeticFor(environment, node);
    case 'While':
      return yield* runWhile(environment, node);
    case 'Case':
      return yield* runCase(environment, node);
    case 'Function':
      return define(environment, node);
    case 'ArithmeticCommand':
      return (yield* evaluate(environment, node.expression)) === 0n ? 1 : 0;
    case 'TestCommand':
      return (yield* evaluateCondition(environment, node.expression)) ? 0 : 1;
    case 'Select':
    case 'Coproc':
      return assert(false, 'parse.ts refuses select and coproc') as never;
  }
}

const runFunctionBody = (environment: Environment, body: FunctionNode['body']): Running =>
  body.type === 'CompoundList' ? runList(environment, body) : runNode(environment, body);

function define(environment: Environment, node: FunctionNode): number {
  const text = environment.source.slice(node.pos, node.end);
  environment.functions.set(node.name.value, { body: node.body, source: environment.source, text });
  return 0;
}

// ── pipelines and forks ─────────────────────────────────────────────────────────────────────────────────────────────

function* runPipeline(environment: Environment, node: Pipeline): Running {
  const isNegated = node.prefixes.filter((prefix) => prefix.type === 'Negation').length % 2 === 1;
  const isTimed = node.prefixes.some((prefix) => prefix.type === 'Time');
  const start = environment.system.now();
  const run = () => runPipelineCommands(environment, node);
  const status = isNegated ? yield* runTest(environment, run) : yield* run();
  if (isTimed) {
    const now = environment.system.now();
    const nanoseconds = (now.seconds - start.seconds) * 1e9 + now.nanoseconds - start.nanoseconds;
    yield* complain(environment, timeReport(nanoseconds));
  }
  return isNegated ? (status === 0 ? 1 : 0) : status;
}

/** As bash prints it. The time is the machine's simulated one; computing costs nothing there. */
function timeReport(nanoseconds: number): string {
  const minutes = Math.floor(nanoseconds / 60e9);
  const seconds = ((nanoseconds - minutes * 60e9) / 1e9).toFixed(3);
  return `\nreal\t${minutes}m${seconds}s\nuser\t0m0.000s\nsys\t0m0.000s\n`;
}

function* runPipelineCommands(environment: Environment, pipeline: Pipeline): Running {
  const { commands, operators } = pipeline;
  const [only] = commands;
  if (only && commands.length === 1) {
    const status = yield* runNode(environment, only);
    environment.pipeStatus = [status];
    return status;
  }
  const statuses = yield* inSpan(environment, pipeline, () =>
    runStages(environment, commands, operators, runStage),
  );
  environment.pipeStatus = statuses;
  const failed = statuses.findLast((status) => status !== 0) ?? 0;
  return environment.options.has('pipefail') ? failed : (statuses.at(-1) ?? 0);
}

/** Stages take turns, so their own spans would not nest: one span stands for all of them. */
function* inSpan(
  environment: Environment,
  { pos, end }: Pipeline,
  run: () => Running<number[]>,
): Running<number[]> {
  const { trace } = environment;
  const { isRecording } = trace;
  if (isRecording) trace.open('command', describeCommand(environment.source.slice(pos, end)));
  let result = 'interrupted';
  try {
    const statuses = yield* run();
    result = `exit code ${statuses.join(', ')}`;
    return statuses;
  } finally {
    if (isRecording) trace.close(result);
  }
}

const runStage = (child: Environment, command: CommandNode): Running =>
  runProcess(child, runCommand(child, command));

function* runForked(environment: Environment, body: CompoundList): Running {
  const child = environment.fork();
  try {
    return yield* environment.calls.call(runProcess(child, runList(child, body)));
  } finally {
    child.dispose();
  }
}

function* runRedirected(environment: Environment, node: Redirected): Running {
  const redirections = new Redirections(environment);
  try {
    yield* redirections.make(node.redirects);
    const status = yield* runNode(environment, node.command);
    redirections.undo();
    return status;
  } catch (error) {
    yield* complainOfRedirection(environment, error);
    return 1;
  } finally {
    redirections.undo();
  }
}

// ── compound commands ───────────────────────────────────────────────────────────────────────────────────────────────

function* runIf(environment: Environment, node: If): Running {
  for (const branch of [node, ...node.elif])
    if ((yield* runTest(environment, () => runList(environment, branch.clause))) === 0)
      return yield* runList(environment, branch.then);
  return node.else ? yield* runList(environment, node.else) : 0;
}

/** One round of a loop's body; `isOver` when `break` (or a jump of an outer loop) ended the loop. */
function* runRound(
  environment: Environment,
  body: CompoundList,
): Running<{ status: number; isOver: boolean }> {
  yield;
  try {
    return { status: yield* runList(environment, body), isOver: false };
  } catch (error) {
    if (!(error instanceof Jump) || (error.kind !== 'break' && error.kind !== 'continue')) throw error;
    if (error.value > 1 && environment.loopDepth > 1) throw new Jump(error.kind, error.value - 1);
    return { status: 0, isOver: error.kind === 'break' };
  }
}

function* inLoop(environment: Environment, run: () => Running): Running {
  environment.loopDepth++;
  try {
    return yield* run();
  } finally {
    environment.loopDepth--;
  }
}

function* runFor(environment: Environment, node: For): Running {
  const words = node.wordlist ? yield* expandWords(environment, node.wordlist) : environment.positional;
  return yield* inLoop(environment, function* () {
    let status = 0;
    for (const word of words) {
      assignVariable(environment, node.name.value, word);
      const round = yield* runRound(environment, node.body);
      status = round.status;
      if (round.isOver) break;
    }
    return status;
  });
}

function* runArithmeticFor(environment: Environment, node: ArithmeticFor): Running {
  yield* evaluate(environment, node.initialize);
  return yield* inLoop(environment, function* () {
    let status = 0;
    while (node.test === undefined || (yield* evaluate(environment, node.test)) !== 0n) {
      const round = yield* runRound(environment, node.body);
      status = round.status;
      if (round.isOver) break;
      yield* evaluate(environment, node.update);
    }
    return status;
  });
}

function* runWhile(environment: Environment, node: While): Running {
  return yield* inLoop(environment, function* () {
    let status = 0;
    for (;;) {
      const test = yield* runTest(environment, () => runList(environment, node.clause));
      if ((test === 0) !== (node.kind === 'while')) return status;
      const round = yield* runRound(environment, node.body);
      status = round.status;
      if (round.isOver) return status;
    }
  });
}

function* runCase(environment: Environment, node: Case): Running {
  const text = yield* expandToText(environment, compileSingle(node.word, 'plain'));
  let status = 0;
  let isFalling = false;
  for (const item of node.items) {
    let isMatch = isFalling;
    for (const word of item.pattern) {
      if (isMatch) break;
      const pattern = yield* expandToPattern(environment, compileSingle(word, 'pattern'));
      isMatch = compilePattern(pattern).matches(text);
    }
    if (!isMatch) continue;
    status = yield* runList(environment, item.body);
    if (item.terminator !== ';&' && item.terminator !== ';;&') return status;
    isFalling = item.terminator === ';&';
  }
  return status;
}
