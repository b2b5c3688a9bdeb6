import type { ApfsCase } from './apfs-cases.ts';
import { get32, metadataOf, nameRecordOf, put16, put32, put64, u64 } from './apfs-records.ts';
import type { ApfsPatient, PatientRecord } from './apfs-records.ts';

/** Superblocks, snapshots, object map and extent references of the Linux container, one thing wrong at a time. */

const volume =
  (change: (volume: Uint8Array) => void) =>
  (patient: ApfsPatient): void =>
    patient.changeVolume(change);

export const VOLUME_CASES: ApfsCase[] = [
  counter('files', 0xb8, 'apfs_num_files', true),
  counter('directories', 0xc0, 'apfs_num_directories', true),
  counter('symlinks', 0xc8, 'apfs_num_symlinks', true),
  counter('other files', 0xd0, 'apfs_num_other_fsobjects', true),
  counter('snapshots', 0xd8, 'apfs_num_snapshots', true),
  {
    name: 'a count of blocks that is none',
    damage: volume((bytes) => put64(bytes, 0x58, 7)),
    kind: 'allocation-count',
    message: 'apfs_fs_alloc_count (7) is not valid (expected ',
    isSeen: true,
  },
  {
    name: 'a next id that is in use',
    damage: volume((bytes) => put64(bytes, 0xb0, 60)),
    kind: 'counter',
    message: 'apfs_next_obj_id (60) is not valid (expected ',
    isSeen: true,
  },
  {
    name: 'a next document id below all that may be',
    damage: volume((bytes) => put32(bytes, 0x3c0, 1)),
    kind: 'volume',
    message: 'invalid next_doc_id (1)',
    isSeen: true,
  },
  {
    name: 'a place in the table of volumes that is another',
    damage: volume((bytes) => put32(bytes, 0x24, 1)),
    kind: 'volume',
    message: 'fs_index (1, expected 0)',
    isSeen: true,
  },
  {
    name: 'a magic that is none',
    damage: volume((bytes) => put32(bytes, 0x20, 1)),
    kind: 'volume',
    message: 'invalid magic (0x1)',
    isSeen: true,
  },
  {
    name: 'a feature that nobody knows',
    damage: volume((bytes) => put64(bytes, 0x28, u64(bytes, 0x28) + 0x40)),
    kind: 'volume',
    message: 'unknown optional features (0x42)',
    isSeen: true,
  },
  {
    name: 'case sensitivity said twice',
    damage: volume((bytes) => put64(bytes, 0x38, 9)),
    kind: 'volume',
    message: 'redundant flag for case sensitivity',
    isSeen: true,
  },
  {
    name: 'flags of encryption that contradict each other',
    damage: volume((bytes) => put64(bytes, 0x108, 9)),
    kind: 'volume',
    message: 'inconsistent encryption flags (0x9)',
    isSeen: true,
  },
  {
    name: 'a role that is none',
    damage: volume((bytes) => put16(bytes, 0x3c4, 3)),
    kind: 'volume',
    message: 'invalid role (0x3)',
    isSeen: true,
  },
  {
    name: 'a quota that is exceeded',
    damage: volume((bytes) => put64(bytes, 0x50, 3)),
    kind: 'volume',
    message: 'exceeded allocation quota',
    isSeen: true,
  },
  {
    name: 'more blocks freed than allocated',
    damage: volume((bytes) => put64(bytes, 0xe8, 1_000_000)),
    kind: 'volume',
    message: 'more blocks freed (1000000) than allocated',
    isSeen: true,
  },
  {
    name: 'a label that is missing',
    damage: volume((bytes) => bytes.fill(0, 0x2c0, 0x3c0)),
    kind: 'volume',
    message: 'label is missing',
    isSeen: true,
  },
  {
    name: 'nobody who formatted it',
    damage: volume((bytes) => bytes.fill(0, 0x110, 0x130)),
    kind: 'volume',
    message: 'formatted_by: nobody',
    isSeen: true,
  },
  {
    name: 'a modification of the future',
    damage: volume((bytes) => put64(bytes, 0x140 + 40, 1000)),
    kind: 'volume',
    message: 'modified_by 0: not in order (transaction 1000)',
    isSeen: true,
  },
  {
    name: 'a gap among those who modified it',
    damage: volume((bytes) => bytes.copyWithin(0x140 + 2 * 48, 0x140, 0x140 + 48)),
    kind: 'volume',
    message: 'modified_by 2: stands behind an empty entry',
    isSeen: true,
  },
  {
    name: 'a key of metadata of another version',
    damage: volume((bytes) => put16(bytes, 0x60, 4)),
    kind: 'volume',
    message: 'meta_crypto: version 4.0',
    isSeen: true,
  },
  {
    name: 'a type of a tree that is none',
    damage: volume((bytes) => put32(bytes, 0x78, 2)),
    kind: 'volume',
    message: 'extentref_tree_type (0x2, expected 0x40000002)',
    isSeen: true,
  },
  {
    name: 'a file extent tree on a volume without seal',
    damage: volume((bytes) => put64(bytes, 0x408, 67)),
    kind: 'volume',
    message: 'parts of a seal, but it is not sealed',
    isSeen: true,
  },
];

function counter(what: string, at: number, field: string, isSeen: boolean): ApfsCase {
  return {
    name: `a count of ${what} that is none`,
    damage: volume((bytes) => put64(bytes, at, u64(bytes, at) + 1)),
    kind: 'counter',
    message: `${field} (`,
    isSeen,
  };
}

const metadata =
  (change: (record: PatientRecord) => void) =>
  (patient: ApfsPatient): void =>
    patient.change('snapshots', metadataOf('first'), change);

const copy =
  (change: (bytes: Uint8Array) => void) =>
  (patient: ApfsPatient): void =>
    patient.changeBlock(patient.snapshotBlock('first'), change);

export const SNAPSHOT_CASES: ApfsCase[] = [
  {
    name: 'a metadata record without its name record',
    damage: (patient) => patient.remove('snapshots', nameRecordOf('first')),
    kind: 'snapshot',
    message: 'snapshot first (transaction 6): name record is missing',
    isSeen: true,
  },
  {
    name: 'a name record without its snapshot',
    damage: (patient) =>
      patient.change('snapshots', nameRecordOf('first'), ({ value }) => put64(value, 0, 7)),
    kind: 'snapshot',
    message: 'name "first": there is no snapshot of transaction 7',
    isSeen: true,
  },
  {
    name: 'names that differ',
    damage: metadata(({ value }) => value.set([0x46], 50)),
    kind: 'snapshot',
    message: 'snapshot First (transaction 6): name record says "first"',
    isSeen: true,
  },
  {
    name: 'a snapshot that the object map does not list',
    damage: (patient) => {
      patient.remove('omap snapshots', ({ key }) => u64(key, 0) === 6);
      patient.changeBlock(patient.omapBlock, (bytes) => put32(bytes, 0x24, 1));
    },
    kind: 'snapshot',
    message: 'snapshot first (transaction 6): object map does not list it',
    isSeen: true,
  },
  {
    name: 'a length of a name that is none',
    damage: metadata(({ value }) => put16(value, 48, 9)),
    kind: 'snapshot',
    message: 'name length 9, but 6 bytes of name',
    isSeen: true,
  },
  {
    name: 'a snapshot without an inode number',
    damage: metadata(({ value }) => put64(value, 32, 0)),
    kind: 'snapshot',
    message: 'has no inode number',
    isSeen: true,
  },
  {
    name: 'an inode number that a file has',
    damage: metadata(({ value }) => put64(value, 32, 20)),
    kind: 'snapshot',
    message: 'its inode number 20 is in use',
    isSeen: true,
  },
  {
    name: 'a type of its tree that is none',
    damage: metadata(({ value }) => put32(value, 40, 2)),
    kind: 'snapshot',
    message: 'type of the extent ref tree (0x2)',
    isSeen: true,
  },
  {
    name: 'a copy of the superblock with an object map',
    damage: copy((bytes) => put64(bytes, 0x80, 5)),
    kind: 'snapshot',
    message: 'copy of a snapshot has an object map',
    isSeen: true,
  },
  {
    name: 'a copy of the superblock with a snapshot tree',
    damage: copy((bytes) => put64(bytes, 0x98, 5)),
    kind: 'snapshot',
    message: 'copy of a snapshot has a snapshot metadata tree',
    isSeen: true,
  },
  {
    name: 'a count of files in the copy that is none',
    damage: copy((bytes) => put64(bytes, 0xb8, 1)),
    kind: 'counter',
    message: 'apfs_num_files (1) is not valid (expected ',
    isSeen: true,
  },
  {
    name: 'a next id in the copy that was in use then',
    damage: copy((bytes) => put64(bytes, 0xb0, 40)),
    kind: 'counter',
    message: 'apfs_next_obj_id (40) is not valid (expected ',
    isSeen: true,
  },
];

/** Change the reference of the extent at `block` in the live tree, or in that of a snapshot. */
const reference =
  (block: number, change: (record: PatientRecord) => void, snapshot?: string) =>
  (patient: ApfsPatient): void => {
    const root = snapshot === undefined ? patient.root('references') : patient.snapshotReferences(snapshot);
    patient.change('references', ({ key }) => get32(key, 0) === block, change, root);
  };

export const REFERENCE_CASES: ApfsCase[] = [
  {
    name: 'a count of references that is too large',
    damage: reference(238, ({ value }) => put32(value, 16, 2)),
    kind: 'reference-count',
    message:
      'volume 0: Cross Check : mismatch between extentref entry reference count (2) and calculated fsroot entry reference count (1) for extent (0xee + 1)',
    isSeen: true,
  },
  {
    name: 'a count of references in a snapshot that is too large',
    damage: reference(219, ({ value }) => put32(value, 16, 2), 'first'),
    kind: 'reference-count',
    message: 'volume 0, snapshot first: Cross Check : mismatch',
    isSeen: true,
  },
  {
    name: 'a difference that adds too much',
    damage: reference(170, ({ value }) => put32(value, 16, 1)),
    kind: 'reference-count',
    message: 'reference count (3) and calculated fsroot entry reference count (1) for extent (0xaa + 1)',
    isSeen: true,
  },
  {
    name: 'a difference of nothing',
    damage: reference(170, ({ value }) => put32(value, 16, 0)),
    kind: 'extent',
    message: 'count of references is 0',
    isSeen: true,
  },
  {
    name: 'a difference that an owner has',
    damage: reference(170, ({ value }) => put64(value, 8, 80)),
    kind: 'extent',
    message: 'UPDATE with an owner (0x50)',
    isSeen: true,
  },
  {
    name: 'new blocks without an owner',
    damage: reference(238, ({ value }) => value.fill(0xff, 8, 16)),
    kind: 'extent',
    message: 'NEW without an owner',
    isSeen: true,
  },
  {
    name: 'new blocks of a reserved owner',
    damage: reference(238, ({ value }) => put64(value, 8, 5)),
    kind: 'extent',
    message: 'reserved owner (5)',
    isSeen: true,
  },
  {
    name: 'an owner that was never made',
    damage: reference(238, ({ value }) => put64(value, 8, 5000)),
    kind: 'counter',
    message: 'apfs_next_obj_id (',
    isSeen: true,
  },
  {
    name: 'a kind that is none',
    damage: reference(238, ({ value }) => value.set([0x30], 7)),
    kind: 'extent',
    message: 'invalid kind (3)',
    isSeen: true,
  },
  {
    name: 'an extent without blocks',
    damage: reference(238, ({ value }) => put32(value, 0, 0)),
    kind: 'extent',
    message: 'has no blocks',
    isSeen: true,
  },
  {
    name: 'a difference of blocks that nobody has',
    damage: reference(171, ({ key }) => put32(key, 0, 200)),
    kind: 'extent',
    message: 'UPDATE of blocks that no older extent has (0xc8 + 1)',
    isSeen: true,
  },
  {
    name: 'new blocks that an older tree has',
    damage: reference(238, ({ key, value }) => {
      put32(key, 0, 239);
      put64(value, 8, 96);
    }),
    kind: 'reference-count',
    message: 'no physical extent covers what 1 stream holds (0xee + 1)',
    isSeen: true,
  },
  {
    name: 'an extent whose reference is missing',
    damage: (patient) => patient.remove('references', ({ key }) => get32(key, 0) === 238),
    kind: 'reference-count',
    message: 'no physical extent covers what 1 stream holds (0xee + 1)',
    isSeen: true,
  },
  {
    name: 'one block taken twice',
    damage: reference(238, ({ key }) => put32(key, 0, 237)),
    kind: 'reference-count',
    message: 'reference count (1) and calculated fsroot entry reference count (0) for extent (0xed + 1)',
    isSeen: true,
  },
  {
    name: 'an extent that lies on the next',
    damage: reference(235, ({ value }) => put32(value, 0, 2)),
    kind: 'extent',
    message: 'lies on the extent before it',
    isSeen: true,
  },
];

/** Damages of the live tree that go beyond one record. */
export const REFERENCE_REPAIR_CASES: readonly Pick<ApfsCase, 'name' | 'damage'>[] = [
  { name: 'an extent that is too long', damage: reference(238, ({ value }) => put32(value, 0, 3)) },
  { name: 'a length beyond the container', damage: reference(238, ({ value }) => put32(value, 0, 90_000)) },
  {
    name: 'a value that is cut off',
    damage: reference(238, (record) => (record.value = record.value.slice(0, 9))),
  },
  {
    name: 'a difference that is missing',
    damage: (patient) => patient.remove('references', ({ key }) => get32(key, 0) === 171),
  },
  {
    name: 'a reference to blocks that no file has',
    damage: (patient) => {
      const record = patient.find('references', ({ key }) => get32(key, 0) === 238);
      put32(record.key, 0, 1500);
      patient.insert('references', record);
    },
  },
  {
    name: 'all references are missing',
    damage: (patient) => {
      const root = patient.root('references');
      const count = patient.records(root).length;
      for (let i = 0; i < count; i++) patient.remove('references', () => true);
    },
  },
  {
    name: 'a tree that cannot be read',
    damage: (patient) => patient.block(patient.root('references')).fill(0xee, 100, 140),
  },
];

const mapping =
  (oid: number, xid: number, change: (record: PatientRecord) => void) =>
  (patient: ApfsPatient): void =>
    patient.change('omap', ({ key }) => u64(key, 0) === oid && u64(key, 8) === xid, change);

export const MAPPING_CASES: ApfsCase[] = [
  {
    name: 'a version that is no node',
    damage: (patient) =>
      patient.insertAfter('omap', ({ key }) => u64(key, 0) === 0x467, {
        key: Uint8Array.from([0x67, 4, 0, 0, 0, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0]),
        value: Uint8Array.from([0, 0, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
      }),
    kind: 'checksum',
    message: 'block 0x100 has a wrong checksum',
    isSeen: true,
  },
  {
    name: 'a version between two snapshots that none of them sees',
    damage: (patient) => {
      patient.insertAfter('omap', ({ key }) => u64(key, 0) === 0x403 && u64(key, 8) === 6, {
        key: Uint8Array.from([3, 4, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]),
        value: Uint8Array.from([0, 0, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
      });
    },
    kind: 'omap',
    message: 'object 0x403 of 7: nothing uses this version',
    isSeen: true,
  },
  {
    name: 'a version that is deleted and still in use',
    damage: mapping(0x467, 2, ({ value }) => put32(value, 0, 1)),
    kind: 'omap',
    message: 'it is deleted and still in use',
    isSeen: true,
  },
  {
    name: 'a version that is missing',
    damage: (patient) => patient.remove('omap', ({ key }) => u64(key, 0) === 0x467),
    kind: 'tree',
    message: 'no such object',
    isSeen: true,
  },
  {
    name: 'a version of another transaction than its node',
    damage: mapping(0x467, 2, ({ key }) => put64(key, 8, 3)),
    kind: 'tree',
    message: 'invalid o_xid (2, expected 3)',
    isSeen: true,
  },
];
