import { program } from '../program.ts';

export const env = program({
  name: 'env',
  summary: 'show or change the environment of a command',
  manual: `env [-i] [-u name] [name=value …] [command [argument …]]

Runs a command with variables added, or without one prints the environment.
-i  begin with an empty environment      -u  leave a variable out`,
  letters: 'iu:',
  usage: 'usage: env [-i] [-u name] [name=value ...] [utility [argument ...]]',
  usageExitCode: 1,
  *main(call) {
    const variables = new Map(call.has('i') ? [] : call.context.environment);
    for (const { letter, value } of call.options) if (letter === 'u') variables.delete(value);
    const words = [...call.operands];
    for (let at = (words[0] ?? '').indexOf('='); at > 0; at = (words[0] ?? '').indexOf('=')) {
      const [assignment = ''] = words.splice(0, 1);
      variables.set(assignment.slice(0, at), assignment.slice(at + 1));
    }
    if (words.length > 0) return yield* call.context.execute(words, { environment: variables });
    for (const [name, value] of variables) yield* call.printLine(`${name}=${value}`);
    return 0;
  },
});
