import { ftruncateSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { viewOf } from '../../src/engine/base/bytes.ts';
import type { Device } from '../../src/engine/device/device.ts';
import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { SILENT } from '../../src/engine/base/trace.ts';
import { Store } from '../../src/engine/device/store.ts';
import type { Format, Volume } from '../../src/engine/formats/contract.ts';
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

const filled = new Map<string, Store>();

/**
 * A volume with something of everything: nested folders, 300 files in leaves below an index, three hard links of one
 * file, a symbolic link, attributes in the tree and in blocks, two files in more pieces than a record holds.
 */
export function populated(format: Format, settings: Record<string, string>): Store {
  const key = `${format.name} ${JSON.stringify(settings)}`;
  const known = filled.get(key);
  if (known) return known.fork();
  const clock = new SimulatedClock();
  const store = new Store({ blockSizeBytes: 512, blockCount: (12 << 20) / 512 });
  format.newfs(store, { label: 'Witness', settings, clock, random: new Prng(7), partitionFirstBlock: 0 });
  const volume = format.mount(store, {
    isReadOnly: false,
    policy: 'writeback',
    clock,
    trace: SILENT,
    owner: { uid: 501, gid: 20 },
    timeZoneMinutes: 0,
  });
  fill(volume);
  volume.unmount();
  filled.set(key, store);
  return store.fork();
}

function fill(volume: Volume): void {
  const init = { mode: 0o755, uid: 501, gid: 20 };
  const { root } = volume;
  const folder = volume.makeDirectory(root, 'folder', init);
  const deep = volume.makeDirectory(folder, 'deep', init);
  const many = volume.makeDirectory(root, 'many', init);
  const small = new Uint8Array(100).fill(0x61);
  for (let i = 0; i < 300; i++) {
    const file = volume.create(many, `file number ${i} with a name`, init);
    volume.write(file, 0, small);
    volume.release(file);
  }
  const linked = volume.create(folder, 'linked', init);
  volume.write(linked, 0, small);
  volume.link?.(linked, folder, 'second link');
  volume.link?.(linked, deep, 'third link');
  volume.setExtendedAttribute?.(linked, 'user.small', small);
  volume.setExtendedAttribute?.(folder, 'user.large', new Uint8Array(20_000).fill(0x62));
  volume.release(linked);
  const symlink = volume.makeSymlink?.(deep, 'symlink', '../many', init);
  if (symlink) volume.release(symlink);
  const one = volume.create(root, 'pieces one', init);
  const two = volume.create(root, 'pieces two', init);
  const block = new Uint8Array(4096).fill(0x63);
  for (let i = 0; i < 12; i++) {
    volume.write(one, i * 4096, block);
    volume.sync();
    volume.write(two, i * 4096, block);
    volume.sync();
  }
  for (const node of [one, two, many, deep, folder]) volume.release(node);
}
