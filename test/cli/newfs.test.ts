import { closeSync, mkdirSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { findChecker, fsckVfat, runChecker } from '../support/checkers.ts';
import { commandLine } from './built.ts';
import { collected } from './collected.ts';

const diskoscope = commandLine();
const newfs = (...args: string[]) => diskoscope(['newfs', '-t', 'fat32', ...args]);

describe('newfs', () => {
  test.each(['512k', '3m', '64m', '300m', '2g'])('an image of %s is clean for fsck.vfat', (size) => {
    const image = diskoscope.path(`size-${size}.img`);
    expect(newfs('-s', size, image)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(fsckVfat(image)).toBe('');
  });

  test('a terabyte takes kilobytes on the host', () => {
    const image = diskoscope.path('terabyte.img');
    expect(newfs('-s', '1t', image).exitCode).toBe(0);
    const { size, blocks } = statSync(image);
    expect(size).toBe(2 ** 40);
    expect(blocks * 512).toBeLessThan(2 ** 20);
  });

  test('label, cluster size and type reach the volume', () => {
    const image = diskoscope.path('options.img');
    const made = newfs('-s', '64m', '-v', 'HOLIDAY', '-o', 'cluster-size=4k', '-o', 'type=fat16', image);
    expect(made).toMatchObject({ exitCode: 0 });
    const info = JSON.parse(diskoscope(['info', '--json', image]).stdout);
    expect(info.volume).toMatchObject({ label: 'HOLIDAY', allocationBlockSizeBytes: 4096 });
    expect(info.volume.title).toContain('FAT16');
    expect(fsckVfat(image)).toBe('');
  });

  test('the same seed makes the same bytes, another one another serial number', () => {
    const bytes = (name: string, seed: string) => {
      expect(newfs('-s', '3m', '--seed', seed, diskoscope.path(name)).exitCode).toBe(0);
      return readFileSync(diskoscope.path(name));
    };
    const first = bytes('seed-a.img', '5');
    expect(first.equals(bytes('seed-b.img', '5'))).toBe(true);
    expect(first.equals(bytes('seed-c.img', '6'))).toBe(false);
  });

  test.each(['gpt', 'mbr'])('a %s map puts the volume on a mebibyte, as the map says', (scheme) => {
    const image = diskoscope.path(`${scheme}.img`);
    expect(newfs('-s', '64m', '--scheme', scheme, '-v', 'PART', image).exitCode).toBe(0);
    const sector = new Uint8Array(512);
    const fd = openSync(image, 'r');
    readSync(fd, sector, 0, 512, 0);
    expect([sector[510], sector[511], sector[446 + 4]]).toEqual([0x55, 0xaa, scheme === 'gpt' ? 0xee : 0x0c]);
    readSync(fd, sector, 0, 512, 512);
    expect(Buffer.from(sector.subarray(0, 8)).toString() === 'EFI PART').toBe(scheme === 'gpt');

    // The partition alone is a volume that fsck.vfat calls clean.
    const { slices } = JSON.parse(diskoscope(['info', '--json', image]).stdout);
    expect(slices).toHaveLength(1);
    expect(slices[0].firstBlock).toBe(2048);
    const part = new Uint8Array(slices[0].sizeBytes);
    readSync(fd, part, 0, part.length, 2048 * 512);
    closeSync(fd);
    const volume = diskoscope.path(`${scheme}-part.img`);
    writeFileSync(volume, part);
    expect(fsckVfat(volume)).toBe('');

    expect(diskoscope(['sh', image, '-c', 'echo hi > a; ls']).stdout).toBe('a\n');
    expect(diskoscope(['fsck', image]).exitCode).toBe(0);
    const mdir = findChecker('mdir');
    if (mdir !== null) {
      expect(runChecker(mdir, ['-b', '-i', `${image}@@1M`, '::']).output).toContain('::/a');
    }
  });
});

describe('newfs refuses', () => {
  test('a file that is there, unless it is empty or --force is given', () => {
    const image = diskoscope.path('there.img');
    writeFileSync(image, 'precious');
    const refused = newfs('-s', '3m', image);
    expect(refused).toMatchObject({ exitCode: 1 });
    expect(refused.stderr).toContain('is there already and not empty; --force replaces it.');
    expect(readFileSync(image, 'utf8')).toBe('precious');
    expect(newfs('-s', '3m', '--force', image).exitCode).toBe(0);
    expect(statSync(image).size).toBe(3 * 2 ** 20);
    // Without -s it keeps its size.
    expect(newfs('--force', image).exitCode).toBe(0);
    expect(statSync(image).size).toBe(3 * 2 ** 20);

    const empty = diskoscope.path('empty.img');
    writeFileSync(empty, '');
    expect(newfs('-s', '3m', empty).exitCode).toBe(0);
  });

  test.each([
    [['-s', '10k'], 1, 'too small'],
    [['-s', '0'], 1, 'too small'],
    [['-s', '17t'], 1, 'larger than 16 TiB'],
    [['-s', '1000001'], 1, 'whole number of 512-byte blocks'],
    [['-s', 'big'], 2, "'big' is not a size"],
    [['-s', '64m', '-o', 'cluster-size=3k'], 1, 'cluster'],
    [['-s', '64m', '-o', 'colour=red'], 1, 'colour'],
    [['-s', '64m', '-o', 'colour'], 1, 'colour'],
    [['-s', '64m', '-o', '=red'], 2, '-o takes KEY=VALUE or KEY'],
    [['-s', '64m', '-v', 'A LABEL FAR TOO LONG FOR FAT'], 1, 'label'],
    [['-s', '64m', '--scheme', 'gtp'], 2, 'did you mean gpt?'],
    [['-s', '64m', '--seed', 'x'], 2, '--seed takes a whole number'],
    [['-s', '512k', '--scheme', 'gpt'], 1, 'too small for a partition map'],
  ])('%j with exit code %i and a sentence', async (args, exitCode, sentence) => {
    const image = diskoscope.path('refused.img');
    const outcome = await collected(['newfs', '-t', 'fat32', ...args, image]);
    expect(outcome.stderr).toContain(sentence);
    expect(outcome.exitCode).toBe(exitCode);
    expect(statSync(image, { throwIfNoEntry: false })).toBeUndefined();
  });

  test('places where nothing can be made', () => {
    const folder = diskoscope.path('folder.img');
    mkdirSync(folder);
    expect(newfs(folder)).toMatchObject({ exitCode: 1 });
    expect(newfs(folder).stderr).toContain('is not a plain file');
    expect(newfs(diskoscope.path('no/such/a.img')).stderr).toContain('there is no such file');
    expect(diskoscope(['newfs', '-t', 'ext4', 'x.img'])).toMatchObject({ exitCode: 2 });
    expect(diskoscope(['newfs', 'x.img']).stderr).toContain('-t is missing');
  });
});
