/** What the page offers to try, in an order that tells a story on the bench it opens with. */
export interface Suggestion {
  readonly line: string;
  readonly why: string;
  /** A file the line speaks of: once a line moved or removed it, this is no longer offered. */
  readonly needs?: string;
}

const ON_BENCH: readonly Suggestion[] = [
  {
    ...{ line: 'cp -c film.mov clone.mov', needs: 'film.mov' },
    why: 'one of the formats copies no byte of it',
  },
  {
    ...{ line: 'echo hello >> notes.txt', needs: 'notes.txt' },
    why: 'and count what six bytes cost on each',
  },
  { line: 'df -h .; du -sh .', why: 'where does du tell another story than df?' },
  {
    ...{ line: 'dd if=/dev/random of=clone.mov bs=4k count=1 conv=notrunc', needs: 'clone.mov' },
    why: 'one block of the copy goes its own way',
  },
  { line: 'mv film.mov photos', needs: 'film.mov', why: 'and see that no data moves' },
  {
    line: 'xattr -w org.example.mood calm notes.txt; ls -a',
    needs: 'notes.txt',
    why: 'two of the formats need a second file for it',
  },
  { line: 'truncate -s 1g huge.bin', why: 'a gigabyte: who takes blocks for it, who refuses?' },
  {
    ...{ line: 'rm photos/two.jpg', needs: 'photos/two.jpg' },
    why: 'and see that its bytes stay where they are',
  },
  { line: 'ln -s photos cover; readlink cover', why: 'links on formats that have none' },
  { line: 'on apfs scope snapshot create now', why: 'only this one can keep a state of the volume' },
  { line: 'rm film.mov', needs: 'film.mov', why: 'and see who gets the space back' },
];

/** For any other bench. */
const ANYWHERE: readonly Suggestion[] = [
  { line: 'ls -l', why: 'to see what is there' },
  { line: 'mkfile 1m film.mov', why: 'and see which blocks a file takes' },
  { line: 'cp film.mov copy.mov', needs: 'film.mov', why: 'and see which blocks a copy costs' },
  { line: 'rm film.mov', needs: 'film.mov', why: 'and see that its bytes stay where they are' },
  { line: 'diskutil list', why: 'to see the disk as macOS tells it' },
];

const TAKES_AWAY = /\b(?:rm|mv|unlink|diskutil erase\w*)\b/;

/** The first that has not been run on this line of history and still has its file, as far as the lines tell. */
export function nextSuggestion(isPrepared: boolean, lines: readonly string[]): Suggestion | null {
  const isGone = (name: string): boolean =>
    lines.some((line) => TAKES_AWAY.test(line) && line.includes(name));
  const isOffered = ({ line, needs }: Suggestion): boolean =>
    !lines.includes(line) && (needs === undefined || !isGone(needs));
  return (isPrepared ? ON_BENCH : ANYWHERE).find(isOffered) ?? null;
}
