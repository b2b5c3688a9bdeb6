/**
 * The newest of these moments, for whoever measures the page (`npm run bench:page`); older ones of the name are dropped, so
 * that nothing piles up.
 */
export function markNow(
  name:
    | 'prompt ready'
    | 'bench ready'
    | 'engines done'
    | 'line kept'
    | 'map painted'
    | 'bench restoring'
    | 'bench restored',
): void {
  performance.clearMarks(name);
  performance.mark(name);
}
