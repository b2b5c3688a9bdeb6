import { bytesOf32 } from './fsck-bits.ts';
import { pathOf } from './fsck-catalog.ts';
import { CLAIM } from './fsck-claims.ts';
import type { Claim } from './fsck-claims.ts';
import { STAGE } from './fsck-stages.ts';
import { patchSlot, slotOffset } from './fsck-pass.ts';
import type { Pass } from './fsck-pass.ts';

/**
 * Blocks that two files call theirs. Both are told of. The repair gives one of them a copy elsewhere, as fsck_hfs does;
 * where there is no room its extent is given up. Headers and special files keep what is theirs.
 */
export function checkOverlaps(
  pass: Pass,
  pairs: readonly (readonly [number, number])[],
  runs: Float64Array,
): void {
  const told = new Set<string>();
  const moved = new Set<number>();
  const gaps = new Gaps(runs, pass.geometry.totalBlocks);
  for (const [a, b] of pairs) {
    const first = pass.claims.get(a);
    const second = pass.claims.get(b);
    const [keeper, loser, row] = isBefore(first, second) ? [first, second, b] : [second, first, a];
    tell(pass, told, keeper);
    const isNew = !moved.has(row);
    moved.add(row);
    tell(pass, told, loser, isNew ? () => relocate(pass, loser, gaps) : undefined);
  }
}

function isBefore(a: Claim, b: Claim): boolean {
  const rank = (claim: Claim): number => (claim.kind <= CLAIM.special ? claim.kind : CLAIM.data);
  if (rank(a) !== rank(b)) return rank(a) < rank(b);
  return a.owner <= b.owner;
}

/** Before anything hangs on them: special files that share blocks with each other or with the headers. */
export function checkInternalOverlaps(pass: Pass, pairs: readonly (readonly [number, number])[]): void {
  for (const [a, b] of pairs) {
    const first = pass.claims.get(a);
    const second = pass.claims.get(b);
    const [keeper, loser] = isBefore(first, second) ? [first, second] : [second, first];
    const block = Math.max(loser.start, keeper.start);
    pass.report.add({
      kind: 'overlap-internal',
      severity: 'error',
      message: `Internal files overlap (file ${loser.owner})`,
      detail: `with ${keeper.owner === 0 ? 'a volume header' : `file ${keeper.owner}`}, from block ${block}`,
      offsetBytes: blockOffset(pass, block),
    });
  }
}

function tell(pass: Pass, told: Set<string>, claim: Claim, repair?: () => void): void {
  if (claim.kind <= CLAIM.special && repair === undefined) return;
  const key = `${claim.owner}`;
  if (told.has(key) && repair === undefined) return;
  told.add(key);
  pass.report.add({
    kind: 'overlap',
    severity: 'error',
    message: `Overlapped extent allocation (id = ${claim.owner}, ${pathOf(pass, claim.owner)})`,
    detail: `blocks ${claim.start} to ${claim.start + claim.count - 1}`,
    offsetBytes: slotOffset(pass, claim.slotFile, claim.slotAt),
    // Whoever keeps the blocks is repaired by the other one's going.
    repair: repair ?? (() => undefined),
  });
}

const blockOffset = (pass: Pass, block: number): number =>
  pass.geometry.volumeOffsetBytes + block * pass.geometry.blockSizeBytes;

function relocate(pass: Pass, claim: Claim, gaps: Gaps): void {
  const start = gaps.take(claim.count);
  if (start === null || !copyBlocks(pass, claim, start)) {
    patchSlot(
      pass,
      claim.slotFile,
      claim.slotAt,
      new Uint8Array(8),
      'give up an extent that is another file’s',
    );
    return;
  }
  pass.taken.push({ start, count: claim.count });
  patchSlot(
    pass,
    claim.slotFile,
    claim.slotAt,
    bytesOf32(start),
    'an extent that another file held too is copied',
  );
}

const COPY_BYTES_MAX = 64 << 20;
const CHUNK_BYTES = 65_536;

/** False when there is more to copy than a repair should hold in memory. Holes cost nothing on either side. */
function copyBlocks(pass: Pass, claim: Claim, start: number): boolean {
  const { medium, geometry } = pass;
  const from = blockOffset(pass, claim.start);
  const to = blockOffset(pass, start);
  const length = claim.count * geometry.blockSizeBytes;
  const label = {
    role: 'data',
    owner: `file ${claim.owner}`,
    reason: 'copy blocks that two files held',
  } as const;
  const next = (at: number): number =>
    Math.min(medium.nextStored(from + at) - from, medium.nextStored(to + at) - to, length);
  let copied = 0;
  for (let at = next(0); at < length; at = next(at)) {
    const size = Math.min(CHUNK_BYTES, length - at);
    copied += size;
    if (copied > COPY_BYTES_MAX) return false;
    medium.write(to + at, medium.read(from + at, size), STAGE.fresh, label);
    at += size;
  }
  return true;
}

/** Free runs between those in use. */
export class Gaps {
  readonly #free: { start: number; count: number }[] = [];

  constructor(runs: Float64Array, totalBlocks: number) {
    for (let i = 0; i <= runs.length; i += 2) {
      const start = i === 0 ? 0 : (runs[i - 1] ?? 0);
      const end = i < runs.length ? (runs[i] ?? 0) : totalBlocks;
      if (end > start) this.#free.push({ start, count: end - start });
    }
    this.#free.sort((a, b) => b.count - a.count);
  }

  /** From the largest run, so that what is taken is in one piece. Null when it is not large enough. */
  take(count: number): number | null {
    const largest = this.#free[0];
    if (!largest || largest.count < count) return null;
    const { start } = largest;
    largest.start += count;
    largest.count -= count;
    const second = this.#free[1];
    if (second && second.count > largest.count) this.#free.sort((a, b) => b.count - a.count);
    return start;
  }
}
