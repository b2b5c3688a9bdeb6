import {
  chmodSync,
  copyFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { beforeAll, describe, expect, test } from 'vitest';
import { Prng } from '../../src/engine/base/prng.ts';
import { commandLine } from './built.ts';
import { collected } from './collected.ts';

/** Goal: whatever a file holds, every command answers in a sentence with the right exit code, and ends. */
const diskoscope = commandLine();
const path = (name: string) => diskoscope.path(name);

beforeAll(() => {
  diskoscope(['newfs', '-t', 'fat32', '-s', '64m', path('good.img')]);
  diskoscope(['sh', path('good.img'), '-c', 'mkdir d; mkfile 100k d/a; echo hi > b']);
  const good = readFileSync(path('good.img'));
  writeFileSync(path('empty'), '');
  writeFileSync(path('tiny'), 'tiny');
  writeFileSync(path('random'), new Prng(1).bytes(2 ** 20));
  writeFileSync(path('zeros'), new Uint8Array(2 ** 20));
  writeFileSync(path('text'), 'this is no disk image\n'.repeat(2000));
  mkdirSync(path('directory'));
  writeFileSync(path('cut'), good.subarray(0, 600_000));
  writeFileSync(path('cut-early'), good.subarray(0, 700));
  const magicless = Buffer.from(good);
  magicless.fill(0, 0, 512);
  magicless.fill(0, 6 * 512, 7 * 512);
  writeFileSync(path('magicless'), magicless);
});

const UNREADABLE = [
  'missing',
  'empty',
  'tiny',
  'random',
  'zeros',
  'text',
  'directory',
  'magicless',
  'cut-early',
];
const COMMANDS: readonly (readonly [string, (image: string) => string[]])[] = [
  ['sh', (image) => ['sh', image, '-c', 'ls']],
  ['put', (image) => ['put', image, path('tiny'), 'x']],
  ['get', (image) => ['get', image, 'b', path('out')]],
  ['manifest', (image) => ['manifest', image]],
  ['fsck', (image) => ['fsck', image]],
  ['fsck --repair', (image) => ['fsck', '--repair', image]],
  ['fsck --json', (image) => ['fsck', '--json', image]],
  ['info', (image) => ['info', image]],
  ['inspect --path', (image) => ['inspect', image, '--path', '/b']],
];

describe.each(COMMANDS)('%s', (_, words) => {
  test.each(UNREADABLE)('of %s: exit code 3 and a sentence', async (name) => {
    const before = ['missing', 'directory'].includes(name) ? null : readFileSync(path(name));
    const { exitCode, stdout, stderr } = await collected(words(path(name)));
    expect(stdout + stderr).toMatch(/[a-z ]{10,}/);
    expect(stdout + stderr).not.toMatch(/\bat .*\.js:\d+|Invariant|undefined/);
    expect(exitCode).toBe(3);
    if (before !== null) expect(readFileSync(path(name)).equals(before)).toBe(true);
  });

  test('called wrongly: exit code 2, the usage line and no trace of a crash', () => {
    const { exitCode, stderr } = diskoscope([...words('x'), '--nonsense']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('There is no option --nonsense');
    expect(stderr).toContain('usage: diskoscope');
  });

  test('explains itself', () => {
    const { exitCode, stdout, stderr } = diskoscope([words('x')[0] ?? '', '--help']);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toContain('usage: diskoscope');
  });
});

describe('a truncated image', () => {
  test('is looked at as far as it goes, and never hangs', () => {
    for (const words of [['manifest'], ['info'], ['map'], ['fsck'], ['inspect', '-b', '3']]) {
      const [name = '', ...rest] = words;
      const outcome = diskoscope([name, path('cut'), ...rest]);
      expect([0, 1, 3]).toContain(outcome.exitCode);
      expect(outcome.stdout + outcome.stderr).not.toMatch(/\bat .*\.js:\d+|Invariant/);
    }
  });
});

describe('no image at all', () => {
  test('map and inspect show what blocks there are', () => {
    expect(diskoscope(['map', path('zeros')]).exitCode).toBe(0);
    expect(diskoscope(['inspect', path('random'), '--block', '5']).exitCode).toBe(0);
    expect(diskoscope(['map', path('missing')]).exitCode).toBe(3);
    expect(diskoscope(['inspect', path('good.img'), '--block', '131072']).stderr).toContain(
      'from 0 to 131071',
    );
  });

  test('no command, an unknown one and a mistyped one', () => {
    expect(diskoscope([])).toMatchObject({ exitCode: 2 });
    expect(diskoscope(['--help'])).toMatchObject({ exitCode: 0, stderr: '' });
    expect(diskoscope(['nwfs']).stderr).toContain('did you mean newfs?');
    expect(diskoscope(['nwfs'])).toMatchObject({ exitCode: 2 });
  });
});

test('the installed command says what to do before it was built', () => {
  mkdirSync(path('unbuilt/scripts'), { recursive: true });
  copyFileSync('scripts/diskoscope.mjs', path('unbuilt/scripts/diskoscope.mjs'));
  const { status, stderr } = spawnSync(process.execPath, [path('unbuilt/scripts/diskoscope.mjs')], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([3, 'diskoscope: not built yet: run npm run build first\n']);
});

describe('damage', () => {
  test('a directory that contains itself is listed once and ends', () => {
    const image = path('loop.img');
    const bytes = readFileSync(path('good.img'));
    // The entry of 'd' in the root names the root's own first cluster: an endless path.
    const at = bytes.indexOf('D          ');
    expect(at).toBeGreaterThan(0);
    bytes.writeUInt16LE(2, at + 26);
    writeFileSync(image, bytes);
    for (const words of [
      ['manifest', image],
      ['sh', image, '-c', 'ls -R; find .; du; rm -rf d; cp -R d e'],
      ['fsck', image],
      ['map', image],
    ]) {
      const outcome = diskoscope(words);
      expect(outcome.stderr).not.toMatch(/\bat .*\.js:\d+|Invariant/);
      expect(outcome.exitCode).not.toBe(-1);
    }
  });

  test('fsck names it with exit code 1, repairs it, and then there is nothing left', () => {
    const image = path('dirty.img');
    const bytes = readFileSync(path('good.img'));
    bytes.writeUInt32LE(0x0fffffff, 32 * 512 + 4 * 5000);
    writeFileSync(image, bytes);
    const found = diskoscope(['fsck', image, '--json']);
    expect(found.exitCode).toBe(1);
    expect(JSON.parse(found.stdout)).toMatchObject({ isClean: false, isReadable: true });
    expect(JSON.parse(found.stdout).findings.length).toBeGreaterThan(0);
    expect(diskoscope(['fsck', image, '--repair']).exitCode).toBe(1);
    expect(diskoscope(['fsck', image])).toMatchObject({ exitCode: 0 });
  });
});

describe('the host', () => {
  test('a script that is killed leaves the image as it was', async () => {
    const before = readFileSync(path('good.img'));
    const script = ['sh', path('good.img'), '-c', 'echo gone > gone; echo started; while :; do :; done'];
    const child = spawn(process.execPath, [diskoscope.program(), ...script]);
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    await once(child, 'exit');
    expect(readFileSync(path('good.img')).equals(before)).toBe(true);
  });

  test('an image that somebody else changed meanwhile is left to him', async () => {
    const image = path('raced.img');
    writeFileSync(image, readFileSync(path('good.img')));
    const child = spawn(process.execPath, [diskoscope.program(), 'sh', image, '-c', 'echo on; cat > typed']);
    await once(child.stdout, 'data');
    const fd = openSync(image, 'r+');
    writeSync(fd, 'theirs', 2 ** 25);
    closeSync(fd);
    const theirs = readFileSync(image);
    let complaint = '';
    child.stderr.on('data', (text) => (complaint += text));
    child.stdin.end('ours');
    const [exitCode] = await once(child, 'exit');
    expect(exitCode).toBe(1);
    expect(complaint).toContain('was changed by another program meanwhile; nothing is written');
    expect(readFileSync(image).equals(theirs)).toBe(true);
  });

  test('a write that fails half-way is taken back', () => {
    const image = path('limited.img');
    writeFileSync(image, readFileSync(path('good.img')));
    const before = readFileSync(image);
    // The shell's limit on file sizes lets the first megabytes be written and no more.
    const script = 'trap "" XFSZ; ulimit -f 8000; exec "$@"';
    const line = 'dd if=/dev/random of=x bs=1m count=9 status=none';
    const { status, stderr } = spawnSync(
      '/bin/sh',
      ['-c', script, 'sh', process.execPath, diskoscope.program(), 'sh', image, '-c', line],
      { encoding: 'utf8' },
    );
    expect(stderr).toContain('does not allow files of that size; it is as it was before.');
    expect(status).toBe(1);
    expect(readFileSync(image).equals(before)).toBe(true);
  });

  test('an image that may not be written can still be looked at', () => {
    const image = path('read-only.img');
    writeFileSync(image, readFileSync(path('good.img')));
    chmodSync(image, 0o444);
    expect(diskoscope(['manifest', image]).exitCode).toBe(0);
    if (process.getuid?.() === 0) return; // The superuser may write it all the same.
    expect(diskoscope(['sh', image, '-c', 'ls'])).toMatchObject({ exitCode: 3 });
  });

  test('an image whose size is no whole number of blocks keeps its tail', () => {
    const image = path('tail.img');
    writeFileSync(image, readFileSync(path('good.img')));
    truncateSync(image, 2 ** 26 + 100);
    expect(diskoscope(['sh', image, '-c', 'echo x > x'])).toMatchObject({ exitCode: 0 });
    expect(readFileSync(image).length).toBe(2 ** 26 + 100);
  });
});
