import { assert } from '../base/assert.ts';
import { ascii, bytes, hex, struct, u16, u32, u8, type Value } from '../codec/struct.ts';
import type { Device } from './device.ts';
import type { Partition, PartitionMap } from './partition-map.ts';

/**
 * The Master Boot Record: four slots in block 0. Addresses are 32-bit block numbers; the older cylinder/head/sector
 * triples are written as "beyond reach" (fe ff ff), as every tool since the 1990s does, and are not read.
 * Logical partitions inside an extended one are named, not opened.
 */
const SECTION = 'UEFI 2.10 §5.2.1, "Legacy Master Boot Record (MBR)"';

export const MBR_SLOTS = 4;
const SLOTS_OFFSET_BYTES = 446;
const SLOT_BYTES = 16;
/** Volumes begin at a multiple of this, as all partitioning tools of today have it. */
export const ALIGNMENT_BYTES = 2 ** 20;

const TYPE_NAMES: Readonly<Record<number, string>> = {
  0x01: 'DOS_FAT_12',
  0x04: 'DOS_FAT_16_S',
  0x05: 'DOS extended',
  0x06: 'DOS_FAT_16',
  0x07: 'Windows_NTFS', // also exFAT; macOS shows it under this name
  0x0b: 'DOS_FAT_32',
  0x0c: 'Windows_FAT_32',
  0x0e: 'Windows_FAT_16',
  0x0f: 'Windows extended',
  0x82: 'Linux_Swap',
  0x83: 'Linux',
  0x85: 'Linux extended',
  0xaf: 'Apple_HFS',
  0xee: 'GPT protective',
  0xef: 'EFI',
};
const EXTENDED_TYPES: readonly number[] = [0x05, 0x0f, 0x85];
export const MBR_TYPE_PROTECTIVE = 0xee;

export const typeNameOfMbr = (type: number): string => TYPE_NAMES[type] ?? hex(type);

export type Mbr = Value<typeof Mbr>;
export const Mbr = struct('MBR', 512, 'little', SECTION, {
  bootCode: bytes(0, 440, 'program of a bootable disk'),
  diskSignature: u32(440, 'UniqueMBRSignature: lets Windows tell disks apart', { show: hex }),
  reserved: u16(444, 'not used', { show: hex }),
  slot1: bytes(446, 16, 'first partition'),
  slot2: bytes(462, 16, 'second partition'),
  slot3: bytes(478, 16, 'third partition'),
  slot4: bytes(494, 16, 'fourth partition'),
  signature: u16(510, 'Signature', { magic: 0xaa55, show: hex }),
});

export type MbrSlot = Value<typeof MbrSlot>;
export const MbrSlot = struct('MBR slot', SLOT_BYTES, 'little', SECTION, {
  bootIndicator: u8(0, 'BootIndicator: 80 means boot from here', { show: hex }),
  startChs: bytes(1, 3, 'StartingCHS'),
  type: u8(4, 'OSType', { show: (type) => `${hex(type)} ${type === 0 ? 'unused' : typeNameOfMbr(type)}` }),
  endChs: bytes(5, 3, 'EndingCHS'),
  firstBlock: u32(8, 'StartingLBA'),
  blockCount: u32(12, 'SizeInLBA'),
});

export const slotOffsetBytes = (slot: number): number => SLOTS_OFFSET_BYTES + slot * SLOT_BYTES;

/** Fields of FAT and NTFS boot sectors that tell them from an MBR, which ends with the same signature. */
const BootSectorHead = struct('boot sector', 16, 'little', 'FATGEN 1.03, "Boot Sector and BPB Structure"', {
  jump: bytes(0, 3, 'BS_jmpBoot'),
  oemName: ascii(3, 8, 'BS_OEMName'),
  bytesPerSector: u16(11, 'BPB_BytsPerSec'),
  sectorsPerCluster: u8(13, 'BPB_SecPerClus'),
  reservedSectors: u16(14, 'BPB_RsvdSecCnt'),
});

/** A volume without a partition map begins with a jump and plausible sizes; a boot program does not. */
function isVolumeBootSector(block: Uint8Array): boolean {
  const { jump, oemName, bytesPerSector, sectorsPerCluster } = BootSectorHead.peek(block);
  if (jump[0] !== 0xeb && jump[0] !== 0xe9) return false;
  if (oemName === 'EXFAT   ' || oemName === 'NTFS    ') return true;
  const isPowerOfTwo = (value: number) => value > 0 && (value & (value - 1)) === 0;
  return [512, 1024, 2048, 4096].includes(bytesPerSector) && isPowerOfTwo(sectorsPerCluster);
}

/** Null when block 0 holds no MBR. */
export function readMbr(device: Device): PartitionMap | null {
  const block = new Uint8Array(device.blockSizeBytes);
  device.read(0, block);
  if (Mbr.peek(block).signature !== 0xaa55 || isVolumeBootSector(block)) return null;
  const slots = Array.from({ length: MBR_SLOTS }, (_, i) => MbrSlot.peek(block, slotOffsetBytes(i)));
  if (slots.some(({ bootIndicator }) => bootIndicator !== 0 && bootIndicator !== 0x80)) return null;
  if (slots.every(({ type }) => type === 0)) return null;

  const problems: string[] = [];
  const partitions: Partition[] = [];
  for (const [i, { type, firstBlock, blockCount }] of slots.entries()) {
    if (type === 0 || blockCount === 0) continue;
    const isExtended = EXTENDED_TYPES.includes(type);
    if (isExtended) {
      problems.push(
        `Partition ${i + 1} is an extended partition; the logical partitions inside it are not opened.`,
      );
    }
    partitions.push({
      index: i + 1,
      firstBlock,
      blockCount,
      type: hex(type),
      typeName: typeNameOfMbr(type),
      name: '',
      isUsable: !isExtended,
    });
  }
  return { scheme: 'mbr', partitions, problems };
}

export interface MbrPartition {
  readonly firstBlock: number;
  readonly blockCount: number;
  /** 0x0c: FAT32 with block addresses, 0x07: exFAT, 0xaf: HFS+. */
  readonly type: number;
}

/** Writes block 0 and a barrier: a disk has its new map or, after a power cut before that, its old one. */
export function writeMbr(device: Device, partitions: readonly MbrPartition[], diskSignature: number): void {
  assert(partitions.length <= MBR_SLOTS, `${partitions.length} partitions fit four slots`);
  const block = new Uint8Array(device.blockSizeBytes);
  const none = new Uint8Array(SLOT_BYTES);
  Mbr.write(block, {
    bootCode: new Uint8Array(440),
    diskSignature,
    reserved: 0,
    slot1: none,
    slot2: none,
    slot3: none,
    slot4: none,
  });
  for (const [i, { firstBlock, blockCount, type }] of partitions.entries()) {
    assert(
      firstBlock > 0 && firstBlock + blockCount <= device.blockCount,
      `partition ${i + 1} lies on the disk`,
    );
    assert(blockCount < 2 ** 32, `${blockCount} blocks are counted in 32 bits`);
    writeSlot(block, i, { firstBlock, blockCount, type });
  }
  device.write(0, block, {
    role: 'partition',
    owner: 'partition map',
    reason: 'write the MBR partition map',
  });
  device.barrier('partition map before the volumes it leads to');
}

const CHS_BEYOND_REACH = Uint8Array.of(0xfe, 0xff, 0xff);

export function writeSlot(
  block: Uint8Array,
  slot: number,
  { firstBlock, blockCount, type }: MbrPartition,
): void {
  // UEFI 2.10 §5.2.3: the protective slot starts at CHS 0/0/2.
  const startChs = type === MBR_TYPE_PROTECTIVE ? Uint8Array.of(0x00, 0x02, 0x00) : CHS_BEYOND_REACH;
  MbrSlot.write(
    block,
    { bootIndicator: 0, startChs, type, endChs: CHS_BEYOND_REACH, firstBlock, blockCount },
    slotOffsetBytes(slot),
  );
}
