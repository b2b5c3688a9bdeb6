import type { Page, StructureId, StructureNode, StructurePage } from '../survey.ts';
import { EMPTY, paged } from '../structure-page.ts';
import { annotateEntry, describeEntryAt } from './annotate-directory.ts';
import {
  ATTRIBUTE,
  ENTRY_SIZE_BYTES,
  ENTRY_TYPE,
  FileEntry,
  StreamEntry,
  clusterOffsetBytes,
} from './layout.ts';
import type { DirectoryContents } from './fsck-contents.ts';
import { readUnits, nameOfUnits } from './fsck-names.ts';
import { count, shown } from './fsck-report.ts';
import { shapeOf } from './fsck-sets.ts';
import { nameOfDiskName } from './names.ts';
import type { OwnerIndex } from './owner-index.ts';
import { branch, leaf } from './structures-nodes.ts';
import type { VolumeView } from './structures-nodes.ts';

/** Directories as what is in them: entry sets with their names, lone entries, and what was deleted. */
export function directoryNode({ index, geometry }: VolumeView, file: number): StructureNode {
  const record = index.files[file];
  const [run] = index.runsOf(file);
  const first = run?.firstCluster ?? 2;
  const title = file === 0 ? 'Root directory' : `Directory ${shown(index.pathOf(file))}`;
  const text = `${count(record?.endEntry ?? 0, 'entry')} used`;
  const length = (run?.clusterCount ?? 0) * geometry.clusterSizeBytes;
  return {
    ...branch(directoryId(first), title, text, clusterOffsetBytes(geometry, first), length),
    hasDiagram: true,
  };
}

/** Of the directory that begins at this cluster. */
export const directoryId = (firstCluster: number): StructureId => `dir:${firstCluster}`;

/** What stands together in a directory: [first entry, count]. */
export interface Group {
  readonly first: number;
  readonly entryCount: number;
  /** Undefined: no set, but an entry by itself. */
  readonly name: string | undefined;
}

export function groupsOf(index: OwnerIndex, contents: DirectoryContents, endEntry: number): Group[] {
  const groups: Group[] = [];
  for (let entry = 0; entry < endEntry;) {
    const shape = contents.typeOf(entry) === ENTRY_TYPE.file ? shapeOf(contents, entry, index.upcase) : '';
    if (typeof shape === 'string') {
      groups.push({ first: entry, entryCount: 1, name: undefined });
      entry++;
      continue;
    }
    readUnits(contents.bytesOf(entry, shape.entryCount), shape.nameEntryCount);
    const name = nameOfDiskName(nameOfUnits(shape.nameLength));
    groups.push({ first: entry, entryCount: shape.entryCount, name });
    entry += shape.entryCount;
  }
  if (endEntry < contents.entryCount) groups.push({ first: endEntry, entryCount: 1, name: undefined });
  return groups;
}

function directoryIn({ index }: VolumeView, firstCluster: number) {
  const file = index.directoryAt(firstCluster);
  const record = index.files[file];
  return record ? { file, record, contents: index.contentsOf(file) } : null;
}

/** Entry sets up to and with the end marker. */
export function directorySets(volume: VolumeView, firstCluster: number, page: Page): StructurePage {
  const directory = directoryIn(volume, firstCluster);
  if (!directory) return EMPTY;
  const { contents, record } = directory;
  const groups = groupsOf(volume.index, contents, record.endEntry);
  return paged(groups.length, page, (at) => {
    const { first, entryCount, name } = groups[at] ?? { first: 0, entryCount: 1, name: undefined };
    if (name === undefined) return entryNode(contents, firstCluster, first);
    const bytes = contents.bytesOf(first, 2);
    const { attributes } = FileEntry.peek(bytes);
    const { dataLength } = StreamEntry.peek(bytes, ENTRY_SIZE_BYTES);
    const kind = attributes & ATTRIBUTE.directory ? 'directory' : 'file';
    const offset = Math.max(0, contents.offsetBytesOf(first));
    const title = `${kind} "${shown(name)}"`;
    const text = `entries ${first} to ${first + entryCount - 1}, ${dataLength} bytes`;
    return branch(`set:${firstCluster}:${first}`, title, text, offset, entryCount * ENTRY_SIZE_BYTES);
  });
}

function entryNode(contents: DirectoryContents, firstCluster: number, entry: number): StructureNode {
  const bytes = contents.bytesOf(entry);
  const offset = Math.max(0, contents.offsetBytesOf(entry));
  const node = bytes[0] === ENTRY_TYPE.end ? leaf : branch;
  return node(
    `entry:${firstCluster}:${entry}`,
    `entry ${entry}`,
    describeEntryAt(bytes),
    offset,
    ENTRY_SIZE_BYTES,
  );
}

/** Entries of a set; of a subdirectory its contents first. */
export function setChildren(volume: VolumeView, firstCluster: number, first: number): StructureNode[] {
  const directory = directoryIn(volume, firstCluster);
  if (!directory || !(first >= 0 && first < directory.record.endEntry)) return [];
  const { contents, file } = directory;
  if (contents.typeOf(first) !== ENTRY_TYPE.file) return [];
  const shape = shapeOf(contents, first, volume.index.upcase);
  if (typeof shape === 'string') return [];
  const nodes: StructureNode[] = [];
  const stream = StreamEntry.peek(contents.bytesOf(first, 2), ENTRY_SIZE_BYTES);
  const child = volume.index.directoryAt(stream.firstCluster);
  if (child > 0 && volume.index.files[child]?.parent === file) nodes.push(directoryNode(volume, child));
  for (let i = 0; i < shape.entryCount; i++) nodes.push(entryNode(contents, firstCluster, first + i));
  return nodes;
}

export function entryFields(volume: VolumeView, firstCluster: number, entry: number): StructureNode[] {
  const directory = directoryIn(volume, firstCluster);
  if (!directory || !(entry >= 0 && entry < directory.record.endEntry)) return [];
  const start = directory.contents.offsetBytesOf(entry);
  if (start < 0) return [];
  const fields = annotateEntry(directory.contents.bytesOf(entry), 0, entry, directory.record.endEntry);
  return fields.map(({ offsetBytes, lengthBytes, name, text }) =>
    leaf(
      `field:${start + offsetBytes}`,
      name.replace(/^entry \d+: /, ''),
      shown(text),
      start + offsetBytes,
      lengthBytes,
    ),
  );
}
