import type { Timespec } from '../../base/clock.ts';
import { FsError } from '../../base/errno.ts';
import { O_CREAT, O_WRONLY } from '../../vfs/constants.ts';
import type { Running } from '../command.ts';
import type { Invocation } from '../program.ts';
import { attempt, program } from '../program.ts';
import { failedWith, outcomeOf } from '../system-outcome.ts';
import { parseIsoTime, parseTouchTime } from '../times-text.ts';

const BAD_TIME = 'out of range or illegal time specification';

export const touch = program({
  name: 'touch',
  summary: 'set times of files, make empty ones',
  manual: `touch [-achm] [-r file] [-t [[CC]YY]MMDDhhmm[.SS]] [-d YYYY-MM-DDThh:mm:SS[.frac][Z]] file ...

  -a, -m  only the time of access, only that of modification     -c  make no file
  -t, -d  this time    -r  the times of that file    -h  of the link itself

Times are UTC, the simulated machine's time zone. Differs from macOS: no -A.`,
  usage: [
    'usage: touch [-achm] [-r file] [-t [[CC]YY]MMDDhhmm[.SS]]',
    '       [-d YYYY-MM-DDThh:mm:SS[.frac][tz]] file ...',
  ].join('\n'),
  usageExitCode: 1,
  letters: 'acd:fhmr:t:',
  *main(call) {
    const { system } = call;
    const given = yield* givenTimes(call);
    if (given === 'bad') return 1;
    if (call.operands.length === 0) return yield* call.showUsage();
    const both = call.has('a') === call.has('m');
    const noFollow = call.has('h');
    for (const path of call.operands) {
      const found = outcomeOf(() => (noFollow ? system.lstat(path) : system.stat(path)));
      if (found instanceof FsError && !failedWith(found, 'ENOENT')) {
        yield* call.complain(path, found);
        continue;
      }
      if (found instanceof FsError) {
        if (call.has('c') || noFollow) continue;
        const fd = yield* attempt(call, path, () => system.open(path, O_WRONLY | O_CREAT, 0o666));
        if (fd === undefined) continue;
        system.close(fd);
        if (!given) continue;
      }
      const now = system.now();
      const { access, modify } = given ?? { access: now, modify: now };
      const times = {
        ...(both || call.has('a') ? { access } : {}),
        ...(both || call.has('m') ? { modify } : {}),
      };
      yield* attempt(call, path, () => system.utimes(path, times, noFollow));
    }
    return call.exitCode;
  },
});

/** What the last of -t, -d and -r says; null when the time is now. */
function* givenTimes(call: Invocation): Running<{ access: Timespec; modify: Timespec } | null | 'bad'> {
  const option = call.options.findLast(({ letter }) => 'tdr'.includes(letter));
  if (!option) return null;
  const { letter, value } = option;
  if (letter === 'r') {
    const found = outcomeOf(() => call.system.stat(value));
    if (!(found instanceof FsError)) return { access: found.accessTime, modify: found.modifyTime };
    yield* call.complain(value, found);
    return 'bad';
  }
  const time = letter === 't' ? parseTouchTime(value, call.system.now()) : parseIsoTime(value);
  if (time) return { access: time, modify: time };
  const form = letter === 't' ? '[[CC]YY]MMDDhhmm[.SS]' : 'YYYY-MM-DDThh:mm:SS[.frac][tz]';
  yield* call.warn(`${BAD_TIME}: ${form}`);
  return 'bad';
}
