import { suggest } from '../suggest.ts';
import { program } from '../program.ts';

export const help = program({
  name: 'help',
  summary: 'list the commands there are',
  manual: `help [command …]

Lists every command with a line about it, or prints the pages of those named, as man does.`,
  letters: '',
  usage: 'usage: help [command ...]',
  usageExitCode: 1,
  *main(call) {
    if (call.operands.length > 0) return yield* call.context.execute(['man', ...call.operands]);
    const commands = [...call.context.commands.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
    for (const { name, summary } of commands) yield* call.printLine(`${name.padEnd(width)}${summary}`);
    yield* call.printLine(`\n'man COMMAND' tells more about one.`);
    return 0;
  },
});

export const man = program({
  name: 'man',
  summary: 'the page of a command',
  manual: `man command …

Prints what a command does, its options, and where it differs from macOS.
man -k word  lists commands whose line holds the word.`,
  letters: 'k',
  usage: 'usage: man command ...',
  usageExitCode: 1,
  *main(call) {
    if (call.operands.length === 0) return yield* call.fail('What manual page do you want?');
    const { commands } = call.context;
    for (const [index, name] of call.operands.entries()) {
      if (call.has('k')) {
        for (const command of commands.values())
          if (`${command.name} ${command.summary}`.includes(name))
            yield* call.printLine(`${command.name} - ${command.summary}`);
        continue;
      }
      const command = commands.get(name);
      if (!command) {
        const similar = suggest(name, [...commands.keys()]);
        const hint = similar === undefined ? '' : ` (did you mean '${similar}'?)`;
        yield* call.say(`No manual entry for ${name}${hint}\n`);
        call.exitCode = 1;
        continue;
      }
      const indented = command.manual.replace(/^(?=.)/gm, '    ');
      yield* call.print(`${index > 0 ? '\n' : ''}${name} - ${command.summary}\n\n${indented}\n`);
    }
    return call.exitCode;
  },
});
