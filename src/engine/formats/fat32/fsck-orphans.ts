import type { Pass } from './fsck-chains.ts';
import { count } from './fsck-report.ts';
import { entryByteOffset } from './fsck-table.ts';

/** What the FAT adds up to once everything with a name has its clusters. */
export interface Tally {
  readonly freeClusters: number;
  readonly badClusters: number;
}

/**
 * Clusters marked as used that nobody holds. They are freed, as macOS's fsck_msdos does; fsck.vfat would make files
 * FSCK0000.REC of them. What they held is lost: no name says what it was.
 */
export function checkOrphans(pass: Pass): Tally {
  const { table, owners, geometry } = pass;
  const orphans: number[] = [];
  let used = 0;
  let badClusters = 0;
  for (const [first, entries] of table.pages()) {
    for (let i = first === 0 ? 2 : 0; i < entries.length && first + i < table.entryCount; i++) {
      const value = (entries[i] ?? 0) & 0x0fff_ffff;
      if (value === 0) continue;
      used++;
      if (owners.get(first + i) !== 0) continue;
      if (value === table.marks.bad) badClusters++;
      else orphans.push(first + i);
    }
  }
  const freed = orphans.length > 0 ? reportOrphans(pass, orphans) : 0;
  return { freeClusters: geometry.clusterCount - used + freed, badClusters };
}

/** Chains told one by one; more than that are told as a sum. */
const CHAINS_TOLD_MAX = 50;

function reportOrphans(pass: Pass, orphans: readonly number[]): number {
  const { report } = pass;
  const chains = chainsOf(pass, orphans);
  report.line('Found orphan cluster(s)');
  const told = chains.slice(0, CHAINS_TOLD_MAX);
  for (const chain of told) {
    const [first = 0] = chain;
    const last = chain.at(-1) ?? first;
    addOrphans(
      pass,
      chain,
      `Orphan chain of ${count(chain.length, 'cluster')}: ${first === last ? first : `${first} … ${last}`}`,
    );
  }
  if (chains.length > told.length) {
    const rest = chains.slice(told.length).flat();
    addOrphans(
      pass,
      rest,
      `Orphan chains, ${chains.length - told.length} more, of ${count(rest.length, 'cluster')}`,
    );
  }
  report.line(
    report.mayRepair
      ? `Marked ${orphans.length} clusters as free`
      : `Found ${orphans.length} orphaned clusters`,
  );
  return report.mayRepair ? orphans.length : 0;
}

function addOrphans(pass: Pass, clusters: readonly number[], message: string): void {
  pass.report.add({
    kind: 'lost-clusters',
    severity: 'error',
    message,
    offsetBytes: entryByteOffset(pass.geometry, clusters[0] ?? 2),
    question: 'Fix',
    repair: () => {
      for (const cluster of clusters)
        pass.table.set(cluster, 0, `free cluster ${cluster}, which no file holds`);
    },
  });
}

/** Orphans in the order their chains run; loops and forks are cut where they meet what was already taken. */
function chainsOf(pass: Pass, orphans: readonly number[]): number[][] {
  const left = new Set(orphans);
  const hasPredecessor = new Set<number>();
  for (const cluster of orphans) {
    const next = pass.table.get(cluster);
    if (next !== cluster && left.has(next)) hasPredecessor.add(next);
  }
  const chains: number[][] = [];
  const follow = (first: number): void => {
    const chain: number[] = [];
    for (let at = first; left.delete(at); at = pass.table.get(at)) chain.push(at);
    if (chain.length > 0) chains.push(chain);
  };
  for (const cluster of orphans) if (!hasPredecessor.has(cluster)) follow(cluster);
  for (const cluster of orphans) follow(cluster);
  return chains;
}
