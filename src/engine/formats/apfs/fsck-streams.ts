import { BLOCK_SIZE_BYTES } from './layout.ts';
import { FILE_EXTENT_FLAG, OBJECT_ID, objectIdAt } from './layout-catalog.ts';
import { u64At } from './fsck-check.ts';
import { useCrypto } from './fsck-crypto.ts';
import { EXTENT_VALUE_SIZE_BYTES, KEY_AT } from './fsck-records.ts';
import { HeldExtents } from './fsck-references.ts';
import type { TreeRecord } from './fsck-tree.ts';
import { STREAM } from './fsck-view.ts';
import type { View } from './fsck-view.ts';

/**
 * Streams of bytes (apfs.md §6.5): their extents follow each other from the first byte on and cover what the stream
 * says is allocated, holes among them; as many files hold a stream as its id record says. Behind the end of its
 * contents the last block is zero, which is how a size that is too small gives itself away.
 */

const STREAM_ID_BYTES = 4;

export function visitStreamId(view: View, record: TreeRecord): void {
  const id = objectIdAt(record.view, record.keyAt);
  if (record.valueEnd - record.valueAt !== STREAM_ID_BYTES) {
    view.error('dstream', `dstream id (id ${id}): wrong size of value`, record.block);
    return;
  }
  const stream = view.stream(id, record.block);
  view.streams.set(stream, STREAM.references, record.view.getUint32(record.valueAt, true));
  view.streams.set(stream, STREAM.referencesBlock, record.block);
  view.streams.set(stream, STREAM.referencesAt, record.valueAt);
  view.streams.set(stream, STREAM.block, record.block);
}

export function visitExtent(view: View, record: TreeRecord): void {
  const { valueAt, block } = record;
  const id = objectIdAt(record.view, record.keyAt);
  const offset = u64At(record.view, record.keyAt + KEY_AT.second);
  const wrong = (text: string): void =>
    view.error('extent', `file extent (id ${id}, offset ${offset}): ${text}`, block);
  if (view.facts.isSealed) wrong('on a sealed volume');
  if (record.valueEnd - valueAt !== EXTENT_VALUE_SIZE_BYTES) {
    wrong(`wrong size of value (${record.valueEnd - valueAt}, expected ${EXTENT_VALUE_SIZE_BYTES})`);
    return;
  }
  const flags = record.view.getUint8(valueAt + 7);
  if ((flags & ~(FILE_EXTENT_FLAG.encrypted | FILE_EXTENT_FLAG.preallocated)) !== 0)
    wrong(`unknown flags (${flags})`);
  const isPreallocated = (flags & FILE_EXTENT_FLAG.preallocated) !== 0;
  if (isPreallocated && !view.facts.hasPreallocationFlag)
    wrong('preallocated, but the volume has no such feature');
  useCrypto(view, u64At(record.view, valueAt + 16), block);
  const high = record.view.getUint32(valueAt + 4, true) & 0xff_ffff;
  const lengthBytes = high * 2 ** 32 + record.view.getUint32(valueAt, true);
  addExtent(view, { id, offset, lengthBytes, firstBlock: u64At(record.view, valueAt + 8), block }, wrong);
  if (view.facts.hasPreallocationFlag) {
    view.preallocations.push({ stream: view.stream(id, block), offset, isPreallocated, block });
  }
}

interface Extent {
  readonly id: number;
  readonly offset: number;
  readonly lengthBytes: number;
  /** 0: a hole. */
  readonly firstBlock: number;
  /** Of the node. */
  readonly block: number;
}

/** A file extent of the catalog, or of the tree that a sealed volume has instead. */
export function addExtent(view: View, extent: Extent, wrong: (text: string) => void): void {
  const { streams } = view;
  const { id, offset, lengthBytes, firstBlock, block } = extent;
  if (lengthBytes === 0) wrong('length is zero');
  if (lengthBytes % BLOCK_SIZE_BYTES !== 0)
    wrong(`length (${lengthBytes}) is not a multiple of the block size`);
  if (offset % BLOCK_SIZE_BYTES !== 0) wrong('offset is not a multiple of the block size');
  const row = view.stream(id, block);
  const covered = streams.get(row, STREAM.coveredBytes);
  // A file that waits to be deleted may have lost its first extents already.
  if (covered === 0) streams.set(row, STREAM.startBytes, offset);
  const expected = streams.get(row, STREAM.startBytes) + covered;
  if (expected !== offset) wrong(`extents do not follow each other (offset ${offset}, expected ${expected})`);
  streams.set(row, STREAM.coveredBytes, covered + lengthBytes);
  if (firstBlock === 0) {
    streams.increase(row, STREAM.sparseBytes, lengthBytes);
    streams.set(row, STREAM.lastBlock, 0);
    return;
  }
  const count = Math.ceil(lengthBytes / BLOCK_SIZE_BYTES);
  if (!view.check.isInside(firstBlock, Math.max(count, 1))) {
    wrong(`blocks ${firstBlock}+${count} are not in the container`);
    return;
  }
  if (streams.get(row, STREAM.extentsTo) !== view.extentFirst.length) {
    streams.set(row, STREAM.extentsFrom, view.extentFirst.length);
  }
  view.extentFirst.push(firstBlock);
  view.extentEnd.push(firstBlock + count);
  streams.set(row, STREAM.extentsTo, view.extentFirst.length);
  streams.set(row, STREAM.lastBlock, firstBlock);
  streams.set(row, STREAM.lastOffset, offset);
  streams.set(row, STREAM.lastEnd, offset + lengthBytes);
}

export function checkStreams(view: View): void {
  const { streams } = view;
  for (let row = 0; row < streams.length; row++) {
    checkHolders(view, row);
    if (streams.get(row, STREAM.holders) === 0) continue;
    if (streams.get(row, STREAM.isOrphan) === 1) checkOrphan(view, row);
    else checkSizes(view, row);
  }
  for (const { stream, offset, isPreallocated, block } of view.preallocations) {
    if (isPreallocated !== offset >= streams.get(stream, STREAM.sizeBytes)) {
      const at = `file extent (id ${streams.get(stream, STREAM.id)}, offset ${offset})`;
      view.error('extent', `${at}: wrong preallocation flag`, block);
    }
  }
}

function tell(view: View, row: number, text: string): void {
  const { streams } = view;
  view.error(
    'dstream',
    `dstream (id ${streams.get(row, STREAM.id)}): ${text}`,
    streams.get(row, STREAM.block),
  );
}

function checkHolders(view: View, row: number): void {
  const { streams } = view;
  const id = streams.get(row, STREAM.id);
  const holders = streams.get(row, STREAM.holders);
  const references = streams.get(row, STREAM.references);
  if (holders === 0) tell(view, row, 'no file and no attribute has it');
  if (id < OBJECT_ID.firstUser) tell(view, row, 'reserved id');
  view.useId(id);
  if (streams.get(row, STREAM.isXattr) === 1) {
    if (references !== -1) tell(view, row, 'an attribute’s, but it has a reference count');
    if (streams.get(row, STREAM.sparseBytes) !== 0) tell(view, row, 'an attribute’s, but it has holes');
  } else if (holders > 0 && references === -1) tell(view, row, 'reference count is missing');
  else if (holders > 0 && references !== holders) {
    const text = `dstream (id ${id}): refcnt (${references}, expected ${holders})`;
    const block = streams.get(row, STREAM.referencesBlock);
    view.error(
      'reference-count',
      text,
      block,
      view.fix(block, streams.get(row, STREAM.referencesAt), 4, holders),
    );
  }
}

function checkOrphan(view: View, row: number): void {
  const { streams } = view;
  const allocated = streams.get(row, STREAM.allocatedBytes);
  const size = streams.get(row, STREAM.sizeBytes);
  if (size > allocated) tell(view, row, `size (${size}) greater than alloced_size (${allocated})`);
  const covered = streams.get(row, STREAM.coveredBytes);
  if (covered === 0) return;
  const end = streams.get(row, STREAM.startBytes) + covered;
  if (end !== allocated) tell(view, row, `extents end at ${end}, but alloced_size is ${allocated}`);
}

function checkSizes(view: View, row: number): void {
  const { streams } = view;
  const size = streams.get(row, STREAM.sizeBytes);
  const covered = streams.get(row, STREAM.coveredBytes);
  const allocated = streams.get(row, STREAM.allocatedBytes);
  if (covered > 0 && streams.get(row, STREAM.startBytes) !== 0) {
    tell(view, row, `first extents are missing (they begin at ${streams.get(row, STREAM.startBytes)})`);
  }
  if (covered < size) tell(view, row, `extents are missing (size ${size}, they cover ${covered})`);
  if (covered !== allocated) tell(view, row, `alloced_size (${allocated}, expected ${covered})`);
  else if (covered >= size) checkTail(view, row, size);
}

/** Bytes between the end of the contents and the end of their last block. */
function checkTail(view: View, row: number, sizeBytes: number): void {
  const { streams, check } = view;
  const used = sizeBytes % BLOCK_SIZE_BYTES;
  const lastOffset = streams.get(row, STREAM.lastOffset);
  const lastBlock = streams.get(row, STREAM.lastBlock);
  const isStored = sizeBytes > lastOffset && sizeBytes <= streams.get(row, STREAM.lastEnd);
  if (used === 0 || lastBlock === 0 || !isStored || view.facts.isEncrypted) return;
  const block = lastBlock + Math.floor((sizeBytes - lastOffset) / BLOCK_SIZE_BYTES);
  if (!check.isInside(block, 1)) return;
  if (isZeroFrom(check.read(block), used)) return;
  const id = streams.get(row, STREAM.id);
  view.warning('dstream', `dstream (id ${id}): contents go on behind size (${sizeBytes})`, block);
}

/** Whole words where it can: every file of a volume has such a block. */
function isZeroFrom(bytes: Uint8Array, from: number): boolean {
  let at = from;
  while (at % 4 !== 0) if (bytes[at++] !== 0) return false;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + at, (bytes.length - at) >> 2);
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
  return true;
}

/** The blocks that the streams of this state hold, for comparison with the extent references. */
export function heldExtents(view: View): HeldExtents {
  const held = new HeldExtents();
  const { streams } = view;
  const first = view.extentFirst.view();
  const end = view.extentEnd.view();
  for (let row = 0; row < streams.length; row++) {
    const from = streams.get(row, STREAM.extentsFrom);
    const to = streams.get(row, STREAM.extentsTo);
    if (to > from) held.addStream(first, end, from, to, streams.get(row, STREAM.isXattr) === 1);
  }
  return held;
}
