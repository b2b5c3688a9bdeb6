import { textOfUnits } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import { LONG_NAME_UNITS_MAX, LONG_NAME_UNITS_PER_ENTRY, NT_CASE } from './layout.ts';

/**
 * Names: how a file's name becomes a short entry and long-name slots, and how it is compared.
 *
 * Three spellings of one name occur:
 * - the name as programs see it: `a:b`, without '/' and NUL;
 * - the disk name: the same with macOS's stand-ins for what FAT forbids, in composed form (NFC); it fills the slots;
 * - the short name: eleven characters without the dot, 'README  TXT', one byte each.
 *
 * Short and long names share one namespace; `nameKey` is what two names must agree in to be the same name.
 * Sources: FATGEN 1.03, "FAT Long Directory Entries"; Apple msdosfs-788, msdosfs_conv.c (stand-ins, NT case bits).
 */

// ── stand-ins for forbidden characters (Services for Macintosh) ─────────────────────────────────────────────────────

/** Position n stands at U+F020 + n. The last two only at the end of a name, where Windows would drop them. */
const STOOD_IN = '"*:<>?\\|';
const TRAILING_SPACE = '\uf028';
const TRAILING_DOT = '\uf029';

const FORBIDDEN = /[\x01-\x1f"*:<>?\\|]|[ .]$/g;
const STAND_IN = /[\uf001-\uf029]/g;

const standInFor = (character: string): string => {
  if (character === ' ') return TRAILING_SPACE;
  if (character === '.') return TRAILING_DOT;
  const index = STOOD_IN.indexOf(character);
  return String.fromCharCode(index >= 0 ? 0xf020 + index : 0xf000 + character.charCodeAt(0));
};

const stoodInBy = (standIn: string): string => {
  if (standIn === TRAILING_SPACE) return ' ';
  if (standIn === TRAILING_DOT) return '.';
  const code = standIn.charCodeAt(0) - 0xf000;
  return code < 0x20 ? String.fromCharCode(code) : STOOD_IN.charAt(code - 0x20);
};

/** Plain names, by far the most: nothing to map, nothing to compose, nothing that fails. */
const PLAIN = /^[\w !#$%&'()+,;=@[\]^`{}~.-]*[\w!#$%&'()+,;=@[\]^`{}~-]$/;

const STAND_IN_OR_WORSE = /[\uf001-\uf029/]|\p{Surrogate}/u;

/**
 * What programs see of a name that is stored as `diskName`. A slash or half a surrogate pair, which no driver writes,
 * becomes U+FFFD: nothing on a disk may look like a path.
 */
export const nameOfDiskName = (diskName: string): string =>
  STAND_IN_OR_WORSE.test(diskName)
    ? diskName.replace(STAND_IN, stoodInBy).replace(/\/|\p{Surrogate}/gu, '\ufffd')
    : diskName;

/**
 * What is stored for `name`. FsError: EINVAL for '', '.', '..', a slash or NUL; EILSEQ for half a surrogate pair;
 * ENAMETOOLONG beyond 255 UTF-16 units.
 */
export function diskNameOf(name: string): string {
  if (name.length <= LONG_NAME_UNITS_MAX && PLAIN.test(name)) return name;
  if (name === '' || name === '.' || name === '..') {
    throw new FsError('EINVAL', '', '', `'${name}' is not a name that a file can have`);
  }
  if (/[/\0]/.test(name)) {
    throw new FsError('EINVAL', '', '', 'a name holds neither a slash nor a NUL character');
  }
  if (/\p{Surrogate}/u.test(name)) {
    throw new FsError('EILSEQ', '', '', 'the name holds half a surrogate pair, which is no character');
  }
  const diskName = name.normalize('NFC').replace(FORBIDDEN, standInFor);
  if (diskName.length > LONG_NAME_UNITS_MAX) {
    const detail = `the name has ${diskName.length} UTF-16 units, FAT has room for ${LONG_NAME_UNITS_MAX}`;
    throw new FsError('ENAMETOOLONG', '', '', detail);
  }
  return diskName;
}

// ── comparing ───────────────────────────────────────────────────────────────────────────────────────────────────────

const ASCII = /^[\0-\x7f]*$/;

let upperCaseOf: Uint16Array | undefined;

/**
 * Unicode's simple upper case of each UTF-16 unit: one unit to one unit, no language. What is not ASCII never becomes
 * ASCII (Windows' table keeps 'ı' and 'ſ' apart from 'i' and 's' likewise), so plain names meet plain names only.
 */
function upperCaseTable(): Uint16Array {
  if (upperCaseOf) return upperCaseOf;
  const table = new Uint16Array(0x10000);
  for (let unit = 0; unit < 0x10000; unit++) {
    const upper = String.fromCharCode(unit).toUpperCase();
    const mapped = upper.length === 1 ? upper.charCodeAt(0) : simpleUpperCase(unit);
    table[unit] = unit >= 0x80 && mapped < 0x80 ? unit : mapped;
  }
  return (upperCaseOf = table);
}

/** Where JavaScript's full mapping gives several units: Greek with iota below has a simple mapping, the rest has none. */
function simpleUpperCase(unit: number): number {
  if (unit >= 0x1f80 && unit <= 0x1faf) return unit | 8;
  return unit === 0x1fb3 || unit === 0x1fc3 || unit === 0x1ff3 ? unit + 9 : unit;
}

/** Equal keys, same name: upper case, composed, stand-ins resolved. Takes names as programs or as disks spell them. */
export function nameKey(name: string): string {
  // One operation asks for the same name several times: to find it, to be sure that it is free, to enter it.
  if (name !== latestName) {
    latestKey = keyOf(name);
    latestName = name;
  }
  return latestKey;
}

let latestName = '';
let latestKey = '';

function keyOf(name: string): string {
  if (ASCII.test(name)) return name.toUpperCase();
  const table = upperCaseTable();
  const composed = nameOfDiskName(name).normalize('NFC');
  let key = '';
  for (let i = 0; i < composed.length; i++) {
    key += String.fromCharCode(table[composed.charCodeAt(i)] ?? 0);
  }
  return key;
}

// ── short names ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** 'README.TXT' for 'README  TXT'. */
export function shortNameText(short: string): string {
  const base = short.slice(0, 8).trimEnd();
  const extension = short.slice(8).trimEnd();
  return extension === '' ? base : `${base}.${extension}`;
}

/** Code page 437, upper half: what DOS and Linux take bytes of a short name for. */
const CODE_PAGE_437 =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»' +
  '░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

/** The eleven bytes of an entry at `at` as a short name; the escape for E5 is resolved, other bytes stay as they are. */
export function shortNameAt(bytes: Uint8Array, at: number): string {
  const first = bytes[at] === 0x05 ? 0xe5 : (bytes[at] ?? 0);
  return String.fromCharCode(
    first,
    bytes[at + 1] ?? 0,
    bytes[at + 2] ?? 0,
    bytes[at + 3] ?? 0,
    bytes[at + 4] ?? 0,
    bytes[at + 5] ?? 0,
    bytes[at + 6] ?? 0,
    bytes[at + 7] ?? 0,
    bytes[at + 8] ?? 0,
    bytes[at + 9] ?? 0,
    bytes[at + 10] ?? 0,
  );
}

/** How an entry without long name is shown: with its dot, its NT case bits applied, foreign letters by code page 437. */
export function shownShortName(short: string, ntCase: number): string {
  let base = short.slice(0, 8).trimEnd();
  let extension = short.slice(8).trimEnd();
  if (ntCase & NT_CASE.baseLower) base = base.toLowerCase();
  if (ntCase & NT_CASE.extensionLower) extension = extension.toLowerCase();
  const shown = extension === '' ? base : `${base}.${extension}`;
  return ASCII.test(shown)
    ? shown
    : shown.replace(/[\x80-\xff]/g, (byte) => CODE_PAGE_437.charAt(byte.charCodeAt(0) - 0x80));
}

/** Ties long-name slots to their short entry. FATGEN 1.03, "ChkSum": rotate right by one, add. */
export function shortNameChecksum(short: string): number {
  let sum = 0;
  for (let i = 0; i < 11; i++) sum = (((sum & 1) << 7) + (sum >> 1) + short.charCodeAt(i)) & 0xff;
  return sum;
}

/** A label as people read it. */
export const labelText = (field: string): string =>
  field.trimEnd().replace(/[\x80-\xff]/g, (byte) => CODE_PAGE_437.charAt(byte.charCodeAt(0) - 0x80));

const SHORT_CHARACTERS = /^[A-Z0-9$%'\-_@~`!(){}^#&]*$/;

export interface ShortForm {
  readonly short: string;
  readonly ntCase: number;
}

const ONE_CASE = /^(?:([^a-z. ]{1,8})|([^A-Z. ]{1,8}))(?:\.(?:([^a-z. ]{1,3})|([^A-Z. ]{1,3})))?$/;
const SHORT_OR_LOWER = /^[A-Za-z0-9$%'\-_@~`!(){}^#&.]{1,12}$/;

/**
 * The short entry that says everything about `diskName`, or undefined when it needs long-name slots. Base and extension
 * may each be all lower case: then the NT case bits say so.
 */
export function wholeShortForm(diskName: string): ShortForm | undefined {
  if (!SHORT_OR_LOWER.test(diskName)) return undefined;
  const match = ONE_CASE.exec(diskName);
  if (!match) return undefined;
  const [, upperBase, lowerBase, upperExtension, lowerExtension] = match;
  const base = upperBase ?? lowerBase ?? '';
  const extension = upperExtension ?? lowerExtension ?? '';
  return {
    short: base.toUpperCase().padEnd(8) + extension.toUpperCase().padEnd(3),
    ntCase:
      (lowerBase === undefined ? 0 : NT_CASE.baseLower) |
      (lowerExtension === undefined ? 0 : NT_CASE.extensionLower),
  };
}

const NUMBERED_TAILS_MAX = 4;
const HASHED_TAILS_MAX = 9;

/**
 * A short name for `diskName`, which needs long-name slots, that is not yet taken in its directory. As Windows makes
 * them: LONGNA~1.TXT up to ~4, then two characters and a hash of the name, LO1F3A~1.TXT. The hash keeps the search
 * short however many names begin alike, and depends on the name alone, so equal scripts make equal disks.
 *
 * `isTaken` is asked with keys of `nameKey`. Ends because a directory has 65,536 entries and there are more hashes.
 */
export function makeShortName(diskName: string, isTaken: (key: string) => boolean): string {
  const { base, extension, isLossy } = basisOf(diskName);
  const end = extension === '' ? '' : `.${extension}`;
  if (!isLossy && base.length <= 8 && !isTaken(base + end)) return pad(base, extension);

  const stem = base.slice(0, 6);
  for (let number = 1; number <= NUMBERED_TAILS_MAX; number++) {
    const candidate = `${stem}~${number}`;
    if (!isTaken(candidate + end)) return pad(candidate, extension);
  }
  const start = base.slice(0, 2);
  for (let hash = hash16(nameKey(diskName)); ; hash = (hash + 1) & 0xffff) {
    const middle = hash.toString(16).toUpperCase().padStart(4, '0');
    for (let number = 1; number <= HASHED_TAILS_MAX; number++) {
      const candidate = `${start}${middle}~${number}`;
      if (!isTaken(candidate + end)) return pad(candidate, extension);
    }
  }
}

const pad = (base: string, extension: string): string => base.padEnd(8) + extension.padEnd(3);

/** FATGEN 1.03, "The Basis-Name Generation Algorithm"; `isLossy` says that the tail is needed even without collision. */
function basisOf(diskName: string): { base: string; extension: string; isLossy: boolean } {
  const trimmed = diskName.replace(/^[. ]+/, '');
  const dot = trimmed.lastIndexOf('.');
  const base = shortCharacters(dot > 0 ? trimmed.slice(0, dot) : trimmed);
  const extension = dot > 0 ? shortCharacters(trimmed.slice(dot + 1)) : '';
  const kept = dot > 0 && extension !== '' ? `${base}.${extension}` : base;
  return {
    base: base === '' ? '_' : base,
    extension: extension.slice(0, 3),
    isLossy: kept !== diskName.toUpperCase() || extension.length > 3,
  };
}

/** Upper case, without spaces and dots, `_` for whatever a short name cannot hold. */
function shortCharacters(part: string): string {
  const upper = ASCII.test(part) ? part.toUpperCase() : part;
  if (SHORT_CHARACTERS.test(upper)) return upper;
  return upper
    .replace(/[ .]/g, '')
    .replace(/[\ud800-\udbff][\udc00-\udfff]|[^A-Z0-9$%'\-_@~`!(){}^#&]/g, '_');
}

/** FNV-1a of Fowler, Noll and Vo over the UTF-16 units, folded to 16 bits. */
function hash16(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return ((hash >>> 16) ^ hash) & 0xffff;
}

// ── long-name slots ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Slots that the long name of `diskName` fills, without the short entry: 1 to 20. */
export const longNameSlotCount = (diskName: string): number =>
  Math.ceil(diskName.length / LONG_NAME_UNITS_PER_ENTRY);

/** Byte positions of the 13 UTF-16 units within a slot. */
const UNIT_OFFSETS_BYTES = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30] as const;

/** Write the slots of a long name, last part first, `slotCount` × 32 bytes from `at` on. */
export function writeLongNameSlots(bytes: Uint8Array, at: number, diskName: string, checksum: number): void {
  const slotCount = longNameSlotCount(diskName);
  for (let part = slotCount; part >= 1; part--, at += 32) {
    bytes.fill(0xff, at, at + 32);
    bytes[at] = part === slotCount ? part | 0x40 : part;
    bytes[at + 11] = 0x0f;
    bytes[at + 12] = 0;
    bytes[at + 13] = checksum;
    bytes[at + 26] = 0;
    bytes[at + 27] = 0;
    // A 0 ends the name where it does not fill its last slot; FF fills the rest.
    let index = (part - 1) * LONG_NAME_UNITS_PER_ENTRY;
    for (const offset of UNIT_OFFSETS_BYTES) {
      if (index > diskName.length) break;
      const unit = index === diskName.length ? 0 : diskName.charCodeAt(index);
      bytes[at + offset] = unit;
      bytes[at + offset + 1] = unit >>> 8;
      index++;
    }
  }
}

const units = new Uint16Array(LONG_NAME_UNITS_PER_ENTRY);

/** The units of one slot up to its terminating 0. */
export function longNamePart(bytes: Uint8Array, at: number): string {
  let count = 0;
  for (const offset of UNIT_OFFSETS_BYTES) {
    const unit = (bytes[at + offset] ?? 0) | ((bytes[at + offset + 1] ?? 0) << 8);
    if (unit === 0) break;
    units[count++] = unit;
  }
  return textOfUnits(units.subarray(0, count));
}

// ── volume labels ───────────────────────────────────────────────────────────────────────────────────────────────────

const LABEL_FORBIDDEN = /["*+,./:;<=>?[\\\]|]/;
export const LABEL_LENGTH_MAX = 11;
export const NO_LABEL = 'NO NAME    ';

/**
 * The eleven characters of a volume label, upper case. FsError EINVAL for what a label cannot hold, ENAMETOOLONG
 * beyond eleven. Source: Apple msdosfs-788, newfs_msdos, `oklabel`; macOS upper-cases what the user types.
 */
export function labelField(label: string): string {
  if (label.length > LABEL_LENGTH_MAX) {
    const detail = `a FAT label has at most ${LABEL_LENGTH_MAX} characters, '${label}' has ${label.length}`;
    throw new FsError('ENAMETOOLONG', '', '', detail);
  }
  const upper = label.toUpperCase();

  if (!/^[\x20-\x7e]*$/.test(upper) || LABEL_FORBIDDEN.test(upper) || /^ /.test(upper)) {
    const detail = `'${label}' is no FAT label: use letters A to Z, digits, spaces inside and !#$%&'()-@^_\`{}~`;
    throw new FsError('EINVAL', '', '', detail);
  }
  return upper.padEnd(LABEL_LENGTH_MAX);
}
