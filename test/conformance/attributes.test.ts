import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/engine/base/bytes.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { UF_IMMUTABLE, XATTR_CREATE, XATTR_NOFOLLOW } from '../../src/engine/vfs/constants.ts';
import { XATTR_REPLACE } from '../../src/engine/vfs/constants.ts';
import { namesOf, outcome, writeFile } from '../support/machine.ts';
import { Bench, FORMATS } from '../support/formats.ts';

/**
 * Goal: extended attributes answer alike whether the format keeps them or vfs does in AppleDouble files; each format
 * leaves a disk that its checker calls clean. Method: every call and refusal on every format.
 */
const FINDER_INFO = 'com.apple.FinderInfo';
const RESOURCE_FORK = 'com.apple.ResourceFork';

function withFile(format: (typeof FORMATS)[number]) {
  const bench = new Bench(format);
  writeFile(bench.user, 'a', 'contents');
  return bench;
}

function requireClean(bench: Bench): void {
  bench.unmount();
  expect(bench.findings()).toEqual([]);
  expect(bench.verdict()).toBe('');
}

describe.each(FORMATS)('extended attributes on $name', (format) => {
  test('are set, read, replaced, listed and removed, across a remount', () => {
    const bench = withFile(format);
    const big = new Prng(1).bytes(3000);
    bench.user.setxattr('a', 'org.example.small', utf8('hello'));
    bench.user.setxattr('a', 'org.example.big', big);
    bench.user.setxattr('a', 'org.example.empty', new Uint8Array(0));
    bench.user.setxattr('a', 'org.example.Ünïcode ✓', utf8('x'));
    bench.user.setxattr('a', 'org.example.small', utf8('another value'));
    bench.remount();
    const { user } = bench;
    expect(user.listxattr('a').sort()).toEqual([
      'org.example.big',
      'org.example.empty',
      'org.example.small',
      'org.example.Ünïcode ✓',
    ]);
    expect(user.getxattr('a', 'org.example.big')).toEqual(big);
    expect(user.getxattr('a', 'org.example.small')).toEqual(utf8('another value'));
    expect(user.getxattr('a', 'org.example.empty')).toEqual(new Uint8Array(0));
    for (const name of user.listxattr('a')) user.removexattr('a', name);
    expect(user.listxattr('a')).toEqual([]);
    expect(namesOf(user, '.')).toEqual(['a']);
    requireClean(bench);
  });

  test('CREATE, REPLACE and names', () => {
    const { user } = withFile(format);
    const set = (name: string, options = 0) => outcome(() => user.setxattr('a', name, utf8('v'), options));
    expect(set('x', XATTR_REPLACE)).toBe('ENOATTR');
    expect(set('x', XATTR_CREATE)).toBe('ok');
    expect(set('x', XATTR_CREATE)).toBe('EEXIST');
    expect(set('x', XATTR_REPLACE)).toBe('ok');
    expect(set('x', XATTR_CREATE | XATTR_REPLACE)).toBe('EINVAL');
    expect(set('x', 0x400)).toBe('EINVAL');
    expect(set('')).toBe('EINVAL');
    expect(set('a\0b')).toBe('EINVAL');
    expect(set('\ud800')).toBe('EINVAL');
    expect(set('n'.repeat(127))).toBe('ok');
    expect(set('n'.repeat(128))).toBe('ENAMETOOLONG');
    expect(set('é'.repeat(64))).toBe('ENAMETOOLONG');
    expect(set('com.apple.system.x')).toBe('EPERM');
    expect(outcome(() => user.getxattr('a', 'no'))).toBe('ENOATTR');
    expect(outcome(() => user.removexattr('a', 'no'))).toBe('ENOATTR');
    expect(outcome(() => user.getxattr('no', 'x'))).toBe('ENOENT');
    expect(outcome(() => user.listxattr('no'))).toBe('ENOENT');
    expect(outcome(() => user.setxattr('/dev/null', 'x', utf8('v')))).toBe('EPERM');
    expect(user.listxattr('/dev/null')).toEqual([]);
    expect(user.listxattr('a').sort()).toEqual(['n'.repeat(127), 'x']);
  });

  test('Finder information has 32 bytes, and zeros are none', () => {
    const bench = withFile(format);
    const value = new Prng(2).bytes(32);
    for (const path of ['a', '.']) {
      const { user } = bench;
      expect(outcome(() => user.setxattr(path, FINDER_INFO, new Uint8Array(31)))).toBe('ERANGE');
      expect(outcome(() => user.setxattr(path, FINDER_INFO, new Uint8Array(32), XATTR_REPLACE))).toBe(
        'ENOATTR',
      );
      user.setxattr(path, FINDER_INFO, new Uint8Array(32));
      expect(user.listxattr(path)).toEqual([]);
      expect(outcome(() => user.getxattr(path, FINDER_INFO))).toBe('ENOATTR');
      user.setxattr(path, FINDER_INFO, value);
      expect(outcome(() => user.setxattr(path, FINDER_INFO, value, XATTR_CREATE))).toBe('EEXIST');
    }
    bench.remount();
    const { user } = bench;
    expect(user.listxattr('a')).toEqual([FINDER_INFO]);
    expect(user.getxattr('a', FINDER_INFO).subarray(0, 8)).toEqual(value.subarray(0, 8));
    user.setxattr('a', FINDER_INFO, new Uint8Array(32));
    expect(user.listxattr('a')).toEqual([]);
    user.removexattr('.', FINDER_INFO);
    expect(namesOf(user, '.')).toEqual(['a']);
    requireClean(bench);
  });

  test('a resource fork belongs to a file, is written into and listed second', () => {
    const bench = withFile(format);
    const fork = new Prng(3).bytes(70_000);
    const { user: before } = bench;
    before.mkdir('d');
    expect(outcome(() => before.setxattr('d', RESOURCE_FORK, fork))).toBe('EPERM');
    before.setxattr('a', 'org.example.note', utf8('note'));
    before.setxattr('a', RESOURCE_FORK, fork);
    before.setxattr('a', FINDER_INFO, new Prng(4).bytes(32));
    before.setxattr('a', RESOURCE_FORK, utf8('begins anew'));
    bench.remount();
    const { user } = bench;
    const expected = fork.slice();
    expected.set(utf8('begins anew'));
    expect(user.getxattr('a', RESOURCE_FORK)).toEqual(expected);
    expect(user.listxattr('a')).toEqual([FINDER_INFO, RESOURCE_FORK, 'org.example.note']);
    expect(user.stat('a').sizeBytes).toBe(8);
    user.removexattr('a', RESOURCE_FORK);
    expect(outcome(() => user.removexattr('a', RESOURCE_FORK))).toBe('ENOATTR');
    user.setxattr('a', RESOURCE_FORK, utf8('short'));
    expect(user.getxattr('a', RESOURCE_FORK)).toEqual(utf8('short'));
    user.unlink('a');
    user.rmdir('d');
    const fresh = new Bench(format).user.statfs('.').freeBlocks;
    // A tree or directory that has grown does not shrink again.
    expect(fresh - user.statfs('.').freeBlocks).toBeLessThan(70_000 / user.statfs('.').blockSizeBytes);
    requireClean(bench);
  });

  test('of directories, and of links or what they lead to', () => {
    const bench = withFile(format);
    const { user, facts } = bench;
    user.mkdir('d');
    user.setxattr('d', 'org.example.of', utf8('directory'));
    expect(user.getxattr('d', 'org.example.of')).toEqual(utf8('directory'));
    if (facts.hasSymlinks) {
      user.symlink('a', 'l');
      user.setxattr('l', 'org.example.of', utf8('file'));
      user.setxattr('l', 'org.example.of', utf8('link'), XATTR_NOFOLLOW);
      expect(user.getxattr('a', 'org.example.of')).toEqual(utf8('file'));
      expect(user.getxattr('l', 'org.example.of')).toEqual(utf8('file'));
      expect(user.getxattr('l', 'org.example.of', XATTR_NOFOLLOW)).toEqual(utf8('link'));
      expect(user.readlink('l')).toBe('a');
    }
    user.rename('d', 'e');
    expect(user.listxattr('e')).toEqual(['org.example.of']);
    user.rmdir('e');
    requireClean(bench);
  });

  test('a replaced file takes its attributes along; the newcomer keeps its own', () => {
    const bench = withFile(format);
    const { user } = bench;
    writeFile(user, 'b');
    user.setxattr('a', 'org.example.of', utf8('a'));
    user.setxattr('b', 'org.example.of', utf8('b'));
    user.setxattr('b', 'org.example.more', utf8('more'));
    user.rename('a', 'b');
    expect(user.listxattr('b')).toEqual(['org.example.of']);
    expect(user.getxattr('b', 'org.example.of')).toEqual(utf8('a'));
    requireClean(bench);
  });

  test('need permission, and a volume and a file that can be written', () => {
    const bench = withFile(format);
    const { user, root, facts } = bench;
    const set = () => outcome(() => bench.user.setxattr('a', 'x', utf8('v')));
    if (facts.hasPermissions) {
      writeFile(root, 'r');
      root.setxattr('r', 'x', utf8('v'));
      expect(outcome(() => user.setxattr('r', 'x', utf8('w')))).toBe('EACCES');
      expect(outcome(() => user.removexattr('r', 'x'))).toBe('EACCES');
      expect(outcome(() => user.getxattr('r', 'x'))).toBe('ok');
      root.chmod('r', 0o600);
      expect(outcome(() => user.getxattr('r', 'x'))).toBe('EACCES');
      expect(outcome(() => user.listxattr('r'))).toBe('EACCES');
    }
    expect(set()).toBe('ok');
    user.chflags('a', user.stat('a').flags | UF_IMMUTABLE);
    expect(set()).toBe('EPERM');
    user.chflags('a', user.stat('a').flags & ~UF_IMMUTABLE);
    bench.remount({ isReadOnly: true });
    expect(set()).toBe('EROFS');
    expect(outcome(() => bench.user.removexattr('a', 'x'))).toBe('EROFS');
    expect(outcome(() => bench.user.getxattr('a', 'x'))).toBe('ok');
  });

  test('names that begin with ._ are magic only where attributes live there', () => {
    const bench = withFile(format);
    const { user, facts } = bench;
    user.setxattr('a', 'org.example.x', utf8('v'));
    const isNative = facts.hasExtendedAttributes === true;
    expect(namesOf(user, '.').sort()).toEqual(isNative ? ['a'] : ['._a', 'a']);
    if (!isNative) return;
    writeFile(user, '._a', 'a file like any other');
    user.setxattr('._a', 'org.example.y', utf8('w'));
    user.unlink('a');
    expect(namesOf(user, '.')).toEqual(['._a']);
    expect(user.listxattr('._a')).toEqual(['org.example.y']);
    user.mkdir('d');
    writeFile(user, 'd/._b');
    expect(outcome(() => user.rmdir('d'))).toBe('ENOTEMPTY');
    requireClean(bench);
  });
});
