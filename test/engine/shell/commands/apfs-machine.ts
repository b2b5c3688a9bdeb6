import { FsError } from '../../../../src/engine/base/errno.ts';
import type { FsckReport, NewfsReport, SnapshotSpace } from '../../../../src/engine/formats/contract.ts';
import type {
  DiskDescription,
  Machine,
  NewPoolVolume,
  NewVolumeOptions,
  SliceDescription,
  SnapshotDescription,
} from '../../../../src/engine/shell/machine.ts';

interface FakeSnapshot {
  name: string;
  xid: number;
  mountPoint: string | null;
}

interface FakeVolume {
  label: string;
  isCaseSensitive: boolean;
  role: string;
  quotaBytes: number;
  reserveBytes: number;
  consumedBytes: number;
  mountPoint: string | null;
  snapshots: FakeSnapshot[];
}

const GIGABYTE = 1_000_000_000;
const uuidOf = (kind: number, index: number): string =>
  `${String(kind).repeat(8)}-0000-4000-8000-${String(index).padStart(12, '0')}`;

/**
 * Disk images with one container and nothing below: what commands say to the machine is remembered in `log`, what they
 * ask about is answered from plain numbers. For the words and columns of commands; what really happens to blocks is the
 * session's affair.
 */
export class ApfsMachine {
  readonly log: string[] = [];
  readonly volumes: FakeVolume[] = [];
  report: FsckReport = { isReadable: true, lines: ['** Checking the container superblock.'], findings: [] };
  isBusy = false;
  #xid = 10;

  constructor(volumes: readonly Partial<FakeVolume>[] = [{}]) {
    for (const volume of volumes) this.volumes.push(fakeVolume(volume));
  }

  get machine(): Machine {
    const refuse = (): never => {
      throw new FsError('ENOTSUP', '', '', 'this machine does nothing else');
    };
    const answers: Partial<Machine> = {
      disks: () => this.#disks(),
      addVolume: (container, volume) => this.#addVolume(container, volume),
      deleteVolume: (device) => this.#deleteVolume(device),
      changeRole: (device, role) => this.#do(`role ${device} '${role}'`),
      resizeLimits: () => ({
        minimumBytes: 0.5 * GIGABYTE,
        minimumReason: 'a snapshot is in the way; delete it',
        currentBytes: GIGABYTE,
        maximumBytes: 2 * GIGABYTE,
      }),
      resizeContainer: (device, sizeBytes) => this.#do(`resize ${device} ${sizeBytes}`),
      createSnapshot: (device, name) => this.#createSnapshot(device, name),
      renameSnapshot: (device, name, newName) => (this.#snapshot(device, name).name = newName),
      deleteSnapshot: (device, name) => this.#deleteSnapshot(device, name),
      revertToSnapshot: (device, name) => this.#do(`revert ${device} ${this.#snapshot(device, name).name}`),
      snapshotSpace: (device, name) => this.#space(device, name),
      mount: (device, options) => this.#mount(device, options),
      unmount: (device) => this.#unmount(device),
      newfs: (device, options) => this.#newfs(device, options),
      fsck: (device, { repair }) => {
        this.log.push(`fsck ${device} ${repair ? 'repair' : 'look'}`);
        return this.report;
      },
    };
    return new Proxy(answers as Machine, {
      get: (target, name) => Reflect.get(target, name) ?? refuse,
    });
  }

  #do(what: string): void {
    if (this.isBusy) throw new FsError('EBUSY', '', '', 'somebody is in the way');
    this.log.push(what);
  }

  #disks(): DiskDescription[] {
    const common = { blockSizeBytes: 4096, isImage: true };
    const store: SliceDescription = {
      ...{ device: 'disk1s1', index: 1, typeName: 'Apple_APFS', label: '', firstBlock: 6 },
      ...{ sizeBytes: GIGABYTE, mountPoint: null, warnings: [], formatName: 'apfs', personality: null },
      containerDevice: 'disk2',
    };
    const used = this.volumes.reduce((sum, { consumedBytes }) => sum + consumedBytes, 0);
    return [
      { ...common, device: 'disk1', sizeBytes: 1.1 * GIGABYTE, scheme: 'gpt', slices: [store] },
      {
        ...{ ...common, device: 'disk2', sizeBytes: GIGABYTE, scheme: 'apfs' },
        slices: this.volumes.map((volume, index) => sliceOf(volume, index)),
        container: {
          uuid: uuidOf(1, 1),
          physicalStore: { device: 'disk1s1', uuid: uuidOf(2, 1), sizeBytes: GIGABYTE },
          freeBytes: GIGABYTE - used,
          warnings: [],
        },
      },
    ];
  }

  #volume(deviceOrPath: string): FakeVolume {
    const index = Number(/^disk2s(\d+)$/.exec(deviceOrPath)?.[1] ?? 0) - 1;
    const found =
      this.volumes[index] ??
      this.volumes.find(({ mountPoint }) => mountPoint === deviceOrPath || deviceOrPath === '.');
    if (found === undefined) throw new FsError('ENXIO', '', '', `there is no ${deviceOrPath}`);
    return found;
  }

  #snapshot(device: string, name: string): FakeSnapshot {
    const found = this.#volume(device).snapshots.find((snapshot) => snapshot.name === name);
    if (found === undefined) throw new FsError('ENOENT', '', '', 'there is no snapshot of that name');
    return found;
  }

  #addVolume(container: string, volume: NewPoolVolume): string {
    if (volume.label === '') throw new FsError('EINVAL', '', '', 'a volume has a name');
    this.#do(`add to ${container} ${JSON.stringify(volume)}`);
    this.volumes.push(fakeVolume(volume));
    return `disk2s${this.volumes.length}`;
  }

  #deleteVolume(device: string): void {
    this.#do(`delete ${device}`);
    this.volumes.splice(Number(device.slice('disk2s'.length)) - 1, 1);
  }

  #createSnapshot(device: string, name: string): void {
    const { snapshots } = this.#volume(device);
    if (snapshots.some((snapshot) => snapshot.name === name)) throw new FsError('EEXIST', '', '');
    snapshots.push({ name, xid: ++this.#xid, mountPoint: null });
    this.log.push(`snapshot ${device} ${name}`);
  }

  #deleteSnapshot(device: string, name: string): void {
    const found = this.#snapshot(device, name);
    if (found.mountPoint !== null) throw new FsError('EBUSY', '', '', 'the snapshot is mounted');
    const { snapshots } = this.#volume(device);
    snapshots.splice(snapshots.indexOf(found), 1);
    this.log.push(`forget ${device} ${name}`);
  }

  #space(device: string, name: string): SnapshotSpace {
    return { pinnedBytes: 3_000_000, privateBytes: this.#snapshot(device, name).xid * 100_000 };
  }

  #mount(device: string, { isReadOnly, mountPoint, snapshot }: Parameters<Machine['mount']>[1]): string {
    this.log.push(`mount ${device} ${isReadOnly ? 'to read' : 'to write'} ${snapshot ?? ''}`.trim());
    const volume = this.#volume(device);
    const on = mountPoint ?? `/Volumes/${volume.label}`;
    if (snapshot === undefined) volume.mountPoint = on;
    else this.#snapshot(device, snapshot).mountPoint = on;
    return on;
  }

  #unmount(device: string): void {
    this.#do(`unmount ${device}`);
    const [, volume, snapshot] = /^disk2s(\d+)(?:s(\d+))?$/.exec(device) ?? [];
    const found = this.volumes[Number(volume) - 1];
    const inside = found?.snapshots[Number(snapshot) - 1];
    if (inside !== undefined) inside.mountPoint = null;
    else if (found !== undefined) found.mountPoint = null;
  }

  #newfs(device: string, { format, label, settings }: NewVolumeOptions): NewfsReport {
    this.log.push(`newfs ${device} ${format} ${label} ${JSON.stringify(settings)}`);
    return { lines: [], warnings: [] };
  }
}

function fakeVolume(volume: Partial<FakeVolume>): FakeVolume {
  return {
    ...{ label: 'Untitled', isCaseSensitive: false, role: '', quotaBytes: 0, reserveBytes: 0 },
    ...{ consumedBytes: 2_000_000, mountPoint: null, snapshots: [] },
    ...volume,
  };
}

function sliceOf(volume: FakeVolume, index: number): SliceDescription {
  const device = `disk2s${index + 1}`;
  const { label, mountPoint, isCaseSensitive, role, quotaBytes, reserveBytes, consumedBytes } = volume;
  const title = isCaseSensitive ? 'APFS (Case-sensitive)' : 'APFS';
  const snapshots = volume.snapshots.map(({ name, xid, mountPoint: on }, i): SnapshotDescription => ({
    ...{ name, xid, mountPoint: on, uuid: uuidOf(4, xid), device: `${device}s${i + 1}` },
    createTime: { seconds: xid * 86_400, nanoseconds: 0 },
  }));
  return {
    ...{ device, index: index + 1, typeName: 'APFS Volume', label, sizeBytes: GIGABYTE, firstBlock: 0 },
    ...{ mountPoint, warnings: [], formatName: 'apfs', personality: title },
    volume: {
      ...{ index, label, uuid: uuidOf(3, index + 1), title, isCaseSensitive, role, isEncrypted: false },
      ...{ isSealed: false, consumedBytes, quotaBytes, reserveBytes, snapshots },
    },
  };
}
