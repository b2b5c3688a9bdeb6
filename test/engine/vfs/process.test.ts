import { expect, test } from 'vitest';
import { textOf, utf8 } from '../../../src/engine/base/bytes.ts';
import { SimulatedClock } from '../../../src/engine/base/clock.ts';
import { FsError } from '../../../src/engine/base/errno.ts';
import { O_CREAT, O_RDONLY, O_WRONLY } from '../../../src/engine/vfs/constants.ts';
import { Kernel } from '../../../src/engine/vfs/kernel.ts';
import { MemoryVolume } from '../../support/memory-volume.ts';

/** Goal: the plainest way through the house works. Method: one volume in memory, one process, a few calls. */
test('a process writes a file, lists it and reads it back', () => {
  const clock = new SimulatedClock();
  const kernel = new Kernel({ clock });
  const volume = new MemoryVolume(clock);
  expect(kernel.mount(volume, { from: '/dev/disk1' })).toBe('/Volumes/MEMORY');
  const process = kernel.spawn();
  expect(process.getcwd()).toBe('/Volumes/MEMORY');
  process.mkdir('a');
  const fd = process.open('a/x', O_WRONLY | O_CREAT);
  expect(process.write(fd, utf8('hello'))).toBe(5);
  process.close(fd);
  process.chdir('a');
  const back = process.open('/Volumes/MEMORY/a/../a/x', O_RDONLY);
  const into = new Uint8Array(10);
  expect(process.read(back, into)).toBe(5);
  expect(textOf(into.subarray(0, 5))).toBe('hello');
  process.close(back);
  process.rename('../a', '../b');
  expect(process.getcwd()).toBe('/Volumes/MEMORY/b');
  expect(() => kernel.unmount('/dev/disk1')).toThrow(FsError);
  process.exit();
  expect(volume.heldNodes()).toBe(0);
  kernel.unmount('/dev/disk1');
  expect(volume.isUnmounted).toBe(true);
});
