import * as fs from 'node:fs';
import { EXIT, onHost } from './report.ts';

/** Text of a script of the host; '-' is standard input. HostError with a sentence when it cannot be read. */
export function readScript(path: string): string {
  const source = path === '-' ? 0 : path;
  return onHost('read', path, EXIT.unreadable, () => fs.readFileSync(source, 'utf8'));
}

/**
 * A script as a person would type it: one command after another, each with as many lines as it needs. Empty lines and
 * comments between them are left out. Null: the script ends in the middle of a command.
 */
export function commandsOf(text: string, isComplete: (text: string) => boolean): string[] | null {
  const commands: string[] = [];
  let begun: string | null = null;
  for (const line of text.replace(/\n$/, '').split('\n')) {
    if (begun === null && /^\s*(#|$)/.test(line)) continue;
    begun = begun === null ? line : `${begun}\n${line}`;
    if (!isComplete(begun)) continue;
    commands.push(begun);
    begun = null;
  }
  return begun === null ? commands : null;
}
