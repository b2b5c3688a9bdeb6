import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { SILENT, type Trace } from '../../src/engine/base/trace.ts';
import { Store } from '../../src/engine/device/store.ts';
import { Tape } from '../../src/engine/device/tape.ts';
import type { CommitPolicy, Volume, VolumeNode } from '../../src/engine/formats/contract.ts';
import { fat32 } from '../../src/engine/formats/fat32/index.ts';
import { O_CREAT, O_EXCL, O_RDONLY, O_TRUNC, O_WRONLY } from '../../src/engine/vfs/constants.ts';
import { FIRST_USER, Kernel } from '../../src/engine/vfs/kernel.ts';
import { CLUSTER_SIZE_BYTES, type FileSystem, type System } from './systems.ts';

/** Our FAT32, at the height of the volume and at the height of system calls. */
const BLOCK_BYTES = 512;

export interface Disk {
  readonly store: Store;
  readonly volume: Volume;
  readonly clock: SimulatedClock;
}

export const emptyStore = (sizeBytes: number): Store =>
  new Store({ blockSizeBytes: BLOCK_BYTES, blockCount: sizeBytes / BLOCK_BYTES });

export function newfs(store: Store, settings: Readonly<Record<string, string>>): void {
  const clock = new SimulatedClock();
  fat32.newfs(store, { label: 'BENCH', settings, clock, random: new Prng(1), partitionFirstBlock: 0 });
}

function mounted(
  sizeBytes: number,
  policy: CommitPolicy,
  isTraced: boolean,
): Disk & { readonly trace: Trace } {
  const store = emptyStore(sizeBytes);
  newfs(store, { type: 'fat32', 'cluster-size': `${CLUSTER_SIZE_BYTES / 1024}k` });
  const tape = isTraced ? new Tape(BLOCK_BYTES) : null;
  store.tape = tape;
  const clock = new SimulatedClock();
  const trace = tape ?? SILENT;
  const options = { isReadOnly: false, policy, clock, trace, owner: FIRST_USER, timeZoneMinutes: 0 };
  return { store, volume: fat32.mount(store, options), clock, trace };
}

const INIT = { mode: 0o644, ...FIRST_USER };

/** The volume itself: no paths, no permissions, no descriptors. */
function volumeFileSystem(volume: Volume): FileSystem {
  const directories = new Map<string, VolumeNode>([['', volume.root]]);
  const split = (path: string): [VolumeNode, string] => {
    const slash = path.lastIndexOf('/');
    const directory = directories.get(path.slice(0, slash));
    if (directory === undefined) throw new Error(`${path} lies in no directory made here`);
    return [directory, path.slice(slash + 1)];
  };
  return {
    makeDirectory: (path) => void directories.set(path, volume.makeDirectory(...split(path), INIT)),
    create(path, data) {
      const node = volume.create(...split(path), INIT);
      volume.write(node, 0, data);
      volume.release(node);
    },
    open(path) {
      const node = volume.create(...split(path), INIT);
      return {
        write: (data, offsetBytes) => void volume.write(node, offsetBytes, data),
        close: () => volume.release(node),
      };
    },
    rename: (from, to) => volume.rename(...split(from), ...split(to)),
    remove: (path) => volume.remove(...split(path)),
    list(path) {
      let count = 0;
      for (let after: number | null = null; ;) {
        const page = volume.list(directories.get(path)!, after, 1000);
        count += page.entries.length;
        after = page.next;
        if (after === null) return count;
      }
    },
    stat(path) {
      const node = volume.lookup(...split(path));
      if (node === undefined) throw new Error(`${path} is not there`);
      return volume.attributes(node).sizeBytes;
    },
  };
}

/** Programs: paths, permissions and descriptors as a Mac has them. */
function callsFileSystem({
  volume,
  clock,
  trace,
}: {
  volume: Volume;
  clock: SimulatedClock;
  trace: Trace;
}): FileSystem {
  const kernel = new Kernel({ clock, trace });
  const on = kernel.mount(volume, { from: '/dev/disk1' });
  const calls = kernel.spawn({ cwd: on });
  const at = (path: string): string => path.slice(1); // relative to the root of the volume
  return {
    makeDirectory: (path) => calls.mkdir(at(path)),
    create(path, data) {
      const fd = calls.open(at(path), O_WRONLY | O_CREAT | O_EXCL, 0o644);
      calls.write(fd, data);
      calls.close(fd);
    },
    open(path) {
      const fd = calls.open(at(path), O_WRONLY | O_CREAT | O_TRUNC, 0o644);
      return {
        write: (data, offsetBytes) => void calls.pwrite(fd, data, offsetBytes),
        close: () => calls.close(fd),
      };
    },
    rename: (from, to) => calls.rename(at(from), at(to)),
    remove: (path) => calls.unlink(at(path)),
    list(path) {
      const fd = calls.open(at(path), O_RDONLY);
      let count = 0;
      for (;;) {
        const entries = calls.getdirentries(fd, 1000);
        if (entries.length === 0) break;
        count += entries.length;
      }
      calls.close(fd);
      return count;
    },
    stat: (path) => calls.stat(at(path)).sizeBytes,
  };
}

/** Every operation on the device before it returns; the numbers that the goals are about. */
export const VOLUME_EACH: System = {
  name: 'FAT32 each',
  kind: 'ours',
  fresh: (sizeBytes) => volumeFileSystem(mounted(sizeBytes, 'each', false).volume),
};

export const VOLUME_WRITEBACK: System = {
  name: 'writeback',
  kind: 'ours',
  fresh: (sizeBytes) => volumeFileSystem(mounted(sizeBytes, 'writeback', false).volume),
};

export const CALLS: System = {
  name: 'calls',
  kind: 'ours',
  fresh: (sizeBytes) => callsFileSystem(mounted(sizeBytes, 'each', false)),
};

export const TRACED: System = {
  name: 'traced',
  kind: 'ours',
  fresh: (sizeBytes) => callsFileSystem(mounted(sizeBytes, 'each', true)),
};

export const OURS: readonly System[] = [VOLUME_EACH, VOLUME_WRITEBACK, CALLS, TRACED];

/** A volume with `count` files of 1 KiB in one directory, for whoever needs its disk. */
export function filledStore(sizeBytes: number, count: number, nameOf: (i: number) => string): Store {
  const { store, volume } = mounted(sizeBytes, 'writeback', false);
  const files = volumeFileSystem(volume);
  files.makeDirectory('/d');
  const data = new Uint8Array(1024).fill(1);
  for (let i = 0; i < count; i++) files.create(`/d/${nameOf(i)}`, data);
  volume.unmount();
  return store;
}

export function fsckFindings(store: Store): number {
  const report = fat32.fsck(store, { repair: false });
  if (!report.isReadable) throw new Error('the volume cannot be read');
  return report.findings.length;
}
