import { describe, expect, test } from 'vitest';
import {
  O_CREAT,
  O_RDONLY,
  RENAME_EXCL,
  RENAME_SWAP,
  S_IFDIR,
  S_IFMT,
} from '../../src/engine/vfs/constants.ts';
import { namesOf, outcome, readFile, writeFile } from '../support/machine.ts';
import { Bench, FORMATS } from '../support/formats.ts';

/** Goal: names are made, moved and removed as on macOS, on every format. Method: each call, each refusal. */
describe.each(FORMATS)('mkdir on $name', (format) => {
  test('makes directories, empty and nested', () => {
    const bench = new Bench(format);
    bench.user.mkdir('d');
    bench.user.mkdir('d/e/');
    bench.remount();
    expect(bench.user.stat('d/e').mode & S_IFMT).toBe(S_IFDIR);
    expect(namesOf(bench.user, 'd')).toEqual(['e']);
    expect(namesOf(bench.user, 'd/e')).toEqual([]);
    expect(bench.findings()).toEqual([]);
  });

  test('refuses', () => {
    const { user, facts } = new Bench(format);
    user.mkdir('d');
    writeFile(user, 'a');
    const mkdir = (path: string) => outcome(() => user.mkdir(path));
    expect(mkdir('d')).toBe('EEXIST');
    expect(mkdir('a')).toBe('EEXIST');
    expect(mkdir('a/')).toBe('EEXIST');
    expect(mkdir('D')).toBe(facts.isCaseSensitive ? 'ok' : 'EEXIST');
    expect(mkdir('.')).toBe('EEXIST');
    expect(mkdir('d/..')).toBe('EEXIST');
    expect(mkdir('/')).toBe('EISDIR');
    expect(mkdir('no/d')).toBe('ENOENT');
    expect(mkdir('a/d')).toBe('ENOTDIR');
    expect(mkdir('')).toBe('ENOENT');
    expect(mkdir('n'.repeat(256))).toBe('ENAMETOOLONG');
    expect(mkdir('n'.repeat(255))).toBe('ok');
    expect(mkdir('a\0b')).toBe('EINVAL');
    expect(mkdir('/new')).toBe('EROFS');
  });

  test('follows the umask', () => {
    const { user, facts } = new Bench(format);
    if (!facts.hasPermissions) return;
    expect(user.umask(0o077)).toBe(0o022);
    user.mkdir('d');
    user.mkdir('e', 0o1777);
    expect(user.stat('d').mode & 0o7777).toBe(0o700);
    expect(user.stat('e').mode & 0o7777).toBe(0o1700);
  });
});

describe.each(FORMATS)('rmdir and unlink on $name', (format) => {
  test('remove what they are for', () => {
    const bench = new Bench(format);
    const { user } = bench;
    user.mkdir('d');
    writeFile(user, 'a', 'x');
    user.rmdir('d/');
    user.unlink('a');
    expect(namesOf(user, '.')).toEqual([]);
    bench.remount();
    expect(namesOf(bench.user, '.')).toEqual([]);
    expect(bench.findings()).toEqual([]);
  });

  test('refuse', () => {
    const { user } = new Bench(format);
    user.mkdir('d');
    user.mkdir('d/e');
    writeFile(user, 'a');
    expect(outcome(() => user.rmdir('d'))).toBe('ENOTEMPTY');
    expect(outcome(() => user.rmdir('a'))).toBe('ENOTDIR');
    expect(outcome(() => user.rmdir('no'))).toBe('ENOENT');
    expect(outcome(() => user.rmdir('d/.'))).toBe('EINVAL');
    expect(outcome(() => user.rmdir('d/e/..'))).toBe('ENOTEMPTY');
    expect(outcome(() => user.rmdir('/Volumes/TEST'))).toBe('EBUSY');
    expect(outcome(() => user.rmdir('/'))).toBe('EBUSY');
    expect(outcome(() => user.rmdir('/dev'))).toBe('EROFS');
    expect(outcome(() => user.unlink('d'))).toBe('EPERM');
    expect(outcome(() => user.unlink('.'))).toBe('EPERM');
    expect(outcome(() => user.unlink('a/'))).toBe('ENOTDIR');
    expect(outcome(() => user.unlink('no'))).toBe('ENOENT');
    expect(outcome(() => user.unlink('a/b'))).toBe('ENOTDIR');
    expect(outcome(() => user.unlink('/dev/null'))).toBe('EROFS');
  });

  test('a removed current directory is nowhere', () => {
    const { user } = new Bench(format);
    user.mkdir('d');
    user.chdir('d');
    user.rmdir('../d');
    expect(outcome(() => user.getcwd())).toBe('ENOENT');
    expect(outcome(() => user.stat('.'))).toBe('ENOENT');
    expect(outcome(() => user.mkdir('e'))).toBe('ENOENT');
    user.chdir('/Volumes/TEST');
    expect(namesOf(user, '.')).toEqual([]);
  });

  test('a removed open directory is empty', () => {
    const { user } = new Bench(format);
    user.mkdir('d');
    const fd = user.open('d', O_RDONLY);
    user.rmdir('d');
    writeFile(user, 'd', 'another');
    expect(user.getdirentries(fd, 10)).toEqual([]);
    user.close(fd);
  });

  test('ask permission of the directory, and the sticky bit', () => {
    const { user, root, facts } = new Bench(format);
    if (!facts.hasPermissions) return;
    user.mkdir('d');
    writeFile(user, 'd/a');
    user.chmod('d', 0o500);
    expect(outcome(() => user.unlink('d/a'))).toBe('EACCES');
    user.umask(0);
    root.mkdir('tmp');
    root.chmod('tmp', 0o1777);
    writeFile(root, 'tmp/roots');
    writeFile(user, 'tmp/users');
    expect(outcome(() => user.unlink('tmp/roots'))).toBe('EACCES');
    expect(outcome(() => user.rename('tmp/roots', 'tmp/x'))).toBe('EACCES');
    expect(outcome(() => user.rename('tmp/users', 'tmp/roots'))).toBe('EACCES');
    expect(outcome(() => user.unlink('tmp/users'))).toBe('ok');
  });
});

describe.each(FORMATS)('rename on $name', (format) => {
  test('moves files and directories, over files and empty directories', () => {
    const bench = new Bench(format);
    const { user } = bench;
    user.mkdir('d');
    user.mkdir('e');
    writeFile(user, 'd/a', 'a');
    writeFile(user, 'b', 'b');
    user.rename('d/a', 'c');
    user.rename('c', 'b');
    expect(readFile(user, 'b')).toBe('a');
    user.rename('b', 'd/a');
    user.rename('d', 'e');
    expect(namesOf(user, '.')).toEqual(['e']);
    expect(readFile(user, 'e/a')).toBe('a');
    user.mkdir('f');
    user.rename('e', 'f/deep');
    expect(user.realpath('f/deep/../deep/a')).toBe('/Volumes/TEST/f/deep/a');
    bench.remount();
    expect(readFile(bench.user, 'f/deep/a')).toBe('a');
    expect(bench.findings()).toEqual([]);
  });

  test('keeps inode and open descriptors', () => {
    const { user } = new Bench(format);
    writeFile(user, 'a', 'of a');
    writeFile(user, 'b', 'of b');
    const { inode } = user.stat('a');
    const a = user.open('a', O_RDONLY);
    const b = user.open('b', O_RDONLY);
    user.rename('a', 'b');
    expect(user.stat('b').inode).toBe(inode);
    const into = new Uint8Array(4);
    user.read(a, into);
    expect([...into]).toEqual([...'of a'].map((c) => c.charCodeAt(0)));
    user.read(b, into);
    expect([...into]).toEqual([...'of b'].map((c) => c.charCodeAt(0)));
    user.close(a);
    user.close(b);
  });

  test('onto itself changes nothing; only the case, on every format', () => {
    const bench = new Bench(format);
    const { user } = bench;
    writeFile(user, 'Readme', 'x');
    user.mkdir('Dir');
    user.rename('Readme', 'Readme');
    user.rename('Readme', 'README');
    user.rename('Dir', 'dir');
    bench.remount();
    expect(namesOf(bench.user, '.').sort()).toEqual(['README', 'dir']);
    expect(readFile(bench.user, 'README')).toBe('x');
    expect(bench.findings()).toEqual([]);
  });

  test('refuses', () => {
    const { user } = new Bench(format);
    user.mkdir('d');
    user.mkdir('d/e');
    user.mkdir('full');
    writeFile(user, 'full/x');
    writeFile(user, 'a');
    const rename = (from: string, to: string) => outcome(() => user.rename(from, to));
    expect(rename('no', 'x')).toBe('ENOENT');
    expect(rename('a', 'no/x')).toBe('ENOENT');
    expect(rename('a', 'd')).toBe('EISDIR');
    expect(rename('d', 'a')).toBe('ENOTDIR');
    expect(rename('a', 'a/b')).toBe('ENOTDIR');
    expect(rename('a/', 'x')).toBe('ENOTDIR');
    expect(rename('a', 'x/')).toBe('ENOENT');
    expect(rename('d', 'full')).toBe('ENOTEMPTY');
    expect(rename('d', 'd/e/f')).toBe('EINVAL');
    expect(rename('d', 'd/x')).toBe('EINVAL');
    expect(rename('d', 'd')).toBe('ok');
    expect(rename('.', 'x')).toBe('EINVAL');
    expect(rename('d/.', 'x')).toBe('EINVAL');
    expect(rename('d/..', 'x')).toBe('EINVAL');
    expect(rename('d', 'full/..')).toBe('EINVAL');
    expect(rename('/Volumes/TEST', '/Volumes/x')).toBe('EBUSY');
    expect(rename('a', '/Volumes/x')).toBe('EXDEV');
    expect(rename('/dev/null', 'x')).toBe('EXDEV');
    expect(rename('a', 'n'.repeat(256))).toBe('ENAMETOOLONG');
    expect(rename('', 'x')).toBe('ENOENT');
    expect(rename('a', '')).toBe('ENOENT');
    expect(namesOf(user, '.').sort()).toEqual(['a', 'd', 'full']);
  });

  test('takes current directories along', () => {
    const { user, root } = new Bench(format);
    user.mkdir('d');
    user.mkdir('d/e');
    user.mkdir('x');
    user.chdir('d/e');
    user.rename('/Volumes/TEST/d', '/Volumes/TEST/x/y');
    expect(user.getcwd()).toBe('/Volumes/TEST/x/y/e');
    writeFile(user, '../a', 'here');
    expect(readFile(root, 'x/y/a')).toBe('here');
  });

  test('with flags: EXCL and SWAP in the order of checks that macOS has', () => {
    const { user, facts } = new Bench(format);
    writeFile(user, 'a', 'of a');
    writeFile(user, 'b', 'of b');
    const renamex = (from: string, to: string, flags: number) => outcome(() => user.renamex(from, to, flags));
    expect(renamex('a', 'b', RENAME_SWAP | RENAME_EXCL)).toBe('EINVAL');
    expect(renamex('a', 'b', 0x40)).toBe('EINVAL');
    expect(renamex('a', 'no', RENAME_SWAP)).toBe('ENOENT');
    expect(renamex('a', 'b', RENAME_EXCL)).toBe('EEXIST');
    if (facts.hasSwapRename !== true) expect(renamex('a', 'b', RENAME_SWAP)).toBe('ENOTSUP');
    const exclusive = facts.hasExclusiveRename === true ? 'ok' : 'ENOTSUP';
    expect(renamex('a', 'a', RENAME_EXCL)).toBe(facts.isCaseSensitive ? 'EEXIST' : exclusive);
    expect(renamex('a', 'c', RENAME_EXCL)).toBe(exclusive);
    if (exclusive === 'ok') user.rename('c', 'a');
    expect(renamex('a', 'A', RENAME_EXCL)).toBe(exclusive);
    if (exclusive === 'ok') user.rename('A', 'a');
    expect(namesOf(user, '.').sort()).toEqual(['a', 'b']);
    expect(readFile(user, 'b')).toBe('of b');
    expect(renamex('a', 'c', 0)).toBe('ok');
  });
});

describe.each(FORMATS)('getdirentries on $name', (format) => {
  test('lists everything once, in pages, while entries go', () => {
    const { user } = new Bench(format);
    user.mkdir('d');
    const names = Array.from({ length: 100 }, (_, i) => `file number ${i}.txt`);
    for (const name of names) user.close(user.open(`d/${name}`, O_CREAT));
    const listed = namesOf(user, 'd');
    // In the order of the disk, whatever that is.
    expect([...listed].sort()).toEqual([...names].sort());
    const fd = user.open('d', O_RDONLY);
    const seen: string[] = [];
    for (;;) {
      const page = user.getdirentries(fd, 7);
      if (page.length === 0) break;
      expect(page.length).toBeLessThanOrEqual(7);
      for (const { name, type } of page) {
        expect(type).toBe('file');
        seen.push(name);
        user.unlink(`d/${name}`);
      }
    }
    expect(seen).toEqual(listed);
    expect(user.getdirentries(fd, 7)).toEqual([]);
    user.lseek(fd, 0, 0);
    expect(user.getdirentries(fd, 7)).toEqual([]);
    user.close(fd);
    user.rmdir('d');
  });

  test('says type and inode, and starts over when rewound', () => {
    const { user, facts } = new Bench(format);
    user.mkdir('d');
    writeFile(user, 'a');
    if (facts.hasSymlinks) user.symlink('a', 'l');
    const fd = user.open('.', O_RDONLY);
    const list = () => user.getdirentries(fd, 10).map(({ name, type, inode }) => ({ name, type, inode }));
    const first = list();
    expect(first.map(({ name, type }) => `${name}: ${type}`).sort()).toEqual([
      'a: file',
      'd: directory',
      ...(facts.hasSymlinks ? ['l: symlink'] : []),
    ]);
    for (const { name, inode } of first) expect(user.lstat(name).inode).toBe(inode);
    expect(list()).toEqual([]);
    user.lseek(fd, 0, 0);
    expect(list()).toEqual(first);
    expect(outcome(() => user.lseek(fd, 5, 0))).toBe('EINVAL');
    expect(outcome(() => user.getdirentries(fd, 0))).toBe('EINVAL');
    const file = user.open('a', O_RDONLY);
    expect(outcome(() => user.getdirentries(file, 1))).toBe('ENOTDIR');
  });
});
