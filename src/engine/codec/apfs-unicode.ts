import { COMBINING_CLASSES, DECOMPOSITIONS, FOLDS } from './apfs-unicode.generated.ts';

/**
 * How APFS tells names apart: canonical decomposition, combining classes and full case folding of Unicode 9.0, one
 * code point at a time. All of it comes from committed tables, nothing from the Unicode version of the machine that
 * runs this: a name has the same hash everywhere and for ever.
 *
 * Characters that Unicode got after 9.0, or has not given yet, stand for themselves: no parts, no folding, class 0.
 * apfsprogs and the Linux driver hash them so; macOS raises its tables with its releases (15.1 in 2023, XNU
 * bsd/vfs/vfs_unicode.c) and finds the same for all of them but some hundred letters and marks.
 */

const HANGUL = { first: 0xac00, last: 0xd7a3, lead: 0x1100, vowel: 0x1161, tail: 0x11a7 };
const VOWELS = 21;
const TAILS = 28;

/** Below lies nothing that decomposes or combines. */
const FIRST_SPECIAL_POINT = 0xc0;

/**
 * The code points two names must share to be one: every character taken apart, folded if case does not count, marks in
 * the order of their combining classes. Folding comes before ordering, as apfsck has it: U+0345 becomes the letter
 * iota first. Halves of surrogate pairs count as code points.
 */
export function canonicalPoints(name: string, isFolded: boolean): number[] {
  const { parts, folds, classes } = tables();
  const points: number[] = [];
  let isOrdered = true;
  let classBefore = 0;
  const push = (point: number): void => {
    const combiningClass = classes.get(point) ?? 0;
    if (combiningClass !== 0 && combiningClass < classBefore) isOrdered = false;
    classBefore = combiningClass;
    points.push(point);
  };
  const pushFolded = (point: number): void => {
    const folded = isFolded ? folds.get(point) : undefined;
    if (folded === undefined) push(point);
    else if (typeof folded === 'number') push(folded);
    else for (const part of folded) push(part);
  };
  for (let i = 0; i < name.length; i++) {
    const point = name.codePointAt(i) ?? 0;
    if (point > 0xffff) i++;
    if (point >= HANGUL.first && point <= HANGUL.last) takeSyllableApart(point - HANGUL.first, push);
    else {
      const decomposed = point < FIRST_SPECIAL_POINT ? undefined : parts.get(point);
      if (decomposed === undefined) pushFolded(point);
      else for (const part of decomposed) pushFolded(part);
    }
  }
  if (!isOrdered) orderMarks(points, classes);
  return points;
}

function takeSyllableApart(index: number, push: (point: number) => void): void {
  push(HANGUL.lead + Math.floor(index / (VOWELS * TAILS)));
  push(HANGUL.vowel + Math.floor((index % (VOWELS * TAILS)) / TAILS));
  if (index % TAILS !== 0) push(HANGUL.tail + (index % TAILS));
}

/** Stable insertion sort of the marks between two points of class 0, which nothing passes. */
function orderMarks(points: number[], classes: ReadonlyMap<number, number>): void {
  for (let i = 0; i < points.length; i++) {
    const point = points[i] ?? 0;
    const combiningClass = classes.get(point) ?? 0;
    if (combiningClass === 0) continue;
    let at = i;
    for (; at > 0 && (classes.get(points[at - 1] ?? 0) ?? 0) > combiningClass; at--) {
      points[at] = points[at - 1] ?? 0;
    }
    points[at] = point;
  }
}

// ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Tables {
  readonly parts: ReadonlyMap<number, readonly number[]>;
  /** One code point, or several. */
  readonly folds: ReadonlyMap<number, number | readonly number[]>;
  readonly classes: ReadonlyMap<number, number>;
}

let made: Tables | null = null;

/** Made when first needed: ASCII names never need them. */
function tables(): Tables {
  made ??= { parts: partTable(), folds: foldTable(), classes: classTable() };
  return made;
}

const linesOf = (table: string): string[] => table.trim().split('\n');
const pointOf = (digits: string): number => Number.parseInt(digits, 16);
const pointsOf = (word: string): number[] => word.split('+').map(pointOf);

function partTable(): Map<number, readonly number[]> {
  const parts = new Map<number, readonly number[]>();
  for (const line of linesOf(DECOMPOSITIONS)) {
    const [first = '', ...words] = line.split(' ');
    for (const [i, word] of words.entries()) parts.set(pointOf(first) + i, pointsOf(word));
  }
  return parts;
}

function foldTable(): Map<number, number | readonly number[]> {
  const folds = new Map<number, number | readonly number[]>();
  for (const line of linesOf(FOLDS)) {
    const [places = '', target = ''] = line.split(' ');
    if (!/^[+-]/.test(target)) {
      folds.set(pointOf(places), pointsOf(target));
      continue;
    }
    const [range = '', step = '1'] = places.split('/');
    const [first = 0, last = first] = range.split('-').map(pointOf);
    for (let point = first; point <= last; point += Number(step)) folds.set(point, point + Number(target));
  }
  return folds;
}

function classTable(): Map<number, number> {
  const classes = new Map<number, number>();
  for (const line of linesOf(COMBINING_CLASSES)) {
    const [range = '', value] = line.split(' ');
    const [first = 0, last = first] = range.split('-').map(pointOf);
    for (let point = first; point <= last; point++) classes.set(point, Number(value));
  }
  return classes;
}
