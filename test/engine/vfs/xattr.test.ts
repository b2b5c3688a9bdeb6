import { describe, expect, test } from 'vitest';
import { textOf, utf8, viewOf } from '../../../src/engine/base/bytes.ts';
import { Prng } from '../../../src/engine/base/prng.ts';
import { XATTR_CREATE, XATTR_NOFOLLOW, XATTR_REPLACE } from '../../../src/engine/vfs/constants.ts';
import { machine, namesOf, outcome, readBytes, writeFile } from '../../support/machine.ts';

/**
 * Goal: extended attributes live in `._name` files as macOS writes and reads them, come and go with their file, and
 * damaged ones harm nobody. Method: a volume without attributes in memory; bytes are looked at by the offsets of
 * xnu's vfs_xattr.c, typed here a second time.
 */
const FINDER_INFO = 'com.apple.FinderInfo';
const RESOURCE_FORK = 'com.apple.ResourceFork';

function withFile() {
  const found = machine();
  writeFile(found.user, 'a', 'contents');
  return found;
}

const finderInfo = (seed: number) => new Prng(seed).bytes(32);

describe('the bytes of a companion', () => {
  test('a first attribute makes a file of 4096 bytes laid out as macOS does', () => {
    const { user } = withFile();
    user.setxattr('a', 'org.example.note', utf8('hello'));
    const bytes = readBytes(user, '._a');
    const view = viewOf(bytes);
    expect(bytes.length).toBe(4096);
    expect(view.getUint32(0)).toBe(0x00051607);
    expect(view.getUint32(4)).toBe(0x00020000);
    expect(textOf(bytes.subarray(8, 24))).toBe('Mac OS X        ');
    expect(view.getUint16(24)).toBe(2);
    // Entry 9, Finder info: from 50 to the fork. Entry 2, resource fork: the last 286 bytes.
    expect([26, 30, 34].map((at) => view.getUint32(at))).toEqual([9, 50, 3760]);
    expect([38, 42, 46].map((at) => view.getUint32(at))).toEqual([2, 3810, 286]);
    expect(textOf(bytes.subarray(84, 88))).toBe('ATTR');
    // total_size, data_start, data_length
    expect([92, 96, 100].map((at) => view.getUint32(at))).toEqual([3810, 148, 5]);
    expect([116, 118].map((at) => view.getUint16(at))).toEqual([0, 1]);
    // the entry: offset, length, flags, name length with NUL, name
    expect([120, 124].map((at) => view.getUint32(at))).toEqual([148, 5]);
    expect([view.getUint16(128), bytes[130]]).toEqual([0, 17]);
    expect(textOf(bytes.subarray(131, 148))).toBe('org.example.note\0');
    expect(textOf(bytes.subarray(148, 153))).toBe('hello');
    expect(bytes.subarray(153, 3810).every((byte) => byte === 0)).toBe(true);
    expect([3810, 3814, 3818, 3822].map((at) => view.getUint32(at))).toEqual([256, 256, 0, 30]);
    expect(textOf(bytes.subarray(3826, 3872))).toBe('This resource fork intentionally left blank   ');
    expect([3810 + 280, 3810 + 282, 3810 + 284].map((at) => view.getUint16(at))).toEqual([28, 30, 0xffff]);
  });

  test('a second attribute moves the values behind the longer table', () => {
    const { user } = withFile();
    user.setxattr('a', 'one', utf8('1111'));
    user.setxattr('a', 'two', utf8('22'));
    const bytes = readBytes(user, '._a');
    const view = viewOf(bytes);
    // An entry takes 11 bytes and the name with NUL, up to a multiple of four: 16 here.
    expect([96, 100].map((at) => view.getUint32(at))).toEqual([152, 6]);
    expect([view.getUint32(120), view.getUint32(136)]).toEqual([152, 156]);
    expect(textOf(bytes.subarray(152, 158))).toBe('111122');
  });

  test('it grows by 4096 bytes when the attributes need it, and the fork moves along', () => {
    const { user } = withFile();
    const fork = new Prng(1).bytes(1000);
    user.setxattr('a', RESOURCE_FORK, fork);
    expect(user.stat('._a').sizeBytes).toBe(3810 + 1000);
    const value = new Prng(2).bytes(5000);
    user.setxattr('a', 'big', value);
    expect(user.stat('._a').sizeBytes).toBe(3810 + 4096 + 1000);
    expect(viewOf(readBytes(user, '._a')).getUint32(42)).toBe(3810 + 4096);
    expect(user.getxattr('a', RESOURCE_FORK)).toEqual(fork);
    expect(user.getxattr('a', 'big')).toEqual(value);
  });

  test('values beyond the first 64 KiB are found', () => {
    const { user } = withFile();
    const big = new Prng(3).bytes(200_000);
    const small = utf8('small');
    user.setxattr('a', 'big', big);
    user.setxattr('a', 'small', small);
    expect(user.getxattr('a', 'big')).toEqual(big);
    expect(user.getxattr('a', 'small')).toEqual(small);
    user.removexattr('a', 'big');
    expect(user.getxattr('a', 'small')).toEqual(small);
  });

  test('a companion with bare Finder info, as other programs make it, gets its table', () => {
    const { user } = withFile();
    const info = finderInfo(4);
    const plain = new Uint8Array(82 + 10);
    const view = viewOf(plain);
    view.setUint32(0, 0x00051607);
    view.setUint32(4, 0x00020000);
    view.setUint16(24, 2);
    [9, 50, 32, 2, 82, 10].forEach((value, i) => view.setUint32(26 + 4 * i, value));
    plain.set(info, 50);
    plain.set(utf8('0123456789'), 82);
    writeFile(user, '._a', plain);
    expect(user.listxattr('a')).toEqual([FINDER_INFO, RESOURCE_FORK]);
    user.setxattr('a', 'new', utf8('x'));
    expect(user.getxattr('a', FINDER_INFO)).toEqual(info);
    expect(textOf(user.getxattr('a', RESOURCE_FORK))).toBe('0123456789');
    expect(textOf(user.getxattr('a', 'new'))).toBe('x');
    expect(user.stat('._a').sizeBytes).toBe(4096 + 10);
  });
});

describe('attributes', () => {
  test('are set, listed, replaced, removed; the companion goes with the last', () => {
    const { user } = withFile();
    expect(user.listxattr('a')).toEqual([]);
    expect(outcome(() => user.getxattr('a', 'x'))).toBe('ENOATTR');
    user.setxattr('a', 'x', utf8('1'));
    user.setxattr('a', 'y', utf8('2'));
    user.setxattr('a', 'x', utf8('longer'));
    expect(user.listxattr('a')).toEqual(['y', 'x']);
    expect(textOf(user.getxattr('a', 'x'))).toBe('longer');
    user.setxattr('a', 'empty', new Uint8Array(0));
    expect(user.getxattr('a', 'empty')).toEqual(new Uint8Array(0));
    for (const name of ['x', 'y', 'empty']) user.removexattr('a', name);
    expect(namesOf(user, '.')).toEqual(['a']);
    expect(outcome(() => user.removexattr('a', 'x'))).toBe('ENOATTR');
  });

  test('CREATE and REPLACE mean what they say and leave no file behind', () => {
    const { user } = withFile();
    expect(outcome(() => user.setxattr('a', 'x', utf8('1'), XATTR_REPLACE))).toBe('ENOATTR');
    expect(namesOf(user, '.')).toEqual(['a']);
    user.setxattr('a', 'x', utf8('1'), XATTR_CREATE);
    expect(outcome(() => user.setxattr('a', 'x', utf8('2'), XATTR_CREATE))).toBe('EEXIST');
    user.setxattr('a', 'x', utf8('3'), XATTR_REPLACE);
    expect(textOf(user.getxattr('a', 'x'))).toBe('3');
    expect(outcome(() => user.setxattr('a', 'x', utf8('4'), XATTR_CREATE | XATTR_REPLACE))).toBe('EINVAL');
  });

  test('Finder info has 32 bytes, and all zeros are none', () => {
    const { user } = withFile();
    const info = finderInfo(5);
    expect(outcome(() => user.setxattr('a', FINDER_INFO, utf8('short')))).toBe('ERANGE');
    user.setxattr('a', FINDER_INFO, new Uint8Array(32));
    expect(namesOf(user, '.')).toEqual(['a']);
    user.setxattr('a', FINDER_INFO, info);
    expect(user.getxattr('a', FINDER_INFO)).toEqual(info);
    expect(readBytes(user, '._a').slice(50, 82)).toEqual(info);
    user.setxattr('a', FINDER_INFO, new Uint8Array(32));
    expect(namesOf(user, '.')).toEqual(['a']);
  });

  test('a resource fork is written into; removing it leaves the other attributes', () => {
    const { user } = withFile();
    user.setxattr('a', RESOURCE_FORK, utf8('1234567890'));
    expect(textOf(user.getxattr('a', RESOURCE_FORK))).toBe('1234567890');
    user.setxattr('a', RESOURCE_FORK, utf8('abcd'));
    expect(textOf(user.getxattr('a', RESOURCE_FORK))).toBe('abcd567890');
    user.setxattr('a', 'x', utf8('1'));
    user.removexattr('a', RESOURCE_FORK);
    expect(user.listxattr('a')).toEqual(['x']);
    expect(user.stat('._a').sizeBytes).toBe(3810);
    user.setxattr('a', RESOURCE_FORK, utf8('again'));
    expect(textOf(user.getxattr('a', RESOURCE_FORK))).toBe('again');
    user.mkdir('d');
    expect(outcome(() => user.setxattr('d', RESOURCE_FORK, utf8('1')))).toBe('EPERM');
  });

  test('names that are none, too long or the system’s are refused', () => {
    const { user } = withFile();
    const set = (name: string) => outcome(() => user.setxattr('a', name, utf8('1')));
    expect(set('')).toBe('EINVAL');
    expect(set('a\0b')).toBe('EINVAL');
    expect(set('\ud800')).toBe('EINVAL');
    expect(set('x'.repeat(127))).toBe('ok');
    expect(set('x'.repeat(128))).toBe('ENAMETOOLONG');
    expect(set('ü'.repeat(64))).toBe('ENAMETOOLONG');
    expect(set('com.apple.system.Security')).toBe('EPERM');
  });

  test('no more than 256 fit, and the 257th changes nothing', () => {
    const { user } = withFile();
    for (let i = 0; i < 256; i++) user.setxattr('a', `n${i}`, utf8(`${i}`));
    const before = readBytes(user, '._a');
    expect(outcome(() => user.setxattr('a', 'more', utf8('1')))).toBe('ENOSPC');
    expect(readBytes(user, '._a')).toEqual(before);
    expect(textOf(user.getxattr('a', 'n255'))).toBe('255');
  });

  test('of a link are its own with NOFOLLOW; of a directory and the root too', () => {
    const { user } = withFile();
    user.symlink('a', 'l');
    user.setxattr('l', 'x', utf8('of a'));
    user.setxattr('l', 'x', utf8('of l'), XATTR_NOFOLLOW);
    expect(textOf(user.getxattr('a', 'x'))).toBe('of a');
    expect(textOf(user.getxattr('l', 'x', XATTR_NOFOLLOW))).toBe('of l');
    user.mkdir('d');
    user.setxattr('d', 'x', utf8('of d'));
    user.chdir('d');
    expect(textOf(user.getxattr('.', 'x'))).toBe('of d');
    expect(textOf(user.getxattr('../d', 'x'))).toBe('of d');
    user.setxattr('..', 'x', utf8('of the root'));
    expect(namesOf(user, '..')).toEqual(['a', 'l', '._a', '._l', 'd', '._d', '._.']);
    expect(textOf(user.getxattr('/Volumes/MEMORY', 'x'))).toBe('of the root');
  });

  test('need permission', () => {
    const { user, root } = machine();
    user.umask(0);
    writeFile(user, 'a');
    user.setxattr('a', 'x', utf8('1'));
    user.chmod('a', 0o400);
    expect(outcome(() => user.getxattr('a', 'x'))).toBe('ok');
    expect(outcome(() => user.setxattr('a', 'x', utf8('2')))).toBe('EACCES');
    user.chmod('a', 0);
    expect(outcome(() => user.getxattr('a', 'x'))).toBe('EACCES');
    expect(outcome(() => root.setxattr('a', 'x', utf8('3')))).toBe('ok');
  });

  test('do not exist on devices and on read-only volumes cannot be set', () => {
    const { user } = machine({ isReadOnly: true });
    expect(outcome(() => user.setxattr('/dev/null', 'x', utf8('1')))).toBe('EPERM');
    expect(outcome(() => user.setxattr('.', 'x', utf8('1')))).toBe('EROFS');
    expect(outcome(() => user.setxattr('/Volumes', 'x', utf8('1')))).toBe('EROFS');
    expect(outcome(() => user.getxattr('/Volumes', 'x'))).toBe('ENOATTR');
  });

  test('a full disk keeps nothing of a first attribute, and all of the others', () => {
    const { user } = machine({ capacityBytes: 8192 });
    writeFile(user, 'a', new Uint8Array(3000));
    user.setxattr('a', 'x', utf8('1'));
    const before = readBytes(user, '._a');
    expect(outcome(() => user.setxattr('a', 'y', new Uint8Array(5000)))).toBe('ENOSPC');
    expect(readBytes(user, '._a')).toEqual(before);
    writeFile(user, 'b', '');
    expect(outcome(() => user.setxattr('b', 'x', utf8('1')))).toBe('ENOSPC');
    expect(namesOf(user, '.')).toEqual(['a', '._a', 'b']);
    writeFile(user, '._b', '');
    expect(outcome(() => user.setxattr('b', 'x', utf8('1')))).toBe('ENOSPC');
    expect(user.stat('._b').sizeBytes).toBe(0);
  });
});

describe('a companion goes where its file goes', () => {
  function withAttribute() {
    const found = withFile();
    found.user.setxattr('a', 'x', utf8('of a'));
    return found;
  }

  test('it moves', () => {
    const { user } = withAttribute();
    user.mkdir('d');
    user.rename('a', 'd/b');
    expect(namesOf(user, '.')).toEqual(['d']);
    expect(namesOf(user, 'd')).toEqual(['b', '._b']);
    expect(textOf(user.getxattr('d/b', 'x'))).toBe('of a');
  });

  test('it replaces the one of a file that is replaced', () => {
    const { user } = withAttribute();
    writeFile(user, 'b');
    user.setxattr('b', 'y', utf8('of b'));
    user.rename('a', 'b');
    expect(user.listxattr('b')).toEqual(['x']);
  });

  test('a file without one does not inherit that of the file it replaces', () => {
    const { user } = withAttribute();
    writeFile(user, 'b');
    user.rename('b', 'a');
    expect(user.listxattr('a')).toEqual([]);
    expect(namesOf(user, '.')).toEqual(['a']);
  });

  test('it is deleted', () => {
    const { user } = withAttribute();
    user.unlink('a');
    expect(namesOf(user, '.')).toEqual([]);
  });

  test('a directory’s is deleted with it, and one that holds only orphans is empty', () => {
    const { user } = withFile();
    user.mkdir('d');
    user.setxattr('d', 'x', utf8('1'));
    writeFile(user, 'd/._orphan', 'x');
    user.rmdir('d');
    expect(namesOf(user, '.')).toEqual(['a']);
    user.mkdir('d');
    writeFile(user, 'd/._._orphan', 'x');
    expect(outcome(() => user.rmdir('d'))).toBe('ENOTEMPTY');
    user.unlink('d/._._orphan');
    writeFile(user, 'd/._x', 'x');
    writeFile(user, 'd/y', 'y');
    expect(outcome(() => user.rmdir('d'))).toBe('ENOTEMPTY');
    expect(namesOf(user, 'd')).toEqual(['._x', 'y']);
  });

  test('when its new name would be too long the file moves alone', () => {
    const { user } = withAttribute();
    const name = 'n'.repeat(255);
    user.rename('a', name);
    expect(user.listxattr(name)).toEqual([]);
    expect(namesOf(user, '.').sort()).toEqual(['._a', name]);
    expect(outcome(() => user.setxattr(name, 'x', utf8('1')))).toBe('EPERM');
  });

  test('a directory in the place of a companion is nobody’s companion', () => {
    const { user } = withAttribute();
    user.mkdir('._b');
    user.rename('a', 'b');
    expect(namesOf(user, '.').sort()).toEqual(['._a', '._b', 'b']);
    user.unlink('b');
    expect(namesOf(user, '.').sort()).toEqual(['._a', '._b']);
  });

  test('an old one where a new file is made is deleted; a fresh one stays', () => {
    const { user, clock } = withAttribute();
    writeFile(user, '._new', 'just written');
    writeFile(user, 'new', '');
    expect(namesOf(user, '.')).toContain('._new');
    writeFile(user, '._old', 'long ago');
    clock.advance(181e9);
    writeFile(user, 'old', '');
    expect(namesOf(user, '.')).not.toContain('._old');
  });

  test('it has no attributes itself', () => {
    const { user } = withAttribute();
    expect(outcome(() => user.setxattr('._a', 'x', utf8('1')))).toBe('EPERM');
    expect(outcome(() => user.getxattr('._a', 'x'))).toBe('EPERM');
    expect(user.listxattr('._a')).toEqual([]);
  });

  test('it takes mode and owner of its file along, and another’s is not used', () => {
    const { user, root } = withAttribute();
    user.chmod('a', 0o600);
    expect(user.stat('._a').mode & 0o777).toBe(0o600);
    root.chown('a', 0, 0);
    expect(user.stat('._a').uid).toBe(0);
    root.chown('._a', 501, 20);
    expect(root.listxattr('a')).toEqual([]);
    expect(outcome(() => root.setxattr('a', 'y', utf8('1')))).toBe('EPERM');
  });
});

describe('damaged companions', () => {
  test('whatever their bytes, calls end in an errno and the file itself is untouched', () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 400; seed++) {
      const prng = new Prng(seed);
      const { user } = withFile();
      user.setxattr('a', 'x', utf8('value'));
      user.setxattr('a', FINDER_INFO, finderInfo(seed));
      user.setxattr('a', RESOURCE_FORK, prng.bytes(prng.below(600)));
      const bytes = readBytes(user, '._a');
      for (let i = 0; i <= prng.below(4); i++)
        bytes[prng.below(prng.below(2) ? 160 : bytes.length)] = prng.u32();
      writeFile(user, '._a', bytes.subarray(0, prng.below(3) ? bytes.length : prng.below(bytes.length)));
      const results = [
        outcome(() => user.listxattr('a')),
        ...['x', FINDER_INFO, RESOURCE_FORK].map((name) => outcome(() => user.getxattr('a', name))),
        outcome(() => user.setxattr('a', 'y', utf8('1'))),
        outcome(() => user.removexattr('a', 'x')),
        outcome(() => user.setxattr('a', FINDER_INFO, finderInfo(1))),
      ];
      results.forEach((result) => seen.add(result));
      expect(textOf(readBytes(user, 'a')), `seed ${seed}`).toBe('contents');
      expect(
        results.filter((code) => !['ok', 'ENOATTR', 'EIO', 'E2BIG'].includes(code)),
        `seed ${seed}`,
      ).toEqual([]);
    }
    expect([...seen].sort()).toEqual(['ENOATTR', 'ok']);
  });

  test('each lie is found out', () => {
    const lies: [string, (view: DataView) => void][] = [
      ['magic', (view) => view.setUint32(0, 0x00051600)],
      ['version', (view) => view.setUint32(4, 1)],
      ['no entries', (view) => view.setUint16(24, 0)],
      ['too many entries', (view) => view.setUint16(24, 16)],
      ['an entry in the header', (view) => view.setUint32(30, 40)],
      ['an entry beyond the end', (view) => view.setUint32(46, 0xffff_ffff)],
      ['entries over each other', (view) => view.setUint32(42, 100)],
    ];
    for (const [name, lie] of lies) {
      const { user } = withFile();
      user.setxattr('a', FINDER_INFO, finderInfo(1));
      const bytes = readBytes(user, '._a');
      lie(viewOf(bytes));
      writeFile(user, '._a', bytes);
      expect(user.listxattr('a'), name).toEqual([]);
      expect(
        outcome(() => user.getxattr('a', FINDER_INFO)),
        name,
      ).toBe('ENOATTR');
    }
    const tableLies: [string, (view: DataView) => void][] = [
      ['magic', (view) => view.setUint32(84, 0)],
      ['total beyond the entry', (view) => view.setUint32(92, 3811)],
      ['data inside the table', (view) => view.setUint32(96, 130)],
      ['data beyond the total', (view) => view.setUint32(100, 4000)],
      ['a count that does not fit', (view) => view.setUint16(118, 2)],
      ['a value outside the data', (view) => view.setUint32(120, 100)],
      ['a value too long', (view) => view.setUint32(124, 6)],
      ['a name without end', (view) => view.setUint8(130, 30)],
    ];
    for (const [name, lie] of tableLies) {
      const { user } = withFile();
      user.setxattr('a', 'x', utf8('value'));
      user.setxattr('a', FINDER_INFO, finderInfo(1));
      const bytes = readBytes(user, '._a');
      lie(viewOf(bytes));
      writeFile(user, '._a', bytes);
      expect(user.listxattr('a'), name).toEqual([FINDER_INFO]);
    }
  });
});
