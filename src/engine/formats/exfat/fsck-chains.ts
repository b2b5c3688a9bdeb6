import { FAT_BAD, FAT_END, isDataCluster } from './layout.ts';
import type { Geometry } from './layout.ts';
import type { Bitmap } from './fsck-bitmap.ts';
import type { Run } from './fsck-contents.ts';
import type { FatTable } from './fsck-fat.ts';
import type { Draft } from '../../device/draft.ts';
import type { ClusterOwners, FileRegistry } from './fsck-owners.ts';
import type { Report } from './fsck-report.ts';

/** Everything one pass over a volume knows. */
export interface Pass {
  readonly medium: Draft;
  readonly geometry: Geometry;
  readonly fat: FatTable;
  readonly report: Report;
  readonly owners: ClusterOwners;
  readonly files: FileRegistry;
  /** Null as long as the volume has none that could be used. */
  bitmap: Bitmap | null;
  /** What each UTF-16 unit becomes before names are compared: the volume's own table, or the standard one. */
  upcase: Uint16Array;
  /** Repairs that need to know what every file holds. */
  readonly afterwards: (() => void)[];
}

/** Why clusters end earlier than their file: what the next one is. */
export type Fault = 'bad' | 'out of range' | 'cross-linked' | 'circular';

export interface Claimed {
  readonly runs: readonly Run[];
  readonly clusterCount: number;
  /** 0 when none could be claimed. */
  readonly lastCluster: number;
  /** Null: as many as were wanted are there. */
  readonly fault: Fault | 'short' | null;
  /** The cluster that `fault` speaks of. */
  readonly faultCluster: number;
  /** Of a chain: what its last claimed cluster leads to. */
  readonly next: number;
}

/** As much of a pass as claiming clusters needs. */
type Claiming = Pick<Pass, 'geometry' | 'owners' | 'fat'>;

/** Claim a contiguous run for `file`, up to the first cluster that is not there or that somebody holds. */
export function claimRun(pass: Claiming, file: number, first: number, wanted: number): Claimed {
  const { geometry, owners } = pass;
  const available = isDataCluster(geometry, first) ? geometry.clusterCount + 2 - first : 0;
  const clusterCount = owners.claim(first, Math.min(wanted, available), file);
  const faultCluster = first + clusterCount;
  const isShort = clusterCount < wanted;
  const fault = !isShort ? null : clusterCount === available ? 'out of range' : 'cross-linked';
  return {
    runs: clusterCount > 0 ? [{ firstCluster: first, clusterCount }] : [],
    clusterCount,
    lastCluster: clusterCount > 0 ? faultCluster - 1 : 0,
    fault,
    faultCluster,
    next: FAT_END,
  };
}

/**
 * Follow the chain that begins at `first` for at most `wanted` clusters and claim them for `file`. Bounded: every step
 * claims a cluster nobody held.
 */
export function claimChain(pass: Claiming, file: number, first: number, wanted: number): Claimed {
  const { fat, owners } = pass;
  const runs: { firstCluster: number; clusterCount: number }[] = [];
  let run: { firstCluster: number; clusterCount: number } | undefined;
  let clusterCount = 0;
  let last = 0;
  let at = first;
  let fault: Fault | 'short' | null = null;
  while (clusterCount < wanted) {
    if (at === FAT_END) fault = 'short';
    else if (at === FAT_BAD) fault = 'bad';
    else if (!fat.isData(at)) fault = 'out of range';
    else if (owners.get(at) !== 0)
      fault = owners.get(at) === file && last !== 0 ? 'circular' : 'cross-linked';
    if (fault !== null) break;
    owners.claim(at, 1, file);
    clusterCount++;
    if (run && run.firstCluster + run.clusterCount === at) run.clusterCount++;
    else runs.push((run = { firstCluster: at, clusterCount: 1 }));
    last = at;
    at = fat.get(at);
  }
  return { runs, clusterCount, lastCluster: last, fault, faultCluster: at, next: at };
}
