import { assert } from '../../../../src/engine/base/assert.ts';
import { CONTAINER_SPENDER } from '../../../../src/engine/formats/apfs/transaction.ts';
import type {
  MetadataBuffer,
  Spender,
  Transaction,
} from '../../../../src/engine/formats/apfs/transaction.ts';
import { seal } from '../../../../src/engine/formats/apfs/object.ts';
import type { BlockReader } from '../../../../src/engine/formats/apfs/btree-home.ts';

/** Blocks in memory and transactions over them that keep the rules of copy-on-write and say when one is broken. */
export class TreeMedium implements Transaction, BlockReader {
  xid = 2;
  readonly blocks = new Map<number, Uint8Array>();
  readonly used = new Set<number>();
  readonly #dirty = new Set<MetadataBuffer>();
  readonly #fresh = new Set<number>();
  #pending: number[] = [];
  #nextOid = 1024;
  #hint = 1;

  copyOf(block: number): Uint8Array {
    const bytes = this.blocks.get(block);
    assert(bytes !== undefined && this.used.has(block), `block ${block} has been written and is in use`);
    return bytes.slice();
  }

  newOid(): number {
    return this.#nextOid++;
  }

  allocateBlock(spender: Spender): number {
    while (this.used.has(this.#hint)) this.#hint++;
    const block = this.#hint++;
    this.used.add(block);
    this.#fresh.add(block);
    spender.blocksAllocated(1);
    return block;
  }

  freeBlocks(firstBlock: number, blockCount: number, spender: Spender): void {
    for (let block = firstBlock; block < firstBlock + blockCount; block++) {
      assert(this.used.has(block), `block ${block} is freed once`);
      if (this.#fresh.delete(block)) {
        this.used.delete(block);
        this.#hint = Math.min(this.#hint, block);
      } else {
        assert(!this.#pending.includes(block), `block ${block} is freed once`);
        this.#pending.push(block);
      }
    }
    spender.blocksFreed(blockCount);
  }

  isFresh(block: number): boolean {
    return this.#fresh.has(block);
  }

  touch(buffer: MetadataBuffer): void {
    this.#dirty.add(buffer);
  }

  forget(buffer: MetadataBuffer): void {
    this.#dirty.delete(buffer);
  }

  /** Blocks in use and not waiting to become free. */
  get usedBlocks(): number {
    return this.used.size - this.#pending.length;
  }

  commit(): void {
    for (const buffer of this.#dirty) {
      assert(
        this.#fresh.has(buffer.block),
        `block ${buffer.block} is written only if this transaction took it`,
      );
      buffer.prepare?.(this.xid);
      seal(buffer.bytes);
      this.blocks.set(buffer.block, buffer.bytes.slice());
    }
    for (const block of this.#pending) {
      this.used.delete(block);
      this.#hint = Math.min(this.#hint, block);
    }
    this.#pending = [];
    this.#dirty.clear();
    this.#fresh.clear();
    this.xid++;
  }
}

/** A spender that keeps count. */
export class CountingSpender implements Spender {
  blocks = 0;

  blocksAllocated(blockCount: number): void {
    this.blocks += blockCount;
  }

  blocksFreed(blockCount: number): void {
    this.blocks -= blockCount;
  }

  available(freeBlocks: number): number {
    return CONTAINER_SPENDER.available(freeBlocks);
  }
}
