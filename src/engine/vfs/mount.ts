import type { Volume, VolumeNode } from '../formats/contract.ts';
import { FsError } from '../base/errno.ts';
import type { MountStatistics } from './calls.ts';

/** What vfs needs of a volume: all but the name of its format. The pseudo file system at `/` has no format. */
export type MountedVolume = Omit<Volume, 'formatName'>;

/** A file or directory of one mounted volume. */
export interface Place {
  readonly mount: Mount;
  readonly node: VolumeNode;
}

/** Together with its absolute path, as it was walked. */
export interface Located extends Place {
  readonly components: readonly string[];
}

/** Whoever keeps a node in use, and so its volume mounted: an open file or a current directory. */
export interface Holder {
  readonly node: VolumeNode;
  /** A directory without a name any more: nothing is in it and nothing can be made in it. */
  isRemoved: boolean;
  /** For the sentence of EBUSY: 'notes.txt is open'. */
  describe(): string;
}

export interface MountIdentity {
  /** st_dev of everything on it. */
  readonly device: number;
  /** '/dev/disk1s1' */
  readonly from: string;
  /** The device whose blocks it lies on: '/dev/disk1s1', also of '/dev/disk2s1' in a container there. */
  readonly store: string;
  /** f_fstypename: 'msdos'. */
  readonly typeName: string;
}

/**
 * One volume at its place in the tree of names. Knows which of its own directories are covered by other mounts, and
 * who holds what of it.
 */
export class Mount {
  readonly holders = new Set<Holder>();
  /** Mounts on directories of this one, by the inode of the covered directory. */
  readonly #covering = new Map<number, Mount>();
  /**
   * Without permissions every directory is as the root is; when that one lets everybody in, nobody has to ask at each
   * step of each path.
   */
  readonly isOpenToAll: boolean;
  /** The covered directory, retained; null for the root. */
  readonly covered: Located | null;
  /** Canonical path of the mount point; the kernel renews it when a directory above it is renamed. */
  components: readonly string[];

  constructor(
    readonly volume: MountedVolume,
    readonly identity: MountIdentity,
    covered: Located | null,
  ) {
    const { mode } = volume.attributes(volume.root);
    this.isOpenToAll = !volume.capabilities.hasPermissions && (mode & 0o777) === 0o777;
    this.covered = covered;
    this.components = covered?.components ?? [];
    if (covered === null) return;
    covered.mount.volume.retain(covered.node);
    covered.mount.#covering.set(covered.node.inode, this);
  }

  get on(): string {
    return pathOf(this.components);
  }

  get root(): Located {
    return { mount: this, node: this.volume.root, components: this.components };
  }

  /** The mount that hides `node`, a directory of this volume. */
  coveringAt(node: VolumeNode): Mount | undefined {
    return this.#covering.size === 0 ? undefined : this.#covering.get(node.inode);
  }

  /** Take the volume out of the tree. The caller has unmounted it. */
  detach(): void {
    if (this.covered === null) return;
    this.covered.mount.#covering.delete(this.covered.node.inode);
    this.covered.mount.volume.release(this.covered.node);
  }

  /** EBUSY with everybody who is in the way, or nothing. */
  requireIdle(mayStay: (holder: Holder) => boolean = () => false): void {
    const reasons = [
      ...[...this.#covering.values()].map((mount) => `${mount.identity.from} is mounted on ${mount.on}`),
      ...[...this.holders].filter((holder) => !mayStay(holder)).map((holder) => holder.describe()),
    ];
    if (reasons.length === 0) return;
    const shown = reasons.slice(0, 5);
    if (reasons.length > shown.length) shown.push(`${reasons.length - shown.length} more`);
    throw new FsError('EBUSY', '', this.on, shown.join('; '));
  }

  hold(holder: Holder): void {
    this.holders.add(holder);
  }

  letGo(holder: Holder): void {
    this.holders.delete(holder);
  }
}

export const pathOf = (components: readonly string[]): string => `/${components.join('/')}`;

/** Nodes are one object per file in use; two fresh look-ups of a file nobody holds agree in their inode. */
export const isSameFile = (a: Place, b: Place): boolean =>
  a.mount === b.mount && (a.node === b.node || a.node.inode === b.node.inode);

export function statisticsOf(mount: Mount): MountStatistics {
  const { volume, identity } = mount;
  return {
    ...volume.statistics(),
    from: identity.from,
    on: pathOf(mount.components),
    typeName: identity.typeName,
    title: volume.title,
    label: volume.label,
    isReadOnly: volume.isReadOnly,
  };
}
