import { equalBytes, isZero, viewOf } from '../../base/bytes.ts';
import {
  BootSector16,
  BootSector32,
  FsInfo,
  STATE_DIRTY,
  UNKNOWN_COUNT,
  geometryOf,
  isDataCluster,
  marksOf,
} from './layout.ts';
import type { Geometry } from './layout.ts';
import { STAGE } from './fsck-medium.ts';
import type { Medium } from './fsck-medium.ts';
import { shown } from './fsck-report.ts';
import type { Report } from './fsck-report.ts';
import { fatOffsetBytes } from './fsck-table.ts';

/**
 * The sectors before the FATs: boot sector, its backup, FSInfo and its copy. Finds out where everything lies, from the
 * backup when the first sector cannot be believed.
 */
const BOOT_BYTES = 512;

/** Where FAT32 puts the copy when nobody says otherwise (FATGEN 1.03, BPB_BkBootSec: "should be 6"). */
const USUAL_BACKUP_SECTOR = 6;
const USUAL_FSINFO_SECTOR = 1;

/** Bytes of the boot sector that decide where things lie: bytes per sector up to the backup's place. */
const GEOMETRY_BYTES = [11, 52] as const;

export interface Boot {
  readonly geometry: Geometry;
  /** The sector that `geometry` came from, as it stands on the disk. */
  readonly sector: Uint8Array;
}

/** The media byte that FAT entry 0 repeats. */
export const mediaOf = (boot: Boot): number => BootSector32.peek(boot.sector).media;

/** Geometry and boot sector to work with, or null when this is no FAT volume; the report then says why. */
export function findBoot(medium: Medium, report: Report): Boot | null {
  const sector = medium.read(0, BOOT_BYTES);
  const geometry = geometryOf(sector, medium.sizeBytes);
  const backup = findBackup(medium);

  if (typeof geometry === 'string') {
    if (!backup) {
      const kind = geometry.includes('cut short') ? 'truncated' : 'boot-sector';
      report.add({ kind, severity: 'error', message: `Invalid boot block: ${geometry}`, offsetBytes: 0 });
      return null;
    }
    restoreFromBackup(report, medium, backup, `Invalid boot block: ${geometry}`);
    return backup;
  }
  if (
    backup &&
    !equalBytes(sector.subarray(...GEOMETRY_BYTES), backup.sector.subarray(...GEOMETRY_BYTES)) &&
    plausibility(medium, backup.geometry) > plausibility(medium, geometry)
  ) {
    restoreFromBackup(
      report,
      medium,
      backup,
      'The boot block does not fit the volume; its backup, which differs, does',
    );
    return backup;
  }
  return { geometry, sector };
}

interface Backup extends Boot {
  readonly offsetBytes: number;
}

/** A believable copy of the boot sector at the usual place, for any size of sector. */
function findBackup(medium: Medium): Backup | null {
  for (const sectorSizeBytes of [512, 1024, 2048, 4096]) {
    const offsetBytes = USUAL_BACKUP_SECTOR * sectorSizeBytes;
    const sector = medium.read(offsetBytes, BOOT_BYTES);
    if (isZero(sector)) continue;
    const geometry = geometryOf(sector, medium.sizeBytes);
    if (typeof geometry === 'string' || geometry.type !== 32) continue;
    if (geometry.sectorSizeBytes !== sectorSizeBytes || geometry.backupBootSector !== USUAL_BACKUP_SECTOR)
      continue;
    return { geometry, sector, offsetBytes };
  }
  return null;
}

function restoreFromBackup(report: Report, medium: Medium, backup: Backup, message: string): void {
  report.add({
    kind: 'boot-sector',
    severity: 'error',
    message: `${message}; the backup at byte ${backup.offsetBytes} is used instead`,
    offsetBytes: 0,
    question: 'Restore',
    repair: () => medium.write(0, backup.sector, STAGE.entries, label('copy the backup boot sector back')),
  });
}

/** How well the volume answers to a geometry: FATs that begin as FATs do, a FAT as long as its clusters need. */
function plausibility(medium: Medium, geometry: Geometry): number {
  const { mask } = marksOf(geometry.type);
  let points = 0;
  for (let copy = 0; copy < geometry.fatCount; copy++) {
    const first = viewOf(medium.read(fatOffsetBytes(geometry, copy), 4)).getUint32(0, true);
    if ((first & mask & 0x0fffff00) >>> 0 === (mask & 0x0fffff00) >>> 0 && (first & 0xff) >= 0xf0) points++;
  }
  const bytesNeeded = ((geometry.clusterCount + 2) * geometry.type) / 8;
  const spareSectors = geometry.fatSizeSectors - bytesNeeded / geometry.sectorSizeBytes;
  const sectorsPerCluster = geometry.clusterSizeBytes / geometry.sectorSizeBytes;
  if (spareSectors < Math.max(16, 2 * sectorsPerCluster, geometry.fatSizeSectors / 16)) points++;
  return points;
}

const label = (reason: string, owner = 'boot sector') =>
  ({ role: 'header', owner, reason: `fsck: ${reason}` }) as const;

// ── what a readable boot sector may still have wrong ────────────────────────────────────────────────────────────────

/** Checks that need no other structure. Runs before the FAT is read. */
export function checkBootSector(medium: Medium, report: Report, boot: Boot): void {
  checkJump(medium, report, boot);
  checkMedia(medium, report, boot);
  checkVersion(medium, report, boot);
  if (boot.geometry.rootEntryCount % (boot.geometry.sectorSizeBytes / 32) !== 0) {
    report.add({
      kind: 'root-entry-count',
      severity: 'warning',
      message: `The root directory of ${boot.geometry.rootEntryCount} entries does not fill whole sectors`,
      offsetBytes: 17,
    });
  }
}

/** Write bytes into the boot sector, and into the copy we hold, so that later checks see them. */
export function patchBoot(
  medium: Medium,
  boot: Boot,
  offsetBytes: number,
  bytes: readonly number[],
  why: string,
) {
  boot.sector.set(bytes, offsetBytes);
  medium.write(offsetBytes, new Uint8Array(bytes), STAGE.summary, label(why));
}

function checkJump(medium: Medium, report: Report, boot: Boot): void {
  const [first = 0, second = 0, third = 0] = boot.sector;
  if (first === 0xe9 || (first === 0xeb && third === 0x90)) return;
  const bytes = [first, second, third].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  report.add({
    kind: 'boot-jump',
    severity: 'warning',
    message: `Invalid BS_jmpBoot in boot block: ${bytes}`,
    offsetBytes: 0,
    question: 'Fix',
    repair: () => {
      const target = boot.geometry.type === 32 ? 0x58 : 0x3c;
      patchBoot(medium, boot, 0, [0xeb, target, 0x90], 'write the jump over the parameters');
    },
  });
}

const isMedia = (media: number): boolean => media === 0xf0 || media >= 0xf8;

/** FATGEN 1.03, BPB_Media: F0 and F8-FF are legal; Linux mounts nothing else. */
function checkMedia(medium: Medium, report: Report, boot: Boot): void {
  const media = mediaOf(boot);
  if (isMedia(media)) return;
  report.add({
    kind: 'media',
    severity: 'error',
    message: `Invalid media byte in boot block: 0x${media.toString(16)}`,
    offsetBytes: 21,
    question: 'Fix',
    repair: () => {
      const inTable = medium.read(fatOffsetBytes(boot.geometry, 0), 1)[0] ?? 0;
      patchBoot(medium, boot, 21, [isMedia(inTable) ? inTable : 0xf8], 'write the media byte');
    },
  });
}

function checkVersion(medium: Medium, report: Report, boot: Boot): void {
  const { version } = BootSector32.peek(boot.sector);
  if (boot.geometry.type !== 32 || version === 0) return;
  report.add({
    kind: 'version',
    severity: 'error',
    message: `Unknown filesystem version: ${version >> 8}.${version & 0xff}`,
    offsetBytes: 42,
    question: 'Fix',
    repair: () => patchBoot(medium, boot, 42, [0, 0], 'set the version to 0.0'),
  });
}

/** Bit 7 of BPB_ExtFlags: only one FAT is kept up to date, its number in bits 0-3. */
export function activeFat(boot: Boot): number {
  if (boot.geometry.type !== 32) return 0;
  const { extendedFlags } = BootSector32.peek(boot.sector);
  if ((extendedFlags & 0x80) === 0) return 0;
  const active = extendedFlags & 0x0f;
  return active < boot.geometry.fatCount ? active : 0;
}

// ── flags ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const STATE_ERROR = 0x02;

/** Offsets of the fields that FAT32 keeps 28 bytes further back than FAT12/16. */
const fieldsOf = (geometry: Geometry) => (geometry.type === 32 ? BootSector32.fields : BootSector16.fields);

export interface BootState {
  readonly isDirty: boolean;
  readonly hasError: boolean;
}

/** BS_Reserved1, where Linux and Windows keep the flags that macOS keeps in FAT entry 1. */
export function bootState(boot: Boot): BootState {
  const state = boot.sector[fieldsOf(boot.geometry).state.at] ?? 0;
  return { isDirty: (state & STATE_DIRTY) !== 0, hasError: (state & STATE_ERROR) !== 0 };
}

export function clearBootState(medium: Medium, boot: Boot): void {
  const { at } = fieldsOf(boot.geometry).state;
  const state = (boot.sector[at] ?? 0) & ~(STATE_DIRTY | STATE_ERROR);
  patchBoot(medium, boot, at, [state], 'say that the volume is clean');
}

// ── the label in the boot sector ────────────────────────────────────────────────────────────────────────────────────

export const NO_NAME = 'NO NAME    ';
const HAS_LABEL_FIELD = 0x29;

/** The label entry of the root directory counts; the boot sector repeats it, "NO NAME" when there is none. */
export function checkBootLabel(medium: Medium, report: Report, boot: Boot, rootLabel: string | null): void {
  const fields = fieldsOf(boot.geometry);
  const struct = boot.geometry.type === 32 ? BootSector32 : BootSector16;
  const { bootSignature, label: found } = struct.peek(boot.sector);
  const wanted = rootLabel ?? NO_NAME;
  if (bootSignature === HAS_LABEL_FIELD && found === wanted) return;

  const inBoot = shown(found.trimEnd());
  const problem =
    bootSignature !== HAS_LABEL_FIELD
      ? 'The boot block has no serial number and label'
      : rootLabel === null
        ? `Label in boot block is "${inBoot}", but there is no volume label in the root directory`
        : `Volume label "${shown(rootLabel.trimEnd())}" in the root directory and label "${inBoot}" in the boot block differ`;
  report.add({
    kind: 'boot-label',
    severity: 'warning',
    message: problem,
    offsetBytes: fields.label.at,
    question: 'Fix',
    repair: () => {
      if (bootSignature !== HAS_LABEL_FIELD) {
        patchBoot(medium, boot, fields.bootSignature.at, [HAS_LABEL_FIELD], 'announce serial and label');
        patchBoot(medium, boot, fields.serialNumber.at, [0, 0, 0, 0], 'no serial number is known');
        const type = `FAT${boot.geometry.type}   `;
        patchBoot(medium, boot, fields.typeName.at, codesOf(type), 'name the type');
      }
      patchBoot(medium, boot, fields.label.at, codesOf(wanted), 'repeat the label of the root directory');
    },
  });
}

const codesOf = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));

// ── backup and FSInfo ───────────────────────────────────────────────────────────────────────────────────────────────

/** Runs last, so that the copy is made from a repaired boot sector. */
export function checkBackup(medium: Medium, report: Report, boot: Boot): void {
  const { geometry } = boot;
  if (geometry.type !== 32) return;
  if (geometry.backupBootSector === 0) {
    makeBackup(medium, report, boot);
    return;
  }
  const offsetBytes = geometry.backupBootSector * geometry.sectorSizeBytes;
  const backup = medium.read(offsetBytes, BOOT_BYTES);
  const differing = differences(boot.sector, backup);
  if (differing.length === 0) return;
  const listed = differing
    .slice(0, 8)
    .map((at) => `${at}:${hexByte(boot.sector[at])}/${hexByte(backup[at])}`);
  report.add({
    kind: 'backup-boot',
    severity: 'warning',
    message:
      `There are differences between boot sector and its backup: ${listed.join(', ')}` +
      (differing.length > listed.length ? ` and ${differing.length - listed.length} more` : ''),
    offsetBytes,
    question: 'Copy original to backup',
    repair: () =>
      medium.write(
        offsetBytes,
        boot.sector,
        STAGE.summary,
        label('copy the boot sector', 'boot sector backup'),
      ),
  });
}

const hexByte = (byte = 0): string => byte.toString(16).padStart(2, '0');

/** The dirty flag is set and cleared in the first sector only; that alone is no difference. */
function differences(boot: Uint8Array, backup: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at < BOOT_BYTES; at++) {
    const mask = at === BootSector32.fields.state.at ? ~(STATE_DIRTY | STATE_ERROR) : 0xff;
    if (((boot[at] ?? 0) & mask) !== ((backup[at] ?? 0) & mask)) found.push(at);
  }
  return found;
}

function makeBackup(medium: Medium, report: Report, boot: Boot): void {
  const { reservedSectors, fsInfoSector, sectorSizeBytes } = boot.geometry;
  let sector = Math.min(USUAL_BACKUP_SECTOR, reservedSectors - 1);
  if (sector === fsInfoSector) sector--;
  const hasRoom = sector > 0;
  report.add({
    kind: 'no-backup-boot',
    severity: 'warning',
    message: `There is no backup boot sector${hasRoom ? '' : ', and no room for one'}`,
    offsetBytes: BootSector32.fields.backupBootSector.at,
    ...(hasRoom && {
      question: 'Create',
      repair: () => {
        const { at } = BootSector32.fields.backupBootSector;
        patchBoot(medium, boot, at, [sector & 0xff, sector >> 8], 'name the backup boot sector');
        const offsetBytes = sector * sectorSizeBytes;
        medium.write(
          offsetBytes,
          boot.sector,
          STAGE.summary,
          label('copy the boot sector', 'boot sector backup'),
        );
      },
    }),
  });
}

/** Both FSInfo sectors: signatures, then what they claim against what was counted. */
export function checkFsInfo(medium: Medium, report: Report, boot: Boot, freeClusters: number): void {
  const { geometry } = boot;
  if (geometry.type !== 32) return;
  if (geometry.fsInfoSector === 0) {
    makeFsInfo(medium, report, boot, freeClusters);
    return;
  }
  const offsetBytes = geometry.fsInfoSector * geometry.sectorSizeBytes;
  const sector = medium.read(offsetBytes, FsInfo.sizeBytes);
  const write = (reason: string) => medium.write(offsetBytes, sector, STAGE.summary, label(reason, 'FSInfo'));
  if (!hasSignatures(sector)) {
    report.add({
      kind: 'fsinfo-signature',
      severity: 'error',
      message: 'Invalid signature in fsinfo block',
      offsetBytes,
      question: 'fix',
      repair: () => {
        FsInfo.write(sector, { freeCount: freeClusters, nextFree: UNKNOWN_COUNT });
        write('make FSInfo anew');
      },
    });
    if (!report.mayRepair) return;
  }
  checkFsInfoValues(report, boot, offsetBytes, sector, freeClusters, write);
  checkFsInfoCopy(medium, report, boot, sector);
}

function checkFsInfoValues(
  report: Report,
  boot: Boot,
  offsetBytes: number,
  sector: Uint8Array,
  freeClusters: number,
  write: (reason: string) => void,
): void {
  const info = FsInfo.peek(sector);
  if (info.freeCount !== freeClusters) {
    const isUnset = info.freeCount === UNKNOWN_COUNT;
    report.add({
      kind: 'fsinfo-free-count',
      severity: 'warning',
      message: isUnset
        ? `Free space in FSInfo block is unset (should be ${freeClusters})`
        : `Free space in FSInfo block (${info.freeCount}) not correct (${freeClusters})`,
      offsetBytes: offsetBytes + FsInfo.fields.freeCount.at,
      question: 'Fix',
      repair: () => {
        viewOf(sector).setUint32(FsInfo.fields.freeCount.at, freeClusters, true);
        write('write the free clusters counted');
      },
    });
  }
  if (info.nextFree !== UNKNOWN_COUNT && !isDataCluster(boot.geometry, info.nextFree)) {
    report.add({
      kind: 'fsinfo-next-free',
      severity: 'warning',
      message: `Next free cluster in FSInfo block (${info.nextFree}) out of range`,
      offsetBytes: offsetBytes + FsInfo.fields.nextFree.at,
      question: 'Fix',
      repair: () => {
        viewOf(sector).setUint32(FsInfo.fields.nextFree.at, UNKNOWN_COUNT, true);
        write('forget where to look for free clusters');
      },
    });
  }
}

const hasSignatures = (sector: Uint8Array): boolean => {
  const info = FsInfo.peek(sector);
  const { leadSignature, structSignature, trailSignature } = FsInfo.fields;
  return (
    info.leadSignature === leadSignature.magic &&
    info.structSignature === structSignature.magic &&
    info.trailSignature === trailSignature.magic
  );
};

/** Behind the backup boot sector lies a copy of FSInfo. Nobody keeps its counts up to date; its signatures stay. */
function checkFsInfoCopy(medium: Medium, report: Report, boot: Boot, original: Uint8Array): void {
  const { backupBootSector, fsInfoSector, reservedSectors, sectorSizeBytes } = boot.geometry;
  const sector = backupBootSector + fsInfoSector;
  if (backupBootSector === 0 || sector >= reservedSectors || sector === backupBootSector) return;
  const offsetBytes = sector * sectorSizeBytes;
  if (hasSignatures(medium.read(offsetBytes, FsInfo.sizeBytes))) return;
  report.add({
    kind: 'backup-fsinfo',
    severity: 'warning',
    message: 'Invalid signature in the backup of the fsinfo block',
    offsetBytes,
    question: 'fix',
    repair: () => medium.write(offsetBytes, original, STAGE.summary, label('copy FSInfo', 'FSInfo backup')),
  });
}

function makeFsInfo(medium: Medium, report: Report, boot: Boot, freeClusters: number): void {
  const { reservedSectors, backupBootSector, sectorSizeBytes } = boot.geometry;
  const sector = [USUAL_FSINFO_SECTOR, 2].find((at) => at < reservedSectors && at !== backupBootSector);
  report.add({
    kind: 'no-fsinfo',
    severity: 'warning',
    message: `There is no fsinfo block${sector === undefined ? ', and no room for one' : ''}`,
    offsetBytes: BootSector32.fields.fsInfoSector.at,
    ...(sector !== undefined && {
      question: 'Create',
      repair: () => {
        const bytes = new Uint8Array(FsInfo.sizeBytes);
        FsInfo.write(bytes, { freeCount: freeClusters, nextFree: UNKNOWN_COUNT });
        medium.write(sector * sectorSizeBytes, bytes, STAGE.summary, label('make FSInfo', 'FSInfo'));
        const { at } = BootSector32.fields.fsInfoSector;
        patchBoot(medium, boot, at, [sector, 0], 'name the FSInfo sector');
      },
    }),
  });
}
