import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { Volume, VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { findChecker, runChecker, temporaryFolder } from '../../../support/checkers.ts';
import { sparseImageFile } from '../../../support/formats.ts';
import { ApfsDisk, DIRECTORY_INIT, INIT } from './apfs-disk.ts';

/**
 * Goal: other people's readers, which have no code in common with a checker or with us, find every file with its bytes.
 * Method: a volume with all that a file can be, trees of several levels; fsapfsinfo lists it with sums, 7-Zip unpacks
 * it. 7-Zip knows neither clones nor holes, and opens no volume that has changed since its newest snapshot.
 */
const NAMES = ['notes.txt', 'hällo 😀 世界', 'UPPER and lower', 'e\u0301', 'a'.repeat(255), 'a.b.c'];

/** `isForAll`: nothing that only few readers know. */
function fill(volume: Volume, seed: number, isForAll: boolean): void {
  const prng = new Prng(seed);
  const folders = [volume.root];
  for (let i = 0; i < 12; i++) {
    const parent = folders[prng.below(folders.length)] ?? volume.root;
    folders.push(volume.makeDirectory(parent, `folder ${i}`, DIRECTORY_INIT));
  }
  for (let i = 0; i < 400; i++) {
    const folder = folders[prng.below(folders.length)] ?? volume.root;
    const name = `${i} ${NAMES[i % NAMES.length]}`.slice(0, 255);
    if (i % 19 === 0) {
      volume.makeSymlink?.(folder, name, 'folder 1/elsewhere', INIT);
      continue;
    }
    const node = volume.create(folder, name, { ...INIT, mode: [0o644, 0o755, 0o600][i % 3] ?? 0 });
    const gapBytes = !isForAll && i % 7 === 0 ? 50_000 + i : 0;
    volume.write(node, gapBytes, prng.bytes(prng.below(20_000)));
    if (i % 11 === 0) volume.setExtendedAttribute?.(node, 'org.example.tag', prng.bytes(i % 2 ? 90 : 6000));
    if (i % 13 === 0) volume.link?.(node, volume.root, `link ${i}`);
    if (i % 5 === 0) volume.truncate(node, isForAll ? 0 : prng.below(30_000));
    if (i % 10 === 0) volume.write(node, 0, prng.bytes(5000));
    if (!isForAll && i % 6 === 0) {
      volume.clone?.(node, volume.root, `clone ${i}`, null);
      if (i % 12 === 0) volume.write(node, 4096, prng.bytes(3000));
    }
    if (!isForAll && i % 10 === 3) volume.punchHole?.(node, 4096, 4096);
  }
  if (!isForAll) volume.snapshots?.create('middle');
  for (const [i, folder] of folders.entries()) {
    const node = volume.create(folder, `late ${i}`, INIT);
    volume.write(node, 0, prng.bytes(9000));
  }
}

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
const NO_SUM = '0'.repeat(32);

/** A line for each path, as fsapfsinfo has it. */
function linesOf(volume: Volume): string[] {
  const lines: string[] = [];
  const visit = (node: VolumeNode, path: string): void => {
    const { mode, uid, gid, sizeBytes, type, inode, modifyTime } = volume.attributes(node);
    const bytes = new Uint8Array(type === 'file' ? sizeBytes : 0);
    if (type === 'file') volume.read(node, 0, bytes);
    const target = type === 'symlink' ? ` -> ${volume.readLink?.(node)}` : '';
    lines.push(
      [
        bytes.length === 0 ? NO_SUM : md5(bytes),
        ...[`/${path}${target}`, inode, permissionsOf(mode, type), uid, gid],
        ...[bytes.length, modifyTime.seconds],
      ].join('|'),
    );
    if (type !== 'directory') return;
    for (const { name } of volume.list(node, null, 10_000).entries) {
      const child = volume.lookup(node, name);
      if (child === undefined) throw new Error(`${name} is there`);
      visit(child, path === '' ? name : `${path}/${name}`);
    }
  };
  visit(volume.root, '');
  return lines.sort();
}

function permissionsOf(mode: number, type: string): string {
  const bits = Array.from({ length: 9 }, (_, i) => ((mode >> (8 - i)) & 1 ? 'rwx'.charAt(i % 3) : '-'));
  return `${type === 'directory' ? 'd' : type === 'symlink' ? 'l' : '-'}${bits.join('')}`;
}

/** The same from fsapfsinfo, of volume `number`, from 1. Empty files have a sum there. */
function listed(fsapfsinfo: string, image: string, number: number): string[] {
  const body = join(temporaryFolder(), 'body');
  const { exitCode, output } = runChecker(fsapfsinfo, ['-d', '-f', `${number}`, '-B', body, '-H', image]);
  expect(exitCode, output).toBe(0);
  const lines = readFileSync(body, 'utf8').split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const [sum = '', path = '', inode, mode, uid, gid, size, , modified = ''] = line.split('|');
      const seconds = modified.split('.')[0];
      const inVolume = path.replace(/^\/\{[-0-9a-f]+\}/, '');
      return [sum === EMPTY_SUM ? NO_SUM : sum, inVolume, inode, mode, uid, gid, size, seconds].join('|');
    })
    .sort();
}

const EMPTY_SUM = md5(new Uint8Array(0));

const SETTINGS: readonly Record<string, string>[] = [{}, { 'case-sensitive': 'yes' }];

describe.each(SETTINGS)('%o', (settings) => {
  test('fsapfsinfo lists every file of both volumes with its bytes, clones and changed clones too', () => {
    const fsapfsinfo = findChecker('fsapfsinfo');
    if (fsapfsinfo === null) return;
    const disk = new ApfsDisk({ sizeBytes: 2 ** 30, policy: 'writeback', settings });
    const { container } = disk;
    const random = new Prng(5);
    const index = container.addVolume({ label: 'Second', isCaseSensitive: true, random });
    const second = container.mountVolume(index, { isReadOnly: false });
    fill(disk.volume, 1, false);
    fill(second, 2, false);
    const expected = [linesOf(disk.volume), linesOf(second)];
    second.unmount();
    disk.unmount();
    const image = sparseImageFile(disk.store);
    expect([listed(fsapfsinfo, image, 1), listed(fsapfsinfo, image, 2)]).toEqual(expected);
    const names = [...runChecker(fsapfsinfo, [image]).output.matchAll(/\tName\s*: (.*)/g)].map(
      ([, name]) => name,
    );
    expect(names, 'volumes, each with its snapshot').toEqual(['TEST', 'middle', 'Second', 'middle']);
  });
});

/** A line for each file that was unpacked: path, sum. */
function unpackedFiles(folder: string, path = ''): string[] {
  return readdirSync(join(folder, path)).flatMap((name) => {
    const inner = path === '' ? name : `${path}/${name}`;
    const status = lstatSync(join(folder, inner));
    if (status.isDirectory()) return unpackedFiles(folder, inner);
    return status.isFile() ? [`/${inner} ${md5(readFileSync(join(folder, inner)))}`] : [];
  });
}

test('7-Zip finds the archive whole and unpacks every file with its bytes', () => {
  const sevenZip = findChecker('7zz');
  if (sevenZip === null) return;
  const disk = new ApfsDisk({ sizeBytes: 64 * 2 ** 20, policy: 'writeback' });
  fill(disk.volume, 3, true);
  const expected = linesOf(disk.volume)
    .map((line) => line.split('|'))
    .filter(([, , , mode]) => mode?.startsWith('-'))
    .map(([sum, path]) => `${path} ${sum === NO_SUM ? EMPTY_SUM : sum}`)
    .sort();
  disk.unmount();
  const image = sparseImageFile(disk.store);
  const tested = runChecker(sevenZip, ['t', image]);
  expect([tested.exitCode, tested.output.includes('Everything is Ok')], tested.output).toEqual([0, true]);
  const folder = temporaryFolder();
  // Without alternate streams, which would be files beside these here.
  const { exitCode, output } = runChecker(sevenZip, ['x', '-y', '-sns-', `-o${folder}`, image]);
  expect(exitCode, output).toBe(0);
  expect(unpackedFiles(folder).sort()).toEqual(expected);
});
