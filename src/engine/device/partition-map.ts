import type { Prng } from '../base/prng.ts';
import type { Role } from '../base/role.ts';
import type { Annotation } from '../codec/struct.ts';
import type { Device } from './device.ts';
import { annotateApmBlock, apmBlocks, readApm } from './apm.ts';
import {
  GPT_ENTRIES,
  GPT_ENTRY_BYTES,
  GPT_TYPES,
  GptEntry,
  GptHeader,
  gptReservedBlocks,
  readGpt,
  writeGpt,
} from './gpt.ts';
import { ALIGNMENT_BYTES, Mbr, MBR_SLOTS, MbrSlot, readMbr, slotOffsetBytes, writeMbr } from './mbr.ts';

/** Which parts a disk has, whatever kind of map says so. */
export type Scheme = 'none' | 'gpt' | 'mbr';

/** What is found on a disk; Apple's older map is read, not made. */
export type MapScheme = Scheme | 'apm';

export interface Partition {
  /** From 1, as in 'disk1s1'. */
  readonly index: number;
  readonly firstBlock: number;
  readonly blockCount: number;
  /** '0xc', or a GUID in capitals. */
  readonly type: string;
  /** As `diskutil list` prints it. */
  readonly typeName: string;
  readonly name: string;
  /** False where the map cannot be believed or we cannot go in: see the problems of the map. */
  readonly isUsable: boolean;
}

export interface PartitionMap {
  readonly scheme: MapScheme;
  readonly partitions: readonly Partition[];
  /** Sentences about damage and about what is not opened. */
  readonly problems: readonly string[];
}

const NO_MAP: PartitionMap = { scheme: 'none', partitions: [], problems: [] };

/** Never throws on damage: what is wrong is said in `problems`, and a partition that is wrong is not usable. */
export function readPartitionMap(device: Device): PartitionMap {
  const map = readGpt(device) ?? readApm(device) ?? readMbr(device) ?? NO_MAP;
  const problems = [...map.problems];
  const partitions = map.partitions.map((partition) => {
    const trouble = troubleWith(partition, map, device);
    if (trouble === null) return partition;
    problems.push(`Partition ${partition.index} ${trouble}.`);
    return { ...partition, isUsable: false };
  });
  return { scheme: map.scheme, partitions, problems };
}

/** Two partitions that share a block: the one that begins later is not to be believed. */
function troubleWith(partition: Partition, map: PartitionMap, device: Device): string | null {
  const { index, firstBlock, blockCount } = partition;
  if (blockCount === 0) return 'ends before it begins';
  const end = firstBlock + blockCount;
  if (firstBlock === 0) return 'begins on the partition map itself';
  if (end > device.blockCount) return `ends at block ${end}, the disk at block ${device.blockCount}`;
  if (map.scheme === 'gpt') {
    const reserved = gptReservedBlocks(device);
    if (firstBlock < 1 + reserved || end > device.blockCount - reserved) return 'overlaps the partition map';
  }
  const other = map.partitions.find(
    (other) =>
      other.index !== index &&
      (other.firstBlock < firstBlock || (other.firstBlock === firstBlock && other.index < index)) &&
      other.firstBlock + other.blockCount > firstBlock,
  );
  return other === undefined ? null : `overlaps partition ${other.index}`;
}

/** What a new volume's partition is called in either map. */
export interface VolumeType {
  readonly mbrType: number;
  readonly gptType: string;
}

/** macOS's choice per format. */
export const VOLUME_TYPES = {
  fat32: { mbrType: 0x0c, gptType: GPT_TYPES['Microsoft Basic Data'] },
  exfat: { mbrType: 0x07, gptType: GPT_TYPES['Microsoft Basic Data'] },
  hfsplus: { mbrType: 0xaf, gptType: GPT_TYPES.Apple_HFS },
  hfsx: { mbrType: 0xaf, gptType: GPT_TYPES.Apple_HFS },
  apfs: { mbrType: 0xaf, gptType: GPT_TYPES.Apple_APFS },
} as const satisfies Record<string, VolumeType>;

/**
 * The blocks one partition would get that takes the whole disk: aligned to 1 MiB at both ends. Null when the disk is too
 * small for a map and a mebibyte of volume.
 */
export function wholeDiskPartition(
  device: Device,
  scheme: Scheme,
): { firstBlock: number; blockCount: number } | null {
  if (scheme === 'none') return { firstBlock: 0, blockCount: device.blockCount };
  const alignment = ALIGNMENT_BYTES / device.blockSizeBytes;
  const endReserved = scheme === 'gpt' ? gptReservedBlocks(device) : 0;
  // An MBR counts in 32 bits; blocks beyond what it can say stay out of reach.
  const reach =
    scheme === 'mbr' ? Math.min(device.blockCount, alignment + 2 ** 32 - 1) : device.blockCount - endReserved;
  const end = Math.floor(reach / alignment) * alignment;
  return end >= 2 * alignment ? { firstBlock: alignment, blockCount: end - alignment } : null;
}

/** One partition over the whole disk. The caller has asked `wholeDiskPartition` whether there is room. */
export function writeWholeDiskMap(
  device: Device,
  scheme: 'gpt' | 'mbr',
  volume: VolumeType & { readonly name: string },
  random: Prng,
): void {
  const place = wholeDiskPartition(device, scheme);
  if (place === null) return;
  if (scheme === 'mbr') writeMbr(device, [{ ...place, type: volume.mbrType }], random.u32());
  else writeGpt(device, [{ ...place, type: volume.gptType, name: volume.name }], random);
}

// ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Same shape as a format's regions, for the block map. */
export interface MapRegion {
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly role: Role;
  readonly owner: string;
}

/** Same shape as a format's block annotation, for the hex pane. */
export interface MapBlockAnnotation {
  readonly role: Role;
  readonly owner: string;
  readonly title: string;
  readonly fields: readonly Annotation[];
}

const OWNER = 'partition map';

/** The whole disk outside usable partitions, in ascending order: the map itself and the gaps. */
export function mapRegions(device: Device, map: PartitionMap): MapRegion[] {
  if (map.scheme === 'none') return [];
  const region = (firstBlock: number, blockCount: number, role: Role, owner: string): MapRegion => ({
    ...{ firstBlock, blockCount, role, owner },
  });
  const frontBlocks =
    map.scheme === 'apm' ? apmBlocks(device, map) : map.scheme === 'gpt' ? 1 + gptReservedBlocks(device) : 1;
  const backBlocks = map.scheme === 'gpt' ? gptReservedBlocks(device) : 0;
  const parts = map.partitions.filter(({ isUsable }) => isUsable).sort((a, b) => a.firstBlock - b.firstBlock);
  const regions = [region(0, frontBlocks, 'partition', OWNER)];
  let end = frontBlocks;
  for (const { firstBlock, blockCount } of parts) {
    if (firstBlock > end) regions.push(region(end, firstBlock - end, 'free', ''));
    end = firstBlock + blockCount;
  }
  const back = device.blockCount - backBlocks;
  if (back > end) regions.push(region(end, back - end, 'free', ''));
  if (backBlocks > 0) regions.push(region(back, backBlocks, 'partition', `${OWNER} (copy)`));
  return regions;
}

/** A block of the map explained byte for byte; null for blocks that are not of the map. */
export function annotateMapBlock(
  device: Device,
  map: PartitionMap,
  block: number,
): MapBlockAnnotation | null {
  if (map.scheme === 'none') return null;
  const bytes = new Uint8Array(device.blockSizeBytes);
  const said = (title: string, fields: Annotation[]): MapBlockAnnotation => ({
    ...{ role: 'partition', owner: OWNER, title },
    fields: withRest(fields, bytes.length),
  });
  if (map.scheme === 'apm') {
    if (block >= apmBlocks(device, map)) return null;
    const { title, fields } = annotateApmBlock(device, block);
    return said(title, fields);
  }
  if (block === 0) {
    device.read(block, bytes);
    const slots = Array.from({ length: MBR_SLOTS }, (_, i) => MbrSlot.annotate(bytes, slotOffsetBytes(i)));
    const around = Mbr.annotate(bytes).filter(({ name }) => !/slot\d$/.test(name));
    const fields = [...around.slice(0, -1), ...slots.flatMap(numbered('slot')), ...around.slice(-1)];
    return said(map.scheme === 'gpt' ? 'Protective MBR' : 'Master Boot Record', fields);
  }
  if (map.scheme !== 'gpt') return null;
  const last = device.blockCount - 1;
  const arrayBlocks = gptReservedBlocks(device) - 1;
  const copyArray = last - arrayBlocks;
  if (block === 1 || block === last) {
    device.read(block, bytes);
    return said(block === 1 ? 'GPT header' : 'Copy of the GPT header', GptHeader.annotate(bytes));
  }
  const inMain = block - 2;
  const inCopy = block - copyArray;
  const isMain = inMain >= 0 && inMain < arrayBlocks;
  if (!isMain && !(inCopy >= 0 && inCopy < arrayBlocks)) return null;
  device.read(block, bytes);
  const perBlock = Math.min(GPT_ENTRIES, device.blockSizeBytes / GPT_ENTRY_BYTES);
  const first = (isMain ? inMain : inCopy) * perBlock;
  const entries = Array.from({ length: perBlock }, (_, i) => GptEntry.annotate(bytes, i * GPT_ENTRY_BYTES));
  const title = `${isMain ? 'GPT entries' : 'Copy of GPT entries'} ${first + 1} to ${first + perBlock}`;
  return said(
    title,
    entries.flatMap((fields, i) => numbered('entry')(fields, first + i)),
  );
}

/** 'MBR slot.type' of the third slot becomes 'slot 3.type'. */
const numbered =
  (word: string) =>
  (fields: readonly Annotation[], index: number): Annotation[] =>
    fields.map((field) => ({ ...field, name: field.name.replace(/^[^.]*/, `${word} ${index + 1}`) }));

/** Bytes behind the last field are named, too, so that every byte of the block is explained. */
function withRest(fields: Annotation[], lengthBytes: number): Annotation[] {
  const end = fields.reduce((max, field) => Math.max(max, field.offsetBytes + field.lengthBytes), 0);
  if (end === lengthBytes) return fields;
  const rest: Annotation = {
    ...{ offsetBytes: end, lengthBytes: lengthBytes - end, name: 'rest of the block', text: '' },
    ...{ doc: 'reserved, zero', section: fields[0]?.section ?? '' },
  };
  return [...fields, rest];
}
