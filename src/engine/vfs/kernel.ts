import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { FsError } from '../base/errno.ts';
import { Prng } from '../base/prng.ts';
import { SILENT } from '../base/trace.ts';
import type { Trace } from '../base/trace.ts';
import type { VolumeNode } from '../formats/contract.ts';
import type { MountStatistics } from './calls.ts';
import { blockDevice, rawDevice, standardDevices } from './devices.ts';
import type { RawDevice } from './devices.ts';
import { Mount, statisticsOf } from './mount.ts';
import type { Located, MountedVolume, Place } from './mount.ts';
import { walkToCanonical } from './namei.ts';
import type { OpenFile } from './openfile.ts';
import { SUPERUSER } from './permissions.ts';
import type { Credentials } from './permissions.ts';
import { Process } from './process.ts';
import { RootVolume } from './rootfs.ts';

/**
 * What all processes of a machine share: the tree of mounted volumes, the devices, the clock and the trace.
 *
 *     const kernel = new Kernel({ clock, random: new Prng(seed), user: { uid: 501, gid: 20 } });
 *     kernel.addDevice('disk1', device);
 *     const home = kernel.mount(volume, { from: '/dev/disk1', typeName: 'msdos' }); // '/Volumes/UNTITLED'
 *     const shell = kernel.spawn({ cwd: home });
 *     shell.fork({ uid: 0, gid: 0 }); // sudo
 */
export interface KernelOptions {
  readonly clock: Clock;
  /** Feeds /dev/random. */
  readonly random?: Prng;
  readonly trace?: Trace;
  /** Whoever sits at the machine: owns the disks in /dev. */
  readonly user?: Credentials;
}

export interface KernelMountOptions {
  /** '/dev/disk1s1' */
  readonly from: string;
  /** The device that holds the volume among others, '/dev/disk1s1' of '/dev/disk2s1'; absent: the same as `from`. */
  readonly store?: string;
  /** f_fstypename; made from the volume's format when absent. */
  readonly typeName?: string;
  /** An existing directory; absent: a new one in /Volumes named after the label. */
  readonly on?: string;
  /** The name in /Volumes, where the label is not to give it: a volume that was renamed while mounted stays there. */
  readonly name?: string;
}

/**
 * Mounts the snapshot `name` of the volume mounted from `from` ('/dev/disk2s1') on the directory `on`, as volume
 * 'NAME@/dev/disk2s1'. ENOENT, EBUSY.
 */
export type SnapshotMounter = (from: string, name: string, on: string) => void;

/** The user of the machine: the first account macOS makes, in its group `staff`. */
export const FIRST_USER: Credentials = { uid: 501, gid: 20 };

/** f_fstypename by format, as `mount` and `df` print it. */
const TYPE_NAMES: Readonly<Record<string, string>> = { fat32: 'msdos', hfsplus: 'hfs', hfsx: 'hfs' };

export class Kernel {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly user: Credentials;
  readonly root: Mount;
  readonly #rootVolume: RootVolume;
  readonly #mounts: Mount[];
  readonly #processes = new Set<Process>();
  /** Who can mount snapshots; without one fs_snapshot_mount answers ENOTSUP. */
  snapshotMounter: SnapshotMounter | null = null;
  /** Does fs_snapshot_*(2) ask for no more than the right to write the disk? macOS wants an entitlement from Apple. */
  allowsUserSnapshots = false;
  #device = 0x0100_0000;
  #handedBytes = 0;

  constructor(options: KernelOptions) {
    this.clock = options.clock;
    this.trace = options.trace ?? SILENT;
    this.user = options.user ?? FIRST_USER;
    this.#rootVolume = new RootVolume(this.clock.now(), this.user);
    const identity = { device: this.#device++, from: 'devfs', store: 'devfs', typeName: 'devfs' };
    this.root = new Mount(this.#rootVolume, identity, null);
    this.#mounts = [this.root];
    for (const [name, device] of standardDevices(options.random ?? new Prng(0))) {
      this.#rootVolume.addDevice(name, device);
    }
  }

  // ── processes ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** A new process; by default the user's, in the first mounted volume. */
  spawn(options: { credentials?: Credentials; cwd?: string; umask?: number } = {}): Process {
    const process = new Process(
      this,
      options.credentials ?? this.user,
      this.root.root,
      options.umask ?? 0o022,
    );
    process.chdir(options.cwd ?? this.home);
    return this.adopt(process);
  }

  /** For `Process.fork` alone. */
  adopt(process: Process): Process {
    this.#processes.add(process);
    return process;
  }

  /** For `Process.exit` alone. */
  forget(process: Process): void {
    this.#processes.delete(process);
  }

  /** The root of the volume mounted first, or `/` while there is none. */
  get home(): string {
    return this.#mounts[1]?.on ?? '/';
  }

  /** For system calls that took contents of a file or the value of an attribute from a program. */
  countHandedBytes(bytes: number): void {
    this.#handedBytes += bytes;
  }

  /** Bytes that programs handed over to be kept, since the last call. What a volume makes of them is its own affair. */
  takeHandedBytes(): number {
    const bytes = this.#handedBytes;
    this.#handedBytes = 0;
    return bytes;
  }

  // ── devices ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Show a disk or slice, 'disk1' or 'disk1s1', as /dev/disk1 and /dev/rdisk1. */
  addDevice(name: string, device: RawDevice): void {
    assert(/^disk\d+(s\d+){0,2}$/.test(name), `${name} is a name like disk1, disk1s1 or disk2s1s1`);
    this.#rootVolume.addDevice(name, blockDevice(name, device));
    this.#rootVolume.addDevice(`r${name}`, rawDevice(name, device));
  }

  removeDevice(name: string): void {
    this.#rootVolume.removeDevice(name);
    this.#rootVolume.removeDevice(`r${name}`);
  }

  /** EBUSY when opening this file for writing would change a mounted volume behind its back. */
  requireUnmountedDevice(place: Place, path: string): void {
    if (place.mount !== this.root) return;
    const name = this.#rootVolume.deviceNameOf(place.node)?.replace(/^r/, '');
    if (name === undefined) return;
    const busy = this.#mounts.find(({ identity }) =>
      [identity.store, deviceIn(identity.from)].some((device) => overlaps(device, `/dev/${name}`)),
    );
    if (busy === undefined) return;
    throw new FsError('EBUSY', '', path, `${busy.identity.from} is mounted on ${busy.on}; unmount it first`);
  }

  // ── mounts ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Puts a mounted volume into the tree of names; returns where. EBUSY, ENOENT, ENOTDIR. */
  mount(volume: MountedVolume & { readonly formatName?: string }, options: KernelMountOptions): string {
    const { from, on } = options;
    const store = options.store ?? from;
    const isTaken = ({ identity }: Mount) =>
      identity.from === from || (store === from && overlaps(identity.store, from));
    if (this.#mounts.some(isTaken)) throw new FsError('EBUSY', 'mount', from, 'it is mounted already');
    const writer = this.#writerOf(store) ?? this.#writerOf(deviceIn(from));
    if (writer !== undefined) throw new FsError('EBUSY', 'mount', from, writer.describe());
    const covered =
      on === undefined ? this.#newMountPoint(options.name ?? volume.label) : this.#existingMountPoint(on);
    const typeName =
      options.typeName ?? TYPE_NAMES[volume.formatName ?? ''] ?? volume.formatName ?? 'unknown';
    const mount = new Mount(volume, { device: this.#device++, from, store, typeName }, covered);
    this.#mounts.push(mount);
    return mount.on;
  }

  /**
   * Takes a volume out, by device or mount point, and unmounts it. EBUSY with whoever still uses it; EINVAL when
   * nothing is mounted there.
   */
  unmount(fromOrOn: string): void {
    const mount = this.findMount(fromOrOn);
    if (mount === undefined || mount === this.root) {
      throw new FsError('EINVAL', 'unmount', fromOrOn, 'no volume is mounted there');
    }
    try {
      mount.requireIdle();
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      throw new FsError(error.code, 'unmount', fromOrOn, error.detail, { cause: error });
    }
    mount.volume.unmount();
    this.#remove(mount);
  }

  /**
   * Takes these volumes out, by mount point, without a word to them: the disk is about to change underneath, and what
   * they know of it will be wrong. EBUSY, and nothing done, while something on them is open.
   */
  abandon(paths: readonly string[]): void {
    const chosen = this.#mounts.filter(({ on }) => paths.includes(on));
    for (const { holders } of chosen) {
      const [holder] = holders;
      if (holder !== undefined) throw new FsError('EBUSY', 'unmount', '', holder.describe());
    }
    for (const mount of chosen.reverse()) this.#remove(mount);
  }

  /**
   * Takes every volume out without a word to it, open files and current directories or not: the machine goes back to
   * another moment and the disks have changed underneath. Processes that are to live on must `chdir` again.
   */
  abandonAll(): void {
    for (const process of this.#processes) process.abandon();
    for (const mount of this.#mounts.slice(1).reverse()) {
      mount.holders.clear();
      this.#remove(mount);
    }
  }

  #remove(mount: Mount): void {
    const name = mount.covered?.mount === this.root ? mount.components[1] : undefined;
    mount.detach();
    this.#mounts.splice(this.#mounts.indexOf(mount), 1);
    if (name !== undefined) this.#rootVolume.removeMountPoint(name);
  }

  findMount(fromOrOn: string): Mount | undefined {
    return this.#mounts.find(({ identity, on }) => identity.from === fromOrOn || on === fromOrOn);
  }

  getfsstat(): MountStatistics[] {
    return this.#mounts.map(statisticsOf);
  }

  /** sync(2): every volume, as far as it is dirty. */
  sync(): void {
    for (const mount of this.#mounts) mount.volume.sync();
  }

  /**
   * Everybody whose current directory is at or below one of these paths steps out, to `/`: their volumes are about to
   * go, and come back. Returns the way back: to where each stood, or to `elsewhere` when that directory is gone.
   */
  stepOut(paths: readonly string[]): (elsewhere: string) => void {
    const isInside = (cwd: string) => paths.some((path) => cwd === path || cwd.startsWith(`${path}/`));
    const outside = [...this.#processes].flatMap((process) => {
      const cwd = process.getcwd();
      if (!isInside(cwd)) return [];
      process.chdir('/');
      return [{ process, cwd }];
    });
    return (elsewhere) => {
      for (const { process, cwd } of outside) {
        try {
          process.chdir(cwd);
        } catch (error) {
          if (!(error instanceof FsError)) throw error;
          process.chdir(elsewhere);
        }
      }
    };
  }

  // ── names that change under those who hold them ────────────────────────────────────────────────────────────────

  /** A directory has lost its name for good. */
  directoryRemoved(mount: Mount, node: VolumeNode): void {
    for (const holder of mount.holders) {
      if (holder.node === node || (holder.node.type === 'directory' && holder.node.inode === node.inode)) {
        holder.isRemoved = true;
      }
    }
  }

  /** Two directories have changed places, as for `directoryRenamed`. */
  directoriesSwapped(first: readonly string[], second: readonly string[]): void {
    const aside = ['', ...first];
    this.directoryRenamed(first, aside);
    this.directoryRenamed(second, first);
    this.directoryRenamed(aside, second);
  }

  /** A directory has moved: everything at or below `from` is now at or below `to`. Both canonical. */
  directoryRenamed(from: readonly string[], to: readonly string[]): void {
    const isBelow = (components: readonly string[]) => from.every((name, i) => components[i] === name);
    const moved = (components: readonly string[]) => [...to, ...components.slice(from.length)];
    for (const process of this.#processes) {
      if (isBelow(process.cwd.components)) process.cwd.components = moved(process.cwd.components);
    }
    for (const mount of this.#mounts) {
      if (mount !== this.root && isBelow(mount.components)) mount.components = moved(mount.components);
    }
  }

  #newMountPoint(label: string): Located {
    const plain = label.replaceAll('/', ':').replaceAll('\0', '').trim() || 'UNTITLED';
    const safe = plain === '.' || plain === '..' ? `${plain} volume` : plain;
    let name = safe;
    const volumes = this.#rootVolume.lookup(this.#rootVolume.root, 'Volumes');
    assert(volumes !== undefined, '/Volumes exists');
    for (let i = 1; this.#rootVolume.lookup(volumes, name) !== undefined; i++) name = `${safe} ${i}`;
    const node = this.#rootVolume.addMountPoint(name);
    return { mount: this.root, node, components: ['Volumes', name] };
  }

  #existingMountPoint(on: string): Located {
    const walker = {
      root: this.root,
      cwd: { ...this.root.root, isRemoved: false },
      credentials: { uid: SUPERUSER, gid: 0 },
    };
    const found = walkToCanonical(walker, on, { follow: true });
    if (found.node.type !== 'directory') throw new FsError('ENOTDIR', 'mount', on);
    if (found.node === found.mount.volume.root) {
      throw new FsError('EBUSY', 'mount', on, `${found.mount.identity.from} is mounted there`);
    }
    return found;
  }

  #writerOf(from: string): OpenFile | undefined {
    for (const process of this.#processes) {
      for (const file of process.openFiles()) {
        const name = file.mount === this.root ? this.#rootVolume.deviceNameOf(file.node) : undefined;
        if (name !== undefined && file.isWritable && overlaps(from, `/dev/${name.replace(/^r/, '')}`))
          return file;
      }
    }
    return undefined;
  }
}

/** '/dev/disk2s1' of 'NAME@/dev/disk2s1', a snapshot; the names of snapshots hold no slash. */
const deviceIn = (from: string): string => from.slice(Math.max(0, from.indexOf('/dev/')));

/** '/dev/disk1' holds '/dev/disk1s1', and the other way round; '/dev/disk1' and '/dev/disk10' are strangers. */
function overlaps(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}s`) || b.startsWith(`${a}s`);
}
