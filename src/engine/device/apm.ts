import type { Annotation } from '../codec/struct.ts';
import { ascii, hex, reserved, struct, u16, u32 } from '../codec/struct.ts';
import type { Device } from './device.ts';
import type { Partition, PartitionMap } from './partition-map.ts';

/**
 * The Apple Partition Map of disks from the time of PowerPC, and of many old disk images: a driver descriptor in block 0
 * and one entry per block from block 1 on, each of which says how many there are. Read, never written.
 */
const SECTION = 'Inside Macintosh: Devices, "SCSI Manager", Data Organization on Block Devices';

const DRIVER_SIGNATURE = 0x4552; // 'ER'
const ENTRY_SIGNATURE = 0x504d; // 'PM'
/** More entries than any tool made; a map that claims them is damaged. */
const ENTRIES_MAX = 1024;
const ENTRY_BYTES = 512;

export const DriverDescriptor = struct('driver descriptor', 512, 'big', SECTION, {
  signature: u16(0, "sbSig: 'ER'", { show: hex }),
  blockSize: u16(2, 'sbBlkSize: bytes of the blocks that the map counts in'),
  blockCount: u32(4, 'sbBlkCount: blocks of the disk'),
  deviceType: u16(8, 'sbDevType: reserved'),
  deviceId: u16(10, 'sbDevId: reserved'),
  data: u32(12, 'sbData: reserved'),
  driverCount: u16(16, 'sbDrvrCount: driver entries that follow'),
  drivers: reserved(18, 494),
});

export const ApmEntry = struct('partition entry', ENTRY_BYTES, 'big', SECTION, {
  signature: u16(0, "pmSig: 'PM'", { show: hex }),
  padding: u16(2, 'pmSigPad: reserved'),
  entryCount: u32(4, 'pmMapBlkCnt: entries of the map, the same in each'),
  firstBlock: u32(8, 'pmPyPartStart: first block of the partition'),
  blockCount: u32(12, 'pmPartBlkCnt: its blocks'),
  name: ascii(16, 32, 'pmPartName'),
  type: ascii(48, 32, 'pmParType: Apple_HFS, Apple_Free …'),
  firstDataBlock: u32(80, 'pmLgDataStart: first block of its data area'),
  dataBlockCount: u32(84, 'pmDataCnt: blocks of its data area'),
  status: u32(88, 'pmPartStatus', { show: hex }),
  boot: reserved(92, 420),
});

/** The map's own unit in bytes: what block 0 says, where an entry stands there, else 512. Null when there is no map. */
function unitOf(device: Device): number | null {
  const block = readBytes(device, 0);
  const { signature, blockSize } = DriverDescriptor.peek(block);
  if (signature !== DRIVER_SIGNATURE) return null;
  const isEntryAt = (offsetBytes: number) =>
    ApmEntry.peek(readBytes(device, offsetBytes)).signature === ENTRY_SIGNATURE;
  // CD images count in 2048 bytes and keep their entries 512 bytes apart; those count in 512 then.
  if (isEntryAt(ENTRY_BYTES)) return ENTRY_BYTES;
  const isPossible = [1024, 2048, 4096].includes(blockSize);
  return isPossible && isEntryAt(blockSize) ? blockSize : null;
}

/** 512 bytes at a multiple of 512; zeros beyond the end. */
function readBytes(device: Device, offsetBytes: number): Uint8Array {
  const { blockSizeBytes } = device;
  const block = new Uint8Array(Math.max(blockSizeBytes, ENTRY_BYTES));
  const index = Math.floor(offsetBytes / blockSizeBytes);
  if (index < device.blockCount) device.read(index, block.subarray(0, blockSizeBytes));
  const within = offsetBytes % blockSizeBytes;
  return block.subarray(within, within + ENTRY_BYTES);
}

/** Null when the disk has no such map. */
export function readApm(device: Device): PartitionMap | null {
  const unit = unitOf(device);
  if (unit === null) return null;
  const problems: string[] = [];
  const partitions: Partition[] = [];
  const count = ApmEntry.peek(readBytes(device, unit)).entryCount;
  if (count > ENTRIES_MAX)
    problems.push(`The partition map claims ${count} entries: ${ENTRIES_MAX} are read.`);
  for (let i = 1; i <= Math.min(count, ENTRIES_MAX); i++) {
    const entry = ApmEntry.peek(readBytes(device, i * unit));
    if (entry.signature !== ENTRY_SIGNATURE) {
      problems.push(`Entry ${i} of the partition map is damaged; the map ends there.`);
      break;
    }
    const type = cString(entry.type);
    if (type === 'Apple_Free' || type === '') continue;
    const firstByte = entry.firstBlock * unit;
    const lengthBytes = entry.blockCount * unit;
    const isWhole = firstByte % device.blockSizeBytes === 0 && lengthBytes % device.blockSizeBytes === 0;
    if (!isWhole)
      problems.push(`Partition ${i} does not begin or end on a block of ${device.blockSizeBytes} bytes.`);
    partitions.push({
      index: i,
      firstBlock: Math.floor(firstByte / device.blockSizeBytes),
      blockCount: Math.floor(lengthBytes / device.blockSizeBytes),
      ...{ type, typeName: type, name: cString(entry.name) },
      isUsable: isWhole && type !== MAP_TYPE && !type.startsWith('Apple_Driver'),
    });
  }
  return { scheme: 'apm', partitions, problems };
}

const MAP_TYPE = 'Apple_partition_map';
const cString = (text: string): string => text.split('\0', 1)[0] ?? '';

/** Blocks at the front that the map takes: its own partition says so, else its entries. */
export function apmBlocks(device: Device, map: PartitionMap): number {
  const own = map.partitions.find(({ type }) => type === MAP_TYPE);
  const claimed = own === undefined ? 2 : own.firstBlock + own.blockCount;
  const first = map.partitions.find(({ isUsable }) => isUsable)?.firstBlock ?? device.blockCount;
  return Math.max(1, Math.min(claimed, first, device.blockCount));
}

/** Fields of a block of the map, with a title. */
export function annotateApmBlock(device: Device, block: number): { title: string; fields: Annotation[] } {
  const { blockSizeBytes } = device;
  const fields: Annotation[] = [];
  for (let at = 0; at < blockSizeBytes; at += ENTRY_BYTES) {
    const bytes = readBytes(device, block * blockSizeBytes + at);
    const isDescriptor = block === 0 && at === 0;
    const known = isDescriptor ? DriverDescriptor.annotate(bytes) : ApmEntry.annotate(bytes);
    const isEntry = ApmEntry.peek(bytes).signature === ENTRY_SIGNATURE;
    const shown = isDescriptor || isEntry ? known : [unused(known)];
    fields.push(...shown.map((field) => ({ ...field, offsetBytes: field.offsetBytes + at })));
  }
  return { title: block === 0 ? 'Driver descriptor map' : `Partition map, block ${block}`, fields };
}

const unused = (known: readonly Annotation[]): Annotation => ({
  ...{ offsetBytes: 0, lengthBytes: ENTRY_BYTES, name: 'unused', text: '' },
  ...{ doc: 'room for an entry', section: known[0]?.section ?? '' },
});
