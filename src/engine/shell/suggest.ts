/** The known word nearest to one mistyped: at most one slip away, or two in a longer one that begins alike; undefined when none is. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const slipsMax = word.length <= 3 ? 1 : 2;
  let best: string | undefined;
  let bestSlips = slipsMax + 1;
  for (const candidate of [...known].sort()) {
    if (Math.abs(candidate.length - word.length) >= bestSlips) continue;
    const slips = distance(word, candidate);
    const isLikely = slips <= 1 || candidate[0] === word[0];
    if (slips < bestSlips && slips < candidate.length && isLikely) [best, bestSlips] = [candidate, slips];
  }
  return best;
}

/** Letters inserted, left out, changed or exchanged with their neighbour (Damerau and Levenshtein). */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const choices = [at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (isSame ? 0 : 1)];
      if (isSwap) choices.push(at(i - 2, j - 2) + 1);
      rows[i]?.push(Math.min(...choices));
    }
  }
  return at(a.length, b.length);
}
