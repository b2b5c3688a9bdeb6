import type { RecallProgress } from '../engine/session/recall.ts';
import type { Checkpoint, SavedSession } from '../engine/session/save.ts';
import type { Label } from '../engine/base/label.ts';
import type { DeletionView } from '../engine/session/deletion-words.ts';
import type { ExportRequest, ExportView } from '../engine/session/export.ts';
import type {
  BlockDifferences,
  BlockDifferenceView,
  FileDifferences,
  MomentPair,
  StructureDifferences,
} from '../engine/session/moment-view.ts';
import type { SessionSettings } from '../engine/session/settings.ts';
import type { StepStops } from '../engine/session/step-stops.ts';
import type { CheckpointView } from '../engine/session/checkpoints.ts';
import type { DiagramsView } from '../engine/session/diagram-view.ts';
import type {
  BlockView,
  CheckView,
  Delta,
  DirectoryView,
  FileDetailView,
  MapView,
  Moment,
  RegionsView,
  StepView,
  StructuresView,
  TraceRow,
  WhyView,
} from '../engine/session/view.ts';
import type { TransferView } from './transfer.ts';

export type * from '../engine/session/view.ts';
export type * from '../engine/session/save.ts';
export type { RecallProgress } from '../engine/session/recall.ts';
export type { DeletionView } from '../engine/session/deletion-words.ts';
export type { Label, LabelKind } from '../engine/base/label.ts';
export type { Container, ExportRequest, ExportState, ExportView } from '../engine/session/export.ts';
export type { MountAdvice } from '../engine/session/mount-advice.ts';
export type { TransferView } from './transfer.ts';
export type * from '../engine/session/moment-view.ts';
export type { StepStops } from '../engine/session/step-stops.ts';
export type * from '../engine/session/diagram-view.ts';
export type { CheckpointView } from '../engine/session/checkpoints.ts';
export type { Extent, Finding } from '../engine/formats/contract.ts';
export type { BlockAnnotation, Region, StructureNode } from '../engine/formats/survey.ts';
export type { Annotation } from '../engine/codec/struct.ts';
export type { Role } from '../engine/base/role.ts';
export { ROLES } from '../engine/base/role.ts';

/**
 * What the page may ask of the worker, one Comlink call each. Calls carry whole lines, ranges and columns; a call costs
 * 20 to 90 µs, so nothing here is per file or per block in a loop. Rejections are FsError (rpc/errors.ts keeps errno)
 * for what the user or the disk did; anything else is a bug.
 */
export interface EngineApi {
  /** Make a disk with one new volume and forget what was open. */
  createDisk(request: NewDiskRequest): Promise<Delta>;
  /**
   * Open an image the user chose: raw or UDIF, read block by block when somebody looks, or packed with gzip, which is
   * unpacked first (`transfer` tells how far it is).
   */
  openImage(file: File, options: SessionOptions): Promise<Delta>;
  /** The whole disk at the moment shown, as unmounting leaves it: its raw bytes. */
  exportImage(): Promise<Blob>;
  /** What a file of the disk at the moment shown would be, and what it is good for on other systems. */
  exportView(request: ExportRequest): Promise<ExportView>;
  /**
   * The whole disk at the moment shown as such a file: a blob, or null when it was written into `into`. One at a time
   * (EBUSY); ECANCELED after `stopTransfer`.
   */
  exportFile(request: ExportRequest, into?: FileSystemFileHandle): Promise<Blob | null>;
  /** How far the file is that is being packed or unpacked; null when none is. */
  transfer(): Promise<TransferView | null>;
  stopTransfer(): Promise<void>;

  /**
   * Run what was typed. Output arrives in pieces through `onOutput` while it runs; resolves when the prompt is back.
   * `isComplete` false: the text is the beginning of a command (an open quote, a loop without `done`); nothing ran.
   * At a moment of the past, running makes a branch there.
   */
  run(line: string, onOutput: (piece: OutputPiece) => void): Promise<RunResult>;
  /** Ctrl-C. Resolves at once; `run` resolves when the command has ended (exit code 130). */
  interrupt(): Promise<void>;
  /**
   * Keys typed while a command runs: its standard input; null is Ctrl-D. False when no command was running: nothing
   * was taken. What no command reads comes back as `RunResult.unread`, as from a real terminal's queue.
   */
  type(text: string | null): Promise<boolean>;
  /** What Tab offers at the end of `text`: whole words that replace the last `replaceLength` characters. */
  complete(text: string): Promise<{ readonly words: readonly string[]; readonly replaceLength: number }>;

  /** How wide the terminal is, for `ls` and its like. */
  resize(columns: number): Promise<void>;

  /** Show another moment: undo and redo are seeking. */
  seek(moment: Moment): Promise<Delta>;
  undo(): Promise<Delta>;
  redo(): Promise<Delta>;

  map(request: { firstBlock: number; blockCount: number; cellsMax: number }): Promise<MapView>;
  regions(page: { offset: number; countMax: number }): Promise<RegionsView>;
  /** Entries of a directory of the volume; `path` counts from its root. */
  directory(path: string, page: { offset: number; countMax: number }): Promise<DirectoryView>;
  file(path: string): Promise<FileDetailView>;
  structures(parent: string | null, page: { offset: number; countMax: number }): Promise<StructuresView>;
  /** Of what there are too many to draw all, the structure `chosen` among others. */
  diagrams(chosen: string | null): Promise<DiagramsView>;
  /** Older states of the whole disk that may be opened, newest first; none where the format keeps none. */
  checkpoints(): Promise<readonly CheckpointView[]>;
  block(block: number): Promise<BlockView>;
  trace(
    step: number,
    page: { offset: number; countMax: number },
  ): Promise<{ rows: TraceRow[]; total: number }>;
  /** About a block (number) or a path (string). */
  why(subject: number | string): Promise<WhyView>;
  /** What deleting each snapshot would free. */
  snapshotDeletions(): Promise<readonly DeletionView[]>;
  /** What the checker says of the bytes as they lie, in a few lines. */
  verdict(): Promise<readonly string[]>;
  /** How exact the format of the volume is: behaviours and where they come from. */
  labels(): Promise<readonly Label[]>;
  /** `asItLies`: as a power cut leaves the disk, not as unmounting would. */
  check(asItLies?: boolean): Promise<CheckView>;

  /** Where one can stop inside a step: after calls, changes of structures, at barriers. */
  stops(step: number): Promise<StepStops>;
  /** Two moments of any branches compared, at three levels; pages of the last pair cost nothing more. */
  filesBetween(pair: MomentPair, page: { offset: number; countMax: number }): Promise<FileDifferences>;
  structuresBetween(
    pair: MomentPair,
    page: { offset: number; countMax: number },
  ): Promise<StructureDifferences>;
  blocksBetween(pair: MomentPair, page: { offset: number; countMax: number }): Promise<BlockDifferences>;
  blockBetween(pair: MomentPair, block: number): Promise<BlockDifferenceView>;

  /**
   * What has changed since checkpoint `after`, to be kept; everything when that one is unknown (null: there is none).
   * EBUSY while a command runs.
   */
  checkpoint(after: number | null): Promise<Checkpoint>;
  /** The session that checkpoints describe, at the moment it was saved. `file`: the image that the disk lies over. */
  restore(saved: SavedSession, file: File | null): Promise<Delta>;
  /**
   * Who is told when lines have to run again on the way to an answer, because their steps are known from a save alone;
   * null: it is over. `interrupt` ends it.
   */
  watchRecall(onProgress: (progress: RecallProgress | null) => void): Promise<void>;

  /** Fingerprint of the whole disk at the moment shown, in hexadecimal (device/image.ts says of what). */
  imageHash(): Promise<string>;
}

export interface SessionOptions {
  readonly seed: number;
  readonly profile: ProfileName;
  readonly policy: 'each' | 'writeback';
  /** APFS: data that nobody else holds is overwritten where it lies. Absent: it always gets new blocks. */
  readonly overwritesInPlace?: boolean;
  /** APFS, HFS+: freed blocks are trimmed after the commit that frees them. Absent: yes. */
  readonly trims?: boolean;
}

export type ProfileName = SessionSettings['profile'];

export interface NewDiskRequest extends SessionOptions {
  readonly format: string;
  readonly sizeBytes: number;
  readonly label: string;
  readonly scheme: 'none' | 'gpt' | 'mbr';
  /** `newfs -o` settings. */
  readonly settings: Readonly<Record<string, string>>;
  /** Lines run at once, before the first prompt, so that there is something to look at. */
  readonly startLines: readonly string[];
}

export interface OutputPiece {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export interface RunResult {
  readonly isComplete: boolean;
  /** Null when nothing ran. */
  readonly step: StepView | null;
  readonly delta: Delta;
  /** What was typed while it ran and nobody read: the next line, usually. */
  readonly unread: string;
}
