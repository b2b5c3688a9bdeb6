import type { Diagram, DiagramPart, DiagramTone } from '../../base/diagram.ts';
import { describeEntryAt } from './annotate-directory.ts';
import type { DirectoryContents } from './fsck-contents.ts';
import { count, shown } from './fsck-report.ts';
import {
  ENTRY_IN_USE,
  ENTRY_SECONDARY,
  ENTRY_SIZE_BYTES,
  ENTRY_TYPE,
  NAME_UNITS_PER_ENTRY,
  NameEntry,
  SET_ENTRIES_MAX,
} from './layout.ts';
import { isInUse } from './owner-index.ts';
import type { OwnerIndex } from './owner-index.ts';
import { directoryId, groupsOf } from './structures-directory.ts';

/**
 * A directory as it lies on the disk: one row for each entry set, one part for each of its 32 bytes, so that all file
 * entries stand in the first column, all streams in the second, names from the third on. What was deleted keeps its row
 * for as long as nobody writes there. exFAT specification, 6 and 7.4.
 */
export function setsDiagram(index: OwnerIndex, directory: number): Diagram {
  const record = index.files[directory];
  const contents = index.contentsOf(directory);
  const endEntry = record?.endEntry ?? 0;
  const rows = rowsOf(index, contents, endEntry);
  const left = Math.max(0, rows.length - ROWS_MAX);
  const drawn = left === 0 ? rows : [...rows.slice(0, ROWS_MAX / 2), ...rows.slice(-ROWS_MAX / 2)];
  const columns = drawn.reduce((most, { entryCount }) => Math.max(most, entryCount), 1);
  const sets = rows.filter(({ kind }) => kind === 'set').length;
  const used = `${count(sets, 'entry set')} in ${count(endEntry, 'entry')} of ${ENTRY_SIZE_BYTES} bytes`;
  return {
    ...{ id: directoryId(record?.firstCluster ?? 0), kind: 'sets', marks: [] },
    title:
      directory === 0
        ? 'Entry sets of the root directory'
        : `Entry sets of ${shown(index.pathOf(directory))}`,
    text: left === 0 ? used : `${used}; ${count(left, 'row')} in the middle not drawn`,
    parts: drawn.flatMap((row, at) => partsOf(contents, row, { row: at, columns })),
  };
}

/** Sets of a directory that are drawn: those at its beginning and those at its end. */
const ROWS_MAX = 48;

interface Row {
  readonly first: number;
  entryCount: number;
  /** `lone`: an entry that is no part of a set. */
  readonly kind: 'set' | 'lone' | 'torn' | 'unused' | 'end';
  readonly name: string;
}

const TONE: Readonly<Record<Row['kind'], DiagramTone>> = {
  ...{ set: 'now', lone: 'now', end: 'kept' },
  ...{ torn: 'broken', unused: 'old' },
};

function rowsOf(index: OwnerIndex, contents: DirectoryContents, endEntry: number): Row[] {
  const rows: Row[] = [];
  for (const { first, entryCount, name } of groupsOf(index, contents, endEntry)) {
    const type = contents.typeOf(first);
    const last = rows.at(-1);
    if (name !== undefined) rows.push({ first, entryCount, kind: 'set', name });
    else if (type === ENTRY_TYPE.end) rows.push({ first, entryCount, kind: 'end', name: '' });
    else {
      const isSecondary = (type & ENTRY_SECONDARY) !== 0;
      const kind = !isInUse(type) ? 'unused' : isSecondary || type === ENTRY_TYPE.file ? 'torn' : 'lone';
      // Secondary entries stay with the primary one that they followed.
      if (isSecondary && last?.kind === kind && last.entryCount < SET_ENTRIES_MAX) last.entryCount++;
      else rows.push({ first, entryCount, kind, name: '' });
    }
  }
  return rows;
}

function partsOf(
  contents: DirectoryContents,
  { first, entryCount, kind, name }: Row,
  { row, columns }: { row: number; columns: number },
): DiagramPart[] {
  const whose = kind === 'set' ? `"${shown(name)}", ` : kind === 'lone' || kind === 'end' ? '' : `${kind}, `;
  return Array.from({ length: entryCount }, (_, at): DiagramPart => {
    const entry = first + at;
    const bytes = contents.bytesOf(entry);
    const offset = contents.offsetBytesOf(entry);
    return {
      ...{ key: `entry:${entry}`, title: `${whose}entry ${entry}`, text: describeEntryAt(bytes) },
      ...{ tone: TONE[kind], row, from: at / columns, to: (at + 1) / columns, fill: fillOfEntry(bytes) },
      deviceOffsetBytes: Math.max(0, offset),
      lengthBytes: offset < 0 ? 0 : ENTRY_SIZE_BYTES,
    };
  });
}

/** A part of a name by its letters; every other entry is full, and the end is empty. */
function fillOfEntry(bytes: Uint8Array): number {
  const type = bytes[0] ?? 0;
  if (type === ENTRY_TYPE.end) return 0;
  if ((type | ENTRY_IN_USE) !== ENTRY_TYPE.name) return 1;
  const { name } = NameEntry.peek(bytes);
  const end = name.indexOf('\0');
  return (end < 0 ? name.length : end) / NAME_UNITS_PER_ENTRY;
}
