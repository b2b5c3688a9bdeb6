import { equalBytes, isZero, viewOf } from '../../base/bytes.ts';
import { BootSector16, BootSector32, STATE_DIRTY, geometryOf, marksOf } from './layout.ts';
import type { Geometry } from './layout.ts';
import { STAGE } from './fsck-stages.ts';
import type { Draft } from '../../device/draft.ts';
import { shown } from './fsck-report.ts';
import type { Report } from './fsck-report.ts';
import { fatOffsetBytes } from './fsck-table.ts';

/**
 * The boot sector: finds out where everything lies, from the backup when the first sector cannot be believed, and
 * checks the fields that say something else than that.
 */
export const BOOT_BYTES = 512;

/** Where FAT32 puts the copy when nobody says otherwise (FATGEN 1.03, BPB_BkBootSec: "should be 6"). */
export const USUAL_BACKUP_SECTOR = 6;

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
export function findBoot(medium: Draft, report: Report): Boot | null {
  const sector = medium.read(0, BOOT_BYTES);
  const geometry = geometryOf(sector, medium.sizeBytes);
  const backup = findBackup(medium);

  if (typeof geometry === 'string') {
    if (!backup) {
      const wouldFit = typeof geometryOf(sector, Infinity) !== 'string';
      const kind = wouldFit ? 'truncated' : 'boot-sector';
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
function findBackup(medium: Draft): Backup | null {
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

function restoreFromBackup(report: Report, medium: Draft, backup: Backup, message: string): void {
  report.add({
    kind: 'boot-sector',
    severity: 'error',
    message: `${message}; the backup at byte ${backup.offsetBytes} is used instead`,
    offsetBytes: 0,
    question: 'Restore',
    repair: () =>
      medium.write(0, backup.sector, STAGE.entries, headerLabel('copy the backup boot sector back')),
  });
}

/** How well the volume answers to a geometry: FATs that begin as FATs do, a FAT as long as its clusters need. */
function plausibility(medium: Draft, geometry: Geometry): number {
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

export const headerLabel = (reason: string, owner = 'boot sector') =>
  ({ role: 'header', owner, reason: `fsck: ${reason}` }) as const;

// ── what a readable boot sector may still have wrong ────────────────────────────────────────────────────────────────

/** Checks that need no other structure. Runs before the FAT is read. */
export function checkBootSector(medium: Draft, report: Report, boot: Boot): void {
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
  medium: Draft,
  boot: Boot,
  offsetBytes: number,
  bytes: readonly number[],
  why: string,
) {
  boot.sector.set(bytes, offsetBytes);
  medium.write(offsetBytes, new Uint8Array(bytes), STAGE.summary, headerLabel(why));
}

function checkJump(medium: Draft, report: Report, boot: Boot): void {
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
function checkMedia(medium: Draft, report: Report, boot: Boot): void {
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

function checkVersion(medium: Draft, report: Report, boot: Boot): void {
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

export const STATE_ERROR = 0x02;

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

export function clearBootState(medium: Draft, boot: Boot): void {
  const { at } = fieldsOf(boot.geometry).state;
  const state = (boot.sector[at] ?? 0) & ~(STATE_DIRTY | STATE_ERROR);
  patchBoot(medium, boot, at, [state], 'say that the volume is clean');
}

// ── the label in the boot sector ────────────────────────────────────────────────────────────────────────────────────

export const NO_NAME = 'NO NAME    ';
const HAS_LABEL_FIELD = 0x29;

/** The label entry of the root directory counts; the boot sector repeats it, "NO NAME" when there is none. */
export function checkBootLabel(medium: Draft, report: Report, boot: Boot, rootLabel: string | null): void {
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
