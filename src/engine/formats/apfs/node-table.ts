import { assert } from '../../base/assert.ts';
import type { Inode } from './inode.ts';

/** About 0.8 kB each, a fifth of what the smallest contents take on the disk. */
const INODES_MAX = 131_072;

/**
 * Inodes in use: one object per file, so that whoever holds it sees every change. Those that nobody holds are kept as
 * well, so that a path walk finds again what was found before; when there are too many, the oldest of them go.
 */
export class NodeTable {
  readonly #load: (number: number) => Inode | undefined;
  readonly #inodes = new Map<number, Inode>();
  readonly #inodesMax: number;

  /** `load` reads an inode from the disk. */
  constructor(load: (number: number) => Inode | undefined, inodesMax = INODES_MAX) {
    this.#load = load;
    this.#inodesMax = inodesMax;
  }

  /** undefined when the volume has none of this number. EIO. */
  get(number: number): Inode | undefined {
    const known = this.#inodes.get(number);
    if (known !== undefined) return known;
    const inode = this.#load(number);
    if (inode !== undefined) this.add(inode);
    return inode;
  }

  /** One that has just been made, or loaded. */
  add(inode: Inode): void {
    if (this.#inodes.size >= this.#inodesMax) this.#evict();
    this.#inodes.set(inode.number, inode);
  }

  /** An eighth of those that may be here, so that this does not happen for every one. */
  #evict(): void {
    let wanted = this.#inodesMax / 8;
    for (const { number, holders } of this.#inodes.values()) {
      if (holders > 0) continue;
      this.#inodes.delete(number);
      if (--wanted <= 0) return;
    }
  }

  /** It has no record any more. */
  forget(inode: Inode): void {
    inode.isGone = true;
    this.#inodes.delete(inode.number);
  }

  /** The volume has become another one: everything is read anew, `root` into the object that stands for it. */
  forgetAll(root: Inode): void {
    this.#inodes.clear();
    const { holders } = root;
    Object.assign(root, this.#load(root.number), { holders });
    this.#inodes.set(root.number, root);
  }

  /**
   * The one object that stands for this file. A caller may keep an inode it does not hold while others come and go;
   * then another object may have taken over, and what the old one remembers is old.
   */
  current(inode: Inode): Inode {
    if (inode.isGone || this.#inodes.get(inode.number) === inode) return inode;
    const now = this.get(inode.number);
    if (now !== undefined) return now;
    inode.isGone = true;
    inode.isUnlinked = true;
    return inode;
  }

  retain(inode: Inode): void {
    inode.holders++;
  }

  /** True when that was the last holder. */
  release(inode: Inode): boolean {
    assert(inode.holders > 0, 'only what was held is released');
    return --inode.holders === 0;
  }

  /** Does anybody hold anything? The root, which a volume holds itself, does not count. */
  heldCount(): number {
    let count = 0;
    for (const { holders } of this.#inodes.values()) if (holders > 0) count++;
    return count;
  }

  /** Files that have lost their last name and are still there. */
  unlinked(): Inode[] {
    return [...this.#inodes.values()].filter((inode) => inode.isUnlinked);
  }
}
