import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import { crashImages } from '../../../../src/engine/device/crash.ts';
import { PROFILES } from '../../../../src/engine/device/profile.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { Tape } from '../../../../src/engine/device/tape.ts';
import { NxSuperblock } from '../../../../src/engine/formats/apfs/layout.ts';
import { mountFirstVolume, openContainer } from '../../../../src/engine/formats/apfs/mount.ts';
import { newfs } from '../../../../src/engine/formats/apfs/newfs.ts';
import { seal } from '../../../../src/engine/formats/apfs/object.ts';
import type { Container, MountOptions, Volume } from '../../../../src/engine/formats/contract.ts';
import { fsckApfs, fsckApfsAfterPowerCut } from '../../../support/checkers.ts';
import { sparseImageFile } from '../../../support/formats.ts';
import { refusalOf } from '../../../support/refusal.ts';

const MIB = 2 ** 20;
const INIT = { mode: 0o644, uid: 501, gid: 20 };
const LABEL = { role: 'data', owner: '', reason: 'damage done by the test' } as const;

const options = (more: Partial<MountOptions> = {}): MountOptions => ({
  ...{ isReadOnly: false, policy: 'each', clock: new SimulatedClock(), trace: SILENT },
  owner: { uid: 501, gid: 20 },
  timeZoneMinutes: 0,
  ...more,
});

function newStore(sizeBytes: number, settings: Record<string, string> = {}): Store {
  const store = new Store({ blockSizeBytes: 4096, blockCount: sizeBytes / 4096 });
  newfs(store, {
    ...{ label: 'Test', settings, partitionFirstBlock: 0 },
    clock: new SimulatedClock(),
    random: new Prng(1),
  });
  return store;
}

const live = (store: Store): string => fsckApfsAfterPowerCut(sparseImageFile(store));
const closed = (store: Store): string => fsckApfs(sparseImageFile(store));

function blockOf(store: Store, block: number): Uint8Array {
  const bytes = new Uint8Array(4096);
  store.read(block, bytes);
  return bytes;
}

function put(volume: Volume, name: string, bytes: Uint8Array): number {
  const node = volume.lookup(volume.root, name) ?? volume.create(volume.root, name, INIT);
  const written = volume.write(node, 0, bytes);
  volume.release(node);
  return written;
}

describe('checkpoints', () => {
  test.each([1, 16])('of %d MiB follow each other around their rings', (mib) => {
    const store = newStore(mib * MIB);
    const container = openContainer(store, options());
    const { freeBlocks } = container.statistics();
    for (let i = 0; i < 44; i++) {
      container.renameVolume(0, `name ${i}`);
      expect(live(store), `commit ${i}`).toBe('');
    }
    expect(container.statistics().freeBlocks).toBe(freeBlocks);
    container.close();
    expect(closed(store)).toBe('');
    expect(openContainer(store, options()).volumes()[0]?.label).toBe('name 43');
  });

  test('nothing changed: nothing is written', () => {
    const store = newStore(16 * MIB);
    const tape = new Tape(4096);
    store.tape = tape;
    const container = openContainer(store, options());
    const volume = container.mountVolume(0, { isReadOnly: false });
    volume.sync();
    volume.unmount();
    container.close();
    expect(tape.length).toBe(0);
  });

  test('the newest that is whole is used, and a sentence says so', () => {
    const store = newStore(16 * MIB);
    const container = openContainer(store, options());
    for (const name of ['one', 'two', 'three']) container.renameVolume(0, name);
    const states = [0, 1, 2, 3].map((back) => {
      const { superblock } = newestOf(store, back);
      return { xid: superblock.xid, block: superblock.dataBase + superblock.dataIndex };
    });
    const spoil = (block: number) => {
      const bytes = blockOf(store, block);
      bytes[100] = (bytes[100] ?? 0) ^ 1;
      store.write(block, bytes, LABEL);
    };
    spoil(states[0]?.block ?? 0);
    const older = openContainer(store, options({ isReadOnly: true }));
    expect(older.volumes()[0]?.label).toBe('two');
    expect(older.warnings.join()).toMatch(/Checkpoint 5 is not whole .*older one is used/);
    // Writing goes on with a transaction that no superblock in the ring has.
    const writer = openContainer(store, options());
    writer.renameVolume(0, 'after');
    writer.close();
    expect(closed(store)).toBe('');
    expect(openContainer(store, options()).volumes()[0]?.label).toBe('after');
    for (let back = 0; back < 5; back++) {
      const { superblock } = newestOf(store, back);
      if (superblock.xid > 0) spoil(superblock.dataBase + superblock.dataIndex);
    }
    expect(refusalOf(() => openContainer(store, options()))).toMatch(/EIO no usable checkpoint: /);
  });

  test('an older one can be looked at, not changed', () => {
    const store = newStore(16 * MIB);
    const container = openContainer(store, options());
    container.renameVolume(0, 'old');
    container.renameVolume(0, 'new');
    const { xid } = newestOf(store, 1).superblock;
    const older = openContainer(store, options({ checkpointXid: xid }));
    expect([older.volumes()[0]?.label, older.isReadOnly]).toEqual(['old', true]);
    expect(refusalOf(() => older.renameVolume(0, 'x'))).toMatch(/^EROFS/);
    expect(refusalOf(() => openContainer(store, options({ checkpointXid: 99 })))).toMatch(/^EINVAL .*99/);
  });

  test('of one that is open for reading only nothing is written', () => {
    const store = newStore(16 * MIB);
    const tape = new Tape(4096);
    store.tape = tape;
    const container = openContainer(store, options({ isReadOnly: true }));
    const volume = container.mountVolume(0, { isReadOnly: false });
    expect(volume.isReadOnly).toBe(true);
    expect(refusalOf(() => volume.create(volume.root, 'x', INIT))).toMatch(/^EROFS/);
    for (const change of [
      () => container.addVolume({ label: 'B', isCaseSensitive: false, random: new Prng(1) }),
      () => container.deleteVolume(0),
      () => container.setRole(0, 'data'),
    ]) {
      expect(refusalOf(change)).toMatch(/^EROFS/);
    }
    volume.unmount();
    container.close();
    expect(tape.length).toBe(0);
  });

  test('a power cut leaves the checkpoint before or the new one, and block 0 is refreshed later', () => {
    const store = newStore(4 * MIB);
    const container = openContainer(store, options());
    container.renameVolume(0, 'before');
    const before = store.fork();
    const tape = new Tape(4096);
    store.tape = tape;
    container.renameVolume(0, 'after');
    store.tape = null;
    const labels = new Set<string>();
    const range = { from: 0, to: tape.length };
    let images = 0;
    for (const image of crashImages(before, tape, range, {
      profile: PROFILES.hdd,
      seed: 3,
      samples: 4,
      exhaustiveMax: 4,
    })) {
      const { device, description } = image;
      // Many are alike to apfsck.
      const isJudged = images++ % 4 === 0;
      if (isJudged) expect(live(device), description).toBe('');
      const found = openContainer(device, options());
      expect(found.warnings.join(), description).not.toMatch(/older one|cannot be used/);
      labels.add(found.volumes()[0]?.label ?? '');
      found.renameVolume(0, 'later');
      found.close();
      if (isJudged) expect(closed(device), description).toBe('');
    }
    expect(labels).toEqual(new Set(['before', 'after']));
  });
});

/** The superblock in the ring that is `back` older than the newest. */
function newestOf(store: Store, back: number): { superblock: ReturnType<typeof NxSuperblock.peek> } {
  const { descriptorBase, descriptorBlocks } = NxSuperblock.peek(blockOf(store, 0));
  const found = Array.from({ length: descriptorBlocks }, (_, i) =>
    NxSuperblock.peek(blockOf(store, descriptorBase + i)),
  ).filter(({ magic }) => magic === 0x4253_584e);
  found.sort((a, b) => b.xid - a.xid);
  return { superblock: found[back] ?? NxSuperblock.peek(new Uint8Array(0)) };
}

describe('volumes', () => {
  const add = (
    container: Container,
    label: string,
    more: { quotaBytes?: number; reserveBytes?: number } = {},
  ) => container.addVolume({ label, isCaseSensitive: false, random: new Prng(5), ...more });

  test('come and go; places are used again, ids are not', () => {
    const store = newStore(2048 * MIB);
    const container = openContainer(store, options());
    const { freeBlocks } = container.statistics();
    expect([add(container, 'B'), add(container, 'C'), add(container, 'D')]).toEqual([1, 2, 3]);
    expect(live(store)).toBe('');
    expect(refusalOf(() => add(container, 'E'))).toMatch(/ENOSPC .*4 volumes already/);
    const volume = container.mountVolume(2, { isReadOnly: false });
    for (let i = 0; i < 30; i++) put(volume, `file ${i}`, new Prng(i).bytes(9000));
    volume.snapshots?.create('kept');
    for (let i = 0; i < 30; i += 2) volume.remove(volume.root, `file ${i}`);
    expect(refusalOf(() => container.deleteVolume(2))).toMatch(/EBUSY/);
    expect(refusalOf(() => container.mountVolume(2, { isReadOnly: true }))).toMatch(/EBUSY/);
    expect(refusalOf(() => container.close())).toMatch(/EBUSY/);
    const shown = container.mountVolume(2, { isReadOnly: true, snapshot: 'kept' });
    expect(shown.list(shown.root, null, 100).entries).toHaveLength(30);
    expect(refusalOf(() => container.mountVolume(2, { isReadOnly: true, snapshot: 'none' }))).toMatch(
      /ENOENT/,
    );
    volume.unmount();
    expect(refusalOf(() => container.deleteVolume(2))).toMatch(/EBUSY/);
    shown.unmount();
    expect(container.volumes()[2]?.snapshots.map(({ name }) => name)).toEqual(['kept']);
    const oids = NxSuperblock.peek(newestBytes(store)).volumeOids.slice(0, 4);
    container.deleteVolume(2);
    expect(live(store)).toBe('');
    expect(refusalOf(() => container.deleteVolume(2))).toMatch(/ENOENT/);
    expect(add(container, 'F')).toBe(2);
    expect(oids).not.toContain(NxSuperblock.peek(newestBytes(store)).volumeOids[2]);
    container.renameVolume(2, 'Ärger');
    container.setRole(2, 'Preboot');
    expect(refusalOf(() => container.renameVolume(2, ''))).toMatch(/EINVAL/);
    expect(refusalOf(() => container.setRole(2, 'queen'))).toMatch(/EINVAL .*queen/);
    expect(container.volumes().map(({ label, role }) => label + role)).toEqual([
      'Test',
      'B',
      'ÄrgerPreboot',
      'D',
    ]);
    for (const index of [3, 2, 1]) container.deleteVolume(index);
    expect(container.statistics().freeBlocks).toBe(freeBlocks);
    container.close();
    expect(closed(store)).toBe('');
  });

  test.each([
    ['quota', { quotaBytes: 8 * MIB }, 8 * MIB],
    ['quota with reserve', { quotaBytes: 8 * MIB, reserveBytes: 4 * MIB }, 8 * MIB],
  ])('a %s holds', (_, limits, mostBytes) => {
    const store = newStore(1024 * MIB);
    const container = openContainer(store, options());
    const index = add(container, 'Limited', limits);
    expect(live(store)).toBe('');
    const volume = container.mountVolume(index, { isReadOnly: false });
    const refusal = refusalOf(() => {
      for (let i = 0; ; i++) put(volume, `file ${i}`, new Prng(i).bytes(300_000));
    });
    expect(refusal).toMatch(/^ENOSPC/);
    expect(live(store)).toBe('');
    const consumed = container.volumes()[index]?.consumedBytes ?? 0;
    expect(consumed).toBeLessThanOrEqual(mostBytes);
    expect(consumed).toBeGreaterThan(mostBytes - 600_000);
    for (const { name } of volume.list(volume.root, null, 100).entries) volume.remove(volume.root, name);
    volume.unmount();
    container.close();
    expect(closed(store)).toBe('');
  });

  test('what one volume reserves the others cannot have', () => {
    const store = newStore(600 * MIB);
    const container = openContainer(store, options());
    const reserveBytes = 500 * MIB;
    const before = container.mountVolume(0, { isReadOnly: false });
    const freeBefore = before.statistics().availableBlocks;
    const index = add(container, 'Reserving', { reserveBytes });
    expect(before.statistics().availableBlocks).toBe(freeBefore - 1 - reserveBytes / 4096);
    const file = before.create(before.root, 'big', INIT);
    before.fill(file, 0, 400 * MIB, { generator: 'zero' });
    expect(before.attributes(file).sizeBytes).toBeLessThan(100 * MIB);
    before.release(file);
    expect(live(store)).toBe('');
    const reserving = container.mountVolume(index, { isReadOnly: false });
    const own = reserving.create(reserving.root, 'own', INIT);
    expect(reserving.fill(own, 0, 400 * MIB, { generator: 'zero' })).toBe(400 * MIB);
    reserving.release(own);
    expect(live(store)).toBe('');
    reserving.unmount();
    before.unmount();
    container.close();
    expect(closed(store)).toBe('');
    expect(refusalOf(() => add(openContainer(store, options()), 'More', { reserveBytes }))).toMatch(/ENOSPC/);
  });
});

const newestBytes = (store: Store): Uint8Array => {
  const { descriptorBase, descriptorBlocks } = NxSuperblock.peek(blockOf(store, 0));
  const found = Array.from({ length: descriptorBlocks }, (_, i) => blockOf(store, descriptorBase + i));
  const supers = found.filter((bytes) => NxSuperblock.peek(bytes).magic === 0x4253_584e);
  supers.sort((a, b) => NxSuperblock.peek(b).xid - NxSuperblock.peek(a).xid);
  return supers[0] ?? new Uint8Array(4096);
};

test.each(['each', 'writeback'] as const)('a full container can be emptied (%s)', (policy) => {
  const store = newStore(16 * MIB);
  const volume = mountFirstVolume(store, options({ policy }));
  const { freeBlocks } = volume.statistics();
  const random = new Prng(9);
  const fill = () =>
    refusalOf(() => {
      for (let i = 0; ; i++) put(volume, `file ${i}`, random.bytes(random.below(60_000)));
    });
  for (let round = 0; round < 2; round++) {
    expect(fill()).toMatch(/^ENOSPC/);
    volume.sync();
    expect(live(store)).toBe('');
    const names = volume.list(volume.root, null, 1000).entries.map(({ name }) => name);
    // Every other one first: as many runs as can be.
    for (const name of names.filter((_, i) => i % 2 === 0)) volume.remove(volume.root, name);
    for (const name of names.filter((_, i) => i % 2 === 1)) volume.remove(volume.root, name);
    volume.sync();
    expect(live(store)).toBe('');
    expect(volume.statistics().freeBlocks).toBe(freeBlocks);
  }
  volume.unmount();
  expect(closed(store)).toBe('');
});

test('a storm of holes: free queues of many nodes, pieces of all sizes', () => {
  const store = newStore(300 * MIB);
  const volume = mountFirstVolume(store, options({ policy: 'writeback' }));
  const { freeBlocks } = volume.statistics();
  const random = new Prng(4);
  const file = volume.create(volume.root, 'holes', INIT);
  volume.fill(file, 0, 200 * MIB, { generator: 'zero' });
  volume.sync();
  expect(live(store)).toBe('');
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 1500; i++) {
      const at = random.below(51_000) * 4096;
      volume.punchHole?.(file, at, (1 + random.below(3)) * 4096);
    }
    volume.sync();
    expect(live(store), `round ${round}`).toBe('');
    for (let i = 0; i < 300; i++) volume.write(file, random.below(51_000) * 4096, random.bytes(9000));
    volume.sync();
    expect(live(store), `round ${round}`).toBe('');
  }
  volume.release(file);
  volume.remove(volume.root, 'holes');
  volume.sync();
  expect(volume.statistics().freeBlocks).toBe(freeBlocks);
  volume.unmount();
  expect(closed(store)).toBe('');
});

describe('what cannot be opened is refused in a sentence', () => {
  type Change = (view: DataView) => void;
  const changed = (change: Change, everywhere = true): Store => {
    const store = newStore(16 * MIB);
    for (const block of everywhere ? [0, 2, 4] : [0]) {
      const bytes = blockOf(store, block);
      change(new DataView(bytes.buffer));
      seal(bytes);
      store.write(block, bytes, LABEL);
    }
    return store;
  };

  test.each<[string, Change, RegExp]>([
    ['blocks of 8 KiB', (view) => view.setUint32(0x24, 8192, true), /ENOTSUP .*8192/],
    ['half a Fusion drive', (view) => view.setUint32(0x40, 0x102, true), /ENOTSUP .*Fusion/],
    ['features of the future', (view) => view.setUint32(0x40, 0x42, true), /ENOTSUP .*0x40/],
    ['the beta', (view) => view.setUint32(0x40, 1, true), /ENOTSUP .*beta/],
    ['no blocks', (view) => view.setUint32(0x28, 0, true), /EIO .*no blocks/],
    ['a ring in pieces', (view) => view.setUint32(0x68, 0x8000_0008, true), /EIO .*in pieces/],
    ['a ring outside', (view) => view.setUint32(0x70, 99_999, true), /EIO .*99999/],
    ['a next transaction in the past', (view) => view.setUint32(0x60, 1, true), /EIO .*comes next/],
    ['an object map that is none', (view) => view.setUint32(0xa0, 1, true), /EIO .*object map/],
    ['an object map outside', (view) => view.setUint32(0xa4, 1, true), /EIO .*4294967.* ends at block 4096/],
    ['maps without end', (view) => view.setUint32(0x8c, 900, true), /EIO no usable checkpoint.*maps/],
  ])('%s', (_, change, expected) => {
    const store = changed(change);
    expect(refusalOf(() => openContainer(store, options()))).toMatch(expected);
  });

  test('no container at all, and a block 0 with a wrong checksum', () => {
    const empty = new Store({ blockSizeBytes: 4096, blockCount: 300 });
    expect(refusalOf(() => openContainer(empty, options()))).toMatch(/EINVAL .*NXSB/);
    const store = newStore(16 * MIB);
    const bytes = blockOf(store, 0);
    bytes[0x50] = 1 ^ (bytes[0x50] ?? 0);
    store.write(0, bytes, LABEL);
    expect(refusalOf(() => openContainer(store, options()))).toMatch(/EIO .*checksum/);
  });

  test('a disk cut short is only read', () => {
    const store = changed((view) => view.setUint32(0x28, 5000, true));
    const container = openContainer(store, options());
    expect(container.isReadOnly).toBe(true);
    expect(container.warnings.join()).toMatch(/5000 blocks.*cut off/);
  });

  test('features that others may only read', () => {
    const store = changed((view) => view.setUint32(0x38, 1, true));
    const container = openContainer(store, options());
    expect([container.isReadOnly, container.warnings.length]).toEqual([true, 1]);
  });

  test('one damaged volume among good ones is named, the others work', () => {
    const store = newStore(1024 * MIB, { volumes: 'Second' });
    const { name, at } = superblockBlockOf(store, 'Second');
    expect(name).toBe('Second');
    store.write(at, new Uint8Array(4096).fill(7), LABEL);
    const container = openContainer(store, options());
    expect(container.volumes().map(({ label }) => label)).toEqual(['Test']);
    expect(container.warnings.join()).toMatch(/Volume 1 cannot be used/);
    container.renameVolume(0, 'still here');
  });
});

function superblockBlockOf(store: Store, wanted: string): { name: string; at: number } {
  for (let at = store.nextStored(0); at < store.blockCount; at = store.nextStored(at + 1)) {
    const bytes = blockOf(store, at);
    const isVolume = new DataView(bytes.buffer).getUint32(0x20, true) === 0x4253_5041;
    const name = new TextDecoder().decode(bytes.subarray(0x2c0, 0x2c0 + wanted.length));
    if (isVolume && name === wanted) return { name, at };
  }
  return { name: '', at: 0 };
}
