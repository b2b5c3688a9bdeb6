import { objectIdAt } from './layout-catalog.ts';
import { CRYPTO } from './fsck-records.ts';
import type { TreeRecord } from './fsck-tree.ts';
import type { CryptoState, View } from './fsck-view.ts';

/** Wrapped keys of files, and who names them (apfs.md §6.9). Only encrypted volumes have any. */

/** A stream or an extent names key `id`. */
export function useCrypto(view: View, id: number, block: number): void {
  if (id === 0 || id === CRYPTO.software) return;
  stateOf(view, id, block).references++;
}

function stateOf(view: View, id: number, block: number): CryptoState {
  let state = view.cryptoStates.get(id);
  if (!state) {
    state = { references: 0, recorded: -1, block };
    view.cryptoStates.set(id, state);
  }
  return state;
}

export function visitCryptoState(view: View, record: TreeRecord): void {
  const { valueAt, block } = record;
  const id = objectIdAt(record.view, record.keyAt);
  const wrong = (text: string): void => view.error('inode', `crypto state (id ${id}): ${text}`, block);
  if (!view.facts.isEncrypted) wrong('on a volume without encryption');
  const length = record.valueEnd - valueAt;
  if (length < FIXED_BYTES) {
    wrong('value is too small');
    return;
  }
  const keyBytes = record.view.getUint16(valueAt + AT.keyLength, true);
  if (keyBytes > KEY_BYTES_MAX) wrong(`wrapped key of ${keyBytes} bytes`);
  if (length !== FIXED_BYTES + keyBytes)
    wrong(`wrong size of value (${length}, expected ${FIXED_BYTES + keyBytes})`);
  const major = record.view.getUint16(valueAt + AT.majorVersion, true);
  const minor = record.view.getUint16(valueAt + AT.minorVersion, true);
  if (major !== 5 || minor !== 0) wrong(`version ${major}.${minor}, expected 5.0`);
  if (record.view.getUint32(valueAt + AT.flags, true) !== 0) wrong('unknown flags');
  if (record.view.getUint16(valueAt + AT.keyRevision, true) === 0) wrong('no key revision');
  if (record.view.getUint32(valueAt + AT.systemVersion, true) === 0) wrong('no system version');
  if (id === 0 || id === CRYPTO.software || id === CRYPTO.reserved) wrong('reserved id');
  const state = stateOf(view, id, block);
  state.recorded = record.view.getUint32(valueAt, true);
  state.block = block;
  if (state.recorded === 0) wrong('has no references');
}

const FIXED_BYTES = 24;
const KEY_BYTES_MAX = 128;
const AT = {
  majorVersion: 4,
  minorVersion: 6,
  flags: 8,
  systemVersion: 16,
  keyRevision: 20,
  keyLength: 22,
} as const;

export function checkCryptoStates(view: View): void {
  for (const [id, { references, recorded, block }] of view.cryptoStates) {
    if (recorded === -1) view.error('inode', `crypto state (id ${id}): is named, but has no record`, block);
    else if (recorded !== references) {
      view.error(
        'reference-count',
        `crypto state (id ${id}): refcnt (${recorded}, expected ${references})`,
        block,
      );
    }
  }
}
