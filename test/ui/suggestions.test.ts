import { expect, test } from 'vitest';
import { nextSuggestion } from '../../src/ui/state/suggestions.ts';

test('what was run is not offered again; what follows is', () => {
  expect(nextSuggestion(true, [])?.line).toBe('cp film.mov copy.mov');
  expect(nextSuggestion(true, ['cp film.mov copy.mov'])?.line).toBe('cat photos/one.jpg >> film.mov');
});

test('a file that a line took away is no longer spoken of', () => {
  const offered = nextSuggestion(true, ['cp film.mov copy.mov', 'rm film.mov'])?.line ?? '';
  expect(offered).not.toContain('film.mov');
  expect(nextSuggestion(false, ['ls -l', 'mkfile 1m film.mov', 'rm -f film.mov'])?.line).toBe(
    'diskutil list',
  );
});
