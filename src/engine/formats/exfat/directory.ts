import type { Device, WriteLabel } from '../../device/device.ts';
import type { AllocationBitmap } from './alloc.ts';
import type { Commit } from './commit.ts';
import type { Content } from './content.ts';
import { DirectorySpace } from './directory-space.ts';
import { DirtySectors } from './dirty-sectors.ts';
import { Chain } from './extents.ts';
import { labelAt, putLabel } from './label.ts';
import { ENTRY_IN_USE, ENTRY_SIZE_BYTES, ENTRY_TYPE, nameHash, setChecksum } from './layout.ts';
import type { Geometry } from './layout.ts';
import { nameOfDiskName } from './names.ts';
import type { NameKeys } from './names.ts';
import { AT, PAIR_BYTES, putContents, putFacts, putU16, u32At, u64At } from './node.ts';
import type { ExfatNode } from './node.ts';
import { nameEntriesAt, nameEntryCount, scanDirectory, writeNameEntries } from './scan.ts';
import { Slots } from './slots.ts';
import type { FileAllocationTable } from './table.ts';
import { NO_VENDOR_ENTRIES, VendorEntries } from './vendor.ts';

/** What the directories of one mounted volume share. */
export interface DirectoryHost {
  readonly device: Device;
  readonly geometry: Geometry;
  readonly fat: FileAllocationTable;
  readonly bitmap: AllocationBitmap;
  readonly commit: Commit;
  readonly content: Content;
  readonly keys: NameKeys;
  /** The volume's own up-case table, for name hashes. */
  readonly upcase: Uint16Array;
  /** A number for an entry found on the disk or made: its first cluster where there is one and nobody else has it. */
  inodeFor(firstCluster: number): number;
}

/** An entry that is none, but not the end either. */
const UNUSED_FILE = ENTRY_TYPE.file & ~ENTRY_IN_USE;
const LOAD_BYTES_MAX = 2 ** 20;

/**
 * One directory in memory: its bytes up to the last entry, and an index over them.
 *
 * The index is built in one pass when the directory is first used; from then on finding, adding and removing an entry
 * costs the same in a directory of ten and of ten thousand. Bytes change here first, and every set in them has its
 * right checksum at any time; `Commit` decides when which sector goes to the device.
 */
export class Directory {
  readonly #host: DirectoryHost;
  readonly #space: DirectorySpace;
  readonly node: ExfatNode;
  parent: Directory | null;
  /** For labels: 'root directory' or the directory's name. */
  ownerName: string;
  isRemoved = false;

  bytes = new Uint8Array(0);
  /** First slot that was never used: the one with the 00 mark, or the capacity. */
  #endSlot = 0;
  /** Slots before this one are zero on the device where they lie behind the end. */
  #zeroedToSlot = 0;

  readonly #keys = new Map<string, number>();
  readonly #slots: Slots;
  entryCount = 0;
  /** Slot of the volume label (root only), −1 without one. */
  #labelSlot = -1;

  readonly #dirty = new DirtySectors();
  /** Removals that wait until the new place of what moved is on the device: pairs of first slot and count. */
  #lateRemovals: number[] = [];

  constructor(
    host: DirectoryHost,
    node: ExfatNode,
    chain: Chain,
    parent: Directory | null,
    ownerName: string,
  ) {
    this.#host = host;
    this.node = node;
    this.parent = parent;
    this.ownerName = ownerName;
    this.#space = new DirectorySpace(host, chain, node.directory === null ? Infinity : node.sizeBytes);
    this.#slots = new Slots(this.#space.slotsPerSector);
  }

  get chain(): Chain {
    return this.#space.chain;
  }
  get sizeBytes(): number {
    return this.#space.capacitySlots * ENTRY_SIZE_BYTES;
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Read the entries up to the end mark and index them. */
  load(): this {
    let end = -1;
    for (let slot = 0; slot < this.#space.capacitySlots && end < 0;) {
      const slots = this.#space.contiguousSlots(slot, LOAD_BYTES_MAX / ENTRY_SIZE_BYTES);
      const chunk = new Uint8Array(slots * ENTRY_SIZE_BYTES);
      this.#host.device.read(this.#space.blockOf(slot), chunk);
      end = this.#takeChunk(slot, chunk);
      slot += slots;
    }
    this.#endSlot = end < 0 ? this.#space.capacitySlots : end;
    const perSector = this.#space.slotsPerSector;
    this.#slots.know(Math.ceil(this.#endSlot / perSector) * perSector);
    this.#slots.setFree(0, this.#endSlot, false);
    scanDirectory(this.bytes, this.#endSlot, {
      set: (slot, entryCount, diskName) => this.#indexFound(slot, entryCount, nameOfDiskName(diskName)),
      freeSlot: (slot) => this.#slots.setFree(slot, 1, true),
      label: (slot) => (this.#labelSlot = this.#labelSlot < 0 ? slot : this.#labelSlot),
    });
    return this;
  }

  /** Keep what a chunk holds up to the end mark; returns the end's slot or −1. */
  #takeChunk(slot: number, chunk: Uint8Array): number {
    const slots = chunk.length / ENTRY_SIZE_BYTES;
    let used = 0;
    while (used < slots && chunk[used * ENTRY_SIZE_BYTES] !== ENTRY_TYPE.end) used++;
    const perSector = this.#space.slotsPerSector;
    const usedSlots = Math.min(slots, Math.ceil((used + 1) / perSector) * perSector);
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

  #indexFound(slot: number, entryCount: number, name: string): void {
    this.#index(slot, entryCount, name);
    this.#slots.setInode(slot, this.#host.inodeFor(u32At(this.bytes, this.offsetOf(slot) + AT.firstCluster)));
  }

  #index(slot: number, entryCount: number, name: string): void {
    this.#slots.enter(slot, entryCount, name);
    this.entryCount++;
    const key = this.#host.keys.of(name);
    if (!this.#keys.has(key)) this.#keys.set(key, slot);
  }

  /** Make a fresh one known: its clusters are zero on the device. */
  adoptNew(): this {
    this.#reserveBytes(this.#host.geometry.sectorSizeBytes);
    this.#zeroedToSlot = this.#space.capacitySlots;
    return this;
  }

  #reserveBytes(lengthBytes: number): void {
    if (lengthBytes <= this.bytes.length) return;
    const grown = new Uint8Array(
      Math.max(lengthBytes, Math.min(this.bytes.length * 2, lengthBytes + 2 ** 22)),
    );
    grown.set(this.bytes);
    this.bytes = grown;
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Slot of the set that `name` finds, −1 when there is none. */
  find(name: string): number {
    return this.#keys.get(this.#host.keys.of(name)) ?? -1;
  }

  nameAt(slot: number): string {
    return this.#slots.nameAt(slot);
  }
  inodeAt(slot: number): number {
    return this.#slots.inodeAt(slot);
  }
  setInode(slot: number, inode: number): void {
    this.#slots.setInode(slot, inode);
  }
  /** The node in use at `slot`, if there is one. */
  liveAt(slot: number): ExfatNode | undefined {
    return this.#slots.liveAt(slot);
  }
  setLive(slot: number, node: ExfatNode | undefined): void {
    this.#slots.setLive(slot, node);
  }

  /** Next slot after `slot` where a set begins, −1 at the end. */
  nextEntry(slot: number): number {
    return this.#slots.next(slot, this.#endSlot);
  }

  attributesAt(slot: number): number {
    return this.bytes[slot * ENTRY_SIZE_BYTES + AT.attributes] ?? 0;
  }
  sizeAt(slot: number): number {
    return u64At(this.bytes, slot * ENTRY_SIZE_BYTES + AT.dataLength);
  }
  /** Where in `bytes` the set at `slot` begins. */
  offsetOf(slot: number): number {
    return slot * ENTRY_SIZE_BYTES;
  }
  /** File and stream entry, copied. */
  pairAt(slot: number): Uint8Array {
    return this.bytes.slice(slot * ENTRY_SIZE_BYTES, slot * ENTRY_SIZE_BYTES + PAIR_BYTES);
  }
  /** What stands behind the name: entries that only their vendor understands. */
  vendorEntriesAt(slot: number): VendorEntries {
    const end = slot + this.#slots.countAt(slot);
    const first = slot + 2 + nameEntriesAt(this.bytes, this.offsetOf(slot));
    if (first >= end) return NO_VENDOR_ENTRIES;
    return new VendorEntries(this.bytes.slice(first * ENTRY_SIZE_BYTES, end * ENTRY_SIZE_BYTES));
  }

  // ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Add a set: file and stream entry from `pair`, the name, and `vendor` entries behind it. Returns its slot. ENOSPC,
   * before anything changed, when the directory cannot grow; ENAMETOOLONG when a set cannot hold that much.
   */
  insert(name: string, diskName: string, pair: Uint8Array, inode: number, vendor: VendorEntries): number {
    const named = 2 + nameEntryCount(diskName);
    vendor.assertRoomBehind(named);
    const count = named + vendor.count;
    const slot = this.#place(count);
    this.#advanceEnd(slot, slot + count);
    this.#slots.setFree(slot, count, false);
    const at = slot * ENTRY_SIZE_BYTES;
    this.bytes.set(pair, at);
    if (vendor.count > 0) this.bytes.set(vendor.bytes, at + named * ENTRY_SIZE_BYTES);
    this.#writeName(slot, count, diskName);
    this.#index(slot, count, name);
    this.#slots.setInode(slot, inode);
    this.#touchSlots(slot, slot + count - 1, true);
    return slot;
  }

  /** The name with all that follows from it, in a set of `count` entries. */
  #writeName(slot: number, count: number, diskName: string): void {
    const at = slot * ENTRY_SIZE_BYTES;
    this.bytes[at] = ENTRY_TYPE.file;
    this.bytes[at + 1] = count - 1;
    this.bytes[at + ENTRY_SIZE_BYTES] = ENTRY_TYPE.stream;
    this.bytes[at + AT.nameLength] = diskName.length;
    putU16(this.bytes, at + AT.nameHash, nameHash(diskName, this.#host.upcase));
    writeNameEntries(this.bytes, at + 2 * ENTRY_SIZE_BYTES, diskName);
    putU16(this.bytes, at + 2, setChecksum(this.bytes, at, count));
  }

  /** First slot of a free place for `count`; grows the directory where there is none. */
  #place(count: number): number {
    let first = this.#slots.findFree(count, this.#space.capacitySlots);
    if (first < 0 && this.#lateRemovals.length > 0) {
      this.#host.commit.flush();
      first = this.#slots.findFree(count, this.#space.capacitySlots);
    }
    while (first < 0) {
      this.#grow();
      first = this.#slots.findFree(count, this.#space.capacitySlots);
    }
    return first;
  }

  #grow(): void {
    const old = this.#space.capacitySlots;
    this.#space.grow(this.ownerName);
    const { capacitySlots } = this.#space;
    if (this.#zeroedToSlot === old) this.#zeroedToSlot = capacitySlots;
    const { directory, entryBytes, entryOffset, slot } = this.node;
    if (directory === null) return;
    const { chain, sizeBytes } = this;
    putContents(entryBytes, entryOffset, {
      firstCluster: chain.first,
      isContiguous: chain.isContiguous,
      dataBytes: sizeBytes,
      validBytes: sizeBytes,
    });
    directory.touchSet(slot);
    if (this.#host.commit.isRecording) directory.note(`${this.ownerName} has ${sizeBytes} bytes of entries`);
  }

  /**
   * The end mark moves to `end`: bytes behind it must be zero before, and slots passed over on the way, before `first`,
   * must not read as the end.
   */
  #advanceEnd(first: number, end: number): void {
    if (end <= this.#endSlot) return;
    const perSector = this.#space.slotsPerSector;
    this.#reserveBytes(Math.ceil(end / perSector) * perSector * ENTRY_SIZE_BYTES);
    if (first > this.#endSlot) {
      for (let slot = this.#endSlot; slot < first; slot++) this.bytes[slot * ENTRY_SIZE_BYTES] = UNUSED_FILE;
      this.#touchSlots(this.#endSlot, first - 1, false);
    }
    this.#endSlot = end;
    if (end < this.#zeroedToSlot || this.#zeroedToSlot >= this.#space.capacitySlots) return;
    // Junk behind the end mark of a foreign directory: clear all of it, once.
    this.#space.clearFrom(this.#zeroedToSlot, this.ownerName);
    this.#zeroedToSlot = this.#space.capacitySlots;
  }

  /**
   * Give the set at `slot` another name where it stands, in one sector. Returns false, with nothing changed, when that
   * cannot be: more entries needed, or a set in two sectors. A power cut leaves the old or the new name.
   */
  renameInPlace(slot: number, name: string, diskName: string): boolean {
    if (!this.fitsInPlace(slot, diskName)) return false;
    const count = this.#slots.countAt(slot);
    const last = slot + count - 1;
    this.#forgetKey(slot);
    const kept = this.vendorEntriesAt(slot).count > 0 ? count : 2 + nameEntryCount(diskName);
    this.#writeName(slot, kept, diskName);
    if (kept < count) this.#erase(slot + kept, count - kept);
    this.entryCount--;
    this.#index(slot, kept, name);
    this.#touchSlots(slot, last, false);
    return true;
  }

  /** Can the set at `slot` bear this name where it stands, in one sector? */
  fitsInPlace(slot: number, diskName: string): boolean {
    const count = this.#slots.countAt(slot);
    const needed = 2 + nameEntryCount(diskName);
    const hasVendor = this.vendorEntriesAt(slot).count > 0;
    if (needed > count || (hasVendor && needed !== 2 + nameEntriesAt(this.bytes, this.offsetOf(slot))))
      return false;
    return this.#space.sectorOf(slot) === this.#space.sectorOf(slot + count - 1);
  }

  /** The set at `slot` takes the facts of another one, `pair`, and keeps its name. */
  takeOver(slot: number, pair: Uint8Array): void {
    putFacts(this.bytes, this.offsetOf(slot), pair);
    this.touchSet(slot);
  }

  /** Do two sets lie in one sector? Then one write changes both. */
  sharesSector(slot: number, other: number): boolean {
    const last = Math.max(slot + this.#slots.countAt(slot), other + this.#slots.countAt(other)) - 1;
    return this.#space.sectorOf(Math.min(slot, other)) === this.#space.sectorOf(last);
  }

  /**
   * Take the set at `slot` out. `isLate`: it moved, and its old place stays on the device until the new one is there.
   * Otherwise the sector with the file entry goes first; entries in another one follow later.
   */
  remove(slot: number, isLate: boolean): void {
    const end = slot + this.#slots.countAt(slot);
    this.forget(slot);
    const sectorEnd = Math.min(end, (this.#space.sectorOf(slot) + 1) * this.#space.slotsPerSector);
    const lateFrom = isLate ? slot : sectorEnd;
    if (lateFrom < end) {
      this.#lateRemovals.push(lateFrom, end - lateFrom);
      this.#host.commit.addDirectory(this, 0);
    }
    if (lateFrom > slot) this.#erase(slot, lateFrom - slot);
  }

  /** The set at `slot` is about to change its name: its old one is free for the new one. */
  hideKey(slot: number): void {
    this.#forgetKey(slot);
  }
  /** It did not change after all. */
  showKey(slot: number): void {
    const key = this.#host.keys.of(this.nameAt(slot));
    if (!this.#keys.has(key)) this.#keys.set(key, slot);
  }

  /** Take it out of the index only. */
  forget(slot: number): void {
    this.#forgetKey(slot);
    this.#slots.leave(slot);
    this.entryCount--;
  }

  #forgetKey(slot: number): void {
    const key = this.#host.keys.of(this.nameAt(slot));
    if (this.#keys.get(key) === slot) this.#keys.delete(key);
  }

  #erase(first: number, count: number): void {
    for (let slot = first; slot < first + count; slot++) {
      const at = slot * ENTRY_SIZE_BYTES;
      this.bytes[at] = (this.bytes[at] ?? 0) & ~ENTRY_IN_USE;
    }
    this.#slots.setFree(first, count, true);
    this.#touchSlots(first, first + count - 1, false);
  }

  // ── label ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Of a root directory; '' without one. */
  get label(): string {
    return this.#labelSlot < 0 ? '' : labelAt(this.bytes, this.offsetOf(this.#labelSlot));
  }

  setLabel(label: string): void {
    let slot = this.#labelSlot;
    if (slot < 0) {
      if (label === '') return;
      slot = this.#place(1);
      this.#advanceEnd(slot, slot + 1);
      this.#slots.setFree(slot, 1, false);
      this.#labelSlot = slot;
    }
    putLabel(this.bytes, this.offsetOf(slot), label);
    this.#touchSlots(slot, slot, false);
  }

  // ── dirty sectors ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** File or stream entry of the set at `slot` changed: its checksum follows. */
  touchSet(slot: number): void {
    const at = slot * ENTRY_SIZE_BYTES;
    putU16(this.bytes, at + 2, setChecksum(this.bytes, at, this.#slots.countAt(slot)));
    this.#touchSlots(slot, slot + 1, false);
  }

  /** Slots changed. `isOrdered`: they are a new set, whose first sector waits for the ones behind it. */
  #touchSlots(first: number, last: number, isOrdered: boolean): void {
    const lastSector = this.#space.sectorOf(last);
    for (let sector = this.#space.sectorOf(first); sector <= lastSector; sector++) {
      const isNew = this.#dirty.mark(sector, isOrdered && sector < lastSector);
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
    const owner = this.ownerName;
    const label: WriteLabel = { role: 'directory', owner, reason: this.#dirty.inWords(reason) };
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
