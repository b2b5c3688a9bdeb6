import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { JUDGED, OURS } from './ours.ts';
import { loadPeers } from './peers.ts';
import type { System } from './systems.ts';
import { bigFile, oneDirectory, tree, type Rates } from './workloads.ts';

/**
 * Each system is measured in a process of its own, so that none pays for what another did to the heap and to the
 * compiler's guesses. The processes live for the whole run and take turns. Nobody calls the collector by hand: V8 then
 * also forgets what it has compiled, and the next thousand calls cost five times as much.
 */
export type Task = 'warm up' | 'directory' | 'tree' | 'file' | 'figures';

export interface Contestant {
  readonly name: string;
  run(task: Task, count: number): Promise<Rates>;
  stop(): void;
}

const FLAG = '--contestant';

interface Answer {
  readonly rates?: Rates;
  readonly error?: string;
}

/** Start the process of one system. It waits for tasks. */
export function startContestant(name: string): Contestant {
  const child = fork(fileURLToPath(import.meta.url), [FLAG, name]);
  return {
    name,
    run: (task, count) =>
      new Promise((resolve, reject) => {
        const onExit = (code: number | null) =>
          reject(new Error(`${name} ended with ${code} during ${task}`));
        child.once('exit', onExit);
        child.once('message', ({ rates, error }: Answer) => {
          child.off('exit', onExit);
          if (rates) resolve(rates);
          else reject(new Error(`${name}: ${error}`));
        });
        child.send({ task, count });
      }),
    stop: () => child.disconnect(),
  };
}

/** True when this process is a contestant's; then it serves until its parent lets go. */
export async function isContestant(): Promise<boolean> {
  const at = process.argv.indexOf(FLAG);
  if (at < 0) return false;
  const name = process.argv[at + 1];
  const system = [...OURS, ...(await loadPeers()).peers].find((known) => known.name === name);
  if (system === undefined) throw new Error(`no system is called ${name}`);
  process.on('message', ({ task, count }: { task: Task; count: number }) => {
    perform(system, task, count).then(
      (rates) => process.send?.({ rates } satisfies Answer),
      (error: unknown) => process.send?.({ error: String(error) } satisfies Answer),
    );
  });
  return true;
}

async function perform(system: System, task: Task, count: number): Promise<Rates> {
  if (task === 'directory') return oneDirectory(system, count);
  if (task === 'tree') return tree(system, count);
  if (task === 'file') return bigFile(system);
  if (task === 'figures') {
    return JUDGED.find(({ name }) => name === system.name)?.figures() ?? Promise.resolve({});
  }
  // Just-in-time compilers need thousands of calls; a linear search needs no thousands of files for that.
  for (let i = 0; i < count; i++) await oneDirectory(system, system.kind === 'fat' ? 500 : 5000);
  await tree(system, 2000);
  return {};
}
