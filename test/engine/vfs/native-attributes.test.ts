import { describe, expect, test } from 'vitest';
import { utf8 } from '../../../src/engine/base/bytes.ts';
import { Prng } from '../../../src/engine/base/prng.ts';
import { O_CREAT, O_RDONLY, O_RDWR, O_WRONLY } from '../../../src/engine/vfs/constants.ts';
import {
  S_IFIFO,
  S_IFMT,
  S_IFSOCK,
  UF_COMPRESSED,
  XATTR_SHOWCOMPRESSION,
} from '../../../src/engine/vfs/constants.ts';
import { machine, namesOf, outcome, writeFile } from '../../support/machine.ts';

/** Goal: what only volumes with abilities of their own bring to vfs. What every format shares is in conformance. */
const native = () => machine({ hasExtendedAttributes: true, hasExclusiveRename: true, hasExchange: true });

describe('attributes that the volume keeps', () => {
  test('what belongs to the system is neither listed nor read', () => {
    const { user, volume } = native();
    writeFile(user, 'a');
    const node = volume.lookup(volume.root, 'a');
    if (node === undefined) throw new Error('a is there');
    volume.setExtendedAttribute(node, 'com.apple.system.Security', utf8('acl'));
    volume.setExtendedAttribute(node, 'org.example', utf8('v'));
    expect(user.listxattr('a')).toEqual(['org.example']);
    expect(outcome(() => user.getxattr('a', 'com.apple.system.Security'))).toBe('EPERM');
  });

  test('a compressed file hides how it is compressed, except from who asks for it', () => {
    const { user, volume } = native();
    writeFile(user, 'a');
    user.setxattr('a', 'com.apple.decmpfs', utf8('fpmc'));
    user.setxattr('a', 'com.apple.ResourceFork', utf8('blocks'));
    const node = volume.lookup(volume.root, 'a');
    if (node === undefined) throw new Error('a is there');
    volume.setAttributes(node, { flags: UF_COMPRESSED });
    expect(user.listxattr('a')).toEqual([]);
    expect(outcome(() => user.getxattr('a', 'com.apple.decmpfs'))).toBe('ENOATTR');
    expect(outcome(() => user.setxattr('a', 'com.apple.decmpfs', utf8('x')))).toBe('EPERM');
    expect(outcome(() => user.removexattr('a', 'com.apple.ResourceFork'))).toBe('EPERM');
    expect(user.listxattr('a', XATTR_SHOWCOMPRESSION)).toEqual([
      'com.apple.ResourceFork',
      'com.apple.decmpfs',
    ]);
    expect(user.getxattr('a', 'com.apple.decmpfs', XATTR_SHOWCOMPRESSION)).toEqual(utf8('fpmc'));
  });

  test('one longer than is held in memory is refused', () => {
    const { user } = native();
    writeFile(user, 'a');
    expect(outcome(() => user.setxattr('a', 'big', new Uint8Array(64 * 2 ** 20 + 1)))).toBe('E2BIG');
  });

  test('nothing written into a fork makes none', () => {
    const { user } = native();
    writeFile(user, 'a');
    user.setxattr('a', 'com.apple.ResourceFork', new Uint8Array(0));
    expect(user.listxattr('a')).toEqual([]);
    const fork = new Prng(1).bytes(100);
    user.setxattr('a', 'com.apple.ResourceFork', fork);
    user.setxattr('a', 'com.apple.ResourceFork', new Uint8Array(0));
    expect(user.getxattr('a', 'com.apple.ResourceFork')).toEqual(fork);
  });
});

describe('special files on a disk', () => {
  test('are listed, told apart and removed, and opening one answers at once', () => {
    const { user, root, volume } = native();
    const heldBefore = volume.heldNodes();
    for (const type of ['fifo', 'socket', 'character device'] as const) volume.addSpecial(type, type);
    expect(namesOf(user, '.')).toEqual(['fifo', 'socket', 'character device']);
    expect(user.stat('fifo').mode & S_IFMT).toBe(S_IFIFO);
    expect(user.stat('socket').mode & S_IFMT).toBe(S_IFSOCK);
    for (const flags of [O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_CREAT]) {
      expect(outcome(() => root.open('fifo', flags))).toBe('ENXIO');
      expect(outcome(() => root.open('socket', flags))).toBe('EOPNOTSUPP');
      expect(outcome(() => root.open('character device', flags))).toBe('ENXIO');
    }
    user.setxattr('fifo', 'org.example', utf8('v'));
    expect(user.listxattr('fifo')).toEqual(['org.example']);
    user.rename('fifo', 'pipe');
    user.link('pipe', 'second name');
    user.chmod('pipe', 0o600);
    for (const name of namesOf(user, '.')) user.unlink(name);
    expect(volume.heldNodes()).toBe(heldBefore);
  });
});

describe('links', () => {
  test('there are as many as the volume allows', () => {
    const { user } = machine({ linksMax: 3 });
    writeFile(user, 'a');
    user.link('a', 'b');
    user.link('b', 'c');
    expect(outcome(() => user.link('a', 'd'))).toBe('EMLINK');
    user.unlink('b');
    expect(outcome(() => user.link('a', 'd'))).toBe('ok');
  });

  test('to rename one to another of the same file does nothing; the case of one name still changes', () => {
    for (const isCaseSensitive of [true, false]) {
      const { user } = machine({ isCaseSensitive });
      user.mkdir('d');
      writeFile(user, 'a');
      user.link('a', 'd/a');
      user.link('a', 'b');
      user.rename('a', 'd/a');
      user.rename('a', 'b');
      expect(namesOf(user, '.').sort()).toEqual(['a', 'b', 'd']);
      expect(user.stat('a').linkCount).toBe(3);
      user.rename('b', 'B');
      expect(namesOf(user, '.').sort()).toEqual(['B', 'a', 'd']);
    }
  });
});
