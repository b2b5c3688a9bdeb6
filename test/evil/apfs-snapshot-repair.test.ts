import { describe, expect, test } from 'vitest';
import { equalBytes } from '../../src/engine/base/bytes.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { fsck } from '../../src/engine/formats/apfs/fsck.ts';
import { ApfsDisk, INIT } from '../engine/formats/apfs/apfs-disk.ts';
import { ApfsPatient, linuxImage, put32, put64, TYPE, typeOf, u64 } from './apfs-records.ts';
import type { PatientRecord } from './apfs-records.ts';
import { contentsOf, expectRepaired, imageOf, referencesOf } from './apfs-repaired.ts';

/**
 * Goal: extent references of snapshots are mended from what proves them, the file extents of each snapshot's catalog,
 * and newer states are judged by what the older ones will say.
 * Method: one damage at a time in the tree of the oldest, the middle and the newest of three snapshots, and some in all
 * of them. Afterwards apfsck and our own check find nothing, every tree says of every block what it said before, every
 * state has its contents, and the snapshots can still be deleted, the middle one first.
 */

const SNAPSHOTS = ['oldest', 'middle', 'newest'] as const;
const BLOCK_BYTES = 4096;

/** Between two snapshots some files are cloned, some overwritten in part, some removed, some new. */
function threeSnapshots(): { image: Uint8Array; contents: string[][] } {
  const disk = new ApfsDisk({ policy: 'writeback' });
  const { volume } = disk;
  for (const [age, name] of [...SNAPSHOTS, null].entries()) {
    for (let i = 0; i < 6; i++) {
      const node = volume.create(volume.root, `file ${age}-${i}`, INIT);
      volume.write(node, 0, new Prng(10 * age + i).bytes(3 * BLOCK_BYTES));
      if (i < 3) volume.clone?.(node, volume.root, `clone ${age}-${i}`, null);
      if (i === 0) volume.write(node, BLOCK_BYTES, new Prng(i).bytes(BLOCK_BYTES));
      volume.release(node);
    }
    if (age > 0) changeOlder(disk, age);
    if (name !== null) volume.snapshots?.create(name);
  }
  const contents = contentsOfAll(disk);
  disk.unmount();
  return { image: imageOf(disk.store), contents };
}

function changeOlder({ volume }: ApfsDisk, age: number): void {
  for (let older = 0; older < age; older++) {
    volume.remove(volume.root, `file ${older}-${2 + age}`);
    const node = volume.lookup(volume.root, `clone ${older}-${age - 1}`);
    if (node === undefined) throw new Error('the clone is there');
    volume.write(node, 2 * BLOCK_BYTES, new Prng(age).bytes(BLOCK_BYTES));
    volume.clone?.(node, volume.root, `clone ${older}-${age - 1} of ${age}`, null);
    volume.write(node, 0, new Prng(age + 7).bytes(100));
  }
}

/** Of every snapshot, and of the live volume. */
function contentsOfAll(disk: ApfsDisk): string[][] {
  const states = SNAPSHOTS.map((snapshot) => {
    const view = disk.container.mountVolume(0, { isReadOnly: true, snapshot });
    const contents = contentsOf(disk, view);
    view.unmount();
    return contents;
  });
  return [...states, contentsOf(disk)];
}

const made = threeSnapshots();

const NEW = 1;
const UPDATE = 2;
const kindOf = ({ value }: PatientRecord): number => (value[7] ?? 0) >>> 4;
const lengthOf = ({ value }: PatientRecord): number => u64(value.with(7, 0), 0);

/** Change the middle one of the records of a kind. */
const reference =
  (kind: number, change: (record: PatientRecord) => void) =>
  (patient: ApfsPatient, root: number): void => {
    const records = patient.all('references', root).filter((record) => kindOf(record) === kind);
    const { key } = middleOf(records);
    patient.change('references', (record) => equalBytes(record.key, key), change, root);
  };

const lost =
  (kind: number) =>
  (patient: ApfsPatient, root: number): void => {
    const records = patient.all('references', root).filter((record) => kindOf(record) === kind);
    const { key } = middleOf(records);
    patient.remove('references', (record) => equalBytes(record.key, key), root);
  };

function middleOf(records: readonly PatientRecord[]): PatientRecord {
  const record = records[records.length >> 1];
  if (!record) throw new Error('the tree has records of this kind');
  return record;
}

/** A record like one of `kind`, of blocks behind all others. */
const extra =
  (kind: number) =>
  (patient: ApfsPatient, root: number): void => {
    const records = patient.all('references', root);
    const record = middleOf(records.filter((one) => kindOf(one) === kind));
    const last = records.at(-1) ?? record;
    const stray = { key: record.key.slice(), value: record.value.slice() };
    put32(stray.key, 0, 1200);
    patient.insertAfter('references', ({ key }) => equalBytes(key, last.key), stray, root);
  };

interface Damage {
  readonly name: string;
  readonly damage: (patient: ApfsPatient, root: number) => void;
}

const DAMAGES: readonly Damage[] = [
  { name: 'a count that is too large', damage: reference(NEW, ({ value }) => put32(value, 16, 7)) },
  { name: 'a count of nothing', damage: reference(NEW, ({ value }) => put32(value, 16, 0)) },
  { name: 'a record that is missing', damage: lost(NEW) },
  { name: 'a record of blocks that no file has', damage: extra(NEW) },
  { name: 'no owner', damage: reference(NEW, ({ value }) => value.fill(0xff, 8, 16)) },
  { name: 'a reserved owner', damage: reference(NEW, ({ value }) => put64(value, 8, 5)) },
  { name: 'an owner that was never made', damage: reference(NEW, ({ value }) => put64(value, 8, 5000)) },
  { name: 'a kind that is none', damage: reference(NEW, ({ value }) => value.set([0x30], 7)) },
  {
    name: 'an extent that is too long',
    damage: reference(NEW, (record) => put32(record.value, 0, lengthOf(record) + 1)),
  },
  {
    name: 'a tree that cannot be read',
    damage: (patient, root) => patient.block(root).fill(0xee, 100, 140),
  },
  {
    name: 'all records are missing',
    damage: (patient, root) => {
      for (const _ of patient.all('references', root)) patient.remove('references', () => true, root);
    },
  },
];

/** The oldest tree has no differences. */
const DIFFERENCE_DAMAGES: readonly Damage[] = [
  { name: 'a wrong difference', damage: reference(UPDATE, ({ value }) => put32(value, 16, 3)) },
  { name: 'a difference that is missing', damage: lost(UPDATE) },
  { name: 'a difference of blocks that nobody has', damage: extra(UPDATE) },
  { name: 'a difference with an owner', damage: reference(UPDATE, ({ value }) => put64(value, 8, 20)) },
];

describe.each([
  ['oldest', DAMAGES],
  ['middle', [...DAMAGES, ...DIFFERENCE_DAMAGES]],
  ['newest', [...DAMAGES, ...DIFFERENCE_DAMAGES]],
] as const)('in the %s snapshot', (snapshot, damages) => {
  test.each(damages)('repaired: $name', ({ damage }) => {
    const patient = new ApfsPatient(made.image.slice());
    const references = referencesOf(patient);
    damage(patient, patient.snapshotReferences(snapshot));
    const store = patient.store();
    const { findings } = fsck(store, { repair: false });
    // Newer states do not repeat what is wrong in an older one.
    const others = SNAPSHOTS.filter((name) => name !== snapshot);
    expect(findings.filter(({ message }) => others.some((name) => message.includes(name)))).toEqual([]);
    expectRepaired(store);
    expect(referencesOf(new ApfsPatient(imageOf(store)))).toEqual(references);
    expectAlive(new ApfsDisk({}, store));
  });
});

function expectAlive(disk: ApfsDisk): void {
  expect(contentsOfAll(disk)).toEqual(made.contents);
  for (const name of ['middle', 'oldest', 'newest']) {
    disk.volume.snapshots?.delete(name);
    expect(disk.remount()).toBe('');
  }
  expect(contentsOf(disk)).toEqual(made.contents.at(-1));
}

test('the trees of all snapshots, and the live one, at once', () => {
  const patient = new ApfsPatient(made.image.slice());
  const references = referencesOf(patient);
  const roots = SNAPSHOTS.map((name) => patient.snapshotReferences(name));
  for (const root of [...roots, patient.root('references')]) {
    lost(NEW)(patient, root);
    reference(NEW, ({ value }) => put32(value, 16, 3))(patient, root);
  }
  const store = patient.store();
  expectRepaired(store);
  expect(referencesOf(new ApfsPatient(imageOf(store)))).toEqual(references);
  expectAlive(new ApfsDisk({}, store));
});

test('blocks that only a snapshot holds, and no record covers, are given to nobody', () => {
  const patient = new ApfsPatient(linuxImage());
  // 219 is free again in the newest snapshot and in the live volume.
  patient.remove(
    'references',
    ({ key }) => u64(key.with(7, 0), 0) === 219,
    patient.snapshotReferences('first'),
  );
  const store = patient.store();
  const { findings } = fsck(store, { repair: false });
  expect(findings.filter(({ kind }) => kind === 'leaked-blocks' || kind === 'double-use')).toEqual([]);
  expectRepaired(store);
});

test('where the catalog of a snapshot is in doubt, its references and all newer ones stay', () => {
  const patient = new ApfsPatient(linuxImage());
  patient.change(
    'references',
    ({ key }) => u64(key.with(7, 0), 0) === 219,
    ({ value }) => put32(value, 16, 2),
    patient.snapshotReferences('first'),
  );
  // A leaf that both snapshots show.
  const xid = u64(patient.block(patient.snapshotBlock('first')), 16);
  const leaf = patient
    .leaves('catalog')
    .filter((block) => u64(patient.block(block), 16) <= xid)
    .find((block) => patient.records(block).some((record) => typeOf(record) === TYPE.extent));
  if (leaf === undefined) throw new Error('the snapshots share a leaf with extents');
  const records = patient.records(leaf);
  const extent = records.find((record) => typeOf(record) === TYPE.extent);
  if (extent) put64(extent.value, 8, 90_000);
  patient.write(leaf, records);
  const store = patient.store();
  const before = imageOf(store);
  const { lines } = fsck(store, { repair: true });
  expect(lines).toContainEqual(
    expect.stringMatching(/snapshot first: its extent references are left as they are: the fsroot tree/),
  );
  expect(equalBytes(imageOf(store), before)).toBe(true);
});
