import { equalBytes } from '../base/bytes.ts';
import { FsError } from '../base/errno.ts';
import type { Label } from '../base/label.ts';
import type { Annotation } from '../codec/struct.ts';
import type { Store } from '../device/store.ts';
import type { Tape } from '../device/tape.ts';
import type { Extent } from '../formats/contract.ts';
import type { Page, Region, StructureId, StructureNode, Survey } from '../formats/survey.ts';
import { checkSlice, unreadable } from './machine.ts';
import { checkpointsOf } from './checkpoints.ts';
import type { CheckpointView } from './checkpoints.ts';
import type { Computer } from './computer.ts';
import type { Disk } from './disk.ts';
import { diagramsOf, touches as touchesRanges } from './diagrams.ts';
import type { DiagramsView } from './diagram-view.ts';
import type { History, Step } from './history.ts';
import { mapView, regionAt } from './map-view.ts';
import type { MapRequest } from './map-view.ts';
import { stepStops } from './step-stops.ts';
import type { StepStops } from './step-stops.ts';
import { TraceRows } from './trace-rows.ts';
import type {
  BlockView,
  CheckView,
  DirectoryView,
  DiskView,
  FileDetailView,
  MapView,
  Moment,
  RegionsView,
  StructuresView,
  TraceRow,
  WhyView,
} from './view.ts';
import { formatOn, sameSlice } from './disk.ts';
import { verdictOn } from './verdict.ts';
import { DiskViews } from './views-disk.ts';
import { FileViews } from './views-files.ts';
import type { DeletionView } from './deletion-words.ts';
import type { MountRecord } from './mounts.ts';
import { DeletionViews } from './views-deletion.ts';
import { whyBlock, whyFile } from './why.ts';

/** What panes ask about the moment shown. Nothing here changes anything; what costs a walk is kept until `forget`. */
export interface ViewSource<State> {
  readonly tape: Tape;
  history(): History<State>;
  /** The machine of the moment shown. */
  shown(): Computer;
  /** The disk at another moment. */
  storeAt(moment: Moment): Store;
  /** See to it that the tape holds what a step did, also of one that comes from a save. */
  requireTape(step: number): void;
  /** The same machine on a fork of its disk; nobody sees what it does. */
  copy(computer: Computer): Computer;
  /** The disk shown as it is left when the machine is shut down, so that "in use" is no finding. */
  diskAtRest(): Disk;
}

type BytesPlace = Pick<StructureNode, 'deviceOffsetBytes' | 'lengthBytes'>;

export class Views {
  readonly #source: ViewSource<unknown>;
  #disk: DiskViews | null = null;
  #files: FileViews | null = null;
  #rows: { readonly step: number; readonly rows: TraceRows } | null = null;
  /** The disk before the step shown. */
  #before: Store | null = null;
  #surveyBefore: Survey | null = null;

  constructor(source: ViewSource<unknown>) {
    this.#source = source;
  }

  /** Something changed: the next question is answered from the disk. */
  forget(): void {
    this.#disk = null;
    this.#files = null;
    this.#rows = null;
    this.#before = null;
    this.#surveyBefore = null;
  }

  get #diskViews(): DiskViews {
    return (this.#disk ??= new DiskViews(this.#source.shown()));
  }

  get #fileViews(): FileViews {
    return (this.#files ??= new FileViews(this.#source.shown()));
  }

  get #current(): Step<unknown> {
    return this.#source.history().current;
  }

  disk(): DiskView {
    return this.#diskViews.disk();
  }

  map(request: MapRequest): MapView {
    const { disk } = this.#source.shown();
    return mapView(this.#diskViews.regions(), disk.store.blockCount, request, this.#writtenSteps());
  }

  /** Ranges that the step shown wrote, then those of the steps before it. */
  *#writtenSteps(): Generator<Float64Array> {
    const history = this.#source.history();
    for (let step: Step<unknown> | undefined = this.#current; step !== undefined;) {
      yield step.view.written;
      step = step.view.step === 0 ? undefined : history.step(step.view.parent);
    }
  }

  regions({ offset, countMax }: Page): RegionsView {
    const regions = this.#diskViews.regions();
    return { regions: regions.slice(offset, offset + countMax), total: regions.length };
  }

  directory(path: string, page: Page): DirectoryView {
    return this.#fileViews.directory(path, page);
  }

  file(path: string): FileDetailView {
    return this.#fileViews.file(path);
  }

  structures(parent: string | null, page: Page): StructuresView {
    const { nodes, total } = this.#diskViews.structures(parent, page);
    const { blockSizeBytes } = this.#source.shown().disk.store;
    const { written } = this.#current.view;
    return {
      total,
      nodes: nodes.map((node) => {
        const first = Math.floor(node.deviceOffsetBytes / blockSizeBytes);
        const end = Math.ceil((node.deviceOffsetBytes + node.lengthBytes) / blockSizeBytes);
        const isChanged = touchesRanges(written, first, end) && this.#isChanged(node);
        return isChanged ? { ...node, isChanged } : node;
      }),
    };
  }

  /** Are the bytes others than before the step? Of what is long, that it was written is enough. */
  #isChanged({ deviceOffsetBytes, lengthBytes }: BytesPlace): boolean {
    if (lengthBytes === 0 || lengthBytes > COMPARED_BYTES_MAX) return lengthBytes > 0;
    const { store } = this.#source.shown().disk;
    const now = bytesAt(store, deviceOffsetBytes, lengthBytes);
    return !equalBytes(now, bytesAt(this.#storeBefore, deviceOffsetBytes, lengthBytes));
  }

  get #storeBefore(): Store {
    return (this.#before ??= this.#source.storeAt({ step: this.#current.view.parent }));
  }

  #findSurveyBefore(): Survey | null {
    const { mainSlice } = this.#source.shown().disk;
    return mainSlice?.format?.survey(sameSlice(mainSlice, this.#storeBefore)) ?? null;
  }

  /** Of what there are too many to draw all, the structure `chosen` among others. */
  diagrams(chosen: StructureId | null = null): DiagramsView {
    const { written } = this.#current.view;
    const step = {
      written,
      before: () => (this.#surveyBefore ??= this.#findSurveyBefore()),
      isChanged: (place: BytesPlace) => this.#isChanged(place),
    };
    return diagramsOf(this.#source.shown(), this.#diskViews.mainSurvey(), step, chosen);
  }

  checkpoints(): readonly CheckpointView[] {
    return checkpointsOf(this.#source.shown());
  }

  block(block: number): BlockView {
    const annotation = this.#diskViews.annotate(block);
    const { store } = this.#source.shown().disk;
    const bytes = new Uint8Array(store.blockSizeBytes);
    store.read(block, bytes);
    return {
      block,
      bytes,
      before: this.#bytesBefore(block),
      annotation,
      section: sectionOf(annotation.fields),
    };
  }

  /** Did the step shown write the block, as far as panes list it? */
  isWrittenNow(block: number): boolean {
    return isWritten(this.#current.view.written, block);
  }

  /** The block before the step shown; null when the step does not touch it. */
  #bytesBefore(block: number): Uint8Array | null {
    const { tape } = this.#source;
    if (this.isWrittenNow(block)) this.#source.requireTape(this.#current.view.step);
    const { entries } = this.#current;
    const { write } = this.#source.history().now;
    const end = write === undefined ? entries.to : entries.from + write + 1;
    if (!touches(tape, block, entries.from, end)) return null;
    const before = this.#storeBefore;
    const bytes = new Uint8Array(before.blockSizeBytes);
    before.read(block, bytes);
    return bytes;
  }

  trace(step: number, page: Page): { rows: TraceRow[]; total: number } {
    const { tape } = this.#source;
    const recorded = this.#recorded(step, 'trace');
    if (this.#rows?.step !== step) {
      this.#rows = { step, rows: new TraceRows(tape, recorded.entries, recorded.spans) };
    }
    const { rows } = this.#rows;
    return { rows: rows.page(page), total: rows.total };
  }

  /** What the checker says of the bytes as they lie, and of the disk as unmounting would leave it. */
  verdict(): readonly string[] {
    const computer = this.#source.shown();
    const slice = computer.disk.mainSlice;
    if (slice === undefined || slice.format !== null)
      return verdictOn(computer, this.#source.diskAtRest(), slice);
    // The step shown may have taken its signature: then it is judged as what it was.
    const before = this.#source.storeAt({ step: this.#current.view.parent });
    const format = formatOn(sameSlice(slice, before));
    return verdictOn(computer, computer.disk, { ...slice, format });
  }

  labels(): readonly Label[] {
    return this.#source.shown().disk.mainSlice?.format?.labels ?? [];
  }

  /** FsError EINVAL when there is no such step. */
  stops(step: number): StepStops {
    const { entries, spans } = this.#recorded(step, 'stops');
    return stepStops(this.#source.tape, step, entries, spans);
  }

  #recorded(step: number, what: string): Step<unknown> {
    const refusal = new FsError('EINVAL', what, '', `there is no step ${step}`);
    if (this.#source.history().step(step) === undefined) throw refusal;
    this.#source.requireTape(step);
    const recorded = this.#source.history().step(step);
    if (recorded === undefined) throw refusal;
    return recorded;
  }

  /** `asItLies`: not as unmounting would leave the disk but as a power cut does. */
  check(asItLies = false): CheckView {
    const disk = asItLies ? this.#source.shown().disk : this.#source.diskAtRest();
    const { isReadable, lines, findings } =
      disk.mainSlice === undefined
        ? unreadable(`${disk.device} has no partition that can be used.`)
        : checkSlice(disk.mainSlice, { repair: false });
    return { isReadable, isClean: isReadable && findings.length === 0, lines, findings };
  }

  /** About a block of the disk (number) or a path from the root of the volume (string). */
  why(subject: number | string): WhyView {
    const computer = this.#source.shown();
    if (typeof subject === 'number') this.#source.requireTape(this.#current.view.step);
    if (typeof subject === 'number') return this.#whyBlock(computer, this.#diskViews, subject);
    return this.#whyFile(computer, this.#fileViews, subject);
  }

  /** What deleting each of the snapshots would free. */
  snapshots(): readonly DeletionView[] {
    return this.#deletionsOn(this.#source.shown()).ofSnapshots();
  }

  #whyBlock(computer: Computer, views: DiskViews, block: number): WhyView {
    const annotation = views.annotate(block);
    const regions = views.regions();
    const region = regions[regionAt(regions, block)];
    const { tape } = this.#source;
    const history = this.#source.history();
    const why = whyBlock({ block, annotation, region, history, tape, disk: views.disk() });
    if (region === undefined) return why;
    return { ...why, deletions: this.#deletionsOn(computer).ofBlock(block, region) };
  }

  #whyFile(computer: Computer, views: FileViews, path: string): WhyView {
    const detail = views.file(path);
    const why = whyFile(detail);
    const place = views.placeOf(path);
    if (place === undefined || place.path === '') return why;
    const isDirectory = detail.file.type === 'directory';
    return { ...why, deletions: this.#deletionsOn(computer).ofPath(place.mount, place.path, isDirectory) };
  }

  #deletionsOn(computer: Computer): DeletionViews {
    const isInsideStep = computer === this.#source.shown() && this.#source.history().now.write !== undefined;
    return new DeletionViews(computer, () => this.#source.copy(computer), isInsideStep);
  }

  // ── what commands ask of the machine they run on ─────────────────────────────────────────────────────────────────

  regionsOf(computer: Computer): readonly Region[] {
    return new DiskViews(computer).regions();
  }

  extentsOf(computer: Computer, path: string): readonly Extent[] {
    const { file, views } = fileOf(computer, path);
    const { blockSizeBytes } = computer.disk.store;
    const { extents, extentFirstBlocks } = views.file(file);
    return extents.map((extent, i) => {
      const rest = extent.deviceOffsetBytes % blockSizeBytes;
      return { ...extent, deviceOffsetBytes: (extentFirstBlocks[i] ?? 0) * blockSizeBytes + rest };
    });
  }

  whyOn(computer: Computer, pathOrBlock: string): readonly string[] {
    if (/^\d+$/.test(pathOrBlock)) {
      return allOf(this.#whyBlock(computer, new DiskViews(computer), Number(pathOrBlock)));
    }
    const { file, views } = fileOf(computer, pathOrBlock);
    return allOf(this.#whyFile(computer, views, file));
  }

  /** What deleting a snapshot would free. */
  whySnapshot(computer: Computer, mount: MountRecord, name: string): readonly string[] {
    return this.#deletionsOn(computer)
      .ofSnapshot(mount, name)
      .map(({ sentence }) => sentence);
  }
}

const allOf = ({ sentences, deletions }: WhyView): readonly string[] => [
  ...sentences,
  ...deletions.map(({ sentence }) => sentence),
];

/** A path as the shell means it, counted from the root of the volume that it is on. */
function fileOf(computer: Computer, path: string): { file: string; views: FileViews } {
  const { process, mounts } = computer;
  const full = process.realpath(path);
  const mount = mounts.at(process.statfs(full).on);
  if (mount === undefined) throw new FsError('EINVAL', 'scope', path, 'no volume of a disk is there');
  return { file: full.slice(mount.on.length), views: new FileViews(computer, mount) };
}

/** Among the ranges that a step wrote? They may name more, where there were too many to be told. */
function isWritten(written: Float64Array, block: number): boolean {
  for (let i = 0; i < written.length; i += 2) {
    const first = written[i] ?? 0;
    if (block >= first && block < first + (written[i + 1] ?? 0)) return true;
  }
  return false;
}

/** The section that explains most bytes; the first of several that explain as many. */
export function sectionOf(fields: readonly Annotation[]): string {
  const bytes = new Map<string, number>();
  for (const { section, lengthBytes } of fields) {
    if (section !== '') bytes.set(section, (bytes.get(section) ?? 0) + lengthBytes);
  }
  return [...bytes].reduce((best, each) => (each[1] > best[1] ? each : best), ['', 0] as const)[0];
}

/** Longer structures are not compared byte by byte. */
const COMPARED_BYTES_MAX = 16_384;

function bytesAt(store: Store, offsetBytes: number, lengthBytes: number): Uint8Array {
  const { blockSizeBytes, blockCount } = store;
  const first = Math.floor(offsetBytes / blockSizeBytes);
  const end = Math.min(Math.ceil((offsetBytes + lengthBytes) / blockSizeBytes), blockCount);
  const bytes = new Uint8Array(Math.max(0, end - first) * blockSizeBytes);
  for (let block = first; block < end; block++) {
    const at = (block - first) * blockSizeBytes;
    store.read(block, bytes.subarray(at, at + blockSizeBytes));
  }
  const within = offsetBytes - first * blockSizeBytes;
  return bytes.subarray(within, within + lengthBytes);
}

function touches(tape: Tape, block: number, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const first = tape.firstBlockAt(i);
    if (block >= first && block < first + tape.blockCountAt(i)) return true;
  }
  return false;
}
