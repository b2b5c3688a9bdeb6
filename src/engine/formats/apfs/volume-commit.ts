import { FsError } from '../../base/errno.ts';
import type { Commit } from './commit.ts';
import type { MetadataBuffer, Room, Spender, Transaction } from './transaction.ts';
import type { VolumeState } from './volume-state.ts';

/** The container's transactions as one of its volumes uses them: what it asks room for is room of the volume. */
export class VolumeCommit implements Transaction {
  readonly #commit: Commit;
  readonly #volume: VolumeState;

  constructor(commit: Commit, volume: VolumeState) {
    this.#commit = commit;
    this.#volume = volume;
  }

  get xid(): number {
    return this.#commit.xid;
  }

  /** Does memory hold what is not on the disk yet? */
  get isDirty(): boolean {
    return this.#commit.isDirty;
  }

  get wasLeftBehind(): boolean {
    return this.#commit.wasLeftBehind;
  }

  /** See Commit.freeRecordsLeft. */
  get freeRecordsLeft(): number {
    return this.#commit.freeRecordsLeft;
  }

  /** See Commit.change; EROFS for a volume that is mounted for reading only. */
  change<T>(room: Room, body: () => T, spender: Spender = this.#volume): T {
    if (this.#volume.isReadOnly) {
      throw new FsError('EROFS', '', '', `volume '${this.#volume.label}' is mounted for reading only`);
    }
    return this.#commit.change(room, body, spender);
  }

  sync(): void {
    this.#commit.sync();
  }

  newOid(): number {
    return this.#commit.newOid();
  }

  allocateBlock(spender: Spender): number {
    return this.#commit.allocateBlock(spender);
  }

  freeBlocks(firstBlock: number, blockCount: number, spender: Spender): void {
    this.#commit.freeBlocks(firstBlock, blockCount, spender);
  }

  isFresh(block: number): boolean {
    return this.#commit.isFresh(block);
  }

  touch(buffer: MetadataBuffer): void {
    this.#commit.touch(buffer);
  }

  forget(buffer: MetadataBuffer): void {
    this.#commit.forget(buffer);
  }
}
