import { equalBytes, viewOf } from '../../base/bytes.ts';
import {
  BOOT_JUMP,
  BOOT_REGION_SECTORS,
  BootSector,
  CHECKSUM_SECTOR,
  ENTRY_SIZE_BYTES,
  ENTRY_TYPE,
  EXTENDED_BOOT_FIRST_SECTOR,
  EXTENDED_BOOT_SECTORS,
  EXTENDED_BOOT_SIGNATURE,
  PERCENT_UNKNOWN,
  REVISION,
  VOLUME_FLAG,
  bootChecksum,
  clusterOffsetBytes,
  geometryOf,
} from './layout.ts';
import type { Geometry } from './layout.ts';
import { STAGE } from './fsck-stages.ts';
import type { Draft } from '../../device/draft.ts';
import type { Report } from './fsck-report.ts';

/**
 * Both boot regions: finds out where everything lies, from the backup when the main region cannot be believed, and puts
 * either of them right from the other. exFAT specification, 3.
 */
export interface Boot {
  readonly geometry: Geometry;
  /** The main region as it is, or as it is to be: twelve sectors. */
  readonly region: Uint8Array;
}

interface Region {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
  readonly geometry: Geometry | null;
  readonly problem: string;
  /** Is the checksum of its eleven sectors what the twelfth says? */
  readonly isSummed: boolean;
}

const fields = BootSector.fields;
const SECTOR_SIZES = [512, 4096, 1024, 2048];

/** Geometry to work with, or null when this is no exFAT volume; the report then says why. */
export function findBoot(medium: Draft, report: Report): Boot | null {
  const main = readRegion(medium, 0, sectorSizeIn(medium.read(0, 512)) ?? 512);
  const backup = findBackup(medium, main);
  const chosen = choose(medium, main, backup);
  if (!chosen?.geometry) {
    const wouldFit = typeof geometryOf(main.bytes, Infinity) !== 'string';
    report.add({
      kind: wouldFit ? 'truncated' : 'boot-sector',
      severity: 'error',
      message: `Invalid main boot region: ${main.problem}`,
      offsetBytes: 0,
    });
    return null;
  }
  const { geometry } = chosen;
  if (geometry.fatCount !== 1) {
    const message = 'The volume has two FATs (TexFAT), which neither this nor any other checker knows';
    report.add({ kind: 'texfat', severity: 'error', message, offsetBytes: fields.fatCount.at });
    return null;
  }
  const boot = { geometry, region: chosen === main ? main.bytes : restored(main, chosen) };
  if (chosen === main) {
    if (!main.isSummed) reportChecksum(medium, report, boot);
  } else {
    reportRestored(medium, report, boot, main);
  }
  checkFields(medium, report, boot);
  return boot;
}

/** Bytes of one sector as this boot sector says, if it can be one at all. */
function sectorSizeIn(sector: Uint8Array): number | null {
  const shift = sector[fields.bytesPerSectorShift.at] ?? 0;
  return shift >= 9 && shift <= 12 ? 2 ** shift : null;
}

function readRegion(medium: Draft, firstSector: number, sectorSizeBytes: number): Region {
  const offsetBytes = firstSector * sectorSizeBytes;
  const bytes = medium.read(offsetBytes, BOOT_REGION_SECTORS * sectorSizeBytes);
  const found = geometryOf(bytes, medium.sizeBytes);
  const geometry = typeof found === 'string' || found.sectorSizeBytes !== sectorSizeBytes ? null : found;
  const problem = typeof found === 'string' ? found : geometry ? '' : 'it speaks of sectors of another size';
  return { offsetBytes, bytes, geometry, problem, isSummed: isSummed(bytes, sectorSizeBytes) };
}

function isSummed(region: Uint8Array, sectorSizeBytes: number): boolean {
  const sum = bootChecksum(region, sectorSizeBytes);
  const view = viewOf(region);
  for (let at = CHECKSUM_SECTOR * sectorSizeBytes; at < region.length; at += 4) {
    if (view.getUint32(at, true) !== sum) return false;
  }
  return true;
}

/** The backup, where the main region says, or where sectors of any size would put it. */
function findBackup(medium: Draft, main: Region): Region {
  const said = readRegion(medium, BOOT_REGION_SECTORS, main.bytes.length / BOOT_REGION_SECTORS);
  if (main.geometry ?? said.geometry) return said;
  const others = SECTOR_SIZES.map((size) => readRegion(medium, BOOT_REGION_SECTORS, size));
  return (
    others.find(({ geometry, isSummed }) => geometry && isSummed) ??
    others.find(({ geometry }) => geometry) ??
    said
  );
}

/** The region to believe: whose sum is right, whose root directory is one, and of two equals the main one. */
function choose(medium: Draft, main: Region, backup: Region): Region | null {
  if (!main.geometry) return backup.geometry && credit(medium, backup) > 0 ? backup : null;
  if (!backup.geometry) return main;
  return credit(medium, backup) > credit(medium, main) ? backup : main;
}

const credit = (medium: Draft, { geometry, isSummed }: Region): number =>
  geometry ? (hasSystemEntries(medium, geometry) ? 2 : 0) + Number(isSummed) : 0;

/** Does the root directory begin with an entry of the allocation bitmap, up-case table or label? */
function hasSystemEntries(medium: Draft, geometry: Geometry): boolean {
  const start = medium.read(clusterOffsetBytes(geometry, geometry.rootCluster), 512);
  for (let at = 0; at < start.length; at += ENTRY_SIZE_BYTES) {
    const type = start[at] ?? 0;
    if (type === ENTRY_TYPE.bitmap || type === ENTRY_TYPE.upcase) return true;
  }
  return false;
}

/** The backup with the flags of the main region, which the backup does not keep; the percentage is counted anew. */
function restored(main: Region, backup: Region): Uint8Array {
  const region = backup.bytes.slice();
  const flags = main.geometry ? (main.bytes[fields.volumeFlags.at] ?? 0) & VOLUME_FLAG.dirty : 0;
  region[fields.volumeFlags.at] = flags;
  region[fields.volumeFlags.at + 1] = 0;
  region[fields.percentInUse.at] = PERCENT_UNKNOWN;
  return region;
}

function reportRestored(medium: Draft, report: Report, boot: Boot, main: Region): void {
  const why = main.geometry ? 'its checksum is wrong or it does not fit the volume' : main.problem;
  report.add({
    kind: 'boot-sector',
    severity: 'error',
    message: `Invalid main boot region: ${why}; the backup is used instead`,
    offsetBytes: 0,
    question: 'Restore',
    repair: () =>
      medium.write(0, boot.region, STAGE.entries, headerLabel('copy the backup boot region back', MAIN)),
  });
}

function reportChecksum(medium: Draft, report: Report, boot: Boot): void {
  const { sectorSizeBytes } = boot.geometry;
  const at = CHECKSUM_SECTOR * sectorSizeBytes;
  const found = viewOf(boot.region).getUint32(at, true);
  const sum = bootChecksum(boot.region, sectorSizeBytes);
  report.add({
    kind: 'boot-checksum',
    severity: 'error',
    message: `The checksum of the main boot region is 0x${found.toString(16)}, should be 0x${sum.toString(16)}`,
    offsetBytes: at,
    question: 'Fix',
    repair: () => rewriteMain(medium, boot, 'write the checksum of the main boot region'),
  });
}

export const MAIN = 'main boot region';
export const BACKUP = 'backup boot region';

export const headerLabel = (reason: string, owner: string) =>
  ({ role: 'header', owner, reason: `fsck: ${reason}` }) as const;

/** Sum the region in memory and write what has changed of it. */
function rewriteMain(medium: Draft, boot: Boot, reason: string): void {
  const { sectorSizeBytes } = boot.geometry;
  const sum = bootChecksum(boot.region, sectorSizeBytes);
  const view = viewOf(boot.region);
  for (let at = CHECKSUM_SECTOR * sectorSizeBytes; at < boot.region.length; at += 4)
    view.setUint32(at, sum, true);
  medium.write(0, boot.region, STAGE.entries, headerLabel(reason, MAIN));
}

// ── what a believable region may still have wrong ───────────────────────────────────────────────────────────────────

function checkFields(medium: Draft, report: Report, boot: Boot): void {
  const { region, geometry } = boot;
  if (BOOT_JUMP.some((byte, i) => region[i] !== byte)) {
    report.add({
      kind: 'boot-jump',
      severity: 'warning',
      message: 'Invalid jump in the main boot sector',
      offsetBytes: 0,
      question: 'Fix',
      repair: () => {
        region.set(BOOT_JUMP);
        rewriteMain(medium, boot, 'write the jump over the parameters');
      },
    });
  }
  const revision = viewOf(region).getUint16(fields.revision.at, true);
  if (revision !== REVISION) {
    report.add({
      kind: 'revision',
      severity: 'error',
      message: `Unknown revision of the file system: ${revision >> 8}.${revision & 0xff}`,
      offsetBytes: fields.revision.at,
      question: 'Fix',
      repair: () => {
        viewOf(region).setUint16(fields.revision.at, REVISION, true);
        rewriteMain(medium, boot, 'set the revision to 1.0');
      },
    });
  }
  for (let i = 0; i < EXTENDED_BOOT_SECTORS; i++) {
    const sector = EXTENDED_BOOT_FIRST_SECTOR + i;
    const at = (sector + 1) * geometry.sectorSizeBytes - 4;
    if (viewOf(region).getUint32(at, true) === EXTENDED_BOOT_SIGNATURE) continue;
    report.add({
      kind: 'boot-extended',
      severity: 'warning',
      message: `Extended boot sector ${sector} does not end in 00 00 55 AA`,
      offsetBytes: at,
      question: 'Fix',
      repair: () => {
        viewOf(region).setUint32(at, EXTENDED_BOOT_SIGNATURE, true);
        rewriteMain(medium, boot, 'sign the extended boot sector');
      },
    });
  }
}

// ── flags and percentage ────────────────────────────────────────────────────────────────────────────────────────────

function patchMain(medium: Draft, boot: Boot, offsetBytes: number, bytes: readonly number[], reason: string) {
  boot.region.set(bytes, offsetBytes);
  medium.write(offsetBytes, new Uint8Array(bytes), STAGE.summary, headerLabel(reason, MAIN));
}

/** VolumeFlags and PercentInUse: outside the checksum, because they change all the time. */
export function checkState(medium: Draft, report: Report, boot: Boot, percents: readonly number[]): void {
  const { volumeFlags: flags, percentInUse } = BootSector.peek(boot.region);
  const clear = (bits: number, reason: string) => (): void => {
    const now = (boot.region[fields.volumeFlags.at] ?? 0) & ~bits;
    patchMain(medium, boot, fields.volumeFlags.at, [now], reason);
  };
  const setPercent = (): void =>
    patchMain(
      medium,
      boot,
      fields.percentInUse.at,
      [percents[0] ?? PERCENT_UNKNOWN],
      'write the percentage in use',
    );

  if (flags & VOLUME_FLAG.dirty) {
    report.add({
      kind: 'dirty',
      severity: 'warning',
      message: 'The volume was not unmounted cleanly: the dirty flag is set',
      offsetBytes: fields.volumeFlags.at,
      question: 'Mark the volume clean',
      repair: () => {
        clear(VOLUME_FLAG.dirty, 'say that the volume is clean')();
        if (percentInUse !== PERCENT_UNKNOWN) setPercent();
      },
    });
  }
  if (flags & VOLUME_FLAG.mediaFailure) {
    report.add({
      kind: 'disk-error',
      severity: 'warning',
      message: 'A driver has met an error of the disk: the media failure flag is set',
      offsetBytes: fields.volumeFlags.at,
      question: 'Clear',
      repair: clear(VOLUME_FLAG.mediaFailure, 'forget the error of the disk'),
    });
  }
  if (flags & VOLUME_FLAG.activeFat) {
    report.add({
      kind: 'active-fat',
      severity: 'error',
      message: 'The second FAT is said to be active, and there is none',
      offsetBytes: fields.volumeFlags.at,
      question: 'Clear',
      repair: clear(VOLUME_FLAG.activeFat, 'the first FAT is the active one'),
    });
  }
  // Of a volume in use the percentage is stale by design: drivers write it when they unmount.
  if (flags & VOLUME_FLAG.dirty || percentInUse === PERCENT_UNKNOWN || percents.includes(percentInUse))
    return;
  report.add({
    kind: 'percent-in-use',
    severity: 'warning',
    message: `PercentInUse is ${percentInUse}, should be ${percents[0] ?? 0}`,
    offsetBytes: fields.percentInUse.at,
    question: 'Fix',
    repair: setPercent,
  });
}

// ── the backup ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The backup region repeats the main one but for flags and percentage, which are stale there (3.1.13, 3.1.18). */
export function checkBackup(medium: Draft, report: Report, boot: Boot): void {
  const { sectorSizeBytes } = boot.geometry;
  const offsetBytes = BOOT_REGION_SECTORS * sectorSizeBytes;
  const backup = medium.read(offsetBytes, BOOT_REGION_SECTORS * sectorSizeBytes);
  const expected = boot.region.slice();
  for (const at of STALE_AT) expected[at] = backup[at] ?? 0;
  if (equalBytes(expected, backup)) return;
  const first = expected.findIndex((byte, i) => byte !== backup[i]);
  const sector = BOOT_REGION_SECTORS + Math.floor(first / sectorSizeBytes);
  const message = isSummed(backup, sectorSizeBytes)
    ? `The alternate boot region differs from the main one (first in sector ${sector}, byte ${first % sectorSizeBytes})`
    : `The alternate boot region is damaged (first in sector ${sector}, byte ${first % sectorSizeBytes})`;
  report.add({
    kind: 'backup-boot',
    severity: 'error',
    message,
    offsetBytes: offsetBytes + first,
    question: 'Fix',
    repair: () => {
      const copy = boot.region.slice();
      copy[fields.volumeFlags.at] = (copy[fields.volumeFlags.at] ?? 0) & ~VOLUME_FLAG.dirty;
      medium.write(offsetBytes, copy, STAGE.summary, headerLabel('copy the main boot region', BACKUP));
    },
  });
}

const STALE_AT = [fields.volumeFlags.at, fields.volumeFlags.at + 1, fields.percentInUse.at];
