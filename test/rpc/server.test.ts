import * as Comlink from 'comlink';
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { FsError } from '../../src/engine/base/errno.ts';
import '../../src/rpc/errors.ts';
import type { EngineApi, NewDiskRequest, OutputPiece } from '../../src/rpc/protocol.ts';
import { EngineServer } from '../../src/rpc/server.ts';
import { Stopwatch } from '../support/stopwatch.ts';

/**
 * Goal: the page gets from the worker what the protocol says. Method: a real server behind a real message channel with
 * Comlink on both ends; only the thread is missing.
 */

const ports: MessagePort[] = [];
afterEach(() => ports.splice(0).forEach((port) => port.close()));

function engine(others?: Promise<void>): EngineApi {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  Comlink.expose(new EngineServer(others), port1);
  const remote = Comlink.wrap<EngineApi>(port2);
  return new Proxy({} as EngineApi, {
    get: (_, name: keyof EngineApi) =>
      name === 'run'
        ? (line: string, onOutput: () => void) => remote.run(line, Comlink.proxy(onOutput))
        : (remote[name] as unknown),
  });
}

const request: NewDiskRequest = {
  ...{ format: 'fat32', sizeBytes: 2 ** 26, label: 'TEST', scheme: 'none', settings: {}, startLines: [] },
  ...{ seed: 7, profile: 'nvme', policy: 'each' },
};

async function outputOf(api: EngineApi, line: string): Promise<string> {
  let text = '';
  await api.run(line, (piece: OutputPiece) => void (text += piece.text));
  return text;
}

describe('the engine behind the wire', () => {
  test('before a disk is open every question says so', async () => {
    const error = await engine()
      .undo()
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FsError);
    expect(error).toMatchObject({ code: 'ENXIO', detail: 'no disk is open yet' });
  });

  test('disks wait for the formats; lines run one at a time', async () => {
    let come = () => {};
    const api = engine(new Promise<void>((resolve) => (come = resolve)));
    let isDone = false;
    const made = api.createDisk(request).then(() => (isDone = true));
    await api.resize(80);
    expect(isDone).toBe(false);
    come();
    await made;
    isDone = false;
    const first = api.run('cat', () => {}).then(() => (isDone = true));
    const second = api.run('true', () => {}).catch((error: FsError) => error.code);
    expect(await second).toBe('EBUSY');
    expect(isDone).toBe(false);
    await api.interrupt();
    await first;
    expect(isDone).toBe(true);
  });

  test('a part of the program that does not come is told with every call that needs it', async () => {
    const api = engine(Promise.reject(new Error('offline')));
    await expect(api.createDisk(request)).rejects.toThrow('did not load; reload the page');
    await expect(api.run('true', () => {})).rejects.toThrow('did not load');
  });

  test('a disk is made, start lines are run and are not undone', async () => {
    const api = engine();
    const delta = await api.createDisk({ ...request, startLines: ['echo one > a', 'mkdir d'] });
    expect(delta.disk.volume).toMatchObject({ label: 'TEST', formatName: 'fat32' });
    expect(delta.now).toEqual({ step: 0 });
    expect(delta.newSteps.map(({ line }) => line)).toEqual(['']);
    expect((await api.directory('/', { offset: 0, countMax: 9 })).files.map(({ name }) => name)).toEqual([
      'a',
      'd',
    ]);
  });

  test('a line prints, becomes a step and can be undone and redone', async () => {
    const api = engine();
    await api.createDisk(request);
    const empty = await api.imageHash();
    expect(await outputOf(api, 'echo hi > a; echo done; ls')).toBe('done\na\n');
    const changed = await api.imageHash();
    expect(changed).not.toBe(empty);
    const { now, newSteps } = await api.undo();
    expect([now, newSteps]).toEqual([{ step: 0 }, []]);
    expect(await api.imageHash()).toBe(empty);
    await api.redo();
    expect(await api.imageHash()).toBe(changed);
  });

  test('the beginning of a command runs nothing', async () => {
    const api = engine();
    await api.createDisk(request);
    const result = await api.run('for i in 1 2', () => {});
    expect(result).toMatchObject({ isComplete: false, step: null });
  });

  test('Ctrl-C ends an endless line with 130; meanwhile disk and files can be looked at', async () => {
    const api = engine();
    await api.createDisk(request);
    const running = api.run('i=0; while :; do i=$((i+1)); echo x > f$i; done', () => {});
    const page = { offset: 0, countMax: 3 };
    await vi.waitFor(async () => expect((await api.directory('/', page)).total).toBeGreaterThan(1), 20_000);
    expect((await api.map({ firstBlock: 0, blockCount: 2 ** 17, cellsMax: 100 })).roles.length).toBe(100);
    await expect(api.undo()).rejects.toMatchObject({ code: 'EBUSY' });
    await api.interrupt();
    expect((await running).step?.exitCode).toBe(130);
    const spans = await api.trace(1, { offset: 0, countMax: 100_000 });
    expect(spans.rows.filter(({ sentence }) => sentence.includes('getdirentries'))).toEqual([]);
  });

  test('typed text reaches the command that reads it; the rest comes back', async () => {
    const api = engine();
    await api.createDisk(request);
    let printed = '';
    const running = api.run('read x; echo "<$x>"', ({ text }) => void (printed += text));
    while (!(await api.type('hello\nnext line\n')));
    const { unread } = await running;
    expect([printed, unread]).toEqual(['<hello>\n', 'next line\n']);
    expect(await api.type('nobody')).toBe(false);
  });

  test('Ctrl-C ends a command that waits for input, whenever it comes', async () => {
    const api = engine();
    await api.createDisk(request);
    for (let i = 0; i < 10; i++) {
      let isAsked = false;
      const running = api.run('echo prompt; read x', () => {
        if (!isAsked) void api.interrupt();
        isAsked = true;
      });
      expect((await running).step?.exitCode).toBe(130);
    }
  });

  test('an error of the disk arrives with its errno', async () => {
    const api = engine();
    await api.createDisk(request);
    await expect(api.file('/missing')).rejects.toMatchObject({ code: 'ENOENT', errno: 2 });
    await expect(api.createDisk({ ...request, sizeBytes: 1000 })).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('the exported image is the disk as unmounting leaves it; hardly anything of a large one is stored', async () => {
    const api = engine();
    await api.createDisk({ ...request, sizeBytes: 2 ** 26 + 512 });
    await outputOf(api, 'echo hi > a; mkfile 3m b');
    const blob = await api.exportImage();
    expect(blob.size).toBe(2 ** 26 + 512);
    const bytes = new Uint8Array(await blob.arrayBuffer());
    for (const block of [1, 2050, 2051, 9000]) {
      const view = await api.block(block);
      expect(bytes.subarray(block * 512, block * 512 + 512)).toEqual(view.bytes);
    }
    // BS_Reserved1: the mounted volume says that it is in use, the image that it is whole.
    expect([(await api.block(0)).bytes[65], bytes[65]]).toEqual([1, 0]);
    expect(createHash('sha256').update(bytes).digest('hex')).toHaveLength(64);

    await api.createDisk({ ...request, sizeBytes: 2 ** 31 });
    const watch = new Stopwatch();
    expect((await api.exportImage()).size).toBe(2 ** 31);
    expect(watch.milliseconds).toBeLessThan(5000);
  });

  test('a file under way says how far it is, is the only one, and can be stopped', async () => {
    const api = engine();
    await api.createDisk(request);
    await outputOf(api, 'seq 1 2000000 > a');
    const asked = { container: 'gzip', state: 'rest', isWrapped: false } as const;
    expect(await api.transfer()).toBeNull();
    const saving = api.exportFile(asked).catch((error: FsError) => error);
    await vi.waitFor(async () => expect((await api.transfer())?.doneBytes).toBeGreaterThan(0), 20_000);
    await expect(api.exportFile(asked)).rejects.toMatchObject({ code: 'EBUSY' });
    await api.stopTransfer();
    expect(await saving).toMatchObject({ code: 'ECANCELED' });
    expect(await api.transfer()).toBeNull();
    expect((await api.exportView(asked)).fileName).toBe('TEST-fat32.img.gz');
  });
});
