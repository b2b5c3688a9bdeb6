import { textOfUnits } from '../../base/bytes.ts';
import { ATTRIBUTE, DirectoryEntry, ENTRY_END, LONG_NAME_LAST, LongNameEntry } from './layout.ts';
import { ENTRY_SIZE_BYTES, LONG_NAME_UNITS_PER_ENTRY } from './layout.ts';
import type { DirectoryContents } from './fsck-contents.ts';
import { isFreeSlot } from './fsck-contents.ts';
import { shortNameChecksum } from './fsck-names.ts';

/**
 * Slots sorted into what they mean together: an entry with the parts of its long name before it, or parts that belong
 * to no entry. Nothing is judged here but whether the parts fit.
 */
export interface SlotGroup {
  /** Slot of the short entry; −1 when there is none behind these parts. */
  readonly slot: number;
  readonly firstSlot: number;
  /** One past the last slot. */
  readonly endSlot: number;
  readonly longName: string | null;
  /** Why the parts make no name; null when there are none or they fit. */
  readonly fault: string | null;
}

export interface ParsedDirectory {
  readonly groups: readonly SlotGroup[];
  /** The end marker; the number of slots when there is none. */
  readonly endSlot: number;
  /** Slots behind the end marker that are neither zero nor deleted. */
  readonly staleSlots: readonly number[];
  /** Parts of long names with a field that is not as it must be, whatever else. */
  readonly blemishedParts: readonly number[];
}

const ATTRIBUTES_AT = DirectoryEntry.fields.attributes.at;
const TYPE_AT = LongNameEntry.fields.type.at;
const CHECKSUM_AT = LongNameEntry.fields.checksum.at;
const CLUSTER_AT = LongNameEntry.fields.firstCluster.at;
const ORDER_MASK = 0x3f;
const PARTS_MAX = 20;

export const isLongNamePart = (slot: Uint8Array): boolean =>
  ((slot[ATTRIBUTES_AT] ?? 0) & ATTRIBUTE.longNameMask) === ATTRIBUTE.longName;

export function parseSlots(contents: DirectoryContents): ParsedDirectory {
  const parser = new Parser();
  let endSlot = -1;
  let expected = 0;
  const staleSlots: number[] = [];
  for (const piece of contents.pieces) {
    if (piece.firstSlot !== expected && endSlot < 0) endSlot = expected;
    const slots = piece.bytes.length / ENTRY_SIZE_BYTES;
    for (let i = 0; i < slots; i++) {
      const at = i * ENTRY_SIZE_BYTES;
      const first = piece.bytes[at] ?? 0;
      const slot = piece.firstSlot + i;
      if (endSlot >= 0) {
        if (!isFreeSlot(first)) staleSlots.push(slot);
      } else if (first === ENTRY_END) {
        endSlot = slot;
      } else {
        parser.take(slot, piece.bytes.subarray(at, at + ENTRY_SIZE_BYTES));
      }
    }
    expected = piece.firstSlot + slots;
  }
  parser.end();
  return {
    groups: parser.groups,
    endSlot: endSlot < 0 ? expected : endSlot,
    staleSlots,
    blemishedParts: parser.blemishedParts,
  };
}

/** The parts read so far of a long name that its short entry has not closed yet. */
interface OpenName {
  readonly firstSlot: number;
  endSlot: number;
  readonly checksum: number;
  /** Number the next part must carry; 0 when the name is complete. */
  nextOrder: number;
  readonly parts: Uint8Array[];
  fault: string | null;
}

class Parser {
  readonly groups: SlotGroup[] = [];
  readonly blemishedParts: number[] = [];
  #open: OpenName | null = null;

  take(slot: number, bytes: Uint8Array): void {
    if (isFreeSlot(bytes[0] ?? 0)) this.#closeWithoutEntry();
    else if (isLongNamePart(bytes)) this.#takePart(slot, bytes);
    else this.#takeEntry(slot, bytes);
  }

  end(): void {
    this.#closeWithoutEntry();
  }

  #takePart(slot: number, bytes: Uint8Array): void {
    const order = bytes[0] ?? 0;
    const number = order & ORDER_MASK;
    const checksum = bytes[CHECKSUM_AT] ?? 0;
    if (
      bytes[ATTRIBUTES_AT] !== ATTRIBUTE.longName ||
      bytes[TYPE_AT] ||
      bytes[CLUSTER_AT] ||
      bytes[CLUSTER_AT + 1]
    ) {
      this.blemishedParts.push(slot);
    }
    if (order & LONG_NAME_LAST) {
      this.#closeWithoutEntry();
      const isNumbered = number >= 1 && number <= PARTS_MAX;
      const fault = isNumbered ? null : `part number ${number}`;
      this.#open = {
        firstSlot: slot,
        endSlot: slot + 1,
        checksum,
        nextOrder: number - 1,
        parts: [bytes],
        fault,
      };
      return;
    }
    if (!this.#open) {
      const fault = `part ${number} without the parts before it`;
      this.#open = { firstSlot: slot, endSlot: slot + 1, checksum, nextOrder: 0, parts: [], fault };
      return;
    }
    const open = this.#open;
    open.endSlot = slot + 1;
    if (number !== open.nextOrder || number === 0) {
      open.fault ??= `part ${number} where part ${open.nextOrder} must be`;
    } else if (checksum !== open.checksum) {
      open.fault ??= `part ${number} carries another checksum`;
    }
    open.nextOrder = number - 1;
    open.parts.push(bytes);
  }

  #takeEntry(slot: number, bytes: Uint8Array): void {
    const open = this.#open;
    this.#open = null;
    if (!open) {
      this.groups.push({ slot, firstSlot: slot, endSlot: slot + 1, longName: null, fault: null });
      return;
    }
    let { fault } = open;
    if (fault === null && open.nextOrder !== 0) fault = `part ${open.nextOrder} is missing`;
    if (fault === null && shortNameChecksum(bytes) !== open.checksum) fault = CHECKSUM_FAULT;
    const longName = fault === null ? nameOf(open.parts) : null;
    this.groups.push({ slot, firstSlot: open.firstSlot, endSlot: slot + 1, longName, fault });
  }

  #closeWithoutEntry(): void {
    const open = this.#open;
    if (!open) return;
    this.#open = null;
    const { firstSlot, endSlot } = open;
    this.groups.push({
      slot: -1,
      firstSlot,
      endSlot,
      longName: null,
      fault: open.fault ?? 'no entry follows',
    });
  }
}

export const CHECKSUM_FAULT = 'the checksum is of another short name';

const UNIT_OFFSETS = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

const units = new Uint16Array(PARTS_MAX * LONG_NAME_UNITS_PER_ENTRY);

/** The text of parts in the order of the disk, last part first. It ends at the first NUL. */
export function nameOf(parts: readonly Uint8Array[]): string {
  let length = 0;
  for (let i = parts.length - 1; i >= 0; i--) {
    const part = parts[i];
    if (!part) continue;
    for (let k = 0; k < LONG_NAME_UNITS_PER_ENTRY; k++) {
      const at = UNIT_OFFSETS[k] ?? 0;
      const unit = (part[at] ?? 0) | ((part[at + 1] ?? 0) << 8);
      if (unit === 0) return textOf(length);
      units[length++] = unit;
    }
  }
  return textOf(length);
}

const textOf = (length: number): string => textOfUnits(units.subarray(0, length));
