import { expect, test } from 'vitest';
import type { WorkerLike } from '../../src/rpc/client.ts';
import { LateWorker } from '../../src/rpc/late-worker.ts';

/** Goal: nobody notices that a worker started later. Method: one that writes down what it is told. */
function late() {
  let begin = () => {};
  const told: string[] = [];
  const write =
    (what: string) =>
    (...words: unknown[]) =>
      void told.push([what, ...words.map(String)].join(' '));
  const worker: WorkerLike = {
    postMessage: write('post'),
    addEventListener: write('add'),
    removeEventListener: write('remove'),
    terminate: write('terminate'),
  };
  const when = new Promise<void>((resolve) => (begin = resolve));
  let startCount = 0;
  const made = new LateWorker(when, () => {
    startCount += 1;
    return worker;
  });
  return { made, told, begin: () => (begin(), when), startCount: () => startCount };
}

test('what it is told waits until it starts, and keeps its order', async () => {
  const { made, told, begin } = late();
  made.addEventListener('message', String as never);
  made.postMessage('one');
  expect(told).toEqual([]);
  await begin();
  made.postMessage('two');
  made.removeEventListener('message', String as never);
  made.terminate();
  expect(told.map((line) => line.split(' function')[0])).toEqual([
    ...['add message', 'post one', 'post two', 'remove message', 'terminate'],
  ]);
});

test('one that is ended before never starts', async () => {
  const { made, told, begin, startCount } = late();
  made.postMessage('one');
  made.terminate();
  await begin();
  expect([told, startCount()]).toEqual([[], 0]);
});
