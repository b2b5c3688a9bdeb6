import { FsError } from '../base/errno.ts';
import { Prng } from '../base/prng.ts';
import type { Scheme } from '../device/partition-map.ts';
import { Store } from '../device/store.ts';
import type {
  CommitPolicy,
  Extent,
  FormatName,
  FsckReport,
  NewfsReport,
  Region,
  SnapshotSpace,
} from '../formats/contract.ts';
import { FORMATS, formatNamed } from '../formats/registry.ts';
import type {
  DiskDescription,
  Machine,
  NewVolumeOptions,
  ResizeLimits,
  SliceDescription,
} from '../shell/machine.ts';
import type { Computer } from './computer.ts';
import { deviceName } from './disk.ts';
import type { Slice } from './disk.ts';
import { diskutilInfo } from './disk-info.ts';
import type { MountRecord } from './mounts.ts';
import { layOut } from './new-disk.ts';

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
  extentsOf(path: string): readonly Extent[];
  regions(): readonly Region[];
}

export class SessionMachine implements Machine {
  readonly #host: MachineHost;

  constructor(host: MachineHost) {
    this.#host = host;
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
    ];
  }

  #describe(slice: Slice): SliceDescription {
    const { disk, mounts } = this.#parts;
    const { device, index, typeName, firstBlock, blockCount, format } = slice;
    const mount = mounts.of(device);
    const said = mounts.describe(slice);
    return {
      ...{ device, index, firstBlock },
      typeName: typeName || (format === null ? '' : DISKUTIL_TYPES[format.name]),
      label: said.label,
      personality: said.title || null,
      sizeBytes: blockCount * disk.store.blockSizeBytes,
      mountPoint: mount?.on ?? null,
      warnings: mount?.volume.warnings ?? [],
      formatName: format?.name ?? null,
    };
  }

  info(deviceOrPath: string): readonly (readonly [string, string])[] {
    const { slice, mount } = this.#find(deviceOrPath, 'diskutil');
    const title = slice === null ? '' : this.#parts.mounts.describe(slice).title;
    return diskutilInfo({ disk: this.#parts.disk, slice, mount, title });
  }

  why(pathOrBlock: string): readonly string[] {
    return this.#host.why(pathOrBlock);
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

  /** A slice or whole disk by device name, mount point or a path on it. Slice null: the whole of a partitioned disk. */
  #find(text: string, caller: string): { slice: Slice | null; mount: MountRecord | undefined } {
    const { disk, mounts } = this.#parts;
    const name = deviceName(text);
    const slice = disk.slice(name);
    if (slice !== undefined) return { slice, mount: mounts.of(name) };
    if (name === disk.device) return { slice: null, mount: undefined };
    if (/^disk\d+(s\d+)?$/.test(name)) throw new FsError('ENXIO', caller, text, `there is no ${name}`);
    const mount = this.#mountAt(text, caller);
    return { slice: mount.slice, mount };
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
    const wasInside = this.#leaveVolumes();
    if (scheme !== 'none') lines.push('Creating the partition map', 'Waiting for partitions to activate');
    disk.metered.trim(0, disk.store.blockCount);
    const volume = { format: format.name, label: options.label, scheme, settings: options.settings };
    const report = layOut(disk.metered, volume, clock, random);
    this.#changed();
    const [slice] = disk.slices;
    if (slice === undefined) throw new FsError('EIO', 'eraseDisk', device, 'the new map holds no partition');
    const named = options.label === '' ? '' : ` with name ${options.label}`;
    lines.push(`Formatting ${slice.device} as ${format.title}${named}`, ...report.lines, ...report.warnings);
    lines.push('Mounting disk');
    const { on } = this.#parts.mounts.mount(slice, { isReadOnly: false, policy: this.#parts.policy });
    if (wasInside) this.#parts.process.chdir(on);
    return [...lines, `Finished erase on ${name}`];
  }

  mount(
    device: string,
    options: { isReadOnly: boolean; policy?: CommitPolicy; mountPoint?: string },
  ): string {
    const { disk, policy, process } = this.#parts;
    const { slice } = this.#find(device, 'mount');
    const target = slice ?? disk.slices.find(({ format }) => format !== null);
    if (target === undefined) throw new FsError('EINVAL', 'mount', device, 'the disk has no volume');
    const on = options.mountPoint === undefined ? {} : { on: process.realpath(options.mountPoint) };
    const { isReadOnly } = options;
    return this.#parts.mounts.mount(target, { isReadOnly, policy: options.policy ?? policy, ...on }).on;
  }

  unmount(deviceOrPath: string): void {
    const { mounts } = this.#parts;
    const { slice, mount } = this.#find(deviceOrPath, 'unmount');
    if (slice === null) {
      for (const record of mounts.all) mounts.unmount(record);
      return;
    }
    if (mount === undefined) throw new FsError('EINVAL', 'unmount', deviceOrPath, 'it is not mounted');
    mounts.unmount(mount);
  }

  rename(deviceOrPath: string, label: string): void {
    const { mount } = this.#find(deviceOrPath, 'rename');
    if (mount === undefined) throw new FsError('EINVAL', 'rename', deviceOrPath, 'mount the volume first');
    mount.volume.setLabel(label);
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

  // ── containers ────────────────────────────────────────────────────────────────────────────────────────────────────

  addVolume(container: string): string {
    return noContainer(container);
  }
  deleteVolume(device: string): void {
    noContainer(device);
  }
  changeRole(device: string): void {
    noContainer(device);
  }
  resizeLimits(container: string): ResizeLimits {
    return noContainer(container);
  }
  createSnapshot(device: string): void {
    noContainer(device);
  }
  renameSnapshot(device: string): void {
    noContainer(device);
  }
  deleteSnapshot(device: string): void {
    noContainer(device);
  }
  revertToSnapshot(device: string): void {
    noContainer(device);
  }
  snapshotSpace(device: string): SnapshotSpace {
    return noContainer(device);
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
    const busy = slice === null ? mounts.first : mounts.of(slice.device);
    if (busy === undefined) return;
    throw new FsError(
      'EBUSY',
      caller,
      device,
      `${busy.slice.device} is mounted on ${busy.on}; unmount it first`,
    );
  }

  #requireWritable(device: string, caller: string): void {
    if (this.#parts.disk.store.isReadOnly) throw new FsError('EROFS', caller, device);
  }

  /**
   * diskutil unmounts by force. The shell is moved out of the way when it is all that stands there; open files are
   * still EBUSY. True when the shell was inside.
   */
  #leaveVolumes(): boolean {
    const { mounts, process } = this.#parts;
    const cwd = process.getcwd();
    const isInside = mounts.all.some(({ on }) => cwd === on || cwd.startsWith(`${on}/`));
    if (isInside) process.chdir('/');
    try {
      for (const record of mounts.all) mounts.unmount(record);
    } catch (error) {
      if (isInside) process.chdir(cwd);
      throw error;
    }
    return isInside;
  }

  /** The partition map or a boot sector may be another one now: look again, and show the slices in /dev. */
  #changed(): void {
    const { disk, kernel } = this.#parts;
    const before = disk.slices.filter(({ index }) => index > 0);
    disk.examine();
    const after = disk.slices.filter(({ index }) => index > 0);
    for (const { device } of before) kernel.removeDevice(device);
    for (const { device, metered } of after) kernel.addDevice(device, metered);
  }
}

function noContainer(device: string): never {
  throw new FsError('ENOTSUP', '', device, 'it is no APFS container and no volume of one');
}

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
