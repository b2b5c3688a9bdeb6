import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { Device } from '../../../../src/engine/device/device.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import type { Region } from '../../../../src/engine/formats/contract.ts';
import { annotate } from '../../../../src/engine/formats/fat32/annotate.ts';
import { OwnerIndex } from '../../../../src/engine/formats/fat32/owner-index.ts';
import { regions } from '../../../../src/engine/formats/fat32/regions.ts';
import { Patient } from '../../../evil/patient.ts';
import { DAMAGE, FLOPPY, LONG_NAME, SMALL_16, SMALL_32, makeVolume } from '../../../evil/volumes.ts';

/**
 * Goal: every block of a volume has one meaning and every byte of it is explained, on whatever volume.
 * Method: volumes of mkfs.vfat and mcopy. Regions are held against chains followed by the test's own simple reader,
 * annotations must cover each block without gap or overlap and agree with the regions.
 */
function expectNoGaps(device: Device, found: readonly Region[]): void {
  let next = 0;
  for (const { firstBlock, blockCount } of found) {
    expect(firstBlock).toBe(next);
    expect(blockCount).toBeGreaterThan(0);
    next += blockCount;
  }
  expect(next).toBe(device.blockCount);
}

function expectExplained(device: Device, block: number, index: OwnerIndex): void {
  const { fields } = annotate(device, block, index);
  let next = 0;
  for (const { offsetBytes, lengthBytes, name } of fields) {
    expect(offsetBytes, `${name} of block ${block}`).toBe(next);
    expect(lengthBytes).toBeGreaterThan(0);
    next += lengthBytes;
  }
  expect(next, `block ${block}`).toBe(device.blockSizeBytes);
}

const regionOf = (found: readonly Region[], block: number): Region | undefined =>
  found.find(({ firstBlock, blockCount }) => block >= firstBlock && block < firstBlock + blockCount);

/** The same bytes on a device of larger blocks. */
function inBlocksOf(store: Store, blockSizeBytes: number): Store {
  const factor = blockSizeBytes / 512;
  const large = new Store({ blockSizeBytes, blockCount: Math.ceil(store.blockCount / factor) });
  const bytes = new Uint8Array(blockSizeBytes);
  for (let block = store.nextStored(0); block < store.blockCount; block = store.nextStored(block + 1)) {
    const target = Math.floor(block / factor);
    store.read(
      target * factor,
      bytes.subarray(0, Math.min(factor, store.blockCount - target * factor) * 512),
    );
    large.write(target, bytes, DAMAGE);
  }
  return large;
}

describe.each([FLOPPY, SMALL_16, SMALL_32])('FAT$type', (recipe) => {
  test('regions say of every cluster what its file says', () => {
    const store = makeVolume(recipe);
    if (!store) return;
    const patient = new Patient(store);
    const found = regions(store);
    expectNoGaps(store, found);
    for (const path of ['notes.txt', 'photos/b.jpg', LONG_NAME, 'many', 'photos/summer holidays 2026']) {
      const { firstCluster } = patient.find(path);
      const role = path.includes('.') ? 'data' : 'directory';
      for (const cluster of patient.chain(firstCluster)) {
        const region = regionOf(found, patient.clusterOffset(cluster) / 512);
        expect(region).toMatchObject({ role, owner: `/${path}` });
      }
    }
    expect(found[0]).toEqual({ firstBlock: 0, blockCount: 1, role: 'header', owner: 'Boot sector' });
    const fats = found.filter(({ role }) => role === 'allocation');
    expect(fats.map(({ owner }) => owner)).toEqual(['FAT 1', 'FAT 2']);
    expect(fats[0]?.firstBlock).toBe(patient.fatOffset(0) / 512);
    expect(regionOf(found, (patient.slots('')[0] ?? 0) / 512)).toMatchObject({
      role: 'directory',
      owner: '/',
    });
    const free = patient.freeCluster(1500);
    expect(regionOf(found, patient.clusterOffset(free) / 512)).toMatchObject({ role: 'free', owner: '' });
  });

  test('bad and lost clusters are regions of their own', () => {
    const store = makeVolume(recipe);
    if (!store) return;
    const patient = new Patient(store);
    patient.setFat(1000, patient.bad).setFat(1001, patient.endOfChain);
    const found = regions(store);
    expectNoGaps(store, found);
    expect(regionOf(found, patient.clusterOffset(1000) / 512)?.role).toBe('bad');
    expect(regionOf(found, patient.clusterOffset(1001) / 512)).toMatchObject({
      role: 'data',
      owner: 'lost clusters',
    });
    expect(regionOf(found, patient.clusterOffset(1002) / 512)?.role).toBe('free');
    expect(annotate(store, patient.clusterOffset(1000) / 512).role).toBe('bad');
    expect(annotate(store, patient.clusterOffset(1001) / 512).owner).toBe('lost clusters');
  });

  test.each([512, 4096])(
    'every byte of every kind of block is explained, in blocks of %i bytes',
    (blockSizeBytes) => {
      const small = makeVolume(recipe);
      if (!small) return;
      const store = blockSizeBytes === 512 ? small : inBlocksOf(small, blockSizeBytes);
      const index = new OwnerIndex(store);
      const found = regions(store, index);
      expectNoGaps(store, found);
      for (const { firstBlock, blockCount, role, owner } of found) {
        for (const block of new Set([firstBlock, firstBlock + 1, firstBlock + blockCount - 1])) {
          if (block >= firstBlock + blockCount) continue;
          expectExplained(store, block, index);
          expect(annotate(store, block, index)).toMatchObject({ role, owner });
        }
      }
    },
  );

  test('says where entries lead, what slots hold and where files end', () => {
    const store = makeVolume(recipe);
    if (!store) return;
    const patient = new Patient(store);
    const { firstCluster } = patient.find('photos/b.jpg');
    const chain = patient.chain(firstCluster);
    const texts = (block: number): string =>
      annotate(store, block)
        .fields.map(({ name, text, doc }) => `${name} | ${text} | ${doc}`)
        .join('\n');

    const inFat = texts(patient.fatOffset(0) / 512 + Math.floor((firstCluster * recipe.type) / 8 / 512));
    expect(inFat).toMatch(`cluster ${chain[0] ?? 0} → ${chain[1] ?? 0}`);
    expect(inFat).toMatch('/photos/b.jpg');

    const [slot = 0] = patient.find(LONG_NAME).parts;
    const inRoot = texts(Math.floor(slot / 512));
    expect(inRoot).toMatch(/LongNameEntry\.order \| 0x45: long name part 5 of 5 "t" \|/);

    const lastBlock =
      (patient.clusterOffset(chain.at(-1) ?? 0) + patient.geometry.clusterSizeBytes) / 512 - 1;
    const bytesUsed = 9000 % patient.geometry.clusterSizeBytes;
    const slack = Math.min(512, patient.geometry.clusterSizeBytes - bytesUsed);
    expect(texts(lastBlock)).toMatch(`slack | ${slack} bytes of slack behind the end of /photos/b.jpg`);
  });

  test('tells slots behind the end of a directory from its entries', () => {
    const store = makeVolume(recipe);
    if (!store) return;
    const patient = new Patient(store);
    const [end = 0, , behind = 0] = patient.freeSlots('photos', 3);
    patient.put(behind, patient.bytes(patient.find('photos/a.jpg').offset, 32));
    const { fields } = annotate(store, Math.floor(end / 512));
    const textAt = (offset: number) => fields.find(({ offsetBytes }) => offsetBytes === offset % 512)?.text;
    expect(textAt(end)).toBe('end of the directory');
    expect(textAt(end + 32)).toBe('never used');
    expect(textAt(behind)).toBe('behind the end, not an entry');
  });

  test('a circular chain and a shared cluster belong to whoever comes first', () => {
    const store = makeVolume(recipe);
    if (!store) return;
    const patient = new Patient(store);
    const notes = patient.chain(patient.find('notes.txt').firstCluster);
    const other = patient.chain(patient.find('photos/b.jpg').firstCluster);
    patient.setFat(notes.at(-1) ?? 0, notes[0] ?? 0).setFat(other[0] ?? 0, notes[1] ?? 0);
    const found = regions(store);
    expectNoGaps(store, found);
    for (const cluster of notes) {
      expect(regionOf(found, patient.clusterOffset(cluster) / 512)?.owner).toBe('/notes.txt');
    }
    expect(regionOf(found, patient.clusterOffset(other[1] ?? 0) / 512)?.owner).toBe('lost clusters');
  });

  test('damage is shown, not thrown', () => {
    const healthy = makeVolume(recipe);
    if (!healthy) return;
    for (let seed = 0; seed < 60; seed++) {
      const store = healthy.fork();
      const patient = new Patient(store);
      const prng = new Prng(seed);
      const metadata = patient.clusterOffset(2) + 40 * patient.geometry.clusterSizeBytes;
      for (let i = 0; i < 30; i++)
        patient.put(seed < 20 ? prng.below(512) : prng.below(metadata), [prng.below(256)]);
      const index = new OwnerIndex(store);
      const found = regions(store, index);
      expectNoGaps(store, found);
      for (let i = 0; i < 20; i++) expectExplained(store, prng.below(metadata / 512), index);
    }
  });
});

test('a device without a volume is told as such', () => {
  const store = new Store({ blockSizeBytes: 512, blockCount: 100 });
  expect(regions(store)).toEqual([{ firstBlock: 0, blockCount: 100, role: 'reserved', owner: '' }]);
  expect(annotate(store, 0).title).toBe('Not a FAT volume: the boot sector does not end in 55 AA');
  expectExplained(store, 0, new OwnerIndex(store));
  expectExplained(store, 7, new OwnerIndex(store));
});
