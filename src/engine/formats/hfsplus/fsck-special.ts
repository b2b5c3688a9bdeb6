import { CNID, FORK_OFFSET_BYTES } from './layout.ts';
import { bytesOf64 } from './fsck-bits.ts';
import { CLAIM } from './fsck-claims.ts';
import { chooseFork } from './fsck-choose.ts';
import { claimFork } from './fsck-extents.ts';
import type { ClaimTarget } from './fsck-extents.ts';
import { SpecialFile } from './fsck-forks.ts';
import type { BlockRun } from './fsck-forks.ts';
import type { HeaderState } from './fsck-header.ts';
import type { Draft } from '../../device/draft.ts';
import type { Report } from './fsck-report.ts';
import { viewOf } from '../../base/bytes.ts';

/** The files that the volume header itself names. */
export interface SpecialKind {
  readonly id: number;
  readonly name: string;
  readonly headerAt: number;
  /** What fsck_hfs says when their size is wrong. */
  readonly sizeMessage: string;
}

const CATALOG_SIZE = 'Invalid catalog PEOF';

export const SPECIAL = {
  allocation: {
    id: CNID.allocationFile,
    name: 'allocation file',
    headerAt: FORK_OFFSET_BYTES.allocation,
    sizeMessage: CATALOG_SIZE,
  },
  extents: {
    id: CNID.extentsFile,
    name: 'extents overflow file',
    headerAt: FORK_OFFSET_BYTES.extents,
    sizeMessage: 'Invalid extent file PEOF',
  },
  catalog: {
    id: CNID.catalogFile,
    name: 'catalog file',
    headerAt: FORK_OFFSET_BYTES.catalog,
    sizeMessage: CATALOG_SIZE,
  },
  attributes: {
    id: CNID.attributesFile,
    name: 'attributes file',
    headerAt: FORK_OFFSET_BYTES.attributes,
    sizeMessage: CATALOG_SIZE,
  },
  startup: {
    id: CNID.startupFile,
    name: 'startup file',
    headerAt: FORK_OFFSET_BYTES.startup,
    sizeMessage: CATALOG_SIZE,
  },
} as const satisfies Record<string, SpecialKind>;

export const blocksInHeader = (headers: HeaderState, kind: SpecialKind): number =>
  headers.u32(kind.headerAt + 12);

/** Open a file of the volume header and claim its blocks. */
export function openSpecial(
  medium: Draft,
  report: Report,
  headers: HeaderState,
  target: ClaimTarget,
  kind: SpecialKind,
): SpecialFile {
  const { headerAt } = kind;
  chooseFork(medium, report, headers, kind);
  const firstClaim = target.claims.length;
  const { blocks, fault } = claimFork(target, {
    owner: kind.id,
    kind: CLAIM.special,
    view: viewOf(headers.bytes),
    at: headerAt,
    slotFile: 0,
    slotAt: headerAt,
  });
  const runs: BlockRun[] = [];
  for (let row = firstClaim; row < target.claims.length; row++) {
    const { start, count } = target.claims.get(row);
    runs.push({ start, count });
  }
  const offsetBytes = headers.geometry.headerOffsetBytes + headerAt;
  const stated = headers.u32(headerAt + 12);
  const setCount = (): void => headers.set(headerAt + 12, blocks, `count the blocks of the ${kind.name}`);
  if (fault) {
    report.add({
      kind: 'extent',
      severity: 'error',
      message: 'Invalid extent entry',
      detail: `${kind.name}: ${fault.text}`,
      place: [kind.id, 0],
      offsetBytes,
      repair: fork(headers, headerAt, fault.inlineIndex, setCount),
    });
  } else if (stated !== blocks) {
    report.add({
      kind: 'block-count',
      severity: 'error',
      message: kind.sizeMessage,
      detail: `${kind.name}: blocks`,
      shouldBe: [blocks, stated],
      place: [kind.id, 0],
      offsetBytes,
      repair: setCount,
    });
  }
  return new SpecialFile(medium, headers.geometry, kind.id, kind.name, runs);
}

/** From the alternate header where that has another idea of the fork, else without the extents that cannot be. */
function fork(
  headers: HeaderState,
  at: number,
  index: number | null,
  setCount: () => void,
): (() => void) | undefined {
  if (index === null) return undefined;
  const { alternate } = headers;
  const other = alternate?.subarray(at, at + 80);
  const isOther = other?.some((byte, i) => byte !== headers.bytes[at + i]) ?? false;
  if (other && isOther)
    return () => headers.patch(at, other.slice(), 'take the extents from the alternate header');
  return () => {
    headers.patch(at + 16 + index * 8, new Uint8Array(64 - index * 8), 'remove extents that cannot be');
    setCount();
  };
}

/** `right` are the sizes that a file of that many blocks may have; the first is what it gets. */
export function checkSpecialSize(
  report: Report,
  headers: HeaderState,
  kind: SpecialKind,
  isRight: (sizeBytes: number) => boolean,
  right: number,
): void {
  const { headerAt } = kind;
  const size = headers.u32(headerAt) * 2 ** 32 + headers.u32(headerAt + 4);
  if (isRight(size)) return;
  report.add({
    kind: 'size',
    severity: 'error',
    message: kind.sizeMessage,
    detail: `${kind.name}: bytes`,
    shouldBe: [right, size],
    place: [kind.id, 0],
    offsetBytes: headers.geometry.headerOffsetBytes + headerAt,
    repair: () => headers.patch(headerAt, bytesOf64(right), `the size of the ${kind.name} fits its blocks`),
  });
}

/** Blocks that the format sets aside for both headers, as the drivers count them. */
export function claimHeaders(target: ClaimTarget, blockSizeBytes: number): void {
  const first = blockSizeBytes === 512 ? 3 : blockSizeBytes === 1024 ? 2 : 1;
  const last = blockSizeBytes === 512 ? 2 : 1;
  target.claims.add(0, Math.min(first, target.totalBlocks), 0, CLAIM.header, 0, 0);
  target.claims.add(Math.max(target.totalBlocks - last, first), last, 0, CLAIM.header, 0, 0);
}
