import { decimalSize } from '../shell/sizes-text.ts';
import type { FormatName } from '../formats/contract.ts';
import type { Region } from '../formats/survey.ts';
import { personalityOf, visibleNameOf } from '../shell/personalities.ts';
import type { Disk, Slice } from './disk.ts';
import type { VolumePlace } from './containers.ts';
import type { MountRecord } from './mounts.ts';

/** `diskutil info`: the rows of macOS that mean something here, in its order and with its words. */
export interface InfoSubject {
  readonly disk: Disk;
  /** Null: the whole of a partitioned disk. */
  readonly slice: Slice | null;
  /** The volume that is meant; null: a whole disk or a container. */
  readonly place: VolumePlace | null;
  readonly mount: MountRecord | undefined;
  /** What is on the slice, mounted or not: 'Journaled HFS+'; '' when nothing is known to be there. */
  readonly title: string;
}

type Row = readonly [string, string];

const SCHEME_NAMES = {
  none: 'none',
  gpt: 'GUID_partition_scheme',
  mbr: 'FDisk_partition_scheme',
  apm: 'Apple_partition_scheme',
} as const;

export function diskutilInfo(subject: InfoSubject): Row[] {
  const { disk, slice, place, mount, title } = subject;
  const device = place?.device ?? slice?.device ?? disk.device;
  const sizeBytes = slice === null ? disk.sizeBytes : slice.blockCount * disk.store.blockSizeBytes;
  const isWhole = slice === null || (slice.index === 0 && (place === null || place.index === null));
  return [
    ['Device Identifier', device],
    ['Device Node', `/dev/${device}`],
    ['Whole', yesNo(isWhole)],
    ['Part of Whole', device.replace(/s\d+$/, '')],
    ['Device / Media Name', disk.name],
    ...(slice === null
      ? [['Volume Name', 'Not applicable (no file system)'] as const]
      : volumeRows(slice, mount, title)),
    ...(place?.index == null
      ? [['Content (IOContent)', isWhole ? SCHEME_NAMES[disk.scheme] : (slice?.typeName ?? '')] as const]
      : []),
    ['Disk Size', size(sizeBytes, disk)],
    ['Device Block Size', `${disk.store.blockSizeBytes} Bytes`],
    ...(slice === null || slice.index === 0
      ? []
      : [['Partition Offset', `${slice.firstBlock * disk.store.blockSizeBytes} Bytes`] as const]),
    ...(mount === undefined ? [] : spaceRows(mount, disk)),
    ['Media Read-Only', yesNo(disk.store.isReadOnly)],
    [
      'Volume Read-Only',
      mount === undefined ? 'Not applicable (not mounted)' : yesNo(mount.volume.isReadOnly),
    ],
    ['Virtual', 'Yes'],
    ...containerRows(subject),
  ];
}

function volumeRows(slice: Slice, mount: MountRecord | undefined, title: string): Row[] {
  return [
    ['Volume Name', mount === undefined ? 'Not applicable (not mounted)' : mount.volume.label || 'no name'],
    ['Mounted', yesNo(mount !== undefined)],
    ...(mount === undefined ? [] : [['Mount Point', mount.on] as const]),
    ['File System Personality', title === '' ? 'None' : personalityOf(title)],
    ...(slice.format === null ? [] : typeRows(slice, slice.format.name, title)),
  ];
}

/** The bundle in /System/Library/Filesystems. */
const BUNDLES: Readonly<Record<FormatName, string>> = {
  fat32: 'msdos',
  exfat: 'exfat',
  hfsplus: 'hfs',
  hfsx: 'hfs',
  apfs: 'apfs',
};

function typeRows(slice: Slice, format: FormatName, title: string): Row[] {
  const rows: Row[] = [
    ['Type (Bundle)', BUNDLES[format]],
    ['Name (User Visible)', visibleNameOf(title)],
  ];
  if (BUNDLES[format] !== 'hfs') return rows;
  const journal = journalOf(slice);
  const { blockSizeBytes } = slice.plain;
  const where =
    journal === undefined
      ? 'Disabled'
      : `Journal size ${(journal.blockCount * blockSizeBytes) / 1024} KB at offset 0x${(journal.firstBlock * blockSizeBytes).toString(16)}`;
  return [...rows, ['Journal', where], ['Owners', 'Enabled']];
}

/** The longest run of the journal's blocks is the ring; the info block beside it is one. */
function journalOf({ format, plain }: Slice): Region | undefined {
  const regions = format?.survey(plain).regions() ?? [];
  const runs = regions.filter(({ role }) => role === 'journal');
  return runs.sort((a, b) => b.blockCount - a.blockCount)[0];
}

function spaceRows({ volume }: MountRecord, disk: Disk): Row[] {
  const { blockSizeBytes, totalBlocks, freeBlocks, usedBlocks } = volume.statistics();
  // A volume of a container has no size of its own.
  const whose = usedBlocks === undefined ? 'Volume' : 'Container';
  return [
    [`${whose} Total Space`, size(totalBlocks * blockSizeBytes, disk)],
    ['Volume Used Space', size((usedBlocks ?? totalBlocks - freeBlocks) * blockSizeBytes, disk)],
    [`${whose} Free Space`, size(freeBlocks * blockSizeBytes, disk)],
    ['Allocation Block Size', `${blockSizeBytes} Bytes`],
  ];
}

/** Behind all other rows, under a line that is no key. */
function containerRows({ slice, place, mount }: InfoSubject): Row[] {
  if (slice === null || place === null || place.index === null) return [];
  return [
    ['', ''],
    [
      '',
      `This disk is an APFS ${mount?.snapshot == null ? 'Volume' : 'Volume Snapshot'}.  APFS Information:`,
    ],
    ['APFS Container', place.device.replace(/s\d+$/, '')],
    ['APFS Physical Store', slice.device],
    ['Fusion Drive', 'No'],
  ];
}

const yesNo = (value: boolean): string => (value ? 'Yes' : 'No');

/** As macOS prints sizes: '66.1 MB (66059264 Bytes) (exactly 129022 512-Byte-Units)'. */
function size(bytes: number, disk: Disk): string {
  const { blockSizeBytes } = disk.store;
  return `${decimalSize(bytes)} (${bytes} Bytes) (exactly ${bytes / blockSizeBytes} ${blockSizeBytes}-Byte-Units)`;
}
