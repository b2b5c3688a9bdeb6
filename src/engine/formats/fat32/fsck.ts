import { isZero } from '../../base/bytes.ts';
import type { Device } from '../../device/device.ts';
import type { FsckOptions, FsckReport } from '../contract.ts';
import { clusterOffsetBytes } from './layout.ts';
import type { Geometry } from './layout.ts';
import {
  activeFat,
  bootState,
  checkBootLabel,
  checkBootSector,
  clearBootState,
  findBoot,
  mediaOf,
} from './fsck-boot.ts';
import type { Boot } from './fsck-boot.ts';
import { checkBackup, checkFsInfo } from './fsck-fsinfo.ts';
import { claimChain, headFault } from './fsck-chains.ts';
import type { Pass } from './fsck-chains.ts';
import { readClusters, readFixedRoot } from './fsck-contents.ts';
import { checkDirectory } from './fsck-directory.ts';
import { looksLikeDirectory } from './fsck-dots.ts';
import type { DirectoryToCheck } from './fsck-editing.ts';
import { Draft } from '../../device/draft.ts';
import { STAGES } from './fsck-stages.ts';
import { checkOrphans } from './fsck-orphans.ts';
import type { Tally } from './fsck-orphans.ts';
import { ClusterOwners, FileRegistry, ROOT } from './fsck-owners.ts';
import { Report } from './fsck-report.ts';
import { FatTable, entryByteOffset } from './fsck-table.ts';
import {
  checkCopies,
  checkFirstEntries,
  checkUpperBits,
  doubtOf,
  isMarkedClean,
  markClean,
} from './fsck-copies.ts';

/**
 * An independent witness of FAT12, FAT16 and FAT32: it shares no code with the volume that it judges, finds what
 * macOS's fsck_msdos and Linux's fsck.vfat find and what both miss, and says it in fsck_msdos's words and order.
 *
 * Never throws on a damaged disk and always ends: each cluster is claimed once, each directory read once. Costs what is
 * stored, not what the volume could hold.
 *
 * Repairs gather in memory and passes follow until one has nothing to repair; only then is the disk written, entries
 * first. Where the real tools differ: clusters nobody holds are freed, as on macOS (fsck.vfat makes FSCK0000.REC of
 * them); a file whose chain leads to a free cluster keeps that cluster, as on macOS; a directory without dot entries
 * gets them, as by fsck.vfat (macOS turns it into a file), unless what is in it cannot be entries.
 */
export function fsck(device: Device, options: FsckOptions): FsckReport {
  const medium = new Draft(device, STAGES);
  const mayRepair = options.repair && !medium.isReadOnly;
  const report = new Report(medium, mayRepair);
  if (options.repair && medium.isReadOnly) report.line('The device is read-only: nothing can be repaired');

  let end: Ending | null = null;
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    report.startPass();
    const said = report.findings.length;
    const lines = report.lines.length;
    const boot = findBoot(medium, report);
    end = boot && checkOnce(medium, report, boot);
    if (!end) return { isReadable: false, lines: report.lines, findings: report.unwritten };
    // A pass that finds nothing new need not be told: the summary is.
    if (pass > 0 && report.findings.length === said) report.lines.length = lines;
    if (report.repairs === 0) break;
  }
  if (end) finish(medium, report, end);
  return { isReadable: true, lines: report.lines, findings: report.findings };
}

/** Each pass repairs everything it sees; what a repair brings to light the next one sees. Damage nests a few deep. */
const PASSES_MAX = 12;

interface Ending extends Tally {
  readonly fileCount: number;
  readonly clusterSizeBytes: number;
}

function finish(medium: Draft, report: Report, end: Ending): void {
  for (const block of medium.unreadableBlocks) addBlock(medium, report, block, 'unreadable', 'read');
  report.finish();
  const { clusterSizeBytes, freeClusters, badClusters } = end;
  const kibibytes = (clusters: number): number => Math.floor((clusters * clusterSizeBytes) / 1024);
  report.line(
    `${end.fileCount} files, ${kibibytes(freeClusters)} KiB free (${freeClusters} clusters)` +
      (badClusters > 0 ? `, ${kibibytes(badClusters)} KiB bad (${badClusters} clusters)` : ''),
  );
  if (report.repairs > 0) report.line('Not everything could be repaired: run fsck again');
  if (!medium.hasEdits) return;
  medium.commit();
  for (const block of medium.unwritableBlocks) addBlock(medium, report, block, 'unwritable', 'written');
  report.line('');
  report.line('***** FILE SYSTEM WAS MODIFIED *****');
}

function addBlock(medium: Draft, report: Report, block: number, kind: string, done: string): void {
  report.add({
    kind,
    severity: 'error',
    message: `Block ${block} cannot be ${done}`,
    offsetBytes: block * medium.blockSizeBytes,
  });
}

function checkOnce(medium: Draft, report: Report, boot: Boot): Ending | null {
  const { geometry } = boot;
  report.line('** Phase 1 - Preparing FAT');
  const tables = Array.from({ length: geometry.fatCount }, (_, copy) => new FatTable(medium, geometry, copy));
  const rootStart = readRootStart(medium, geometry);
  const doubt = doubtOf(tables, !isZero(rootStart) && looksLikeDirectory(geometry, rootStart));
  if (doubt !== null) {
    const message = `The boot block does not fit the volume: ${doubt}, and there are no entries where the root directory must be`;
    report.add({ kind: 'boot-sector', severity: 'error', message, offsetBytes: 0 });
    return null;
  }
  checkBootSector(medium, report, boot);
  const table = checkCopies(report, geometry, tables, activeFat(boot));
  checkFirstEntries(report, geometry, table, mediaOf(boot));
  checkUpperBits(report, geometry, table);

  report.line('** Phase 2 - Checking Directories');
  const pass: Pass = {
    medium,
    geometry,
    table,
    report,
    owners: new ClusterOwners(),
    files: new FileRegistry(),
    label: { text: null },
  };
  checkTree(pass);
  checkBootLabel(medium, report, boot, pass.label.text);

  report.line('** Phase 3 - Checking for Orphan Clusters');
  const tally = checkOrphans(pass);
  checkFsInfo(medium, report, boot, tally.freeClusters);
  checkState(pass, boot);
  checkBackup(medium, report, boot);
  return { ...tally, fileCount: pass.files.count, clusterSizeBytes: geometry.clusterSizeBytes };
}

function readRootStart(medium: Draft, geometry: Geometry): Uint8Array {
  if (geometry.type !== 32) return medium.read(geometry.rootFirstSector * geometry.sectorSizeBytes, 512);
  return medium.read(clusterOffsetBytes(geometry, geometry.rootCluster), geometry.clusterSizeBytes);
}

function checkTree(pass: Pass): void {
  const { medium, geometry, table, files } = pass;
  files.add({ parent: 0, name: '', isDirectory: true, firstCluster: geometry.rootCluster });
  const waiting: DirectoryToCheck[] = [];
  if (geometry.type === 32) {
    const clusterCount = claimRoot(pass);
    const root = { file: ROOT, firstCluster: geometry.rootCluster, clusterCount };
    const contents = readClusters(medium, geometry, table, root.firstCluster, clusterCount);
    waiting.push(...checkDirectory(pass, root, contents));
  } else {
    const root = { file: ROOT, firstCluster: 0, clusterCount: 0 };
    waiting.push(...checkDirectory(pass, root, readFixedRoot(medium, geometry)));
  }
  for (let directory = waiting.pop(); directory; directory = waiting.pop()) {
    const { firstCluster, clusterCount } = directory;
    const contents = readClusters(medium, geometry, table, firstCluster, clusterCount);
    for (const found of checkDirectory(pass, directory, contents).reverse()) waiting.push(found);
  }
}

/** The root directory has no entry to be truncated: a first cluster that cannot be one is made one. */
function claimRoot(pass: Pass): number {
  const { geometry, table, report } = pass;
  const first = geometry.rootCluster;
  const fault = headFault(pass, first);
  if (fault === null) return claimChain(pass, ROOT, first).clusterCount;
  report.add({
    kind: 'root-start',
    severity: 'error',
    message: `Root directory starts with ${fault} cluster`,
    offsetBytes: entryByteOffset(geometry, first),
    question: 'Fix',
    repair: () =>
      table.set(first, table.marks.endOfChain, 'mark the first cluster of the root directory as used'),
  });
  pass.owners.set(first, ROOT);
  return 1;
}

/** Both places that say whether the volume was left clean, and whether the disk failed. */
function checkState(pass: Pass, boot: Boot): void {
  const { report, table, geometry, medium } = pass;
  const inBoot = bootState(boot);
  const inTable = isMarkedClean(table);
  const repair = (): void => {
    clearBootState(medium, boot);
    markClean(table);
  };
  if (inBoot.isDirty || !inTable.isClean) {
    report.add({
      kind: 'dirty',
      severity: 'warning',
      message: 'File system was not properly unmounted: the dirty flag is set',
      offsetBytes: inBoot.isDirty ? 0 : entryByteOffset(geometry, 1),
      question: 'MARK FILE SYSTEM CLEAN',
      repair,
    });
  }
  if (inBoot.hasError || !inTable.isWithoutError) {
    report.add({
      kind: 'disk-error',
      severity: 'warning',
      message: 'A driver has met an error of the disk: the error flag is set',
      offsetBytes: inBoot.hasError ? 0 : entryByteOffset(geometry, 1),
      question: 'Clear',
      repair,
    });
  }
}
