import { FsError } from '../../base/errno.ts';
import type { Device } from '../../device/device.ts';
import type { MountOptions, Volume } from '../contract.ts';
import { FileAllocationTable } from './alloc.ts';
import { Commit } from './commit.ts';
import { bootLabel } from './label.ts';
import { BootSector16, BootSector32, FsInfo, geometryOf, STATE_DIRTY } from './layout.ts';
import type { Geometry } from './layout.ts';
import { Tree } from './tree.ts';
import { FatVolume } from './volume.ts';

/** Bytes of the boot sector that matter, whatever the sector's size. */
const BOOT_BYTES = 512;

/** Does block 0 look like a FAT boot sector, even one whose numbers are wrong? An exFAT or NTFS one does not. */
export function detect(device: Device): boolean {
  const boot = readBoot(device);
  if (boot === null) return false;
  const { jump, bytesPerSector, sectorsPerCluster, reservedSectors, fatCount, signature } =
    BootSector32.peek(boot);
  return (
    signature === 0xaa55 &&
    ((jump[0] === 0xeb && jump[2] === 0x90) || jump[0] === 0xe9) &&
    [512, 1024, 2048, 4096].includes(bytesPerSector) &&
    sectorsPerCluster !== 0 &&
    reservedSectors !== 0 &&
    fatCount !== 0
  );
}

function readBoot(device: Device): Uint8Array | null {
  const block = new Uint8Array(device.blockSizeBytes);
  try {
    device.read(0, block);
  } catch (error) {
    // An unreadable first block carries no signature; mounting reports the error itself.
    if (error instanceof FsError) return null;
    throw error;
  }
  return block.subarray(0, BOOT_BYTES);
}

/** See `Format.mount`. Reads the boot sector, FSInfo and one page of the FAT, whatever the size of the disk. */
export function mount(device: Device, options: MountOptions): Volume {
  const block = new Uint8Array(device.blockSizeBytes);
  device.read(0, block);
  const boot = block.subarray(0, BOOT_BYTES);
  const geometry = geometryOf(boot, device.blockCount * device.blockSizeBytes);
  if (typeof geometry === 'string') throw new FsError(detect(device) ? 'EFTYPE' : 'EINVAL', '', '', geometry);
  if (geometry.sectorSizeBytes % device.blockSizeBytes !== 0) {
    const detail =
      `the volume has sectors of ${geometry.sectorSizeBytes} bytes, the disk of ${device.blockSizeBytes}: ` +
      'open it on a disk with smaller sectors';
    throw new FsError('EINVAL', '', '', detail);
  }

  const isReadOnly = options.isReadOnly || device.isReadOnly;
  const { extendedFlags } = BootSector32.peek(boot);
  const isMirrored = geometry.type !== 32 || (extendedFlags & 0x80) === 0;
  const activeFat = isMirrored ? 0 : extendedFlags & 0x0f;
  if (activeFat >= geometry.fatCount) {
    throw new FsError(
      'EFTYPE',
      '',
      '',
      `the boot sector says that FAT ${activeFat + 1} is in use: there is none`,
    );
  }
  const hints = readFsInfo(device, geometry);
  const state = stateOf(device, boot, geometry, activeFat);
  const isTrusted = state.isClean || options.isContinued === true;
  const fat = new FileAllocationTable(device, geometry, {
    activeFat,
    isMirrored,
    freeClusters: isTrusted ? hints?.freeCount : undefined,
    nextFree: hints?.nextFree ?? 2,
  });
  const commit = new Commit(device, geometry, fat, {
    policy: options.policy,
    clock: options.clock,
    trace: options.trace,
    isReadOnly,
    mayMarkClean: isTrusted,
    isMarkedInUse: options.isContinued === true && !state.isClean,
    hasFsInfo: hints !== null,
  });
  return new FatVolume({
    device,
    geometry,
    fat,
    commit,
    tree: new Tree({ device, geometry, fat, commit }),
    options,
    isReadOnly,
    bootLabel: bootLabel(boot, geometry),
    warnings: [
      ...(isTrusted ? [] : [WARNING_DIRTY]),
      ...(state.isFaultless ? [] : [WARNING_FAULTY]),
      ...(isMirrored ? [] : [`Only FAT ${activeFat + 1} is kept up to date: mirroring is off.`]),
    ],
  });
}

const WARNING_DIRTY =
  'The volume was not unmounted cleanly; fsck_msdos finds what may be wrong. Until it ran, the volume stays marked.';
const WARNING_FAULTY =
  'The volume remembers a read or write error: fsck_msdos and a copy of the data are advisable.';

interface State {
  readonly isClean: boolean;
  readonly isFaultless: boolean;
}

/** Two places say "dirty": the boot sector (Linux, Windows) and entry 1 of the FAT (macOS, Windows). Either counts. */
function stateOf(device: Device, boot: Uint8Array, geometry: Geometry, activeFat: number): State {
  const { state } = (geometry.type === 32 ? BootSector32 : BootSector16).peek(boot);
  const options = { activeFat, isMirrored: true, freeClusters: undefined, nextFree: 2 };
  const fat = new FileAllocationTable(device, geometry, options);
  return {
    isClean: (state & STATE_DIRTY) === 0 && fat.isMarkedClean,
    isFaultless: fat.isMarkedFaultless,
  };
}

/** FSInfo's hints where they can be true; null when there is no FSInfo to keep up to date. */
function readFsInfo(
  device: Device,
  geometry: Geometry,
): { freeCount: number | undefined; nextFree: number } | null {
  if (geometry.fsInfoSector === 0) return null;
  const sector = new Uint8Array(device.blockSizeBytes);
  device.read((geometry.fsInfoSector * geometry.sectorSizeBytes) / device.blockSizeBytes, sector);
  const info = FsInfo.peek(sector);
  const { leadSignature, structSignature } = FsInfo.fields;
  if (info.leadSignature !== leadSignature.magic || info.structSignature !== structSignature.magic)
    return null;
  const isPossible = info.freeCount <= geometry.clusterCount;
  return { freeCount: isPossible ? info.freeCount : undefined, nextFree: info.nextFree };
}
