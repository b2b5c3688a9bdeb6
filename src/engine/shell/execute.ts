import { FsError, strerror } from '../base/errno.ts';
import type { ProcessCalls } from '../vfs/calls.ts';
import { S_IFDIR, S_IFMT } from '../vfs/constants.ts';
import type { Builtin } from './builtins/builtin.ts';
import { BUILTINS, isPartOfShell } from './builtins/registry.ts';
import { BrokenPipe, type ExecuteOptions, type InputStream, type OutputStream } from './command.ts';
import type { Running } from './command.ts';
import type { Environment } from './environment.ts';
import { describeFailure } from './messages.ts';
import { Input, isOutputFailure, Output } from './streams.ts';
import { suggest } from './suggest.ts';

/** Programs of the machine: found by name, run with streams and an environment, and by one another. */
export interface Streams {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}

/** What a program inherits from whoever starts it. */
export interface Inheritance extends Streams {
  readonly variables: ReadonlyMap<string, string>;
  readonly system: ProcessCalls;
}

export function* executeWords(
  environment: Environment,
  words: readonly string[],
  inherited: Inheritance,
): Running {
  const [path = '', ...args] = words;
  const name = programName(path);
  const builtin = BUILTINS.get(name);
  if (builtin?.isProgram) return yield* executeShell(environment, builtin, [name, ...args], inherited);
  const command = environment.shared.commands.get(name);
  if (command) {
    return yield* settle(name, inherited, () => command.run(contextOf(environment, name, args, inherited)));
  }
  const { message, status } = refuse(environment, path);
  yield* unlessItFails(inherited.stderr.write(`${environment.scriptName}: ${message}\n`));
  return status;
}

function contextOf(environment: Environment, name: string, args: readonly string[], inherited: Inheritance) {
  const { shared } = environment;
  const { stdin, stdout, stderr, system, variables } = inherited;
  return {
    ...{ name, args, stdin, stdout, stderr, system },
    machine: shared.machine,
    environment: variables,
    columns: stdout.isTerminal ? shared.columns : 80,
    commands: shared.commands,
    history: shared.history,
    execute: (words: readonly string[], options: ExecuteOptions = {}) =>
      executeChild(environment, words, options, inherited),
  };
}

function* executeChild(
  environment: Environment,
  words: readonly string[],
  options: ExecuteOptions,
  parent: Inheritance,
): Running {
  // What the parent printed comes before what the child prints.
  yield* parent.stdout.flush();
  const streams = {
    stdin: options.stdin ?? parent.stdin,
    stdout: options.stdout ?? parent.stdout,
    stderr: options.stderr ?? parent.stderr,
    variables: options.environment ?? parent.variables,
  };
  if (!options.asRoot) return yield* executeWords(environment, words, { ...streams, system: parent.system });
  const system = parent.system.fork({ uid: 0, gid: 0 });
  try {
    return yield* executeWords(environment, words, { ...streams, system });
  } finally {
    system.exit();
  }
}

const PROGRAM_PATH = /^\/(?:usr\/)?s?bin\/([^/]+)$/;

/** `/bin/ls` is `ls`. */
export const programName = (path: string): string => PROGRAM_PATH.exec(path)?.[1] ?? path;

/** Why a name cannot be run: 127 when there is nothing, 126 when it is no program. */
function refuse(environment: Environment, path: string): { message: string; status: number } {
  if (!path.includes('/')) {
    const known = [
      ...environment.shared.commands.keys(),
      ...BUILTINS.keys(),
      ...environment.functions.keys(),
    ];
    const similar = suggest(path, known);
    const hint = similar === undefined ? '' : ` (did you mean '${similar}'?)`;
    return { message: `${path}: command not found${hint}`, status: 127 };
  }
  try {
    const isDirectory = (environment.system.stat(path).mode & S_IFMT) === S_IFDIR;
    const why = isDirectory ? 'is a directory' : `cannot be executed; a script runs with 'sh ${path}'`;
    return { message: `${path}: ${why}`, status: 126 };
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    return { message: `${path}: ${strerror(error.code)}`, status: 127 };
  }
}

/** `sh` started by a program (`sudo sh -c …`): a shell of its own on the program's streams. */
function* executeShell(
  environment: Environment,
  builtin: Builtin,
  words: readonly string[],
  inherited: Inheritance,
): Running {
  const [name = '', ...args] = words;
  const child = environment.fork(inherited.system.fork());
  try {
    const { stdin, stdout, stderr } = inherited;
    for (const [number, stream] of [stdin, stdout, stderr].entries())
      if (stream instanceof Input || stream instanceof Output)
        child.setDescriptor(number, stream.file.retain());
    child.variables.keepOnly(inherited.variables);
    const runCommand = (program: readonly string[]) => executeWords(child, program, inherited);
    const call = {
      environment: child,
      name,
      args,
      stdin,
      stdout,
      stderr,
      runCommand,
      redirections: undefined,
    };
    return yield* builtin.run(call);
  } finally {
    child.dispose();
  }
}

/**
 * Runs a command to its exit code: what gathered is written, an FsError that escaped is printed, a broken pipe ends
 * it without a word. A builtin shares the shell's process, so a broken pipe ends that.
 */
export function* settle(name: string, { stdout, stderr }: Streams, run: () => Running): Running {
  try {
    const status = yield* run();
    yield* stdout.flush();
    return status;
  } catch (error) {
    if (error instanceof BrokenPipe && !isPartOfShell(name)) return 141;
    if (!(error instanceof FsError)) throw error;
    if (!isOutputFailure(error)) yield* unlessItFails(stdout.flush());
    yield* unlessItFails(stderr.write(describeFailure(name, error)));
    return 1;
  }
}

/** The last words of a command: when they cannot be written either (2> on a full disk), they are lost. */
function* unlessItFails(writing: Running<void>): Running<void> {
  try {
    yield* writing;
  } catch (error) {
    if (!(error instanceof FsError) && !(error instanceof BrokenPipe)) throw error;
  }
}
