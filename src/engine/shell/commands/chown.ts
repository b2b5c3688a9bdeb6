import { FsError } from '../../base/errno.ts';
import type { Command, Running } from '../command.ts';
import { groupId, groupName, userId, userName } from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';
import { changeEach } from '../tree-change.ts';

export const chown = ownership('chown');
export const chgrp = ownership('chgrp');

function ownership(name: 'chown' | 'chgrp'): Command {
  const isUser = name === 'chown';
  const forms = isUser ? ['owner[:group] file ...', ':group file ...'] : ['group file ...'];
  const lines = forms.map((form) => `${name} [-fhnvx] [-R [-H | -L | -P]] ${form}`);
  return program({
    name,
    summary: isUser ? 'change who owns files' : 'change the group of files',
    manual: `${lines.join('\n')}

  -R  directories with all that is in them    -n  numbers, no names    -v  say what was changed    -f  no words
  -x  stay on one volume

The simulated machine knows the users root, student and _unknown, and the groups wheel, staff, admin and _unknown.
FAT and exFAT keep no owners.`,
    usage: lines.map((line, at) => (at === 0 ? `usage: ${line}` : `       ${line}`)).join('\n'),
    usageExitCode: 1,
    letters: 'HLPRfhnvx',
    *main(call) {
      const [who, ...paths] = call.operands;
      if (who === undefined || paths.length === 0) return yield* call.showUsage();
      const colon = isUser ? who.indexOf(':') : -1;
      const userText = isUser ? (colon < 0 ? who : who.slice(0, colon)) : '';
      const groupText = isUser ? (colon < 0 ? '' : who.slice(colon + 1)) : who;
      const uid = yield* idOf(call, userText, 'user');
      const gid = yield* idOf(call, groupText, 'group');
      if (uid === null || gid === null) return 1;
      return yield* changeEach(call, paths, 'directories last', function* (path, stat) {
        if (uid === undefined && gid === undefined) return;
        const changed = outcomeOf(() => call.system.chown(path, uid ?? stat.uid, gid ?? stat.gid));
        if (changed instanceof FsError) {
          if (!call.has('f')) yield* call.complain(path, changed);
          return;
        }
        const verbosity = call.options.filter(({ letter }) => letter === 'v').length;
        if (verbosity === 0) return;
        const change = isUser
          ? `${userName(stat.uid)}:${groupName(stat.gid)} -> ${userName(uid ?? stat.uid)}:${groupName(gid ?? stat.gid)}`
          : `${groupName(stat.gid)} -> ${groupName(gid ?? stat.gid)}`;
        yield* call.printLine(verbosity > 1 ? `${path}: ${change}` : path);
      });
    },
  });
}

/** Undefined: not to be changed. Null: no such name, which has been said. */
function* idOf(call: Invocation, text: string, type: 'user' | 'group'): Running<number | undefined | null> {
  if (text === '') return undefined;
  const isNumeric = call.has('n') && !/^\d+$/.test(text);
  const id = isNumeric ? null : type === 'user' ? userId(text) : groupId(text);
  if (id === null) yield* call.warn(`${text}: illegal ${type} name`);
  return id;
}
