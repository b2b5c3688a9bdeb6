import { viewOf } from '../../src/engine/base/bytes.ts';
import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { fletcher64 } from '../../src/engine/codec/fletcher64.ts';
import type { Device } from '../../src/engine/device/device.ts';
import { Store } from '../../src/engine/device/store.ts';
import { newfs } from '../../src/engine/formats/apfs/newfs.ts';
import { DAMAGE } from './volumes.ts';

/** A container to be spoilt, found by offsets alone: no structure of the format's own code is trusted here. */
export const BLOCK = 4096;

const made = new Map<string, Store>();

/** Our own empty container, made once and forked. */
export function newContainer(sizeBytes: number, settings: Readonly<Record<string, string>> = {}): Store {
  const key = JSON.stringify([sizeBytes, settings]);
  let store = made.get(key);
  if (!store) {
    store = new Store({ blockSizeBytes: 4096, blockCount: sizeBytes / BLOCK });
    newfs(store, {
      label: 'Patient',
      settings,
      clock: new SimulatedClock(),
      random: new Prng(11),
      partitionFirstBlock: 0,
    });
    made.set(key, store);
  }
  return store.fork();
}

export const u64 = (view: DataView, at: number): number =>
  view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;

export function put64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

export function seal(bytes: Uint8Array): void {
  const { low, high } = fletcher64(bytes, 8);
  viewOf(bytes).setUint32(0, low, true);
  viewOf(bytes).setUint32(4, high, true);
}

export function isSealed(bytes: Uint8Array): boolean {
  const { low, high } = fletcher64(bytes, 8);
  const view = viewOf(bytes);
  return view.getUint32(0, true) === low && view.getUint32(4, true) === high;
}

export function readBlocks(device: Device, block: number, count = 1): Uint8Array {
  const sectors = BLOCK / device.blockSizeBytes;
  const bytes = new Uint8Array(count * BLOCK);
  device.read(block * sectors, bytes);
  return bytes;
}

export function writeBlocks(device: Device, block: number, bytes: Uint8Array): void {
  device.write((block * BLOCK) / device.blockSizeBytes, bytes, DAMAGE);
}

export type Change = (view: DataView, bytes: Uint8Array) => void;

export class Patient {
  /** Blocks. */
  readonly superblock: number;
  readonly firstMap: number;
  readonly spaceManager: number;
  readonly spaceManagerBlocks: number;
  readonly reaper: number;
  readonly cib: number;
  readonly bitmap: number;
  readonly poolBitmap: number;
  readonly poolBase: number;
  readonly omap: number;
  readonly omapRoot: number;
  readonly volume: number;
  readonly xid: number;

  constructor(readonly store: Device) {
    const zero = this.view(0);
    const base = u64(zero, 0x70);
    let newest = { block: 0, xid: 0 };
    for (let block = base; block < base + zero.getUint32(0x68, true); block++) {
      const view = this.view(block);
      if (view.getUint32(32, true) === 0x4253584e && u64(view, 16) > newest.xid)
        newest = { block, xid: u64(view, 16) };
    }
    const view = this.view(newest.block);
    this.superblock = newest.block;
    this.xid = newest.xid;
    this.firstMap = base + view.getUint32(0x88, true);
    const space = this.ephemeral(u64(view, 0x98));
    this.spaceManager = space.block;
    this.spaceManagerBlocks = space.blocks;
    this.reaper = this.ephemeral(u64(view, 0xa8)).block;
    this.omap = u64(view, 0xa0);
    this.omapRoot = u64(this.view(this.omap), 0x30);
    const spaceView = viewOf(readBlocks(store, space.block, space.blocks));
    this.cib = u64(spaceView, spaceView.getUint32(0x30 + 32, true));
    this.bitmap = u64(this.view(this.cib), 0x28 + 24);
    this.poolBase = u64(spaceView, 0xb0);
    this.poolBitmap = u64(spaceView, 0xa8) + spaceView.getUint16(spaceView.getUint32(0x148, true), true);
    this.volume = u64(this.view(this.omapRoot), BLOCK - 40 - 8);
  }

  view(block: number): DataView {
    return viewOf(readBlocks(this.store, block));
  }

  ephemeral(oid: number): { block: number; blocks: number } {
    const map = this.view(this.firstMap);
    for (let i = 0; i < map.getUint32(0x24, true); i++) {
      const at = 0x28 + 40 * i;
      if (u64(map, at + 24) === oid)
        return { block: u64(map, at + 32), blocks: map.getUint32(at + 8, true) / BLOCK };
    }
    throw new Error(`object ${oid} is mapped`);
  }

  /** Change an object and make its checksum right again. */
  edit(block: number, change: Change, blocks = 1): void {
    const bytes = readBlocks(this.store, block, blocks);
    change(viewOf(bytes), bytes);
    seal(bytes);
    writeBlocks(this.store, block, bytes);
  }

  /** Change bytes and leave checksums alone. */
  spoil(block: number, change: Change): void {
    const bytes = readBlocks(this.store, block);
    change(viewOf(bytes), bytes);
    writeBlocks(this.store, block, bytes);
  }

  /** The newest superblock and its copy in block 0. */
  editSuperblock(change: Change): void {
    this.edit(this.superblock, change);
    this.edit(0, change);
  }

  editSpace(change: Change): void {
    this.edit(this.spaceManager, change, this.spaceManagerBlocks);
  }
}
