import type { Builtin, BuiltinCall } from './builtin.ts';
import { readAlias } from '../aliases.ts';
import type { Running } from '../command.ts';
import { programName } from '../execute.ts';
import { quoteForShell } from '../parameters.ts';
import { BUILTINS, isPartOfShell } from './registry.ts';

/** What names stand for: aliases, `type`. */

export const aliasBuiltin: Builtin = {
  name: 'alias',
  summary: 'short names for commands',
  manual: `alias [name[=words] …]

Makes a name stand for a command with its first arguments: alias ll='ls -l'. Without words, shows an alias; without
names, all. An alias is one simple command: for pipes and redirections write a function.`,
  *run(call) {
    const { environment, args } = call;
    if (args.length === 0) for (const name of [...environment.aliases.keys()].sort()) yield* show(call, name);
    let status = 0;
    for (const text of args) {
      const at = text.indexOf('=');
      const name = at < 0 ? text : text.slice(0, at);
      if (at < 0) status = (yield* show(call, name)) ? status : 1;
      else if (!/^[^\s$`'"\\/|&;<>()=]+$/.test(name))
        status = yield* refuse(call, name, 'invalid alias name');
      else if (readAlias(text.slice(at + 1)) === undefined)
        status = yield* refuse(call, name, 'more than a simple command; write a function instead');
      else environment.aliases.set(name, text.slice(at + 1));
    }
    return status;
  },
};

function* show(call: BuiltinCall, name: string): Running<boolean> {
  const text = call.environment.aliases.get(name);
  if (text === undefined) yield* refuse(call, name, 'not found');
  else yield* call.stdout.write(`alias ${name}=${quoteForShell(text)}\n`);
  return text !== undefined;
}

function* refuse({ stderr, name: builtin }: BuiltinCall, name: string, why: string): Running {
  yield* stderr.write(`sh: ${builtin}: ${name}: ${why}\n`);
  return 1;
}

export const unaliasBuiltin: Builtin = {
  name: 'unalias',
  summary: 'forget aliases',
  manual: `unalias [-a] name …

Forgets the aliases; -a all of them.`,
  *run(call) {
    const { environment, args } = call;
    let status = 0;
    for (const name of args) {
      if (name === '-a') environment.aliases.clear();
      else if (!environment.aliases.delete(name)) status = yield* refuse(call, name, 'not found');
    }
    return status;
  },
};

export const typeBuiltin: Builtin = {
  name: 'type',
  summary: 'what a name stands for',
  manual: `type name …

Says whether a name is an alias, a keyword, a function, a builtin of the shell or a command. -v prints the name or
path alone, -t one word.`,
  *run(call) {
    const { args, stdout, stderr } = call;
    const style = /^-[vVt]$/.test(args[0] ?? '') ? args[0] : '';
    let status = 0;
    for (const name of style === '' ? args : args.slice(1)) {
      const found = lookUp(call, name);
      if (!found) {
        status = 1;
        if (style === '' || style === '-V') yield* stderr.write(`sh: ${call.name}: ${name}: not found\n`);
      } else if (style === '-t') {
        yield* stdout.write(`${found.kind}\n`);
      } else {
        yield* stdout.write(`${style === '-v' ? found.short : found.sentence}\n`);
      }
    }
    return status;
  },
};

const KEYWORDS = new Set(
  '! [[ ]] case do done elif else esac fi for function if in select then time until while { }'.split(' '),
);

function lookUp(
  { environment }: BuiltinCall,
  name: string,
): { kind: string; short: string; sentence: string } | undefined {
  const alias = environment.aliases.get(name);
  if (alias !== undefined)
    return {
      kind: 'alias',
      short: `alias ${name}=${quoteForShell(alias)}`,
      sentence: `${name} is aliased to \`${alias}'`,
    };
  if (KEYWORDS.has(name)) return { kind: 'keyword', short: name, sentence: `${name} is a shell keyword` };
  const shellFunction = environment.functions.get(name);
  if (shellFunction)
    return { kind: 'function', short: name, sentence: `${name} is a function\n${shellFunction.text}` };
  if (isPartOfShell(name) && !BUILTINS.get(name)?.isProgram)
    return { kind: 'builtin', short: name, sentence: `${name} is a shell builtin` };
  const program = programName(name);
  if (!environment.shared.commands.has(program)) return undefined;
  return { kind: 'file', short: `/bin/${program}`, sentence: `${name} is /bin/${program}` };
}
