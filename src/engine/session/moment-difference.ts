import { blockDifference } from '../device/difference.ts';
import type { BlockDifference } from '../device/difference.ts';
import type { BlockAnnotation, Page, Region } from '../formats/survey.ts';
import type { Computer } from './computer.ts';
import { regionAt } from './map-view.ts';
import { filesBetween } from './moment-files.ts';
import type { FilesBetween } from './moment-files.ts';
import type {
  BlockDifferences,
  BlockDifferenceView,
  FieldDifference,
  FileDifferences,
  MomentPair,
  StructureDifference,
  StructureDifferences,
} from './moment-view.ts';
import type { Moment } from './view.ts';
import { DiskViews } from './views-disk.ts';

/**
 * Any two moments of any branches compared. Blocks cost what was written between the two; structures besides what the
 * volumes' own metadata are, as drawing a map does; files what there are directory entries, and of contents only what
 * lies in blocks that differ.
 *
 * The last pair is kept, so that pages of it cost nothing more.
 */
export class MomentDifferences {
  readonly #computerAt: (moment: Moment) => Computer;
  #kept: { readonly key: string; readonly difference: MomentDifference } | null = null;

  constructor(computerAt: (moment: Moment) => Computer) {
    this.#computerAt = computerAt;
  }

  /** The history begins anew: numbers of steps mean others now. */
  forget(): void {
    this.#kept = null;
  }

  /** FsError EINVAL when there is no such moment. */
  between({ before, after }: MomentPair): MomentDifference {
    const key = [before.step, before.write, after.step, after.write].join(' ');
    if (this.#kept?.key !== key) {
      const difference = new MomentDifference(this.#computerAt(before), this.#computerAt(after));
      this.#kept = { key, difference };
    }
    return this.#kept.difference;
  }
}

export class MomentDifference {
  readonly #before: Computer;
  readonly #after: Computer;
  readonly #viewsBefore: DiskViews;
  readonly #viewsAfter: DiskViews;
  #difference: BlockDifference | null = null;
  #files: FilesBetween | null = null;
  #structures: readonly StructureDifference[] | null = null;

  constructor(before: Computer, after: Computer) {
    this.#before = before;
    this.#after = after;
    this.#viewsBefore = new DiskViews(before);
    this.#viewsAfter = new DiskViews(after);
  }

  get #changed(): BlockDifference {
    return (this.#difference ??= blockDifference(this.#before.disk.store, this.#after.disk.store));
  }

  files({ offset, countMax }: Page): FileDifferences {
    this.#files ??= filesBetween(this.#before, this.#after, this.#changed.ranges);
    const { rows, problems } = this.#files;
    const count = (kind: string) => rows.filter((row) => row.kind === kind).length;
    return {
      rows: rows.slice(offset, offset + countMax),
      ...{ total: rows.length, problems },
      ...{ added: count('added'), removed: count('removed'), changed: count('changed') },
    };
  }

  structures({ offset, countMax }: Page): StructureDifferences {
    this.#structures ??= structuresBetween(
      this.#changed.ranges,
      this.#viewsBefore.regions(),
      this.#viewsAfter.regions(),
    );
    return {
      rows: this.#structures.slice(offset, offset + countMax),
      total: this.#structures.length,
    };
  }

  blocks({ offset, countMax }: Page): BlockDifferences {
    const { ranges, blockCount, isExact } = this.#changed;
    return {
      ranges: ranges.slice(offset * 2, (offset + countMax) * 2),
      ...{ total: ranges.length / 2, blockCount, isExact },
    };
  }

  /** FsError EINVAL for a block that the disk does not have. */
  block(block: number): BlockDifferenceView {
    this.#viewsBefore.requireBlock(block);
    const before = this.#bytes(this.#before, block);
    const after = this.#bytes(this.#after, block);
    const [annotationBefore, annotationAfter] = [
      this.#viewsBefore.annotate(block),
      this.#viewsAfter.annotate(block),
    ];
    return {
      ...{ block, before, after },
      ...{ titleBefore: annotationBefore.title, titleAfter: annotationAfter.title },
      fields: fieldsBetween({ annotationBefore, annotationAfter, before, after }),
    };
  }

  #bytes({ disk }: Computer, block: number): Uint8Array {
    const bytes = new Uint8Array(disk.store.blockSizeBytes);
    disk.store.read(block, bytes);
    return bytes;
  }
}

/** So many ranges of one structure are listed. */
const RANGES_MAX = 32;
const NOBODY = { role: 'free', owner: '' } as const;

/** Blocks that differ, by what they were and what they are; ordered by their first block. */
function structuresBetween(
  ranges: Float64Array,
  before: readonly Region[],
  after: readonly Region[],
): StructureDifference[] {
  const groups = new Map<
    string,
    { was: Region | null; is: Region | null; ranges: number[]; count: number }
  >();
  for (let i = 0; i < ranges.length; i += 2) {
    const end = (ranges[i] ?? 0) + (ranges[i + 1] ?? 0);
    let indexBefore = regionAt(before, ranges[i] ?? 0);
    let indexAfter = regionAt(after, ranges[i] ?? 0);
    for (let block = ranges[i] ?? 0; block < end;) {
      const was = before[indexBefore] ?? null;
      const is = after[indexAfter] ?? null;
      const next = Math.min(end, endOf(was), endOf(is));
      const key = JSON.stringify([was?.role, was?.owner, is?.role, is?.owner]);
      const group = groups.get(key) ?? { was, is, ranges: [], count: 0 };
      groups.set(key, group);
      group.count += next - block;
      addRange(group.ranges, block, next - block);
      block = next;
      if (endOf(was) <= block) indexBefore++;
      if (endOf(is) <= block) indexAfter++;
    }
  }
  return [...groups.values()].map(({ was, is, ranges, count }) => ({
    before: was === null ? NOBODY : { role: was.role, owner: was.owner },
    after: is === null ? NOBODY : { role: is.role, owner: is.owner },
    blockCount: count,
    ranges: Float64Array.from(ranges.slice(0, RANGES_MAX * 2)),
    rangeCount: ranges.length / 2,
  }));
}

const endOf = (region: Region | null): number =>
  region === null ? Infinity : region.firstBlock + region.blockCount;

function addRange(ranges: number[], first: number, count: number): void {
  const last = ranges.length - 2;
  if (last >= 0 && (ranges[last] ?? 0) + (ranges[last + 1] ?? 0) === first)
    ranges[last + 1] = (ranges[last + 1] ?? 0) + count;
  else ranges.push(first, count);
}

interface TwoBlocks {
  readonly annotationBefore: BlockAnnotation;
  readonly annotationAfter: BlockAnnotation;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** Fields whose bytes differ: one of the same name and place in both is one row, any other a row of its own. */
function fieldsBetween({ annotationBefore, annotationAfter, before, after }: TwoBlocks): FieldDifference[] {
  const rows = new Map<string, FieldDifference>();
  const add = (side: 'before' | 'after', { fields }: BlockAnnotation) => {
    for (const { name, offsetBytes, lengthBytes, text } of fields) {
      if (!differsWithin(before, after, offsetBytes, lengthBytes)) continue;
      const key = `${offsetBytes} ${lengthBytes} ${name}`;
      const row = rows.get(key) ?? { name, offsetBytes, lengthBytes, before: null, after: null };
      rows.set(key, { ...row, [side]: text });
    }
  };
  add('before', annotationBefore);
  add('after', annotationAfter);
  return [...rows.values()].sort((a, b) => a.offsetBytes - b.offsetBytes);
}

function differsWithin(before: Uint8Array, after: Uint8Array, offset: number, length: number): boolean {
  for (let i = offset; i < offset + length; i++) if (before[i] !== after[i]) return true;
  return false;
}
