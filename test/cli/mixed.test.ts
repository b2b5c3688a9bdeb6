import { describe, expect, test } from 'vitest';
import { fsckApfs, fsckExfat, fsckHfsplus, temporaryFolder } from '../support/checkers.ts';
import { liveCleanly } from './mixed-life.ts';
import { EVERYTHING, mixedScript } from './mixed-script.ts';
import type { MixedOptions } from './mixed-script.ts';

/**
 * Goal: a volume that lived a year is clean at every age. Method: a script of five hundred lines, run in stretches as
 * somebody would in ten or twenty evenings; after each the reference checker and our own look at the image.
 */
const STRETCH_LINES = 50;
/** Of formats that copy on write more happens in a line. */
const SHORT_STRETCH_LINES = 25;

const KINDS: readonly [string, MixedOptions, (image: string) => string][] = [
  ['exfat', { hasAttributes: true }, fsckExfat],
  ['hfsplus', { ...EVERYTHING, isCopyOnWrite: false }, fsckHfsplus],
  ['hfsx', { ...EVERYTHING, isCopyOnWrite: false }, fsckHfsplus],
  ['apfs', EVERYTHING, fsckApfs],
];

describe.each(KINDS)('%s', (format, options, judge) => {
  test.each(['each', 'writeback'])('under %s is clean after every stretch', async (policy) => {
    const script = mixedScript(policy === 'each' ? 42 : 43, options);
    expect(script.length).toBeGreaterThanOrEqual(500);
    const stretchLines = options.isCopyOnWrite ? SHORT_STRETCH_LINES : STRETCH_LINES;
    const life = { format, size: '64m', policy, script, stretchLines, judge };
    await liveCleanly({ ...life, folder: temporaryFolder() });
  });
});
