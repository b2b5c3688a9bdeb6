import { assert } from '../base/assert.ts';
import { FsError } from '../base/errno.ts';
import type { Device, WriteLabel } from './device.ts';
import { crc32 } from '../codec/crc32.ts';
import { GptEntry, GptHeader, readGptCopy } from './gpt.ts';
import { ALIGNMENT_BYTES, MbrSlot, slotOffsetBytes } from './mbr.ts';
import type { Partition, PartitionMap } from './partition-map.ts';

/**
 * A partition made longer or shorter at its end. Its first block, its type and its name stay, and so does every other
 * entry of the map, byte for byte.
 */

/** Blocks the partition may have: up to the next one or the end of the disk, which we align to 1 MiB. */
export function partitionBlocksMax(device: Device, map: PartitionMap, partition: Partition): number {
  if (map.scheme !== 'gpt' && map.scheme !== 'mbr') return partition.blockCount;
  const { firstBlock, blockCount } = partition;
  const starts = map.partitions.map((other) => other.firstBlock).filter((start) => start > firstBlock);
  const end = Math.min(...starts, endOfDisk(device, map, firstBlock));
  const alignment = ALIGNMENT_BYTES / device.blockSizeBytes;
  return Math.max(blockCount, Math.floor(end / alignment) * alignment - firstBlock);
}

/** An MBR counts in 32 bits. */
function endOfDisk(device: Device, { scheme }: PartitionMap, firstBlock: number): number {
  if (scheme === 'mbr') return Math.min(device.blockCount, firstBlock + 2 ** 32 - 1);
  const copy = readGptCopy(device, HEADER_BLOCK);
  return typeof copy === 'string' ? 0 : Math.min(copy.header.lastUsableBlock + 1, device.blockCount);
}

/** FsError EIO when the map itself is damaged: a change would make one copy of it true that is not. */
export function resizePartition(
  device: Device,
  map: PartitionMap,
  partition: Partition,
  blockCount: number,
): void {
  assert(blockCount > 0 && blockCount <= partitionBlocksMax(device, map, partition), 'there is room for it');
  if (map.scheme === 'mbr') resizeInMbr(device, partition.index - 1, blockCount);
  else if (map.scheme === 'gpt') resizeInGpt(device, partition.index - 1, blockCount);
  else throw new FsError('ENOTSUP', '', '', `partitions of this kind of map (${map.scheme}) are not resized`);
}

const HEADER_BLOCK = 1;
const label = (reason: string): WriteLabel => ({ role: 'partition', owner: 'partition map', reason });

function resizeInMbr(device: Device, slot: number, blockCount: number): void {
  const block = new Uint8Array(device.blockSizeBytes);
  device.read(0, block);
  const at = slotOffsetBytes(slot);
  MbrSlot.write(block, { ...MbrSlot.peek(block, at), blockCount }, at);
  device.write(0, block, label('give a partition another size'));
  device.barrier('resized partition in the map before what depends on it');
}

/**
 * The copy goes first, as when the map was made: a power cut while one of the two is written leaves the other, and each
 * of them is whole, with the old size or the new one.
 */
function resizeInGpt(device: Device, index: number, blockCount: number): void {
  const main = readGptCopy(device, HEADER_BLOCK);
  if (typeof main === 'string') throw damaged(`the GPT header ${main}`);
  const backup = readGptCopy(device, main.header.otherBlock);
  if (typeof backup === 'string') throw damaged(`the copy of the GPT header ${backup}`);
  const { entryCount, entryBytes, arrayBlock } = main.header;
  const arrayBytes = entryCount * entryBytes;
  const array = new Uint8Array(Math.ceil(arrayBytes / device.blockSizeBytes) * device.blockSizeBytes);
  device.read(arrayBlock, array);
  const at = index * entryBytes;
  const entry = GptEntry.peek(array, at);
  GptEntry.write(array, { ...entry, lastBlock: entry.firstBlock + blockCount - 1 }, at);
  const arrayCrc = crc32(array.subarray(0, arrayBytes));
  for (const [{ header }, what] of [
    [backup, 'the copy of the partition map'],
    [main, 'the partition map'],
  ] as const) {
    device.write(header.arrayBlock, array, label(`give a partition another size in ${what}`));
    const block = new Uint8Array(device.blockSizeBytes);
    device.read(header.thisBlock, block);
    GptHeader.write(block, { ...header, ...{ entryCount, entryBytes, arrayCrc, headerCrc: 0 } });
    const headerCrc = crc32(block.subarray(0, header.headerBytes));
    GptHeader.write(block, { ...header, ...{ entryCount, entryBytes, arrayCrc, headerCrc } });
    device.write(header.thisBlock, block, label(`seal ${what}`));
    device.barrier(`resized partition in ${what} before anything else`);
  }
}

const damaged = (why: string): FsError =>
  new FsError('EIO', '', '', `${why}: partitions are resized when both copies of the map are sound`);
