import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { fsckExfat } from '../support/checkers.ts';
import { commandLine } from './built.ts';

/** Goal: an image becomes another kind of file, never at the price of one that is there. */
const diskoscope = commandLine();

test('an image is packed, wrapped and unpacked to the same volume; what others type is printed', () => {
  const image = diskoscope.path('a.img');
  expect(diskoscope(['newfs', '-t', 'exfat', '-s', '8m', '-v', 'A', image]).exitCode).toBe(0);
  expect(diskoscope(['sh', image, '-c', 'seq 1 999 > n']).exitCode).toBe(0);
  expect(fsckExfat(image)).toBe('');
  const [packed, dmg, vhd] = ['b.img.gz', 'b.dmg', 'b.vhd'].map((name) => diskoscope.path(name));
  const told = diskoscope(['export', image, packed!]);
  expect(told).toMatchObject({ exitCode: 0, stderr: '' });
  expect(told.stdout).toContain('gunzip -c b.img.gz | dd of=b.img ');
  expect(told.stdout).toContain('CRawDiskImage b.img\n');
  expect(gunzipSync(readFileSync(packed!)).equals(readFileSync(image))).toBe(true);
  expect(diskoscope(['export', image, dmg!]).stdout).toContain('hdiutil attach b.dmg\n');
  expect(diskoscope(['get', dmg!, 'n', '-']).stdout).toContain('\n999\n');
  expect(diskoscope(['export', image, vhd!]).stdout).toContain('Mount-DiskImage -ImagePath "$PWD\\b.vhd"');
  expect(
    readFileSync(vhd!)
      .subarray(2 ** 20, 9 * 2 ** 20)
      .equals(readFileSync(image)),
  ).toBe(true);
  const { blocks, size } = statSync(vhd!);
  expect(blocks * 512).toBeLessThan(size);
  expect(diskoscope(['export', '--bare', '-f', image, dmg!]).exitCode).toBe(0);
  expect(JSON.parse(diskoscope(['info', '--json', dmg!]).stdout)).toMatchObject({ scheme: 'none' });
});

test('a file that is there stays, and a name without a known ending is refused with those there are', () => {
  const image = diskoscope.path('c.img');
  expect(diskoscope(['newfs', '-t', 'fat32', '-s', '4m', image]).exitCode).toBe(0);
  const there = diskoscope.path('there.dmg');
  writeFileSync(there, 'precious');
  expect(diskoscope(['export', image, there])).toMatchObject({ exitCode: 1 });
  expect(readFileSync(there, 'utf8')).toBe('precious');
  const refused = diskoscope(['export', image, diskoscope.path('c.qcow2')]);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain('.img, .img.gz, .dmg, .vhd');
  expect(diskoscope(['export', diskoscope.path('none.img'), diskoscope.path('d.dmg')]).exitCode).toBe(3);
  expect(existsSync(diskoscope.path('d.dmg'))).toBe(false);
});
