import { FsError } from '../base/errno.ts';
import type { Device, WriteLabel } from './device.ts';
import { Medium } from './medium.ts';

/** In which order the blocks of a draft reach the disk. */
export interface Stages {
  /** One a stage, in order: what the barrier behind it protects. */
  readonly reasons: readonly string[];
  /** Stage of a block that was changed for `earlier` and is changed again for `later`. */
  readonly together: (earlier: number, later: number) => number;
}

interface Edit {
  readonly bytes: Uint8Array;
  stage: number;
  readonly label: WriteLabel;
}

/**
 * A medium whose changes gather in memory until `commit`. Later reads see them, so that a repair can be judged before a
 * single block of the disk has changed.
 */
export class Draft extends Medium {
  /** Blocks the device refused to write. */
  readonly unwritableBlocks = new Set<number>();
  readonly #stages: Stages;
  readonly #edits = new Map<number, Edit>();

  constructor(device: Device, stages: Stages) {
    super(device);
    this.#stages = stages;
  }

  get hasEdits(): boolean {
    return this.#edits.size > 0;
  }

  /** Remember new bytes for this place. Within one commit the blocks of a lower stage reach the disk first. */
  write(offsetBytes: number, bytes: Uint8Array, stage: number, label: WriteLabel): void {
    const { blockSizeBytes } = this;
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
      edit.stage = this.#stages.together(edit.stage, stage);
      done += length;
    }
  }

  /** Bring every change to the disk, stage by stage, with a barrier behind each that wrote something. */
  commit(reasons: readonly string[] = this.#stages.reasons): void {
    const blocks = [...this.#edits].sort(([a], [b]) => a - b);
    for (const [stage, reason] of reasons.entries()) {
      const ofStage = blocks.filter(([, edit]) => edit.stage === stage);
      if (ofStage.length === 0) continue;
      for (const [block, { bytes, label }] of ofStage) this.#writeBlocks(block, bytes, label);
      this.device.barrier(reason);
    }
    this.#edits.clear();
  }

  /** Write at once, past all edits: what has to be on the disk before the first of them. */
  writeNow(offsetBytes: number, bytes: Uint8Array, label: WriteLabel, reason: string): void {
    const { blockSizeBytes } = this;
    const first = Math.floor(offsetBytes / blockSizeBytes);
    const end = Math.ceil((offsetBytes + bytes.length) / blockSizeBytes);
    const content = new Uint8Array((end - first) * blockSizeBytes);
    super.readBlocks(first, content);
    content.set(bytes, offsetBytes - first * blockSizeBytes);
    this.#writeBlocks(first, content, label);
    this.device.barrier(reason);
  }

  protected override nextStoredBlock(firstBlock: number): number {
    let stored = super.nextStoredBlock(firstBlock);
    if (stored - firstBlock <= this.#edits.size) {
      for (let at = firstBlock; at < stored; at++) if (this.#edits.has(at)) stored = at;
    } else {
      for (const edited of this.#edits.keys()) if (edited >= firstBlock && edited < stored) stored = edited;
    }
    return stored;
  }

  protected override readBlocks(first: number, into: Uint8Array): void {
    super.readBlocks(first, into);
    if (this.#edits.size === 0) return;
    const { blockSizeBytes } = this;
    for (let at = 0; at < into.length; at += blockSizeBytes) {
      const edit = this.#edits.get(first + at / blockSizeBytes);
      if (edit) into.set(edit.bytes, at);
    }
  }

  #writeBlocks(block: number, bytes: Uint8Array, label: WriteLabel): void {
    try {
      this.device.write(block, bytes, label);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      this.unwritableBlocks.add(block);
    }
  }
}
