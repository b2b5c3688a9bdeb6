import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { viewOf } from '../../src/engine/base/bytes.ts';
import { fletcher64 } from '../../src/engine/codec/fletcher64.ts';
import { Store } from '../../src/engine/device/store.ts';

/**
 * A container of APFS that nobody of us has written, and a hand that changes single records of it: nodes are taken apart
 * and put together again, compact and sealed, so that the only thing wrong is what a test wants to be wrong.
 *
 * apfs-linux.img.gz: 8 MiB, made by `mkapfs -L Linux` (apfsprogs 0.2.0) and filled by the Linux driver (linux-apfs-rw
 * 0.3.13): 60 files in `folder`, a clone of `big`, hard links, a symlink, a sparse file, a FIFO, a device, attributes in
 * a record and in a stream; snapshot `first`, changes, snapshot `second`, changes.
 */
export const linuxImage = (): Uint8Array =>
  new Uint8Array(gunzipSync(readFileSync(new URL('apfs-linux.img.gz', import.meta.url))));

export const BLOCK = 4096;
const ROOT_FOOTER_BYTES = 40;
const TABLE_AT = 56;

export const u64 = (bytes: Uint8Array, at: number): number => {
  const view = viewOf(bytes);
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
};

export function put64(bytes: Uint8Array, at: number, value: number): void {
  const view = viewOf(bytes);
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

export const put32 = (bytes: Uint8Array, at: number, value: number): void =>
  viewOf(bytes).setUint32(at, value >>> 0, true);
export const put16 = (bytes: Uint8Array, at: number, value: number): void =>
  viewOf(bytes).setUint16(at, value, true);
export const get32 = (bytes: Uint8Array, at: number): number => viewOf(bytes).getUint32(at, true);

export interface PatientRecord {
  key: Uint8Array;
  value: Uint8Array;
}

export type PatientTree = 'catalog' | 'references' | 'snapshots' | 'omap' | 'omap snapshots';

export const TYPE = {
  snapshotMetadata: 1,
  inode: 3,
  xattr: 4,
  siblingLink: 5,
  stream: 6,
  extent: 8,
  directory: 9,
  siblingMap: 12,
} as const;

export const typeOf = ({ key }: PatientRecord): number => (key[7] ?? 0) >>> 4;
export const idOf = ({ key }: PatientRecord): number =>
  (get32(key, 4) & 0xfff_ffff) * 2 ** 32 + get32(key, 0);

/** Bytes of a container in memory, with changes that leave every checksum right. */
export class ApfsPatient {
  constructor(readonly image: Uint8Array) {}

  block(number: number): Uint8Array {
    return this.image.subarray(number * BLOCK, (number + 1) * BLOCK);
  }

  seal(number: number): void {
    const block = this.block(number);
    const { low, high } = fletcher64(block, 8);
    put32(block, 0, low);
    put32(block, 4, high);
  }

  /** The newest container superblock. */
  get superblock(): Uint8Array {
    const first = u64(this.image, 0x70);
    const count = get32(this.image, 0x68);
    let newest = this.block(0);
    for (let i = first; i < first + count; i++) {
      const block = this.block(i);
      if (get32(block, 0x20) === 0x4253_584e && u64(block, 16) > u64(newest, 16)) newest = block;
    }
    return newest;
  }

  /** Where the superblock of the first volume lies. */
  get volumeBlock(): number {
    const { superblock } = this;
    const oid = u64(superblock, 0xb8);
    return this.#mapped(u64(this.block(u64(superblock, 0xa0)), 0x30), oid, Infinity);
  }

  get volume(): Uint8Array {
    return this.block(this.volumeBlock);
  }

  get omapBlock(): number {
    return u64(this.volume, 0x80);
  }

  changeVolume(change: (volume: Uint8Array) => void): void {
    change(this.volume);
    this.seal(this.volumeBlock);
  }

  /** The copy of the superblock that the snapshot `name` has. */
  snapshotBlock(name: string): number {
    return u64(this.find('snapshots', metadataOf(name)).value, 8);
  }

  /** The root of the extent references that the snapshot `name` took along. */
  snapshotReferences(name: string): number {
    return u64(this.find('snapshots', metadataOf(name)).value, 0);
  }

  changeBlock(number: number, change: (block: Uint8Array) => void): void {
    change(this.block(number));
    this.seal(number);
  }

  // ── trees ───────────────────────────────────────────────────────────────────────────────────────────────────────

  root(tree: PatientTree): number {
    const { volume } = this;
    switch (tree) {
      case 'catalog':
        return this.#mapped(u64(this.block(this.omapBlock), 0x30), u64(volume, 0x88), Infinity);
      case 'references':
        return u64(volume, 0x90);
      case 'snapshots':
        return u64(volume, 0x98);
      case 'omap':
        return u64(this.block(this.omapBlock), 0x30);
      case 'omap snapshots':
        return u64(this.block(this.omapBlock), 0x38);
    }
  }

  /** Blocks of the leaves, in order. */
  leaves(tree: PatientTree, root = this.root(tree)): number[] {
    const node = this.block(root);
    if (viewOf(node).getUint16(0x22, true) === 0) return [root];
    return this.records(root).flatMap(({ value }) => {
      const child = u64(value, 0);
      return this.leaves(tree, tree === 'catalog' ? this.nodeOf(child) : child);
    });
  }

  /** Where the live version of a virtual object lies. */
  nodeOf(oid: number): number {
    return this.#mapped(this.root('omap'), oid, Infinity);
  }

  #mapped(root: number, oid: number, xid: number): number {
    let found = 0;
    for (const leaf of this.leaves('omap', root)) {
      for (const { key, value } of this.records(leaf)) {
        if (u64(key, 0) === oid && u64(key, 8) <= xid) found = u64(value, 8);
      }
    }
    return found;
  }

  records(number: number): PatientRecord[] {
    const block = this.block(number);
    const view = viewOf(block);
    const flags = view.getUint16(0x20, true);
    const isFixed = (flags & 4) !== 0;
    const keysAt = TABLE_AT + view.getUint16(0x2a, true);
    const end = (flags & 1) === 0 ? BLOCK : BLOCK - ROOT_FOOTER_BYTES;
    const [keySize, valueSize] = this.#fixedSizes(block);
    return Array.from({ length: view.getUint32(0x24, true) }, (_, i) => {
      const entry = TABLE_AT + i * (isFixed ? 4 : 8);
      const key = keysAt + view.getUint16(entry, true);
      const value = end - view.getUint16(entry + (isFixed ? 2 : 4), true);
      const keyBytes = isFixed ? keySize : view.getUint16(entry + 2, true);
      const valueBytes = isFixed ? valueSize : view.getUint16(entry + 6, true);
      return { key: block.slice(key, key + keyBytes), value: block.slice(value, value + valueBytes) };
    });
  }

  #fixedSizes(block: Uint8Array): [number, number] {
    const subtype = get32(block, 28);
    const isLeaf = viewOf(block).getUint16(0x22, true) === 0;
    return [subtype === 0x13 ? 8 : 16, isLeaf ? 16 : 8];
  }

  /** The node at `number` with these records instead of its own: compact, sealed. */
  write(number: number, records: readonly PatientRecord[]): void {
    const block = this.block(number);
    const view = viewOf(block);
    const flags = view.getUint16(0x20, true);
    const isFixed = (flags & 4) !== 0;
    const entryBytes = isFixed ? 4 : 8;
    const tableBytes = Math.max(view.getUint16(0x2a, true), records.length * entryBytes);
    const keysAt = TABLE_AT + tableBytes;
    const end = (flags & 1) === 0 ? BLOCK : BLOCK - ROOT_FOOTER_BYTES;
    block.fill(0, TABLE_AT, end);
    let key = keysAt;
    let value = end;
    for (const [i, record] of records.entries()) {
      value -= record.value.length;
      block.set(record.key, key);
      block.set(record.value, value);
      const entry = TABLE_AT + i * entryBytes;
      view.setUint16(entry, key - keysAt, true);
      if (!isFixed) view.setUint16(entry + 2, record.key.length, true);
      view.setUint16(entry + (isFixed ? 2 : 4), end - value, true);
      if (!isFixed) view.setUint16(entry + 6, record.value.length, true);
      key += record.key.length;
    }
    if (key > value) throw new Error(`no room for ${records.length} records`);
    view.setUint32(0x24, records.length, true);
    view.setUint16(0x2a, tableBytes, true);
    view.setUint16(0x2c, key - keysAt, true);
    view.setUint16(0x2e, value - key, true);
    for (const at of [0x30, 0x34]) view.setUint32(at, 0xffff, true);
    this.seal(number);
  }

  find(tree: PatientTree, wanted: Wanted, root = this.root(tree)): PatientRecord {
    for (const leaf of this.leaves(tree, root)) {
      const found = this.records(leaf).find(wanted);
      if (found) return found;
    }
    throw new Error(`no such record in the ${tree} tree`);
  }

  all(tree: PatientTree, root = this.root(tree)): PatientRecord[] {
    return this.leaves(tree, root).flatMap((leaf) => this.records(leaf));
  }

  /** Change the first record that is wanted. */
  change(
    tree: PatientTree,
    wanted: Wanted,
    change: (record: PatientRecord) => void,
    root = this.root(tree),
  ): void {
    for (const leaf of this.leaves(tree, root)) {
      const records = this.records(leaf);
      const found = records.find(wanted);
      if (!found) continue;
      change(found);
      this.write(leaf, records);
      return;
    }
    throw new Error(`no such record in the ${tree} tree`);
  }

  /** Take the first record that is wanted out of its tree. */
  remove(tree: PatientTree, wanted: Wanted, root = this.root(tree)): void {
    for (const leaf of this.leaves(tree, root)) {
      const records = this.records(leaf);
      const at = records.findIndex(wanted);
      if (at < 0) continue;
      records.splice(at, 1);
      this.write(leaf, records);
      this.#count(root, -1);
      return;
    }
    throw new Error(`no such record in the ${tree} tree`);
  }

  /** Put a record behind the first that is wanted. */
  insertAfter(tree: PatientTree, wanted: Wanted, record: PatientRecord, root = this.root(tree)): void {
    for (const leaf of this.leaves(tree, root)) {
      const records = this.records(leaf);
      const at = records.findIndex(wanted);
      if (at < 0) continue;
      records.splice(at + 1, 0, record);
      this.write(leaf, records);
      this.#count(root, 1);
      return;
    }
    throw new Error(`no such record in the ${tree} tree`);
  }

  /** Put a record where its key belongs: ids, types and the word behind them are compared, not names. */
  insert(tree: PatientTree, record: PatientRecord, root = this.root(tree)): void {
    const before = this.all(tree, root).filter((one) => compareKeys(one.key, record.key) < 0);
    const last = before.at(-1);
    if (!last) throw new Error('a record before all others');
    this.insertAfter(tree, ({ key }) => compareBytes(key, last.key), record, root);
  }

  /** All leaves anew that no snapshot has too. The first key of each, which its parent repeats, has to stay. */
  rewrite(tree: PatientTree, change: (records: PatientRecord[]) => PatientRecord[]): void {
    const root = this.root(tree);
    const snapshot = u64(this.block(this.omapBlock), 0x40);
    let difference = 0;
    for (const leaf of this.leaves(tree, root)) {
      if (u64(this.block(leaf), 16) <= snapshot) continue;
      const old = this.records(leaf);
      const changed = change(old);
      difference += changed.length - old.length;
      this.write(leaf, changed);
    }
    this.#count(root, difference);
  }

  /** The footer of a root counts the records of all leaves. */
  #count(root: number, by: number): void {
    const block = this.block(root);
    const at = BLOCK - ROOT_FOOTER_BYTES + 24;
    put64(block, at, u64(block, at) + by);
    this.seal(root);
  }

  /** As a disk with blocks of 4096 bytes. */
  store(): Store {
    const store = new Store({ blockSizeBytes: BLOCK, blockCount: this.image.length / BLOCK });
    store.write(0, this.image, { role: 'data', owner: 'image', reason: 'as it is' });
    return store;
  }
}

const compareBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const id = (key: Uint8Array): number => idOf({ key, value: key });
  const type = (key: Uint8Array): number => typeOf({ key, value: key });
  if (id(a) !== id(b)) return id(a) - id(b);
  if (type(a) !== type(b)) return type(a) - type(b);
  const second = (key: Uint8Array): number =>
    key.length < 12 ? 0 : type(key) === TYPE.directory ? get32(key, 8) >>> 10 : get32(key, 8);
  return second(a) - second(b);
}

export type Wanted = (record: PatientRecord) => boolean;

const text = (bytes: Uint8Array, from: number): string =>
  new TextDecoder().decode(bytes.subarray(from)).replace(/\0.*$/s, '');

/** Directory record of a name. */
export const linkNamed =
  (name: string): Wanted =>
  (record) =>
    typeOf(record) === TYPE.directory && text(record.key, 12) === name;

export const xattrNamed =
  (name: string): Wanted =>
  (record) =>
    typeOf(record) === TYPE.xattr && text(record.key, 10) === name;

export const recordOf =
  (type: number, id: number): Wanted =>
  (record) =>
    typeOf(record) === type && idOf(record) === id;

export const firstOf =
  (type: number): Wanted =>
  (record) =>
    typeOf(record) === type;

/** Metadata record of a snapshot. */
export const metadataOf =
  (name: string): Wanted =>
  (record) =>
    typeOf(record) === 1 && text(record.value, 50) === name;

export const nameRecordOf =
  (name: string): Wanted =>
  (record) =>
    typeOf(record) === 11 && text(record.key, 10) === name;

/** Where the value of an extended field lies in the value of an inode (`fieldsAt` 92) or directory record (18). */
export function fieldAt(value: Uint8Array, type: number, fieldsAt = 92): number {
  const view = viewOf(value);
  const count = view.getUint16(fieldsAt, true);
  let at = fieldsAt + 4 + count * 4;
  for (let i = 0; i < count; i++) {
    const entry = fieldsAt + 4 + i * 4;
    if (value[entry] === type) return at;
    at += Math.ceil(view.getUint16(entry + 2, true) / 8) * 8;
  }
  throw new Error(`no extended field ${type}`);
}

/** Number of the file of that name, in the live state. */
export const idNamed = (patient: ApfsPatient, name: string): number =>
  u64(patient.find('catalog', linkNamed(name)).value, 0);
