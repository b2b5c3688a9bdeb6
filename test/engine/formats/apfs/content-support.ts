import { FsError } from '../../../../src/engine/base/errno.ts';
import type {
  ContentHost,
  RecordCursor,
  RecordTree,
  StreamOwner,
} from '../../../../src/engine/formats/apfs/content-host.ts';
import { holdersOf } from '../../../../src/engine/formats/apfs/clones.ts';
import type { Room } from '../../../../src/engine/formats/apfs/transaction.ts';
import { FlatDevice } from '../../../support/flat-device.ts';

/**
 * A volume as far as contents see one: trees that are sorted arrays, a bitmap, transactions whose freed blocks wait for
 * the commit, snapshots. And a recount of references that shares no code with what it judges.
 */
interface Row {
  readonly key: Uint8Array;
  value: Uint8Array;
  readonly order: bigint;
}

const read64 = (bytes: Uint8Array, at: number): bigint => Buffer.from(bytes).readBigUInt64LE(at);

/** Object id, then type, then what follows: as the catalog and the extent references are ordered. */
function orderOf(key: Uint8Array): bigint {
  const head = BigInt.asUintN(64, (read64(key, 0) << 4n) | (read64(key, 0) >> 60n));
  return (head << 64n) | (key.length >= 16 ? read64(key, 8) : 0n);
}

export class ArrayTree implements RecordTree {
  rows: Row[] = [];
  readonly maxNodesOfChange = 4;

  get nodeCount(): number {
    return 1 + Math.ceil(this.rows.length / 60);
  }

  #place(order: bigint): number {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.rows[middle]?.order ?? 0n) < order) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #exact(key: Uint8Array): number {
    const order = orderOf(key);
    const place = this.#place(order);
    return this.rows[place]?.order === order ? place : -1;
  }

  find(key: Uint8Array): Uint8Array | undefined {
    return this.rows[this.#exact(key)]?.value;
  }

  insert(key: Uint8Array, value: Uint8Array): void {
    if (this.#exact(key) >= 0) throw new Error('the key is there');
    const order = orderOf(key);
    this.rows.splice(this.#place(order), 0, { key: key.slice(), value: value.slice(), order });
  }

  replace(key: Uint8Array, value: Uint8Array): void {
    const row = this.rows[this.#exact(key)];
    if (row === undefined) throw new Error('no such key');
    row.value = value.slice();
  }

  remove(key: Uint8Array): boolean {
    const place = this.#exact(key);
    if (place < 0) throw new Error('no such key');
    this.rows.splice(place, 1);
    return true;
  }

  seek(key: Uint8Array): RecordCursor {
    return new ArrayCursor(this.rows, this.#place(orderOf(key)));
  }

  seekBefore(key: Uint8Array): RecordCursor {
    const place = this.#exact(key);
    return new ArrayCursor(this.rows, place >= 0 ? place : this.#place(orderOf(key)) - 1);
  }

  copy(): ArrayTree {
    const tree = new ArrayTree();
    tree.rows = this.rows.map((row) => ({ ...row }));
    return tree;
  }
}

class ArrayCursor implements RecordCursor {
  readonly #rows: readonly Row[];
  #at: number;

  constructor(rows: readonly Row[], at: number) {
    this.#rows = rows;
    this.#at = at;
  }

  get isValid(): boolean {
    return this.#rows[this.#at] !== undefined;
  }
  get key(): Uint8Array {
    return this.#rows[this.#at]?.key ?? new Uint8Array(0);
  }
  get value(): Uint8Array {
    return this.#rows[this.#at]?.value ?? new Uint8Array(0);
  }
  /** The key and, behind it, the value. */
  get bytes(): Uint8Array {
    return new Uint8Array([...this.key, ...this.value]);
  }
  readonly keyStart = 0;
  get valueStart(): number {
    return this.key.length;
  }
  get valueLengthBytes(): number {
    return this.value.length;
  }
  next(): void {
    this.#at++;
  }
  previous(): void {
    this.#at--;
  }
  replace(value: Uint8Array): void {
    const row = this.#rows[this.#at];
    if (row?.value.length !== value.length) throw new Error('a record of that length');
    row.value = value.slice();
  }
}

interface Snapshot {
  readonly catalog: ArrayTree;
  readonly references: ArrayTree;
}

const BLOCK = 4096;

export class StandIn implements ContentHost {
  readonly device: FlatDevice;
  catalog = new ArrayTree();
  references = new ArrayTree();
  readonly snapshots: Snapshot[] = [];
  overwritesInPlace = false;
  flagsPreallocation = false;
  readonly blocks: number;
  readonly used: Uint8Array;
  readonly #fresh = new Set<number>();
  readonly #waiting = new Set<number>();
  #nextId = 1000;
  /** Runs longer than this are not given: contents have to live with pieces. */
  runMax = Infinity;

  constructor(blocks: number) {
    this.blocks = blocks;
    this.device = new FlatDevice(blocks * BLOCK);
    this.used = new Uint8Array(blocks);
    this.used[0] = 1; // Block 0 is a superblock, and a hole in every extent.
  }

  readonly commit = {
    isFresh: (block: number): boolean => this.#fresh.has(block),
    change: <T>(_room: Room, body: () => T): T => body(),
  };

  get hasSnapshots(): boolean {
    return this.snapshots.length > 0;
  }

  newObjectId(): number {
    return this.#nextId++;
  }

  /** More than there are: metadata lies elsewhere here, and `allocate` says when data is full. */
  get availableBlocks(): number {
    return this.blocks + 1000;
  }

  allocate(blockCount: number, goal: number | null): { firstBlock: number; blockCount: number } {
    const isFree = (block: number) => this.used[block] === 0;
    const first = goal !== null && isFree(goal) ? goal : this.used.indexOf(0);
    if (first < 0) throw new FsError('ENOSPC', '', '', 'no block is free');
    let count = 0;
    while (count < Math.min(blockCount, this.runMax) && isFree(first + count)) {
      this.used[first + count] = 1;
      this.#fresh.add(first + count);
      count++;
    }
    return { firstBlock: first, blockCount: count };
  }

  free(firstBlock: number, blockCount: number): void {
    for (let block = firstBlock; block < firstBlock + blockCount; block++) {
      if (this.used[block] !== 1 || this.#waiting.has(block)) throw new Error(`${block} is freed twice`);
      if (this.#fresh.delete(block)) this.used[block] = 0;
      else this.#waiting.add(block);
    }
  }

  /** The transaction is durable: what it freed can be had. */
  finishTransaction(): void {
    for (const block of this.#waiting) this.used[block] = 0;
    this.#waiting.clear();
    this.#fresh.clear();
  }

  takeSnapshot(): void {
    this.snapshots.push({ catalog: this.catalog.copy(), references: this.references });
    this.references = new ArrayTree();
    this.finishTransaction();
  }

  /** Blocks that are neither free nor about to be, in order. */
  heldBlocks(): number[] {
    const held: number[] = [];
    for (let block = 1; block < this.blocks; block++) {
      if (this.used[block] === 1 && !this.#waiting.has(block)) held.push(block);
    }
    return held;
  }
}

export const newInode = (number: number): StreamOwner => ({
  number,
  nameBytes: new TextEncoder().encode(`file ${number}`),
  privateId: number,
  internalFlags: 0x8000,
  stream: null,
  sparseBytes: 0,
});

// ── the recount ─────────────────────────────────────────────────────────────────────────────────────────────────────

interface Extent {
  readonly stream: number;
  readonly offset: number;
  readonly length: number;
  readonly block: number;
}

export function extentsOfCatalog(catalog: ArrayTree): Extent[] {
  return catalog.rows
    .filter(({ key }) => (key[7] ?? 0) >> 4 === 8)
    .map(({ key, value }) => ({
      stream: Number(BigInt.asUintN(60, read64(key, 0))),
      offset: Number(read64(key, 8)),
      length: Number(BigInt.asUintN(56, read64(value, 0))),
      block: Number(read64(value, 8)),
    }));
}

/** A run of blocks as apfsck keeps it in memory: what the trees say, and whom it met so far. */
interface Run {
  blocks: number;
  stated: number;
  found: number;
  lastOwner: number;
}

/** apfsck's extents.c, by its steps: runs are split as it splits them, so that what confuses it is found here. */
class Recount {
  readonly runs = new Map<number, Run>();

  #part(from: number, count: number): { at: number; run: Run } {
    let base = from;
    while (!this.runs.has(base)) {
      base--;
      if (from - base > 5000) throw new Error(`no record covers block ${from}`);
    }
    const whole = this.runs.get(base)!;
    if (base + whole.blocks <= from) throw new Error(`no record covers block ${from}`);
    const length = Math.min(count, base + whole.blocks - from);
    const end = base + whole.blocks;
    const fresh = (blocks: number): Run => ({ blocks, stated: whole.stated, found: 0, lastOwner: 0 });
    if (from + length < end) this.runs.set(from + length, fresh(end - from - length));
    if (from === base) {
      whole.blocks = length;
      return { at: from, run: whole };
    }
    whole.blocks = from - base;
    const part = fresh(length);
    this.runs.set(from, part);
    return { at: from, run: part };
  }

  addTree(tree: ArrayTree): void {
    let end = 0;
    for (const { key, value } of tree.rows) {
      const first = Number(BigInt.asUintN(60, read64(key, 0)));
      const word = read64(value, 0);
      const blocks = Number(BigInt.asUintN(60, word));
      const count = Buffer.from(value).readInt32LE(16);
      if (first < end || blocks === 0 || count === 0 || blocks > 4999)
        throw new Error(`bad record of ${first}`);
      end = first + blocks;
      const owner = read64(value, 8);
      if (word >> 60n === 1n) {
        if (this.runs.has(first) || owner === 0xffff_ffff_ffff_ffffn || count < 0) throw new Error('bad NEW');
        this.runs.set(first, { blocks, stated: count, found: 0, lastOwner: 0 });
      } else {
        if (word >> 60n !== 2n || owner !== 0xffff_ffff_ffff_ffffn) throw new Error('bad UPDATE');
        for (let at = first; at < end;) {
          const { run } = this.#part(at, end - at);
          run.stated += count;
          at += run.blocks;
        }
      }
    }
  }

  addCatalog(catalog: ArrayTree, isReversed: boolean): void {
    const streams = new Map<number, Extent[]>();
    for (const extent of extentsOfCatalog(catalog)) {
      if (extent.block === 0) continue;
      const list = streams.get(extent.stream) ?? [];
      streams.set(extent.stream, [...list, extent]);
    }
    const ordered = [...streams].sort(([a], [b]) => (isReversed ? b - a : a - b));
    for (const [stream, extents] of ordered) {
      for (const { block, length } of extents.sort((a, b) => a.block - b.block)) {
        for (let at = block; at < block + length / BLOCK;) {
          const { run } = this.#part(at, block + length / BLOCK - at);
          if (run.lastOwner !== stream) run.found++;
          run.lastOwner = stream;
          at += run.blocks;
        }
      }
    }
  }

  /** Compare, and begin again for the next view. */
  settle(view: string): void {
    for (const [first, run] of this.runs) {
      if (run.found !== run.stated) {
        throw new Error(
          `${view}: ${run.found} streams hold ${first} + ${run.blocks}, records say ${run.stated}`,
        );
      }
      run.found = 0;
      run.lastOwner = 0;
    }
  }
}

/** Everything that apfsck would demand of contents, and that no block is lost or used twice. */
export function verify(host: StandIn, inodes: readonly StreamOwner[]): void {
  for (const isReversed of [false, true]) {
    const recount = new Recount();
    host.snapshots.forEach((snapshot, i) => {
      recount.addTree(snapshot.references);
      recount.addCatalog(snapshot.catalog, isReversed);
      recount.settle(`snapshot ${i}`);
    });
    recount.addTree(host.references);
    recount.addCatalog(host.catalog, isReversed);
    recount.settle('live');
    const held = [...recount.runs].flatMap(([first, { blocks }]) =>
      Array.from({ length: blocks }, (_, i) => first + i),
    );
    held.sort((a, b) => a - b);
    if (held.join() !== host.heldBlocks().join()) throw new Error('blocks in use differ from those recorded');
  }
  verifyStreams(host, inodes);
}

function verifyStreams(host: StandIn, inodes: readonly StreamOwner[]): void {
  const streams = new Map<number, Extent[]>();
  for (const extent of extentsOfCatalog(host.catalog)) {
    const list = streams.get(extent.stream) ?? [];
    const end = list.reduce((sum, { length }) => sum + length, 0);
    if (extent.offset !== end) throw new Error(`extents of ${extent.stream} are not consecutive`);
    streams.set(extent.stream, [...list, extent]);
  }
  const holders = new Map<number, number>();
  for (const { stream, privateId, sparseBytes, internalFlags, number } of inodes) {
    if (stream === null) continue;
    holders.set(privateId, (holders.get(privateId) ?? 0) + 1);
    const extents = streams.get(privateId) ?? [];
    const allocated = extents.reduce((sum, { length }) => sum + length, 0);
    const holes = extents.reduce((sum, { length, block }) => sum + (block === 0 ? length : 0), 0);
    if (allocated !== stream.allocatedBytes || stream.sizeBytes > allocated)
      throw new Error('allocated size');
    if (holes !== sparseBytes || ((internalFlags & 0x200) !== 0) !== holes > 0)
      throw new Error('sparse bytes');
    if (privateId !== number && (internalFlags & 0x410) === 0) throw new Error('a clone without its flags');
  }
  for (const [stream, count] of holders) {
    if (holdersOf(host.catalog, stream) !== count) throw new Error(`holders of ${stream}`);
  }
  const records = host.catalog.rows.filter(({ key }) => (key[7] ?? 0) >> 4 === 6);
  if (records.length !== holders.size) throw new Error('records of streams that nobody has');
  for (const stream of streams.keys()) {
    if (!holders.has(stream)) throw new Error(`extents of ${stream}, which nobody has`);
  }
}
