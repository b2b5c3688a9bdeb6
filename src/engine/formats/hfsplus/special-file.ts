import { FsError } from '../../base/errno.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import { ZERO_FILL } from '../../device/device.ts';
import type { TreeFile } from './btree.ts';
import { damaged } from './damage.ts';
import { Fork } from './extents.ts';
import type { ForkHost } from './extents.ts';
import { blockOffsetBytes, CNID, FORK_SIZE_BYTES, readFork, writeFork } from './layout.ts';
import type { ForkData } from './layout.ts';
import type { DeviceRun } from './metadata.ts';

/** Files whose forks stand in the volume header and hold a B-tree. */
export type TreeName = 'extents' | 'catalog' | 'attributes';

const FILE_ID: Readonly<Record<TreeName, number>> = {
  extents: CNID.extentsFile,
  catalog: CNID.catalogFile,
  attributes: CNID.attributesFile,
};

export interface SpecialFileHost extends ForkHost {
  readonly device: Device;
  /** The volume header: takes the fork into the transaction, with the alternate header. */
  readonly header: {
    fork(name: TreeName): ForkData;
    setFork(name: TreeName, fork: ForkData): void;
  };
  wroteData(): void;
}

/**
 * The file that holds a B-tree: where its nodes lie, and how it grows. It grows by its clump, as in one piece as the
 * volume allows, or by what is needed when there is no more. New nodes are zeros on the device before the transaction
 * that makes them part of the file; a power cut before it leaves zeros in blocks that are still free.
 * Source: apple-oss-distributions/hfs, core/hfs_btreeio.c ExtendBTreeFile.
 */
export class SpecialFile implements TreeFile {
  readonly nodeSizeBytes: number;
  readonly #host: SpecialFileHost;
  readonly #name: TreeName;
  readonly #fork: Fork;
  readonly #label: WriteLabel;

  constructor(host: SpecialFileHost, name: TreeName, nodeSizeBytes: number) {
    const data = new Uint8Array(FORK_SIZE_BYTES);
    writeFork(data, host.header.fork(name));
    this.#host = host;
    this.#name = name;
    this.nodeSizeBytes = nodeSizeBytes;
    // The extents of the file of extents can stand nowhere but in the volume header.
    const { geometry, allocation } = host;
    const alone: ForkHost = { geometry, allocation, extentsTree: undefined, isRecording: false };
    this.#fork = new Fork(name === 'extents' ? alone : host, FILE_ID[name], 'data', data);
    this.#label = { role: 'tree', owner: `${name} tree`, reason: 'zero the new nodes' };
  }

  get capacityNodes(): number {
    return Math.floor(this.#fork.sizeBytes / this.nodeSizeBytes);
  }

  /** EIO when the file does not reach that far. */
  runsOf(nodeNumber: number): DeviceRun[] {
    return this.#runs(nodeNumber * this.nodeSizeBytes, this.nodeSizeBytes);
  }

  #runs(offsetBytes: number, lengthBytes: number): DeviceRun[] {
    const { geometry, device } = this.#host;
    const { blockSizeBytes } = geometry;
    const runs: DeviceRun[] = [];
    for (let done = 0; done < lengthBytes;) {
      const offset = offsetBytes + done;
      const run = this.#fork.runAt(Math.floor(offset / blockSizeBytes));
      const within = offset % blockSizeBytes;
      const length = Math.min(run.blockCount * blockSizeBytes - within, lengthBytes - done);
      const deviceOffsetBytes = blockOffsetBytes(geometry, run.startBlock) + within;
      if (deviceOffsetBytes % device.blockSizeBytes !== 0 || length % device.blockSizeBytes !== 0) {
        throw damaged(`the nodes of the ${this.#name} tree are no whole sectors of this device`);
      }
      runs.push({ deviceOffsetBytes, lengthBytes: length });
      done += length;
    }
    return runs;
  }

  /** Room for at least `nodesAtLeast` nodes more; returns how many the file holds then. ENOSPC changes nothing. */
  grow(nodesAtLeast: number): number {
    const { blockSizeBytes } = this.#host.geometry;
    const { clumpSizeBytes } = this.#host.header.fork(this.#name);
    const oldBlocks = this.#fork.totalBlocks;
    const oldBytes = this.capacityNodes * this.nodeSizeBytes;
    const blocksFor = (bytes: number) =>
      Math.ceil((oldBytes + this.#wholeUnits(bytes)) / blockSizeBytes) - oldBlocks;
    const needed = blocksFor(nodesAtLeast * this.nodeSizeBytes);
    const wanted = Math.max(needed, Math.min(blocksFor(clumpSizeBytes), this.#host.allocation.freeBlocks));
    const gained = this.#fork.extend(wanted);
    try {
      if (gained < needed) {
        const detail = `the ${this.#name} tree needs ${needed} more blocks, ${gained} are to be had`;
        throw new FsError('ENOSPC', '', '', detail);
      }
      this.#adopt(oldBytes);
    } catch (error) {
      this.#host.allocation.giveBack(this.#fork.cut(oldBlocks));
      throw error;
    }
    return this.capacityNodes;
  }

  /** A multiple of both node and block. */
  #wholeUnits(bytes: number): number {
    const unit = Math.max(this.nodeSizeBytes, this.#host.geometry.blockSizeBytes);
    return Math.ceil(bytes / unit) * unit;
  }

  /** Zero what came, and say so in the volume header. */
  #adopt(oldBytes: number): void {
    const { geometry, device, header } = this.#host;
    const room = this.#fork.totalBlocks * geometry.blockSizeBytes;
    const newBytes = room - (room % this.nodeSizeBytes);
    for (const { deviceOffsetBytes, lengthBytes } of this.#runs(oldBytes, newBytes - oldBytes)) {
      const first = deviceOffsetBytes / device.blockSizeBytes;
      device.fill(first, lengthBytes / device.blockSizeBytes, ZERO_FILL, this.#label);
    }
    this.#host.wroteData();
    this.#fork.sizeBytes = newBytes;
    header.setFork(this.#name, readFork(this.#fork.bytes));
  }
}
