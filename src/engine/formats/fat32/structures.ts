import type { Device } from '../../device/device.ts';
import type { Page, StructureId, StructureNode, StructurePage } from '../survey.ts';
import { EMPTY, slice, paged } from '../structure-page.ts';
import { annotateSlots, describeSlot } from './annotate-directory.ts';
import { annotate } from './annotate.ts';
import { describeEntry } from './annotate-table.ts';
import {
  ATTRIBUTE,
  ENTRY_END,
  ENTRY_SIZE_BYTES,
  LONG_NAME_LAST,
  bitsPerEntry,
  clusterOffsetBytes,
} from './layout.ts';
import type { Geometry } from './layout.ts';
import type { DirectoryContents } from './fsck-contents.ts';
import { attributesOf, firstClusterOf } from './fsck-entries.ts';
import { count, shown } from './fsck-report.ts';
import { isLongNamePart } from './fsck-slots.ts';
import { FatTable, entryByteOffset, fatOffsetBytes } from './fsck-table.ts';
import { OwnerIndex } from './owner-index.ts';
import type { ClusterRun } from './owner-index.ts';

/**
 * The volume as the tree of its structures: boot sector, FSInfo, both FATs, the chain of every file, directories with
 * their slots. Children are made when somebody opens their parent, page by page.
 *
 * Ids say what they mean, so that they survive a change of the volume: 'boot', 'fat:2', 'fat:2:5-9' (entries),
 * 'chain:7' (by first cluster), 'dir:7' (0 is the root directory), 'slot:7:3'. An id of something that is no longer
 * there has no children.
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
    case 'fsinfo':
    case 'boot backup':
    case 'fsinfo backup':
      return slice(fieldsOf(volume, parent), page);
    case 'fat':
      return second === '' ? tableRuns(volume, number, page) : tableEntries(volume, number, second, page);
    case 'chains':
      return chains(volume, page);
    case 'chain':
      return chainRuns(volume, number, page);
    case 'dir':
      return slots(volume, number, page);
    case 'slot':
      return slice(slotFields(volume, number, Number(second)), page);
    default:
      return EMPTY;
  }
}

interface VolumeView {
  readonly device: Device;
  readonly index: OwnerIndex;
  readonly geometry: Geometry;
}

const leaf = (
  id: StructureId,
  title: string,
  text: string,
  deviceOffsetBytes: number,
  lengthBytes: number,
): StructureNode => ({ id, title, text, hasChildren: false, deviceOffsetBytes, lengthBytes });

const branch = (...given: Parameters<typeof leaf>): StructureNode => ({
  ...leaf(...given),
  hasChildren: true,
});

const unreadable = (index: OwnerIndex): StructureNode =>
  leaf('boot', 'Boot sector', `not a FAT volume: ${index.problem}`, 0, 512);

// ── top ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function topOf({ index, geometry }: VolumeView): StructureNode[] {
  const { type, sectorSizeBytes, fatCount, fatSizeSectors, fsInfoSector, backupBootSector } = geometry;
  const clusters = `FAT${type}, ${geometry.clusterCount} clusters of ${geometry.clusterSizeBytes} bytes`;
  const nodes = [branch('boot', 'Boot sector', clusters, 0, 512)];
  const addSector = (id: StructureId, title: string, sector: number): void => {
    if (sector <= 0 || sector >= geometry.reservedSectors) return;
    nodes.push(branch(id, title, `sector ${sector}`, sector * sectorSizeBytes, 512));
  };
  addSector('fsinfo', 'FSInfo', fsInfoSector);
  addSector('boot backup', 'Boot sector backup', backupBootSector);
  if (fsInfoSector > 0 && backupBootSector > 0) {
    addSector('fsinfo backup', 'FSInfo backup', backupBootSector + fsInfoSector);
  }
  for (let copy = 0; copy < fatCount; copy++) {
    const offset = fatOffsetBytes(geometry, copy);
    const text = count(fatSizeSectors, 'sector');
    nodes.push(branch(`fat:${copy + 1}`, `FAT ${copy + 1}`, text, offset, fatSizeSectors * sectorSizeBytes));
  }
  const held = filesWithClusters(index).length;
  nodes.push(
    branch(
      'chains',
      'Chains',
      `${count(held, 'file')} and directories with clusters`,
      fatOffsetBytes(geometry, 0),
      0,
    ),
  );
  nodes.push(directoryNode({ index, geometry }, 0));
  return nodes;
}

function fieldsOf(volume: VolumeView, parent: StructureId): StructureNode[] {
  const sector = {
    boot: 0,
    fsinfo: volume.geometry.fsInfoSector,
    'boot backup': volume.geometry.backupBootSector,
  }[parent];
  const offset =
    (sector ?? volume.geometry.backupBootSector + volume.geometry.fsInfoSector) *
    volume.geometry.sectorSizeBytes;
  const { blockSizeBytes } = volume.device;
  const block = Math.floor(offset / blockSizeBytes);
  const { fields } = annotate(volume.device, block, volume.index);
  const start = offset - block * blockSizeBytes;
  return fields
    .filter((field) => field.offsetBytes >= start && field.offsetBytes < start + 512)
    .map((field) =>
      leaf(
        `${parent}:${field.name}`,
        field.name,
        field.text,
        block * blockSizeBytes + field.offsetBytes,
        field.lengthBytes,
      ),
    );
}

// ── FAT ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const tableOf = ({ index, geometry }: VolumeView, number: number): FatTable | null => {
  if (number === 1) return index.table;
  return number === 2 && geometry.fatCount > 1 ? new FatTable(index.medium, geometry, 1) : null;
};

/** Runs of entries in use: [first, last]. Free stretches lie between them. */
function usedRuns(table: FatTable): [number, number][] {
  const runs: [number, number][] = [];
  for (const [first, entries] of table.pages()) {
    for (let i = 0; i < entries.length && first + i < table.entryCount; i++) {
      if (((entries[i] ?? 0) & 0x0fff_ffff) === 0) continue;
      const last = runs.at(-1);
      if (last && last[1] === first + i - 1) last[1] = first + i;
      else runs.push([first + i, first + i]);
    }
  }
  return runs;
}

function tableRuns(volume: VolumeView, number: number, page: Page): StructurePage {
  const { geometry } = volume;
  const table = tableOf(volume, number);
  if (!table) return EMPTY;
  const runs = usedRuns(table);
  return paged(runs.length, page, (at) => {
    const [first, last] = runs[at] ?? [0, 0];
    const offset = entryByteOffset(geometry, first, number - 1);
    const length = Math.ceil(((last - first + 1) * bitsPerEntry(geometry.type)) / 8);
    const title = first === last ? `entry ${first}` : `entries ${first} to ${last}`;
    return branch(
      `fat:${number}:${first}-${last}`,
      title,
      `${count(last - first + 1, 'entry')} in use`,
      offset,
      length,
    );
  });
}

function tableEntries(volume: VolumeView, number: number, range: string, page: Page): StructurePage {
  const { geometry } = volume;
  const table = tableOf(volume, number);
  const [first = 0, last = first] = range.split('-').map(Number);
  if (!table || !(first >= 0 && last < table.entryCount && first <= last)) return EMPTY;
  return paged(last - first + 1, page, (at) => {
    const cluster = first + at;
    const { name, text, doc } = describeEntry(volume, geometry, cluster, table.get(cluster));
    const offset = entryByteOffset(geometry, cluster, number - 1);
    return leaf(
      `fat:${number}:${cluster}`,
      name,
      `${text} (${doc})`,
      offset,
      Math.ceil(bitsPerEntry(geometry.type) / 8),
    );
  });
}

// ── chains ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function filesWithClusters(index: OwnerIndex): number[] {
  const found: number[] = [];
  for (let file = 0; file < index.files.length; file++)
    if ((index.files[file]?.runCount ?? 0) > 0) found.push(file);
  return found;
}

function chains({ index, geometry }: VolumeView, page: Page): StructurePage {
  const files = filesWithClusters(index);
  return paged(files.length, page, (at) => {
    const file = files[at] ?? 0;
    const runs = index.runsOf(file);
    const first = runs[0]?.firstCluster ?? 0;
    const offset = clusterOffsetBytes(geometry, first);
    const length = (runs[0]?.clusterCount ?? 0) * geometry.clusterSizeBytes;
    return branch(`chain:${first}`, `Chain of ${shown(index.pathOf(file))}`, chainText(runs), offset, length);
  });
}

const RUNS_SHOWN_MAX = 8;

/** '3 clusters: 5 → 6 → 9'; neighbours of a longer run are left out: '900 clusters: 5 … 904'. */
function chainText(runs: readonly ClusterRun[]): string {
  const total = runs.reduce((sum, run) => sum + run.clusterCount, 0);
  const words = runs.slice(0, RUNS_SHOWN_MAX).map(({ firstCluster, clusterCount }) => {
    const last = firstCluster + clusterCount - 1;
    if (clusterCount === 1) return String(firstCluster);
    return clusterCount === 2 ? `${firstCluster} → ${last}` : `${firstCluster} … ${last}`;
  });
  if (runs.length > RUNS_SHOWN_MAX) words.push('…');
  return `${count(total, 'cluster')}: ${words.join(' → ')}`;
}

function chainRuns({ index, geometry }: VolumeView, firstCluster: number, page: Page): StructurePage {
  const held = index.runOf(firstCluster);
  if (!held || held.firstCluster !== firstCluster || held.firstIndex !== 0) return EMPTY;
  const runs = index.runsOf(held.file);
  return paged(runs.length, page, (at) => {
    const run = runs[at] ?? held;
    const last = run.firstCluster + run.clusterCount - 1;
    const title = run.clusterCount === 1 ? `cluster ${last}` : `clusters ${run.firstCluster} to ${last}`;
    const from = run.firstIndex * geometry.clusterSizeBytes;
    const length = run.clusterCount * geometry.clusterSizeBytes;
    const text = `bytes ${from} to ${from + length - 1} of the chain`;
    return leaf(
      `run:${run.firstCluster}`,
      title,
      text,
      clusterOffsetBytes(geometry, run.firstCluster),
      length,
    );
  });
}

// ── directories ─────────────────────────────────────────────────────────────────────────────────────────────────────

function directoryNode(
  { index, geometry }: Pick<VolumeView, 'index' | 'geometry'>,
  file: number,
): StructureNode {
  const record = index.files[file];
  const isFixed = file === 0 && geometry.type !== 32;
  const [run] = index.runsOf(file);
  const offset = isFixed
    ? geometry.rootFirstSector * geometry.sectorSizeBytes
    : clusterOffsetBytes(geometry, run?.firstCluster ?? 2);
  const length = isFixed
    ? geometry.rootEntryCount * ENTRY_SIZE_BYTES
    : (run?.clusterCount ?? 0) * geometry.clusterSizeBytes;
  const title = file === 0 ? 'Root directory' : `Directory ${shown(index.pathOf(file))}`;
  const id = `dir:${file === 0 ? 0 : (record?.firstCluster ?? 0)}`;
  return branch(id, title, `${count(record?.endSlot ?? 0, 'slot')} used`, offset, length);
}

/** Slots up to and with the end marker. */
function slots(volume: VolumeView, firstCluster: number, page: Page): StructurePage {
  const { index } = volume;
  const file = index.directoryAt(firstCluster);
  const record = index.files[file];
  if (!record) return EMPTY;
  const contents = index.contentsOf(file);
  const total = Math.min(record.endSlot + 1, contents.slotCount);
  return paged(total, page, (slot) => {
    const bytes = contents.bytesOf(slot);
    const offset = Math.max(0, contents.offsetBytesOf(slot));
    const [title = '', ...rest] = describeSlot(bytes, partsOf(contents, slot)).split(' "');
    const text = rest.length > 0 ? shown(`"${rest.join(' "')}`) : '';
    const node = bytes[0] === ENTRY_END ? leaf : branch;
    return node(`slot:${firstCluster}:${slot}`, `slot ${slot}: ${title}`, text, offset, ENTRY_SIZE_BYTES);
  });
}

/** How many parts the long name has that this slot is a part of, from the one stored first; 0 when it is not there. */
function partsOf(contents: DirectoryContents, slot: number): number {
  for (let at = slot; at >= 0 && slot - at < 20; at--) {
    const bytes = contents.bytesOf(at);
    if (!isLongNamePart(bytes)) return 0;
    const order = bytes[0] ?? 0;
    if (order & LONG_NAME_LAST) return order & 0x3f;
  }
  return 0;
}

/** Fields of a slot; of a subdirectory's entry the subdirectory first. */
function slotFields(volume: VolumeView, firstCluster: number, slot: number): StructureNode[] {
  const { index, geometry } = volume;
  const file = index.directoryAt(firstCluster);
  const record = index.files[file];
  if (!record || !(slot >= 0 && slot <= record.endSlot)) return [];
  const contents = index.contentsOf(file);
  const start = contents.offsetBytesOf(slot);
  if (start < 0) return [];
  const bytes = contents.bytesOf(slot).slice();
  const view = { index, startBytes: start, bytes };
  const nodes = annotateSlots(view, file, slot, 0, ENTRY_SIZE_BYTES).fields.map((field) =>
    leaf(
      `field:${start + field.offsetBytes}`,
      field.name.replace(/^slot \d+: /, ''),
      shown(field.text),
      start + field.offsetBytes,
      field.lengthBytes,
    ),
  );
  const isDirectory = !isLongNamePart(bytes) && (attributesOf(bytes) & ATTRIBUTE.directory) !== 0;
  const child = isDirectory ? index.directoryAt(firstClusterOf(geometry.type, bytes)) : -1;
  const isBelow = child > 0 && index.files[child]?.parent === file;
  return isBelow ? [directoryNode(volume, child), ...nodes] : nodes;
}
