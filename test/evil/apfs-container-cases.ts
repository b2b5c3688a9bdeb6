import { BLOCK, put64, u64 } from './apfs-patient.ts';
import type { Patient } from './apfs-patient.ts';

/** One damage to an empty container: what must be said of it. */
export interface ApfsCase {
  readonly name: string;
  readonly kind: string;
  readonly message: string;
  readonly damage: (patient: Patient) => void;
  /** Does apfsck say anything? */
  readonly isSeen: boolean;
  /** Is it gone after a repair? */
  readonly isRepaired: boolean;
}

const one = (
  name: string,
  kind: string,
  message: string,
  damage: ApfsCase['damage'],
  { isSeen = true, isRepaired = false } = {},
): ApfsCase => ({ name, kind, message, damage, isSeen, isRepaired });

const REPAIRED = { isRepaired: true };
const UNSEEN = { isSeen: false };

const add64 = (view: DataView, at: number, by: number): void => put64(view, at, u64(view, at) + by);
const add32 = (view: DataView, at: number, by: number): void =>
  view.setUint32(at, view.getUint32(at, true) + by, true);

/** A number of the superblock, in both of its places. */
const inSuperblock = (name: string, message: string, at: number, by: number, length: 4 | 8 = 8): ApfsCase =>
  one(name, 'superblock', message, (patient) =>
    patient.editSuperblock((view) => (length === 8 ? add64 : add32)(view, at, by)),
  );

export const CHECKPOINT_CASES: readonly ApfsCase[] = [
  one(
    'a bit of block 0',
    'superblock',
    'block 0 has a wrong checksum',
    (patient) => patient.spoil(0, (_, bytes) => bytes.fill(7, 100, 101)),
    REPAIRED,
  ),
  one(
    'block 0 is gone',
    'superblock',
    'block 0 holds no container superblock',
    (patient) => patient.spoil(0, (_, bytes) => bytes.fill(0)),
    REPAIRED,
  ),
  one(
    'block 0 says something else',
    'superblock',
    'differs from the checkpoint',
    (patient) => patient.edit(0, (view) => add64(view, 0x58, 1)),
    REPAIRED,
  ),
  one(
    'block 0 has another object id',
    'superblock',
    'wrong object id',
    (patient) => patient.edit(0, (view) => put64(view, 8, 2)),
    REPAIRED,
  ),
  one(
    'block 0 is of an older transaction',
    'dirty',
    'not unmounted cleanly',
    (patient) => patient.edit(0, (view) => put64(view, 16, patient.xid - 1)),
    REPAIRED,
  ),
  one(
    'the newest superblock was not written whole',
    'checkpoint',
    'block 0 is of transaction 2, but',
    (patient) => patient.spoil(patient.superblock, (_, bytes) => bytes.fill(7, 1000, 1500)),
  ),
  one(
    'an older superblock is damaged',
    'old-checkpoint',
    'wrong checksum: damaged, or never written',
    (patient) => patient.spoil(patient.firstMap - 1, (_, bytes) => bytes.fill(1, 3000, 3001)),
    UNSEEN,
  ),
  one(
    'a map of an older checkpoint is damaged',
    'old-checkpoint',
    'checkpoint 1: a map',
    (patient) => patient.spoil(patient.firstMap - 2, (_, bytes) => bytes.fill(1, 3000, 3001)),
    UNSEEN,
  ),
  inSuperblock('too many blocks', 'the device has', 0x28, 1),
  inSuperblock('room for too many volumes', 'room for 2 volumes, expected 1', 0xb4, 1, 4),
  inSuperblock('the next transaction', 'next transaction', 0x60, 1),
  inSuperblock('ephemeral information', 'ephemeral information', 0x520, 1),
  inSuperblock('an unknown feature', 'unknown features', 0x30, 16),
  inSuperblock('an unknown read-only feature', 'read-only features', 0x38, 1),
  inSuperblock('an unknown flag', 'unknown flags', 0x4f0, 64),
  inSuperblock('a field for tests', 'for tests', 0xb0, 1, 4),
  inSuperblock('a Fusion identifier', 'Fusion drive on another', 0x500, 1),
  inSuperblock('the length of the data', 'wrong length of the checkpoint data', 0x94, 1, 4),
  inSuperblock('the length of the descriptors', 'wrong length of the checkpoint descriptors', 0x8c, 1, 4),
  one('the data area lies outside', 'superblock', 'data area is not in the container', (patient) =>
    patient.editSuperblock((view) => put64(view, 0x78, 1e12)),
  ),
  one('a map is damaged', 'checksum', 'checkpoint map', (patient) =>
    patient.spoil(patient.firstMap, (_, bytes) => bytes.fill(9, 0x30, 0x31)),
  ),
  one('a map maps too much', 'checkpoint', 'do not fit into a block', (patient) =>
    patient.edit(patient.firstMap, (view) => view.setUint32(0x24, 102, true)),
  ),
  one('no map is the last', 'tree', 'checkpoint map', (patient) =>
    patient.edit(patient.firstMap, (view) => view.setUint32(0x20, 0, true)),
  ),
  one('a mapping leads elsewhere', 'checkpoint', 'out of order', (patient) =>
    patient.edit(patient.firstMap, (view) => add64(view, 0x28 + 32, 1)),
  ),
  one('a mapping has another type', 'checkpoint', 'wrong type', (patient) =>
    patient.edit(patient.firstMap, (view) => view.setUint32(0x28, 0x8000_0011, true)),
  ),
  one('a mapping of an unknown size', 'checkpoint', 'a size of 4097 bytes', (patient) =>
    patient.edit(patient.firstMap, (view) => add32(view, 0x28 + 8, 4097 - view.getUint32(0x28 + 8, true))),
  ),
  one('an object is missing', 'checkpoint', 'no mapping in the checkpoint', (patient) =>
    patient.edit(patient.firstMap, (view) => add64(view, 0x28 + 24, 0x100)),
  ),
  one('the reaper is busy with nothing', 'reaper', 'is not empty', (patient) =>
    patient.edit(patient.reaper, (view) => put64(view, 0x28, 5)),
  ),
  one('a flag of the reaper', 'reaper', 'always set', (patient) =>
    patient.edit(patient.reaper, (view) => view.setUint32(0x40, 0, true)),
  ),
  one('the room of the reaper', 'reaper', 'bytes of state', (patient) =>
    patient.edit(patient.reaper, (view) => add32(view, 0x6c, 1)),
  ),
];

const inSpace = (
  name: string,
  kind: string,
  message: string,
  change: (view: DataView, patient: Patient) => void,
  more = {},
): ApfsCase =>
  one(name, kind, message, (patient) => patient.editSpace((view) => change(view, patient)), more);

const MAIN_QUEUE = 0xc8 + 40;

export const SPACE_CASES: readonly ApfsCase[] = [
  one('the space manager is damaged', 'checksum', 'sm: block', (patient) =>
    patient.spoil(patient.spaceManager, (_, bytes) => bytes.fill(3, 0x31, 0x32)),
  ),
  inSpace('blocks per chunk', 'space-manager', 'blocks per chunk', (view) => add32(view, 0x24, 1)),
  inSpace('an unknown flag', 'space-manager', 'unknown flags', (view) => add32(view, 0x90, 2)),
  inSpace('the size of the structure', 'space-manager', 'a structure of', (view) => add32(view, 0x154, 8)),
  inSpace('an allocation zone without an id', 'space-manager', 'boundaries without an id', (view) =>
    put64(view, 0x158, BLOCK),
  ),
  inSpace('an allocation zone upside down', 'space-manager', 'allocation zone: boundaries', (view) => {
    put64(view, 0x158, 2 * BLOCK);
    put64(view, 0x160, BLOCK);
    view.setUint16(0x158 + 128, 3, true);
  }),
  inSpace('the size of the device', 'space-manager', 'blocks, the container has', (view) =>
    add64(view, 0x30, -1),
  ),
  inSpace('the count of chunks', 'space-manager', 'chunks, expected', (view) => add64(view, 0x38, 1)),
  inSpace(
    'free blocks of the device',
    'free-count',
    'its chunks have',
    (view) => add64(view, 0x48, 5),
    REPAIRED,
  ),
  inSpace('a second device', 'space-manager', 'a second device', (view) => put64(view, 0x60, 1)),
  inSpace('the list of addresses lies nowhere', 'space-manager', 'do not lie in the object', (view) =>
    view.setUint32(0x50, 4092, true),
  ),
  inSpace('the size of the internal pool', 'space-manager', 'an internal pool of', (view) =>
    add64(view, 0x98, 3),
  ),
  inSpace('generations of the pool bitmap', 'space-manager', 'generations', (view) => add32(view, 0x94, 1)),
  inSpace('the ring of pool bitmaps', 'space-manager', 'a ring of', (view) => add32(view, 0xa4, 1)),
  inSpace(
    'the head of the free slots',
    'space-manager',
    'slots are in use',
    (view) => view.setUint16(0x140, 5, true),
    REPAIRED,
  ),
  inSpace(
    'free slots in a circle',
    'space-manager',
    'from its head to its tail',
    (view) => view.setUint16(view.getUint32(0x14c, true) + 2 * 9, 3, true),
    REPAIRED,
  ),
  inSpace(
    'a pool bitmap of the future',
    'space-manager',
    'is of transaction',
    (view) => put64(view, view.getUint32(0x144, true), 1e6),
    REPAIRED,
  ),
  inSpace('reserved blocks', 'reserve', 'blocks reserved', (view) => put64(view, 0xb8, 7), REPAIRED),
  inSpace(
    'reserved blocks in use',
    'reserve',
    'reserved blocks in use',
    (view) => put64(view, 0xc0, 7),
    REPAIRED,
  ),
  inSpace(
    'blocks in the queue',
    'free-queue',
    'according to the space manager',
    (view) => put64(view, MAIN_QUEUE, 9),
    REPAIRED,
  ),
  inSpace(
    'the oldest of the queue',
    'free-queue',
    'oldest transaction',
    (view) => put64(view, MAIN_QUEUE + 16, 1),
    REPAIRED,
  ),
  inSpace('the limit of the queue', 'space-manager', 'a limit of', (view) =>
    view.setUint16(MAIN_QUEUE + 24, 77, true),
  ),
  inSpace('a queue for no device', 'space-manager', 'a free queue of a second device', (view) =>
    put64(view, 0xc8 + 80, 1),
  ),
  one('a chunk info block is damaged', 'checksum', 'sm: cib', (patient) =>
    patient.spoil(patient.cib, (_, bytes) => bytes.fill(3, 0x31, 0x32)),
  ),
  one('the index of a chunk info block', 'space-manager', 'wrong index', (patient) =>
    patient.edit(patient.cib, (view) => add32(view, 0x20, 1)),
  ),
  one('chunks of a chunk info block', 'space-manager', 'chunks, expected', (patient) =>
    patient.edit(patient.cib, (view) => add32(view, 0x24, 1)),
  ),
  one('the transaction of a chunk info block', 'space-manager', 'its newest chunk of', (patient) =>
    patient.edit(patient.cib, (view) => put64(view, 0x28, 1)),
  ),
  one('the address of a chunk', 'space-manager', 'its address is', (patient) =>
    patient.edit(patient.cib, (view) => put64(view, 0x30, 1)),
  ),
  one('the length of a chunk', 'space-manager', 'blocks, expected', (patient) =>
    patient.edit(patient.cib, (view) => add32(view, 0x38, -1)),
  ),
  one(
    'free blocks of a chunk',
    'free-count',
    'its bitmap has',
    (patient) => patient.edit(patient.cib, (view) => add32(view, 0x3c, 1)),
    REPAIRED,
  ),
  one('a bitmap outside the pool', 'space-manager', 'is not in the internal pool', (patient) =>
    patient.edit(patient.cib, (view) => put64(view, 0x40, 3)),
  ),
  one('a bitmap on a chunk info block', 'double-use', 'chunk info block and chunk bitmap', (patient) =>
    patient.edit(patient.cib, (view) => put64(view, 0x40, patient.cib)),
  ),
  one(
    'a block in use is marked as free',
    'space-map',
    'Underallocation Detected on Main device: (0x1+1)',
    (patient) => patient.spoil(patient.bitmap, (_, bytes) => bytes.set([(bytes[0] ?? 0) & ~2])),
    REPAIRED,
  ),
  one(
    'a free block is marked as used',
    'leaked-blocks',
    'Overallocation Detected on Main device',
    (patient) => patient.spoil(patient.bitmap, (_, bytes) => bytes.fill(0x18, 400, 401)),
    REPAIRED,
  ),
  one(
    'a bit behind the end of the container',
    'leaked-blocks',
    'Overallocation',
    (patient) => patient.spoil(patient.bitmap, (_, bytes) => bytes.fill(1, 4095)),
    REPAIRED,
  ),
  one(
    'a block of the pool is marked as free',
    'space-map',
    'internal pool bitmap',
    (patient) => patient.spoil(patient.poolBitmap, (_, bytes) => bytes.set([0])),
    REPAIRED,
  ),
  one(
    'a bit behind the end of the pool',
    'space-map',
    'behind its end',
    (patient) => patient.spoil(patient.poolBitmap, (_, bytes) => bytes.fill(1, 2000, 2001)),
    REPAIRED,
  ),
];

/** In the free queue of blocks of the container, which newfs made with a tree. */
const queued =
  (change: (view: DataView, patient: Patient) => void): ApfsCase['damage'] =>
  (patient) => {
    const { store, spaceManager } = patient;
    void store;
    const space = patient.view(spaceManager);
    const { block } = patient.ephemeral(u64(space, MAIN_QUEUE + 8));
    patient.edit(block, (view) => change(view, patient));
  };

/** One record; `count` null: a key without a value. Counts of the tree and of the space manager go along. */
const range =
  (first: number, count: number | null, xid = 2): ApfsCase['damage'] =>
  (patient) => {
    queued((view) => {
      const table = view.getUint16(0x2a, true);
      view.setUint32(0x24, 1, true);
      view.setUint16(0x2c, 16, true);
      view.setUint16(0x2e, view.getUint16(0x2e, true) - 16 - (count === null ? 0 : 8), true);
      view.setUint16(0x38, 0, true);
      view.setUint16(0x3a, count === null ? 0xffff : 8, true);
      put64(view, 0x38 + table, xid);
      put64(view, 0x38 + table + 8, first);
      if (count !== null) put64(view, 4056 - 8, count);
      put64(view, 4080, 1);
    })(patient);
    patient.editSpace((view) => {
      put64(view, MAIN_QUEUE, count ?? 1);
      put64(view, MAIN_QUEUE + 16, xid);
    });
  };

export const QUEUE_CASES: readonly ApfsCase[] = [
  one('a free range in the queue', 'space-map', 'Underallocation', range(2000, 5), REPAIRED),
  one('a range in use in the queue', 'double-use', 'main free queue', range(0, null), REPAIRED),
  one('a range beyond the container', 'free-queue', 'are not in the container', range(1e6, 5), REPAIRED),
  one('an empty range', 'free-queue', 'an empty range', range(2000, 0), REPAIRED),
  one('a value nobody needs', 'free-queue', 'needs no value', range(2000, 1), REPAIRED),
  one('a range of the future', 'free-queue', 'freed by transaction', range(2000, null, 1e6), REPAIRED),
  one(
    'a range of the pool in the wrong queue',
    'free-queue',
    'into the other free queue',
    (patient) => range(patient.poolBase + 3, null)(patient),
    REPAIRED,
  ),
  one(
    'a range across the border of the pool',
    'free-queue',
    'across the border',
    (patient) => range(patient.poolBase - 1, 2)(patient),
    REPAIRED,
  ),
  one(
    'the queue is damaged',
    'checksum',
    'main free queue',
    (patient) => {
      const { block } = patient.ephemeral(u64(patient.view(patient.spaceManager), MAIN_QUEUE + 8));
      patient.spoil(block, (_, bytes) => bytes.fill(1, 3000, 3001));
    },
    REPAIRED,
  ),
  one(
    'the queue counts wrong',
    'tree',
    'wrong key count',
    queued((view) => put64(view, 4080, 4)),
    REPAIRED,
  ),
];

/** In the container's object map and its tree. */
const inOmap = (
  name: string,
  kind: string,
  message: string,
  change: (view: DataView, patient: Patient) => void,
  more = {},
): ApfsCase =>
  one(name, kind, message, (patient) => patient.edit(patient.omap, (view) => change(view, patient)), more);
const inRoot = (
  name: string,
  kind: string,
  message: string,
  change: (view: DataView, patient: Patient) => void,
  more = {},
): ApfsCase =>
  one(
    name,
    kind,
    message,
    (patient) => patient.edit(patient.omapRoot, (view) => change(view, patient)),
    more,
  );

const VALUE = 4056 - 16;
const KEY = 0x38 + 448;

export const OMAP_CASES: readonly ApfsCase[] = [
  one('the object map is damaged', 'checksum', 'om: block', (patient) =>
    patient.spoil(patient.omap, (_, bytes) => bytes.fill(9, 0x30, 0x31)),
  ),
  inOmap('a wrong type', 'tree', 'invalid o_type', (view) => view.setUint32(24, 0x4000_000c, true)),
  inOmap('another object id', 'tree', 'invalid o_oid', (view) => add64(view, 8, 1)),
  inOmap('a transaction of the future', 'tree', 'invalid o_xid', (view) => put64(view, 16, 1e9)),
  inOmap('not managed by hand', 'omap', 'managed by hand', (view) => view.setUint32(0x20, 0, true)),
  inOmap(
    'the type of its tree',
    'omap',
    'wrong type of its tree',
    (view) => view.setUint32(0x28, 2, true),
    {},
  ),
  inOmap('snapshots without a tree', 'omap', 'has no tree of them', (view) => view.setUint32(0x24, 1, true)),
  inOmap('the tree lies outside', 'tree', 'no such object', (view) => put64(view, 0x30, 1e9)),
  inRoot('flags of the root', 'tree', 'wrong flags', (view) => view.setUint16(0x20, 3, true)),
  inRoot('level of the root', 'tree', 'disagree', (view) => view.setUint16(0x22, 1, true)),
  inRoot('too many records', 'tree', 'do not fit into a table', (view) => view.setUint32(0x24, 500, true)),
  inRoot('a short table of contents', 'tree', 'a table of contents of', (view) => {
    view.setUint16(0x2a, 440, true);
    view.setUint16(0x2c, view.getUint16(0x2c, true) + 8, true);
    view.setUint16(0x38, 8, true);
    view.setUint16(0x32, 8, true);
  }),
  inRoot('free space among the keys', 'tree', 'free space total for the key area', (view) =>
    view.setUint16(0x32, 4, true),
  ),
  inRoot('holes without end', 'tree', 'a listed hole', (view) => {
    view.setUint16(0x2c, 32, true);
    view.setUint16(0x2e, view.getUint16(0x2e, true) - 16, true);
    view.setUint16(0x30, 16, true);
    view.setUint16(0x32, 16, true);
    put64(view, KEY + 16, 16);
  }),
  inRoot('the footer counts records', 'tree', 'wrong key count', (view) => put64(view, 4080, 2)),
  inRoot('the footer counts nodes', 'tree', 'wrong node count', (view) => put64(view, 4088, 2)),
  inRoot('flags of the footer', 'tree', 'wrong flags in the footer', (view) =>
    view.setUint32(4056, 0x50, true),
  ),
  inRoot('longest key of the footer', 'tree', 'wrong longest key', (view) => view.setUint32(4072, 8, true)),
  inRoot('a record of the future', 'tree', 'later transaction than its node', (view) =>
    put64(view, KEY + 8, 1e6),
  ),
  inRoot('an unknown flag of a record', 'omap', 'unknown flags', (view) => view.setUint32(VALUE, 0x40, true)),
  inRoot('a deleted record in use', 'omap', 'deleted and still in use', (view) =>
    view.setUint32(VALUE, 1, true),
  ),
  inRoot('an encrypted record', 'omap', 'marked as encrypted', (view) => view.setUint32(VALUE, 4, true)),
  inRoot('a record of part of a block', 'omap', 'a size of 100 bytes', (view) =>
    view.setUint32(VALUE + 4, 100, true),
  ),
  inRoot('the volume is another object', 'omap', 'no volume superblock', (view) => add64(view, KEY, 1)),
  inRoot('the volume lies on the object map', 'double-use', 'container object map', (view, patient) =>
    put64(view, VALUE + 8, patient.omap),
  ),
];
