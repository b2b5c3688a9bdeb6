import { FsError } from '../../base/errno.ts';
import { reasonOf } from '../disk-names.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';

export const apfsSystemSnapshot = program({
  name: 'apfs_systemsnapshot',
  summary: 'make a volume what it was at a snapshot',
  manual: `apfs_systemsnapshot -r snapshot -v volume

The volume, named by where it is mounted or by its device, becomes what it was when the snapshot was taken; what came
later, with later snapshots, is lost. Refused while files on it are open.

Differs from macOS: it happens at once and not at the next mount; no -s, as no machine starts from this disk.`,
  usage: 'usage: apfs_systemsnapshot -r snapshot -v volume',
  usageExitCode: 64,
  letters: 'r:s:v:',
  *main(call) {
    const [name, volume] = [call.valueOf('r'), call.valueOf('v')];
    if (call.has('s')) return yield* call.fail('-s is not simulated: no machine starts from this disk');
    if (name === undefined || volume === undefined || call.operands.length > 0) {
      return yield* call.showUsage();
    }
    const done = outcomeOf(() => call.context.machine.revertToSnapshot(volume, name));
    return done instanceof FsError ? yield* call.fail(`${volume}: ${reasonOf(done)}`) : 0;
  },
});
