import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { FsError } from '../base/errno.ts';
import { SILENT } from '../base/trace.ts';
import type { Trace } from '../base/trace.ts';
import type { Container, ContainerVolume } from '../formats/contract.ts';
import type { Disk, Slice } from './disk.ts';
import type { WritePolicies } from './settings.ts';

/**
 * Slices that hold several volumes in one pool (APFS), as macOS shows them: the slice, 'disk1s1' or 'disk1', is the
 * physical store; the container in it is a disk of its own made out of nothing, 'disk2', and its volumes are
 * 'disk2s1', 'disk2s2' …, by their place in the container's table plus one.
 *
 * A container is open for as long as one of its volumes is mounted, all of them on one state of it. Otherwise it is
 * opened for a question or a change and closed behind it.
 */
export interface SynthesizedDisk {
  /** 'disk2' */
  readonly device: string;
  readonly slice: Slice;
}

/** Where a volume is: alone on a slice, or one of a container's; a snapshot of it has the device of its volume. */
export interface VolumePlace {
  /** 'disk1s1', 'disk2s1' */
  readonly device: string;
  readonly slice: Slice;
  /** In the container's table; null: the slice is the volume. */
  readonly index: number | null;
}

export interface ContainerUse extends WritePolicies {
  readonly isReadOnly: boolean;
  readonly isContinued: boolean;
  /** As this older checkpoint has it, for reading. */
  readonly checkpointXid?: number;
}

interface Environment {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly owner: { readonly uid: number; readonly gid: number };
}

interface OpenContainer {
  readonly container: Container;
  readonly checkpointXid: number | undefined;
}

export class Containers {
  readonly #environment: Environment;
  /** By the device of the physical store. */
  readonly #open = new Map<string, OpenContainer>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** In the order of the slices. */
  get all(): readonly SynthesizedDisk[] {
    const stores = this.#environment.disk.slices.filter(isStore);
    return stores.map((slice, i) => ({ device: `disk${FIRST_SYNTHESIZED + i}`, slice }));
  }

  /** 'disk2' or its physical store 'disk1s1'. */
  named(device: string): SynthesizedDisk | undefined {
    return this.all.find((each) => each.device === device || each.slice.device === device);
  }

  /** The place that 'disk1s1' or 'disk2s3' names, whether a volume is there or not. */
  place(device: string): VolumePlace | undefined {
    const slice = this.#environment.disk.slice(device);
    if (slice !== undefined && !isStore(slice)) return { device, slice, index: null };
    const [, disk, number] = /^(disk\d+)s([1-9]\d{0,4})$/.exec(device) ?? [];
    const container = this.all.find((each) => each.device === disk);
    if (container === undefined || number === undefined) return undefined;
    return { device, slice: container.slice, index: Number(number) - 1 };
  }

  /** Every volume there is or may be, in order: slices with a format, and what the containers list. */
  places(): VolumePlace[] {
    return this.#environment.disk.slices.flatMap((slice): VolumePlace[] => {
      if (slice.format === null) return [];
      if (!isStore(slice)) return [{ device: slice.device, slice, index: null }];
      const { device } = this.named(slice.device) ?? slice;
      return this.volumes(slice).map(({ index }) => ({ device: `${device}s${index + 1}`, slice, index }));
    });
  }

  /** The volumes of a container; none when it cannot be read at all. */
  volumes(slice: Slice): readonly ContainerVolume[] {
    try {
      return this.look(slice, (container) => container.volumes());
    } catch (error) {
      if (error instanceof FsError) return [];
      throw error;
    }
  }

  // ── using one ─────────────────────────────────────────────────────────────────────────────────────────────────────

  isOpen(slice: Slice): boolean {
    return this.#open.has(slice.device);
  }

  /** The older checkpoint that an open container is opened at. */
  checkpointOf(slice: Slice): number | undefined {
    return this.#open.get(slice.device)?.checkpointXid;
  }

  /** Ask something: of the open container, or of one opened for reading, past all counting. */
  look<T>(slice: Slice, work: (container: Container) => T): T {
    const open = this.#open.get(slice.device);
    if (open !== undefined) return work(open.container);
    const use = { isReadOnly: true, policy: 'each', isContinued: false } as const;
    return work(openContainer(slice, slice.plain, { ...this.#environment, trace: SILENT }, use));
  }

  /** Change something: in the open container, or in one opened for this and closed behind it. */
  change<T>(slice: Slice, policies: WritePolicies, work: (container: Container) => T): T {
    const wasOpen = this.isOpen(slice);
    const container = this.use(slice, { ...policies, isReadOnly: false, isContinued: false });
    try {
      return work(container);
    } finally {
      if (!wasOpen) this.leave(slice);
    }
  }

  /** Opened for its volumes, or as it is open. EROFS when it was opened for reading and is to be written. */
  use(slice: Slice, use: ContainerUse): Container {
    const open = this.#open.get(slice.device);
    if (open !== undefined) {
      const { container, checkpointXid } = open;
      if (container.isReadOnly && !use.isReadOnly) {
        throw new FsError('EROFS', 'mount', slice.device, 'its container is open for reading only');
      }
      if (use.checkpointXid !== checkpointXid) {
        throw new FsError('EBUSY', 'mount', slice.device, 'unmount every volume of its container first');
      }
      return container;
    }
    const container = openContainer(slice, slice.metered, this.#environment, use);
    this.#open.set(slice.device, { container, checkpointXid: use.checkpointXid });
    return container;
  }

  /** The disk is about to change underneath: nothing of what is open is to be written any more. */
  forget(): void {
    this.#open.clear();
  }

  /** Closed when nobody needs it any more: nothing of it is mounted. */
  leave(slice: Slice): void {
    const open = this.#open.get(slice.device);
    if (open === undefined) return;
    open.container.close();
    this.#open.delete(slice.device);
  }
}

/** The machine has one disk of its own, 'disk1'. */
const FIRST_SYNTHESIZED = 2;

/** Does the slice hold a container? */
export const isStore = ({ format }: Slice): boolean => format?.openContainer !== undefined;

function openContainer(
  slice: Slice,
  device: Slice['metered'],
  { clock, trace, owner }: Environment,
  use: ContainerUse,
): Container {
  const open = slice.format?.openContainer?.bind(slice.format);
  assert(open !== undefined, `${slice.device} holds a container`);
  return open(device, { ...use, clock, trace, owner, timeZoneMinutes: 0 });
}
