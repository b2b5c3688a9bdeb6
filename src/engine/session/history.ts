import { assert } from '../base/assert.ts';
import type { TapeRange } from '../device/tape.ts';
import type { Moment, StepView, TimelineView } from './view.ts';

/**
 * The tree of steps, and where in it the session is. Knows nothing of disks: `State` is whatever else brings the moment
 * after a step back.
 *
 * Step 0 is the beginning and never goes. Typing at the end of a branch makes it longer; typing anywhere else makes a
 * new branch and loses nothing. Undo and redo move along the tree; redo takes the branch that was visited last.
 */
export interface NewStep<State> {
  readonly view: Omit<StepView, 'step' | 'parent' | 'branch'>;
  /** What the step did to the disk. */
  readonly entries: TapeRange;
  readonly spans: TapeRange;
  readonly state: State;
}

export interface Step<State> extends NewStep<State> {
  readonly view: StepView;
  /** How many lines lead here from the beginning. */
  readonly depth: number;
  /** Into the list of branches. */
  readonly branchIndex: number;
  childCount: number;
  /** The one that goes on with the branch. */
  firstChild: number | null;
  /** Where redo leads. */
  lastVisitedChild: number | null;
}

/** Steps in a row, each the first child of the one before. */
interface Branch {
  readonly name: string;
  readonly firstStep: number;
  /** Steps of the branch that other branches leave from. */
  readonly forks: number[];
}

export class History<State> {
  readonly #steps: Step<State>[] = [];
  readonly #branches: Branch[] = [{ name: 'main', firstStep: 0, forks: [] }];
  #now: Moment = { step: 0 };
  /** Every change of where redo leads: parent, child, parent, child … */
  readonly visits: number[] = [];

  constructor(beginning: NewStep<State>) {
    this.#add(beginning, 0, 0);
  }

  get now(): Moment {
    return this.#now;
  }

  get length(): number {
    return this.#steps.length;
  }

  step(index: number): Step<State> | undefined {
    return this.#steps[index];
  }

  /** The step the session is at or inside. */
  get current(): Step<State> {
    return this.#existing(this.#now.step);
  }

  #existing(index: number): Step<State> {
    const step = this.#steps[index];
    assert(step !== undefined, `step ${index} is in the history`);
    return step;
  }

  #branch(index: number): Branch {
    const branch = this.#branches[index];
    assert(branch !== undefined, `branch ${index} is in the history`);
    return branch;
  }

  #add(step: NewStep<State>, parent: number, branchIndex: number): Step<State> {
    const branch = this.#branch(branchIndex).name;
    const view = { ...step.view, step: this.#steps.length, parent, branch };
    const depth = this.#steps.length === 0 ? 0 : this.#existing(parent).depth + 1;
    const added = {
      ...step,
      view,
      depth,
      branchIndex,
      childCount: 0,
      firstChild: null,
      lastVisitedChild: null,
    };
    this.#steps.push(added);
    return added;
  }

  /** A line was run at `now`; the session stands behind it afterwards. */
  append(step: NewStep<State>): Step<State> {
    const added = this.appendTo(this.#now.step, step);
    this.visit(added.view.parent, added.view.step);
    this.moveTo({ step: added.view.step });
    return added;
  }

  /** A step behind `parent`, wherever the session stands. */
  appendTo(number: number, step: NewStep<State>): Step<State> {
    const parent = this.#existing(number);
    const { childCount, branchIndex } = parent;
    const added = this.#add(step, number, childCount === 0 ? branchIndex : this.#newBranch());
    if (childCount === 0) parent.firstChild = added.view.step;
    if (childCount === 1) this.#branch(branchIndex).forks.push(number);
    parent.childCount++;
    return added;
  }

  /** The line of step `index` was run again: what it did is known from now on. Its view and its place stay. */
  refill(index: number, known: Omit<NewStep<State>, 'view'>): void {
    this.#steps[index] = { ...this.#existing(index), ...known };
  }

  /** Steps from number `first` on. */
  stepsFrom(first: number): readonly Step<State>[] {
    return this.#steps.slice(first);
  }

  #newBranch(): number {
    const name = `branch ${this.#branches.length + 1}`;
    return this.#branches.push({ name, firstStep: this.#steps.length, forks: [] }) - 1;
  }

  /**
   * Stand at `moment`; every step on the way there becomes the one that redo takes. Only steps that have a choice are
   * told, so that moving costs what there are forks on the way, not steps.
   */
  moveTo(moment: Moment): void {
    this.#now = moment;
    let step = this.#existing(moment.step);
    for (;;) {
      const { firstStep, forks } = this.#branch(step.branchIndex);
      for (const number of forks) {
        const fork = this.#existing(number);
        if (fork.depth < step.depth && fork.firstChild !== null) this.visit(number, fork.firstChild);
      }
      if (firstStep === 0) return;
      const left = this.#existing(this.#existing(firstStep).view.parent);
      this.visit(left.view.step, firstStep);
      step = left;
    }
  }

  /** Redo at `parent` leads to `child` from now on. */
  visit(parent: number, child: number): void {
    const step = this.#existing(parent);
    if (step.lastVisitedChild === child) return;
    step.lastVisitedChild = child;
    this.visits.push(parent, child);
  }

  /** Where undo leads; null at the beginning. Inside a step it leads to the step's beginning. */
  get previous(): Moment | null {
    return this.#now.step === 0 ? null : { step: this.current.view.parent };
  }

  /** Where redo leads; inside a step to its end. */
  get next(): Moment | null {
    if (this.#now.write !== undefined) return { step: this.#now.step };
    const { lastVisitedChild } = this.current;
    return lastVisitedChild === null ? null : { step: lastVisitedChild };
  }

  /** The steps from the nearest one that `isStart` (at latest the beginning) to `step`: that one first, `step` last. */
  routeTo(step: number, isStart: (step: Step<State>) => boolean): Step<State>[] {
    const route: Step<State>[] = [];
    for (let at = this.#existing(step); ; at = this.#existing(at.view.parent)) {
      route.push(at);
      if (at.view.step === 0 || isStart(at)) return route.reverse();
    }
  }

  viewsFrom(first: number): StepView[] {
    return this.#steps.slice(first).map(({ view }) => view);
  }

  view(): TimelineView {
    const path = this.routeTo(this.#now.step, () => false).map(({ view }) => view.step);
    for (let next = this.current.lastVisitedChild; next !== null;) {
      path.push(next);
      next = this.#existing(next).lastVisitedChild;
    }
    return {
      steps: this.#steps.map(({ view }) => view),
      now: this.#now,
      path,
      canUndo: this.previous !== null,
      canRedo: this.next !== null,
    };
  }
}
