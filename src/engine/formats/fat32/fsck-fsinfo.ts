import { viewOf } from '../../base/bytes.ts';
import { BootSector32, FsInfo, STATE_DIRTY, UNKNOWN_COUNT, isDataCluster } from './layout.ts';
import { BOOT_BYTES, STATE_ERROR, USUAL_BACKUP_SECTOR, headerLabel, patchBoot } from './fsck-boot.ts';
import type { Boot } from './fsck-boot.ts';
import { STAGE } from './fsck-stages.ts';
import type { Draft } from '../../device/draft.ts';
import type { Report } from './fsck-report.ts';

/** What FAT32 keeps beside the boot sector: its backup, FSInfo, and the copy of FSInfo behind the backup. */
const USUAL_FSINFO_SECTOR = 1;

/** Runs last, so that the copy is made from a repaired boot sector. */
export function checkBackup(medium: Draft, report: Report, boot: Boot): void {
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
        headerLabel('copy the boot sector', 'boot sector backup'),
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

function makeBackup(medium: Draft, report: Report, boot: Boot): void {
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
          headerLabel('copy the boot sector', 'boot sector backup'),
        );
      },
    }),
  });
}

/** Both FSInfo sectors: signatures, then what they claim against what was counted. */
export function checkFsInfo(medium: Draft, report: Report, boot: Boot, freeClusters: number): void {
  const { geometry } = boot;
  if (geometry.type !== 32) return;
  if (geometry.fsInfoSector === 0) {
    makeFsInfo(medium, report, boot, freeClusters);
    return;
  }
  const offsetBytes = geometry.fsInfoSector * geometry.sectorSizeBytes;
  const sector = medium.read(offsetBytes, FsInfo.sizeBytes);
  const write = (reason: string) =>
    medium.write(offsetBytes, sector, STAGE.summary, headerLabel(reason, 'FSInfo'));
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
function checkFsInfoCopy(medium: Draft, report: Report, boot: Boot, original: Uint8Array): void {
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
    repair: () =>
      medium.write(offsetBytes, original, STAGE.summary, headerLabel('copy FSInfo', 'FSInfo backup')),
  });
}

function makeFsInfo(medium: Draft, report: Report, boot: Boot, freeClusters: number): void {
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
        medium.write(sector * sectorSizeBytes, bytes, STAGE.summary, headerLabel('make FSInfo', 'FSInfo'));
        const { at } = BootSector32.fields.fsInfoSector;
        patchBoot(medium, boot, at, [sector, 0], 'name the FSInfo sector');
      },
    }),
  });
}
