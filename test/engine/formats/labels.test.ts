import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { LabelKind } from '../../../src/engine/base/label.ts';
import { FORMATS } from '../../../src/engine/formats/registry.ts';

/**
 * Goal: the page and the README of a format say the same about how exact it is.
 * Method: the rows written as the README writes them, held against it word by word.
 */

const HEADINGS: Readonly<Record<LabelKind, string>> = {
  exact: 'Exact',
  policy: 'Policy',
  simplified: 'Simplified',
};
const FOLDERS: Readonly<Record<string, string>> = { hfsx: 'hfsplus' };

const words = (text: string): string => text.replace(/\s+/g, ' ').trim();

describe.each(FORMATS)('$name', ({ name, labels }) => {
  const readme = readFileSync(`src/engine/formats/${FOLDERS[name] ?? name}/README.md`, 'utf8');

  test.each(Object.entries(HEADINGS))('what is %s stands in the README, row by row', (kind, heading) => {
    const [, section = ''] = new RegExp(`^## ${heading}\\n([^]*?)(?=^## |(?![^]))`, 'm').exec(readme) ?? [];
    const rows = labels
      .filter((label) => label.kind === kind)
      .map(
        ({ what, sentence, source }) => `- **${what}.** ${sentence}${source === '' ? '' : ` [${source}]`}`,
      );
    expect(rows.length).toBeGreaterThan(0);
    expect(words(section).split(/ (?=- \*\*)/)).toEqual(rows.map(words));
  });

  test('every row says what and how, once; what is exact says whose word decides', () => {
    for (const { what, kind, sentence, source } of labels) {
      expect(what).toMatch(/^.{2,60}[^.]$/);
      expect(sentence).toMatch(/^\S[^]*[.)]$/);
      if (kind === 'exact') expect(source, what).not.toBe('');
    }
    expect(new Set(labels.map(({ what }) => what)).size).toBe(labels.length);
  });
});
