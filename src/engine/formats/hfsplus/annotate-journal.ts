import { isZero } from '../../base/bytes.ts';
import type { Annotation } from '../../codec/struct.ts';
import {
  BLOCK_INFO_SIZE_BYTES,
  BLOCK_LIST_FLAG,
  BLOCK_LIST_HEADER_SIZE_BYTES,
  BlockInfo,
  BlockListHeader,
  JOURNAL_INFO_FLAG,
  JOURNAL_INFO_SIZE_BYTES,
  JournalHeader,
  JournalInfoBlock,
} from './layout-journal.ts';
import { FieldList, clip, count, run } from './annotate-pieces.ts';
import type { Piece } from './annotate-pieces.ts';
import { OWNER_OF } from './view-places.ts';
import type { BlockList, ListState, LoggedBlock, ViewJournal } from './view-journal.ts';

/** The journal block by block. */

const SECTION = 'TN1150, "Journal"';

export const STATE_TEXT: Readonly<Record<ListState, string>> = {
  pending: 'to be replayed',
  'beyond the end': 'behind the end, but its sequence goes on: replayed all the same',
  older: 'written home long since',
};

export function annotateInfoBlock(bytes: Uint8Array, from: number, to: number, offsetBytes: number): Piece {
  const list = new FieldList(bytes, from);
  if (offsetBytes === 0 && to - from >= JOURNAL_INFO_SIZE_BYTES) {
    const { flags } = JournalInfoBlock.peek(bytes, from);
    list.struct(JournalInfoBlock, to, { flags: infoFlagsText(flags) });
  }
  list.rest(to, 'reserved', 'rest of the journal info block');
  return {
    role: 'journal',
    owner: OWNER_OF['journal info'],
    title: OWNER_OF['journal info'],
    fields: list.fields,
  };
}

function infoFlagsText(flags: number): string {
  const words = [];
  if (flags & JOURNAL_INFO_FLAG.inVolume) words.push('in this volume');
  if (flags & JOURNAL_INFO_FLAG.onOtherDevice) words.push('on another device');
  if (flags & JOURNAL_INFO_FLAG.needsInitialising) words.push('not initialised yet');
  return `0x${flags.toString(16)} ${words.join(', ')}`;
}

/** What copies of blocks are explained with: see Explainer of annotate.ts. */
export interface CopyExplainer {
  explainCopy(startBytes: number, bytes: Uint8Array): Piece[];
  /** The titles alone, at a fraction of the cost. */
  titleOf(startBytes: number, bytes: Uint8Array): string;
}

/** Bytes `from` to `to` of a block, of which byte `from` is byte `offsetBytes` of the journal. */
export function annotateJournal(
  journal: ViewJournal,
  bytes: Uint8Array,
  from: number,
  to: number,
  offsetBytes: number,
  explainer: CopyExplainer,
): Piece {
  const fields: Annotation[] = [];
  const titles: string[] = [];
  for (let at = from; at < to;) {
    const offset = offsetBytes + at - from;
    const part = partAt(journal, offset, explainer);
    const end = Math.min(at + part.endBytes - offset, to);
    const shift = offset - part.startBytes;
    const given = part.fields ?? [emptyField(bytes, at, end, shift)];
    for (const field of clip(given, shift, shift + end - at)) {
      fields.push({ ...field, offsetBytes: field.offsetBytes + at });
    }
    titles.push(part.title);
    at = end;
  }
  return { role: 'journal', owner: OWNER_OF.journal, title: [...new Set(titles)].join(' · '), fields };
}

const emptyField = (bytes: Uint8Array, at: number, end: number, shift: number): Annotation => {
  const isEmpty = isZero(bytes.subarray(at, end));
  return isEmpty
    ? run(shift, shift + end - at, 'unused', 'zeros', 'the ring has not come this far yet', SECTION)
    : run(
        shift,
        shift + end - at,
        'leftover',
        'old bytes',
        'of a transaction whose block list is gone',
        SECTION,
      );
};

/** One thing in the journal. Fields count from its start; null: nothing is known of these bytes. */
interface JournalPart {
  readonly startBytes: number;
  readonly endBytes: number;
  readonly title: string;
  readonly fields: readonly Annotation[] | null;
}

function partAt(journal: ViewJournal, offset: number, explainer: CopyExplainer): JournalPart {
  const { header, sectorSizeBytes } = journal;
  if (!header) {
    const doc = 'Journal, not initialised yet or damaged';
    return { startBytes: offset, endBytes: journal.sizeBytes, title: doc, fields: null };
  }
  if (offset < sectorSizeBytes) {
    const fields = headerFields(journal);
    return { startBytes: 0, endBytes: sectorSizeBytes, title: 'Journal header', fields };
  }
  const list = journal.listAt(offset);
  if (!list) {
    const next = Math.min(nextListStart(journal, offset), offset + sectorSizeBytes);
    return { startBytes: offset, endBytes: next, title: 'Journal, nothing that still counts', fields: null };
  }
  return partOfList(journal, list, offset, explainer);
}

const nextListStart = (journal: ViewJournal, offset: number): number => {
  let next = journal.sizeBytes;
  for (const { offsetBytes } of journal.lists) if (offsetBytes > offset) next = Math.min(next, offsetBytes);
  return next;
};

export function headerFields(journal: ViewJournal): Annotation[] {
  const bytes = journal.medium.read(journal.offsetBytes, journal.sectorSizeBytes);
  const list = new FieldList(bytes, 0);
  const { startBytes, endBytes, checksum } = JournalHeader[journal.endian].peek(bytes);
  const pending = journal.lists.filter(({ state, isFirst }) => state === 'pending' && isFirst).length;
  list.struct(JournalHeader[journal.endian], bytes.length, {
    endBytes:
      startBytes === endBytes
        ? `${endBytes}: empty`
        : `${endBytes}: ${count(pending, 'transaction')} to replay`,
    checksum: `0x${checksum.toString(16)}, ${journal.isHeaderChecksumRight ? 'right' : 'wrong'}`,
    endian: `${journal.endian}-endian`,
  });
  list.rest(bytes.length, 'rest of the sector', 'behind the journal header');
  return list.fields;
}

/** The block list itself, or the copy of one block behind it. A part that wraps round the ring's end is cut there. */
function partOfList(
  journal: ViewJournal,
  list: BlockList,
  offset: number,
  explainer: CopyExplainer,
): JournalPart {
  const headerBytes = journal.header?.blockListSizeBytes ?? 0;
  const within = journal.distance(list.offsetBytes, offset);
  const about = `transaction ${list.sequence}`;
  if (within < headerBytes) {
    const fields = blockListFields(journal, list, explainer);
    return partFrom(
      journal,
      offset,
      within,
      headerBytes,
      `Journal, block list of ${about}, ${STATE_TEXT[list.state]}`,
      fields,
    );
  }
  for (const block of journal.blocksOf(list)) {
    const inBlock = journal.distance(block.offsetBytes, offset);
    if (inBlock >= block.sizeBytes) continue;
    const { title, fields } = copyOf(journal, block, explainer);
    return partFrom(journal, offset, inBlock, block.sizeBytes, `Journal, ${about}: ${title}`, fields);
  }
  return {
    startBytes: offset,
    endBytes: offset + journal.sectorSizeBytes,
    title: `Journal, ${about}, no block`,
    fields: null,
  };
}

function partFrom(
  journal: ViewJournal,
  offset: number,
  within: number,
  length: number,
  title: string,
  fields: readonly Annotation[],
): JournalPart {
  return {
    startBytes: offset - within,
    endBytes: Math.min(offset - within + length, journal.sizeBytes),
    title,
    fields,
  };
}

/** A logged block explained as what it will be at home. */
function copyOf(
  journal: ViewJournal,
  block: LoggedBlock,
  explainer: CopyExplainer,
): Pick<Piece, 'title' | 'fields'> {
  const bytes = journal.read(block.offsetBytes, block.sizeBytes);
  if (block.homeOffsetBytes < 0) {
    const doc = 'its blocks were freed before the transaction was written: a replay passes over it';
    return {
      title: 'a withdrawn block',
      fields: [run(0, bytes.length, 'withdrawn', 'passed over', doc, SECTION)],
    };
  }
  const pieces = explainer.explainCopy(block.homeOffsetBytes, bytes);
  const title = explainer.titleOf(block.homeOffsetBytes, bytes);
  return { title: `copy of ${title}`, fields: pieces.flatMap((piece) => piece.fields) };
}

/** Header, infos, and the unused rest. */
export function blockListFields(
  journal: ViewJournal,
  list: BlockList,
  explainer: CopyExplainer,
): Annotation[] {
  const headerBytes = journal.header?.blockListSizeBytes ?? 0;
  const bytes = journal.read(list.offsetBytes, headerBytes);
  const out = new FieldList(bytes, 0);
  const { checksum, flags } = list.header;
  const flagWords = [
    flags & BLOCK_LIST_FLAG.checksums ? 'blocks have checksums' : '',
    flags & BLOCK_LIST_FLAG.firstHeader ? 'first block list of its transaction' : '',
  ].filter((word) => word !== '');
  out.struct(BlockListHeader[journal.endian], headerBytes, {
    checksum: `0x${checksum.toString(16)}, right`,
    flags: `0x${flags.toString(16)} ${flagWords.join(', ')}`,
  });
  const doc = 'info 0 is no block: its last four bytes number the transaction';
  out.run(out.at + BLOCK_INFO_SIZE_BYTES, 'info 0', `transaction ${list.sequence}`, doc, SECTION);
  for (const block of journal.blocksOf(list)) {
    out.run(
      out.at + BLOCK_INFO_SIZE_BYTES,
      `info ${block.number}`,
      blockText(journal, list, block, explainer),
      INFO_DOC,
      SECTION,
    );
  }
  const usedTo = BLOCK_LIST_HEADER_SIZE_BYTES + list.header.blockCount * BLOCK_INFO_SIZE_BYTES;
  out.run(
    usedTo,
    'infos of no block',
    'longer than the transaction',
    'damage: bytes_used ends before them',
    SECTION,
  );
  out.rest(
    headerBytes,
    'unused infos',
    `room for ${Math.floor((headerBytes - usedTo) / BLOCK_INFO_SIZE_BYTES)} more`,
  );
  return out.fields;
}

const INFO_DOC = `${BlockInfo.big.fields.sector.doc}; bsize; checksum of the block`;

/** 'Catalog tree, leaf node 5 …: 8192 bytes to byte 2134016, checksum right' */
export function blockText(
  journal: ViewJournal,
  list: BlockList,
  block: LoggedBlock,
  explainer: CopyExplainer,
): string {
  const size = count(block.sizeBytes, 'byte');
  if (block.homeOffsetBytes < 0) return `withdrawn, ${size} passed over`;
  const title = explainer.titleOf(block.homeOffsetBytes, journal.read(block.offsetBytes, block.sizeBytes));
  const checksum = { right: 'checksum right', wrong: 'checksum wrong', none: 'without a checksum' }[
    journal.checksumOf(list, block)
  ];
  return `${title}; ${size} for byte ${block.homeOffsetBytes} of the device, ${checksum}`;
}
