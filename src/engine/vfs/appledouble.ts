import { concatBytes, isZero, textOf, utf8 } from '../base/bytes.ts';
import { FsError } from '../base/errno.ts';
import { ascii, hex, reserved, struct, u16, u32, u8 } from '../codec/struct.ts';

/**
 * The bytes of a `._name` file: AppleDouble version 2 with the table of extended attributes that macOS packs behind
 * the Finder information. Motorola byte order.
 *
 *     header · entries · Finder information (32 bytes, part of entry 9) · attribute header · attribute entries ·
 *     attribute values · free space (all still part of entry 9) · resource fork (entry 2)
 *
 * Sources: RFC 1740 appendices A and B; xnu bsd/vfs/vfs_xattr.c, "On Disk Data Structures".
 */
const SECTION = 'xnu vfs_xattr.c, "On Disk Data Structures"';

const MAGIC = 0x0005_1607;
const VERSION = 0x0002_0000;
const ATTRIBUTE_MAGIC = 0x4154_5452; // 'ATTR'
const RESOURCE_FORK_ID = 2;
const FINDER_INFO_ID = 9;

const Header = struct('AppleDouble', 26, 'big', SECTION, {
  magic: u32(0, 'AppleDouble', { magic: MAGIC, show: hex }),
  version: u32(4, 'version 2', { magic: VERSION, show: hex }),
  filler: ascii(8, 16, 'RFC 1740: zero; macOS writes its name'),
  entryCount: u16(24, 'entries that follow'),
});

const HeaderEntry = struct('AppleDoubleEntry', 12, 'big', SECTION, {
  id: u32(0, '2 resource fork, 9 Finder information'),
  offsetBytes: u32(4, 'from the beginning of the file'),
  lengthBytes: u32(8, 'bytes'),
});

const AttributeHeader = struct('AttributeHeader', 36, 'big', SECTION, {
  magic: u32(0, 'says "ATTR"', { magic: ATTRIBUTE_MAGIC, show: hex }),
  fileId: u32(4, 'debug_tag: inode of this file when it was made'),
  totalSizeBytes: u32(8, 'total_size: file offset of the end of header, entries, values and free space'),
  dataStartBytes: u32(12, 'data_start: file offset of the first value'),
  dataLengthBytes: u32(16, 'data_length: bytes of all values'),
  reserved1: reserved(20, 12),
  flags: u16(32, 'no flag is defined'),
  attributeCount: u16(34, 'num_attrs'),
});

/** The name follows, NUL-terminated, and padding up to four bytes. */
const AttributeEntry = struct('AttributeEntry', 11, 'big', SECTION, {
  offsetBytes: u32(0, 'file offset of the value'),
  lengthBytes: u32(4, 'bytes of the value'),
  flags: u16(8, 'no flag is defined'),
  nameBytes: u8(10, 'bytes of the name with its NUL'),
});

const ENTRY_COUNT_MAX = 15;
const ATTRIBUTE_COUNT_MAX = 256;
const FINDER_INFO_AT = Header.sizeBytes + 2 * HeaderEntry.sizeBytes;
const ATTRIBUTE_HEADER_AT = 84;
const ATTRIBUTE_ENTRIES_AT = ATTRIBUTE_HEADER_AT + AttributeHeader.sizeBytes;
export const FINDER_INFO_BYTES = 32;
/** A new file has this size, and its attribute area grows by this much (ATTR_BUF_SIZE). */
export const GROWTH_BYTES = 4096;
/** Header and entries lie in the first 64 KiB (ATTR_MAX_HDR_SIZE). */
export const HEADER_BYTES_MAX = 65_536;

/** A resource fork without resources: macOS gives one to every new file so that old programs find a valid fork. */
const EmptyResourceFork = struct('EmptyResourceFork', 286, 'big', SECTION, {
  dataOffsetBytes: u32(0, 'offset of the resources'),
  mapOffsetBytes: u32(4, 'offset of the map'),
  dataLengthBytes: u32(8, 'bytes of resources'),
  mapLengthBytes: u32(12, 'bytes of the map'),
  tag: ascii(16, 112, 'says that the fork is empty'),
  application: reserved(128, 128),
  mapDataOffsetBytes: u32(256, 'the map repeats the header'),
  mapMapOffsetBytes: u32(260, ''),
  mapDataLengthBytes: u32(264, ''),
  mapMapLengthBytes: u32(268, ''),
  next: reserved(272, 8, 'handles and attributes in memory'),
  typesOffsetBytes: u16(280, 'offset of the list of types in the map'),
  namesOffsetBytes: u16(282, 'offset of the list of names in the map'),
  typeCount: u16(284, 'types minus one'),
});
const EMPTY_FORK_TAG = 'This resource fork intentionally left blank   ';
const EMPTY_FORK_DATA_AT = 256;
const EMPTY_FORK_MAP_BYTES = 30;
export const EMPTY_FORK_BYTES = EmptyResourceFork.sizeBytes;

export interface ByteRange {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

export interface StoredAttribute extends ByteRange {
  readonly name: string;
  readonly flags: number;
}

/** What a file says about itself, checked: every range lies inside the file. */
export interface AppleDouble {
  /** Null when there is no such entry. */
  readonly finderInfo: (ByteRange & { readonly value: Uint8Array }) | null;
  readonly resourceFork: ByteRange | null;
  /** Null when the Finder information holds no table of attributes. */
  readonly table: {
    readonly fileId: number;
    readonly totalSizeBytes: number;
    readonly attributes: readonly StoredAttribute[];
  } | null;
  /** Laid out as macOS does, Finder information before resource fork and nothing else: then it can be changed. */
  readonly isChangeable: boolean;
}

/**
 * `head` is the beginning of the file, all of it or HEADER_BYTES_MAX. ENOATTR, with a sentence, for a file that is no
 * AppleDouble file or points outside itself: its attributes do not exist, as far as macOS is concerned.
 */
export function parseAppleDouble(head: Uint8Array, fileSizeBytes: number): AppleDouble {
  const entries = headerEntries(head, fileSizeBytes);
  const first = entries.findLast(
    ({ id, lengthBytes }) => id === FINDER_INFO_ID && lengthBytes >= FINDER_INFO_BYTES,
  );
  if (first !== undefined && first.offsetBytes + FINDER_INFO_BYTES > head.length) {
    throw damaged('the Finder information lies too far behind the beginning');
  }
  const resourceFork = entries.findLast(({ id }) => id === RESOURCE_FORK_ID) ?? null;
  const value = first && head.slice(first.offsetBytes, first.offsetBytes + FINDER_INFO_BYTES);
  const mayHoldTable = first !== undefined && first === entries[0] && first.offsetBytes === FINDER_INFO_AT;
  return {
    finderInfo:
      first && value ? { offsetBytes: first.offsetBytes, lengthBytes: first.lengthBytes, value } : null,
    resourceFork,
    table: mayHoldTable ? attributeTable(head, first) : null,
    isChangeable: mayHoldTable && entries.length === 2 && entries[1] === resourceFork,
  };
}

/** check_and_swap_apple_double_header: entries inside the file, behind the header, none over another. */
function headerEntries(head: Uint8Array, fileSizeBytes: number) {
  if (head.length < Header.sizeBytes) throw damaged('it is too short');
  const { magic, version, entryCount } = Header.peek(head);
  if (magic !== MAGIC || version !== VERSION) throw damaged('it does not begin as an AppleDouble file');
  const end = Header.sizeBytes + entryCount * HeaderEntry.sizeBytes;
  if (entryCount < 1 || entryCount > ENTRY_COUNT_MAX || end > head.length) {
    throw damaged(`it claims ${entryCount} entries`);
  }
  const entries = Array.from({ length: entryCount }, (_, i) =>
    HeaderEntry.peek(head, Header.sizeBytes + i * HeaderEntry.sizeBytes),
  );
  entries.forEach((entry, i) => {
    const entryEnd = entry.offsetBytes + entry.lengthBytes;
    if (entry.offsetBytes < end || entryEnd > fileSizeBytes)
      throw damaged(`entry ${i} points outside the file`);
    const overlaps = entries
      .slice(0, i)
      .some(
        (other) => entryEnd > other.offsetBytes && other.offsetBytes + other.lengthBytes > entry.offsetBytes,
      );
    if (overlaps) throw damaged(`entry ${i} lies over another`);
  });
  return entries;
}

/** check_and_swap_attrhdr: a table that does not add up is as good as none. */
function attributeTable(head: Uint8Array, finderInfo: ByteRange): AppleDouble['table'] {
  const finderInfoEnd = finderInfo.offsetBytes + finderInfo.lengthBytes;
  if (finderInfoEnd < ATTRIBUTE_ENTRIES_AT || head.length < ATTRIBUTE_ENTRIES_AT) return null;
  const header = AttributeHeader.peek(head, ATTRIBUTE_HEADER_AT);
  const dataEnd = header.dataStartBytes + header.dataLengthBytes;
  const isSound =
    header.magic === ATTRIBUTE_MAGIC &&
    header.totalSizeBytes <= finderInfoEnd &&
    header.dataStartBytes >= ATTRIBUTE_ENTRIES_AT &&
    header.dataStartBytes <= head.length &&
    dataEnd <= header.totalSizeBytes &&
    header.attributeCount <= ATTRIBUTE_COUNT_MAX;
  if (!isSound) return null;

  const attributes: StoredAttribute[] = [];
  let at = ATTRIBUTE_ENTRIES_AT;
  let valueBytes = 0;
  for (let i = 0; i < header.attributeCount; i++) {
    if (at + AttributeEntry.sizeBytes > header.dataStartBytes) return null;
    const { offsetBytes, lengthBytes, flags, nameBytes } = AttributeEntry.peek(head, at);
    const nameAt = at + AttributeEntry.sizeBytes;
    const name = head.subarray(nameAt, nameAt + nameBytes);
    const isInside = offsetBytes >= header.dataStartBytes && offsetBytes + lengthBytes <= dataEnd;
    if (!isInside || nameAt + nameBytes > header.dataStartBytes || name.indexOf(0) !== nameBytes - 1)
      return null;
    attributes.push({ name: textOf(name.subarray(0, -1)), flags, offsetBytes, lengthBytes });
    valueBytes += lengthBytes;
    at += entryBytes(nameBytes);
  }
  if (at > header.dataStartBytes || valueBytes !== header.dataLengthBytes) return null;
  return { fileId: header.fileId, totalSizeBytes: header.totalSizeBytes, attributes };
}

export interface AppleDoubleContents {
  readonly fileId: number;
  readonly finderInfo: Uint8Array;
  readonly attributes: readonly {
    readonly name: string;
    readonly flags: number;
    readonly value: Uint8Array;
  }[];
  /** Everything before the resource fork, free space included: at least what `spaceFor` says. */
  readonly totalSizeBytes: number;
  readonly resourceForkBytes: number;
}

/** Everything before the resource fork. */
export function encodeAppleDouble(contents: AppleDoubleContents): Uint8Array {
  const { fileId, finderInfo, attributes, totalSizeBytes, resourceForkBytes } = contents;
  const out = new Uint8Array(totalSizeBytes);
  Header.write(out, { filler: 'Mac OS X        ', entryCount: 2 });
  HeaderEntry.write(
    out,
    { id: FINDER_INFO_ID, offsetBytes: FINDER_INFO_AT, lengthBytes: totalSizeBytes - FINDER_INFO_AT },
    Header.sizeBytes,
  );
  HeaderEntry.write(
    out,
    { id: RESOURCE_FORK_ID, offsetBytes: totalSizeBytes, lengthBytes: resourceForkBytes },
    Header.sizeBytes + HeaderEntry.sizeBytes,
  );
  out.set(finderInfo, FINDER_INFO_AT);

  const names = attributes.map(({ name }) => concatBytes([utf8(name), new Uint8Array(1)]));
  const dataStartBytes = names.reduce((sum, name) => sum + entryBytes(name.length), ATTRIBUTE_ENTRIES_AT);
  let entryAt = ATTRIBUTE_ENTRIES_AT;
  let valueAt = dataStartBytes;
  attributes.forEach(({ flags, value }, i) => {
    const name = names[i] ?? new Uint8Array(1);
    AttributeEntry.write(
      out,
      { offsetBytes: valueAt, lengthBytes: value.length, flags, nameBytes: name.length },
      entryAt,
    );
    out.set(name, entryAt + AttributeEntry.sizeBytes);
    out.set(value, valueAt);
    entryAt += entryBytes(name.length);
    valueAt += value.length;
  });
  AttributeHeader.write(
    out,
    {
      fileId,
      totalSizeBytes,
      dataStartBytes,
      dataLengthBytes: valueAt - dataStartBytes,
      flags: 0,
      attributeCount: attributes.length,
    },
    ATTRIBUTE_HEADER_AT,
  );
  return out;
}

/** Room before the resource fork of a new file: 4096 bytes with the empty fork. */
export const NEW_TOTAL_BYTES = GROWTH_BYTES - EMPTY_FORK_BYTES;

/**
 * Room needed before the resource fork for these attributes, given what there is: grows in steps of 4096 bytes, as far
 * as 64 KiB allow whole steps, and never shrinks. ENOSPC when the entries would not fit in the first 64 KiB.
 */
export function spaceFor(
  attributes: readonly { readonly name: string; readonly value: Uint8Array }[],
  totalSizeBytes: number,
): number {
  let entriesEnd = ATTRIBUTE_ENTRIES_AT;
  let valueBytes = 0;
  for (const { name, value } of attributes) {
    entriesEnd += entryBytes(utf8(name).length + 1);
    valueBytes += value.length;
  }
  if (entriesEnd > HEADER_BYTES_MAX || attributes.length > ATTRIBUTE_COUNT_MAX) {
    throw new FsError('ENOSPC', '', '', 'an AppleDouble file has no room for more attributes');
  }
  const missing = entriesEnd + valueBytes - totalSizeBytes;
  if (missing <= 0) return totalSizeBytes;
  const grown = totalSizeBytes + Math.ceil(missing / GROWTH_BYTES) * GROWTH_BYTES;
  const fitsInHeader = entriesEnd + valueBytes <= HEADER_BYTES_MAX;
  return fitsInHeader ? Math.min(grown, HEADER_BYTES_MAX) : grown;
}

export function emptyResourceFork(): Uint8Array {
  const out = new Uint8Array(EmptyResourceFork.sizeBytes);
  EmptyResourceFork.write(out, {
    ...{ dataOffsetBytes: EMPTY_FORK_DATA_AT, mapOffsetBytes: EMPTY_FORK_DATA_AT, dataLengthBytes: 0 },
    mapLengthBytes: EMPTY_FORK_MAP_BYTES,
    tag: EMPTY_FORK_TAG.padEnd(112, '\0'),
    ...{
      mapDataOffsetBytes: EMPTY_FORK_DATA_AT,
      mapMapOffsetBytes: EMPTY_FORK_DATA_AT,
      mapDataLengthBytes: 0,
    },
    mapMapLengthBytes: EMPTY_FORK_MAP_BYTES,
    typesOffsetBytes: EMPTY_FORK_MAP_BYTES - 2,
    namesOffsetBytes: EMPTY_FORK_MAP_BYTES,
    typeCount: 0xffff,
  });
  return out;
}

/** Is this fork, of exactly EMPTY_FORK_BYTES, the one that says it is none? */
export const isEmptyResourceFork = (fork: Uint8Array): boolean =>
  EmptyResourceFork.peek(fork).tag.startsWith(EMPTY_FORK_TAG);

/** All zeros count as no Finder information. */
export const isEmptyFinderInfo = (value: Uint8Array): boolean => isZero(value);

/** ATTR_ENTRY_LENGTH: the entry with its name, up to a multiple of four. */
const entryBytes = (nameBytes: number): number => Math.ceil((AttributeEntry.sizeBytes + nameBytes) / 4) * 4;

const damaged = (why: string) => new FsError('ENOATTR', '', '', `its AppleDouble file is not usable: ${why}`);
