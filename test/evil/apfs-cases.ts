import { viewOf } from '../../src/engine/base/bytes.ts';
import {
  ApfsPatient,
  fieldAt,
  firstOf,
  get32,
  idNamed,
  linkNamed,
  put16,
  put32,
  put64,
  recordOf,
  TYPE,
  u64,
  xattrNamed,
} from './apfs-records.ts';
import type { PatientRecord } from './apfs-records.ts';

/** One thing wrong at a time. */
export interface ApfsCase {
  readonly name: string;
  readonly damage: (patient: ApfsPatient) => void;
  readonly kind: string;
  /** Part of the finding's message. */
  readonly message: string;
  /** apfsck sees it too. */
  readonly isSeen: boolean;
}

const FILE = 'name-30';

/** Change the inode of a name of the live state. */
const inode =
  (name: string, change: (value: Uint8Array, record: PatientRecord) => void) =>
  (patient: ApfsPatient): void =>
    patient.change('catalog', recordOf(TYPE.inode, idNamed(patient, name)), (record) =>
      change(record.value, record),
    );

const link =
  (name: string, change: (value: Uint8Array, record: PatientRecord) => void) =>
  (patient: ApfsPatient): void =>
    patient.change('catalog', linkNamed(name), (record) => change(record.value, record));

const xattr =
  (name: string, change: (record: PatientRecord) => void) =>
  (patient: ApfsPatient): void =>
    patient.change('catalog', xattrNamed(name), change);

/** The id of the stream of a file. */
const streamOf = (patient: ApfsPatient, name: string): number =>
  u64(patient.find('catalog', recordOf(TYPE.inode, idNamed(patient, name))).value, 8);

const ofStream =
  (type: number, name: string, change: (value: Uint8Array, record: PatientRecord) => void) =>
  (patient: ApfsPatient): void =>
    patient.change('catalog', recordOf(type, streamOf(patient, name)), (record) =>
      change(record.value, record),
    );

const addFlags = (value: Uint8Array, bits: number): void => put32(value, 48, get32(value, 48) | bits);
const dropFlags = (value: Uint8Array, bits: number): void => put32(value, 48, get32(value, 48) & ~bits);
const cut = (bytes: Uint8Array, by: number): Uint8Array => bytes.slice(0, bytes.length - by);

export const INODE_CASES: ApfsCase[] = [
  {
    name: 'a link count that is none',
    damage: inode(FILE, (value) => put32(value, 56, 2)),
    kind: 'link-count',
    message: 'nlink (2) does not match drec count (1)',
    isSeen: true,
  },
  {
    name: 'a count of children that is none',
    damage: inode('empty', (value) => put32(value, 56, 7)),
    kind: 'directory',
    message: 'nchildren (7) does not match drec count (0)',
    isSeen: true,
  },
  {
    name: 'a parent that is another',
    damage: inode(FILE, (value) => put64(value, 0, 2)),
    kind: 'inode',
    message: 'parent id (2, expected 16)',
    isSeen: true,
  },
  {
    name: 'the private directory for a parent',
    damage: inode(FILE, (value) => put64(value, 0, 3)),
    kind: 'inode',
    message: 'parent is the private directory',
    isSeen: true,
  },
  {
    name: 'a name that is another',
    damage: inode(FILE, (value) => value.set([0x4e], fieldAt(value, 4))),
    kind: 'inode',
    message: `its only name is "${FILE}"`,
    isSeen: true,
  },
  {
    name: 'a name field of another type',
    damage: inode(FILE, (value) => value.set([9], fieldEntry(value, 4))),
    kind: 'inode',
    message: 'extended fields: invalid type 9',
    isSeen: true,
  },
  {
    name: 'a name field with wrong flags',
    damage: inode(FILE, (value) => value.set([0], fieldEntry(value, 4) + 1)),
    kind: 'inode',
    message: 'extended fields: name: wrong flags (0x0)',
    isSeen: true,
  },
  {
    name: 'padding of a field that is not zero',
    damage: inode('device', (value) => value.set([1], fieldAt(value, 14) + 5)),
    kind: 'inode',
    message: 'device number: padding is not zero',
    isSeen: true,
  },
  {
    name: 'a size of fields that is none',
    damage: inode(FILE, (value) => put16(value, 94, 8)),
    kind: 'inode',
    message: 'extended fields: wrong size of values (8, expected ',
    isSeen: true,
  },
  {
    name: 'a field that ends beyond the record',
    damage: inode(FILE, (value) => put16(value, fieldEntry(value, 4) + 2, 4000)),
    kind: 'inode',
    message: 'of 4000 bytes does not fit',
    isSeen: true,
  },
  {
    name: 'a mode of no type',
    damage: inode('pipe', (value) => put16(value, 80, 0o7000)),
    kind: 'inode',
    message: 'invalid mode (07000)',
    isSeen: true,
  },
  {
    name: 'a type that is not that of the name',
    damage: inode('pipe', (value) => put16(value, 80, 0o140644)),
    kind: 'directory',
    message: 'type (1, expected 12) is not that of the inode',
    isSeen: true,
  },
  {
    name: 'an internal flag that has no meaning',
    damage: inode(FILE, (value) => addFlags(value, 0x20)),
    kind: 'inode',
    message: 'unknown internal flags',
    isSeen: true,
  },
  {
    name: 'flags of a resource fork that contradict each other',
    damage: inode(FILE, (value) => addFlags(value, 0xc000)),
    kind: 'inode',
    message: 'incompatible resource fork flags',
    isSeen: true,
  },
  {
    name: 'a flag of a resource fork that is not there',
    damage: inode(FILE, (value) => {
      dropFlags(value, 0x8000);
      addFlags(value, 0x4000);
    }),
    kind: 'xattr',
    message: 'flag of a resource fork, but it has none',
    isSeen: true,
  },
  {
    name: 'a flag of an access control list that is not there',
    damage: inode(FILE, (value) => addFlags(value, 0x40)),
    kind: 'xattr',
    message: 'flag of an access control list, but it has none',
    isSeen: true,
  },
  {
    name: 'a flag of Finder information that is not there',
    damage: inode(FILE, (value) => addFlags(value, 0x100)),
    kind: 'xattr',
    message: 'wrong flag for Finder info',
    isSeen: true,
  },
  {
    name: 'a flag of purgeable files on one that is none',
    damage: inode(FILE, (value) => addFlags(value, 0x8_0000)),
    kind: 'xattr',
    message: 'wrong flag for being purgeable',
    isSeen: true,
  },
  {
    name: 'a sparse file without its flag',
    damage: inode('sparse', (value) => dropFlags(value, 0x200)),
    kind: 'inode',
    message: 'wrong flag for sparse bytes',
    isSeen: true,
  },
  {
    name: 'sparse bytes that are none',
    damage: inode('sparse', (value) => put64(value, fieldAt(value, 13), 4096)),
    kind: 'dstream',
    message: 'sparse bytes (4096, expected 40960)',
    isSeen: true,
  },
  {
    name: 'a clone that never was one',
    damage: inode('clone', (value) => dropFlags(value, 0x410)),
    kind: 'inode',
    message: 'but never cloned',
    isSeen: true,
  },
  {
    name: 'a protection class that does not exist',
    damage: inode(FILE, (value) => put32(value, 60, 5)),
    kind: 'inode',
    message: 'invalid default protection class (5)',
    isSeen: true,
  },
  {
    name: 'padding that is not zero',
    damage: inode(FILE, (value) => put16(value, 82, 1)),
    kind: 'inode',
    message: 'padding is not zero',
    isSeen: true,
  },
  {
    name: 'an uncompressed size without its flag',
    damage: inode(FILE, (value) => put64(value, 84, 5)),
    kind: 'inode',
    message: 'uncompressed size (5) without its flag',
    isSeen: true,
  },
  {
    name: 'a compressed file without what it was made from',
    damage: inode(FILE, (value) => put32(value, 68, 0x20)),
    kind: 'xattr',
    message: 'compressed, but without com.apple.decmpfs',
    isSeen: true,
  },
  {
    name: 'an inode that is cut off',
    damage: inode(FILE, (_, record) => (record.value = record.value.slice(0, 80))),
    kind: 'inode',
    message: 'value is too small',
    isSeen: true,
  },
  {
    name: 'a missing inode',
    damage: (patient) => patient.remove('catalog', recordOf(TYPE.inode, idNamed(patient, 'pipe'))),
    kind: 'directory',
    message: 'is missing',
    isSeen: true,
  },
  {
    name: 'a root directory that is missing',
    damage: (patient) => patient.remove('catalog', recordOf(TYPE.inode, 3)),
    kind: 'inode',
    message: 'the private-dir directory (id 3) is missing',
    isSeen: true,
  },
];

/** Where the table entry of an extended field of an inode lies. */
function fieldEntry(value: Uint8Array, type: number): number {
  const count = viewOf(value).getUint16(92, true);
  for (let i = 0; i < count; i++) if (value[96 + 4 * i] === type) return 96 + 4 * i;
  throw new Error(`no extended field ${type}`);
}

export const DIRECTORY_CASES: ApfsCase[] = [
  {
    name: 'a missing name',
    damage: (patient) => patient.remove('catalog', linkNamed(FILE)),
    kind: 'directory',
    message: 'no directory record leads to it',
    isSeen: true,
  },
  {
    name: 'a hash that is none',
    damage: link(FILE, (_, { key }) => put32(key, 8, (get32(key, 8) ^ 0x400) >>> 0)),
    kind: 'name-hash',
    message: 'invalid hash (0x',
    isSeen: true,
  },
  {
    name: 'a length of a name that is none',
    damage: link(FILE, (_, { key }) => put32(key, 8, get32(key, 8) + 1)),
    kind: 'tree',
    message: 'name length 9, but 8 bytes of name',
    isSeen: true,
  },
  {
    name: 'a name without its end',
    damage: link(FILE, (_, { key }) => key.set([0x41], key.length - 1)),
    kind: 'tree',
    message: 'name without NUL at its end',
    isSeen: true,
  },
  {
    name: 'a name that is not UTF-8',
    damage: link(FILE, (_, { key }) => key.set([0xff], 12)),
    kind: 'directory',
    message: 'name is not UTF-8',
    isSeen: true,
  },
  {
    name: 'a name that leads to another file',
    damage: (patient) => {
      const other = idNamed(patient, 'name-31');
      link(FILE, (value) => put64(value, 0, other))(patient);
    },
    kind: 'link-count',
    message: 'nlink (1) does not match drec count (2)',
    isSeen: true,
  },
  {
    name: 'a type of a name that is none',
    damage: link(FILE, (value) => put16(value, 16, 4)),
    kind: 'directory',
    message: 'type (4, expected 8) is not that of the inode',
    isSeen: true,
  },
  {
    name: 'flags of a name that have no meaning',
    damage: link(FILE, (value) => put16(value, 16, 8 | 0x400)),
    kind: 'directory',
    message: 'unknown flags (0x408)',
    isSeen: true,
  },
  {
    name: 'a purgeable name where none may be',
    damage: link(FILE, (value) => put16(value, 16, 5 | 0x200)),
    kind: 'directory',
    message: 'purgeable outside of the purgeable directory',
    isSeen: true,
  },
  {
    name: 'two names that only case tells apart',
    damage: (patient) => {
      const { key, value } = patient.find('catalog', linkNamed(FILE));
      patient.remove('catalog', linkNamed(FILE));
      const twin = { key: key.slice(), value: patient.find('catalog', linkNamed('name-31')).value };
      twin.key.set(new TextEncoder().encode('nAme-30'), 12);
      patient.change('catalog', linkNamed('name-31'), (record) => (record.value = value));
      patient.insert('catalog', twin);
      patient.insertAfter('catalog', linkNamed('nAme-30'), { key, value });
    },
    kind: 'directory',
    message: 'the same name as "nAme-30"',
    isSeen: true,
  },
  {
    name: 'folders below each other',
    damage: (patient) => {
      const folder = idNamed(patient, 'folder');
      const empty = idNamed(patient, 'empty');
      for (const [name, id, parent] of [
        ['folder', folder, empty],
        ['empty', empty, folder],
      ] as const) {
        const record = patient.find('catalog', linkNamed(name));
        patient.remove('catalog', linkNamed(name));
        put32(record.key, 0, parent);
        patient.insert('catalog', record);
        patient.change('catalog', recordOf(TYPE.inode, id), ({ value }) => {
          put64(value, 0, parent);
          put32(value, 56, get32(value, 56) + 1);
        });
      }
      patient.change('catalog', recordOf(TYPE.inode, 2), ({ value }) =>
        put32(value, 56, get32(value, 56) - 2),
      );
    },
    kind: 'directory',
    message: 'is below itself',
    isSeen: false,
  },
  {
    name: 'extended fields of a name that are cut off',
    damage: link('link', (_, record) => (record.value = cut(record.value, 4))),
    kind: 'directory',
    message: 'extended fields: wrong size (12, expected 16 for one field)',
    isSeen: true,
  },
];

const siblingOf =
  (change: (value: Uint8Array, record: PatientRecord) => void) =>
  (patient: ApfsPatient): void =>
    patient.change('catalog', firstOf(TYPE.siblingLink), (record) => change(record.value, record));

export const LINK_CASES: ApfsCase[] = [
  {
    name: 'a sibling link that is missing',
    damage: (patient) => patient.remove('catalog', firstOf(TYPE.siblingLink)),
    kind: 'link-count',
    message: 'is missing',
    isSeen: true,
  },
  {
    name: 'a sibling map that is missing',
    damage: (patient) => patient.remove('catalog', firstOf(TYPE.siblingMap)),
    kind: 'link-count',
    message: 'sibling map is missing',
    isSeen: true,
  },
  {
    name: 'a sibling map to another file',
    damage: (patient) =>
      patient.change('catalog', firstOf(TYPE.siblingMap), ({ value }) =>
        put64(value, 0, idNamed(patient, 'big')),
      ),
    kind: 'link-count',
    message: 'sibling map leads to inode',
    isSeen: true,
  },
  {
    name: 'a sibling link in another directory',
    damage: siblingOf((value) => put64(value, 0, 3)),
    kind: 'link-count',
    message: 'parent id (3, expected',
    isSeen: true,
  },
  {
    name: 'a sibling link of another name',
    damage: siblingOf((value) => value.set([0x58], 10)),
    kind: 'link-count',
    message: 'name is not that of drec',
    isSeen: true,
  },
  {
    name: 'a name without the id of its sibling link',
    damage: link('link', (_, record) => (record.value = record.value.slice(0, 18))),
    kind: 'link-count',
    message: 'no directory record has this id',
    isSeen: true,
  },
  {
    name: 'a name of a sibling link that is cut off',
    damage: siblingOf((_, record) => (record.value = cut(record.value, 1))),
    kind: 'link-count',
    message: 'bytes of name',
    isSeen: true,
  },
];

const STRAY_ID = 5000;

/** A name that no file has. */
const strayLink = (fileId: number): PatientRecord => {
  const key = new Uint8Array(16);
  put64(key, 0, fileId);
  key.set([TYPE.siblingLink << 4], 7);
  put64(key, 8, STRAY_ID);
  return { key, value: Uint8Array.from([16, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x78, 0]) };
};

const strayMap = (fileId: number): PatientRecord => {
  const key = new Uint8Array(8);
  put64(key, 0, STRAY_ID);
  key.set([TYPE.siblingMap << 4], 7);
  const value = new Uint8Array(8);
  put64(value, 0, fileId);
  return { key, value };
};

/** Damages of hard links that leave more wrong than one finding says. */
export const LINK_REPAIR_CASES: readonly Pick<ApfsCase, 'name' | 'damage'>[] = [
  {
    name: 'a sibling link that no name has',
    damage: (patient) => patient.insert('catalog', strayLink(idNamed(patient, 'link'))),
  },
  {
    name: 'a sibling link of a file with one name',
    damage: (patient) => {
      patient.insert('catalog', strayLink(idNamed(patient, 'tail')));
      patient.insert('catalog', strayMap(idNamed(patient, 'tail')));
    },
  },
  {
    name: 'a sibling map that no sibling link has',
    damage: (patient) => patient.insert('catalog', strayMap(idNamed(patient, 'link'))),
  },
  {
    name: 'both sibling links and maps of a file are missing',
    damage: (patient) => {
      for (const type of [TYPE.siblingLink, TYPE.siblingMap]) {
        patient.remove('catalog', firstOf(type));
        patient.remove('catalog', firstOf(type));
      }
    },
  },
  {
    name: 'a sibling link without its parent',
    damage: siblingOf((_, record) => (record.value = record.value.slice(0, 6))),
  },
  {
    name: 'a sibling map that is cut off',
    damage: (patient) =>
      patient.change('catalog', firstOf(TYPE.siblingMap), (record) => (record.value = cut(record.value, 3))),
  },
  {
    name: 'extended fields of a name that are cut off',
    damage: link('link', (_, record) => (record.value = cut(record.value, 4))),
  },
  {
    name: 'extended fields of the only name of a file',
    damage: link(FILE, (_, record) => (record.value = Uint8Array.from([...record.value, 1, 0]))),
  },
  {
    name: 'a link count and a sibling link that are wrong, in one node',
    damage: (patient) => {
      inode('link', (value) => put32(value, 56, 7))(patient);
      siblingOf((value) => value.set([0x58], 10))(patient);
    },
  },
];

/** Nothing but the names of a file is left of its links: they get new ids. */
export const LOST_IDS_CASE = (patient: ApfsPatient): void => {
  const id = idNamed(patient, 'link');
  for (let i = 0; i < 2; i++) {
    patient.remove('catalog', firstOf(TYPE.siblingLink));
    patient.remove('catalog', firstOf(TYPE.siblingMap));
    const named = (record: PatientRecord): boolean =>
      (record.key[7] ?? 0) >>> 4 === TYPE.directory &&
      u64(record.value, 0) === id &&
      record.value.length > 18;
    patient.change('catalog', named, (record) => (record.value = record.value.slice(0, 18)));
  }
};

export const XATTR_CASES: ApfsCase[] = [
  {
    name: 'an attribute that is both embedded and a stream',
    damage: xattr('small', ({ value }) => put16(value, 0, 3)),
    kind: 'xattr',
    message: 'must be either embedded or a stream',
    isSeen: true,
  },
  {
    name: 'an attribute with flags that have no meaning',
    damage: xattr('small', ({ value }) => put16(value, 0, 0x42)),
    kind: 'xattr',
    message: 'unknown flags (0x42)',
    isSeen: true,
  },
  {
    name: 'a length of an attribute that is none',
    damage: xattr('small', ({ value }) => put16(value, 2, 4)),
    kind: 'xattr',
    message: 'xdata_len (4, expected 5)',
    isSeen: true,
  },
  {
    name: 'an attribute of a file that is not there',
    damage: (patient) => {
      const id = idNamed(patient, 'tail');
      const record = {
        key: patient.find('catalog', xattrNamed('small')).key,
        value: new Uint8Array([2, 0, 0, 0]),
      };
      put64(record.key, 0, id + 1);
      record.key.set([0x40 | (record.key[7] ?? 0)], 7);
      patient.insertAfter('catalog', recordOf(TYPE.extent, id), record);
    },
    kind: 'xattr',
    message: 'inode is missing',
    isSeen: true,
  },
  {
    name: 'a symlink without a target',
    damage: (patient) => patient.remove('catalog', xattrNamed('com.apple.fs.symlink')),
    kind: 'xattr',
    message: 'symlink without a target',
    isSeen: true,
  },
  {
    name: 'a target of a symlink that the user owns',
    damage: xattr('com.apple.fs.symlink', ({ value }) => put16(value, 0, 2)),
    kind: 'xattr',
    message: 'not owned by the file system',
    isSeen: true,
  },
  {
    name: 'a target of a symlink without its end',
    damage: xattr('com.apple.fs.symlink', ({ value }) => value.set([0x41], value.length - 1)),
    kind: 'xattr',
    message: 'target of a symlink without NUL at its end',
    isSeen: false,
  },
  {
    name: 'a target of a symlink that ends before its end',
    damage: xattr('com.apple.fs.symlink', ({ value }) => value.set([0], 8)),
    kind: 'xattr',
    message: 'NUL within the target of a symlink',
    isSeen: false,
  },
  {
    name: 'a stream of an attribute that is cut off',
    damage: xattr('large', (record) => (record.value = cut(record.value, 8))),
    kind: 'xattr',
    message: 'wrong size of a stream (40, expected 48)',
    isSeen: true,
  },
  {
    name: 'a stream of an attribute that a file has',
    damage: (patient) => {
      const stream = streamOf(patient, 'tail');
      xattr('large', ({ value }) => put64(value, 4, stream))(patient);
    },
    kind: 'inode',
    message: 'stream 90 is both a file',
    isSeen: true,
  },
];

export const STREAM_CASES: ApfsCase[] = [
  {
    name: 'a count of holders that is none',
    damage: ofStream(TYPE.stream, FILE, (value) => put32(value, 0, 2)),
    kind: 'reference-count',
    message: 'refcnt (2, expected 1)',
    isSeen: true,
  },
  {
    name: 'a count of holders that is missing',
    damage: (patient) => patient.remove('catalog', recordOf(TYPE.stream, streamOf(patient, FILE))),
    kind: 'dstream',
    message: 'reference count is missing',
    isSeen: true,
  },
  {
    name: 'a stream that nobody has',
    damage: inode('tail', (value) => {
      put64(value, 8, 20);
      addFlags(value, 0x410);
    }),
    kind: 'dstream',
    message: 'no file and no attribute has it',
    isSeen: true,
  },
  {
    name: 'a size that is larger than what is there',
    damage: inode('tail', (value) => put64(value, fieldAt(value, 8), 5000)),
    kind: 'dstream',
    message: 'extents are missing (size 5000, they cover 4096)',
    isSeen: true,
  },
  {
    name: 'a size that is too small by one',
    damage: inode('tail', (value) => put64(value, fieldAt(value, 8), 4)),
    kind: 'dstream',
    message: 'contents go on behind size (4)',
    isSeen: false,
  },
  {
    name: 'an allocated size that is none',
    damage: inode('tail', (value) => put64(value, fieldAt(value, 8) + 8, 8192)),
    kind: 'dstream',
    message: 'alloced_size (8192, expected 4096)',
    isSeen: true,
  },
  {
    name: 'an extent that is missing',
    damage: (patient) => patient.remove('catalog', recordOf(TYPE.extent, streamOf(patient, 'tail'))),
    kind: 'dstream',
    message: 'extents are missing (size 5, they cover 0)',
    isSeen: true,
  },
  {
    name: 'an extent that begins elsewhere',
    damage: ofStream(TYPE.extent, 'tail', (_, { key }) => put64(key, 8, 4096)),
    kind: 'dstream',
    message: 'first extents are missing (they begin at 4096)',
    isSeen: true,
  },
  {
    name: 'an extent of no whole blocks',
    damage: ofStream(TYPE.extent, 'tail', (value) => put64(value, 0, 4000)),
    kind: 'extent',
    message: 'length (4000) is not a multiple of the block size',
    isSeen: true,
  },
  {
    name: 'an extent beyond the container',
    damage: ofStream(TYPE.extent, 'tail', (value) => put64(value, 8, 100_000)),
    kind: 'extent',
    message: 'blocks 100000+1 are not in the container',
    isSeen: true,
  },
  {
    name: 'an extent of blocks that are another file’s',
    damage: (patient) => {
      const other = patient.find('catalog', recordOf(TYPE.extent, streamOf(patient, FILE)));
      ofStream(TYPE.extent, 'tail', (value) => put64(value, 8, u64(other.value, 8)))(patient);
    },
    kind: 'reference-count',
    message:
      'mismatch between extentref entry reference count (1) and calculated fsroot entry reference count (2)',
    isSeen: true,
  },
  {
    name: 'an extent that is marked as preallocated',
    damage: ofStream(TYPE.extent, 'tail', (value) => value.set([2], 7)),
    kind: 'extent',
    message: 'preallocated, but the volume has no such feature',
    isSeen: true,
  },
];

/** A record of `type` for the file `name`, put where its key belongs. */
const add =
  (type: number, name: string, rest: readonly number[], value: Uint8Array) =>
  (patient: ApfsPatient): void => {
    const key = new Uint8Array(8 + rest.length);
    put64(key, 0, idNamed(patient, name));
    key[7] = (key[7] ?? 0) | (type << 4);
    key.set(rest, 8);
    patient.insert('catalog', { key, value });
  };

export const OTHER_CASES: ApfsCase[] = [
  {
    name: 'a wrapped key on a volume without encryption',
    damage: add(7, 'tail', [], Uint8Array.from([1, 0, 0, 0, 5, ...new Array<number>(19).fill(0)])),
    kind: 'inode',
    message: 'on a volume without encryption',
    isSeen: true,
  },
  {
    name: 'statistics of directories that no directory keeps',
    damage: add(10, 'empty', [], new Uint8Array(32)),
    kind: 'directory',
    message: 'no directory is their origin',
    isSeen: true,
  },
  {
    name: 'hashes of contents on a volume without seal',
    damage: add(13, 'tail', [0, 0, 0, 0, 0, 0, 0, 1], new Uint8Array(35)),
    kind: 'extent',
    message: 'on a volume that is not sealed',
    isSeen: true,
  },
  {
    name: 'a record of the extent references',
    damage: add(2, 'tail', [], new Uint8Array(20)),
    kind: 'tree',
    message: 'has a record of another tree (extent reference of ',
    isSeen: true,
  },
  {
    name: 'a record of a type that does not exist',
    damage: add(15, 'tail', [], new Uint8Array(8)),
    kind: 'tree',
    message: 'unknown type of key',
    isSeen: true,
  },
  {
    name: 'a key of a sibling map that is too long',
    damage: add(12, 'tail', [0, 0, 0, 0], new Uint8Array(8)),
    kind: 'tree',
    message: 'wrong size of key (12, expected 8)',
    isSeen: true,
  },
];

/** Index nodes: what they say must be what their children begin with, to the byte. */
export const INDEX_CASES: ApfsCase[] = [
  {
    name: 'a length of a name in an index node that its child does not have',
    damage: (patient) => {
      const root = patient.root('catalog');
      const records = patient.records(root);
      const record = records.find(({ key }) => (key[7] ?? 0) >>> 4 === TYPE.directory);
      if (!record) throw new Error('no index record begins with a name');
      put32(record.key, 8, get32(record.key, 8) + 1);
      patient.write(root, records);
    },
    kind: 'tree',
    message: 'index key absent from child node',
    isSeen: true,
  },
];

/** Numbers of records that follow from others, in nodes that no snapshot shares. */
export const REPAIR_CASES: readonly Pick<ApfsCase, 'name' | 'damage'>[] = [
  { name: 'a link count', damage: inode('tail', (value) => put32(value, 56, 2)) },
  { name: 'a count of children', damage: inode('empty', (value) => put32(value, 56, 7)) },
  { name: 'a parent', damage: inode('tail', (value) => put64(value, 0, 18)) },
  { name: 'the parent of a file with several names', damage: inode('link', (value) => put64(value, 0, 18)) },
  { name: 'the type of a name', damage: link('tail', (value) => put16(value, 16, 4)) },
  { name: 'a count of holders', damage: ofStream(TYPE.stream, 'tail', (value) => put32(value, 0, 2)) },
];
