import { viewOf } from '../../base/bytes.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import { writeHome } from './commit.ts';
import type { Commit } from './commit.ts';
import {
  FORK_OFFSET_BYTES,
  MOUNTED_BY,
  readFork,
  VOLUME_BIT,
  VOLUME_HEADER_SIZE_BYTES,
  VolumeHeader,
  writeFork,
} from './layout.ts';
import type { ForkData, Geometry } from './layout.ts';
import type { DeviceRun, MetadataBuffer } from './metadata.ts';

export type ForkName = keyof typeof FORK_OFFSET_BYTES;

const at = {
  attributes: VolumeHeader.fields.attributes.at,
  lastMountedVersion: VolumeHeader.fields.lastMountedVersion.at,
  createDate: VolumeHeader.fields.createDate.at,
  modifyDate: VolumeHeader.fields.modifyDate.at,
  fileCount: VolumeHeader.fields.fileCount.at,
  folderCount: VolumeHeader.fields.folderCount.at,
  freeBlocks: VolumeHeader.fields.freeBlocks.at,
  nextAllocation: VolumeHeader.fields.nextAllocation.at,
  nextCatalogId: VolumeHeader.fields.nextCatalogId.at,
  writeCount: VolumeHeader.fields.writeCount.at,
  encodingsBitmap: VolumeHeader.fields.encodingsBitmap.at,
  finderInfo: VolumeHeader.fields.finderInfo.at,
};

/**
 * The volume header as a piece of metadata: every setter takes it into the running transaction. Forks of special files
 * change it together with the alternate header, which is otherwise written only when the volume is unmounted.
 * Numbers are as on the disk; dates are seconds since 1904.
 */
export class VolumeHeaderBuffer implements MetadataBuffer {
  readonly bytes: Uint8Array;
  readonly runs: readonly DeviceRun[];
  readonly label: WriteLabel = LABEL;
  isDirty = false;

  readonly #geometry: Geometry;
  readonly #device: Device;
  readonly #view: DataView;
  #commit: Commit | null = null;
  #alternate: SectorBuffer | null = null;
  #isAlternateStale = false;

  /** `header`: its 512 bytes, already judged by `geometryOf`. */
  constructor(device: Device, geometry: Geometry, header: Uint8Array) {
    this.#device = device;
    this.#geometry = geometry;
    const sector = new SectorBuffer(device, geometry.headerOffsetBytes, LABEL);
    sector.header.set(header.subarray(0, VOLUME_HEADER_SIZE_BYTES));
    this.bytes = sector.bytes;
    this.runs = sector.runs;
    this.#view = viewOf(sector.header);
  }

  bind(commit: Commit): void {
    this.#commit = commit;
  }

  get fileCount(): number {
    return this.#view.getUint32(at.fileCount);
  }
  set fileCount(value: number) {
    this.#put(at.fileCount, value);
  }

  get folderCount(): number {
    return this.#view.getUint32(at.folderCount);
  }
  set folderCount(value: number) {
    this.#put(at.folderCount, value);
  }

  get freeBlocks(): number {
    return this.#view.getUint32(at.freeBlocks);
  }
  set freeBlocks(value: number) {
    this.#put(at.freeBlocks, value);
  }

  get nextAllocation(): number {
    return this.#view.getUint32(at.nextAllocation);
  }
  set nextAllocation(value: number) {
    this.#put(at.nextAllocation, value);
  }

  get nextCatalogId(): number {
    return this.#view.getUint32(at.nextCatalogId);
  }
  set nextCatalogId(value: number) {
    this.#put(at.nextCatalogId, value);
  }

  get createDate(): number {
    return this.#view.getUint32(at.createDate);
  }

  get attributes(): number {
    return this.#view.getUint32(at.attributes);
  }

  get lastMountedVersion(): number {
    return this.#view.getUint32(at.lastMountedVersion);
  }

  /** `bit`: one of VOLUME_BIT. */
  has(bit: number): boolean {
    return Math.floor(this.attributes / bit) % 2 === 1;
  }

  setBit(bit: number, isSet: boolean): void {
    if (this.has(bit) === isSet) return;
    this.#put(at.attributes, this.attributes + (isSet ? bit : -bit));
  }

  /** 32 bytes; a copy. */
  get finderInfo(): Uint8Array {
    return this.bytes.slice(this.#headerAt + at.finderInfo, this.#headerAt + at.finderInfo + 32);
  }
  set finderInfo(value: Uint8Array) {
    this.bytes.set(value.subarray(0, 32), this.#headerAt + at.finderInfo);
    this.#commit?.touch(this);
  }

  /** Remember that names use a text encoding; `bit` 0 … 63. */
  addEncoding(bit: number): void {
    const byte = at.encodingsBitmap + 7 - (bit >>> 3);
    const mask = 1 << (bit & 7);
    const old = this.#view.getUint8(byte);
    if (old & mask) return;
    this.#view.setUint8(byte, old | mask);
    this.#commit?.touch(this);
  }

  fork(name: ForkName): ForkData {
    return readFork(this.bytes, this.#headerAt + FORK_OFFSET_BYTES[name]);
  }

  /** A special file has another size or lies elsewhere: the alternate header goes along. */
  setFork(name: ForkName, fork: ForkData): void {
    writeFork(this.bytes, fork, this.#headerAt + FORK_OFFSET_BYTES[name]);
    this.#isAlternateStale = true;
    this.#commit?.touch(this);
  }

  /** [TN1150 "Volume Header": attributes, lastMountedVersion, writeCount] */
  markMounted(hasJournal: boolean): void {
    this.setBit(VOLUME_BIT.unmounted, false);
    this.#put(at.lastMountedVersion, hasJournal ? MOUNTED_BY.macosJournaled : MOUNTED_BY.macos);
    this.#put(at.writeCount, (this.#view.getUint32(at.writeCount) + 1) % 2 ** 32);
  }

  markUnmounted(isClean: boolean): void {
    if (isClean) this.setBit(VOLUME_BIT.bootInconsistent, false);
    this.setBit(VOLUME_BIT.unmounted, isClean);
    this.#isAlternateStale = true;
    this.#commit?.touch(this);
  }

  /** Dates, and the alternate header when it must change: part of the same transaction. */
  beforeCommit(): void {
    if (this.#commit === null) return;
    this.#put(at.modifyDate, this.#commit.now());
    if (!this.#isAlternateStale) return;
    this.#alternate ??= new SectorBuffer(
      this.#device,
      this.#geometry.alternateHeaderOffsetBytes,
      LABEL_ALTERNATE,
    );
    this.#alternate.header.set(
      this.bytes.subarray(this.#headerAt, this.#headerAt + VOLUME_HEADER_SIZE_BYTES),
    );
    this.#commit.touch(this.#alternate);
    this.#isAlternateStale = false;
  }

  /** What is on the device, saying that fsck is needed; memory stays as it is. */
  writeInconsistent(device: Device): void {
    const sector = new SectorBuffer(device, this.#geometry.headerOffsetBytes, LABEL_INCONSISTENT);
    const view = viewOf(sector.header);
    view.setUint32(at.attributes, (view.getUint32(at.attributes) | VOLUME_BIT.inconsistent) >>> 0);
    writeHome(device, sector);
  }

  get #headerAt(): number {
    return this.#view.byteOffset - this.bytes.byteOffset;
  }

  #put(offset: number, value: number): void {
    if (this.#view.getUint32(offset) === value) return;
    this.#view.setUint32(offset, value);
    this.#commit?.touch(this);
  }
}

/** The sector of the device that holds 512 bytes of header: on sectors of 4096 bytes, with what lies around it. */
class SectorBuffer implements MetadataBuffer {
  readonly bytes: Uint8Array;
  readonly header: Uint8Array;
  readonly runs: readonly DeviceRun[];
  isDirty = false;

  constructor(
    device: Device,
    offsetBytes: number,
    readonly label: WriteLabel,
  ) {
    const { blockSizeBytes } = device;
    const block = Math.floor(offsetBytes / blockSizeBytes);
    this.bytes = new Uint8Array(blockSizeBytes);
    device.read(block, this.bytes);
    const inSector = offsetBytes - block * blockSizeBytes;
    this.header = this.bytes.subarray(inSector, inSector + VOLUME_HEADER_SIZE_BYTES);
    this.runs = [{ deviceOffsetBytes: block * blockSizeBytes, lengthBytes: blockSizeBytes }];
  }
}

const LABEL: WriteLabel = { role: 'header', owner: 'volume header', reason: 'counts, dates and state' };
const LABEL_INCONSISTENT: WriteLabel = {
  role: 'header',
  owner: 'volume header',
  reason: 'say that the volume is inconsistent',
};
const LABEL_ALTERNATE: WriteLabel = {
  role: 'header',
  owner: 'alternate volume header',
  reason: 'a second copy, for the day the first is lost',
};
