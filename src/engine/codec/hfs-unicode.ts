import { COMBINING_CLASSES, DECOMPOSITIONS, FOLDS, IGNORED } from './hfs-unicode.generated.ts';

/**
 * How HFS+ spells and compares names: canonical decomposition and combining classes of Unicode 3.2, one UTF-16 unit
 * at a time, and Apple's own case folding. Everything comes from committed tables, nothing from the Unicode version
 * of the machine that runs this: a name is stored and found in the same way everywhere and for ever.
 *
 * TN1150, "Unicode Subtleties"; XNU bsd/vfs/vfs_utfconv.c.
 */

// ── decomposition ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Below lies nothing that decomposes or combines. */
const FIRST_SPECIAL_UNIT = 0xc0;

const HANGUL = { first: 0xac00, last: 0xd7a3, lead: 0x1100, vowel: 0x1161, tail: 0x11a7 };
const VOWELS = 21;
const TAILS = 28;

/**
 * The name as HFS+ stores it: every precomposed unit taken apart, marks on one letter in the order of their combining
 * classes. What HFS+ leaves alone stays: U+2000–2FFF, U+F900–FAFF, whatever came after Unicode 3.2, surrogates.
 * Decomposing twice changes nothing.
 */
export function decompose(name: string): string {
  let at = 0;
  while (at < name.length && name.charCodeAt(at) < FIRST_SPECIAL_UNIT) at++;
  if (at === name.length) return name;

  const { parts, classes } = tables();
  const units: number[] = [];
  let isOrdered = true;
  let classBefore = 0;
  const push = (unit: number): void => {
    units.push(unit);
    const combiningClass = classes[unit] ?? 0;
    if (combiningClass !== 0 && combiningClass < classBefore) isOrdered = false;
    classBefore = combiningClass;
  };
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit >= HANGUL.first && unit <= HANGUL.last) takeSyllableApart(unit - HANGUL.first, push);
    else {
      const decomposed = unit < FIRST_SPECIAL_UNIT ? undefined : parts.get(unit);
      if (decomposed === undefined) push(unit);
      else for (const part of decomposed) push(part);
    }
  }
  if (!isOrdered) orderMarks(units, classes);
  // A name is 255 units at most where it is stored; what is too long is refused later, with a sentence.
  let text = '';
  for (const unit of units) text += String.fromCharCode(unit);
  return text;
}

function takeSyllableApart(index: number, push: (unit: number) => void): void {
  push(HANGUL.lead + Math.floor(index / (VOWELS * TAILS)));
  push(HANGUL.vowel + Math.floor((index % (VOWELS * TAILS)) / TAILS));
  if (index % TAILS !== 0) push(HANGUL.tail + (index % TAILS));
}

/** Stable insertion sort of the marks between two units of class 0, which nothing passes. */
function orderMarks(units: number[], classes: Uint8Array): void {
  for (let i = 0; i < units.length; i++) {
    const unit = units[i] ?? 0;
    const combiningClass = classes[unit] ?? 0;
    if (combiningClass === 0) continue;
    let at = i;
    for (; at > 0 && (classes[units[at - 1] ?? 0] ?? 0) > combiningClass; at--) {
      units[at] = units[at - 1] ?? 0;
    }
    units[at] = unit;
  }
}

// ── comparison ──────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * What stands for each UTF-16 unit in comparisons: itself, its lower case, 0 for a unit that is passed over, 0xFFFF
 * for U+0000 (so that names beginning with it come last). For those who compare names where they lie. Not to be
 * changed.
 */
export function foldTable(): Uint16Array {
  return tables().folds;
}

/**
 * Order of two decomposed names on HFS+ (and on HFSX of compare type 0xCF): below 0, 0 or above 0. Case and units
 * that are passed over do not count. FastUnicodeCompare of TN1150.
 */
export function foldedCompare(a: string, b: string): number {
  const { folds } = tables();
  let atA = 0;
  let atB = 0;
  for (;;) {
    let unitA = 0;
    let unitB = 0;
    while (unitA === 0 && atA < a.length) unitA = folds[a.charCodeAt(atA++)] ?? 0;
    while (unitB === 0 && atB < b.length) unitB = folds[b.charCodeAt(atB++)] ?? 0;
    if (unitA !== unitB) return unitA - unitB;
    if (unitA === 0) return 0;
  }
}

/** Order of two names on HFSX of compare type 0xBC, and of attribute names everywhere: unit by unit, then length. */
export function binaryCompare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

// ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Tables {
  readonly parts: ReadonlyMap<number, readonly number[]>;
  readonly classes: Uint8Array;
  readonly folds: Uint16Array;
}

let made: Tables | null = null;

/** Made when first needed: a page without an HFS+ volume never needs them. */
function tables(): Tables {
  made ??= {
    parts: new Map(
      linesOf(DECOMPOSITIONS).map((line) => {
        const [unit = 0, ...parts] = line.split(' ').map(unitOf);
        return [unit, parts];
      }),
    ),
    classes: classTable(),
    folds: makeFoldTable(),
  };
  return made;
}

const linesOf = (table: string): string[] => table.trim().split('\n');
const unitOf = (digits: string): number => Number.parseInt(digits, 16);

function classTable(): Uint8Array {
  const classes = new Uint8Array(0x10000);
  for (const line of linesOf(COMBINING_CLASSES)) {
    const [range = '', value] = line.split(' ');
    const [first = 0, last = first] = range.split('-').map(unitOf);
    classes.fill(Number(value), first, last + 1);
  }
  return classes;
}

function makeFoldTable(): Uint16Array {
  const folds = Uint16Array.from({ length: 0x10000 }, (_, unit) => unit);
  for (const line of linesOf(FOLDS)) {
    const [range = '', distance] = line.split('+');
    const [units = '', step = '1'] = range.split('/');
    const [first = 0, last = first] = units.split('-').map(unitOf);
    for (let unit = first; unit <= last; unit += Number(step)) folds[unit] = unit + Number(distance);
  }
  for (const range of linesOf(IGNORED)) {
    const [first = 0, last = first] = range.split('-').map(unitOf);
    folds.fill(0, first, last + 1);
  }
  folds[0] = 0xffff;
  return folds;
}
