import { textOf } from '../../base/bytes.ts';
import type { Page, StructureNode, StructurePage } from '../survey.ts';
import { slice } from '../structure-page.ts';
import { CNID, blockOffsetBytes } from './layout.ts';
import type { ForkData } from './layout.ts';
import { CatalogFile, FILE_CREATOR, FILE_TYPE, RECORD_TYPE } from './layout-catalog.ts';
import { count, rangeOf, shown } from './annotate-pieces.ts';
import { recordTypeAt } from './annotate-records.ts';
import { shownName } from './names.ts';
import { itemIdOf, keyName } from './owner-index.ts';
import type { OwnerIndex } from './owner-index.ts';
import { NOWHERE, at, branch, leaf, pagedBehind } from './structures-pieces.ts';
import type { VolumeView } from './structures-pieces.ts';
import { recordNode, summaryOf, whereRecord } from './structures-records.ts';
import { ViewFork } from './view-fork.ts';
import type { Place } from './view-tree.ts';

/** Folders and files by their names: record, thread, attributes, forks with their extents, what links lead to. */

export function rootNode(volume: VolumeView): StructureNode {
  const place = volume.index.recordOf(CNID.root);
  if (!place) return leaf('item:2', 'Root folder', 'has no record in the catalog: damage', NOWHERE);
  const text = `volume name ${shown(JSON.stringify(keyName(place)))}, ${summaryOf(place)}`;
  return branch('item:2', 'Root folder', text, whereRecord(place));
}

/** The file or folder that a catalog record describes. */
export function itemNode({ index }: VolumeView, place: Place): StructureNode | null {
  const id = itemIdOf(place);
  if (id === 0) return null;
  const { node, record } = place;
  const isFolder = recordTypeAt(node.bytes, node.keyEnd(record)) === RECORD_TYPE.folder;
  const name = id === CNID.root ? '/' : shown(shownName(keyName(place)));
  const title = `${isFolder ? 'Folder' : kindWord(fileOf(place))} ${name}`;
  const target = isFolder ? '' : targetText(index, fileOf(place));
  return branch(`item:${id}`, title, `${summaryOf(place)}${target}`, whereRecord(place));
}

const fileOf = ({ node, record }: Place): CatalogFile =>
  CatalogFile.peek(node.bytes.subarray(0, node.span(record).to), node.keyEnd(record));

const isHardLink = ({ fileType, fileCreator }: CatalogFile): boolean =>
  fileType === FILE_TYPE.hardLink && fileCreator === FILE_CREATOR.hfsplus;

function kindWord(file: CatalogFile): string {
  if (isHardLink(file)) return 'Hard link';
  if (file.fileType === FILE_TYPE.directoryLink) return 'Directory hard link';
  return file.fileType === FILE_TYPE.symlink ? 'Symbolic link' : 'File';
}

const TARGET_BYTES_MAX = 1024;

function targetText(index: OwnerIndex, file: CatalogFile): string {
  if (isHardLink(file)) return `, to iNode${file.special}`;
  if (file.fileType !== FILE_TYPE.symlink) return '';
  const length = Math.min(file.dataFork.logicalSizeBytes, TARGET_BYTES_MAX);
  const fork = new ViewFork(index.medium, index.known, file.dataFork.extents, length);
  return ` → ${shown(textOf(fork.read(0, length)))}`;
}

export function itemChildren(volume: VolumeView, id: number, page: Page): StructurePage {
  const { index } = volume;
  const place = index.recordOf(id);
  const thread = index.threadOf(id);
  const head: StructureNode[] = [];
  if (place) head.push(recordNode(volume, place, 'catalog record'));
  if (thread) head.push(recordNode(volume, thread, 'thread record'));
  addAttributes(volume, id, head);
  if (!place) return slice(head, page);
  const { node, record } = place;
  const dataAt = node.keyEnd(record);
  if (recordTypeAt(node.bytes, dataAt) === RECORD_TYPE.folder) return folderChildren(volume, id, head, page);
  addFile(volume, id, fileOf(place), head);
  return slice(head, page);
}

/** Only the page's own children are made; others are counted leaf by leaf. */
function folderChildren(
  volume: VolumeView,
  id: number,
  head: readonly StructureNode[],
  page: Page,
): StructurePage {
  const stretches = [...volume.index.tree('catalog').stretchesOf(id)];
  const total = stretches.reduce((sum, { first, end }) => sum + end - first, 0);
  const places = function* (from: number, to: number): Generator<Place> {
    let before = 0;
    for (const { node, first, end } of stretches) {
      const start = Math.max(from - before, 0);
      for (let i = first + start; i < end && before + i - first < to; i++) yield { node, record: i };
      before += end - first;
      if (before >= to) return;
    }
  };
  // The folder's own thread is the first record of its id.
  const skipped = [...places(0, 1)].every((place) => itemIdOf(place) === 0) && total > 0 ? 1 : 0;
  const from = skipped + Math.max(page.offset - head.length, 0);
  const onPage = [...places(from, from + page.countMax)];
  return pagedBehind(head, total - skipped, page, (at) => {
    const place = onPage[at + skipped - from];
    const item = place && (itemNode(volume, place) ?? recordNode(volume, place));
    return item ?? leaf(`item:${id}:${at}`, 'record', 'cannot be read', NOWHERE);
  });
}

/** So many records of attributes of one file are shown; more would be damage. */
const ATTRIBUTES_MAX = 1000;

function addAttributes(volume: VolumeView, id: number, nodes: StructureNode[]): void {
  let shownCount = 0;
  for (const place of volume.index.tree('attributes').from(id)) {
    if (place.node.idOf(place.record) !== id || ++shownCount > ATTRIBUTES_MAX) return;
    nodes.push(recordNode(volume, place, 'extended attribute'));
  }
}

function addFile(volume: VolumeView, id: number, file: CatalogFile, nodes: StructureNode[]): void {
  const { index } = volume;
  if (isHardLink(file)) {
    const inode = inodeOf(index, file.special);
    const item = inode && itemNode(volume, inode);
    nodes.push(
      item
        ? { ...item, title: `the file itself: ${item.title}` }
        : leaf(`inode:${id}`, `iNode${file.special}`, 'is not in the private folder: damage', NOWHERE),
    );
  }
  addFork(volume, id, 'data fork', file.dataFork, nodes);
  addFork(volume, id, 'resource fork', file.resourceFork, nodes);
}

/** The private folder's name, and the name of a file with links in it. [TN "Hard Links"] */
const PRIVATE_FOLDER = '\0\0\0\0HFS+ Private Data';

function inodeOf(index: OwnerIndex, number: number): Place | undefined {
  const folder = index.find(CNID.root, PRIVATE_FOLDER);
  const id = folder ? itemIdOf(folder) : 0;
  return id === 0 ? undefined : index.find(id, `iNode${number}`);
}

/** So many extents of one fork are listed. */
const EXTENTS_MAX = 10_000;

function addFork(volume: VolumeView, id: number, word: string, fork: ForkData, nodes: StructureNode[]): void {
  const { index } = volume;
  const geometry = index.known;
  const isResource = word === 'resource fork';
  const extents = index.withOverflow(fork, id, isResource).slice(0, EXTENTS_MAX);
  let before = 0;
  extents.forEach(({ startBlock, blockCount }, i) => {
    const from = before * geometry.blockSizeBytes;
    before += blockCount;
    const isInside = startBlock + blockCount <= geometry.totalBlocks;
    const where = isInside
      ? at(blockOffsetBytes(geometry, startBlock), blockCount * geometry.blockSizeBytes)
      : NOWHERE;
    const bytes = `bytes ${from} to ${before * geometry.blockSizeBytes - 1} of the ${word}`;
    const text = isInside ? bytes : `${bytes}, outside the volume: damage`;
    const title = `${word}: ${rangeOf('block', startBlock, blockCount)}`;
    nodes.push(leaf(`extent:${id}:${isResource ? 'r' : 'd'}:${i}`, title, text, where));
  });
  if (fork.totalBlocks > before) {
    const text = `${count(fork.totalBlocks - before, 'block')} of ${fork.totalBlocks} are in no extent: damage`;
    nodes.push(leaf(`missing:${id}:${word}`, word, text, NOWHERE));
  }
  for (const place of index.overflowOf(id, isResource)) {
    if (fork.extents.length < 8) break;
    nodes.push(recordNode(volume, place, `extents of the ${word} beyond the first eight`));
  }
}
