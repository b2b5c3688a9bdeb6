import type { Device, WriteLabel } from '../../device/device.ts';
import { ZERO_FILL } from '../../device/device.ts';
import type { NewfsOptions, NewfsReport } from '../contract.ts';
import { stampOf } from './attributes.ts';
import {
  ATTRIBUTE,
  BOOT_SIGNATURE,
  BootSector16,
  BootSector32,
  DirectoryEntry,
  FsInfo,
  marksOf,
  setEntry,
} from './layout.ts';
import { labelField, NO_LABEL } from './names.ts';
import { planVolume } from './plan.ts';
import type { Plan } from './plan.ts';
import { readSettings } from './settings.ts';

/**
 * Make an empty volume. Everything is written except the boot sector, then a barrier, then the boot sector: a power
 * cut on the way leaves a disk without a volume, never half of one.
 *
 * Cost: a few sectors; the FATs are zeroed as one computed fill, whatever their size.
 */
export function newfs(device: Device, options: NewfsOptions): NewfsReport {
  const settings = readSettings(options.settings);
  const label = options.label === '' ? undefined : labelField(options.label);
  const { plan, warnings } = planVolume(device.blockCount, device.blockSizeBytes, settings);
  const volume: NewVolume = {
    device,
    plan,
    label,
    oemName: settings.oemName,
    serialNumber: settings.serialNumber ?? options.random.u32(),
    hiddenSectors: options.partitionFirstBlock,
    stamp: stampOf(options.clock.now(), 0),
  };

  const dataFirstSector = plan.rootFirstSector + plan.rootSectors;
  const zeroedSectors = dataFirstSector + (plan.type === 32 ? plan.sectorsPerCluster : 0);
  device.fill(0, zeroedSectors, ZERO_FILL, labelled('reserved', 'new volume', 'clear the metadata area'));
  writeFirstFatSectors(volume);
  if (label !== undefined) writeLabelEntry(volume, label);
  if (plan.type === 32) writeFsInfo(volume);

  const boot = bootSector(volume);
  if (plan.backupBootSector !== 0) {
    device.write(plan.backupBootSector, boot, labelled('header', 'backup boot sector', 'keep a second copy'));
  }
  device.barrier('fat: everything else before the boot sector that makes it a volume');
  device.write(0, boot, labelled('header', 'boot sector', 'make the volume known'));
  device.barrier('fat: the new volume is complete');
  return { lines: printedLines(volume), warnings };
}

interface NewVolume {
  readonly device: Device;
  readonly plan: Plan;
  readonly label: string | undefined;
  readonly oemName: string;
  readonly serialNumber: number;
  readonly hiddenSectors: number;
  /** Date and time of the label entry. */
  readonly stamp: number;
}

const labelled = (role: WriteLabel['role'], owner: string, reason: string): WriteLabel => ({
  role,
  owner,
  reason,
});

const MEDIA_FIXED = 0xf8;
const DRIVE_FIXED = 0x80;
const EXTENDED_BOOT_SIGNATURE = 0x29;

/** What a BIOS runs when somebody boots from it: int 18h (try the next device), then stop for good. */
const BOOT_CODE = [0xcd, 0x18, 0xf4, 0xeb, 0xfd];

function bootSector(volume: NewVolume): Uint8Array {
  const { plan } = volume;
  const sector = new Uint8Array(plan.sectorSizeBytes);
  const isSmall = plan.totalSectors < 0x10000 && plan.type !== 32;
  const bootCode = new Uint8Array(plan.type === 32 ? 420 : 448);
  bootCode.set(BOOT_CODE);
  const common = {
    oemName: volume.oemName,
    bytesPerSector: plan.sectorSizeBytes,
    sectorsPerCluster: plan.sectorsPerCluster,
    reservedSectors: plan.reservedSectors,
    fatCount: plan.fatCount,
    rootEntryCount: plan.rootEntryCount,
    totalSectors16: isSmall ? plan.totalSectors : 0,
    media: MEDIA_FIXED,
    sectorsPerTrack: plan.sectorsPerTrack,
    headCount: plan.headCount,
    hiddenSectors: volume.hiddenSectors,
    totalSectors32: isSmall ? 0 : plan.totalSectors,
    driveNumber: DRIVE_FIXED,
    state: 0,
    bootSignature: EXTENDED_BOOT_SIGNATURE,
    serialNumber: volume.serialNumber,
    label: volume.label ?? NO_LABEL,
    typeName: `FAT${plan.type}`.padEnd(8),
    bootCode,
    signature: BOOT_SIGNATURE,
  };
  if (plan.type === 32) {
    BootSector32.write(sector, {
      ...common,
      jump: Uint8Array.of(0xeb, 0x58, 0x90),
      fatSizeSectors16: 0,
      fatSizeSectors32: plan.fatSizeSectors,
      extendedFlags: 0,
      version: 0,
      rootCluster: 2,
      fsInfoSector: plan.fsInfoSector,
      backupBootSector: plan.backupBootSector,
    });
  } else {
    BootSector16.write(sector, {
      ...common,
      jump: Uint8Array.of(0xeb, 0x3c, 0x90),
      fatSizeSectors16: plan.fatSizeSectors,
    });
  }
  return sector;
}

/** Entries 0 and 1 hold the media byte and the state bits, all set: clean. On FAT32 entry 2 is the root directory. */
function writeFirstFatSectors({ device, plan }: NewVolume): void {
  const { endOfChain, endOfChainMin } = marksOf(plan.type);
  const sector = new Uint8Array(plan.sectorSizeBytes);
  setEntry(plan.type, sector, 0, endOfChain - 0xff + MEDIA_FIXED);
  setEntry(plan.type, sector, 1, endOfChain);
  if (plan.type === 32) setEntry(32, sector, 2, endOfChainMin);
  for (let fat = 0; fat < plan.fatCount; fat++) {
    const at = plan.reservedSectors + fat * plan.fatSizeSectors;
    device.write(at, sector, labelled('allocation', `FAT ${fat + 1}`, 'begin an empty table'));
  }
}

function writeFsInfo({ device, plan }: NewVolume): void {
  const sector = new Uint8Array(plan.sectorSizeBytes);
  FsInfo.write(sector, { freeCount: plan.clusterCount - 1, nextFree: 2 });
  device.write(plan.fsInfoSector, sector, labelled('header', 'FSInfo', 'count the free clusters'));
  const at = plan.backupBootSector + plan.fsInfoSector;
  device.write(at, sector, labelled('header', 'backup FSInfo', 'keep a second copy'));
}

function writeLabelEntry({ device, plan, stamp }: NewVolume, label: string): void {
  const sector = new Uint8Array(plan.sectorSizeBytes);
  DirectoryEntry.write(sector, {
    name: Uint8Array.from(label, (character) => character.charCodeAt(0)),
    attributes: ATTRIBUTE.label,
    ntCase: 0,
    createTenMilliseconds: 0,
    createTime: stamp & 0xffff,
    createDate: stamp >>> 16,
    accessDate: stamp >>> 16,
    firstClusterHigh: 0,
    writeTime: stamp & 0xffff,
    writeDate: stamp >>> 16,
    firstClusterLow: 0,
    sizeBytes: 0,
  });
  device.write(plan.rootFirstSector, sector, labelled('directory', 'root directory', 'name the volume'));
}

/** As newfs_msdos prints them, without the name of the device, which only its caller knows. */
function printedLines({ plan, hiddenSectors }: NewVolume): string[] {
  const sectors = plan.clusterCount * plan.sectorsPerCluster;
  const clusterSizeBytes = plan.sectorsPerCluster * plan.sectorSizeBytes;
  const hexByte = (value: number) => `0x${value.toString(16).padStart(2, '0')}`;
  const isSmall = plan.totalSectors < 0x10000 && plan.type !== 32;
  const parameters = [
    `bps=${plan.sectorSizeBytes}`,
    `spc=${plan.sectorsPerCluster}`,
    `res=${plan.reservedSectors}`,
    `nft=${plan.fatCount}`,
    ...(plan.type === 32 ? [] : [`rde=${plan.rootEntryCount}`]),
    ...(isSmall ? [`sec=${plan.totalSectors}`] : []),
    `mid=${hexByte(MEDIA_FIXED)}`,
    ...(plan.type === 32 ? [] : [`spf=${plan.fatSizeSectors}`]),
    `spt=${plan.sectorsPerTrack}`,
    `hds=${plan.headCount}`,
    `hid=${hiddenSectors}`,
    `drv=${hexByte(DRIVE_FIXED)}`,
    ...(isSmall ? [] : [`bsec=${plan.totalSectors}`]),
    ...(plan.type === 32
      ? [
          `bspf=${plan.fatSizeSectors}`,
          'rdcl=2',
          `infs=${plan.fsInfoSector}`,
          `bkbs=${plan.backupBootSector}`,
        ]
      : []),
  ];
  return [
    `${plan.sectorSizeBytes} bytes per physical sector`,
    `${sectors} sector${sectors === 1 ? '' : 's'} in ${plan.clusterCount} FAT${plan.type} ` +
      `cluster${plan.clusterCount === 1 ? '' : 's'} (${clusterSizeBytes} bytes/cluster)`,
    parameters.join(' '),
  ];
}
