import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device, WriteLabel } from '../../src/engine/device/device.ts';
import { Store } from '../../src/engine/device/store.ts';
import { findChecker, fsckVfat, runChecker, temporaryFolder } from '../support/checkers.ts';

/** Volumes made by other people's tools, and ways to spoil them. */
export const DAMAGE: WriteLabel = { role: 'reserved', owner: 'test', reason: 'damage' };

/** The bytes of an image as a store that keeps only what is not zero. */
export function storeOfBytes(bytes: Uint8Array, sizeBytes = bytes.length): Store {
  const store = new Store({ blockSizeBytes: 512, blockCount: sizeBytes / 512 });
  for (let block = 0; block * 512 < bytes.length; block++) {
    const content = bytes.subarray(block * 512, block * 512 + 512);
    if (content.some((byte) => byte !== 0)) store.write(block, content, DAMAGE);
  }
  return store;
}

/** A sparse file with the contents of the device; goes when the test ends. */
export function sparseFile(device: Device): string {
  const path = join(temporaryFolder(), 'volume.img');
  const file = openSync(path, 'w');
  const { blockSizeBytes, blockCount } = device;
  ftruncateSync(file, blockSizeBytes * blockCount);
  const block = new Uint8Array(blockSizeBytes);
  for (let at = device.nextStored(0); at < blockCount; at = device.nextStored(at + 1)) {
    device.read(at, block);
    writeSync(file, block, 0, blockSizeBytes, at * blockSizeBytes);
  }
  closeSync(file);
  return path;
}

/** What fsck.vfat -n says, strictly; '' for clean. */
export const vfatVerdict = (device: Device): string => fsckVfat(sparseFile(device));

export interface Recipe {
  readonly type: 12 | 16 | 32;
  readonly sizeBytes: number;
  readonly sectorsPerCluster: number;
  readonly label?: string;
}

export const FLOPPY: Recipe = { type: 12, sizeBytes: 1440 * 1024, sectorsPerCluster: 1, label: 'FLOPPY' };
export const SMALL_16: Recipe = { type: 16, sizeBytes: 12 << 20, sectorsPerCluster: 4, label: 'SIXTEEN' };
export const SMALL_32: Recipe = { type: 32, sizeBytes: 36 << 20, sectorsPerCluster: 1, label: 'DISK' };

const made = new Map<Recipe, Store>();

/** A volume that mkfs.vfat made and mcopy filled; null where they are missing (after saying so). Made once, forked. */
export function makeVolume(recipe: Recipe): Store | null {
  const known = made.get(recipe);
  if (known) return known.fork();
  const mkfs = findChecker('mkfs.vfat');
  const mcopy = findChecker('mcopy');
  if (mkfs === null || mcopy === null) return null;
  const folder = mkdtempSync(join(tmpdir(), 'diskoscope-'));
  try {
    const volume = makeVolumeIn(folder, recipe, mkfs, mcopy);
    made.set(recipe, volume);
    return volume.fork();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function makeVolumeIn(folder: string, recipe: Recipe, mkfs: string, mcopy: string): Store {
  const image = join(folder, 'volume.img');
  const file = openSync(image, 'w');
  ftruncateSync(file, recipe.sizeBytes);
  closeSync(file);
  const options = ['-F', String(recipe.type), '-s', String(recipe.sectorsPerCluster), '--invariant'];
  if (recipe.label) options.push('-n', recipe.label);
  expectSuccess(runChecker(mkfs, [...options, image]));
  const tree = join(folder, 'tree');
  makeTree(tree);
  const paths = [
    'notes.txt',
    'empty.txt',
    LONG_NAME,
    'photos',
    'many',
    'spare 1.txt',
    'spare 2.txt',
    'spare 3.txt',
  ].map((name) => join(tree, name));
  expectSuccess(runChecker(mcopy, ['-i', image, '-s', '-m', ...paths, '::']));
  return storeOfBytes(readFileSync(image));
}

export const LONG_NAME = 'A file with a long name, twice thirteen and more.text';

function makeTree(tree: string): void {
  mkdirSync(join(tree, 'photos', 'summer holidays 2026'), { recursive: true });
  mkdirSync(join(tree, 'many'));
  writeFileSync(join(tree, 'notes.txt'), 'n'.repeat(5000));
  writeFileSync(join(tree, 'empty.txt'), '');
  writeFileSync(join(tree, 'spare 1.txt'), '1');
  writeFileSync(join(tree, 'spare 2.txt'), '2');
  writeFileSync(join(tree, 'spare 3.txt'), '3');
  writeFileSync(join(tree, LONG_NAME), 'L'.repeat(700));
  writeFileSync(join(tree, 'photos', 'a.jpg'), 'a'.repeat(3000));
  writeFileSync(join(tree, 'photos', 'b.jpg'), 'b'.repeat(9000));
  writeFileSync(join(tree, 'photos', 'summer holidays 2026', 'beach.jpg'), 's'.repeat(2500));
  for (let i = 0; i < 40; i++) writeFileSync(join(tree, 'many', `file number ${i}.txt`), `${i}`);
}

function expectSuccess({ exitCode, output }: { exitCode: number; output: string }): void {
  if (exitCode !== 0) throw new Error(`exit ${exitCode}: ${output}`);
}
