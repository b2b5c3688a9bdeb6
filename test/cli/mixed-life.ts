import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { collected } from './collected.ts';

/** A volume that is going to live through a script. */
export interface Life {
  /** Where its image lies. */
  readonly folder: string;
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
 * line works, but for those that fill the disk, and the disk gets full.
 */
export async function liveCleanly(life: Life): Promise<void> {
  const { folder, format, size, policy, script, stretchLines, judge } = life;
  const image = join(folder, `${format}-${policy}.img`);
  await collected(['newfs', '-t', format, '-s', size, '-v', 'MIXED', image]);
  expect(judge(image)).toBe('');
  let wasFull = false;
  for (let first = 0; first < script.length; first += stretchLines) {
    const stretch = join(folder, 'stretch.sh');
    writeFileSync(stretch, [...script.slice(first, first + stretchLines), 'exit 0'].join('\n'));
    const outcome = await collected(['sh', image, stretch, '--policy', policy]);
    const complaints = outcome.stderr.split('\n').filter((line) => line !== '');
    const unexpected = complaints.filter((line) => !line.includes('No space left on device'));
    if (unexpected.length < complaints.length) wasFull = true;
    expect([first, unexpected, outcome.exitCode]).toEqual([first, [], 0]);
    expect([first, judge(image)]).toEqual([first, '']);
    const own = await collected(['fsck', image]);
    expect([first, own.exitCode, own.exitCode === 0 ? '' : own.stdout]).toEqual([first, 0, '']);
  }
  expect(wasFull).toBe(true);
}
