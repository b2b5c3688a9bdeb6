import { expect, test } from 'vitest';
import { Prng } from '../../src/engine/base/prng.ts';
import { fsck } from '../../src/engine/formats/apfs/fsck.ts';
import { findChecker, runChecker, imageFile } from '../support/checkers.ts';
import { ApfsPatient, BLOCK, linuxImage } from './apfs-records.ts';

/**
 * Damage by chance, with checksums that are right again: only what is said is wrong, so that the check must look at it.
 * Nothing may throw, nothing may hang; what apfsck sees we see; and whoever says "repaired" must be right.
 */

/** Blocks of the volume that hold something but contents: those of the live state, and copies of snapshots. */
function metadata(patient: ApfsPatient): number[] {
  const trees = ['catalog', 'references', 'snapshots', 'omap', 'omap snapshots'] as const;
  const nodes = trees.flatMap((tree) => [patient.root(tree), ...patient.leaves(tree)]);
  const snapshots = ['first', 'second'].map((name) => patient.snapshotBlock(name));
  return [...new Set([patient.volumeBlock, patient.omapBlock, ...nodes, ...snapshots])];
}

function spoil(patient: ApfsPatient, random: Prng, blocks: readonly number[]): string {
  const number = blocks[random.below(blocks.length)] ?? 0;
  const bytes = patient.block(number);
  let at = 32 + random.below(BLOCK - 32);
  for (let tries = 0; tries < 100 && bytes[at] === 0; tries++) at = 32 + random.below(BLOCK - 32);
  const before = bytes[at] ?? 0;
  const contents = [before ^ (1 << random.below(8)), 0, 0xff, random.below(256), before + 1, before - 1];
  bytes[at] = contents[random.below(contents.length)] ?? 0;
  patient.seal(number);
  return `block ${number}, byte ${at}: ${before} → ${bytes[at]}`;
}

test.each([
  [1, 60],
  [8, 30],
])('%i damages at once, %i times', (damages, times) => {
  const judge = findChecker('apfsck');
  const whole = linuxImage();
  const blocks = metadata(new ApfsPatient(whole));
  const random = new Prng(damages);
  for (let run = 0; run < times; run++) {
    const patient = new ApfsPatient(whole.slice());
    const label = Array.from({ length: damages }, () => spoil(patient, random, blocks)).join('; ');
    const store = patient.store();
    const { findings } = fsck(store, { repair: false });
    if (judge !== null) {
      const { exitCode, output } = runChecker(judge, [imageFile(patient.image)]);
      if (exitCode !== 0 || output !== '') expect(findings, `${label}: ${output}`).not.toEqual([]);
    }
    const repaired = fsck(store, { repair: true });
    const isRepaired = repaired.lines.at(-1)?.includes('repaired successfully') ?? false;
    const left = fsck(store, { repair: false }).findings.filter(({ severity }) => severity === 'error');
    if (isRepaired) expect(left, label).toEqual([]);
  }
});

test('blocks without any sense', () => {
  const whole = linuxImage();
  const blocks = metadata(new ApfsPatient(whole));
  const random = new Prng(3);
  for (const number of blocks) {
    const patient = new ApfsPatient(whole.slice());
    const bytes = patient.block(number);
    for (let at = 0x20; at < BLOCK; at++) bytes[at] = random.below(256);
    patient.seal(number);
    expect(fsck(patient.store(), { repair: true }).findings, `block ${number}`).not.toEqual([]);
  }
});
