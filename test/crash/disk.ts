import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { FsError } from '../../src/engine/base/errno.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { SILENT } from '../../src/engine/base/trace.ts';
import { crashImages } from '../../src/engine/device/crash.ts';
import type { Profile } from '../../src/engine/device/profile.ts';
import { Store } from '../../src/engine/device/store.ts';
import type { Tape } from '../../src/engine/device/tape.ts';
import type { CommitPolicy, Format, Volume, VolumeNode } from '../../src/engine/formats/contract.ts';

/** Volumes for crash tests: operations on paths, and what the volume must hold after them. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

export const data = (length: number, seed: number): Uint8Array => new Prng(1000 + seed).bytes(length);

/** One kind of volume on one kind of disk. */
export interface CrashType {
  readonly name: string;
  readonly format: Pick<Format, 'newfs' | 'mount' | 'fsck'>;
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
  readonly settings: Readonly<Record<string, string>>;
  /** What the device promises of a block that the power cut hit. */
  readonly profile: Profile;
}

export const emptyStore = ({ blockSizeBytes, sizeBytes }: CrashType): Store =>
  new Store({ blockSizeBytes, blockCount: sizeBytes / blockSizeBytes });

const INIT = { mode: 0o644, uid: 501, gid: 20 };

/** A volume and what it must hold, changed together. */
export class Disk {
  readonly store: Store;
  volume: Volume;
  /** Contents by path. */
  readonly contents = new Map<string, Uint8Array>();
  /** Contents that a path ever had since `remember`. */
  readonly ever = new Map<string, Uint8Array[]>();

  constructor(
    readonly type: CrashType,
    policy: CommitPolicy,
  ) {
    this.store = emptyStore(type);
    makeVolume(this.store, type, 'OLD');
    this.volume = this.type.format.mount(this.store, options(policy, false));
    // Bystanders: a filler brings the next free clusters near the border of two FAT sectors.
    this.put('filler', data(55_000, 90))
      .mkdir('dir')
      .put('dir/kept.txt', data(5000, 91))
      .put('kept.bin', data(20_000, 92));
  }

  remember(): void {
    this.ever.clear();
    for (const [path, bytes] of this.contents) this.ever.set(path, [bytes]);
  }

  #hold(path: string, bytes: Uint8Array): void {
    this.contents.set(path, bytes);
    this.ever.set(path, [...(this.ever.get(path) ?? []), bytes]);
  }

  #at(path: string): [VolumeNode, string] {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    let directory = this.volume.root;
    for (const part of parts) directory = found(this.volume.lookup(directory, part));
    return [directory, name];
  }

  #node(path: string): VolumeNode {
    return found(this.volume.lookup(...this.#at(path)));
  }

  create(path: string): this {
    this.volume.release(this.volume.create(...this.#at(path), INIT));
    this.#hold(path, new Uint8Array(0));
    return this;
  }

  write(path: string, offset: number, bytes: Uint8Array): this {
    this.volume.write(this.#node(path), offset, bytes);
    const old = this.contents.get(path) ?? new Uint8Array(0);
    const grown = new Uint8Array(Math.max(old.length, offset + bytes.length));
    grown.set(old);
    grown.set(bytes, offset);
    this.#hold(path, grown);
    return this;
  }

  put = (path: string, bytes: Uint8Array): this => this.create(path).write(path, 0, bytes);

  truncate(path: string, size: number): this {
    this.volume.truncate(this.#node(path), size);
    const cut = new Uint8Array(size);
    cut.set((this.contents.get(path) ?? new Uint8Array(0)).subarray(0, size));
    this.#hold(path, cut);
    return this;
  }

  unlink(path: string): this {
    this.volume.remove(...this.#at(path));
    this.contents.delete(path);
    return this;
  }

  mkdir(path: string): this {
    this.volume.release(this.volume.makeDirectory(...this.#at(path), INIT));
    return this;
  }

  rmdir(path: string): this {
    this.volume.removeDirectory(...this.#at(path));
    return this;
  }

  rename(from: string, to: string): this {
    this.volume.rename(...this.#at(from), ...this.#at(to));
    for (const [path, bytes] of [...this.contents]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.contents.delete(path);
      this.#hold(to + path.slice(from.length), bytes);
    }
    return this;
  }

  symlink(path: string, target: string): this {
    const node = this.volume.makeSymlink?.(...this.#at(path), target, INIT);
    if (node) this.volume.release(node);
    return this;
  }

  label = (label: string): void => this.volume.setLabel(label);
  touch = (path: string): void =>
    this.volume.setAttributes(this.#node(path), {
      flags: 0x8000,
      modifyTime: { seconds: 1_800_000_000, nanoseconds: 0 },
    });
  remount = (): void => {
    this.unmount();
    this.volume = this.type.format.mount(this.store, options('each', false));
  };
  unmount = (): void => this.volume.unmount();
}

export function makeVolume(store: Store, { format, settings }: CrashType, label: string): void {
  format.newfs(store, {
    label,
    settings,
    clock: new SimulatedClock(),
    random: new Prng(1),
    partitionFirstBlock: 0,
  });
}

export const imagesOf = (before: Store, tape: Tape, { profile }: CrashType) =>
  crashImages(
    before,
    tape,
    { from: 0, to: tape.length },
    { profile, seed: 7, exhaustiveMax: 7, samples: 24 },
  );

export const options = (policy: CommitPolicy, isReadOnly: boolean) => ({
  isReadOnly,
  policy,
  clock: new SimulatedClock(),
  trace: SILENT,
  owner: { uid: 501, gid: 20 },
  timeZoneMinutes: 0,
});

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('what the test made is there');
  return value;
}

export function isMountable({ format }: CrashType, device: Store): boolean {
  try {
    format.mount(device, options('each', true));
    return true;
  } catch (error) {
    if (error instanceof FsError) return false;
    throw error;
  }
}

/** Every file of a volume, by path. */
export function readAll({ format }: CrashType, store: Store): Map<string, Uint8Array> {
  const volume = format.mount(store, options('each', true));
  const contents = new Map<string, Uint8Array>();
  const read = (directory: VolumeNode, path: string): void => {
    let after: number | null = null;
    do {
      const page = volume.list(directory, after, 100);
      for (const entry of page.entries) {
        const node = found(volume.lookup(directory, entry.name));
        if (entry.type === 'directory') {
          read(node, `${path}${entry.name}/`);
        } else if (entry.type === 'file') {
          const bytes = new Uint8Array(volume.attributes(node).sizeBytes);
          volume.read(node, 0, bytes);
          contents.set(path + entry.name, bytes);
        }
      }
      after = page.next;
    } while (after !== null);
  };
  read(volume.root, '');
  return contents;
}
