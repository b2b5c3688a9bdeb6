import { assert } from '../base/assert.ts';
import type { Timespec } from '../base/clock.ts';
import { FsError } from '../base/errno.ts';
import type {
  Attributes,
  AttributeChange,
  Extent,
  FileType,
  Fill,
  Listing,
  VolumeNode,
  VolumeStatistics,
} from '../formats/contract.ts';
import type { DeviceNode } from './devices.ts';
import type { MountedVolume } from './mount.ts';

/**
 * The file system at `/`: `/Volumes` with a directory for each mounted volume, `/dev` with the devices, nothing else.
 * It lies on no disk and programs cannot change it; the kernel adds and removes names.
 */
interface RootNode extends VolumeNode {
  readonly name: string;
  readonly parent: RootNode | null;
  readonly entries: Map<string, RootNode>;
  readonly device: DeviceNode | null;
}

const BLOCK_SIZE_BYTES = 512;

export class RootVolume implements MountedVolume {
  readonly title = 'names of the machine, on no disk';
  readonly isReadOnly = true;
  readonly label = '';
  readonly limits = { fileSizeBytesMax: Number.MAX_SAFE_INTEGER, nameUnitsMax: 255 };
  readonly capabilities = {
    isCaseSensitive: true,
    hasPermissions: true,
    hasHardLinks: false,
    hasSymlinks: false,
    hasSparseFiles: false,
    hasExtendedAttributes: false,
  };
  readonly warnings: readonly string[] = [];
  readonly root: RootNode;
  readonly #startedAt: Timespec;
  readonly #owner: { readonly uid: number; readonly gid: number };
  #inode = 2;

  /** `owner` may use the disks in /dev, as macOS lets whoever attached an image. */
  constructor(startedAt: Timespec, owner: { uid: number; gid: number }) {
    this.#startedAt = startedAt;
    this.#owner = owner;
    this.root = this.#make(null, '', 'directory', null);
    this.#make(this.root, 'Volumes', 'directory', null);
    this.#make(this.root, 'dev', 'directory', null);
  }

  // ── what the kernel changes ────────────────────────────────────────────────────────────────────────────────────

  /** The directory /Volumes/NAME. */
  addMountPoint(name: string): VolumeNode {
    return this.#make(this.#directory('Volumes'), name, 'directory', null);
  }

  removeMountPoint(name: string): void {
    this.#directory('Volumes').entries.delete(name);
  }

  addDevice(name: string, device: DeviceNode): void {
    this.#make(this.#directory('dev'), name, device.type, device);
  }

  removeDevice(name: string): void {
    this.#directory('dev').entries.delete(name);
  }

  /** 'disk1', 'rdisk1s2', 'null'; undefined when the node is no device of this volume. */
  deviceNameOf(node: VolumeNode): string | undefined {
    return 'device' in node && node.device !== null ? own(node).name : undefined;
  }

  #directory(name: 'Volumes' | 'dev'): RootNode {
    const node = this.root.entries.get(name);
    assert(node !== undefined, `/${name} exists`);
    return node;
  }

  #make(parent: RootNode | null, name: string, type: FileType, device: DeviceNode | null): RootNode {
    assert(parent?.entries.has(name) !== true, `/${name} is a new name`);
    const node: RootNode = { inode: this.#inode++, type, name, parent, entries: new Map(), device };
    parent?.entries.set(name, node);
    return node;
  }

  // ── what programs see ──────────────────────────────────────────────────────────────────────────────────────────

  statistics(): VolumeStatistics {
    return {
      ...{ blockSizeBytes: BLOCK_SIZE_BYTES, totalBlocks: 0, freeBlocks: 0, availableBlocks: 0 },
      ...{ totalFiles: this.#inode - 2, freeFiles: 0 },
    };
  }

  attributes(node: VolumeNode): Attributes {
    const { inode, type, device, entries } = own(node);
    const time = this.#startedAt;
    const owner = device?.mode === 0o640 ? this.#owner : { uid: 0, gid: 0 };
    return {
      inode,
      type,
      mode: device?.mode ?? 0o755,
      linkCount: type === 'directory' ? 2 + entries.size : 1,
      ...{ uid: owner.uid, gid: owner.gid, sizeBytes: 0, allocatedBytes: 0, flags: 0 },
      ...{ accessTime: time, modifyTime: time, changeTime: time, birthTime: time },
    };
  }

  lookup(directory: VolumeNode, name: string): VolumeNode | undefined {
    return own(directory).entries.get(name);
  }

  storedName(directory: VolumeNode, name: string): string | undefined {
    return own(directory).entries.get(name)?.name;
  }

  parentOf(directory: VolumeNode): VolumeNode {
    return own(directory).parent ?? this.root;
  }

  list(directory: VolumeNode, after: number | null, countMax: number): Listing {
    const all = [...own(directory).entries.values()].filter(({ inode }) => inode > (after ?? 0));
    const entries = all.slice(0, countMax);
    const last = entries.at(-1);
    return { entries, next: entries.length < all.length && last !== undefined ? last.inode : null };
  }

  read(node: VolumeNode, offsetBytes: number, into: Uint8Array): number {
    return deviceOf(node).read(offsetBytes, into);
  }

  write(node: VolumeNode, offsetBytes: number, data: Uint8Array): number {
    return data.length === 0 ? 0 : deviceOf(node).write(offsetBytes, data);
  }

  /** Bounded pieces: a device has no way to be told of content that is computed. */
  fill(node: VolumeNode, offsetBytes: number, lengthBytes: number, fill: Fill): number {
    if (fill.generator !== 'zero') throw new FsError('ENOTSUP', '', '', 'a device is filled with zeros only');
    const zeros = new Uint8Array(Math.min(lengthBytes, 65_536));
    let done = 0;
    while (done < lengthBytes) {
      const written = this.write(node, offsetBytes + done, zeros.subarray(0, lengthBytes - done));
      done += written;
      if (written < zeros.length) break;
    }
    return done;
  }

  /** O_TRUNC on a device changes nothing. */
  truncate(node: VolumeNode): void {
    deviceOf(node);
  }

  extents(): Extent[] {
    return [];
  }

  setAttributes(_node: VolumeNode, _change: AttributeChange): void {
    throw readOnly();
  }
  create(): VolumeNode {
    throw readOnly();
  }
  makeDirectory(): VolumeNode {
    throw readOnly();
  }
  remove(): void {
    throw readOnly();
  }
  removeDirectory(): void {
    throw readOnly();
  }
  rename(): void {
    throw readOnly();
  }
  setLabel(): void {
    throw readOnly();
  }

  sync(node?: VolumeNode): void {
    if (node !== undefined) own(node).device?.sync();
  }
  retain(): void {}
  release(): void {}
  unmount(): void {}
}

const readOnly = () => new FsError('EROFS', '', '');

function own(node: VolumeNode): RootNode {
  assert('entries' in node, 'the node is of the root file system');
  return node as RootNode;
}

function deviceOf(node: VolumeNode): DeviceNode {
  const { device } = own(node);
  assert(device !== null, 'only devices are read and written');
  return device;
}
