import { assert } from '../../src/engine/base/assert.ts';
import { standardUpcase } from '../../src/engine/codec/exfat-upcase.ts';
import type { Store } from '../../src/engine/device/store.ts';
import {
  ENTRY_TYPE,
  FAT_END,
  bootChecksum,
  clusterOffsetBytes,
  geometryOf,
  nameHash,
  setChecksum,
} from '../../src/engine/formats/exfat/layout.ts';
import type { Geometry } from '../../src/engine/formats/exfat/layout.ts';
import { DAMAGE } from './volumes.ts';

/** An exFAT volume under the knife: bytes, FAT, bitmap and entry sets, to be made, looked at and spoilt one by one. */
export class ExfatPatient {
  readonly geometry: Geometry;

  constructor(readonly store: Store) {
    const geometry = geometryOf(this.bytes(0, 512), store.blockCount * store.blockSizeBytes);
    assert(typeof geometry !== 'string', 'the patient begins in good health');
    this.geometry = geometry;
  }

  bytes(offset: number, length: number): Uint8Array {
    const size = this.store.blockSizeBytes;
    const first = Math.floor(offset / size);
    const blocks = new Uint8Array((Math.ceil((offset + length) / size) - first) * size);
    this.store.read(first, blocks);
    return blocks.slice(offset - first * size, offset - first * size + length);
  }

  put(offset: number, bytes: ArrayLike<number>): this {
    const size = this.store.blockSizeBytes;
    const first = Math.floor(offset / size);
    const blocks = this.bytes(first * size, Math.ceil((offset + bytes.length) / size - first) * size);
    blocks.set(bytes, offset - first * size);
    this.store.write(first, blocks, DAMAGE);
    return this;
  }

  u16 = (offset: number): number => new DataView(this.bytes(offset, 2).buffer).getUint16(0, true);
  u32 = (offset: number): number => new DataView(this.bytes(offset, 4).buffer).getUint32(0, true);
  putU16 = (offset: number, value: number): this => this.put(offset, [value & 0xff, value >> 8]);
  putU32 = (offset: number, value: number): this => this.put(offset, bytesOf(value, 4));
  putU64 = (offset: number, value: number): this => this.put(offset, bytesOf(value, 8));

  // ── boot regions ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Write the right checksum into a boot region: 0 the main one, 12 the backup. */
  sumBoot(firstSector = 0): this {
    const { sectorSizeBytes } = this.geometry;
    const at = firstSector * sectorSizeBytes;
    const sum = bootChecksum(this.bytes(at, 11 * sectorSizeBytes), sectorSizeBytes);
    for (let i = 0; i < sectorSizeBytes; i += 4) this.putU32(at + 11 * sectorSizeBytes + i, sum);
    return this;
  }

  // ── FAT and bitmap ────────────────────────────────────────────────────────────────────────────────────────────────

  fatOffset = (cluster: number): number =>
    this.geometry.fatFirstSector * this.geometry.sectorSizeBytes + cluster * 4;
  fat = (cluster: number): number => this.u32(this.fatOffset(cluster));
  setFat = (cluster: number, value: number): this => this.putU32(this.fatOffset(cluster), value);
  clusterOffset = (cluster: number): number => clusterOffsetBytes(this.geometry, cluster);

  chain(first: number): number[] {
    const clusters: number[] = [];
    for (let at = first; at !== FAT_END; at = this.fat(at)) {
      clusters.push(at);
      assert(clusters.length < 100_000 && at >= 2, 'the chain ends');
    }
    return clusters;
  }

  /** Entry of the root directory of this type. */
  systemEntry(type: number): number {
    const found = this.entries('').find((offset) => this.bytes(offset, 1)[0] === type);
    assert(found !== undefined, 'the root directory has the entry');
    return found;
  }

  get bitmapOffset(): number {
    return this.clusterOffset(this.u32(this.systemEntry(ENTRY_TYPE.bitmap) + 20));
  }

  isUsed(cluster: number): boolean {
    const [byte = 0] = this.bytes(this.bitmapOffset + ((cluster - 2) >> 3), 1);
    return ((byte >> ((cluster - 2) & 7)) & 1) === 1;
  }

  setUsed(cluster: number, value: boolean): this {
    const at = this.bitmapOffset + ((cluster - 2) >> 3);
    const [byte = 0] = this.bytes(at, 1);
    const bit = 1 << ((cluster - 2) & 7);
    return this.put(at, [value ? byte | bit : byte & ~bit]);
  }

  /** First of `count` neighbours that are free, from `after` on. */
  freeRun(count: number, after = 2): number {
    for (let first = after; ; first++) {
      const isFree = Array.from({ length: count }, (_, i) => this.isUsed(first + i)).every((used) => !used);
      if (isFree) return first;
    }
  }

  // ── directories ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Offsets of all entries of a directory, in order. '' is the root directory. */
  entries(path: string): number[] {
    const perCluster = this.geometry.clusterSizeBytes / 32;
    return this.clustersOf(path).flatMap((cluster) =>
      Array.from({ length: perCluster }, (_, i) => this.clusterOffset(cluster) + i * 32),
    );
  }

  clustersOf(path: string): number[] {
    if (path === '') return this.chain(this.geometry.rootCluster);
    const { firstCluster, sizeBytes, isContiguous } = this.find(path);
    if (firstCluster === 0) return [];
    if (!isContiguous) return this.chain(firstCluster);
    const count = Math.ceil(sizeBytes / this.geometry.clusterSizeBytes);
    return Array.from({ length: count }, (_, i) => firstCluster + i);
  }

  find(path: string): Found {
    const cut = path.lastIndexOf('/');
    const name = path.slice(cut + 1);
    const entries = this.entries(cut < 0 ? '' : path.slice(0, cut));
    for (let i = 0; i < entries.length; i++) {
      const at = entries[i] ?? 0;
      const file = this.bytes(at, 32);
      if (file[0] === 0) break;
      if (file[0] !== ENTRY_TYPE.file) continue;
      const offsets = entries.slice(i, i + 1 + (file[1] ?? 0));
      const stream = this.bytes(offsets[1] ?? 0, 32);
      const text = offsets.slice(2).map((offset) => this.bytes(offset + 2, 30));
      const length = stream[3] ?? 0;
      const found = text.map((units) => String.fromCharCode(...new Uint16Array(units.buffer))).join('');
      if (found.slice(0, length) !== name) continue;
      const view = new DataView(stream.buffer);
      return {
        offsets,
        at,
        stream: offsets[1] ?? 0,
        firstCluster: view.getUint32(20, true),
        sizeBytes: Number(view.getBigUint64(24, true)),
        isContiguous: ((stream[1] ?? 0) & 2) !== 0,
      };
    }
    throw new Error(`no ${path} on the volume`);
  }

  /** Write the right checksum into a set. */
  sum({ offsets }: Pick<Found, 'offsets'>): this {
    const set = new Uint8Array(offsets.length * 32);
    offsets.forEach((offset, i) => set.set(this.bytes(offset, 32), i * 32));
    return this.putU16((offsets[0] ?? 0) + 2, setChecksum(set, 0, offsets.length));
  }

  /** Change a set, given by its path, and sum it. */
  change(path: string, spoil: (found: Found) => void): this {
    const found = this.find(path);
    spoil(found);
    return this.sum(found);
  }

  /** Offsets of the first `count` neighbouring entries that were never used. */
  freeEntries(path: string, count: number): number[] {
    const entries = this.entries(path);
    const first = entries.findIndex((offset) => this.bytes(offset, 1)[0] === 0);
    assert(first >= 0 && first + count < entries.length, 'the directory has room');
    return entries.slice(first, first + count);
  }

  /** A new entry set behind all others, as `init` says; no cluster is touched. */
  addSet(directory: string, name: string, init: SetInit = {}): Found {
    const count = Math.max(1, Math.ceil(name.length / 15));
    const offsets = this.freeEntries(directory, 2 + count);
    const set = new Uint8Array(offsets.length * 32);
    const view = new DataView(set.buffer);
    set[0] = ENTRY_TYPE.file;
    set[1] = 1 + count;
    view.setUint16(4, init.isDirectory ? 0x10 : 0x20, true);
    for (const at of [8, 12, 16]) view.setUint32(at, STAMP, true);
    for (const at of [22, 23, 24]) set[at] = 0x80;
    set[32] = ENTRY_TYPE.stream;
    set[33] = init.isContiguous ? 3 : 1;
    set[35] = name.length;
    view.setUint16(36, nameHash(name, standardUpcase()), true);
    const sizeBytes = init.sizeBytes ?? 0;
    view.setBigUint64(40, BigInt(init.validBytes ?? sizeBytes), true);
    view.setUint32(52, init.firstCluster ?? 0, true);
    view.setBigUint64(56, BigInt(sizeBytes), true);
    for (let i = 0; i < count; i++) {
      set[64 + i * 32] = ENTRY_TYPE.name;
      for (let k = 0; k < 15 && i * 15 + k < name.length; k++) {
        view.setUint16(66 + i * 32 + k * 2, name.charCodeAt(i * 15 + k), true);
      }
    }
    offsets.forEach((offset, i) => this.put(offset, set.subarray(i * 32, i * 32 + 32)));
    const found = { offsets, at: offsets[0] ?? 0, stream: offsets[1] ?? 0 };
    this.sum(found);
    return {
      ...found,
      firstCluster: init.firstCluster ?? 0,
      sizeBytes,
      isContiguous: init.isContiguous ?? false,
    };
  }

  /** A file with contents: in neighbouring clusters without a chain, or every second cluster with one. */
  addFile(directory: string, name: string, contents: Uint8Array, isContiguous = true): Found {
    const { clusterSizeBytes } = this.geometry;
    const count = Math.ceil(contents.length / clusterSizeBytes);
    const step = isContiguous ? 1 : 2;
    const first = count === 0 ? 0 : this.freeRun(count * step);
    for (let i = 0; i < count; i++) {
      const cluster = first + i * step;
      this.setUsed(cluster, true);
      if (!isContiguous) this.setFat(cluster, i === count - 1 ? FAT_END : cluster + step);
      this.put(
        this.clusterOffset(cluster),
        contents.subarray(i * clusterSizeBytes, (i + 1) * clusterSizeBytes),
      );
    }
    return this.addSet(directory, name, {
      firstCluster: first,
      sizeBytes: contents.length,
      isContiguous: isContiguous && count > 0,
    });
  }

  addDirectory(directory: string, name: string, isContiguous = true): Found {
    const { clusterSizeBytes } = this.geometry;
    const firstCluster = this.freeRun(1);
    this.setUsed(firstCluster, true).put(this.clusterOffset(firstCluster), new Uint8Array(clusterSizeBytes));
    if (!isContiguous) this.setFat(firstCluster, FAT_END);
    return this.addSet(directory, name, {
      isDirectory: true,
      firstCluster,
      sizeBytes: clusterSizeBytes,
      isContiguous,
    });
  }

  /** More clusters for the root directory, every second one. */
  growRoot(count: number): void {
    for (let i = 0; i < count; i++) {
      const last = this.chain(this.geometry.rootCluster).at(-1) ?? 0;
      const cluster = this.freeRun(2) + 1;
      this.setUsed(cluster, true).setFat(last, cluster).setFat(cluster, FAT_END);
    }
  }

  contentsOf(path: string): Uint8Array {
    const { sizeBytes } = this.find(path);
    const { clusterSizeBytes } = this.geometry;
    const out = new Uint8Array(this.clustersOf(path).length * clusterSizeBytes);
    this.clustersOf(path).forEach((cluster, i) =>
      out.set(this.bytes(this.clusterOffset(cluster), clusterSizeBytes), i * clusterSizeBytes),
    );
    return out.subarray(0, sizeBytes);
  }
}

export interface Found {
  /** Of every entry of the set. */
  readonly offsets: readonly number[];
  /** Of the file entry. */
  readonly at: number;
  readonly stream: number;
  readonly firstCluster: number;
  readonly sizeBytes: number;
  readonly isContiguous: boolean;
}

export interface SetInit {
  readonly isDirectory?: boolean;
  readonly firstCluster?: number;
  readonly sizeBytes?: number;
  readonly validBytes?: number;
  readonly isContiguous?: boolean;
}

/** 2026-01-01 09:00. */
const STAMP = (46 << 25) | (1 << 21) | (1 << 16) | (9 << 11);

const bytesOf = (value: number, length: number): number[] =>
  Array.from({ length }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);
