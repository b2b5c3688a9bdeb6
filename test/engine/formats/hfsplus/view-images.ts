import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PartitionDevice } from '../../../../src/engine/device/partition.ts';
import { readPartitionMap } from '../../../../src/engine/device/partition-map.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { openUdif } from '../../../../src/engine/device/udif.ts';
import { findChecker, foreignImages, runChecker, temporaryFolder } from '../../../support/checkers.ts';
import { FlatDevice } from '../../../support/flat-device.ts';

/** Volumes that others made, for tests of those who explain volumes: mkfs.hfsplus and, where they are, macOS. */

export function deviceOf(bytes: Uint8Array, blockSizeBytes = 512): FlatDevice {
  const device = new FlatDevice(Math.ceil(bytes.length / blockSizeBytes) * blockSizeBytes, blockSizeBytes);
  device.bytes.set(bytes);
  return device;
}

/** Null, after saying so, where mkfs.hfsplus is missing. */
export function madeByMkfs(sizeBytes: number, args: readonly string[] = []): Uint8Array | null {
  const program = findChecker('mkfs.hfsplus');
  if (program === null) return null;
  const path = join(temporaryFolder(), 'volume.img');
  const file = openSync(path, 'w');
  ftruncateSync(file, sizeBytes);
  closeSync(file);
  const { exitCode, output } = runChecker(program, [...args, '-v', 'Made', path]);
  if (exitCode !== 0) throw new Error(output);
  return readFileSync(path);
}

/** A volume of macOS by the name of its file, unpacked; null, after saying so, where there are none. */
export function madeByMacos(name: string): Uint8Array | null {
  const folder = foreignImages();
  if (folder === null) return null;
  const path = join(folder, 'hfsplus', name);
  if (name.endsWith('.gz')) return gunzipSync(readFileSync(path));
  const unpacked = spawnSync('xz', ['-dc', path], { maxBuffer: 1 << 28 });
  if (unpacked.status === 0) return unpacked.stdout;
  console.warn(`not checked: ${name} (xz is not on this machine)`);
  return null;
}

/** The HFS+ partition of a .dmg made by hdiutil, as a device; null, after saying so, where there are none. */
export function partitionOfDmg(name: string): PartitionDevice | null {
  const folder = foreignImages();
  if (folder === null) return null;
  const bytes = new Uint8Array(readFileSync(join(folder, 'hfsplus', name)));
  const read = (offset: number, into: Uint8Array): void =>
    into.set(bytes.subarray(offset, offset + into.length));
  const disk = openUdif({ sizeBytes: bytes.length, read }, name);
  if (!disk) throw new Error(`${name} is no disk image`);
  const store = new Store({ blockSizeBytes: 512, blockCount: disk.sizeBytes / 512 }, disk, true);
  const found = readPartitionMap(store).partitions.find(({ typeName }) => typeName === 'Apple_HFS');
  return found ? new PartitionDevice(store, found.firstBlock, found.blockCount) : null;
}

export const MKFS_VOLUMES: readonly {
  readonly name: string;
  readonly sizeBytes: number;
  readonly args: string[];
}[] = [
  { name: 'HFS+', sizeBytes: 4 << 20, args: [] },
  { name: 'journaled HFS+', sizeBytes: 16 << 20, args: ['-J'] },
  { name: 'HFSX, blocks of 512 bytes', sizeBytes: 8 << 20, args: ['-s', '-b', '512'] },
  { name: 'blocks of 1024 bytes, an odd size', sizeBytes: (4 << 20) + 512, args: ['-b', '1024'] },
  { name: 'blocks of 16384 bytes', sizeBytes: 32 << 20, args: ['-J', '-b', '16384'] },
];
