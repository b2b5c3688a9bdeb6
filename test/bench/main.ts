import { isContestant, startContestant, type Contestant, type Task } from './contestant.ts';
import { JUDGED, OURS } from './ours.ts';
import { loadPeers } from './peers.ts';
import { timeReflinks } from './reflink.ts';
import {
  cloneTable,
  figureTable,
  goalTable,
  rateTable,
  type Figure,
  type Goals,
  type Row,
} from './report.ts';
import type { JudgedSystem, System } from './systems.ts';
import type { Rate, Rates } from './workloads.ts';

/**
 * How fast is it, and how fast are others? All systems take turns within each round, warmed alike, and of each the best
 * round counts: the one in which the machine had least else to do. Ratios of one run mean something; figures of
 * different days do not.
 *
 *     npm run bench              everything, some minutes
 *     npm run bench -- --quick   without the peers that need minutes for 10 000 files
 *     npm run bench -- --ours    only ours
 *     npm run bench -- tree      only workloads whose name contains the word
 */
const FAT_GOALS: Goals = {
  'create 1k': { rateMin: 100e3, fatPeersMin: 5 },
  'create 10k': { rateMin: 100e3, fatPeersMin: 30, memfsMin: 1 },
  'create 20k': { rateMin: 100e3, memfsMin: 1 },
  'rename 1k': { rateMin: 80e3, fatPeersMin: 8 },
  'rename 10k': { rateMin: 80e3, fatPeersMin: 40, memfsMin: 0.7 },
  'delete 1k': { rateMin: 100e3, fatPeersMin: 2 },
  'delete 10k': { rateMin: 100e3, fatPeersMin: 6, memfsMin: 0.2 },
  'readdir 20k': { rateMin: 1e6, memfsMin: 1.5 },
  'stat 20k': { rateMin: 200e3, memfsMin: 1.5 },
  tree: { rateMin: 100e3, fatPeersMin: 1.5, memfsMin: 1 },
  sequential: { rateMin: 1.5e9, fatPeersMin: 1.1, memfsMin: 1.7 },
  random: { rateMin: 200e3, fatPeersMin: 30, memfsMin: 0.5 },
};
const HFS_GOALS: Goals = {
  'create 1k': { rateMin: 60e3 },
  'create 10k': { rateMin: 60e3, memfsMin: 0.5 },
  'create 100k': { rateMin: 60e3 },
  'rename 1k': { rateMin: 40e3, fatPeersMin: 8 },
  'rename 10k': { rateMin: 40e3, fatPeersMin: 40, memfsMin: 0.5 },
  'delete 1k': { rateMin: 60e3, fatPeersMin: 1.2 },
  'delete 10k': { rateMin: 60e3, fatPeersMin: 6, memfsMin: 0.2 },
  'readdir 20k': { rateMin: 1e6 },
  tree: { rateMin: 60e3, memfsMin: 1 },
  random: { rateMin: 200e3, memfsMin: 0.5 },
};
const APFS_GOALS: Goals = {
  'create 1k': { rateMin: 50e3 },
  'create 10k': { rateMin: 50e3 },
  'create 100k': { rateMin: 50e3 },
  'rename 10k': { rateMin: 40e3 },
  'rename 100k': { rateMin: 40e3 },
  'delete 10k': { rateMin: 50e3 },
  'delete 100k': { rateMin: 50e3 },
  'readdir 20k': { rateMin: 1e6 },
  'stat 20k': { rateMin: 200e3 },
  'stat 100k': { rateMin: 200e3 },
  random: { rateMin: 40e3 },
  sequential: { rateMin: 1.5e9 },
};
/** By the name of a judged system. */
const GOALS: Readonly<Record<string, Goals>> = {
  ...{ FAT32: FAT_GOALS, exFAT: FAT_GOALS, 'HFS+': HFS_GOALS, APFS: APFS_GOALS },
};
/** Milliseconds that a check of the largest directory may take. */
const FSCK_MS_MAX: Readonly<Record<string, number>> = { FAT32: 300, exFAT: 300, 'HFS+': 750, APFS: 2000 };

const WARM_UPS = 6;

class Competition {
  readonly #contestants = new Map<System, Contestant>();
  /** By measure, then by system: the best so far. */
  readonly #best = new Map<string, Map<string, Rate>>();

  async start(systems: readonly System[]): Promise<void> {
    for (const system of systems) {
      progress(`warming up ${system.name}`);
      const contestant = startContestant(system.name);
      this.#contestants.set(system, contestant);
      await contestant.run('warm up', WARM_UPS);
    }
  }

  stop(): void {
    progress('');
    for (const contestant of this.#contestants.values()) contestant.stop();
  }

  /** `rounds` rounds of one task; measures are named with `suffix`. */
  async compare(
    systems: readonly System[],
    task: Task,
    count: number,
    rounds: number,
    suffix = '',
  ): Promise<void> {
    for (let round = 1; round <= rounds; round++) {
      for (const system of systems) {
        progress(`${task}${suffix}, round ${round} of ${rounds}: ${system.name}`);
        this.#take(system, await this.ask(system, task, count), suffix);
      }
    }
  }

  async ask(system: System, task: Task, count: number): Promise<Rates> {
    const contestant = this.#contestants.get(system);
    if (contestant === undefined) throw new Error(`${system.name} was not started`);
    return contestant.run(task, count);
  }

  #take(system: System, rates: Rates, suffix: string): void {
    for (const [name, rate] of Object.entries(rates)) {
      const measure = `${name}${suffix}`;
      const bySystem = this.#best.get(measure) ?? new Map<string, Rate>();
      const known = bySystem.get(system.name);
      if (known === undefined || known.value < rate.value) bySystem.set(system.name, rate);
      this.#best.set(measure, bySystem);
    }
  }

  rows(): Row[] {
    return [...this.#best].map(([measure, rates]) => ({
      ...{ measure, rates },
      unit: measure === 'sequential' ? 'B' : 'ops',
    }));
  }
}

/** One line that is overwritten, and only where somebody is watching. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function figuresOf({ name, filesMax }: JudgedSystem, measured: Rates): Figure[] {
  const value = (figure: string): number => measured[figure]?.value ?? NaN;
  const files = `${filesMax / 1000}k`;
  return [
    { measure: `${name}: newfs of 1 TB`, value: value('newfs'), max: 20, unit: 'ms' },
    { measure: `${name}: bytes stored by it`, value: value('newfsBytes') / 1e6, max: 2, unit: 'MB' },
    {
      measure: `${name}: fsck of ${files} files`,
      value: value('fsck'),
      max: FSCK_MS_MAX[name] ?? 0,
      unit: 'ms',
    },
    { measure: `${name}: fork of that disk`, value: value('fork'), max: 0.1, unit: 'ms' },
    ...['create', 'stat', 'rename', 'delete'].map((operation) => ({
      measure: `${name}: cost of one ${operation} from 1k to ${files} files`,
      ...{ value: value(`${operation} growth`), max: 1.5, unit: 'times' },
    })),
    ...(hasClones(measured) ? copyOnWriteFigures(name, value) : []),
  ];
}

const hasClones = (measured: Rates): boolean => measured['clone 500'] !== undefined;

/** Clones of ours, and of the file systems of Linux that this machine can mount. Milliseconds. */
function clonesBeside(name: string, measured: Rates): string {
  const { times, missing } = timeReflinks();
  for (const sentence of missing) console.warn(`not measured: ${sentence}`);
  const ours = Object.entries(measured).map(([figure, { value }]) => [figure, value] as const);
  return cloneTable([{ name, milliseconds: Object.fromEntries(ours) }, ...times]);
}

/** Clones and snapshots, each with its checkpoint. */
function copyOnWriteFigures(name: string, value: (name: string) => number): Figure[] {
  const ratio = (large: string, small: string) => value(large) / value(small);
  return [
    { measure: `${name}: clone of 5 TB`, value: value('clone 5000000'), max: 1, unit: 'ms' },
    {
      ...{ measure: `${name}: clone of 5 TB against one of 500 MB`, max: 1.5, unit: 'times' },
      value: ratio('clone 5000000', 'clone 500'),
    },
    { measure: `${name}: clone of 10k pieces`, value: value('clone of pieces'), max: 1, unit: 'ms' },
    { measure: `${name}: its first overwrite`, value: value('overwrite of pieces'), max: 15, unit: 'ms' },
    { measure: `${name}: snapshot of 100k files`, value: value('snapshot 100000'), max: 1, unit: 'ms' },
    {
      ...{ measure: `${name}: snapshot of 100k files against one of 1k`, max: 1.5, unit: 'times' },
      value: ratio('snapshot 100000', 'snapshot 1000'),
    },
  ];
}

async function main(): Promise<void> {
  const flags = process.argv.slice(2);
  const [filter = ''] = flags.filter((flag) => !flag.startsWith('--'));
  const { peers, missing } = flags.includes('--ours') ? { peers: [], missing: [] } : await loadPeers();
  for (const sentence of missing) console.warn(`not measured: ${sentence}`);
  const fat = peers.filter(({ kind }) => kind === 'fat');
  const quick = [...OURS, ...peers.filter(({ kind }) => kind === 'memory')];
  const all = [...quick, ...fat];

  const competition = new Competition();
  await competition.start(all);
  const slowRounds = flags.includes('--quick') ? 0 : 1;
  if ('directory'.includes(filter)) {
    await competition.compare(all, 'directory', 1000, 5, ' 1k');
    await competition.compare(quick, 'directory', 10_000, 3, ' 10k');
    await competition.compare(fat, 'directory', 10_000, slowRounds, ' 10k');
    await competition.compare(quick, 'directory', 20_000, 3, ' 20k');
    const large = JUDGED.filter(({ filesMax }) => filesMax === 100_000);
    await competition.compare(large, 'directory', 100_000, 2, ' 100k');
  }
  if ('tree'.includes(filter)) await competition.compare(all, 'tree', 10_000, 3);
  if ('file'.includes(filter)) await competition.compare(all, 'file', 1, 3);
  const ofOurs: Figure[] = [];
  const clones: string[] = [];
  for (const system of filter === '' ? JUDGED : []) {
    const measured = await competition.ask(system, 'figures', 1);
    ofOurs.push(...figuresOf(system, measured));
    if (hasClones(measured)) clones.push(clonesBeside(system.name, measured));
  }
  competition.stop();

  const fatNames = fat.map(({ name }) => name);
  console.log(
    `node ${process.version}, V8 ${process.versions.v8}; "~": the time allowed was over before the work was\n`,
  );
  const rows = competition.rows();
  console.log(
    rateTable(
      rows,
      all.map(({ name }) => name),
    ),
  );
  for (const { name } of JUDGED) console.log(`\n${goalTable(name, rows, GOALS[name] ?? {}, fatNames)}`);
  if (ofOurs.length > 0) console.log(`\n${figureTable(ofOurs)}`);
  for (const table of clones) console.log(`\n${table}`);
}

if (!(await isContestant())) await main();
