import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { Prng } from '../../src/engine/base/prng.ts';
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

test('an image packed with gzip is read by every command that reads, without a copy on the host', () => {
  const image = diskoscope.path('e.img');
  expect(diskoscope(['newfs', '-t', 'exfat', '-s', '8m', '-v', 'PACKED', image]).exitCode).toBe(0);
  expect(
    diskoscope(['sh', image, '-c', 'mkdir d; seq 1 999 > d/n; dd if=/dev/random of=z bs=1m count=3'])
      .exitCode,
  ).toBe(0);
  const packed = diskoscope.path('e.img.gz');
  // What gzip itself makes; the name says nothing, the first bytes do.
  writeFileSync(packed, gzipSync(readFileSync(image)));
  const renamed = diskoscope.path('e.img.packed');
  copyFileSync(packed, renamed);
  const before = readFileSync(packed);
  const plain = (words: readonly string[]) =>
    diskoscope(words.map((word) => (word === 'IMAGE' ? image : word)));
  for (const words of [
    ['manifest', 'IMAGE'],
    ['get', 'IMAGE', 'd/n', '-'],
    ['fsck', 'IMAGE'],
    ['info', '--json', 'IMAGE'],
    ['map', 'IMAGE'],
    ['inspect', 'IMAGE', '--path', '/d/n'],
    ['sh', '--read-only', 'IMAGE', '-c', 'ls -lR; md5 d/n; touch new'],
  ]) {
    const expected = plain(words);
    for (const path of words[0] === 'manifest' ? [packed, renamed] : [packed]) {
      const told = diskoscope(words.map((word) => (word === 'IMAGE' ? path : word)));
      const unnamed = (text: string) => text.replaceAll(path, 'IMAGE').replaceAll(image, 'IMAGE');
      expect(unnamed(told.stdout), words.join(' ')).toBe(unnamed(expected.stdout));
      expect(told.exitCode, words.join(' ')).toBe(expected.exitCode);
    }
  }
  expect(diskoscope(['sh', '--read-only', packed, '-c', 'touch new']).stderr).toContain(
    'Read-only file system',
  );
  const out = diskoscope.path('f.img');
  expect(diskoscope(['export', packed, out]).exitCode).toBe(0);
  expect(readFileSync(out).equals(readFileSync(image))).toBe(true);
  expect(readFileSync(packed).equals(before)).toBe(true);
  expect(
    readdirSync(diskoscope.path('.'))
      .filter((name) => /\.new-|e\.img\./.test(name))
      .sort(),
  ).toEqual([...['e.img.gz', 'e.img.packed']]);
});

test('what would write a packed image says why not and what to try, and leaves it as it is', () => {
  const image = diskoscope.path('g.img');
  expect(diskoscope(['newfs', '-t', 'fat32', '-s', '4m', image]).exitCode).toBe(0);
  const packed = diskoscope.path('g.img.gz');
  writeFileSync(packed, gzipSync(readFileSync(image)));
  const before = readFileSync(packed);
  for (const words of [
    ['sh', packed, '-c', 'ls'],
    ['put', packed, image, 'x'],
    ['fsck', '--repair', packed],
  ]) {
    const { exitCode, stdout, stderr } = diskoscope(words);
    expect([exitCode, stdout], words[0]).toEqual([2, '']);
    expect(stderr).toContain('an image packed with gzip is only read; `gunzip -k` unpacks it beside itself');
  }
  expect(readFileSync(packed).equals(before)).toBe(true);
  const made = diskoscope(['newfs', '-t', 'fat32', diskoscope.path('h.img.gz')]);
  expect(made).toMatchObject({ exitCode: 2 });
  expect(made.stderr).toContain('newfs makes plain images; `diskoscope export IMAGE OUT.img.gz` packs one');
});

test('a packed image that is cut short, damaged or empty is exit code 3 and a sentence', () => {
  const whole = gzipSync(new Prng(3).bytes(200_000));
  const damaged = Buffer.from(whole);
  damaged.fill(0x55, 90_000, 90_100);
  const wrongSum = Buffer.from(whole);
  wrongSum.writeUInt8(wrongSum.readUInt8(wrongSum.length - 8) ^ 1, wrongSum.length - 8);
  for (const [name, bytes, sentence] of [
    ['cut.gz', whole.subarray(0, 100_000), 'damaged or cut short'],
    ['head.gz', whole.subarray(0, 5), 'damaged or cut short'],
    ['damaged.gz', damaged, 'damaged or cut short'],
    ['sum.gz', wrongSum, 'damaged or cut short'],
    ['nothing.gz', gzipSync(new Uint8Array(0)), 'no disk image'],
    ['noise.gz', whole, ''],
  ] as const) {
    const path = diskoscope.path(name);
    writeFileSync(path, bytes);
    const { exitCode, stdout, stderr } = diskoscope(['manifest', path]);
    expect([exitCode, stdout], name).toEqual([3, '']);
    expect(stderr, name).toContain(sentence);
    expect(stderr, name).not.toMatch(/\bat .*\.js:\d+|undefined/);
  }
});
