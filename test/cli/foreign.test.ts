import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Prng } from '../../src/engine/base/prng.ts';
import { findChecker, fsckVfat, runChecker } from '../support/checkers.ts';
import { commandLine } from './built.ts';
import { mixedScript } from './mixed-script.ts';

/**
 * Goal: volumes of others are read and changed byte for byte, and ours are read by others. Method: mkfs.vfat and mtools
 * on one side, the command line on the other, fsck.vfat as judge.
 */
const diskoscope = commandLine();
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

interface Listed {
  readonly path: string;
  readonly type: string;
  readonly size: number;
  readonly sha256: string | null;
}
const manifest = (image: string): Listed[] => {
  const { stdout, stderr, exitCode } = diskoscope(['manifest', image]);
  expect([exitCode, stderr]).toEqual([0, '']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
};

describe('a volume made by mkfs.vfat and filled by mcopy', () => {
  const kinds = [
    ['FAT12', ['-F', '12'], 2 ** 21],
    ['FAT16', ['-F', '16'], 2 ** 25],
    ['FAT32', ['-F', '32'], 2 ** 26],
    ['FAT32 with 4096-byte sectors', ['-F', '32', '-S', '4096'], 2 ** 29],
  ] as const;

  test.each(kinds)('%s is read byte for byte, changed, and clean afterwards', (name, options, sizeBytes) => {
    const programs = ['mkfs.vfat', 'mcopy', 'mdir'].map(findChecker);
    const [mkfs, mcopy, mdir] = programs;
    if (!mkfs || !mcopy || !mdir) return;
    const image = diskoscope.path(`${name}.img`);
    const fd = openSync(image, 'w');
    ftruncateSync(fd, sizeBytes);
    closeSync(fd);
    expect(runChecker(mkfs, [...options, '-n', 'FOREIGN', image]).exitCode).toBe(0);

    const tree = diskoscope.path(`${name}-tree`);
    const prng = new Prng(options.length);
    const files = new Map<string, Uint8Array>();
    for (const path of [
      'README.TXT',
      'a long name.text',
      'dir/sub/ünïcödé 名前.bin',
      'dir/UPPER.low',
      'empty',
    ]) {
      const bytes = prng.bytes(path === 'empty' ? 0 : 1 + prng.below(90_000));
      files.set(`/${path}`, bytes);
      mkdirSync(dirname(`${tree}/${path}`), { recursive: true });
      writeFileSync(`${tree}/${path}`, bytes);
    }
    const top = ['README.TXT', 'a long name.text', 'dir', 'empty'].map((entry) => `${tree}/${entry}`);
    expect(runChecker(mcopy, ['-s', '-i', image, ...top, '::/'])).toMatchObject({ exitCode: 0 });
    const isForeignClean = fsckVfat(image);

    const listed = manifest(image);
    expect(
      new Map(listed.filter(({ type }) => type === 'file').map((file) => [file.path, file.sha256])),
    ).toEqual(new Map([...files].map(([path, bytes]) => [path, sha256(bytes)])));
    const info = JSON.parse(diskoscope(['info', '--json', image]).stdout);
    expect(info.volume.label).toBe('FOREIGN');
    expect(diskoscope(['fsck', image]).exitCode).toBe(0);

    const changes =
      'rm README.TXT; mv dir/sub moved; echo more >> "a long name.text"; mkdir n; mkfile 30k n/new; touch empty';
    expect(diskoscope(['sh', image, '-c', changes])).toMatchObject({ exitCode: 0, stderr: '' });
    expect(fsckVfat(image)).toBe(isForeignClean);
    const back = diskoscope.path(`${name}-back`);
    expect(runChecker(mcopy, ['-n', '-i', image, '::/moved/ünïcödé 名前.bin', back]).exitCode).toBe(0);
    expect(sha256(readFileSync(back))).toBe(sha256(files.get('/dir/sub/ünïcödé 名前.bin')!));
    expect(runChecker(mdir, ['-b', '-i', image, '::/n']).output).toContain('::/n/new');
  });
});

describe('a script of five hundred mixed lines', () => {
  test.each(['each', 'writeback'])(
    'under %s leaves a clean volume that mtools read as the manifest says',
    (policy) => {
      const image = diskoscope.path(`mixed-${policy}.img`);
      diskoscope(['newfs', '-t', 'fat32', '-s', '64m', '-v', 'MIXED', image]);
      const script = diskoscope.path('mixed.sh');
      const lines = mixedScript(42);
      expect(lines.length).toBeGreaterThanOrEqual(500);
      writeFileSync(script, lines.join('\n'));
      const outcome = diskoscope(['sh', image, script, '--policy', policy]);
      expect(outcome.stderr).toContain('No space left on device');
      const unexpected = outcome.stderr
        .split('\n')
        .filter((line) => !/^$|No space left on device/.test(line));
      expect(unexpected).toEqual([]);
      expect(outcome.exitCode).toBe(0);

      expect(fsckVfat(image)).toBe('');
      expect(diskoscope(['fsck', image])).toMatchObject({ exitCode: 0 });
      const listed = manifest(image);
      expect(listed.length).toBeGreaterThan(60);
      readByMtools(image, listed);
    },
  );
});

/** mtools know UCS-2: what lies beyond (😀) is two of these to them. */
const asMtools = (path: string): string => path.replace(/[\ud800-\udfff]/g, '_');

function readByMtools(image: string, listed: readonly Listed[]): void {
  const mdir = findChecker('mdir');
  const mcopy = findChecker('mcopy');
  if (mdir === null || mcopy === null) return;
  const seen = runChecker(mdir, ['-/', '-b', '-a', '-i', image, '::/'])
    .output.split('\n')
    .filter((line) => line.startsWith('::/'))
    .map((line) => line.slice(2).replace(/\/$/, ''));
  expect(seen.toSorted()).toEqual(listed.map(({ path }) => asMtools(path)).toSorted());

  const back = diskoscope.path('read-back');
  mkdirSync(back, { recursive: true });
  expect(runChecker(mcopy, ['-s', '-n', '-i', image, '::/', back])).toMatchObject({ exitCode: 0 });
  for (const { path, type, sha256: sum } of listed) {
    if (type === 'file') expect([path, sha256(readFileSync(back + asMtools(path)))]).toEqual([path, sum]);
  }
}
