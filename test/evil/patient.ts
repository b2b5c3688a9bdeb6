import { assert } from '../../src/engine/base/assert.ts';
import type { Store } from '../../src/engine/device/store.ts';
import {
  clusterOffsetBytes,
  entryOffsetBytes,
  geometryOf,
  getEntry,
  marksOf,
  setEntry,
} from '../../src/engine/formats/fat32/layout.ts';
import type { Geometry } from '../../src/engine/formats/fat32/layout.ts';
import { DAMAGE } from './volumes.ts';

/** A volume under the knife: bytes, FAT entries and directory slots, to be looked at and spoilt one by one. */
export class Patient {
  readonly geometry: Geometry;

  constructor(readonly store: Store) {
    const geometry = geometryOf(this.bytes(0, 512), store.blockCount * 512);
    assert(typeof geometry !== 'string', 'the patient begins in good health');
    this.geometry = geometry;
  }

  bytes(offset: number, length: number): Uint8Array {
    const first = Math.floor(offset / 512);
    const blocks = new Uint8Array((Math.ceil((offset + length) / 512) - first) * 512);
    this.store.read(first, blocks);
    return blocks.slice(offset - first * 512, offset - first * 512 + length);
  }

  put(offset: number, bytes: ArrayLike<number>): this {
    const first = Math.floor(offset / 512);
    const blocks = this.bytes(first * 512, Math.ceil((offset + bytes.length) / 512 - first) * 512);
    blocks.set(bytes, offset - first * 512);
    this.store.write(first, blocks, DAMAGE);
    return this;
  }

  putU16 = (offset: number, value: number): this => this.put(offset, [value & 0xff, value >> 8]);

  putU32 = (offset: number, value: number): this =>
    this.put(offset, [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]);

  // ── FAT ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  get endOfChain(): number {
    return marksOf(this.geometry.type).endOfChain;
  }

  get bad(): number {
    return marksOf(this.geometry.type).bad;
  }

  fatOffset(copy = 0): number {
    return (
      (this.geometry.reservedSectors + copy * this.geometry.fatSizeSectors) * this.geometry.sectorSizeBytes
    );
  }

  fat(cluster: number, copy = 0): number {
    const { type, fatSizeSectors, sectorSizeBytes } = this.geometry;
    const at = entryOffsetBytes(type, cluster);
    const length = Math.min(at + 4, fatSizeSectors * sectorSizeBytes);
    return getEntry(type, this.bytes(this.fatOffset(copy), length), cluster);
  }

  /** Both copies, unless one is named. */
  setFat(cluster: number, value: number, copies: readonly number[] = [0, 1]): this {
    const { type } = this.geometry;
    for (const copy of copies) {
      const start = cluster & ~1;
      const at = this.fatOffset(copy) + entryOffsetBytes(type, start);
      const pair = this.bytes(at, 8);
      setEntry(type, pair, cluster - start, value);
      this.put(at, pair);
    }
    return this;
  }

  chain(first: number): number[] {
    const clusters: number[] = [];
    for (let at = first; at >= 2 && at < this.geometry.clusterCount + 2; at = this.fat(at)) {
      clusters.push(at);
      assert(clusters.length < 100_000, 'the chain ends');
    }
    return clusters;
  }

  freeCluster(after = 100): number {
    for (let cluster = after; ; cluster++) if (this.fat(cluster) === 0) return cluster;
  }

  // ── directories ───────────────────────────────────────────────────────────────────────────────────────────────────

  clusterOffset(cluster: number): number {
    return clusterOffsetBytes(this.geometry, cluster);
  }

  /** Offsets of all slots of a directory, in order. '' is the root directory. */
  slots(path: string): number[] {
    const { type, rootCluster, rootFirstSector, rootEntryCount, sectorSizeBytes } = this.geometry;
    if (path === '' && type !== 32) {
      return Array.from({ length: rootEntryCount }, (_, i) => rootFirstSector * sectorSizeBytes + i * 32);
    }
    const first = path === '' ? rootCluster : this.find(path).firstCluster;
    return this.chain(first).flatMap((cluster) =>
      Array.from(
        { length: this.geometry.clusterSizeBytes / 32 },
        (_, i) => this.clusterOffset(cluster) + i * 32,
      ),
    );
  }

  /** The entry of a path: 'photos/a.jpg', by long name or by short name in capitals. */
  find(path: string): Found {
    const cut = path.lastIndexOf('/');
    const name = path.slice(cut + 1);
    let parts: { offset: number; text: string }[] = [];
    for (const offset of this.slots(cut < 0 ? '' : path.slice(0, cut))) {
      const slot = this.bytes(offset, 32);
      if (slot[0] === 0) break;
      if (slot[0] === 0xe5) {
        parts = [];
      } else if (slot[11] === 0x0f) {
        parts.push({ offset, text: partText(slot) });
      } else {
        const long = parts
          .map(({ text }) => text)
          .reverse()
          .join('')
          .replace(/\0[\s\S]*/, '');
        if (long === name || shortText(slot).toLowerCase() === name.toLowerCase()) {
          const view = new DataView(slot.buffer);
          const firstCluster =
            view.getUint16(26, true) + (this.geometry.type === 32 ? view.getUint16(20, true) << 16 : 0);
          return {
            offset,
            firstCluster,
            sizeBytes: view.getUint32(28, true),
            parts: parts.map((part) => part.offset),
          };
        }
        parts = [];
      }
    }
    throw new Error(`no ${path} on the volume`);
  }

  setFirstCluster(path: string, cluster: number): this {
    const { offset } = this.find(path);
    return this.putU16(offset + 26, cluster & 0xffff).putU16(offset + 20, cluster >>> 16);
  }

  setSize = (path: string, sizeBytes: number): this => this.putU32(this.find(path).offset + 28, sizeBytes);

  /** The first `count` neighbouring slots that were never used, behind the end marker. */
  freeSlots(path: string, count: number): number[] {
    const slots = this.slots(path);
    const first = slots.findIndex((offset) => this.bytes(offset, 1)[0] === 0);
    assert(first >= 0 && first + count < slots.length, 'the directory has room');
    return slots.slice(first, first + count);
  }

  /** A new short entry behind all others. */
  addEntry(path: string, short: string, attributes: number, firstCluster = 0, sizeBytes = 0): number {
    const [offset = 0] = this.freeSlots(path, 1);
    const slot = new Uint8Array(32);
    for (let i = 0; i < 11; i++) slot[i] = short.charCodeAt(i);
    const view = new DataView(slot.buffer);
    slot[11] = attributes;
    view.setUint16(24, 0x5321, true);
    view.setUint16(26, firstCluster & 0xffff, true);
    view.setUint16(20, firstCluster >>> 16, true);
    view.setUint32(28, sizeBytes, true);
    this.put(offset, slot);
    return offset;
  }
}

export interface Found {
  readonly offset: number;
  readonly firstCluster: number;
  readonly sizeBytes: number;
  readonly parts: readonly number[];
}

const UNITS = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

const partText = (slot: Uint8Array): string =>
  String.fromCharCode(...UNITS.map((at) => (slot[at] ?? 0) | ((slot[at + 1] ?? 0) << 8)));

function shortText(slot: Uint8Array): string {
  const text = String.fromCharCode(...slot.subarray(0, 11));
  const [base, extension] = [text.slice(0, 8).trimEnd(), text.slice(8).trimEnd()];
  return extension === '' ? base : `${base}.${extension}`;
}
