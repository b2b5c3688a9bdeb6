import { assert } from '../base/assert.ts';
import type { Prng } from '../base/prng.ts';
import { SILENT, type Trace } from '../base/trace.ts';
import { FsError } from '../base/errno.ts';
import type { ProcessCalls } from '../vfs/calls.ts';
import { CallStack } from './call-stack.ts';
import { currentDirectory } from './builtins/directory.ts';
import { BUILTINS } from './builtins/registry.ts';
import type { Command, Running } from './command.ts';
import { complete, type Completion } from './complete.ts';
import { Environment, type OptionName, type Shared, type ShellFunction } from './environment.ts';
import { Jump, ShellError } from './errors.ts';
import { COMMANDS } from './commands/registry.ts';
import type { Machine } from './machine.ts';
import { userName } from './permissions-text.ts';
import { isComplete, parseScript } from './parse.ts';
import { runProcess, runScript, runSubshell } from './run.ts';
import { Terminal, TerminalFile, type OutputSink } from './terminal.ts';
import { Variables, type SavedVariable } from './variables.ts';

/**
 * The shell of one machine: runs lines, remembers variables, functions and the directory between them, and gives its
 * state out as plain data for going back in time.
 *
 *     const running = shell.run('ls | wc -l');
 *     while (!running.next().done) { … }   // pump; output arrives through `onOutput`
 *     running.return(130);                 // Ctrl-C
 */
export interface ShellHost {
  readonly system: ProcessCalls;
  readonly machine: Machine;
  /** Seeds $RANDOM. */
  readonly random: Prng;
  /** Bytes for the terminal, in order. They belong to the receiver. */
  readonly onOutput: OutputSink;
  /** False when standard input and output are files of the host: no colours, columns or questions. */
  readonly isTerminal: boolean;
  readonly columns?: number;
  readonly trace?: Trace;
  /** Exported from the start; HOME, USER and their like have values anyway. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Of a shell that was saved: the lines it ran, and when it began. */
  readonly past?: ShellPast;
}

export interface ShellPast {
  readonly lines: readonly string[];
  readonly startedAtSeconds: number;
}

/** Everything a shell remembers between two lines, as plain data. */
export interface ShellState {
  readonly variables: readonly SavedVariable[];
  /** Name and source text. */
  readonly functions: readonly (readonly [string, string])[];
  readonly aliases: readonly (readonly [string, string])[];
  readonly options: readonly OptionName[];
  readonly positional: readonly string[];
  readonly lastStatus: number;
  readonly randomState: number;
  readonly directory: string;
  readonly umask: number;
}

export class Shell {
  readonly #terminal: Terminal;
  readonly #shared: Shared;
  #environment: Environment;
  #isRunning = false;
  /** The exit code given to `exit`; null while the shell lives. */
  exitCode: number | null = null;

  constructor(host: ShellHost) {
    this.#terminal = new Terminal(host.onOutput, host.isTerminal);
    this.#shared = {
      machine: host.machine,
      terminal: this.#terminal,
      commands: new Map([
        ...builtinsAsCommands,
        ...COMMANDS.map((command): [string, Command] => [command.name, command]),
      ]),
      history: [...(host.past?.lines ?? [])],
      trace: host.trace ?? SILENT,
      columns: host.columns ?? 80,
      startedAtSeconds: host.past?.startedAtSeconds ?? host.system.now().seconds,
      runText,
      runSubshell,
    };
    this.#environment = this.#makeEnvironment(host.system);
    this.#environment.randomState = 1 + host.random.below(2 ** 31 - 2);
    const directory = host.system.getcwd();
    const variables = { ...firstVariables(directory, userName(host.system.getuid())), ...host.environment };
    this.#environment.variables.keepOnly(new Map(Object.entries(variables)));
  }

  #makeEnvironment(system: ProcessCalls): Environment {
    const environment = new Environment(this.#shared, system);
    for (const number of [0, 1, 2])
      environment.setDescriptor(number, new TerminalFile(this.#terminal, number === 2 ? 'stderr' : 'stdout'));
    return environment;
  }

  /**
   * Runs a line, or a script of many. Returns the exit code; cancelled by `return()`, it leaves 130 in `$?`.
   * Failures of the user or the disk are printed; only bugs are thrown. `isRemembered` false: no line of the history, for
   * lines that are run again on the way to an earlier moment.
   */
  *run(text: string, { isRemembered = true } = {}): Running {
    assert(!this.#isRunning, 'one line runs at a time');
    const environment = this.#environment;
    this.#isRunning = true;
    environment.calls = new CallStack();
    if (isRemembered && text.trim() !== '') this.#shared.history.push(text.replace(/\n$/, ''));
    let status = CANCELLED;
    try {
      status = yield* environment.calls.run(runProcess(environment, this.#runLine(environment, text)));
    } finally {
      environment.lastStatus = status;
      this.#isRunning = false;
      this.#terminal.isWaiting = false;
    }
    return status;
  }

  *#runLine(environment: Environment, text: string): Running {
    try {
      return yield* runText(environment, text);
    } catch (error) {
      if (error instanceof Jump && error.kind === 'exit') this.exitCode = error.value;
      throw error;
    }
  }

  /** False while the text is only the beginning of a command: show the continuation prompt. */
  isComplete(text: string): boolean {
    return isComplete(text);
  }

  /** What Tab offers at the end of `text`. Runs to its end at once: it reads directories, no files. */
  complete(text: string): Completion {
    return complete(this.#environment, text);
  }

  /** Text typed while a command runs; null is Ctrl-D. */
  type(text: string | null): void {
    this.#terminal.type(text);
  }

  /** True while some command waits for `type`: the host may rest until then. */
  get isWaitingForInput(): boolean {
    return this.#terminal.isWaiting;
  }

  /** Takes back what was typed and read by nobody. */
  takeUnread(): string {
    return this.#terminal.takeUnread();
  }

  get directory(): string {
    return currentDirectory(this.#environment);
  }

  set columns(columns: number) {
    this.#shared.columns = columns;
  }

  /** Lines run so far, oldest first. */
  get history(): readonly string[] {
    return this.#shared.history;
  }

  /** Of a shell that runs lines of the past: what had been run by then. */
  set history(lines: readonly string[]) {
    this.#shared.history.splice(0, Infinity, ...lines);
  }

  get startedAtSeconds(): number {
    return this.#shared.startedAtSeconds;
  }

  state(): ShellState {
    const environment = this.#environment;
    const { system } = environment;
    const umask = system.umask(0);
    system.umask(umask);
    return {
      variables: environment.variables.save(),
      functions: [...environment.functions].map(([name, { text }]) => [name, text] as const),
      aliases: [...environment.aliases],
      options: [...environment.options],
      positional: environment.positional,
      lastStatus: environment.lastStatus,
      randomState: environment.randomState,
      directory: currentDirectory(environment),
      umask,
    };
  }

  /**
   * Back to a state that `state` gave, in a new process when the volumes were mounted anew. A directory that is not
   * there leaves the shell at `/`. Redirections made by `exec` are gone.
   */
  restore(state: ShellState, system: ProcessCalls = this.#environment.system): void {
    assert(!this.#isRunning, 'state changes between lines');
    const environment = this.#makeEnvironment(system);
    environment.variables = Variables.from(state.variables);
    environment.functions = new Map(state.functions.map(([name, text]) => [name, readFunction(text)]));
    environment.aliases = new Map(state.aliases);
    environment.options = new Set(state.options);
    environment.positional = state.positional;
    environment.lastStatus = state.lastStatus;
    environment.randomState = state.randomState;
    system.umask(state.umask);
    try {
      system.chdir(state.directory);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      system.chdir('/');
      environment.variables.set('PWD', '/');
    }
    this.exitCode = null;
    this.#environment = environment;
  }
}

/** The exit code of a line that Ctrl-C ended: 128 + SIGINT. */
const CANCELLED = 130;

function firstVariables(directory: string, user: string): Record<string, string> {
  return {
    HOME: directory,
    LOGNAME: user,
    PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
    PWD: directory,
    SHELL: '/bin/sh',
    TERM: 'xterm-256color',
    USER: user,
  };
}

function readFunction(text: string): ShellFunction {
  const { script } = parseScript(text);
  const command = script?.commands[0]?.command;
  assert(command?.type === 'Function', 'a saved function is the text of one');
  return { body: command.body, source: text, text };
}

function* runText(environment: Environment, text: string): Running {
  const parsed = parseScript(text);
  if (parsed.error !== undefined) throw new ShellError(parsed.error, 2);
  const before = environment.source;
  environment.source = text;
  try {
    return yield* runScript(environment, parsed.script);
  } finally {
    environment.source = before;
  }
}

/** Builtins as `help`, `man` and programs see them: run by `xargs` they would have no shell to change. */
const builtinsAsCommands = [...BUILTINS.values()].map(({ name, summary, manual }): [string, Command] => [
  name,
  {
    name,
    summary,
    manual,
    *run({ stderr }) {
      yield* stderr.write(`sh: ${name}: is a builtin of the shell; it cannot be run by a program\n`);
      return 1;
    },
  },
]);
