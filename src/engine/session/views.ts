import { assert } from '../base/assert.ts';
import { FsError } from '../base/errno.ts';
import type { Store } from '../device/store.ts';
import type { Tape } from '../device/tape.ts';
import type { Extent, Page, Region } from '../formats/contract.ts';
import { checkSlice, unreadable } from './machine.ts';
import type { Computer } from './computer.ts';
import type { Disk } from './disk.ts';
import type { History, Step } from './history.ts';
import { mapView, regionAt } from './map-view.ts';
import type { MapRequest } from './map-view.ts';
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
import { DiskViews } from './views-disk.ts';
import { FileViews } from './views-files.ts';
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
  /** The disk shown as it is left when the machine is shut down, so that "in use" is no finding. */
  diskAtRest(): Disk;
}

export class Views {
  readonly #source: ViewSource<unknown>;
  #disk: DiskViews | null = null;
  #files: FileViews | null = null;
  #rows: { readonly step: number; readonly rows: TraceRows } | null = null;
  /** The disk before the step shown. */
  #before: Store | null = null;

  constructor(source: ViewSource<unknown>) {
    this.#source = source;
  }

  /** Something changed: the next question is answered from the disk. */
  forget(): void {
    this.#disk = null;
    this.#files = null;
    this.#rows = null;
    this.#before = null;
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
    return mapView(this.#diskViews.regions(), disk.store.blockCount, request, this.#current.view.written);
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
    return this.#diskViews.structures(parent, page);
  }

  block(block: number): BlockView {
    const annotation = this.#diskViews.annotate(block);
    const { store } = this.#source.shown().disk;
    const bytes = new Uint8Array(store.blockSizeBytes);
    store.read(block, bytes);
    return { block, bytes, before: this.#bytesBefore(block), annotation };
  }

  /** Did the step shown write the block, as far as panes list it? */
  isWrittenNow(block: number): boolean {
    return isWritten(this.#current.view.written, block);
  }

  /** The block before the step shown; null when the step does not touch it. */
  #bytesBefore(block: number): Uint8Array | null {
    const { tape, storeAt } = this.#source;
    if (this.isWrittenNow(block)) this.#source.requireTape(this.#current.view.step);
    const { entries, view } = this.#current;
    const { write } = this.#source.history().now;
    const end = write === undefined ? entries.to : entries.from + write + 1;
    if (!touches(tape, block, entries.from, end)) return null;
    this.#before ??= storeAt({ step: view.parent });
    const bytes = new Uint8Array(this.#before.blockSizeBytes);
    this.#before.read(block, bytes);
    return bytes;
  }

  trace(step: number, page: Page): { rows: TraceRow[]; total: number } {
    const { tape } = this.#source;
    if (this.#source.history().step(step) === undefined) {
      throw new FsError('EINVAL', 'trace', '', `there is no step ${step}`);
    }
    this.#source.requireTape(step);
    const recorded = this.#source.history().step(step);
    assert(recorded !== undefined, 'the step is still there');
    if (this.#rows?.step !== step) {
      this.#rows = { step, rows: new TraceRows(tape, recorded.entries, recorded.spans) };
    }
    const { rows } = this.#rows;
    return { rows: rows.page(page), total: rows.total };
  }

  check(): CheckView {
    const disk = this.#source.diskAtRest();
    const { isReadable, lines, findings } =
      disk.mainSlice === undefined
        ? unreadable(`${disk.device} has no partition that can be used.`)
        : checkSlice(disk.mainSlice, { repair: false });
    return { isReadable, isClean: isReadable && findings.length === 0, lines, findings };
  }

  /** About a block of the disk (number) or a path from the root of the volume (string). */
  why(subject: number | string): WhyView {
    if (typeof subject === 'string') return whyFile(this.file(subject));
    this.#source.requireTape(this.#current.view.step);
    const annotation = this.#diskViews.annotate(subject);
    const regions = this.#diskViews.regions();
    const region = regions[regionAt(regions, subject)];
    const { tape } = this.#source;
    const history = this.#source.history();
    return whyBlock({ block: subject, annotation, region, history, tape, disk: this.disk() });
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
    if (!/^\d+$/.test(pathOrBlock)) {
      const { file, views } = fileOf(computer, pathOrBlock);
      return whyFile(views.file(file)).sentences;
    }
    const views = new DiskViews(computer);
    const block = Number(pathOrBlock);
    const annotation = views.annotate(block);
    const regions = views.regions();
    const { tape } = this.#source;
    const history = this.#source.history();
    const region = regions[regionAt(regions, block)];
    return whyBlock({ block, annotation, region, history, tape, disk: views.disk() }).sentences;
  }
}

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

function touches(tape: Tape, block: number, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const first = tape.firstBlockAt(i);
    if (block >= first && block < first + tape.blockCountAt(i)) return true;
  }
  return false;
}
