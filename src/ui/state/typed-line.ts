/** A line as it was typed, with what the command it started then read from the keyboard; null is Ctrl-D. */
export interface TypedLine {
  readonly text: string;
  readonly typed: readonly (string | null)[];
}

const textOf = (typed: readonly (string | null)[]): string => typed.join('');

/** Of what was typed while a command ran, the part it read: all but the `unread` end. */
export function consumed(typed: readonly (string | null)[], unread: string): (string | null)[] {
  let left = textOf(typed).length - unread.length;
  const read: (string | null)[] = [];
  for (const piece of typed) {
    if (piece !== null && left <= 0) break;
    read.push(piece === null ? null : piece.slice(0, left));
    left -= piece?.length ?? 0;
  }
  return read;
}

/** Of what was typed while a line ran on several disks, the end that none of them read. */
export function unreadByAll(
  typed: readonly (string | null)[],
  reads: readonly (readonly (string | null)[])[],
): string {
  const furthest = Math.max(0, ...reads.map((read) => textOf(read).length));
  return textOf(typed).slice(furthest);
}
