import { viewOf } from '../../base/bytes.ts';
import type { Device } from '../../device/device.ts';
import { Medium } from '../../device/medium.ts';
import { nothingToMend, patchOf } from '../../device/mending.ts';
import type { Mending, Patch } from '../../device/mending.ts';
import {
  BOOT_REGION_SECTORS,
  CHECKSUM_SECTOR,
  ENTRY_SIZE_BYTES,
  ENTRY_TYPE,
  SET_ENTRIES_MAX,
  bootChecksum,
  clusterOffsetBytes,
  setChecksum,
  tableChecksum,
} from './layout.ts';
import type { Geometry } from './layout.ts';
import type { DirectoryContents } from './fsck-contents.ts';
import { TABLE_BYTES_MAX } from './fsck-upcase.ts';
import { OwnerIndex, placeOf } from './owner-index.ts';

/**
 * The three checksums of exFAT, made right again after an edit: of a boot region (3.4), of an entry set (6.3.3) and of
 * the up-case table (7.2.2). What a block is, the volume before the edit says.
 */
export function mend(device: Device, block: number, before: Device): Mending {
  const index = new OwnerIndex(before);
  const { geometry } = index;
  if (!geometry)
    return nothingToMend('no exFAT volume could be read before the edit, so nobody knows what the block is');
  const editor: Editor = {
    ...{ index, geometry, medium: new Medium(device) },
    startBytes: block * device.blockSizeBytes,
    endBytes: (block + 1) * device.blockSizeBytes,
  };
  const found = new Map<string, Patch[]>();
  for (let at = editor.startBytes; at < editor.endBytes;) {
    const place = placeOf(geometry, at, index.medium.sizeBytes);
    if (place.kind === 'main boot') found.set('the boot region', ofBoot(editor, 0));
    if (place.kind === 'backup boot') {
      found.set('the backup boot region', ofBoot(editor, BOOT_REGION_SECTORS));
    }
    if (place.kind === 'cluster') ofCluster(editor, place.number, found);
    at = Math.max(at + 1, place.endBytes);
  }
  if (found.size === 0) return nothingToMend('nothing in this block is under a checksum');
  const patches = [...found.values()].flat();
  const names = [...found.keys()].join(' and ');
  if (patches.length === 0) return nothingToMend(`that of ${names} is right as it is`);
  return { patches, sentence: `The checksum of ${names} fits again` };
}

interface Editor {
  readonly index: OwnerIndex;
  readonly geometry: Geometry;
  readonly medium: Medium;
  /** Of the block that was edited. */
  readonly startBytes: number;
  readonly endBytes: number;
}

/** The last sector of the region repeats the sum of the eleven before it. */
function ofBoot({ medium, geometry }: Editor, firstSector: number): Patch[] {
  const { sectorSizeBytes } = geometry;
  const startBytes = firstSector * sectorSizeBytes;
  const region = medium.read(startBytes, BOOT_REGION_SECTORS * sectorSizeBytes);
  const wanted = new Uint8Array(sectorSizeBytes);
  const sum = bootChecksum(region, sectorSizeBytes);
  for (let at = 0; at < sectorSizeBytes; at += 4) viewOf(wanted).setUint32(at, sum, true);
  const atBytes = CHECKSUM_SECTOR * sectorSizeBytes;
  return patchOf(startBytes + atBytes, region.subarray(atBytes), wanted);
}

function ofCluster(editor: Editor, cluster: number, found: Map<string, Patch[]>): void {
  const { index } = editor;
  const run = index.runOf(cluster);
  const file = run && index.files[run.file];
  if (file?.kind === 'directory') {
    const patches = ofSets(editor, run?.file ?? 0);
    if (patches !== null) found.set('the entry set', patches);
  }
  if (file?.kind === 'upcase') found.set('the up-case table', ofUpcase(editor, file));
}

/** Null: no set has a part in the block. */
function ofSets({ index, medium, startBytes, endBytes }: Editor, directory: number): Patch[] | null {
  const contents = index.contentsOf(directory);
  const isHere = (entry: number): boolean => {
    const at = contents.offsetBytesOf(entry);
    return at >= startBytes && at < endBytes;
  };
  const patches: Patch[] = [];
  let isTouched = false;
  for (const { firstEntry, endEntry } of contents.pieces) {
    for (let first = firstEntry; first < endEntry; first++) {
      const places = setAt(medium, contents, first);
      if (places.length === 0 || !places.some((_, i) => isHere(first + i))) continue;
      isTouched = true;
      const set = new Uint8Array(places.length * ENTRY_SIZE_BYTES);
      for (const [i, place] of places.entries()) {
        set.set(medium.read(place, ENTRY_SIZE_BYTES), i * ENTRY_SIZE_BYTES);
      }
      const wanted = new Uint8Array(2);
      viewOf(wanted).setUint16(0, setChecksum(set, 0, places.length), true);
      patches.push(...patchOf((places[0] ?? 0) + 2, set.subarray(2), wanted));
    }
  }
  return isTouched ? patches : null;
}

/** Where the entries of the set lie that begins with entry `first`; none where no set begins. */
function setAt(medium: Medium, contents: DirectoryContents, first: number): number[] {
  const [type, secondaryCount = 0] = medium.read(contents.offsetBytesOf(first), 2);
  if (type !== ENTRY_TYPE.file && type !== ENTRY_TYPE.guid) return [];
  const count = 1 + secondaryCount;
  if (count > SET_ENTRIES_MAX || first + count > contents.entryCount) return [];
  const places = Array.from({ length: count }, (_, i) => contents.offsetBytesOf(first + i));
  return places.includes(-1) ? [] : places;
}

/** The table's checksum stands in its entry of the root directory. */
function ofUpcase(editor: Editor, table: OwnerIndex['files'][number]): Patch[] {
  const { index, geometry, medium } = editor;
  const contents = index.contentsOf(0);
  const { sizeBytes, firstCluster } = table;
  if (sizeBytes > TABLE_BYTES_MAX) return [];
  for (let entry = 0; entry < contents.entryCount; entry++) {
    const type = contents.typeOf(entry);
    if (type === 0) break;
    if (type !== ENTRY_TYPE.upcase) continue;
    const at = contents.offsetBytesOf(entry) + 4;
    const wanted = new Uint8Array(4);
    const sum = tableChecksum(medium.read(clusterOffsetBytes(geometry, firstCluster), sizeBytes));
    viewOf(wanted).setUint32(0, sum, true);
    return patchOf(at, medium.read(at, 4), wanted);
  }
  return [];
}
