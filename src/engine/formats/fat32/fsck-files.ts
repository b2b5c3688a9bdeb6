import { FILE_SIZE_BYTES_MAX } from './layout.ts';
import { claimChain, freeChain, headFault } from './fsck-chains.ts';
import type { Chain, Pass, StepFault } from './fsck-chains.ts';
import { emptyEntry, changeEntry, entryOffset, pathIn, removeEntry } from './fsck-editing.ts';
import type { EntryCheck } from './fsck-editing.ts';
import { firstClusterOf, setSizeBytes, sizeBytesOf } from './fsck-entries.ts';
import { shown } from './fsck-report.ts';
import { entryByteOffset } from './fsck-table.ts';

export interface Claimed {
  readonly firstCluster: number;
  readonly clusterCount: number;
}

/**
 * Claim the clusters of one entry and hold its size against them. Null: it holds none, or none it could keep.
 */
export function checkClusters(entry: EntryCheck, file: number, isDirectory: boolean): Claimed | null {
  const { pass } = entry.check;
  const bytes = entry.bytes;
  const firstCluster = firstClusterOf(pass.geometry.type, bytes);
  if (firstCluster === 0) {
    if (isDirectory || sizeBytesOf(bytes) !== 0) {
      const message = `${pathIn(entry.check, entry.name)} has no clusters`;
      giveUp(entry, isDirectory, 'no-clusters', message);
    }
    return null;
  }
  const fault = headFault(pass, firstCluster);
  if (fault !== null) {
    giveUp(entry, isDirectory, ...headProblem(entry, file, fault, firstCluster, isDirectory));
    return null;
  }
  const chain = claimChain(pass, file, firstCluster);
  if (!isDirectory) checkSize(entry, file, firstCluster, chain);
  return { firstCluster, clusterCount: chain.clusterCount };
}

/** What fsck_msdos does with an entry whose first cluster cannot be used: a directory goes, a file becomes empty. */
function giveUp(entry: EntryCheck, isDirectory: boolean, kind: string, message: string): void {
  entry.check.pass.report.add({
    kind,
    severity: 'error',
    message,
    offsetBytes: entryOffset(entry),
    question: isDirectory ? 'Remove' : 'Truncate',
    repair: () =>
      isDirectory
        ? removeEntry(
            entry,
            `remove directory ${pathIn(entry.check, entry.name)}, which has no contents of its own`,
          )
        : emptyEntry(entry, `truncate ${pathIn(entry.check, entry.name)} to nothing`),
  });
}

function headProblem(
  entry: EntryCheck,
  file: number,
  fault: StepFault,
  first: number,
  isDirectory: boolean,
): [kind: string, message: string] {
  const { pass } = entry.check;
  const path = pathIn(entry.check, entry.name);
  if (fault === 'out of range')
    return ['start-out-of-range', `${path} starts with cluster out of range (${first})`];
  if (fault !== 'cross-linked')
    return [`start-${fault}`, `${path} starts with ${MARKS[fault] ?? fault} cluster (${first})`];
  const owner = pass.owners.get(first);
  const record = pass.files.get(owner);
  if (isDirectory && record?.isDirectory && record.firstCluster === first) {
    return isAncestor(pass, owner, file)
      ? [
          'directory-loop',
          `Directory ${path} leads back to ${shown(pass.files.pathOf(owner))}, which contains it`,
        ]
      : ['directory-twice', `Directory ${path} is the same as ${shown(pass.files.pathOf(owner))}`];
  }
  return [
    'cross-link',
    `${path} starts with cross-linked cluster (${first}), which belongs to ${shown(pass.files.pathOf(owner))}`,
  ];
}

const MARKS: Partial<Record<StepFault, string>> = { free: 'free', bad: 'bad' };

/** Directories of hostile depth are not climbed to the top; a loop as large as that is told as a second name. */
const DEPTH_MAX = 1000;

function isAncestor(pass: Pass, ancestor: number, file: number): boolean {
  let at = file;
  for (let depth = 0; at > 0 && depth < DEPTH_MAX; depth++) {
    if (at === ancestor) return true;
    at = pass.files.get(at)?.parent ?? 0;
  }
  return false;
}

function checkSize(entry: EntryCheck, file: number, firstCluster: number, chain: Chain): void {
  const { pass } = entry.check;
  const { clusterSizeBytes } = pass.geometry;
  const sizeBytes = sizeBytesOf(entry.bytes);
  const physicalBytes = chain.clusterCount * clusterSizeBytes;
  if (sizeBytes <= physicalBytes && physicalBytes - sizeBytes < clusterSizeBytes) return;
  const path = pathIn(entry.check, entry.name);
  if (sizeBytes > physicalBytes) {
    pass.report.add({
      kind: 'size-beyond-chain',
      severity: 'error',
      message: `size of ${path} is ${sizeBytes}, should at most be ${physicalBytes}`,
      offsetBytes: entryOffset(entry),
      question: 'Truncate',
      repair: () =>
        changeEntry(entry, `set the size of ${path} to that of its clusters`, (bytes) =>
          setSizeBytes(bytes, Math.min(physicalBytes, FILE_SIZE_BYTES_MAX)),
        ),
    });
  } else {
    const needed = Math.ceil(sizeBytes / clusterSizeBytes);
    pass.report.add({
      kind: 'chain-beyond-size',
      severity: 'error',
      message: `${path} has too many clusters allocated (logical=${sizeBytes}, physical=${physicalBytes})`,
      offsetBytes: entryByteOffset(pass.geometry, firstCluster),
      question: 'Drop superfluous clusters',
      repair: () => dropClusters(entry, file, firstCluster, needed),
    });
  }
}

/** Keep the first `needed` clusters of the chain. Bounded by the chain, which has just been claimed to its end. */
function dropClusters(entry: EntryCheck, file: number, firstCluster: number, needed: number): void {
  const { pass } = entry.check;
  const path = pathIn(entry.check, entry.name);
  if (needed === 0) {
    emptyEntry(entry, `${path} is empty and needs no clusters`);
    freeChain(pass, file, firstCluster);
    return;
  }
  let last = firstCluster;
  for (let kept = 1; kept < needed; kept++) last = pass.table.get(last);
  const tail = pass.table.get(last);
  pass.table.set(last, pass.table.marks.endOfChain, `end the chain of ${path} where its size ends`);
  freeChain(pass, file, tail);
}
