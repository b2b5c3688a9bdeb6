import type { Assignment, Command as CommandSyntax, Function as FunctionNode, Word } from 'unbash';
import { aliasWords } from './aliases.ts';
import { assignTo } from './assignments.ts';
import type { Builtin } from './builtins/builtin.ts';
import { BUILTINS, isPartOfShell } from './builtins/registry.ts';
import type { Running } from './command.ts';
import type { Environment, ShellFunction } from './environment.ts';
import { Jump, ShellError } from './errors.ts';
import { executeWords, settle, type Streams } from './execute.ts';
import { expandToText, expandWords } from './expand.ts';
import { CALL_DEPTH_MAX } from './limits.ts';
import { complain, complainOfRedirection, describeCommand } from './messages.ts';
import { quoteForShell } from './parameters.ts';
import { Redirections } from './redirect.ts';
import { BUILTIN_STDOUT_TITLE, CLOSED_FILE, Input, Output, STDOUT_TITLE } from './streams.ts';
import { compileSingle } from './words.ts';

/**
 * One simple command: its words expanded, its redirections made, its assignments set for as long as it runs, and then
 * a function, a builtin or a command of the machine, in this order.
 */
export type RunBody = (environment: Environment, body: FunctionNode['body']) => Running;

export function* runSimple(environment: Environment, node: CommandSyntax, runBody: RunBody): Running {
  environment.substitutionStatus = 0;
  const { words, arrays } = yield* commandWords(environment, node);
  const assignments = node.prefix.filter((item) => item.type === 'Assignment');
  const { trace } = environment;
  const isRecorded = trace.isRecording && words.length > 0;
  if (isRecorded) trace.open('command', describeCommand(environment.source.slice(node.pos, node.end)));
  const redirections = new Redirections(environment);
  let status = 1;
  try {
    yield* redirections.make(node.redirects);
    if (words.length === 0) {
      for (const assignment of assignments) yield* assignTo(environment, assignment);
      yield* showTrace(
        environment,
        assignments.map((assignment) => assignment.text),
      );
      status = environment.substitutionStatus;
    } else {
      yield* showTrace(environment, words);
      status = yield* runWith(environment, words, assignments, runBody, redirections);
      for (const array of arrays) yield* assignTo(environment, array);
    }
    redirections.undo();
  } catch (error) {
    yield* complainOfRedirection(environment, error);
    status = 1;
  } finally {
    redirections.undo();
    if (isRecorded) trace.close(`exit code ${status}`);
  }
  return status;
}

/** Name and arguments. Assignments among the arguments (`export a=1`) are not split; arrays are set afterwards. */
function* commandWords(
  environment: Environment,
  node: CommandSyntax,
): Running<{ words: string[]; arrays: Assignment[] }> {
  if (!node.name) return { words: [], arrays: [] };
  const words = yield* expandWords(environment, aliasWords(environment, node.name));
  const arrays: Assignment[] = [];
  let run: Word[] = [];
  for (const argument of node.args) {
    if (argument.type === 'Word') {
      run.push(argument);
      continue;
    }
    for (const word of yield* expandWords(environment, run)) words.push(word);
    run = [];
    if (argument.value.type === 'ArrayValue') {
      words.push(argument.name);
      arrays.push(argument);
    } else {
      const value = yield* expandToText(environment, compileSingle(argument.value, 'assignment'));
      words.push(`${argument.name}${argument.append ? '+' : ''}=${value}`);
    }
  }
  for (const word of yield* expandWords(environment, run)) words.push(word);
  return { words, arrays };
}

function* runWith(
  environment: Environment,
  words: readonly string[],
  assignments: readonly Assignment[],
  runBody: RunBody,
  redirections: Redirections,
): Running {
  if (assignments.length === 0) return yield* dispatch(environment, words, runBody, redirections);
  environment.variables.openScope();
  try {
    for (const assignment of assignments) {
      environment.variables.makeLocal(assignment.name, { keepsValue: true });
      yield* assignTo(environment, assignment);
      environment.variables.mark(assignment.name, { isExported: true });
    }
    return yield* dispatch(environment, words, runBody, redirections);
  } finally {
    environment.variables.closeScope();
  }
}

function* dispatch(
  environment: Environment,
  words: readonly string[],
  runBody: RunBody,
  redirections: Redirections,
): Running {
  const [name = '', ...args] = words;
  if (environment.functions.has(name)) return yield* callFunction(environment, name, args, runBody);
  return yield* runPastFunctions(environment, words, redirections);
}

function* runPastFunctions(
  environment: Environment,
  words: readonly string[],
  redirections: Redirections,
): Running {
  const builtin = BUILTINS.get(words[0] ?? '');
  if (builtin) return yield* runBuiltin(environment, builtin, words, redirections);
  return yield* runProgram(environment, words);
}

/** A command of the machine, by its name or by a path into the directories of programs. */
function* runProgram(environment: Environment, words: readonly string[]): Running {
  const streams = streamsOf(environment, words[0] ?? '');
  const variables = environment.variables.exported();
  return yield* executeWords(environment, words, { ...streams, variables, system: environment.system });
}

function* runBuiltin(
  environment: Environment,
  builtin: Builtin,
  words: readonly string[],
  redirections: Redirections,
): Running {
  const [name = '', ...args] = words;
  const streams = streamsOf(environment, name);
  const call = {
    environment,
    name,
    args,
    ...streams,
    redirections,
    runCommand: (command: readonly string[]) => runPastFunctions(environment, command, redirections),
  };
  try {
    return yield* settle(name, streams, () => builtin.run(call));
  } catch (error) {
    if (!(error instanceof ShellError) || builtin.isTransparent) throw error;
    yield* complain(environment, `${environment.scriptName}: ${name}: ${error.message}\n`);
    return error.status;
  }
}

function streamsOf(environment: Environment, name: string): Streams {
  const file = (number: number) => environment.descriptors.get(number) ?? CLOSED_FILE;
  return {
    stdin: new Input(file(0), environment.system),
    stdout: new Output(file(1), isPartOfShell(name) ? BUILTIN_STDOUT_TITLE : STDOUT_TITLE),
    stderr: new Output(file(2), 'stderr', false),
  };
}

function* callFunction(
  environment: Environment,
  name: string,
  args: readonly string[],
  runBody: RunBody,
): Running {
  const { body, source } = environment.functions.get(name) as ShellFunction;
  if (environment.callDepth >= CALL_DEPTH_MAX)
    throw new ShellError(`${name}: maximum function nesting level exceeded (${CALL_DEPTH_MAX})`);
  const before = {
    source: environment.source,
    positional: environment.positional,
    loopDepth: environment.loopDepth,
    functionNames: environment.functionNames,
    nesting: environment.nesting,
  };
  environment.source = source;
  environment.positional = args;
  environment.loopDepth = 0;
  environment.nesting = 0;
  environment.functionNames = [...before.functionNames, name];
  environment.callDepth++;
  environment.variables.openScope();
  try {
    return yield* environment.calls.call(runBody(environment, body));
  } catch (error) {
    if (error instanceof Jump && error.kind === 'return') return error.value;
    throw error;
  } finally {
    environment.variables.closeScope();
    environment.callDepth--;
    Object.assign(environment, before);
  }
}

/** `set -x`: each command on standard error before it runs. */
function* showTrace(environment: Environment, words: readonly string[]): Running<void> {
  if (!environment.options.has('xtrace') || words.length === 0) return;
  const shown = words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoteForShell(word)));
  yield* complain(environment, `+ ${shown.join(' ')}\n`);
}
