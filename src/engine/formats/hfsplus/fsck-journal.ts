import { viewOf } from '../../base/bytes.ts';
import type { Endian } from '../../codec/struct.ts';
import type { WriteLabel } from '../../device/device.ts';
import { VOLUME_BIT, VolumeHeader } from './layout.ts';
import {
  JOURNAL_ENDIAN,
  JOURNAL_HEADER_CHECKED_BYTES,
  JOURNAL_HEADER_CHECKSUM_AT,
  JOURNAL_HEADER_SIZE_BYTES,
  JOURNAL_INFO_FLAG,
  JOURNAL_INFO_SIZE_BYTES,
  JOURNAL_MAGIC,
  journalChecksum,
  JournalHeader,
  JournalInfoBlock,
} from './layout-journal.ts';
import { bytesOf32, count } from './fsck-bits.ts';
import type { HeaderState } from './fsck-header.ts';
import { readTransactions } from './fsck-replay.ts';
import type { PendingBlock } from './fsck-replay.ts';
import { STAGE } from './fsck-stages.ts';
import type { Draft } from '../../device/draft.ts';
import type { Report } from './fsck-report.ts';

/**
 * The journal: where it is, whether its header can be believed, and what it still holds. fsck.hfsplus only asks whether
 * it is empty. What waits to be replayed is laid over the medium, so that the volume is judged as it will be; a repair
 * replays it first.
 */
export interface Journal {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly endian: Endian;
  readonly header: JournalHeader;
}

const LABEL: WriteLabel = { role: 'journal', owner: 'journal', reason: 'the journal is empty' };

/** Blocks to lay over the disk; empty when nothing waits. Findings are told; repairs are edits of the medium. */
export function checkJournal(medium: Draft, report: Report, headers: HeaderState): readonly PendingBlock[] {
  if (!headers.isJournaled) return [];
  const { geometry } = headers;
  const bad = (detail: string, offsetBytes: number, repair: () => void): [] => {
    report.add({
      kind: 'journal',
      severity: 'error',
      message: 'Invalid content in journal',
      detail,
      place: [0, 0],
      offsetBytes,
      repair,
    });
    return [];
  };
  const found = findJournal(medium, headers);
  if ('fault' in found) return bad(found.fault, found.infoAt, () => disable(headers));
  const { info, infoAt } = found;
  if ((info.flags & JOURNAL_INFO_FLAG.needsInitialising) !== 0) return [];
  const at = geometry.volumeOffsetBytes + info.offsetBytes;
  /** As mkfs leaves it: whoever mounts the volume next writes a new header. */
  const reset = (): void => {
    const flags = info.flags | JOURNAL_INFO_FLAG.needsInitialising;
    medium.write(infoAt, bytesOf32(flags), STAGE.records, LABEL);
    medium.write(at, new Uint8Array(512), STAGE.records, LABEL);
  };
  const bytes = medium.read(at, JOURNAL_HEADER_SIZE_BYTES);
  const fault = headerFault(bytes, info.sizeBytes);
  if (fault !== null) return bad(fault, at, reset);
  const endian = endianOf(bytes);
  const journal: Journal = {
    offsetBytes: at,
    sizeBytes: info.sizeBytes,
    endian,
    header: JournalHeader[endian].peek(bytes),
  };
  if (!isChecked(bytes, endian)) {
    bad('the checksum of the journal header is wrong', at + JOURNAL_HEADER_CHECKSUM_AT, () =>
      medium.write(at, withHeader(journal, {}), STAGE.records, LABEL),
    );
  }
  if (journal.header.startBytes === journal.header.endBytes) return [];
  const { blocks, transactions, fault: broken } = readTransactions(medium, geometry, journal);
  if (broken !== null && transactions === 0) return bad(broken, at, reset);
  report.add({
    kind: 'journal-pending',
    severity: 'warning',
    message: report.mayRepair
      ? `Replaying the journal: ${count(transactions, 'transaction')}`
      : 'Journal needs to be replayed but volume is read-only',
    detail: `${count(transactions, 'transaction')} with ${count(blocks.length, 'block')}${broken === null ? '' : `, then ${broken}`}`,
    offsetBytes: at,
    // `replay` does it, before the first pass.
    repair: () => undefined,
  });
  return blocks;
}

function disable(headers: HeaderState): void {
  const { at } = VolumeHeader.fields.attributes;
  const right = (headers.attributes & ~VOLUME_BIT.journaled) >>> 0;
  headers.set(at, right, 'there is no journal that could be used');
}

type FoundJournal =
  | { readonly infoAt: number; readonly info: JournalInfoBlock }
  | { readonly infoAt: number; readonly fault: string };

/** The info block, or why there is none; `infoAt` is the byte that says so. */
function findJournal(medium: Draft, headers: HeaderState): FoundJournal {
  const { geometry } = headers;
  const { at } = VolumeHeader.fields.journalInfoBlock;
  const block = headers.u32(at);
  if (block === 0 || block >= geometry.totalBlocks) {
    const fault = `the journal info block is said to be block ${block}`;
    return { infoAt: geometry.headerOffsetBytes + at, fault };
  }
  const infoAt = geometry.volumeOffsetBytes + block * geometry.blockSizeBytes;
  const info = JournalInfoBlock.peek(medium.read(infoAt, JOURNAL_INFO_SIZE_BYTES));
  if ((info.flags & JOURNAL_INFO_FLAG.onOtherDevice) !== 0) {
    return { infoAt, fault: 'the journal is said to be on another device' };
  }
  const isInside =
    (info.flags & JOURNAL_INFO_FLAG.inVolume) !== 0 &&
    info.offsetBytes > 0 &&
    info.offsetBytes % 512 === 0 &&
    info.sizeBytes >= JOURNAL_SIZE_BYTES_MIN &&
    info.offsetBytes + info.sizeBytes <= geometry.volumeSizeBytes;
  if (isInside) return { infoAt, info };
  const says = `flags 0x${info.flags.toString(16)}, ${info.sizeBytes} bytes from byte ${info.offsetBytes}`;
  return { infoAt, fault: `the journal info block says ${says}` };
}

/** Bring what the journal holds home, then call the journal empty: the order of the driver, safe to be cut and repeated. */
export function replay(medium: Draft, headers: HeaderState, blocks: readonly PendingBlock[]): void {
  overlay(medium, blocks);
  medium.commit(['fsck: blocks of the journal are home before the journal is called empty']);
  const { geometry } = headers;
  const infoBlock = headers.u32(VolumeHeader.fields.journalInfoBlock.at);
  const infoAt = geometry.volumeOffsetBytes + infoBlock * geometry.blockSizeBytes;
  const info = JournalInfoBlock.peek(medium.read(infoAt, JOURNAL_INFO_SIZE_BYTES));
  const offsetBytes = geometry.volumeOffsetBytes + info.offsetBytes;
  const bytes = medium.read(offsetBytes, JOURNAL_HEADER_SIZE_BYTES);
  const endian = endianOf(bytes);
  const journal: Journal = {
    offsetBytes,
    sizeBytes: info.sizeBytes,
    endian,
    header: JournalHeader[endian].peek(bytes),
  };
  const sequenceNumber = blocks.at(-1)?.sequence ?? journal.header.sequenceNumber;
  const empty = withHeader(journal, { startBytes: journal.header.endBytes, sequenceNumber });
  medium.writeNow(offsetBytes, empty, LABEL, 'fsck: the journal is empty');
}

export function overlay(medium: Draft, blocks: readonly PendingBlock[]): void {
  const label: WriteLabel = { role: 'journal', owner: 'journal', reason: 'replay the journal' };
  for (const { offsetBytes, bytes } of blocks) medium.write(offsetBytes, bytes, STAGE.fresh, label);
}

function withHeader(
  journal: Journal,
  change: { readonly startBytes?: number; readonly sequenceNumber?: number },
): Uint8Array {
  const bytes = new Uint8Array(JOURNAL_HEADER_SIZE_BYTES);
  JournalHeader[journal.endian].write(bytes, { ...journal.header, ...change, checksum: 0 });
  const sum = journalChecksum(bytes, 0, JOURNAL_HEADER_CHECKED_BYTES);
  viewOf(bytes).setUint32(JOURNAL_HEADER_CHECKSUM_AT, sum, journal.endian === 'little');
  return bytes;
}

const endianOf = (bytes: Uint8Array): Endian =>
  viewOf(bytes).getUint32(4, true) === JOURNAL_ENDIAN ? 'little' : 'big';

function isChecked(bytes: Uint8Array, endian: Endian): boolean {
  const copy = bytes.slice();
  const stated = viewOf(copy).getUint32(JOURNAL_HEADER_CHECKSUM_AT, endian === 'little');
  viewOf(copy).setUint32(JOURNAL_HEADER_CHECKSUM_AT, 0);
  return journalChecksum(copy, 0, JOURNAL_HEADER_CHECKED_BYTES) === stated;
}

/** Why the header cannot be used, or null. */
function headerFault(bytes: Uint8Array, sizeBytes: number): string | null {
  const endian = endianOf(bytes);
  const header = JournalHeader[endian].peek(bytes);
  if (header.magic !== JOURNAL_MAGIC || header.endian !== JOURNAL_ENDIAN) {
    return `the journal header begins with 0x${header.magic.toString(16)}`;
  }
  const { startBytes, endBytes, headerSizeBytes, blockListSizeBytes } = header;
  if (header.sizeBytes !== sizeBytes)
    return `the journal header says ${header.sizeBytes} bytes, its info block ${sizeBytes}`;
  if (!isSectorSize(headerSizeBytes)) return `a journal header of ${headerSizeBytes} bytes`;
  if (blockListSizeBytes < 512 || blockListSizeBytes > sizeBytes / 2 || blockListSizeBytes % 16 !== 0) {
    return `block list headers of ${blockListSizeBytes} bytes`;
  }
  const isPlace = (at: number): boolean => at >= headerSizeBytes && at <= sizeBytes && at % 512 === 0;
  if (!isPlace(startBytes) || !isPlace(endBytes)) return `the journal goes from ${startBytes} to ${endBytes}`;
  return null;
}

const isSectorSize = (size: number): boolean => size >= 512 && size <= 65_536 && (size & (size - 1)) === 0;

/** Less cannot hold a header and one block list. */
const JOURNAL_SIZE_BYTES_MIN = 8192;
