import type { Medium } from '../../device/medium.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { Claims } from './fsck-claims.ts';
import type { FindingKind, Remedy, Report } from './fsck-report.ts';

/**
 * What all parts of one check share: the disk as blocks of 4096 bytes that can always be read (zeros where they cannot),
 * the report, who uses which blocks, and the frame that the newest checkpoint gives: how many blocks there are, which
 * transaction is the newest, which object ids have been handed out.
 */
export class Check {
  readonly medium: Medium;
  readonly report: Report;
  /** Blocks of the container in use. The internal pool keeps its own: its blocks have a bitmap of their own. */
  readonly claims = new Claims();
  /** Blocks of the container; 0 until its superblock has been read. */
  blockCount = 0;
  /** Transaction of the checkpoint that is being checked. */
  xid = 0;
  /** Object ids from here on have not been handed out yet. */
  nextOid = 0;
  /**
   * Something that tells which blocks are in use could not be read: blocks that nobody claims may well be in use, so
   * none of them is called leaked and nothing may be repaired.
   */
  isUsageUnknown = false;

  constructor(medium: Medium, report: Report) {
    this.medium = medium;
    this.report = report;
  }

  /** A fresh copy of one block. Zeros beyond the device; a block that the device refuses is told and reads as zeros. */
  read(block: number): Uint8Array {
    return this.readBlocks(block, 1);
  }

  /** A fresh copy of several blocks; callers bound `count`. */
  readBlocks(firstBlock: number, count: number): Uint8Array {
    const { medium } = this;
    const known = medium.unreadableBlocks.size;
    const bytes = medium.read(firstBlock * BLOCK_SIZE_BYTES, count * BLOCK_SIZE_BYTES);
    if (medium.unreadableBlocks.size > known) {
      this.error('unreadable', `block ${hex(firstBlock)} cannot be read`, firstBlock);
    }
    return bytes;
  }

  /** Do these blocks lie inside the container? */
  isInside(firstBlock: number, count: number): boolean {
    return (
      Number.isSafeInteger(firstBlock) &&
      firstBlock >= 0 &&
      count > 0 &&
      firstBlock + count <= this.blockCount
    );
  }

  /**
   * These blocks are in use by `owner` (a constant; with a number: 'file 17'). False, with a finding, when they do not
   * lie in the container. That two owners claim the same block comes out at the end, with both their names.
   */
  mark(firstBlock: number, count: number, owner: string, ownerNumber = -1): boolean {
    if (!this.isInside(firstBlock, count)) {
      const who = ownerNumber < 0 ? owner : `${owner} ${ownerNumber}`;
      this.error('extent', `${who}: blocks ${hex(firstBlock)}+${count} are not in the container`, 0);
      return false;
    }
    this.claims.add(firstBlock, count, owner, ownerNumber);
    return true;
  }

  error(kind: FindingKind, message: string, block: number, remedy?: Remedy): void {
    this.report.add({ kind, severity: 'error', message, block, ...(remedy && { remedy }) });
  }

  warning(kind: FindingKind, message: string, block: number, remedy?: Remedy): void {
    this.report.add({ kind, severity: 'warning', message, block, ...(remedy && { remedy }) });
  }
}

export const hex = (value: number): string => `0x${value.toString(16)}`;

/** A little-endian u64. Beyond 2^53 (damage) the nearest double. */
export const u64At = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);

/**
 * What `checkVolume(check, place)` (fsck-volume.ts) is told: the superblock's header is not checked yet, its block not
 * marked. All blocks of the volume, the superblock among them, are marked by it.
 */
export interface VolumePlace {
  /** In the container's table. */
  readonly index: number;
  readonly oid: number;
  /** As the container's object map has it. */
  readonly block: number;
  readonly xid: number;
}
