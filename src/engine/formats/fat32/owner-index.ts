import type { Device } from '../../device/device.ts';
import { ATTRIBUTE, clusterOffsetBytes, geometryOf } from './layout.ts';
import type { Geometry } from './layout.ts';
import { readClusters, readFixedRoot } from './fsck-contents.ts';
import type { DirectoryContents } from './fsck-contents.ts';
import { attributesOf, firstClusterOf, sizeBytesOf } from './fsck-entries.ts';
import { Draft } from '../../device/draft.ts';
import { STAGES } from './fsck-stages.ts';
import { ClusterOwners } from './fsck-owners.ts';
import { parseSlots } from './fsck-slots.ts';
import { FatTable } from './fsck-table.ts';
import { nameOfDiskName, shortNameAt, shownShortName } from './names.ts';

/**
 * Who holds what on a volume, for those who explain it: one walk over all directories, then answers in O(log runs).
 * Reads leniently: of a damaged volume it knows what can be known, the first comer keeps a shared cluster. Describes
 * the device as it was when the index was made.
 */
export class OwnerIndex {
  readonly medium: Draft;
  /** Null when this is no FAT volume; `problem` then says why. */
  readonly geometry: Geometry | null;
  readonly problem: string;
  readonly #table: FatTable | null = null;
  /** File 0 is the root directory. */
  readonly files: OwnedFile[] = [];
  /** Runs of clusters, those of one file next to each other and in the order of its contents. */
  readonly runs: ClusterRun[] = [];
  /** The same runs in the order of the volume. */
  readonly runsByCluster: readonly ClusterRun[] = [];

  constructor(device: Device) {
    this.medium = new Draft(device, STAGES);
    const geometry = geometryOf(this.medium.read(0, 512), this.medium.sizeBytes);
    this.problem = typeof geometry === 'string' ? geometry : '';
    this.geometry = typeof geometry === 'string' ? null : geometry;
    if (!this.geometry) return;
    this.#table = new FatTable(this.medium, this.geometry, 0);
    this.#walk(this.geometry, this.#table);
    this.runsByCluster = [...this.runs].sort((a, b) => a.firstCluster - b.firstCluster);
  }

  /** The FAT that counts. Only asked of a volume that has a geometry. */
  get table(): FatTable {
    if (!this.#table) throw new RangeError('only a FAT volume has a FAT');
    return this.#table;
  }

  /** The run that holds `cluster`, if anybody does. */
  runOf(cluster: number): ClusterRun | undefined {
    let low = 0;
    let high = this.runsByCluster.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const run = this.runsByCluster[middle];
      if (!run || cluster < run.firstCluster) high = middle - 1;
      else if (cluster >= run.firstCluster + run.clusterCount) low = middle + 1;
      else return run;
    }
    return undefined;
  }

  /** Runs of one file, in the order of its contents. */
  runsOf(file: number): readonly ClusterRun[] {
    const { firstRun, runCount } = this.files[file] ?? { firstRun: 0, runCount: 0 };
    return this.runs.slice(firstRun, firstRun + runCount);
  }

  lastRunOf(file: number): ClusterRun | undefined {
    const { firstRun, runCount } = this.files[file] ?? { firstRun: 0, runCount: 0 };
    return runCount === 0 ? undefined : this.runs[firstRun + runCount - 1];
  }

  pathOf(file: number): string {
    const names: string[] = [];
    for (let at = file; at > 0 && names.length < PATH_NAMES_MAX; at = this.files[at]?.parent ?? 0) {
      names.push(this.files[at]?.name ?? '');
    }
    return `/${names.reverse().join('/')}`;
  }

  /** The directory that begins at `firstCluster` (0: the root directory), −1 when there is none. */
  directoryAt(firstCluster: number): number {
    if (firstCluster === 0) return this.files.length > 0 ? 0 : -1;
    const run = this.runOf(firstCluster);
    if (!run || run.firstCluster !== firstCluster || run.firstIndex !== 0) return -1;
    return this.files[run.file]?.isDirectory ? run.file : -1;
  }

  /** Slots of a directory, as they are on the device now. */
  contentsOf(file: number): DirectoryContents {
    const { geometry } = this;
    const record = this.files[file];
    if (!geometry || !record) throw new RangeError('a directory is asked for by its number');
    if (file === 0 && geometry.type !== 32) return readFixedRoot(this.medium, geometry);
    const clusterCount = this.runsOf(file).reduce((sum, run) => sum + run.clusterCount, 0);
    return readClusters(this.medium, geometry, this.table, record.firstCluster, clusterCount);
  }

  #walk(geometry: Geometry, table: FatTable): void {
    const held = new ClusterOwners();
    const firstCluster = geometry.rootCluster;
    this.#add(
      { parent: 0, name: '', isDirectory: true, firstCluster, sizeBytes: 0, entryOffsetBytes: -1 },
      table,
      held,
    );
    for (let file = 0; file < this.files.length; file++) {
      const record = this.files[file];
      const hasSlots = record?.isDirectory && (record.runCount > 0 || (file === 0 && geometry.type !== 32));
      if (record && hasSlots) this.#readDirectory(file, record, geometry, table, held);
    }
  }

  #readDirectory(
    file: number,
    record: OwnedFile,
    geometry: Geometry,
    table: FatTable,
    held: ClusterOwners,
  ): void {
    const contents = this.contentsOf(file);
    const parsed = parseSlots(contents);
    record.endSlot = parsed.endSlot;
    for (const { slot, longName } of parsed.groups) {
      if (slot < 0) continue;
      const entry = contents.bytesOf(slot);
      const short = shortNameAt(entry, 0);
      if (attributesOf(entry) & ATTRIBUTE.label || DOTS.has(short)) continue;
      this.#add(
        {
          parent: file,
          name: longName === null ? shownShortName(short, entry[12] ?? 0) : nameOfDiskName(longName),
          isDirectory: (attributesOf(entry) & ATTRIBUTE.directory) !== 0,
          firstCluster: firstClusterOf(geometry.type, entry),
          sizeBytes: sizeBytesOf(entry),
          entryOffsetBytes: contents.offsetBytesOf(slot),
        },
        table,
        held,
      );
    }
  }

  /** Register a file and claim the clusters of its chain that nobody holds yet. Bounded: each is claimed once. */
  #add(
    given: Omit<OwnedFile, 'firstRun' | 'runCount' | 'endSlot'>,
    table: FatTable,
    held: ClusterOwners,
  ): void {
    const file = this.files.length;
    const firstRun = this.runs.length;
    let index = 0;
    let run: ClusterRun | null = null;
    for (let at = given.firstCluster; table.isData(at) && held.get(at) === 0; at = table.get(at)) {
      if (table.get(at) === 0 || table.get(at) === table.marks.bad) break;
      held.set(at, file + 1);
      if (run && run.firstCluster + run.clusterCount === at) {
        run.clusterCount++;
      } else {
        run = { file, firstCluster: at, clusterCount: 1, firstIndex: index };
        this.runs.push(run);
      }
      index++;
    }
    const { parent, name, isDirectory, firstCluster, sizeBytes, entryOffsetBytes } = given;
    const runCount = this.runs.length - firstRun;
    // Spelt out: a spread of 20,000 objects costs more than all the rest.
    this.files.push({
      parent,
      name,
      isDirectory,
      firstCluster,
      sizeBytes,
      entryOffsetBytes,
      firstRun,
      runCount,
      endSlot: 0,
    });
  }
}

const DOTS = new Set(['.          ', '..         ']);

/** A path of more names than this is shown without its beginning. */
const PATH_NAMES_MAX = 500;

export interface OwnedFile {
  readonly parent: number;
  readonly name: string;
  readonly isDirectory: boolean;
  readonly firstCluster: number;
  readonly sizeBytes: number;
  /** Byte of the volume at which its short entry begins; −1 for the root directory. */
  readonly entryOffsetBytes: number;
  /** Its runs are `runs[firstRun]` and on. */
  readonly firstRun: number;
  readonly runCount: number;
  /** Of a directory: the slot of its end marker. */
  endSlot: number;
}

export interface ClusterRun {
  readonly file: number;
  readonly firstCluster: number;
  clusterCount: number;
  /** How many clusters of the file come before this run. */
  readonly firstIndex: number;
}

/** Which part of the volume a byte belongs to, and where that part begins and ends. */
export interface Place {
  readonly kind: PlaceKind;
  readonly startBytes: number;
  readonly endBytes: number;
  /** Of a FAT: its number from 0. Of a cluster: its number. */
  readonly number: number;
}

export type PlaceKind =
  | 'boot'
  | 'fsinfo'
  | 'backup boot'
  | 'backup fsinfo'
  | 'reserved'
  | 'table'
  | 'root'
  | 'cluster'
  | 'tail'
  | 'outside';

/** Where byte `offsetBytes` of the device lies. Parts are as long as they go, clusters one by one. */
export function placeOf(geometry: Geometry, offsetBytes: number, deviceSizeBytes: number): Place {
  const { sectorSizeBytes, reservedSectors, fatCount, fatSizeSectors, dataFirstSector } = geometry;
  const sector = Math.floor(offsetBytes / sectorSizeBytes);
  const part = (kind: PlaceKind, first: number, sectors: number, number = 0): Place => ({
    kind,
    startBytes: first * sectorSizeBytes,
    endBytes: (first + sectors) * sectorSizeBytes,
    number,
  });
  if (sector < reservedSectors) return part(reservedKind(geometry, sector), sector, 1);
  if (sector < reservedSectors + fatCount * fatSizeSectors) {
    const copy = Math.floor((sector - reservedSectors) / fatSizeSectors);
    return part('table', reservedSectors + copy * fatSizeSectors, fatSizeSectors, copy);
  }
  if (sector < dataFirstSector)
    return part('root', geometry.rootFirstSector, dataFirstSector - geometry.rootFirstSector);
  const dataBytes = dataFirstSector * sectorSizeBytes;
  const cluster = Math.floor((offsetBytes - dataBytes) / geometry.clusterSizeBytes) + 2;
  if (cluster < geometry.clusterCount + 2) {
    const startBytes = clusterOffsetBytes(geometry, cluster);
    return { kind: 'cluster', startBytes, endBytes: startBytes + geometry.clusterSizeBytes, number: cluster };
  }
  const tailBytes = dataBytes + geometry.clusterCount * geometry.clusterSizeBytes;
  const endBytes = geometry.totalSectors * sectorSizeBytes;
  return offsetBytes < endBytes
    ? { kind: 'tail', startBytes: tailBytes, endBytes, number: 0 }
    : { kind: 'outside', startBytes: endBytes, endBytes: deviceSizeBytes, number: 0 };
}

export function reservedKind(geometry: Geometry, sector: number): PlaceKind {
  const { fsInfoSector, backupBootSector } = geometry;
  if (sector === 0) return 'boot';
  if (sector === fsInfoSector) return 'fsinfo';
  if (backupBootSector === 0) return 'reserved';
  if (sector === backupBootSector) return 'backup boot';
  return fsInfoSector !== 0 && sector === backupBootSector + fsInfoSector ? 'backup fsinfo' : 'reserved';
}

/** Names of the parts as the map and the trace call them. */
export const OWNER_OF_PLACE: Readonly<Record<PlaceKind, string>> = {
  boot: 'Boot sector',
  fsinfo: 'FSInfo',
  'backup boot': 'Boot sector backup',
  'backup fsinfo': 'FSInfo backup',
  reserved: 'Reserved sectors',
  table: 'FAT',
  root: '/',
  cluster: '',
  tail: 'Sectors behind the last cluster',
  outside: 'Behind the volume',
};
