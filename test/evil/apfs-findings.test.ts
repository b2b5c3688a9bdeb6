import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/engine/device/store.ts';
import { fsck } from '../../src/engine/formats/apfs/fsck.ts';
import { findChecker, fsckApfs, imageFile } from '../support/checkers.ts';
import {
  DIRECTORY_CASES,
  INDEX_CASES,
  INODE_CASES,
  LINK_CASES,
  OTHER_CASES,
  REPAIR_CASES,
  STREAM_CASES,
  XATTR_CASES,
} from './apfs-cases.ts';
import { MAPPING_CASES, REFERENCE_CASES, SNAPSHOT_CASES, VOLUME_CASES } from './apfs-cases-volume.ts';
import {
  ApfsPatient,
  BLOCK,
  idNamed,
  linuxImage,
  put32,
  recordOf,
  TYPE,
  typeOf,
  u64,
} from './apfs-records.ts';

/** One damage at a time, of records that the Linux driver wrote: found by us, and by apfsck where it looks. */
const hasJudge = findChecker('apfsck') !== null;

const verdict = (patient: ApfsPatient): string => fsckApfs(imageFile(patient.image));

function verdictOf(store: Store): string {
  const bytes = new Uint8Array(store.blockCount * BLOCK);
  store.read(0, bytes);
  return fsckApfs(imageFile(bytes));
}

test('before any damage both find nothing', () => {
  const patient = new ApfsPatient(linuxImage());
  expect(fsck(patient.store(), { repair: false }).findings).toEqual([]);
  expect(verdict(patient)).toBe('');
});

test('taking nodes apart and putting them together again is no damage', () => {
  const patient = new ApfsPatient(linuxImage());
  for (const tree of ['catalog', 'references', 'snapshots', 'omap', 'omap snapshots'] as const) {
    for (const leaf of patient.leaves(tree)) patient.write(leaf, patient.records(leaf));
  }
  expect(fsck(patient.store(), { repair: false }).findings).toEqual([]);
  expect(verdict(patient)).toBe('');
});

describe.each([
  ['inodes', INODE_CASES],
  ['directories', DIRECTORY_CASES],
  ['hard links', LINK_CASES],
  ['attributes', XATTR_CASES],
  ['streams', STREAM_CASES],
  ['other records', OTHER_CASES],
  ['index nodes', INDEX_CASES],
  ['volume superblocks', VOLUME_CASES],
  ['snapshots', SNAPSHOT_CASES],
  ['extent references', REFERENCE_CASES],
  ['object maps', MAPPING_CASES],
])('%s', (_, cases) => {
  test.each(cases)('$name', ({ damage, kind, message, isSeen }) => {
    const patient = new ApfsPatient(linuxImage());
    damage(patient);
    const { findings, lines } = fsck(patient.store(), { repair: false });
    const said = findings.filter((finding) => finding.kind === kind).map((finding) => finding.message);
    expect(said, lines.join('\n')).toContainEqual(expect.stringContaining(message));
    if (hasJudge) expect(verdict(patient) !== '').toBe(isSeen);
  });
});

describe('numbers of a volume and of its records are repaired', () => {
  const cases = [
    ...VOLUME_CASES.filter(({ kind }) => kind === 'counter' || kind === 'allocation-count'),
    ...REPAIR_CASES,
  ];
  test.each(cases)('$name', ({ damage }) => {
    const patient = new ApfsPatient(linuxImage());
    damage(patient);
    const store = patient.store();
    const { findings, lines } = fsck(store, { repair: true });
    expect(findings.filter(({ isRepaired }) => !isRepaired)).toEqual([]);
    expect(lines.at(-1)).toMatch(/was repaired successfully\.$/);
    expect(fsck(store, { repair: false }).findings).toEqual([]);
    expect(verdictOf(store)).toBe('');
  });
});

test('several records of several nodes are repaired at once', () => {
  const patient = new ApfsPatient(linuxImage());
  const names = ['tail', 'empty', 'folder', 'sparse', 'new', 'pipe'];
  for (const name of names) {
    const id = idNamed(patient, name);
    patient.change('catalog', recordOf(TYPE.inode, id), ({ value }) => put32(value, 56, 9));
  }
  const store = patient.store();
  const { findings } = fsck(store, { repair: true });
  expect(findings.map(({ isRepaired }) => isRepaired)).toEqual(names.map(() => true));
  expect(verdictOf(store)).toBe('');
});

test('what a snapshot shares is told and not changed', () => {
  const patient = new ApfsPatient(linuxImage());
  // A node that the live state has in common with a snapshot.
  const shared = patient.leaves('catalog').find((leaf) => u64(patient.block(leaf), 16) <= 8);
  if (shared === undefined) throw new Error('every node is of the live state alone');
  const records = patient.records(shared);
  const inode = records.find((record) => typeOf(record) === TYPE.inode);
  if (!inode) throw new Error('no inode in the shared node');
  put32(inode.value, 56, 9);
  patient.write(shared, records);
  const store = patient.store();
  const before = store.version();
  const { findings, lines } = fsck(store, { repair: true });
  expect(findings.some(({ isRepaired }) => isRepaired)).toBe(false);
  expect(findings).not.toEqual([]);
  expect(lines.at(-1)).toMatch(/was found corrupt and needs to be repaired\.$/);
  expect(store.version()).toBe(before);
});
