import { assert } from '../../base/assert.ts';
import type { Inode } from './inode.ts';

/**
 * Inodes in use: one object per file, so that whoever holds it sees every change. Those that nobody holds are kept for
 * a while, the latest 1,024 of them, so that a path walk finds again what it just found.
 */
const UNHELD_INODES_MAX = 1024;

export class NodeTable {
  readonly #load: (number: number) => Inode | undefined;
  readonly #inodes = new Map<number, Inode>();
  /** A ring; whoever falls out is forgotten unless somebody holds it by then. */
  readonly #unheld: (Inode | undefined)[] = [];
  #unheldNext = 0;

  /** `load` reads an inode from the disk. */
  constructor(load: (number: number) => Inode | undefined) {
    this.#load = load;
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
    this.#inodes.set(inode.number, inode);
    this.#queue(inode);
  }

  /** It has no record any more. */
  forget(inode: Inode): void {
    inode.isGone = true;
    this.#inodes.delete(inode.number);
  }

  /** The volume has become another one: everything is read anew, `root` into the object that stands for it. */
  forgetAll(root: Inode): void {
    this.#inodes.clear();
    this.#unheld.length = 0;
    this.#unheldNext = 0;
    const { holders } = root;
    Object.assign(root, this.#load(root.number), { holders, isQueued: false });
    this.#inodes.set(root.number, root);
  }

  #queue(inode: Inode): void {
    if (inode.isQueued) return;
    const oldest = this.#unheld[this.#unheldNext];
    this.#unheld[this.#unheldNext] = inode;
    this.#unheldNext = (this.#unheldNext + 1) % UNHELD_INODES_MAX;
    inode.isQueued = true;
    if (oldest === undefined) return;
    oldest.isQueued = false;
    if (oldest.holders === 0 && this.#inodes.get(oldest.number) === oldest) {
      this.#inodes.delete(oldest.number);
    }
  }

  /**
   * The one object that stands for this file. A caller may keep an inode it does not hold while 1,024 others come and
   * go; then another object may have taken over, and what the old one remembers is old.
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
    if (--inode.holders > 0) return false;
    if (!inode.isGone) this.#queue(inode);
    return true;
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
