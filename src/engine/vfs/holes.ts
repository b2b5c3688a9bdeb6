import { FsError } from '../base/errno.ts';
import { SEEK_DATA, UF_COMPRESSED } from './constants.ts';
import type { Place } from './mount.ts';

/** Where a file has blocks and where it has none: lseek(2) with SEEK_HOLE and SEEK_DATA, fcntl(F_LOG2PHYS_EXT). */

/** What F_LOG2PHYS_EXT says of a range: where its beginning lies, and how far it goes on like that. */
export interface PhysicalRun {
  /** From the start of the volume's device; −1 in a hole. */
  readonly deviceOffsetBytes: number;
  readonly lengthBytes: number;
}

/**
 * The first hole or the first data at or behind `offsetBytes`; the end of a file counts as a hole. ENXIO behind the
 * end, and when no data follows; ENOTTY where the volume knows no holes.
 */
export function seekHole({ mount, node }: Place, offsetBytes: number, whence: number, path: string): number {
  const { volume } = mount;
  if (!volume.capabilities.hasSparseFiles || node.type !== 'file') {
    throw new FsError('ENOTTY', '', path, 'this volume knows no holes');
  }
  if (offsetBytes < 0) throw new FsError('EINVAL', '', path, 'the offset would lie before the beginning');
  const { sizeBytes, flags } = volume.attributes(node);
  const wantsData = whence === SEEK_DATA;
  const nowhere = () => new FsError('ENXIO', '', path, wantsData ? 'no data follows' : 'behind the end');
  if (offsetBytes >= sizeBytes) throw nowhere();
  // What is compressed lies elsewhere, and all of it is data.
  if ((flags & UF_COMPRESSED) !== 0) return wantsData ? offsetBytes : sizeBytes;
  let at = offsetBytes;
  for (const { fileOffsetBytes, lengthBytes } of volume.extents(node)) {
    const end = fileOffsetBytes + lengthBytes;
    if (end <= at) continue;
    if (wantsData) {
      const found = Math.max(at, fileOffsetBytes);
      if (found >= sizeBytes) throw nowhere();
      return found;
    }
    if (fileOffsetBytes > at) return at;
    at = end;
    if (at >= sizeBytes) return sizeBytes;
  }
  if (wantsData) throw nowhere();
  return at;
}

export function physicalRun({ mount, node }: Place, offsetBytes: number, lengthBytes: number): PhysicalRun {
  for (const extent of mount.volume.extents(node)) {
    const end = extent.fileOffsetBytes + extent.lengthBytes;
    if (end <= offsetBytes) continue;
    const into = offsetBytes - extent.fileOffsetBytes;
    if (into < 0) return { deviceOffsetBytes: -1, lengthBytes: Math.min(lengthBytes, -into) };
    const deviceOffsetBytes = extent.deviceOffsetBytes + into;
    return { deviceOffsetBytes, lengthBytes: Math.min(lengthBytes, end - offsetBytes) };
  }
  return { deviceOffsetBytes: -1, lengthBytes };
}
