import type { Device } from '../../device/device.ts';
import type { FsckOptions, FsckReport } from '../contract.ts';
import { FAT_END, FAT_MEDIA, FAT_SECOND } from './layout.ts';
import { checkAllocated } from './fsck-allocation.ts';
import type { Tally } from './fsck-allocation.ts';
import { checkBackup, checkState, findBoot } from './fsck-boot.ts';
import type { Boot } from './fsck-boot.ts';
import { claimChain } from './fsck-chains.ts';
import type { Pass } from './fsck-chains.ts';
import { readDirectory } from './fsck-contents.ts';
import type { Run } from './fsck-contents.ts';
import { checkDirectory } from './fsck-directory.ts';
import type { DirectoryToCheck } from './fsck-directory.ts';
import { FatTable, entryByteOffset, valueInWords } from './fsck-fat.ts';
import { Draft } from '../../device/draft.ts';
import { STAGES } from './fsck-stages.ts';
import { ClusterOwners, FileRegistry, ROOT } from './fsck-owners.ts';
import { Report, shown } from './fsck-report.ts';
import { checkSystemFiles } from './fsck-system.ts';
import { standardUpcase } from './fsck-upcase.ts';

/**
 * An independent witness of exFAT: it shares no code with the volume that it judges, finds what fsck.exfat finds and
 * what it passes over (lost clusters, the alternate boot region, PercentInUse, dates), and says it in the order of
 * macOS's fsck_exfat.
 *
 * Never throws on a damaged disk and always ends: each cluster is claimed once, each directory read once. Costs what is
 * stored, not what the volume could hold.
 *
 * Repairs gather in memory and passes follow until one has nothing to repair; only then is the disk written, entries
 * first. More is kept than by fsck.exfat: a set of entries with a wrong checksum stays if its parts fit together, sizes
 * stay where the clusters allow, lost system files are made anew. Clusters nobody holds are freed.
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
    report.line('** Checking volume.');
    report.line('** Checking main boot region.');
    const boot = findBoot(medium, report);
    end = boot && checkOnce(medium, report, boot);
    if (!end) {
      report.line('** The volume could not be verified completely.');
      return { isReadable: false, lines: report.lines, findings: report.unwritten };
    }
    // A pass that finds nothing new need not be told: the summary is.
    if (pass > 0 && report.findings.length === said) report.lines.length = lines;
    if (report.repairs === 0) break;
  }
  if (end) finish(medium, report, end);
  return { isReadable: true, lines: report.lines, findings: report.findings };
}

/** Each pass repairs everything it sees; what a repair brings to light the next one sees. Damage nests a few deep. */
const PASSES_MAX = 16;

interface Ending extends Tally {
  readonly label: string;
  readonly fileCount: number;
  readonly directoryCount: number;
  readonly clusterSizeBytes: number;
  readonly clusterCount: number;
}

function finish(medium: Draft, report: Report, end: Ending): void {
  for (const block of medium.unreadableBlocks) addBlock(medium, report, block, 'unreadable', 'read');
  const isRepairable = report.repairs === 0;
  const isModified = medium.hasEdits;
  if (isModified) {
    medium.commit();
    for (const block of medium.unwritableBlocks) addBlock(medium, report, block, 'unwritable', 'written');
    report.finish();
    report.line('***** FILE SYSTEM WAS MODIFIED *****');
  } else {
    report.finish();
  }
  const { clusterSizeBytes, clusterCount, usedClusters } = end;
  const freeClusters = clusterCount - usedClusters;
  const freeKibibytes = Math.floor((freeClusters * clusterSizeBytes) / 1024);
  const bad = end.badClusters > 0 ? `, ${end.badClusters} bad clusters` : '';
  report.line(
    `${end.fileCount} files, ${end.directoryCount} directories, ${freeKibibytes} KiB free (${freeClusters} clusters)${bad}`,
  );
  const name = end.label === '' ? '' : ` ${shown(end.label)}`;
  const isBad = report.findings.some(({ severity, isRepaired }) => severity === 'error' && !isRepaired);
  if (!isRepairable) report.line(`** The volume${name} could not be repaired completely: run fsck again.`);
  else if (isBad && report.mayRepair) report.line(`** The volume${name} could not be repaired.`);
  else if (isBad) report.line(`** The volume${name} was found corrupt and needs to be repaired.`);
  else if (isModified) report.line(`** The volume${name} was repaired successfully.`);
  else report.line(`** The volume${name} appears to be OK.`);
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
  const pass: Pass = {
    medium,
    geometry,
    fat: new FatTable(medium, geometry),
    report,
    owners: new ClusterOwners(),
    files: new FileRegistry(),
    bitmap: null,
    upcase: standardUpcase(),
    afterwards: [],
  };
  report.line('** Checking system files.');
  checkFirstEntries(pass);
  const runs = claimRoot(pass);
  const root = readDirectory(medium, geometry, runs);
  const { label } = checkSystemFiles(pass, root);
  if (label !== '') report.line(`** Volume name is ${shown(label)}.`);
  report.line('** Checking upper case translation table.');
  report.line('** Checking file system hierarchy.');
  checkTree(pass, runs);
  for (const repair of pass.afterwards) repair();
  report.line('** Checking active bitmap.');
  const tally = checkBitmap(pass);
  report.line('** Rechecking main boot region.');
  checkState(medium, report, boot, percentsOf(tally, geometry.clusterCount));
  report.line('** Rechecking alternate boot region.');
  checkBackup(medium, report, boot);
  return {
    ...tally,
    label,
    fileCount: pass.files.fileCount,
    directoryCount: pass.files.directoryCount,
    clusterSizeBytes: geometry.clusterSizeBytes,
    clusterCount: geometry.clusterCount,
  };
}

function checkBitmap(pass: Pass): Tally {
  const { bitmap, owners } = pass;
  if (bitmap) return checkAllocated(pass, bitmap);
  return { usedClusters: owners.held, markedClusters: owners.held, badClusters: 0 };
}

/** What PercentInUse may be: the truth, or what a bitmap that leaks adds up to. Rounded down (3.1.18). */
function percentsOf({ usedClusters, markedClusters }: Tally, clusterCount: number): number[] {
  return [usedClusters, markedClusters].map((clusters) => Math.floor((clusters * 100) / clusterCount));
}

/** Entries 0 and 1 of the FAT belong to no cluster: the media byte, and all ones (4.1.1, 4.1.2). */
function checkFirstEntries({ fat, report, geometry }: Pass): void {
  for (const [entry, expected] of [FAT_MEDIA, FAT_SECOND].entries()) {
    const value = fat.get(entry);
    if (value === expected) continue;
    report.add({
      kind: 'fat-media',
      severity: 'warning',
      message: `Entry ${entry} of the FAT is 0x${value.toString(16)}, should be 0x${expected.toString(16)}`,
      offsetBytes: entryByteOffset(geometry, entry),
      question: 'Fix',
      repair: () => fat.set(entry, expected, `write entry ${entry}, which belongs to no cluster`),
    });
  }
}

/** The root directory has no entry: its chain alone says how long it is. */
function claimRoot(pass: Pass): readonly Run[] {
  const { geometry, report, fat } = pass;
  const { runs, fault, faultCluster, lastCluster } = claimChain(pass, ROOT, geometry.rootCluster, Infinity);
  if (fault !== 'short') {
    const what =
      fault === 'circular'
        ? `leads back to cluster ${faultCluster}`
        : `leads to ${valueInWords(faultCluster)}`;
    report.add({
      kind: 'root-chain',
      severity: 'error',
      message: `The cluster chain of the root directory is broken: cluster ${lastCluster} ${what}`,
      offsetBytes: entryByteOffset(geometry, lastCluster),
      question: 'Truncate',
      repair: () =>
        fat.set(lastCluster, FAT_END, `end the chain of the root directory at cluster ${lastCluster}`),
    });
  }
  return runs;
}

function checkTree(pass: Pass, rootRuns: readonly Run[]): void {
  const { medium, geometry } = pass;
  const waiting: DirectoryToCheck[] = [{ file: ROOT, runs: rootRuns }];
  for (let directory = waiting.pop(); directory; directory = waiting.pop()) {
    const contents = readDirectory(medium, geometry, directory.runs);
    const found = checkDirectory(pass, directory.file, contents);
    for (let i = found.length - 1; i >= 0; i--) {
      const next = found[i];
      if (next) waiting.push(next);
    }
  }
}
