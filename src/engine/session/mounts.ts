import type { Clock } from '../base/clock.ts';
import { FsError } from '../base/errno.ts';
import { SILENT } from '../base/trace.ts';
import type { Trace } from '../base/trace.ts';
import type { CommitPolicy, Volume } from '../formats/contract.ts';
import type { Kernel } from '../vfs/kernel.ts';
import type { Disk, Slice } from './disk.ts';

/**
 * Which slices are mounted, how and where: the part of the machine's state that says what to mount again after going
 * back in time.
 */
export interface MountRecord {
  readonly slice: Slice;
  readonly volume: Volume;
  readonly on: string;
  readonly options: SavedMount;
}

export interface SavedMount {
  readonly device: string;
  readonly isReadOnly: boolean;
  readonly policy: CommitPolicy;
  /** A directory that is there, or the name in /Volumes that it shall get; absent: after the label. */
  readonly on?: string;
}

export class Mounts {
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
  }

  get all(): readonly MountRecord[] {
    return this.#records;
  }

  get first(): MountRecord | undefined {
    return this.#records[0];
  }

  of(device: string): MountRecord | undefined {
    return this.#records.find(({ slice }) => slice.device === device);
  }

  at(path: string): MountRecord | undefined {
    return this.#records.find(({ on }) => on === path);
  }

  /**
   * `isContinued`: the machine had it mounted at this very moment, with everything on the disk.
   * EBUSY when it is mounted already, EINVAL without a known file system, and whatever the format says.
   */
  mount(slice: Slice, options: Omit<SavedMount, 'device'>, isContinued = false): MountRecord {
    const { device, format } = slice;
    if (this.of(device) !== undefined) throw new FsError('EBUSY', 'mount', device, 'it is mounted already');
    if (format === null) throw new FsError('EINVAL', 'mount', device, 'no known file system is on it');
    const isReadOnly = options.isReadOnly || this.#disk.store.isReadOnly;
    const volume = format.mount(slice.metered, {
      isReadOnly,
      policy: options.policy,
      clock: this.#clock,
      trace: this.#trace,
      owner: this.#kernel.user,
      timeZoneMinutes: 0,
      isContinued,
    });
    const on = this.#kernel.mount(volume, { from: `/dev/${device}`, ...placeOf(options.on) });
    const record = { slice, volume, on, options: { ...options, device, isReadOnly, on } };
    this.#records = [...this.#records, record];
    return record;
  }

  /** Label and personality of a volume whether mounted or not; the label is empty where none can be read. */
  describe(slice: Slice): { readonly label: string; readonly title: string } {
    const mounted = this.of(slice.device)?.volume;
    if (mounted !== undefined) return { label: mounted.label, title: mounted.title };
    if (slice.format === null) return { label: '', title: '' };
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

  /** EBUSY while somebody uses it. */
  unmount(record: MountRecord): void {
    this.#kernel.unmount(record.on);
    this.#records = this.#records.filter((other) => other !== record);
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
