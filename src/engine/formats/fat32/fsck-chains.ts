import { isDataCluster } from './layout.ts';
import type { Geometry } from './layout.ts';
import type { ClusterOwners, FileRegistry } from './fsck-owners.ts';
import type { Draft } from '../../device/draft.ts';
import { shown } from './fsck-report.ts';
import type { Report } from './fsck-report.ts';
import { entryByteOffset } from './fsck-table.ts';
import type { FatTable } from './fsck-table.ts';

/**
 * Everything one pass over a volume knows. The FAT says how clusters hang together; `owners` says who came first.
 */
export interface Pass {
  readonly medium: Draft;
  readonly geometry: Geometry;
  readonly table: FatTable;
  readonly report: Report;
  readonly owners: ClusterOwners;
  readonly files: FileRegistry;
  /** The label of the root directory once it has been met: eleven characters. */
  readonly label: { text: string | null };
}

/** What is wrong with the cluster a chain leads to, in fsck_msdos's words; null when a file may take it. */
export type StepFault = 'free' | 'bad' | 'reserved' | 'out of range' | 'cross-linked' | 'circular';

/** Can a chain begin at `first`? Looks at the number, at who holds it and at its FAT entry. */
export function headFault(pass: Pass, first: number): StepFault | null {
  const { table, owners, geometry } = pass;
  if (!isDataCluster(geometry, first)) return 'out of range';
  if (owners.get(first) !== 0) return 'cross-linked';
  const value = table.get(first);
  return value === 0 ? 'free' : value === table.marks.bad ? 'bad' : null;
}

export interface Chain {
  readonly clusterCount: number;
  readonly lastCluster: number;
}

/**
 * Follow the chain that begins at `first` (which `headFault` found usable), claim its clusters for `file` and end it
 * where it stops making sense. A cluster that is named but marked free stays with the file, as the last one: its bytes
 * are most likely the file's (fsck_msdos does the same, fsck.vfat gives it up).
 *
 * Bounded: every step claims a cluster nobody held.
 */
export function claimChain(pass: Pass, file: number, first: number): Chain {
  const { table, owners } = pass;
  let clusterCount = 0;
  let last = 0;
  let at = first;
  for (;;) {
    owners.set(at, file);
    clusterCount++;
    const next = table.get(at);
    if (table.isEndOfChain(next)) return { clusterCount, lastCluster: at };
    const fault = stepFault(pass, file, next);
    last = at;
    if (fault !== null) break;
    at = next;
  }
  reportBrokenChain(pass, file, first, last);
  return { clusterCount, lastCluster: last };
}

/** What keeps a chain from going on to `next`, the value of its last cluster so far. */
function stepFault(pass: Pass, file: number, next: number): StepFault | null {
  const { table, owners } = pass;
  if (next === 0) return 'free';
  if (next === table.marks.bad) return 'bad';
  if (!table.isData(next)) return isReserved(table, next) ? 'reserved' : 'out of range';
  const owner = owners.get(next);
  if (owner !== 0) return owner === file ? 'circular' : 'cross-linked';
  return table.get(next) === table.marks.bad ? 'bad' : null;
}

/** Numbers just below the bad mark are no clusters and no marks (FATGEN 1.03, "FAT entry values"). */
const isReserved = (table: FatTable, value: number): boolean =>
  value < table.marks.bad && value >= table.marks.bad - 7;

function reportBrokenChain(pass: Pass, file: number, first: number, last: number): void {
  const { table, report, owners, files, geometry } = pass;
  const next = table.get(last);
  const fault = stepFault(pass, file, next) ?? 'free';
  const path = shown(files.pathOf(file));
  const start = `${path}: Cluster chain starting at ${first}`;
  const message =
    fault === 'out of range'
      ? `${start} continues with cluster out of range (${next})`
      : fault === 'cross-linked'
        ? `${start} is cross-linked at cluster ${next} with ${shown(files.pathOf(owners.get(next)))}`
        : fault === 'circular'
          ? `${start} is circular: cluster ${last} leads back to cluster ${next}`
          : `${start} ends with cluster marked ${fault}`;
  report.add({
    kind: KINDS[fault],
    severity: 'error',
    message,
    offsetBytes: entryByteOffset(geometry, last),
    question: 'Truncate',
    repair: () => table.set(last, table.marks.endOfChain, `end the chain of ${path} at cluster ${last}`),
  });
}

const KINDS: Readonly<Record<StepFault, string>> = {
  free: 'chain-to-free',
  bad: 'chain-to-bad',
  reserved: 'chain-to-reserved',
  'out of range': 'chain-out-of-range',
  'cross-linked': 'cross-link',
  circular: 'circular-chain',
};

/** Give back the clusters of a chain from `first` on, as far as they are `file`'s. */
export function freeChain(pass: Pass, file: number, first: number): void {
  const { table, owners } = pass;
  const path = shown(pass.files.pathOf(file));
  let at = first;
  while (table.isData(at) && owners.get(at) === file) {
    const next = table.get(at);
    owners.set(at, 0);
    table.set(at, 0, `free cluster ${at}, which ${path} does not need`);
    at = next;
  }
}
