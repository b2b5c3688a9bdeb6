import { directoryName } from '../paths-text.ts';
import { program } from '../program.ts';
import { FsError } from '../../base/errno.ts';
import { outcomeOf } from '../system-outcome.ts';

export const rmdir = program({
  name: 'rmdir',
  summary: 'remove empty directories',
  manual: `rmdir [-pv] directory ...

  -p  then the directories above it, as the path names them     -v  say what was removed`,
  usage: 'usage: rmdir [-pv] directory ...',
  usageExitCode: 1,
  letters: 'pv',
  *main(call) {
    if (call.operands.length === 0) return yield* call.showUsage();
    for (const operand of call.operands) {
      let path = operand;
      for (;;) {
        const removed = outcomeOf(() => call.system.rmdir(path));
        if (removed instanceof FsError) {
          yield* call.complain(path, removed);
          break;
        }
        if (call.has('v')) yield* call.printLine(path);
        const above = directoryName(path);
        if (!call.has('p') || above === '/' || !path.replace(/\/+$/, '').includes('/')) break;
        path = above;
      }
    }
    return call.exitCode;
  },
});
