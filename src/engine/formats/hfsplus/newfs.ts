import type { Device, WriteLabel } from '../../device/device.ts';
import { ZERO_FILL } from '../../device/device.ts';
import type { NewfsOptions, NewfsReport } from '../contract.ts';
import { BLOCK_LIST_SIZE_BYTES, journalHeaderSector } from './journal.ts';
import { JOURNAL_INFO_FLAG, JOURNAL_INFO_SIZE_BYTES, JournalInfoBlock } from './layout-journal.ts';
import {
  ALTERNATE_HEADER_FROM_END_BYTES,
  EMPTY_FORK,
  hfsDate,
  MOUNTED_BY,
  SIGNATURE,
  VERSION,
  VOLUME_BIT,
  VOLUME_HEADER_OFFSET_BYTES,
  VOLUME_HEADER_SIZE_BYTES,
  VolumeHeader,
} from './layout.ts';
import type { ForkData } from './layout.ts';
import { storedName } from './names.ts';
import { firstNodes } from './newfs-trees.ts';
import type { RootDirectory } from './newfs-trees.ts';
import { planVolume } from './plan.ts';
import type { Plan, TreePlan } from './plan.ts';
import { readSettings } from './settings.ts';
import type { TreeName } from './settings.ts';

/**
 * Make an empty volume. What might be an older volume's headers goes first, then everything is written but the volume
 * header, then that; a barrier between each. A power cut on the way leaves a disk without a volume, never half of one.
 *
 * The journal is left as macOS leaves it after the first mount: with a header, empty, not waiting to be initialised.
 * Cost: the nodes in use and the first part of the bitmap; all else is zeroed as computed fills.
 */
export function newfs(device: Device, options: NewfsOptions, isHfsx: boolean): NewfsReport {
  const settings = readSettings(options.settings, isHfsx);
  const volumeSizeBytes = device.blockCount * device.blockSizeBytes;
  const { plan, warnings } = planVolume(volumeSizeBytes, device.blockSizeBytes, settings);
  const createDate = hfsDate(options.clock.now());
  const root: RootDirectory = {
    storedLabel: storedName(options.label === '' ? DEFAULT_LABEL : options.label),
    createDate,
    isHfsx,
    isBinary: settings.compare === 'binary',
    uid: ROOT_UID,
    gid: ROOT_GID,
  };
  const header = volumeHeader(plan, root, options);
  const journalHeader =
    plan.journal === null
      ? undefined
      : journalHeaderSector(device.blockSizeBytes, {
          sizeBytes: plan.journal.sizeBytes,
          blockListSizeBytes: BLOCK_LIST_SIZE_BYTES,
          startBytes: device.blockSizeBytes,
          endBytes: device.blockSizeBytes,
          sequenceNumber: options.random.below(2 ** 24 - 1) + 1,
        });
  const volume: NewVolume = { device, plan };

  clearHeaders(volume);
  device.barrier('hfs+: an older volume is gone before its place is taken');
  clearMetadata(volume);
  writeBitmap(volume);
  for (const name of ['extents', 'attributes', 'catalog'] as const) writeTree(volume, name, root);
  if (journalHeader !== undefined) writeJournal(volume, journalHeader);
  writeHeader(volume, volumeSizeBytes - ALTERNATE_HEADER_FROM_END_BYTES, header, LABEL_ALTERNATE);
  device.barrier('hfs+: everything else before the header that makes it a volume');
  writeHeader(volume, VOLUME_HEADER_OFFSET_BYTES, header, LABEL_HEADER);
  device.barrier('hfs+: the new volume is complete');
  return { lines: [printedLine(plan, isHfsx && settings.compare === 'binary')], warnings };
}

interface NewVolume {
  readonly device: Device;
  readonly plan: Plan;
}

const DEFAULT_LABEL = 'untitled';
/** The first user of a Mac, who formats the disk. */
const ROOT_UID = 501;
const ROOT_GID = 20;

const labelled = (role: WriteLabel['role'], owner: string, reason: string): WriteLabel => ({
  role,
  owner,
  reason,
});
const LABEL_HEADER = labelled('header', 'volume header', 'make the volume known');
const LABEL_ALTERNATE = labelled('header', 'alternate volume header', 'keep a second copy');

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Boot area, header, and the last two sectors with the alternate header. */
function clearHeaders({ device }: NewVolume): void {
  const label = labelled('reserved', 'new volume', 'clear what may be headers of an older volume');
  const sectors = (sizeBytes: number) => Math.ceil(sizeBytes / device.blockSizeBytes);
  device.fill(0, sectors(VOLUME_HEADER_OFFSET_BYTES + VOLUME_HEADER_SIZE_BYTES), ZERO_FILL, label);
  const last = sectors(ALTERNATE_HEADER_FROM_END_BYTES);
  device.fill(device.blockCount - last, last, ZERO_FILL, label);
}

/** Bitmap, journal and trees read as zeros; of the disk in front of them nothing is left (1 MiB, as newfs_hfs does). */
function clearMetadata({ device, plan }: NewVolume): void {
  const label = labelled('reserved', 'new volume', 'clear the metadata area');
  const { attributes, catalog } = plan.trees;
  const clear = (firstBlock: number, endBlock: number) => {
    const sectors = plan.blockSizeBytes / device.blockSizeBytes;
    const count = Math.min(endBlock, plan.totalBlocks - plan.lastBlocks) - firstBlock;
    device.fill(firstBlock * sectors, count * sectors, ZERO_FILL, label);
  };
  const wiped = Math.ceil(2 ** 20 / plan.blockSizeBytes);
  clear(0, Math.max(attributes.startBlock + attributes.blockCount, wiped));
  clear(catalog.startBlock, catalog.startBlock + catalog.blockCount);
}

function writeBitmap({ device, plan }: NewVolume): void {
  const { attributes, catalog } = plan.trees;
  const label = labelled('allocation', 'allocation file', 'blocks of the metadata are in use');
  const ranges = [
    [0, attributes.startBlock + attributes.blockCount],
    [catalog.startBlock, catalog.startBlock + catalog.blockCount],
    [plan.totalBlocks - plan.lastBlocks, plan.totalBlocks],
  ] as const;
  const sector = new Uint8Array(device.blockSizeBytes);
  const bitsPerSector = device.blockSizeBytes * 8;
  const first = (plan.bitmap.startBlock * plan.blockSizeBytes) / device.blockSizeBytes;
  let number = -1;
  const flush = () => {
    if (number >= 0) device.write(first + number, sector, label);
    sector.fill(0);
  };
  for (const [from, to] of ranges) {
    for (let block = from; block < to; block++) {
      const at = Math.floor(block / bitsPerSector);
      if (at !== number) {
        flush();
        number = at;
      }
      const bit = block % bitsPerSector;
      if ((bit & 7) === 0 && block + 8 <= to) {
        sector[bit >>> 3] = 0xff;
        block += 7;
      } else {
        sector[bit >>> 3] = (sector[bit >>> 3] ?? 0) | (0x80 >>> (bit & 7));
      }
    }
  }
  flush();
}

function writeTree({ device, plan }: NewVolume, name: TreeName, root: RootDirectory): void {
  const nodes = firstNodes(name, plan, root);
  const sectorBytes = device.blockSizeBytes;
  // A node smaller than the sector shares it with zeros.
  const padded = new Uint8Array(Math.ceil(nodes.length / sectorBytes) * sectorBytes);
  padded.set(nodes);
  const at = (plan.trees[name].startBlock * plan.blockSizeBytes) / sectorBytes;
  device.write(at, padded, labelled('tree', `${name} file`, 'begin an empty tree'));
}

function writeJournal({ device, plan }: NewVolume, journalHeader: Uint8Array): void {
  if (plan.journal === null) return;
  const { infoBlock, startBlock, sizeBytes } = plan.journal;
  const info = new Uint8Array(Math.max(device.blockSizeBytes, JOURNAL_INFO_SIZE_BYTES));
  JournalInfoBlock.write(info, {
    flags: JOURNAL_INFO_FLAG.inVolume,
    deviceSignature: new Uint8Array(32),
    offsetBytes: startBlock * plan.blockSizeBytes,
    sizeBytes,
    externalUuid: new Uint8Array(37),
    machineSerial: new Uint8Array(48),
  });
  const sectors = plan.blockSizeBytes / device.blockSizeBytes;
  const infoLabel = labelled('journal', 'journal info block', 'say where the journal is');
  device.write(infoBlock * sectors, info, infoLabel);
  device.write(
    startBlock * sectors,
    journalHeader,
    labelled('journal', 'journal header', 'an empty journal'),
  );
}

/** One of the two headers; the rest of its sector is zeros. */
function writeHeader(
  { device }: NewVolume,
  offsetBytes: number,
  header: Uint8Array,
  label: WriteLabel,
): void {
  const sector = new Uint8Array(device.blockSizeBytes);
  sector.set(header, offsetBytes % device.blockSizeBytes);
  device.write(Math.floor(offsetBytes / device.blockSizeBytes), sector, label);
}

// ── volume header ───────────────────────────────────────────────────────────────────────────────────────────────────

function volumeHeader(plan: Plan, { createDate, isHfsx }: RootDirectory, options: NewfsOptions): Uint8Array {
  const finderInfo = new Uint8Array(32);
  finderInfo.set(options.random.bytes(8), 24);
  const treeFork = ({ sizeBytes, startBlock, blockCount }: TreePlan): ForkData => ({
    logicalSizeBytes: sizeBytes,
    clumpSizeBytes: sizeBytes,
    totalBlocks: blockCount,
    extents: [{ startBlock, blockCount }],
  });
  const bitmapBytes = plan.bitmap.blockCount * plan.blockSizeBytes;
  const header = new Uint8Array(VOLUME_HEADER_SIZE_BYTES);
  const { unmounted, unusedNodeFix, journaled } = VOLUME_BIT;
  VolumeHeader.write(header, {
    signature: isHfsx ? SIGNATURE.hfsx : SIGNATURE.hfsplus,
    version: isHfsx ? VERSION.hfsx : VERSION.hfsplus,
    attributes: unmounted + unusedNodeFix + (plan.journal === null ? 0 : journaled),
    lastMountedVersion: MOUNTED_BY.macos,
    journalInfoBlock: plan.journal?.infoBlock ?? 0,
    createDate,
    modifyDate: createDate,
    backupDate: 0,
    checkedDate: createDate,
    fileCount: plan.journal === null ? 0 : 2,
    folderCount: 0,
    blockSizeBytes: plan.blockSizeBytes,
    totalBlocks: plan.totalBlocks,
    freeBlocks: plan.freeBlocks,
    nextAllocation: plan.nextAllocation,
    resourceClumpSizeBytes: plan.dataClumpSizeBytes,
    dataClumpSizeBytes: plan.dataClumpSizeBytes,
    nextCatalogId: plan.nextCatalogId,
    writeCount: 0,
    encodingsBitmap: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1),
    finderInfo,
    allocationFile: {
      logicalSizeBytes: bitmapBytes,
      clumpSizeBytes: bitmapBytes,
      totalBlocks: plan.bitmap.blockCount,
      extents: [plan.bitmap],
    },
    extentsFile: treeFork(plan.trees.extents),
    catalogFile: treeFork(plan.trees.catalog),
    attributesFile: treeFork(plan.trees.attributes),
    startupFile: EMPTY_FORK,
  });
  return header;
}

// ── what newfs_hfs prints ───────────────────────────────────────────────────────────────────────────────────────────

/** Without the name of the device, which only its caller knows. [HF newfs_hfs.c hfs_newfs] */
function printedLine(plan: Plan, isCaseSensitive: boolean): string {
  const sectors = Math.floor(plan.volumeSizeBytes / 512);
  const units = [
    [2 ** 31, 'TB'],
    [2 ** 21, 'GB'],
    [2 ** 11, 'MB'],
    [2, 'KB'],
  ] as const;
  const [unit, word] = units.find(([size]) => sectors > size) ?? [2, 'KB'];
  const size = Math.floor((sectors + unit / 2) / unit);
  const journal =
    plan.journal === null ? '' : ` with a ${Math.floor(plan.journal.sizeBytes / 1024)}k journal`;
  const compare = isCaseSensitive ? 'case-sensitive' : 'case-insensitive';
  return `Initialized as a ${size} ${word} ${compare} HFS Plus volume${journal}`;
}
