import { FsError } from '../base/errno.ts';
import type { Region } from '../formats/survey.ts';
import type { Computer } from './computer.ts';
import { deletionsOf, snapshotCalled, snapshotDeletion } from './deletion-words.ts';
import type { DeletionView } from './deletion-words.ts';
import { Rehearsal } from './deletion.ts';
import type { MountRecord } from './mounts.ts';

/** What deletions would free on one machine, and why nobody can say where that is so. */
export class DeletionViews {
  readonly #live: Computer;
  readonly #copy: () => Computer;
  /** Why nothing can be deleted at this moment; null: it can. */
  readonly #obstacle: string | null;

  /** `copy`: the same machine on a fork of its disk. */
  constructor(live: Computer, copy: () => Computer, isInsideStep: boolean) {
    this.#live = live;
    this.#copy = copy;
    this.#obstacle = isInsideStep ? INSIDE : null;
  }

  /** Of a file or directory; `path` counts from where its volume is mounted. */
  ofPath(mount: MountRecord, path: string, isDirectory: boolean): readonly DeletionView[] {
    const deleted = { path, on: mount.on, isDirectory, called: 'it' };
    return this.#on(mount, path, (rehearsal) => deletionsOf(rehearsal, deleted));
  }

  /** Of whoever holds one block of the disk: files or a snapshot. */
  ofBlock(block: number, { role, owner }: Region): readonly DeletionView[] {
    const { disk, mounts } = this.#live;
    const slice = disk.sliceAt(block);
    if (slice === undefined || !['data', 'directory', 'shared', 'pinned'].includes(role)) return [];
    const ofSlice = mounts.on(slice).filter(({ snapshot }) => snapshot === null);
    const mount = ofSlice.find(({ volume }) => owner.startsWith(`${volume.label}: `)) ?? ofSlice[0];
    if (mount === undefined) return [];
    const named = owner.startsWith(`${mount.volume.label}: `)
      ? owner.slice(mount.volume.label.length + 2)
      : owner;
    if (role === 'pinned') {
      const names = mount.volume.snapshots?.list().map(({ name }) => name) ?? [];
      const name = names.find((each) => named.startsWith(`snapshot ${each}: `));
      return name === undefined ? [] : this.ofSnapshot(mount, name);
    }
    const path = this.#firstPath(mount, named);
    if (path === undefined || path === '/') return [];
    const isDirectory = role === 'directory';
    return this.#on(mount, path, (rehearsal) => {
      let isFreed = false;
      const then = () => void (isFreed = rehearsal.isFree(block));
      const [alone, ...more] = deletionsOf(rehearsal, {
        path,
        on: mount.on,
        isDirectory,
        called: path,
        then,
      });
      if (alone === undefined || alone.freedBlocks === null) return alone === undefined ? [] : [alone];
      const sentence = `${alone.sentence} This block would ${isFreed ? 'be free' : 'not be free'} then.`;
      return [{ ...alone, sentence }, ...more];
    });
  }

  /** The path itself, or the first of '/a, /b and 3 more'. */
  #firstPath({ on }: MountRecord, owner: string): string | undefined {
    const { kernel } = this.#live;
    const process = kernel.spawn({ cwd: '/', credentials: { uid: 0, gid: 0 } });
    const exists = (path: string): boolean => {
      try {
        process.lstat(on + path);
        return true;
      } catch (error) {
        if (error instanceof FsError) return false;
        throw error;
      }
    };
    try {
      if (!owner.startsWith('/') || exists(owner)) return owner.startsWith('/') ? owner : undefined;
      const ends = [...owner.matchAll(/ and |, /g)].map(({ index }) => owner.slice(0, index));
      return ends.find(exists);
    } finally {
      process.exit();
    }
  }

  ofSnapshot(mount: MountRecord, name: string): readonly DeletionView[] {
    return this.#on(mount, snapshotCalled(name), (rehearsal) => [
      snapshotDeletion(rehearsal, name, mount.on),
    ]);
  }

  /** Of each snapshot of each volume that is mounted. */
  ofSnapshots(): readonly DeletionView[] {
    const all = this.#live.mounts.all.filter(({ snapshot }) => snapshot === null);
    const named = all.flatMap((mount) =>
      (mount.volume.snapshots?.list() ?? []).map(({ name }) => ({ mount, name })),
    );
    return named.slice(0, SNAPSHOTS_MAX).flatMap(({ mount, name }) => this.ofSnapshot(mount, name));
  }

  #on(
    mount: MountRecord,
    what: string,
    ask: (rehearsal: Rehearsal) => readonly DeletionView[],
  ): readonly DeletionView[] {
    const { blockSizeBytes } = mount.volume.statistics();
    const sentence = this.#obstacle ?? (isWaiting(mount) ? WAITING : null);
    if (sentence !== null) return [{ what, line: '', freedBlocks: null, blockSizeBytes, sentence }];
    return this.#live.trace.during(() => ask(new Rehearsal(this.#live, this.#copy(), mount.on)));
  }
}

const SNAPSHOTS_MAX = 16;

const INSIDE =
  'What deleting it would free is counted on whole steps only: go to the end of this one, for here the disk is as a power cut would leave it.';
const WAITING =
  'What deleting it would free cannot be counted yet, for the volume still holds changes in memory: run sync, and ask again.';

const isWaiting = ({ options, volume }: MountRecord): boolean =>
  options.policy === 'writeback' && volume.isDirty !== false;
