import type { Clock } from '../../src/engine/base/clock.ts';
import { FsError } from '../../src/engine/base/errno.ts';
import type { Snapshot, Snapshots, SnapshotSpace } from '../../src/engine/formats/contract.ts';
import { copyOf, filesOf } from './memory-node.ts';
import type { MemoryNode } from './memory-node.ts';
import type { MemoryVolume } from './memory-volume.ts';

interface Kept extends Snapshot {
  readonly tree: MemoryNode;
  mounts: number;
}

/** Snapshots of a volume in memory: copies of the whole tree. */
export class MemorySnapshots implements Snapshots {
  readonly #volume: MemoryVolume;
  readonly #clock: Clock;
  #kept: Kept[] = [];
  #xid = 1;

  constructor(volume: MemoryVolume, clock: Clock) {
    this.#volume = volume;
    this.#clock = clock;
  }

  list(): readonly Snapshot[] {
    return this.#kept.map(({ name, xid, uuid, createTime }) => ({ name, xid, uuid, createTime }));
  }

  create(name: string): void {
    this.#requireWritable();
    if (this.#kept.some((kept) => kept.name === name)) throw new FsError('EEXIST', '', '');
    const xid = this.#xid++;
    const uuid = `00000000-0000-0000-0000-${String(xid).padStart(12, '0')}`;
    const tree = copyOf(this.#volume.root, null);
    this.#kept.push({ name, xid, uuid, createTime: this.#clock.now(), tree, mounts: 0 });
  }

  rename(name: string, newName: string): void {
    this.#requireWritable();
    const found = this.#find(name);
    if (this.#kept.some((kept) => kept.name === newName)) throw new FsError('EEXIST', '', '');
    this.#kept = this.#kept.map((kept) => (kept === found ? { ...kept, name: newName } : kept));
  }

  delete(name: string): void {
    this.#requireWritable();
    const found = this.#find(name);
    if (found.mounts > 0) throw new FsError('EBUSY', '', '', 'the snapshot is mounted');
    this.#kept = this.#kept.filter((kept) => kept !== found);
  }

  revert(name: string): void {
    this.#requireWritable();
    const found = this.#find(name);
    const held = this.#volume.heldNodes() - this.#volume.root.holders;
    const later = this.#kept.filter(({ xid }) => xid > found.xid);
    if (held > 0) throw new FsError('EBUSY', '', '', 'something is open');
    if (later.some(({ mounts }) => mounts > 0)) throw new FsError('EBUSY', '', '', 'a later one is mounted');
    this.#volume.take(found.tree);
    this.#kept = this.#kept.filter(({ xid }) => xid <= found.xid);
  }

  /** Counted by whole contents: what is kept and is the same file with the same bytes elsewhere takes no room. */
  space(name: string): SnapshotSpace {
    const found = this.#find(name);
    const sum = (others: readonly MemoryNode[]) => {
      const known = new Set(others.flatMap(filesOf).map(identity));
      return filesOf(found.tree)
        .filter((node) => !known.has(identity(node)))
        .reduce((total, { contents }) => total + contents.length, 0);
    };
    const others = this.#kept.filter((kept) => kept !== found).map(({ tree }) => tree);
    return {
      pinnedBytes: sum([this.#volume.root]),
      privateBytes: sum([this.#volume.root, ...others]),
    };
  }

  /** For `MemoryVolume.mountSnapshot`: the tree, which stays as it is, and how to let it go. */
  hold(name: string): { tree: MemoryNode; release: () => void } {
    const { xid, tree } = this.#find(name);
    const count = (by: number) => {
      this.#kept = this.#kept.map((kept) =>
        kept.xid === xid ? { ...kept, mounts: kept.mounts + by } : kept,
      );
    };
    count(1);
    return { tree, release: () => count(-1) };
  }

  #find(name: string): Kept {
    const found = this.#kept.find((kept) => kept.name === name);
    if (found === undefined) throw new FsError('ENOENT', '', '');
    return found;
  }

  #requireWritable(): void {
    if (this.#volume.isReadOnly) throw new FsError('EROFS', '', '');
  }
}

const identity = ({ inode, contents }: MemoryNode): string => `${inode}:${contents.join()}`;
