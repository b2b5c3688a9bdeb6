import { describe, expect, test } from 'vitest';
import * as C from '../../src/engine/vfs/constants.ts';
import type { Process } from '../../src/engine/vfs/process.ts';
import { Bench, FORMATS } from '../support/formats.ts';
import { namesOf, outcome, readBytes, readFile, writeFile } from '../support/machine.ts';
import { MemoryVolume } from '../support/memory-volume.ts';

/**
 * Goal: clones, swaps, holes, special files and snapshots through system calls, on every format that has them. Method:
 * what must be the same is compared, what must differ is changed, then a remount and the checkers.
 */
const finish = (bench: Bench) => {
  bench.unmount();
  expect(bench.findings()).toEqual([]);
  expect(bench.verdict()).toBe('');
};

const patch = (user: Process, path: string, offsetBytes: number, text: string) => {
  const fd = user.open(path, C.O_WRONLY);
  user.pwrite(fd, new TextEncoder().encode(text), offsetBytes);
  user.close(fd);
};

const pattern = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff || 1);

describe.each(FORMATS.filter(({ facts }) => facts.hasClones))('clones on $name', (format) => {
  test('a clone is the file as it was, and goes its own way', () => {
    const bench = new Bench(format);
    const contents = pattern(50_000);
    writeFile(bench.user, 'a', contents);
    bench.user.setxattr('a', 'org.example.note', new Uint8Array([1, 2]));
    bench.user.chmod('a', 0o6754);
    bench.user.chflags('a', C.UF_HIDDEN);
    bench.user.clonefile('a', 'b', 0);
    bench.user.clonefile('b', 'c', 0);
    const { inode, mode, modifyTime } = bench.user.stat('a');
    expect(bench.user.stat('b')).toMatchObject({ flags: C.UF_HIDDEN, modifyTime, linkCount: 1 });
    expect(bench.user.stat('b').inode).not.toBe(inode);
    // Set-id bits do not come along.
    expect(mode & 0o7777).toBe(0o6754);
    expect(bench.user.stat('b').mode & 0o7777).toBe(0o754);
    expect(bench.user.getxattr('b', 'org.example.note')).toEqual(new Uint8Array([1, 2]));

    patch(bench.user, 'b', 10_000, 'of b');
    patch(bench.user, 'a', 20_000, 'of a');
    bench.user.truncate('c', 30_000);
    bench.remount();
    const of = (path: string) => readBytes(bench.user, path);
    const changed = (at: number, text: string) => {
      const copy = contents.slice();
      copy.set(new TextEncoder().encode(text), at);
      return copy;
    };
    expect(of('a')).toEqual(changed(20_000, 'of a'));
    expect(of('b')).toEqual(changed(10_000, 'of b'));
    expect(of('c')).toEqual(contents.subarray(0, 30_000));
    bench.user.unlink('a');
    expect(of('b')).toEqual(changed(10_000, 'of b'));
    finish(bench);
  });

  test('who owns it: the caller, or with root the owner of the source', () => {
    const { user, root } = new Bench(format);
    writeFile(user, 'a', 'x');
    root.clonefile('a', 'kept', 0);
    root.clonefile('a', 'own', C.CLONE_NOOWNERCOPY);
    root.chown('a', 42, 43);
    root.chmod('a', 0o644);
    user.clonefile('a', 'mine', C.CLONE_ACL);
    expect(user.stat('kept')).toMatchObject({ uid: 501, gid: 20 });
    expect(user.stat('own')).toMatchObject({ uid: 0, gid: 0 });
    expect(user.stat('mine')).toMatchObject({ uid: 501, gid: 20 });
  });

  test('links, directories, and what is refused on the way', () => {
    const bench = new Bench(format);
    const { user, root } = bench;
    const clone = (from: string, to: string, flags = 0) => outcome(() => user.clonefile(from, to, flags));
    user.mkdir('d');
    user.mkdir('d/e');
    writeFile(user, 'd/e/f', 'deep');
    writeFile(user, 'd/g', 'flat');
    user.symlink('d/g', 'l');
    user.symlink('d', 'way');
    user.symlink('nowhere', 'dangling');
    expect(clone('l', 'of target')).toBe('ok');
    expect(clone('l', 'of link', C.CLONE_NOFOLLOW)).toBe('ok');
    expect(user.lstat('of target').mode & C.S_IFMT).toBe(C.S_IFREG);
    expect(user.readlink('of link')).toBe('d/g');
    expect(clone('way/g', 'x', C.CLONE_NOFOLLOW_ANY)).toBe('ELOOP');
    expect(clone('l', 'x', C.CLONE_NOFOLLOW_ANY)).toBe('ELOOP');
    expect(clone('l', 'link', C.CLONE_NOFOLLOW | C.CLONE_NOFOLLOW_ANY)).toBe('ok');
    // The target is followed as open(O_CREAT) follows it.
    expect(clone('d/g', 'dangling', C.CLONE_NOFOLLOW)).toBe('EEXIST');
    expect(clone('d/g', 'dangling')).toBe('ok');
    expect(readFile(user, 'nowhere')).toBe('flat');
    expect(clone('d/g', 'x/')).toBe('ENOENT');
    expect(clone('d', 'd/e/again')).toBe('EINVAL');
    expect(clone('d', 'whole')).toBe('ok');
    writeFile(user, 'd/e/f', 'changed');
    expect(readFile(user, 'whole/e/f')).toBe('deep');
    expect(namesOf(user, 'whole').sort()).toEqual(['e', 'g']);
    root.chmod('d/g', 0o600);
    root.chown('d/g', 0, 0);
    expect(clone('d/g', 'x')).toBe('EACCES');
    user.chmod('d/e', 0o555);
    expect(clone('l', 'd/e/x')).toBe('EACCES');
    user.chmod('d/e', 0o755);
    bench.remount();
    expect(readFile(bench.user, 'whole/e/f')).toBe('deep');
    finish(bench);
  });

  test('by descriptor: for reading only, and relative to a directory', () => {
    const { user, root } = new Bench(format);
    user.mkdir('d');
    writeFile(user, 'd/a', 'x');
    const directory = user.open('d', C.O_RDONLY);
    const reader = user.open('d/a', C.O_RDONLY);
    const writer = user.open('d/a', C.O_WRONLY);
    const here = C.AT_FDCWD;
    expect(outcome(() => user.clonefileat(directory, 'a', here, 'b', 0))).toBe('ok');
    expect(outcome(() => user.clonefileat(here, 'b', directory, 'c', 0))).toBe('ok');
    expect(outcome(() => user.clonefileat(reader, 'a', here, 'x', 0))).toBe('ENOTDIR');
    expect(outcome(() => user.clonefileat(99, 'a', here, 'x', 0))).toBe('EBADF');
    expect(outcome(() => user.clonefileat(99, '/Volumes/TEST/b', here, 'e', 0))).toBe('ok');
    expect(outcome(() => user.fclonefileat(99, here, 'x', 0x100))).toBe('EINVAL');
    expect(outcome(() => user.fclonefileat(99, here, 'x', 0))).toBe('EBADF');
    expect(outcome(() => user.fclonefileat(writer, here, 'x', 0))).toBe('EBADF');
    expect(outcome(() => user.fclonefileat(reader, here, 'b', 0))).toBe('EEXIST');
    // The right to read was asked for when it was opened.
    root.chmod('d/a', 0);
    root.chown('d/a', 0, 0);
    expect(outcome(() => user.fclonefileat(reader, directory, 'f', 0))).toBe('ok');
    expect(namesOf(user, 'd').sort()).toEqual(['a', 'c', 'f']);
    expect(readFile(user, 'd/c')).toBe('x');
    expect(outcome(() => user.sharing('b'))).toBe('ok');
    expect(outcome(() => user.sharing('no'))).toBe('ENOENT');
  });

  test('not onto a volume that is only read', () => {
    const bench = new Bench(format);
    writeFile(bench.user, 'a', 'x');
    bench.remount({ isReadOnly: true });
    expect(outcome(() => bench.user.clonefile('a', 'b', 0))).toBe('EROFS');
  });
});

describe.each(FORMATS.filter(({ facts }) => facts.hasSwapRename))('RENAME_SWAP on $name', (format) => {
  test('swaps whatever there is, and those who stand in it go along', () => {
    const bench = new Bench(format);
    const { user } = bench;
    const swap = (from: string, to: string) => outcome(() => user.renamex(from, to, C.RENAME_SWAP));
    for (const name of ['d', 'd/inner', 'e']) user.mkdir(name);
    writeFile(user, 'a', 'of a');
    writeFile(user, 'd/b', 'of b');
    const inodes = ['a', 'd/b'].map((name) => user.stat(name).inode);
    expect(swap('a', 'd/b')).toBe('ok');
    expect(readFile(user, 'a')).toBe('of b');
    expect(['d/b', 'a'].map((name) => user.stat(name).inode)).toEqual(inodes);
    expect(swap('a', 'a')).toBe('ok');
    expect(swap('d', 'd/inner')).toBe('EINVAL');
    expect(swap('d/inner', 'd')).toBe('EINVAL');
    expect(swap('d', '.')).toBe('EINVAL');
    expect(swap('d', '/Volumes/TEST')).toBe('EBUSY');
    expect(outcome(() => user.renamex('a', 'no', C.RENAME_SWAP))).toBe('ENOENT');
    user.chdir('d/inner');
    expect(swap('../../a', '../../d')).toBe('ok');
    expect(user.getcwd()).toBe('/Volumes/TEST/a/inner');
    expect(swap('../../a', '../../e')).toBe('ok');
    expect(user.getcwd()).toBe('/Volumes/TEST/e/inner');
    user.chdir('/Volumes/TEST');
    expect(readFile(user, 'd')).toBe('of b');
    bench.remount();
    expect(readFile(bench.user, 'e/b')).toBe('of a');
    expect(namesOf(bench.user, '.').sort()).toEqual(['a', 'd', 'e']);
    finish(bench);
  });

  test('asks for the right to remove and to add on both sides', () => {
    const { user } = new Bench(format);
    user.mkdir('d');
    writeFile(user, 'a', 'x');
    writeFile(user, 'd/b', 'y');
    user.chmod('d', 0o555);
    expect(outcome(() => user.renamex('a', 'd/b', C.RENAME_SWAP))).toBe('EACCES');
    user.chmod('d', 0o755);
    user.chflags('a', C.UF_IMMUTABLE);
    expect(outcome(() => user.renamex('a', 'd/b', C.RENAME_SWAP))).toBe('EPERM');
    expect(outcome(() => user.renamex('d/b', 'a', C.RENAME_SWAP))).toBe('EPERM');
  });

  test('relative to descriptors', () => {
    const { user } = new Bench(format);
    user.mkdir('d');
    user.mkdir('d/e');
    user.mkdir('d/e/f');
    const at = user.open('d/e', C.O_RDONLY);
    user.chdir('d/e/f');
    user.renameatx(at, 'f', C.AT_FDCWD, '../../g', 0);
    expect(user.getcwd()).toBe('/Volumes/TEST/d/g');
    user.symlink('/Volumes/TEST/d', '/Volumes/TEST/l');
    const flags = C.RENAME_EXCL | C.RENAME_NOFOLLOW_ANY;
    expect(outcome(() => user.renameatx(at, '/Volumes/TEST/l/g', at, 'h', flags))).toBe('ELOOP');
    expect(outcome(() => user.renameatx(at, '../g', at, 'h', flags))).toBe('ok');
    expect(user.getcwd()).toBe('/Volumes/TEST/d/e/h');
  });
});

describe.each(FORMATS.filter(({ facts }) => facts.hasSparseFiles))('holes on $name', (format) => {
  test('punched ones read as zeros, and SEEK_HOLE and SEEK_DATA find them', () => {
    const bench = new Bench(format);
    const { user } = bench;
    const contents = pattern(10 * 4096 + 100);
    writeFile(user, 'a', contents);
    const fd = user.open('a', C.O_RDWR);
    const seek = (offset: number, whence: number) => {
      let found = -1;
      const result = outcome(() => (found = user.lseek(fd, offset, whence)));
      return result === 'ok' ? found : result;
    };
    expect(seek(0, C.SEEK_HOLE)).toBe(contents.length);
    const before = user.fstat(fd).blocks;
    user.punchHole(fd, 2 * 4096, 3 * 4096);
    contents.fill(0, 2 * 4096, 5 * 4096);
    expect(user.fstat(fd)).toMatchObject({ sizeBytes: contents.length, blocks: before - 3 * 8 });
    expect(seek(0, C.SEEK_HOLE)).toBe(2 * 4096);
    expect(seek(4 * 4096 + 1, C.SEEK_HOLE)).toBe(4 * 4096 + 1);
    expect(seek(100, C.SEEK_DATA)).toBe(100);
    expect(seek(3 * 4096, C.SEEK_DATA)).toBe(5 * 4096);
    expect(seek(5 * 4096, C.SEEK_HOLE)).toBe(contents.length);
    expect(seek(contents.length, C.SEEK_HOLE)).toBe('ENXIO');
    expect(seek(contents.length, C.SEEK_DATA)).toBe('ENXIO');
    user.ftruncate(fd, 100 * 4096);
    expect(seek(11 * 4096, C.SEEK_DATA)).toBe('ENXIO');
    expect(seek(10 * 4096, C.SEEK_DATA)).toBe(10 * 4096);
    // The offset stays where the last successful call left it.
    expect(user.lseek(fd, 0, C.SEEK_CUR)).toBe(10 * 4096);
    user.ftruncate(fd, contents.length);
    expect(outcome(() => user.punchHole(fd, 100, 4096))).toBe('EINVAL');
    expect(outcome(() => user.punchHole(fd, 0, 100))).toBe('EINVAL');
    expect(user.log2phys(fd, 2 * 4096, 10 * 4096)).toEqual({ deviceOffsetBytes: -1, lengthBytes: 3 * 4096 });
    const first = user.log2phys(fd, 0, 4096);
    expect(first.lengthBytes).toBe(4096);
    expect(user.log2phys(fd, 4096, 1)).toEqual({
      deviceOffsetBytes: first.deviceOffsetBytes + 4096,
      lengthBytes: 1,
    });
    expect(outcome(() => user.log2phys(fd, -1, 1))).toBe('EINVAL');
    user.close(fd);
    bench.remount();
    expect(readBytes(bench.user, 'a')).toEqual(contents);
    finish(bench);
  });
});

describe.each(FORMATS.filter(({ facts }) => facts.hasSpecialFiles))('special files on $name', (format) => {
  test('mkfifo and mknod, in the order of checks that macOS has', () => {
    const bench = new Bench(format);
    const { user, root } = bench;
    user.mkfifo('pipe', 0o640);
    expect(outcome(() => user.mkfifo('pipe'))).toBe('EEXIST');
    expect(outcome(() => user.mkfifo('no/pipe'))).toBe('ENOENT');
    expect(outcome(() => user.mkfifo('x/'))).toBe('ENOENT');
    expect(outcome(() => user.mknod('no/c', C.S_IFCHR | 0o600, 1))).toBe('EPERM');
    expect(outcome(() => root.mknod('pipe', C.S_IFCHR | 0o600, 1))).toBe('EEXIST');
    expect(outcome(() => root.mknod('x', C.S_IFREG | 0o600, 1))).toBe('EINVAL');
    expect(outcome(() => root.mknod('x', C.S_IFBLK | 0o600, -1))).toBe('EINVAL');
    root.mknod('c', C.S_IFCHR | 0o620, (16 << 24) | 3);
    root.mknod('b', C.S_IFBLK | 0o600, (1 << 24) | 258);
    bench.remount();
    const { mode, rawDevice, uid } = bench.user.stat('pipe');
    expect([mode, rawDevice, uid]).toEqual([C.S_IFIFO | 0o640, 0, 501]);
    expect(bench.user.stat('c')).toMatchObject({ mode: C.S_IFCHR | 0o600, rawDevice: (16 << 24) | 3 });
    expect(bench.user.stat('b')).toMatchObject({ mode: C.S_IFBLK | 0o600, rawDevice: (1 << 24) | 258 });
    expect(outcome(() => bench.user.open('pipe', C.O_RDONLY))).toBe('ENXIO');
    bench.root.unlink('c');
    finish(bench);
  });
});

describe.each(FORMATS.filter(({ facts }) => facts.hasSnapshots))('snapshots on $name', (format) => {
  const names = (process: Process) => process.fsSnapshotList('.').map(({ name }) => name);

  test('refusals in the order that macOS has', () => {
    const bench = new Bench(format);
    const { user, root, kernel } = bench;
    user.mkdir('d');
    const create = (process: Process, path: string, name: string) =>
      outcome(() => process.fsSnapshotCreate(path, name));
    expect(create(user, '.', 's')).toBe('EPERM');
    kernel.allowsUserSnapshots = true;
    // Who is allowed to ask still needs the disk.
    expect(create(user, '.', 's')).toBe('EPERM');
    expect(create(root, 'd', 's')).toBe('EINVAL');
    for (const name of ['', '.', '..', 'a/b', 'a\0b']) expect(create(root, '.', name)).toBe('EINVAL');
    expect(create(root, '.', 'x'.repeat(256))).toBe('ENAMETOOLONG');
    expect(create(root, '.', 's')).toBe('ok');
    expect(create(root, '.', 's')).toBe('EEXIST');
    expect(create(root, '/', 's')).toBe('ENOTSUP');
    expect(outcome(() => root.fsSnapshotDelete('.', 'no'))).toBe('ENOENT');
    expect(outcome(() => root.fsSnapshotRename('.', 'no', 't'))).toBe('ENOENT');
    expect(outcome(() => root.fsSnapshotRename('.', 's', 's'))).toBe('EEXIST');
    expect(outcome(() => root.fsSnapshotRename('.', 's', 'a/b'))).toBe('EINVAL');
    expect(outcome(() => root.fsSnapshotRevert('.', 'no'))).toBe('ENOENT');
    expect(outcome(() => root.fsSnapshotMount('.', 'd', 's'))).toBe('ENOTSUP');
    root.fsSnapshotRename('.', 's', 't');
    // Listing asks for nothing.
    expect(names(user)).toEqual(['t']);
    bench.remount({ isReadOnly: true });
    expect(names(bench.user)).toEqual(['t']);
    expect(create(bench.root, '.', 'u')).toBe('EROFS');
    expect(outcome(() => bench.root.fsSnapshotDelete('.', 't'))).toBe('EROFS');
  });

  test('the volume becomes what it was, and what came later is gone', () => {
    const bench = new Bench(format);
    const { user, root } = bench;
    user.mkdir('d');
    writeFile(user, 'd/a', 'old');
    writeFile(user, 'b', 'stays');
    root.fsSnapshotCreate('.', 'first');
    writeFile(user, 'd/a', 'new, and longer than it was');
    user.unlink('b');
    writeFile(user, 'c', 'later');
    root.fsSnapshotCreate('.', 'second');
    user.unlink('c');
    const fd = user.open('d/a', C.O_RDONLY);
    expect(outcome(() => root.fsSnapshotRevert('.', 'first'))).toBe('EBUSY');
    user.close(fd);
    user.chdir('d');
    expect(outcome(() => root.fsSnapshotRevert('.', 'first'))).toBe('EBUSY');
    user.chdir('/Volumes/TEST');
    root.fsSnapshotRevert('.', 'first');
    expect(readFile(user, 'd/a')).toBe('old');
    expect(namesOf(user, '.').sort()).toEqual(['b', 'd']);
    expect(names(user)).toEqual(['first']);
    bench.remount();
    expect(readFile(bench.user, 'd/a')).toBe('old');
    expect(readFile(bench.user, 'b')).toBe('stays');
    writeFile(bench.user, 'd/a', 'goes on');
    bench.root.fsSnapshotDelete('.', 'first');
    expect(names(bench.user)).toEqual([]);
    finish(bench);
  });
});

test('a mounted snapshot shows the past, takes no writes and cannot be deleted', () => {
  const format = FORMATS.find(({ name }) => name === 'memory with clones and snapshots');
  if (format === undefined) throw new Error('the volume in memory with snapshots is gone');
  const { user, root, kernel, volume } = new Bench(format);
  kernel.snapshotMounter = (from, name, on) => {
    if (!(volume instanceof MemoryVolume)) throw new Error('only volumes in memory are mounted here');
    kernel.mount(volume.mountSnapshot(name), { from: `${name}@${from}`, on });
  };
  user.mkdir('past');
  writeFile(user, 'a', 'old');
  root.fsSnapshotCreate('.', 's');
  writeFile(user, 'a', 'new');
  expect(outcome(() => user.fsSnapshotMount('.', 'past', 's'))).toBe('EPERM');
  expect(outcome(() => root.fsSnapshotMount('.', 'a', 's'))).toBe('ENOTDIR');
  expect(outcome(() => root.fsSnapshotMount('past', 'past', 's'))).toBe('EINVAL');
  root.fsSnapshotMount('.', 'past', 's');
  expect(readFile(user, 'past/a')).toBe('old');
  expect(readFile(user, 'a')).toBe('new');
  expect(user.statfs('past')).toMatchObject({ from: 's@/dev/disk1', isReadOnly: true });
  expect(outcome(() => writeFile(user, 'past/a', 'x'))).toBe('EROFS');
  expect(outcome(() => user.clonefile('past/a', 'b', 0))).toBe('EXDEV');
  expect(outcome(() => root.fsSnapshotDelete('.', 's'))).toBe('EBUSY');
  expect(outcome(() => root.fsSnapshotRename('.', 's', 't'))).toBe('ok');
  kernel.unmount('/Volumes/TEST/past');
  root.fsSnapshotDelete('.', 't');
  expect(namesOf(user, 'past')).toEqual([]);
});
