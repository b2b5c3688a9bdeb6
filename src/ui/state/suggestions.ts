/** What the page offers to try, in an order that tells a story on the disk it opens with. */
export interface Suggestion {
  readonly line: string;
  readonly why: string;
  /** A file the line speaks of: once a line moved or removed it, this is no longer offered. */
  readonly needs?: string;
}

const ON_SAMPLE: readonly Suggestion[] = [
  { line: 'cp film.mov copy.mov', needs: 'film.mov', why: 'and see which blocks a copy costs' },
  {
    line: 'cat photos/one.jpg >> film.mov',
    needs: 'film.mov',
    why: 'film.mov cannot grow where it lies: it comes in two pieces',
  },
  { line: 'rm photos/two.jpg', needs: 'photos/two.jpg', why: 'and see that its bytes stay where they are' },
  { line: 'echo hello >> notes.txt', needs: 'notes.txt', why: 'to write six bytes and count the blocks' },
  { line: 'mv film.mov photos', needs: 'film.mov', why: 'and see that no data moves' },
  { line: 'scope why notes.txt', needs: 'notes.txt', why: 'to ask who holds its block' },
  { line: 'diskutil list', why: 'to see the disk as macOS tells it' },
];

/** For any other disk. */
const ANYWHERE: readonly Suggestion[] = [
  { line: 'ls -l', why: 'to see what is there' },
  { line: 'mkfile 1m film.mov', why: 'and see which blocks a file takes' },
  { line: 'cp film.mov copy.mov', needs: 'film.mov', why: 'and see which blocks a copy costs' },
  { line: 'rm film.mov', needs: 'film.mov', why: 'and see that its bytes stay where they are' },
  { line: 'diskutil list', why: 'to see the disk as macOS tells it' },
];

const TAKES_AWAY = /\b(?:rm|mv|unlink|diskutil erase\w*)\b/;

/** The first that has not been run on this line of history and still has its file, as far as the lines tell. */
export function nextSuggestion(isSample: boolean, lines: readonly string[]): Suggestion | null {
  const isGone = (name: string): boolean =>
    lines.some((line) => TAKES_AWAY.test(line) && line.includes(name));
  const isOffered = ({ line, needs }: Suggestion): boolean =>
    !lines.includes(line) && (needs === undefined || !isGone(needs));
  return (isSample ? ON_SAMPLE : ANYWHERE).find(isOffered) ?? null;
}
