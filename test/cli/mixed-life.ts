import { writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { CommandLine } from './built.ts';

/** A volume that is going to live through a script. */
export interface Life {
  readonly format: string;
  /** As newfs takes it: '64m'. */
  readonly size: string;
  readonly policy: string;
  readonly script: readonly string[];
  /** Lines between two looks at the image. */
  readonly stretchLines: number;
  /** The reference checker: '' for clean. */
  readonly judge: (image: string) => string;
}

/**
 * Runs the script in stretches on a new volume; after each the reference checker and our own look at the image. Every
 * line works, but for those that fill the disk, and the disk gets full. Returns the image's path.
 */
export function liveCleanly(diskoscope: CommandLine, life: Life): string {
  const { format, size, policy, script, stretchLines, judge } = life;
  const image = diskoscope.path(`${format}-${policy}.img`);
  diskoscope(['newfs', '-t', format, '-s', size, '-v', 'MIXED', image]);
  expect(judge(image)).toBe('');
  let wasFull = false;
  for (let first = 0; first < script.length; first += stretchLines) {
    const stretch = diskoscope.path('stretch.sh');
    writeFileSync(stretch, [...script.slice(first, first + stretchLines), 'exit 0'].join('\n'));
    const outcome = diskoscope(['sh', image, stretch, '--policy', policy]);
    const complaints = outcome.stderr.split('\n').filter((line) => line !== '');
    const unexpected = complaints.filter((line) => !line.includes('No space left on device'));
    if (unexpected.length < complaints.length) wasFull = true;
    expect([first, unexpected, outcome.exitCode]).toEqual([first, [], 0]);
    expect([first, judge(image)]).toEqual([first, '']);
    const own = diskoscope(['fsck', image]);
    expect([first, own.exitCode, own.exitCode === 0 ? '' : own.stdout]).toEqual([first, 0, '']);
  }
  expect(wasFull).toBe(true);
  return image;
}
