import { utf8, viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { WriteLabel } from '../../device/device.ts';
import type { Snapshot, Snapshots, SnapshotSpace } from '../contract.ts';
import { TYPE_WORD, uuidText } from './layout.ts';
import { VolumeSuperblock } from './layout-volume.ts';
import { putHeader } from './object.ts';
import { deleteSnapshot } from './snapshot-delete.ts';
import type { SnapshotHost } from './snapshot-host.ts';
import {
  addSnapshotRecord,
  hasSnapshotNamed,
  removeSnapshotRecord,
  snapshotRecords,
} from './snapshot-records.ts';
import type { SnapshotRecord } from './snapshot-records.ts';
import { revertToSnapshot } from './snapshot-revert.ts';
import { spaceOfSnapshot } from './snapshot-space.ts';
import { CONTAINER_SPENDER } from './transaction.ts';

/** Whoever has files of the volume in hand. */
export interface SnapshotUser {
  /** Is any file open, or a directory somebody's current one? */
  readonly isBusy: boolean;
  /** The volume is another one now: every file in memory is out of date. */
  forget(): void;
}

const NAME_BYTES_MAX = 255;

/**
 * The snapshots of one volume. A snapshot is the state at the end of one transaction: the copy of the superblock it
 * makes leads to the catalog, whose nodes the object map keeps from then on, and the extent references of the live
 * volume become its own. Taking one costs a few blocks, whatever the volume holds.
 */
export class VolumeSnapshots implements Snapshots {
  readonly #host: SnapshotHost;
  readonly #user: SnapshotUser;

  constructor(host: SnapshotHost, user: SnapshotUser) {
    this.#host = host;
    this.#user = user;
  }

  list(): readonly Snapshot[] {
    return snapshotsOf(this.#host);
  }

  create(name: string): void {
    const host = this.#host;
    const nameBytes = this.#newName(name);
    // Nothing may follow in the transaction: what came after would be part of the snapshot, but marked as newer.
    this.#traced(`Make snapshot ${name}`, () => {
      const room = { blocks: blocksOfCreation(host), kind: 'grow' } as const;
      host.commit.change(room, () => this.#create(name, nameBytes), host.spender);
      host.commit.sync();
    });
  }

  #create(name: string, nameBytes: Uint8Array): void {
    const host = this.#host;
    const { commit, snapshotTree } = host;
    const inode = host.newObjectId();
    const superblockBlock = commit.allocateBlock(CONTAINER_SPENDER);
    this.#copySuperblock(superblockBlock, name);
    const time = host.now();
    addSnapshotRecord(snapshotTree, {
      xid: commit.xid,
      name,
      nameBytes,
      referencesBlock: host.references.root,
      superblockBlock,
      createTime: time,
      changeTime: time,
      inode,
    });
    host.references = host.openReferences(null);
    host.omap.addSnapshot();
    host.superblock.snapshotCount++;
    host.touch();
  }

  /** The copy names no trees but the catalog: the others are in the snapshot's record, or the live volume's. */
  #copySuperblock(block: number, name: string): void {
    const bytes = this.#host.superblockBytes();
    const view = viewOf(bytes);
    const { fields } = VolumeSuperblock;
    for (const field of [fields.omapBlock, fields.referencesBlock, fields.snapshotTreeBlock]) {
      field.set(view, field.at, 0, true);
    }
    // A reserve belongs to the live volume; the checker would count that of a copy once more.
    fields.reserveBlocks.set(view, fields.reserveBlocks.at, 0, true);
    const label: WriteLabel = {
      role: 'header',
      owner: `snapshot ${name}`,
      reason: 'keep the superblock of the volume as it is now',
    };
    this.#host.commit.touch({
      bytes,
      block,
      label,
      prepare: (xid) => putHeader(bytes, block, xid, TYPE_WORD.volumeOfSnapshot, 0),
    });
  }

  rename(name: string, newName: string): void {
    const host = this.#host;
    const record = findSnapshot(host, name);
    if (name === newName) return;
    const nameBytes = this.#newName(newName);
    const { snapshotTree } = host;
    const body = (): void => {
      removeSnapshotRecord(snapshotTree, record);
      addSnapshotRecord(snapshotTree, { ...record, name: newName, nameBytes, changeTime: host.now() });
      host.touch();
    };
    const room = { blocks: 4 * snapshotTree.maxNodesOfChange, kind: 'grow' } as const;
    this.#traced(`Rename snapshot ${name} to ${newName}`, () => host.commit.change(room, body, host.spender));
  }

  delete(name: string): void {
    const record = findSnapshot(this.#host, name);
    this.#checkUnused(record);
    this.#traced(`Delete snapshot ${name}`, () => deleteSnapshot(this.#host, record));
  }

  revert(name: string): void {
    const host = this.#host;
    const record = findSnapshot(host, name);
    if (this.#user.isBusy) {
      throw new FsError('EBUSY', '', '', 'files of the volume are in use; close them and try again');
    }
    for (const later of snapshotRecords(host.snapshotTree)) {
      if (later.xid > record.xid) this.#checkUnused(later);
    }
    this.#traced(`Return to snapshot ${name}`, () => {
      revertToSnapshot(host, record);
      this.#user.forget();
    });
  }

  space(name: string): SnapshotSpace {
    return spaceOfSnapshot(this.#host, findSnapshot(this.#host, name));
  }

  #traced(sentence: string, body: () => void): void {
    const { trace } = this.#host.container;
    if (!trace.isRecording) {
      body();
      return;
    }
    trace.open('operation', sentence);
    try {
      body();
    } finally {
      trace.close();
    }
  }

  #newName(name: string): Uint8Array {
    const nameBytes = utf8(name);
    if (nameBytes.length > NAME_BYTES_MAX) {
      throw new FsError('ENAMETOOLONG', '', name, `a snapshot's name has at most ${NAME_BYTES_MAX} bytes`);
    }
    if (nameBytes.length === 0 || nameBytes.includes(0)) {
      throw new FsError('EINVAL', '', name, 'a snapshot needs a name, and no NUL in it');
    }
    if (hasSnapshotNamed(this.#host.snapshotTree, name)) {
      throw new FsError('EEXIST', '', name, 'there is a snapshot of this name already');
    }
    return nameBytes;
  }

  #checkUnused({ name, xid }: SnapshotRecord): void {
    if (!this.#host.isSnapshotMounted(xid)) return;
    throw new FsError('EBUSY', '', name, 'this snapshot is mounted; unmount it first');
  }
}

/** ENOENT. */
export function findSnapshot(host: Pick<SnapshotHost, 'snapshotTree'>, name: string): SnapshotRecord {
  const record = snapshotRecords(host.snapshotTree).find((known) => known.name === name);
  if (record === undefined) throw new FsError('ENOENT', '', name, 'there is no snapshot of this name');
  return record;
}

/** For lists of them, oldest first. */
export function snapshotsOf(host: Pick<SnapshotHost, 'snapshotTree' | 'superblock'>): Snapshot[] {
  return snapshotRecords(host.snapshotTree).map(({ name, xid, createTime }) => ({
    name,
    xid,
    createTime,
    uuid: uuidText(uuidOfSnapshot(host.superblock.uuid, xid)),
  }));
}

/**
 * Snapshots need not carry an identifier, and ours carry none. It is made of what tells them apart anyway: that of the
 * volume, and the transaction.
 */
function uuidOfSnapshot(volume: Uint8Array, xid: number): Uint8Array {
  const uuid = volume.slice();
  let rest = xid;
  for (let i = 15; i > 9; i--) {
    uuid[i]! ^= rest % 256;
    rest = Math.floor(rest / 256);
  }
  return uuid;
}

/** Superblock copy, new extent references, two records of metadata, the object map and its list of snapshots. */
const blocksOfCreation = (host: SnapshotHost): number =>
  2 + 2 * host.snapshotTree.maxNodesOfChange + host.omap.blocksOfSnapshot;
