import type { Finding } from '../contract.ts';

/**
 * What one run has to say: findings for programs, lines for people in the layout of macOS's fsck_apfs: phases begin with
 * '** ', particulars are indented by three, what is wrong begins with 'error: ' or 'warning: '.
 *
 * A disk of random bytes can yield millions of findings: FINDINGS_MAX are told, all are counted.
 */
export class Report {
  readonly lines: string[] = [];
  readonly problems: Problem[] = [];
  errors = 0;
  #untold = 0;
  readonly #told = new Set<string>();
  readonly #sectorsPerBlock: number;

  constructor(sectorsPerBlock: number) {
    this.#sectorsPerBlock = sectorsPerBlock;
  }

  /** '** Checking the space manager.' */
  phase(text: string): void {
    this.lines.push(`** ${text}`);
  }

  /** '   The volume Macintosh HD was formatted by …' */
  line(text: string): void {
    this.lines.push(`   ${text}`);
  }

  /** A problem of the same kind, message and block is told once however many ways lead to it. */
  add(problem: Problem): void {
    const key = `${problem.kind} ${problem.block} ${problem.message}`;
    if (this.problems.length < FINDINGS_MAX) {
      if (this.#told.has(key)) return;
      this.#told.add(key);
      this.problems.push(problem);
      this.lines.push(`${problem.severity}: ${problem.message}`);
    } else {
      this.#untold++;
    }
    if (problem.severity === 'error') this.errors++;
  }

  /** Everything that was found, as the contract wants it; `isRepaired` says which problems are gone now. */
  findings(isRepaired: (problem: Problem) => boolean): Finding[] {
    const findings: Finding[] = this.problems.map((problem) => ({
      kind: problem.kind,
      severity: problem.severity,
      message: problem.message,
      block: Math.max(0, problem.block) * this.#sectorsPerBlock,
      isRepaired: isRepaired(problem),
    }));
    if (this.#untold > 0) {
      const message = `${this.#untold} more findings are not listed`;
      findings.push({ kind: 'more', severity: 'error', message, block: 0, isRepaired: false });
    }
    return findings;
  }

  /** Problems beyond those listed: nobody can say that a repair would mend them. */
  get hasUntold(): boolean {
    return this.#untold > 0;
  }
}

export interface Problem {
  /** Stable word for programs. */
  readonly kind: FindingKind;
  readonly severity: Finding['severity'];
  /** In fsck_apfs's manner, with names (through `shown`) and numbers. */
  readonly message: string;
  /** APFS block of the container that holds what is wrong. */
  readonly block: number;
  /** How `--repair` mends it; absent: it cannot. */
  readonly remedy?: Remedy;
}

export type FindingKind =
  | 'not-apfs'
  | 'checksum'
  | 'superblock'
  | 'checkpoint'
  | 'old-checkpoint'
  | 'space-manager'
  | 'space-map'
  | 'free-count'
  | 'free-queue'
  | 'leaked-blocks'
  | 'double-use'
  | 'omap'
  | 'tree'
  | 'reaper'
  | 'reserve'
  | 'volume'
  | 'inode'
  | 'directory'
  | 'name-hash'
  | 'link-count'
  | 'xattr'
  | 'dstream'
  | 'extent'
  | 'reference-count'
  | 'snapshot'
  | 'counter'
  | 'allocation-count'
  | 'orphan'
  | 'truncation'
  | 'encrypted'
  | 'unsupported'
  | 'unreadable'
  | 'dirty';

/** What a repair does; all of it becomes one new checkpoint. */
export type Remedy =
  /** Bitmaps, counts, free queues and totals of the space manager are made anew from what is in use. */
  | { readonly action: 'space' }
  /** Block 0 becomes a copy of the newest checkpoint. */
  | { readonly action: 'block-zero' }
  /** A number of the superblock of volume `volume` (its place in the container's table). */
  | {
      readonly action: 'volume-field';
      readonly volume: number;
      /** Byte of the volume superblock. */
      readonly at: number;
      readonly lengthBytes: 4 | 8;
      readonly value: number;
    }
  /** A number in a record of the live catalog of volume `volume`, in the node at `block`. */
  | {
      readonly action: 'record-field';
      readonly volume: number;
      readonly block: number;
      /** Byte of the node. */
      readonly at: number;
      readonly lengthBytes: 2 | 4 | 8;
      readonly value: number;
    }
  /** Hard links: sibling records, and the ids in directory records that lead to them, become what the names say. */
  | { readonly action: 'siblings'; readonly plan: SiblingPlan }
  /** The extent references of a snapshot, or of the live volume, are made anew from its file extents. */
  | { readonly action: 'references'; readonly plan: ReferencePlan };

/** Shared by all findings about the hard links of a volume; what it says is complete when the volume has been checked. */
export interface SiblingPlan {
  readonly volume: number;
  edits: readonly RecordEdit[];
  /** What the superblock says at least, once ids have been given; 0: as it says. */
  nextObjectId: number;
}

/** A record of a catalog becomes what `change` makes of its value; null: there is none. */
export interface RecordEdit {
  readonly key: Uint8Array;
  readonly change: (value: Uint8Array | null) => Uint8Array | null;
}

/** Shared by all findings about the extent references of one state of a volume, as SiblingPlan is. */
export interface ReferencePlan {
  readonly volume: number;
  /** The snapshot that has the tree; null: the live volume. */
  readonly snapshotXid: number | null;
  /** Blocks of the tree that is given up. */
  nodes: readonly number[];
  /** What the new one says, ascending. */
  wanted: readonly WantedReference[];
}

export interface WantedReference {
  readonly firstBlock: number;
  readonly blockCount: number;
  /** A stream that holds the run, or that allocated it; of an UPDATE: nobody. */
  readonly owner: number;
  /** References of a NEW, the difference of an UPDATE. */
  readonly count: number;
  readonly isUpdate: boolean;
}

export const SPACE_REMEDY: Remedy = { action: 'space' };
export const BLOCK_ZERO_REMEDY: Remedy = { action: 'block-zero' };

export const FINDINGS_MAX = 1000;

const TEXT_SHOWN_MAX = 1024;

/** Text from the disk as it may be printed: characters that steer a terminal or hide text are spelt out. */
export function shown(text: string): string {
  const cut = text.length > TEXT_SHOWN_MAX ? `${text.slice(0, TEXT_SHOWN_MAX)}…` : text;
  return cut.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
