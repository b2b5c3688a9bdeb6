import { FsError } from '../../base/errno.ts';
import { decompose, foldTable } from '../../codec/hfs-unicode.ts';
import { NAME_UNITS_MAX, CatalogKey } from './layout-catalog.ts';
import { KEY_COMPARE } from './layout-tree.ts';

/**
 * Names between a program and the disk, and the keys made of them. On the disk a name is 1 to 255 UTF-16 units,
 * decomposed; what Unix calls ':' is stored as '/', and the other way round. U+0000 is legal there; Unix sees U+2400
 * instead. Sources: TN1150 "HFS Plus Names"; apple-oss-distributions/hfs, core/hfs_encodings.c, hfs_catalog.c.
 */

/** What stands on the disk for a name as programs spell it. ENAMETOOLONG, EINVAL for an empty one. */
export function storedName(name: string): string {
  const stored = storedNameOrUndefined(name);
  if (stored !== undefined) return stored;
  if (name === '') throw new FsError('EINVAL', '', '', 'a name has at least one character');
  const detail = `HFS+ names have at most ${NAME_UNITS_MAX} UTF-16 units after decomposition, and é counts as two`;
  throw new FsError('ENAMETOOLONG', '', '', detail);
}

/** As `storedName`; undefined for what no item can be called. */
export function storedNameOrUndefined(name: string): string | undefined {
  if (name.length === 0 || name.length > NAME_UNITS_MAX) return undefined;
  const text = SURROGATE.test(name) ? name.replace(SURROGATES, escaped) : name;
  const swapped = SPECIAL.test(text) ? text.replace(SPECIAL_ALL, toDisk) : text;
  const stored = decompose(swapped);
  return stored.length > NAME_UNITS_MAX ? undefined : stored;
}

/** How programs see a stored name. */
export const shownName = (stored: string): string =>
  SPECIAL.test(stored) ? stored.replace(SPECIAL_ALL, toUnix) : stored;

const SURROGATE = /\p{Surrogate}/u;
const SURROGATES = /\p{Surrogate}/gu;

/**
 * Half a surrogate pair has no UTF-8: a program that forces its three bytes on macOS gets each of them spelled out as
 * %XX, in what is stored and in what is looked for. On a disk of others it is shown as it is.
 * [XNU bsd/vfs/vfs_utfconv.c utf8_decodestr, UTF_ESCAPE_ILLEGAL]
 */
function escaped(unit: string): string {
  const code = unit.charCodeAt(0);
  const bytes = [0xe0 | (code >>> 12), 0x80 | ((code >>> 6) & 0x3f), 0x80 | (code & 0x3f)];
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase()}`).join('');
}

const SPECIAL = /[:/\0\u2400]/;
const SPECIAL_ALL = /[:/\0\u2400]/g;
const TO_DISK: Readonly<Record<string, string>> = { ':': '/', '/': ':', '\u2400': '\0' };
const TO_UNIX: Readonly<Record<string, string>> = { '/': ':', ':': '/', '\0': '\u2400' };
const toDisk = (unit: string): string => TO_DISK[unit] ?? unit;
const toUnix = (unit: string): string => TO_UNIX[unit] ?? unit;

// ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const NAME_AT = CatalogKey.sizeBytes;

/** The key of the item called `stored` in folder `parentId`; without a name, of the thread of item `parentId`. */
export function catalogKey(parentId: number, stored: string): Uint8Array {
  const units = stored.length;
  const key = new Uint8Array(NAME_AT + 2 * units);
  key[0] = (6 + 2 * units) >>> 8;
  key[1] = 6 + 2 * units;
  key[2] = parentId >>> 24;
  key[3] = parentId >>> 16;
  key[4] = parentId >>> 8;
  key[5] = parentId;
  key[6] = units >>> 8;
  key[7] = units;
  for (let i = 0, at = NAME_AT; i < units; i++, at += 2) {
    const unit = stored.charCodeAt(i);
    key[at] = unit >>> 8;
    key[at + 1] = unit;
  }
  return key;
}

const u32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)) >>>
  0;

const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/** Units of the name in the key at `at`, as far as the key itself reaches. */
const unitsOf = (bytes: Uint8Array, at: number): number =>
  Math.min(u16(bytes, at + 6), Math.max((u16(bytes, at) - 6) >> 1, 0));

/** Order of catalog keys, compared where they lie: parent, then name. */
export interface CatalogOrder {
  readonly isCaseSensitive: boolean;
  compare(node: Uint8Array, at: number, key: Uint8Array): number;
}

/** FastUnicodeCompare of TN1150: case and ignorable units do not count. HFS+, and HFSX of compare type CF. */
export const FOLDING_ORDER: CatalogOrder = {
  isCaseSensitive: false,
  compare(node, at, key) {
    const parentA = u32(node, at + 2);
    const parentB = u32(key, 2);
    if (parentA !== parentB) return parentA < parentB ? -1 : 1;
    if (key !== foldedKey) foldKey(key);
    const end = at + NAME_AT + 2 * unitsOf(node, at);
    let index = 0;
    for (let unitAt = at + NAME_AT; unitAt < end; unitAt += 2) {
      const unit = folds[((node[unitAt] ?? 0) << 8) | (node[unitAt + 1] ?? 0)] ?? 0;
      if (unit === 0) continue;
      // Behind the end of the shorter name stands 0, below every unit.
      const other = index < foldedCount ? (folded[index++] ?? 0) : 0;
      if (unit !== other) return unit - other;
    }
    return index < foldedCount ? -1 : 0;
  },
};

// One key is compared with many: its name is folded once, what is passed over left out.
let folds: Uint16Array = new Uint16Array(0);
const folded = new Uint16Array(NAME_UNITS_MAX);
let foldedCount = 0;
let foldedKey: Uint8Array | undefined;

function foldKey(key: Uint8Array): void {
  const end = NAME_AT + 2 * Math.min(unitsOf(key, 0), NAME_UNITS_MAX);
  folds = foldTable();
  foldedCount = 0;
  for (let at = NAME_AT; at < end; at += 2) {
    const unit = folds[u16(key, at)] ?? 0;
    if (unit !== 0) folded[foldedCount++] = unit;
  }
  foldedKey = key;
}

/** Unit by unit, then length. HFSX of compare type BC. */
export const BINARY_ORDER: CatalogOrder = {
  isCaseSensitive: true,
  compare(node, at, key) {
    const parentA = u32(node, at + 2);
    const parentB = u32(key, 2);
    if (parentA !== parentB) return parentA < parentB ? -1 : 1;
    const bytesA = 2 * unitsOf(node, at);
    const bytesB = 2 * unitsOf(key, 0);
    const end = NAME_AT + Math.min(bytesA, bytesB);
    for (let i = NAME_AT; i < end; i++) {
      const byteA = node[at + i] ?? 0;
      const byteB = key[i] ?? 0;
      if (byteA !== byteB) return byteA - byteB;
    }
    return bytesA - bytesB;
  },
};

/** The order a catalog has by its header; HFS+ knows but one. */
export const orderOf = (isHfsx: boolean, keyCompareType: number): CatalogOrder =>
  isHfsx && keyCompareType === KEY_COMPARE.binary ? BINARY_ORDER : FOLDING_ORDER;
