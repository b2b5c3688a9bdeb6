import { assert } from '../../src/engine/base/assert.ts';
import type { Device, Fill, WriteLabel } from '../../src/engine/device/device.ts';

/** The plainest device there can be: one array. For tests of formats, and as the oracle of the real store. */
export class FlatDevice implements Device {
  readonly bytes: Uint8Array;
  readonly isReadOnly = false;
  /** Every write and barrier, in order, for tests of ordering. */
  readonly log: ({ firstBlock: number; blockCount: number; label: WriteLabel } | { barrier: string })[] = [];

  constructor(
    sizeBytes: number,
    readonly blockSizeBytes = 512,
  ) {
    this.bytes = new Uint8Array(sizeBytes);
  }

  get blockCount(): number {
    return this.bytes.length / this.blockSizeBytes;
  }

  #at(firstBlock: number, lengthBytes: number): number {
    const at = firstBlock * this.blockSizeBytes;
    assert(firstBlock >= 0 && at + lengthBytes <= this.bytes.length, `block ${firstBlock} is on the device`);
    assert(lengthBytes % this.blockSizeBytes === 0, `${lengthBytes} bytes are whole blocks`);
    return at;
  }

  read(firstBlock: number, into: Uint8Array): void {
    const at = this.#at(firstBlock, into.length);
    into.set(this.bytes.subarray(at, at + into.length));
  }

  write(firstBlock: number, data: Uint8Array, label: WriteLabel): void {
    this.bytes.set(data, this.#at(firstBlock, data.length));
    this.log.push({ firstBlock, blockCount: data.length / this.blockSizeBytes, label });
  }

  fill(firstBlock: number, blockCount: number, fill: Fill, label: WriteLabel): void {
    assert(fill.generator === 'zero', 'a flat device computes nothing but zeros');
    const at = this.#at(firstBlock, blockCount * this.blockSizeBytes);
    this.bytes.fill(0, at, at + blockCount * this.blockSizeBytes);
    this.log.push({ firstBlock, blockCount, label });
  }

  trim(firstBlock: number, blockCount: number): void {
    const at = this.#at(firstBlock, blockCount * this.blockSizeBytes);
    this.bytes.fill(0, at, at + blockCount * this.blockSizeBytes);
  }

  barrier(reason: string): void {
    this.log.push({ barrier: reason });
  }

  nextStored(firstBlock: number): number {
    let at = firstBlock * this.blockSizeBytes;
    while (at < this.bytes.length && this.bytes[at] === 0) at++;
    return Math.floor(at / this.blockSizeBytes);
  }
}
