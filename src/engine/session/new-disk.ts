import { SimulatedClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { FsError } from '../base/errno.ts';
import { Prng } from '../base/prng.ts';
import type { Device } from '../device/device.ts';
import { VOLUME_TYPES, wholeDiskPartition, writeWholeDiskMap } from '../device/partition-map.ts';
import type { Scheme } from '../device/partition-map.ts';
import { PartitionDevice } from '../device/partition.ts';
import { DEVICE_BYTES_MAX, Store } from '../device/store.ts';
import type { Backing } from '../device/store.ts';
import { openUdif } from '../device/udif.ts';
import type { NewfsReport } from '../formats/contract.ts';
import { formatNamed } from '../formats/registry.ts';
import { printedSize } from './sentences.ts';

/** A disk with one new volume on it, in a partition or not. */
export interface NewVolume {
  readonly format: string;
  readonly label: string;
  readonly scheme: Scheme;
  /** `newfs -o` settings. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface NewDisk extends NewVolume {
  readonly sizeBytes: number;
  readonly seed: number;
}

const SECTOR_BYTES = 512;
/** Room for the smallest volume any format can make. */
const SIZE_BYTES_MIN = 4096;

/** FsError EINVAL with a sentence when there can be no such disk. */
export function createDisk(request: NewDisk): { readonly store: Store; readonly report: NewfsReport } {
  const { sizeBytes, seed } = request;
  const refuse = (detail: string) => new FsError('EINVAL', 'newfs', '', detail);
  if (!(sizeBytes >= SIZE_BYTES_MIN)) {
    throw refuse(`a disk of ${printedSize(sizeBytes)} is too small for any volume`);
  }
  if (sizeBytes > DEVICE_BYTES_MAX) {
    throw refuse(`a disk of ${printedSize(sizeBytes)} is larger than ${printedSize(DEVICE_BYTES_MAX)}`);
  }
  if (sizeBytes % SECTOR_BYTES !== 0) {
    throw refuse(`${sizeBytes} bytes are no whole number of ${SECTOR_BYTES}-byte blocks`);
  }
  const store = new Store({ blockSizeBytes: SECTOR_BYTES, blockCount: sizeBytes / SECTOR_BYTES });
  const report = layOut(store, request, new SimulatedClock(), new Prng(seed));
  return { store, report };
}

/**
 * A disk over an image of the host, or over the disk inside a `.dmg` (UDIF). FsError EINVAL with a sentence when it is
 * none: too short, or beyond 16 TiB; EFTYPE for a `.dmg` that cannot be unpacked. Bytes behind the last whole block are
 * not part of the disk.
 */
export function openDisk(backing: Backing, name: string, isReadOnly: boolean): Store {
  if (backing.sizeBytes < SECTOR_BYTES) {
    const detail = `${backing.sizeBytes} bytes are no disk image; it may have been cut short`;
    throw new FsError('EINVAL', 'open', name, detail);
  }
  const disk = diskIn(backing, name);
  if (disk.sizeBytes > DEVICE_BYTES_MAX) {
    throw new FsError('EINVAL', 'open', name, `it is larger than ${printedSize(DEVICE_BYTES_MAX)}`);
  }
  const blockCount = Math.floor(disk.sizeBytes / SECTOR_BYTES);
  return new Store({ blockSizeBytes: SECTOR_BYTES, blockCount }, disk, isReadOnly);
}

/** The disk that an image file holds: the file itself, or what is inside a `.dmg`. */
export const diskIn = (backing: Backing, name: string): Backing => openUdif(backing, name) ?? backing;

/** Partition map and volume on an empty device. */
export function layOut(device: Device, volume: NewVolume, clock: Clock, random: Prng): NewfsReport {
  const format = formatNamed(volume.format);
  const place = wholeDiskPartition(device, volume.scheme);
  if (place === null) {
    const detail = `the disk is too small for a partition map and a volume: a ${volume.scheme} map takes up to 2 MiB`;
    throw new FsError('EINVAL', 'newfs', '', detail);
  }
  const isPartitioned = volume.scheme !== 'none';
  const target = isPartitioned ? new PartitionDevice(device, place.firstBlock, place.blockCount) : device;
  const report = format.newfs(target, {
    label: volume.label,
    settings: volume.settings,
    clock,
    random,
    partitionFirstBlock: place.firstBlock,
  });
  if (volume.scheme !== 'none') {
    writeWholeDiskMap(device, volume.scheme, { ...VOLUME_TYPES[format.name], name: volume.label }, random);
  }
  return report;
}
