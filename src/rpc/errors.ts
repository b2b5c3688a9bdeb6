import { transferHandlers } from 'comlink';
import type { TransferHandler } from 'comlink';
import { FsError } from '../engine/base/errno.ts';
import type { ErrnoCode } from '../engine/base/errno.ts';

/**
 * FsError across the wire. Comlink's own handler for thrown values keeps name, message and stack and drops everything
 * else, and an error without its errno is of no use to the page. Imported for its effect on both ends: by the worker
 * and by the client, before the first call.
 */
interface Thrown {
  readonly value: unknown;
}

interface WireError {
  readonly code: ErrnoCode;
  readonly syscall: string;
  readonly path: string;
  readonly detail: string;
}

const builtIn = transferHandlers.get('throw') as TransferHandler<Thrown, unknown>;

const handler: TransferHandler<Thrown, unknown> = {
  canHandle: builtIn.canHandle,
  serialize(thrown) {
    if (!(thrown.value instanceof FsError)) return builtIn.serialize(thrown);
    const { code, syscall, path, detail } = thrown.value;
    return [{ fsError: { code, syscall, path, detail } satisfies WireError }, []];
  },
  deserialize(wire) {
    const { fsError } = wire as { fsError?: WireError };
    if (fsError) throw new FsError(fsError.code, fsError.syscall, fsError.path, fsError.detail);
    return builtIn.deserialize(wire);
  },
};

transferHandlers.set('throw', handler);
