import type { Annotation } from '../../codec/struct.ts';
import { getEntry } from './layout.ts';
import type { Geometry } from './layout.ts';
import { run } from './annotate-pieces.ts';
import type { BlockView, Piece } from './annotate-pieces.ts';
import type { Place } from './owner-index.ts';
import { shown } from './fsck-report.ts';

const SECTION = 'FATGEN 1.03, "FAT Data Structure"';

/**
 * Entries of a FAT, each with where it leads and whose it is. FAT12 entries share bytes, so two of them, three bytes,
 * are told together; what straddles the edge of the block is told on both sides.
 */
export function annotateTable(
  view: BlockView,
  geometry: Geometry,
  place: Place,
  from: number,
  to: number,
): Piece {
  const unitBytes = geometry.type === 12 ? 3 : geometry.type / 8;
  const entriesPerUnit = geometry.type === 12 ? 2 : 1;
  const start = view.startBytes + from - place.startBytes;
  const end = view.startBytes + to - place.startBytes;
  const first = Math.floor(start / unitBytes);
  const last = Math.ceil(end / unitBytes);
  const unitsAt = place.startBytes + first * unitBytes;
  const bytes = view.index.medium.read(unitsAt, (last - first) * unitBytes);

  const fields: Annotation[] = [];
  for (let unit = first; unit < last; unit++) {
    const unitStart = Math.max(start, unit * unitBytes);
    const unitEnd = Math.min(end, (unit + 1) * unitBytes);
    const entries = Array.from({ length: entriesPerUnit }, (_, i) => {
      const cluster = unit * entriesPerUnit + i;
      const value = getEntry(geometry.type, bytes, cluster - first * entriesPerUnit);
      return describeEntry(view, geometry, cluster, value);
    });
    const offset = from - start;
    const isCut = unitEnd - unitStart < unitBytes;
    fields.push(
      run(
        unitStart + offset,
        unitEnd + offset,
        entries.map(({ name }) => name).join(', '),
        entries.map(({ text }) => text).join('; ') + (isCut ? ' (goes across the edge of the block)' : ''),
        entries.map(({ doc }) => doc).join('; '),
        SECTION,
      ),
    );
  }
  const owner = `FAT ${place.number + 1}`;
  const firstEntry = first * entriesPerUnit;
  const title = `${owner}, entries ${firstEntry} to ${last * entriesPerUnit - 1}`;
  return { role: 'allocation', owner, title, fields };
}

interface EntryWords {
  readonly name: string;
  readonly text: string;
  readonly doc: string;
}

/** One entry in words: 'cluster 7 → 8', 'free', 'end of chain', and whose cluster it is. */
export function describeEntry(
  view: Pick<BlockView, 'index'>,
  geometry: Geometry,
  cluster: number,
  value: number,
): EntryWords {
  const { index } = view;
  const { marks } = index.table;
  const name = `FAT[${cluster}]`;
  if (cluster === 0) {
    return {
      name,
      text: `media byte 0x${(value & 0xff).toString(16)}`,
      doc: 'repeats the media byte of the boot sector',
    };
  }
  if (cluster === 1)
    return { name, text: flagsText(value, marks), doc: 'end mark whose upper bits are flags' };
  if (cluster >= geometry.clusterCount + 2) {
    return { name, text: value === 0 ? 'unused' : `unused, ${value}`, doc: 'padding: no such cluster' };
  }
  const held = index.runOf(cluster);
  const doc = held
    ? shown(index.pathOf(held.file))
    : value === 0 || value === marks.bad
      ? 'nobody’s'
      : 'no file holds this cluster';
  return { name, text: valueText(cluster, value, geometry, marks), doc };
}

type Marks = BlockView['index']['table']['marks'];

function valueText(cluster: number, value: number, geometry: Geometry, marks: Marks): string {
  if (value === 0) return `cluster ${cluster}: free`;
  if (value === marks.bad) return `cluster ${cluster}: bad`;
  if (value >= marks.endOfChainMin) return `cluster ${cluster}: end of chain`;
  const isInside = value >= 2 && value < geometry.clusterCount + 2;
  return `cluster ${cluster} → ${value}${isInside ? '' : ', outside the volume'}`;
}

function flagsText(value: number, { cleanBit, noErrorBit }: Marks): string {
  if (cleanBit === 0) return 'end mark';
  const state = value & cleanBit ? 'clean' : 'dirty';
  return `${state}, ${value & noErrorBit ? 'no disk error' : 'disk error met'}`;
}
