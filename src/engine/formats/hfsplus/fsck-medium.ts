import { FsError } from '../../base/errno.ts';
import type { Device, WriteLabel } from '../../device/device.ts';

/**
 * The disk as the checker sees it: bytes at any offset, reads that never fail, and changes that gather in memory until
 * `commit`. Passes after the first read their own repairs back through the same object, so that a repair can be judged
 * before a single block of the disk has changed. A journal that waits to be replayed is laid over it the same way.
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
      // A change in a node that is new itself goes with the node.
      if (stage !== STAGE.records || edit.stage !== STAGE.fresh) edit.stage = stage;
      done += length;
    }
  }

  /**
   * Bring every change to the disk, stage by stage with a barrier after each. A power cut before the last one is done
   * leaves a volume that says itself that it is inconsistent, with old or new trees but never half of one: the next run
   * repairs it.
   */
  commit(reasons: readonly string[] = STAGE_REASONS): void {
    const blocks = [...this.#edits].sort(([a], [b]) => a - b);
    for (const [stage, reason] of reasons.entries()) {
      const ofStage = blocks.filter(([, edit]) => edit.stage === stage);
      if (ofStage.length === 0) continue;
      for (const [block, edit] of ofStage) this.#writeBlock(block, edit);
      this.#device.barrier(reason);
    }
    this.#edits.clear();
  }

  /** Write at once, past all edits: what has to be on the disk before the first of them. */
  writeNow(offsetBytes: number, bytes: Uint8Array, label: WriteLabel, reason: string): void {
    const { blockSizeBytes } = this.#device;
    const first = Math.floor(offsetBytes / blockSizeBytes);
    const end = Math.ceil((offsetBytes + bytes.length) / blockSizeBytes);
    const content = new Uint8Array((end - first) * blockSizeBytes);
    this.#readBlocks(first, content);
    content.set(bytes, offsetBytes - first * blockSizeBytes);
    this.#writeBlock(first, { bytes: content, stage: 0, label });
    this.#device.barrier(reason);
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

/** What is written before what: see `Medium.commit`. The verdict is the volume header, which says clean. */
export const STAGE = { fresh: 0, records: 1, cleanup: 2, verdict: 3 } as const;
export type Stage = number;

const STAGE_REASONS = [
  'fsck: new nodes and copies are on the disk before anything points at them',
  'fsck: records, trees, bitmap before what the old trees were made of is erased',
  'fsck: everything else before the header that says clean',
  'fsck: the repair is complete',
];
