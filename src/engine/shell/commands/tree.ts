import { FsError } from '../../base/errno.ts';
import type { Running } from '../command.ts';
import { namesIn } from '../fts.ts';
import { compareNames, joinPath } from '../paths-text.ts';
import { isDirectory, isSymlink, typeMark } from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { humanize } from '../sizes-text.ts';
import { outcomeOf } from '../system-outcome.ts';
import { visibleName } from '../terminal-text.ts';

export const tree = program({
  name: 'tree',
  summary: 'draw directories as a tree',
  manual: `tree [-adFhs] [-L depth] [directory ...]

  -a  names that begin with a dot too    -d  directories only    -L  no deeper    -F  mark types
  -s  sizes in bytes    -h  sizes with units

Not part of macOS; as Homebrew's tree prints it.`,
  usage: 'usage: tree [-adFhs] [-L depth] [directory ...]',
  usageExitCode: 1,
  letters: 'adFhL:s',
  *main(call) {
    const depthText = call.valueOf('L');
    if (depthText !== undefined && !/^[1-9]\d*$/.test(depthText)) {
      return yield* call.fail('Invalid level, must be greater than 0.');
    }
    const drawing = new Drawing(call, Number(depthText ?? Infinity));
    const roots = call.operands.length > 0 ? call.operands : ['.'];
    for (const root of roots) yield* drawing.root(root);
    yield* drawing.report();
    return call.exitCode;
  },
});

class Drawing {
  readonly #call: Invocation;
  readonly #depthMax: number;
  #directories = 0;
  #files = 0;

  constructor(call: Invocation, depthMax: number) {
    this.#call = call;
    this.#depthMax = depthMax;
  }

  *root(path: string): Running<void> {
    const stat = outcomeOf(() => this.#call.system.stat(path));
    if (stat instanceof FsError || !isDirectory(stat.mode)) {
      yield* this.#call.printLine(`${path}  [error opening dir]`);
      this.#call.exitCode = 2;
      return;
    }
    yield* this.#call.printLine(path);
    yield* this.#inside(path, '', 1, [`${stat.device}:${stat.inode}`]);
  }

  *#inside(path: string, indent: string, depth: number, ancestors: readonly string[]): Running<void> {
    const { system } = this.#call;
    const names = (yield* namesIn(system, path))
      .filter((name) => this.#call.has('a') || !name.startsWith('.'))
      .sort(compareNames);
    const entries = names.flatMap((name) => {
      const stat = outcomeOf(() => system.lstat(joinPath(path, name)));
      return stat instanceof FsError || (this.#call.has('d') && !isDirectory(stat.mode))
        ? []
        : [{ name, stat }];
    });
    for (const [index, { name, stat }] of entries.entries()) {
      const isLast = index === entries.length - 1;
      const below = joinPath(path, name);
      const target = isSymlink(stat.mode) ? outcomeOf(() => system.readlink(below)) : '';
      const arrow = typeof target === 'string' && target !== '' ? ` -> ${visibleName(target)}` : '';
      const mark = this.#call.has('F') ? typeMark(stat.mode) : '';
      const line = `${this.#size(stat.sizeBytes)}${visibleName(name)}${mark}${arrow}`;
      const key = `${stat.device}:${stat.inode}`;
      const isCycle = isDirectory(stat.mode) && ancestors.includes(key);
      yield* this.#call.printLine(
        `${indent}${isLast ? '└── ' : '├── '}${line}${isCycle ? '  [recursive, not followed]' : ''}`,
      );
      if (!isDirectory(stat.mode)) {
        this.#files++;
        continue;
      }
      this.#directories++;
      if (isCycle || depth >= this.#depthMax) continue;
      const deeper = `${indent}${isLast ? '    ' : '│   '}`;
      try {
        yield* this.#inside(below, deeper, depth + 1, [...ancestors, key]);
      } catch (error) {
        if (!(error instanceof FsError)) throw error;
        yield* this.#call.printLine(`${deeper}[error opening dir]`);
        this.#call.exitCode = 2;
      }
    }
  }

  #size(bytes: number): string {
    if (this.#call.has('h'))
      return `[${humanize(bytes, { bufferSize: 5, divisor: 1024, hasByteMark: false }).padStart(4)}]  `;
    return this.#call.has('s') ? `[${String(bytes).padStart(11)}]  ` : '';
  }

  *report(): Running<void> {
    const directories = `${this.#directories} director${this.#directories === 1 ? 'y' : 'ies'}`;
    const files = this.#call.has('d') ? '' : `, ${this.#files} file${this.#files === 1 ? '' : 's'}`;
    yield* this.#call.print(`\n${directories}${files}\n`);
  }
}
