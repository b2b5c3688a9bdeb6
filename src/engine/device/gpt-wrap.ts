import { FsError } from '../base/errno.ts';
import { Prng } from '../base/prng.ts';
import type { Device } from './device.ts';
import { gptReservedBlocks, writeGpt } from './gpt.ts';
import { ALIGNMENT_BYTES } from './mbr.ts';
import { DEVICE_BYTES_MAX, Store } from './store.ts';

/**
 * A bare volume as the only partition of a larger disk, byte for byte as it was: some systems look for a volume in a
 * partition only, and which format it is they learn from the partition's type. Nothing is copied.
 */
export function wrappedInGpt(volume: Device, type: string, name: string, seed: number): Store {
  const { blockSizeBytes, blockCount } = volume;
  const alignmentBlocks = ALIGNMENT_BYTES / blockSizeBytes;
  const endBlock = alignmentBlocks + blockCount;
  const wanted = endBlock + gptReservedBlocks(volume);
  const totalBlocks = Math.ceil(wanted / alignmentBlocks) * alignmentBlocks;
  if (totalBlocks * blockSizeBytes > DEVICE_BYTES_MAX) {
    const detail = 'a disk of 16 TiB has no room for a partition map around it; leave the map out';
    throw new FsError('EINVAL', 'export', '', detail);
  }
  const shiftBytes = ALIGNMENT_BYTES;
  const backing = {
    sizeBytes: endBlock * blockSizeBytes,
    read(offsetBytes: number, into: Uint8Array): void {
      const before = Math.max(0, Math.min(into.length, shiftBytes - offsetBytes));
      into.fill(0, 0, before);
      if (before === into.length) return;
      volume.read((offsetBytes + before - shiftBytes) / blockSizeBytes, into.subarray(before));
    },
    nextData(offsetBytes: number): number {
      const block = Math.max(0, Math.ceil((offsetBytes - shiftBytes) / blockSizeBytes));
      return shiftBytes + volume.nextStored(block) * blockSizeBytes;
    },
  };
  const disk = new Store({ blockSizeBytes, blockCount: totalBlocks }, backing);
  const place = { firstBlock: alignmentBlocks, blockCount, type, name };
  writeGpt(disk, [place], new Prng(seed));
  return disk;
}
