import { FsError } from '../base/errno.ts';
import type { Extent } from '../formats/contract.ts';
import type { Region } from '../formats/survey.ts';
import { O_DIRECTORY, O_RDONLY, S_IFDIR, S_IFMT, S_IFREG } from '../vfs/constants.ts';
import type { Process } from '../vfs/process.ts';
import type { Computer } from './computer.ts';
import type { MountRecord } from './mounts.ts';
import { DiskViews } from './views-disk.ts';

/**
 * What deleting something frees, found by doing it: on a fork of the disk, with a machine of its own, which nobody sees
 * and which is forgotten afterwards. A fork costs nothing; what is done on it costs what it would cost anyway, and is
 * refused with a sentence where that is too much to do on the side.
 */
export interface Work {
  /** Files and directories that are removed. */
  readonly nodesMax: number;
  /** Pieces that they lie in. */
  readonly extentsMax: number;
  /** Blocks that they take; FAT gives them back one by one. */
  readonly blocksMax: number;
}

export const WORK: Work = { nodesMax: 400, extentsMax: 20_000, blocksMax: 2 ** 22 };

/** Who shows the blocks of what was deleted after it is gone, and how many of them. */
export interface HeldBlocks {
  readonly role: Region['role'];
  readonly owner: string;
  readonly blocks: number;
}

/** More would have to be done than is done on the side. */
export class TooMuch extends Error {
  override readonly name = 'TooMuch';
}

export class Rehearsal {
  readonly #copy: Computer;
  readonly #mount: MountRecord;
  readonly #work: Work;
  /** The user: who may not delete something hears so. */
  readonly #process: Process;
  /** Keeps in use what is in use on the machine that is copied. */
  readonly #keepers: Process[] = [];
  readonly #inUse: InUse;
  readonly #freeBefore: number;
  #nodeCount = 0;
  /** Where the contents of what was removed lay, clones more than once. */
  readonly #contents: Extent[] = [];
  #contentsBytes = 0;

  /** `copy`: the machine `live` on a fork of its disk. `on`: where the volume is mounted. */
  constructor(live: Computer, copy: Computer, on: string, work: Work = WORK) {
    const mount = copy.mounts.at(on);
    if (mount === undefined)
      throw new FsError('ENXIO', 'mount', on, copy.problem ?? 'no volume is mounted there');
    this.#copy = copy;
    this.#mount = mount;
    this.#work = work;
    this.#process = copy.kernel.spawn({ cwd: '/' });
    this.#inUse = new InUse(live, on);
    copy.kernel.sync();
    this.#freeBefore = this.#freeBlocks();
  }

  get blockSizeBytes(): number {
    return this.#mount.volume.statistics().blockSizeBytes;
  }

  /** Blocks of the contents of all that was removed, whoever else holds them. */
  get contentsBlocks(): number {
    const bytes = this.#places().reduce((sum, { first, end }) => sum + end - first, 0);
    return (bytes * this.#copy.disk.store.blockSizeBytes) / this.blockSizeBytes;
  }

  /** Is that block of the disk free now, or about to be? */
  isFree(block: number): boolean {
    const region = new DiskViews(this.#copy)
      .regions()
      .find(({ firstBlock, blockCount }) => block >= firstBlock && block < firstBlock + blockCount);
    return region?.role === 'free' || region?.owner.startsWith('free queue') === true;
  }

  /** Is something of what was removed still open? */
  get isHeldOpen(): boolean {
    return this.#keepers.length > 0;
  }

  /** What is free now and was not before; negative where the change itself takes room. */
  freedBlocks(): number {
    this.#copy.kernel.sync();
    return this.#freeBlocks() - this.#freeBefore;
  }

  #freeBlocks(): number {
    return this.#mount.volume.statistics().freeBlocks;
  }

  /** Everybody closes what they have open, and goes elsewhere. */
  letGo(): void {
    for (const keeper of this.#keepers.splice(0)) keeper.exit();
  }

  exists(path: string): boolean {
    try {
      this.#process.lstat(this.#mount.on + path);
      return true;
    } catch (error) {
      if (error instanceof FsError) return false;
      throw error;
    }
  }

  /** `path` counts from the root of the volume. FsError as rm; TooMuch. */
  remove(path: string): void {
    this.#remove(this.#mount.on + path);
  }

  #remove(path: string): void {
    const { mode, blocks } = this.#process.lstat(path);
    const type = mode & S_IFMT;
    this.#nodeCount++;
    if (type === S_IFREG) this.#remember(path);
    this.#requireFeasible(blocks * 512);
    if (this.#inUse.has(path)) this.#keep(path, type);
    if (type !== S_IFDIR) {
      this.#process.unlink(path);
      return;
    }
    for (const name of this.#namesIn(path)) {
      try {
        this.#remove(`${path}/${name}`);
      } catch (error) {
        // The companion of a file that has just gone, with it.
        if (name.startsWith('._') && error instanceof FsError && error.code === 'ENOENT') continue;
        throw error;
      }
    }
    this.#process.rmdir(path);
  }

  #remember(path: string): void {
    const extents = this.#process.extents(path);
    for (const extent of extents) this.#contentsBytes += this.#wholeBlocks(extent.lengthBytes);
    if (this.#contents.length + extents.length <= this.#work.extentsMax) this.#contents.push(...extents);
    else throw new TooMuch('it lies in too many pieces');
  }

  #wholeBlocks(lengthBytes: number): number {
    return Math.ceil(lengthBytes / this.blockSizeBytes) * this.blockSizeBytes;
  }

  #requireFeasible(allocatedBytes: number): void {
    const { nodesMax, blocksMax } = this.#work;
    if (this.#nodeCount > nodesMax) throw new TooMuch(`it holds more than ${nodesMax} files and directories`);
    const blocks = Math.max(this.#contentsBytes, allocatedBytes) / this.blockSizeBytes;
    if (blocks > blocksMax) throw new TooMuch('it has too many blocks');
  }

  #keep(path: string, type: number): void {
    const credentials = { uid: 0, gid: 0 };
    const keeper = this.#copy.kernel.spawn({ cwd: type === S_IFDIR ? path : '/', credentials });
    if (type === S_IFREG) keeper.open(path, O_RDONLY);
    this.#keepers.push(keeper);
  }

  #namesIn(path: string): string[] {
    const names: string[] = [];
    const fd = this.#process.open(path, O_RDONLY | O_DIRECTORY);
    try {
      for (;;) {
        const page = this.#process.getdirentries(fd, 256);
        if (page.length === 0) return names;
        names.push(...page.map(({ name }) => name));
        if (names.length > this.#work.nodesMax) this.#nodeCount = Infinity;
        this.#requireFeasible(0);
      }
    } finally {
      this.#process.close(fd);
    }
  }

  /** FsError as `scope snapshot delete`. */
  deleteSnapshot(name: string): void {
    const { snapshots } = this.#mount.volume;
    if (snapshots === undefined)
      throw new FsError('ENOTSUP', '', name, 'the format of this volume has no snapshots');
    snapshots.delete(name);
  }

  get snapshotNames(): readonly string[] {
    return this.#mount.volume.snapshots?.list().map(({ name }) => name) ?? [];
  }

  get label(): string {
    return this.#mount.volume.label;
  }

  /** Who shows the contents of what was removed, most blocks first. */
  holders(): readonly HeldBlocks[] {
    const { capabilities } = this.#mount.volume;
    const { hasClones = false, hasSnapshots = false, hasHardLinks } = capabilities;
    if (!hasClones && !hasSnapshots && !hasHardLinks) return [];
    const { store } = this.#copy.disk;
    const regions = new DiskViews(this.#copy).regions();
    const wanted = this.#places();
    const found = new Map<string, { role: Region['role']; owner: string; blocks: number }>();
    let at = 0;
    for (const { firstBlock, blockCount, role, owner } of regions) {
      const end = firstBlock + blockCount;
      while (at < wanted.length && (wanted[at]?.end ?? 0) <= firstBlock) at++;
      if (!CONTENTS.has(role)) continue;
      for (let i = at; i < wanted.length && (wanted[i]?.first ?? end) < end; i++) {
        const piece = wanted[i] ?? { first: end, end };
        const count = Math.min(piece.end, end) - Math.max(piece.first, firstBlock);
        if (count <= 0) continue;
        const key = `${role} ${owner}`;
        const known = found.get(key) ?? { role, owner, blocks: 0 };
        known.blocks += (count * store.blockSizeBytes) / this.blockSizeBytes;
        found.set(key, known);
      }
    }
    return [...found.values()].sort((a, b) => b.blocks - a.blocks);
  }

  /** The blocks of the disk under the contents, ascending, each once. */
  #places(): { readonly first: number; end: number }[] {
    const { blockSizeBytes } = this.#copy.disk.store;
    const shift = this.#mount.slice.firstBlock;
    const sorted = this.#contents
      .map(({ deviceOffsetBytes, lengthBytes }) => {
        const first = shift + deviceOffsetBytes / blockSizeBytes;
        return { first, end: first + this.#wholeBlocks(lengthBytes) / blockSizeBytes };
      })
      .sort((a, b) => a.first - b.first);
    const places: { readonly first: number; end: number }[] = [];
    for (const place of sorted) {
      const last = places.at(-1);
      if (last !== undefined && place.first <= last.end) last.end = Math.max(last.end, place.end);
      else places.push(place);
    }
    return places;
  }
}

const CONTENTS: ReadonlySet<Region['role']> = new Set(['data', 'shared', 'pinned']);

/**
 * What somebody has open or stands in on a machine. By path, for a volume of the FAT family that is mounted anew counts
 * its inodes in another way.
 */
class InUse {
  readonly #inodes: ReadonlySet<number>;
  readonly #inodeAt: (path: string) => number;

  constructor({ kernel }: Computer, on: string) {
    const holders = [...(kernel.findMount(on)?.holders ?? [])];
    this.#inodes = new Set(holders.map(({ node }) => node.inode));
    this.#inodeAt = (path) => {
      const process = kernel.spawn({ cwd: '/', credentials: { uid: 0, gid: 0 } });
      try {
        return process.lstat(path).inode;
      } finally {
        process.exit();
      }
    };
  }

  has(path: string): boolean {
    return this.#inodes.size > 0 && this.#inodes.has(this.#inodeAt(path));
  }
}
