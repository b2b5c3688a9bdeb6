import { expect, test } from 'vitest';
import { nextSuggestion } from '../../src/ui/state/suggestions.ts';

const SAMPLE = { isSample: true, formatName: 'fat32' };

test('each format tells its own story, and ends it', () => {
  for (const formatName of ['fat32', 'exfat', 'hfsplus', 'hfsx']) {
    const lines: string[] = [];
    for (let next; (next = nextSuggestion({ isSample: true, formatName }, lines)) !== null;)
      lines.push(next.line);
    expect(lines.length).toBeGreaterThan(4);
    expect(new Set(lines).size).toBe(lines.length);
  }
  expect(nextSuggestion({ isSample: true, formatName: 'hfsplus' }, [])?.line).toBe('ls -lO@');
});

test('what was run is not offered again; what follows is', () => {
  expect(nextSuggestion(SAMPLE, [])?.line).toBe('cp film.mov copy.mov');
  expect(nextSuggestion(SAMPLE, ['cp film.mov copy.mov'])?.line).toBe('cat photos/one.jpg >> film.mov');
});

test('a file that a line took away is no longer spoken of', () => {
  const offered = nextSuggestion(SAMPLE, ['cp film.mov copy.mov', 'rm film.mov'])?.line ?? '';
  expect(offered).not.toContain('film.mov');
  expect(
    nextSuggestion({ ...SAMPLE, isSample: false }, ['ls -l', 'mkfile 1m film.mov', 'rm -f film.mov'])?.line,
  ).toBe('diskutil list');
});
