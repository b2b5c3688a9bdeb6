import { describe, expect, test } from 'vitest';
import {
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  OPEN_MAX,
} from '../../src/engine/vfs/constants.ts';
import { outcome, readFile, writeFile } from '../support/machine.ts';
import { Bench, FORMATS } from '../support/formats.ts';

/** Goal: open(2) and close(2) as on macOS, on every format. Method: each flag and each refusal once. */
describe.each(FORMATS)('open on $name', (format) => {
  test('makes a file with O_CREAT only', () => {
    const { user } = new Bench(format);
    expect(outcome(() => user.open('a', O_RDONLY))).toBe('ENOENT');
    expect(outcome(() => user.open('a', O_WRONLY))).toBe('ENOENT');
    const fd = user.open('a', O_WRONLY | O_CREAT);
    expect(user.fstat(fd).sizeBytes).toBe(0);
    user.close(fd);
    expect(outcome(() => user.stat('a'))).toBe('ok');
  });

  test('with O_EXCL refuses what exists, a link to nothing included', () => {
    const { user, facts } = new Bench(format);
    const create = (path: string) => outcome(() => user.close(user.open(path, O_RDWR | O_CREAT | O_EXCL)));
    expect(create('a')).toBe('ok');
    expect(create('a')).toBe('EEXIST');
    expect(create('A')).toBe(facts.isCaseSensitive ? 'ok' : 'EEXIST');
    if (!facts.hasSymlinks) return;
    user.symlink('nowhere', 'l');
    expect(create('l')).toBe('EEXIST');
  });

  test('through a link to nothing makes what it points to', () => {
    const { user, facts } = new Bench(format);
    if (!facts.hasSymlinks) return;
    user.mkdir('d');
    user.symlink('d/new', 'l');
    writeFile(user, 'l', 'through');
    expect(readFile(user, 'd/new')).toBe('through');
    expect(user.readlink('l')).toBe('d/new');
  });

  test('with O_TRUNC empties, without keeps', () => {
    const { user } = new Bench(format);
    writeFile(user, 'a', 'contents');
    user.close(user.open('a', O_WRONLY));
    expect(user.stat('a').sizeBytes).toBe(8);
    user.close(user.open('a', O_WRONLY | O_TRUNC));
    expect(user.stat('a').sizeBytes).toBe(0);
  });

  test('with O_APPEND writes at the end wherever the offset is', () => {
    const { user } = new Bench(format);
    writeFile(user, 'a', 'one');
    const fd = user.open('a', O_RDWR | O_APPEND);
    user.lseek(fd, 0, 0);
    user.write(fd, new Uint8Array([33]));
    expect(user.lseek(fd, 0, 1)).toBe(4);
    user.close(fd);
    expect(readFile(user, 'a')).toBe('one!');
  });

  test('of a directory is for reading only', () => {
    const { user } = new Bench(format);
    user.mkdir('d');
    writeFile(user, 'a');
    expect(outcome(() => user.close(user.open('d', O_RDONLY)))).toBe('ok');
    expect(outcome(() => user.close(user.open('d', O_RDONLY | O_DIRECTORY)))).toBe('ok');
    expect(outcome(() => user.open('d', O_WRONLY))).toBe('EISDIR');
    expect(outcome(() => user.open('d', O_RDWR))).toBe('EISDIR');
    expect(outcome(() => user.open('d', O_RDONLY | O_TRUNC))).toBe('EISDIR');
    expect(outcome(() => user.open('a', O_RDONLY | O_DIRECTORY))).toBe('ENOTDIR');
    expect(outcome(() => user.open('a/', O_RDONLY))).toBe('ENOTDIR');
    expect(outcome(() => user.open('new/', O_WRONLY | O_CREAT))).toBe('ENOENT');
    expect(outcome(() => user.open('new', O_CREAT | O_DIRECTORY))).toBe('EINVAL');
    expect(outcome(() => user.open('a/b', O_WRONLY | O_CREAT))).toBe('ENOTDIR');
    expect(outcome(() => user.open('no/b', O_WRONLY | O_CREAT))).toBe('ENOENT');
  });

  test('with O_NOFOLLOW refuses a link', () => {
    const { user, facts } = new Bench(format);
    if (!facts.hasSymlinks) return;
    writeFile(user, 'a');
    user.symlink('a', 'l');
    expect(outcome(() => user.open('l', O_RDONLY | O_NOFOLLOW))).toBe('ELOOP');
    expect(outcome(() => user.close(user.open('l', O_RDONLY)))).toBe('ok');
  });

  test('refuses an access mode that is none', () => {
    const { user } = new Bench(format);
    expect(outcome(() => user.open('a', 3 | O_CREAT))).toBe('EINVAL');
  });

  test('gives the lowest free descriptor and at most 256', () => {
    const { user } = new Bench(format);
    writeFile(user, 'a');
    const fds = Array.from({ length: OPEN_MAX }, () => user.open('a', O_RDONLY));
    expect(fds.at(-1)).toBe(OPEN_MAX - 1);
    expect(outcome(() => user.open('b', O_WRONLY | O_CREAT))).toBe('EMFILE');
    expect(outcome(() => user.stat('b'))).toBe('ENOENT');
    user.close(7);
    expect(user.open('a', O_RDONLY)).toBe(7);
    user.close(7);
    expect(outcome(() => user.close(7))).toBe('EBADF');
    expect(outcome(() => user.close(-1))).toBe('EBADF');
    expect(outcome(() => user.close(1.5))).toBe('EBADF');
  });

  test('asks permission, and root needs none', () => {
    const { user, root, facts } = new Bench(format);
    if (!facts.hasPermissions) return;
    user.close(user.open('a', O_WRONLY | O_CREAT, 0o200));
    expect(user.stat('a').mode & 0o777).toBe(0o200);
    expect(outcome(() => user.open('a', O_RDONLY))).toBe('EACCES');
    expect(outcome(() => root.close(root.open('a', O_RDONLY)))).toBe('ok');
    user.chmod('a', 0o400);
    expect(outcome(() => user.open('a', O_WRONLY))).toBe('EACCES');
    expect(outcome(() => user.open('a', O_RDONLY | O_TRUNC))).toBe('EACCES');
    user.mkdir('d', 0o500);
    expect(outcome(() => user.open('d/new', O_WRONLY | O_CREAT))).toBe('EACCES');
    user.chmod('d', 0o600);
    expect(outcome(() => user.open('d/new', O_RDONLY))).toBe('EACCES');
    expect(outcome(() => root.open('d/new', O_RDONLY))).toBe('ENOENT');
  });

  test('on a read-only volume reads', () => {
    const bench = new Bench(format);
    writeFile(bench.user, 'a', 'contents');
    bench.remount({ isReadOnly: true });
    const { user } = bench;
    expect(readFile(user, 'a')).toBe('contents');
    expect(outcome(() => user.open('a', O_WRONLY))).toBe('EROFS');
    expect(outcome(() => user.open('a', O_RDONLY | O_TRUNC))).toBe('EROFS');
    expect(outcome(() => user.open('b', O_WRONLY | O_CREAT))).toBe('EROFS');
    expect(outcome(() => user.close(user.open('a', O_RDONLY | O_CREAT)))).toBe('ok');
  });

  test('a file without a name lives until it is closed', () => {
    const bench = new Bench(format);
    const { user } = bench;
    const free = user.statfs('.').freeBlocks;
    writeFile(user, 'a', new Uint8Array(20_000).fill(7));
    const fd = user.open('a', O_RDWR);
    user.unlink('a');
    writeFile(user, 'a', 'another');
    const into = new Uint8Array(3);
    expect(user.pread(fd, into, 19_998)).toBe(2);
    expect(into).toEqual(new Uint8Array([7, 7, 0]));
    user.pwrite(fd, new Uint8Array([1]), 20_000);
    expect(user.fstat(fd).sizeBytes).toBe(20_001);
    user.close(fd);
    expect(readFile(user, 'a')).toBe('another');
    user.unlink('a');
    expect(user.statfs('.').freeBlocks).toBe(free);
    bench.remount();
    expect(bench.findings()).toEqual([]);
  });
});
