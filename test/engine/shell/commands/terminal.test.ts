import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench } from './bench.ts';

/** Goal: on a terminal ls makes columns and shows control characters without obeying them; a pipe gets names as they are. */

const bench = (...names: string[]) => {
  const made = new Bench(COMMANDS);
  for (const name of names) made.write(name, '');
  return made;
};

describe('columns', () => {
  const names = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'];

  test('as many as fit, filled with tabs, sorted downwards', () => {
    expect(bench(...names).run('ls', { isTerminal: true, columns: 24 }).output).toBe(
      'alpha\tdelta\tgamma\nbeta\tepsilon\tzeta\n',
    );
  });

  test('-x sorts across', () => {
    expect(bench(...names).run('ls -x', { isTerminal: true, columns: 24 }).output).toBe(
      'alpha\tbeta\tdelta\nepsilon\tgamma\tzeta\n',
    );
  });

  test('one column where two do not fit, and with -1 or into a pipe', () => {
    const single = 'alpha\nbeta\ndelta\nepsilon\ngamma\nzeta\n';
    expect(bench(...names).run('ls', { isTerminal: true, columns: 15 }).output).toBe(single);
    expect(bench(...names).run('ls -1', { isTerminal: true }).output).toBe(single);
    expect(bench(...names).run('ls').output).toBe(single);
    expect(bench(...names).run('ls -C').output).toBe('alpha\tbeta\tdelta\tepsilon\tgamma\tzeta\n');
  });

  test('a wide name widens every column', () => {
    expect(bench('a-name-of-sixteen', 'b', 'c').run('ls', { isTerminal: true, columns: 80 }).output).toBe(
      'a-name-of-sixteen\tb\t\t\tc\n',
    );
  });

  test('-m fills lines', () => {
    expect(bench(...names).run('ls -m', { isTerminal: true, columns: 20 }).output).toBe(
      'alpha, beta, \ndelta, epsilon, \ngamma, zeta\n',
    );
  });
});

test('names with control characters are shown with question marks on a terminal and raw in a pipe', () => {
  const made = bench('bell\u0007', 'esc\u001b[2J', 'line\nbreak');
  expect(made.run('ls', { isTerminal: true, columns: 8 }).output).toBe('bell?\nesc?[2J\nline?break\n');
  expect(made.run('ls -q').output).toBe('bell?\nesc?[2J\nline?break\n');
  expect(made.run('ls').output).toBe('bell\u0007\nesc\u001b[2J\nline\nbreak\n');
  expect(made.run('ls -b').output).toBe('bell\\a\nesc\\033[2J\nline\\nbreak\n');
  expect(made.run('ls -B').output).toBe('bell\\007\nesc\\033[2J\nline\\012break\n');
  expect(made.run('tree').output).toContain('line?break');
});
