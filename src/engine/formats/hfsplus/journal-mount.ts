import { FsError } from '../../base/errno.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import { BLOCK_LIST_SIZE_BYTES, journalHeaderSector } from './journal.ts';
import type { JournalPlace } from './journal.ts';
import { JOURNAL_INFO_FLAG, JOURNAL_INFO_SIZE_BYTES, JournalInfoBlock } from './layout-journal.ts';
import { blockOffsetBytes, MOUNTED_BY, VolumeHeader } from './layout.ts';
import type { Geometry } from './layout.ts';
import { Overlay } from '../../device/overlay.ts';
import { bringHome, isPending, readJournalHead, scanJournal } from './replay.ts';
import type { JournalHead, Scan } from './replay.ts';

/**
 * The journal when its volume is mounted: found, judged, replayed. Writable, the replay goes to the device, and the
 * journal is empty afterwards; a power cut meanwhile leaves it to be done again. For reading only it goes to memory,
 * so that people see the volume as it will be, and the device stays as it is.
 */
export interface JournalOutcome {
  /** Where to read the volume from: the device, or an overlay with the replay in memory. */
  readonly device: Device;
  /** For writing on; undefined when the journal is of no use. */
  readonly place: JournalPlace | undefined;
  /** Why the journal is of no use, in a sentence without its end; the volume must be checked then. */
  readonly broken: string | undefined;
  readonly warnings: readonly string[];
}

export interface JournalRequest {
  readonly isReadOnly: boolean;
  /** This host's own session goes on: everything logged is at home. */
  readonly isContinued: boolean;
}

/** Of a volume whose header says that it is journaled. FsError EINVAL for a journal on another device. */
export function openJournal(
  device: Device,
  geometry: Geometry,
  header: Uint8Array,
  request: JournalRequest,
): JournalOutcome {
  const broken = (reason: string): JournalOutcome => ({
    device,
    place: undefined,
    broken: reason,
    warnings: [],
  });
  const info = findInfo(device, geometry, header);
  if (typeof info === 'string') return broken(info);
  if (info.needsInitialising) {
    return { device, place: freshPlace(device, info), broken: undefined, warnings: [] };
  }
  const head = readJournalHead(device, info.offsetBytes, info.sizeBytes);
  if (typeof head === 'string') return broken(head);
  if (request.isContinued) {
    return { device, place: placeOf(device, info, head, head, false), broken: undefined, warnings: [] };
  }
  const warnings = head.isChecksumRight ? [] : ['The checksum of the journal header is wrong.'];
  if (!isPending(head)) {
    return { device, place: settledPlace(device, info, head, head.endBytes), broken: undefined, warnings };
  }
  if (VolumeHeader.peek(header).lastMountedVersion !== MOUNTED_BY.macosJournaled) {
    warnings.push(
      'Somebody who knows no journals used the volume after the journal was written: its contents are out of date ' +
        'and are left out.',
    );
    return { device, place: resetPlace(device, info, head, head.endBytes), broken: undefined, warnings };
  }
  return replayed(device, geometry, info, head, request.isReadOnly, warnings);
}

interface JournalInfo {
  readonly infoBlock: number;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly needsInitialising: boolean;
}

/** The info block's word for where the journal is, held against the volume; a sentence when it cannot be true. */
function findInfo(device: Device, geometry: Geometry, header: Uint8Array): JournalInfo | string {
  const { journalInfoBlock } = VolumeHeader.peek(header);
  if (journalInfoBlock === 0 || journalInfoBlock >= geometry.totalBlocks) {
    return `the journal info block ${journalInfoBlock} is no block of the volume`;
  }
  const infoBlock = blockOffsetBytes(geometry, journalInfoBlock) / device.blockSizeBytes;
  const sector = new Uint8Array(Math.max(device.blockSizeBytes, JOURNAL_INFO_SIZE_BYTES));
  device.read(infoBlock, sector);
  const { flags, offsetBytes, sizeBytes } = JournalInfoBlock.peek(sector);
  if ((flags & JOURNAL_INFO_FLAG.onOtherDevice) !== 0 || (flags & JOURNAL_INFO_FLAG.inVolume) === 0) {
    const detail =
      'the journal of this volume is on another device, which is not here: without it nobody knows what is current';
    throw new FsError('EINVAL', '', '', detail);
  }
  const sizeMax = geometry.totalBlocks * geometry.blockSizeBytes;
  if (offsetBytes % device.blockSizeBytes !== 0 || offsetBytes < 2048 || offsetBytes + sizeBytes > sizeMax) {
    return `the journal info block says ${sizeBytes} bytes from ${offsetBytes} on, which do not lie in the volume`;
  }
  if (sizeBytes < 256 * 1024 || sizeBytes > 2 ** 30 || sizeBytes % device.blockSizeBytes !== 0) {
    return `the journal info block says ${sizeBytes} bytes; a journal has 256 KiB to 1 GiB`;
  }
  return {
    infoBlock,
    offsetBytes: geometry.volumeOffsetBytes + offsetBytes,
    sizeBytes,
    needsInitialising: (flags & JOURNAL_INFO_FLAG.needsInitialising) !== 0,
  };
}

function replayed(
  device: Device,
  geometry: Geometry,
  info: JournalInfo,
  head: JournalHead,
  isReadOnly: boolean,
  warnings: string[],
): JournalOutcome {
  const scan = scanJournal(device, info.offsetBytes, head);
  if (scan.transactionCount === 0) {
    const reason = `the journal cannot be replayed: ${scan.damage ?? 'it holds no whole transaction'}`;
    return { device, place: undefined, broken: reason, warnings };
  }
  warnings.push(inWords(scan, isReadOnly));
  const broken =
    scan.damage === null ? undefined : `the journal could be replayed in part only: ${scan.damage}`;
  if (isReadOnly) {
    const overlay = new Overlay(device);
    bringHome(device, overlay, info.offsetBytes, head, scan);
    return { device: overlay, place: undefined, broken, warnings };
  }
  bringHome(device, device, info.offsetBytes, head, scan);
  device.barrier('hfs+: the replayed blocks are at home before the journal lets go of them');
  // Once the journal is empty nobody else would find out that something of it is lost.
  if (broken !== undefined) markJournalFailed(device, geometry);
  const place = settledPlace(device, info, head, scan.endBytes, scan.lastSequenceNumber, true);
  writeHead(device, place);
  device.barrier('hfs+: the journal is empty');
  return { device, place: { ...place, isHeaderStale: false }, broken, warnings };
}

/** 'FSK!': until fsck_hfs has looked, nobody trusts the volume. [HF hfs_vfsops.c hfs_mountfs] */
export function markJournalFailed(device: Device, geometry: Geometry): void {
  const { blockSizeBytes } = device;
  const block = Math.floor(geometry.headerOffsetBytes / blockSizeBytes);
  const sector = new Uint8Array(blockSizeBytes);
  device.read(block, sector);
  const at = geometry.headerOffsetBytes - block * blockSizeBytes;
  const header = VolumeHeader.peek(sector.subarray(at));
  if (header.lastMountedVersion === MOUNTED_BY.journalFailed) return;
  VolumeHeader.write(sector, { ...header, lastMountedVersion: MOUNTED_BY.journalFailed }, at);
  device.write(block, sector, LABEL_FAILED);
  device.barrier('hfs+: the volume says that its journal failed before that is empty');
}

function inWords({ transactionCount, blocks, beyondEndCount }: Scan, isReadOnly: boolean): string {
  const count = (value: number, word: string) => `${value} ${word}${value === 1 ? '' : 's'}`;
  const beyond = beyondEndCount === 0 ? '' : ` (${beyondEndCount} of them behind its end)`;
  const where = isReadOnly ? ' in memory; the disk stays as it is' : '';
  return (
    'The volume was not unmounted cleanly. Its journal was replayed: ' +
    `${count(transactionCount, 'transaction')}${beyond} with ${count(blocks.length, 'block')}${where}.`
  );
}

// ── where the writer goes on ────────────────────────────────────────────────────────────────────────────────────────

function placeOf(
  device: Device,
  info: JournalInfo,
  head: JournalHead,
  from: { readonly startBytes: number; readonly endBytes: number; readonly sequenceNumber: number },
  isHeaderStale: boolean,
): JournalPlace {
  const isListUsable =
    head.blockListSizeBytes % device.blockSizeBytes === 0 && head.blockListSizeBytes >= 4096;
  return {
    deviceOffsetBytes: info.offsetBytes,
    sizeBytes: head.sizeBytes,
    blockListSizeBytes: isListUsable ? Math.min(head.blockListSizeBytes, 2 ** 15) : BLOCK_LIST_SIZE_BYTES,
    startBytes: from.startBytes,
    endBytes: from.endBytes,
    sequenceNumber: from.sequenceNumber,
    isHeaderStale,
    uninitialisedInfoBlock: undefined,
  };
}

/**
 * An empty journal. After a replay the sequence number jumps further than the ring could hold transactions, so that
 * none that was cut off can seem to continue a new one; the kernel does the same when it changes the sector size.
 */
function settledPlace(
  device: Device,
  info: JournalInfo,
  head: JournalHead,
  endBytes: number,
  sequenceNumber = head.sequenceNumber,
  isAfterReplay = false,
): JournalPlace {
  const isAligned = head.sectorBytes === device.blockSizeBytes && endBytes % device.blockSizeBytes === 0;
  if (!isAligned || isAfterReplay) return resetPlace(device, info, head, endBytes, sequenceNumber);
  const from = { startBytes: endBytes, endBytes, sequenceNumber };
  return placeOf(device, info, head, from, head.startBytes !== head.endBytes || head.sequenceNumber === 0);
}

function resetPlace(
  device: Device,
  info: JournalInfo,
  head: JournalHead,
  endBytes: number,
  sequenceNumber = head.sequenceNumber,
): JournalPlace {
  const isAligned = head.sectorBytes === device.blockSizeBytes && endBytes % device.blockSizeBytes === 0;
  const at = isAligned ? endBytes : device.blockSizeBytes;
  const jumped = (sequenceNumber + head.sizeBytes / device.blockSizeBytes) % 2 ** 24 || 1;
  return placeOf(device, info, head, { startBytes: at, endBytes: at, sequenceNumber: jumped }, true);
}

/** A journal that mkfs left to be initialised. */
function freshPlace(device: Device, info: JournalInfo): JournalPlace {
  return {
    deviceOffsetBytes: info.offsetBytes,
    sizeBytes: info.sizeBytes,
    blockListSizeBytes: BLOCK_LIST_SIZE_BYTES,
    startBytes: device.blockSizeBytes,
    endBytes: device.blockSizeBytes,
    sequenceNumber: 1,
    isHeaderStale: true,
    uninitialisedInfoBlock: info.infoBlock,
  };
}

function writeHead(device: Device, place: JournalPlace): void {
  const sector = journalHeaderSector(device.blockSizeBytes, place);
  device.write(place.deviceOffsetBytes / device.blockSizeBytes, sector, LABEL_HEADER);
}

const LABEL_FAILED: WriteLabel = {
  role: 'header',
  owner: 'volume header',
  reason: 'say that the journal could not be replayed',
};

const LABEL_HEADER: WriteLabel = {
  role: 'journal',
  owner: 'journal header',
  reason: 'the journal is empty again',
};
