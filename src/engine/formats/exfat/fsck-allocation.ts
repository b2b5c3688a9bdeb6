import { bitmapSizeBytes, FAT_BAD } from './layout.ts';
import { PIECE_BYTES } from './fsck-bitmap.ts';
import type { Bitmap } from './fsck-bitmap.ts';
import type { Pass } from './fsck-chains.ts';
import type { Run } from './fsck-contents.ts';
import { PAGE_CLUSTERS } from './fsck-owners.ts';
import { count, shown } from './fsck-report.ts';

/** What the bitmap adds up to once everything with a name has its clusters. */
export interface Tally {
  /** In use after the repairs: held by somebody, or marked bad. */
  readonly usedClusters: number;
  /** Set bits, before the repairs. */
  readonly markedClusters: number;
  readonly badClusters: number;
}

/**
 * The bitmap against what files hold. It alone says what is free (7.1), so a file's cluster that it calls free will be
 * given to the next file: the bit is set. Clusters that nobody holds are freed; the bad ones among them, which the FAT
 * marks, stay.
 */
export function checkAllocated(pass: Pass, bitmap: Bitmap): Tally {
  const difference = compare(pass, bitmap);
  for (const run of difference.unmarked.slice(0, RUNS_TOLD_MAX)) addUnmarked(pass, bitmap, [run]);
  const moreUnmarked = difference.unmarked.slice(RUNS_TOLD_MAX);
  if (moreUnmarked.length > 0) addUnmarked(pass, bitmap, moreUnmarked);

  const { lost, badClusters } = leaveBad(pass, difference.unheld);
  const [first] = [...difference.unmarked, ...lost];
  if (first !== undefined) pass.report.line('** The bitmap needs to be repaired.');
  for (const run of lost.slice(0, RUNS_TOLD_MAX)) addLost(pass, bitmap, [run]);
  const moreLost = lost.slice(RUNS_TOLD_MAX);
  if (moreLost.length > 0) addLost(pass, bitmap, moreLost);
  const usedClusters = pass.owners.held + badClusters;
  return { usedClusters, markedClusters: difference.markedClusters, badClusters };
}

/** Runs told one by one; more than that are told as a sum. */
const RUNS_TOLD_MAX = 50;

const sum = (runs: readonly Run[]): number =>
  runs.reduce((total, { clusterCount }) => total + clusterCount, 0);

const inWords = ({ firstCluster, clusterCount }: Run): string =>
  clusterCount === 1
    ? `cluster ${firstCluster}`
    : `clusters ${firstCluster} to ${firstCluster + clusterCount - 1}`;

function addUnmarked(pass: Pass, bitmap: Bitmap, runs: readonly Run[]): void {
  const [first] = runs;
  if (!first) return;
  const owner = shown(pass.files.pathOf(pass.owners.get(first.firstCluster)));
  pass.report.add({
    kind: 'used-marked-free',
    severity: 'error',
    message:
      runs.length === 1
        ? `${owner}: ${inWords(first)} ${first.clusterCount === 1 ? 'is' : 'are'} marked as free`
        : `${count(sum(runs), 'cluster')} more that files hold are marked as free`,
    offsetBytes: bitmap.offsetBytes + Math.floor((first.firstCluster - 2) / 8),
    question: 'Mark as used',
    repair: () => {
      for (const { firstCluster, clusterCount } of runs) {
        bitmap.set(firstCluster, clusterCount, true, `mark clusters of ${owner} as used`);
      }
    },
  });
}

function addLost(pass: Pass, bitmap: Bitmap, runs: readonly Run[]): void {
  const [first] = runs;
  if (!first) return;
  pass.report.add({
    kind: 'lost-clusters',
    severity: 'error',
    message:
      runs.length === 1
        ? `${count(first.clusterCount, 'cluster')} marked as used, held by nobody: ${inWords(first)}`
        : `${count(sum(runs), 'cluster')} more marked as used, held by nobody`,
    offsetBytes: bitmap.offsetBytes + Math.floor((first.firstCluster - 2) / 8),
    question: 'Mark as free',
    repair: () => {
      for (const { firstCluster, clusterCount } of runs) {
        bitmap.set(firstCluster, clusterCount, false, 'free clusters that no file holds');
      }
    },
  });
}

interface GrowingRun {
  readonly firstCluster: number;
  clusterCount: number;
}

interface Difference {
  /** Marked as used, held by nobody. */
  readonly unheld: GrowingRun[];
  /** Held, marked as free. A run belongs to one file. */
  readonly unmarked: GrowingRun[];
  readonly markedClusters: number;
}

/** Costs what is stored of the bitmap and what is held, never what the volume could hold. */
function compare(pass: Pass, bitmap: Bitmap): Difference {
  const { owners, geometry } = pass;
  const bitmapBytes = bitmapSizeBytes(geometry.clusterCount);
  const numbers = new Set<number>();
  for (const page of owners.pageNumbers()) {
    // A page of owners begins at cluster 1024 p, which is bit 1024 p − 2 of the bitmap: it reaches into two pieces.
    numbers.add(Math.floor(Math.max(0, page * PAGE_CLUSTERS - 2) / 8 / PIECE_BYTES));
    numbers.add(Math.floor(Math.min((page + 1) * PAGE_CLUSTERS - 3, bitmapBytes * 8 - 1) / 8 / PIECE_BYTES));
  }
  for (const number of bitmap.pieceNumbers()) numbers.add(number);
  const found: Difference & { markedClusters: number } = { unheld: [], unmarked: [], markedClusters: 0 };
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const length = Math.min(PIECE_BYTES, bitmapBytes - number * PIECE_BYTES);
    const firstCluster = 2 + number * PIECE_BYTES * 8;
    const held = heldBits(pass, firstCluster, length);
    const marked = bitmap.piece(number);
    for (let i = 0; i < length; i++) {
      const mark = marked?.[i] ?? 0;
      const hold = held[i] ?? 0;
      found.markedClusters += BITS[mark] ?? 0;
      if (mark !== hold) addBits(pass, found, firstCluster + i * 8, mark, hold);
    }
  }
  return found;
}

const BITS = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

/** Bits as the bitmap has them for `lengthBytes` × 8 clusters from `firstCluster`, two behind a page's start, on. */
function heldBits({ owners }: Pass, firstCluster: number, lengthBytes: number): Uint8Array {
  const bits = new Uint8Array(lengthBytes + 1);
  const firstPage = Math.floor(firstCluster / PAGE_CLUSTERS);
  const pageBytes = PAGE_CLUSTERS / 8;
  for (let page = firstPage; (page - firstPage) * pageBytes < bits.length; page++) {
    const at = (page - firstPage) * pageBytes;
    bits.set(owners.bitsOf(page).subarray(0, bits.length - at), at);
  }
  for (let i = 0; i < lengthBytes; i++) bits[i] = ((bits[i] ?? 0) >> 2) | ((bits[i + 1] ?? 0) << 6);
  return bits;
}

function addBits(pass: Pass, found: Difference, firstCluster: number, mark: number, hold: number): void {
  const end = pass.geometry.clusterCount + 2;
  for (let bit = 0; bit < 8; bit++) {
    const cluster = firstCluster + bit;
    if (((mark ^ hold) >> bit) % 2 === 0 || cluster >= end) continue;
    const isHeld = (hold >> bit) % 2 === 1;
    const runs = isHeld ? found.unmarked : found.unheld;
    const last = runs.at(-1);
    const follows = last !== undefined && last.firstCluster + last.clusterCount === cluster;
    if (follows && (!isHeld || pass.owners.get(cluster) === pass.owners.get(cluster - 1)))
      last.clusterCount++;
    else runs.push({ firstCluster: cluster, clusterCount: 1 });
  }
}

/** Of clusters nobody holds, those that the FAT calls bad are where they should be. */
function leaveBad({ fat }: Pass, unheld: readonly Run[]): { lost: Run[]; badClusters: number } {
  const lost: Run[] = [];
  let badClusters = 0;
  for (const { firstCluster, clusterCount } of unheld) {
    let start = firstCluster;
    const end = firstCluster + clusterCount;
    for (let cluster = firstCluster; cluster <= end; cluster++) {
      if (cluster < end && fat.get(cluster) !== FAT_BAD) continue;
      if (cluster > start) lost.push({ firstCluster: start, clusterCount: cluster - start });
      if (cluster < end) badClusters++;
      start = cluster + 1;
    }
  }
  return { lost, badClusters };
}
