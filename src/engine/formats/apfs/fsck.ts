import type { Device } from '../../device/device.ts';
import { Draft } from '../../device/draft.ts';
import type { FsckOptions, FsckReport } from '../contract.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { checkContainer } from './fsck-container.ts';
import type { Look } from './fsck-container.ts';
import { repair } from './fsck-repair.ts';
import { Report } from './fsck-report.ts';
import type { FindingKind } from './fsck-report.ts';
import { REPAIR_STAGES, RepairRefused } from './fsck-writer.ts';

/**
 * An independent witness of APFS: it shares no code with the driver that it judges, finds what apfsck finds and what
 * that misses (older checkpoints, keys repeated across nodes, a damaged block 0), in fsck_apfs's order and manner.
 *
 * Never throws on a damaged disk and always ends: every tree is entered once a view, every block is bounded by what the
 * superblock says, every list by its room. Costs what is stored, not what the container could hold.
 *
 * What can be proven is repaired: the space manager's bitmaps, counts and queues, counters of volumes and inodes, hard
 * links from the names that files have, extent references from their file extents, block 0. All of it becomes one new
 * checkpoint in memory, which is checked in its turn; only when nothing is left of what it should mend, and nothing
 * else is wrong that was not before, does it reach the disk.
 */
export function fsck(device: Device, options: FsckOptions): FsckReport {
  const report = new Report(BLOCK_SIZE_BYTES / device.blockSizeBytes);
  const medium = new Draft(device, REPAIR_STAGES);
  const look = checkContainer(medium, report);
  const isReadable = !report.problems.some(({ kind }) => kind === 'not-apfs');
  let isRepaired = false;
  if (options.repair && look && report.problems.some(({ remedy }) => remedy !== undefined)) {
    isRepaired = mend(medium, report, look, device.blockSizeBytes);
  }
  if (isReadable) report.phase(verdict(report, look !== null, isRepaired));
  return {
    isReadable,
    lines: report.lines,
    findings: report.findings(({ remedy }) => isRepaired && remedy !== undefined),
  };
}

function verdict(report: Report, isWhole: boolean, isRepaired: boolean): string {
  if (!isWhole) return 'The container could not be verified completely.';
  const isClean = report.errors === 0;
  if (isRepaired && report.problems.every(({ severity, remedy }) => severity === 'warning' || remedy)) {
    return 'The container was repaired successfully.';
  }
  return isClean
    ? 'The container appears to be OK.'
    : 'The container was found corrupt and needs to be repaired.';
}

/** True when the disk has been mended; a refusal is a line of the report. */
function mend(medium: Draft, report: Report, look: Look, sectorBytes: number): boolean {
  report.phase('Repairing the container.');
  const refusal = medium.isReadOnly ? 'the device is read-only' : attempt(medium, report, look, sectorBytes);
  if (refusal !== null) {
    report.line(`Nothing was changed: ${refusal}.`);
    return false;
  }
  medium.commit();
  if (medium.unwritableBlocks.size === 0) return true;
  report.line(`${medium.unwritableBlocks.size} blocks could not be written.`);
  return false;
}

/** The reason why the repair must not reach the disk; null: it may. */
function attempt(medium: Draft, report: Report, look: Look, sectorBytes: number): string | null {
  if (report.hasUntold) return 'there is too much damage';
  const obstacle = report.problems.find(
    ({ kind, severity, remedy }) => severity === 'error' && !remedy && OBSTACLES.has(kind),
  );
  if (obstacle) return `first something else must be right (${obstacle.message})`;
  try {
    repair(medium, look, report.problems);
  } catch (error) {
    if (!(error instanceof RepairRefused)) throw error;
    return error.message;
  }
  const after = new Report(BLOCK_SIZE_BYTES / sectorBytes);
  checkContainer(medium, after);
  const hopeless = report.problems.filter(({ severity, remedy }) => severity === 'error' && !remedy);
  const left = after.problems.filter(({ severity }) => severity === 'error');
  if (after.problems.some(({ remedy }) => remedy !== undefined) || left.length > hopeless.length) {
    return `the repair would leave damage (${left[0]?.message ?? after.problems[0]?.message ?? ''})`;
  }
  return null;
}

/**
 * Errors that nobody mends and that make doubtful which blocks are in use, or where the container keeps count of them.
 * Those of files, directories and counters do not.
 */
const OBSTACLES: ReadonlySet<FindingKind> = new Set([
  'checksum',
  'superblock',
  'checkpoint',
  'space-manager',
  'double-use',
  'omap',
  'tree',
  'reaper',
  'volume',
  'extent',
  'snapshot',
  'unreadable',
  'unsupported',
]);
