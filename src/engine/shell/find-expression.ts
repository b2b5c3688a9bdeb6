import type { Stat } from '../vfs/calls.ts';
import type { Running } from './command.ts';
import type { Mutable } from './find-primaries.ts';
import {
  always,
  attributeNames,
  comparison,
  ExpressionProblem,
  isEmpty,
  PRIMARIES,
} from './find-primaries.ts';
import type { WalkEntry } from './fts.ts';
import type { Invocation } from './program.ts';

/** The expression language of find(1): primaries, `!`, `-a`, `-o` and parentheses, compiled to one test per entry. */

export interface Found extends WalkEntry {
  readonly stat: Stat;
}

/** True when the entry passes. May print, run commands and remove on the way. */
export type Test = (entry: Found) => Running<boolean>;

/** What the expression says about the walk itself, and what it leaves to be done. */
export interface Plan {
  readonly test: Test;
  readonly depthMin: number;
  readonly depthMax: number;
  readonly isDepthFirst: boolean;
  readonly oneVolume: boolean;
  /** Set by -quit. */
  isOver: boolean;
  /** Set by -prune for the entry at hand. */
  isPruned: boolean;
  /** `-exec … +` with what has gathered. */
  readonly gathered: { readonly words: readonly string[]; paths: string[] }[];
}

/** Actions of find that live with the command: they print, run and remove. */
export interface Actions {
  print(entry: Found, end: string): Running<boolean>;
  list(entry: Found): Running<boolean>;
  remove(entry: Found): Running<boolean>;
  execute(words: readonly string[], entry: Found, asks: boolean): Running<boolean>;
}

export function compile(
  call: Invocation,
  words: readonly string[],
  actions: Actions,
): Plan | ExpressionProblem {
  const compiler = new Compiler(call, words, actions);
  const test = compiler.whole();
  if (test instanceof ExpressionProblem) return test;
  const { plan } = compiler;
  return Object.assign(plan, { test });
}

/** Each level costs stack when the test runs. */
const DEPTH_MAX = 200;

class Compiler {
  readonly plan: Mutable<Plan> = {
    test: () => always(true),
    depthMin: 0,
    depthMax: Infinity,
    isDepthFirst: false,
    oneVolume: false,
    isOver: false,
    isPruned: false,
    gathered: [],
  };
  readonly #call: Invocation;
  readonly #words: readonly string[];
  readonly #actions: Actions;
  #at = 0;
  /** Parentheses and negations that are open. */
  #depth = 0;
  #hasAction = false;

  constructor(call: Invocation, words: readonly string[], actions: Actions) {
    this.#call = call;
    this.#words = words;
    this.#actions = actions;
  }

  whole(): Test | ExpressionProblem {
    const test = this.#words.length === 0 ? () => always(true) : this.#or();
    if (test instanceof ExpressionProblem) return test;
    if (this.#peek() === ')') return new ExpressionProblem("): no beginning '('");
    if (this.#hasAction) return test;
    const { print } = this.#actions;
    return function* (entry) {
      return (yield* test(entry)) && (yield* print(entry, '\n'));
    };
  }

  #peek(): string | undefined {
    return this.#words[this.#at];
  }

  #or(): Test | ExpressionProblem {
    const tests: Test[] = [];
    for (;;) {
      const next = this.#peek();
      if (next === '-o' || next === '-or') return new ExpressionProblem('-o: no expression before -o');
      if (tests.length > 0 && (next === undefined || next === ')')) {
        return new ExpressionProblem('-o: no expression after -o');
      }
      const test = this.#and();
      if (test instanceof ExpressionProblem) return test;
      tests.push(test);
      if (this.#peek() !== '-o' && this.#peek() !== '-or') break;
      this.#at++;
    }
    const [only] = tests;
    if (tests.length === 1 && only) return only;
    return function* (entry) {
      for (const test of tests) if (yield* test(entry)) return true;
      return false;
    };
  }

  #and(): Test | ExpressionProblem {
    const tests: Test[] = [];
    for (;;) {
      const word = this.#peek();
      if (word === undefined || word === ')' || word === '-o' || word === '-or') break;
      if (word === '-a' || word === '-and') {
        this.#at++;
        continue;
      }
      const test = this.#not();
      if (test instanceof ExpressionProblem) return test;
      tests.push(test);
    }
    return function* (entry) {
      for (const test of tests) if (!(yield* test(entry))) return false;
      return true;
    };
  }

  #not(): Test | ExpressionProblem {
    if (++this.#depth > DEPTH_MAX) return new ExpressionProblem('the expression is nested too deeply');
    const test = this.#nested();
    this.#depth--;
    return test;
  }

  #nested(): Test | ExpressionProblem {
    const word = this.#words[this.#at++] ?? '';
    if (word === '!' || word === '-not') {
      const next = this.#peek();
      if (next === undefined || next === ')') return new ExpressionProblem('!: no following expression');
      if (next === '-o' || next === '-or') return new ExpressionProblem('!: nothing between ! and -o');
      const test = this.#not();
      if (test instanceof ExpressionProblem) return test;
      return function* (entry) {
        return !(yield* test(entry));
      };
    }
    if (word !== '(') return this.#primary(word);
    if (this.#peek() === ')') return new ExpressionProblem('(): empty inner expression');
    if (this.#peek() === undefined) return new ExpressionProblem("(: missing closing ')'");
    const inner = this.#or();
    if (inner instanceof ExpressionProblem) return inner;
    if (this.#words[this.#at++] !== ')') return new ExpressionProblem("(: missing closing ')'");
    return inner;
  }

  #primary(name: string): Test | ExpressionProblem {
    return this.#plain(name) ?? this.#action(name) ?? this.#withArgument(name);
  }

  /** Primaries without an argument. */
  #plain(name: string): Test | null {
    const { plan } = this;
    const yes: Test = () => always(true);
    switch (name) {
      case '-true':
      case '-noleaf':
      case '-ignore_readdir_race':
      case '-noignore_readdir_race':
        return yes;
      case '-false':
        return () => always(false);
      case '-d':
        plan.isDepthFirst = true;
        return yes;
      case '-depth': {
        const number = this.#peek();
        if (number !== undefined && /^[-+]?\d+$/.test(number)) {
          this.#at++;
          const compare = comparison(number);
          return ({ depth }) => always(compare?.(depth) ?? false);
        }
        plan.isDepthFirst = true;
        return yes;
      }
      case '-xdev':
      case '-mount':
        plan.oneVolume = true;
        return yes;
      case '-prune':
        return () => {
          plan.isPruned = true;
          return always(true);
        };
      case '-quit':
        this.#hasAction = true;
        return () => {
          plan.isOver = true;
          return always(true);
        };
      case '-empty':
        return (entry) => isEmpty(this.#call, entry);
      case '-nouser':
      case '-nogroup':
        return () => always(false);
      case '-xattr':
        return ({ path }) => always(attributeNames(this.#call, path).length > 0);
      default:
        return null;
    }
  }

  #action(name: string): Test | ExpressionProblem | null {
    const { print, list, remove } = this.#actions;
    switch (name) {
      case '-print':
        this.#hasAction = true;
        return (entry) => print(entry, '\n');
      case '-print0':
        this.#hasAction = true;
        return (entry) => print(entry, '\0');
      case '-ls':
        this.#hasAction = true;
        return list;
      case '-delete':
        this.#hasAction = true;
        this.plan.isDepthFirst = true;
        return remove;
      case '-exec':
      case '-ok':
        this.#hasAction = true;
        return this.#execution(name);
      default:
        return null;
    }
  }

  #execution(name: string): Test | ExpressionProblem {
    const end = this.#words.findIndex(
      (word, at) =>
        at >= this.#at &&
        (word === ';' || (word === '+' && name === '-exec' && this.#words[at - 1] === '{}' && at > this.#at)),
    );
    if (end < 0) return new ExpressionProblem(`${name}: no terminating ";" or "+"`);
    const words = this.#words.slice(this.#at, end);
    this.#at = end + 1;
    if (words.length === 0) return new ExpressionProblem(`${name}: no command specified`);
    if (this.#words[end] === ';') return (entry) => this.#actions.execute(words, entry, name === '-ok');
    const gathering = { words: words.slice(0, -1), paths: [] as string[] };
    this.plan.gathered.push(gathering);
    return ({ path }) => {
      gathering.paths.push(path);
      return always(true);
    };
  }

  #withArgument(name: string): Test | ExpressionProblem {
    const make = PRIMARIES[name];
    if (!make) return new ExpressionProblem(`${name}: unknown primary or operator`);
    const argument = this.#words[this.#at++];
    if (argument === undefined) return new ExpressionProblem(`${name}: requires additional arguments`);
    return make({ name, argument, call: this.#call, plan: this.plan });
  }
}
