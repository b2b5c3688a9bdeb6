import type { Device, WriteLabel } from '../../device/device.ts';
import type { FileAllocationTable } from './alloc.ts';
import type { Commit } from './commit.ts';
import { DirectorySpace } from './directory-space.ts';
import { DirtySectors } from './dirty-sectors.ts';
import type { Chain } from './extents.ts';
import { FreeSlots } from './free-slots.ts';
import { ATTRIBUTE, ENTRY_FREE, ENTRY_SIZE_BYTES } from './layout.ts';
import type { Geometry } from './layout.ts';
import {
  longNameSlotCount,
  makeShortName,
  nameKey,
  shortNameChecksum,
  shortNameText,
  wholeShortForm,
  writeLongNameSlots,
} from './names.ts';
import type { FatNode } from './node.ts';
import { putU32, u16At, u32At } from './node.ts';
import { NOT_AN_ENTRY, scanDirectory } from './scan.ts';

/** What the directories of one mounted volume share. */
export interface DirectoryHost {
  readonly device: Device;
  readonly geometry: Geometry;
  readonly fat: FileAllocationTable;
  readonly commit: Commit;
  /** A number for an entry found on the disk or made: its first cluster where there is one and nobody else has it. */
  inodeFor(firstCluster: number): number;
}

/**
 * One directory in memory: its bytes up to the last entry, and an index over them.
 *
 * The index is built in one pass when the directory is first used; from then on finding, adding and removing an entry
 * costs the same in a directory of ten and of ten thousand. Names and short names are keys of one map, as they share
 * one namespace. Bytes change here first; `Commit` decides when which sector goes to the device.
 */
export class Directory {
  readonly #host: DirectoryHost;
  readonly #space: DirectorySpace;
  readonly node: FatNode;
  parent: Directory | null;
  /** For labels: 'root directory' or the directory's name. */
  ownerName: string;
  isRemoved = false;

  bytes: Uint8Array;
  /** First slot that was never used: the one with the 00 mark, or the capacity. */
  #endSlot = 0;
  /** Slots before this one are zero on the device where they lie behind the end. */
  #zeroedToSlot = 0;

  readonly #keys = new Map<string, number>();
  /** By slot of the short entry; holes elsewhere. */
  readonly #names: (string | undefined)[] = [];
  /** By slot: how many long-name slots stand before this short entry; NOT_AN_ENTRY elsewhere. */
  #longCounts = new Uint8Array(0);
  #inodes = new Uint32Array(0);
  readonly live = new Map<number, FatNode>();
  readonly #free = new FreeSlots();
  entryCount = 0;
  /** Slot of the volume label (root only), −1 without one. */
  labelSlot = -1;
  /** True where slots 0 and 1 are '.' and '..', as they should be everywhere but in the root. */
  hasDots = false;

  readonly #dirty = new DirtySectors();
  /** Removals that wait until the new place of what moved is on the device: pairs of first slot and count. */
  #lateRemovals: number[] = [];

  constructor(
    host: DirectoryHost,
    node: FatNode,
    chain: Chain | undefined,
    parent: Directory | null,
    ownerName: string,
  ) {
    this.#host = host;
    this.node = node;
    this.parent = parent;
    this.ownerName = ownerName;
    this.#space = new DirectorySpace(host, chain);
    this.bytes = new Uint8Array(0);
  }

  /** undefined for the fixed root of FAT12/16. */
  get chain(): Chain | undefined {
    return this.#space.chain;
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Read the entries up to the end mark and index them. */
  load(): this {
    const chunkSlots = this.chain ? this.#space.slotsPerCluster : this.#space.slotsPerSector;
    const chunkBytes = chunkSlots * ENTRY_SIZE_BYTES;
    let end = -1;
    for (let slot = 0; slot < this.#space.capacitySlots && end < 0; slot += chunkSlots) {
      const chunk = new Uint8Array(chunkBytes);
      this.#host.device.read(this.#space.blockOf(slot), chunk);
      end = this.#takeChunk(slot, chunk);
    }
    this.#endSlot = end < 0 ? this.#space.capacitySlots : end;
    this.#reserveSlots(this.#space.capacitySlots);
    this.#free.set(this.#endSlot, this.#space.capacitySlots - this.#endSlot, true);
    scanDirectory(this.bytes, this.#endSlot, {
      entry: (slot, longCount, name, shortName) => this.#indexFound(slot, longCount, name, shortName),
      freeSlot: (slot) => this.#free.set(slot, 1, true),
      label: (slot) => (this.labelSlot = this.labelSlot < 0 ? slot : this.labelSlot),
      dots: () => (this.hasDots = true),
    });
    return this;
  }

  /** Keep what a chunk holds up to the end mark; returns the end's slot or −1. */
  #takeChunk(slot: number, chunk: Uint8Array): number {
    const slots = chunk.length / ENTRY_SIZE_BYTES;
    let used = 0;
    while (used < slots && chunk[used * ENTRY_SIZE_BYTES] !== 0) used++;
    const usedSlots = Math.min(
      slots,
      Math.ceil((used + 1) / this.#space.slotsPerSector) * this.#space.slotsPerSector,
    );
    this.#reserveBytes((slot + usedSlots) * ENTRY_SIZE_BYTES);
    this.bytes.set(chunk.subarray(0, usedSlots * ENTRY_SIZE_BYTES), slot * ENTRY_SIZE_BYTES);
    if (used === slots) {
      this.#zeroedToSlot = slot + slots;
      return -1;
    }
    // Whatever follows the end mark means nothing; it must not come to life when the mark moves on.
    const rest = chunk.subarray(used * ENTRY_SIZE_BYTES);
    const isClean = rest.every((byte) => byte === 0);
    this.bytes.fill(0, (slot + used) * ENTRY_SIZE_BYTES);
    this.#zeroedToSlot = slot + (isClean ? slots : usedSlots);
    return slot + used;
  }

  #indexFound(slot: number, longCount: number, name: string, shortName: string): void {
    this.#index(slot, longCount, name, nameKey(shortName));
    this.#inodes[slot] = this.#host.inodeFor(this.firstClusterAt(slot));
  }

  #index(slot: number, longCount: number, name: string, shortKey: string): void {
    this.#names[slot] = name;
    this.#longCounts[slot] = longCount;
    this.entryCount++;
    this.#addKeys(slot, name, shortKey);
  }

  #addKeys(slot: number, name: string, shortKey: string): void {
    const key = nameKey(name);
    if (!this.#keys.has(key)) this.#keys.set(key, slot);
    if (this.longCountAt(slot) > 0 && !this.#keys.has(shortKey)) this.#keys.set(shortKey, slot);
  }

  /** Make a fresh one known: its first cluster is zero on the device but for '.' and '..', given as `dots`. */
  adoptNew(dots: Uint8Array): this {
    this.#reserveBytes(this.#host.geometry.sectorSizeBytes);
    this.bytes.set(dots);
    this.#endSlot = 2;
    this.#zeroedToSlot = this.#space.capacitySlots;
    this.hasDots = true;
    this.#reserveSlots(this.#space.capacitySlots);
    this.#free.set(2, this.#space.capacitySlots - 2, true);
    return this;
  }

  #reserveBytes(lengthBytes: number): void {
    if (lengthBytes <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(lengthBytes, Math.min(this.bytes.length * 2, 2 ** 21)));
    grown.set(this.bytes);
    this.bytes = grown;
  }

  #reserveSlots(slotCount: number): void {
    this.#free.reserve(slotCount);
    if (this.#longCounts.length >= slotCount) return;
    const size = Math.max(slotCount, this.#longCounts.length * 2);
    const longCounts = new Uint8Array(size).fill(NOT_AN_ENTRY);
    longCounts.set(this.#longCounts);
    this.#longCounts = longCounts;
    const inodes = new Uint32Array(size);
    inodes.set(this.#inodes);
    this.#inodes = inodes;
    this.#dirty.reserve(Math.ceil(size / this.#space.slotsPerSector));
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Slot of the short entry that `name` finds, −1 when there is none. */
  find(name: string): number {
    return this.#keys.get(nameKey(name)) ?? -1;
  }

  nameAt(slot: number): string {
    return this.#names[slot] ?? '';
  }
  inodeAt(slot: number): number {
    return this.#inodes[slot] ?? 0;
  }
  setInode(slot: number, inode: number): void {
    this.#inodes[slot] = inode;
  }

  /** Next slot after `slot` that holds an entry, −1 at the end. */
  nextEntry(slot: number): number {
    const counts = this.#longCounts;
    for (let next = slot + 1; next < this.#endSlot; next++) if (counts[next] !== NOT_AN_ENTRY) return next;
    return -1;
  }

  attributesAt(slot: number): number {
    return this.bytes[slot * ENTRY_SIZE_BYTES + 11] ?? 0;
  }
  sizeAt(slot: number): number {
    return u32At(this.bytes, slot * ENTRY_SIZE_BYTES + 28);
  }
  firstClusterAt(slot: number): number {
    const at = slot * ENTRY_SIZE_BYTES;
    // On FAT12/16 the upper half belongs to OS/2.
    if (this.#host.geometry.type !== 32) return u16At(this.bytes, at + 26);
    return (u16At(this.bytes, at + 26) | (u16At(this.bytes, at + 20) << 16)) >>> 0;
  }

  // ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Add an entry: long-name slots where the name needs them, and the short entry, whose bytes 11 to 31 are copied from
   * `entry`. Returns its slot. ENOSPC, before anything changed, when the directory cannot grow.
   */
  insert(name: string, diskName: string, entry: Uint8Array, inode: number): number {
    const whole = wholeShortForm(diskName);
    const longCount = whole ? 0 : longNameSlotCount(diskName);
    const first = this.#place(longCount + 1);
    const slot = first + longCount;
    const short = whole?.short ?? makeShortName(diskName, (key) => this.#keys.has(key));

    this.#advanceEnd(slot + 1);
    this.#free.set(first, longCount + 1, false);
    this.#writeEntry(first, longCount, diskName, short, whole?.ntCase ?? 0);
    this.bytes.set(entry.subarray(13, ENTRY_SIZE_BYTES), slot * ENTRY_SIZE_BYTES + 13);
    this.bytes[slot * ENTRY_SIZE_BYTES + 11] = entry[11] ?? 0;
    this.#index(slot, longCount, name, shortNameText(short));
    this.#inodes[slot] = inode;
    this.#touchSlots(first, slot, true);
    return slot;
  }

  #writeEntry(first: number, longCount: number, diskName: string, short: string, ntCase: number): void {
    if (longCount > 0) {
      writeLongNameSlots(this.bytes, first * ENTRY_SIZE_BYTES, diskName, shortNameChecksum(short));
    }
    const at = (first + longCount) * ENTRY_SIZE_BYTES;
    for (let i = 0; i < 11; i++) this.bytes[at + i] = short.charCodeAt(i);
    this.bytes[at + 12] = ntCase;
  }

  /** First slot of a free run of `count`; grows the directory where there is none. */
  #place(count: number): number {
    let first = this.#free.find(count);
    if (first < 0 && this.#lateRemovals.length > 0) {
      this.#host.commit.flush();
      first = this.#free.find(count);
    }
    while (first < 0) {
      this.#grow();
      first = this.#free.find(count);
    }
    return first;
  }

  #grow(): void {
    const old = this.#space.capacitySlots;
    this.#space.grow(this.ownerName);
    const { capacitySlots } = this.#space;
    if (this.#zeroedToSlot === old) this.#zeroedToSlot = capacitySlots;
    this.#reserveSlots(capacitySlots);
    this.#free.set(old, capacitySlots - old, true);
  }

  /** The end mark moves to `end`: bytes behind it must be zero before. */
  #advanceEnd(end: number): void {
    if (end <= this.#endSlot) return;
    const perSector = this.#space.slotsPerSector;
    this.#reserveBytes(Math.ceil(end / perSector) * perSector * ENTRY_SIZE_BYTES);
    this.#endSlot = end;
    if (end < this.#zeroedToSlot || this.#zeroedToSlot >= this.#space.capacitySlots) return;
    // Junk behind the end mark of a foreign directory: clear all of it, once.
    this.#space.clearFrom(this.#zeroedToSlot, this.ownerName);
    this.#zeroedToSlot = this.#space.capacitySlots;
  }

  /**
   * Give the entry at `slot` another name where it stands, in one sector. Returns false, with nothing changed, when
   * that cannot be: other count of slots, or slots in two sectors. A power cut leaves the old or the new name.
   */
  renameInPlace(slot: number, name: string, diskName: string): boolean {
    const whole = wholeShortForm(diskName);
    const longCount = whole ? 0 : longNameSlotCount(diskName);
    const first = slot - longCount;
    if (longCount !== this.#longCounts[slot] || this.#space.sectorOf(first) !== this.#space.sectorOf(slot))
      return false;
    this.#forgetKeys(slot);
    const short = whole?.short ?? makeShortName(diskName, (key) => this.#keys.has(key));
    this.#writeEntry(first, longCount, diskName, short, whole?.ntCase ?? 0);
    this.entryCount--;
    this.#index(slot, longCount, name, shortNameText(short));
    this.#touchSlots(first, slot, false);
    return true;
  }

  /** Do two entries, with the long-name slots of both, lie in one sector? Then one write changes both. */
  sharesSector(slot: number, other: number): boolean {
    const first = slot - this.longCountAt(slot);
    const otherFirst = other - this.longCountAt(other);
    return this.#space.sectorOf(Math.min(first, otherFirst)) === this.#space.sectorOf(Math.max(slot, other));
  }

  longCountAt(slot: number): number {
    return this.#longCounts[slot] ?? 0;
  }

  /**
   * Take the entry at `slot` out. `isLate`: it moved, and its old place stays on the device until the new one is there.
   * Otherwise the short entry goes first; long-name slots in another sector follow later.
   */
  remove(slot: number, isLate: boolean): void {
    const first = slot - this.longCountAt(slot);
    this.forget(slot);
    const sectorFirst = Math.max(first, this.#space.sectorOf(slot) * this.#space.slotsPerSector);
    const lateEnd = isLate ? slot + 1 : sectorFirst;
    if (lateEnd > first) {
      this.#lateRemovals.push(first, lateEnd - first);
      this.#host.commit.addDirectory(this, 0);
    }
    if (lateEnd <= slot) this.#erase(lateEnd, slot + 1 - lateEnd);
  }

  /** The entry at `slot` is about to change its name: its names are free for the new one. */
  hideKeys(slot: number): void {
    this.#forgetKeys(slot);
  }
  /** It did not change after all. */
  showKeys(slot: number): void {
    this.#addKeys(slot, this.nameAt(slot), this.#shortKeyAt(slot));
  }

  /** Take it out of the index only. */
  forget(slot: number): void {
    this.#forgetKeys(slot);
    this.#names[slot] = undefined;
    this.#longCounts[slot] = NOT_AN_ENTRY;
    this.live.delete(slot);
    this.entryCount--;
  }

  #forgetKeys(slot: number): void {
    const key = nameKey(this.#names[slot] ?? '');
    if (this.#keys.get(key) === slot) this.#keys.delete(key);
    if ((this.#longCounts[slot] ?? 0) > 0) {
      const shortKey = this.#shortKeyAt(slot);
      if (this.#keys.get(shortKey) === slot) this.#keys.delete(shortKey);
    }
  }

  #shortKeyAt(slot: number): string {
    const at = slot * ENTRY_SIZE_BYTES;
    let short = '';
    for (let i = 0; i < 11; i++) short += String.fromCharCode(this.bytes[at + i] ?? 0);
    return nameKey(shortNameText(short));
  }

  #erase(first: number, count: number): void {
    for (let slot = first; slot < first + count; slot++) this.bytes[slot * ENTRY_SIZE_BYTES] = ENTRY_FREE;
    this.#free.set(first, count, true);
    this.#touchSlots(first, first + count - 1, false);
  }

  // ── dirty sectors ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Write, change or (null) remove the volume label of a root directory. */
  setLabel(field: string | null, stamp: number): void {
    let slot = this.labelSlot;
    if (field === null) {
      if (slot >= 0) this.#erase(slot, 1);
      this.labelSlot = -1;
      return;
    }
    if (slot < 0) {
      slot = this.#place(1);
      this.#advanceEnd(slot + 1);
      this.#free.set(slot, 1, false);
      this.bytes.fill(0, slot * ENTRY_SIZE_BYTES, (slot + 1) * ENTRY_SIZE_BYTES);
      this.labelSlot = slot;
    }
    const at = slot * ENTRY_SIZE_BYTES;
    for (let i = 0; i < 11; i++) this.bytes[at + i] = field.charCodeAt(i);
    this.bytes[at + 11] = ATTRIBUTE.label;
    putU32(this.bytes, at + 22, stamp);
    this.touch(slot);
  }

  touch(slot: number): void {
    this.#touchSlots(slot, slot, false);
  }

  /** Slots changed. `isOrdered`: they belong together, and each sector needs the one before it on the device first. */
  #touchSlots(first: number, last: number, isOrdered: boolean): void {
    const firstSector = this.#space.sectorOf(first);
    const lastSector = this.#space.sectorOf(last);
    for (let sector = firstSector; sector <= lastSector; sector++) {
      const isNew = this.#dirty.mark(sector, isOrdered && sector > firstSector);
      if (isNew) this.#host.commit.addDirectory(this, this.#host.geometry.sectorSizeBytes);
    }
  }

  get isDirty(): boolean {
    return !this.#dirty.isEmpty;
  }
  get hasLateRemovals(): boolean {
    return this.#lateRemovals.length > 0;
  }

  applyLateRemovals(): void {
    const removals = this.#lateRemovals;
    this.#lateRemovals = [];
    for (let i = 0; i < removals.length; i += 2) this.#erase(removals[i] ?? 0, removals[i + 1] ?? 0);
  }

  /** Nothing of a removed directory needs writing any more. */
  discard(): void {
    this.isRemoved = true;
    this.#lateRemovals = [];
    this.#dirty.clear();
  }

  note(sentence: string): void {
    this.#dirty.note(sentence);
  }

  /** How many rounds of `writeRound`, with a barrier between them, the dirty sectors need. */
  sortIntoRounds(): number {
    return this.#dirty.sortIntoRounds();
  }

  writeRound(round: number, reason: string): void {
    const sectors = this.#dirty.round(round);
    if (sectors.length === 0) return;
    const label: WriteLabel = {
      role: 'directory',
      owner: this.ownerName,
      reason: this.#dirty.inWords(reason),
    };
    const { device, geometry } = this.#host;
    for (let i = 0; i < sectors.length; i++) {
      const first = sectors[i] ?? 0;
      let count = 1;
      while (sectors[i + 1] === first + count && this.#space.isBehindPrevious(first + count)) {
        count++;
        i++;
      }
      const at = first * geometry.sectorSizeBytes;
      const bytes = this.bytes.subarray(at, at + count * geometry.sectorSizeBytes);
      device.write(this.#space.blockOf(first * this.#space.slotsPerSector), bytes, label);
    }
  }

  markWritten(): void {
    this.#dirty.clear();
  }
}
