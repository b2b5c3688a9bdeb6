import { expect, test } from 'vitest';
import { equalBytes } from '../../src/engine/base/bytes.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { fsck } from '../../src/engine/formats/apfs/fsck.ts';
import { ApfsDisk, INIT } from '../engine/formats/apfs/apfs-disk.ts';
import { LINK_CASES, LINK_REPAIR_CASES, LOST_IDS_CASE } from './apfs-cases.ts';
import { REFERENCE_CASES, REFERENCE_REPAIR_CASES } from './apfs-cases-volume.ts';
import { ApfsPatient, idNamed, linuxImage, put32, TYPE, typeOf, u64 } from './apfs-records.ts';
import { contentsOf, expectRepaired, imageOf, recordsOf, referencesOf, storeOf } from './apfs-repaired.ts';

/**
 * Goal: hard links and extent references are mended from what proves them, and nothing else changes.
 * Method: one damage at a time in what the Linux driver wrote; many at once in a volume of our own, with trees of several
 * levels. Afterwards apfsck and our own check find nothing, and records or contents are those from before the damage.
 */

test.each([...LINK_CASES, ...LINK_REPAIR_CASES, ...REFERENCE_CASES, ...REFERENCE_REPAIR_CASES])(
  'repaired: $name',
  ({ damage }) => {
    const patient = new ApfsPatient(linuxImage());
    const records = recordsOf(patient);
    const references = referencesOf(patient);
    damage(patient);
    const store = patient.store();
    expectRepaired(store);
    const after = new ApfsPatient(imageOf(store));
    expect(recordsOf(after)).toEqual(records);
    expect(referencesOf(after)).toEqual(references);
  },
);

test('names that have lost their ids get new ones, the lowest the one that the inode tells', () => {
  const patient = new ApfsPatient(linuxImage());
  const nextId = u64(patient.volume, 0xb0);
  LOST_IDS_CASE(patient);
  const store = patient.store();
  expectRepaired(store);
  const after = new ApfsPatient(imageOf(store));
  const links = after.all('catalog').filter((record) => typeOf(record) === TYPE.siblingLink);
  expect(links.map(({ key }) => u64(key, 8))).toEqual([nextId, nextId + 1, 93, 94]);
  expect(u64(after.volume, 0xb0)).toBe(nextId + 2);
  // The inode's own name is as it was: the first id went to it.
  expect(idNamed(after, 'link')).toBe(idNamed(patient, 'link'));
});

test('a catalog in doubt proves nothing: references stay', () => {
  const patient = new ApfsPatient(linuxImage());
  patient.remove('catalog', (record) => typeOf(record) === TYPE.extent && record.value[8] === 238);
  const store = patient.store();
  const before = imageOf(store);
  const { lines } = fsck(store, { repair: true });
  expect(lines).toContainEqual(
    expect.stringMatching(/left as they are: the fsroot tree, .* is doubtful \(dstream/),
  );
  expect(equalBytes(imageOf(store), before)).toBe(true);
});

const HOUSES = 150;

/** Files with two names each, in pieces and with holes; clones; a snapshot on the way. */
function town(): { image: Uint8Array; contents: string[] } {
  const disk = new ApfsDisk({ sizeBytes: 32 * 2 ** 20, policy: 'writeback' });
  const { volume } = disk;
  for (let i = 0; i < HOUSES; i++) {
    const node = volume.create(volume.root, `house ${i}`, INIT);
    for (const [at, length] of [
      [0, 5000],
      [16_384, 9000],
      [65_536, 100],
    ] as const) {
      volume.write(node, at, new Prng(i + at).bytes(length));
    }
    volume.link?.(node, volume.root, `door ${i}`);
    if (i % 2 === 0) volume.clone?.(node, volume.root, `copy ${i}`, null);
    if (i % 4 === 0) volume.write(node, 4096, new Prng(i).bytes(3000));
    volume.release(node);
    if (i === 70) volume.snapshots?.create('early');
  }
  const contents = contentsOf(disk);
  disk.unmount();
  return { image: imageOf(disk.store), contents };
}

/**
 * All ids of names and all sibling links are lost where no snapshot has them too; a link that is the first record of
 * its node tells a name that nobody has.
 */
function loseLinks(patient: ApfsPatient): void {
  patient.rewrite('catalog', (records) =>
    records
      .filter((record, i) => i === 0 || typeOf(record) !== TYPE.siblingLink)
      .map((record) => {
        if (typeOf(record) === TYPE.siblingLink) return { ...record, value: Uint8Array.from(STRAY_NAME) };
        if (typeOf(record) === TYPE.directory) return { ...record, value: record.value.slice(0, 18) };
        return record;
      }),
  );
}

/** In directory 2: '?'. */
const STRAY_NAME = [2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x3f, 0];

test('hundreds of records at once, nodes that split, a snapshot at hand', () => {
  const { image, contents } = town();
  const patient = new ApfsPatient(image);
  loseLinks(patient);
  let seen = 0;
  patient.rewrite('references', (records) => {
    for (const { value } of records) if (seen++ % 5 === 0) put32(value, 16, 9);
    return records.filter((_, i) => i === 0 || seen++ % 3 !== 0);
  });
  const store = patient.store();
  expectRepaired(store);
  const disk = new ApfsDisk({}, store);
  expect(contentsOf(disk)).toEqual(contents);
  // And life goes on: each name can go, and so can the snapshot.
  for (let i = 0; i < HOUSES; i += 3) disk.volume.remove(disk.volume.root, `house ${i}`);
  for (let i = 0; i < HOUSES; i += 2) disk.volume.remove(disk.volume.root, `door ${i}`);
  disk.volume.snapshots?.delete('early');
  expect(disk.remount()).toBe('');
  disk.unmount();
  expect(fsck(store, { repair: false }).findings).toEqual([]);
});

test('nodes in which nothing is left vanish from the catalog', () => {
  const disk = new ApfsDisk({ policy: 'writeback' });
  const { volume } = disk;
  const node = volume.create(volume.root, 'a', INIT);
  for (let i = 0; i < 300; i++) volume.link?.(node, volume.root, `name ${i}`);
  disk.unmount();
  const patient = new ApfsPatient(imageOf(disk.store));
  const idsOf = (one: ApfsPatient): number[] => one.leaves('catalog').map((leaf) => u64(one.block(leaf), 8));
  const before = idsOf(patient);
  loseLinks(patient);
  const store = patient.store();
  expectRepaired(store);
  const after = idsOf(new ApfsPatient(imageOf(store)));
  expect(before.filter((oid) => !after.includes(oid)).length).toBeGreaterThan(1);
  expect(after.filter((oid) => !before.includes(oid)).length).toBeGreaterThan(1);
});

test('a node that a snapshot shows too is copied, and the snapshot stays as it is', () => {
  const disk = new ApfsDisk({ sizeBytes: 32 * 2 ** 20, policy: 'writeback' }, storeOf(town().image));
  const { volume } = disk;
  const contents = contentsOf(disk);
  volume.snapshots?.create('late');
  // The last leaf, where new ids belong, is that of the snapshot still.
  for (let i = 0; i < HOUSES; i += 9) {
    volume.rename(volume.root, `house ${i}`, volume.root, `home ${i}`);
  }
  const renamed = contentsOf(disk);
  disk.unmount();
  const patient = new ApfsPatient(imageOf(disk.store));
  const last = patient.leaves('catalog').at(-1) ?? 0;
  loseLinks(patient);
  const store = patient.store();
  expectRepaired(store);
  expect(new ApfsPatient(imageOf(store)).leaves('catalog')).not.toContain(last);
  const repaired = new ApfsDisk({}, store);
  expect(contentsOf(repaired)).toEqual(renamed);
  const snapshot = repaired.container.mountVolume(0, { isReadOnly: true, snapshot: 'late' });
  expect(contentsOf(repaired, snapshot)).toEqual(contents);
});

test('trees of extent references are made as a whole, over several levels', () => {
  const { image, contents } = town();
  const patient = new ApfsPatient(image);
  const roots = [patient.root('references'), patient.snapshotReferences('early')];
  for (const root of roots) patient.block(root).fill(0xee, 64, 200);
  const store = patient.store();
  expectRepaired(store);
  const after = new ApfsPatient(imageOf(store));
  for (const root of [after.root('references'), after.snapshotReferences('early')]) {
    expect(after.leaves('references', root).length).toBeGreaterThan(1);
  }
  expect(contentsOf(new ApfsDisk({}, store))).toEqual(contents);
});
