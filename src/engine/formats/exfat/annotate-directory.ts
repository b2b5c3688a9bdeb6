import type { Annotation } from '../../codec/struct.ts';
import {
  BitmapEntry,
  ENTRY_IN_USE,
  ENTRY_SIZE_BYTES,
  ENTRY_TYPE,
  FileEntry,
  GuidEntry,
  LabelEntry,
  NAME_UNITS_PER_ENTRY,
  NameEntry,
  StreamEntry,
  UnknownEntry,
  UpcaseEntry,
  VendorAllocationEntry,
  VendorExtensionEntry,
} from './layout.ts';
import { run } from './annotate-pieces.ts';
import type { BlockView, Piece } from './annotate-pieces.ts';
import { shown } from './fsck-report.ts';

/**
 * The entries of a directory that lie in a block, field by field. Entries behind the end marker are told apart from
 * live ones: the same bytes mean nothing there.
 */
export function annotateEntries(
  view: BlockView,
  directory: number,
  first: number,
  from: number,
  to: number,
): Piece {
  const { index, bytes } = view;
  const endEntry = index.files[directory]?.endEntry ?? 0;
  const fields: Annotation[] = [];
  let entry = first;
  for (let at = from; at + ENTRY_SIZE_BYTES <= to; at += ENTRY_SIZE_BYTES, entry++) {
    fields.push(...annotateEntry(bytes, at, entry, endEntry));
  }
  const path = index.pathOf(directory);
  const title = `Directory ${shown(path)}, entries ${first} to ${entry - 1}`;
  return { role: 'directory', owner: path, title, fields };
}

export function annotateEntry(bytes: Uint8Array, at: number, entry: number, endEntry: number): Annotation[] {
  const window = bytes.subarray(at, at + ENTRY_SIZE_BYTES);
  const end = at + ENTRY_SIZE_BYTES;
  const name = `entry ${entry}`;
  if (entry >= endEntry && window[0] === ENTRY_TYPE.end) {
    const doc = 'a type of 0: no entry here or behind';
    return [run(at, end, name, entry === endEntry ? 'end of the directory' : 'never used', doc)];
  }
  if (entry > endEntry) {
    return [run(at, end, name, 'behind the end, not an entry', 'behind the end marker nothing counts')];
  }
  const about = describeEntryAt(window);
  return structOf(window[0] ?? 0)
    .annotate(bytes.subarray(0, end), at)
    .map((field, i) => ({
      ...field,
      name: `${name}: ${field.name}`,
      text: i === 0 ? `${field.text}: ${about}` : shown(field.text),
    }));
}

/** An entry out of use keeps the fields it had: only bit 7 of its type went. */
function structOf(type: number) {
  switch (type | ENTRY_IN_USE) {
    case ENTRY_TYPE.bitmap:
      return BitmapEntry;
    case ENTRY_TYPE.upcase:
      return UpcaseEntry;
    case ENTRY_TYPE.label:
      return LabelEntry;
    case ENTRY_TYPE.file:
      return FileEntry;
    case ENTRY_TYPE.guid:
      return GuidEntry;
    case ENTRY_TYPE.stream:
      return StreamEntry;
    case ENTRY_TYPE.name:
      return NameEntry;
    case ENTRY_TYPE.vendorExtension:
      return VendorExtensionEntry;
    case ENTRY_TYPE.vendorAllocation:
      return VendorAllocationEntry;
    default:
      return UnknownEntry;
  }
}

/** An entry in words: 'file', 'name "notes.txt"', 'stream, 5000 bytes from cluster 7', 'unused name "old.txt"'. */
export function describeEntryAt(entry: Uint8Array): string {
  const type = entry[0] ?? 0;
  if (type === ENTRY_TYPE.end) return 'end of the directory';
  const unused = type & ENTRY_IN_USE ? '' : 'unused ';
  switch (type | ENTRY_IN_USE) {
    case ENTRY_TYPE.bitmap:
      return `${unused}allocation bitmap`;
    case ENTRY_TYPE.upcase:
      return `${unused}up-case table`;
    case ENTRY_TYPE.label: {
      const { characterCount, label } = LabelEntry.peek(entry);
      return `${unused}volume label ${quoted(label.slice(0, characterCount))}`;
    }
    case ENTRY_TYPE.file: {
      const { attributes, secondaryCount } = FileEntry.peek(entry);
      return `${unused}${attributes & 0x10 ? 'directory' : 'file'}, ${secondaryCount} entries follow`;
    }
    case ENTRY_TYPE.guid:
      return `${unused}volume GUID`;
    case ENTRY_TYPE.stream: {
      const { dataLength, firstCluster } = StreamEntry.peek(entry);
      return `${unused}stream, ${dataLength} bytes${firstCluster === 0 ? '' : ` from cluster ${firstCluster} on`}`;
    }
    case ENTRY_TYPE.name:
      return `${unused}name ${quoted(nameIn(entry))}`;
    case ENTRY_TYPE.vendorExtension:
      return `${unused}vendor extension`;
    case ENTRY_TYPE.vendorAllocation:
      return `${unused}vendor allocation`;
    default:
      return `${unused}entry of type 0x${type.toString(16)}`;
  }
}

const quoted = (text: string): string => `"${shown(text)}"`;

/** The part of a name in one entry, up to the zero that ends it. */
function nameIn(entry: Uint8Array): string {
  const { name } = NameEntry.peek(entry);
  const end = name.indexOf('\0');
  return end < 0 ? name.slice(0, NAME_UNITS_PER_ENTRY) : name.slice(0, end);
}
