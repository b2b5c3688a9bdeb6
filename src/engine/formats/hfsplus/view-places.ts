import type { Role } from '../../base/role.ts';
import { VOLUME_HEADER_OFFSET_BYTES, VOLUME_HEADER_SIZE_BYTES } from './layout.ts';
import type { Geometry } from './layout.ts';
import { OwnerIndex } from './owner-index.ts';
import type { SpecialFile } from './owner-index.ts';
import type { FileRun } from './view-files.ts';

/**
 * Which part of the volume a byte belongs to. What the format itself has at fixed places or names in the volume header
 * goes before what files claim, and both before the bitmap.
 */
export type Place =
  | FixedPlace
  | { readonly kind: 'file'; readonly startBytes: number; readonly endBytes: number; readonly run: FileRun }
  | { readonly kind: 'free' | 'lost' | 'reserved'; readonly startBytes: number; readonly endBytes: number };

export interface FixedPlace {
  readonly kind: FixedKind;
  readonly startBytes: number;
  readonly endBytes: number;
  /** Of special files and the journal: which byte of them lies at `startBytes`. */
  readonly offsetBytes: number;
}

export type FixedKind =
  | 'boot'
  | 'header'
  | 'alternate'
  | 'behind header'
  | 'last bytes'
  | 'tail'
  | 'wrapper'
  | 'outside'
  | 'journal info'
  | 'journal'
  | SpecialFile;

/** As the map calls them. */
export const OWNER_OF: Readonly<Record<FixedKind | 'free' | 'lost' | 'reserved', string>> = {
  boot: 'Boot blocks',
  header: 'Volume header',
  alternate: 'Alternate volume header',
  'behind header': 'Rest of the volume header’s block',
  'last bytes': 'Last 512 bytes',
  tail: 'Behind the last whole block',
  wrapper: 'HFS wrapper',
  outside: 'Behind the volume',
  'journal info': 'Journal info block',
  journal: 'Journal',
  allocation: 'Allocation file',
  extents: 'Extents overflow tree',
  catalog: 'Catalog tree',
  attributes: 'Attributes tree',
  startup: 'Startup file',
  free: '',
  lost: 'lost blocks',
  reserved: 'Set aside by the format',
};

export const ROLE_OF: Readonly<Record<FixedKind | 'free' | 'lost' | 'reserved', Role>> = {
  boot: 'reserved',
  header: 'header',
  alternate: 'header',
  'behind header': 'reserved',
  'last bytes': 'reserved',
  tail: 'reserved',
  wrapper: 'reserved',
  outside: 'reserved',
  'journal info': 'journal',
  journal: 'journal',
  allocation: 'allocation',
  extents: 'tree',
  catalog: 'tree',
  attributes: 'tree',
  startup: 'reserved',
  free: 'free',
  lost: 'data',
  reserved: 'reserved',
};

/** Fixed places in ascending order, none over another. Of two that claim a byte the one named first keeps it. */
export function fixedPlaces(index: OwnerIndex): FixedPlace[] {
  const geometry = index.known;
  const { volumeOffsetBytes, volumeSizeBytes, blockSizeBytes, totalBlocks } = geometry;
  const { headerOffsetBytes, alternateHeaderOffsetBytes } = geometry;
  const list = new PlaceList();
  const volumeEnd = volumeOffsetBytes + volumeSizeBytes;
  const headerEnd = headerOffsetBytes + VOLUME_HEADER_SIZE_BYTES;
  list.add('wrapper', 0, volumeOffsetBytes);
  list.add('boot', volumeOffsetBytes, headerOffsetBytes);
  list.add('header', headerOffsetBytes, headerEnd);
  list.add('alternate', alternateHeaderOffsetBytes, alternateHeaderOffsetBytes + VOLUME_HEADER_SIZE_BYTES);
  list.add('last bytes', volumeEnd - VOLUME_HEADER_SIZE_BYTES, volumeEnd);
  list.add('outside', volumeEnd, index.medium.sizeBytes);
  const headerBlocks = Math.ceil((VOLUME_HEADER_OFFSET_BYTES + VOLUME_HEADER_SIZE_BYTES) / blockSizeBytes);
  list.add('behind header', headerEnd, volumeOffsetBytes + headerBlocks * blockSizeBytes);
  list.add('tail', volumeOffsetBytes + totalBlocks * blockSizeBytes, volumeEnd);
  for (const file of ['allocation', 'extents', 'catalog', 'attributes', 'startup'] as const) {
    for (const { startBlock, blockCount, forkBlock } of index.fork(file).runs) {
      const start = volumeOffsetBytes + startBlock * blockSizeBytes;
      list.add(file, start, start + blockCount * blockSizeBytes, forkBlock * blockSizeBytes);
    }
  }
  addJournal(list, index, geometry);
  return list.sorted();
}

function addJournal(list: PlaceList, index: OwnerIndex, geometry: Geometry): void {
  const { journal } = index;
  const { journalInfoBlock } = index.header;
  if (journal === null || journalInfoBlock >= geometry.totalBlocks) return;
  const start = geometry.volumeOffsetBytes + journalInfoBlock * geometry.blockSizeBytes;
  list.add('journal info', start, start + geometry.blockSizeBytes);
  if (typeof journal === 'string') return;
  list.add('journal', journal.offsetBytes, journal.offsetBytes + journal.sizeBytes);
}

/** Claims in the order of their right; each keeps what nobody before it has. */
class PlaceList {
  #list: FixedPlace[] = [];

  add(kind: FixedKind, startBytes: number, endBytes: number, offsetBytes = 0): void {
    let start = startBytes;
    const added: FixedPlace[] = [];
    const claim = (end: number): void => {
      if (end > start)
        added.push({ kind, startBytes: start, endBytes: end, offsetBytes: offsetBytes + start - startBytes });
    };
    for (let i = this.#firstBehind(startBytes); i < this.#list.length; i++) {
      const other = this.#list[i];
      if (!other || other.startBytes >= endBytes) break;
      claim(other.startBytes);
      start = Math.max(start, other.endBytes);
    }
    claim(endBytes);
    if (added.length === 0) return;
    this.#list = [...this.#list, ...added].sort((a, b) => a.startBytes - b.startBytes);
  }

  sorted(): FixedPlace[] {
    return this.#list;
  }

  #firstBehind(byte: number): number {
    return firstEndingBehind(this.#list, byte);
  }
}

/** Number of the first place that ends behind a byte. */
export function firstEndingBehind(places: readonly { readonly endBytes: number }[], byte: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((places[middle]?.endBytes ?? 0) <= byte) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * newfs marks blocks around both headers as used that nobody has: those before the first block here, and those from the
 * second one on. Any other used block that nobody has is lost.
 */
export function setAside({ blockSizeBytes, totalBlocks }: Geometry): {
  readonly before: number;
  readonly from: number;
} {
  return {
    before: Math.ceil((2 * VOLUME_HEADER_OFFSET_BYTES) / blockSizeBytes),
    from: totalBlocks - (blockSizeBytes === 512 ? 2 : 1),
  };
}

export function unheldKind(geometry: Geometry, block: number): 'lost' | 'reserved' {
  const { before, from } = setAside(geometry);
  return block < before || block >= from ? 'reserved' : 'lost';
}

/** Where byte `byte` of the device lies. Parts are as long as they go; what files do not have goes block by block. */
export function placeOf(index: OwnerIndex, fixed: readonly FixedPlace[], byte: number): Place {
  const geometry = index.known;
  const { volumeOffsetBytes, blockSizeBytes } = geometry;
  const { sizeBytes } = index.medium;
  if (byte >= sizeBytes)
    return { kind: 'outside', startBytes: sizeBytes, endBytes: Infinity, offsetBytes: 0 };
  const next = fixed[firstEndingBehind(fixed, byte)];
  if (next && next.startBytes <= byte) return next;
  const block = Math.floor((byte - volumeOffsetBytes) / blockSizeBytes);
  const end = next?.startBytes ?? sizeBytes;
  const startBytes = volumeOffsetBytes + block * blockSizeBytes;
  const run = index.runOf(block);
  if (run) {
    const runStart = volumeOffsetBytes + run.startBlock * blockSizeBytes;
    const endBytes = Math.min(runStart + run.blockCount * blockSizeBytes, end);
    return { kind: 'file', startBytes: runStart, endBytes, run };
  }
  const kind = index.isBlockUsed(block) ? unheldKind(geometry, block) : 'free';
  return { kind, startBytes, endBytes: Math.min(startBytes + blockSizeBytes, end) };
}
