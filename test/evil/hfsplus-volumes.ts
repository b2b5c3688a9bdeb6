import { ftruncateSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { viewOf } from '../../src/engine/base/bytes.ts';
import type { Device } from '../../src/engine/device/device.ts';
import type { Store } from '../../src/engine/device/store.ts';
import { findChecker, fsckHfsplus, runChecker } from '../support/checkers.ts';
import { DAMAGE, sparseFile, storeOfBytes } from './volumes.ts';

/** HFS+ volumes made by mkfs.hfsplus, and ways to spoil them. */
export interface HfsplusRecipe {
  readonly name: string;
  readonly sizeBytes: number;
  readonly isJournaled: boolean;
  readonly isCaseSensitive: boolean;
  readonly options: readonly string[];
}

export const PLAIN: HfsplusRecipe = {
  name: 'HFS+',
  sizeBytes: 16 << 20,
  isJournaled: false,
  isCaseSensitive: false,
  options: [],
};
export const JOURNALED: HfsplusRecipe = {
  ...PLAIN,
  name: 'journaled HFS+',
  isJournaled: true,
  options: ['-J'],
};
export const SENSITIVE: HfsplusRecipe = { ...PLAIN, name: 'HFSX', isCaseSensitive: true, options: ['-s'] };
export const SMALL_BLOCKS: HfsplusRecipe = {
  ...PLAIN,
  name: 'HFS+ with blocks of 512 bytes',
  options: ['-b', '512'],
};

export const RECIPES = [PLAIN, JOURNALED, SENSITIVE, SMALL_BLOCKS];

const made = new Map<string, Store>();

/** Null where mkfs.hfsplus is missing (after saying so). Made once, forked. */
export function makeHfsplus(recipe: HfsplusRecipe): Store | null {
  const known = made.get(recipe.name);
  if (known) return known.fork();
  const mkfs = findChecker('mkfs.hfsplus');
  if (mkfs === null) return null;
  const folder = mkdtempSync(join(tmpdir(), 'diskoscope-'));
  try {
    const image = join(folder, 'volume.img');
    const file = openSync(image, 'w');
    ftruncateSync(file, recipe.sizeBytes);
    closeSync(file);
    const { exitCode, output } = runChecker(mkfs, ['-v', 'Witness', ...recipe.options, image]);
    if (exitCode !== 0) throw new Error(output);
    const store = storeOfBytes(readFileSync(image), recipe.sizeBytes);
    // mkfs.hfsplus forgets the flag that its own fsck wants on the root of HFSX.
    if (recipe.isCaseSensitive) patch(store, rootFolderAt(store) + 2, [0, 0x10]);
    made.set(recipe.name, store);
    return store.fork();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const hfsplusVerdict = (device: Device): string => fsckHfsplus(sparseFile(device));

export function bytesAt(device: Device, offsetBytes: number, lengthBytes: number): Uint8Array {
  const first = Math.floor(offsetBytes / 512);
  const end = Math.ceil((offsetBytes + lengthBytes) / 512);
  const bytes = new Uint8Array((end - first) * 512);
  device.read(first, bytes);
  return bytes.slice(offsetBytes - first * 512, offsetBytes - first * 512 + lengthBytes);
}

export function patch(device: Device, offsetBytes: number, content: ArrayLike<number>): void {
  const first = Math.floor(offsetBytes / 512);
  const end = Math.ceil((offsetBytes + content.length) / 512);
  const bytes = new Uint8Array((end - first) * 512);
  device.read(first, bytes);
  bytes.set(content, offsetBytes - first * 512);
  device.write(first, bytes, DAMAGE);
}

/** The header of the volume. */
export const headerOf = (device: Device): DataView => viewOf(bytesAt(device, 1024, 512));

/** First byte of the catalog, of which the volumes here have one piece. */
export const catalogAt = (device: Device): number =>
  headerOf(device).getUint32(272 + 16) * headerOf(device).getUint32(40);

/** The record of the root folder of a volume whose catalog is one leaf; its data, not its key. */
export function rootFolderAt(device: Device): number {
  const at = catalogAt(device);
  const header = viewOf(bytesAt(device, at, 512));
  const nodeSize = header.getUint16(14 + 18);
  const leaf = at + header.getUint32(14 + 10) * nodeSize;
  return leaf + 14 + 2 + viewOf(bytesAt(device, leaf + 14, 2)).getUint16(0);
}
