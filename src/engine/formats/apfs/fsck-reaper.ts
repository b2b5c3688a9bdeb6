import { isZero } from '../../base/bytes.ts';
import { BLOCK_SIZE_BYTES, Reaper, REAPER_FLAG, REAPER_SIZE_BYTES, TYPE_WORD } from './layout.ts';
import type { NxSuperblock } from './layout.ts';
import { hex } from './fsck-check.ts';
import type { Check } from './fsck-check.ts';
import type { Ephemerals } from './fsck-checkpoint.ts';

/**
 * What deletes large things over many transactions (apfs.md §2.6). Nearly always idle, and then nothing in it is set
 * but the room for its state; a list of work that it has kept though it is empty is fine too.
 */
export function checkReaper(check: Check, ephemerals: Ephemerals, superblock: NxSuperblock): void {
  const found = ephemerals.read(superblock.reaperOid, TYPE_WORD.reaper, 0, 'reaper');
  if (!found) return;
  const { bytes, block } = found;
  const reaper = Reaper.peek(bytes);
  const wrong = (text: string): void => check.error('reaper', `reaper: ${text}`, block);
  if (reaper.stateBufferBytes !== BLOCK_SIZE_BYTES - REAPER_SIZE_BYTES) {
    wrong(`room for ${reaper.stateBufferBytes} bytes of state`);
  }
  if (reaper.flags > 3) wrong(`unknown flags (${hex(reaper.flags)})`);
  if ((reaper.flags & REAPER_FLAG.alwaysSet) === 0) wrong('a flag that is always set is not');
  if ((reaper.flags & REAPER_FLAG.continues) !== 0) {
    check.warning('unsupported', 'reaper: something is being deleted; this is not checked', block);
  }
  if (reaper.head === 0) {
    const isIdle =
      reaper.nextReapId === 1 &&
      isZero(bytes.subarray(0x28, 0x40)) &&
      isZero(bytes.subarray(0x44, 0x6c)) &&
      isZero(bytes.subarray(REAPER_SIZE_BYTES));
    if (!isIdle) wrong('it has nothing to do and is not empty');
    return;
  }
  if (reaper.nextReapId <= reaper.completedId)
    wrong(`next job ${reaper.nextReapId}, done are ${reaper.completedId}`);
  const { volumeOid } = reaper;
  if (volumeOid !== 0 && !superblock.volumeOids.includes(volumeOid)) {
    wrong(`it works for volume ${hex(volumeOid)}, which does not exist`);
  }
  checkList(check, ephemerals, reaper, wrong);
}

/** nx_reap_list_phys_t behind its header: next u64, flags, max, count, first, last, free u32. */
const LIST = { next: 0x20, flags: 0x28, max: 0x2c, count: 0x30, first: 0x34, last: 0x38 };
const LIST_ENTRIES_MAX = 100;
const NO_ENTRY = 0xffff_ffff;

function checkList(
  check: Check,
  ephemerals: Ephemerals,
  reaper: Reaper,
  wrong: (text: string) => void,
): void {
  if (reaper.head !== reaper.tail) {
    check.warning('unsupported', 'reaper: several lists of work; they are not checked', 0);
  } else if (reaper.listCount !== 1) {
    wrong(`${reaper.listCount} lists, found is 1`);
  }
  const list = ephemerals.read(reaper.head, REAP_LIST_TYPE, 0, 'reap list');
  if (!list) return;
  const view = new DataView(list.bytes.buffer, list.bytes.byteOffset, list.bytes.length);
  const word = (at: number): number => view.getUint32(at, true);
  if (word(LIST.max) !== LIST_ENTRIES_MAX) wrong(`a list with room for ${word(LIST.max)} jobs`);
  const isEmpty =
    isZero(list.bytes.subarray(LIST.next, LIST.max)) &&
    word(LIST.count) === 0 &&
    word(LIST.first) === NO_ENTRY &&
    word(LIST.last) === NO_ENTRY;
  if (!isEmpty) check.warning('unsupported', 'reaper: work is waiting; it is not checked', list.block);
}

/** Reap lists are ephemeral. */
const REAP_LIST_TYPE = 0x8000_0012;
