import type { Timespec } from '../base/clock.ts';
import { FsError, strerror } from '../base/errno.ts';
import type { Stat } from '../vfs/calls.ts';
import * as C from '../vfs/constants.ts';
import type { Running } from './command.ts';
import type { Found, Plan, Test } from './find-expression.ts';
import { namesIn } from './fts.ts';
import { compilePattern } from './pattern.ts';
import { groupId, isDirectory, isRegular, parseFlags, parseMode, userId } from './permissions-text.ts';
import type { Invocation } from './program.ts';
import { outcomeOf } from './system-outcome.ts';

/** The primaries of find(1) that take an argument, and the looks at files that others share. */

/** A sentence for `find: …`, where the expression is none. */
export class ExpressionProblem {
  constructor(readonly sentence: string) {}
}

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

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

export const PRIMARIES: Readonly<Record<string, Make>> = {
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
    p: C.S_IFIFO,
    s: C.S_IFSOCK,
  };
  const wanted = types[argument];
  if (wanted === undefined) {
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
export function comparison(text: string): ((value: number) => boolean) | null {
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
    if (found instanceof FsError) return new ExpressionProblem(`${argument}: ${strerror(found.code)}`);
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

export function* always(value: boolean): Running<boolean> {
  return value;
}

export function* isEmpty(call: Invocation, { path, stat }: Found): Running<boolean> {
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

export function attributeNames(call: Invocation, path: string): string[] {
  const names = outcomeOf(() => call.system.listxattr(path, C.XATTR_NOFOLLOW));
  return names instanceof FsError ? [] : names;
}
