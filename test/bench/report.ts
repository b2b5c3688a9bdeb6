import type { Rate } from './workloads.ts';

/** Two kinds of tables: the rates of all systems, and what one of them was meant to reach. */
interface Goal {
  /** Per second. */
  readonly rateMin?: number;
  /** Times the best of the others that write a FAT volume, in this very run. */
  readonly fatPeersMin?: number;
  readonly memfsMin?: number;
}

/** By measure. */
export type Goals = Readonly<Record<string, Goal>>;

export interface Row {
  readonly measure: string;
  /** 'ops', 'B'. */
  readonly unit: string;
  readonly rates: ReadonlyMap<string, Rate>;
}

/** A single figure of ours with a limit. */
export interface Figure {
  readonly measure: string;
  readonly value: number;
  readonly max: number;
  readonly unit: string;
}

/** What clones cost on one file system. */
export interface CloneTimes {
  readonly name: string;
  /** The best of several, by the names of `CLONES`. */
  readonly milliseconds: Readonly<Record<string, number>>;
}

const PREFIXES = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

export function short(value: number): string {
  const [factor, letter] = PREFIXES.find(([least]) => value >= least) ?? [1, ''];
  const scaled = value / factor;
  return `${scaled >= 100 ? scaled.toFixed(0) : scaled >= 10 ? scaled.toFixed(1) : scaled.toFixed(2)} ${letter}`.trimEnd();
}

const times = (value: number): string => `${value >= 10 ? value.toFixed(0) : value.toFixed(1)}×`;

/** Fastest of the named systems; undefined when none was measured. */
function best(row: Row, names: readonly string[]): number | undefined {
  const values = names.flatMap((name) => row.rates.get(name)?.value ?? []);
  return values.length === 0 ? undefined : Math.max(...values);
}

function ratioCell(ours: number, theirs: number | undefined, goal: number | undefined): string {
  if (theirs === undefined) return goal === undefined ? '' : `(≥ ${goal}×)`;
  const ratio = ours / theirs;
  if (goal === undefined) return times(ratio);
  return `${times(ratio)} ${ratio >= goal ? '✓' : '✗'} (≥ ${goal}×)`;
}

/** One row per measure, one column per system. */
export function rateTable(rows: readonly Row[], systems: readonly string[]): string {
  const cells = rows.map(({ measure, unit, rates }) => [
    `${measure}${unit === 'ops' ? '' : `, ${unit}`}`,
    ...systems.map((system) => {
      const rate = rates.get(system);
      return rate === undefined ? '' : `${rate.isCapped ? '~' : ''}${short(rate.value)}`;
    }),
  ]);
  return aligned([['per second', ...systems], ...cells]);
}

/** What one system was meant to reach: a rate, and ratios to others in this very run. */
export function goalTable(
  system: string,
  rows: readonly Row[],
  goals: Goals,
  fatPeers: readonly string[],
): string {
  const cells = rows.flatMap((row) => {
    const goal = goals[row.measure];
    const value = row.rates.get(system)?.value;
    if (goal === undefined || value === undefined) return [];
    const { rateMin, fatPeersMin, memfsMin } = goal;
    return [
      [
        row.measure,
        short(value),
        rateMin === undefined ? '' : `≥ ${short(rateMin)} ${value >= rateMin ? '✓' : '✗'}`,
        ratioCell(value, best(row, fatPeers), fatPeersMin),
        ratioCell(value, best(row, ['memfs']), memfsMin),
      ],
    ];
  });
  return aligned([[system, 'per second', 'goal', 'to FAT peers', 'to memfs'], ...cells]);
}

export const figureTable = (figures: readonly Figure[]): string =>
  aligned(
    figures.map(({ measure, value, max, unit }) => [
      measure,
      `${value < 10 ? value.toPrecision(2) : value.toFixed(0)} ${unit}`,
      `≤ ${max} ${unit} ${value <= max ? '✓' : '✗'}`,
    ]),
  );

const CLONES: readonly (readonly [name: string, measure: string])[] = [
  ['clone 500', 'clone of 500 MB'],
  ['clone of pieces', 'clone of 10k pieces'],
  ['overwrite of pieces', 'its first overwrite, durable'],
  ['cp 500', 'cp --reflink of 500 MB, the process'],
  ['cp of pieces', 'cp --reflink of 10k pieces, the process'],
];

/** One row per kind of clone, one column per file system. */
export function cloneTable(systems: readonly CloneTimes[]): string {
  const cells = CLONES.map(([name, measure]) => [
    measure,
    ...systems.map(({ milliseconds }) => milliseconds[name]?.toPrecision(2) ?? ''),
  ]);
  return aligned([['milliseconds', ...systems.map(({ name }) => name)], ...cells]);
}

function aligned(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
