import { UsageError } from './options.ts';

/** Where PATH of the command line lies in the simulated machine. PATH counts from the root of the volume. */
export function pathInVolume(mountPoint: string, path: string): string {
  if (path === '') throw new UsageError('PATH is empty.');
  if (path.includes('\0')) throw new UsageError('PATH contains a NUL character.');
  const clean = path.replace(/^\/+/, '').replace(/\/+$/, '');
  return clean === '' ? mountPoint : `${mountPoint}/${clean}`;
}
