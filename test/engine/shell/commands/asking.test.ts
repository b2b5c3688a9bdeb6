import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench } from './bench.ts';

/** Goal: where a command asks, the answer counts, and the end of the input means no. */

const bench = () => {
  const made = new Bench(COMMANDS);
  made.write('a', 'aaa');
  made.write('b', 'b');
  return made;
};

describe('cp, mv and ln ask before they replace', () => {
  test.each([
    ['cp -i a b', 'y\n', 'overwrite b? (y/n [n]) ', 'aaa', 0],
    ['cp -i a b', 'n\n', 'overwrite b? (y/n [n]) not overwritten\n', 'b', 1],
    ['cp -i a b', '', 'overwrite b? (y/n [n]) not overwritten\n', 'b', 1],
    ['cp -fi a b', 'n\n', 'overwrite b? (y/n [n]) not overwritten\n', 'b', 1],
    ['cp -in a b', 'y\n', '', 'b', 1],
    ['mv -i a b', 'yes\n', 'overwrite b? (y/n [n]) ', 'aaa', 0],
    ['mv -i a b', 'no\n', 'overwrite b? (y/n [n]) not overwritten\n', 'b', 0],
    ['mv -if a b', '', '', 'aaa', 0],
    ['ln -i a b', 'y\n', 'replace b? ', 'aaa', 0],
    ['ln -i a b', 'n\n', 'replace b? not replaced\n', 'b', 1],
  ])('%s with %j', (line, stdin, output, contents, exitCode) => {
    const made = bench();
    const outcome = made.run(line, { stdin });
    expect([outcome.output, made.read('b'), outcome.exitCode]).toEqual([output, contents, exitCode]);
  });

  test('mv asks a person before it replaces what is not writable', () => {
    const made = bench();
    made.run('chmod 400 b');
    const question = 'override r--------  student/staff for b? (y/n [n]) ';
    const refused = made.run('mv a b', { stdin: 'n\n', isTerminal: true });
    expect(refused.output).toBe(`${question.replace('  ', ' ')}not overwritten\n`);
    expect(made.read('a')).toBe('aaa');
    expect(made.run('mv a b', { stdin: 'n\n' }).output).toBe('');
    expect(made.exists('a')).toBe(false);
  });
});

describe('rm asks', () => {
  test('-i: about each file, and a directory twice', () => {
    const made = bench();
    made.run('mkdir d');
    made.run('touch d/x d/y');
    const outcome = made.run('rm -ri a d', { stdin: 'n\ny\ny\nn\ny\n' });
    expect(outcome.output).toBe(
      'remove a? examine files in directory d? remove d/x? remove d/y? remove d? rm: d: Directory not empty\n',
    );
    expect([made.exists('a'), made.names('d')]).toEqual([true, ['y']]);
  });

  test('-i: a directory that is not examined stays whole', () => {
    const made = bench();
    made.run('mkdir -p d/e');
    expect(made.run('rm -ri d', { stdin: 'n\n' }).output).toBe('examine files in directory d? ');
    expect(made.names('d')).toEqual(['e']);
  });

  test('-I: once, before a tree or more than three files', () => {
    const made = bench();
    made.run('mkdir d e');
    made.run('touch c f g');
    expect(made.run('rm -I a b', {}).output).toBe('');
    expect(made.run('rm -rI d', { stdin: 'n\n' })).toMatchObject({
      output: 'recursively remove d? ',
      exitCode: 1,
    });
    expect(made.run('rm -rI d e c', { stdin: '' }).output).toBe('recursively remove 2 dirs and 1 file? ');
    made.run('touch a b');
    expect(made.run('rm -I a b c f g', { stdin: 'y\n' }).output).toBe('remove 5 files? ');
    expect(made.names('.')).toEqual(['d', 'e']);
  });

  test('a person is asked about what is locked or not writable, a script is not', () => {
    const made = bench();
    made.run('chmod 444 a');
    made.run('chflags uchg b');
    const outcome = made.run('rm a b', { stdin: 'n\nn\n', isTerminal: true });
    expect(outcome.output).toBe(
      'override r--r--r-- student/staff for a? override rw-r--r-- student/staff uchg for b? ',
    );
    expect(made.run('rm a', {}).exitCode).toBe(0);
  });
});

test('find -ok asks for each', () => {
  const made = bench();
  const outcome = made.run(['find', '.', '-type', 'f', '-ok', 'ls', '{}', ';'], { stdin: 'n\ny\n' });
  expect(outcome.output).toBe('"ls ./a"? "ls ./b"? ./b\n');
});

test('an expression of find nested without end is refused', () => {
  const nots = Array<string>(5000).fill('!');
  const outcome = bench().run(['find', '.', ...nots, '-true']);
  expect(outcome).toMatchObject({ output: 'find: the expression is nested too deeply\n', exitCode: 1 });
});
