import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { foreignImages, temporaryFolder } from '../support/checkers.ts';
import { collected } from './collected.ts';

/**
 * Goal: volumes that macOS wrote open as they are, and every file of theirs is what its maker said. Method: the images
 * beside the checkout, through the command line; the ground truth is what stands beside each.
 */
interface Line {
  readonly path: string;
  readonly type: string;
  readonly mode: string;
  readonly nlink: number;
  readonly size: number;
  readonly sha256: string | null;
  readonly target: string | null;
  readonly xattrs: Readonly<Record<string, string>>;
}

/** The image unpacked into a folder of the test's own, or null after saying why not. */
function unpacked(name: string): string | null {
  const folder = foreignImages();
  if (folder === null) return null;
  const packed = join(folder, name);
  const image = join(temporaryFolder(), name.replaceAll('/', '-'));
  if (name.endsWith('.gz')) writeFileSync(image, gunzipSync(readFileSync(packed)));
  else if (name.endsWith('.xz')) {
    const { status, stdout } = spawnSync('xz', ['-dc', packed], { maxBuffer: 2 ** 30 });
    if (status !== 0) {
      if (process.env['CI']) throw new Error('xz is missing');
      console.warn(`not checked: ${name} (xz is not on this machine)`);
      return null;
    }
    writeFileSync(image, stdout);
  } else copyFileSync(packed, image);
  return image;
}

async function manifest(image: string): Promise<Line[]> {
  const { stdout, stderr, exitCode } = await collected(['manifest', image]);
  expect([exitCode, stderr]).toEqual([0, '']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

const sum = (algorithm: string, bytes: Uint8Array): string =>
  createHash(algorithm).update(bytes).digest('hex');

/** What every image has to pass: our check finds nothing wrong that macOS would have left behind. */
async function expectClean(image: string): Promise<void> {
  const { stdout, exitCode } = await collected(['fsck', image]);
  expect(stdout).toContain('appears to be OK');
  expect(exitCode).toBe(0);
}

async function label(image: string): Promise<string> {
  const { stdout } = await collected(['info', '--json', image]);
  return (JSON.parse(stdout) as { volume: { label: string } }).volume.label;
}

interface Truth {
  readonly type: string;
  readonly mode?: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly target?: string;
  readonly xattrs?: Readonly<Record<string, { readonly size: number; readonly sha256: string }>>;
}

/** Every file and the name of the volume are as the list beside the image says. Returns our lines by path. */
async function expectTruth(image: string, list: string): Promise<Map<string, Line>> {
  const { files, volumeName } = JSON.parse(readFileSync(join(foreignImages()!, list), 'utf8')) as {
    files: Record<string, Truth>;
    volumeName: string;
  };
  const lines = new Map((await manifest(image)).map((line) => [line.path.slice(1).normalize('NFC'), line]));
  for (const [path, truth] of Object.entries(files)) {
    const line = lines.get(path.normalize('NFC'));
    expect(line, path).toBeDefined();
    if (line === undefined) continue;
    expect([path, line.type]).toEqual([path, truth.type]);
    if (truth.target !== undefined) expect([path, line.target]).toEqual([path, truth.target]);
    if (truth.sha256 !== undefined) {
      expect([path, line.size, line.sha256, Number.parseInt(line.mode, 8)]).toEqual([
        ...[path, truth.size, truth.sha256],
        Number(truth.mode),
      ]);
    }
    const attributes = Object.entries(line.xattrs).map(([name, value]) => {
      const bytes = Buffer.from(value, 'base64');
      return [name, { size: bytes.length, sha256: sum('sha256', bytes) }] as const;
    });
    // The list was made without attributes that say how a file is stored.
    const shown = attributes.filter(([name]) => name !== 'com.apple.decmpfs');
    const isCompressed = shown.length < attributes.length;
    expect([
      path,
      Object.fromEntries(shown.filter(([name]) => !isCompressed || !name.endsWith('Fork'))),
    ]).toEqual([path, truth.xattrs ?? {}]);
  }
  expect(await label(image)).toBe(volumeName);
  return lines;
}

describe('exFAT as macOS writes it', () => {
  test('files, sizes and sums are those of the list beside the image', async () => {
    const image = unpacked('exfat/gofilesystems-image.exfat.gz');
    if (image === null) return;
    const expected = readFileSync(join(foreignImages()!, 'exfat/gofilesystems-EXPECTED.txt'), 'utf8');
    const truth = [...expected.matchAll(/^([0-9a-f]{32})\s+(\d+)\s+(\/\S+)$/gm)];
    expect(truth.length).toBe(2);
    const lines = await manifest(image);
    expect(lines.filter(({ type }) => type === 'file').map(({ path }) => path)).toEqual(
      truth.map(([, , , path]) => path),
    );
    for (const [, md5, size, path = ''] of truth) {
      const host = join(temporaryFolder(), 'got');
      expect((await collected(['get', image, path, host])).exitCode).toBe(0);
      const bytes = readFileSync(host);
      expect([path, bytes.length, sum('md5', bytes)]).toEqual([path, Number(size), md5]);
    }
    expect(await label(image)).toBe('EXFATTEST');
  });
});

describe('HFS+ as macOS writes it', () => {
  test('a disk image with attributes, a resource fork, hard links and compression equals its manifest', async () => {
    const image = unpacked('hfsplus/goapfs-hfs-basic.dmg');
    if (image === null) return;
    const lines = await expectTruth(image, 'hfsplus/goapfs-hfs-manifest.json');
    expect(lines.get('hello.txt')?.nlink).toBe(2);
    await expectClean(image);
  });

  test.each(['j', 'c'])('the disk image hfsp-%s', async (kind) => {
    const image = unpacked(`hfsplus/hdimac-test-disk-image-hfsp-${kind}.dmg`);
    if (image === null) return;
    const files = (await manifest(image)).filter(({ path }) => /^\/file-.\.txt$/.test(path));
    expect(files.map(({ path }) => path)).toEqual(['/file-a.txt', '/file-b.txt', '/file-c.txt']);
    await expectClean(image);
    const info = (await collected(['info', image])).stdout;
    expect(info).toContain(kind === 'c' ? 'Case-sensitive' : 'Journaled HFS+');
  });

  test('a packed disk image is only read, and the sentence says what to do', async () => {
    const image = unpacked('hfsplus/hdimac-test-disk-image-hfsp-j.dmg');
    if (image === null) return;
    const before = readFileSync(image);
    const { exitCode, stderr } = await collected(['sh', image, '-c', 'echo new > file']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('hdiutil convert');
    expect(readFileSync(image).equals(before)).toBe(true);
  });

  test.each([
    ['hfsplus/dfvfs-hfsplus.raw.gz', undefined, undefined],
    // The volume header counts one file and two folders more: the private folders of links, and what they hold.
    ['hfsplus/penguin359-hfsp-small.img.xz', 21, 3],
    ['hfsplus/penguin359-hfsp-many2.img.xz', 14_984, 602],
  ])('%s lists whole and is clean', async (name, fileCount, folderCount) => {
    const image = unpacked(name);
    if (image === null) return;
    const lines = await manifest(image);
    if (fileCount !== undefined) {
      expect(lines.filter(({ type }) => type !== 'directory').length).toBe(fileCount);
      expect(lines.filter(({ type }) => type === 'directory').length).toBe(folderCount);
    }
    await expectClean(image);
  });
});

describe('APFS as macOS writes it', () => {
  test('a container with attributes, compression, hard links and a long attribute equals its manifest', async () => {
    const image = unpacked('apfs/goapfs-basic.img.gz');
    if (image === null) return;
    const lines = await expectTruth(image, 'apfs/goapfs-manifest.json');
    expect(lines.get('hello.txt')?.nlink).toBe(2);
    await expectClean(image);
  });

  test('a bare container: links, attributes, private folders', async () => {
    const image = unpacked('apfs/dfvfs-apfs.raw.gz');
    if (image === null) return;
    const lines = new Map((await manifest(image)).map((line) => [line.path, line]));
    expect([...lines.keys()].filter((path) => !path.startsWith('/.fseventsd'))).toEqual([
      ...['/a_directory', '/a_directory/a_file', '/a_directory/a_resourcefork'],
      ...['/a_directory/another_file', '/a_link', '/passwords.txt'],
    ]);
    expect(lines.get('/a_link')?.target).toBe('a_directory/another_file');
    // MD5 sums as fsapfsinfo -H -d prints them.
    const host = join(temporaryFolder(), 'got');
    for (const [path, md5] of [
      ['/passwords.txt', '39cb097008d17660abd0539891a672af'],
      ['/a_directory/a_file', '85bebf486af24792085f769afa46717d'],
      ['/a_directory/another_file', 'd54ff73404ed6041a3bd66850b061bff'],
    ] as const) {
      expect((await collected(['get', image, path, host])).exitCode).toBe(0);
      expect([path, sum('md5', readFileSync(host))]).toEqual([path, md5]);
    }
    expect(await label(image)).toBe('apfs_test');
    await expectClean(image);
  });

  test('the first blocks of a container: what they still hold is read, and nothing is written', async () => {
    const image = unpacked('apfs/securityronin-apfs_content.bin.gz');
    if (image === null) return;
    const lines = new Map((await manifest(image)).map((line) => [line.path, line]));
    const sumOf = (path: string) => lines.get(path)?.sha256;
    expect(sumOf('/plain.txt')).toBe(sum('sha256', Buffer.from('APFS P4 plain file. Hello extents.\n')));
    expect(sumOf('/Dir1/Beth.txt')).toBe(sum('sha256', Buffer.from('Beth target content for symlink.\n')));
    const pangram = 'The quick brown fox jumps over the lazy dog. '.repeat(4000);
    expect(sumOf('/compressed.txt')).toBe(sum('sha256', Buffer.from(pangram)));
    expect(lines.get('/sparse.bin')?.size).toBe(69_632);
    expect(sumOf('/sparse.bin')).toMatch(/^fe0fc4fa.*cc822a$/);
    expect(lines.get('/symlink_to_beth')?.target).toBe('Dir1/Beth.txt');
    const tag = lines.get('/plain.txt')?.xattrs['com.example.tag'] ?? '';
    expect(Buffer.from(tag, 'base64').toString()).toBe('forensic-marker-P4');
    const { exitCode, stderr } = await collected(['sh', image, '-c', 'echo new > file']);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('Read-only file system');
  });

  test('an encrypted volume is named and stays locked', async () => {
    const image = unpacked('apfs/goapfs-encrypted.img.gz');
    if (image === null) return;
    const { exitCode, stderr } = await collected(['manifest', image]);
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/encrypted|locked/);
    const { slices } = JSON.parse((await collected(['info', '--json', image])).stdout) as {
      slices: { device: string; volume?: { label: string; isEncrypted: boolean } }[];
    };
    const volume = slices.find(({ device }) => device === 'disk2s1')?.volume;
    expect(volume?.isEncrypted).toBe(true);
  });
});
