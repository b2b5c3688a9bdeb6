import type { Device } from '../../device/device.ts';
import {
  ATTRIBUTE,
  BOOT_REGION_SECTORS,
  BitmapEntry,
  ENTRY_IN_USE,
  ENTRY_SIZE_BYTES,
  ENTRY_TYPE,
  FileEntry,
  STREAM_FLAG,
  StreamEntry,
  UpcaseEntry,
  bitmapSizeBytes,
  clusterOffsetBytes,
  geometryOf,
} from './layout.ts';
import type { Geometry } from './layout.ts';
import { Bitmap } from './fsck-bitmap.ts';
import { claimChain, claimRun } from './fsck-chains.ts';
import type { Claimed } from './fsck-chains.ts';
import { readDirectory } from './fsck-contents.ts';
import type { DirectoryContents } from './fsck-contents.ts';
import { FatTable } from './fsck-fat.ts';
import { Draft } from '../../device/draft.ts';
import { STAGES } from './fsck-stages.ts';
import { readUnits, nameOfUnits } from './fsck-names.ts';
import { ClusterOwners } from './fsck-owners.ts';
import { EntrySet, shapeOf } from './fsck-sets.ts';
import { TABLE_BYTES_MAX, readTable, standardUpcase } from './fsck-upcase.ts';
import { nameOfDiskName } from './names.ts';

/**
 * Who holds what on a volume, for those who explain it: one walk over all directories, then answers in O(log runs).
 * Reads leniently: of a damaged volume it knows what can be known, the first comer keeps a shared cluster. Describes
 * the device as it was when the index was made.
 */
export class OwnerIndex {
  readonly medium: Draft;
  /** Null when this is no exFAT volume; `problem` then says why. */
  readonly geometry: Geometry | null;
  readonly problem: string;
  /** File 0 is the root directory; then the allocation bitmap and the up-case table, where they are. */
  readonly files: OwnedFile[] = [];
  /** Runs of clusters, those of one file next to each other and in the order of its contents. */
  readonly runs: ClusterRun[] = [];
  /** The same runs in the order of the volume. */
  readonly runsByCluster: readonly ClusterRun[] = [];
  /** Null where the volume has none that could be read. */
  bitmap: Bitmap | null = null;
  #fat: FatTable | null = null;
  #upcase: Uint16Array = standardUpcase();

  constructor(device: Device) {
    this.medium = new Draft(device, STAGES);
    const geometry = geometryOf(this.medium.read(0, 512), this.medium.sizeBytes);
    this.problem = typeof geometry === 'string' ? geometry : '';
    this.geometry = typeof geometry === 'string' ? null : geometry;
    if (!this.geometry) return;
    this.#fat = new FatTable(this.medium, this.geometry);
    this.#walk(this.geometry, this.#fat);
    this.runsByCluster = [...this.runs].sort((a, b) => a.firstCluster - b.firstCluster);
  }

  /** Only asked of a volume that has a geometry. */
  get fat(): FatTable {
    if (!this.#fat) throw new RangeError('only an exFAT volume has a FAT');
    return this.#fat;
  }

  get upcase(): Uint16Array {
    return this.#upcase;
  }

  /** Does the bitmap call this cluster used? Without a bitmap: does anybody hold it? */
  isMarked(cluster: number): boolean {
    return this.bitmap ? this.bitmap.has(cluster) : this.runOf(cluster) !== undefined;
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

  /** '/photos/summer.jpg'; of the two system files their names. */
  pathOf(file: number): string {
    const { kind, name } = this.files[file] ?? { kind: 'file', name: '' };
    if (kind === 'bitmap' || kind === 'upcase') return name;
    const names: string[] = [];
    for (let at = file; at > 0 && names.length < PATH_NAMES_MAX; at = this.files[at]?.parent ?? 0) {
      names.push(this.files[at]?.name ?? '');
    }
    return `/${names.reverse().join('/')}`;
  }

  /** The directory that begins at `firstCluster`, −1 when there is none. */
  directoryAt(firstCluster: number): number {
    const run = this.runOf(firstCluster);
    if (!run || run.firstCluster !== firstCluster || run.firstIndex !== 0) return -1;
    return this.files[run.file]?.kind === 'directory' ? run.file : -1;
  }

  /** Entries of a directory, as they are on the device now. */
  contentsOf(file: number): DirectoryContents {
    if (!this.geometry) throw new RangeError('only an exFAT volume has directories');
    return readDirectory(this.medium, this.geometry, this.runsOf(file));
  }

  #walk(geometry: Geometry, fat: FatTable): void {
    const claiming = { geometry, fat, owners: new ClusterOwners() };
    const claimedBy = (file: number, first: number, wanted: number, isRun: boolean): Claimed =>
      isRun ? claimRun(claiming, file + 1, first, wanted) : claimChain(claiming, file + 1, first, wanted);
    const root = claimedBy(0, geometry.rootCluster, Infinity, false);
    this.#add({ ...NOBODY, kind: 'directory', firstCluster: geometry.rootCluster }, root);
    this.#readSystem(geometry, claimedBy);
    for (let file = 0; file < this.files.length; file++) {
      const record = this.files[file];
      if (record?.kind === 'directory' && record.runCount > 0)
        this.#readEntries(file, record, geometry, claimedBy);
    }
  }

  #readSystem(geometry: Geometry, claimedBy: ClaimedBy): void {
    const contents = this.contentsOf(0);
    const find = (type: number): number => {
      for (let entry = 0; entry < contents.entryCount; entry++) {
        const found = contents.typeOf(entry);
        if (found === type) return entry;
        if (found === ENTRY_TYPE.end) break;
      }
      return -1;
    };
    for (const [type, kind, name] of SYSTEM_FILES) {
      const entry = find(type);
      if (entry < 0) continue;
      const bytes = contents.bytesOf(entry);
      const { firstCluster, dataLength } = (kind === 'bitmap' ? BitmapEntry : UpcaseEntry).peek(bytes);
      const sizeBytes =
        kind === 'bitmap' ? bitmapSizeBytes(geometry.clusterCount) : Math.min(dataLength, TABLE_BYTES_MAX);
      const wanted = Math.ceil(sizeBytes / geometry.clusterSizeBytes);
      const claimed = claimedBy(this.files.length, firstCluster, wanted, true);
      const entryOffsetBytes = contents.offsetBytesOf(entry);
      this.#add({ ...NOBODY, kind, name, firstCluster, sizeBytes, entryOffsetBytes }, claimed);
      if (claimed.clusterCount < wanted || wanted === 0) continue;
      if (kind === 'bitmap') this.bitmap = new Bitmap(this.medium, geometry, firstCluster);
      else {
        const { tableChecksum } = UpcaseEntry.peek(bytes);
        this.#upcase = readTable(
          { medium: this.medium, geometry },
          firstCluster,
          sizeBytes,
          tableChecksum,
        ).units;
      }
    }
  }

  #readEntries(file: number, record: OwnedFile, geometry: Geometry, claimedBy: ClaimedBy): void {
    const contents = this.contentsOf(file);
    let entry = 0;
    for (; entry < contents.entryCount; entry++) {
      const type = contents.typeOf(entry);
      if (type === ENTRY_TYPE.end) break;
      if (type !== ENTRY_TYPE.file) continue;
      const shape = shapeOf(contents, entry, this.#upcase);
      if (typeof shape === 'string') continue;
      const set = new EntrySet(contents, entry, shape);
      readUnits(set.bytes, shape.nameEntryCount);
      const name = nameOfDiskName(nameOfUnits(shape.nameLength));
      const isDirectory = (set.u16(FileEntry.fields.attributes.at) & ATTRIBUTE.directory) !== 0;
      const offset = contents.offsetBytesOf(entry);
      this.#addStream(set, ENTRY_SIZE_BYTES, geometry, claimedBy, {
        parent: file,
        name,
        kind: isDirectory ? 'directory' : 'file',
        entryOffsetBytes: offset,
      });
      for (let i = 2 + shape.nameEntryCount; i < shape.entryCount; i++) {
        const at = i * ENTRY_SIZE_BYTES;
        if (set.bytes[at] !== ENTRY_TYPE.vendorAllocation) continue;
        const owner = {
          parent: file,
          name: `${name} (vendor allocation)`,
          kind: 'file',
          entryOffsetBytes: offset,
        } as const;
        this.#addStream(set, at, geometry, claimedBy, owner);
      }
      entry += shape.entryCount - 1;
    }
    record.endEntry = entry;
  }

  #addStream(
    set: EntrySet,
    at: number,
    geometry: Geometry,
    claimedBy: ClaimedBy,
    {
      parent,
      name,
      kind,
      entryOffsetBytes,
    }: Pick<OwnedFile, 'parent' | 'name' | 'kind' | 'entryOffsetBytes'>,
  ): void {
    const { flags, firstCluster: firstField, dataLength, validDataLength } = StreamEntry.fields;
    const sizeBytes = set.u64(at + dataLength.at);
    const firstCluster = set.u32(at + firstField.at);
    const isContiguous = ((set.bytes[at + flags.at] ?? 0) & STREAM_FLAG.noFatChain) !== 0;
    const wanted = Math.ceil(sizeBytes / geometry.clusterSizeBytes);
    const claimed = claimedBy(this.files.length, firstCluster, wanted, isContiguous);
    const isStream = at === ENTRY_SIZE_BYTES;
    const validBytes = isStream ? Math.min(sizeBytes, set.u64(at + validDataLength.at)) : sizeBytes;
    // Spelt out: spreads of 100,000 objects cost more than all the rest.
    this.#add(
      {
        parent,
        name,
        kind,
        firstCluster,
        sizeBytes,
        validBytes,
        isContiguous,
        entryOffsetBytes,
        firstRun: 0,
        runCount: 0,
        endEntry: 0,
      },
      claimed,
    );
  }

  #add(file: OwnedFile, claimed: Claimed): void {
    const number = this.files.length;
    file.firstRun = this.runs.length;
    let firstIndex = 0;
    for (const { firstCluster, clusterCount } of claimed.runs) {
      this.runs.push({ file: number, firstCluster, clusterCount, firstIndex });
      firstIndex += clusterCount;
    }
    file.runCount = this.runs.length - file.firstRun;
    this.files.push(file);
  }
}

type ClaimedBy = (file: number, first: number, wanted: number, isRun: boolean) => Claimed;

/** Of in-use entries only; 01 to 7F are unused. */
export const isInUse = (type: number): boolean => (type & ENTRY_IN_USE) !== 0;

export const BITMAP_NAME = 'Allocation bitmap';
export const UPCASE_NAME = 'Up-case table';
const SYSTEM_FILES = [
  [ENTRY_TYPE.bitmap, 'bitmap', BITMAP_NAME],
  [ENTRY_TYPE.upcase, 'upcase', UPCASE_NAME],
] as const;

/** A path of more names than this is shown without its beginning. */
const PATH_NAMES_MAX = 500;

export interface OwnedFile {
  readonly parent: number;
  readonly name: string;
  readonly kind: 'directory' | 'file' | 'bitmap' | 'upcase';
  readonly firstCluster: number;
  readonly sizeBytes: number;
  /** From here to the size bytes read as zero. */
  readonly validBytes: number;
  /** Its entry says that there is no chain in the FAT. */
  readonly isContiguous: boolean;
  /** Byte of the volume at which its first entry begins; −1 for the root directory. */
  readonly entryOffsetBytes: number;
  /** Its runs are `runs[firstRun]` and on. */
  firstRun: number;
  runCount: number;
  /** Of a directory: the entry that ends it. */
  endEntry: number;
}

const NOBODY = {
  parent: 0,
  name: '',
  sizeBytes: 0,
  validBytes: 0,
  isContiguous: false,
  entryOffsetBytes: -1,
  firstRun: 0,
  runCount: 0,
  endEntry: 0,
} as const;

export interface ClusterRun {
  readonly file: number;
  readonly firstCluster: number;
  readonly clusterCount: number;
  /** How many clusters of the file come before this run. */
  readonly firstIndex: number;
}

/** Which part of the volume a byte belongs to, and where that part begins and ends. */
export interface Place {
  readonly kind: PlaceKind;
  readonly startBytes: number;
  readonly endBytes: number;
  /** Of a boot region: the sector in it. Of a FAT: its number from 0. Of a cluster: its number. */
  readonly number: number;
}

export type PlaceKind =
  'main boot' | 'backup boot' | 'before FAT' | 'fat' | 'before heap' | 'cluster' | 'tail' | 'outside';

/** Where byte `offsetBytes` of the device lies. Parts are as long as they go, sectors and clusters one by one. */
export function placeOf(geometry: Geometry, offsetBytes: number, deviceSizeBytes: number): Place {
  const { sectorSizeBytes, fatFirstSector, fatCount, fatSizeSectors, heapFirstSector } = geometry;
  const sector = Math.floor(offsetBytes / sectorSizeBytes);
  const part = (kind: PlaceKind, first: number, end: number, number = 0): Place => ({
    kind,
    startBytes: first * sectorSizeBytes,
    endBytes: end * sectorSizeBytes,
    number,
  });
  if (sector < BOOT_REGION_SECTORS) return part('main boot', sector, sector + 1, sector);
  if (sector < 2 * BOOT_REGION_SECTORS)
    return part('backup boot', sector, sector + 1, sector - BOOT_REGION_SECTORS);
  if (sector < fatFirstSector) return part('before FAT', 2 * BOOT_REGION_SECTORS, fatFirstSector);
  const fatEnd = fatFirstSector + fatCount * fatSizeSectors;
  if (sector < fatEnd) {
    const copy = Math.floor((sector - fatFirstSector) / fatSizeSectors);
    const first = fatFirstSector + copy * fatSizeSectors;
    return part('fat', first, first + fatSizeSectors, copy);
  }
  if (sector < heapFirstSector) return part('before heap', fatEnd, heapFirstSector);
  const heapBytes = heapFirstSector * sectorSizeBytes;
  const cluster = Math.floor((offsetBytes - heapBytes) / geometry.clusterSizeBytes) + 2;
  if (cluster < geometry.clusterCount + 2) {
    const startBytes = clusterOffsetBytes(geometry, cluster);
    return { kind: 'cluster', startBytes, endBytes: startBytes + geometry.clusterSizeBytes, number: cluster };
  }
  const tailBytes = heapBytes + geometry.clusterCount * geometry.clusterSizeBytes;
  const endBytes = geometry.totalSectors * sectorSizeBytes;
  return offsetBytes < endBytes
    ? { kind: 'tail', startBytes: tailBytes, endBytes, number: 0 }
    : { kind: 'outside', startBytes: endBytes, endBytes: deviceSizeBytes, number: 0 };
}

/** Names of the parts as the map and the trace call them. */
export const OWNER_OF_PLACE: Readonly<Record<PlaceKind, string>> = {
  'main boot': 'Main boot region',
  'backup boot': 'Backup boot region',
  'before FAT': 'Alignment before the FAT',
  fat: 'FAT',
  'before heap': 'Alignment before the cluster heap',
  cluster: '',
  tail: 'Sectors behind the last cluster',
  outside: 'Behind the volume',
};
