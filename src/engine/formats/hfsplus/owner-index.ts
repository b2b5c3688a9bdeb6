import { binaryCompare, foldedCompare } from '../../codec/hfs-unicode.ts';
import type { Device } from '../../device/device.ts';
import {
  CNID,
  VOLUME_BIT,
  VOLUME_HEADER_OFFSET_BYTES,
  VOLUME_HEADER_SIZE_BYTES,
  VolumeHeader,
  embeddedVolume,
  geometryOf,
  readExtents,
} from './layout.ts';
import type { ExtentDescriptor, ForkData, Geometry } from './layout.ts';
import {
  ATTRIBUTE_RECORD,
  AttributeFork,
  CatalogFile,
  CatalogKey,
  CatalogThread,
  RECORD_FLAG,
  RECORD_TYPE,
  storedUnits,
} from './layout-catalog.ts';
import { KEY_COMPARE } from './layout-tree.ts';
import { shownName } from './names.ts';
import { ViewFork } from './view-fork.ts';
import {
  attributeName,
  overflowRecord,
  runHolding,
  sortedRuns,
  visitAttributes,
  visitCatalog,
  visitOverflow,
} from './view-files.ts';
import type { FileRun, RunFilter, RunOwner, RunVisitor } from './view-files.ts';
import { Medium } from '../../device/medium.ts';
import { ViewJournal, journalOf } from './view-journal.ts';
import { ViewTree } from './view-tree.ts';
import type { Place, TreeName, ViewNode } from './view-tree.ts';

/**
 * Who holds what on a volume, for those who explain it. What is looked up by id (names, paths) costs the depth of a
 * tree; who holds a block costs one pass over the records, made when first asked. Reads leniently: of a damaged volume
 * it knows what can be known. Describes the device as it was when the index was made.
 */
export class OwnerIndex {
  readonly medium: Medium;
  /** Null when this is no HFS+ volume; `problem` then says why. */
  readonly geometry: Geometry | null = null;
  readonly problem: string;
  /** The header that counts: the alternate one when the first is damaged. */
  readonly header: VolumeHeader;
  readonly isAlternateUsed: boolean;
  readonly deviceBlockSizeBytes: number;
  readonly #paths = new Map<number, string>([[CNID.root, '']]);
  readonly #forks = new Map<SpecialFile, ViewFork>();
  readonly #trees = new Map<TreeName, ViewTree>();
  #journal: ViewJournal | string | undefined;
  #runs: readonly FileRun[] | undefined;

  constructor(device: Device) {
    this.medium = new Medium(device);
    this.deviceBlockSizeBytes = device.blockSizeBytes;
    const { sizeBytes } = this.medium;
    const first = this.medium.read(VOLUME_HEADER_OFFSET_BYTES, VOLUME_HEADER_SIZE_BYTES);
    const embedded = embeddedVolume(first);
    const offsetBytes = embedded?.offsetBytes ?? 0;
    const volumeSizeBytes = Math.min(embedded?.sizeBytes ?? sizeBytes, sizeBytes - offsetBytes);
    const headerBytes = embedded
      ? this.medium.read(offsetBytes + VOLUME_HEADER_OFFSET_BYTES, VOLUME_HEADER_SIZE_BYTES)
      : first;
    const geometry = geometryOf(headerBytes, offsetBytes, volumeSizeBytes);
    this.header = VolumeHeader.peek(headerBytes);
    this.problem = typeof geometry === 'string' ? geometry : '';
    this.isAlternateUsed = false;
    if (typeof geometry !== 'string') this.geometry = geometry;
    else if (volumeSizeBytes >= 2 * VOLUME_HEADER_OFFSET_BYTES) {
      const alternateAt = offsetBytes + volumeSizeBytes - VOLUME_HEADER_OFFSET_BYTES;
      const alternate = this.medium.read(alternateAt, VOLUME_HEADER_SIZE_BYTES);
      const second = geometryOf(alternate, offsetBytes, volumeSizeBytes);
      if (typeof second !== 'string') {
        this.geometry = second;
        this.header = VolumeHeader.peek(alternate);
        this.isAlternateUsed = true;
      }
    }
  }

  // ── special files ──

  /** Only asked of a volume that has a geometry, like all below. */
  get known(): Geometry {
    if (!this.geometry) throw new RangeError('only an HFS+ volume has contents');
    return this.geometry;
  }

  fork(file: SpecialFile): ViewFork {
    let fork = this.#forks.get(file);
    if (!fork) {
      const data = this.header[`${file}File`];
      const extents = file === 'extents' ? data.extents : this.withOverflow(data, SPECIAL_IDS[file]);
      fork = new ViewFork(this.medium, this.known, extents, data.logicalSizeBytes);
      this.#forks.set(file, fork);
    }
    return fork;
  }

  tree(name: TreeName): ViewTree {
    let tree = this.#trees.get(name);
    if (!tree) {
      tree = new ViewTree(name, this.fork(name));
      this.#trees.set(name, tree);
    }
    return tree;
  }

  /** Null without a journal; a sentence when it says nonsense of itself. */
  get journal(): ViewJournal | string | null {
    const { attributes, journalInfoBlock } = this.header;
    if ((attributes & VOLUME_BIT.journaled) === 0 || journalInfoBlock === 0) return null;
    this.#journal ??= journalOf(this.medium, this.known, journalInfoBlock, this.deviceBlockSizeBytes);
    return this.#journal;
  }

  /** All extents of a fork: its first eight and those of the overflow tree. */
  withOverflow(fork: ForkData, fileId: number, isResource = false): ExtentDescriptor[] {
    const extents = [...fork.extents];
    let blocks = extents.reduce((sum, { blockCount }) => sum + blockCount, 0);
    if (blocks >= fork.totalBlocks) return extents;
    for (const { dataAt, node } of this.overflowOf(fileId, isResource)) {
      for (const extent of readExtents(node.bytes, dataAt)) {
        extents.push(extent);
        blocks += extent.blockCount;
      }
      if (blocks >= fork.totalBlocks) break;
    }
    return extents;
  }

  /** Records of the extents overflow tree that belong to a fork, in their order. */
  *overflowOf(fileId: number, isResource: boolean): Generator<Place & { readonly dataAt: number }> {
    for (const place of this.tree('extents').from(fileId)) {
      const record = overflowRecord(place.node, place.record);
      if (!record || record.fileId !== fileId) return;
      if ((record.kind === 'resource') === isResource) yield { ...place, dataAt: record.dataAt };
    }
  }

  isBlockUsed(block: number): boolean {
    const byte = this.fork('allocation').read(block >>> 3, 1)[0] ?? 0;
    return ((byte << (block & 7)) & 0x80) !== 0;
  }

  // ── names ──

  /** The thread of a file or folder: where it says its name and folder. */
  threadOf(id: number): Place | undefined {
    for (const place of this.tree('catalog').from(id)) {
      if (place.node.idOf(place.record) !== id) return undefined;
      const { recordType } = CatalogThread.peek(place.node.bytes, place.node.keyEnd(place.record));
      const isThread = recordType === RECORD_TYPE.folderThread || recordType === RECORD_TYPE.fileThread;
      return isThread ? place : undefined;
    }
    return undefined;
  }

  /** '/photos/b.jpg' as Unix shows it; '/' for the root, '(id 17)' for what has no thread. */
  pathOf(id: number): string {
    const path = this.#pathBelow(id);
    return path === '' ? '/' : path;
  }

  #pathBelow(id: number): string {
    const waiting: { readonly id: number; readonly name: string }[] = [];
    let at = id;
    let path = this.#paths.get(at);
    while (path === undefined && waiting.length < PATH_NAMES_MAX) {
      const thread = this.threadOf(at);
      if (!thread) {
        path = `(id ${at})`;
        this.#paths.set(at, path);
        break;
      }
      const { node, record } = thread;
      const dataAt = node.keyEnd(record);
      const { parentId, nameUnits } = CatalogThread.peek(node.bytes, dataAt);
      const name = storedUnits(node.bytes, dataAt + CatalogThread.sizeBytes, nameUnits);
      waiting.push({ id: at, name: shownName(name) });
      at = parentId;
      path = this.#paths.get(at);
    }
    path ??= '…';
    for (const { id: below, name } of waiting.reverse()) {
      path = `${path}/${name}`;
      this.#paths.set(below, path);
    }
    return path;
  }

  /** Whose block: '/notes.txt', 'resource fork of /notes.txt', 'attribute com.apple.x of /notes.txt'. */
  nameOf({ fileId, kind, name, place }: RunOwner): string {
    if (kind === 'bad') return 'Bad blocks';
    const path = this.#pathOfFile(fileId, place);
    if (kind === 'data') return path;
    return kind === 'resource' ? `resource fork of ${path}` : `attribute ${name} of ${path}`;
  }

  /** A file with hard links is hidden in the private folder; it is known by the first name it has. */
  #pathOfFile(fileId: number, known: Place | undefined): string {
    const place = known ?? this.recordOf(fileId);
    if (!place) return this.pathOf(fileId);
    const { node, record } = place;
    const { to } = node.span(record);
    const at = node.keyEnd(record);
    // Read field by field, not through the structure: this runs for every file of a map.
    if (at + CatalogFile.sizeBytes <= to && node.view.getUint16(at) === RECORD_TYPE.file) {
      const isLinked =
        (node.view.getUint16(at + CatalogFile.fields.flags.at) & RECORD_FLAG.hasLinkChain) !== 0;
      const link = isLinked ? node.view.getUint32(at + CatalogFile.fields.firstLinkId.at) : 0;
      if (link !== 0 && this.threadOf(link)) return this.pathOf(link);
    }
    const parentId = node.idOf(record);
    return `${this.#pathBelow(parentId)}/${shownName(keyName(place))}`;
  }

  /** The catalog record of a file or folder, found through its thread. */
  recordOf(id: number): Place | undefined {
    const thread = this.threadOf(id);
    if (!thread) return undefined;
    const dataAt = thread.node.keyEnd(thread.record);
    const { parentId, nameUnits } = CatalogThread.peek(thread.node.bytes, dataAt);
    const name = storedUnits(thread.node.bytes, dataAt + CatalogThread.sizeBytes, nameUnits);
    const place = this.find(parentId, name);
    return place && itemIdOf(place) === id ? place : undefined;
  }

  /** The catalog record of the item of that stored name in a folder. */
  find(parentId: number, name: string): Place | undefined {
    const { keyCompareType } = this.tree('catalog').header;
    const isBinary = this.known.isHfsx && keyCompareType === KEY_COMPARE.binary;
    const compare = isBinary ? binaryCompare : foldedCompare;
    const isBefore = (node: ViewNode, record: number): boolean => {
      const order = node.idOf(record) - parentId;
      return order < 0 || (order === 0 && compare(keyName({ node, record }), name) < 0);
    };
    for (const place of this.tree('catalog').fromKey(isBefore)) {
      const isIt = place.node.idOf(place.record) === parentId && compare(keyName(place), name) === 0;
      return isIt ? place : undefined;
    }
    return undefined;
  }

  /** Logical size of the fork that a run of extents belongs to, where that run does not say; 0 when nothing does. */
  sizeOfFork({ fileId, kind, name }: RunOwner): number {
    if (kind === 'attribute') return this.#sizeOfAttribute(fileId, name);
    const place = this.recordOf(fileId);
    if (!place) return 0;
    const { node, record } = place;
    const { dataFork, resourceFork } = CatalogFile.peek(
      node.bytes.subarray(0, node.span(record).to),
      node.keyEnd(record),
    );
    return (kind === 'data' ? dataFork : resourceFork).logicalSizeBytes;
  }

  #sizeOfAttribute(fileId: number, name: string): number {
    for (const { node, record } of this.tree('attributes').from(fileId)) {
      if (node.idOf(record) !== fileId) return 0;
      const { recordType, fork } = AttributeFork.peek(node.bytes, node.keyEnd(record));
      if (recordType === ATTRIBUTE_RECORD.fork && attributeName(node, record) === name)
        return fork.logicalSizeBytes;
    }
    return 0;
  }

  // ── blocks ──

  /** The run of a file that holds a block. Costs a pass over all records, unless `runs` was asked for before. */
  runOf(block: number): FileRun | undefined {
    if (!this.#runs) return runHolding(block, (mayHold, visit) => this.#visit(mayHold, visit));
    let low = 0;
    let high = this.#runs.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const run = this.#runs[middle];
      if (!run || block < run.startBlock) high = middle - 1;
      else if (block >= run.startBlock + run.blockCount) low = middle + 1;
      else return run;
    }
    return undefined;
  }

  /** Runs of all files in the order of the volume. */
  get runs(): readonly FileRun[] {
    return this.sortRuns();
  }

  /** Makes `runs`, so that from now on `runOf` is cheap. */
  sortRuns(): readonly FileRun[] {
    if (this.#runs) return this.#runs;
    const found: FileRun[] = [];
    this.#visit(
      () => true,
      (run) => found.push(run),
    );
    this.#runs = sortedRuns(found, this.known.totalBlocks);
    return this.#runs;
  }

  #visit(mayHold: RunFilter, visit: RunVisitor): void {
    visitCatalog(this.tree('catalog'), mayHold, visit);
    visitOverflow(this.tree('extents'), mayHold, (run) => {
      const { fileId } = run.owner;
      if (fileId >= CNID.firstUser || fileId === CNID.badBlocks) visit(run);
    });
    visitAttributes(this.tree('attributes'), mayHold, visit);
  }
}

/** A path of more names than this is shown without its beginning. */
const PATH_NAMES_MAX = 500;

/** The name in the key of a catalog record, as stored. */
export function keyName({ node, record }: Place): string {
  const { from } = node.span(record);
  const end = node.keyEnd(record);
  if (end - from < CatalogKey.sizeBytes) return '';
  const nameUnits = node.view.getUint16(from + CatalogKey.fields.nameUnits.at);
  return storedUnits(node.bytes.subarray(0, end), from + CatalogKey.sizeBytes, nameUnits);
}

/** The id that the folder or file record at a place gives its item; 0 for threads and damage. */
export function itemIdOf({ node, record }: Place): number {
  const at = node.keyEnd(record);
  const { to } = node.span(record);
  if (at + 12 > to) return 0;
  const type = node.view.getUint16(at);
  if (type !== RECORD_TYPE.folder && type !== RECORD_TYPE.file) return 0;
  return node.view.getUint32(at + 8);
}

export type SpecialFile = 'allocation' | 'extents' | 'catalog' | 'attributes' | 'startup';

export const SPECIAL_FILES: readonly SpecialFile[] = [
  'allocation',
  'extents',
  'catalog',
  'attributes',
  'startup',
];

const SPECIAL_IDS: Readonly<Record<SpecialFile, number>> = {
  allocation: CNID.allocationFile,
  extents: CNID.extentsFile,
  catalog: CNID.catalogFile,
  attributes: CNID.attributesFile,
  startup: CNID.startupFile,
};
