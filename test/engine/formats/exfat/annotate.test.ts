import { describe, expect, test } from 'vitest';
import type { Device } from '../../../../src/engine/device/device.ts';
import { annotate } from '../../../../src/engine/formats/exfat/annotate.ts';
import { regions } from '../../../../src/engine/formats/exfat/regions.ts';
import { ExfatPatient } from '../../../evil/exfat-patient.ts';
import { LONG_NAME, ONE_SECTOR_CLUSTERS, SMALL_CLUSTERS, makeExfat } from '../../../evil/exfat-volumes.ts';
import { expectNoGaps, regionOf, textsOf as fieldTextsOf } from '../../../support/views.ts';
import { testBlankDevice, testDamageShown, testEveryByte } from '../fat-family/views.ts';
import { damage, VIEWS } from './views-support.ts';

/**
 * Goal: every block of a volume has one meaning and every byte of it is explained, on whatever volume.
 * Method: volumes of mkfs.exfat, filled by hand. Regions are held against clusters followed by the test's own reader,
 * annotations must cover each block without gap or overlap and agree with the regions.
 */
const textsOf = (device: Device, offset: number): string =>
  fieldTextsOf(annotate(device, Math.floor(offset / device.blockSizeBytes)));

describe.each([SMALL_CLUSTERS, ONE_SECTOR_CLUSTERS])('clusters of $clusterSizeBytes bytes', (recipe) => {
  test('regions say of every cluster what its file says', () => {
    const store = makeExfat(recipe);
    if (!store) return;
    const patient = new ExfatPatient(store);
    const found = regions(store);
    expectNoGaps(store, found);
    for (const path of [
      'notes.txt',
      'chained.bin',
      'photos/b.jpg',
      LONG_NAME,
      'photos',
      'photos/summer holidays',
    ]) {
      const role = path.includes('.') ? 'data' : 'directory';
      for (const cluster of patient.clustersOf(path)) {
        const region = regionOf(found, patient.clusterOffset(cluster) / 512);
        expect(region).toMatchObject({ role, owner: `/${path}` });
      }
    }
    expect(found.slice(0, 2)).toEqual([
      { firstBlock: 0, blockCount: 12, role: 'header', owner: 'Main boot region' },
      { firstBlock: 12, blockCount: 12, role: 'header', owner: 'Backup boot region' },
    ]);
    const { fatFirstSector, fatSizeSectors } = patient.geometry;
    expect(found).toContainEqual({
      firstBlock: fatFirstSector,
      blockCount: fatSizeSectors,
      role: 'allocation',
      owner: 'FAT',
    });
    expect(regionOf(found, patient.bitmapOffset / 512)).toMatchObject({
      role: 'allocation',
      owner: 'Allocation bitmap',
    });
    const table = patient.clusterOffset(patient.u32(patient.systemEntry(0x82) + 20));
    expect(regionOf(found, table / 512)).toMatchObject({ role: 'header', owner: 'Up-case table' });
    expect(regionOf(found, (patient.entries('')[0] ?? 0) / 512)).toMatchObject({
      role: 'directory',
      owner: '/',
    });
    const free = patient.freeRun(1, 500);
    expect(regionOf(found, patient.clusterOffset(free) / 512)).toMatchObject({ role: 'free', owner: '' });
  });

  test('bad and lost clusters are regions of their own', () => {
    const store = makeExfat(recipe);
    if (!store) return;
    const patient = new ExfatPatient(store);
    patient.setFat(600, 0xffff_fff7).setUsed(600, true).setUsed(601, true);
    const found = regions(store);
    expectNoGaps(store, found);
    expect(regionOf(found, patient.clusterOffset(600) / 512)?.role).toBe('bad');
    expect(regionOf(found, patient.clusterOffset(601) / 512)).toMatchObject({
      role: 'data',
      owner: 'lost clusters',
    });
    expect(regionOf(found, patient.clusterOffset(602) / 512)?.role).toBe('free');
    expect(annotate(store, patient.clusterOffset(600) / 512).role).toBe('bad');
    expect(annotate(store, patient.clusterOffset(601) / 512).owner).toBe('lost clusters');
  });

  testEveryByte(VIEWS, () => makeExfat(recipe), [1, 9]);

  test('says where entries lead, what bits and units mean, what entries hold and where files end', () => {
    const store = makeExfat(recipe);
    if (!store) return;
    const patient = new ExfatPatient(store);
    const [first = 0, second = 0] = patient.clustersOf('chained.bin');
    expect(textsOf(store, patient.fatOffset(first))).toMatch(
      `FAT[${first}] | cluster ${first} → ${second} | /chained.bin`,
    );
    const notes = patient.find('notes.txt').firstCluster;
    expect(textsOf(store, patient.fatOffset(notes))).toMatch(
      '/notes.txt, which is contiguous: this entry means nothing',
    );

    expect(textsOf(store, patient.bitmapOffset)).toMatch(
      /clusters 2 to 9 \| all used \| Allocation bitmap, /,
    );
    const table = patient.clusterOffset(patient.u32(patient.systemEntry(0x82) + 20));
    expect(textsOf(store, table)).toMatch('U+0061 a | becomes U+0041 A |');

    const { at, offsets, stream } = patient.find(LONG_NAME);
    expect(textsOf(store, at)).toMatch(/FileEntry\.entryType \| 0x85: file, 5 entries follow \|/);
    expect(textsOf(store, offsets[2] ?? 0)).toMatch('0xc1: name "A file with a l"');
    expect(textsOf(store, stream)).toMatch(/StreamEntry\.flags \| 0x3 allocation possible, no FAT chain \|/);

    expect(textsOf(store, 0)).toMatch('BootSector.clusterHeapOffset');
    expect(textsOf(store, 11 * 512)).toMatch(/BootChecksum \| 0x[0-9a-f]+, 128 times/);

    const end =
      patient.clusterOffset(patient.clustersOf('notes.txt').at(-1) ?? 0) + (10_000 % recipe.clusterSizeBytes);
    expect(textsOf(store, end)).toMatch(/slack \| \d+ bytes of slack behind the end of \/notes\.txt/);
  });

  test('bytes behind ValidDataLength are told as not yet written', () => {
    const store = makeExfat(recipe);
    if (!store) return;
    const patient = new ExfatPatient(store);
    patient.change('notes.txt', ({ stream }) => patient.putU64(stream + 8, 100));
    const texts = textsOf(store, patient.clusterOffset(patient.find('notes.txt').firstCluster));
    expect(texts).toMatch('data | bytes 0 to 99 of /notes.txt');
    expect(texts).toMatch('not yet written | bytes 100 to 511 of /notes.txt');
  });

  test('tells entries behind the end of a directory from its entries', () => {
    const store = makeExfat(recipe);
    if (!store) return;
    const patient = new ExfatPatient(store);
    const [end = 0, , behind = 0] = patient.freeEntries('photos', 3);
    patient.put(behind, patient.bytes(patient.find('photos/a.jpg').at, 32));
    const { fields } = annotate(store, Math.floor(end / 512));
    const textAt = (offset: number) => fields.find(({ offsetBytes }) => offsetBytes === offset % 512)?.text;
    expect(textAt(end)).toBe('end of the directory');
    expect(textAt(end + 32)).toBe('never used');
    expect(textAt(behind)).toBe('behind the end, not an entry');
  });

  testDamageShown(VIEWS, () => makeExfat(recipe), damage(45));
});

testBlankDevice(VIEWS, 'an exFAT', 'the boot sector does not say EXFAT');
