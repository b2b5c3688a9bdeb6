import { FsError } from '../../base/errno.ts';
import { formatDate } from '../date-format.ts';
import { program } from '../program.ts';

const SECONDS_MAX = 8.64e12;

export const date = program({
  name: 'date',
  summary: 'show the simulated date and time',
  manual: `date [-u] [-R] [-r seconds | -r file] [+format]

Prints the machine's time, which only devices and sleep advance. The machine lives in UTC, with or without -u.
-r  the time of that many seconds since 1970, or when a file was changed      -R  as in mail headers

Format: %Y %y %C %m %d %e %j %H %I %k %l %M %S %N %p %a %A %b %B %h %Z %z %s %F %T %D %R %r %c %x %X %u %w %n %t %%`,
  letters: 'uRr:jn',
  usage: 'usage: date [-jnRu] [-r seconds|file] [+output_fmt]',
  usageExitCode: 1,
  *main(call) {
    const [format, ...more] = call.operands;
    if (more.length > 0 || (format !== undefined && !format.startsWith('+'))) {
      if (format !== undefined) yield* call.warn('the simulated clock cannot be set; sleep advances it');
      return yield* call.showUsage();
    }
    const reference = call.valueOf('r');
    let time = call.system.now();
    if (reference !== undefined && /^-?\d+$/.test(reference))
      time = { seconds: Number(reference), nanoseconds: 0 };
    else if (reference !== undefined) {
      try {
        time = call.system.stat(reference).modifyTime;
      } catch (error) {
        if (!(error instanceof FsError)) throw error;
        yield* call.complain(reference, error);
        return 1;
      }
    }
    if (Math.abs(time.seconds) > SECONDS_MAX) return yield* call.fail(`${reference}: out of range`);
    const otherwise = call.has('R') ? '%a, %d %b %Y %T %z' : '%a %b %e %T %Z %Y';
    yield* call.printLine(formatDate(time, format === undefined ? otherwise : format.slice(1)));
    return 0;
  },
});
