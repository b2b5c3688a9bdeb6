import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { fsckVfat } from '../support/checkers.ts';
import { commandLine } from './built.ts';

const diskoscope = commandLine();
const image = () => diskoscope.path('a.img');
const sh = (...args: string[]) => diskoscope(['sh', image(), ...args]);
const fingerprint = () => createHash('sha256').update(readFileSync(image())).digest('hex');

beforeAll(() => {
  expect(diskoscope(['newfs', '-t', 'fat32', '-s', '64m', image()]).exitCode).toBe(0);
});

describe('sh', () => {
  test('a line runs in the root of the volume and its changes stay', () => {
    expect(sh('-c', 'echo hi > a; ls -l | tail -n 1')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(sh('-c', 'cat a; pwd').stdout).toMatch(/^hi\n\/Volumes\//);
    expect(fsckVfat(image())).toBe('');
  });

  test('a script file, a script on standard input, and its exit code', () => {
    const script = diskoscope.path('script.sh');
    writeFileSync(script, 'mkdir -p d/e\nfor i in 1 2 3; do\n  echo $i >> d/e/f\ndone\ncat d/e/f\nexit 7\n');
    expect(sh(script)).toMatchObject({ exitCode: 7, stdout: '1\n2\n3\n' });
    expect(diskoscope(['sh', image(), '-'], 'cat d/e/f | wc -l; false\n').exitCode).toBe(1);
    expect(sh('-c', 'ls nothing')).toMatchObject({
      exitCode: 1,
      stderr: 'ls: nothing: No such file or directory\n',
    });
    expect(sh('-c', 'nosuchcommand').exitCode).toBe(127);
  });

  test('a script may erase the disk it came from', () => {
    const other = diskoscope.path('erased.img');
    diskoscope(['newfs', '-t', 'fat32', '-s', '64m', other]);
    const outcome = diskoscope([
      'sh',
      other,
      '-c',
      'cd /; diskutil eraseDisk JHFS+ New disk1; ls -d /Volumes/*',
    ]);
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    expect(outcome.stdout).toContain('/Volumes/New');
  });

  test('commands read standard input when the script does not', () => {
    const outcome = diskoscope(['sh', image(), '-c', 'cat > typed; wc -c < typed'], 'x'.repeat(300_000));
    expect(outcome.stdout.trim()).toBe('300000');
    expect(diskoscope(['sh', image(), '-'], 'cat; echo end\n').stdout).toBe('end\n');
  });

  test('bytes pass unchanged in both directions', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const host = diskoscope.path('bytes');
    writeFileSync(host, bytes);
    expect(diskoscope(['put', image(), host, 'bytes']).exitCode).toBe(0);
    expect(sh('-c', 'xxd -p bytes | tr -d "\\n"').stdout).toBe(bytes.toString('hex'));
  });

  test('a script that fails half-way keeps what it did; one that cannot be understood changes nothing', () => {
    expect(sh('-c', 'echo kept > kept; false').exitCode).toBe(1);
    expect(sh('-c', 'cat kept').stdout).toBe('kept\n');
    const before = fingerprint();
    const unfinished = sh('-c', 'echo lost > lost; for i in 1 2');
    expect(unfinished).toMatchObject({ exitCode: 2 });
    expect(unfinished.stderr).toContain('ends in the middle of a command');
    expect(sh('-c', 'echo lost > lost; )').exitCode).toBe(2);
    expect(fingerprint()).toBe(before);
  });

  test('looking changes not a single byte, nor the time of the file', () => {
    const before = fingerprint();
    const { mtimeMs } = statSync(image());
    expect(sh('-c', 'ls -lR; cat a; du; df; find . -name a').exitCode).toBe(0);
    expect([fingerprint(), statSync(image()).mtimeMs]).toEqual([before, mtimeMs]);
  });

  test('statistics are JSON on standard error', () => {
    const { stderr, stdout } = sh('--stats', '-c', 'mkfile 100k counted; echo out');
    const stats = JSON.parse(stderr);
    expect(stdout).toBe('out\n');
    expect(stats.bytesByRole.data).toBe(102400);
    expect(stats.blocks).toBeGreaterThan(200);
    expect(stats.bytes).toBe(stats.blocks * 512);
    expect(stats.writes).toBeGreaterThan(2);
    expect(stats.barriers).toBeGreaterThan(0);
    expect(stats.simulatedNanoseconds).toBeGreaterThan(0);
    expect(stats.wallMilliseconds).toBeGreaterThan(0);
  });

  test('writeback gathers: fewer writes for the same files', () => {
    const line = 'for i in 1 2 3 4 5 6 7 8 9; do echo $i > g$i; done; rm g?';
    const writes = (policy: string) =>
      JSON.parse(sh('--stats', '--policy', policy, '-c', line).stderr).writes;
    const gathered = writes('writeback');
    expect(gathered * 2).toBeLessThan(writes('each'));
    expect(fsckVfat(image())).toBe('');
  });

  test('a full disk is a message and exit code 1, and the volume stays whole', () => {
    const { exitCode, stderr } = sh('-c', 'mkfile 20m f1 && mkfile 60m f2; echo x > y && cat y');
    expect(stderr).toContain('No space left on device');
    expect(exitCode).toBe(0);
    expect(
      sh(
        '-c',
        'i=0; while echo block > e$i; do i=$((i+1)); dd if=/dev/zero of=full$i bs=1m count=9 status=none || break; done; rm full* e* f1',
      ),
    ).toMatchObject({ exitCode: 0 });
    expect(fsckVfat(image())).toBe('');
  });

  test('a prompt without line and script runs what comes in, until exit', () => {
    const outcome = diskoscope(
      ['sh', image()],
      'echo one\nfor i in a b; do\necho $i\ndone\nscope undo\nexit 3\n',
    );
    expect(outcome.exitCode).toBe(3);
    expect(outcome.stdout).toContain('one\n');
    expect(outcome.stdout).toContain('a\nb\n');
    expect(diskoscope(['sh', image()], 'echo > atprompt').exitCode).toBe(0);
    expect(sh('-c', 'ls atprompt').exitCode).toBe(0);
  });

  test('line and script together, unknown policies and odd seeds are misuse', () => {
    expect(sh('-c', 'ls', 'script')).toMatchObject({ exitCode: 2 });
    expect(sh('--policy', 'sometimes').stderr).toContain('it takes each or writeback');
    expect(sh('--seed', '1.5', '-c', 'ls')).toMatchObject({ exitCode: 2 });
    expect(sh('/no/such/script')).toMatchObject({ exitCode: 3 });
  });
});

describe('the same seed and script', () => {
  test('give the same image, on the host as in the engine', () => {
    const script =
      'mkdir a b; dd if=/dev/random of=a/noise bs=1k count=9 status=none; echo $RANDOM > b/c; mv a/noise b/';
    const made = ['1', '1', '2'].map((seed, i) => {
      const path = diskoscope.path(`same-${i}.img`);
      diskoscope(['newfs', '-t', 'fat32', '-s', '3m', path]);
      expect(diskoscope(['sh', path, '--seed', seed, '-c', script])).toMatchObject({
        exitCode: 0,
        stderr: '',
      });
      return readFileSync(path);
    });
    expect(made[0]?.equals(made[1]!)).toBe(true);
    expect(made[0]?.equals(made[2]!)).toBe(false);
  });
});
