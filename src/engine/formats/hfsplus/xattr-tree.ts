import { FsError } from '../../base/errno.ts';
import { viewOf } from '../../base/bytes.ts';
import type { WriteLabel } from '../../device/device.ts';
import type { BlockRun } from './alloc.ts';
import { BTree } from './btree.ts';
import type { Place, TreeCommit } from './btree.ts';
import { damaged } from './damage.ts';
import { countOf } from './extents.ts';
import { ATTRIBUTES_ORDER } from './extents-order.ts';
import {
  ATTRIBUTE_KEY_LENGTH_BYTES,
  ATTRIBUTE_NAME_UNITS_MAX,
  ATTRIBUTE_RECORD,
  AttributeExtents,
  AttributeFork,
  AttributeInline,
  AttributeKey,
  storedUnits,
} from './layout-catalog.ts';
import { NODE_DESCRIPTOR_SIZE_BYTES, TREE_BIT } from './layout-tree.ts';
import {
  blockOffsetBytes,
  EXTENTS_PER_RECORD,
  readExtents,
  readFork,
  writeExtents,
  writeFork,
} from './layout.ts';
import { headerNode } from './newfs-trees.ts';
import { SpecialFile } from './special-file.ts';
import type { SpecialFileHost } from './special-file.ts';

/**
 * Extended attributes as the attributes tree keeps them: file, name, value.
 *
 * A value that fits stands in the tree itself; a longer one lies in blocks of its own, named by a record with the first
 * eight extents and, for a torn one, further records with eight more each. A value is written as a whole: first to new
 * blocks, then its records change, in one transaction, so that there is always the old value or the new one. A volume
 * without this tree gets one with its first attribute. Sources: apple-oss-distributions/hfs, core/hfs_xattr.c,
 * core/hfs_btreeio.c hfs_create_attr_btree, core/hfs_format.h.
 */
export interface AttributesHost extends SpecialFileHost {
  /** For the transaction that tree nodes join. */
  readonly commit: TreeCommit;
}

/** HFS_XATTR_MAXSIZE */
const VALUE_BYTES_MAX = 2 ** 31 - 1;
const NODE_SIZE_BYTES = 8192;
/** Of a first attributes file: a fifth of the catalog, no more than this, and no more than a tenth of what is free. */
const FIRST_FILE_BYTES_MAX = 20 * 2 ** 20;

const NAME_AT = AttributeKey.sizeBytes;
const DATA_AT = AttributeInline.sizeBytes;
const FORK_AT = AttributeFork.fields.fork.at;
const EXTENTS_AT = AttributeExtents.fields.extents.at;

export class AttributesTree {
  readonly #host: AttributesHost;
  #tree: BTree | undefined;

  /** `tree` undefined: the volume has none yet. */
  constructor(host: AttributesHost, tree: BTree | undefined) {
    this.#host = host;
    this.#tree = tree;
  }

  /** undefined until there is one. */
  get tree(): BTree | undefined {
    return this.#tree;
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** undefined when the file has no such attribute. EIO for a value that cannot be. */
  get(fileId: number, name: string): Uint8Array | undefined {
    const place = this.#find(fileId, name);
    if (place === undefined) return undefined;
    const { node, index } = place;
    const at = node.dataOffsetOf(index);
    const data = node.bytes.subarray(at, node.offsetOf(index + 1));
    switch (typeOf(data)) {
      case ATTRIBUTE_RECORD.inline: {
        const size = data.length < DATA_AT ? Infinity : viewOf(data).getUint32(DATA_AT - 4);
        if (DATA_AT + size > data.length) throw broken(fileId, name, 'it is longer than its record');
        return data.slice(DATA_AT, DATA_AT + size);
      }
      case ATTRIBUTE_RECORD.fork:
        return this.#readFork(fileId, name, place, data);
      default:
        throw broken(fileId, name, 'its record is of an unknown type');
    }
  }

  /** Names in the order of the disk, which is that of their units. */
  names(fileId: number): string[] {
    const names: string[] = [];
    let place = this.#tree?.seek(attributeKey(fileId, '', 0));
    while (place !== undefined && isOf(place, fileId)) {
      const name = nameAt(place);
      if (name !== names.at(-1)) names.push(name);
      place = this.#tree?.next(place);
    }
    return names;
  }

  has(fileId: number): boolean {
    const place = this.#tree?.seek(attributeKey(fileId, '', 0));
    return place !== undefined && isOf(place, fileId);
  }

  #find(fileId: number, name: string): Place | undefined {
    const place = this.#tree?.find(attributeKey(fileId, name, 0));
    return place?.isFound === true ? place : undefined;
  }

  #readFork(fileId: number, name: string, place: Place, data: Uint8Array): Uint8Array {
    const runs = this.#runsOf(fileId, name, place);
    const { logicalSizeBytes } = readFork(data, FORK_AT);
    const { geometry, device } = this.#host;
    const room = countOf(runs) * geometry.blockSizeBytes;
    if (logicalSizeBytes > Math.min(room, VALUE_BYTES_MAX)) {
      throw broken(fileId, name, `it claims ${logicalSizeBytes} bytes, its blocks hold ${room}`);
    }
    const value = new Uint8Array(
      Math.ceil(logicalSizeBytes / geometry.blockSizeBytes) * geometry.blockSizeBytes,
    );
    let done = 0;
    for (const { startBlock, blockCount } of runs) {
      const part = value.subarray(done, done + blockCount * geometry.blockSizeBytes);
      if (part.length > 0) device.read(blockOffsetBytes(geometry, startBlock) / device.blockSizeBytes, part);
      done += part.length;
    }
    return value.subarray(0, logicalSizeBytes);
  }

  /** All runs of the value whose first record is at `place`; none of one that stands in the tree. */
  #runsOf(fileId: number, name: string, place: Place): BlockRun[] {
    const data = dataAt(place);
    if (typeOf(data) !== ATTRIBUTE_RECORD.fork) return [];
    if (data.length < AttributeFork.sizeBytes) throw broken(fileId, name, 'its record is too short');
    const { totalBlocks, extents } = readFork(data, FORK_AT);
    const runs: BlockRun[] = [...extents];
    let blocks = countOf(extents);
    let next: Place | undefined = place;
    while (blocks < totalBlocks) {
      next = this.#tree?.next(next);
      if (next === undefined || !isOf(next, fileId) || nameAt(next) !== name) break;
      const more = dataAt(next);
      if (typeOf(more) !== ATTRIBUTE_RECORD.extents || more.length < AttributeExtents.sizeBytes) break;
      const group = readExtents(more, EXTENTS_AT);
      if (startBlockAt(next) !== blocks || group.length === 0) break;
      runs.push(...group);
      blocks += countOf(group);
    }
    const volumeBlocks = this.#host.geometry.totalBlocks;
    const isOutside = runs.some((run) => run.startBlock + run.blockCount > volumeBlocks);
    if (blocks !== totalBlocks || totalBlocks > volumeBlocks || isOutside) {
      throw broken(fileId, name, `its extents do not make up the ${totalBlocks} blocks it claims`);
    }
    return runs;
  }

  // ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Replaces the whole value, or adds one. E2BIG, ENAMETOOLONG, ENOSPC: the old value stays. `owner` names the file. */
  set(fileId: number, name: string, value: Uint8Array, owner: string): void {
    if (value.length > VALUE_BYTES_MAX) {
      throw new FsError('E2BIG', '', '', `an extended attribute holds at most ${VALUE_BYTES_MAX} bytes`);
    }
    if (name.length > ATTRIBUTE_NAME_UNITS_MAX) {
      const detail = `the name of an attribute has at most ${ATTRIBUTE_NAME_UNITS_MAX} UTF-16 units`;
      throw new FsError('ENAMETOOLONG', '', '', detail);
    }
    if (name === '') throw new FsError('EINVAL', '', '', 'an attribute has a name');
    const tree = this.#tree ?? (this.#tree = this.#create());
    if (value.length > inlineBytesMax(tree.nodeSizeBytes)) {
      this.#setLong(tree, fileId, name, value, owner);
      return;
    }
    tree.reserve(2);
    this.#giveReason(tree, fileId, name);
    this.#removeRecords(tree, fileId, name);
    tree.insert(attributeKey(fileId, name, 0), inlineRecord(value));
  }

  /** In blocks of its own, written before anything refers to them. */
  #setLong(tree: BTree, fileId: number, name: string, value: Uint8Array, owner: string): void {
    const { allocation, geometry } = this.#host;
    const blocks = Math.ceil(value.length / geometry.blockSizeBytes);
    allocation.reserve(blocks);
    const runs = allocation.allocate(0, blocks);
    try {
      if (countOf(runs) < blocks) {
        throw new FsError('ENOSPC', '', '', `the attribute needs ${blocks} allocation blocks`);
      }
      tree.reserve(2 + Math.ceil(runs.length / EXTENTS_PER_RECORD));
      this.#writeValue(runs, value, { role: 'data', owner, reason: `extended attribute ${name}` });
      this.#giveReason(tree, fileId, name);
      this.#removeRecords(tree, fileId, name);
    } catch (error) {
      allocation.giveBack(runs);
      throw error;
    }
    let blocksBefore = 0;
    for (let i = 0; i < runs.length; i += EXTENTS_PER_RECORD) {
      const group = runs.slice(i, i + EXTENTS_PER_RECORD);
      const record = i === 0 ? forkRecord(value.length, blocks, group) : extentsRecord(group);
      tree.insert(attributeKey(fileId, name, blocksBefore), record);
      blocksBefore += countOf(group);
    }
  }

  #writeValue(runs: readonly BlockRun[], value: Uint8Array, label: WriteLabel): void {
    const { device, geometry } = this.#host;
    let done = 0;
    for (const { startBlock, blockCount } of runs) {
      const lengthBytes = blockCount * geometry.blockSizeBytes;
      let part = value.subarray(done, done + lengthBytes);
      if (part.length < lengthBytes) {
        const padded = new Uint8Array(lengthBytes);
        padded.set(part);
        part = padded;
      }
      device.write(blockOffsetBytes(geometry, startBlock) / device.blockSizeBytes, part, label);
      done += lengthBytes;
    }
    this.#host.wroteData();
  }

  /** False when there was none. */
  remove(fileId: number, name: string): boolean {
    const tree = this.#tree;
    if (tree === undefined || this.#find(fileId, name) === undefined) return false;
    tree.reserveForRemoval();
    this.#giveReason(tree, fileId, name);
    this.#removeRecords(tree, fileId, name);
    return true;
  }

  /** Everything the file has; for a file that goes. */
  removeAll(fileId: number): void {
    for (const name of this.names(fileId)) this.remove(fileId, name);
  }

  /** The records of a value, and its blocks. EIO before anything changed. */
  #removeRecords(tree: BTree, fileId: number, name: string): void {
    let place = this.#find(fileId, name);
    if (place === undefined) return;
    const runs = this.#runsOf(fileId, name, place);
    const keys: Uint8Array[] = [];
    while (place !== undefined && isOf(place, fileId) && nameAt(place) === name) {
      keys.push(place.node.keyOf(place.index).slice());
      place = tree.next(place);
    }
    for (const key of keys) tree.remove(key);
    this.#host.allocation.free(runs);
  }

  #giveReason(tree: BTree, fileId: number, name: string): void {
    if (this.#host.isRecording) tree.reason = `attribute ${name} of file ${fileId}`;
  }

  // ── a volume's first attribute ────────────────────────────────────────────────────────────────────────────────────

  #create(): BTree {
    const { header, allocation, geometry, device, commit } = this.#host;
    const catalog = header.fork('catalog');
    const wantedBytes = Math.min(
      Math.max(Math.min(catalog.logicalSizeBytes / 5, FIRST_FILE_BYTES_MAX), catalog.clumpSizeBytes),
      (allocation.freeBlocks * geometry.blockSizeBytes) / 10,
    );
    const nodes = Math.max(2, Math.floor(wantedBytes / NODE_SIZE_BYTES));
    const file = new SpecialFile(this.#host, 'attributes', NODE_SIZE_BYTES);
    const totalNodes = file.grow(nodes);
    const sizeBytes = totalNodes * NODE_SIZE_BYTES;
    header.setFork('attributes', { ...header.fork('attributes'), clumpSizeBytes: nodes * NODE_SIZE_BYTES });
    const first = headerNode(
      { nodeSizeBytes: NODE_SIZE_BYTES, sizeBytes },
      {
        usedNodes: 1,
        firstMapNode: 0,
        leafRecords: 0,
        maxKeyLengthBytes: ATTRIBUTE_KEY_LENGTH_BYTES.max,
        keyCompareType: 0,
        attributes: TREE_BIT.bigKeys + TREE_BIT.variableIndexKeys,
      },
    );
    const label: WriteLabel = { role: 'tree', owner: 'attributes tree', reason: 'header of a new tree' };
    let done = 0;
    for (const { deviceOffsetBytes, lengthBytes } of file.runsOf(0)) {
      device.write(
        deviceOffsetBytes / device.blockSizeBytes,
        first.subarray(done, done + lengthBytes),
        label,
      );
      done += lengthBytes;
    }
    this.#host.wroteData();
    return new BTree(device, 'attributes tree', file, commit, () => ATTRIBUTES_ORDER);
  }
}

// ── keys and records ────────────────────────────────────────────────────────────────────────────────────────────────

/** A key of the attributes tree, with its length field. */
export function attributeKey(fileId: number, name: string, startBlock: number): Uint8Array {
  const key = new Uint8Array(NAME_AT + 2 * name.length);
  const view = viewOf(key);
  view.setUint16(0, key.length - 2);
  view.setUint32(4, fileId);
  view.setUint32(8, startBlock);
  view.setUint16(12, name.length);
  for (let i = 0; i < name.length; i++) view.setUint16(NAME_AT + 2 * i, name.charCodeAt(i));
  return key;
}

const isOf = ({ node, index }: Place, fileId: number): boolean =>
  node.view.getUint32(node.offsetOf(index) + 4) === fileId;

const nameAt = ({ node, index }: Place): string => {
  const key = node.keyOf(index);
  return storedUnits(key, NAME_AT, viewOf(key).getUint16(12));
};

const startBlockAt = ({ node, index }: Place): number => node.view.getUint32(node.offsetOf(index) + 8);

const dataAt = ({ node, index }: Place): Uint8Array =>
  node.bytes.subarray(node.dataOffsetOf(index), node.offsetOf(index + 1));

const typeOf = (data: Uint8Array): number => (data.length < 4 ? 0 : viewOf(data).getUint32(0));

/** The longest value that stands in the tree: two such records fill a node. [hfs_xattr.c getmaxinlineattrsize] */
export function inlineBytesMax(nodeSizeBytes: number): number {
  const records = nodeSizeBytes - NODE_DESCRIPTOR_SIZE_BYTES - 3 * 2;
  const key = ATTRIBUTE_KEY_LENGTH_BYTES.max + 2;
  return ((records >> 1) - key - DATA_AT) & ~1;
}

function inlineRecord(value: Uint8Array): Uint8Array {
  const record = new Uint8Array(DATA_AT + value.length + (value.length & 1));
  const view = viewOf(record);
  view.setUint32(0, ATTRIBUTE_RECORD.inline);
  view.setUint32(DATA_AT - 4, value.length);
  record.set(value, DATA_AT);
  return record;
}

function forkRecord(sizeBytes: number, totalBlocks: number, extents: readonly BlockRun[]): Uint8Array {
  const record = new Uint8Array(AttributeFork.sizeBytes);
  viewOf(record).setUint32(0, ATTRIBUTE_RECORD.fork);
  writeFork(record, { logicalSizeBytes: sizeBytes, clumpSizeBytes: 0, totalBlocks, extents }, FORK_AT);
  return record;
}

function extentsRecord(extents: readonly BlockRun[]): Uint8Array {
  const record = new Uint8Array(AttributeExtents.sizeBytes);
  viewOf(record).setUint32(0, ATTRIBUTE_RECORD.extents);
  writeExtents(record, EXTENTS_AT, extents);
  return record;
}

const broken = (fileId: number, name: string, why: string): FsError =>
  damaged(`attribute ${JSON.stringify(name)} of file ${fileId} is damaged: ${why}`);
