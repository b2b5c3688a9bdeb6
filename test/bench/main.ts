import {
  CALLS,
  emptyStore,
  filledStore,
  fsckFindings,
  newfs,
  TRACED,
  VOLUME_EACH,
  VOLUME_WRITEBACK,
} from './ours.ts';
import { loadPeers } from './peers.ts';
import { figureTable, rateTable, type Figure, type Goal, type Row } from './report.ts';
import type { System } from './systems.ts';
import {
  bigFile,
  DISK_BYTES,
  nameOf,
  oneDirectory,
  Stopwatch,
  tree,
  type Rate,
  type Rates,
} from './workloads.ts';

/**
 * How fast is it, and how fast are others? One process, all systems in turn within each round, and of each the best
 * round: that is the one in which the machine had least else to do, and the engine had met the code before. Ratios of
 * one run mean something; figures of different days do not.
 *
 *     npm run bench              everything, about three minutes
 *     npm run bench -- --quick   without the peers that need minutes for 10 000 files
 *     npm run bench -- create    only workloads whose name contains the word
 *     npm run bench -- --ours    only ours, for profiling
 */
const flags = process.argv.slice(2);
const isQuick = flags.includes('--quick');
const isOursOnly = flags.includes('--ours');
const [filter = ''] = flags.filter((flag) => !flag.startsWith('--'));

/** Short runs before anything is timed: just-in-time compilers need thousands of calls. */
const WARM_UPS = 10;
const rows = new Map<string, Row>();
const rounds: Record<string, Map<string, Rate[]>> = {};

const GOALS: Readonly<Record<string, Goal>> = {
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

function addRound(system: System, rates: Rates, suffix: string): void {
  for (const [name, rate] of Object.entries(rates)) {
    const measure = `${name}${suffix}`;
    const bySystem = (rounds[measure] ??= new Map());
    bySystem.set(system.name, [...(bySystem.get(system.name) ?? []), rate]);
  }
}

function closeRows(): void {
  for (const [measure, bySystem] of Object.entries(rounds)) {
    const rates = new Map<string, Rate>();
    for (const [name, list] of bySystem) {
      rates.set(
        name,
        list.reduce((best, rate) => (rate.value > best.value ? rate : best)),
      );
    }
    const unit = measure === 'sequential' ? 'B' : 'ops';
    rows.set(measure, { measure, unit, goal: GOALS[measure] ?? {}, rates });
  }
}

function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

async function compare(
  workload: string,
  systems: readonly System[],
  count: number,
  run: (system: System) => Promise<Rates>,
  suffix = '',
): Promise<void> {
  if (!workload.includes(filter)) return;
  for (let round = 0; round < count; round++) {
    for (const system of systems) {
      collectGarbage();
      progress(`${workload}, round ${round + 1} of ${count}: ${system.name}`);
      addRound(system, await run(system), suffix);
    }
  }
  progress('');
}

/** One line that is overwritten, and only where somebody is watching. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** Milliseconds of the best run. */
function milliseconds(count: number, work: () => void): number {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const watch = new Stopwatch();
    work();
    times.push(watch.milliseconds);
  }
  return Math.min(...times);
}

function figures(): Figure[] {
  const terabyte = () => {
    const store = emptyStore(1e12);
    newfs(store, {});
    return store;
  };
  const newfsMs = milliseconds(9, terabyte);
  const storedBytes = terabyte().storedBytes;
  const store = filledStore(DISK_BYTES, 20_000, nameOf);
  const findings = fsckFindings(store);
  if (findings > 0) throw new Error(`fsck finds ${findings} things wrong with the volume that was just made`);
  const fsckMs = milliseconds(9, () => fsckFindings(store));
  const forks = 1000;
  const forkMs = milliseconds(5, () => {
    for (let i = 0; i < forks; i++) store.fork();
  });
  const growth = (measure: string): number => {
    const at = (count: string) => rows.get(`${measure} ${count}`)?.rates.get(VOLUME_EACH.name)?.value ?? NaN;
    return at('1k') / at('20k');
  };
  return [
    { measure: 'newfs of 1 TB', value: newfsMs, max: 20, unit: 'ms' },
    { measure: 'bytes stored by it', value: storedBytes / 1e6, max: 2, unit: 'MB' },
    { measure: 'fsck of 20 000 files', value: fsckMs, max: 300, unit: 'ms' },
    { measure: 'fork of that disk', value: forkMs / forks, max: 0.1, unit: 'ms' },
    ...['create', 'stat', 'rename', 'delete'].map((name) => ({
      measure: `${name}: cost of one from 1k to 20k`,
      ...{ value: growth(name), max: 1.5, unit: 'times' },
    })),
  ];
}

const { peers, missing } = isOursOnly ? { peers: [], missing: [] } : await loadPeers();
for (const sentence of missing) console.warn(`not measured: ${sentence}`);
const ours = [VOLUME_EACH, VOLUME_WRITEBACK, CALLS, TRACED];
const memory = peers.filter(({ kind }) => kind === 'memory');
const fat = peers.filter(({ kind }) => kind === 'fat');

for (const system of [...ours, ...peers]) {
  for (let i = 0; i < WARM_UPS; i++) await oneDirectory(system, 500);
  await tree(system, 500);
}
await compare(
  'one directory of 1 000',
  [...ours, ...memory, ...fat],
  5,
  (system) => oneDirectory(system, 1000),
  ' 1k',
);
await compare(
  'one directory of 10 000',
  [...ours, ...memory],
  3,
  (system) => oneDirectory(system, 10_000),
  ' 10k',
);
if (!isQuick) {
  await compare('one directory of 10 000', fat, 1, (system) => oneDirectory(system, 10_000), ' 10k');
}
await compare(
  'one directory of 20 000',
  [...ours, ...memory],
  3,
  (system) => oneDirectory(system, 20_000),
  ' 20k',
);
await compare('tree of 500 directories, 10 000 files', [...ours, ...memory, ...fat], 3, (system) =>
  tree(system, 10_000),
);
await compare('file of 256 MiB', [...ours, ...memory, ...fat], 3, bigFile);
closeRows();

console.log(
  `node ${process.version}, V8 ${process.versions.v8}; "~": the time allowed was over before the work was\n`,
);
const names = [...ours, ...memory, ...fat].map(({ name }) => name);
console.log(
  rateTable(
    [...rows.values()],
    names,
    fat.map(({ name }) => name),
  ),
);
if (filter === '') console.log(`\n${figureTable(figures())}`);
