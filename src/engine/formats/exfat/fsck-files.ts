import { DIRECTORY_BYTES_MAX, ENTRY_SIZE_BYTES, FAT_END, STREAM_FLAG, StreamEntry } from './layout.ts';
import { claimChain, claimRun } from './fsck-chains.ts';
import type { Claimed, Fault, Pass } from './fsck-chains.ts';
import type { Run } from './fsck-contents.ts';
import { entryByteOffset } from './fsck-fat.ts';
import { shown } from './fsck-report.ts';
import type { EntrySet } from './fsck-sets.ts';

/**
 * Clusters of one file, directory or vendor allocation: where they lie, how many there are, and what its entry says of
 * that. The second owner of a cluster ends before it, as with fsck.exfat; sizes are kept where the clusters allow.
 */
export interface Allocated {
  readonly pass: Pass;
  readonly set: EntrySet;
  /** Byte of the set at which its stream extension or vendor allocation begins. Both keep the same fields there. */
  readonly at: number;
  readonly file: number;
  readonly path: string;
  readonly isDirectory: boolean;
}

const { flags, validDataLength, firstCluster, dataLength } = StreamEntry.fields;
export const STREAM_AT = ENTRY_SIZE_BYTES;

/** Claims what can be claimed, and says what is wrong. The runs are those of the repaired file. */
export function checkAllocation(allocated: Allocated): readonly Run[] {
  const { pass, set, at, file, isDirectory } = allocated;
  const sizeBytes = set.u64(at + dataLength.at);
  const first = set.u32(at + firstCluster.at);
  checkFlags(allocated);
  if (sizeBytes === 0) {
    checkEmpty(allocated, first);
    return [];
  }
  const isRun = ((set.bytes[at + flags.at] ?? 0) & STREAM_FLAG.noFatChain) !== 0;
  const wanted = Math.ceil(sizeBytes / pass.geometry.clusterSizeBytes);
  const claimed = isRun ? claimRun(pass, file, first, wanted) : claimChain(pass, file, first, wanted);
  if (claimed.fault !== null) cut(allocated, claimed, first, wanted);
  else if (!isRun && claimed.next !== FAT_END) endChain(allocated, claimed);
  if (isDirectory) checkDirectorySize(allocated, claimed.clusterCount);
  checkValidLength(allocated);
  return claimed.runs;
}

function checkFlags({ pass, set, at, path }: Allocated): void {
  const value = set.bytes[at + flags.at] ?? 0;
  if ((value & ~STREAM_FLAG.noFatChain) === STREAM_FLAG.allocationPossible) return;
  pass.report.add({
    kind: 'stream-flags',
    severity: 'warning',
    message: `${shown(path)} has flags 0x${value.toString(16)} that mean nothing`,
    offsetBytes: set.offsetBytesOf(at + flags.at),
    question: 'Fix',
    repair: () =>
      set.change('write the flags of the stream', (bytes) => {
        bytes[at + flags.at] = (value & STREAM_FLAG.noFatChain) | STREAM_FLAG.allocationPossible;
      }),
  });
}

/** Nothing is allocated: no cluster, no flag that says how it is chained, no valid data. */
function checkEmpty(allocated: Allocated, first: number): void {
  const { pass, set, at, path } = allocated;
  const isRun = ((set.bytes[at + flags.at] ?? 0) & STREAM_FLAG.noFatChain) !== 0;
  const valid = hasValidLength(allocated) ? set.u64(at + validDataLength.at) : 0;
  if (first === 0 && !isRun && valid === 0) return;
  const message =
    first !== 0
      ? `${shown(path)} has size 0, but the first cluster ${first}`
      : isRun
        ? `${shown(path)} is empty, but has no FAT chain by its flags`
        : `${shown(path)}: valid size ${valid} is greater than its size 0`;
  pass.report.add({
    kind: first !== 0 ? 'empty-with-cluster' : isRun ? 'empty-contiguous' : 'valid-beyond-size',
    severity: 'error',
    message,
    offsetBytes: set.offsetBytesOf(at + (first !== 0 ? firstCluster.at : flags.at)),
    question: 'Fix',
    repair: () => setSize(allocated, 0, `${path} is empty and needs no clusters`),
  });
}

/** A vendor allocation keeps other things where a stream has its valid length. */
const hasValidLength = ({ at }: Allocated): boolean => at === STREAM_AT;

function checkValidLength(allocated: Allocated): void {
  const { pass, set, at, path, isDirectory } = allocated;
  if (!hasValidLength(allocated)) return;
  const sizeBytes = set.u64(at + dataLength.at);
  const valid = set.u64(at + validDataLength.at);
  if (valid === sizeBytes || (valid < sizeBytes && !isDirectory)) return;
  pass.report.add({
    kind: isDirectory ? 'directory-valid-length' : 'valid-beyond-size',
    severity: 'error',
    message: `${shown(path)}: valid size ${valid} is ${valid > sizeBytes ? 'greater' : 'less'} than its size ${sizeBytes}`,
    offsetBytes: set.offsetBytesOf(at + validDataLength.at),
    question: 'Fix',
    repair: () =>
      set.change('set the valid size to the size', (_, view) =>
        validDataLength.set(view, at + validDataLength.at, sizeBytes, true),
      ),
  });
}

/** Another size, with everything that goes with it. */
function setSize(allocated: Allocated, sizeBytes: number, reason: string): void {
  const { set, at } = allocated;
  set.change(reason, (bytes, view) => {
    const valid = Math.min(set.u64(at + validDataLength.at), sizeBytes);
    dataLength.set(view, at + dataLength.at, sizeBytes, true);
    if (hasValidLength(allocated)) {
      validDataLength.set(view, at + validDataLength.at, allocated.isDirectory ? sizeBytes : valid, true);
    }
    if (sizeBytes > 0) return;
    view.setUint32(at + firstCluster.at, 0, true);
    bytes[at + flags.at] = STREAM_FLAG.allocationPossible;
  });
}

/** Fewer clusters than the size needs: the size follows, and a chain ends where it can be followed to. */
function cut(allocated: Allocated, claimed: Claimed, first: number, wanted: number): void {
  const { pass, set, at, path } = allocated;
  const { clusterCount, lastCluster, fault } = claimed;
  const sizeBytes = set.u64(at + dataLength.at);
  const keptBytes = clusterCount * pass.geometry.clusterSizeBytes;
  const [kind, what] = describeCut(allocated, claimed, first, wanted);
  const isInFat = clusterCount > 0 && fault !== 'short';
  const isSecondName = kind === 'directory-twice' || kind === 'directory-loop';
  pass.report.add({
    kind,
    severity: 'error',
    message: `${shown(path)}: ${what}`,
    offsetBytes:
      isInFat && claimed.next !== FAT_END
        ? entryByteOffset(pass.geometry, lastCluster)
        : set.offsetBytesOf(at + (clusterCount > 0 ? dataLength.at : firstCluster.at)),
    question: isSecondName ? 'Remove' : 'Truncate',
    repair: () => {
      if (isSecondName) {
        set.remove(`remove ${path}, whose contents have another name`);
        return;
      }
      setSize(allocated, Math.min(sizeBytes, keptBytes), `truncate ${path} to the clusters it has`);
      if (isInFat && claimed.next !== FAT_END) {
        pass.fat.set(lastCluster, FAT_END, `end the chain of ${path} at cluster ${lastCluster}`);
      }
    },
  });
}

const KINDS: Readonly<Record<Fault | 'short', string>> = {
  bad: 'chain-to-bad',
  'out of range': 'chain-out-of-range',
  'cross-linked': 'cross-link',
  circular: 'circular-chain',
  short: 'size-beyond-chain',
};

function describeCut(
  { pass, file, isDirectory }: Allocated,
  { clusterCount, lastCluster, fault, faultCluster, next }: Claimed,
  first: number,
  wanted: number,
): [kind: string, message: string] {
  const kind = KINDS[fault ?? 'short'];
  if (fault === 'cross-linked') {
    const owner = pass.owners.get(faultCluster);
    const record = pass.files.get(owner);
    const name = shown(pass.files.pathOf(owner));
    if (isDirectory && clusterCount === 0 && record?.isDirectory && record.firstCluster === first) {
      return isAncestor(pass, owner, file)
        ? ['directory-loop', `the directory leads back to ${name}, which contains it`]
        : ['directory-twice', `the directory is the same as ${name}`];
    }
    return [kind, `cluster ${faultCluster} is already allocated for ${name}`];
  }
  if (fault === 'circular')
    return [kind, `the chain is circular: cluster ${lastCluster} leads back to cluster ${faultCluster}`];
  if (fault === 'short' && clusterCount > 0) {
    return [kind, `less clusters are allocated (${clusterCount}) than the size needs (${wanted})`];
  }
  if (clusterCount === 0)
    return ['start-out-of-range', `the first cluster is ${first}, which is none of the volume`];
  if (next === FAT_END) return [kind, `its ${wanted} clusters reach beyond the last of the volume`];
  return [kind, `the chain breaks: cluster ${lastCluster} leads to ${faultCluster}, which is ${fault ?? ''}`];
}

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

/** The chain goes on where the file ends. What follows is freed, unless somebody else holds it. */
function endChain({ pass, file, path }: Allocated, { clusterCount, lastCluster, next }: Claimed): void {
  const { owners, fat, report, geometry } = pass;
  const isLoop = fat.isData(next) && owners.get(next) === file;
  report.add({
    kind: isLoop ? 'circular-chain' : 'chain-beyond-size',
    severity: 'error',
    message: isLoop
      ? `${shown(path)}: the chain is circular: cluster ${lastCluster} leads back to cluster ${next}`
      : `${shown(path)}: more clusters are allocated than the ${clusterCount} that the size needs`,
    offsetBytes: entryByteOffset(geometry, lastCluster),
    question: 'Truncate',
    repair: () => fat.set(lastCluster, FAT_END, `end the chain of ${path} where its size ends`),
  });
}

function checkDirectorySize(allocated: Allocated, clusterCount: number): void {
  const { pass, set, at, path } = allocated;
  const { clusterSizeBytes } = pass.geometry;
  const sizeBytes = set.u64(at + dataLength.at);
  const offsetBytes = set.offsetBytesOf(at + dataLength.at);
  if (sizeBytes % clusterSizeBytes !== 0) {
    pass.report.add({
      kind: 'directory-size',
      severity: 'error',
      message: `${shown(path)}: directory size ${sizeBytes} is not divisible by ${clusterSizeBytes}`,
      offsetBytes,
      question: 'Fix',
      repair: () =>
        setSize(allocated, clusterCount * clusterSizeBytes, `the size of ${path} is that of its clusters`),
    });
  } else if (sizeBytes > DIRECTORY_BYTES_MAX) {
    pass.report.add({
      kind: 'directory-too-large',
      severity: 'error',
      message: `${shown(path)}: directory size ${sizeBytes} is beyond the limit of ${DIRECTORY_BYTES_MAX}; move its files elsewhere`,
      offsetBytes,
    });
  }
}
