import type { Clock, Timespec } from '../../base/clock.ts';
import type { AttributeChange } from '../contract.ts';
import { attributesWithFlags, stampOf, tenMillisecondsOf } from './attributes.ts';
import { ATTRIBUTE, DirectoryEntry, ENTRY_SIZE_BYTES } from './layout.ts';
import { putFirstCluster, putU16, putU32, u32At } from './node.ts';
import type { FatNode } from './node.ts';

const { fields } = DirectoryEntry;
const ATTRIBUTES_AT = fields.attributes.at;
const TENS_AT = fields.createTenMilliseconds.at;
const CREATE_TIME_AT = fields.createTime.at;
const ACCESS_DATE_AT = fields.accessDate.at;
const WRITE_TIME_AT = fields.writeTime.at;
const SIZE_AT = fields.sizeBytes.at;

/**
 * Times and sizes on their way into entries. A stamp is the 32 bits of a time and its date as an entry holds them;
 * the present one is worked out once a second.
 */
export class Stamps {
  readonly #clock: Clock;
  readonly #timeZoneMinutes: number;
  #stamp = 0;
  #stampSeconds = -1;
  readonly #newEntry = new Uint8Array(ENTRY_SIZE_BYTES);

  constructor(clock: Clock, timeZoneMinutes: number) {
    this.#clock = clock;
    this.#timeZoneMinutes = timeZoneMinutes;
  }

  #at(time: Timespec): number {
    return stampOf(time, this.#timeZoneMinutes);
  }

  now(): number {
    const time = this.#clock.now();
    if (time.seconds !== this.#stampSeconds) {
      this.#stampSeconds = time.seconds;
      this.#stamp = this.#at(time);
    }
    return this.#stamp;
  }

  /** Bytes 11 to 31 of a new entry; the array is used again by the next call. */
  newEntry(attributes: number): Uint8Array {
    const stamp = this.now();
    const entry = this.#newEntry.fill(0);
    entry[11] = attributes;
    entry[13] = tenMillisecondsOf(this.#clock.now());
    putU32(entry, CREATE_TIME_AT, stamp);
    putU16(entry, ACCESS_DATE_AT, stamp >>> 16);
    putU32(entry, WRITE_TIME_AT, stamp);
    return entry;
  }

  /** A file was written: size, first cluster, times, and the bit that asks for a backup. */
  setSize(file: FatNode, firstCluster: number, sizeBytes: number): void {
    const bytes = file.entryBytes;
    const at = file.entryOffset;
    const stamp = this.now();
    putU32(bytes, at + SIZE_AT, sizeBytes);
    putFirstCluster(bytes, at, firstCluster);
    putU32(bytes, at + WRITE_TIME_AT, stamp);
    putU16(bytes, at + ACCESS_DATE_AT, stamp >>> 16);
    bytes[at + ATTRIBUTES_AT] = (bytes[at + ATTRIBUTES_AT] ?? 0) | ATTRIBUTE.archive;
    file.directory?.touch(file.slot);
  }

  /** Its entries changed: so does a directory's time, in the entry that names it. The root's stays in memory. */
  touchDirectory(node: FatNode): void {
    const stamp = this.now();
    const bytes = node.entryBytes;
    const at = node.entryOffset + WRITE_TIME_AT;
    if (u32At(bytes, at) === stamp) return;
    putU32(bytes, at, stamp);
    node.directory?.touch(node.slot);
  }

  /** What FAT can keep of `change`. FsError EINVAL for other flags. */
  setAttributes(file: FatNode, change: AttributeChange): void {
    const { flags, accessTime, modifyTime, birthTime } = change;
    const bytes = file.entryBytes;
    const at = file.entryOffset;
    if (flags !== undefined) {
      bytes[at + ATTRIBUTES_AT] = attributesWithFlags(bytes[at + ATTRIBUTES_AT] ?? 0, flags);
    }
    if (accessTime) putU16(bytes, at + ACCESS_DATE_AT, this.#at(accessTime) >>> 16);
    if (modifyTime) putU32(bytes, at + WRITE_TIME_AT, this.#at(modifyTime));
    if (birthTime) {
      putU32(bytes, at + CREATE_TIME_AT, this.#at(birthTime));
      bytes[at + TENS_AT] = tenMillisecondsOf(birthTime);
    }
    file.directory?.touch(file.slot);
  }
}
