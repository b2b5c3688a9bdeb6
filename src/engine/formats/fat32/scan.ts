import { ATTRIBUTE, ENTRY_FREE, ENTRY_SIZE_BYTES, LONG_NAME_LAST } from './layout.ts';
import { longNamePart, nameOfDiskName, shortNameAt, shortNameChecksum, shownShortName } from './names.ts';

/** Marks a slot that is no short entry of a file, where counts of long-name slots are kept (those go to 20). */
export const NOT_AN_ENTRY = 0xff;

export interface DirectoryVisitor {
  /** A file or directory: slot of its short entry, long-name slots before it, its name and its short name as shown. */
  entry(slot: number, longCount: number, name: string, shortName: string): void;
  freeSlot(slot: number): void;
  label(slot: number): void;
  /** Slots 0 and 1 are '.' and '..'. */
  dots(): void;
}

/**
 * One pass over the slots of a directory. Long names count only when every slot is where it belongs and carries the
 * short name's checksum; otherwise the short name is the name, and stray slots are passed over.
 */
export function scanDirectory(bytes: Uint8Array, slotCount: number, visitor: DirectoryVisitor): void {
  let expected = 0;
  let count = 0;
  let checksum = 0;
  let diskName = '';
  for (let slot = 0; slot < slotCount; slot++) {
    const at = slot * ENTRY_SIZE_BYTES;
    const first = bytes[at] ?? 0;
    const attributes = bytes[at + 11] ?? 0;
    if (first === ENTRY_FREE) {
      visitor.freeSlot(slot);
      expected = 0;
      diskName = '';
    } else if ((attributes & ATTRIBUTE.longNameMask) === ATTRIBUTE.longName) {
      const part = first & ~LONG_NAME_LAST;
      if (first & LONG_NAME_LAST && part >= 1 && part <= 20) {
        count = part;
        checksum = bytes[at + 13] ?? 0;
        diskName = longNamePart(bytes, at);
      } else if (expected > 0 && part === expected && bytes[at + 13] === checksum) {
        diskName = longNamePart(bytes, at) + diskName;
      } else {
        diskName = '';
      }
      expected = diskName === '' ? 0 : part - 1;
      if (expected === 0 && part !== 1) diskName = '';
    } else {
      const isWhole = diskName !== '' && expected === 0;
      visitShort(bytes, slot, attributes, isWhole ? { diskName, count, checksum } : undefined, visitor);
      expected = 0;
      diskName = '';
    }
  }
}

interface LongName {
  readonly diskName: string;
  readonly count: number;
  readonly checksum: number;
}

function visitShort(
  bytes: Uint8Array,
  slot: number,
  attributes: number,
  long: LongName | undefined,
  visitor: DirectoryVisitor,
): void {
  const at = slot * ENTRY_SIZE_BYTES;
  const short = shortNameAt(bytes, at);
  if (attributes & ATTRIBUTE.label) {
    visitor.label(slot);
  } else if (short === DOT || short === DOT_DOT) {
    if (slot === 1 && short === DOT_DOT && shortNameAt(bytes, 0) === DOT) visitor.dots();
  } else {
    const shortName = nameOfDiskName(shownShortName(short, bytes[at + 12] ?? 0));
    const isLong = long !== undefined && long.checksum === shortNameChecksum(short);
    const longName = isLong ? nameOfDiskName(long.diskName) : '';
    if (longName === '' || longName === '.' || longName === '..')
      visitor.entry(slot, 0, shortName, shortName);
    else visitor.entry(slot, long?.count ?? 0, longName, shortName);
  }
}

const DOT = '.'.padEnd(11);
const DOT_DOT = '..'.padEnd(11);
