import type { Running } from '../command.ts';
import {
  isWordUnit,
  literalRegex,
  parseRegex,
  RegexError,
  type Assertion,
  type Dialect,
  type Node,
} from './syntax.ts';

/**
 * Matching in time proportional to the text, whatever the expression: all states of the automaton are walked at once
 * (Thompson 1968). `test` remembers sets of states it has met (a lazily built DFA); `find` also tracks where matches
 * begin and what groups held.
 */
type Instruction =
  | { readonly kind: 'set'; readonly test: (unit: number) => boolean }
  | { readonly kind: 'split'; readonly first: number; readonly second: number }
  | { readonly kind: 'jump'; readonly to: number }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  | { readonly kind: 'save'; readonly slot: number }
  | { readonly kind: 'match' };

const INSTRUCTIONS_MAX = 20_000;
const DFA_STATES_MAX = 2000;
const UNITS_PER_BREATH = 4096;

export interface RegexOptions extends Dialect {
  /** The pattern is plain text. */
  readonly isLiteral?: boolean;
  /** `-x`: the whole line; `-w`: not within a word. */
  readonly bounds?: 'line' | 'word' | 'none';
}

export interface Match {
  readonly start: number;
  readonly end: number;
  /** Text of each group, '' for one that took no part. */
  readonly groups: readonly string[];
}

/** Any of several expressions. RegexError for those that cannot be. */
export function compileRegex(sources: readonly string[], options: RegexOptions): Regex {
  let groupCount = 0;
  const nodes = sources.map((source): Node => {
    if (options.isLiteral) return literalRegex(source, options);
    const parsed = parseRegex(source, options);
    groupCount = Math.max(groupCount, parsed.groupCount);
    return parsed.node;
  });
  const any: Node = { kind: 'choice', nodes };
  const bounded = (before: Assertion, after: Assertion): Node => ({
    kind: 'sequence',
    nodes: [{ kind: 'assertion', assertion: before }, any, { kind: 'assertion', assertion: after }],
  });
  const node =
    options.bounds === 'line'
      ? bounded('start', 'end')
      : options.bounds === 'word'
        ? bounded('no word before', 'no word after')
        : any;
  return new Regex(assemble(node), groupCount);
}

interface DfaState {
  /** Instructions to go on from, before what only the next character decides. */
  readonly seeds: readonly number[];
  readonly before: Before;
  readonly next: Map<number, DfaState>;
}

/** What stands left of a position: nothing, a word character, or another. */
type Before = 'start' | 'word' | 'other';

export class Regex {
  readonly #program: readonly Instruction[];
  readonly #groupCount: number;
  #states = new Map<string, DfaState>();

  constructor(program: readonly Instruction[], groupCount: number) {
    this.#program = program;
    this.#groupCount = groupCount;
  }

  /** Does the expression match anywhere in the line? */
  test(line: string): boolean {
    let state = this.#state([0], 'start');
    for (let at = 0; at < line.length; at++) {
      const unit = line.charCodeAt(at);
      let next = state.next.get(unit);
      if (!next) {
        next = this.#step(state, unit);
        state.next.set(unit, next);
      }
      if (next === MATCHED) return true;
      state = next;
    }
    return this.#reaches(state.seeds, state.before, undefined).hasMatch;
  }

  #state(seeds: readonly number[], before: Before): DfaState {
    const key = `${before} ${seeds.join(' ')}`;
    let state = this.#states.get(key);
    if (!state) {
      if (this.#states.size >= DFA_STATES_MAX) this.#states = new Map();
      this.#states.set(key, (state = { seeds, before, next: new Map() }));
    }
    return state;
  }

  #step(state: DfaState, unit: number): DfaState {
    const { sets, hasMatch } = this.#reaches(state.seeds, state.before, unit);
    if (hasMatch) return MATCHED;
    const seeds = new Set<number>([0]); // a match may begin at any place
    for (const at of sets) {
      const instruction = this.#program[at];
      if (instruction?.kind === 'set' && instruction.test(unit)) seeds.add(at + 1);
    }
    return this.#state(
      [...seeds].sort((a, b) => a - b),
      isWordUnit(unit) ? 'word' : 'other',
    );
  }

  /** All sets and matches that can be reached from `seeds` without taking a character. */
  #reaches(seeds: readonly number[], before: Before, unit: number | undefined) {
    const seen = new Set<number>();
    const sets: number[] = [];
    let hasMatch = false;
    const stack = [...seeds];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      const instruction = this.#program[at] as Instruction;
      if (instruction.kind === 'set') sets.push(at);
      else if (instruction.kind === 'match') hasMatch = true;
      else if (instruction.kind === 'split') stack.push(instruction.first, instruction.second);
      else if (instruction.kind === 'jump') stack.push(instruction.to);
      else if (instruction.kind === 'save') stack.push(at + 1);
      else if (holds(instruction.assertion, before, unit)) stack.push(at + 1);
    }
    return { sets, hasMatch };
  }

  /** The leftmost match from `from` on, of those the longest. */
  *find(line: string, from = 0): Running<Match | null> {
    let threads: Thread[] = [];
    let best: { slots: readonly number[]; end: number } | null = null;
    for (let at = from; at <= line.length; at++) {
      if (at % UNITS_PER_BREATH === UNITS_PER_BREATH - 1) yield;
      if (!best) threads.push({ at: 0, slots: [at] });
      if (threads.length === 0) break;
      const unit = at < line.length ? line.charCodeAt(at) : undefined;
      const before = at === 0 ? 'start' : isWordUnit(line.charCodeAt(at - 1)) ? 'word' : 'other';
      const { sets, matched } = this.#advance(threads, before, unit, at);
      if (matched && (!best || slotStart(matched) <= slotStart(best.slots)))
        best = { slots: matched, end: at };
      const start = best ? slotStart(best.slots) : Number.POSITIVE_INFINITY;
      threads = unit === undefined ? [] : this.#take(sets, unit, start);
    }
    if (!best) return null;
    const { slots, end } = best;
    const group = (index: number) => line.slice(slots[2 * index - 1] ?? 0, slots[2 * index] ?? 0);
    return {
      start: slotStart(slots),
      end,
      groups: Array.from({ length: this.#groupCount }, (_, index) => group(index + 1)),
    };
  }

  #advance(threads: readonly Thread[], before: Before, unit: number | undefined, position: number) {
    const seen = new Set<number>();
    const sets: Thread[] = [];
    let matched: readonly number[] | undefined;
    const stack = threads.toReversed();
    for (let thread = stack.pop(); thread; thread = stack.pop()) {
      const { at, slots } = thread;
      if (seen.has(at)) continue;
      seen.add(at);
      const instruction = this.#program[at] as Instruction;
      if (instruction.kind === 'set') sets.push(thread);
      else if (instruction.kind === 'match') matched ??= slots;
      else if (instruction.kind === 'jump') stack.push({ at: instruction.to, slots });
      else if (instruction.kind === 'split')
        stack.push({ at: instruction.second, slots }, { at: instruction.first, slots });
      else if (instruction.kind === 'save')
        stack.push({ at: at + 1, slots: withSlot(slots, instruction.slot, position) });
      else if (holds(instruction.assertion, before, unit)) stack.push({ at: at + 1, slots });
    }
    return { sets, matched };
  }

  #take(sets: readonly Thread[], unit: number, startMax: number): Thread[] {
    const threads: Thread[] = [];
    for (const { at, slots } of sets) {
      const instruction = this.#program[at];
      const isWanted = slotStart(slots) <= startMax;
      if (isWanted && instruction?.kind === 'set' && instruction.test(unit))
        threads.push({ at: at + 1, slots });
    }
    return threads;
  }
}

/** `slots[0]` is where the match began, 2n − 1 and 2n are the ends of group n. */
interface Thread {
  readonly at: number;
  readonly slots: readonly number[];
}

const slotStart = (slots: readonly number[]): number => slots[0] ?? 0;

function withSlot(slots: readonly number[], slot: number, position: number): number[] {
  const changed = [...slots];
  while (changed.length < slot) changed.push(0);
  changed[slot] = position;
  return changed;
}

const MATCHED: DfaState = { seeds: [], before: 'other', next: new Map() };

function holds(assertion: Assertion, before: Before, unit: number | undefined): boolean {
  const isWordBefore = before === 'word';
  const isWordAfter = unit !== undefined && isWordUnit(unit);
  switch (assertion) {
    case 'start':
      return before === 'start';
    case 'end':
      return unit === undefined;
    case 'word boundary':
      return isWordBefore !== isWordAfter;
    case 'no word boundary':
      return isWordBefore === isWordAfter;
    case 'word start':
      return !isWordBefore && isWordAfter;
    case 'word end':
      return isWordBefore && !isWordAfter;
    case 'no word before':
      return !isWordBefore;
    case 'no word after':
      return !isWordAfter;
  }
}

// ── from expression to program ──────────────────────────────────────────────────────────────────────────────────────

function assemble(node: Node): Instruction[] {
  const program: Instruction[] = [];
  emit(program, node);
  program.push({ kind: 'match' });
  return program;
}

function emit(program: Instruction[], node: Node): void {
  if (program.length > INSTRUCTIONS_MAX) throw new RegexError('regular expression too big');
  switch (node.kind) {
    case 'empty':
      return;
    case 'set':
      program.push({ kind: 'set', test: node.test });
      return;
    case 'assertion':
      program.push(node);
      return;
    case 'sequence':
      for (const each of node.nodes) emit(program, each);
      return;
    case 'group':
      program.push({ kind: 'save', slot: 2 * node.index - 1 });
      emit(program, node.node);
      program.push({ kind: 'save', slot: 2 * node.index });
      return;
    case 'choice':
      emitChoice(program, node.nodes);
      return;
    case 'repeat':
      emitRepeat(program, node);
  }
}

function emitChoice(program: Instruction[], nodes: readonly Node[]): void {
  const ends: number[] = [];
  for (const [index, node] of nodes.entries()) {
    const isLast = index === nodes.length - 1;
    const split = program.length;
    if (!isLast) program.push({ kind: 'jump', to: 0 }); // becomes the split
    emit(program, node);
    if (isLast) break;
    ends.push(program.length);
    program.push({ kind: 'jump', to: 0 });
    program[split] = { kind: 'split', first: split + 1, second: program.length };
  }
  for (const end of ends) program[end] = { kind: 'jump', to: program.length };
}

function emitRepeat(program: Instruction[], { node, min, max }: Node & { kind: 'repeat' }): void {
  for (let i = 0; i < min; i++) emit(program, node);
  if (max === Number.POSITIVE_INFINITY) {
    const split = program.length;
    program.push({ kind: 'jump', to: 0 });
    emit(program, node);
    program.push({ kind: 'jump', to: split });
    program[split] = { kind: 'split', first: split + 1, second: program.length };
    return;
  }
  const splits: number[] = [];
  for (let i = min; i < max; i++) {
    splits.push(program.length);
    program.push({ kind: 'jump', to: 0 });
    emit(program, node);
  }
  for (const split of splits) program[split] = { kind: 'split', first: split + 1, second: program.length };
}
