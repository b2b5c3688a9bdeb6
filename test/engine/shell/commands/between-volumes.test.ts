import { describe, expect, test } from 'vitest';
import { utf8 } from '../../../../src/engine/base/bytes.ts';
import { UF_HIDDEN } from '../../../../src/engine/vfs/constants.ts';
import { MemoryVolume } from '../../../support/memory-volume.ts';
import { writeFile } from '../../../support/machine.ts';
import { ShellMachine } from '../../../support/shell-machine.ts';

/**
 * Goal: what cp and mv carry from a volume with attributes of its own to one that keeps them in AppleDouble files, and
 * back. Method: one of each in memory; every way of copying, then the attributes one by one.
 */
const FORK = utf8('a resource fork');
const FINDER_INFO = utf8('TEXTttxt').slice();
const MODIFIED = { seconds: 1_500_000_000, nanoseconds: 0 };

function machine(homeIsNative: boolean) {
  const found = new ShellMachine({ limits: { hasExtendedAttributes: homeIsNative } });
  const { kernel, process, clock } = found;
  const other = new MemoryVolume(clock, { label: 'OTHER', hasExtendedAttributes: !homeIsNative });
  kernel.mount(other, { from: '/dev/disk2' });
  process.mkdir('d');
  writeFile(process, 'd/a', 'contents');
  process.setxattr('d/a', 'org.example.note', utf8('a note'));
  const finderInfo = new Uint8Array(32);
  finderInfo.set(FINDER_INFO);
  process.setxattr('d/a', 'com.apple.FinderInfo', finderInfo);
  process.setxattr('d/a', 'com.apple.ResourceFork', FORK);
  process.setxattr('d', 'org.example.note', utf8('of the directory'));
  process.chmod('d/a', 0o640);
  process.chflags('d/a', UF_HIDDEN);
  process.utimes('d/a', { modify: MODIFIED });
  return found;
}

describe.each([
  ['from attributes to AppleDouble', true],
  ['from AppleDouble to attributes', false],
])('%s', (_, homeIsNative) => {
  const dressed = ['com.apple.FinderInfo', 'com.apple.ResourceFork', 'org.example.note'];

  test.each([
    ['cp -Rp d /Volumes/OTHER', true],
    ['cp -a d /Volumes/OTHER', true],
    ['mv d /Volumes/OTHER', true],
    ['mkdir /Volumes/OTHER/d; mv d/a /Volumes/OTHER/d', true],
    ['cp -R d /Volumes/OTHER', false],
    ['mkdir /Volumes/OTHER/d; cp d/a /Volumes/OTHER/d/a', false],
  ])('%s', (line, keepsAll) => {
    const found = machine(homeIsNative);
    const { process } = found;
    expect(found.run(line)).toEqual({ status: 0, stdout: '', stderr: '' });
    const to = '/Volumes/OTHER/d/a';
    expect(process.listxattr(to)).toEqual(dressed);
    expect(process.getxattr(to, 'com.apple.ResourceFork')).toEqual(FORK);
    expect(process.getxattr(to, 'org.example.note')).toEqual(utf8('a note'));
    expect(process.getxattr(to, 'com.apple.FinderInfo').subarray(0, 8)).toEqual(FINDER_INFO);
    expect(found.run('ls -A /Volumes/OTHER/d').stdout).toBe(homeIsNative ? '._a\na\n' : 'a\n');
    if (line.includes(' d /')) expect(process.listxattr('/Volumes/OTHER/d')).toEqual(['org.example.note']);
    const { modifyTime, flags, mode } = process.stat(to);
    expect(modifyTime.seconds === MODIFIED.seconds).toBe(keepsAll);
    expect(flags & UF_HIDDEN).toBe(keepsAll ? UF_HIDDEN : 0);
    expect(mode & 0o777).toBe(0o640);
    if (line.startsWith('mv')) expect(found.run('ls -A').stdout).toBe('');
  });

  test('cp -X leaves them behind; a file that is copied over loses its own', () => {
    const found = machine(homeIsNative);
    const { process } = found;
    const to = '/Volumes/OTHER/a';
    writeFile(process, to, 'older and longer contents');
    process.setxattr(to, 'org.example.old', utf8('old'));
    process.setxattr(to, 'com.apple.ResourceFork', utf8('a much longer resource fork than the new one'));
    expect(found.run(`cp -X d/a ${to}`).status).toBe(0);
    expect(process.listxattr(to)).toEqual(['com.apple.ResourceFork', 'org.example.old']);
    expect(found.run(`cp d/a ${to}`).status).toBe(0);
    expect(process.listxattr(to)).toEqual(dressed);
    expect(process.getxattr(to, 'com.apple.ResourceFork')).toEqual(FORK);
  });
});

test('onto a file that may be written and not read', () => {
  const found = new ShellMachine({ limits: { hasExtendedAttributes: true } });
  const { process } = found;
  writeFile(process, 'a', 'new');
  writeFile(process, 'b', 'old');
  process.chmod('b', 0o200);
  expect(found.run('cp a b; sudo cat b')).toEqual({ status: 0, stdout: 'new', stderr: '' });
});

test('special files: listed, told apart, and neither copied nor read', () => {
  const found = new ShellMachine({ limits: { hasExtendedAttributes: true } });
  const { volume } = found;
  volume.addSpecial('pipe', 'fifo');
  volume.addSpecial('sock', 'socket');
  expect(found.run('ls -lF; ls -l pipe | cut -c1; ls -l sock | cut -c1').stdout).toMatch(
    /^total 0\np.* pipe\|\ns.* sock=\np\ns\n$/,
  );
  expect(found.run('find . -type p; find . -type s; stat -f "%HT" pipe sock').stdout).toBe(
    './pipe\n./sock\nFifo File\nSocket\n',
  );
  expect(found.run('test -p pipe && test -S sock && [[ -p pipe && ! -p sock && ! -f pipe ]]').status).toBe(0);
  expect(found.run('cat pipe sock').stderr).toBe(
    'cat: pipe: Device not configured\ncat: sock: Operation not supported on socket\n',
  );
  expect(found.run('mkdir d; cp -R pipe sock d').stderr).toBe(
    'cp: mkfifo: d/pipe: Operation not supported\ncp: sock is a socket (not copied).\n',
  );
  expect(found.run('rm pipe sock; ls').stdout).toBe('d\n');
});
