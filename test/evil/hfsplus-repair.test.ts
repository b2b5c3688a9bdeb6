import { expect, test } from 'vitest';
import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { SILENT } from '../../src/engine/base/trace.ts';
import type { WriteLabel } from '../../src/engine/device/device.ts';
import { Store } from '../../src/engine/device/store.ts';
import { hfsplus } from '../../src/engine/formats/hfsplus/index.ts';
import { findChecker } from '../support/checkers.ts';
import { RECORD_CASES, TREE_CASES } from './hfsplus-cases.ts';
import { bytesAt, headerOf, hfsplusVerdict, populated } from './hfsplus-volumes.ts';
import { recordsOf } from './hfsplus-records.ts';

/** What a repair does to the disk, step by step; and volumes with a journal that waits. */

class CutStore {
  readonly #store: Store;
  #left: number;

  constructor(store: Store, writes: number) {
    this.#store = store;
    this.#left = writes;
  }

  /** The store, on which only the first so many writes arrive. */
  get device(): Store {
    const arrives = (): boolean => this.#left-- > 0;
    return new Proxy(this.#store, {
      get: (target, key) => {
        if (key === 'write') {
          return (first: number, data: Uint8Array, label: WriteLabel) => {
            if (arrives()) target.write(first, data, label);
          };
        }
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }
}

const names = (store: Store): string[] =>
  recordsOf(store, 'catalog')
    .map(({ name }) => name)
    .filter((name) => name !== '')
    .sort();

test.each([
  ['keys out of order', TREE_CASES, 1],
  ['no header node', TREE_CASES, 0],
  ['a thread that is none', RECORD_CASES, 0],
  ['a folder inside its own child', RECORD_CASES, 0],
])('a repair that is cut anywhere can be repeated: %s', (wanted, cases, lost) => {
  const one = cases.find(({ name }) => name === wanted);
  const store = populated(hfsplus, { journal: 'off' });
  const before = names(store);
  one?.damage(store);
  for (let writes = 0; writes < 2000; writes += writes < 6 ? 1 : 61) {
    const cut = store.fork();
    hfsplus.fsck(new CutStore(cut, writes).device, { repair: true });
    const again = hfsplus.fsck(cut, { repair: true });
    expect(again.isReadable, `${writes} writes`).toBe(true);
    expect(hfsplus.fsck(cut, { repair: false }).findings, `${writes} writes`).toEqual([]);
    const left = new Set(names(cut));
    const missing = before.filter((name) => !left.has(name));
    expect(missing.length, `${writes} writes: ${missing.join(', ')}`).toBeLessThanOrEqual(lost);
    if (writes % 5 === 0) expect(hfsplusVerdict(cut), `${writes} writes`).toBe('');
    cut.discard();
  }
});

/** A volume whose home blocks never arrived: all is in the journal. */
function pending(): Store {
  const store = populated(hfsplus, { journal: 'on' });
  const infoAt = headerOf(store).getUint32(12) * headerOf(store).getUint32(40);
  const info = new DataView(bytesAt(store, infoAt, 180).buffer);
  const first = info.getUint32(40) / 512;
  const end = first + info.getUint32(48) / 512;
  const lazy = new Proxy(store, {
    get: (target, key) => {
      if (key === 'write') {
        return (block: number, data: Uint8Array, label: WriteLabel) => {
          const isHeader = block <= 2 && block + data.length / 512 > 2;
          if ((block >= first && block < end) || label.role === 'data' || isHeader)
            target.write(block, data, label);
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const volume = hfsplus.mount(lazy, {
    isReadOnly: false,
    policy: 'each',
    clock: new SimulatedClock(),
    trace: SILENT,
    owner: { uid: 501, gid: 20 },
    timeZoneMinutes: 0,
  });
  const init = { mode: 0o644, uid: 501, gid: 20 };
  volume.release(volume.create(volume.root, 'from the journal', init));
  return store;
}

test('a journal that waits is replayed in memory, and by a repair on the disk', () => {
  const store = pending();
  const before = store.version();
  const report = hfsplus.fsck(store, { repair: false });
  const kinds = report.findings.map(({ kind, severity }) => `${severity} ${kind}`);
  expect(kinds).toContain('warning journal-pending');
  expect(report.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  expect(store.version()).toBe(before);
  if (findChecker('fsck.hfsplus')) expect(hfsplusVerdict(store)).toContain('Journal need');
  expect(names(store)).not.toContain('from the journal');

  hfsplus.fsck(store, { repair: true });
  expect(names(store)).toContain('from the journal');
  expect(hfsplus.fsck(store, { repair: false }).findings).toEqual([]);
  expect(hfsplusVerdict(store)).toBe('');
});

test('a transaction that is not whole is not replayed', () => {
  const store = pending();
  const infoAt = headerOf(store).getUint32(12) * headerOf(store).getUint32(40);
  const journalAt = new DataView(bytesAt(store, infoAt, 180).buffer).getUint32(40);
  const header = new DataView(bytesAt(store, journalAt, 48).buffer);
  const start = header.getUint32(8, true);
  const listSize = header.getUint32(32, true);
  const at = journalAt + start + listSize + 100;
  const block = Math.floor(at / 512);
  const bytes = bytesAt(store, block * 512, 512);
  bytes[at % 512] = (bytes[at % 512] ?? 0) ^ 0xff;
  store.write(block, bytes, { role: 'journal', owner: 'test', reason: 'damage' });
  const { findings } = hfsplus.fsck(store, { repair: false });
  expect(findings.some(({ kind }) => kind === 'journal')).toBe(true);
  hfsplus.fsck(store, { repair: true });
  expect(names(store)).not.toContain('from the journal');
  expect(hfsplus.fsck(store, { repair: false }).findings).toEqual([]);
  expect(hfsplusVerdict(store)).toBe('');
});
