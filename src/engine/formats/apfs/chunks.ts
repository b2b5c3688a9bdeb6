import { viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { WriteLabel } from '../../device/device.ts';
import type { Blocks } from './blocks.ts';
import type { InternalPool } from './internal-pool.ts';
import {
  BLOCKS_PER_CHUNK,
  CHUNK_INFO_SIZE_BYTES,
  CHUNK_INFOS_AT,
  CHUNKS_PER_CIB,
  CIB_ADDRESSES_AT,
  CIBS_PER_CAB,
  FREE_COUNT_MASK,
} from './layout-space.ts';
import { BLOCK_SIZE_BYTES, TYPE_WORD } from './layout.ts';
import { isIntact, putHeader, seal } from './object.ts';
import type { SpaceObject } from './space-object.ts';
import { get64, put64 } from './words.ts';

/**
 * Chunk info blocks and their address blocks, read when first asked for and kept: 4 KiB for 15.75 GiB of disk. The
 * first change of a chunk in a transaction gives its bitmap, its chunk info block and the address block above new
 * places in the internal pool.
 */
export class ChunkTable {
  readonly chunkCount: number;
  readonly #cibCount: number;
  readonly #cabCount: number;
  readonly #cibs: (DataView | undefined)[] = [];
  readonly #cabs: (DataView | undefined)[] = [];
  /** Changed in the running transaction, with their new places. */
  readonly #dirtyCibs = new Map<number, number>();
  readonly #dirtyCabs = new Map<number, number>();

  constructor(
    readonly blocks: Blocks,
    readonly space: SpaceObject,
    readonly pool: InternalPool,
  ) {
    const { chunkCount, cibCount, cabCount } = space.device;
    this.chunkCount = chunkCount;
    this.#cibCount = cibCount;
    this.#cabCount = cabCount;
  }

  blockCount(chunk: number): number {
    return this.#cib(Math.floor(chunk / CHUNKS_PER_CIB)).getUint32(infoAt(chunk) + 16, true);
  }

  freeCount(chunk: number): number {
    const cib = this.#cib(Math.floor(chunk / CHUNKS_PER_CIB));
    return cib.getUint32(infoAt(chunk) + 20, true) & FREE_COUNT_MASK;
  }

  /** 0: the whole chunk is free. */
  bitmapBlock(chunk: number): number {
    return get64(this.#cib(Math.floor(chunk / CHUNKS_PER_CIB)), infoAt(chunk) + 24);
  }

  /** Of a chunk that `change` was called for in this transaction. */
  addFree(chunk: number, difference: number): void {
    const cib = this.#cib(Math.floor(chunk / CHUNKS_PER_CIB));
    const at = infoAt(chunk) + 20;
    cib.setUint32(at, cib.getUint32(at, true) + difference, true);
  }

  /** The chunk's bitmap will change in transaction `xid`: it gets a new place, which is the result. */
  change(chunk: number, xid: number): number {
    const index = Math.floor(chunk / CHUNKS_PER_CIB);
    const cib = this.#cib(index);
    const at = infoAt(chunk);
    const old = get64(cib, at + 24);
    const place = this.pool.allocate();
    if (old !== 0) this.pool.free(old);
    this.#changeCib(index);
    put64(cib, at, xid);
    put64(cib, at + 24, place);
    return place;
  }

  #changeCib(index: number): void {
    if (this.#dirtyCibs.has(index)) return;
    const place = this.pool.allocate();
    this.#dirtyCibs.set(index, place);
    if (this.#cabCount === 0) {
      this.pool.free(this.space.address(index));
      this.space.setAddress(index, place);
      return;
    }
    const cabIndex = Math.floor(index / CIBS_PER_CAB);
    const cab = this.#cab(cabIndex);
    const at = CIB_ADDRESSES_AT + 8 * (index % CIBS_PER_CAB);
    this.pool.free(get64(cab, at));
    put64(cab, at, place);
    if (this.#dirtyCabs.has(cabIndex)) return;
    const cabPlace = this.pool.allocate();
    this.#dirtyCabs.set(cabIndex, cabPlace);
    this.pool.free(this.space.address(cabIndex));
    this.space.setAddress(cabIndex, cabPlace);
  }

  /** The chunk gets another length; its bitmap has been given a new place by `change` in this transaction. */
  setLength(chunk: number, blockCount: number, freeCount: number): void {
    const cib = this.#cib(Math.floor(chunk / CHUNKS_PER_CIB));
    cib.setUint32(infoAt(chunk) + 16, blockCount, true);
    cib.setUint32(infoAt(chunk) + 20, freeCount, true);
  }

  /**
   * The table of a container of another size, in the new pool, where bitmaps, chunk info blocks and address blocks all
   * get new places. `moved` is told of every chunk's bitmap that has to be there when the transaction is written, and
   * answers with the chunk's free blocks. Chunks beyond the old ones are free.
   */
  resized(next: ResizedTable): ChunkTable {
    const { space, pool, xid, moved } = next;
    const { blockCount, chunkCount } = space.device;
    const table = new ChunkTable(this.blocks, space, pool);
    for (let chunk = 0; chunk < chunkCount; chunk++) {
      const index = Math.floor(chunk / CHUNKS_PER_CIB);
      const cib = (table.#cibs[index] ??= newBlock(index, Math.min(CHUNKS_PER_CIB, chunkCount - chunk)));
      const address = chunk * BLOCKS_PER_CHUNK;
      const length = Math.min(BLOCKS_PER_CHUNK, blockCount - address);
      const old = chunk < this.chunkCount ? this.bitmapBlock(chunk) : 0;
      const place = old === 0 ? 0 : pool.allocate();
      const at = infoAt(chunk);
      put64(cib, at, xid);
      put64(cib, at + 8, address);
      cib.setUint32(at + 16, length, true);
      cib.setUint32(at + 20, old === 0 ? length : moved({ chunk, length, old, place }), true);
      put64(cib, at + 24, place);
    }
    table.#placeAll();
    return table;
  }

  /** Every chunk info block and address block gets a place and will be written. */
  #placeAll(): void {
    for (let index = 0; index < this.#cibCount; index++) {
      const place = this.pool.allocate();
      this.#dirtyCibs.set(index, place);
      if (this.#cabCount === 0) {
        this.space.setAddress(index, place);
        continue;
      }
      const cabIndex = Math.floor(index / CIBS_PER_CAB);
      const count = Math.min(CIBS_PER_CAB, this.#cibCount - cabIndex * CIBS_PER_CAB);
      const cab = (this.#cabs[cabIndex] ??= newBlock(cabIndex, count));
      put64(cab, CIB_ADDRESSES_AT + 8 * (index % CIBS_PER_CAB), place);
    }
    for (let index = 0; index < this.#cabCount; index++) {
      const place = this.pool.allocate();
      this.#dirtyCabs.set(index, place);
      this.space.setAddress(index, place);
    }
  }

  write(xid: number): void {
    for (const [index, place] of this.#dirtyCibs) {
      const { buffer, byteOffset, byteLength } = this.#cib(index);
      this.#write(
        new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
        place,
        xid,
        TYPE_WORD.chunkInfo,
        LABEL_CIB,
      );
    }
    for (const [index, place] of this.#dirtyCabs) {
      const { buffer, byteOffset, byteLength } = this.#cab(index);
      const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
      this.#write(bytes, place, xid, TYPE_WORD.chunkInfoAddresses, LABEL_CAB);
    }
    this.#dirtyCibs.clear();
    this.#dirtyCabs.clear();
  }

  #write(bytes: Uint8Array, place: number, xid: number, type: number, label: WriteLabel): void {
    putHeader(bytes, place, xid, type, 0);
    seal(bytes);
    this.blocks.write(place, bytes, label);
  }

  #cib(index: number): DataView {
    let cib = this.#cibs[index];
    if (cib === undefined) {
      const block =
        this.#cabCount === 0
          ? this.space.address(index)
          : get64(this.#cab(Math.floor(index / CIBS_PER_CAB)), CIB_ADDRESSES_AT + 8 * (index % CIBS_PER_CAB));
      cib = this.#read(block, TYPE_WORD.chunkInfo, index, 'chunk info block');
      const isLast = index === this.#cibCount - 1;
      const expected = isLast ? this.chunkCount - index * CHUNKS_PER_CIB : CHUNKS_PER_CIB;
      if (cib.getUint32(0x24, true) !== expected) throw damaged('chunk info block', index, block);
      this.#cibs[index] = cib;
    }
    return cib;
  }

  #cab(index: number): DataView {
    let cab = this.#cabs[index];
    if (cab === undefined) {
      const block = this.space.address(index);
      cab = this.#read(block, TYPE_WORD.chunkInfoAddresses, index, 'chunk info address block');
      this.#cabs[index] = cab;
    }
    return cab;
  }

  #read(block: number, type: number, index: number, what: string): DataView {
    const bytes = this.blocks.copyOf(block);
    const view = viewOf(bytes);
    const isGood =
      isIntact(bytes) && view.getUint32(24, true) === type && view.getUint32(0x20, true) === index;
    if (!isGood) throw damaged(what, index, block);
    return view;
  }
}

export interface ResizedTable {
  readonly space: SpaceObject;
  readonly pool: InternalPool;
  readonly xid: number;
  moved(bitmap: MovedBitmap): number;
}

export interface MovedBitmap {
  readonly chunk: number;
  /** Blocks of the chunk from now on. */
  readonly length: number;
  readonly old: number;
  readonly place: number;
}

/** A chunk info block or an address block without entries. */
function newBlock(index: number, count: number): DataView {
  const view = viewOf(new Uint8Array(BLOCK_SIZE_BYTES));
  view.setUint32(0x20, index, true);
  view.setUint32(0x24, count, true);
  return view;
}

const infoAt = (chunk: number): number => CHUNK_INFOS_AT + (chunk % CHUNKS_PER_CIB) * CHUNK_INFO_SIZE_BYTES;

const damaged = (what: string, index: number, block: number): FsError =>
  new FsError(
    'EIO',
    '',
    '',
    `${what} ${index} in block ${block} is damaged: which blocks are free is not known; check the container with fsck`,
  );

const LABEL_CIB: WriteLabel = {
  role: 'allocation',
  owner: 'chunk info block',
  reason: 'say how many blocks of each chunk are free',
};
const LABEL_CAB: WriteLabel = {
  role: 'allocation',
  owner: 'chunk info address block',
  reason: 'tell where the chunk info blocks are',
};
