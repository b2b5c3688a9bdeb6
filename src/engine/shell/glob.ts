import { FsError } from '../base/errno.ts';
import type { SystemCalls } from '../vfs/calls.ts';
import { O_DIRECTORY, O_RDONLY } from '../vfs/constants.ts';
import type { Running } from './command.ts';
import { ShellError } from './errors.ts';
import { FIELDS_MAX } from './limits.ts';
import { compilePattern, isPattern } from './pattern.ts';

/**
 * Pathname expansion: the existing paths a pattern matches, sorted; empty when there are none. Directories that cannot
 * be read hold nothing for a pattern, as in every shell.
 */
export function* glob(system: SystemCalls, pattern: string): Running<string[]> {
  const segments = pattern.split('/');
  let paths = [pattern.startsWith('/') ? '/' : ''];
  for (const [index, segment] of segments.entries()) {
    if (segment === '') continue;
    const isLast = index === segments.length - 1;
    const next: string[] = [];
    for (const path of paths) {
      if (isPattern(segment)) {
        next.push(...(yield* matching(system, path, segment)).map((name) => path + name));
      } else {
        const literal = path + segment.replace(/\\(.)/gs, '$1');
        if (exists(system, literal)) next.push(literal);
      }
      if (next.length > FIELDS_MAX) throw new ShellError(`${pattern}: matches more than ${FIELDS_MAX} paths`);
      yield;
    }
    paths = isLast ? next : next.filter((path) => exists(system, `${path}/`)).map((path) => `${path}/`);
    if (paths.length === 0) return [];
  }
  return paths.sort(byCodePoint);
}

/** Names in `directory` (with its slash; empty: the current one) that match. */
function* matching(system: SystemCalls, directory: string, segment: string): Running<string[]> {
  const pattern = compilePattern(segment);
  const names: string[] = [];
  for (const name of yield* list(system, directory === '' ? '.' : directory))
    if ((!name.startsWith('.') || pattern.beginsWithDot) && pattern.matches(name)) names.push(name);
  return names;
}

/** All names of a directory; none when it cannot be read. */
export function* list(system: SystemCalls, directory: string): Running<string[]> {
  let descriptor: number;
  try {
    descriptor = system.open(directory, O_RDONLY | O_DIRECTORY);
  } catch (error) {
    if (error instanceof FsError) return [];
    throw error;
  }
  const names: string[] = [];
  try {
    for (;;) {
      const page = system.getdirentries(descriptor, 1024);
      if (page.length === 0) return names;
      for (const entry of page) names.push(entry.name);
      yield;
    }
  } catch (error) {
    if (error instanceof FsError) return names;
    throw error;
  } finally {
    system.close(descriptor);
  }
}

function exists(system: SystemCalls, path: string): boolean {
  try {
    system.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof FsError) return false;
    throw error;
  }
}

export const byCodePoint = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
