import { describe, expect, test } from 'vitest';
import {
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  R_OK,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '../../src/engine/vfs/constants.ts';
import {
  SF_IMMUTABLE,
  UF_APPEND,
  UF_HIDDEN,
  UF_IMMUTABLE,
  W_OK,
  X_OK,
} from '../../src/engine/vfs/constants.ts';
import { outcome, writeFile } from '../support/machine.ts';
import { Bench, FORMATS } from '../support/formats.ts';

/** Goal: what stat tells and what changes it, on every format. Method: each call, its refusals, and a remount. */
describe.each(FORMATS)('stat on $name', (format) => {
  test('tells size, blocks, links and type', () => {
    const { user, facts } = new Bench(format);
    writeFile(user, 'a', new Uint8Array(10_000).fill(1));
    const { sizeBytes, blocks, linkCount, mode, blockSizeBytes, device, inode } = user.stat('a');
    expect({ sizeBytes, linkCount }).toEqual({ sizeBytes: 10_000, linkCount: 1 });
    expect(mode & S_IFMT).toBe(S_IFREG);
    expect(blocks * 512).toBeGreaterThanOrEqual(10_000);
    expect(blocks * 512).toBeLessThan(10_000 + blockSizeBytes);
    expect(device).toBe(user.stat('.').device);
    expect(device).not.toBe(user.stat('/').device);
    expect(inode).not.toBe(user.stat('.').inode);
    if (!facts.hasSymlinks) return;
    user.symlink('a', 'l');
    expect(user.lstat('l').mode & S_IFMT).toBe(S_IFLNK);
    expect(user.lstat('l').sizeBytes).toBe(1);
    expect(user.stat('l').inode).toBe(inode);
    expect(outcome(() => user.lstat('a/'))).toBe('ENOTDIR');
  });

  test('each file has its own inode for as long as it lives', () => {
    const bench = new Bench(format);
    const { user } = bench;
    for (let i = 0; i < 20; i++) writeFile(user, `f${i}`, i % 2 === 0 ? '' : 'contents');
    const inodes = Array.from({ length: 20 }, (_, i) => user.stat(`f${i}`).inode);
    expect(new Set(inodes).size).toBe(20);
    writeFile(user, 'f0', 'now with contents');
    user.rename('f2', 'renamed');
    expect(user.stat('f0').inode).toBe(inodes[0]);
    expect(user.stat('renamed').inode).toBe(inodes[2]);
  });

  test('times: a write changes modification, not birth', () => {
    const { user, clock, facts } = new Bench(format);
    writeFile(user, 'a', 'x');
    const before = user.stat('a');
    clock.advance(10e9);
    const fd = user.open('a', O_WRONLY);
    user.write(fd, new Uint8Array(1));
    user.close(fd);
    const after = user.stat('a');
    expect(after.modifyTime.seconds - before.modifyTime.seconds).toBe(10);
    expect(after.birthTime).toEqual(before.birthTime);
    user.utimes('a', { modify: { seconds: 1_000_000_001, nanoseconds: 500 } });
    expect(user.stat('a').modifyTime.seconds).toBe(1_000_000_001 - (facts.timeStepSeconds === 2 ? 1 : 0));
  });
});

describe.each(FORMATS)('changes on $name', (format) => {
  test('chmod, chown and utimes survive a remount or are ignored', () => {
    const bench = new Bench(format);
    const { user, root, facts } = bench;
    writeFile(user, 'a');
    const before = user.stat('a');
    user.chmod('a', 0o640);
    user.utimes('a', { modify: { seconds: 1_500_000_000, nanoseconds: 0 } });
    root.chown('a', 7, 8);
    bench.remount();
    const after = bench.user.stat('a');
    expect(after.modifyTime.seconds).toBe(1_500_000_000);
    const expected = facts.hasPermissions ? [0o640, 7, 8] : [before.mode & 0o7777, before.uid, before.gid];
    expect([after.mode & 0o7777, after.uid, after.gid]).toEqual(expected);
  });

  test('belong to the owner and root', () => {
    const { user, root, facts } = new Bench(format);
    if (!facts.hasPermissions) return;
    writeFile(root, 'a');
    expect(outcome(() => user.chmod('a', 0o777))).toBe('EPERM');
    expect(outcome(() => user.chown('a', 501, -1))).toBe('EPERM');
    expect(outcome(() => user.chflags('a', UF_HIDDEN))).toBe('EPERM');
    expect(outcome(() => user.utimes('a', { modify: { seconds: 1, nanoseconds: 0 } }))).toBe('EPERM');
    expect(outcome(() => user.utimes('a', { modify: user.now() }))).toBe('EPERM');
    root.chmod('a', 0o666);
    expect(outcome(() => user.utimes('a', { modify: user.now() }))).toBe('ok');
    writeFile(user, 'b');
    user.chmod('b', 0o6755);
    expect(outcome(() => user.chown('b', 502, -1))).toBe('EPERM');
    expect(outcome(() => user.chown('b', -1, 99))).toBe('EPERM');
    expect(outcome(() => user.chown('b', -1, 20))).toBe('ok');
    expect(user.stat('b').mode & 0o7777).toBe(0o755);
    expect(outcome(() => user.chflags('b', SF_IMMUTABLE))).toBe('EPERM');
  });

  test('silly values are refused', () => {
    const { user } = new Bench(format);
    writeFile(user, 'a');
    expect(outcome(() => user.chmod('a', 0o17777))).toBe('EINVAL');
    expect(outcome(() => user.chown('a', -2, 0))).toBe('EINVAL');
    expect(outcome(() => user.chflags('a', -1))).toBe('EINVAL');
    expect(outcome(() => user.utimes('a', { modify: { seconds: 0.5, nanoseconds: 0 } }))).toBe('EINVAL');
    expect(outcome(() => user.utimes('a', { access: { seconds: 0, nanoseconds: 1e9 } }))).toBe('EINVAL');
    expect(outcome(() => user.chmod('no', 0))).toBe('ENOENT');
  });

  test('a locked file stays as it is until it is unlocked', () => {
    const bench = new Bench(format);
    const { user } = bench;
    writeFile(user, 'a', 'x');
    user.chflags('a', user.stat('a').flags | UF_IMMUTABLE);
    bench.remount();
    const again = bench.user;
    expect(again.stat('a').flags & UF_IMMUTABLE).toBe(UF_IMMUTABLE);
    expect(outcome(() => again.open('a', O_WRONLY))).toBe('EPERM');
    expect(outcome(() => again.close(again.open('a', O_RDONLY)))).toBe('ok');
    expect(outcome(() => again.truncate('a', 0))).toBe('EPERM');
    expect(outcome(() => again.unlink('a'))).toBe('EPERM');
    expect(outcome(() => again.rename('a', 'b'))).toBe('EPERM');
    expect(outcome(() => again.chmod('a', 0o600))).toBe('EPERM');
    expect(outcome(() => again.setxattr('a', 'x', new Uint8Array(1)))).toBe('EPERM');
    expect(outcome(() => bench.root.unlink('a'))).toBe('EPERM');
    again.chflags('a', again.stat('a').flags & ~UF_IMMUTABLE);
    expect(outcome(() => again.unlink('a'))).toBe('ok');
  });

  test('an append-only file only grows, where the format has that flag', () => {
    const { user } = new Bench(format);
    writeFile(user, 'a', 'x');
    const result = outcome(() => user.chflags('a', user.stat('a').flags | UF_APPEND));
    expect(['ok', 'EINVAL']).toContain(result);
    if (result === 'EINVAL') return;
    expect(outcome(() => user.open('a', O_WRONLY))).toBe('EPERM');
    expect(outcome(() => user.close(user.open('a', O_WRONLY | O_APPEND)))).toBe('ok');
    expect(outcome(() => user.unlink('a'))).toBe('EPERM');
    expect(outcome(() => user.truncate('a', 0))).toBe('EPERM');
  });

  test('access answers as open would', () => {
    const bench = new Bench(format);
    const { user, root, facts } = bench;
    writeFile(user, 'a');
    expect(outcome(() => user.access('a', 0))).toBe('ok');
    expect(outcome(() => user.access('a', R_OK | W_OK))).toBe('ok');
    expect(outcome(() => user.access('no', 0))).toBe('ENOENT');
    expect(outcome(() => user.access('a', 8))).toBe('EINVAL');
    if (facts.hasPermissions) {
      user.chmod('a', 0o400);
      expect(outcome(() => user.access('a', W_OK))).toBe('EACCES');
      expect(outcome(() => user.access('a', X_OK))).toBe('EACCES');
      expect(outcome(() => root.access('a', W_OK))).toBe('ok');
      expect(outcome(() => root.access('a', X_OK))).toBe('EACCES');
    }
    bench.remount({ isReadOnly: true });
    expect(outcome(() => bench.user.access('a', W_OK))).toBe('EROFS');
    expect(outcome(() => bench.user.chmod('a', 0))).toBe('EROFS');
    expect(outcome(() => bench.user.chflags('a', 0))).toBe('EROFS');
    expect(outcome(() => bench.user.utimes('a', { modify: bench.user.now() }))).toBe('EROFS');
    expect(outcome(() => bench.user.unlink('a'))).toBe('EROFS');
    expect(outcome(() => bench.user.mkdir('d'))).toBe('EROFS');
    expect(outcome(() => bench.user.rename('a', 'b'))).toBe('EROFS');
  });
});
