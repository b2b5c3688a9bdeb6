import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import { changesOf } from '../../../../src/engine/device/image.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import type { CommitPolicy, VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { openVolume } from '../../../../src/engine/formats/hfsplus/mount.ts';
import type { OpenVolume } from '../../../../src/engine/formats/hfsplus/mount.ts';
import { newfs } from '../../../../src/engine/formats/hfsplus/newfs.ts';
import { HfsVolume } from '../../../../src/engine/formats/hfsplus/volume.ts';
import { fsckHfsplus, temporaryFolder } from '../../../support/checkers.ts';

const INIT = { mode: 0o644, uid: 501, gid: 20 };

export interface DiskOptions {
  readonly sizeBytes?: number;
  readonly isHfsx?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
  readonly sectorBytes?: number;
  readonly policy?: CommitPolicy;
}

/** A volume on a disk in memory, judged by fsck_hfs whenever asked: then it is unmounted and mounted again. */
export class HfsDisk {
  readonly clock = new SimulatedClock();
  readonly store: Store;
  volume: HfsVolume;
  parts: OpenVolume;
  readonly #policy: CommitPolicy;

  constructor(options: DiskOptions = {}) {
    const { sizeBytes = 16 * 2 ** 20, sectorBytes = 512, settings = {}, isHfsx = false } = options;
    this.#policy = options.policy ?? 'writeback';
    this.store = new Store({ blockSizeBytes: sectorBytes, blockCount: sizeBytes / sectorBytes });
    const random = new Prng(1);
    newfs(this.store, { label: 'Disk', settings, clock: this.clock, random, partitionFirstBlock: 0 }, isHfsx);
    [this.parts, this.volume] = this.#mount();
  }

  #mount(): [OpenVolume, HfsVolume] {
    const options = {
      isReadOnly: false,
      policy: this.#policy,
      clock: this.clock,
      trace: SILENT,
      owner: { uid: 501, gid: 20 },
      timeZoneMinutes: 0,
    };
    const parts = openVolume(this.store, options);
    expect(parts.warnings).toEqual([]);
    return [parts, new HfsVolume(parts, options)];
  }

  /** Unmount and mount: whatever was only in memory is gone. Nodes of before are no longer good. */
  remount(): void {
    this.volume.unmount();
    [this.parts, this.volume] = this.#mount();
  }

  /** Clean for fsck.hfsplus? */
  check(): void {
    this.volume.unmount();
    expect(fsckHfsplus(this.image())).toBe('');
    [this.parts, this.volume] = this.#mount();
  }

  /** The disk as a file that goes when the test ends. */
  image(): string {
    const path = join(temporaryFolder(), 'volume.img');
    const file = openSync(path, 'w');
    ftruncateSync(file, this.store.blockCount * this.store.blockSizeBytes);
    for (const piece of changesOf(this.store)) {
      if (piece.kind === 'data') writeSync(file, piece.bytes, 0, piece.bytes.length, piece.offsetBytes);
    }
    closeSync(file);
    return path;
  }

  create(name: string): VolumeNode {
    return this.volume.create(this.volume.root, name, INIT);
  }

  node(name: string): VolumeNode {
    const node = this.volume.lookup(this.volume.root, name);
    if (node === undefined) throw new Error(`no ${name}`);
    return node;
  }

  /** All bytes of a file. */
  contents(node: VolumeNode): Uint8Array {
    const into = new Uint8Array(this.volume.attributes(node).sizeBytes);
    expect(this.volume.read(node, 0, into)).toBe(into.length);
    return into;
  }

  get freeBlocks(): number {
    return this.volume.statistics().freeBlocks;
  }
}

export function failure(action: () => unknown): FsError {
  try {
    action();
  } catch (error) {
    if (error instanceof FsError) return error;
    throw error;
  }
  throw new Error('did not fail');
}

/** toEqual takes seconds for a megabyte. */
export function expectBytes(actual: Uint8Array | undefined, expected: Uint8Array): void {
  if (actual === undefined) throw new Error('no bytes');
  if (Buffer.compare(actual, expected) === 0) return;
  const at = expected.findIndex((byte, i) => byte !== actual[i]);
  throw new Error(`${actual.length} bytes instead of ${expected.length}, first difference at ${at}`);
}
