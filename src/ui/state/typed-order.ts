/** Whom a line is for: 'on apfs ls' speaks to one disk of the bench. */
export type Order =
  | { readonly kind: 'run'; readonly keys: readonly string[]; readonly line: string }
  /** From now on the prompt speaks to this disk, or (null) to all. */
  | { readonly kind: 'narrow'; readonly key: string | null }
  | { readonly kind: 'refusal'; readonly sentence: string };

export interface Named {
  readonly key: string;
  readonly name: string;
}

/** As it is typed: 'HFS+' is also 'hfs+' and 'hfs', 'FAT32 2' is also 'fat32-2'. */
export const plain = (name: string): string => name.toLowerCase().replaceAll(' ', '-').replaceAll('+', '');

/** `target` null: the prompt speaks to all. */
export function orderOf(text: string, disks: readonly Named[], target: string | null): Order {
  const everyone = disks.map(({ key }) => key);
  const here = target === null ? everyone : [target];
  const match = /^\s*on(?:\s+([^\s;|&<>]+))?\s*(?:\s([\s\S]*))?$/.exec(text);
  if (match === null) return { kind: 'run', keys: here, line: text };
  const [, word = '', line = ''] = match;
  const known = disks.map(({ name }) => plain(name)).join(', ');
  const found = disks.find(
    ({ name }) => plain(name) === plain(word) || name.toLowerCase() === word.toLowerCase(),
  );
  const key = plain(word) === 'all' ? null : found?.key;
  if (key === undefined) {
    const what = word === '' ? 'on: say which disk' : `on: there is no disk ${word}`;
    return { kind: 'refusal', sentence: `${what}; there are ${known}, and all` };
  }
  if (line.trim() === '') return { kind: 'narrow', key };
  return { kind: 'run', keys: key === null ? everyone : [key], line };
}
