import { userName } from '../permissions-text.ts';
import { program } from '../program.ts';

export const sudo = program({
  name: 'sudo',
  summary: 'run a command as the superuser',
  manual: `sudo command [argument …]

Runs the command with user 0, without asking for a password. 'sudo sh -c LINE' for whole lines: the redirections of
'sudo echo x > f' are made by your own shell, as yourself.`,
  letters: 'nSEH',
  usage: 'usage: sudo command [argument ...]',
  usageExitCode: 1,
  *main(call) {
    const words = [...call.operands];
    const environment = new Map(call.context.environment);
    for (let at = (words[0] ?? '').indexOf('='); at > 0; at = (words[0] ?? '').indexOf('=')) {
      const [assignment = ''] = words.splice(0, 1);
      environment.set(assignment.slice(0, at), assignment.slice(at + 1));
    }
    if (words.length === 0) return yield* call.showUsage();
    environment.set('USER', 'root').set('SUDO_USER', call.context.environment.get('USER') ?? '');
    return yield* call.context.execute(words, { asRoot: true, environment });
  },
});

export const whoami = program({
  name: 'whoami',
  summary: 'who you are',
  manual: `whoami

Prints the name of the user: root under sudo.`,
  letters: '',
  usage: 'usage: whoami',
  usageExitCode: 1,
  *main(call) {
    yield* call.printLine(userName(call.system.getuid()));
    return 0;
  },
});
