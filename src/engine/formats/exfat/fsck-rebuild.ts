import {
  BitmapEntry,
  ENTRY_IN_USE,
  ENTRY_SIZE_BYTES,
  ENTRY_TYPE,
  UpcaseEntry,
  bitmapSizeBytes,
  clusterOffsetBytes,
} from './layout.ts';
import { Bitmap } from './fsck-bitmap.ts';
import type { Pass } from './fsck-chains.ts';
import type { DirectoryContents, Run } from './fsck-contents.ts';
import { STAGE } from './fsck-stages.ts';
import { BITMAP, UPCASE } from './fsck-owners.ts';
import { STANDARD_CHECKSUM, STANDARD_TABLE } from './fsck-upcase.ts';

/**
 * New system files in place of lost ones. Both follow from what is known once every file has its clusters: the bitmap
 * from the clusters themselves, the table from the specification.
 */
export function rebuildBitmap(
  pass: Pass,
  root: DirectoryContents,
  oldEntry: number | undefined,
  oldFirst: number,
): void {
  const { geometry, owners, medium } = pass;
  const lengthBytes = bitmapSizeBytes(geometry.clusterCount);
  const count = Math.ceil(lengthBytes / geometry.clusterSizeBytes);
  const entry = oldEntry ?? freeEntry(root);
  const first = freeRun(pass, count, [oldFirst, 2]);
  if (entry === null || first === null) {
    noRoom(pass, 'allocation bitmap', entry === null);
    return;
  }
  owners.claim(first, count, BITMAP);
  clear(pass, first, count);
  const bitmap = new Bitmap(medium, geometry, first);
  pass.bitmap = bitmap;
  pass.fat.setRun(first, count, 'chain the clusters of the new allocation bitmap');
  const bytes = new Uint8Array(ENTRY_SIZE_BYTES);
  BitmapEntry.write(bytes, {
    entryType: ENTRY_TYPE.bitmap,
    flags: 0,
    firstCluster: first,
    dataLength: lengthBytes,
  });
  root.write(medium, entry, bytes, '/', 'name the new allocation bitmap');
}

export function rebuildTable(
  pass: Pass,
  root: DirectoryContents,
  oldEntry: number | undefined,
  old: Run,
): void {
  const { geometry, owners, medium } = pass;
  const count = Math.ceil(STANDARD_TABLE.length / geometry.clusterSizeBytes);
  const entry = oldEntry ?? freeEntry(root);
  const isKept = old.clusterCount >= count;
  const first = isKept ? old.firstCluster : freeRun(pass, count, [old.firstCluster]);
  if (entry === null || first === null) {
    noRoom(pass, 'up-case table', entry === null);
    return;
  }
  if (!isKept) owners.claim(first, count, UPCASE);
  const table = new Uint8Array(count * geometry.clusterSizeBytes);
  table.set(STANDARD_TABLE);
  const label = {
    role: 'reserved',
    owner: 'up-case table',
    reason: 'fsck: write the standard table',
  } as const;
  medium.write(clusterOffsetBytes(geometry, first), table, STAGE.entries, label);
  pass.fat.setRun(first, count, 'chain the clusters of the new up-case table');
  const bytes = new Uint8Array(ENTRY_SIZE_BYTES);
  UpcaseEntry.write(bytes, {
    entryType: ENTRY_TYPE.upcase,
    tableChecksum: STANDARD_CHECKSUM,
    firstCluster: first,
    dataLength: STANDARD_TABLE.length,
  });
  root.write(medium, entry, bytes, '/', 'name the new up-case table');
}

function noRoom(pass: Pass, what: string, isDirectoryFull: boolean): void {
  const where = isDirectoryFull ? 'the root directory has no unused entry' : 'no free clusters lie together';
  pass.report.add({
    kind: 'no-room',
    severity: 'error',
    message: `There is no room for a new ${what}: ${where}; delete or move a file and check again`,
    offsetBytes: 0,
  });
}

/** An entry of the directory that nobody uses. */
function freeEntry(root: DirectoryContents): number | null {
  for (const { firstEntry, endEntry } of root.pieces) {
    for (let entry = firstEntry; entry < endEntry; entry++) {
      if (!(root.typeOf(entry) & ENTRY_IN_USE)) return entry;
    }
  }
  return null;
}

/** First cluster of `count` neighbours that nobody holds, one of `preferred` if it can be. */
function freeRun(pass: Pass, count: number, preferred: readonly number[]): number | null {
  const { geometry, owners } = pass;
  const end = geometry.clusterCount + 2;
  const freeFrom = (first: number): number => {
    let free = 0;
    while (free < count && first + free < end && owners.get(first + free) === 0) free++;
    return free;
  };
  for (const first of preferred) {
    if (pass.fat.isData(first) && freeFrom(first) === count) return first;
  }
  for (let first = 2; first + count <= end;) {
    const free = freeFrom(first);
    if (free === count) return first;
    first += free + 1;
  }
  return null;
}

/** Zeros for what is stored of these clusters. */
function clear(pass: Pass, first: number, count: number): void {
  const { geometry, medium } = pass;
  const label = { role: 'allocation', owner: 'allocation bitmap', reason: 'fsck: a new bitmap' } as const;
  const start = clusterOffsetBytes(geometry, first);
  const end = start + count * geometry.clusterSizeBytes;
  const zeros = new Uint8Array(geometry.sectorSizeBytes);
  for (let at = medium.nextStored(start); at < end; at = medium.nextStored(at)) {
    at -= (at - start) % geometry.sectorSizeBytes;
    medium.write(at, zeros, STAGE.table, label);
    at += geometry.sectorSizeBytes;
  }
}
