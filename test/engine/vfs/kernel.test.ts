import { describe, expect, test } from 'vitest';
import { utf8 } from '../../../src/engine/base/bytes.ts';
import { FsError } from '../../../src/engine/base/errno.ts';
import { Prng } from '../../../src/engine/base/prng.ts';
import { ZERO_FILL } from '../../../src/engine/formats/contract.ts';
import { O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, SEEK_SET } from '../../../src/engine/vfs/constants.ts';
import { FlatDevice } from '../../support/flat-device.ts';
import { machine, namesOf, outcome, readBytes, readFile, writeFile } from '../../support/machine.ts';
import { MemoryVolume } from '../../support/memory-volume.ts';

/** Goal: what processes share: the tree of mounts, the devices, and who is in the way. Method: small machines. */
describe('mounts', () => {
  test('are named after labels, the second of a name gets a number', () => {
    const { kernel, clock, user } = machine();
    const mount = (label: string, from: string) => kernel.mount(new MemoryVolume(clock, { label }), { from });
    expect(mount('MEMORY', '/dev/disk2')).toBe('/Volumes/MEMORY 1');
    expect(mount('MEMORY', '/dev/disk3')).toBe('/Volumes/MEMORY 2');
    expect(mount('', '/dev/disk4')).toBe('/Volumes/UNTITLED');
    expect(mount('a/b', '/dev/disk5')).toBe('/Volumes/a:b');
    expect(mount('..', '/dev/disk6')).toBe('/Volumes/.. volume');
    expect(namesOf(user, '/Volumes')).toEqual([
      'MEMORY',
      'MEMORY 1',
      'MEMORY 2',
      'UNTITLED',
      'a:b',
      '.. volume',
    ]);
    kernel.unmount('/dev/disk2');
    expect(namesOf(user, '/Volumes')).not.toContain('MEMORY 1');
    expect(mount('MEMORY', '/dev/disk2')).toBe('/Volumes/MEMORY 1');
    expect(user.getfsstat().map(({ from, on, typeName }) => `${from} on ${on} (${typeName})`)).toEqual([
      'devfs on / (devfs)',
      '/dev/disk1s1 on /Volumes/MEMORY (msdos)',
      '/dev/disk3 on /Volumes/MEMORY 2 (msdos)',
      '/dev/disk4 on /Volumes/UNTITLED (msdos)',
      '/dev/disk5 on /Volumes/a:b (msdos)',
      '/dev/disk6 on /Volumes/.. volume (msdos)',
      '/dev/disk2 on /Volumes/MEMORY 1 (msdos)',
    ]);
  });

  test('on a directory hide what is in it until they go', () => {
    const { kernel, clock, user } = machine();
    user.mkdir('d');
    writeFile(user, 'd/hidden', 'x');
    const other = new MemoryVolume(clock, { label: 'OTHER' });
    expect(kernel.mount(other, { from: '/dev/disk2', on: '/Volumes/MEMORY/d' })).toBe('/Volumes/MEMORY/d');
    expect(namesOf(user, 'd')).toEqual([]);
    writeFile(user, 'd/new', 'y');
    user.chdir('d');
    expect(user.getcwd()).toBe('/Volumes/MEMORY/d');
    expect(readFile(user, '../d/new')).toBe('y');
    expect(namesOf(user, '..')).toEqual(['d']);
    expect(outcome(() => user.rename('new', '../new'))).toBe('EXDEV');
    expect(user.statfs('.').label).toBe('OTHER');
    user.chdir('..');
    expect(outcome(() => user.rmdir('d'))).toBe('EBUSY');
    expect(outcome(() => user.rename('d', 'e'))).toBe('EBUSY');
    expect(outcome(() => kernel.unmount('/dev/disk1s1'))).toBe('EBUSY');
    kernel.unmount('/Volumes/MEMORY/d');
    expect(namesOf(user, 'd')).toEqual(['hidden']);
  });

  test('keep their place when a directory above is renamed', () => {
    const { kernel, clock, user } = machine();
    user.mkdir('d');
    user.mkdir('d/e');
    kernel.mount(new MemoryVolume(clock), { from: '/dev/disk2', on: '/Volumes/MEMORY/d/e' });
    user.rename('d', 'x');
    expect(kernel.findMount('/dev/disk2')?.on).toBe('/Volumes/MEMORY/x/e');
    user.chdir('x/e');
    expect(user.getcwd()).toBe('/Volumes/MEMORY/x/e');
    user.chdir('..');
    expect(user.getcwd()).toBe('/Volumes/MEMORY/x');
  });

  test('are refused where they cannot be', () => {
    const { kernel, clock, user } = machine();
    writeFile(user, 'a');
    const mount = (from: string, on?: string) =>
      outcome(() => kernel.mount(new MemoryVolume(clock), { from, ...(on === undefined ? {} : { on }) }));
    expect(mount('/dev/disk1s1')).toBe('EBUSY');
    expect(mount('/dev/disk1')).toBe('EBUSY');
    expect(mount('/dev/disk2', '/Volumes/MEMORY')).toBe('EBUSY');
    expect(mount('/dev/disk2', '/Volumes/MEMORY/a')).toBe('ENOTDIR');
    expect(mount('/dev/disk2', '/Volumes/no')).toBe('ENOENT');
    expect(mount('/dev/disk11')).toBe('ok');
    expect(outcome(() => kernel.unmount('/dev/disk7'))).toBe('EINVAL');
    expect(outcome(() => kernel.unmount('/'))).toBe('EINVAL');
  });

  test('are not unmounted while somebody is there, and the error says who', () => {
    const { kernel, user, root, volume } = machine();
    writeFile(user, 'notes.txt', 'x');
    const fd = user.open('notes.txt', O_RDONLY);
    let detail = '';
    try {
      kernel.unmount('/Volumes/MEMORY');
    } catch (error) {
      detail = error instanceof FsError ? `${error.code}: ${error.detail}` : '';
    }
    expect(detail).toBe(
      'EBUSY: /Volumes/MEMORY is the current directory of a process; ' +
        '/Volumes/MEMORY is the current directory of a process; notes.txt is open',
    );
    user.close(fd);
    user.chdir('/');
    root.exit();
    kernel.unmount('/Volumes/MEMORY');
    expect(volume.isUnmounted).toBe(true);
    expect(volume.heldNodes()).toBe(0);
    expect(namesOf(user, '/Volumes')).toEqual([]);
    expect(kernel.home).toBe('/');
  });

  test('can all be abandoned at once, as if the power had gone', () => {
    const { kernel, clock, user, volume } = machine();
    user.mkdir('d');
    user.chdir('d');
    const fd = user.open('a', O_WRONLY | O_CREAT);
    kernel.abandonAll();
    expect(volume.isUnmounted).toBe(false);
    expect(user.getcwd()).toBe('/');
    expect(outcome(() => user.write(fd, utf8('x')))).toBe('EBADF');
    expect(kernel.mount(volume, { from: '/dev/disk1s1' })).toBe('/Volumes/MEMORY');
    user.chdir('/Volumes/MEMORY/d');
    expect(namesOf(user, '.')).toEqual(['a']);
    expect(clock.now()).toEqual(user.now());
  });
});

describe('processes', () => {
  test('have a directory, a umask and descriptors of their own', () => {
    const { user, volume } = machine();
    user.mkdir('d');
    const fd = user.open('d', O_RDONLY);
    const child = user.fork();
    child.chdir('d');
    child.umask(0);
    expect(outcome(() => child.close(fd))).toBe('EBADF');
    expect(user.getcwd()).toBe('/Volumes/MEMORY');
    expect(user.umask(0o022)).toBe(0o022);
    expect([child.getuid(), child.getgid()]).toEqual([501, 20]);
    const held = volume.heldNodes();
    child.open('.', O_RDONLY);
    child.exit();
    expect(volume.heldNodes()).toBe(held - 1);
  });

  test('share a directory that is gone', () => {
    const { user } = machine();
    user.mkdir('d');
    user.chdir('d');
    user.rmdir('../d');
    const child = user.fork();
    expect(outcome(() => child.getcwd())).toBe('ENOENT');
    expect(outcome(() => writeFile(child, 'a'))).toBe('ENOENT');
  });

  test('of root may what others may not', () => {
    const { user, root } = machine();
    writeFile(root, 'a', 'secret');
    root.chmod('a', 0o600);
    expect(outcome(() => user.open('a', O_RDONLY))).toBe('EACCES');
    expect(readFile(root, 'a')).toBe('secret');
    expect(user.stat('a').uid).toBe(0);
  });

  test('leave nothing held behind, whatever fails', () => {
    const { user, root, kernel, volume } = machine();
    user.mkdir('d');
    writeFile(user, 'd/a', 'x');
    for (const call of [
      () => user.open('d', O_WRONLY),
      () => user.rmdir('d'),
      () => user.rename('d', 'd/e'),
      () => user.open('no/a', O_CREAT),
      () => user.truncate('d', 1),
      () => user.symlink('x', 'd'),
      () => user.chdir('d/a'),
      () => user.setxattr('d/a', 'x', new Uint8Array(100 * 2 ** 20)),
    ]) {
      expect(outcome(call)).not.toBe('ok');
    }
    user.symlink('x', 'l');
    user.setxattr('d/a', 'x', utf8('1'));
    user.rename('d/a', 'b');
    user.exit();
    root.exit();
    expect(volume.heldNodes()).toBe(0);
    kernel.unmount('/dev/disk1s1');
  });
});

describe('the root file system', () => {
  test('holds /Volumes and /dev and cannot be changed', () => {
    const { root } = machine();
    expect(namesOf(root, '/')).toEqual(['Volumes', 'dev']);
    expect(namesOf(root, '/dev')).toEqual(['null', 'zero', 'random', 'urandom']);
    for (const call of [
      () => root.mkdir('/x'),
      () => root.rmdir('/dev'),
      () => root.unlink('/dev/null'),
      () => root.open('/x', O_CREAT | O_WRONLY),
      () => root.chmod('/dev/null', 0),
      () => root.symlink('x', '/x'),
    ]) {
      expect(outcome(call)).toBe('EROFS');
    }
    expect(root.stat('/dev/null').mode).toBe(0o020666);
  });

  test('null takes all and gives nothing, zero gives zeros, random the same for the same seed', () => {
    const draw = (seed: number) => {
      const { user } = machine({}, { random: new Prng(seed) });
      const into = new Uint8Array(16);
      const fd = user.open('/dev/random', O_RDONLY);
      expect(user.read(fd, into)).toBe(16);
      return [...into];
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    const { user } = machine();
    const into = new Uint8Array(4).fill(7);
    const nothing = user.open('/dev/null', O_RDWR | O_TRUNC | O_CREAT);
    expect(user.write(nothing, into)).toBe(4);
    expect(user.fill(nothing, 2 ** 20, ZERO_FILL)).toBe(2 ** 20);
    expect(user.read(nothing, into)).toBe(0);
    const zeros = user.open('/dev/zero', O_RDONLY);
    expect(user.pread(zeros, into, 2 ** 40)).toBe(4);
    expect([...into]).toEqual([0, 0, 0, 0]);
  });
});

describe('devices', () => {
  function withDisk() {
    const found = machine();
    const device = new FlatDevice(4096);
    found.kernel.addDevice('disk2', device);
    return { ...found, device };
  }

  test('are read and written at any byte through diskN', () => {
    const { user, device } = withDisk();
    device.bytes.fill(1);
    const fd = user.open('/dev/disk2', O_RDWR);
    user.lseek(fd, 510, SEEK_SET);
    expect(user.write(fd, utf8('four'))).toBe(4);
    expect([...device.bytes.slice(508, 516)]).toEqual([1, 1, ...utf8('four'), 1, 1]);
    expect(user.pwrite(fd, new Uint8Array(512).fill(9), 1024)).toBe(512);
    expect([...device.bytes.slice(1023, 1025), ...device.bytes.slice(1535, 1537)]).toEqual([1, 9, 9, 1]);
    const into = new Uint8Array(100);
    expect(user.pread(fd, into, 4050)).toBe(46);
    expect(user.pread(fd, into, 4096)).toBe(0);
    expect(user.pread(fd, into, 2 ** 40)).toBe(0);
    expect(user.pwrite(fd, into, 4090)).toBe(6);
    expect(outcome(() => user.pwrite(fd, into, 4096))).toBe('ENOSPC');
    user.fsync(fd);
    expect(device.log.at(-1)).toEqual({ barrier: 'fsync of /dev/disk2' });
    expect(readBytes(user, '/dev/disk2').length).toBe(0);
  });

  test('take whole blocks only through rdiskN', () => {
    const { user, device } = withDisk();
    const fd = user.open('/dev/rdisk2', O_RDWR);
    expect(outcome(() => user.pwrite(fd, new Uint8Array(511), 0))).toBe('EINVAL');
    expect(outcome(() => user.pwrite(fd, new Uint8Array(512), 1))).toBe('EINVAL');
    expect(outcome(() => user.pread(fd, new Uint8Array(100), 0))).toBe('EINVAL');
    expect(user.pwrite(fd, new Uint8Array(1024).fill(3), 3584)).toBe(512);
    expect(user.pread(fd, new Uint8Array(8192), 512)).toBe(3584);
    expect(device.bytes[4095]).toBe(3);
  });

  test('are the user’s, and root’s, and nobody else’s', () => {
    const { user, root } = withDisk();
    expect(user.stat('/dev/disk2').mode).toBe(0o060640);
    expect(user.stat('/dev/rdisk2').mode).toBe(0o020640);
    expect(outcome(() => user.fork({ uid: 502, gid: 21 }).open('/dev/disk2', O_RDONLY))).toBe('EACCES');
    expect(outcome(() => root.close(root.open('/dev/disk2', O_RDWR)))).toBe('ok');
  });

  test('are not written under a mounted volume, nor mounted while written', () => {
    const { user, kernel, clock } = withDisk();
    kernel.addDevice('disk2s1', new FlatDevice(2048));
    const fd = user.open('/dev/rdisk2', O_WRONLY);
    const mount = () => kernel.mount(new MemoryVolume(clock, { label: 'TWO' }), { from: '/dev/disk2s1' });
    expect(outcome(mount)).toBe('EBUSY');
    user.close(fd);
    expect(mount()).toBe('/Volumes/TWO');
    for (const name of ['disk2', 'rdisk2', 'disk2s1', 'rdisk2s1']) {
      expect(
        outcome(() => user.open(`/dev/${name}`, O_WRONLY)),
        name,
      ).toBe('EBUSY');
      expect(
        outcome(() => user.close(user.open(`/dev/${name}`, O_RDONLY))),
        name,
      ).toBe('ok');
    }
    kernel.unmount('/dev/disk2s1');
    expect(outcome(() => user.open('/dev/disk2', O_WRONLY))).toBe('ok');
    kernel.removeDevice('disk2s1');
    expect(namesOf(user, '/dev')).toEqual(['null', 'zero', 'random', 'urandom', 'disk2', 'rdisk2']);
  });
});
