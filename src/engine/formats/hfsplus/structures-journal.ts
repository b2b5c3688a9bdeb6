import { equalBytes } from '../../base/bytes.ts';
import type { Page, StructureNode, StructurePage } from '../survey.ts';
import { EMPTY, paged, slice } from '../structure-page.ts';
import { JOURNAL_INFO_SIZE_BYTES } from './layout-journal.ts';
import { blockListFields, headerFields, STATE_TEXT, annotateInfoBlock } from './annotate-journal.ts';
import { count } from './annotate-pieces.ts';
import { NOWHERE, at, branch, fieldNodes, leaf, pagedBehind, numberOf } from './structures-pieces.ts';
import type { VolumeView, Where } from './structures-pieces.ts';
import type { BlockList, ListState, LoggedBlock, ViewJournal } from './view-journal.ts';

/** The journal: info block, header, and the ring's transactions by what became of them. */

const STATES: readonly ListState[] = ['pending', 'beyond the end', 'older'];

const STATE_TITLE: Readonly<Record<ListState, string>> = {
  pending: 'Transactions to be replayed',
  'beyond the end': 'Transactions behind the end',
  older: 'Older transactions',
};

export function journalNode({ index }: VolumeView): StructureNode | null {
  const { journal } = index;
  if (journal === null) return null;
  if (typeof journal === 'string')
    return branch('journal', 'Journal', `damaged: ${journal}`, whereInfo(index));
  const pending = journal.lists.filter(({ state, isFirst }) => state === 'pending' && isFirst).length;
  const state = !journal.header
    ? 'not initialised yet'
    : pending === 0
      ? 'empty: everything is home'
      : `${count(pending, 'transaction')} to be replayed`;
  return branch(
    'journal',
    'Journal',
    `${count(journal.sizeBytes, 'byte')}, ${state}`,
    at(journal.offsetBytes, journal.sizeBytes),
  );
}

function whereInfo(index: VolumeView['index']): Where {
  const { volumeOffsetBytes, blockSizeBytes, totalBlocks } = index.known;
  const block = index.header.journalInfoBlock;
  return block < totalBlocks ? at(volumeOffsetBytes + block * blockSizeBytes, blockSizeBytes) : NOWHERE;
}

const STATE_SUMMARY: Readonly<Record<ListState, string>> = { ...STATE_TEXT, pending: 'from start to end' };

/** Children of 'journal' and of what is below; `parts` are the words of the id behind its kind. */
export function journalChildren(
  volume: VolumeView,
  kind: string,
  parts: readonly string[],
  page: Page,
): StructurePage {
  const { index } = volume;
  const { journal } = index;
  if (journal === null) return EMPTY;
  if (kind === 'journal') return slice(journalParts(volume), page);
  if (kind === 'journal info') return slice(infoFields(volume), page);
  if (typeof journal === 'string') return EMPTY;
  const [first = '', second = ''] = parts;
  switch (kind) {
    case 'journal header':
      return slice(fieldNodes(headerFields(journal), inJournal(journal, 0)), page);
    case 'transactions':
      return transactions(journal, first, page);
    case 'list':
      return listChildren(volume, journal, numberOf(first), page);
    case 'list header':
      return listHeader(volume, journal, numberOf(first), page);
    case 'logged':
      return loggedChildren(volume, journal, numberOf(first), numberOf(second), page);
    default:
      return EMPTY;
  }
}

function journalParts({ index }: VolumeView): StructureNode[] {
  const nodes = [branch('journal info', 'Journal info block', 'where the journal lies', whereInfo(index))];
  const { journal } = index;
  if (journal === null || typeof journal === 'string' || !journal.header) return nodes;
  const { startBytes, endBytes } = journal.header;
  const text =
    startBytes === endBytes
      ? `start = end = ${startBytes}: empty`
      : `from byte ${startBytes} to byte ${endBytes} of the ring`;
  nodes.push(
    branch('journal header', 'Journal header', text, at(journal.offsetBytes, journal.sectorSizeBytes)),
  );
  for (const state of STATES) {
    const lists = journal.lists.filter((list) => list.state === state);
    const [firstList] = lists;
    const number = lists.filter(({ isFirst }) => isFirst).length;
    const where = firstList ? whereList(journal, firstList) : at(journal.offsetBytes, 0);
    if (!firstList && state === 'beyond the end') continue;
    const node = firstList ? branch : leaf;
    nodes.push(
      node(
        `transactions:${state}`,
        STATE_TITLE[state],
        firstList ? `${number}, ${STATE_SUMMARY[state]}` : 'none',
        where,
      ),
    );
  }
  return nodes;
}

function infoFields({ index }: VolumeView): StructureNode[] {
  const where = whereInfo(index);
  const bytes = index.medium.read(
    where.deviceOffsetBytes,
    Math.max(where.lengthBytes, JOURNAL_INFO_SIZE_BYTES),
  );
  const { fields } = annotateInfoBlock(bytes, 0, bytes.length, 0);
  return fieldNodes(fields, (offset, length) => at(where.deviceOffsetBytes + offset, length));
}

/** Where bytes lie that count from byte `base` of the journal; those that wrap round the ring's end are cut there. */
const inJournal =
  (journal: ViewJournal, base: number) =>
  (offset: number, length: number): Where => {
    const start = base === 0 ? offset : journal.advance(base, offset);
    return at(journal.offsetBytes + start, Math.min(length, journal.sizeBytes - start));
  };

const whereList = (journal: ViewJournal, list: BlockList): Where =>
  inJournal(journal, list.offsetBytes)(0, list.lengthBytes);

function transactions(journal: ViewJournal, state: string, page: Page): StructurePage {
  const lists = journal.lists.filter((list) => list.state === state);
  return paged(lists.length, page, (i) => {
    const list = lists[i] ?? journal.lists[0];
    if (!list) return leaf('list', '', '', NOWHERE);
    const part = list.isFirst ? '' : ', another block list';
    const text = `${count(list.header.blockCount - 1, 'block')}, ${count(list.lengthBytes, 'byte')} of the journal`;
    return branch(
      `list:${list.offsetBytes}`,
      `transaction ${list.sequence}${part}`,
      text,
      whereList(journal, list),
    );
  });
}

const listOf = (journal: ViewJournal, offsetBytes: number): BlockList | undefined =>
  journal.lists.find((list) => list.offsetBytes === offsetBytes);

function listChildren(volume: VolumeView, journal: ViewJournal, offset: number, page: Page): StructurePage {
  const list = listOf(journal, offset);
  if (!list) return EMPTY;
  const headerBytes = journal.header?.blockListSizeBytes ?? 0;
  const where = inJournal(journal, list.offsetBytes)(0, headerBytes);
  const head = branch(
    `list header:${offset}`,
    'block list header',
    `${count(list.header.blockCount, 'info')} of ${list.header.maxBlocks}`,
    where,
  );
  const blocks = journal.blocksOf(list);
  return pagedBehind([head], blocks.length, page, (i) => {
    const block = blocks[i];
    return block ? loggedNode(volume, journal, list, block) : head;
  });
}

function listHeader(volume: VolumeView, journal: ViewJournal, offset: number, page: Page): StructurePage {
  const list = listOf(journal, offset);
  if (!list) return EMPTY;
  const fields = blockListFields(journal, list, volume.explainer);
  return slice(fieldNodes(fields, inJournal(journal, list.offsetBytes)), page);
}

function loggedNode(
  { explainer, index }: VolumeView,
  journal: ViewJournal,
  list: BlockList,
  block: LoggedBlock,
): StructureNode {
  const where = inJournal(journal, block.offsetBytes)(0, block.sizeBytes);
  const id = `logged:${list.offsetBytes}:${block.number}`;
  if (block.homeOffsetBytes < 0)
    return leaf(id, `block ${block.number}: withdrawn`, 'a replay passes over it', where);
  const bytes = journal.read(block.offsetBytes, block.sizeBytes);
  const isHome = equalBytes(bytes, index.medium.read(block.homeOffsetBytes, block.sizeBytes));
  const checksum = { right: '', wrong: ', checksum wrong', none: ', without a checksum' }[
    journal.checksumOf(list, block)
  ];
  const title = `block ${block.number}: ${explainer.titleOf(block.homeOffsetBytes, bytes)}`;
  const home = isHome ? 'same bytes at home' : 'other bytes at home';
  return branch(id, title, `${home}${checksum}, ${count(block.sizeBytes, 'byte')}`, where);
}

/** Where it belongs, and the copy explained as what it is a copy of. */
function loggedChildren(
  volume: VolumeView,
  journal: ViewJournal,
  offset: number,
  number: number,
  page: Page,
): StructurePage {
  const list = listOf(journal, offset);
  const block = list && journal.blocksOf(list).find((logged) => logged.number === number);
  if (!block || block.homeOffsetBytes < 0) return EMPTY;
  const home = leaf(
    `home:${block.homeOffsetBytes}`,
    'where it belongs',
    `byte ${block.homeOffsetBytes} of the device`,
    at(block.homeOffsetBytes, block.sizeBytes),
  );
  const bytes = journal.read(block.offsetBytes, block.sizeBytes);
  const fields = volume.explainer.explainCopy(block.homeOffsetBytes, bytes).flatMap((piece) => piece.fields);
  return slice([home, ...fieldNodes(fields, inJournal(journal, block.offsetBytes))], page);
}
