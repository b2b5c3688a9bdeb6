import { isZero, viewOf } from '../../base/bytes.ts';
import { CNID, FORK_OFFSET_BYTES, FORK_SIZE_BYTES } from './layout.ts';
import { HEADER_NODE, HeaderRecord, NODE_KIND } from './layout-tree.ts';
import { runsAt, SpecialFile } from './fsck-forks.ts';
import type { HeaderState } from './fsck-header.ts';
import type { Draft } from '../../device/draft.ts';
import type { Report } from './fsck-report.ts';
import type { SpecialKind } from './fsck-special.ts';
import { isNodeSize, nodeFault } from './fsck-tree.ts';

/**
 * Where the two headers disagree about a special file: whose extents lead to something that looks like it? A tree built
 * anew, or a bitmap corrected, at a place that is not its own would destroy what really lies there.
 */
export function chooseFork(medium: Draft, report: Report, headers: HeaderState, kind: SpecialKind): void {
  const { headerAt: at } = kind;
  const own = headers.bytes.slice(at, at + FORK_SIZE_BYTES);
  const other = headers.alternate?.slice(at, at + FORK_SIZE_BYTES);
  if (!other || !headers.isPrimaryGood || differsOnlyInClump(own, other)) return;
  if (score(medium, headers, kind, other) <= score(medium, headers, kind, own)) return;
  report.add({
    kind: 'special-file',
    severity: 'error',
    message: kind.sizeMessage,
    detail: `${kind.name}: only the alternate volume header leads to it`,
    place: [kind.id, 0],
    offsetBytes: headers.geometry.headerOffsetBytes + at,
    repair: () => headers.patch(at, other, 'take size and extents from the alternate header'),
  });
  headers.bytes.set(other, at);
}

const differsOnlyInClump = (a: Uint8Array, b: Uint8Array): boolean =>
  a.every((byte, i) => byte === b[i] || (i >= 8 && i < 12));

function score(medium: Draft, headers: HeaderState, kind: SpecialKind, fork: Uint8Array): number {
  const { geometry } = headers;
  const runs = runsAt(fork, 16, geometry.totalBlocks);
  const file = new SpecialFile(medium, geometry, kind.id, kind.name, runs);
  const sum = runs.reduce((blocks, run) => blocks + run.count, 0);
  const size = viewOf(fork).getUint32(0) * 2 ** 32 + viewOf(fork).getUint32(4);
  const isWhole = runs.length === 8 ? viewOf(fork).getUint32(12) >= sum : viewOf(fork).getUint32(12) === sum;
  const fits = isWhole && size <= viewOf(fork).getUint32(12) * geometry.blockSizeBytes ? 1 : 0;
  if (sum === 0) return 0;
  return fits + (kind.id === CNID.allocationFile ? scoreOfBitmap(headers, file) : scoreOfTree(file, size));
}

/** Blocks that are certainly in use are marked so. */
function scoreOfBitmap(headers: HeaderState, file: SpecialFile): number {
  const { totalBlocks } = headers.geometry;
  if (file.sizeBytes * 8 < totalBlocks) return 0;
  const firsts = Object.values(FORK_OFFSET_BYTES).map((at) => headers.u32(at + 16));
  const isMarked = (block: number): boolean =>
    ((file.read(Math.floor(block / 8), 1)[0] ?? 0) & (0x80 >> (block % 8))) !== 0;
  return [...firsts, totalBlocks - 1].filter((block) => block < totalBlocks && isMarked(block)).length;
}

/** A header node that fits the size, and a node at the beginning of each extent. */
function scoreOfTree(file: SpecialFile, sizeBytes: number): number {
  const first = file.read(0, 512);
  const header = HeaderRecord.peek(first, HEADER_NODE.header);
  if (first[8] !== NODE_KIND.header || first[9] !== 0 || !isNodeSize(header.nodeSizeBytes, 512)) return 0;
  const nodeSize = header.nodeSizeBytes;
  let points = 4 + (header.totalNodes * nodeSize === sizeBytes ? 2 : 0);
  let at = 0;
  for (const run of file.runs) {
    at += (run.count * file.sizeBytes) / Math.max(1, sumOf(file));
    const node = Math.ceil(at / nodeSize) * nodeSize;
    if (node + nodeSize > file.sizeBytes) break;
    const bytes = file.read(node, nodeSize);
    if (isZero(bytes)) points += 0.5;
    else if (nodeFault(viewOf(bytes), nodeSize) === null) points += 1;
  }
  return points;
}

const sumOf = (file: SpecialFile): number => file.runs.reduce((sum, run) => sum + run.count, 0);
