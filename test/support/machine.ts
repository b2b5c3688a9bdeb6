import { textOf, utf8 } from '../../src/engine/base/bytes.ts';
import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { FsError } from '../../src/engine/base/errno.ts';
import type { SystemCalls } from '../../src/engine/vfs/calls.ts';
import { O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } from '../../src/engine/vfs/constants.ts';
import { Kernel } from '../../src/engine/vfs/kernel.ts';
import type { KernelOptions } from '../../src/engine/vfs/kernel.ts';
import { MemoryVolume } from './memory-volume.ts';
import type { MemoryLimits } from './memory-volume.ts';

/** A machine with one volume in memory, a process of its user and one of root. */
export function machine(limits: Partial<MemoryLimits> = {}, options: Partial<KernelOptions> = {}) {
  const clock = new SimulatedClock();
  const kernel = new Kernel({ clock, ...options });
  const volume = new MemoryVolume(clock, limits);
  const home = kernel.mount(volume, { from: '/dev/disk1s1' });
  const user = kernel.spawn();
  const root = user.fork({ uid: 0, gid: 0 });
  return { clock, kernel, volume, home, user, root };
}

/** What came of a call: the errno's name, or 'ok'. Anything but an FsError is a bug and goes on. */
export function outcome(call: () => unknown): string {
  try {
    call();
    return 'ok';
  } catch (error) {
    if (error instanceof FsError) return error.code;
    throw error;
  }
}

export function writeFile(system: SystemCalls, path: string, contents: string | Uint8Array = ''): void {
  const fd = system.open(path, O_WRONLY | O_CREAT | O_TRUNC);
  try {
    const data = typeof contents === 'string' ? utf8(contents) : contents;
    for (let done = 0; done < data.length;) done += system.write(fd, data.subarray(done));
  } finally {
    system.close(fd);
  }
}

export function readBytes(system: SystemCalls, path: string): Uint8Array {
  const fd = system.open(path, O_RDONLY);
  try {
    const out = new Uint8Array(system.fstat(fd).sizeBytes);
    for (let done = 0; done < out.length;) {
      const count = system.read(fd, out.subarray(done));
      if (count === 0) break;
      done += count;
    }
    return out;
  } finally {
    system.close(fd);
  }
}

export const readFile = (system: SystemCalls, path: string): string => textOf(readBytes(system, path));

/** All names of a directory, '.' and '..' not among them. */
export function namesOf(system: SystemCalls, path: string): string[] {
  const fd = system.open(path, O_RDONLY);
  try {
    const names: string[] = [];
    for (let page = system.getdirentries(fd, 3); page.length > 0; page = system.getdirentries(fd, 3)) {
      names.push(...page.map(({ name }) => name));
    }
    return names;
  } finally {
    system.close(fd);
  }
}
