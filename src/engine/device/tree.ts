import { FROM_BACKING, isOwn, mark, slotOf, type Slots } from './slots.ts';

/**
 * Which value (slots.ts) each block has: a radix tree of fan-out 64 that shares structure between versions.
 *
 * Every node carries the number of the tree that made it. A tree changes its own nodes in place and copies the others
 * on the way down, so the first write after a fork copies one path and the next ones copy nothing. A subtree whose
 * blocks all have one value that needs no slot is that value: a terabyte of zeros is one number in one node.
 */
export const FAN_OUT = 64;
const FAN_OUT_BITS = 6;

export class Leaf {
  readonly owner: number;
  readonly values: number[];

  constructor(owner: number, values: number[]) {
    this.owner = owner;
    this.values = values;
  }
}

export class Inner {
  readonly owner: number;
  readonly children: Child[];

  constructor(owner: number, children: Child[]) {
    this.owner = owner;
    this.children = children;
  }
}

export type Child = Inner | Leaf | number;

const EMPTY: readonly number[] = Array.from({ length: FAN_OUT }, () => FROM_BACKING);

const filled = (value: number): number[] => {
  const values = EMPTY.slice();
  return value === FROM_BACKING ? values : values.fill(value);
};

/** A stretch of blocks with one and the same kind of content, as `BlockTree.stretchAt` finds it. */
export interface Stretch {
  value: number;
  /** Block behind the stretch. */
  end: number;
}

export class BlockTree {
  readonly blockCount: number;
  readonly #slots: Slots;
  /** Levels of inner nodes above the leaves. */
  readonly #levels: number;
  #root: Child = FROM_BACKING;
  #owner: number;
  /** The leaf last written and its number; saves the walk for neighbours. */
  #lastLeaf: Leaf | null = null;
  #lastIndex = -1;

  constructor(blockCount: number, slots: Slots) {
    this.blockCount = blockCount;
    this.#slots = slots;
    this.#owner = slots.newOwner();
    let levels = 0;
    for (let leaves = 1; leaves * FAN_OUT < blockCount; leaves *= FAN_OUT) levels++;
    this.#levels = levels;
  }

  /** The tree as it is now. From here on this tree copies what it changes. */
  freeze(): Child {
    this.#disown();
    return this.#root;
  }

  /** Become what `root`, from `freeze` of a tree of the same arena and size, was. */
  restore(root: Child): void {
    this.#disown();
    this.#root = root;
  }

  get root(): Child {
    return this.#root;
  }

  #disown(): void {
    this.#owner = this.#slots.newOwner();
    this.#lastLeaf = null;
    this.#lastIndex = -1;
  }

  /** The leaf with blocks leafIndex × 64 …, or the value they all have. */
  find(leafIndex: number): Leaf | number {
    if (leafIndex === this.#lastIndex) return this.#lastLeaf!;
    let node = this.#root;
    for (let shift = FAN_OUT_BITS * (this.#levels - 1); shift >= 0; shift -= FAN_OUT_BITS) {
      if (typeof node === 'number') return node;
      node = (node as Inner).children[(leafIndex >>> shift) & (FAN_OUT - 1)]!;
    }
    return node as Leaf | number;
  }

  /** The same leaf for changing; exists and belongs to this tree afterwards. */
  leafForWrite(leafIndex: number): Leaf {
    if (leafIndex === this.#lastIndex) return this.#lastLeaf!;
    let node = this.#root;
    if (typeof node === 'number' || node.owner !== this.#owner) {
      node = this.#owned(node, this.#levels);
      this.#root = node;
    }
    let level = this.#levels;
    for (let shift = FAN_OUT_BITS * (level - 1); shift >= 0; shift -= FAN_OUT_BITS) {
      level--;
      const children: Child[] = (node as Inner).children;
      const i = (leafIndex >>> shift) & (FAN_OUT - 1);
      let child: Child = children[i]!;
      if (typeof child === 'number' || child.owner !== this.#owner) {
        child = this.#owned(child, level);
        children[i] = child;
      }
      node = child;
    }
    this.#lastLeaf = node as Leaf;
    this.#lastIndex = leafIndex;
    return this.#lastLeaf;
  }

  /** A node of this tree that says the same as `child`. What is shared with another tree may not be overwritten. */
  #owned(child: Child, level: number): Leaf | Inner {
    if (typeof child === 'number') {
      return level === 0 ? new Leaf(this.#owner, filled(child)) : new Inner(this.#owner, filled(child));
    }
    if (child.owner === this.#owner) return child;
    if (child instanceof Inner) return new Inner(this.#owner, child.children.slice());
    const values = child.values.slice();
    for (let i = 0; i < FAN_OUT; i++) if (values[i]! > 0) values[i]! &= ~1;
    return new Leaf(this.#owner, values);
  }

  /** Give all blocks of a range one value that needs no slot. Costs a path on each side of the range. */
  cover(firstBlock: number, count: number, value: number): void {
    if (this.#coverInLeaf(firstBlock, firstBlock + count, value)) return;
    this.#lastLeaf = null;
    this.#lastIndex = -1;
    this.#root = this.#covered(this.#root, this.#levels, 0, firstBlock, firstBlock + count, value);
  }

  /** A range within one leaf of which other blocks stay, in place; false when it is something else. */
  #coverInLeaf(first: number, end: number, value: number): boolean {
    const leafIndex = Math.floor(first / FAN_OUT);
    const from = first - leafIndex * FAN_OUT;
    const to = end - leafIndex * FAN_OUT;
    if (to > FAN_OUT || from >= to) return false;
    const found = this.find(leafIndex);
    if (typeof found === 'number') return found === value;
    // What stays of the leaf keeps it from becoming one number.
    let other = 0;
    while (other < FAN_OUT && ((other >= from && other < to) || found.values[other] === value)) other++;
    if (other === FAN_OUT) return false;
    const { values } = this.leafForWrite(leafIndex);
    for (let i = from; i < to; i++) {
      if (isOwn(values[i]!)) this.#slots.free(slotOf(values[i]!));
      values[i] = value;
    }
    return true;
  }

  #covered(node: Child, level: number, nodeFirst: number, first: number, end: number, value: number): Child {
    if (node === value) return value;
    const childSpan = FAN_OUT ** level;
    if (first <= nodeFirst && end >= Math.min(nodeFirst + childSpan * FAN_OUT, this.blockCount)) {
      this.#release(node);
      return value;
    }
    const own = this.#owned(node, level);
    const from = Math.max(0, Math.floor((first - nodeFirst) / childSpan));
    const to = Math.min(FAN_OUT, Math.ceil((end - nodeFirst) / childSpan));
    if (own instanceof Leaf) {
      for (let i = from; i < to; i++) {
        if (isOwn(own.values[i]!)) this.#slots.free(slotOf(own.values[i]!));
        own.values[i] = value;
      }
      return own.values.every((other) => other === value) ? value : own;
    }
    for (let i = from; i < to; i++) {
      const childFirst = nodeFirst + i * childSpan;
      own.children[i] = this.#covered(own.children[i]!, level - 1, childFirst, first, end, value);
    }
    return own.children.every((other) => other === value) ? value : own;
  }

  /** Slots that only this subtree names become free. */
  #release(node: Child): void {
    if (typeof node === 'number' || node.owner !== this.#owner) return;
    if (node instanceof Inner) {
      for (const child of node.children) this.#release(child);
      return;
    }
    for (const value of node.values) if (isOwn(value)) this.#slots.free(slotOf(value));
  }

  /** Forget everything; what only this tree held is free at once. */
  discard(): void {
    this.#release(this.#root);
    this.restore(FROM_BACKING);
  }

  /** What `block` holds and how far that certainly goes on (it may go on further). */
  stretchAt(block: number, stretch: Stretch): void {
    let node = this.#root;
    let nodeFirst = 0;
    for (let level = this.#levels; level >= 0 && typeof node !== 'number'; level--) {
      const span = FAN_OUT ** level;
      const children: Child[] = node instanceof Inner ? node.children : node.values;
      let i = Math.floor((block - nodeFirst) / span);
      node = children[i]!;
      if (typeof node === 'number') {
        stretch.value = node;
        do i++;
        while (i < FAN_OUT && children[i] === node && node <= 0);
        stretch.end = Math.min(nodeFirst + i * span, this.blockCount);
        return;
      }
      nodeFirst += i * span;
    }
    stretch.value = node as number;
    stretch.end = this.blockCount;
  }
}

/** Mark every slot a frozen tree names. `seen` spares what an earlier tree already went through. */
export function markTree(node: Child, marks: Uint32Array, seen: Set<Child>): void {
  if (typeof node === 'number' || seen.has(node)) return;
  seen.add(node);
  if (node instanceof Inner) {
    for (const child of node.children) markTree(child, marks, seen);
    return;
  }
  for (const value of node.values) if (value > 0) mark(marks, slotOf(value), 1);
}
