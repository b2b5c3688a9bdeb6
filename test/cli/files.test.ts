import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { Prng } from '../../src/engine/base/prng.ts';
import { fsckVfat } from '../support/checkers.ts';
import { commandLine } from './built.ts';
import { collected } from './collected.ts';

/** What succeeds and says nothing. */
const IN_SILENCE = { exitCode: 0, stdout: '', stderr: '' };
const diskoscope = commandLine();
const image = () => diskoscope.path('a.img');
async function manifest() {
  const { stdout } = await collected(['manifest', image()]);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
}

beforeAll(async () => {
  expect((await collected(['newfs', '-t', 'fat32', '-s', '64m', image()])).exitCode).toBe(0);
});

describe('put and get', () => {
  test.each([0, 1, 511, 512, 513, 2 ** 20, 3_333_333])(
    '%i bytes come back as they went',
    async (sizeBytes) => {
      const host = diskoscope.path(`in-${sizeBytes}`);
      const back = diskoscope.path(`out-${sizeBytes}`);
      writeFileSync(host, new Prng(sizeBytes).bytes(sizeBytes));
      utimesSync(host, 1_600_000_000, 1_600_000_000);
      expect(await collected(['put', image(), host, 'copy'])).toEqual(IN_SILENCE);
      expect(await collected(['get', image(), '/copy', back])).toEqual(IN_SILENCE);
      expect(readFileSync(back).equals(readFileSync(host))).toBe(true);
      expect(statSync(back).mtimeMs).toBe(1_600_000_000_000);
      expect(fsckVfat(image())).toBe('');
    },
  );

  test('a directory stands for the name in it, on both sides', async () => {
    const host = diskoscope.path('named.txt');
    writeFileSync(host, 'content');
    await collected(['sh', image(), '-c', 'mkdir -p deep/er']);
    expect((await collected(['put', image(), host, 'deep/er/'])).exitCode).toBe(0);
    mkdirSync(diskoscope.path('folder'));
    expect((await collected(['get', image(), 'deep/er/named.txt', diskoscope.path('folder')])).exitCode).toBe(
      0,
    );
    expect(readFileSync(diskoscope.path('folder/named.txt'), 'utf8')).toBe('content');
  });

  test('names that FAT cannot hold are mapped as macOS maps them, and are themselves again', async () => {
    const host = diskoscope.path('odd');
    writeFileSync(host, 'odd');
    expect((await collected(['put', image(), host, 'what? a*b"c|d<e>'])).exitCode).toBe(0);
    expect(diskoscope(['get', image(), 'what? a*b"c|d<e>', '-']).stdout).toBe('odd');
    expect((await manifest()).map(({ path }) => path)).toContain('/what? a*b"c|d<e>');
    expect(fsckVfat(image())).toBe('');
  });

  test('- is standard input and standard output', () => {
    expect(diskoscope(['put', image(), '-', 'piped'], 'through a pipe').exitCode).toBe(0);
    expect(diskoscope(['get', image(), 'piped', '-']).stdout).toBe('through a pipe');
  });

  test('a file of 5 GiB is refused before anything is written, in a sentence', async () => {
    const host = diskoscope.path('huge');
    const fd = openSync(host, 'w');
    ftruncateSync(fd, 5 * 2 ** 30);
    closeSync(fd);
    const big = diskoscope.path('big.img');
    await collected(['newfs', '-t', 'fat32', '-s', '16g', big]);
    const before = statSync(big);
    const refused = await collected(['put', big, host, 'huge']);
    expect(refused).toMatchObject({ exitCode: 1 });
    expect(refused.stderr).toContain('File too large (5,368,709,120 bytes; a file of');
    expect(refused.stderr).toContain('nothing was written');
    expect([statSync(big).mtimeMs, statSync(big).blocks]).toEqual([before.mtimeMs, before.blocks]);
    expect((await collected(['sh', big, '-c', 'ls'])).stdout).toBe('');
  });

  test('what does not fit is refused before anything is written', async () => {
    const host = diskoscope.path('large');
    writeFileSync(host, new Uint8Array(70 * 2 ** 20));
    const before = readFileSync(image());
    const refused = await collected(['put', image(), host, 'large']);
    expect(refused).toMatchObject({ exitCode: 1 });
    expect(refused.stderr).toMatch(/No space left on device \(73,400,320 bytes, and [\d,]+ are free/);
    const piped = diskoscope(['put', image(), '-', 'large'], new Uint8Array(70 * 2 ** 20));
    expect(piped).toMatchObject({ exitCode: 1 });
    expect(piped.stderr).toContain('No space left on device');
    expect(readFileSync(image()).equals(before)).toBe(true);
  });

  test.each([
    [['put', 'IMAGE', 'no-such-host-file', 'x'], 3, 'there is no such file'],
    [['put', 'IMAGE', '/', 'x'], 1, 'is a directory; put copies single files'],
    [['put', 'IMAGE', 'HOST', 'no/such/dir/x'], 1, 'No such file or directory'],
    [['put', 'IMAGE', 'HOST', ''], 2, 'PATH is empty'],
    [['put', 'IMAGE', 'HOST', `${'n'.repeat(256)}`], 1, 'File name too long'],
    [['put', 'IMAGE', '-', 'deep'], 1, 'give the name'],
    [['get', 'IMAGE', 'missing', 'x'], 1, 'No such file or directory'],
    [['get', 'IMAGE', 'deep', 'x'], 1, 'get copies single files'],
    [['get', 'IMAGE', 'copy', '/no/such/place'], 1, 'there is no such file'],
    [['get', 'IMAGE'], 2, 'PATH is missing'],
  ])('%j: exit code %i and a sentence', async (args, exitCode, sentence) => {
    const paths = new Map([
      ['IMAGE', image()],
      ['HOST', diskoscope.path('in-1')],
    ]);
    const outcome = await collected(args.map((word) => paths.get(word) ?? word));
    expect(outcome.stderr).toContain(sentence);
    expect(outcome.exitCode).toBe(exitCode);
  });

  test('no piece of an unfinished file stays on the host', () => {
    expect(readdirSync(diskoscope.path('.')).filter((name) => name.includes('.new-'))).toEqual([]);
  });
});

describe('manifest', () => {
  test('lists every file with what it is, sorted by path', async () => {
    const lines =
      'echo hi > m/file; touch m/empty; mkdir m/dir m/dir.x; echo z > m/dir/z; ln -s ../m/file m/link';
    await collected([
      'sh',
      image(),
      '-c',
      `mkdir m; ${lines}; xattr -w com.example.note hello m/file; mkfile 2m m/ünïcödé`,
    ]);
    const files = (await manifest()).filter(({ path }) => path.startsWith('/m/'));
    expect(files.map(({ path }) => path)).toEqual([
      '/m/._file',
      '/m/dir',
      '/m/dir.x',
      '/m/dir/z',
      '/m/empty',
      '/m/file',
      '/m/link',
      '/m/ünïcödé',
    ]);
    const find = (path: string) => files.find((file) => file.path === path);
    expect(find('/m/file')).toMatchObject({
      ...{ type: 'file', mode: '0777', nlink: 1, size: 3, target: null },
      sha256: createHash('sha256').update('hi\n').digest('hex'),
      xattrs: { 'com.example.note': Buffer.from('hello').toString('base64') },
    });
    expect(find('/m/dir')).toMatchObject({ type: 'directory', sha256: null, size: 0 });
    expect(find('/m/link')).toMatchObject({ type: 'symlink', target: '../m/file', sha256: null });
    expect(find('/m/file').mtime).toMatch(/^2026-01-01T09:00:\d\d(\.\d+)?Z$/);
    expect(find('/m/ünïcödé').sha256).toBe(
      createHash('sha256')
        .update(Buffer.alloc(2 ** 21))
        .digest('hex'),
    );
  });
});

describe('files of other people, on a volume with owners', () => {
  test('manifest, put and get do as the superuser, and what is new belongs to the user', async () => {
    const owned = diskoscope.path('owned.img');
    expect((await collected(['newfs', '-t', 'hfsplus', '-s', '16m', owned])).exitCode).toBe(0);
    const lock = 'mkdir d; echo secret > d/f; sudo chown -R root d; sudo chmod 700 d; sudo chmod 600 d/f';
    expect(await collected(['sh', owned, '-c', lock])).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await collected(['sh', owned, '-c', 'cat d/f'])).stderr).toContain('Permission denied');
    expect(await collected(['manifest', owned])).toMatchObject({ exitCode: 0, stderr: '' });
    expect(diskoscope(['get', owned, '/d/f', '-']).stdout).toBe('secret\n');
    expect(diskoscope(['put', owned, '-', '/d/new'], 'x').exitCode).toBe(0);
    expect((await collected(['sh', owned, '-c', 'sudo stat -f %u d/new'])).stdout).toBe('501\n');
  });
});
