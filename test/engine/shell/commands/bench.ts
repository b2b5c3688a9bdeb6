import { expect } from 'vitest';
import { textOf, utf8 } from '../../../../src/engine/base/bytes.ts';
import type { Clock } from '../../../../src/engine/base/clock.ts';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { FsError, strerror } from '../../../../src/engine/base/errno.ts';
import type { Command, CommandContext, OutputStream, Running } from '../../../../src/engine/shell/command.ts';
import type { Machine } from '../../../../src/engine/shell/machine.ts';
import { Kernel } from '../../../../src/engine/vfs/kernel.ts';
import type { Process } from '../../../../src/engine/vfs/process.ts';
import type { MemoryLimits } from '../../../support/memory-volume.ts';
import { MemoryVolume } from '../../../support/memory-volume.ts';

/**
 * A machine small enough to test one command at a time: a kernel, volumes in memory, and the plainest streams. A line
 * is split at blanks, nothing more, so that a test says exactly which arguments the command gets.
 */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, in the order of a terminal. */
  readonly output: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly isTerminal?: boolean;
  readonly columns?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly asRoot?: boolean;
}

export class Bench {
  readonly clock: Clock = new SimulatedClock();
  readonly kernel = new Kernel({ clock: this.clock });
  readonly process: Process;
  readonly root: Process;
  machine: Machine = new Proxy({} as Machine, {
    get: (_target, name) => () => {
      throw new Error(`this bench has no machine.${String(name)}`);
    },
  });
  readonly volumes: MemoryVolume[] = [];
  readonly #commands: ReadonlyMap<string, Command>;

  constructor(commands: readonly Command[], volumes: readonly Partial<MemoryLimits>[] = [{}]) {
    this.#commands = new Map(commands.map((command) => [command.name, command]));
    for (const [index, limits] of volumes.entries()) {
      const volume = new MemoryVolume(this.clock, limits);
      this.volumes.push(volume);
      this.kernel.mount(volume, { from: `/dev/disk${index + 1}s1`, typeName: 'msdos' });
    }
    this.process = this.kernel.spawn();
    this.root = this.process.fork({ uid: 0, gid: 0 });
  }

  /** Words are separated by blanks; single quotes keep some together. */
  run(line: string | readonly string[], options: RunOptions = {}): Outcome {
    const words = typeof line === 'string' ? wordsOf(line) : line;
    const output: Uint8Array[] = [];
    const stdout = new Gathered(options.isTerminal ?? false, output);
    const stderr = new Gathered(options.isTerminal ?? false, output);
    const input = new TypedInput(options.stdin ?? '', options.isTerminal ?? false);
    const running = this.#execute(words, input, stdout, stderr, options);
    for (;;) {
      const step = running.next();
      if (!step.done) continue;
      return {
        exitCode: step.value,
        stdout: stdout.text,
        stderr: stderr.text,
        output: output.map(textOf).join(''),
      };
    }
  }

  /** As a running generator, to be stopped in the middle. */
  start(words: readonly string[], options: RunOptions = {}): Running {
    return this.#execute(
      words,
      new TypedInput('', false),
      new Gathered(false, []),
      new Gathered(false, []),
      options,
    );
  }

  *#execute(
    words: readonly string[],
    stdin: TypedInput,
    stdout: Gathered,
    stderr: Gathered,
    options: RunOptions,
  ): Running {
    const [name = '', ...args] = words;
    const command = this.#commands.get(name);
    if (!command) throw new Error(`no command ${name} on this bench`);
    const context: CommandContext = {
      args,
      name,
      stdin,
      stdout,
      stderr,
      system: options.asRoot ? this.root : this.process,
      machine: this.machine,
      environment: new Map(Object.entries(options.environment ?? {})),
      columns: options.columns ?? 80,
      commands: this.#commands,
      history: [],
      execute: (inner) => this.#execute(inner, stdin, stdout, stderr, options),
    };
    try {
      return yield* command.run(context);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      yield* stderr.write(`${name}: ${error.path}: ${strerror(error.code)}\n`);
      return 1;
    }
  }

  // ── what tests put there and look at ────────────────────────────────────────────────────────────────────────────

  write(path: string, contents: string | Uint8Array): void {
    const fd = this.process.open(path, 0x0602, 0o666);
    const data = typeof contents === 'string' ? utf8(contents) : contents;
    for (let at = 0; at < data.length;) at += this.process.write(fd, data.subarray(at));
    this.process.close(fd);
  }

  read(path: string): string {
    return textOf(this.bytes(path));
  }

  bytes(path: string): Uint8Array {
    const data = new Uint8Array(this.process.stat(path).sizeBytes);
    const fd = this.process.open(path, 0);
    let at = 0;
    while (at < data.length) at += this.process.read(fd, data.subarray(at));
    this.process.close(fd);
    return data;
  }

  exists(path: string): boolean {
    try {
      this.process.lstat(path);
      return true;
    } catch (error) {
      if (error instanceof FsError) return false;
      throw error;
    }
  }

  names(path: string): string[] {
    const fd = this.process.open(path, 0x100000);
    const names = this.process.getdirentries(fd, 1000).map(({ name }) => name);
    this.process.close(fd);
    return names.sort();
  }
}

const wordsOf = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

/**
 * Runs what stands behind `$ ` (`# ` as root), one line after another, and compares everything printed with what
 * stands below it. `[1]` is an exit code; without one it is 0. `%` marks a last line without its newline, as in zsh.
 */
export function expectTranscript(bench: Bench, transcript: string, options: RunOptions = {}): void {
  const wanted = transcript.replace(/^\n/, '').replace(/\n *$/, '');
  expect(replay(bench, wanted, options)).toBe(wanted);
}

/** The transcript with what was really printed. */
export function replay(bench: Bench, transcript: string, options: RunOptions = {}): string {
  const lines = transcript.split('\n').filter((line) => /^[$#] /.test(line));
  return lines
    .map((line) => {
      const asRoot = line.startsWith('# ');
      const { output, exitCode } = bench.run(line.slice(2), { ...options, asRoot });
      const ended = output === '' || output.endsWith('\n') ? output : `${output}%\n`;
      return `${line}\n${ended}${exitCode === 0 ? '' : `[${exitCode}]\n`}`;
    })
    .join('')
    .replace(/\n$/, '');
}

class Gathered implements OutputStream {
  readonly isTerminal: boolean;
  readonly #parts: Uint8Array[] = [];
  readonly #together: Uint8Array[];

  constructor(isTerminal: boolean, together: Uint8Array[]) {
    this.isTerminal = isTerminal;
    this.#together = together;
  }

  *write(data: Uint8Array | string): Running<void> {
    const bytes = typeof data === 'string' ? utf8(data) : data.slice();
    this.#parts.push(bytes);
    this.#together.push(bytes);
    yield;
  }

  *flush(): Running<void> {}

  get text(): string {
    return this.#parts.map(textOf).join('');
  }
}

class TypedInput {
  readonly isTerminal: boolean;
  #rest: Uint8Array;

  constructor(text: string, isTerminal: boolean) {
    this.#rest = utf8(text);
    this.isTerminal = isTerminal;
  }

  *read(countMax = 4096): Running<Uint8Array | null> {
    yield;
    if (this.#rest.length === 0) return null;
    const out = this.#rest.slice(0, countMax);
    this.#rest = this.#rest.subarray(out.length);
    return out;
  }

  *readLine(): Running<string | null> {
    yield;
    if (this.#rest.length === 0) return null;
    const end = this.#rest.indexOf(10);
    const line = this.#rest.subarray(0, end < 0 ? this.#rest.length : end);
    this.#rest = this.#rest.subarray(end < 0 ? this.#rest.length : end + 1);
    return textOf(line);
  }
}
