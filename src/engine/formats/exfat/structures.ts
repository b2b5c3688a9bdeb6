import type { Device } from '../../device/device.ts';
import type { Page, StructureId, StructureNode, StructurePage } from '../survey.ts';
import { EMPTY, paged, slice } from '../structure-page.ts';
import { annotate } from './annotate.ts';
import { nameOfSector } from './annotate-boot.ts';
import { describeBits, describeEntry } from './annotate-table.ts';
import { BOOT_REGION_SECTORS, FAT_ENTRY_BYTES, bitmapSizeBytes, clusterOffsetBytes } from './layout.ts';
import { count, shown } from './fsck-report.ts';
import { entryByteOffset } from './fsck-fat.ts';
import { BITMAP_NAME, OWNER_OF_PLACE, OwnerIndex, UPCASE_NAME } from './owner-index.ts';
import type { OwnedFile } from './owner-index.ts';
import { markedRuns } from './regions.ts';
import { directoryNode, directorySets, entryFields, setChildren } from './structures-directory.ts';
import { branch, leaf } from './structures-nodes.ts';
import type { VolumeView } from './structures-nodes.ts';

/**
 * The volume as the tree of its structures: both boot regions, FAT, allocation bitmap, up-case table, where every file
 * lies, directories with their entry sets. Children are made when somebody opens their parent, page by page.
 *
 * Ids say what they mean, so that they survive a change of the volume: 'boot:0', 'sector:0:11' (a sector of a region),
 * 'fat', 'fat:5-9' (entries), 'bitmap', 'bitmap:16' (bytes), 'upcase', 'files', 'file:7' (by first cluster), 'dir:5',
 * 'set:5:3' and 'entry:5:3' (of the directory at cluster 5). An id of something that is no longer there has no children.
 */
export function structures(
  device: Device,
  parent: StructureId | null,
  page: Page,
  index: OwnerIndex = new OwnerIndex(device),
): StructurePage {
  const { geometry } = index;
  if (!geometry) return parent === null ? slice([unreadable(index)], page) : EMPTY;
  const volume: VolumeView = { device, index, geometry };
  if (parent === null) return slice(topOf(volume), page);
  const [kind = '', first = '', second = ''] = parent.split(':');
  const number = Number(first);
  switch (kind) {
    case 'boot':
      return bootSectors(volume, number, page);
    case 'sector':
      return slice(sectorFields(volume, number, Number(second)), page);
    case 'fat':
      return first === '' ? fatRuns(volume, page) : fatEntries(volume, first, page);
    case 'bitmap':
      return first === '' ? bitmapRows(volume, page) : bitmapBytes(volume, number, page);
    case 'upcase':
      return slice(upcaseFields(volume), page);
    case 'files':
      return files(volume, page);
    case 'file':
      return fileRuns(volume, number, page);
    case 'dir':
      return directorySets(volume, number, page);
    case 'set':
      return slice(setChildren(volume, number, Number(second)), page);
    case 'entry':
      return slice(entryFields(volume, number, Number(second)), page);
    default:
      return EMPTY;
  }
}

const unreadable = (index: OwnerIndex): StructureNode =>
  leaf('boot:0', 'Boot sector', `not an exFAT volume: ${index.problem}`, 0, 512);

// ── top ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function topOf(volume: VolumeView): StructureNode[] {
  const { index, geometry } = volume;
  const { sectorSizeBytes, clusterCount, clusterSizeBytes, fatSizeSectors } = geometry;
  const region = BOOT_REGION_SECTORS * sectorSizeBytes;
  const clusters = `exFAT, ${count(clusterCount, 'cluster')} of ${clusterSizeBytes} bytes`;
  const fatBytes = fatSizeSectors * sectorSizeBytes;
  const nodes = [
    branch('boot:0', OWNER_OF_PLACE['main boot'], clusters, 0, region),
    branch(`boot:${BOOT_REGION_SECTORS}`, OWNER_OF_PLACE['backup boot'], 'a copy', region, region),
    branch('fat', 'FAT', count(fatSizeSectors, 'sector'), entryByteOffset(geometry, 0), fatBytes),
  ];
  for (const [kind, title] of [
    ['bitmap', BITMAP_NAME],
    ['upcase', UPCASE_NAME],
  ] as const) {
    const file = systemFile(index, kind);
    if (!file) continue;
    const offset = clusterOffsetBytes(geometry, file.firstCluster);
    nodes.push(
      branch(
        kind,
        title,
        `${file.sizeBytes} bytes from cluster ${file.firstCluster} on`,
        offset,
        file.sizeBytes,
      ),
    );
  }
  const held = filesWithClusters(index).length;
  const heap = clusterOffsetBytes(geometry, 2);
  nodes.push(branch('files', 'Files', `${count(held, 'file')} and directories with clusters`, heap, 0));
  nodes.push(directoryNode(volume, 0));
  return nodes;
}

/** Bitmap or table, when it lies where it can be read. */
const systemFile = (index: OwnerIndex, kind: OwnedFile['kind']): OwnedFile | undefined =>
  index.files.slice(0, 3).find((file) => file.kind === kind && file.runCount > 0);

// ── boot regions ────────────────────────────────────────────────────────────────────────────────────────────────────

const isRegion = (firstSector: number): boolean => firstSector === 0 || firstSector === BOOT_REGION_SECTORS;

function bootSectors({ geometry }: VolumeView, firstSector: number, page: Page): StructurePage {
  if (!isRegion(firstSector)) return EMPTY;
  return paged(BOOT_REGION_SECTORS, page, (at) => {
    const offset = (firstSector + at) * geometry.sectorSizeBytes;
    const title = nameOfSector(at);
    const name = `${title[0]?.toUpperCase() ?? ''}${title.slice(1)}`;
    return branch(
      `sector:${firstSector}:${at}`,
      name,
      `sector ${firstSector + at}`,
      offset,
      geometry.sectorSizeBytes,
    );
  });
}

function sectorFields(volume: VolumeView, firstSector: number, number: number): StructureNode[] {
  if (!isRegion(firstSector) || !(number >= 0 && number < BOOT_REGION_SECTORS)) return [];
  const { sectorSizeBytes } = volume.geometry;
  return fieldsIn(volume, (firstSector + number) * sectorSizeBytes, sectorSizeBytes);
}

/** The annotated fields that begin in a range of bytes. */
function fieldsIn(volume: VolumeView, startBytes: number, lengthBytes: number): StructureNode[] {
  const { blockSizeBytes } = volume.device;
  const nodes: StructureNode[] = [];
  const end = Math.min(startBytes + lengthBytes, volume.index.medium.sizeBytes);
  for (let block = Math.floor(startBytes / blockSizeBytes); block * blockSizeBytes < end; block++) {
    for (const { offsetBytes, lengthBytes: length, name, text } of annotate(
      volume.device,
      block,
      volume.index,
    ).fields) {
      const at = block * blockSizeBytes + offsetBytes;
      if (at >= startBytes && at < end) nodes.push(leaf(`field:${at}`, name, text, at, length));
    }
  }
  return nodes;
}

// ── FAT ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Runs of entries that are not zero: [first, last]. What was never stored is passed over. */
function usedEntries({ index, geometry }: VolumeView): [number, number][] {
  const runs: [number, number][] = [];
  const start = entryByteOffset(geometry, 0);
  const entryCount = geometry.clusterCount + 2;
  for (let entry = 0; entry < entryCount; entry++) {
    if (entry % ENTRIES_STEP === 0) {
      const stored = index.medium.nextStored(start + entry * FAT_ENTRY_BYTES) - start;
      entry = Math.max(entry, Math.floor(stored / FAT_ENTRY_BYTES / ENTRIES_STEP) * ENTRIES_STEP);
      if (entry >= entryCount) break;
    }
    if (index.fat.get(entry) === 0) continue;
    const last = runs.at(-1);
    if (last && last[1] === entry - 1) last[1] = entry;
    else runs.push([entry, entry]);
  }
  return runs;
}

const ENTRIES_STEP = 128;

function fatRuns(volume: VolumeView, page: Page): StructurePage {
  const runs = usedEntries(volume);
  return paged(runs.length, page, (at) => {
    const [first, last] = runs[at] ?? [0, 0];
    const title = first === last ? `entry ${first}` : `entries ${first} to ${last}`;
    const entries = last - first + 1;
    const offset = entryByteOffset(volume.geometry, first);
    return branch(`fat:${first}-${last}`, title, count(entries, 'entry'), offset, entries * FAT_ENTRY_BYTES);
  });
}

function fatEntries({ index, geometry }: VolumeView, range: string, page: Page): StructurePage {
  const [first = 0, last = first] = range.split('-').map(Number);
  if (!(first >= 0 && last < geometry.clusterCount + 2 && first <= last)) return EMPTY;
  return paged(last - first + 1, page, (at) => {
    const cluster = first + at;
    const { name, text, doc } = describeEntry(index, geometry, cluster, index.fat.get(cluster));
    return leaf(
      `fat:${cluster}-${cluster}`,
      name,
      `${text} (${doc})`,
      entryByteOffset(geometry, cluster),
      FAT_ENTRY_BYTES,
    );
  });
}

// ── bitmap and up-case table ────────────────────────────────────────────────────────────────────────────────────────

/** Bytes of the bitmap shown under one node. */
const ROW_BYTES = 64;

function bitmapRows({ index, geometry }: VolumeView, page: Page): StructurePage {
  const { bitmap } = index;
  if (!bitmap) return EMPTY;
  const rows = new Map<number, number>();
  for (const { firstCluster, clusterCount } of markedRuns(index, geometry)) {
    for (let at = firstCluster; at < firstCluster + clusterCount;) {
      const row = Math.floor((at - 2) / 8 / ROW_BYTES);
      const end = Math.min(firstCluster + clusterCount, (row + 1) * ROW_BYTES * 8 + 2);
      rows.set(row, (rows.get(row) ?? 0) + end - at);
      at = end;
    }
  }
  const numbers = [...rows.keys()];
  return paged(numbers.length, page, (at) => {
    const row = numbers[at] ?? 0;
    const first = 2 + row * ROW_BYTES * 8;
    const last = Math.min(first + ROW_BYTES * 8, geometry.clusterCount + 2) - 1;
    const length = Math.min(ROW_BYTES, bitmap.lengthBytes - row * ROW_BYTES);
    const text = `${rows.get(row) ?? 0} of ${last - first + 1} used`;
    return branch(
      `bitmap:${row * ROW_BYTES}`,
      `clusters ${first} to ${last}`,
      text,
      bitmap.offsetBytes + row * ROW_BYTES,
      length,
    );
  });
}

function bitmapBytes({ index, geometry }: VolumeView, from: number, page: Page): StructurePage {
  const { bitmap } = index;
  const length = bitmapSizeBytes(geometry.clusterCount);
  if (!bitmap || !(from >= 0 && from < length && from % ROW_BYTES === 0)) return EMPTY;
  const bytes = index.medium.read(bitmap.offsetBytes + from, Math.min(ROW_BYTES, length - from));
  return paged(bytes.length, page, (at) => {
    const first = 2 + (from + at) * 8;
    const last = Math.min(first + 7, geometry.clusterCount + 1);
    const { text, doc } = describeBits(index, first, last, bytes[at] ?? 0);
    const offset = bitmap.offsetBytes + from + at;
    return leaf(`field:${offset}`, `clusters ${first} to ${last}`, `${text} (${doc})`, offset, 1);
  });
}

function upcaseFields(volume: VolumeView): StructureNode[] {
  const file = systemFile(volume.index, 'upcase');
  return file ? fieldsIn(volume, clusterOffsetBytes(volume.geometry, file.firstCluster), file.sizeBytes) : [];
}

// ── where files lie ─────────────────────────────────────────────────────────────────────────────────────────────────

function filesWithClusters(index: OwnerIndex): number[] {
  const found: number[] = [];
  for (let file = 0; file < index.files.length; file++) {
    if ((index.files[file]?.runCount ?? 0) > 0) found.push(file);
  }
  return found;
}

function files({ index, geometry }: VolumeView, page: Page): StructurePage {
  const found = filesWithClusters(index);
  return paged(found.length, page, (at) => {
    const file = found[at] ?? 0;
    const runs = index.runsOf(file);
    const [run] = runs;
    const first = run?.firstCluster ?? 2;
    const total = runs.reduce((sum, { clusterCount }) => sum + clusterCount, 0);
    const how = index.files[file]?.isContiguous ? 'contiguous, no chain' : `${count(runs.length, 'run')}`;
    const length = (run?.clusterCount ?? 0) * geometry.clusterSizeBytes;
    const text = `${count(total, 'cluster')}, ${how}`;
    return branch(
      `file:${first}`,
      shown(index.pathOf(file)),
      text,
      clusterOffsetBytes(geometry, first),
      length,
    );
  });
}

function fileRuns({ index, geometry }: VolumeView, firstCluster: number, page: Page): StructurePage {
  const held = index.runOf(firstCluster);
  if (!held || held.firstCluster !== firstCluster || held.firstIndex !== 0) return EMPTY;
  const runs = index.runsOf(held.file);
  return paged(runs.length, page, (at) => {
    const run = runs[at] ?? held;
    const last = run.firstCluster + run.clusterCount - 1;
    const title = run.clusterCount === 1 ? `cluster ${last}` : `clusters ${run.firstCluster} to ${last}`;
    const from = run.firstIndex * geometry.clusterSizeBytes;
    const length = run.clusterCount * geometry.clusterSizeBytes;
    const offset = clusterOffsetBytes(geometry, run.firstCluster);
    return leaf(`run:${run.firstCluster}`, title, `bytes ${from} to ${from + length - 1}`, offset, length);
  });
}
