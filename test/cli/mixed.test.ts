import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fsckExfat, fsckHfsplus } from '../support/checkers.ts';
import { commandLine } from './built.ts';
import { mixedScript } from './mixed-script.ts';
import type { MixedOptions } from './mixed-script.ts';

/**
 * Goal: a volume that lived a year is clean at every age. Method: a script of five hundred lines, run in stretches of
 * fifty as somebody would in ten evenings; after each the reference checker and our own look at the image.
 */
const diskoscope = commandLine();
const STRETCH_LINES = 50;

const ALL: MixedOptions = { hasLinks: true, hasAttributes: true, hasPermissions: true };
const KINDS: readonly [string, MixedOptions, (image: string) => string][] = [
  ['exfat', { hasAttributes: true }, fsckExfat],
  ['hfsplus', ALL, fsckHfsplus],
  ['hfsx', ALL, fsckHfsplus],
];

describe.each(KINDS)('%s', (format, options, judge) => {
  test.each(['each', 'writeback'])('under %s is clean after every fifty lines', (policy) => {
    const image = diskoscope.path(`${format}-${policy}.img`);
    diskoscope(['newfs', '-t', format, '-s', '64m', '-v', 'MIXED', image]);
    expect(judge(image)).toBe('');
    const lines = mixedScript(policy === 'each' ? 42 : 43, options);
    expect(lines.length).toBeGreaterThanOrEqual(500);
    for (let first = 0; first < lines.length; first += STRETCH_LINES) {
      const script = diskoscope.path('stretch.sh');
      writeFileSync(script, [...lines.slice(first, first + STRETCH_LINES), 'exit 0'].join('\n'));
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
