import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { Device } from '../../../../src/engine/device/device.ts';
import { FaultyDevice } from '../../../../src/engine/device/fault.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { Tape } from '../../../../src/engine/device/tape.ts';
import { fsck } from '../../../../src/engine/formats/fat32/fsck.ts';
import { shown } from '../../../../src/engine/formats/fat32/fsck-report.ts';
import { BootSector16 } from '../../../../src/engine/formats/fat32/layout.ts';
import { newfs } from '../../../../src/engine/formats/fat32/newfs.ts';
import { Patient } from '../../../evil/patient.ts';
import {
  DAMAGE,
  FLOPPY,
  SMALL_16,
  SMALL_32,
  makeVolume,
  storeOfBytes,
  vfatVerdict,
} from '../../../evil/volumes.ts';

/**
 * Goal: what fsck prints and how it treats devices that are no healthy volumes at all. One damage at a time is in
 * test/evil.
 */
const kindsOf = (device: Device): string[] =>
  fsck(device, { repair: false }).findings.map(({ kind }) => kind);

describe.each([FLOPPY, SMALL_16, SMALL_32])('a volume of mkfs.vfat and mcopy, FAT$type', (recipe) => {
  test('is clean to both checkers', () => {
    const volume = makeVolume(recipe);
    if (!volume) return;
    expect(vfatVerdict(volume)).toBe('');
    const report = fsck(volume, { repair: false });
    expect(report.isReadable).toBe(true);
    expect(report.findings).toEqual([]);
    expect(report.lines.slice(0, 3)).toEqual([
      '** Phase 1 - Preparing FAT',
      '** Phase 2 - Checking Directories',
      '** Phase 3 - Checking for Orphan Clusters',
    ]);
    expect(report.lines[3]).toMatch(/^52 files, \d+ KiB free \(\d+ clusters\)$/);
    expect(report.lines.length).toBe(4);
  });

  test('stays byte for byte as it is when there is nothing to repair', () => {
    const volume = makeVolume(recipe);
    if (!volume) return;
    const tape = new Tape(512);
    volume.tape = tape;
    expect(fsck(volume, { repair: true }).findings).toEqual([]);
    expect(tape.length).toBe(0);
  });

  test('asks as fsck_msdos asks, and answers no or yes', () => {
    const volume = makeVolume(recipe);
    if (!volume) return;
    const patient = new Patient(volume);
    const bytes =
      patient.chain(patient.find('notes.txt').firstCluster).length * patient.geometry.clusterSizeBytes;
    patient.setSize('notes.txt', 1_000_000);
    const message = `size of /notes.txt is 1000000, should at most be ${bytes}`;
    const lines = (repair: boolean): readonly string[] => fsck(volume, { repair }).lines.slice(1, 5);
    expect(lines(false)).toEqual([
      '** Phase 2 - Checking Directories',
      message,
      'Truncate? no',
      '** Phase 3 - Checking for Orphan Clusters',
    ]);
    expect(lines(true)).toEqual([
      '** Phase 2 - Checking Directories',
      message,
      'Truncate? yes',
      '** Phase 3 - Checking for Orphan Clusters',
    ]);
  });

  test('is repaired entries first, then FATs, then what says that all is well, with barriers between', () => {
    const volume = makeVolume(recipe);
    if (!volume) return;
    const patient = new Patient(volume);
    patient.setSize('notes.txt', 0).put(recipe.type === 32 ? 65 : 37, [1]);
    const tape = new Tape(512);
    volume.tape = tape;
    fsck(volume, { repair: true });
    const roles = Array.from({ length: tape.length }, (_, i) => {
      const entry = tape.entry(i);
      return entry.kind === 'barrier' ? 'barrier' : entry.role;
    });
    const order = roles.filter((role, i) => role !== roles[i - 1]);
    expect(order).toEqual(['directory', 'barrier', 'allocation', 'barrier', 'header', 'barrier']);
  });

  test('on a device that cannot be written is checked only', () => {
    const volume = makeVolume(recipe);
    if (!volume) return;
    new Patient(volume).setSize('notes.txt', 1_000_000);
    const bytes = new Uint8Array(volume.blockCount * 512);
    volume.read(0, bytes);
    const backing = {
      sizeBytes: bytes.length,
      read: (at: number, into: Uint8Array) => into.set(bytes.subarray(at, at + into.length)),
    };
    const readOnly = new Store({ blockSizeBytes: 512, blockCount: volume.blockCount }, backing, true);
    const report = fsck(readOnly, { repair: true });
    expect(report.lines[0]).toBe('The device is read-only: nothing can be repaired');
    expect(report.findings).toMatchObject([{ kind: 'size-beyond-chain', isRepaired: false }]);
  });

  test('with blocks that cannot be read or written is told so', () => {
    const volume = makeVolume(recipe);
    if (!volume) return;
    const patient = new Patient(volume);
    const block = patient.clusterOffset(patient.find('photos').firstCluster) / 512;
    const unreadable = new FaultyDevice(volume.fork(), [{ firstBlock: block, blockCount: 1, fails: 'read' }]);
    const found = fsck(unreadable, { repair: false }).findings;
    expect(found.find(({ kind }) => kind === 'unreadable')).toMatchObject({
      block,
      message: `Block ${block} cannot be read`,
    });

    const entryBlock = Math.floor(patient.find('notes.txt').offset / 512);
    patient.setSize('notes.txt', 1_000_000);
    const unwritable = new FaultyDevice(volume, [{ firstBlock: entryBlock, blockCount: 1, fails: 'write' }]);
    const repair = fsck(unwritable, { repair: true });
    expect(repair.findings.find(({ kind }) => kind === 'unwritable')).toMatchObject({
      block: entryBlock,
      isRepaired: false,
    });
  });

  test('cut short is told as such', () => {
    const volume = makeVolume(recipe);
    if (!volume) return;
    const bytes = new Uint8Array(volume.blockCount * 512);
    volume.read(0, bytes);
    const report = fsck(storeOfBytes(bytes.subarray(0, bytes.length / 2)), { repair: true });
    expect(report.isReadable).toBe(false);
    expect(report.findings).toMatchObject([{ kind: 'truncated', severity: 'error', isRepaired: false }]);
    expect(report.findings[0]?.message).toMatch(/the image is cut short$/);
  });

  test('with a root directory of random bytes is survived', () => {
    const volume = makeVolume(recipe);
    if (!volume) return;
    const patient = new Patient(volume);
    const [first = 0] = patient.slots('');
    patient.put(first, new Prng(5).bytes(512));
    const report = fsck(volume, { repair: true });
    expect(report.findings.length).toBeGreaterThan(3);
    expect(kindsOf(volume)).toEqual([]);
    expect(vfatVerdict(volume)).toBe('');
  });

  test('whose boot sector does not fit it is left alone', () => {
    const volume = makeVolume(recipe);
    if (!volume || recipe.type === 32) return;
    // Twice as many reserved sectors: every field passes by itself, nothing is where it should be.
    new Patient(volume).putU16(14, 40);
    const before = volume.version();
    const report = fsck(volume, { repair: true });
    expect(report.isReadable).toBe(false);
    expect(report.findings[0]?.message).toMatch(/^The boot block does not fit the volume/);
    expect(volume.version()).toBe(before);
  });
});

describe('a device without a volume', () => {
  test.each([
    ['zeros', new Uint8Array(512)],
    ['random bytes', new Prng(3).bytes(512)],
    ['random bytes that end in 55 AA', Uint8Array.from([...new Prng(4).bytes(510), 0x55, 0xaa])],
  ])('of %s is unreadable, and stays as it is', (_, sector) => {
    const store = new Store({ blockSizeBytes: 512, blockCount: 3000 });
    store.write(0, sector, DAMAGE);
    const before = store.version();
    const report = fsck(store, { repair: true });
    expect(report.isReadable).toBe(false);
    expect(report.findings).toMatchObject([{ kind: 'boot-sector', block: 0, isRepaired: false }]);
    expect(report.lines).toEqual([report.findings[0]?.message]);
    expect(store.version()).toBe(before);
  });

  test('of one block is unreadable', () => {
    expect(fsck(new Store({ blockSizeBytes: 512, blockCount: 1 }), { repair: false }).isReadable).toBe(false);
  });
});

describe('other shapes', () => {
  const made = (blockSizeBytes: number, sizeBytes: number, settings: Record<string, string> = {}): Store => {
    const store = new Store({ blockSizeBytes, blockCount: sizeBytes / blockSizeBytes });
    newfs(store, {
      label: 'SHAPE',
      settings,
      clock: new SimulatedClock(),
      random: new Prng(1),
      partitionFirstBlock: 0,
    });
    return store;
  };

  test('sectors of 4096 bytes', () => {
    const store = made(4096, 512 << 20);
    expect(fsck(store, { repair: false }).findings).toEqual([]);
    const sector = new Uint8Array(4096);
    store.write(0, sector, DAMAGE);
    const report = fsck(store, { repair: true });
    expect(report.findings.map(({ kind }) => kind)).toContain('boot-sector');
    expect(kindsOf(store)).toEqual([]);
  });

  test('a FAT that is not mirrored: the active one counts, the other follows', () => {
    const store = made(512, 40 << 20, { type: 'fat32' });
    const patient = new Patient(store);
    patient
      .putU16(40, 0x81)
      .putU16(6 * 512 + 40, 0x81)
      .setFat(50, patient.endOfChain, [1]);
    const report = fsck(store, { repair: false });
    expect(report.findings.find(({ kind }) => kind === 'fats-differ')?.message).toMatch(/using FAT 2$/);
    expect(report.findings.some(({ kind }) => kind === 'lost-clusters')).toBe(true);
    fsck(store, { repair: true });
    expect(kindsOf(store)).toEqual([]);
  });
});

test('a FAT12 whose last entry shares a byte with nothing leaves the next sector alone', () => {
  // 341 entries fill 511½ bytes of the one sector of FAT 1; the byte behind it is the first one of FAT 2.
  const store = new Store({ blockSizeBytes: 512, blockCount: 343 });
  const boot = new Uint8Array(512);
  BootSector16.write(boot, {
    ...BootSector16.peek(boot),
    jump: Uint8Array.of(0xeb, 0x3c, 0x90),
    bytesPerSector: 512,
    sectorsPerCluster: 1,
    reservedSectors: 1,
    fatCount: 2,
    rootEntryCount: 16,
    totalSectors16: 343,
    media: 0xf8,
    fatSizeSectors16: 1,
    bootSignature: 0x29,
    label: 'NO NAME    ',
    signature: 0xaa55,
  });
  store.write(0, boot, DAMAGE);
  const patient = new Patient(store).setFat(0, 0xff8).setFat(1, 0xfff);
  expect(fsck(store, { repair: false }).findings).toEqual([]);
  expect(vfatVerdict(store)).toBe('');
  patient.put(2 * 512 - 1, [0x30]);
  expect(fsck(store, { repair: true }).findings).toMatchObject([{ kind: 'fats-differ', isRepaired: true }]);
  expect([...patient.bytes(2 * 512 - 1, 4)]).toEqual([0x30, 0xf8, 0xff, 0xff]);
  expect(kindsOf(store)).toEqual([]);
});

test('of very many findings some are told and all are repaired', () => {
  const store = new Store({ blockSizeBytes: 512, blockCount: 80_000 });
  newfs(store, {
    label: '',
    settings: { type: 'fat32' },
    clock: new SimulatedClock(),
    random: new Prng(1),
    partitionFirstBlock: 0,
  });
  const patient = new Patient(store);
  // 150 clusters of the root directory full of entries that lead nowhere.
  const clusters = Array.from({ length: 150 }, (_, i) => i + 3);
  let last = patient.geometry.rootCluster;
  for (const cluster of clusters) {
    patient.setFat(last, cluster);
    last = cluster;
  }
  patient.setFat(last, patient.endOfChain);
  const [first = 0] = patient.slots('');
  clusters
    .flatMap((_, c) => Array.from({ length: 16 }, (_, i) => first + c * 512 + i * 32))
    .forEach((offset, i) => {
      const slot = new Uint8Array(32);
      [...`F${String(i).padStart(7, '0')}TXT`].forEach((character, k) => (slot[k] = character.charCodeAt(0)));
      slot.set([0x20], 11);
      slot.set([0x21, 0, 0xff, 0xff, 9], 24);
      patient.put(offset, slot);
    });
  const report = fsck(store, { repair: true });
  expect(report.findings.length).toBe(1001);
  expect(report.findings.at(-1)?.message).toMatch(/^\d+ more findings are not listed$/);
  expect(report.findings.every(({ isRepaired }) => isRepaired)).toBe(true);
  expect(kindsOf(store)).toEqual([]);
});

test('text from the disk cannot steer a terminal', () => {
  expect(shown('a\u001b[31mb\u0007\u0085\u202e\u2028c')).toBe('a\\u001b[31mb\\u0007\\u0085\\u202e\\u2028c');
  expect(shown('Grüße, 日本語')).toBe('Grüße, 日本語');
  expect(shown('x'.repeat(5000)).length).toBe(1025);
});
