import type { Device } from '../../device/device.ts';
import { Medium } from '../../device/medium.ts';
import { nothingToMend, patchOf } from '../../device/mending.ts';
import type { Mending, Patch } from '../../device/mending.ts';
import { ENTRY_END, ENTRY_FREE, ENTRY_SIZE_BYTES } from './layout.ts';
import { isLongNamePart } from './fsck-slots.ts';
import { shortNameAt, shortNameChecksum } from './names.ts';
import { OwnerIndex, placeOf } from './owner-index.ts';

/**
 * FAT guards none of its structures. One checksum there is: each part of a long name carries that of the short name it
 * belongs to, and a part that carries another belongs to nobody. After an edit of either the parts follow the short name.
 */
export function mend(device: Device, block: number, before: Device): Mending {
  const index = new OwnerIndex(before);
  const { geometry } = index;
  if (!geometry) return nothingToMend('FAT guards no structure by one');
  const startBytes = block * device.blockSizeBytes;
  const endBytes = startBytes + device.blockSizeBytes;
  const patches: Patch[] = [];
  const directories = new Set<number>();
  for (let at = startBytes; at < endBytes;) {
    const place = placeOf(geometry, at, index.medium.sizeBytes);
    const file =
      place.kind === 'root' ? 0 : place.kind === 'cluster' ? index.runOf(place.number)?.file : undefined;
    if (file !== undefined && index.files[file]?.isDirectory === true) directories.add(file);
    at = Math.max(at + 1, place.endBytes);
  }
  for (const directory of directories) {
    patches.push(...ofDirectory(index, new Medium(device), directory, startBytes, endBytes));
  }
  if (patches.length === 0) return nothingToMend('FAT guards no structure by one');
  return { patches, sentence: 'The parts of the long name carry the checksum of their short name again' };
}

/** Of groups with a part or the short entry in the block. */
function ofDirectory(
  index: OwnerIndex,
  medium: Medium,
  directory: number,
  startBytes: number,
  endBytes: number,
): Patch[] {
  const contents = index.contentsOf(directory);
  const patches: Patch[] = [];
  for (const { firstSlot, bytes } of contents.pieces) {
    let parts: number[] = [];
    for (let slot = firstSlot; slot < firstSlot + bytes.length / ENTRY_SIZE_BYTES; slot++) {
      const at = contents.offsetBytesOf(slot);
      const entry = medium.read(at, ENTRY_SIZE_BYTES);
      if (entry[0] === ENTRY_END) break;
      if (entry[0] !== ENTRY_FREE && isLongNamePart(entry)) {
        parts.push(at);
        continue;
      }
      const isTouched = [...parts, at].some((place) => place >= startBytes && place < endBytes);
      if (entry[0] !== ENTRY_FREE && isTouched) {
        const wanted = Uint8Array.of(shortNameChecksum(shortNameAt(entry, 0)));
        for (const part of parts) patches.push(...patchOf(part + 13, medium.read(part + 13, 1), wanted));
      }
      parts = [];
    }
  }
  return patches;
}
