import { FsError } from '../base/errno.ts';
import type { Timespec } from '../base/clock.ts';
import type { Stat } from '../vfs/calls.ts';
import * as C from '../vfs/constants.ts';
import type { Running } from './command.ts';
import type { WalkEntry } from './fts.ts';
import { namesIn } from './fts.ts';
import { compilePattern } from './pattern.ts';
import { groupId, isDirectory, isRegular, parseFlags, parseMode, userId } from './permissions-text.ts';
import type { Invocation } from './program.ts';
import { outcomeOf } from './system-outcome.ts';

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

/** A sentence for `find: …`, where the expression is none. */
export class ExpressionProblem {
  constructor(readonly sentence: string) {}
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

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

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

// ── primaries with an argument ──────────────────────────────────────────────────────────────────────────────────────

interface Given {
  readonly name: string;
  readonly argument: string;
  readonly call: Invocation;
  readonly plan: Mutable<Plan>;
}

type Make = (given: Given) => Test | ExpressionProblem;

const simple =
  (test: (entry: Found, given: Given) => boolean): Make =>
  (given) =>
  (entry) =>
    always(test(entry, given));

/** fnmatch(3): slashes and leading dots are characters like others. */
function matches(pattern: string, text: string, ignoresCase = false): boolean {
  return ignoresCase
    ? compilePattern(pattern.toLowerCase()).matches(text.toLowerCase())
    : compilePattern(pattern).matches(text);
}

const times: Readonly<Record<string, (stat: Stat) => Timespec>> = {
  m: (stat) => stat.modifyTime,
  a: (stat) => stat.accessTime,
  c: (stat) => stat.changeTime,
  B: (stat) => stat.birthTime,
};

const PRIMARIES: Readonly<Record<string, Make>> = {
  '-name': simple(({ name }, { argument }) => matches(argument, name)),
  '-iname': simple(({ name }, { argument }) => matches(argument, name, true)),
  '-path': simple(({ path }, { argument }) => matches(argument, path)),
  '-wholename': simple(({ path }, { argument }) => matches(argument, path)),
  '-ipath': simple(({ path }, { argument }) => matches(argument, path, true)),
  '-iwholename': simple(({ path }, { argument }) => matches(argument, path, true)),
  '-xattrname': simple(({ path }, { argument, call }) => attributeNames(call, path).includes(argument)),
  '-type': typeTest,
  '-size': sizeTest,
  '-links': numberTest((stat) => stat.linkCount),
  '-inum': numberTest((stat) => stat.inode),
  '-user': ownerTest('user'),
  '-uid': ownerTest('user'),
  '-group': ownerTest('group'),
  '-gid': ownerTest('group'),
  '-perm': permissionTest,
  '-flags': flagsTest,
  '-maxdepth': depthLimit('depthMax'),
  '-mindepth': depthLimit('depthMin'),
  '-newer': newerTest('m', 'm'),
  '-mnewer': newerTest('m', 'm'),
  '-anewer': newerTest('a', 'm'),
  '-cnewer': newerTest('c', 'm'),
  '-Bnewer': newerTest('B', 'm'),
  ...Object.fromEntries(
    ['m', 'a', 'c', 'B'].flatMap((own) => [
      [`-${own}time`, ageTest(own, 86_400)],
      [`-${own}min`, ageTest(own, 60)],
      ...['m', 'a', 'c', 'B'].map((other) => [`-newer${own}${other}`, newerTest(own, other)] as const),
    ]),
  ),
};

function typeTest({ name, argument }: Given): Test | ExpressionProblem {
  const types: Readonly<Record<string, number>> = {
    b: C.S_IFBLK,
    c: C.S_IFCHR,
    d: C.S_IFDIR,
    f: C.S_IFREG,
    l: C.S_IFLNK,
  };
  const wanted = types[argument];
  // Fifos and sockets are known and never found.
  if (wanted === undefined && !['p', 's'].includes(argument)) {
    return new ExpressionProblem(`${name}: ${argument}: unknown type`);
  }
  return ({ stat }) => always((stat.mode & C.S_IFMT) === wanted);
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  c: 1,
  k: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
  P: 2 ** 50,
};

/** Without a unit: blocks of 512 bytes, begun ones counted. With one: bytes, exactly. */
function sizeTest({ name, argument }: Given): Test | ExpressionProblem {
  const match = /^([-+]?)(\d+)(.?)(.*)$/.exec(argument);
  if (!match) return new ExpressionProblem(`${name}: ${argument}: illegal numeric value`);
  const [, sign = '', digits = '', unit = '', rest] = match;
  const scale = unit === '' ? 1 : SIZE_UNITS[unit];
  if (scale === undefined || rest !== '')
    return new ExpressionProblem(`${name}: ${argument}: illegal trailing character`);
  const compare = comparison(`${sign}${Number(digits) * scale}`);
  return ({ stat }) =>
    always(compare?.(unit === '' ? Math.ceil(stat.sizeBytes / 512) : stat.sizeBytes) ?? false);
}

/** '+5' more, '-5' less, '5' as much; null for what is no number. */
function comparison(text: string): ((value: number) => boolean) | null {
  const match = /^([-+]?)(\d+)$/.exec(text);
  if (!match) return null;
  const wanted = Number(match[2]);
  if (match[1] === '+') return (value) => value > wanted;
  return match[1] === '-' ? (value) => value < wanted : (value) => value === wanted;
}

function numberTest(pick: (stat: Stat) => number): Make {
  return ({ name, argument }) => {
    const compare = comparison(argument);
    if (!compare) return new ExpressionProblem(`${name}: ${argument}: illegal numeric value`);
    return ({ stat }) => always(compare(pick(stat)));
  };
}

function ownerTest(kind: 'user' | 'group'): Make {
  return ({ name, argument }) => {
    const id = kind === 'user' ? userId(argument) : groupId(argument);
    const pick = (stat: Stat) => (kind === 'user' ? stat.uid : stat.gid);
    if (id !== null) return ({ stat }) => always(pick(stat) === id);
    const compare = comparison(argument);
    if (!compare) return new ExpressionProblem(`${name}: ${argument}: no such ${kind}`);
    return ({ stat }) => always(compare(pick(stat)));
  };
}

/** '644' exactly, '-644' all of them, '+644' any of them. */
function permissionTest({ name, argument }: Given): Test | ExpressionProblem {
  const sign = /^[-+](?=[0-7ugoa])/.exec(argument)?.[0] ?? '';
  const mode = parseMode(argument.slice(sign.length), 0)?.(0);
  if (mode === undefined) return new ExpressionProblem(`${name}: ${argument}: illegal mode string`);
  return ({ stat }) => {
    const bits = stat.mode & 0o7777;
    return always(sign === '-' ? (bits & mode) === mode : sign === '+' ? (bits & mode) !== 0 : bits === mode);
  };
}

function flagsTest({ name, argument }: Given): Test | ExpressionProblem {
  const sign = /^[-+]/.exec(argument)?.[0] ?? '';
  const parsed = parseFlags(argument.slice(sign.length));
  if ('unknown' in parsed) return new ExpressionProblem(`${name}: ${argument}: illegal flags string`);
  const { set, clear } = parsed;
  return ({ stat: { flags } }) => {
    if (sign === '-') return always((flags & set) === set && (flags & clear) === 0);
    if (sign === '+') return always((flags & set) !== 0 || (clear & ~flags) !== 0);
    return always(flags === set);
  };
}

function depthLimit(which: 'depthMax' | 'depthMin'): Make {
  return ({ name, argument, plan }) => {
    if (!/^\d+$/.test(argument)) return new ExpressionProblem(`${name}: ${argument}: value must be positive`);
    plan[which] = Number(argument);
    return () => always(true);
  };
}

function newerTest(own: string, other: string): Make {
  return ({ argument, call }) => {
    const found = outcomeOf(() => call.system.stat(argument));
    if (found instanceof FsError) return new ExpressionProblem(`${argument}: No such file or directory`);
    const than = times[other]?.(found) ?? found.modifyTime;
    return ({ stat }) => {
      const time = times[own]?.(stat) ?? stat.modifyTime;
      return always(
        time.seconds > than.seconds || (time.seconds === than.seconds && time.nanoseconds > than.nanoseconds),
      );
    };
  };
}

const TIME_UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Whole days that have passed, minutes that have begun; with units ('-1h30m') seconds. */
function ageTest(own: string, unitSeconds: number): Make {
  return ({ name, argument, call }) => {
    const [, sign = '', rest = ''] = /^([-+]?)(.*)$/.exec(argument) ?? [];
    const now = call.system.now().seconds;
    const ageOf = (stat: Stat) => now - (times[own]?.(stat) ?? stat.modifyTime).seconds;
    if (/^\d+$/.test(rest)) {
      const compare = comparison(argument);
      const round = unitSeconds === 60 ? Math.ceil : Math.floor;
      return ({ stat }) => always(compare?.(round(ageOf(stat) / unitSeconds)) ?? false);
    }
    if (unitSeconds === 60 || !/^(\d+[smhdw])+$/.test(rest)) {
      return new ExpressionProblem(`${name}: ${argument}: illegal time value`);
    }
    const parts = [...rest.matchAll(/(\d+)([smhdw])/g)];
    const seconds = parts.reduce(
      (sum, [, count, unit]) => sum + Number(count) * (TIME_UNITS[unit ?? ''] ?? 0),
      0,
    );
    const compare = comparison(`${sign}${seconds}`);
    return ({ stat }) => always(compare?.(ageOf(stat)) ?? false);
  };
}

function* always(value: boolean): Running<boolean> {
  return value;
}

function* isEmpty(call: Invocation, { path, stat }: Found): Running<boolean> {
  if (isRegular(stat.mode)) return stat.sizeBytes === 0;
  if (!isDirectory(stat.mode)) return false;
  try {
    return (yield* namesIn(call.system, path)).length === 0;
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    yield* call.complain(path, error);
    return false;
  }
}

function attributeNames(call: Invocation, path: string): string[] {
  const names = outcomeOf(() => call.system.listxattr(path, C.XATTR_NOFOLLOW));
  return names instanceof FsError ? [] : names;
}
