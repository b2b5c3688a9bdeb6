import { FsError } from '../base/errno.ts';
import type { Trace } from '../base/trace.ts';

/**
 * One system call: a span of the trace around `work`, and the name and path of the call on every FsError that has
 * none yet. Sentences are only made while somebody records.
 */
export function callSpan<T>(
  trace: Trace,
  call: { readonly name: string; readonly path: string },
  sentence: () => string,
  work: () => T,
  result: (value: T) => string = () => 'done',
): T {
  if (!trace.isRecording) {
    try {
      return work();
    } catch (error) {
      throw named(error, call);
    }
  }
  trace.open('call', sentence());
  let outcome = '';
  try {
    const value = work();
    outcome = result(value);
    return value;
  } catch (error) {
    outcome = error instanceof FsError ? error.code : 'a fault of the simulator';
    throw named(error, call);
  } finally {
    trace.close(outcome);
  }
}

function named(error: unknown, { name, path }: { name: string; path: string }): unknown {
  if (!(error instanceof FsError) || (error.syscall !== '' && error.path !== '')) return error;
  return new FsError(error.code, error.syscall || name, error.path || path, error.detail, { cause: error });
}
