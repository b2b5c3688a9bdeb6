import { describe, expect, test } from 'vitest';
import { O_RDONLY } from '../../src/engine/vfs/constants.ts';
import { outcome, readFile, writeFile } from '../support/machine.ts';
import { Bench, FORMATS } from '../support/formats.ts';

/** Goal: paths lead where they lead on macOS, on every format. Method: each kind of component, each limit. */
describe.each(FORMATS)('paths on $name', (format) => {
  test('relative, absolute, with dots and doubled slashes', () => {
    const { user } = new Bench(format);
    user.mkdir('d');
    user.mkdir('d/e');
    writeFile(user, 'd/a', 'x');
    for (const path of [
      'd/a',
      './d/a',
      'd//a',
      'd/e/../a',
      'd/./a',
      '/Volumes/TEST/d/a',
      '//Volumes//TEST/d/e/../../d/a',
    ]) {
      expect(readFile(user, path), path).toBe('x');
    }
    user.chdir('d/e');
    expect(readFile(user, '../a')).toBe('x');
    expect(user.getcwd()).toBe('/Volumes/TEST/d/e');
    user.chdir('../../..');
    expect(user.getcwd()).toBe('/Volumes');
    user.chdir('../../..');
    expect(user.getcwd()).toBe('/');
    expect(readFile(user, 'Volumes/TEST/d/a')).toBe('x');
  });

  test('an empty path is nothing, a NUL is refused, a file is no directory', () => {
    const { user } = new Bench(format);
    writeFile(user, 'a');
    expect(outcome(() => user.stat(''))).toBe('ENOENT');
    expect(outcome(() => user.stat('a\0'))).toBe('EINVAL');
    expect(outcome(() => user.stat('a/'))).toBe('ENOTDIR');
    expect(outcome(() => user.stat('a/.'))).toBe('ENOTDIR');
    expect(outcome(() => user.stat('a/..'))).toBe('ENOTDIR');
    expect(outcome(() => user.stat('a/b'))).toBe('ENOTDIR');
    expect(outcome(() => user.stat('no/../a'))).toBe('ENOENT');
    expect(outcome(() => user.chdir('a'))).toBe('ENOTDIR');
    expect(outcome(() => user.chdir('no'))).toBe('ENOENT');
  });

  test('names have at most 255 units, paths at most 1023 bytes', () => {
    const { user, facts } = new Bench(format);
    // Two bytes each, and nothing that a format would take apart.
    const longest = 'ß'.repeat(facts.nameBytesMax === undefined ? 255 : facts.nameBytesMax >> 1);
    writeFile(user, longest, 'x');
    expect(readFile(user, longest)).toBe('x');
    expect(outcome(() => user.stat('n'.repeat(256)))).toBe('ENAMETOOLONG');
    expect(outcome(() => user.stat(`${longest}xx/a`))).toBe('ENAMETOOLONG');
    expect(outcome(() => user.stat('./'.repeat(511)))).toBe('ok');
    expect(outcome(() => user.stat(`${'./'.repeat(511)}.`))).toBe('ok');
    expect(outcome(() => user.stat('./'.repeat(512)))).toBe('ENAMETOOLONG');
  });

  test('case and composition', () => {
    const { user, facts } = new Bench(format);
    writeFile(user, 'Grüße', 'x');
    expect(readFile(user, 'Gru\u0308ße')).toBe('x');
    expect(outcome(() => user.stat('GRÜßE'))).toBe(facts.isCaseSensitive ? 'ENOENT' : 'ok');
    if (facts.isCaseSensitive) return;
    expect(user.realpath('grÜße').normalize('NFC')).toBe('/Volumes/TEST/Grüße');
    user.mkdir('Sub');
    user.chdir('SUB');
    expect(user.getcwd()).toBe('/Volumes/TEST/Sub');
  });

  test('links are followed on the way, at the end as the call says', () => {
    const { user, facts } = new Bench(format);
    if (!facts.hasSymlinks) return;
    user.mkdir('d');
    user.mkdir('d/e');
    writeFile(user, 'd/a', 'x');
    user.symlink('d', 'l');
    user.symlink('/Volumes/TEST/d/e', 'absolute');
    user.symlink('../a', 'd/e/up');
    expect(readFile(user, 'l/a')).toBe('x');
    expect(readFile(user, 'absolute/../a')).toBe('x');
    expect(readFile(user, 'absolute/up')).toBe('x');
    expect(user.realpath('absolute/up')).toBe('/Volumes/TEST/d/a');
    expect(user.realpath('l/../l')).toBe('/Volumes/TEST/d');
    user.chdir('l');
    expect(user.getcwd()).toBe('/Volumes/TEST/d');
    user.chdir('..');
    expect(user.lstat('l/').inode).toBe(user.stat('d').inode);
    expect(outcome(() => user.unlink('l/'))).toBe('EPERM');
    expect(outcome(() => user.mkdir('l'))).toBe('EEXIST');
    user.rename('l', 'm');
    expect(user.readlink('m')).toBe('d');
    user.unlink('m');
    expect(readFile(user, 'd/a')).toBe('x');
  });

  test('links to nothing, to themselves and in circles', () => {
    const { user, facts } = new Bench(format);
    if (!facts.hasSymlinks) return;
    user.symlink('no', 'dangling');
    user.symlink('self', 'self');
    user.symlink('b', 'a');
    user.symlink('a', 'b');
    expect(outcome(() => user.stat('dangling'))).toBe('ENOENT');
    expect(outcome(() => user.lstat('dangling'))).toBe('ok');
    expect(outcome(() => user.stat('self'))).toBe('ELOOP');
    expect(outcome(() => user.open('a', O_RDONLY))).toBe('ELOOP');
    expect(outcome(() => user.stat('a/x'))).toBe('ELOOP');
    user.mkdir('end');
    user.symlink('end', 'l0');
    for (let i = 1; i <= 32; i++) user.symlink(`l${i - 1}`, `l${i}`);
    expect(outcome(() => user.stat('l31'))).toBe('ok');
    expect(outcome(() => user.stat('l32'))).toBe('ELOOP');
  });

  test('searching a directory needs permission', () => {
    const { user, root, facts } = new Bench(format);
    if (!facts.hasPermissions) return;
    user.mkdir('d');
    writeFile(user, 'd/a', 'x');
    user.chmod('d', 0o600);
    expect(outcome(() => user.stat('d/a'))).toBe('EACCES');
    expect(outcome(() => user.chdir('d'))).toBe('EACCES');
    expect(outcome(() => user.stat('d/..'))).toBe('EACCES');
    expect(readFile(root, 'd/a')).toBe('x');
  });
});
