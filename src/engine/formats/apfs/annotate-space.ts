import { viewOf } from '../../base/bytes.ts';
import type { Annotation } from '../../codec/struct.ts';
import {
  BLOCKS_PER_CHUNK,
  CHUNKS_PER_CIB,
  CHUNK_INFOS_AT,
  CHUNK_INFO_SIZE_BYTES,
  CIBS_PER_CAB,
  CIB_ADDRESSES_AT,
  ChunkInfo,
  ChunkInfoBlock,
  CibAddressBlock,
  FreeQueue,
  NO_SLOT,
  SPACE_DATAZONE_AT,
  SPACE_FLAG_VERSIONED,
  SPACE_PLAIN_SIZE_BYTES,
  SPACE_VERSIONED_SIZE_BYTES,
  SpaceDatazone,
  SpaceDevice,
  SpaceManagerHead,
  SpacePool,
  SpaceRing,
  SpaceVersion,
  SPACE_DEVICES_AT,
  SPACE_POOL_AT,
  SPACE_RING_AT,
} from './layout-space.ts';
import { FieldList, count, rangeOf } from './annotate-pieces.ts';
import { QUEUES } from './view-space.ts';

/** The bytes of the space manager and of what it keeps in the internal pool. */

const SECTION = 'Apple File System Reference, "Space Manager"';

/** The whole object, however many blocks it has. */
export function spaceManagerFields(bytes: Uint8Array): Annotation[] {
  const list = new FieldList(bytes);
  const end = bytes.length;
  list.struct(SpaceManagerHead, end);
  for (const name of ['main device: ', 'second device: ']) {
    list.prefix = name;
    list.struct(SpaceDevice, end);
  }
  list.prefix = '';
  list.struct(SpacePool, end);
  for (const { title } of QUEUES) {
    list.prefix = `${title}: `;
    list.struct(FreeQueue, end);
  }
  list.prefix = '';
  list.struct(SpaceRing, end);
  const pool = SpacePool.peek(bytes, SPACE_POOL_AT);
  const isVersioned = (pool.flags & SPACE_FLAG_VERSIONED) !== 0;
  if (isVersioned) {
    list.struct(SpaceVersion, end);
    list.rest(Math.min(SPACE_DATAZONE_AT, end), 'padding', 'before the datazone');
    list.struct(SpaceDatazone, end);
  }
  for (const array of arraysOf(bytes, isVersioned)) explainArray(list, array, end);
  list.rest(end, 'unused', 'behind the last array');
  return list.fields;
}

interface NumberArray {
  readonly at: number;
  readonly count: number;
  readonly sizeBytes: 2 | 8;
  readonly name: string;
  readonly doc: string;
  readonly show: (value: number) => string;
}

function arraysOf(bytes: Uint8Array, isVersioned: boolean): NumberArray[] {
  const pool = SpacePool.peek(bytes, SPACE_POOL_AT);
  const ring = SpaceRing.peek(bytes, SPACE_RING_AT);
  const slot = (value: number): string => (value === NO_SLOT ? 'none' : `slot ${value}`);
  const arrays: NumberArray[] = [
    {
      at: ring.bitmapXidOffsetBytes,
      count: pool.bitmapSizeBlocks,
      sizeBytes: 8,
      name: 'bitmap xid',
      doc: 'transaction that wrote this bitmap of the internal pool last',
      show: (value) => `transaction ${value}`,
    },
    {
      at: ring.bitmapSlotOffsetBytes,
      count: pool.bitmapSizeBlocks,
      sizeBytes: 2,
      name: 'bitmap slot',
      doc: 'place in the ring where this bitmap of the internal pool lies now',
      show: slot,
    },
    {
      at: ring.freeNextOffsetBytes,
      count: pool.bitmapRingBlocks,
      sizeBytes: 2,
      name: 'free next',
      doc: 'chain of free places of the ring: the next one; none for the last and for those in use',
      show: slot,
    },
  ];
  for (let which = 0; which < 2; which++) {
    const device = SpaceDevice.peek(bytes, SPACE_DEVICES_AT + which * SpaceDevice.sizeBytes);
    const isTwoLevels = device.cabCount > 0;
    arrays.push({
      at: device.addressOffsetBytes,
      count: isTwoLevels ? device.cabCount : device.cibCount,
      sizeBytes: 8,
      name: isTwoLevels ? 'CAB' : 'CIB',
      doc: isTwoLevels ? 'block of addresses of chunk info blocks' : 'chunk info block',
      show: (value) => `block ${value}`,
    });
  }
  const least = isVersioned ? SPACE_VERSIONED_SIZE_BYTES : SPACE_PLAIN_SIZE_BYTES;
  return arrays.filter((array) => array.count > 0 && array.at >= least).sort((a, b) => a.at - b.at);
}

function explainArray(list: FieldList, array: NumberArray, end: number): void {
  if (array.at < list.at) return;
  const { sizeBytes } = array;
  const view = viewOf(list.bytes);
  list.rest(Math.min(array.at, end), 'padding', 'before the next array');
  for (let i = 0; i < array.count && list.at + sizeBytes <= end; i++) {
    const value =
      sizeBytes === 2
        ? view.getUint16(list.at, true)
        : view.getUint32(list.at + 4, true) * 2 ** 32 + view.getUint32(list.at, true);
    list.run(list.at + sizeBytes, `${array.name}[${i}]`, array.show(value), array.doc, SECTION);
  }
}

export function chunkInfoFields(bytes: Uint8Array): Annotation[] {
  const list = new FieldList(bytes);
  list.struct(ChunkInfoBlock, CHUNK_INFOS_AT);
  const { index, count: chunks } = ChunkInfoBlock.peek(bytes);
  for (let i = 0; i < Math.min(chunks, CHUNKS_PER_CIB); i++) {
    list.prefix = `chunk ${index * CHUNKS_PER_CIB + i}: `;
    list.struct(ChunkInfo, CHUNK_INFOS_AT + (i + 1) * CHUNK_INFO_SIZE_BYTES);
  }
  list.prefix = '';
  list.rest(bytes.length, 'unused', 'room for more chunks');
  return list.fields;
}

export function chunkAddressFields(bytes: Uint8Array): Annotation[] {
  const list = new FieldList(bytes);
  list.struct(CibAddressBlock, CIB_ADDRESSES_AT);
  const { index, count: cibs } = CibAddressBlock.peek(bytes);
  explainArray(
    list,
    {
      at: CIB_ADDRESSES_AT,
      count: Math.min(cibs, CIBS_PER_CAB),
      sizeBytes: 8,
      name: 'CIB',
      doc: `chunk info block, the first is number ${index * CIBS_PER_CAB}`,
      show: (value) => `block ${value}`,
    },
    bytes.length,
  );
  list.rest(bytes.length, 'unused', 'room for more addresses');
  return list.fields;
}

// ── bitmaps ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A block of bits, of which the first stands for block `firstBlock`; `blockCount` of them have a meaning. */
export function bitmapFields(bytes: Uint8Array, firstBlock: number, blockCount: number): Annotation[] {
  const list = new FieldList(bytes);
  const bits = Math.min(Math.max(blockCount, 0), BLOCKS_PER_CHUNK);
  const covered = Math.ceil(bits / 8);
  const doc = 'one bit for every block, lowest first; 1: used';
  while (list.at < covered) {
    const value = bytes[list.at] ?? 0;
    let end = list.at + 1;
    if (value === 0 || value === 0xff) while (end < covered && bytes[end] === value) end++;
    const first = list.at * 8;
    const length = Math.min(end * 8, bits) - first;
    list.run(
      end,
      rangeOf('block', firstBlock + first, length),
      bitsText(value, firstBlock + first, length),
      doc,
      SECTION,
    );
  }
  list.rest(bytes.length, 'no blocks', 'there are no blocks for these bits; they are 0');
  return list.fields;
}

/** 'used', 'free', 'used: 3, 5 to 7' */
function bitsText(value: number, first: number, length: number): string {
  if (value === 0) return 'free';
  const runs: string[] = [];
  let used = 0;
  for (let bit = 0; bit < Math.min(length, 8); bit++) {
    if (((value >>> bit) & 1) === 0) continue;
    let end = bit + 1;
    while (end < length && ((value >>> end) & 1) === 1) end++;
    runs.push(end - bit === 1 ? String(first + bit) : `${first + bit} to ${first + end - 1}`);
    used += end - bit;
    bit = end;
  }
  if (used === Math.min(length, 8)) return 'used';
  return `${count(used, 'block')} used: ${runs.join(', ')}`;
}
