/** What the page offers to try, in an order that tells a story on the disk it opens with. */
export interface Suggestion {
  readonly line: string;
  readonly why: string;
}

export const SUGGESTIONS: readonly Suggestion[] = [
  { line: 'cp film.mov copy.mov', why: 'and see which blocks a copy costs' },
  { line: 'rm photos/two.jpg', why: 'and see that its bytes stay where they are' },
  { line: 'mkfile 3m scattered.bin', why: 'to fill the gap: the file comes in pieces' },
  { line: 'scope why /scattered.bin', why: 'to ask who holds these blocks' },
  { line: 'echo hello >> notes.txt', why: 'to write six bytes and count the blocks' },
  { line: 'mv film.mov photos', why: 'and see that no data moves' },
  { line: 'fsck_msdos -n /dev/disk1', why: 'to have the volume checked' },
];

/** The first that has not been run on this line of history. */
export const nextSuggestion = (lines: readonly string[]): Suggestion | null =>
  SUGGESTIONS.find(({ line }) => !lines.includes(line)) ?? null;
