import type { Device } from '../../src/engine/device/device.ts';
import { bytesAt, headerOf, patch } from './hfsplus-volumes.ts';
import {
  get16,
  get32,
  recordNamed,
  recordsOf,
  set16,
  set32,
  threadNamed,
  treeOf,
} from './hfsplus-records.ts';

/** One thing wrong at a time. */
export interface DamageCase {
  readonly name: string;
  readonly damage: (device: Device) => void;
  readonly kind: string;
  /** Of the finding, in fsck_hfs's words. */
  readonly message: string;
  /** fsck.hfsplus sees it too; null where its versions differ. */
  readonly isSeen: boolean | null;
  readonly format?: 'hfsx';
}

const HEADER = 1024;
const FILE = 'file number 150 with a name';
const OTHER = 'file number 20 with a name';

const catalogHeader = (device: Device): number => treeOf(device, 'catalog').at + 14;
/** A leaf in the middle of the catalog. */
const leafAt = (device: Device): number => recordNamed(device, FILE).nodeAt;
const nodeSize = (device: Device): number => treeOf(device, 'catalog').nodeSize;
const inode = (device: Device) => {
  const found = recordsOf(device, 'catalog').find((one) => one.name.startsWith('iNode'));
  if (!found) throw new Error('no iNode file');
  return found;
};
const bitmapAt = (device: Device): number =>
  headerOf(device).getUint32(112 + 16) * headerOf(device).getUint32(40);
const alternateAt = (device: Device): number => device.blockCount * device.blockSizeBytes - 1024;

export const HEADER_CASES: DamageCase[] = [
  {
    name: 'a free block count that is none',
    damage: (device) => set32(device, HEADER + 48, 5),
    kind: 'free-blocks',
    message: 'Invalid volume free block count (It should be ',
    isSeen: true,
  },
  {
    name: 'a file count that is none',
    damage: (device) => set32(device, HEADER + 32, 5),
    kind: 'file-count',
    message: 'Invalid volume file count (It should be ',
    isSeen: true,
  },
  {
    name: 'a folder count that is none',
    damage: (device) => set32(device, HEADER + 36, 99),
    kind: 'folder-count',
    message: 'Invalid volume directory count (It should be ',
    isSeen: true,
  },
  {
    name: 'a next catalog node id that is taken',
    damage: (device) => set32(device, HEADER + 64, 20),
    kind: 'volume-header',
    message: 'Volume header needs minor repair: nextCatalogID is 20',
    isSeen: true,
  },
  {
    name: 'a clump that is no whole number of blocks',
    damage: (device) => set32(device, HEADER + 56, 77),
    kind: 'volume-header',
    message: 'Volume header needs minor repair: a clump of 77 bytes',
    isSeen: true,
  },
  {
    name: 'a volume that was not unmounted',
    damage: (device) => set32(device, HEADER + 4, get32(device, HEADER + 4) & ~0x100),
    kind: 'dirty',
    message: 'The volume was not unmounted cleanly',
    isSeen: false,
  },
  {
    name: 'a header that leads to no catalog',
    damage: (device) => set32(device, HEADER + 272 + 16, 300),
    kind: 'volume-header',
    message: 'Volume header needs minor repair: it was replaced by the alternate one',
    isSeen: null,
  },
  {
    name: 'no volume header',
    damage: (device) => patch(device, HEADER, new Uint8Array(512)),
    kind: 'volume-header',
    message: 'Volume header needs minor repair: it was replaced by the alternate one',
    isSeen: true,
  },
  {
    name: 'no alternate volume header',
    damage: (device) => patch(device, alternateAt(device), new Uint8Array(512)),
    kind: 'volume-header',
    message: 'Volume header needs minor repair: there is no alternate volume header',
    isSeen: true,
  },
  {
    name: 'an alternate header that knows another catalog',
    damage: (device) => set32(device, alternateAt(device) + 272 + 12, 3),
    kind: 'alternate-header',
    message: 'Volume header needs minor repair: the alternate one has another idea of the catalog file',
    isSeen: null,
  },
  {
    name: 'a header that leads to other attributes',
    damage: (device) => set32(device, HEADER + 352 + 16, 300),
    kind: 'special-file',
    message: 'Invalid catalog PEOF: attributes file: only the alternate volume header leads to it',
    isSeen: null,
  },
  {
    name: 'a used block marked as free',
    damage: (device) => patch(device, bitmapAt(device), [0]),
    kind: 'bitmap-missing',
    message: 'Volume bitmap needs repair for under-allocation',
    isSeen: true,
  },
  {
    name: 'free blocks marked as used',
    damage: (device) => patch(device, bitmapAt(device) + 250, [0xff]),
    kind: 'bitmap-orphaned',
    message: 'Volume bitmap needs minor repair for orphaned blocks: 8 blocks',
    isSeen: true,
  },
];

export const TREE_CASES: DamageCase[] = [
  {
    name: 'a leaf that goes on to itself',
    damage: (device) => set32(device, leafAt(device), recordNamed(device, FILE).node),
    kind: 'tree',
    message: 'Invalid sibling link',
    isSeen: true,
  },
  {
    name: 'a count of leaf records that is none',
    damage: (device) => set32(device, catalogHeader(device) + 6, 7),
    kind: 'tree-header',
    message: 'Invalid leaf record count (It should be ',
    isSeen: true,
  },
  {
    name: 'a count of free nodes that is none',
    damage: (device) => set32(device, catalogHeader(device) + 26, 0),
    kind: 'tree-header',
    message: 'instead of 0): catalog file: freeNodes',
    isSeen: true,
  },
  {
    name: 'a map that forgets a node',
    damage: (device) => patch(device, catalogHeader(device) - 14 + 248, [0x80]),
    kind: 'tree-map',
    message: 'Invalid B-tree node map',
    isSeen: true,
  },
  {
    name: 'an unused node with something in it',
    damage: (device) => {
      const { at, totalNodes } = treeOf(device, 'catalog');
      patch(device, at + (totalNodes - 1) * nodeSize(device) + 100, [1]);
    },
    kind: 'unused-node',
    message: 'Unused node is not erased (node = ',
    isSeen: true,
  },
  {
    name: 'a record that begins beyond the node',
    damage: (device) => set16(device, leafAt(device) + nodeSize(device) - 6, 60_000),
    kind: 'tree',
    message: 'Invalid node structure',
    isSeen: true,
  },
  {
    name: 'keys out of order',
    damage: (device) => set32(device, recordNamed(device, FILE).keyAt + 2, 1),
    kind: 'tree',
    message: 'Keys out of order',
    isSeen: true,
  },
  {
    name: 'a key longer than its node',
    damage: (device) => set16(device, recordNamed(device, FILE).keyAt, 0xfff0),
    kind: 'tree',
    message: 'Invalid key length',
    isSeen: true,
  },
  {
    name: 'an index key that is not its child’s first',
    damage: (device) => {
      const { at, rootNode } = treeOf(device, 'catalog');
      const root = at + rootNode * nodeSize(device);
      const record = get16(device, root + nodeSize(device) - 2);
      set32(device, root + record + 2, 0);
    },
    kind: 'tree',
    message: 'Invalid index key',
    isSeen: true,
  },
  {
    name: 'an index that leads to no node',
    damage: (device) => {
      const { at, rootNode } = treeOf(device, 'catalog');
      const root = at + rootNode * nodeSize(device);
      const record = get16(device, root + nodeSize(device) - 2);
      set32(device, root + record + 2 + get16(device, root + record), 0xffff_ffff);
    },
    kind: 'tree',
    message: 'Invalid index link',
    isSeen: true,
  },
  {
    name: 'a leaf that says it is an index node',
    damage: (device) => patch(device, leafAt(device) + 8, [0]),
    kind: 'tree',
    message: 'Invalid node height',
    isSeen: true,
  },
  {
    name: 'a tree of nine levels',
    damage: (device) => set16(device, catalogHeader(device), 9),
    kind: 'tree',
    message: 'Exceeded maximum B-tree depth',
    isSeen: true,
  },
  {
    name: 'a root that is no node',
    damage: (device) => set32(device, catalogHeader(device) + 2, 0xffff_fff0),
    kind: 'tree',
    message: 'Invalid root node number',
    isSeen: true,
  },
  {
    name: 'a root that is the header',
    damage: (device) => set32(device, catalogHeader(device) + 2, 0),
    kind: 'tree',
    message: 'Invalid root node number',
    isSeen: true,
  },
  {
    name: 'no header node',
    damage: (device) => patch(device, catalogHeader(device) - 14, new Uint8Array(nodeSize(device))),
    kind: 'tree',
    message: 'Invalid header node',
    isSeen: true,
  },
  {
    name: 'an attributes tree without a header',
    damage: (device) => patch(device, treeOf(device, 'attributes').at, new Uint8Array(14)),
    kind: 'tree',
    message: 'Invalid header node: attributes file',
    isSeen: true,
  },
];

export const RECORD_CASES: DamageCase[] = [
  {
    name: 'a folder with another number of items',
    damage: (device) => set32(device, recordNamed(device, 'many').dataAt + 4, 7),
    kind: 'valence',
    message: 'Invalid directory item count (It should be 300 instead of 7): /many',
    isSeen: true,
  },
  {
    name: 'a thread that is none',
    damage: (device) => set16(device, threadNamed(device, FILE).dataAt, 99),
    kind: 'catalog-record',
    message: 'Invalid catalog record type',
    isSeen: true,
  },
  {
    name: 'a thread with another name',
    damage: (device) => set16(device, threadNamed(device, FILE).dataAt + 10, 0x78),
    kind: 'thread',
    message: 'Invalid parent CName in thread record',
    isSeen: false,
  },
  {
    name: 'a thread that leads to another folder',
    damage: (device) => set32(device, threadNamed(device, FILE).dataAt + 4, 2),
    kind: 'thread',
    message: 'Invalid parent CName in thread record',
    isSeen: false,
  },
  {
    name: 'a file that says it has no thread',
    damage: (device) => set16(device, recordNamed(device, FILE).dataAt + 2, 0),
    kind: 'record-flags',
    message: 'File thread flag not set in file record',
    isSeen: false,
  },
  {
    name: 'a folder that says it has a thread like a file',
    damage: (device) => {
      const at = recordNamed(device, 'deep').dataAt + 2;
      set16(device, at, get16(device, at) | 2);
    },
    kind: 'record-flags',
    message: 'Reserved fields in the catalog record have incorrect data',
    isSeen: true,
  },
  {
    name: 'a root whose name is locked',
    damage: (device) => set16(device, recordNamed(device, 'Witness').dataAt + 56, 0x1000),
    kind: 'locked-name',
    message: 'Directory name locked',
    isSeen: true,
  },
  {
    name: 'a name that is not decomposed',
    damage: (device) => {
      const record = recordNamed(device, FILE);
      set16(device, record.keyAt + 8 + 2 * (FILE.length - 1), 0xe9);
      set16(device, threadNamed(device, `${FILE.slice(0, -1)}é`).dataAt + 10 + 2 * (FILE.length - 1), 0xe9);
    },
    kind: 'name',
    message: 'Illegal name',
    isSeen: null,
  },
  {
    name: 'a file that is a directory to Unix',
    damage: (device) => set16(device, recordNamed(device, FILE).dataAt + 42, 0o040755),
    kind: 'file-type',
    message: 'Invalid BSD file type',
    isSeen: true,
  },
  {
    name: 'an extent beyond the volume',
    damage: (device) => set32(device, recordNamed(device, FILE).dataAt + 88 + 16, 0xffff_fff0),
    kind: 'extent',
    message: `Invalid extent entry: ${FILE}`,
    isSeen: true,
  },
  {
    name: 'an extent of the whole volume and more',
    damage: (device) => set32(device, recordNamed(device, FILE).dataAt + 88 + 20, 0xffff_ffff),
    kind: 'extent',
    message: `Invalid extent entry: ${FILE}`,
    isSeen: true,
  },
  {
    name: 'blocks that two files hold',
    damage: (device) =>
      set32(
        device,
        recordNamed(device, FILE).dataAt + 88 + 16,
        get32(device, recordNamed(device, OTHER).dataAt + 88 + 16),
      ),
    kind: 'overlap',
    message: 'Overlapped extent allocation (id = ',
    isSeen: true,
  },
  {
    name: 'a file that holds the catalog',
    damage: (device) =>
      set32(device, recordNamed(device, FILE).dataAt + 88 + 16, headerOf(device).getUint32(272 + 16)),
    kind: 'overlap',
    message: 'Overlapped extent allocation (id = ',
    isSeen: true,
  },
  {
    name: 'a size of 2^64 - 1 bytes',
    damage: (device) => patch(device, recordNamed(device, FILE).dataAt + 88, new Uint8Array(8).fill(0xff)),
    kind: 'size',
    message: `Incorrect size for file ${FILE} (It should be `,
    isSeen: true,
  },
  {
    name: 'a block count that is not that of the extents',
    damage: (device) => set32(device, recordNamed(device, FILE).dataAt + 88 + 12, 9),
    kind: 'block-count',
    message: `Incorrect block count for file ${FILE} (It should be 1 instead of 9)`,
    isSeen: true,
  },
  {
    name: 'two files with one id',
    damage: (device) =>
      set32(
        device,
        recordNamed(device, FILE).dataAt + 8,
        get32(device, recordNamed(device, OTHER).dataAt + 8),
      ),
    kind: 'duplicate-id',
    message: 'Invalid file or directory ID found',
    isSeen: null,
  },
  {
    name: 'a folder whose record is gone',
    damage: (device) => set16(device, recordNamed(device, 'deep').dataAt, 0),
    kind: 'missing-folder',
    message: 'Missing directory record (id = ',
    isSeen: true,
  },
  {
    name: 'a folder inside its own child',
    damage: (device) => {
      const folder = get32(device, recordNamed(device, 'folder').dataAt + 8);
      const deep = get32(device, recordNamed(device, 'deep').dataAt + 8);
      set32(device, recordNamed(device, 'deep').dataAt + 8, folder);
      set32(device, recordNamed(device, 'folder').dataAt + 8, deep);
    },
    kind: 'loop',
    message: 'Loop in directory hierarchy',
    isSeen: true,
  },
  {
    name: 'HFSX: a folder with another number of folders',
    damage: (device) => set32(device, recordNamed(device, 'folder').dataAt + 84, 5),
    kind: 'folder-count',
    message: 'Incorrect folder count in a directory (id = ',
    isSeen: true,
    format: 'hfsx',
  },
  {
    name: 'HFSX: a folder that does not count its folders',
    damage: (device) => set16(device, recordNamed(device, 'deep').dataAt + 2, 0),
    kind: 'folder-count',
    message: 'HasFolderCount flag needs to be set (id = ',
    isSeen: true,
    format: 'hfsx',
  },
];

export const LINK_CASES: DamageCase[] = [
  {
    name: 'a link count that is none',
    damage: (device) => set32(device, inode(device).dataAt + 44, 9),
    kind: 'link-count',
    message: 'needs link count adjustment (It should be 3 instead of 9)',
    isSeen: true,
  },
  {
    name: 'a link that leads nowhere',
    damage: (device) => set32(device, recordNamed(device, 'second link').dataAt + 44, 4711),
    kind: 'orphaned-link',
    message: 'Orphaned file hard link (id = ',
    isSeen: true,
  },
  {
    name: 'a chain that goes on to nobody',
    damage: (device) => set32(device, recordNamed(device, 'third link').dataAt + 36, 4711),
    kind: 'link-chain',
    message: 'Next ID in a hard link chain is incorrect (id = ',
    isSeen: null,
  },
  {
    name: 'a chain that begins with nobody',
    damage: (device) => set32(device, inode(device).dataAt + 4, 4711),
    kind: 'link-chain',
    message: 'Invalid first link in hard link chain (id = ',
    isSeen: null,
  },
  {
    name: 'a link with another date',
    damage: (device) => set32(device, recordNamed(device, 'second link').dataAt + 12, 1),
    kind: 'link-date',
    message: 'Bad hard link creation date',
    isSeen: true,
  },
  {
    name: 'an ordinary file with three names',
    damage: (device) => set32(device, recordNamed(device, FILE).dataAt + 44, 3),
    kind: 'link-count',
    message: 'File has incorrect number of links (id = ',
    isSeen: null,
  },
  {
    name: 'a file that nobody links to',
    damage: (device) => {
      const at = inode(device).keyAt + 8 + 2 * 'iNode'.length;
      set16(device, at, 0x39);
      const id = get32(device, inode(device).dataAt + 8);
      const thread = recordsOf(device, 'catalog').find((one) => one.name === '' && one.id === id);
      if (thread) set16(device, thread.dataAt + 10 + 2 * 'iNode'.length, 0x39);
    },
    kind: 'orphaned-inode',
    message: 'Orphaned file inode (id = ',
    isSeen: true,
  },
  {
    name: 'an item with attributes that says it has none',
    damage: (device) => {
      const at = recordNamed(device, 'folder').dataAt + 2;
      set16(device, at, get16(device, at) & ~4);
    },
    kind: 'attribute-flags',
    message: 'Incorrect number of extended attributes',
    isSeen: true,
  },
  {
    name: 'an item without attributes that says it has some',
    damage: (device) => set16(device, recordNamed(device, FILE).dataAt + 2, 6),
    kind: 'attribute-flags',
    message: 'Incorrect number of extended attributes',
    isSeen: true,
  },
  {
    name: 'an attribute of nobody',
    damage: (device) => {
      const last = recordsOf(device, 'attributes').at(-1);
      if (last) set32(device, last.keyAt + 4, 60_000);
    },
    kind: 'attribute-record',
    message: 'Invalid attribute record',
    isSeen: null,
  },
  {
    name: 'an attribute of an unknown type',
    damage: (device) => {
      const last = recordsOf(device, 'attributes').at(-1);
      if (last) set32(device, last.dataAt, 0x77);
    },
    kind: 'attribute-record',
    message: 'Invalid attribute record',
    isSeen: true,
  },
  {
    name: 'an attribute with another number of blocks',
    damage: (device) => {
      const large = recordsOf(device, 'attributes').find((one) => one.name === 'user.large');
      if (large) set32(device, large.dataAt + 8 + 12, 99);
    },
    kind: 'block-count',
    message: 'Incorrect block count for attribute user.large of file /folder',
    isSeen: true,
  },
];

/** No damage at all: a file may hold more blocks than it has bytes for. */
export function preallocate(device: Device): void {
  const at = recordNamed(device, FILE).dataAt + 88;
  patch(device, at, new Uint8Array(8));
}

export const dataOf = (device: Device): Uint8Array => {
  const at = recordNamed(device, FILE).dataAt + 88;
  return bytesAt(device, get32(device, at + 16) * headerOf(device).getUint32(40), 100);
};

export { FILE, OTHER };
