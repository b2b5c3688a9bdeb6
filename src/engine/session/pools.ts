import { FsError } from '../base/errno.ts';
import type { Container, ContainerVolume, Snapshots, Volume } from '../formats/contract.ts';
import type {
  DiskDescription,
  NewPoolVolume,
  PoolVolumeDescription,
  ResizeLimits,
  SliceDescription,
} from '../shell/machine.ts';
import type { Computer } from './computer.ts';
import type { SynthesizedDisk, VolumePlace } from './containers.ts';
import type { MountRecord } from './mounts.ts';

/** A volume as a name led to it: its place, and how it is mounted if it is. */
export interface FoundVolume {
  readonly place: VolumePlace;
  readonly mount: MountRecord | undefined;
}

/** Containers as the machine's commands ask for them: what they hold, and their volumes and snapshots changed. */
export class Pools {
  readonly #computer: () => Computer;

  constructor(computer: () => Computer) {
    this.#computer = computer;
  }

  // ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The synthesized disks, in order. One that cannot be read has no volumes and says why. */
  describe(): DiskDescription[] {
    const { containers } = this.#computer().mounts;
    return containers.all.map((synthesized) => {
      try {
        return containers.look(synthesized.slice, (container) => this.#describe(synthesized, container));
      } catch (error) {
        if (!(error instanceof FsError)) throw error;
        return this.#describe(synthesized, unreadableContainer(error.detail || error.message));
      }
    });
  }

  #describe({ device, slice }: SynthesizedDisk, container: DescribedContainer): DiskDescription {
    const { disk } = this.#computer();
    const { blockSizeBytes, totalBlocks, freeBlocks } = container.statistics();
    const storeBytes = slice.blockCount * disk.store.blockSizeBytes;
    const sizeBytes = totalBlocks === 0 ? storeBytes : totalBlocks * blockSizeBytes;
    return {
      ...{ device, sizeBytes, blockSizeBytes: disk.store.blockSizeBytes, scheme: 'apfs', isImage: true },
      slices: container
        .volumes()
        .map((volume) =>
          this.#describeVolume({ device: `${device}s${volume.index + 1}`, volume }, sizeBytes),
        ),
      container: {
        uuid: container.uuid,
        physicalStore: { device: slice.device, uuid: container.uuid, sizeBytes: storeBytes },
        freeBytes: freeBlocks * blockSizeBytes,
        warnings: container.warnings,
      },
    };
  }

  #describeVolume(
    { device, volume }: { device: string; volume: ContainerVolume },
    sizeBytes: number,
  ): SliceDescription {
    const { mounts } = this.#computer();
    const mount = mounts.of(device);
    const snapshots = volume.snapshots.map((snapshot, i) => ({
      ...snapshot,
      device: `${device}s${i + 1}`,
      mountPoint: mounts.snapshotOf(device, snapshot.name)?.on ?? null,
    }));
    const described: PoolVolumeDescription = { ...volume, snapshots };
    return {
      ...{ device, index: volume.index + 1, typeName: 'APFS Volume', label: volume.label, sizeBytes },
      ...{ firstBlock: 0, mountPoint: mount?.on ?? null, warnings: mount?.volume.warnings ?? [] },
      ...{ formatName: 'apfs', personality: volume.title, volume: described },
    };
  }

  /** The volume and the name of the snapshot that 'disk2s1s1' stands for. */
  snapshotNamed(device: string): { place: VolumePlace; snapshot: string } | undefined {
    const [, volume, number] = /^(disk\d+s\d+)s([1-9]\d*)$/.exec(device) ?? [];
    if (volume === undefined) return undefined;
    const { mounts } = this.#computer();
    const place = mounts.containers.place(volume);
    if (place === undefined || place.index === null) return undefined;
    const found = mounts.inContainer(place)?.snapshots[Number(number) - 1];
    return found === undefined ? undefined : { place, snapshot: found.name };
  }

  // ── volumes ───────────────────────────────────────────────────────────────────────────────────────────────────────

  addVolume(device: string, volume: NewPoolVolume): string {
    const { random } = this.#computer();
    const synthesized = this.#container(device);
    const index = this.#change(synthesized.slice, (container) => container.addVolume({ ...volume, random }));
    return `${synthesized.device}s${index + 1}`;
  }

  deleteVolume(found: FoundVolume, device: string): void {
    const index = indexOf(found, device);
    this.#change(found.place.slice, (container) => container.deleteVolume(index));
  }

  renameVolume(found: FoundVolume, device: string, label: string): void {
    const index = indexOf(found, device);
    this.#change(found.place.slice, (container) => container.renameVolume(index, label));
  }

  changeRole(found: FoundVolume, device: string, role: string): void {
    const index = indexOf(found, device);
    this.#change(found.place.slice, (container) => container.setRole(index, role));
  }

  /** It can shrink to what is in use and grow as far as the partition map lets it. */
  resizeLimits(device: string): ResizeLimits {
    const { disk, mounts } = this.#computer();
    const { slice } = this.#container(device);
    const storeBytes = disk.blocksMax(slice) * disk.store.blockSizeBytes;
    return mounts.containers.look(slice, (container) => {
      const { minimumBytes, minimumReason, currentBytes } = container.resizeLimits();
      const maximumBytes = Math.max(currentBytes, storeBytes - (storeBytes % CONTAINER_BLOCK_BYTES));
      return { minimumBytes, minimumReason, currentBytes, maximumBytes };
    });
  }

  /**
   * Container and partition together, mounted or not. The partition is never the smaller one: it grows before and
   * shrinks behind the container, so that a power cut between leaves a container that its partition holds.
   */
  resize(device: string, sizeBytes: number): void {
    const { disk } = this.#computer();
    const { slice } = this.#container(device);
    const limits = this.resizeLimits(device);
    const wanted = sizeBytes - (sizeBytes % CONTAINER_BLOCK_BYTES);
    if (wanted < limits.minimumBytes || wanted > limits.maximumBytes) throw beyondLimits(wanted, limits);
    const blockCount = wanted / disk.store.blockSizeBytes;
    const before = slice.blockCount;
    this.#change(slice, (container) => {
      if (blockCount > before) disk.resizeSlice(slice, blockCount);
      try {
        container.resize(wanted);
      } catch (error) {
        if (error instanceof FsError && blockCount > before) disk.resizeSlice(slice, before);
        throw error;
      }
    });
    if (blockCount < before) disk.resizeSlice(slice, blockCount);
  }

  #container(device: string): SynthesizedDisk {
    const found = this.#computer().mounts.containers.named(device);
    if (found !== undefined) return found;
    throw noContainer(device);
  }

  #change<T>(slice: VolumePlace['slice'], work: (container: Container) => T): T {
    const { disk, mounts, policies } = this.#computer();
    if (disk.store.isReadOnly) throw new FsError('EROFS', '', slice.device);
    return mounts.containers.change(slice, policies, work);
  }

  // ── snapshots ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Of a mounted volume, or of one mounted for as long as this takes. */
  withSnapshots<T>({ place, mount }: FoundVolume, device: string, work: (snapshots: Snapshots) => T): T {
    if (mount !== undefined && mount.snapshot === null) return work(snapshotsOf(mount.volume, device));
    const { index } = place;
    if (index === null) throw noSnapshots(device);
    return this.#change(place.slice, (container) => {
      const volume = container.mountVolume(index, { isReadOnly: false });
      try {
        return work(snapshotsOf(volume, device));
      } finally {
        volume.unmount();
      }
    });
  }

  /**
   * The volume is taken out, set back and mounted where it was; the shell steps out of it meanwhile. Open files are
   * EBUSY.
   */
  revert(found: FoundVolume, device: string, name: string): void {
    const { kernel, mounts } = this.#computer();
    const { mount } = found;
    if (mount === undefined) {
      this.withSnapshots(found, device, (snapshots) => snapshots.revert(name));
      return;
    }
    this.withSnapshots(found, device, (snapshots) => requireSnapshot(snapshots, name));
    const goBack = kernel.stepOut([mount.on]);
    try {
      mounts.unmount(mount);
    } catch (error) {
      goBack('/');
      throw error;
    }
    try {
      this.withSnapshots({ ...found, mount: undefined }, device, (snapshots) => snapshots.revert(name));
    } finally {
      mounts.mount(mount, mount.options);
      goBack(mount.on);
    }
  }
}

const CONTAINER_BLOCK_BYTES = 4096;

function beyondLimits(wanted: number, { minimumBytes, minimumReason, maximumBytes }: ResizeLimits): FsError {
  const why =
    wanted < minimumBytes
      ? `it cannot be smaller than ${minimumBytes} bytes: ${minimumReason}`
      : `there is room for ${maximumBytes} bytes`;
  return new FsError('ENOSPC', '', '', why);
}

type DescribedContainer = Pick<Container, 'statistics' | 'volumes' | 'uuid' | 'warnings'>;

/** Stands for a container that says nothing but why. */
const unreadableContainer = (why: string): DescribedContainer => ({
  uuid: '',
  warnings: [why],
  volumes: () => [],
  statistics: () => ({
    ...{ blockSizeBytes: 4096, totalBlocks: 0, freeBlocks: 0, availableBlocks: 0 },
    ...{ totalFiles: 0, freeFiles: 0 },
  }),
});

function indexOf({ place }: FoundVolume, device: string): number {
  if (place.index === null) throw noContainer(device);
  return place.index;
}

function snapshotsOf({ snapshots }: Volume, device: string): Snapshots {
  if (snapshots === undefined) throw noSnapshots(device);
  return snapshots;
}

function requireSnapshot(snapshots: Snapshots, name: string): void {
  if (snapshots.list().some((snapshot) => snapshot.name === name)) return;
  throw new FsError('ENOENT', '', name, 'there is no snapshot of that name');
}

export const noContainer = (device: string): FsError =>
  new FsError('ENOTSUP', '', device, 'it is no APFS container and no volume of one');

const noSnapshots = (device: string): FsError =>
  new FsError('ENOTSUP', '', device, 'the format of this volume has no snapshots');
