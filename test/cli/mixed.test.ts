import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fsckApfs, fsckExfat, fsckHfsplus } from '../support/checkers.ts';
import { commandLine } from './built.ts';
import { mixedScript } from './mixed-script.ts';
import type { MixedOptions } from './mixed-script.ts';

/**
 * Goal: a volume that lived a year is clean at every age. Method: a script of five hundred lines, run in stretches as
 * somebody would in ten or twenty evenings; after each the reference checker and our own look at the image.
 */
const diskoscope = commandLine();
const STRETCH_LINES = 50;
/** Of formats that copy on write more happens in a line. */
const SHORT_STRETCH_LINES = 25;

const ALL: MixedOptions = { hasLinks: true, hasAttributes: true, hasPermissions: true };
const KINDS: readonly [string, MixedOptions, (image: string) => string][] = [
  ['exfat', { hasAttributes: true }, fsckExfat],
  ['hfsplus', ALL, fsckHfsplus],
  ['hfsx', ALL, fsckHfsplus],
  ['apfs', { ...ALL, isCopyOnWrite: true }, fsckApfs],
];

describe.each(KINDS)('%s', (format, options, judge) => {
  test.each(['each', 'writeback'])('under %s is clean after every stretch', (policy) => {
    const image = diskoscope.path(`${format}-${policy}.img`);
    diskoscope(['newfs', '-t', format, '-s', '64m', '-v', 'MIXED', image]);
    expect(judge(image)).toBe('');
    const lines = mixedScript(policy === 'each' ? 42 : 43, options);
    expect(lines.length).toBeGreaterThanOrEqual(500);
    const stretch = options.isCopyOnWrite ? SHORT_STRETCH_LINES : STRETCH_LINES;
    for (let first = 0; first < lines.length; first += stretch) {
      const script = diskoscope.path('stretch.sh');
      writeFileSync(script, [...lines.slice(first, first + stretch), 'exit 0'].join('\n'));
      const outcome = diskoscope(['sh', image, script, '--policy', policy]);
      const unexpected = outcome.stderr
        .split('\n')
        .filter((line) => !/^$|No space left on device/.test(line));
      expect([first, unexpected, outcome.exitCode]).toEqual([first, [], 0]);
      expect([first, judge(image)]).toEqual([first, '']);
      const own = diskoscope(['fsck', image]);
      expect([first, own.exitCode, own.exitCode === 0 ? '' : own.stdout]).toEqual([first, 0, '']);
    }
  });
});
