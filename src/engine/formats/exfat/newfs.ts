import { UPCASE_TABLE_CHECKSUM, UPCASE_TABLE_COMPRESSED } from '../../codec/exfat-upcase.ts';
import { viewOf } from '../../base/bytes.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import { ZERO_FILL } from '../../device/device.ts';
import type { NewfsOptions, NewfsReport } from '../contract.ts';
import {
  BitmapEntry,
  bitmapSizeBytes,
  BOOT_JUMP,
  BOOT_NAME,
  BOOT_REGION_SECTORS,
  BOOT_SIGNATURE,
  bootChecksum,
  BootSector,
  CHECKSUM_SECTOR,
  ENTRY_SIZE_BYTES,
  ENTRY_TYPE,
  EXTENDED_BOOT_FIRST_SECTOR,
  EXTENDED_BOOT_SECTORS,
  EXTENDED_BOOT_SIGNATURE,
  FAT_END,
  FAT_ENTRY_BYTES,
  FAT_MEDIA,
  FAT_SECOND,
  FIRST_CLUSTER,
  GuidEntry,
  LABEL_UNITS_MAX,
  LabelEntry,
  REVISION,
  setChecksum,
  UpcaseEntry,
} from './layout.ts';
import { storedLabel } from './names.ts';
import { planVolume } from './plan.ts';
import type { Plan } from './plan.ts';
import { readSettings } from './settings.ts';

/**
 * Make an empty volume. Everything is written except the main boot sector, then a barrier, then that sector: a power
 * cut on the way leaves a disk without a volume, never half of one.
 *
 * Cost: a few dozen sectors and the chain of the bitmap; FAT and bitmap are zeroed as computed fills, whatever their
 * size.
 */
export function newfs(device: Device, options: NewfsOptions): NewfsReport {
  const settings = readSettings(options.settings);
  const label = storedLabel(options.label);
  const { plan, warnings } = planVolume(device.blockCount, device.blockSizeBytes, settings);
  const volume: NewVolume = {
    device,
    plan,
    label,
    serialNumber: settings.serialNumber ?? options.random.u32(),
    guid: settings.guid,
    partitionOffset: options.partitionFirstBlock,
  };

  device.fill(
    0,
    plan.heapFirstSector,
    ZERO_FILL,
    labelled('reserved', 'new volume', 'clear the metadata area'),
  );
  device.barrier('exfat: whatever volume was here is gone before another one comes');
  writeFat(volume);
  writeBitmap(volume);
  writeUpcaseTable(volume);
  writeRootDirectory(volume);

  const region = bootRegion(volume);
  const sector = plan.sectorSizeBytes;
  device.write(
    BOOT_REGION_SECTORS,
    region,
    labelled('header', 'backup boot region', 'keep a second copy of the boot region'),
  );
  device.write(1, region.subarray(sector), labelled('header', 'boot region', 'extended boot sectors'));
  device.barrier('exfat: everything else before the boot sector that makes it a volume');
  device.write(0, region.subarray(0, sector), labelled('header', 'boot sector', 'make the volume known'));
  device.barrier('exfat: the new volume is complete');
  return { lines: printedLines(volume), warnings };
}

interface NewVolume {
  readonly device: Device;
  readonly plan: Plan;
  readonly label: string;
  readonly serialNumber: number;
  readonly guid: Uint8Array | undefined;
  /** Sectors before the volume on the whole disk. */
  readonly partitionOffset: number;
}

const labelled = (role: WriteLabel['role'], owner: string, reason: string): WriteLabel => ({
  role,
  owner,
  reason,
});

const DRIVE_FIXED = 0x80;
/** What newfs_exfat of macOS fills the boot code with: HLT. */
const BOOT_CODE = 0xf4;
const usedClusters = (plan: Plan): number => plan.bitmapClusters + plan.upcaseClusters + 1;

/** The twelve sectors, checksum and all; the backup region holds the same. */
function bootRegion({ plan, serialNumber, partitionOffset }: NewVolume): Uint8Array {
  const { sectorSizeBytes } = plan;
  const region = new Uint8Array(BOOT_REGION_SECTORS * sectorSizeBytes);
  const view = viewOf(region);
  BootSector.write(region, {
    jump: Uint8Array.from(BOOT_JUMP),
    fileSystemName: Uint8Array.from(BOOT_NAME, (character) => character.charCodeAt(0)),
    mustBeZero: new Uint8Array(53),
    partitionOffset,
    volumeLength: plan.totalSectors,
    fatOffset: plan.fatFirstSector,
    fatLength: plan.fatSizeSectors,
    clusterHeapOffset: plan.heapFirstSector,
    clusterCount: plan.clusterCount,
    rootCluster: plan.rootCluster,
    serialNumber,
    revision: REVISION,
    volumeFlags: 0,
    bytesPerSectorShift: Math.log2(sectorSizeBytes),
    sectorsPerClusterShift: Math.log2(plan.sectorsPerCluster),
    fatCount: 1,
    driveSelect: DRIVE_FIXED,
    percentInUse: Math.floor((usedClusters(plan) * 100) / plan.clusterCount),
    bootCode: new Uint8Array(390).fill(BOOT_CODE),
    signature: BOOT_SIGNATURE,
  });
  for (let sector = EXTENDED_BOOT_FIRST_SECTOR; sector <= EXTENDED_BOOT_SECTORS; sector++) {
    view.setUint32((sector + 1) * sectorSizeBytes - 4, EXTENDED_BOOT_SIGNATURE, true);
  }
  const checksum = bootChecksum(region, sectorSizeBytes);
  for (let at = CHECKSUM_SECTOR * sectorSizeBytes; at < region.length; at += 4) {
    view.setUint32(at, checksum, true);
  }
  return region;
}

/** The first entries: 0 and 1, then the chains of bitmap, up-case table and root directory. */
function writeFat({ device, plan }: NewVolume): void {
  const entryCount = FIRST_CLUSTER + usedClusters(plan);
  const sectors = Math.ceil((entryCount * FAT_ENTRY_BYTES) / plan.sectorSizeBytes);
  const fat = new Uint8Array(sectors * plan.sectorSizeBytes);
  const view = viewOf(fat);
  const put = (entry: number, value: number): void =>
    view.setUint32(entry * FAT_ENTRY_BYTES, value >>> 0, true);
  put(0, FAT_MEDIA);
  put(1, FAT_SECOND);
  for (let cluster = FIRST_CLUSTER; cluster < entryCount; cluster++) {
    const isLast =
      cluster + 1 === plan.upcaseCluster || cluster + 1 === plan.rootCluster || cluster === plan.rootCluster;
    put(cluster, isLast ? FAT_END : cluster + 1);
  }
  device.write(plan.fatFirstSector, fat, labelled('allocation', 'FAT', 'begin an empty table'));
}

const firstBlockOf = (plan: Plan, cluster: number): number =>
  plan.heapFirstSector + (cluster - FIRST_CLUSTER) * plan.sectorsPerCluster;

function writeBitmap({ device, plan }: NewVolume): void {
  const used = usedClusters(plan);
  const sectors = Math.ceil(bitmapSizeBytes(used) / plan.sectorSizeBytes);
  const bits = new Uint8Array(sectors * plan.sectorSizeBytes);
  for (let bit = 0; bit < used; bit++) bits[bit >> 3] = (bits[bit >> 3] ?? 0) | (1 << (bit & 7));
  const first = firstBlockOf(plan, plan.bitmapCluster);
  const blocks = plan.bitmapClusters * plan.sectorsPerCluster;
  if (blocks > sectors) {
    const label = labelled('allocation', 'allocation bitmap', 'all other clusters are free');
    device.fill(first + sectors, blocks - sectors, ZERO_FILL, label);
  }
  device.write(
    first,
    bits,
    labelled('allocation', 'allocation bitmap', 'bitmap, up-case table and root are used'),
  );
}

function writeUpcaseTable({ device, plan }: NewVolume): void {
  const table = new Uint8Array(plan.upcaseClusters * plan.clusterSizeBytes);
  table.set(UPCASE_TABLE_COMPRESSED);
  const sectors = Math.ceil(UPCASE_TABLE_COMPRESSED.length / plan.sectorSizeBytes);
  const first = firstBlockOf(plan, plan.upcaseCluster);
  const label = labelled('header', 'up-case table', 'the recommended table');
  device.write(first, table.subarray(0, sectors * plan.sectorSizeBytes), label);
  const blocks = plan.upcaseClusters * plan.sectorsPerCluster;
  if (blocks > sectors) device.fill(first + sectors, blocks - sectors, ZERO_FILL, label);
}

function writeRootDirectory({ device, plan, label, guid }: NewVolume): void {
  const sector = new Uint8Array(plan.sectorSizeBytes);
  let at = 0;
  LabelEntry.write(sector, {
    entryType: ENTRY_TYPE.label,
    characterCount: label.length,
    label: label.padEnd(LABEL_UNITS_MAX, '\0'),
  });
  at += ENTRY_SIZE_BYTES;
  if (guid !== undefined) {
    GuidEntry.write(
      sector,
      { entryType: ENTRY_TYPE.guid, secondaryCount: 0, setChecksum: 0, flags: 0, guid },
      at,
    );
    viewOf(sector).setUint16(at + 2, setChecksum(sector, at, 1), true);
    at += ENTRY_SIZE_BYTES;
  }
  BitmapEntry.write(
    sector,
    {
      entryType: ENTRY_TYPE.bitmap,
      flags: 0,
      firstCluster: plan.bitmapCluster,
      dataLength: bitmapSizeBytes(plan.clusterCount),
    },
    at,
  );
  at += ENTRY_SIZE_BYTES;
  UpcaseEntry.write(
    sector,
    {
      entryType: ENTRY_TYPE.upcase,
      tableChecksum: UPCASE_TABLE_CHECKSUM,
      firstCluster: plan.upcaseCluster,
      dataLength: UPCASE_TABLE_COMPRESSED.length,
    },
    at,
  );
  const first = firstBlockOf(plan, plan.rootCluster);
  device.write(
    first,
    sector,
    labelled('directory', 'root directory', 'label, bitmap and up-case table entries'),
  );
  if (plan.sectorsPerCluster > 1) {
    const clear = labelled('directory', 'root directory', 'clear the rest of its cluster');
    device.fill(first + 1, plan.sectorsPerCluster - 1, ZERO_FILL, clear);
  }
}

/** As newfs_exfat prints them, without the name of the device, which only its caller knows. */
function printedLines({ plan, serialNumber, partitionOffset }: NewVolume): string[] {
  const inBytes = (sectors: number) => `${sectors} sectors (${sectors * plan.sectorSizeBytes} bytes)`;
  return [
    `Partition offset : ${inBytes(partitionOffset)}`,
    `Volume size      : ${inBytes(plan.totalSectors)}`,
    `Bytes per sector : ${plan.sectorSizeBytes}`,
    `Bytes per cluster: ${plan.clusterSizeBytes}`,
    `FAT offset       : ${inBytes(plan.fatFirstSector)}`,
    `# FAT sectors    : ${plan.fatSizeSectors}`,
    'Number of FATs   : 1',
    `Cluster offset   : ${inBytes(plan.heapFirstSector)}`,
    `# Clusters       : ${plan.clusterCount}`,
    `Volume Serial #  : ${serialNumber.toString(16).padStart(8, '0')}`,
    `Bitmap start     : ${plan.bitmapCluster}`,
    `Bitmap file size : ${bitmapSizeBytes(plan.clusterCount)}`,
    `Upcase start     : ${plan.upcaseCluster}`,
    `Upcase file size : ${UPCASE_TABLE_COMPRESSED.length}`,
    `Root start       : ${plan.rootCluster}`,
  ];
}
