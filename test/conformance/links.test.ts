import { describe, expect, test } from 'vitest';
import { ZERO_FILL } from '../../src/engine/formats/contract.ts';
import { O_RDONLY, O_WRONLY, RENAME_EXCL, UF_IMMUTABLE } from '../../src/engine/vfs/constants.ts';
import { namesOf, outcome, readBytes, readFile, writeFile } from '../support/machine.ts';
import { Bench, FORMATS } from '../support/formats.ts';

/** Goal: what only some formats can, and what the others answer. Method: each call, each refusal, and a remount. */
describe.each(FORMATS)('link, clonefile and what else only some can, on $name', (format) => {
  test('link', () => {
    const bench = new Bench(format);
    const { user, facts } = bench;
    writeFile(user, 'a', 'x');
    user.mkdir('d');
    expect(outcome(() => user.link('no', 'b'))).toBe('ENOENT');
    expect(outcome(() => user.link('d', 'b'))).toBe('EPERM');
    expect(outcome(() => user.link('a', 'd'))).toBe('EEXIST');
    expect(outcome(() => user.link('a', '/Volumes/b'))).toBe('EXDEV');
    expect(outcome(() => user.link('a', 'b'))).toBe(facts.hasHardLinks ? 'ok' : 'ENOTSUP');
    if (!facts.hasHardLinks) return;
    expect(user.stat('a')).toMatchObject({ linkCount: 2, inode: user.stat('b').inode });
    expect(outcome(() => user.renamex('a', 'b', RENAME_EXCL))).toBe('EEXIST');
    // rename(2) between two names of one file does nothing, and says so to nobody.
    expect(outcome(() => user.rename('a', 'b'))).toBe('ok');
    expect(namesOf(user, '.').sort()).toEqual(['a', 'b', 'd']);
    user.unlink('a');
    expect(readFile(user, 'b')).toBe('x');
    expect(user.stat('b').linkCount).toBe(1);
  });

  test('hard links share everything and outlive a mount', () => {
    const bench = new Bench(format);
    if (!bench.facts.hasHardLinks) return;
    bench.user.mkdir('d');
    writeFile(bench.user, 'a', 'x');
    for (const name of ['b', 'd/c', 'd/e']) bench.user.link('a', name);
    writeFile(bench.user, 'd/c', 'written through the third name');
    bench.user.chmod('b', 0o640);
    bench.user.setxattr('d/e', 'org.example.note', new Uint8Array([1]));
    bench.remount();
    const { user } = bench;
    const { inode } = user.stat('a');
    for (const name of ['a', 'b', 'd/c', 'd/e']) {
      expect(user.stat(name)).toMatchObject({ inode, linkCount: 4 });
      expect(user.stat(name).mode & 0o777).toBe(0o640);
      expect(readFile(user, name)).toBe('written through the third name');
      if (bench.facts.hasExtendedAttributes) expect(user.listxattr(name)).toEqual(['org.example.note']);
    }
    user.rename('b', 'd/b');
    user.unlink('a');
    user.unlink('d/e');
    const fd = user.open('d/b', O_RDONLY);
    user.unlink('d/b');
    user.unlink('d/c');
    expect(user.fstat(fd)).toMatchObject({ sizeBytes: 30, linkCount: 0 });
    user.close(fd);
    user.rmdir('d');
    bench.unmount();
    expect(bench.findings()).toEqual([]);
    expect(bench.verdict()).toBe('');
  });

  test('clonefile, in the order of checks that macOS has', () => {
    const { user, facts } = new Bench(format);
    writeFile(user, 'a', 'x');
    writeFile(user, 'b', 'y');
    const clone = (from: string, to: string, flags = 0) => outcome(() => user.clonefile(from, to, flags));
    expect(clone('no', 'b', 0x100)).toBe('EINVAL');
    expect(clone('no', 'b')).toBe('ENOENT');
    expect(clone('/dev/null', 'b')).toBe('EINVAL');
    expect(clone('/Volumes/TEST', 'b')).toBe('EINVAL');
    expect(clone('a', 'b')).toBe('EEXIST');
    expect(clone('a', '/Volumes/c')).toBe('EXDEV');
    expect(clone('a', 'c')).toBe(facts.hasClones === true ? 'ok' : 'ENOTSUP');
    expect(outcome(() => user.stat('c'))).toBe(facts.hasClones === true ? 'ok' : 'ENOENT');
  });

  test('exchangedata: contents and forks change hands, names and identities stay', () => {
    const bench = new Bench(format);
    if (bench.facts.hasExchange !== true) return;
    const large = new Uint8Array(100_000).fill(7);
    writeFile(bench.user, 'a', 'of a');
    writeFile(bench.user, 'b', large);
    bench.user.setxattr('a', 'com.apple.ResourceFork', new Uint8Array([1, 2, 3]));
    const inodes = ['a', 'b'].map((name) => bench.user.stat(name).inode);
    bench.user.exchangedata('a', 'b');
    bench.remount();
    const { user, root } = bench;
    expect(readBytes(user, 'a')).toEqual(large);
    expect(readFile(user, 'b')).toBe('of a');
    expect(user.getxattr('b', 'com.apple.ResourceFork')).toEqual(new Uint8Array([1, 2, 3]));
    expect(user.listxattr('a')).toEqual([]);
    expect(['a', 'b'].map((name) => user.stat(name).inode)).toEqual(inodes);
    root.chmod('b', 0o444);
    expect(outcome(() => user.exchangedata('a', 'b'))).toBe('EACCES');
    user.chmod('b', 0o666);
    user.chflags('b', UF_IMMUTABLE);
    expect(outcome(() => user.exchangedata('a', 'b'))).toBe('EPERM');
    user.chflags('b', 0);
    bench.unmount();
    expect(bench.findings()).toEqual([]);
    expect(bench.verdict()).toBe('');
  });

  test('exchangedata, mknod and snapshots', () => {
    const { user, root, facts } = new Bench(format);
    writeFile(user, 'a', 'x');
    writeFile(user, 'b', 'y');
    user.mkdir('d');
    expect(outcome(() => user.exchangedata('a', 'a'))).toBe('EINVAL');
    expect(outcome(() => user.exchangedata('a', 'd'))).toBe('EINVAL');
    expect(outcome(() => user.exchangedata('a', '/dev/null'))).toBe('EXDEV');
    expect(outcome(() => user.exchangedata('no', 'b'))).toBe('ENOENT');
    expect(outcome(() => user.exchangedata('a', 'b'))).toBe(facts.hasExchange === true ? 'ok' : 'ENOTSUP');
    expect(outcome(() => user.mknod('a', 0o010644))).toBe('EEXIST');
    expect(outcome(() => user.mknod('fifo', 0o010644))).toBe(
      facts.hasSpecialFiles === true ? 'ok' : 'ENOTSUP',
    );
    expect(outcome(() => user.fsSnapshotCreate('no', 's'))).toBe('ENOENT');
    expect(outcome(() => user.fsSnapshotCreate('d', 's'))).toBe('EPERM');
    expect(outcome(() => root.fsSnapshotCreate('d', 's'))).toBe('EINVAL');
    // Whether there are snapshots at all is asked before the name is looked at.
    const other = facts.hasSnapshots === true ? 'EINVAL' : 'ENOTSUP';
    expect(outcome(() => root.fsSnapshotCreate('.', '..'))).toBe(other);
    expect(outcome(() => root.fsSnapshotCreate('.', 's'))).toBe(
      facts.hasSnapshots === true ? 'ok' : 'ENOTSUP',
    );
  });

  test('a symlink that does not fit is not made', () => {
    const bench = new Bench(format);
    const { user, facts } = bench;
    if (!facts.hasSymlinks || facts.hasPermissions) return;
    writeFile(user, 'ballast');
    const { freeBlocks, blockSizeBytes } = user.statfs('.');
    const fd = user.open('ballast', O_WRONLY);
    user.fill(fd, (freeBlocks - 1) * blockSizeBytes, ZERO_FILL);
    user.close(fd);
    const free = user.statfs('.').freeBlocks;
    const result = outcome(() => user.symlink('ballast', 'l'));
    if (result === 'ok') {
      bench.remount();
      expect(bench.user.readlink('l')).toBe('ballast');
      return;
    }
    expect(result).toBe('ENOSPC');
    expect(namesOf(user, '.')).toEqual(['ballast']);
    expect(user.statfs('.').freeBlocks).toBe(free);
    expect(bench.findings()).toEqual([]);
  });

  test('symlink and readlink', () => {
    const bench = new Bench(format);
    const { user, facts } = bench;
    writeFile(user, 'a', 'x');
    expect(outcome(() => user.readlink('a'))).toBe('EINVAL');
    expect(outcome(() => user.readlink('no'))).toBe('ENOENT');
    expect(outcome(() => user.symlink('x', 'a'))).toBe('EEXIST');
    expect(outcome(() => user.symlink('', 'l'))).toBe('EINVAL');
    expect(outcome(() => user.symlink('x\0y', 'l'))).toBe('EINVAL');
    expect(outcome(() => user.symlink('half \ud83d', 'l'))).toBe('EILSEQ');
    expect(outcome(() => user.symlink('x'.repeat(1024), 'l'))).toBe('ENAMETOOLONG');
    expect(outcome(() => user.symlink('../Ärger/a b', 'l'))).toBe(facts.hasSymlinks ? 'ok' : 'ENOTSUP');
    if (!facts.hasSymlinks) return;
    user.symlink('x'.repeat(1023), 'long');
    bench.remount();
    expect(bench.user.readlink('l')).toBe('../Ärger/a b');
    expect(bench.user.readlink('long')).toBe('x'.repeat(1023));
    bench.user.unlink('l');
    bench.user.unlink('long');
    expect(namesOf(bench.user, '.')).toEqual(['a']);
    expect(bench.findings()).toEqual([]);
  });
});
