import * as Comlink from 'comlink';
import { afterEach, expect, test } from 'vitest';
import { FsError } from '../../src/engine/base/errno.ts';
import '../../src/rpc/errors.ts';

/** Goal: what a caller catches is what the engine threw. Method: a real message channel with Comlink on both ends. */

const ports: MessagePort[] = [];
afterEach(() => ports.splice(0).forEach((port) => port.close()));

function wired<T>(api: T): Comlink.Remote<T> {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  Comlink.expose(api, port1);
  return Comlink.wrap<T>(port2);
}

test('an FsError keeps code, errno, system call, path and detail', async () => {
  const remote = wired({
    fail(): Promise<void> {
      throw new FsError('ENOSPC', 'write', '/a/b', '12 bytes did not fit');
    },
  });
  const error = await remote.fail().catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(FsError);
  expect(error).toMatchObject({ code: 'ENOSPC', errno: 28, syscall: 'write', path: '/a/b' });
  expect(error).toMatchObject({ detail: '12 bytes did not fit' });
});

test('any other error keeps its name and message, and is no FsError', async () => {
  const remote = wired({
    fail(): Promise<void> {
      throw new RangeError('out of bounds');
    },
  });
  const error = await remote.fail().catch((caught: unknown) => caught);
  expect(error).not.toBeInstanceOf(FsError);
  expect(error).toMatchObject({ name: 'RangeError', message: 'out of bounds' });
});
