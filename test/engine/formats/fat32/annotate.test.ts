import { describe, expect, test } from 'vitest';
import { annotate } from '../../../../src/engine/formats/fat32/annotate.ts';
import { regions } from '../../../../src/engine/formats/fat32/regions.ts';
import { Patient } from '../../../evil/patient.ts';
import { FLOPPY, LONG_NAME, SMALL_16, SMALL_32, makeVolume } from '../../../evil/volumes.ts';
import { expectNoGaps, regionOf, textsOf } from '../../../support/views.ts';
import { testBlankDevice, testDamageShown, testEveryByte } from '../fat-family/views.ts';
import { damage, VIEWS } from './views-support.ts';

/**
 * Goal: every block of a volume has one meaning and every byte of it is explained, on whatever volume.
 * Method: volumes of mkfs.vfat and mcopy. Regions are held against chains followed by the test's own simple reader,
 * annotations must cover each block without gap or overlap and agree with the regions.
 */
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

  testEveryByte(VIEWS, () => makeVolume(recipe), [1]);

  test('says where entries lead, what slots hold and where files end', () => {
    const store = makeVolume(recipe);
    if (!store) return;
    const patient = new Patient(store);
    const { firstCluster } = patient.find('photos/b.jpg');
    const chain = patient.chain(firstCluster);
    const texts = (block: number): string => textsOf(annotate(store, block));

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

  testDamageShown(VIEWS, () => makeVolume(recipe), damage(60));
});

testBlankDevice(VIEWS, 'a FAT', 'the boot sector does not end in 55 AA');
