import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { Tape } from '../../../../src/engine/device/tape.ts';
import { hfsplus } from '../../../../src/engine/formats/hfsplus/index.ts';
import { journalChecksum } from '../../../../src/engine/formats/hfsplus/layout-journal.ts';
import { MOUNTED_BY, VolumeHeader } from '../../../../src/engine/formats/hfsplus/layout.ts';

/**
 * Goal: whatever stands in volume header and journal, mounting answers with a volume, a sentence, or both; it never
 * hangs, never throws anything but FsError, and writes nothing outside the volume.
 */
const SIZE_BYTES = 4 << 20;
const LABEL = { role: 'data', owner: 'test', reason: 'test' } as const;

function disk(settings: Record<string, string> = {}, isLeftInUse = false): Store {
  const store = new Store({ blockSizeBytes: 512, blockCount: SIZE_BYTES / 512 });
  const clock = new SimulatedClock();
  hfsplus.newfs(store, { label: 'T', settings, clock, random: new Prng(1), partitionFirstBlock: 0 });
  const volume = mount(store);
  for (const name of ['one', 'two', 'three']) {
    volume.release(volume.create(volume.root, name, { mode: 0o644, uid: 501, gid: 20 }));
  }
  if (!isLeftInUse) volume.unmount();
  return store;
}

const mount = (store: Store, isReadOnly = false, isContinued = false) =>
  hfsplus.mount(store, {
    ...{ isReadOnly, isContinued, policy: 'each', clock: new SimulatedClock(), trace: SILENT },
    owner: { uid: 501, gid: 20 },
    timeZoneMinutes: 0,
  });

function patch(store: Store, block: number, change: (view: DataView, bytes: Uint8Array) => void): void {
  const bytes = new Uint8Array(512);
  store.read(block, bytes);
  change(new DataView(bytes.buffer), bytes);
  store.write(block, bytes, LABEL);
}

/** Of this small volume: info block 2, journal from block 3 on. */
const INFO = 2 * 8;
const JOURNAL = 3 * 8;
const headerOf = (store: Store) => {
  const bytes = new Uint8Array(512);
  store.read(2, bytes);
  return VolumeHeader.read(bytes);
};

const names = (volume: ReturnType<typeof mount>): string[] =>
  volume.list(volume.root, null, 100).entries.map(({ name }) => name);

function bytesOf(store: Store): Buffer {
  const bytes = Buffer.alloc(SIZE_BYTES);
  store.read(0, bytes);
  return bytes;
}

describe('state', () => {
  test('mounting and looking writes nothing; the first change marks the volume; unmounting cleans', () => {
    const store = disk();
    const before = bytesOf(store);
    const { attributes, writeCount } = headerOf(store);
    expect([attributes & 0x100, headerOf(store).lastMountedVersion]).toEqual([
      0x100,
      MOUNTED_BY.macosJournaled,
    ]);
    const volume = mount(store);
    names(volume);
    volume.unmount();
    expect(bytesOf(store).equals(before)).toBe(true);
    const again = mount(store);
    again.setLabel('Other');
    expect(headerOf(store).attributes & 0x100).toBe(0);
    expect(headerOf(store).writeCount).toBe(writeCount + 1);
    again.unmount();
    expect(headerOf(store).attributes & 0x100).toBe(0x100);
  });

  test.each([
    ['without a journal, in use', { journal: 'off' }, true, () => {}, /has no journal/],
    ['software lock', {}, false, (view: DataView) => view.setUint32(4, view.getUint32(4) | 0x8000), /locked/],
    [
      'inconsistent',
      {},
      false,
      (view: DataView) => view.setUint32(4, view.getUint32(4) | 0x4000),
      /inconsistent/,
    ],
    [
      'FSK!',
      {},
      false,
      (view: DataView) => view.setUint32(8, MOUNTED_BY.journalFailed),
      /could not be replayed/,
    ],
    [
      'info block beyond the end',
      {},
      false,
      (view: DataView) => view.setUint32(12, 0xfffffff0),
      /info block/,
    ],
  ] as const)('%s: for reading only, and why', (_, settings, isLeftInUse, change, sentence) => {
    const store = disk(settings, isLeftInUse);
    patch(store, 2, change);
    const volume = mount(store);
    expect(volume.isReadOnly).toBe(true);
    expect(volume.warnings.join(' ')).toMatch(sentence);
    expect(names(volume)).toEqual(['one', 'three', 'two']);
  });

  test('continued: goes on without a word, without a replay', () => {
    for (const settings of [{}, { journal: 'off' }]) {
      const store = disk(settings, true);
      const tape = new Tape(512);
      store.tape = tape;
      const volume = mount(store, false, true);
      expect([volume.isReadOnly, volume.warnings, tape.length]).toEqual([false, [], 0]);
      volume.setLabel('On');
      volume.unmount();
      expect(hfsplus.fsck(store, { repair: false }).findings).toEqual([]);
    }
  });

  test.each([
    ['no signature', (view: DataView) => view.setUint16(0, 0x1234), 'EINVAL'],
    ['version', (view: DataView) => view.setUint16(2, 9), 'EFTYPE'],
    ['block size', (view: DataView) => view.setUint32(40, 4097), 'EFTYPE'],
    ['more blocks than the disk', (view: DataView) => view.setUint32(44, 0xffffffff), 'EFTYPE'],
    ['no blocks', (view: DataView) => view.setUint32(44, 0), 'EFTYPE'],
    ['bitmap outside', (view: DataView) => view.setUint32(128, 0xfffffff0), 'EIO'],
    ['bitmap too short', (view: DataView) => view.setUint32(124, 0), 'EIO'],
    ['catalog outside', (view: DataView) => view.setUint32(288, 0xfffffff0), 'EIO'],
  ])('%s is refused with a sentence', (_, change, code) => {
    const store = disk();
    patch(store, 2, change);
    try {
      mount(store);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(FsError);
      if (error instanceof FsError && code === 'EINVAL') expect(['EINVAL', 'EFTYPE']).toContain(error.code);
      else expect(error).toMatchObject({ code });
      expect((error as FsError).detail).not.toBe('');
    }
  });

  test('a header that is gone, its alternate there: found, and the sentence says so', () => {
    const store = disk();
    patch(store, 2, (_, bytes) => bytes.fill(0));
    expect(hfsplus.detect(store)).toBe(true);
    expect(() => mount(store)).toThrow(/alternate/);
  });

  test('in an HFS wrapper', () => {
    const inner = bytesOf(disk());
    const store = new Store({ blockSizeBytes: 512, blockCount: SIZE_BYTES / 512 + 64 });
    store.write(32, inner, LABEL);
    patch(store, 2, (view) => {
      view.setUint16(0, 0x4244);
      view.setUint32(20, 4096);
      view.setUint16(28, 16);
      view.setUint16(124, 0x482b);
      view.setUint16(126, 2);
      view.setUint16(128, SIZE_BYTES / 4096);
    });
    expect(hfsplus.detect(store)).toBe(true);
    expect(names(mount(store, true))).toEqual(['one', 'three', 'two']);
  });
});

describe('journal', () => {
  test('replayed on the device, or in memory when only reading', () => {
    const store = disk({}, true);
    const before = bytesOf(store);
    const reading = mount(store, true);
    expect(reading.warnings.join()).toMatch(/replayed: 1 transaction with \d+ blocks in memory/);
    expect(bytesOf(store).equals(before)).toBe(true);
    const writing = mount(store);
    expect([writing.isReadOnly, writing.warnings.length]).toEqual([false, 1]);
    expect(names(writing)).toEqual(names(reading));
    expect(mount(store).warnings).toEqual([]);
  });

  test('a first transaction that is broken: FSK!, and for reading only', () => {
    const store = disk({}, true);
    const head = new DataView(bytesOf(store).buffer, JOURNAL * 512, 512);
    const start = Number(head.getBigUint64(8, true));
    patch(store, JOURNAL + start / 512, (view) => view.setUint32(8, 1));
    const volume = mount(store);
    expect(volume.isReadOnly).toBe(true);
    expect(volume.warnings.join()).toMatch(/must be checked.*checksum of a block list/);
    expect(headerOf(store).lastMountedVersion).toBe(MOUNTED_BY.journalFailed);
  });

  test('a wrong checksum of the header is worth a warning', () => {
    const store = disk({}, true);
    patch(store, JOURNAL, (view) => view.setUint32(36, 7));
    const volume = mount(store);
    expect([volume.isReadOnly, volume.warnings.length]).toEqual([false, 2]);
  });

  test('of a computer with the other byte order', () => {
    const store = disk({}, true);
    const turn = (view: DataView, at: number, size: 2 | 4 | 8) => {
      if (size === 2) view.setUint16(at, view.getUint16(at, true));
      else if (size === 4) view.setUint32(at, view.getUint32(at, true));
      else view.setBigUint64(at, view.getBigUint64(at, true));
    };
    const start = Number(new DataView(bytesOf(store).buffer, JOURNAL * 512, 512).getBigUint64(8, true));
    patch(store, JOURNAL, (view, bytes) => {
      for (const at of [0, 4, 32, 40, 44]) turn(view, at, 4);
      for (const at of [8, 16, 24]) turn(view, at, 8);
      view.setUint32(36, 0);
      view.setUint32(36, journalChecksum(bytes, 0, 44));
    });
    patch(store, JOURNAL + start / 512, (view, bytes) => {
      for (const at of [0, 2]) turn(view, at, 2);
      for (const at of [4, 12]) turn(view, at, 4);
      for (let at = 16; at < 512; at += 16) {
        turn(view, at, 8);
        turn(view, at + 8, 4);
        turn(view, at + 12, 4);
      }
      view.setUint32(8, 0);
      view.setUint32(8, journalChecksum(bytes, 0, 32));
    });
    const volume = mount(store);
    expect(volume.warnings.join()).toMatch(/replayed: 1 transaction/);
    expect(volume.isReadOnly).toBe(false);
    volume.setLabel('Little again');
    volume.unmount();
    expect(hfsplus.fsck(store, { repair: false }).findings).toEqual([]);
  });

  test('on another device: refused with a sentence', () => {
    const store = disk();
    patch(store, INFO, (view) => view.setUint32(0, 2));
    expect(() => mount(store)).toThrow(/another device/);
  });

  test('left to be initialised, as mkfs does: initialised by the first change', () => {
    const store = disk();
    patch(store, INFO, (view) => view.setUint32(0, 5));
    for (let block = 0; block < 1024; block++) patch(store, JOURNAL + block, (_, bytes) => bytes.fill(0));
    const volume = mount(store);
    volume.setLabel('New');
    expect(new DataView(bytesOf(store).buffer, INFO * 512, 4).getUint32(0)).toBe(1);
    expect(mount(store.fork()).warnings.join()).toMatch(/replayed: 1 transaction/);
    volume.unmount();
    expect(hfsplus.fsck(store, { repair: false }).findings).toEqual([]);
  });

  test('written by one who knows no journals since: left out', () => {
    const store = disk({}, true);
    patch(store, 2, (view) => view.setUint32(8, MOUNTED_BY.macos));
    const volume = mount(store);
    expect(volume.warnings.join()).toMatch(/knows no journals/);
    volume.setLabel('Fresh');
    volume.unmount();
    expect(mount(store).warnings).toEqual([]);
  });

  test('garbage: 400 journals with bytes changed by chance, and all of chance', () => {
    const random = new Prng(11);
    const before = disk({}, true);
    for (let round = 0; round < 400; round++) {
      const store = before.fork();
      const blocks =
        round % 4 === 0 ? [INFO] : round % 4 === 1 ? [JOURNAL] : [JOURNAL + 1 + random.below(40), JOURNAL];
      for (const block of blocks) {
        patch(store, block, (view, bytes) => {
          if (round % 7 === 0) bytes.set(random.bytes(512));
          for (let i = 0; i <= random.below(4); i++) bytes[random.below(64)] = random.below(256);
          if (block === JOURNAL && round % 2 === 0) {
            view.setUint32(36, 0);
            view.setUint32(36, journalChecksum(bytes, 0, 44), true);
          }
        });
      }
      try {
        mount(store, round % 3 === 0);
      } catch (error) {
        expect(error).toBeInstanceOf(FsError);
      }
      store.discard();
    }
  });
});
