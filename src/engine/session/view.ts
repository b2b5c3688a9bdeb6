import type { ErrnoCode } from '../base/errno.ts';
import type { DeletionView } from './deletion-words.ts';
import type { SpanLevel } from '../base/trace.ts';
import type { Role } from '../base/role.ts';
import type { ProfileName } from '../device/profile.ts';
import type { Extent, Finding, Sharing } from '../formats/contract.ts';
import type { BlockAnnotation, Region, StructureNode } from '../formats/survey.ts';

/**
 * What panes draw and reports print: plain objects and typed arrays, nothing with methods, so that it crosses a worker
 * boundary as it is. Everything describes the moment the session is at.
 */

/** A point in the history: after step `step` (0: before the first), or inside it, right after access `write` of it. */
export interface Moment {
  readonly step: number;
  /** Absent: the whole step. 0 … writeCount − 1; writes, trims and barriers count. */
  readonly write?: number;
}

export interface DiskView {
  readonly device: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
  readonly blockCount: number;
  readonly scheme: 'none' | 'gpt' | 'mbr' | 'apm';
  /** Null while the disk holds no volume we can mount; then `problem` says why. */
  readonly volume: VolumeView | null;
  readonly problem: string | null;
}

export interface VolumeView {
  readonly device: string;
  readonly formatName: string;
  readonly title: string;
  readonly label: string;
  readonly mountPoint: string;
  readonly isReadOnly: boolean;
  readonly firstBlock: number;
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly allocationBlockSizeBytes: number;
  readonly warnings: readonly string[];
}

/** The costs of a step (or of many): what the ribbon, `--stats` and comparison print. */
export interface Costs {
  readonly writes: number;
  readonly blocks: number;
  readonly bytes: number;
  readonly bytesByRole: Readonly<Partial<Record<Role, number>>>;
  readonly barriers: number;
  readonly trims: number;
  /** On the session's device profile. Simulated, never measured. */
  readonly simulatedNanoseconds: number;
}

/** What comparing needs of a step beside its costs. */
export interface StepFigures {
  /** Contents of files and values of attributes that programs handed to system calls, and that were taken. */
  readonly handedBytes: number;
  readonly trimmedBytes: number;
  /** What the same accesses take on each profile, the head standing where it stood. Simulated, never measured. */
  readonly nanosecondsByProfile: Readonly<Record<ProfileName, number>>;
}

/** One line typed and what came of it. Steps form a tree: `parent` is the step it was typed after. */
export interface StepView {
  readonly step: number;
  readonly parent: number;
  readonly branch: string;
  readonly line: string;
  readonly exitCode: number;
  /** The first errno met, for the ribbon: 'ENOSPC'. */
  readonly error: { readonly code: ErrnoCode; readonly text: string } | null;
  readonly costs: Costs;
  readonly figures: StepFigures;
  /** Disk accesses of the step: writes, trims and barriers. */
  readonly writeCount: number;
  /** Bytes of free space after the step minus before. */
  readonly freeBytesChange: number;
  readonly startedAt: { readonly seconds: number; readonly nanoseconds: number };
  /** Block ranges written, merged, at most `rangesMax`: [first, count, first, count …]. */
  readonly written: Float64Array;
}

export interface TimelineView {
  readonly steps: readonly StepView[];
  readonly now: Moment;
  /** Steps of the line of history that leads through `now` to its newest end, oldest first. */
  readonly path: readonly number[];
  readonly canUndo: boolean;
  readonly canRedo: boolean;
}

/** The trace of one step: spans and writes in order, as a flat list with depths. */
export interface TraceRow {
  readonly kind: SpanLevel | 'write' | 'barrier' | 'trim';
  readonly depth: number;
  /** One English sentence. */
  readonly sentence: string;
  readonly result: string;
  /** Of a write or trim; −1 otherwise. */
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly role: Role | null;
  /** Index of the access within the step, for `Moment.write`; −1 for spans. */
  readonly write: number;
}

/** Block roles over a range, resampled to at most `cells` cells; each cell shows its most telling role. */
export interface MapView {
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly blocksPerCell: number;
  /** Role index per cell (base/role.ts). */
  readonly roles: Uint8Array;
  /** Share of the cell's blocks in use, 0 … 255. */
  readonly fill: Uint8Array;
  /** 1 where the step at `now` wrote. */
  readonly written: Uint8Array;
  /** How many steps ago each cell was written last: 0 by this one, 255 longer ago than counted or before them all. */
  readonly age: Uint8Array;
  /** How many files hold the contents of a cell: 0 nobody, 255 as many or more. Of a mixed cell the most. */
  readonly holders: Uint8Array;
  /** 1 where the chain of a file ends. */
  readonly chainEnds: Uint8Array;
  /** Number of the owner in `owners` per cell; 0 is nobody. */
  readonly owner: Uint32Array;
  readonly owners: readonly string[];
}

export interface RegionsView {
  readonly regions: readonly Region[];
  readonly total: number;
}

export interface FileView {
  readonly path: string;
  readonly name: string;
  readonly type: string;
  readonly sizeBytes: number;
  readonly allocatedBytes: number;
  readonly extentCount: number;
  /** Names it has. */
  readonly linkCount: number;
  readonly mode: string; // '-rwxrwxrwx'
  readonly flags: string;
  readonly modified: string;
  readonly target: string | null;
}

export interface DirectoryView {
  readonly path: string;
  readonly files: readonly FileView[];
  readonly total: number;
}

export interface FileDetailView {
  readonly file: FileView;
  readonly extents: readonly Extent[];
  /** What a resource fork takes of the disk beside the contents; 0 where it lies in another file. */
  readonly forkAllocatedBytes: number;
  /** First blocks on the disk (not the volume) of the extents, same order. */
  readonly extentFirstBlocks: Float64Array;
  readonly attributes: readonly (readonly [string, string])[];
  /** What it shares with clones and snapshots; absent where the volume has neither. */
  readonly sharing?: Sharing;
}

export interface BlockView {
  readonly block: number;
  readonly bytes: Uint8Array;
  /** The same block before the step at `now`; null when that step did not touch it. */
  readonly before: Uint8Array | null;
  readonly annotation: BlockAnnotation;
  /** The part of the specification that most of its bytes are explained by; empty where none is cited. */
  readonly section: string;
}

export interface StructureNodeView extends StructureNode {
  /** The step shown changed its bytes. Absent: it did not. */
  readonly isChanged?: boolean;
}

/** Structures of the volume, with offsets on the whole disk. */
export interface StructuresView {
  readonly nodes: readonly StructureNodeView[];
  readonly total: number;
}

export interface WhyView {
  readonly title: string;
  readonly sentences: readonly string[];
  /** What deleting it would free: alone first, then with others that hold its blocks. */
  readonly deletions: readonly DeletionView[];
}

export interface CheckView {
  readonly isReadable: boolean;
  readonly isClean: boolean;
  readonly lines: readonly string[];
  readonly findings: readonly Finding[];
}

/** What changed, pushed to the page; panes ask for what they show. */
export interface Delta {
  readonly disk: DiskView;
  readonly now: Moment;
  /** Steps nobody was told of yet, by rising number; after a disk was made or opened, all there are. */
  readonly newSteps: readonly StepView[];
  readonly cwd: string;
}
