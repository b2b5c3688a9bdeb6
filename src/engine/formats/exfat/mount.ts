import { FsError } from '../../base/errno.ts';
import { decodeUpcase, standardUpcase } from '../../codec/exfat-upcase.ts';
import type { Device } from '../../device/device.ts';
import type { MountOptions, Volume } from '../contract.ts';
import { AllocationBitmap } from './alloc.ts';
import { Commit } from './commit.ts';
import { Content } from './content.ts';
import { Chain } from './extents.ts';
import {
  BitmapEntry,
  bitmapSizeBytes,
  BOOT_NAME,
  BOOT_REGION_SECTORS,
  bootChecksum,
  BootSector,
  CHECKSUM_SECTOR,
  clusterOffsetBytes,
  DIRECTORY_BYTES_MAX,
  ENTRY_SIZE_BYTES,
  ENTRY_TYPE,
  geometryOf,
  tableChecksum,
  UpcaseEntry,
  VOLUME_FLAG,
} from './layout.ts';
import type { Geometry } from './layout.ts';
import { NameKeys } from './names.ts';
import { u32At } from './node.ts';
import type { TablePlace } from './pages.ts';
import { FileAllocationTable } from './table.ts';
import { Tree } from './tree.ts';
import { ExfatVolume } from './volume.ts';

/** Does block 0 say EXFAT, even if its numbers are wrong? */
export function detect(device: Device): boolean {
  const block = new Uint8Array(device.blockSizeBytes);
  try {
    device.read(0, block);
  } catch (error) {
    // An unreadable first block carries no signature; mounting reports the error itself.
    if (error instanceof FsError) return false;
    throw error;
  }
  return String.fromCharCode(...block.subarray(3, 11)) === BOOT_NAME;
}

/**
 * See `Format.mount`. Reads the boot region, the first entries of the root directory and the up-case table, whatever
 * the size of the disk.
 */
export function mount(device: Device, options: MountOptions): Volume {
  const { boot, geometry } = readBoot(device);
  const { volumeFlags } = BootSector.peek(boot);
  const isTexFat = geometry.fatCount > 1;
  const isReadOnly = options.isReadOnly || device.isReadOnly || isTexFat;
  const fat = new FileAllocationTable(device, geometry);
  const found = systemEntriesOf(device, geometry, fat);
  const bitmap = new AllocationBitmap(device, geometry, bitmapPlace(device, geometry, fat, found.bitmap));
  const upcase = readUpcase(device, geometry, fat, found.upcase);

  const wasDirty = (volumeFlags & VOLUME_FLAG.dirty) !== 0;
  const isTrusted = !wasDirty || options.isContinued === true;
  const commit = new Commit(
    device,
    geometry,
    { fat, bitmap },
    {
      policy: options.policy,
      clock: options.clock,
      trace: options.trace,
      isReadOnly,
      mayMarkClean: isTrusted,
      isMarkedInUse: options.isContinued === true && wasDirty,
    },
  );
  const content = new Content({ device, geometry, fat, bitmap, commit });
  const keys = new NameKeys(upcase.table);
  const tree = new Tree({ device, geometry, fat, bitmap, commit, content, keys, upcase: upcase.table });
  return new ExfatVolume({
    device,
    geometry,
    bitmap,
    commit,
    content,
    tree,
    options,
    isReadOnly,
    warnings: [
      ...(isTrusted ? [] : [WARNING_DIRTY]),
      ...(volumeFlags & VOLUME_FLAG.mediaFailure ? [WARNING_FAULTY] : []),
      ...(isTexFat ? ['A TexFAT volume, with two FATs: it is mounted for reading only.'] : []),
      ...(upcase.isDamaged ? [WARNING_UPCASE] : []),
    ],
  });
}

const WARNING_DIRTY =
  'The volume was not unmounted cleanly; fsck_exfat finds what may be wrong. Until it ran, the volume stays marked.';
const WARNING_FAULTY =
  'The volume remembers a read or write error: fsck_exfat and a copy of the data are advisable.';
const WARNING_UPCASE =
  'The up-case table is damaged: names are compared by the recommended one. fsck_exfat puts it in its place.';

const unusable = (detail: string): FsError => new FsError('EFTYPE', '', '', `${detail}; run fsck_exfat`);

/** The boot sector, checked against its region's checksum. */
function readBoot(device: Device): { boot: Uint8Array; geometry: Geometry } {
  const block = new Uint8Array(device.blockSizeBytes);
  device.read(0, block);
  const geometry = geometryOf(block.subarray(0, 512), device.blockCount * device.blockSizeBytes);
  if (typeof geometry === 'string') {
    throw new FsError(detect(device) ? 'EFTYPE' : 'EINVAL', '', '', geometry);
  }
  const { sectorSizeBytes } = geometry;
  if (sectorSizeBytes % device.blockSizeBytes !== 0) {
    const detail =
      `the volume has sectors of ${sectorSizeBytes} bytes, the disk of ${device.blockSizeBytes}: ` +
      'open it on a disk with smaller sectors';
    throw new FsError('EINVAL', '', '', detail);
  }
  const region = new Uint8Array(BOOT_REGION_SECTORS * sectorSizeBytes);
  device.read(0, region);
  const checksum = bootChecksum(region, sectorSizeBytes);
  for (let at = CHECKSUM_SECTOR * sectorSizeBytes; at < region.length; at += 4) {
    if (u32At(region, at) !== checksum) throw unusable('the checksum of the boot region is wrong');
  }
  return { boot: region.subarray(0, 512), geometry };
}

interface SystemEntries {
  readonly bitmap: BitmapEntry;
  readonly upcase: UpcaseEntry;
}

/** The entries of bitmap and up-case table: the first ones of the root directory, usually. */
function systemEntriesOf(device: Device, geometry: Geometry, fat: FileAllocationTable): SystemEntries {
  const chain = new Chain(fat, geometry.rootCluster);
  const clusters = chain.reach(Math.ceil(DIRECTORY_BYTES_MAX / geometry.clusterSizeBytes));
  const sector = new Uint8Array(geometry.sectorSizeBytes);
  let bitmap: BitmapEntry | undefined;
  let upcase: UpcaseEntry | undefined;
  for (let index = 0; index < clusters; index++) {
    const start = clusterOffsetBytes(geometry, chain.at(index));
    for (let offset = 0; offset < geometry.clusterSizeBytes; offset += sector.length) {
      device.read((start + offset) / device.blockSizeBytes, sector);
      for (let at = 0; at < sector.length; at += ENTRY_SIZE_BYTES) {
        const type = sector[at];
        if (type === ENTRY_TYPE.end) throw unusable(missing(bitmap === undefined));
        if (type === ENTRY_TYPE.upcase) upcase ??= UpcaseEntry.peek(sector, at);
        if (type === ENTRY_TYPE.bitmap) {
          const entry = BitmapEntry.peek(sector, at);
          if ((entry.flags & 1) === geometry.activeFat) bitmap ??= entry;
        }
        if (bitmap !== undefined && upcase !== undefined) return { bitmap, upcase };
      }
    }
  }
  throw unusable(missing(bitmap === undefined));
}

const missing = (isBitmap: boolean): string =>
  `the root directory names no ${isBitmap ? 'allocation bitmap' : 'up-case table'}`;

function bitmapPlace(
  device: Device,
  geometry: Geometry,
  fat: FileAllocationTable,
  entry: BitmapEntry,
): TablePlace {
  const sizeBytes = bitmapSizeBytes(geometry.clusterCount);
  if (entry.dataLength < sizeBytes) {
    throw unusable(
      `the allocation bitmap has ${entry.dataLength} bytes for ${geometry.clusterCount} clusters`,
    );
  }
  const chain = new Chain(fat, entry.firstCluster);
  const clusters = Math.ceil(sizeBytes / geometry.clusterSizeBytes);
  if (chain.reach(clusters) < clusters) throw unusable('the chain of the allocation bitmap ends too early');
  const blocksPerCluster = geometry.clusterSizeBytes / device.blockSizeBytes;
  return {
    sizeBytes,
    isContiguous: chain.contiguousFrom(0) >= clusters,
    blockOf(offsetBytes) {
      const block = offsetBytes / device.blockSizeBytes;
      const index = Math.floor(block / blocksPerCluster);
      const firstBlock = clusterOffsetBytes(geometry, chain.at(index)) / device.blockSizeBytes;
      return firstBlock + (block % blocksPerCluster);
    },
  };
}

/** 65,536 units of two bytes: more no table can say. */
const UPCASE_BYTES_MAX = 2 ** 17;

/** The volume's own table; the recommended one where it cannot be read or its checksum is wrong. */
function readUpcase(
  device: Device,
  geometry: Geometry,
  fat: FileAllocationTable,
  entry: UpcaseEntry,
): { table: Uint16Array; isDamaged: boolean } {
  const clusters = Math.ceil(entry.dataLength / geometry.clusterSizeBytes);
  const chain = new Chain(fat, entry.firstCluster);
  const isPossible = entry.dataLength > 0 && entry.dataLength <= UPCASE_BYTES_MAX;
  if (isPossible && chain.reach(clusters) === clusters) {
    const { clusterSizeBytes } = geometry;
    const block = device.blockSizeBytes;
    const bytes = new Uint8Array(Math.ceil(entry.dataLength / block) * block);
    for (let index = 0; index < clusters; index++) {
      const firstBlock = clusterOffsetBytes(geometry, chain.at(index)) / block;
      device.read(firstBlock, bytes.subarray(index * clusterSizeBytes, (index + 1) * clusterSizeBytes));
    }
    const table = bytes.subarray(0, entry.dataLength);
    if (tableChecksum(table) === entry.tableChecksum) return { table: decodeUpcase(table), isDamaged: false };
  }
  return { table: standardUpcase(), isDamaged: true };
}
