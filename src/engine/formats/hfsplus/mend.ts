import { viewOf } from '../../base/bytes.ts';
import type { Device } from '../../device/device.ts';
import { Medium } from '../../device/medium.ts';
import { nothingToMend, patchOf } from '../../device/mending.ts';
import type { Mending, Patch } from '../../device/mending.ts';
import {
  BLOCK_INFO_SIZE_BYTES,
  BLOCK_LIST_CHECKED_BYTES,
  BLOCK_LIST_CHECKSUM_AT,
  BLOCK_LIST_FLAG,
  BLOCK_LIST_HEADER_SIZE_BYTES,
  JOURNAL_HEADER_CHECKED_BYTES,
  JOURNAL_HEADER_CHECKSUM_AT,
  journalChecksum,
} from './layout-journal.ts';
import { OwnerIndex } from './owner-index.ts';
import { ViewJournal } from './view-journal.ts';
import type { BlockList } from './view-journal.ts';

/**
 * HFS+ guards only its journal: the header, the header of each block list, and the blocks in it. Which lists there are
 * the journal before the edit says, for a list with a wrong checksum is none.
 */
export function mend(device: Device, block: number, before: Device): Mending {
  const index = new OwnerIndex(before);
  const journal = index.geometry === null ? null : index.journal;
  if (!(journal instanceof ViewJournal)) return nothingToMend('only the journal of HFS+ has any');
  const edited = new ViewJournal(new Medium(device), journal.geometry, journal.info, device.blockSizeBytes);
  const startBytes = block * device.blockSizeBytes - journal.offsetBytes;
  const endBytes = startBytes + device.blockSizeBytes;
  if (endBytes <= 0 || startBytes >= journal.sizeBytes) {
    return nothingToMend('the block is not in the journal, and only the journal of HFS+ has any');
  }
  const isHere = (at: number, lengthBytes: number) => at < endBytes && at + lengthBytes > startBytes;
  const patches: Patch[] = [];
  if (isHere(0, JOURNAL_HEADER_CHECKED_BYTES)) {
    patches.push(...guarded(edited, 0, JOURNAL_HEADER_CHECKED_BYTES, JOURNAL_HEADER_CHECKSUM_AT));
  }
  for (const list of journal.lists) {
    if (isHere(list.offsetBytes, BLOCK_LIST_CHECKED_BYTES)) {
      const at = list.offsetBytes;
      patches.push(...guarded(edited, at, BLOCK_LIST_CHECKED_BYTES, BLOCK_LIST_CHECKSUM_AT));
    }
    patches.push(...ofLoggedBlocks(journal, edited, list, isHere));
  }
  if (patches.length === 0)
    return nothingToMend('nothing in this block is under one, or it is right as it is');
  return { patches, sentence: 'The checksums of the journal fit again' };
}

/** The checksum of `lengthBytes` bytes at `at` of the journal, which stands among them. */
function guarded(journal: ViewJournal, at: number, lengthBytes: number, checksumAt: number): Patch[] {
  const bytes = journal.read(at, lengthBytes).slice();
  const found = bytes.slice(checksumAt, checksumAt + 4);
  bytes.fill(0, checksumAt, checksumAt + 4);
  return patchOf(journal.offsetBytes + at + checksumAt, found, wordOf(journal, journalChecksum(bytes)));
}

function ofLoggedBlocks(
  before: ViewJournal,
  edited: ViewJournal,
  list: BlockList,
  isHere: (at: number, lengthBytes: number) => boolean,
): Patch[] {
  if ((list.header.flags & BLOCK_LIST_FLAG.checksums) === 0) return [];
  return before.blocksOf(list).flatMap(({ number, offsetBytes, sizeBytes, checksum }) => {
    if (checksum === 0 || !isHere(offsetBytes, sizeBytes)) return [];
    const infoAt = BLOCK_LIST_HEADER_SIZE_BYTES + number * BLOCK_INFO_SIZE_BYTES + 12;
    const at = before.advance(list.offsetBytes, infoAt);
    const wanted = wordOf(edited, journalChecksum(edited.read(offsetBytes, sizeBytes)));
    return patchOf(edited.offsetBytes + at, edited.read(at, 4), wanted);
  });
}

function wordOf({ endian }: ViewJournal, value: number): Uint8Array {
  const word = new Uint8Array(4);
  viewOf(word).setUint32(0, value, endian === 'little');
  return word;
}
