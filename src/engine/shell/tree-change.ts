import { strerror } from '../base/errno.ts';
import type { Stat } from '../vfs/calls.ts';
import type { Running } from './command.ts';
import { TreeWalk } from './fts.ts';
import { isSymlink } from './permissions-text.ts';
import type { Invocation } from './program.ts';

/**
 * What chmod, chown and chflags do in the same way: name files, go down with -R (following what -H and -L say), skip
 * links that -P meets, and change each thing once.
 *
 * No call of this machine changes a link itself, so -h passes links over with ENOTSUP.
 */
export function* changeEach(
  call: Invocation,
  paths: readonly string[],
  order: 'directories first' | 'directories last',
  change: (path: string, stat: Stat) => Running<void>,
): Running {
  const isDeep = call.has('R');
  const links = call.lastOf('HLP');
  if (isDeep && call.has('h'))
    return yield* call.fail('the -R and -h options may not be specified together.');
  if (yield* call.refusesEmpty(paths)) return 1;
  const walk = new TreeWalk(call.system, paths, {
    follow: isDeep
      ? links === 'L'
        ? 'always'
        : links === 'H'
          ? 'roots'
          : 'never'
      : call.has('h')
        ? 'never'
        : 'always',
    oneVolume: call.has('x'),
  });
  for (let entry = yield* walk.next(); entry; entry = yield* walk.next()) {
    const { event, path, stat, error } = entry;
    if (event === 'cycle') continue;
    if (error) {
      yield* call.warn(`${path}: ${strerror(error.code)}`);
      if (event !== 'unreadable') continue;
    }
    if (!stat) continue;
    if (event === 'directory') {
      if (!isDeep) walk.skip();
      else if (order === 'directories last') continue;
    }
    if (event === 'directory end' && order === 'directories first') continue;
    if (event === 'unreadable' && order === 'directories first') continue;
    if (isSymlink(stat.mode)) {
      // A link that is met on the way is left alone; one that leads nowhere is an error.
      if (call.has('h')) yield* call.complain(path, 'ENOTSUP');
      else if (!isDeep || links === 'L' || (links === 'H' && entry.depth === 0))
        yield* call.complain(path, 'ENOENT');
      continue;
    }
    yield* change(path, stat);
  }
  return call.exitCode;
}
