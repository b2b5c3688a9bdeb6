import { bitsText } from './annotate-node.ts';
import { FieldList, rangeOf, shown } from './annotate-pieces.ts';
import type { Piece } from './annotate-pieces.ts';
import type { OwnerIndex } from './owner-index.ts';
import { OWNER_OF, firstEndingBehind, fixedPlaces, unheldKind } from './view-places.ts';

const SECTION = 'TN1150, "Allocation File"';

/** Bytes that are all used are told in rows of so many, so that each says whose its blocks are. */
const ROW_BYTES = 16;

/**
 * Bits of the allocation file, `bytes[from]` being byte `forkOffsetBytes` of it. Bytes of blocks that are all free are
 * told in one piece, of blocks all used in rows, and mixed ones each for itself.
 */
export function annotateBitmap(
  index: OwnerIndex,
  bytes: Uint8Array,
  forkOffsetBytes: number,
  from: number,
  to: number,
): Piece {
  const { totalBlocks } = index.known;
  const holders = new Holders(index);
  const list = new FieldList(bytes, from);
  const blockOf = (at: number): number => (forkOffsetBytes + at - from) * 8;
  while (list.at < to && blockOf(list.at) < totalBlocks) {
    const value = bytes[list.at] ?? 0;
    const endMax = value === 0 ? to : value === 0xff ? Math.min(to, rowEnd(list.at)) : list.at + 1;
    let end = list.at + 1;
    while (end < endMax && bytes[end] === value && blockOf(end) < totalBlocks) end++;
    const first = blockOf(list.at);
    const length = Math.min(blockOf(end), totalBlocks) - first;
    const doc = value === 0 ? 'one bit for every block; 0: free' : holders.of(first, length);
    list.run(end, rangeOf('block', first, length), bitsText(value, first, length), doc, SECTION);
  }
  list.rest(to, 'no blocks', 'the volume has no blocks for these bits; they are 0');
  const title = bitmapTitle(index, forkOffsetBytes, to - from);
  return { role: 'allocation', owner: OWNER_OF.allocation, title, fields: list.fields };
}

export function bitmapTitle(index: OwnerIndex, forkOffsetBytes: number, lengthBytes: number): string {
  const first = forkOffsetBytes * 8;
  const { totalBlocks } = index.known;
  if (first >= totalBlocks) return 'Allocation file, behind the last bit';
  const last = Math.min(first + lengthBytes * 8, totalBlocks) - 1;
  return `Allocation file, bits of blocks ${first} to ${last}`;
}

const rowEnd = (at: number): number => at - (at % ROW_BYTES) + ROW_BYTES;

const NAMES_MAX = 3;

/** Whose the used blocks of a stretch are, in words. */
export class Holders {
  readonly #index: OwnerIndex;
  readonly #fixed;

  constructor(index: OwnerIndex) {
    this.#index = index;
    this.#fixed = fixedPlaces(index);
    index.sortRuns(); // many blocks will be asked about
  }

  of(first: number, length: number): string {
    const names = new Set<string>();
    for (let block = first; block < first + length && names.size <= NAMES_MAX;) {
      const { name, next } = this.#at(block);
      if (name !== '') names.add(name);
      block = Math.max(next, block + 1);
    }
    const told = [...names].slice(0, NAMES_MAX);
    if (names.size > NAMES_MAX) told.push('…');
    return told.join(', ');
  }

  #at(block: number): { name: string; next: number } {
    const { volumeOffsetBytes, blockSizeBytes } = this.#index.known;
    const byte = volumeOffsetBytes + block * blockSizeBytes;
    const place = this.#fixed[firstEndingBehind(this.#fixed, byte)];
    if (place && place.startBytes <= byte) {
      return {
        name: OWNER_OF[place.kind],
        next: Math.ceil((place.endBytes - volumeOffsetBytes) / blockSizeBytes),
      };
    }
    const run = this.#index.runOf(block);
    if (run) return { name: shown(this.#index.nameOf(run.owner)), next: run.startBlock + run.blockCount };
    if (!this.#index.isBlockUsed(block)) return { name: '', next: block + 1 };
    return { name: OWNER_OF[unheldKind(this.#index.known, block)], next: block + 1 };
  }
}
