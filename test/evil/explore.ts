import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { FsError } from '../../src/engine/base/errno.ts';
import { SILENT } from '../../src/engine/base/trace.ts';
import type { Store } from '../../src/engine/device/store.ts';
import type { Listing, Volume, VolumeNode } from '../../src/engine/formats/contract.ts';
import { mount } from '../../src/engine/formats/fat32/mount.ts';

/** More than any volume of these tests holds: whoever meets more walks in circles. */
const ENTRIES_MAX = 20_000;
const READ_BYTES_MAX = 1 << 20;

/**
 * Do with a damaged volume what people do: list everything, read everything, then change a little everywhere. Returns
 * how many calls failed; anything but an FsError, and a walk without end, is thrown.
 */
export function explore(store: Store): number {
  let failures = 0;
  const attempt = <T>(action: () => T): T | undefined => {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      failures++;
      return undefined;
    }
  };
  for (const isReadOnly of [true, false]) {
    const volume = attempt(() =>
      mount(store, {
        isReadOnly,
        policy: 'each',
        clock: new SimulatedClock(),
        trace: SILENT,
        owner: { uid: 501, gid: 20 },
        timeZoneMinutes: 0,
      }),
    );
    if (!volume) continue;
    const directories = walk(volume, attempt);
    attempt(() => volume.statistics());
    if (!isReadOnly) for (const directory of directories) change(volume, directory, attempt);
    attempt(() => volume.unmount());
  }
  return failures;
}

type Attempt = <T>(action: () => T) => T | undefined;

function walk(volume: Volume, attempt: Attempt): VolumeNode[] {
  const directories: VolumeNode[] = [volume.root];
  let seen = 0;
  for (let i = 0; i < directories.length; i++) {
    const directory = directories[i] ?? volume.root;
    let after: number | null = null;
    do {
      const from: number | null = after;
      const page: Listing | undefined = attempt(() => volume.list(directory, from, 50));
      for (const { name, type } of page?.entries ?? []) {
        if (++seen > ENTRIES_MAX) throw new Error('the tree of directories does not end');
        const node = attempt(() => volume.lookup(directory, name));
        if (!node) continue;
        if (type === 'directory') directories.push(node);
        else read(volume, node, attempt);
      }
      after = page?.next ?? null;
    } while (after !== null);
  }
  return directories;
}

function read(volume: Volume, node: VolumeNode, attempt: Attempt): void {
  const sizeBytes = attempt(() => volume.attributes(node))?.sizeBytes ?? 0;
  const into = new Uint8Array(Math.min(sizeBytes, READ_BYTES_MAX));
  attempt(() => volume.read(node, 0, into));
  attempt(() => volume.read(node, Math.max(0, sizeBytes - 10), new Uint8Array(10)));
  attempt(() => volume.extents(node));
}

const INIT = { mode: 0o644, uid: 501, gid: 20 };

function change(volume: Volume, directory: VolumeNode, attempt: Attempt): void {
  const node = attempt(() => volume.create(directory, 'a new file with a long name', INIT));
  if (node) {
    attempt(() => volume.write(node, 0, new Uint8Array(5000).fill(7)));
    attempt(() => volume.release(node));
  }
  const made = attempt(() => volume.makeDirectory(directory, 'a new directory', INIT));
  if (made) attempt(() => volume.release(made));
  const entries = attempt(() => volume.list(directory, null, 4))?.entries ?? [];
  for (const { name, type } of entries) {
    const old = attempt(() => volume.lookup(directory, name));
    if (!old) continue;
    if (type === 'file') {
      attempt(() => volume.write(old, 100, new Uint8Array(3000).fill(8)));
      attempt(() => volume.truncate(old, 10));
    }
    attempt(() => volume.rename(directory, name, volume.root, `moved ${name}`));
  }
  for (const { name, type } of entries.slice(0, 2)) {
    attempt(() =>
      (type === 'directory' ? volume.removeDirectory : volume.remove).call(
        volume,
        volume.root,
        `moved ${name}`,
      ),
    );
  }
}
