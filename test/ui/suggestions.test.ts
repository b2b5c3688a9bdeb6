import { expect, test } from 'vitest';
import { nextSuggestion } from '../../src/ui/state/suggestions.ts';

test('the bench that the page opens with tells a story, and ends it', () => {
  const lines: string[] = [];
  for (let next; (next = nextSuggestion(true, lines)) !== null;) lines.push(next.line);
  expect(lines.length).toBeGreaterThan(4);
  expect(new Set(lines).size).toBe(lines.length);
  expect(lines[0]).toBe('cp -c film.mov clone.mov');
});

test('what was run is not offered again; what follows is', () => {
  expect(nextSuggestion(true, ['cp -c film.mov clone.mov'])?.line).toBe('echo hello >> notes.txt');
  expect(nextSuggestion(false, [])?.line).toBe('ls -l');
});

test('a file that a line took away is no longer spoken of', () => {
  const offered = nextSuggestion(true, ['cp -c film.mov clone.mov', 'rm notes.txt'])?.line ?? '';
  expect(offered).not.toContain('notes.txt');
  expect(nextSuggestion(false, ['ls -l', 'mkfile 1m film.mov', 'rm -f film.mov'])?.line).toBe(
    'diskutil list',
  );
});
