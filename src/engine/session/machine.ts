import { FsError } from '../base/errno.ts';
import { Prng } from '../base/prng.ts';
import type { Scheme } from '../device/partition-map.ts';
import { Store } from '../device/store.ts';
import type {
  Extent,
  FormatName,
  FsckReport,
  NewfsReport,
  Snapshots,
  SnapshotSpace,
} from '../formats/contract.ts';
import type { Region } from '../formats/survey.ts';
import { FORMATS, formatNamed } from '../formats/registry.ts';
import type {
  ByteEdit,
  DiskDescription,
  Machine,
  MountRequest,
  NewVolumeOptions,
  NewPoolVolume,
  ResizeLimits,
  SliceDescription,
} from '../shell/machine.ts';
import { requireSnapshotName } from '../vfs/snapshots.ts';
import type { Computer } from './computer.ts';
import { deviceName } from './disk.ts';
import type { Disk, Slice } from './disk.ts';
import { diskutilInfo } from './disk-info.ts';
import { isStore } from './containers.ts';
import type { VolumePlace } from './containers.ts';
import type { MountRecord } from './mounts.ts';
import { layOut } from './new-disk.ts';
import { poke } from './poke.ts';
import { noContainer, Pools } from './pools.ts';
import type { FoundVolume } from './pools.ts';

/**
 * What lies below the file systems, as commands may ask for it: disks, slices, mounts, checkers. Everything it writes
 * goes through the metered device, so that `newfs_msdos` and `diskutil` cost what they cost.
 */
export interface MachineHost {
  /** The machine of the moment. */
  computer(): Computer;
  undo(): string;
  redo(): string;
  why(pathOrBlock: string): readonly string[];
  whySnapshot(mount: MountRecord, name: string): readonly string[];
  extentsOf(path: string): readonly Extent[];
  regions(): readonly Region[];
  /** The disk as unmounting would leave it. */
  diskAtRest(): Disk;
}

export class SessionMachine implements Machine {
  readonly #host: MachineHost;
  readonly #pools: Pools;

  constructor(host: MachineHost) {
    this.#host = host;
    this.#pools = new Pools(() => host.computer());
  }

  get #parts(): Computer {
    return this.#host.computer();
  }

  // ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────

  disks(): readonly DiskDescription[] {
    const { disk } = this.#parts;
    return [
      {
        device: disk.device,
        sizeBytes: disk.sizeBytes,
        blockSizeBytes: disk.store.blockSizeBytes,
        scheme: disk.scheme,
        isImage: true,
        slices: disk.slices.map((slice) => this.#describe(slice)),
      },
      ...this.#pools.describe(),
    ];
  }

  #describe(slice: Slice): SliceDescription {
    const { disk, mounts } = this.#parts;
    const { device, index, typeName, firstBlock, blockCount, format } = slice;
    const mount = mounts.of(device);
    const container = isStore(slice) ? mounts.containers.named(device) : undefined;
    const said = container === undefined ? mounts.describe(placeOf(slice)) : { label: '', title: '' };
    return {
      ...{ device, index, firstBlock },
      typeName: typeName || (format === null ? '' : DISKUTIL_TYPES[format.name]),
      label: said.label,
      personality: said.title || null,
      sizeBytes: blockCount * disk.store.blockSizeBytes,
      mountPoint: mount?.on ?? null,
      warnings: mount?.volume.warnings ?? [],
      formatName: format?.name ?? null,
      ...(container === undefined ? {} : { containerDevice: container.device }),
    };
  }

  info(deviceOrPath: string): readonly (readonly [string, string])[] {
    const { slice, mount, place } = this.#find(deviceOrPath, 'diskutil');
    const title = place === null ? '' : this.#parts.mounts.describe(place).title;
    return diskutilInfo({ disk: this.#parts.disk, slice, place, mount, title });
  }

  why(pathOrBlock: string): readonly string[] {
    return this.#host.why(pathOrBlock);
  }

  whySnapshot(deviceOrPath: string, name: string): readonly string[] {
    const { mount } = this.#findVolume(deviceOrPath);
    if (mount === undefined) throw new FsError('EINVAL', 'scope', deviceOrPath, 'mount the volume first');
    return this.#host.whySnapshot(mount, name);
  }

  extentsOf(path: string): readonly Extent[] {
    return this.#host.extentsOf(path);
  }

  map(device: string): readonly Region[] {
    const { disk } = this.#parts;
    const name = deviceName(device);
    const regions = this.#host.regions();
    if (name === '' || name === disk.device) return regions;
    const { slice } = this.#find(device, 'scope');
    if (slice === null) return regions;
    const end = slice.firstBlock + slice.blockCount;
    return regions.filter(({ firstBlock }) => firstBlock >= slice.firstBlock && firstBlock < end);
  }

  /** A volume, slice or whole disk by device name, mount point or a path on it. */
  #find(text: string, caller: string): Found {
    const { disk, mounts } = this.#parts;
    const { containers } = mounts;
    const name = deviceName(text);
    const place = containers.place(name) ?? null;
    if (place !== null && (place.index === null || mounts.inContainer(place) !== undefined)) {
      return { slice: place.slice, place, mount: mounts.of(name) };
    }
    const ofSnapshot = this.#pools.snapshotNamed(name);
    if (ofSnapshot !== undefined) {
      const { place, snapshot } = ofSnapshot;
      return { slice: place.slice, place, snapshot, mount: mounts.snapshotOf(place.device, snapshot) };
    }
    const container = containers.named(name);
    if (container !== undefined) return { slice: container.slice, place: null, mount: undefined };
    if (name === disk.device) return { slice: null, place: null, mount: undefined };
    if (/^disk\d+(s\d+)*$/.test(name)) throw new FsError('ENXIO', caller, text, `there is no ${name}`);
    const mount = this.#mountAt(text, caller);
    return { slice: mount.slice, place: mount, mount };
  }

  #mountAt(path: string, caller: string): MountRecord {
    const { mounts, process } = this.#parts;
    const { on } = process.statfs(path);
    const mount = mounts.at(on);
    if (mount === undefined) throw new FsError('EINVAL', caller, path, 'no volume of a disk is there');
    return mount;
  }

  // ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  newfs(device: string, options: NewVolumeOptions): NewfsReport {
    const { disk, clock, random } = this.#parts;
    const { slice } = this.#find(device, 'newfs');
    const format = formatNamed(options.format);
    const target = slice?.metered ?? disk.metered;
    const volume = { ...options, partitionFirstBlock: slice?.firstBlock ?? 0, clock };
    if (options.isRehearsal === true) {
      const { blockSizeBytes, blockCount } = target;
      const nowhere = new Store({ blockSizeBytes, blockCount });
      return format.newfs(nowhere, { ...volume, random: new Prng(0) });
    }
    this.#requireUnmounted(device, slice, 'newfs');
    this.#requireWritable(device, 'newfs');
    const report = format.newfs(target, { ...volume, random });
    if (options.entersMap === true) disk.enterInMap(format.name, options.label, random);
    this.#changed();
    return report;
  }

  eraseDisk(
    device: string,
    options: { format: string; label: string; scheme: string; settings: Record<string, string> },
  ): readonly string[] {
    const { disk, clock, random } = this.#parts;
    const name = deviceName(device);
    if (name !== disk.device) {
      throw new FsError('EINVAL', 'eraseDisk', device, `give a whole disk, such as ${disk.device}`);
    }
    this.#requireWritable(device, 'eraseDisk');
    const format = formatNamed(options.format);
    const scheme = schemeOf(options.scheme);
    const lines = [`Started erase on ${name}`, 'Unmounting disk'];
    const goBack = this.#leaveVolumes();
    if (scheme !== 'none') lines.push('Creating the partition map', 'Waiting for partitions to activate');
    disk.metered.trim(0, disk.store.blockCount);
    const volume = { format: format.name, label: options.label, scheme, settings: options.settings };
    const report = layOut(disk.metered, volume, clock, random);
    this.#changed();
    const [place] = this.#parts.mounts.containers.places();
    if (place === undefined) throw new FsError('EIO', 'eraseDisk', device, 'the new map holds no volume');
    const named = options.label === '' ? '' : ` with name ${options.label}`;
    lines.push(
      `Formatting ${place.slice.device} as ${format.title}${named}`,
      ...report.lines,
      ...report.warnings,
    );
    lines.push('Mounting disk');
    const { on } = this.#parts.mounts.mount(place, { ...this.#parts.policies, isReadOnly: false });
    goBack(on);
    return [...lines, `Finished erase on ${name}`];
  }

  mount(device: string, options: MountRequest): string {
    const { mounts, process } = this.#parts;
    const { slice, place, snapshot = options.snapshot } = this.#find(device, 'mount');
    const ofSlice = mounts.containers.places().filter((each) => slice === null || each.slice === slice);
    const target = place ?? ofSlice[0];
    if (target === undefined) throw new FsError('EINVAL', 'mount', device, 'the disk has no volume');
    return mounts.mount(target, {
      ...this.#mountOptions(options),
      ...(snapshot === undefined ? {} : { snapshot }),
      ...(options.mountPoint === undefined ? {} : { on: process.realpath(options.mountPoint) }),
    }).on;
  }

  remount(deviceOrPath: string, options: MountRequest): string {
    const { mount } = this.#find(deviceOrPath, 'mount');
    if (mount === undefined) throw new FsError('EINVAL', 'mount', deviceOrPath, 'it is not mounted');
    if (mount.index === null) throw noContainer(deviceOrPath);
    this.#parts.remount(mount.slice, this.#mountOptions(options));
    return mount.on;
  }

  /** What a request says, and the usual of the session where it says nothing. */
  #mountOptions({ isReadOnly, policy, overwritesInPlace, trims, checkpointXid }: MountRequest) {
    return {
      ...{ ...this.#parts.policies, isReadOnly },
      ...(policy === undefined ? {} : { policy }),
      ...(overwritesInPlace === undefined ? {} : { overwritesInPlace }),
      ...(trims === undefined ? {} : { trims }),
      ...(checkpointXid === undefined ? {} : { checkpointXid }),
    };
  }

  unmount(deviceOrPath: string): void {
    const { mounts } = this.#parts;
    const { slice, place, mount } = this.#find(deviceOrPath, 'unmount');
    if (place === null) {
      for (const record of slice === null ? mounts.all : mounts.on(slice)) mounts.unmount(record);
      return;
    }
    if (mount === undefined) throw new FsError('EINVAL', 'unmount', deviceOrPath, 'it is not mounted');
    mounts.unmount(mount);
  }

  rename(deviceOrPath: string, label: string): void {
    const { place, mount } = this.#find(deviceOrPath, 'rename');
    if (mount !== undefined) mount.volume.setLabel(label);
    else if (place === null || place.index === null) {
      throw new FsError('EINVAL', 'rename', deviceOrPath, 'mount the volume first');
    } else this.#pools.renameVolume({ place, mount }, deviceOrPath, label);
  }

  fsck(device: string, { repair, format }: { repair: boolean; format?: string }): FsckReport {
    const { disk } = this.#parts;
    const { slice } = this.#find(device, 'fsck');
    if (repair) {
      this.#requireUnmounted(device, slice, 'fsck');
      this.#requireWritable(device, 'fsck');
    }
    const target = slice ?? disk.mainSlice;
    if (target === undefined) return unreadable(`${disk.device} has no partition that can be used.`);
    if (target.format !== null || format === undefined) return checkSlice(target, { repair });
    const report = formatNamed(format).fsck(target.metered, { repair });
    if (repair) this.#changed();
    return report;
  }

  poke(edit: ByteEdit): readonly string[] {
    this.#requireWritable('', 'scope');
    return poke(this.#parts, edit, {
      examine: () => this.#changed(),
      diskAtRest: () => this.#host.diskAtRest(),
    });
  }

  // ── containers ────────────────────────────────────────────────────────────────────────────────────────────────────

  addVolume(container: string, volume: NewPoolVolume): string {
    return this.#pools.addVolume(deviceName(container), volume);
  }

  deleteVolume(device: string): void {
    this.#pools.deleteVolume(this.#findVolume(device), device);
  }

  changeRole(device: string, role: string): void {
    this.#pools.changeRole(this.#findVolume(device), device, role);
  }

  resizeLimits(container: string): ResizeLimits {
    return this.#pools.resizeLimits(deviceName(container));
  }

  resizeContainer(container: string, sizeBytes: number): void {
    const { kernel, mounts } = this.#parts;
    this.#requireWritable(container, 'resize');
    const device = deviceName(container);
    this.#pools.resize(device, sizeBytes);
    // Devices in /dev know their size from when they came.
    const found = mounts.containers.named(device);
    if (found === undefined) return;
    for (const name of found.slice.index === 0 ? [found.device] : [found.slice.device, found.device]) {
      kernel.removeDevice(name);
      kernel.addDevice(name, found.slice.metered);
    }
  }

  createSnapshot(deviceOrPath: string, name: string): void {
    requireSnapshotName(name, deviceOrPath);
    this.#withSnapshots(deviceOrPath, (snapshots) => snapshots.create(name));
  }

  renameSnapshot(deviceOrPath: string, name: string, newName: string): void {
    requireSnapshotName(newName, deviceOrPath);
    this.#withSnapshots(deviceOrPath, (snapshots) => snapshots.rename(name, newName));
  }

  deleteSnapshot(deviceOrPath: string, name: string): void {
    this.#withSnapshots(deviceOrPath, (snapshots) => snapshots.delete(name));
  }

  revertToSnapshot(deviceOrPath: string, name: string): void {
    this.#pools.revert(this.#findVolume(deviceOrPath), deviceOrPath, name);
  }

  snapshotSpace(deviceOrPath: string, name: string): SnapshotSpace {
    return this.#withSnapshots(deviceOrPath, (snapshots) => snapshots.space(name));
  }

  #withSnapshots<T>(deviceOrPath: string, work: (snapshots: Snapshots) => T): T {
    return this.#pools.withSnapshots(this.#findVolume(deviceOrPath), deviceOrPath, work);
  }

  #findVolume(deviceOrPath: string): FoundVolume {
    const { place, mount } = this.#find(deviceOrPath, '');
    if (place === null) throw noContainer(deviceOrPath);
    return { place, mount };
  }

  advanceTime(nanoseconds: number): void {
    this.#parts.clock.advance(Math.round(nanoseconds));
  }

  undo(): string {
    return this.#host.undo();
  }

  redo(): string {
    return this.#host.redo();
  }

  #requireUnmounted(device: string, slice: Slice | null, caller: string): void {
    const { mounts } = this.#parts;
    const busy = slice === null ? mounts.first : mounts.on(slice)[0];
    if (busy === undefined) return;
    throw new FsError('EBUSY', caller, device, `${busy.device} is mounted on ${busy.on}; unmount it first`);
  }

  #requireWritable(device: string, caller: string): void {
    if (this.#parts.disk.store.isReadOnly) throw new FsError('EROFS', caller, device);
  }

  /**
   * diskutil unmounts by force. Whoever only stands there is moved out of the way; open files are still EBUSY. Returns
   * the way back in, to the root of what is mounted then.
   */
  #leaveVolumes(): (on: string) => void {
    const { kernel, mounts } = this.#parts;
    const goBack = kernel.stepOut(mounts.all.map(({ on }) => on));
    try {
      for (const record of mounts.all) mounts.unmount(record);
    } catch (error) {
      goBack('/');
      throw error;
    }
    return goBack;
  }

  /** The partition map or a boot sector may be another one now: look again, and show the slices in /dev. */
  #changed(): void {
    const { disk, kernel } = this.#parts;
    const { containers } = this.#parts.mounts;
    const shown = () => [
      ...disk.slices.filter(({ index }) => index > 0),
      ...containers.all.map(({ device, slice }) => ({ device, metered: slice.metered })),
    ];
    const before = shown();
    disk.examine();
    const after = shown();
    for (const { device } of before) kernel.removeDevice(device);
    for (const { device, metered } of after) kernel.addDevice(device, metered);
  }
}

/** What a name leads to. Slice null: the whole of a partitioned disk. Place null: no single volume. */
interface Found {
  readonly slice: Slice | null;
  readonly place: VolumePlace | null;
  /** The snapshot of it that is meant: 'disk2s1s1'. */
  readonly snapshot?: string;
  readonly mount: MountRecord | undefined;
}

const placeOf = (slice: Slice): VolumePlace => ({ device: slice.device, slice, index: null });

/** What a volume without a partition map is, for diskutil. */
const DISKUTIL_TYPES: Readonly<Record<FormatName, string>> = {
  fat32: 'DOS_FAT_32',
  exfat: 'ExFAT',
  hfsplus: 'Apple_HFS',
  hfsx: 'Apple_HFSX',
  apfs: 'Apple_APFS',
};

/** 'GPT', 'GPTFormat', 'MBR', 'MBRFormat', 'none', as diskutil takes them. */
function schemeOf(text: string): Scheme {
  const word = text.toLowerCase().replace(/format$/, '');
  if (word === 'gpt' || word === 'mbr' || word === 'none') return word;
  throw new FsError('EINVAL', 'eraseDisk', text, 'a partition map is GPT, MBR or none');
}

export const unreadable = (sentence: string): FsckReport => ({
  isReadable: false,
  lines: [sentence],
  findings: [{ kind: 'unreadable', severity: 'error', message: sentence, block: 0, isRepaired: false }],
});

/** fsck of whatever format is there; of a slice that no format claims, a report that says so. */
export function checkSlice({ format, device, metered }: Slice, options: { repair: boolean }): FsckReport {
  if (format !== null) return format.fsck(metered, options);
  const known = FORMATS.map(({ title }) => title).join(', ');
  return unreadable(`${device} holds no file system that is known here (${known}).`);
}
