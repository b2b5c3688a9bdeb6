import * as Comlink from 'comlink';
import './errors.ts';
import type { EngineApi, OutputPiece } from './protocol.ts';

/**
 * The page's end of the wire: starts the worker and offers it as plain promises.
 *
 * A worker that dies (a bug that escaped, memory that ran out, a script that did not load) answers nothing any more;
 * then every call under way and every later one rejects with EngineDied instead of waiting for ever.
 */
export interface Engine {
  readonly api: EngineApi;
  /** Resolves with a sentence once the worker is dead; never when `stop` ended it. */
  readonly died: Promise<string>;
  /** Ends the worker. Calls under way reject. */
  stop(): void;
}

export class EngineDied extends Error {
  override readonly name = 'EngineDied';
}

/** What of Worker is used here; a test hands in a stand-in. */
export interface WorkerLike extends Comlink.Endpoint {
  terminate(): void;
}

export const startWorker = (): WorkerLike =>
  new Worker(new URL('../../workers/engine.worker.ts', import.meta.url), { type: 'module', name: 'engine' });

type PlainCalls = Omit<EngineApi, 'run' | 'watchRecall'>;

/** Every call of the protocol but those whose callbacks need care; a call forgotten here does not compile. */
const PLAIN_CALLS: Readonly<Record<keyof PlainCalls, true>> = {
  ...{ createDisk: true, openImage: true, exportImage: true, imageHash: true },
  ...{ exportView: true, exportFile: true, transfer: true, stopTransfer: true },
  ...{ interrupt: true, type: true, complete: true, resize: true, seek: true, undo: true, redo: true },
  ...{ map: true, regions: true, directory: true, file: true, structures: true, diagrams: true, block: true },
  ...{ checkpoints: true, snapshotDeletions: true, verdict: true, labels: true },
  ...{ trace: true, why: true, check: true, checkpoint: true, restore: true },
  ...{ stops: true, filesBetween: true, structuresBetween: true, blocksBetween: true, blockBetween: true },
};

export function startEngine(worker: WorkerLike = startWorker()): Engine {
  const remote = Comlink.wrap<EngineApi>(worker);
  const pending = new Set<(reason: EngineDied) => void>();
  let epitaph: string | null = null;
  let tell: (sentence: string) => void = () => {};
  const died = new Promise<string>((resolve) => (tell = resolve));

  function end(sentence: string): void {
    if (epitaph !== null) return;
    epitaph = sentence;
    worker.terminate();
    for (const reject of pending) reject(new EngineDied(sentence));
    pending.clear();
  }
  function fail(sentence: string): void {
    if (epitaph !== null) return;
    end(sentence);
    tell(sentence);
  }

  worker.addEventListener('error', ((event: Partial<ErrorEvent>) => {
    fail(`The engine stopped working: ${event.message || 'its program could not be loaded'}.`);
  }) as EventListener);
  worker.addEventListener('messageerror', () => fail('The engine sent something that cannot be read.'));

  /** `answer` settles as the worker says, or rejects when the worker dies first. */
  function whileAlive<T>(ask: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (epitaph !== null) return reject(new EngineDied(epitaph));
      pending.add(reject);
      ask()
        .then(resolve, reject)
        .finally(() => pending.delete(reject));
    });
  }

  type AnyCall = (...args: unknown[]) => Promise<unknown>;
  const calls = remote as unknown as Record<string, AnyCall>;
  const plain = Object.fromEntries(
    Object.keys(PLAIN_CALLS).map((name) => [
      name,
      (...args: unknown[]) => whileAlive(() => calls[name]?.(...args) as never),
    ]),
  ) as unknown as PlainCalls;

  const run: EngineApi['run'] = (line, onOutput) =>
    whileAlive(() => remote.run(line, Comlink.proxy(onOutput as (piece: OutputPiece) => void)) as never);

  const watchRecall: EngineApi['watchRecall'] = (onProgress) =>
    whileAlive(() => remote.watchRecall(Comlink.proxy(onProgress as () => void)) as never);

  return {
    api: { ...plain, run, watchRecall },
    died,
    stop: () => end('The engine was stopped.'),
  };
}
