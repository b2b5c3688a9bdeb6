import { assert } from '../base/assert.ts';
import type { Prng } from '../base/prng.ts';
import { crc32 } from '../codec/crc32.ts';
import { ascii, bytes, hex, reserved, struct, u32, u64, utf16, type Value } from '../codec/struct.ts';
import type { Device, WriteLabel } from './device.ts';
import { Mbr, MBR_TYPE_PROTECTIVE, MbrSlot, MBR_SLOTS, slotOffsetBytes, writeSlot } from './mbr.ts';
import type { Partition, PartitionMap } from './partition-map.ts';

/**
 * The GUID Partition Table: a protective MBR, a header in block 1 with its array of entries, and copies of both at the
 * end of the disk. Header and array are guarded by CRC-32, so that damage to one copy is seen and the other is used.
 *
 * macOS sets aside an EFI system partition of 200 MiB on disks it partitions itself; we do not, so that a small disk
 * keeps its blocks for what is looked at. macOS opens disks without one.
 */
const HEADER_SECTION = 'UEFI 2.10 §5.3.2, "GPT Header"';
const ENTRY_SECTION = 'UEFI 2.10 §5.3.3, "GPT Partition Entry Array"';
const HEADER_BLOCK = 1;
export const GPT_ENTRY_BYTES = 128;
export const GPT_ENTRIES = 128;
/** A foreign map may declare more; an array larger than this is taken for damage. */
const ARRAY_BYTES_MAX = 2 ** 20;
const HEADER_BYTES = 92;

export const GPT_TYPES = {
  'Microsoft Basic Data': 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7',
  EFI: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  Apple_HFS: '48465300-0000-11AA-AA11-00306543ECAC',
  Apple_APFS: '7C3457EF-0000-11AA-AA11-00306543ECAC',
} as const;
const OTHER_TYPE_NAMES: Readonly<Record<string, string>> = {
  '0FC63DAF-8483-4772-8E79-3D69D8477DE4': 'Linux Filesystem',
  '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F': 'Linux Swap',
  'E3C9E316-0B5C-4DB8-817D-F92DF00215AE': 'Microsoft Reserved',
  'DE94BBA4-06D1-4D40-A16A-BFD50179D6AC': 'Windows Recovery',
  '426F6F74-0000-11AA-AA11-00306543ECAC': 'Apple_Boot',
};
const UNUSED_TYPE = '00000000-0000-0000-0000-000000000000';

/** GUIDs print their first three groups as little-endian numbers. UEFI 2.10, appendix A. */
const GUID_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

export function guidText(raw: Uint8Array): string {
  const digits = GUID_ORDER.map((i) => (raw[i] ?? 0).toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

export function guidBytes(text: string): Uint8Array {
  const digits = text.replaceAll('-', '');
  assert(/^[0-9A-Fa-f]{32}$/.test(digits), `${text} is a GUID`);
  const raw = new Uint8Array(16);
  for (const [at, i] of GUID_ORDER.entries()) raw[i] = Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16);
  return raw;
}

/** A random GUID: RFC 9562 §5.4, version 4. */
export function randomGuid(random: Prng): string {
  const raw = random.bytes(16);
  raw[7] = (raw[7]! & 0x0f) | 0x40; // the version nibble, in a group of little-endian order
  raw[8] = (raw[8]! & 0x3f) | 0x80;
  return guidText(raw);
}

export const typeNameOfGpt = (guid: string): string =>
  Object.entries(GPT_TYPES).find(([, known]) => known === guid)?.[0] ?? OTHER_TYPE_NAMES[guid] ?? guid;

export type GptHeader = Value<typeof GptHeader>;
export const GptHeader = struct('GPT header', HEADER_BYTES, 'little', HEADER_SECTION, {
  signature: ascii(0, 8, 'Signature', { magic: 'EFI PART' }),
  revision: u32(8, 'Revision: 1.0', { magic: 0x00010000, show: hex }),
  headerBytes: u32(12, 'HeaderSize', { show: (value) => `${value} bytes` }),
  headerCrc: u32(16, 'HeaderCRC32: over the header with this field zero', { show: hex }),
  reserved: reserved(20, 4),
  thisBlock: u64(24, 'MyLBA: where this header lies'),
  otherBlock: u64(32, 'AlternateLBA: where its copy lies'),
  firstUsableBlock: u64(40, 'FirstUsableLBA'),
  lastUsableBlock: u64(48, 'LastUsableLBA'),
  diskGuid: bytes(56, 16, 'DiskGUID', { show: guidText }),
  arrayBlock: u64(72, 'PartitionEntryLBA: first block of the entries'),
  entryCount: u32(80, 'NumberOfPartitionEntries'),
  entryBytes: u32(84, 'SizeOfPartitionEntry', { show: (value) => `${value} bytes` }),
  arrayCrc: u32(88, 'PartitionEntryArrayCRC32', { show: hex }),
});

export type GptEntry = Value<typeof GptEntry>;
export const GptEntry = struct('GPT entry', GPT_ENTRY_BYTES, 'little', ENTRY_SECTION, {
  type: bytes(0, 16, 'PartitionTypeGUID', {
    show: (raw) => (guidText(raw) === UNUSED_TYPE ? 'unused' : typeNameOfGpt(guidText(raw))),
  }),
  guid: bytes(16, 16, 'UniquePartitionGUID', { show: guidText }),
  firstBlock: u64(32, 'StartingLBA'),
  lastBlock: u64(40, 'EndingLBA: the last block of the partition'),
  attributes: bytes(48, 8, 'Attributes'),
  name: utf16(56, 36, 'PartitionName'),
});

const blocksFor = (lengthBytes: number, device: Device): number =>
  Math.ceil(lengthBytes / device.blockSizeBytes);

/** Blocks that a map takes at each end of the disk: MBR (front only), header and array. */
export const gptReservedBlocks = (device: Device): number =>
  1 + blocksFor(GPT_ENTRIES * GPT_ENTRY_BYTES, device);

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface GptCopy {
  readonly header: GptHeader;
  readonly entries: readonly GptEntry[];
}

/** A header and its entries, or one clause about what is wrong with them. */
export function readGptCopy(device: Device, block: number): GptCopy | string {
  if (block >= device.blockCount) return 'lies outside the device';
  const raw = new Uint8Array(device.blockSizeBytes);
  device.read(block, raw);
  const header = GptHeader.peek(raw);
  if (header.signature !== 'EFI PART') return 'has no "EFI PART" signature';
  const { headerBytes } = header;
  if (headerBytes < HEADER_BYTES || headerBytes > raw.length) return `says it is ${headerBytes} bytes long`;
  const checked = raw.slice(0, headerBytes);
  checked.fill(0, 16, 20);
  if (crc32(checked) !== header.headerCrc) return 'fails its CRC-32';
  if (header.thisBlock !== block) return `says it lies in block ${header.thisBlock}`;

  const { arrayBlock, entryCount, entryBytes } = header;
  const arrayBytes = entryCount * entryBytes;
  if (entryBytes < GPT_ENTRY_BYTES || entryBytes % GPT_ENTRY_BYTES !== 0 || arrayBytes > ARRAY_BYTES_MAX) {
    return `describes ${entryCount} entries of ${entryBytes} bytes`;
  }
  if (arrayBlock + blocksFor(arrayBytes, device) > device.blockCount) return 'has entries outside the device';
  const array = new Uint8Array(blocksFor(arrayBytes, device) * device.blockSizeBytes);
  device.read(arrayBlock, array);
  if (crc32(array.subarray(0, arrayBytes)) !== header.arrayCrc) return 'has entries that fail their CRC-32';
  const entries = Array.from({ length: entryCount }, (_, i) => GptEntry.peek(array, i * entryBytes));
  return { header, entries };
}

/** Null when neither copy nor a protective MBR says that the disk has a GUID partition table. */
export function readGpt(device: Device): PartitionMap | null {
  if (device.blockCount < 3) return null;
  const mbr = new Uint8Array(device.blockSizeBytes);
  device.read(0, mbr);
  const isProtected =
    Mbr.peek(mbr).signature === 0xaa55 &&
    Array.from({ length: MBR_SLOTS }, (_, i) => MbrSlot.peek(mbr, slotOffsetBytes(i)).type).includes(
      MBR_TYPE_PROTECTIVE,
    );
  const main = readGptCopy(device, HEADER_BLOCK);
  // An old map at the end of a disk that was formatted anew without one does not count.
  if (!isProtected && typeof main === 'string') return null;
  const problems: string[] = [];
  if (!isProtected)
    problems.push('The protective MBR is missing: older systems take the disk for an empty one.');

  const backupBlock = typeof main === 'string' ? device.blockCount - 1 : main.header.otherBlock;
  const backup = readGptCopy(device, backupBlock);
  if (typeof main === 'string') {
    problems.push(`The GPT header in block ${HEADER_BLOCK} ${main}.`);
    if (typeof backup === 'string') {
      problems.push(`Its copy in block ${backupBlock} ${backup}. No partition can be found.`);
      return { scheme: 'gpt', partitions: [], problems };
    }
    problems.push(`The copy in block ${backupBlock} is used.`);
  } else if (typeof backup === 'string') {
    problems.push(`The copy of the GPT header in block ${backupBlock} ${backup}.`);
  }
  const used = typeof main === 'string' ? (backup as GptCopy) : main;
  return { scheme: 'gpt', partitions: partitionsOf(used.entries), problems };
}

function partitionsOf(entries: readonly GptEntry[]): Partition[] {
  const partitions: Partition[] = [];
  for (const [i, entry] of entries.entries()) {
    const type = guidText(entry.type);
    if (type === UNUSED_TYPE) continue;
    partitions.push({
      index: i + 1,
      firstBlock: entry.firstBlock,
      blockCount: Math.max(0, entry.lastBlock - entry.firstBlock + 1),
      type,
      typeName: typeNameOfGpt(type),
      name: entry.name.replace(/\0[\s\S]*$/, ''),
      isUsable: true,
    });
  }
  return partitions;
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface GptPartition {
  readonly firstBlock: number;
  readonly blockCount: number;
  /** A GUID, of GPT_TYPES for what we make. */
  readonly type: string;
  /** At most 36 UTF-16 units are kept. */
  readonly name: string;
}

/**
 * Writes map and copy. The copy goes first: after a power cut between the two the main header is still the old one or
 * none, and the disk is never without a map that fits itself.
 */
export function writeGpt(device: Device, partitions: readonly GptPartition[], random: Prng): void {
  const arrayBytes = GPT_ENTRIES * GPT_ENTRY_BYTES;
  const arrayBlocks = blocksFor(arrayBytes, device);
  const firstUsableBlock = HEADER_BLOCK + 1 + arrayBlocks;
  const lastUsableBlock = device.blockCount - 1 - gptReservedBlocks(device);
  assert(partitions.length <= GPT_ENTRIES, `${partitions.length} partitions fit ${GPT_ENTRIES} entries`);

  const diskGuid = guidBytes(randomGuid(random));
  const array = new Uint8Array(arrayBlocks * device.blockSizeBytes);
  for (const [i, { firstBlock, blockCount, type, name }] of partitions.entries()) {
    const lastBlock = firstBlock + blockCount - 1;
    assert(
      blockCount > 0 && firstBlock >= firstUsableBlock && lastBlock <= lastUsableBlock,
      `partition ${i + 1} lies between the two copies of the map`,
    );
    GptEntry.write(
      array,
      {
        type: guidBytes(type),
        guid: guidBytes(randomGuid(random)),
        firstBlock,
        lastBlock,
        attributes: new Uint8Array(8),
        name: name.slice(0, 36).padEnd(36, '\0'),
      },
      i * GPT_ENTRY_BYTES,
    );
  }
  const arrayCrc = crc32(array.subarray(0, arrayBytes));
  const headerAt = (thisBlock: number, otherBlock: number, arrayBlock: number): Uint8Array => {
    const block = new Uint8Array(device.blockSizeBytes);
    const fields = {
      signature: 'EFI PART',
      ...{
        headerBytes: HEADER_BYTES,
        headerCrc: 0,
        thisBlock,
        otherBlock,
        firstUsableBlock,
        lastUsableBlock,
      },
      ...{ diskGuid, arrayBlock, entryCount: GPT_ENTRIES, entryBytes: GPT_ENTRY_BYTES, arrayCrc },
    };
    GptHeader.write(block, fields);
    GptHeader.write(block, { ...fields, headerCrc: crc32(block.subarray(0, HEADER_BYTES)) });
    return block;
  };

  const label = (reason: string): WriteLabel => ({ role: 'partition', owner: 'partition map', reason });
  const lastBlock = device.blockCount - 1;
  device.write(lastUsableBlock + 1, array, label('write the copy of the partition entries'));
  device.write(
    lastBlock,
    headerAt(lastBlock, HEADER_BLOCK, lastUsableBlock + 1),
    label('write the copy of the GPT header'),
  );
  device.barrier('copy of the partition map before the map');
  device.write(HEADER_BLOCK + 1, array, label('write the partition entries'));
  device.write(
    HEADER_BLOCK,
    headerAt(HEADER_BLOCK, lastBlock, HEADER_BLOCK + 1),
    label('write the GPT header'),
  );
  device.write(0, protectiveMbr(device), label('write the protective MBR'));
  device.barrier('partition map before the volumes it leads to');
}

/** Tells tools that know no GPT that the whole disk is taken. UEFI 2.10 §5.2.3. */
function protectiveMbr(device: Device): Uint8Array {
  const block = new Uint8Array(device.blockSizeBytes);
  const none = new Uint8Array(16);
  Mbr.write(block, {
    ...{ bootCode: new Uint8Array(440), diskSignature: 0, reserved: 0 },
    ...{ slot1: none, slot2: none, slot3: none, slot4: none },
  });
  const blockCount = Math.min(device.blockCount - 1, 0xffffffff);
  writeSlot(block, 0, { firstBlock: 1, blockCount, type: MBR_TYPE_PROTECTIVE });
  return block;
}
