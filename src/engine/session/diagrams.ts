import type { Diagram, DiagramPart } from '../base/diagram.ts';
import { FsError } from '../base/errno.ts';
import type { SnapshotSpace, Volume } from '../formats/contract.ts';
import type { StructureId, Survey } from '../formats/survey.ts';
import type { Computer } from './computer.ts';
import type { DiagramView, DiagramsView } from './diagram-view.ts';

/** Where a diagram's parts lie on the whole disk, and which of them the step shown changed. */
export interface DiagramStep {
  /** Ranges of blocks [first, count, …] that the step wrote. */
  readonly written: Float64Array;
  /** The main slice before the step. */
  before(): Survey | null;
  /** Are these bytes of the disk, in blocks that were written, others than before? */
  isChanged(place: Pick<DiagramPart, 'deviceOffsetBytes' | 'lengthBytes'>): boolean;
}

/**
 * What a format draws of the disk shown, at bytes of the whole disk, and the same before the step shown; of what there
 * are many, the structure `chosen` too. Layers say what each snapshot holds on to, as the mounted volume counts.
 * `survey` is of the main slice.
 */
export function diagramsOf(
  { disk, mounts }: Computer,
  survey: Survey | null,
  step: DiagramStep,
  chosen: StructureId | null,
): DiagramsView {
  const slice = disk.mainSlice;
  if (slice === undefined || survey === null) return { now: [], before: [] };
  const { blockSizeBytes } = disk.store;
  const shiftBytes = slice.firstBlock * blockSizeBytes;
  const mount = mounts.all.find((one) => one.slice === slice && one.volume.snapshots !== undefined);
  const volume = (mount ?? mounts.first)?.volume;
  const now = survey.diagrams(chosen).map((drawn) => counted(drawn, volume));
  const old = step.written.length === 0 ? [] : (step.before()?.diagrams(chosen) ?? []);
  const isChanged = (part: DiagramPart): boolean => {
    const first = Math.floor(part.deviceOffsetBytes / blockSizeBytes);
    const end = Math.ceil((part.deviceOffsetBytes + part.lengthBytes) / blockSizeBytes);
    return part.lengthBytes > 0 && touches(step.written, first, end) && step.isChanged(part);
  };
  return {
    now: now.map((drawn) => moved(drawn, shiftBytes, isChanged)),
    before: old.map((drawn) => moved(drawn, shiftBytes, () => false)),
  };
}

function moved(drawn: Diagram, shiftBytes: number, isChanged: (part: DiagramPart) => boolean): DiagramView {
  const parts = drawn.parts.map((part) => {
    const there = { ...part, deviceOffsetBytes: part.deviceOffsetBytes + shiftBytes };
    return { ...there, isChanged: isChanged(there) };
  });
  return { ...drawn, parts };
}

/** Do ranges [first, count, …], ascending and apart, touch blocks `first` up to `end`? */
export function touches(ranges: Float64Array, first: number, end: number): boolean {
  let low = 0;
  let high = ranges.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[2 * middle] ?? 0) + (ranges[2 * middle + 1] ?? 0) <= first) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length / 2 && (ranges[2 * low] ?? 0) < end;
}

const SNAPSHOT = 'snapshot:';

function counted(drawn: Diagram, volume: Volume | undefined): Diagram {
  const { snapshots } = volume ?? {};
  if (drawn.kind !== 'layers' || !volume || !snapshots || drawn.title !== `Layers of ${volume.label}`)
    return drawn;
  const { totalBlocks, blockSizeBytes } = volume.statistics();
  const totalBytes = totalBlocks * blockSizeBytes;
  const known = new Set(snapshots.list().map(({ name }) => name));
  const parts = drawn.parts.map((part): DiagramPart => {
    const name = part.key.startsWith(SNAPSHOT) ? part.key.slice(SNAPSHOT.length) : '';
    if (!known.has(name)) return part;
    const space = spaceOf(() => snapshots.space(name));
    if (space === null) return part;
    const { pinnedBytes, privateBytes } = space;
    const text = `${part.text}, holds ${pinnedBytes} bytes that the volume no longer needs, ${privateBytes} of them alone`;
    return { ...part, text, fill: Math.min(1, pinnedBytes / Math.max(1, totalBytes)) };
  });
  return { ...drawn, parts };
}

/** Null: damage keeps it from being counted; the layer is shown without. */
function spaceOf(count: () => SnapshotSpace): SnapshotSpace | null {
  try {
    return count();
  } catch (error) {
    if (error instanceof FsError) return null;
    throw error;
  }
}
