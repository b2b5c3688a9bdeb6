import { program } from '../program.ts';

export const sync = program({
  name: 'sync',
  summary: 'write all that is only in memory to the disks',
  manual: `sync

Under the policy "each" nothing is ever left to write; under "writeback" this is when it happens.`,
  usage: 'usage: sync',
  usageExitCode: 1,
  letters: '',
  *main(call) {
    call.system.sync();
    return 0;
  },
});
