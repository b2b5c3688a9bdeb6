import type { Moment } from '../../rpc/protocol.ts';

/**
 * The lines typed at the bench and where they led, as a tree over all disks. Each disk has a history of its own in its
 * worker; this one knows which step of it belongs to which line. Step 0 is the beginning and never goes. Typing in the
 * past makes a branch and loses nothing; undo and redo are moves in the tree, and redo takes the branch visited last.
 */
export interface BenchStep {
  readonly number: number;
  readonly parent: number;
  readonly line: string;
  readonly branch: string;
  /** How many lines lead here from the beginning, this one included. */
  readonly depth: number;
  /** What it did on each disk that took part, by the disk's key. */
  readonly taken: ReadonlyMap<string, Taken>;
  /** Where each disk stands after it: the step of its own that it made last on the way here. */
  readonly stands: ReadonlyMap<string, number>;
}

export interface Taken {
  /** Number of the step in the disk's own history. */
  readonly step: number;
  /** What the command read from the keyboard there. */
  readonly typed: readonly (string | null)[];
  /** Ended by Ctrl-C: where it was then, nobody can find again by running the line. */
  readonly isInterrupted: boolean;
}

/** Lines in a row, each typed after the one before it. */
export interface BenchBranch {
  readonly branch: string;
  readonly first: number;
  readonly last: number;
  readonly length: number;
  /** All of them. */
  readonly numbers: readonly number[];
}

/** A moment of the whole bench: after the line `number`, or inside it, right after the access `write` of each disk. */
export interface BenchMoment {
  readonly number: number;
  readonly write?: number;
}

interface Place extends BenchStep {
  childCount: number;
  /** Where redo leads; −1: nowhere yet. */
  lastVisited: number;
}

const beginning = (): Place => ({
  ...{ number: 0, parent: 0, line: '', branch: 'main', depth: 0, childCount: 0, lastVisited: -1 },
  ...{ taken: new Map(), stands: new Map() },
});

function standsAfter(parent: BenchStep, taken: ReadonlyMap<string, Taken>): ReadonlyMap<string, number> {
  const stands = new Map(parent.stands);
  for (const [key, { step }] of taken) stands.set(key, step);
  return stands;
}

export class BenchHistory {
  now = $state.raw<BenchMoment>({ number: 0 });
  /** Grows with every line and every move. */
  version = $state(0);
  #steps: Place[] = [beginning()];
  /** Numbers of the lines of each branch, in order of appearance. */
  #chains = new Map<string, number[]>();
  /** Another one when lines that were there changed: whoever keeps them keeps all of them anew. */
  generation = $state(0);

  /**
   * Lines of the way that leads through `now` to its newest end, oldest first; without the beginning. The same array for
   * as long as one moves along it, so that what is drawn of it is made once.
   */
  path = $state.raw<readonly number[]>([]);
  /** Grows when everything before is forgotten: numbers of lines mean others then. */
  era = $state(0);
  /** Place of `now` on the path, from 1; 0 is the beginning. */
  readonly index: number = $derived(this.#at(this.now.number).depth);
  readonly canUndo: boolean = $derived(this.now.number !== 0);
  readonly canRedo: boolean = $derived.by(() => {
    void this.version;
    return this.now.write !== undefined || this.#at(this.now.number).lastVisited > 0;
  });
  readonly current: BenchStep = $derived.by(() => {
    void this.version;
    return this.#at(this.now.number);
  });

  get length(): number {
    return this.#steps.length;
  }

  step(number: number): BenchStep | null {
    return this.#steps[number] ?? null;
  }

  #at(number: number): Place {
    return this.#steps[number] ?? (this.#steps[0] as Place);
  }

  /** Numbers from the first line to `number`. */
  #routeTo(number: number): number[] {
    const route: number[] = [];
    for (let at = this.#at(number); at.number !== 0; at = this.#at(at.parent)) route.push(at.number);
    return route.reverse();
  }

  /** Every branch with its first and last line, in order of appearance. */
  readonly branches: readonly BenchBranch[] = $derived.by(() => {
    void this.path;
    return [...this.#chains].map(([branch, numbers]) => ({
      ...{ branch, numbers, length: numbers.length },
      ...{ first: numbers[0] ?? 0, last: numbers.at(-1) ?? 0 },
    }));
  });

  /** All lines, for the tree of branches. */
  all(): readonly BenchStep[] {
    return this.#steps;
  }

  /** A line was run at `now`; the bench stands behind it afterwards. */
  append(line: string, taken: ReadonlyMap<string, Taken>): BenchStep {
    const added = this.#add(this.#at(this.now.number), line, taken);
    this.moveTo({ number: added.number });
    return added;
  }

  #add(parent: Place, line: string, taken: ReadonlyMap<string, Taken>): Place {
    const branch = parent.childCount === 0 ? parent.branch : `branch ${this.#chains.size + 1}`;
    const added: Place = {
      ...{ number: this.#steps.length, parent: parent.number, line, branch, depth: parent.depth + 1, taken },
      ...{ stands: standsAfter(parent, taken), childCount: 0, lastVisited: -1 },
    };
    this.#steps.push(added);
    const chain = this.#chains.get(branch);
    if (chain === undefined) this.#chains.set(branch, [added.number]);
    else chain.push(added.number);
    parent.childCount += 1;
    return added;
  }

  /** Lines that were kept, in order, and the moment on the way `path`. */
  load(
    lines: readonly (Pick<BenchStep, 'parent' | 'line'> & {
      readonly taken: Iterable<readonly [string, Taken]>;
    })[],
    path: readonly number[],
    now: BenchMoment,
  ): void {
    this.clear();
    for (const { parent, line, taken } of lines) this.#add(this.#at(parent), line, new Map(taken));
    this.moveTo({ number: path.at(-1) ?? now.number });
    this.moveTo(now);
  }

  /** Every line on the way there becomes the one that redo takes. */
  moveTo(moment: BenchMoment): void {
    const target = this.#at(moment.number);
    if (!this.#isOnPath(target)) {
      // Lines of the path lead along it already; only from where the new way leaves it there is something to say.
      for (let at = target; at.number !== 0; at = this.#at(at.parent)) {
        this.#at(at.parent).lastVisited = at.number;
        if (this.#isOnPath(this.#at(at.parent))) break;
      }
      this.path = this.#pathThrough(target.number);
    }
    this.now = moment;
    this.version += 1;
  }

  #isOnPath({ number, depth }: BenchStep): boolean {
    return depth === 0 || this.path[depth - 1] === number;
  }

  #pathThrough(number: number): readonly number[] {
    const { parent, depth } = this.#at(number);
    // Whoever types at the end makes the path longer and nothing else.
    const isNext = depth > 0 && this.#isOnPath(this.#at(parent));
    const path = isNext ? [...this.path.slice(0, depth - 1), number] : this.#routeTo(number);
    for (let next = this.#at(number).lastVisited; next > 0; next = this.#at(next).lastVisited)
      path.push(next);
    return path;
  }

  /** Where undo leads; inside a line to its beginning. */
  get previous(): BenchMoment | null {
    return this.now.number === 0 ? null : { number: this.#at(this.now.number).parent };
  }

  /** Where redo leads; inside a line to its end. */
  get next(): BenchMoment | null {
    if (this.now.write !== undefined) return { number: this.now.number };
    const { lastVisited } = this.#at(this.now.number);
    return lastVisited > 0 ? { number: lastVisited } : null;
  }

  /**
   * Where a disk stands at a moment: after the last line that it took part in. Inside a line each disk is right after
   * its own access of that number, or at the line's end where it made no more; `writeCountOf` says how many it made.
   */
  momentOf(key: string, { number, write }: BenchMoment, writeCountOf: (step: number) => number): Moment {
    const own = this.#at(number).taken.get(key);
    if (own !== undefined) {
      const isInside = write !== undefined && write + 1 < writeCountOf(own.step);
      return isInside ? { step: own.step, write } : { step: own.step };
    }
    return { step: this.#at(number).stands.get(key) ?? 0 };
  }

  /** The last line on the way to `number` that a disk took part in; 0: none. */
  lineOf(key: string, number: number): number {
    let at = this.#at(number);
    while (at.number !== 0 && !at.taken.has(key)) at = this.#at(at.parent);
    return at.number;
  }

  /** Of a disk that runs its lines again, the last one it has run on the way to `number`. */
  lastTaken(number: number, taken: ReadonlyMap<number, Taken>): Taken | null {
    for (let at = this.#at(number); at.number !== 0; at = this.#at(at.parent)) {
      const found = taken.get(at.number);
      if (found !== undefined) return found;
    }
    return null;
  }

  /** A disk was made anew or came later: the lines it ran now are these, by number; of others it knows nothing. */
  rewrite(key: string, taken: ReadonlyMap<number, Taken>): void {
    const steps = [this.#at(0)];
    for (const step of this.#steps.slice(1)) {
      const all = new Map(step.taken);
      const fresh = taken.get(step.number);
      if (fresh === undefined) all.delete(key);
      else all.set(key, fresh);
      // Another object: whoever shows the step looks again.
      const parent = steps[step.parent];
      if (parent !== undefined) steps.push({ ...step, taken: all, stands: standsAfter(parent, all) });
    }
    this.#steps = steps;
    this.generation += 1;
    this.version += 1;
  }

  /** Nothing was typed yet. */
  clear(): void {
    this.#steps = [beginning()];
    this.#chains = new Map();
    this.generation += 1;
    this.now = { number: 0 };
    this.path = [];
    this.era += 1;
    this.version += 1;
  }
}
