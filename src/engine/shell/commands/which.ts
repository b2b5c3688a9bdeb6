import { isPartOfShell } from '../builtins/registry.ts';
import { program } from '../program.ts';

export const which = program({
  name: 'which',
  summary: 'where a command is',
  manual: `which [-as] command …

Prints the path of each command, or that the shell itself has it. -s only gives the exit code.`,
  letters: 'as',
  usage: 'usage: which [-as] program ...',
  usageExitCode: 1,
  *main(call) {
    if (call.operands.length === 0) return yield* call.showUsage();
    for (const name of call.operands) {
      const isKnown = call.context.commands.has(name);
      if (!isKnown) call.exitCode = 1;
      if (call.has('s')) continue;
      if (!isKnown) yield* call.printLine(`${name} not found`);
      else yield* call.printLine(isPartOfShell(name) ? `${name}: shell built-in command` : `/bin/${name}`);
    }
    return call.exitCode;
  },
});
