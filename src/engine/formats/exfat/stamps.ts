import type { Clock, Timespec } from '../../base/clock.ts';
import type { AttributeChange } from '../contract.ts';
import { attributesWithFlags, stampOf, tensOf, wholeQuarters } from './attributes.ts';
import type { Chain } from './extents.ts';
import { ATTRIBUTE, utcOffsetOf } from './layout.ts';
import { AT, PAIR_BYTES, putContents, putU32, u32At } from './node.ts';
import type { ExfatNode } from './node.ts';

const TENS_PER_SECOND = 100;

/**
 * Times and sizes on their way into entry sets. A stamp is the 32 bits of a date and its time as an entry holds them;
 * the present one is worked out once in 10 ms.
 */
export class Stamps {
  readonly #clock: Clock;
  readonly #zoneMinutes: number;
  readonly #offsetByte: number;
  #stamp = 0;
  #tens = 0;
  #hundredths = -1;
  readonly #newPair = new Uint8Array(PAIR_BYTES);

  constructor(clock: Clock, timeZoneMinutes: number) {
    this.#clock = clock;
    this.#zoneMinutes = wholeQuarters(timeZoneMinutes);
    this.#offsetByte = utcOffsetOf(this.#zoneMinutes);
  }

  #refresh(): void {
    const time = this.#clock.now();
    const hundredths = time.seconds * TENS_PER_SECOND + Math.floor(time.nanoseconds / 10_000_000);
    if (hundredths === this.#hundredths) return;
    this.#hundredths = hundredths;
    this.#stamp = stampOf(time, this.#zoneMinutes);
    this.#tens = tensOf(time, this.#zoneMinutes);
  }

  #putModified(bytes: Uint8Array, at: number): void {
    putU32(bytes, at + AT.modifyStamp, this.#stamp);
    bytes[at + AT.modifyTens] = this.#tens;
    bytes[at + AT.modifyOffset] = this.#offsetByte;
    putU32(bytes, at + AT.accessStamp, this.#stamp);
    bytes[at + AT.accessOffset] = this.#offsetByte;
  }

  /** File and stream entry of a new file without contents; the array is used again by the next call. */
  newPair(attributes: number): Uint8Array {
    this.#refresh();
    const pair = this.#newPair.fill(0);
    pair[AT.attributes] = attributes;
    putU32(pair, AT.createStamp, this.#stamp);
    pair[AT.createTens] = this.#tens;
    pair[AT.createOffset] = this.#offsetByte;
    this.#putModified(pair, 0);
    putContents(pair, 0, { firstCluster: 0, isContiguous: false, dataBytes: 0, validBytes: 0 });
    return pair;
  }

  /** A file was written: lengths, clusters, times, and the bit that asks for a backup. */
  setContents(file: ExfatNode, chain: Chain, dataBytes: number, validBytes: number): void {
    this.#refresh();
    const bytes = file.entryBytes;
    const at = file.entryOffset;
    putContents(bytes, at, {
      firstCluster: chain.first,
      isContiguous: chain.isContiguous,
      dataBytes,
      validBytes,
    });
    this.#putModified(bytes, at);
    bytes[at + AT.attributes] = (bytes[at + AT.attributes] ?? 0) | ATTRIBUTE.archive;
    file.directory?.touchSet(file.slot);
  }

  /** Its entries changed: so does a directory's time, in the set that names it. The root's stays in memory. */
  touchDirectory(node: ExfatNode): void {
    this.#refresh();
    const bytes = node.entryBytes;
    const at = node.entryOffset;
    if (u32At(bytes, at + AT.modifyStamp) === this.#stamp && bytes[at + AT.modifyTens] === this.#tens) return;
    this.#putModified(bytes, at);
    node.directory?.touchSet(node.slot);
  }

  /** What exFAT can keep of `change`. FsError EINVAL for other flags. */
  setAttributes(file: ExfatNode, change: AttributeChange): void {
    const { flags, accessTime, modifyTime, birthTime } = change;
    const bytes = file.entryBytes;
    const at = file.entryOffset;
    if (flags !== undefined) {
      bytes[at + AT.attributes] = attributesWithFlags(bytes[at + AT.attributes] ?? 0, flags);
    }
    if (accessTime) {
      putU32(bytes, at + AT.accessStamp, stampOf(accessTime, this.#zoneMinutes));
      bytes[at + AT.accessOffset] = this.#offsetByte;
    }
    if (modifyTime) this.#putTime(bytes, at, AT.modifyStamp, AT.modifyTens, AT.modifyOffset, modifyTime);
    if (birthTime) this.#putTime(bytes, at, AT.createStamp, AT.createTens, AT.createOffset, birthTime);
    file.directory?.touchSet(file.slot);
  }

  #putTime(
    bytes: Uint8Array,
    at: number,
    stampAt: number,
    tensAt: number,
    offsetAt: number,
    time: Timespec,
  ): void {
    putU32(bytes, at + stampAt, stampOf(time, this.#zoneMinutes));
    bytes[at + tensAt] = tensOf(time, this.#zoneMinutes);
    bytes[at + offsetAt] = this.#offsetByte;
  }
}
