import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { openContainer } from '../../../../src/engine/formats/apfs/mount.ts';
import { newfs } from '../../../../src/engine/formats/apfs/newfs.ts';
import type { ApfsVolume } from '../../../../src/engine/formats/apfs/volume.ts';
import type {
  CommitPolicy,
  Container,
  MountOptions,
  VolumeNode,
} from '../../../../src/engine/formats/contract.ts';
import { fsckApfs, fsckApfsAfterPowerCut } from '../../../support/checkers.ts';
import { sparseImageFile } from '../../../support/formats.ts';

export const INIT = { mode: 0o644, uid: 501, gid: 20 } as const;
export const DIRECTORY_INIT = { mode: 0o755, uid: 501, gid: 20 } as const;

export interface DiskOptions {
  readonly sizeBytes?: number;
  readonly settings?: Readonly<Record<string, string>>;
  readonly policy?: CommitPolicy;
}

/** A container with one volume, mounted, and the words of apfsck about it. */
export class ApfsDisk {
  readonly clock: SimulatedClock;
  readonly store: Store;
  readonly policy: CommitPolicy;
  container: Container;
  volume: ApfsVolume;

  constructor({ sizeBytes = 16 * 2 ** 20, settings = {}, policy = 'each' }: DiskOptions = {}, store?: Store) {
    this.clock = new SimulatedClock();
    this.policy = policy;
    this.store = store ?? new Store({ blockSizeBytes: 512, blockCount: sizeBytes / 512 });
    if (store === undefined) {
      newfs(this.store, {
        ...{ label: 'TEST', settings, clock: this.clock, random: new Prng(1), partitionFirstBlock: 0 },
      });
    }
    this.container = this.#open();
    this.volume = this.#mount();
  }

  #open(): Container {
    const options: MountOptions = {
      ...{ isReadOnly: false, policy: this.policy, clock: this.clock, trace: SILENT },
      owner: { uid: 501, gid: 20 },
      timeZoneMinutes: 0,
    };
    return openContainer(this.store, options);
  }

  #mount(): ApfsVolume {
    return this.container.mountVolume(0, { isReadOnly: false }) as ApfsVolume;
  }

  /** Strict verdict of the disk as it lies, mounted or not. */
  verdict(): string {
    return fsckApfsAfterPowerCut(sparseImageFile(this.store));
  }

  unmount(): void {
    this.volume.unmount();
    this.container.close();
  }

  /** Out and in again; what apfsck said in between. */
  remount(): string {
    this.unmount();
    const verdict = fsckApfs(sparseImageFile(this.store));
    this.container = this.#open();
    this.volume = this.#mount();
    return verdict;
  }

  /** Another machine with what is on the disk now. */
  afterPowerCut(): ApfsDisk {
    return new ApfsDisk({ policy: this.policy }, this.store.fork());
  }

  // ── short ways to say it ──────────────────────────────────────────────────────────────────────────────────────────

  node(path: string): VolumeNode {
    let node = this.volume.root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      const next = this.volume.lookup(node, name);
      if (next === undefined) throw new Error(`no ${name} of ${path}`);
      node = next;
    }
    return node;
  }

  file(directory: string, name: string, contents = ''): VolumeNode {
    const node = this.volume.create(this.node(directory), name, INIT);
    if (contents !== '') this.volume.write(node, 0, new TextEncoder().encode(contents));
    this.volume.release(node);
    return node;
  }

  directory(parent: string, name: string): void {
    this.volume.release(this.volume.makeDirectory(this.node(parent), name, DIRECTORY_INIT));
  }

  text(path: string): string {
    const node = this.node(path);
    const bytes = new Uint8Array(this.volume.attributes(node).sizeBytes);
    this.volume.read(node, 0, bytes);
    return new TextDecoder().decode(bytes);
  }

  names(path: string): string[] {
    const names: string[] = [];
    for (let after: number | null = null; ;) {
      const { entries, next } = this.volume.list(this.node(path), after, 7);
      names.push(...entries.map(({ name }) => name));
      if (next === null) return names.sort();
      after = next;
    }
  }
}
