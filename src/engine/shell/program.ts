import type { ErrnoCode } from '../base/errno.ts';
import { FsError, strerror } from '../base/errno.ts';
import type { SystemCalls } from '../vfs/calls.ts';
import type { Command, CommandContext, Running } from './command.ts';
import type { Option, OptionGrammar } from './option-parser.ts';
import { parseOptions } from './option-parser.ts';

/**
 * What every BSD tool does in the same way: read options, answer wrong ones with usage, name itself before messages,
 * gather output so that a listing is a few large writes, and remember that something went wrong.
 */
export interface Program extends OptionGrammar {
  readonly name: string;
  readonly summary: string;
  readonly manual: string;
  /** Printed on stderr as it stands, without a final newline. */
  readonly usage: string;
  /** 64 (EX_USAGE) for the tools that say so, 1 for the others. */
  readonly usageExitCode: number;
  /** The words as getopt is to see them, for tools whose operands may look like options. */
  readonly prepare?: (args: readonly string[]) => readonly string[];
  main(call: Invocation): Running;
}

export function program(definition: Program): Command {
  return {
    name: definition.name,
    summary: definition.summary,
    manual: definition.manual,
    *run(context) {
      const parsed = parseOptions(definition.prepare?.(context.args) ?? context.args, definition);
      const call = new Invocation(context, definition, parsed.options, parsed.operands);
      if (parsed.problem !== null) {
        yield* call.warn(parsed.problem);
        return yield* call.showUsage();
      }
      let exitCode: number;
      try {
        exitCode = yield* definition.main(call);
      } catch (error) {
        yield* call.flush();
        throw error;
      }
      yield* call.flush();
      return exitCode;
    },
  };
}

/** Characters gathered before they go out in one write. */
const BUFFER_CHARACTERS = 8192;

/** One run of a program. */
export class Invocation {
  /** What the tool will exit with unless it fails harder: 0 until `warn` was called. */
  exitCode = 0;
  #pending = '';

  constructor(
    readonly context: CommandContext,
    readonly definition: Program,
    readonly options: readonly Option[],
    readonly operands: readonly string[],
  ) {}

  get system(): SystemCalls {
    return this.context.system;
  }

  has(letter: string): boolean {
    return this.options.some((option) => option.letter === letter);
  }

  /** The value of the last `-letter value`; undefined when it was not given. */
  valueOf(letter: string): string | undefined {
    return this.options.findLast((option) => option.letter === letter)?.value;
  }

  /** Of options that override each other, the one given last. */
  lastOf(letters: string): string | undefined {
    return this.options.findLast((option) => letters.includes(option.letter))?.letter;
  }

  *print(text: string): Running<void> {
    this.#pending += text;
    if (this.#pending.length >= BUFFER_CHARACTERS) yield* this.flush();
  }

  *printLine(text: string): Running<void> {
    yield* this.print(`${text}\n`);
  }

  /** Bytes as they are, never made printable. */
  *printBytes(data: Uint8Array): Running<void> {
    yield* this.flush();
    yield* this.context.stdout.write(data);
  }

  *flush(): Running<void> {
    const text = this.#pending;
    this.#pending = '';
    if (text !== '') yield* this.context.stdout.write(text);
  }

  /** Text for stderr without the tool's name: questions. What was printed before comes first. */
  *say(text: string): Running<void> {
    yield* this.flush();
    yield* this.context.stdout.flush();
    yield* this.context.stderr.write(text);
  }

  /** warnx(3): `name: message`. */
  *warn(message: string): Running<void> {
    this.exitCode = this.exitCode || 1;
    yield* this.say(`${this.context.name}: ${message}\n`);
  }

  /** warn(3): `name: subject: text of errno`. */
  *complain(subject: string, error: FsError | ErrnoCode): Running<void> {
    yield* this.warn(`${subject}: ${strerror(typeof error === 'string' ? error : error.code)}`);
  }

  /** errx(3): `return yield* call.fail('…')`. */
  *fail(message: string, exitCode = 1): Running {
    yield* this.warn(message);
    return exitCode;
  }

  /** fts(3) refuses to start when one of its roots has no name; true when it did, and has said so. */
  *refusesEmpty(paths: readonly string[]): Running<boolean> {
    if (!paths.includes('')) return false;
    yield* this.complain('fts_open', 'ENOENT');
    return true;
  }

  *showUsage(): Running {
    yield* this.say(`${this.definition.usage}\n`);
    return this.definition.usageExitCode;
  }

  /** A question on stderr, the first letter of a line on stdin; the end of input means no. */
  *asks(question: string): Running<boolean> {
    yield* this.say(question);
    const answer = yield* this.context.stdin.readLine();
    return answer !== null && /^[yY]/.test(answer);
  }
}

/** Run `call`; a failure is printed as `name: subject: text` and answered with undefined. */
export function* attempt<T>(invocation: Invocation, subject: string, call: () => T): Running<T | undefined> {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    yield* invocation.complain(subject, error);
    return undefined;
  }
}
