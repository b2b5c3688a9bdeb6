import { viewOf } from '../../base/bytes.ts';
import { CNID, EXTENT_RECORD_SIZE_BYTES, EXTENTS_PER_RECORD } from './layout.ts';
import { FORK_TYPE } from './layout-catalog.ts';
import { bytesOf32, bytesOf64, Rows } from './fsck-bits.ts';
import { CLAIM } from './fsck-claims.ts';
import type { Claims, ClaimKind } from './fsck-claims.ts';
import { eachExtent } from './fsck-forks.ts';
import { EXTENTS_KEY } from './fsck-keys.ts';
import { patchSlot, slotOffset } from './fsck-pass.ts';
import type { Pass } from './fsck-pass.ts';
import type { LeafRecord } from './fsck-walk.ts';

/** Forks of files: eight extents in their own record, more in the extents overflow file. */

/** The records of the extents overflow file, in order. */
export class Overflow {
  readonly rows = new Rows(6);
  readonly data: Uint8Array[] = [];
  readonly #firstRow = new Map<number, number>();

  add(record: LeafRecord): boolean {
    const { view, keyAt, dataAt, endAt, node } = record;
    if (endAt - dataAt !== EXTENT_RECORD_SIZE_BYTES) return false;
    const file = view.getUint32(keyAt + EXTENTS_KEY.file);
    const fork = view.getUint8(keyAt + EXTENTS_KEY.forkType);
    if (fork !== FORK_TYPE.data && fork !== FORK_TYPE.resource) return false;
    const row = this.rows.add();
    this.rows.set(row, FILE, file);
    this.rows.set(row, FORK, fork);
    this.rows.set(row, START, view.getUint32(keyAt + EXTENTS_KEY.startBlock));
    this.rows.set(row, NODE, node);
    this.rows.set(row, AT, keyAt * 65_536 + dataAt);
    this.data.push(new Uint8Array(view.buffer, view.byteOffset + dataAt, EXTENT_RECORD_SIZE_BYTES));
    const key = file * 2 + (fork & 1);
    if (!this.#firstRow.has(key)) this.#firstRow.set(key, row);
    return true;
  }

  /** First row of a fork's records, -1 when it has none. */
  first(file: number, fork: number): number {
    return this.#firstRow.get(file * 2 + (fork & 1)) ?? -1;
  }

  isOf(row: number, file: number, fork: number): boolean {
    return row < this.rows.length && this.rows.get(row, FILE) === file && this.rows.get(row, FORK) === fork;
  }

  markUsed(row: number): void {
    this.rows.set(row, USED, 1);
  }
}

export const [FILE, FORK, START, NODE, AT, USED] = [0, 1, 2, 3, 4, 5];
export const overflowKeyAt = (overflow: Overflow, row: number): number => overflow.rows.get(row, AT) >>> 16;
export const overflowDataAt = (overflow: Overflow, row: number): number =>
  overflow.rows.get(row, AT) & 0xffff;

/** A fork as it lies in some record: of a file, an attribute, or the volume header. */
export interface ForkPlace {
  readonly owner: number;
  readonly kind: ClaimKind;
  readonly view: DataView;
  /** Of the 80 bytes in `view`. */
  readonly at: number;
  /** Where they stand: see `patchSlot`. */
  readonly slotFile: number;
  readonly slotAt: number;
}

interface ForkFault {
  readonly text: string;
  /** Which of the eight extents of the fork itself; null for one of an overflow record. */
  readonly inlineIndex: number | null;
  /** Cut the fork off before what is wrong. */
  readonly repair: (pass: Pass) => void;
}

export interface ClaimedFork {
  readonly blocks: number;
  readonly fault: ForkFault | null;
}

export interface ClaimTarget {
  readonly claims: Claims;
  readonly overflow: Overflow;
  readonly totalBlocks: number;
  /** Bytes of a node of the extents overflow file. */
  readonly nodeSizeBytes: number;
}

/** Claim the blocks of a fork, with those of its overflow records. */
export function claimFork(target: ClaimTarget, place: ForkPlace): ClaimedFork {
  const { claims, overflow, totalBlocks } = target;
  const { owner, kind, view, at, slotFile, slotAt } = place;
  let blocks = 0;
  let extents = 0;
  const inline = eachExtent(view, at + 16, totalBlocks, (start, count, slot) => {
    claims.add(start, count, owner, kind, slotFile, slotAt + slot - at);
    blocks += count;
    extents++;
  });
  if (inline) {
    const cut = slotAt + 16 + inline.index * 8;
    return {
      blocks,
      fault: { ...faultAt(inline.text, slotFile, cut, slotAt + 80), inlineIndex: inline.index },
    };
  }
  if (kind === CLAIM.attribute) return { blocks, fault: null };
  const fork = kind === CLAIM.resource ? FORK_TYPE.resource : FORK_TYPE.data;
  let row = overflow.first(owner, fork);
  if (row < 0) return { blocks, fault: null };
  for (; overflow.isOf(row, owner, fork) && extents % EXTENTS_PER_RECORD === 0 && extents > 0; row++) {
    if (overflow.rows.get(row, START) !== blocks) break;
    overflow.markUsed(row);
    const base = overflow.rows.get(row, NODE) * target.nodeSizeBytes + overflowDataAt(overflow, row);
    const fault = eachExtent(viewOf(overflow.data[row] ?? EMPTY), 0, totalBlocks, (start, count, slot) => {
      claims.add(start, count, owner, kind, CNID.extentsFile, base + slot);
      blocks += count;
      extents++;
    });
    if (fault) {
      const end = base + EXTENT_RECORD_SIZE_BYTES;
      if (fault.index > 0) {
        return { blocks, fault: faultAt(fault.text, CNID.extentsFile, base + fault.index * 8, end) };
      }
      const node = overflow.rows.get(row, NODE);
      const keyAt = overflowKeyAt(overflow, row);
      const repair = (pass: Pass): void => pass.trees.extents.remove(node, keyAt);
      return { blocks, fault: { text: fault.text, inlineIndex: null, repair } };
    }
  }
  return { blocks, fault: null };
}

const EMPTY = new Uint8Array(EXTENT_RECORD_SIZE_BYTES);

function faultAt(text: string, slotFile: number, from: number, end: number): ForkFault {
  return {
    text,
    inlineIndex: null,
    repair: (pass) =>
      patchSlot(pass, slotFile, from, new Uint8Array(end - from), 'remove extents that cannot be'),
  };
}

/**
 * The fork of almost every file: nothing wrong with it, all extents in its own record. Claims its blocks and says true;
 * otherwise claims nothing, and `checkFork` looks closely. Without an object or a closure, for it runs twice a file.
 */
export function claimSoundFork(
  pass: Pass,
  owner: number,
  kind: ClaimKind,
  view: DataView,
  at: number,
  slotAt: number,
): boolean {
  const { totalBlocks, blockSizeBytes } = pass.geometry;
  const stated = view.getUint32(at + 12);
  const sizeBytes = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
  if (sizeBytes > stated * blockSizeBytes) return false;
  const end = at + 80;
  let blocks = 0;
  let slot = at + 16;
  for (; slot < end; slot += 8) {
    const start = view.getUint32(slot);
    const count = view.getUint32(slot + 4);
    if (count === 0) break;
    if (start === 0 || start >= totalBlocks || count >= totalBlocks - start) return false;
    blocks += count;
  }
  if (slot === end || blocks !== stated) return false;
  for (let rest = slot; rest < end; rest += 4) if (view.getUint32(rest) !== 0) return false;
  for (let used = at + 16; used < slot; used += 8) {
    pass.claims.add(
      view.getUint32(used),
      view.getUint32(used + 4),
      owner,
      kind,
      CNID.catalogFile,
      slotAt + used - at,
    );
  }
  return true;
}

/** What a fork says about itself against what its extents say. */
export function checkFork(pass: Pass, place: ForkPlace, words: ForkWords): void {
  const { report, geometry } = pass;
  const target: ClaimTarget = {
    claims: pass.claims,
    overflow: pass.overflow,
    totalBlocks: geometry.totalBlocks,
    nodeSizeBytes: pass.trees.extents.nodeSizeBytes,
  };
  const { blocks, fault } = claimFork(target, place);
  const { view, at, slotFile, slotAt } = place;
  const stated = view.getUint32(at + 12);
  const sizeBytes = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
  const roomBytes = blocks * geometry.blockSizeBytes;
  const offsetBytes = slotOffset(pass, slotFile, slotAt);
  const setSize = (): void => {
    if (sizeBytes > roomBytes)
      patchSlot(pass, slotFile, slotAt, bytesOf64(roomBytes), 'the size fits the blocks');
  };
  const repairCounts = (): void => {
    patchSlot(pass, slotFile, slotAt + 12, bytesOf32(blocks), 'count the blocks of all extents');
    setSize();
  };
  if (fault) {
    report.add({
      kind: 'extent',
      severity: 'error',
      message: 'Invalid extent entry',
      detail: `${words.name()}: ${fault.text}`,
      place: [place.owner, 0],
      offsetBytes,
      repair: () => {
        fault.repair(pass);
        repairCounts();
      },
    });
    return;
  }
  if (stated !== blocks) {
    report.add({
      kind: 'block-count',
      severity: 'error',
      message: words.blocks(),
      shouldBe: [blocks, stated],
      offsetBytes,
      repair: repairCounts,
    });
  } else if (sizeBytes > roomBytes) {
    const message = words.size();
    report.add({
      kind: 'size',
      severity: 'error',
      message,
      shouldBe: [roomBytes, sizeBytes],
      offsetBytes,
      repair: setSize,
    });
  }
}

/** Messages are made only when there is something to say. */
export interface ForkWords {
  name(): string;
  blocks(): string;
  size(): string;
}

/** Overflow records that no fork of any file leads to. */
export function checkOrphanedExtents(pass: Pass): void {
  const { overflow, report, trees } = pass;
  for (let row = 0; row < overflow.rows.length; row++) {
    if (overflow.rows.get(row, USED) !== 0) continue;
    const file = overflow.rows.get(row, FILE);
    const node = overflow.rows.get(row, NODE);
    const keyAt = overflowKeyAt(overflow, row);
    report.add({
      kind: 'orphaned-extents',
      severity: 'error',
      message: 'Catalog file entry not found for extent',
      detail: `extents of file ${file} from block ${overflow.rows.get(row, START)} continue no fork`,
      place: [CNID.extentsFile, node],
      offsetBytes: trees.extents.deviceOffset(node, keyAt),
      repair: () => trees.extents.remove(node, keyAt),
    });
  }
}

/** Extents of the bad blocks file: claimed like others, though no record of the catalog names it. */
export function claimBadBlocks(pass: Pass): void {
  const { overflow, claims, geometry, report, trees } = pass;
  let blocks = 0;
  for (
    let row = overflow.first(CNID.badBlocks, 0);
    row >= 0 && overflow.isOf(row, CNID.badBlocks, 0);
    row++
  ) {
    overflow.markUsed(row);
    const node = overflow.rows.get(row, NODE);
    const dataAt = overflowDataAt(overflow, row);
    const base = node * trees.extents.nodeSizeBytes + dataAt;
    const isInOrder = overflow.rows.get(row, START) === blocks;
    const fault = eachExtent(
      viewOf(overflow.data[row] ?? EMPTY),
      0,
      geometry.totalBlocks,
      (start, count, slot) => {
        claims.add(start, count, CNID.badBlocks, CLAIM.bad, CNID.extentsFile, base + slot);
        blocks += count;
      },
    );
    if (!fault && isInOrder) continue;
    report.add({
      kind: 'extent',
      severity: 'error',
      message: 'Invalid extent entry',
      detail: `bad blocks: ${fault?.text ?? 'the record does not continue the one before'}`,
      place: [CNID.badBlocks, node],
      offsetBytes: trees.extents.deviceOffset(node, dataAt),
      repair: () => trees.extents.remove(node, overflowKeyAt(overflow, row)),
    });
  }
}
