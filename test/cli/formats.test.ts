import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fsckExfat, fsckHfsplus, fsckVfat } from '../support/checkers.ts';
import { commandLine } from './built.ts';
import { collected } from './collected.ts';

/** Goal: every subcommand takes every format. Method: made, filled, damaged and repaired; the reference checker judges. */
const diskoscope = commandLine();
const FORMATS = [
  { format: 'fat32', title: 'MS-DOS (FAT32)', judge: fsckVfat },
  { format: 'exfat', title: 'ExFAT', judge: fsckExfat },
  { format: 'hfsplus', title: 'Journaled HFS+', judge: fsckHfsplus },
  { format: 'hfsx', title: 'Case-sensitive Journaled HFS+', judge: fsckHfsplus },
];

describe.each(FORMATS)('$format', ({ format, title, judge }) => {
  const image = () => diskoscope.path(`${format}.img`);

  test('is made, filled and looked at', async () => {
    expect(await collected(['newfs', '-t', format, '-s', '40m', '-v', 'VOLUME', image()])).toMatchObject({
      ...{ exitCode: 0, stderr: '' },
    });
    expect(judge(image())).toBe('');
    const script =
      'mkdir -p d/e; echo hi > d/a; mkfile 20k b; xattr -w org.example v d/a; rm -f d/none; mv b d/e';
    expect(await collected(['sh', image(), '-c', script])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(judge(image())).toBe('');
    const info = JSON.parse((await collected(['info', '--json', image()])).stdout);
    expect(info.volume).toMatchObject({ label: 'VOLUME', formatName: format, title });
    expect((await collected(['manifest', image()])).stdout).toContain('d/e/b');
    expect((await collected(['map', image()])).exitCode).toBe(0);
    expect(diskoscope(['get', image(), 'd/a', '-']).stdout).toBe('hi\n');
    expect(await collected(['fsck', image()])).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('an unknown setting is refused with those there are', async () => {
    const none = diskoscope.path('none.img');
    const refused = await collected(['newfs', '-t', format, '-o', 'no-such-thing=1', none]);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain("no setting 'no-such-thing'");
    expect(() => statSync(none)).toThrow('ENOENT');
  });

  test('with its first blocks gone it is found again by fsck --repair', async () => {
    const fd = openSync(image(), 'r+');
    writeSync(fd, new Uint8Array(2048), 0, 2048, 0);
    closeSync(fd);
    const damaged = await collected(['fsck', '-t', format, image()]);
    expect(damaged.exitCode).toBe(1);
    expect((await collected(['fsck', '-t', format, '--repair', image()])).exitCode).toBe(1);
    expect(judge(image())).toBe('');
    expect((await collected(['fsck', image()])).exitCode).toBe(0);
    expect(diskoscope(['get', image(), 'd/a', '-']).stdout).toBe('hi\n');
  });
});
