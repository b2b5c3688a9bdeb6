import { parse, type Word } from 'unbash';
import type { Environment } from './environment.ts';

/**
 * Aliases, as words: the first word of a command is replaced by the words of its alias. An alias is one simple command
 * without redirections; anything more is a function's work, and `alias` says so.
 */
export function aliasWords(environment: Environment, name: Word): readonly Word[] {
  const seen = new Set<string>();
  let words: readonly Word[] = [name];
  for (;;) {
    const [first, ...rest] = words;
    // Quoted in any way, a word is no alias.
    if (first === undefined || first.parts !== undefined || first.text !== first.value) return words;
    const text = seen.has(first.value) ? undefined : environment.aliases.get(first.value);
    if (text === undefined) return words;
    seen.add(first.value);
    words = [...(readAlias(text) ?? []), ...rest];
  }
}

/** The words that an alias stands for; undefined when its text is more than a simple command. */
export function readAlias(text: string): readonly Word[] | undefined {
  const script = parse(text);
  const [statement, ...others] = script.commands;
  const command = statement?.command;
  if (script.errors?.length || others.length > 0 || command?.type !== 'Command') return undefined;
  const { name, prefix, suffix } = command;
  const words = suffix.filter((item) => item.type === 'Word');
  return name && prefix.length === 0 && words.length === suffix.length ? [name, ...words] : undefined;
}
