/** What the page offers to try, in an order that tells a story on the disk it opens with. */
export interface Suggestion {
  readonly line: string;
  readonly why: string;
  /** A file the line speaks of: once a line moved or removed it, this is no longer offered. */
  readonly needs?: string;
}

const COPY = { line: 'cp film.mov copy.mov', needs: 'film.mov', why: 'and see which blocks a copy costs' };
const DELETE = {
  ...{ line: 'rm photos/two.jpg', needs: 'photos/two.jpg' },
  why: 'and see that its bytes stay where they are',
};
const MOVE = { line: 'mv film.mov photos', needs: 'film.mov', why: 'and see that no data moves' };
const WHY = { line: 'scope why notes.txt', needs: 'notes.txt', why: 'to ask who holds its block' };
const LIST = { line: 'diskutil list', why: 'to see the disk as macOS tells it' };
const INFO = { line: 'diskutil info disk1', why: 'to see the volume as macOS tells it' };

const ON_FAT: readonly Suggestion[] = [
  COPY,
  {
    line: 'cat photos/one.jpg >> film.mov',
    needs: 'film.mov',
    why: 'film.mov cannot grow where it lies: it comes in two pieces',
  },
  DELETE,
  { line: 'echo hello >> notes.txt', needs: 'notes.txt', why: 'to write six bytes and count the blocks' },
  MOVE,
  WHY,
  LIST,
];

const ON_EXFAT: readonly Suggestion[] = [
  { ...COPY, why: 'and see that its FAT stays empty: a file in one piece needs no chain' },
  {
    line: 'cat photos/one.jpg >> film.mov',
    needs: 'film.mov',
    why: 'film.mov comes in two pieces, and its whole chain is written for the first time',
  },
  { line: 'truncate -s 16m later.bin', why: 'to get clusters without zeros: its valid length stays 0' },
  {
    line: 'xattr -w org.example.mood calm notes.txt',
    needs: 'notes.txt',
    why: 'exFAT keeps no attributes: look for ._notes.txt',
  },
  DELETE,
  MOVE,
  WHY,
  INFO,
];

const ON_HFS: readonly Suggestion[] = [
  { line: 'ls -lO@', why: 'to see flags, links and extended attributes' },
  {
    line: 'echo hello >> notes.txt',
    needs: 'notes.txt',
    why: 'and see the journal written before the catalog',
  },
  { line: 'truncate -s 4m hole.bin', why: 'HFS+ keeps no holes: every block is taken and zeroed' },
  { line: 'ln film.mov again.mov', needs: 'film.mov', why: 'and see the file move where nobody looks' },
  {
    line: 'cat photos/one.jpg >> film.mov',
    needs: 'film.mov',
    why: 'film.mov cannot grow where it lies: a second extent goes into its record',
  },
  { line: 'cp -c film.mov clone.mov', needs: 'film.mov', why: 'HFS+ cannot clone: it is a copy after all' },
  DELETE,
  MOVE,
  WHY,
  INFO,
];

const ON_APFS: readonly Suggestion[] = [
  { line: 'cp -c film.mov again.mov', needs: 'film.mov', why: 'a clone: no block of contents is written' },
  {
    line: 'dd if=/dev/random of=clone.mov bs=4k count=1 conv=notrunc',
    needs: 'clone.mov',
    why: 'one block of the clone goes its own way; film.mov keeps the old one',
  },
  { line: 'scope shared film.mov clone.mov', needs: 'clone.mov', why: 'to count the blocks both still hold' },
  { line: 'df -h; du -h', why: 'du counts the clone in full, df tells the truth' },
  { line: 'scope snapshot create now', why: 'to keep this state of the volume: a few blocks' },
  DELETE,
  { line: 'df -h', why: 'after a deletion: a snapshot holds on to the blocks' },
  { line: 'scope snapshot delete before', why: 'and see what it alone held become free' },
  { line: 'truncate -s 1t huge.bin', why: 'a terabyte that takes no blocks' },
  MOVE,
  WHY,
  { line: 'diskutil apfs list', why: 'to see the container and its volumes' },
];

const ON_SAMPLE: Readonly<Record<string, readonly Suggestion[]>> = {
  ...{ fat32: ON_FAT, exfat: ON_EXFAT, hfsplus: ON_HFS, hfsx: ON_HFS, apfs: ON_APFS },
};

/** For any other disk. */
const ANYWHERE: readonly Suggestion[] = [
  { line: 'ls -l', why: 'to see what is there' },
  { line: 'mkfile 1m film.mov', why: 'and see which blocks a file takes' },
  { line: 'cp film.mov copy.mov', needs: 'film.mov', why: 'and see which blocks a copy costs' },
  { line: 'rm film.mov', needs: 'film.mov', why: 'and see that its bytes stay where they are' },
  LIST,
];

const TAKES_AWAY = /\b(?:rm|mv|unlink|diskutil erase\w*)\b/;

/** The first that has not been run on this line of history and still has its file, as far as the lines tell. */
export function nextSuggestion(
  { isSample, formatName }: { readonly isSample: boolean; readonly formatName: string },
  lines: readonly string[],
): Suggestion | null {
  const isGone = (name: string): boolean =>
    lines.some((line) => TAKES_AWAY.test(line) && line.includes(name));
  const isOffered = ({ line, needs }: Suggestion): boolean =>
    !lines.includes(line) && (needs === undefined || !isGone(needs));
  const all = (isSample ? ON_SAMPLE[formatName] : undefined) ?? ANYWHERE;
  return all.find(isOffered) ?? null;
}
