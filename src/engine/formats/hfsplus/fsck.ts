import type { Device } from '../../device/device.ts';
import type { FsckOptions, FsckReport } from '../contract.ts';
import { NumberSet } from './fsck-bits.ts';
import { checkOnce } from './fsck-check.ts';
import { findHeaders } from './fsck-header.ts';
import { checkJournal, overlay, replay } from './fsck-journal.ts';
import { Draft } from '../../device/draft.ts';
import { STAGES } from './fsck-stages.ts';
import { rebuildTree } from './fsck-rebuild.ts';
import type { Pass } from './fsck-pass.ts';
import { Report } from './fsck-report.ts';
import { inconsistentHeader } from './fsck-volume.ts';

/**
 * An independent witness of HFS+ and HFSX: it shares no code with the volume that it judges, finds what Apple's
 * fsck_hfs finds and what that misses (threads that lead elsewhere, what the journal holds, the alternate header), and
 * says it in fsck_hfs's words and order.
 *
 * Never throws on a damaged disk and always ends: each node is entered once, each record read once. Costs what is
 * stored, not what the volume could hold.
 *
 * Repairs gather in memory and passes follow until one has nothing to repair; only then is the disk written. What keeps
 * the length of its record is changed in place; whatever adds or removes records builds the tree anew. A journal that
 * waits is replayed before anything else; without leave to write, the volume is judged as it would be after that.
 */
export function fsck(device: Device, options: FsckOptions): FsckReport {
  const medium = new Draft(device, STAGES);
  const mayRepair = options.repair && !medium.isReadOnly;
  const report = new Report(medium, mayRepair);
  if (options.repair && medium.isReadOnly) report.line('The device is read-only: nothing can be repaired');
  report.line(`Executing fsck_hfs (version ${VERSION}).`);
  const run = new Run(medium, report);
  if (!run.start()) return { isReadable: false, lines: report.lines, findings: report.unwritten };
  run.check();
  return { isReadable: true, lines: report.lines, findings: run.finish() };
}

/** Of Apple's published sources that wording and order follow. */
const VERSION = 'hfs-715.100.10';

/** Each pass repairs everything it sees; what a repair brings to light the next one sees. Damage nests a few deep. */
const PASSES_MAX = 16;

class Run {
  readonly #medium: Draft;
  readonly #report: Report;
  /** By tree: the nodes that it uses on the disk, once it has been built anew. */
  readonly #kept = new Map<number, NumberSet>();
  #name = '';
  #isHopeless = false;
  #isStopped = false;
  #passes = 0;
  #wasHeaderGood = false;

  constructor(medium: Draft, report: Report) {
    this.#medium = medium;
    this.#report = report;
  }

  /** The journal, which comes before everything. False when there is no volume. */
  start(): boolean {
    const headers = findHeaders(this.#medium, this.#report);
    if (!headers) return false;
    this.#wasHeaderGood = headers.isPrimaryGood;
    const type = headers.isJournaled ? 'Journaled HFS Plus volume.' : 'non-journaled HFS Plus Volume.';
    this.#report.phase(`Checking ${type}`);
    const blocks = checkJournal(this.#medium, this.#report, headers);
    if (blocks.length > 0) {
      if (this.#report.mayRepair) replay(this.#medium, headers, blocks);
      else overlay(this.#medium, blocks);
    }
    return true;
  }

  check(): void {
    const report = this.#report;
    for (let number = 0; number < PASSES_MAX; number++) {
      this.#passes = number + 1;
      const said = report.findings.length;
      const lines = report.lines.length;
      if (number > 0) {
        report.startPass();
        report.phase('Rechecking volume.');
      }
      const headers = findHeaders(this.#medium, report);
      if (!headers) break;
      const { pass, name, mustStop } = checkOnce(this.#medium, report, headers);
      this.#name = name;
      if (mustStop) {
        this.#isStopped = true;
        break;
      }
      const isBuilt = report.mayRepair && this.#rebuild(pass);
      if (report.repairs === 0 || !report.mayRepair) {
        // A pass that finds nothing new need not be told.
        if (number > 1 && report.findings.length === said) report.lines.length = lines;
        break;
      }
      if (number === 0) report.phase('Repairing volume.');
      if (!isBuilt) break;
    }
    this.#isHopeless ||= this.#isStopped || report.hopeless > 0 || (report.mayRepair && report.repairs > 0);
  }

  /** False when a tree that must be built anew cannot be. */
  #rebuild(pass: Pass): boolean {
    for (const tree of [pass.trees.extents, pass.trees.catalog, pass.trees.attributes]) {
      if (!tree?.mustRebuild) continue;
      const known = this.#kept.get(tree.file.id);
      const kept = known ?? new NumberSet();
      this.#kept.set(tree.file.id, kept);
      if (tree.isBroken) this.#report.phase(REBUILDING[tree.file.id] ?? 'Rebuilding B-tree.');
      const why = rebuildTree(pass, tree, kept, known === undefined);
      if (why === null) continue;
      this.#report.add({
        kind: 'tree-full',
        severity: 'error',
        message: 'Disk full error',
        detail: why,
        offsetBytes: tree.deviceOffset(0),
      });
      return false;
    }
    return true;
  }

  finish(): FsckReport['findings'] {
    const medium = this.#medium;
    const report = this.#report;
    for (const block of medium.unreadableBlocks) {
      report.add({
        kind: 'unreadable',
        severity: 'error',
        message: `Block ${block} cannot be read`,
        offsetBytes: block * medium.blockSizeBytes,
      });
    }
    if (report.mayRepair && !this.#isStopped && medium.hasEdits) this.#write();
    report.finish();
    const volume = `The volume ${this.#name}`;
    if (report.errors === 0) report.phase(`${volume} appears to be OK.`);
    else if (!report.mayRepair) report.phase(`${volume} was found corrupt and needs to be repaired.`);
    else if (!this.#isHopeless && medium.unwritableBlocks.size === 0) {
      report.phase(`${volume} was repaired successfully.`);
    } else if (this.#passes === PASSES_MAX) {
      report.phase(`${volume} could not be repaired after ${this.#passes} attempts.`);
    } else report.phase(`${volume} could not be repaired.`);
    return this.#isStopped ? report.unwritten : report.findings;
  }

  /** The header says "inconsistent" until everything else is on the disk. */
  #write(): void {
    const medium = this.#medium;
    const headers = findHeaders(medium, this.#report);
    if (headers) {
      headers.rewrite('the repair is complete');
      if (this.#wasHeaderGood) {
        medium.writeNow(
          headers.geometry.headerOffsetBytes,
          inconsistentHeader(headers.bytes),
          { role: 'header', owner: 'volume header', reason: 'a repair begins' },
          'fsck: the volume is marked as inconsistent before it is repaired',
        );
      }
    }
    medium.commit();
    for (const block of medium.unwritableBlocks) {
      this.#report.add({
        kind: 'unwritable',
        severity: 'error',
        message: `Block ${block} cannot be written`,
        offsetBytes: block * medium.blockSizeBytes,
      });
    }
  }
}

const REBUILDING: Readonly<Record<number, string>> = {
  3: 'Rebuilding extents overflow B-tree.',
  4: 'Rebuilding catalog B-tree.',
  8: 'Rebuilding extended attributes B-tree.',
};
