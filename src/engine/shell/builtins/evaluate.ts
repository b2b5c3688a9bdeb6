import { FsError, strerror } from '../../base/errno.ts';
import { concatBytes, textOf } from '../../base/bytes.ts';
import type { SystemCalls } from '../../vfs/calls.ts';
import { O_RDONLY } from '../../vfs/constants.ts';
import type { Builtin, BuiltinCall } from './builtin.ts';
import type { InputStream, Running } from '../command.ts';
import type { Environment } from '../environment.ts';
import { Jump, ShellError } from '../errors.ts';
import { CALL_DEPTH_MAX, SCRIPT_LENGTH_MAX } from '../limits.ts';
import { complain } from '../messages.ts';

/** Text that becomes commands: `eval`, `.`, `sh`, and the builtins that choose what a word means. */

function* deeper(environment: Environment, run: () => Running): Running {
  if (environment.callDepth >= CALL_DEPTH_MAX)
    throw new ShellError(`scripts inside one another are nested too deeply (${CALL_DEPTH_MAX})`);
  environment.callDepth++;
  try {
    return yield* environment.calls.call(run());
  } finally {
    environment.callDepth--;
  }
}

export const evalBuiltin: Builtin = {
  name: 'eval',
  summary: 'run words as a command line',
  manual: `eval [word …]

Joins the words with spaces and runs the result as if it had been typed.`,
  isTransparent: true,
  *run({ environment, args }) {
    const text = args.join(' ');
    return text.trim() === ''
      ? 0
      : yield* deeper(environment, () => environment.shared.runText(environment, text));
  },
};

const sourceBuiltin = (name: string): Builtin => ({
  name,
  summary: 'run a file in this shell',
  manual: `${name} file [argument …]

Runs the commands of the file here, so that its variables and functions stay. Arguments are $1, $2 … meanwhile.`,
  isTransparent: true,
  *run(call) {
    const { environment, args } = call;
    const [path, ...positional] = args;
    if (path === undefined) {
      yield* call.stderr.write(`sh: ${name}: filename argument required\n`);
      return 2;
    }
    const text = yield* readScript(call, environment.system, path);
    return text === undefined ? 1 : yield* runSourced(environment, text, positional);
  },
});

function* runSourced(environment: Environment, text: string, positional: readonly string[]): Running {
  const before = environment.positional;
  if (positional.length > 0) environment.positional = positional;
  environment.sourceDepth++;
  try {
    return yield* deeper(environment, () => environment.shared.runText(environment, text));
  } catch (error) {
    if (error instanceof Jump && error.kind === 'return') return error.value;
    throw error;
  } finally {
    environment.sourceDepth--;
    if (positional.length > 0) environment.positional = before;
  }
}

export const dotBuiltin = sourceBuiltin('.');
export const sourceWordBuiltin = sourceBuiltin('source');

/** The text of a script; undefined when it could not be read, which is then said. */
function* readScript(call: BuiltinCall, system: SystemCalls, path: string): Running<string | undefined> {
  try {
    const descriptor = system.open(path, O_RDONLY);
    try {
      const { sizeBytes } = system.fstat(descriptor);
      if (sizeBytes > SCRIPT_LENGTH_MAX) {
        yield* complain(call.environment, `sh: ${path}: too long for a script (${sizeBytes} bytes)\n`);
        return undefined;
      }
      const parts: Uint8Array[] = [];
      for (;;) {
        const buffer = new Uint8Array(64 * 1024);
        const count = system.read(descriptor, buffer);
        if (count === 0) return textOf(concatBytes(parts));
        parts.push(buffer.subarray(0, count));
      }
    } finally {
      system.close(descriptor);
    }
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    yield* call.stderr.write(`sh: ${path}: ${strerror(error.code)}\n`);
    return undefined;
  }
}

const shellProgram = (name: string): Builtin => ({
  name,
  summary: 'a shell of its own: run a script',
  manual: `${name} [-eux] [-o option] file [argument …]
${name} [-eux] [-o option] -c line [name [argument …]]

Runs a script file, or a line, in a new shell that starts with the exported variables only. Without either, the
script is read from standard input.`,
  isProgram: true,
  *run(call) {
    const child = call.environment.fork();
    try {
      const exported = call.environment.variables.exported();
      child.variables.keepOnly(exported);
      child.functions.clear();
      child.aliases.clear();
      child.options.clear();
      child.loopDepth = child.sourceDepth = child.conditionDepth = 0;
      child.functionNames = [];
      const text = yield* prepare(call, child);
      if (typeof text === 'number') return text;
      return yield* deeper(child, () => runIsolated(child, text));
    } finally {
      child.dispose();
    }
  },
});

export const shBuiltin = shellProgram('sh');
export const bashBuiltin = shellProgram('bash');
export const zshBuiltin = shellProgram('zsh');

function* runIsolated(child: Environment, text: string): Running {
  try {
    return yield* child.shared.runText(child, text);
  } catch (error) {
    if (error instanceof Jump) return error.kind === 'exit' ? error.value : 0;
    if (!(error instanceof ShellError)) throw error;
    yield* complain(child, `${child.scriptName}: ${error.message}\n`);
    return error.status;
  }
}

/** Reads options and arguments; the script's text, or the exit code when there is none. */
function* prepare(call: BuiltinCall, child: Environment): Running<string | number> {
  const args = [...call.args];
  let isLine = false;
  while (/^[-+]./.test(args[0] ?? '')) {
    const word = args.shift() ?? '';
    if (word === '--') break;
    for (const letter of word.slice(1)) {
      if (letter === 'c') isLine = true;
      else if (letter === 'o')
        yield* setOption(child, [word.startsWith('-') ? '-o' : '+o', args.shift() ?? '']);
      else yield* setOption(child, [word.charAt(0) + letter]);
    }
  }
  const [first, ...rest] = args;
  if (first === undefined) {
    if (!isLine) return yield* readAll(call.stdin, call);
    yield* call.stderr.write(`${call.name}: -c: option requires an argument\n`);
    return 2;
  }
  child.scriptName = isLine ? (rest[0] ?? call.name) : first;
  child.positional = isLine ? rest.slice(1) : rest;
  return isLine ? first : ((yield* readScript(call, child.system, first)) ?? 127);
}

function* setOption(child: Environment, args: readonly string[]): Running<void> {
  yield* child.shared.runText(child, `set ${args.map((arg) => `'${arg.replaceAll("'", '')}'`).join(' ')}`);
}

function* readAll(stdin: InputStream, call: BuiltinCall): Running<string | number> {
  if (stdin.isTerminal) {
    yield* call.stderr.write(`${call.name}: you are in a shell already; give it a script or -c LINE\n`);
    return 2;
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let piece = yield* stdin.read(); piece !== null; piece = yield* stdin.read()) {
    parts.push(piece);
    length += piece.length;
    if (length > SCRIPT_LENGTH_MAX) throw new ShellError('the script on standard input is too long');
    yield;
  }
  return textOf(concatBytes(parts));
}

export const execBuiltin: Builtin = {
  name: 'exec',
  summary: 'redirect the shell itself, or end it with a command',
  manual: `exec [command [argument …]] [redirections]

Without a command, the redirections stay in force for the shell: 'exec > log'. With one, the shell ends with it.`,
  *run(call) {
    if (call.args.length === 0) {
      call.redirections?.keep();
      return 0;
    }
    throw new Jump('exit', yield* call.runCommand(call.args));
  },
};

export const commandBuiltin: Builtin = {
  name: 'command',
  summary: 'run a command past functions, or say what a name is',
  manual: `command name [argument …]
command -v name …

Runs the command even when a function has its name. -v prints what a name stands for and fails when it is nothing.`,
  isTransparent: true,
  *run(call) {
    const { args } = call;
    if (args[0] === '-v' || args[0] === '-V')
      return yield* call.runCommand(['type', args[0], ...args.slice(1)]);
    const words = args[0] === '--' || args[0] === '-p' ? args.slice(1) : args;
    return words.length === 0 ? 0 : yield* call.runCommand(words);
  },
};
