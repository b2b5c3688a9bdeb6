import { Prng } from '../base/prng.ts';
import type { Device } from './device.ts';
import { gptReservedBlocks, writeGpt } from './gpt.ts';
import { ALIGNMENT_BYTES } from './mbr.ts';
import { DEVICE_BYTES_MAX, Store } from './store.ts';

/** The disk with the map, in whole mebibytes. */
function totalBlocksOf({ blockSizeBytes, blockCount }: Device, reservedBlocks: number): number {
  const alignmentBlocks = ALIGNMENT_BYTES / blockSizeBytes;
  return Math.ceil((alignmentBlocks + blockCount + reservedBlocks) / alignmentBlocks) * alignmentBlocks;
}

/** False for a volume of 16 TiB, the largest disk there is. */
export const hasRoomForGpt = (volume: Device): boolean =>
  totalBlocksOf(volume, gptReservedBlocks(volume)) * volume.blockSizeBytes <= DEVICE_BYTES_MAX;

/**
 * A bare volume as the only partition of a larger disk, byte for byte as it was: some systems look for a volume in a
 * partition only, and which format it is they learn from the partition's type. Nothing is copied. The caller has asked
 * `hasRoomForGpt`.
 */
export function wrappedInGpt(volume: Device, type: string, name: string, seed: number): Store {
  const { blockSizeBytes, blockCount } = volume;
  const alignmentBlocks = ALIGNMENT_BYTES / blockSizeBytes;
  const endBlock = alignmentBlocks + blockCount;
  const totalBlocks = totalBlocksOf(volume, gptReservedBlocks(volume));
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
