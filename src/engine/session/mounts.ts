import type { Clock } from '../base/clock.ts';
import { FsError } from '../base/errno.ts';
import { SILENT } from '../base/trace.ts';
import type { Trace } from '../base/trace.ts';
import type { ContainerVolume, Volume } from '../formats/contract.ts';
import type { Kernel } from '../vfs/kernel.ts';
import { Containers } from './containers.ts';
import type { VolumePlace } from './containers.ts';
import type { Disk, Slice } from './disk.ts';
import { writePoliciesOf } from './settings.ts';
import type { WritePolicies } from './settings.ts';

/**
 * Which volumes are mounted, how and where: the part of the machine's state that says what to mount again after going
 * back in time.
 */
export interface MountRecord extends VolumePlace {
  /** The snapshot that is shown instead of the volume. */
  readonly snapshot: string | null;
  readonly volume: Volume;
  readonly on: string;
  readonly options: SavedMount;
}

export interface SavedMount extends WritePolicies {
  readonly device: string;
  readonly isReadOnly: boolean;
  /** The container as this older checkpoint has it, for reading. */
  readonly checkpointXid?: number;
  readonly snapshot?: string;
  /** A directory that is there, or the name in /Volumes that it shall get; absent: after the label. */
  readonly on?: string;
}

export class Mounts {
  readonly containers: Containers;
  readonly #disk: Disk;
  readonly #kernel: Kernel;
  readonly #clock: Clock;
  readonly #trace: Trace;
  #records: readonly MountRecord[] = [];

  constructor(machine: { disk: Disk; kernel: Kernel; clock: Clock; trace: Trace }) {
    this.#disk = machine.disk;
    this.#kernel = machine.kernel;
    this.#clock = machine.clock;
    this.#trace = machine.trace;
    this.containers = new Containers({ ...machine, owner: machine.kernel.user });
  }

  get all(): readonly MountRecord[] {
    return this.#records;
  }

  get first(): MountRecord | undefined {
    return this.#records[0];
  }

  /** The volume itself, not one of its snapshots. */
  of(device: string): MountRecord | undefined {
    return this.#records.find((record) => record.device === device && record.snapshot === null);
  }

  snapshotOf(device: string, name: string): MountRecord | undefined {
    return this.#records.find((record) => record.device === device && record.snapshot === name);
  }

  /** Everything that lies on a slice. */
  on(slice: Slice): readonly MountRecord[] {
    return this.#records.filter((record) => record.slice.device === slice.device);
  }

  at(path: string): MountRecord | undefined {
    return this.#records.find(({ on }) => on === path);
  }

  /**
   * `isContinued`: the machine had it mounted at this very moment, with everything on the disk.
   * EBUSY when it is mounted already, EINVAL without a known file system, and whatever the format says.
   */
  mount(place: VolumePlace, options: Omit<SavedMount, 'device'>, isContinued = false): MountRecord {
    const { device, slice, index } = place;
    const snapshot = options.snapshot ?? null;
    const isThere = snapshot === null ? this.of(device) : this.snapshotOf(device, snapshot);
    if (isThere !== undefined) throw new FsError('EBUSY', 'mount', device, 'it is mounted already');
    if (slice.format === null) throw new FsError('EINVAL', 'mount', device, 'no known file system is on it');
    // All volumes of a container are on one state of it.
    const checkpointXid = options.checkpointXid ?? this.containers.checkpointOf(slice);
    const isLookedAt = snapshot !== null || checkpointXid !== undefined;
    const isReadOnly = options.isReadOnly || this.#disk.store.isReadOnly || isLookedAt;
    const saved = {
      ...{ ...options, device, isReadOnly },
      ...(checkpointXid === undefined ? {} : { checkpointXid }),
    };
    const volume = this.#volumeOf(place, saved, isContinued);
    const from = snapshot === null ? `/dev/${device}` : `${snapshot}@/dev/${device}`;
    const store = index === null ? {} : { store: `/dev/${slice.device}` };
    let on: string;
    try {
      on = this.#kernel.mount(volume, { from, ...store, ...placeOf(options.on) });
    } catch (error) {
      volume.unmount();
      this.#leave(slice);
      throw error;
    }
    const record = { ...place, snapshot, volume, on, options: { ...saved, on } };
    this.#records = [...this.#records, record];
    return record;
  }

  #volumeOf({ slice, index }: VolumePlace, saved: SavedMount, isContinued: boolean): Volume {
    const { format } = slice;
    const { isReadOnly, snapshot, checkpointXid } = saved;
    const policies = writePoliciesOf(saved);
    if (format === null) throw new FsError('EINVAL', 'mount', saved.device, 'no known file system is on it');
    if (index === null && checkpointXid !== undefined) {
      throw new FsError('ENOTSUP', 'mount', saved.device, 'this format keeps no checkpoints');
    }
    if (index === null) {
      return format.mount(slice.metered, {
        ...{ ...policies, isReadOnly, isContinued, clock: this.#clock, trace: this.#trace },
        owner: this.#kernel.user,
        timeZoneMinutes: 0,
      });
    }
    // Another volume of it may be written while this one is only looked at.
    const opensReadOnly = this.#disk.store.isReadOnly || (isReadOnly && snapshot === undefined);
    const container = this.containers.use(slice, {
      ...policies,
      ...{ isReadOnly: opensReadOnly, isContinued },
      ...(checkpointXid === undefined ? {} : { checkpointXid }),
    });
    try {
      return container.mountVolume(index, { isReadOnly, ...(snapshot === undefined ? {} : { snapshot }) });
    } catch (error) {
      this.#leave(slice);
      throw error;
    }
  }

  /** A container goes with the last of its volumes. */
  #leave(slice: Slice): void {
    if (this.on(slice).length === 0) this.containers.leave(slice);
  }

  /** Label and personality of a volume whether mounted or not; the label is empty where none can be read. */
  describe(place: VolumePlace): { readonly label: string; readonly title: string } {
    const mounted = this.of(place.device)?.volume;
    if (mounted !== undefined) return { label: mounted.label, title: mounted.title };
    const { slice, index } = place;
    if (slice.format === null) return { label: '', title: '' };
    if (index !== null) return this.inContainer(place) ?? { label: '', title: slice.format.title };
    try {
      const options = { isReadOnly: true, policy: 'each', clock: this.#clock, trace: SILENT } as const;
      const owner = this.#kernel.user;
      const { label, title } = slice.format.mount(slice.plain, { ...options, owner, timeZoneMinutes: 0 });
      return { label, title };
    } catch (error) {
      if (error instanceof FsError) return { label: '', title: slice.format.title };
      throw error;
    }
  }

  /** What its container says of it; undefined where there is no such volume. */
  inContainer({ slice, index }: VolumePlace): ContainerVolume | undefined {
    return this.containers.volumes(slice).find((volume) => volume.index === index);
  }

  /** EBUSY while somebody uses it. */
  unmount(record: MountRecord): void {
    this.#kernel.unmount(record.on);
    this.#records = this.#records.filter((other) => other !== record);
    this.#leave(record.slice);
  }

  /**
   * Takes all of them out without a word, for the disk is about to change underneath; returns what to mount again. EBUSY,
   * and nothing done, while something on them is open.
   */
  abandon(): readonly SavedMount[] {
    const saved = this.save();
    this.#kernel.abandon(this.#records.map(({ on }) => on));
    this.#records = [];
    this.containers.forget();
    return saved;
  }

  save(): readonly SavedMount[] {
    return this.#records.map(({ options }) => options);
  }
}

/** /Volumes holds nothing but mount points, made when they are needed; any other directory has to be there. */
function placeOf(on: string | undefined): { name?: string; on?: string } {
  if (on === undefined) return {};
  const [, name] = /^\/Volumes\/([^/]+)$/.exec(on) ?? [];
  return name === undefined ? { on } : { name };
}
