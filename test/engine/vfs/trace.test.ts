import { expect, test } from 'vitest';
import { utf8 } from '../../../src/engine/base/bytes.ts';
import { FsError } from '../../../src/engine/base/errno.ts';
import type { Trace } from '../../../src/engine/base/trace.ts';
import type { SystemCalls } from '../../../src/engine/vfs/calls.ts';
import { O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } from '../../../src/engine/vfs/constants.ts';
import { machine, outcome } from '../../support/machine.ts';

/** Goal: every call is one sentence with its result, and costs nothing when nobody listens. */
class Recorder implements Trace {
  isRecording = true;
  readonly lines: string[] = [];
  readonly #open: string[] = [];

  open(level: string, sentence: string): void {
    this.#open.push(`${level}: ${sentence}`);
  }

  close(result = ''): void {
    this.lines.push(`${this.#open.pop()} → ${result}`);
  }

  get depth(): number {
    return this.#open.length;
  }
}

test('calls say what they are for and what came of it', () => {
  const trace = new Recorder();
  const { user } = machine({}, { trace });
  trace.lines.length = 0;
  user.mkdir('d');
  const fd = user.open('d/a.txt', O_WRONLY | O_CREAT | O_TRUNC);
  user.write(fd, utf8('abc'));
  user.close(fd);
  outcome(() => user.open('no', O_RDONLY));
  outcome(() => user.close(9));
  user.rename('d/a.txt', 'b');
  expect(trace.lines).toEqual([
    'call: make the directory "d" → done',
    'call: open "d/a.txt" for writing, empty or new → descriptor 0',
    'call: write 3 bytes to "d/a.txt" → 3 bytes',
    'call: close "d/a.txt" → done',
    'call: open "no" for reading → ENOENT',
    'call: close descriptor 9 → EBADF',
    'call: rename "d/a.txt" to "b" → done',
  ]);
  expect(trace.depth).toBe(0);
});

test('every call has a sentence, and control characters in names are shown escaped', () => {
  const trace = new Recorder();
  const { user } = machine({}, { trace });
  const name = 'a\u001b[31m';
  const calls: ((system: SystemCalls) => unknown)[] = [
    (s) => s.stat(name),
    (s) => s.lstat(name),
    (s) => s.access(name, 0),
    (s) => s.chmod(name, 0),
    (s) => s.chown(name, 0, 0),
    (s) => s.chflags(name, 0),
    (s) => s.utimes(name, {}),
    (s) => s.truncate(name, 0),
    (s) => s.unlink(name),
    (s) => s.rmdir(name),
    (s) => s.readlink(name),
    (s) => s.chdir(name),
    (s) => s.realpath(name),
    (s) => s.statfs(name),
    (s) => s.extents(name),
    (s) => s.getxattr(name, 'x'),
    (s) => s.setxattr(name, 'x', new Uint8Array(0)),
    (s) => s.listxattr(name),
    (s) => s.removexattr(name, 'x'),
    (s) => s.rename(name, 'b'),
    (s) => s.renamex(name, 'b', 2),
    (s) => s.link(name, 'b'),
    (s) => s.clonefile(name, 'b', 0),
    (s) => s.exchangedata(name, name),
    (s) => s.fsSnapshotCreate(name, 'x'),
  ];
  for (const call of calls) {
    trace.lines.length = 0;
    expect(outcome(() => call(user))).toBe('ENOENT');
    expect(trace.lines).toHaveLength(1);
    expect(trace.lines[0]).toMatch(/^call: .*"a\\u001b\[31m".* → ENOENT$/);
  }
});

test('errors leave with the name of the call and the path it is about', () => {
  const { user } = machine({ capacityBytes: 1024 });
  const failing = (call: () => unknown) => {
    try {
      call();
    } catch (error) {
      if (error instanceof FsError) return [error.code, error.syscall, error.path];
      throw error;
    }
    return ['ok'];
  };
  user.mkdir('d');
  expect(failing(() => user.mkdir('d'))).toEqual(['EEXIST', 'mkdir', 'd']);
  expect(failing(() => user.rename('d', 'no/x'))).toEqual(['ENOENT', 'rename', 'no/x']);
  expect(failing(() => user.rename('no', 'x'))).toEqual(['ENOENT', 'rename', 'no']);
  const fd = user.open('a', O_WRONLY | O_CREAT);
  user.write(fd, new Uint8Array(1024));
  expect(failing(() => user.write(fd, new Uint8Array(1)))).toEqual(['ENOSPC', 'write', 'a']);
  expect(failing(() => user.read(fd, new Uint8Array(1)))).toEqual(['EBADF', 'read', 'a']);
  expect(failing(() => user.read(42, new Uint8Array(1)))).toEqual(['EBADF', 'read', 'descriptor 42']);
  expect(failing(() => user.open('x'.repeat(300), O_CREAT))).toEqual([
    'ENAMETOOLONG',
    'open',
    'x'.repeat(300),
  ]);
});
