import { program } from '../program.ts';

export const pwd = program({
  name: 'pwd',
  summary: 'print the current directory',
  manual: `pwd [-L | -P]

Prints the absolute path of the current directory. -L and -P make no difference here: the path holds no links.`,
  letters: 'LP',
  usage: 'usage: pwd [-L | -P]',
  usageExitCode: 1,
  *main(call) {
    yield* call.printLine(call.system.getcwd());
    return 0;
  },
});
