import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fsckApfs } from '../support/checkers.ts';
import { commandLine } from './built.ts';

/** Goal: the volumes and snapshots of one container can be named on the command line, each with its own contents. */
const diskoscope = commandLine();

const pathsOf = (manifest: string): string[] =>
  manifest
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { path: string }).path);

test('volumes are made, written, read and listed by name; a snapshot shows the past', () => {
  const image = diskoscope.path('pool.img');
  const settings = ['-o', 'volumes=Work,Home:quota=8m:reserve=4m:case-sensitive'];
  expect(diskoscope(['newfs', '-t', 'apfs', '-s', '1g', ...settings, image]).exitCode).toBe(0);
  const host = diskoscope.path('host.txt');
  writeFileSync(host, 'of the host\n');
  const run = (...args: string[]) => {
    const outcome = diskoscope(args);
    expect([args, outcome.stderr, outcome.exitCode]).toEqual([args, '', 0]);
    return outcome.stdout;
  };
  run('sh', image, '--volume', 'Work', '-c', 'echo one > a; sudo scope snapshot create before; echo two > a');
  run('sh', image, '--volume', 'Home', '-c', 'echo small > b; echo large > B');
  run('put', image, host, '/put', '--volume', 'Home');

  expect(pathsOf(run('manifest', image, '--volume', 'Work'))).toContain('/a');
  const home = pathsOf(run('manifest', image, '--volume', 'Home'));
  expect(home).toEqual(expect.arrayContaining(['/B', '/b', '/put']));
  expect(home).not.toContain('/a');
  expect(run('get', image, '/a', '-', '--volume', 'Work')).toBe('two\n');
  expect(run('get', image, '/a', '-', '--volume', 'Work', '--snapshot', 'before')).toBe('one\n');
  expect(run('get', image, '/put', '-', '--volume', 'Home')).toBe('of the host\n');
  expect(fsckApfs(image)).toBe('');
});

test('a quota ends its volume, and names that nothing has are refused in a sentence', () => {
  const image = diskoscope.path('quota.img');
  const settings = ['-o', 'volumes=Work,Home:quota=8m'];
  diskoscope(['newfs', '-t', 'apfs', '-s', '1g', ...settings, image]);
  const full = diskoscope(['sh', image, '--volume', 'Home', '-c', 'mkfile 12m large']);
  expect(full.stderr).toContain('No space left on device');
  expect(diskoscope(['sh', image, '--volume', 'Work', '-c', 'mkfile 12m large']).exitCode).toBe(0);
  for (const [words, sentence] of [
    [['--volume', 'Nobody'], 'Nobody'],
    [['--volume', 'Work', '--snapshot', 'never'], 'there is no snapshot of this name'],
  ] as const) {
    const { exitCode, stderr } = diskoscope(['manifest', image, ...words]);
    expect([exitCode > 0, stderr]).toEqual([true, expect.stringContaining(sentence)]);
  }
  expect(fsckApfs(image)).toBe('');
});
