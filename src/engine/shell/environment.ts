import type { Function as FunctionNode, ParsedScript } from 'unbash';
import { SILENT, type Trace } from '../base/trace.ts';
import { FsError } from '../base/errno.ts';
import type { ProcessCalls } from '../vfs/calls.ts';
import type { Command, Running } from './command.ts';
import { CallStack } from './call-stack.ts';
import type { Machine } from './machine.ts';
import type { OpenFile } from './streams.ts';
import type { Terminal } from './terminal.ts';
import { Variables } from './variables.ts';

/**
 * All that one shell process knows: the interactive shell has one Environment, each subshell, pipeline stage and
 * `$( )` a fork of it that changes nothing outside itself and must be disposed of.
 */
export interface ShellFunction {
  readonly body: FunctionNode['body'];
  /** The text that positions in `body` count from. */
  readonly source: string;
  /** `name() { …; }` as it was written, for `type` and for saving. */
  readonly text: string;
}

/** `set -e`, `set -o pipefail` and their like; the letter is the option's short name, empty for none. */
export const OPTION_LETTERS = {
  errexit: 'e',
  nounset: 'u',
  xtrace: 'x',
  noglob: 'f',
  noclobber: 'C',
  pipefail: '',
} as const;
export type OptionName = keyof typeof OPTION_LETTERS;

/** What all shells of one machine share. */
export interface Shared {
  readonly machine: Machine;
  readonly terminal: Terminal;
  readonly commands: ReadonlyMap<string, Command>;
  readonly history: string[];
  readonly trace: Trace;
  columns: number;
  /** On the simulated clock, for `SECONDS`. */
  readonly startedAtSeconds: number;
  /** The interpreter, for `eval` and `source`: text in this environment. A syntax error is a ShellError. */
  readonly runText: (environment: Environment, text: string) => Running;
  /** The interpreter, for expansions that run commands: a script in a fork, to its end or `exit`. */
  readonly runSubshell: (child: Environment, script: ParsedScript) => Running;
}

export class Environment {
  readonly shared: Shared;
  readonly system: ProcessCalls;
  variables = new Variables();
  functions = new Map<string, ShellFunction>();
  aliases = new Map<string, string>();
  options = new Set<OptionName>();
  positional: readonly string[] = [];
  scriptName = 'sh';
  /** The text that positions in the running syntax tree count from. */
  source = '';
  lastStatus = 0;
  pipeStatus: readonly number[] = [0];
  /** Exit code of the last `$( )`, which is that of `x=$(false)`. */
  substitutionStatus = 0;
  /** State of $RANDOM: 1 … 2^31 − 2. */
  randomState = 1;
  descriptors = new Map<number, OpenFile>();
  /** Functions, `source`, `eval` and `sh` around the running command. */
  callDepth = 0;
  /** Of the functions around the running command, innermost last: `FUNCNAME`. */
  functionNames: readonly string[] = [];
  loopDepth = 0;
  sourceDepth = 0;
  /** Above 0 a failing command does not end the shell under `set -e`. */
  conditionDepth = 0;
  /** One of several running at once: opens no trace spans, they would not nest. */
  isStage = false;
  /** Pipelines around this one. */
  pipelineDepth = 0;
  /** Compound commands around the running one, within one call. */
  nesting = 0;
  /** What carries nested calls; a stage of a pipeline has its own. */
  calls = new CallStack();

  constructor(shared: Shared, system: ProcessCalls) {
    this.shared = shared;
    this.system = system;
  }

  /** `system`: the child's process when it is not simply a fork of this one's (`sudo`). */
  fork(system: ProcessCalls = this.system.fork()): Environment {
    const child = new Environment(this.shared, system);
    child.variables = this.variables.fork();
    child.functions = new Map(this.functions);
    child.aliases = new Map(this.aliases);
    child.options = new Set(this.options);
    child.positional = this.positional;
    child.scriptName = this.scriptName;
    child.source = this.source;
    child.lastStatus = this.lastStatus;
    child.pipeStatus = this.pipeStatus;
    child.randomState = this.randomState;
    for (const [number, file] of this.descriptors) child.descriptors.set(number, file.retain());
    child.callDepth = this.callDepth;
    child.functionNames = this.functionNames;
    child.sourceDepth = this.sourceDepth;
    child.conditionDepth = this.conditionDepth;
    child.isStage = this.isStage;
    child.pipelineDepth = this.pipelineDepth;
    child.calls = this.calls;
    return child;
  }

  dispose(): void {
    for (const file of this.descriptors.values()) file.release();
    this.descriptors.clear();
    this.system.exit();
  }

  get trace(): Trace {
    return this.isStage ? SILENT : this.shared.trace;
  }

  /** What descriptor `number` points at; EBADF when it is closed. */
  descriptor(number: number): OpenFile {
    const file = this.descriptors.get(number);
    if (!file) throw new FsError('EBADF', 'write', `${number}`);
    return file;
  }

  /** Let descriptor `number` point at `file`, whose one hold passes to the table; undefined closes it. */
  setDescriptor(number: number, file: OpenFile | undefined): void {
    this.descriptors.get(number)?.release();
    if (file) this.descriptors.set(number, file);
    else this.descriptors.delete(number);
  }
}
