import { FsError } from '../../base/errno.ts';
import type { Device, WriteLabel } from '../../device/device.ts';

/**
 * The disk as the checker sees it: bytes at any offset, reads that never fail, and changes that gather in memory until
 * `commit`. Passes after the first read their own repairs back through the same object, so that a repair can be judged
 * before a single block of the disk has changed.
 */
export class Medium {
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
  /** Blocks the device refused to read, in the order met; they count as zeros. */
  readonly unreadableBlocks = new Set<number>();
  /** Blocks the device refused to write. */
  readonly unwritableBlocks = new Set<number>();
  readonly #device: Device;
  readonly #edits = new Map<number, Edit>();

  constructor(device: Device) {
    this.#device = device;
    this.blockSizeBytes = device.blockSizeBytes;
    this.sizeBytes = device.blockCount * device.blockSizeBytes;
  }

  get isReadOnly(): boolean {
    return this.#device.isReadOnly;
  }

  get hasEdits(): boolean {
    return this.#edits.size > 0;
  }

  blockOf(offsetBytes: number): number {
    return Math.floor(offsetBytes / this.#device.blockSizeBytes);
  }

  /** A fresh copy of the bytes; whatever lies beyond the device reads as zeros. */
  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    const { blockSizeBytes, blockCount } = this.#device;
    const first = Math.floor(offsetBytes / blockSizeBytes);
    const end = Math.ceil((offsetBytes + lengthBytes) / blockSizeBytes);
    const into = new Uint8Array((end - first) * blockSizeBytes);
    const available = Math.max(0, Math.min(end, blockCount) - first);
    if (available > 0) this.#readBlocks(first, into.subarray(0, available * blockSizeBytes));
    if (this.#edits.size > 0) {
      for (let block = first; block < first + available; block++) {
        const edit = this.#edits.get(block);
        if (edit) into.set(edit.bytes, (block - first) * blockSizeBytes);
      }
    }
    const skip = offsetBytes - first * blockSizeBytes;
    return into.length === lengthBytes ? into : into.slice(skip, skip + lengthBytes);
  }

  /** First byte at or after `offsetBytes` that may differ from zero; the size of the device when there is none. */
  nextStored(offsetBytes: number): number {
    const { blockSizeBytes, blockCount } = this.#device;
    const block = Math.floor(offsetBytes / blockSizeBytes);
    if (block >= blockCount) return this.sizeBytes;
    let stored = this.#device.nextStored(block);
    if (stored - block <= this.#edits.size) {
      for (let at = block; at < stored; at++) if (this.#edits.has(at)) stored = at;
    } else {
      for (const edited of this.#edits.keys()) if (edited >= block && edited < stored) stored = edited;
    }
    return Math.max(offsetBytes, stored * blockSizeBytes);
  }

  /** Remember new bytes for this place. Within one commit the blocks of a lower stage reach the disk first. */
  write(offsetBytes: number, bytes: Uint8Array, stage: Stage, label: WriteLabel): void {
    const { blockSizeBytes } = this.#device;
    let done = 0;
    while (done < bytes.length) {
      const block = Math.floor((offsetBytes + done) / blockSizeBytes);
      const at = offsetBytes + done - block * blockSizeBytes;
      const length = Math.min(blockSizeBytes - at, bytes.length - done);
      let edit = this.#edits.get(block);
      if (!edit) {
        edit = { bytes: this.read(block * blockSizeBytes, blockSizeBytes), stage, label };
        this.#edits.set(block, edit);
      }
      edit.bytes.set(bytes.subarray(done, done + length), at);
      edit.stage = Math.max(edit.stage, stage);
      done += length;
    }
  }

  /**
   * Bring every change to the disk. A power cut between two stages leaves what the next run repairs: entries that no
   * longer name the clusters, clusters still marked as used; never an entry whose clusters are free.
   */
  commit(): void {
    const blocks = [...this.#edits].sort(([a], [b]) => a - b);
    for (const stage of STAGES) {
      const ofStage = blocks.filter(([, edit]) => edit.stage === stage.number);
      if (ofStage.length === 0) continue;
      for (const [block, edit] of ofStage) this.#writeBlock(block, edit);
      this.#device.barrier(stage.reason);
    }
    this.#edits.clear();
  }

  #writeBlock(block: number, { bytes, label }: Edit): void {
    try {
      this.#device.write(block, bytes, label);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      this.unwritableBlocks.add(block);
    }
  }

  #readBlocks(first: number, into: Uint8Array): void {
    try {
      this.#device.read(first, into);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      this.#readOneByOne(first, into);
    }
  }

  /** After a failed read: what can be had of it, with zeros for the rest. */
  #readOneByOne(first: number, into: Uint8Array): void {
    const { blockSizeBytes } = this.#device;
    for (let at = 0; at < into.length; at += blockSizeBytes) {
      const block = first + at / blockSizeBytes;
      const target = into.subarray(at, at + blockSizeBytes);
      try {
        this.#device.read(block, target);
      } catch (error) {
        if (!(error instanceof FsError)) throw error;
        this.unreadableBlocks.add(block);
        target.fill(0);
      }
    }
  }
}

interface Edit {
  readonly bytes: Uint8Array;
  stage: Stage;
  readonly label: WriteLabel;
}

/** What is written before what: see `Medium.commit`. */
export const STAGE = { entries: 0, table: 1, summary: 2 } as const;
export type Stage = number;

const STAGES = [
  { number: STAGE.entries, reason: 'fsck: repaired entries before the clusters they gave up are freed' },
  { number: STAGE.table, reason: 'fsck: repaired tables before the volume is called clean' },
  { number: STAGE.summary, reason: 'fsck: repairs are on the disk' },
];
