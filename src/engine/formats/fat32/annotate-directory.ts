import type { Annotation } from '../../codec/struct.ts';
import {
  DirectoryEntry,
  ENTRY_END,
  ENTRY_FREE,
  ENTRY_SIZE_BYTES,
  LONG_NAME_LAST,
  LongNameEntry,
} from './layout.ts';
import { longNamePart, shortNameAt, shownShortName } from './names.ts';
import { run } from './annotate-pieces.ts';
import type { BlockView, Piece } from './annotate-pieces.ts';
import { attributesOf } from './fsck-entries.ts';
import { isLongNamePart } from './fsck-slots.ts';
import { shown } from './fsck-report.ts';

/**
 * The slots of a directory that lie in a block, field by field. Slots behind the end marker are told apart from live
 * ones: the same bytes mean nothing there.
 */
export function annotateSlots(
  view: BlockView,
  directory: number,
  firstSlot: number,
  from: number,
  to: number,
): Piece {
  const { index, bytes } = view;
  const endSlot = index.files[directory]?.endSlot ?? 0;
  const fields: Annotation[] = [];
  let slot = firstSlot;
  for (let at = from; at + ENTRY_SIZE_BYTES <= to; at += ENTRY_SIZE_BYTES, slot++) {
    fields.push(...annotateSlot(bytes, at, slot, endSlot));
  }
  const path = index.pathOf(directory);
  const title = `Directory ${shown(path)}, slots ${firstSlot} to ${slot - 1}`;
  return { role: 'directory', owner: path, title, fields };
}

function annotateSlot(bytes: Uint8Array, at: number, slot: number, endSlot: number): Annotation[] {
  const window = bytes.subarray(at, at + ENTRY_SIZE_BYTES);
  if (slot === endSlot && window[0] === ENTRY_END) {
    return [
      run(
        at,
        at + ENTRY_SIZE_BYTES,
        `slot ${slot}`,
        'end of the directory',
        'a first byte of 0: no entry here or behind',
      ),
    ];
  }
  if (slot >= endSlot) {
    const text = window[0] === ENTRY_END ? 'never used' : 'behind the end, not an entry';
    return [run(at, at + ENTRY_SIZE_BYTES, `slot ${slot}`, text, 'behind the end marker nothing counts')];
  }
  const struct = isLongNamePart(window) ? LongNameEntry : DirectoryEntry;
  const about = describeSlot(window);
  return struct.annotate(bytes.subarray(0, at + ENTRY_SIZE_BYTES), at).map((field, i) => ({
    ...field,
    name: `slot ${slot}: ${field.name}`,
    text: i === 0 ? `${field.text}: ${about}` : field.text,
  }));
}

/** `parts`: how many its long name has, 0 when unknown. A slot in words: 'long name part 1 of 2 "notes"', 'deleted', 'file NOTES.TXT'. */
export function describeSlot(slot: Uint8Array, parts = 0): string {
  const first = slot[0] ?? 0;
  if (first === ENTRY_END) return 'end of the directory';
  const isPart = isLongNamePart(slot);
  const short = shortNameAt(slot, 0);
  if (first === ENTRY_FREE) {
    return isPart
      ? `deleted part of a long name ${JSON.stringify(longNamePart(slot, 0))}`
      : `deleted entry ${JSON.stringify(`?${shownShortName(short, 0).slice(1)}`)}`;
  }
  if (isPart) {
    const part = first & 0x3f;
    const total = parts || (first & LONG_NAME_LAST ? part : 0);
    return `long name part ${part}${total > 0 ? ` of ${total}` : ''} ${JSON.stringify(longNamePart(slot, 0))}`;
  }
  const attributes = attributesOf(slot);
  const kind = attributes & 0x08 ? 'volume label' : attributes & 0x10 ? 'directory' : 'file';
  return `${kind} ${JSON.stringify(shownShortName(short, slot[12] ?? 0))}`;
}
