import * as Comlink from 'comlink';
import { expect, test } from 'vitest';
import { EngineDied, startEngine } from '../../src/rpc/client.ts';
import type { WorkerLike } from '../../src/rpc/client.ts';
import { EngineServer } from '../../src/rpc/server.ts';

/** Goal: nobody waits for a dead worker. Method: a stand-in for Worker whose death we decide. */
function standIn(server: object) {
  const { port1, port2 } = new MessageChannel();
  Comlink.expose(server, port1);
  const failures: ((event: { message: string }) => void)[] = [];
  let isTerminated = false;
  const worker: WorkerLike = {
    postMessage: (message, transfer) => port2.postMessage(message, transfer ?? []),
    addEventListener: (type: string, listener: EventListenerOrEventListenerObject) => {
      if (type === 'error') failures.push(listener as never);
      else port2.addEventListener(type, listener as never);
    },
    removeEventListener: (type, listener) => port2.removeEventListener(type, listener as never),
    start: () => port2.start(),
    terminate: () => {
      isTerminated = true;
      port1.close();
      port2.close();
    },
  };
  port2.start();
  return {
    worker,
    die: (message: string) => failures.forEach((tell) => tell({ message })),
    isTerminated: () => isTerminated,
  };
}

test('calls under way and later ones reject with a sentence when the worker dies', async () => {
  const { worker, die, isTerminated } = standIn({ undo: () => new Promise(() => {}) });
  const engine = startEngine(worker);
  const pending = engine.api.undo();
  die('out of memory');
  await expect(pending).rejects.toThrow(EngineDied);
  await expect(pending).rejects.toThrow('The engine stopped working: out of memory.');
  await expect(engine.api.redo()).rejects.toThrow('The engine stopped working: out of memory.');
  expect(await engine.died).toBe('The engine stopped working: out of memory.');
  expect(isTerminated()).toBe(true);
});

test('a script that does not load says so', async () => {
  const { worker, die } = standIn({});
  const engine = startEngine(worker);
  die('');
  await expect(engine.api.undo()).rejects.toThrow('its program could not be loaded');
});

test('stopping ends calls and is no death', async () => {
  const { worker } = standIn({ undo: () => new Promise(() => {}) });
  const engine = startEngine(worker);
  const pending = engine.api.undo();
  engine.stop();
  await expect(pending).rejects.toThrow('The engine was stopped.');
  const first = await Promise.race([engine.died, Promise.resolve('alive')]);
  expect(first).toBe('alive');
});

test('every call of the protocol reaches the server, output included', async () => {
  const { worker } = standIn(new EngineServer());
  const { api, stop } = startEngine(worker);
  const options = { seed: 1, profile: 'nvme', policy: 'each' } as const;
  const disk = { format: 'fat32', sizeBytes: 2 ** 26, label: '', scheme: 'gpt', settings: {} } as const;
  const delta = await api.createDisk({ ...disk, ...options, startLines: [] });
  expect(delta.disk.scheme).toBe('gpt');
  let text = '';
  const { step } = await api.run('echo hi > a; echo $?', (piece) => void (text += piece.text));
  expect(text).toBe('0\n');
  expect(step?.costs.writes).toBeGreaterThan(2);
  const page = { offset: 0, countMax: 5 };
  expect((await api.regions(page)).regions[0]?.role).toBe('partition');
  expect((await api.structures(null, page)).nodes[0]?.deviceOffsetBytes).toBe(2 ** 20);
  expect((await api.file('/a')).extentFirstBlocks[0]).toBeGreaterThan(2048);
  expect((await api.why('/a')).deletions[0]?.freedBlocks).toBe(1);
  expect(await api.snapshotDeletions()).toEqual([]);
  expect((await api.verdict())[0]).toBe('fsck_msdos: clean.');
  expect((await api.labels()).map(({ kind }) => kind)).toContain('exact');
  expect((await api.why(0)).title).toContain('Protective MBR');
  expect((await api.check()).isClean).toBe(true);
  expect((await api.trace(1, page)).rows[0]?.kind).toBe('command');
  expect((await api.complete('ech')).words).toContain('echo ');
  stop();
});
