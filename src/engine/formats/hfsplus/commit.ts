import type { Clock } from '../../base/clock.ts';
import { FsError } from '../../base/errno.ts';
import type { Trace } from '../../base/trace.ts';
import type { Device } from '../../device/device.ts';
import type { CommitPolicy } from '../contract.ts';
import type { Journal } from './journal.ts';
import { hfsDate } from './layout.ts';
import type { CommitParticipant, MetadataBuffer } from './metadata.ts';
import type { VolumeHeaderBuffer } from './volume-header.ts';

/**
 * When what goes to the device. One operation is one transaction or, under `writeback`, part of one: all metadata it
 * touched becomes durable together or not at all.
 *
 *     begin()  …changes in memory, touch() for each…  end()
 *
 * With a journal a commit is: block lists and copies of all touched metadata into the log | journal header with the new
 * end | the same metadata to its home. `|` is a barrier. The home writes wait for no barrier of their own: the next
 * commit's first one makes them durable, and its header moves `start` past them. A power cut leaves, after replay,
 * the whole transaction or nothing of it. File data goes to the device directly, before the transaction that names it;
 * the journal does not hold it. A replay that goes on behind `end` (see replay.ts) can therefore bring a transaction
 * back whose data did not arrive: old contents under a new size, which macOS leaves as well.
 *
 * Without a journal (attribute bit 13 clear) order is all there is: data, bitmap of what became used | trees |
 * bitmap of what became free, volume header. A power cut can leave trees whose nodes do not fit together; the volume says
 * that it was not unmounted and wants fsck_hfs. It is called clean behind a barrier of its own when it is unmounted.
 *
 * Source of the order: apple-oss-distributions/hfs, core/hfs_journal.c end_transaction; the barrier between header and
 * home writes is ours (Apple's driver asks for FUA, which not every disk honours).
 */
export interface CommitOptions {
  readonly policy: CommitPolicy;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly isReadOnly: boolean;
  /** False when only a check may call the volume clean: it was in use without a journal, or is marked as damaged. */
  readonly mayMarkClean: boolean;
  /** This host has it mounted already, and its header says so. */
  readonly isMarkedInUse: boolean;
  /** Tell the device which blocks became free. Absent: yes. */
  readonly trims?: boolean;
}

const DIRTY_BYTES_MAX = 3 * 2 ** 20;
const DIRTY_SECONDS_MAX = 5;
/** Blocks waiting to become free: the runs are kept in memory. */
const WAITING_MAX = 2 ** 16;

export class Commit {
  readonly #device: Device;
  readonly #journal: Journal | null;
  readonly #header: VolumeHeaderBuffer;
  readonly #options: CommitOptions;
  readonly #participants: CommitParticipant[] = [];
  readonly #dirtyBytesMax: number;
  readonly trims: boolean;

  /** Touched since the last commit, in that order. */
  #dirty: MetadataBuffer[] = [];
  #dirtyBytes = 0;
  #dirtySinceSeconds = -1;
  #hasLooseData = false;
  #waiting = 0;
  #isMarkedInUse: boolean;

  constructor(device: Device, header: VolumeHeaderBuffer, journal: Journal | null, options: CommitOptions) {
    this.#device = device;
    this.#header = header;
    this.#journal = journal;
    this.#options = options;
    this.#isMarkedInUse = options.isMarkedInUse;
    this.trims = options.trims !== false;
    this.#dirtyBytesMax = Math.min(DIRTY_BYTES_MAX, journal === null ? Infinity : journal.capacityBytes / 2);
    header.bind(this);
  }

  /** Asked before and told after each commit, in the order of joining; the volume header is the last one. */
  join(participant: CommitParticipant): void {
    this.#participants.push(participant);
  }

  /**
   * Before the first change of an operation: EROFS. The first time it marks the volume as mounted. An operation that
   * fails before it changed anything simply does not call `end`.
   */
  begin(): void {
    if (this.#options.isReadOnly) {
      throw new FsError('EROFS', '', '', 'the volume is mounted for reading only');
    }
    if (!this.#isMarkedInUse) this.#markInUse();
  }

  /** `buffer` changes, or just changed: it belongs to this transaction. */
  touch(buffer: MetadataBuffer): void {
    if (buffer.isDirty) return;
    buffer.isDirty = true;
    this.#dirty.push(buffer);
    this.#dirtyBytes += buffer.bytes.length;
  }

  /** File data went to the device: metadata that names it must come after a barrier. */
  wroteData(): void {
    this.#hasLooseData = true;
  }

  /** Something waits for the commit in memory, such as a run of blocks to be set free. */
  addWaiting(): void {
    this.#waiting++;
  }

  /** After an operation: out at once, or when enough gathered. */
  end(): void {
    if (this.#options.policy === 'each') {
      this.flush();
      return;
    }
    const { seconds } = this.#options.clock.now();
    if (this.#dirtySinceSeconds < 0) this.#dirtySinceSeconds = seconds;
    if (
      this.#dirtyBytes > this.#dirtyBytesMax ||
      this.#waiting > WAITING_MAX ||
      seconds - this.#dirtySinceSeconds >= DIRTY_SECONDS_MAX
    ) {
      this.flush();
    }
  }

  /** Changes wait in memory for the next commit. */
  get isDirty(): boolean {
    return this.#dirty.length > 0 || this.#waiting > 0;
  }

  get isRecording(): boolean {
    return this.#options.trace.isRecording;
  }

  get isReadOnly(): boolean {
    return this.#options.isReadOnly;
  }

  get hasJournal(): boolean {
    return this.#journal !== null;
  }

  /** Now as HFS+ stores it: whole seconds, GMT. */
  now(): number {
    return hfsDate(this.#options.clock.now());
  }

  /**
   * Commit everything touched. EIO keeps what was not written for the next time. Only between operations: in the
   * middle of one it would commit half of it.
   */
  flush(): void {
    this.#dirtySinceSeconds = -1;
    if (!this.isDirty) return;
    for (const participant of this.#participants) participant.beforeCommit?.();
    this.#waiting = 0;
    if (this.#journal === null) {
      this.#writeInOrder();
    } else {
      for (const participant of this.#participants) participant.releaseBlocks?.();
      this.#header.beforeCommit();
      if (this.#journal.lengthOf(this.#dirty) <= this.#journal.capacityBytes) {
        this.#journal.commit(this.#dirty);
      } else {
        this.#writeTooMuch(this.#journal);
      }
    }
    this.#hasLooseData = false;
    this.#forget();
    for (const participant of this.#participants) participant.afterCommit?.();
  }

  /** Everything so far is on the medium when this returns. */
  sync(): void {
    if (this.#options.isReadOnly) return;
    this.flush();
    this.#device.barrier('hfs+: sync');
    this.#hasLooseData = false;
  }

  /** Last commit, which says that the volume is clean if it may be called so; then the journal becomes empty. */
  close(): void {
    if (this.#options.isReadOnly) return;
    if (!this.#isMarkedInUse) {
      this.sync();
      return;
    }
    if (this.#journal === null) {
      this.flush();
      this.#device.barrier('hfs+: everything else before the header that says clean');
    }
    this.#header.markUnmounted(this.#options.mayMarkClean);
    this.flush();
    if (this.#journal === null) {
      this.#device.barrier('hfs+: the volume is unmounted');
    } else {
      this.#device.barrier('hfs+: everything at home before unmounting empties the journal');
      this.#journal.makeEmpty();
      this.#device.barrier('hfs+: the volume is unmounted, its journal empty');
    }
    this.#isMarkedInUse = false;
  }

  /**
   * The mark warns of all that follows, so it goes ahead of it. With a journal it says "by a system that knows
   * journals", without which nobody would replay the log: the barrier behind the log is early enough for that.
   */
  #markInUse(): void {
    this.#journal?.prepare();
    this.#header.markMounted(this.#journal !== null);
    writeHome(this.#device, this.#header);
    this.#forget();
    if (this.#journal === null) {
      this.#device.barrier('hfs+: the volume says that it is in use before anything changes');
    }
    this.#isMarkedInUse = true;
  }

  /** Without a journal. */
  #writeInOrder(): void {
    let bitmap = this.#dirty.filter(isBitmap);
    const others = this.#dirty.filter((buffer) => !isBitmap(buffer) && buffer !== this.#header);
    for (const buffer of bitmap) this.#home(buffer);
    if (bitmap.length > 0 || this.#hasLooseData) {
      this.#device.barrier('hfs+: blocks are in use and filled before a record names them');
    }
    for (const buffer of others) this.#home(buffer);
    for (const participant of this.#participants) participant.releaseBlocks?.();
    this.#header.beforeCommit();
    bitmap = this.#dirty.filter(isBitmap);
    if (bitmap.length > 0 && others.length > 0) {
      this.#device.barrier('hfs+: no record names the blocks before they become free');
    }
    for (const buffer of this.#dirty) if (buffer.isDirty) this.#home(buffer);
  }

  /**
   * One operation changed more than the journal holds (a journal made small on purpose). Nothing can make it atomic:
   * the volume says that it is inconsistent while it is written. A power cut there asks for fsck_hfs at the next mount.
   */
  #writeTooMuch(journal: Journal): void {
    const header = this.#header;
    this.#device.barrier('hfs+: everything at home before a change goes past the journal');
    journal.makeEmpty();
    header.writeInconsistent(this.#device);
    this.#device.barrier('hfs+: the volume says that it is inconsistent before it is');
    for (const buffer of this.#dirty) if (buffer !== header) writeHome(this.#device, buffer);
    this.#device.barrier('hfs+: a transaction larger than the journal is whole');
    writeHome(this.#device, header);
  }

  #home(buffer: MetadataBuffer): void {
    writeHome(this.#device, buffer);
    buffer.isDirty = false;
  }

  #forget(): void {
    for (const buffer of this.#dirty) buffer.isDirty = false;
    this.#dirty = [];
    this.#dirtyBytes = 0;
  }
}

const isBitmap = (buffer: MetadataBuffer): boolean => buffer.label.role === 'allocation' && buffer.isDirty;

export function writeHome(device: Device, buffer: MetadataBuffer): void {
  let at = 0;
  for (const { deviceOffsetBytes, lengthBytes } of buffer.runs) {
    const isWhole = at === 0 && lengthBytes === buffer.bytes.length;
    const part = isWhole ? buffer.bytes : buffer.bytes.subarray(at, at + lengthBytes);
    device.write(deviceOffsetBytes / device.blockSizeBytes, part, buffer.label);
    at += lengthBytes;
  }
}
