import { viewOf } from '../../base/bytes.ts';
import type { Annotation } from '../../codec/struct.ts';
import { FAT_BAD, FAT_END, FAT_ENTRY_BYTES, bitmapSizeBytes } from './layout.ts';
import type { Geometry } from './layout.ts';
import { SPEC, run } from './annotate-pieces.ts';
import type { BlockView, Piece } from './annotate-pieces.ts';
import { BITMAP_NAME, UPCASE_NAME } from './owner-index.ts';
import type { OwnerIndex, Place } from './owner-index.ts';
import { fatName } from './regions.ts';
import { shown } from './fsck-report.ts';

/** FAT, allocation bitmap and up-case table: long rows of small numbers, each with what it says and whose it is. */

// ── FAT ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function annotateFat(
  view: BlockView,
  geometry: Geometry,
  place: Place,
  from: number,
  to: number,
): Piece {
  const first = (view.startBytes + from - place.startBytes) / FAT_ENTRY_BYTES;
  const numbers = viewOf(view.bytes);
  const fields: Annotation[] = [];
  let cluster = first;
  for (let at = from; at < to; at += FAT_ENTRY_BYTES, cluster++) {
    const { name, text, doc } = describeEntry(view.index, geometry, cluster, numbers.getUint32(at, true));
    fields.push(
      run(at, at + FAT_ENTRY_BYTES, name, text, doc, `${SPEC}, 4.1 "First and Second FAT Sub-regions"`),
    );
  }
  const owner = fatName(geometry, place.number);
  return { role: 'allocation', owner, title: `${owner}, entries ${first} to ${cluster - 1}`, fields };
}

export interface EntryWords {
  readonly name: string;
  readonly text: string;
  readonly doc: string;
}

/** One entry in words: 'cluster 7 → 8', 'end of chain', and whose cluster it is. */
export function describeEntry(
  index: OwnerIndex,
  geometry: Geometry,
  cluster: number,
  value: number,
): EntryWords {
  const name = `FAT[${cluster}]`;
  if (cluster === 0)
    return { name, text: `media byte 0x${(value & 0xff).toString(16)}`, doc: 'no cluster: F8 and all ones' };
  if (cluster === 1) return { name, text: `0x${value.toString(16)}`, doc: 'no cluster: all ones' };
  if (cluster >= geometry.clusterCount + 2) {
    return { name, text: value === 0 ? 'unused' : `unused, ${value}`, doc: 'padding: no such cluster' };
  }
  const held = index.runOf(cluster);
  if (!held) {
    const isBad = value === FAT_BAD && index.isMarked(cluster);
    const doc = isBad
      ? 'not to be used'
      : 'nobody’s: the bitmap alone says what is free, this entry means nothing';
    return { name, text: valueText(cluster, value, geometry), doc };
  }
  const path = shown(index.pathOf(held.file));
  const file = index.files[held.file];
  const doc = file?.isContiguous ? `${path}, which is contiguous: this entry means nothing` : path;
  return { name, text: valueText(cluster, value, geometry), doc };
}

function valueText(cluster: number, value: number, geometry: Geometry): string {
  if (value === 0) return `cluster ${cluster}: 0`;
  if (value === FAT_BAD) return `cluster ${cluster}: bad`;
  if (value === FAT_END) return `cluster ${cluster}: end of chain`;
  const isInside = value >= 2 && value < geometry.clusterCount + 2;
  return `cluster ${cluster} → ${value}${isInside ? '' : ', outside the volume'}`;
}

// ── bitmap ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const BITMAP_SECTION = `${SPEC}, 7.1.5 "Allocation Bitmap"`;

/** Bytes of the bitmap from byte `offset` of it on: eight clusters each. */
export function annotateBitmap(
  view: BlockView,
  geometry: Geometry,
  offset: number,
  from: number,
  to: number,
): Piece {
  const fields: Annotation[] = [];
  const length = bitmapSizeBytes(geometry.clusterCount);
  const end = Math.min(to, from + Math.max(0, length - offset));
  for (let at = from; at < end; at++) {
    const first = 2 + (offset + at - from) * 8;
    const last = Math.min(first + 7, geometry.clusterCount + 1);
    const { text, doc } = describeBits(view.index, first, last, view.bytes[at] ?? 0);
    fields.push(run(at, at + 1, `clusters ${first} to ${last}`, text, doc, BITMAP_SECTION));
  }
  if (end < to) {
    fields.push(
      run(
        end,
        to,
        'slack',
        `${to - end} bytes`,
        'behind the last bit, its last cluster goes on',
        BITMAP_SECTION,
      ),
    );
  }
  const firstCluster = 2 + offset * 8;
  const title =
    end > from
      ? `${BITMAP_NAME}, clusters ${firstCluster} to ${Math.min(firstCluster + (end - from) * 8, geometry.clusterCount + 2) - 1}`
      : `${BITMAP_NAME}, slack`;
  return { role: 'allocation', owner: BITMAP_NAME, title, fields };
}

/** Which of these clusters are used, and by whom. */
export function describeBits(
  index: OwnerIndex,
  first: number,
  last: number,
  byte: number,
): { text: string; doc: string } {
  const used: number[] = [];
  const owners = new Set<string>();
  let isOdd = false;
  for (let cluster = first; cluster <= last; cluster++) {
    const isUsed = ((byte >> (cluster - first)) & 1) === 1;
    const held = index.runOf(cluster);
    if (isUsed) used.push(cluster);
    if (held) owners.add(shown(index.pathOf(held.file)));
    if (isUsed !== (held !== undefined)) isOdd = true;
  }
  const all = last - first + 1;
  const text = used.length === 0 ? 'all free' : used.length === all ? 'all used' : `used: ${inRuns(used)}`;
  const doc = owners.size === 0 ? 'one bit a cluster, lowest first; 1 is used' : [...owners].join(', ');
  return { text, doc: isOdd ? `${doc}; bits and files do not agree` : doc };
}

/** '5 to 7, 9' */
function inRuns(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([first, last]) => (first === last ? String(first) : `${first} to ${last}`)).join(', ');
}

// ── up-case table ───────────────────────────────────────────────────────────────────────────────────────────────────

const UPCASE_SECTION = `${SPEC}, 7.2.5 "Up-case Table"`;
const RUN_MARK = 0xffff;

/** Words of the table from byte `offset` of it on: what each unit becomes, or how many stay as they are. */
export function annotateUpcase(
  view: BlockView,
  table: { startBytes: number; sizeBytes: number },
  offset: number,
  from: number,
  to: number,
): Piece {
  const words = wordsOf(view, table.startBytes, Math.min(table.sizeBytes, offset + to - from));
  const fields: Annotation[] = [];
  const end = Math.min(to, from + Math.max(0, table.sizeBytes - offset));
  let unit = 0;
  for (let word = 0; word < words.length; word++) {
    const value = words[word] ?? 0;
    const isRun = value === RUN_MARK && word + 1 < table.sizeBytes / 2;
    const at = from + word * 2 - offset;
    if (at >= from && at < end) fields.push(wordField(at, unit, value, isRun));
    if (!isRun) {
      unit++;
      continue;
    }
    const count = words[++word];
    if (count === undefined) break;
    if (at + 2 >= from && at + 2 < end) {
      const text = `${count} units from ${unitName(unit)} on stay as they are`;
      fields.push(run(at + 2, at + 4, 'count', text, 'length of the run', UPCASE_SECTION));
    }
    unit += count;
  }
  if (end < to) {
    const start = Math.max(from, end);
    fields.push(
      run(start, to, 'slack', `${to - start} bytes`, 'behind the end of the table', UPCASE_SECTION),
    );
  }
  const title = `${UPCASE_NAME}, bytes ${offset} to ${Math.max(offset, offset + end - from) - 1}`;
  return { role: 'header', owner: UPCASE_NAME, title: end > from ? title : `${UPCASE_NAME}, slack`, fields };
}

function wordField(at: number, unit: number, value: number, isRun: boolean): Annotation {
  if (isRun)
    return run(at, at + 2, 'run', 'units that stay as they are', 'FFFF: a count follows', UPCASE_SECTION);
  const text = unit === value ? 'stays as it is' : `becomes ${unitName(value)}`;
  return run(
    at,
    at + 2,
    unitName(unit),
    text,
    'what the unit becomes before names are compared',
    UPCASE_SECTION,
  );
}

/** 'U+0041 A' */
function unitName(unit: number): string {
  const code = `U+${unit.toString(16).toUpperCase().padStart(4, '0')}`;
  const isVisible = (unit > 0x20 && unit < 0x7f) || (unit >= 0xc0 && unit < 0x250);
  return isVisible ? `${code} ${String.fromCharCode(unit)}` : code;
}

/** A table has at most 65,536 words, so it is read from its start. */
function wordsOf(view: BlockView, startBytes: number, lengthBytes: number): Uint16Array {
  const bytes = view.index.medium.read(startBytes, lengthBytes + (lengthBytes & 1));
  const numbers = viewOf(bytes);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => numbers.getUint16(i * 2, true));
}
