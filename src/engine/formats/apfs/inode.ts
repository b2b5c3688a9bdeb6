import { textOf, viewOf } from '../../base/bytes.ts';
import type { Timespec } from '../../base/clock.ts';
import { FsError } from '../../base/errno.ts';
import type { FileType, VolumeNode } from '../contract.ts';
import {
  Dstream,
  INODE_FIELD,
  INODE_FIELD_FLAGS,
  InodeValue,
  MODE_TYPE,
  MODE_TYPE_BITS,
  NO_ID,
  paddedFieldBytes,
  XFieldEntry,
  XFieldsHeader,
} from './layout-catalog.ts';
import { putTime, timeOf } from './layout.ts';

/**
 * An inode in memory, and the bytes of its record. `encodeInode(decodeInode(b))` gives `b` again for every record that
 * a checker accepts: fields nobody here understands are kept as they were, in their order.
 *
 * Sources: Apple File System Reference, "j_inode_val_t", "Extended Fields"; apfsck/inode.c.
 */

/** A stream of bytes that an inode or an extended attribute holds. Its extents hang on an object id of its own. */
export interface Stream {
  sizeBytes: number;
  /** Sum of all extents, holes among them. */
  allocatedBytes: number;
  /** NO_ID: not assigned. */
  cryptoId: number;
  bytesWritten: number;
  bytesRead: number;
  /** A size beyond 2^53 that no number is, as it was read: written back as long as nobody changes the size. */
  readonly stored: StoredSize | null;
}

interface StoredSize {
  /** What stands for it: the end of its last block. */
  readonly sizeBytes: number;
  readonly low: number;
  readonly high: number;
}

/** One without contents. */
export const emptyStream = (): Stream => ({
  sizeBytes: 0,
  allocatedBytes: 0,
  cryptoId: 0,
  bytesWritten: 0,
  bytesRead: 0,
  stored: null,
});

/** An extended field that is kept as it was. */
export interface OtherField {
  readonly type: number;
  readonly flags: number;
  readonly value: Uint8Array;
}

/**
 * A file, directory or anything else of a volume: its record, and what holds it. There is one object for as long as
 * anybody holds it (node-table.ts). Whoever changes a member has it saved (`saveInode`) within the same operation.
 */
export class Inode implements VolumeNode {
  parentId = 0;
  /** Id of the stream; another inode's when it was cloned and nobody has changed it since. */
  privateId = 0;
  createTime: Timespec = NEVER;
  modifyTime: Timespec = NEVER;
  changeTime: Timespec = NEVER;
  accessTime: Timespec = NEVER;
  internalFlags = 0;
  /** Of a directory: its entries. Of anything else: its names. 0 of a file that has lost its last one. */
  childOrLinkCount = 1;
  protectionClass = 0;
  generation = 0;
  bsdFlags = 0;
  uid = 0;
  gid = 0;
  /** Type and permissions. */
  mode = 0;
  uncompressedSizeBytes = 0;
  /** UTF-8 without NUL; of a file with several names, the first one's. */
  nameBytes: Uint8Array = NOTHING;
  stream: Stream | null = null;
  /** Bytes of holes; only those flagged as sparse have the field. */
  sparseBytes = 0;
  /** Major << 24 | minor of a device node. */
  device = 0;
  /** The 32 bytes, where they stand in the inode itself. */
  finderInfo: Uint8Array | null = null;
  otherFields: readonly OtherField[] = NO_FIELDS;
  /** Types of the fields as they were on disk. */
  fieldOrder: readonly number[] = NO_ORDER;

  /** Who holds it: open descriptors, current directories. */
  holders = 0;
  /** Its last name is gone: it lives on in the private directory until its last holder lets go. */
  isUnlinked = false;
  /** Its record is gone too. */
  isGone = false;

  constructor(readonly number: number) {}

  get inode(): number {
    return this.number;
  }

  get type(): FileType {
    return typeOfMode(this.mode);
  }

  get isDirectory(): boolean {
    return (this.mode & MODE_TYPE_BITS) === MODE_TYPE.directory;
  }

  /** The name as text; malformed bytes show as U+FFFD. */
  get name(): string {
    return textOf(this.nameBytes);
  }
}

const NEVER: Timespec = { seconds: 0, nanoseconds: 0 };
const NOTHING = new Uint8Array(0);
const NO_FIELDS: readonly OtherField[] = [];
const NO_ORDER: readonly number[] = [];

const TYPES: Readonly<Record<number, FileType>> = {
  [MODE_TYPE.fifo]: 'fifo',
  [MODE_TYPE.characterDevice]: 'character device',
  [MODE_TYPE.directory]: 'directory',
  [MODE_TYPE.blockDevice]: 'block device',
  [MODE_TYPE.symlink]: 'symlink',
  [MODE_TYPE.socket]: 'socket',
};

/** What a mode says; a file when it says nothing that is known. */
export const typeOfMode = (mode: number): FileType => TYPES[mode & MODE_TYPE_BITS] ?? 'file';

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const AT = {
  parentId: InodeValue.fields.parentId.at,
  privateId: InodeValue.fields.privateId.at,
  createTime: InodeValue.fields.createTime.at,
  modifyTime: InodeValue.fields.modifyTime.at,
  changeTime: InodeValue.fields.changeTime.at,
  accessTime: InodeValue.fields.accessTime.at,
  internalFlags: InodeValue.fields.internalFlags.at,
  childOrLinkCount: InodeValue.fields.childOrLinkCount.at,
  protectionClass: InodeValue.fields.protectionClass.at,
  generation: InodeValue.fields.generation.at,
  bsdFlags: InodeValue.fields.bsdFlags.at,
  uid: InodeValue.fields.uid.at,
  gid: InodeValue.fields.gid.at,
  mode: InodeValue.fields.mode.at,
  uncompressedSize: InodeValue.fields.uncompressedSizeBytes.at,
  fields: InodeValue.sizeBytes,
} as const;

const STREAM_AT = {
  size: Dstream.fields.sizeBytes.at,
  allocated: Dstream.fields.allocatedBytes.at,
  cryptoId: Dstream.fields.cryptoId.at,
  written: Dstream.fields.bytesWritten.at,
  read: Dstream.fields.bytesRead.at,
} as const;

const damaged = (number: number, what: string) =>
  new FsError('EIO', '', '', `the record of inode ${number} ${what}; run fsck`);

const number64 = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);

function putNumber64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** An id, a size or a count: EIO when it is beyond what a volume can have. */
function exactAt(view: DataView, at: number, number: number, what: string): number {
  const value = number64(view, at);
  if (value > Number.MAX_SAFE_INTEGER) throw damaged(number, `has ${what} that no volume can have`);
  return value;
}

/** The inode `number` from the bytes of its record. EIO with a sentence when they cannot be one. */
export function decodeInode(number: number, bytes: Uint8Array): Inode {
  const inode = new Inode(number);
  reloadInode(inode, bytes);
  return inode;
}

/** The same into an object that exists, whose holders stay. */
export function reloadInode(inode: Inode, bytes: Uint8Array): void {
  const { number } = inode;
  if (bytes.length < AT.fields) throw damaged(number, `has ${bytes.length} bytes, fewer than ${AT.fields}`);
  const view = viewOf(bytes);
  inode.parentId = exactAt(view, AT.parentId, number, 'a parent');
  inode.privateId = exactAt(view, AT.privateId, number, 'a stream');
  inode.createTime = timeOf(view, AT.createTime);
  inode.modifyTime = timeOf(view, AT.modifyTime);
  inode.changeTime = timeOf(view, AT.changeTime);
  inode.accessTime = timeOf(view, AT.accessTime);
  inode.internalFlags = exactAt(view, AT.internalFlags, number, 'flags');
  inode.childOrLinkCount = view.getUint32(AT.childOrLinkCount, true);
  inode.protectionClass = view.getUint32(AT.protectionClass, true);
  inode.generation = view.getUint32(AT.generation, true);
  inode.bsdFlags = view.getUint32(AT.bsdFlags, true);
  inode.uid = view.getUint32(AT.uid, true);
  inode.gid = view.getUint32(AT.gid, true);
  inode.mode = view.getUint16(AT.mode, true);
  inode.uncompressedSizeBytes = exactAt(view, AT.uncompressedSize, number, 'a length');
  readFields(inode, bytes, view);
}

function readFields(inode: Inode, bytes: Uint8Array, view: DataView): void {
  const { number } = inode;
  inode.nameBytes = NOTHING;
  inode.stream = null;
  inode.sparseBytes = 0;
  inode.device = 0;
  inode.finderInfo = null;
  inode.otherFields = NO_FIELDS;
  inode.fieldOrder = NO_ORDER;
  if (bytes.length < AT.fields + XFieldsHeader.sizeBytes) return;
  const count = view.getUint16(AT.fields, true);
  const entriesAt = AT.fields + XFieldsHeader.sizeBytes;
  let at = entriesAt + count * XFieldEntry.sizeBytes;
  const order: number[] = [];
  for (let i = 0; i < count; i++) {
    const entryAt = entriesAt + i * XFieldEntry.sizeBytes;
    if (entryAt + XFieldEntry.sizeBytes > bytes.length) {
      throw damaged(number, 'ends within its extended fields');
    }
    const type = view.getUint8(entryAt);
    const sizeBytes = view.getUint16(entryAt + 2, true);
    if (at + sizeBytes > bytes.length) throw damaged(number, 'ends within its extended fields');
    readField(inode, { type, flags: view.getUint8(entryAt + 1), sizeBytes }, bytes, view, at);
    order.push(type);
    at += paddedFieldBytes(sizeBytes);
  }
  inode.fieldOrder = isUsualOrder(order) ? NO_ORDER : order;
}

function readField(
  inode: Inode,
  entry: { readonly type: number; readonly flags: number; readonly sizeBytes: number },
  bytes: Uint8Array,
  view: DataView,
  at: number,
): void {
  const { type, flags, sizeBytes } = entry;
  const expectedBytes = FIELD_SIZE_BYTES[type];
  if (expectedBytes !== undefined && expectedBytes !== sizeBytes) {
    throw damaged(inode.number, `has an extended field ${type} of ${sizeBytes} bytes, not ${expectedBytes}`);
  }
  if (type === INODE_FIELD.name) {
    if (sizeBytes === 0) throw damaged(inode.number, 'has a name without its end');
    inode.nameBytes = bytes.slice(at, at + sizeBytes - 1);
  } else if (type === INODE_FIELD.dstream) {
    inode.stream = readStream(view, at, inode.number);
  } else if (type === INODE_FIELD.sparseBytes) {
    inode.sparseBytes = wholeBlocksAt(view, at, inode.number, 'holes');
  } else if (type === INODE_FIELD.device) {
    inode.device = view.getUint32(at, true);
  } else if (type === INODE_FIELD.finderInfo) {
    inode.finderInfo = bytes.slice(at, at + sizeBytes);
  } else {
    inode.otherFields = [...inode.otherFields, { type, flags, value: bytes.slice(at, at + sizeBytes) }];
  }
}

const FIELD_SIZE_BYTES: Readonly<Record<number, number>> = {
  [INODE_FIELD.dstream]: Dstream.sizeBytes,
  [INODE_FIELD.sparseBytes]: 8,
  [INODE_FIELD.device]: 4,
  [INODE_FIELD.finderInfo]: 32,
};

const BLOCK_BYTES = 4096;

/** Whole blocks, up to 2^63. EIO when it is not that. */
function wholeBlocksAt(view: DataView, at: number, number: number, what: string): number {
  const value = number64(view, at);
  const isExact = value <= Number.MAX_SAFE_INTEGER || view.getUint32(at, true) % BLOCK_BYTES === 0;
  if (!isExact || value > 2 ** 63) throw damaged(number, `has ${what} that no volume can have`);
  return value;
}

/** A size that is no number: it is taken for the end of its last block, so that no byte of it is out of reach. */
function storedSizeAt(view: DataView, at: number, number: number): StoredSize | null {
  const low = view.getUint32(at, true);
  const high = view.getUint32(at + 4, true);
  if (high < 2 ** 21 || low % BLOCK_BYTES === 0) return null;
  const sizeBytes = high * 2 ** 32 + (low - (low % BLOCK_BYTES)) + BLOCK_BYTES;
  if (sizeBytes > 2 ** 63) throw damaged(number, 'has a length that no volume can have');
  return { sizeBytes, low, high };
}

/** The 40 bytes of a stream. `number`: whose it is, for the sentence of EIO. */
export function readStream(view: DataView, at: number, number: number): Stream {
  const cryptoId = number64(view, at + STREAM_AT.cryptoId);
  const stored = storedSizeAt(view, at + STREAM_AT.size, number);
  // One literal with the same members each time: spread out of another object, it would cost half of a stat.
  return {
    sizeBytes: stored?.sizeBytes ?? wholeBlocksAt(view, at + STREAM_AT.size, number, 'a length'),
    allocatedBytes: wholeBlocksAt(view, at + STREAM_AT.allocated, number, 'a length'),
    cryptoId: cryptoId >= NO_ID ? NO_ID : cryptoId,
    bytesWritten: exactAt(view, at + STREAM_AT.written, number, 'a count'),
    bytesRead: exactAt(view, at + STREAM_AT.read, number, 'a count'),
    stored,
  };
}

export function writeStream(view: DataView, at: number, stream: Stream): void {
  putNumber64(view, at + STREAM_AT.size, stream.sizeBytes);
  const { stored } = stream;
  if (stored !== null && stored.sizeBytes === stream.sizeBytes) {
    view.setUint32(at + STREAM_AT.size, stored.low, true);
    view.setUint32(at + STREAM_AT.size + 4, stored.high, true);
  }
  putNumber64(view, at + STREAM_AT.allocated, stream.allocatedBytes);
  if (stream.cryptoId >= NO_ID) {
    view.setUint32(at + STREAM_AT.cryptoId, 0xffff_ffff, true);
    view.setUint32(at + STREAM_AT.cryptoId + 4, 0xffff_ffff, true);
  } else {
    putNumber64(view, at + STREAM_AT.cryptoId, stream.cryptoId);
  }
  putNumber64(view, at + STREAM_AT.written, stream.bytesWritten);
  putNumber64(view, at + STREAM_AT.read, stream.bytesRead);
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Records larger than this have no place in a node. */
const RECORD_BYTES_MAX = 4096;
const scratch = new Uint8Array(RECORD_BYTES_MAX);
const scratchView = viewOf(scratch);

/** The record's bytes: a view of one buffer that the next call fills again. */
export function encodeInode(inode: Inode): Uint8Array {
  const view = scratchView;
  putNumber64(view, AT.parentId, inode.parentId);
  putNumber64(view, AT.privateId, inode.privateId);
  putTime(view, AT.createTime, inode.createTime);
  putTime(view, AT.modifyTime, inode.modifyTime);
  putTime(view, AT.changeTime, inode.changeTime);
  putTime(view, AT.accessTime, inode.accessTime);
  putNumber64(view, AT.internalFlags, inode.internalFlags);
  view.setUint32(AT.childOrLinkCount, inode.childOrLinkCount, true);
  view.setUint32(AT.protectionClass, inode.protectionClass, true);
  view.setUint32(AT.generation, inode.generation >>> 0, true);
  view.setUint32(AT.bsdFlags, inode.bsdFlags >>> 0, true);
  view.setUint32(AT.uid, inode.uid >>> 0, true);
  view.setUint32(AT.gid, inode.gid >>> 0, true);
  view.setUint16(AT.mode, inode.mode, true);
  view.setUint16(AT.mode + 2, 0, true);
  putNumber64(view, AT.uncompressedSize, inode.uncompressedSizeBytes);
  return scratch.subarray(0, writeFields(inode, view));
}

const isSparse = (inode: Inode): boolean => Math.floor(inode.internalFlags / 0x200) % 2 === 1;
const isDevice = (inode: Inode): boolean => {
  const type = inode.mode & MODE_TYPE_BITS;
  return type === MODE_TYPE.characterDevice || type === MODE_TYPE.blockDevice;
};

/** Types of the fields that `inode` has, in the order they are written. */
function fieldsOf(inode: Inode): number[] {
  const types: number[] = [INODE_FIELD.name];
  if (inode.stream !== null) types.push(INODE_FIELD.dstream);
  if (isSparse(inode)) types.push(INODE_FIELD.sparseBytes);
  if (isDevice(inode)) types.push(INODE_FIELD.device);
  if (inode.finderInfo !== null) types.push(INODE_FIELD.finderInfo);
  for (const { type } of inode.otherFields) types.push(type);
  const { fieldOrder } = inode;
  if (fieldOrder.length === 0) return types;
  const placeOf = (type: number) => {
    const place = fieldOrder.indexOf(type);
    return place < 0 ? fieldOrder.length : place;
  };
  return types.sort((a, b) => placeOf(a) - placeOf(b));
}

const USUAL_ORDER: readonly number[] = [
  INODE_FIELD.name,
  INODE_FIELD.dstream,
  INODE_FIELD.sparseBytes,
  INODE_FIELD.device,
  INODE_FIELD.finderInfo,
];

function isUsualOrder(order: readonly number[]): boolean {
  let last = -1;
  for (const type of order) {
    const place = USUAL_ORDER.indexOf(type);
    const at = place < 0 ? USUAL_ORDER.length : place;
    if (at < last) return false;
    last = at;
  }
  return true;
}

/** Returns where the record ends. */
function writeFields(inode: Inode, view: DataView): number {
  const types = fieldsOf(inode);
  const entriesAt = AT.fields + XFieldsHeader.sizeBytes;
  const valuesAt = entriesAt + types.length * XFieldEntry.sizeBytes;
  let at = valuesAt;
  for (let i = 0; i < types.length; i++) {
    const type = types[i] ?? 0;
    const sizeBytes = writeField(inode, type, view, at);
    const entryAt = entriesAt + i * XFieldEntry.sizeBytes;
    view.setUint8(entryAt, type);
    view.setUint8(entryAt + 1, INODE_FIELD_FLAGS[type] ?? flagsOfOther(inode, type));
    view.setUint16(entryAt + 2, sizeBytes, true);
    const end = at + paddedFieldBytes(sizeBytes);
    scratch.fill(0, at + sizeBytes, end);
    at = end;
  }
  view.setUint16(AT.fields, types.length, true);
  view.setUint16(AT.fields + 2, at - valuesAt, true);
  return at;
}

const flagsOfOther = (inode: Inode, type: number): number =>
  inode.otherFields.find((field) => field.type === type)?.flags ?? 0;

/** Returns the size of the value in bytes. */
function writeField(inode: Inode, type: number, view: DataView, at: number): number {
  switch (type) {
    case INODE_FIELD.name:
      scratch.set(inode.nameBytes, at);
      scratch[at + inode.nameBytes.length] = 0;
      return inode.nameBytes.length + 1;
    case INODE_FIELD.dstream:
      if (inode.stream !== null) writeStream(view, at, inode.stream);
      return Dstream.sizeBytes;
    case INODE_FIELD.sparseBytes:
      putNumber64(view, at, inode.sparseBytes);
      return 8;
    case INODE_FIELD.device:
      view.setUint32(at, inode.device >>> 0, true);
      return 4;
    case INODE_FIELD.finderInfo:
      if (inode.finderInfo !== null) scratch.set(inode.finderInfo, at);
      return 32;
    default: {
      const value = inode.otherFields.find((field) => field.type === type)?.value ?? NOTHING;
      scratch.set(value, at);
      return value.length;
    }
  }
}
