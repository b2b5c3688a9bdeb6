import { textOf } from '../../base/bytes.ts';
import type { Check } from './fsck-check.ts';
import type { FindingKind, Remedy, SiblingPlan } from './fsck-report.ts';
import { shown } from './fsck-report.ts';
import { Names, Numbers, Rows } from './fsck-rows.ts';

/**
 * One state of a volume under examination, the live one or that of a snapshot: what its catalog says, in tables. A
 * walk over the catalog fills them (fsck-catalog.ts); what belongs together is judged afterwards.
 */

/** Columns of `inodes`. */
export const INODE = {
  id: 0,
  parentId: 1,
  privateId: 2,
  flags: 3,
  mode: 4,
  bsdFlags: 5,
  /** Children of a directory, names of anything else, as the inode says. */
  count: 6,
  uid: 7,
  /** Of the node that holds the record, here and below. */
  block: 8,
  nameAt: 9,
  /** 0: it has none. */
  nameBytes: 10,
  /** A bit for each extended field. */
  fields: 11,
  /** Bits of XATTR. */
  xattrs: 12,
  sparseBytes: 13,
  /** Row of its stream, plus 1. */
  stream: 14,
  /** Entries of other directories that lead to it. */
  links: 15,
  /** Entries it has as a directory. */
  children: 16,
  /** Row of the first of `links`, plus 1; of its entry in the purgeable directory, plus 1. */
  firstLink: 17,
  purgeableLink: 18,
  statisticsKey: 19,
  siblings: 20,
  /** Smallest row of its siblings, plus 1. */
  firstSibling: 21,
  /** Of decmpfs: type of compression, plus 1. */
  compression: 22,
  /** Where the value begins in its node. */
  valueAt: 23,
  /** 1: one of its sibling links is wrong, so that they do not say which name is the primary one. */
  hasSiblingFault: 24,
} as const;

/** Bits of INODE.xattrs. */
export const HAS = { symlink: 1, resourceFork: 2, security: 4, finderInfo: 8, decmpfs: 16 } as const;

/** Columns of `links`, directory records. */
export const LINK = {
  parentId: 0,
  fileId: 1,
  flags: 2,
  siblingId: 3,
  nameAt: 4,
  nameBytes: 5,
  block: 6,
  valueAt: 7,
  keyAt: 8,
  /** 1: its extended fields do not keep to the form. */
  isFaulty: 9,
} as const;

/** Columns of `siblings`, sibling links. */
export const SIBLING = {
  fileId: 0,
  id: 1,
  parentId: 2,
  nameAt: 3,
  nameBytes: 4,
  block: 5,
  /** 1: its value does not keep to the form. */
  isFaulty: 6,
} as const;

/** Columns of `streams`. */
export const STREAM = {
  id: 0,
  /** Inodes, or extended attributes, that have it. */
  holders: 1,
  isXattr: 2,
  sizeBytes: 3,
  allocatedBytes: 4,
  /** What its stream id record says; -1 without one. */
  references: 5,
  /** Where its first extent begins, what all of them cover and what of it are holes; of holes none has blocks. */
  startBytes: 6,
  coveredBytes: 7,
  sparseBytes: 8,
  block: 9,
  isOrphan: 10,
  /** First and last of its extents in `extentFirst`. */
  extentsFrom: 11,
  extentsTo: 12,
  /** Block and logical offset of the last extent that has blocks; 0: none. */
  lastBlock: 13,
  lastOffset: 14,
  /** Logical offset at which it ends. */
  lastEnd: 15,
  /** Where its stream id record lies: node, and byte of the value. */
  referencesBlock: 16,
  referencesAt: 17,
} as const;

export interface ViewFacts {
  /** Place in the container's table; null: a snapshot, in which nothing is ever changed. */
  readonly volume: number | null;
  readonly isHashed: boolean;
  readonly isCaseInsensitive: boolean;
  readonly isSealed: boolean;
  readonly isEncrypted: boolean;
  readonly hasPreallocationFlag: boolean;
  /** Inodes from this number on have true clone flags. */
  readonly cloneFlagsFrom: number;
}

export class View {
  readonly inodes = new Rows(25);
  readonly inodeById = new Map<number, number>();
  readonly links = new Rows(10);
  readonly siblings = new Rows(7);
  /** From the id of a sibling to the file, and the node that says so. */
  readonly siblingMap = new Map<number, { readonly fileId: number; readonly block: number }>();
  readonly streams = new Rows(18);
  readonly streamById = new Map<number, number>();
  /** Blocks of all extents, those of a stream side by side. */
  readonly extentFirst = new Numbers();
  readonly extentEnd = new Numbers();
  readonly names = new Names();
  readonly cryptoStates = new Map<number, CryptoState>();
  readonly statistics = new Map<number, Statistics>();
  /** Of volumes whose extents say so; judged when all sizes are known. */
  readonly preallocations: Preallocation[] = [];
  /** The directory record before the one being looked at: where equal names would stand. */
  readonly before = { parentId: -1, hash: -1, link: -1 };

  /** Largest ids in use; the superblock's next ones must be beyond them. */
  largestId = 0;
  largestDocumentId = 0;

  /** How hard links are mended; null: in this state nothing is. */
  readonly siblingPlan: SiblingPlan | null;
  /** A finding asks for that. */
  areSiblingsWrong = false;

  constructor(
    readonly check: Check,
    readonly facts: ViewFacts,
  ) {
    const { volume, isSealed, isEncrypted } = facts;
    const isMendable = volume !== null && !isSealed && !isEncrypted;
    this.siblingPlan = isMendable ? { volume, edits: [], nextObjectId: 0 } : null;
  }

  /** Something is wrong with hard links. */
  siblingError(kind: FindingKind, message: string, block: number): void {
    const plan = this.siblingPlan;
    this.areSiblingsWrong = true;
    this.error(kind, message, block, plan ? { action: 'siblings', plan } : undefined);
  }

  /** How a number of a record is mended: bytes from `at` of the node in `block`. */
  fix(block: number, at: number, lengthBytes: 2 | 4 | 8, value: number): Remedy | undefined {
    const { volume } = this.facts;
    return volume === null ? undefined : { action: 'record-field', volume, block, at, lengthBytes, value };
  }

  /** An inode, stream or sibling of this id exists. */
  useId(id: number): void {
    if (id > this.largestId) this.largestId = id;
  }

  error(kind: FindingKind, message: string, block: number, remedy?: Remedy): void {
    this.check.error(kind, message, block, remedy);
  }

  warning(kind: FindingKind, message: string, block: number): void {
    this.check.warning(kind, message, block);
  }

  /** Row of a stream, made when it is met first. */
  stream(id: number, block: number): number {
    let row = this.streamById.get(id);
    if (row === undefined) {
      row = this.streams.add();
      this.streamById.set(id, row);
      this.streams.set(row, STREAM.id, id);
      this.streams.set(row, STREAM.references, -1);
      this.streams.set(row, STREAM.block, block);
    }
    return row;
  }

  nameOf(at: number, lengthBytes: number): string {
    return shown(textOf(this.names.bytes(at, lengthBytes)));
  }

  linkName(row: number): string {
    return this.nameOf(this.links.get(row, LINK.nameAt), this.links.get(row, LINK.nameBytes));
  }

  /** 'inode (id 17, "notes.txt")' */
  inode(row: number): string {
    const { inodes } = this;
    const name = this.nameOf(inodes.get(row, INODE.nameAt), inodes.get(row, INODE.nameBytes));
    return `inode (id ${inodes.get(row, INODE.id)}${name === '' ? '' : `, "${name}"`})`;
  }
}

export interface CryptoState {
  references: number;
  /** As its record says; -1 without one. */
  recorded: number;
  block: number;
}

export interface Statistics {
  /** -1: no record. */
  childCount: number;
  block: number;
  counted: number;
  hasOrigin: boolean;
}

export interface Preallocation {
  readonly stream: number;
  readonly offset: number;
  readonly isPreallocated: boolean;
  readonly block: number;
}
