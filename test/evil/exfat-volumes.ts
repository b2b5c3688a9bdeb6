import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Prng } from '../../src/engine/base/prng.ts';
import type { Device } from '../../src/engine/device/device.ts';
import type { Store } from '../../src/engine/device/store.ts';
import { findChecker, fsckExfat, runChecker } from '../support/checkers.ts';
import { ExfatPatient } from './exfat-patient.ts';
import { sparseFile, storeOfBytes } from './volumes.ts';

/** exFAT volumes that mkfs.exfat made and that were filled by hand, without a line of the code under test. */
export const exfatVerdict = (device: Device): string => fsckExfat(sparseFile(device));

export interface ExfatRecipe {
  readonly clusterSizeBytes: number;
  readonly sizeBytes: number;
}

export const SMALL_CLUSTERS: ExfatRecipe = { clusterSizeBytes: 4096, sizeBytes: (5 << 20) + 3 * 4096 };
export const ONE_SECTOR_CLUSTERS: ExfatRecipe = { clusterSizeBytes: 512, sizeBytes: (6 << 20) + 3 * 512 };

const made = new Map<ExfatRecipe, Store>();

/** Null where mkfs.exfat is missing (after saying so). Made once, forked. */
export function makeExfat(recipe: ExfatRecipe): Store | null {
  const known = made.get(recipe);
  if (known) return known.fork();
  const mkfs = findChecker('mkfs.exfat');
  if (mkfs === null) return null;
  const folder = mkdtempSync(join(tmpdir(), 'diskoscope-'));
  try {
    const image = join(folder, 'volume.img');
    const file = openSync(image, 'w');
    ftruncateSync(file, recipe.sizeBytes);
    closeSync(file);
    const { exitCode, output } = runChecker(mkfs, [
      '-c',
      String(recipe.clusterSizeBytes),
      '-L',
      'DISK',
      image,
    ]);
    if (exitCode !== 0) throw new Error(`exit ${exitCode}: ${output}`);
    const store = storeOfBytes(readFileSync(image));
    fill(new ExfatPatient(store));
    made.set(recipe, store);
    return store.fork();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const LONG_NAME = 'A file with a long name, more than two entries of it.text';
export const NAME_255 = `B${'b'.repeat(250)}.txt`;

const data = (length: number, seed: number): Uint8Array => new Prng(seed).bytes(length);

function fill(patient: ExfatPatient): void {
  patient.growRoot(Math.max(0, 4096 / patient.geometry.clusterSizeBytes - 1));
  patient.addFile('', 'notes.txt', data(10_000, 1));
  patient.addFile('', 'chained.bin', data(20_000, 2), false);
  patient.addFile('', 'empty.txt', data(0, 0));
  patient.addFile('', LONG_NAME, data(700, 3));
  patient.addFile('', NAME_255, data(70, 4));
  patient.addDirectory('', 'photos');
  patient.addFile('photos', 'a.jpg', data(3000, 5));
  patient.addFile('photos', 'b.jpg', data(9000, 6), false);
  patient.addDirectory('photos', 'summer holidays', false);
  patient.addFile('photos/summer holidays', 'beach.jpg', data(2500, 7));
}
