import { describe, expect, test } from 'vitest';
import { Prng } from '../../src/engine/base/prng.ts';
import type { CommitPolicy } from '../../src/engine/formats/contract.ts';
import { Bench, FORMATS } from '../support/formats.ts';
import type { FormatCase } from '../support/formats.ts';
import { Mirror } from '../support/oracle.ts';
import { RandomHand } from '../support/random-operations.ts';

/**
 * Goal: a volume and a few maps in memory cannot be told apart from outside, whatever is done to them.
 * Method: the same random operations through the system calls of two machines; after each the same errno and value
 * and a disk that is clean by the format's own fsck, now and then the same tree, also through unmount and mount; at the
 * end clean by the reference checker. A failure names format and seed: `-t 'FAT16 … seed 17'` runs that one again.
 */
const OPERATIONS = 200;
/** More with the variable SEEDS; the first one with FIRST_SEED. */
const SEEDS = Number(process.env['SEEDS'] ?? 200);
const FIRST_SEED = Number(process.env['FIRST_SEED'] ?? 1);

/** Seeds that once found a mistake, beyond the usual ones. */
const OLD_WOUNDS: Readonly<Record<string, readonly number[]>> = {
  'exFAT with clusters of 512 bytes': [1164],
  'HFS+': [1365, 1469, 1534],
  HFSX: [1239],
};

const subjects = FORMATS.filter(({ isReal }) => isReal);
/** Formats that copy on write have more to go wrong: as many seeds as all the others together. */
const seedsOf = (format: FormatCase) => {
  const group = subjects.filter(({ facts }) => facts.isCopyOnWrite === format.facts.isCopyOnWrite);
  return Array.from({ length: SEEDS }, (_, i) => FIRST_SEED + i).filter(
    (seed) => group[seed % group.length] === format,
  );
};

/** A disk without room: extended attributes that cannot follow a rename would be the oracle's other opinion. */
export const isTightSeed = (seed: number): boolean => seed % 4 === 0;

function run(format: FormatCase, oracle: FormatCase, seed: number): void {
  const prng = new Prng(seed);
  const policyOf = (): CommitPolicy => (prng.below(2) === 0 ? 'each' : 'writeback');
  let policy = policyOf();
  const subject = new Bench(format, { policy });
  const mirror = new Mirror(subject, new Bench(oracle));
  const isTight = isTightSeed(seed);
  const { isCopyOnWrite = false, headroomBytes = 0 } = format.facts;
  for (const { kernel } of [subject, mirror.oracle]) kernel.allowsUserSnapshots = true;
  const hand = new RandomHand(mirror, prng, { hasAttributes: !isTight, fileBytesMax: 12_000, isCopyOnWrite });
  if (isTight) hand.leaveRoom(headroomBytes + prng.below(isCopyOnWrite ? 400_000 : 60_000));

  for (let i = 1; i <= OPERATIONS; i++) {
    hand.next();
    // Under writeback what lies on the disk is older than what programs see, and right all the same.
    const isGathering = policy === 'writeback' && i % 10 !== 0;
    if (policy === 'writeback' && !isGathering) subject.user.sync();
    mirror.compareWithChecker({ mayLeak: isGathering || hand.hasOpenFiles });
    if (i % 5 === 0) mirror.compareTrees();
    if (i % 10 === 0) mirror.compareDisk();
    if (i % 20 === 0) mirror.compareSnapshots();
    if (prng.below(40) === 0) {
      hand.closeAll();
      policy = policyOf();
      subject.remount({ policy });
      mirror.oracle.remount();
      mirror.history.push('remount');
      mirror.compareTrees();
    }
  }
  hand.closeAll();
  subject.unmount();
  expect(subject.findings(), 'own fsck at the end').toEqual([]);
  expect(subject.verdict(), 'reference checker at the end').toBe('');
}

/** The tests of the formats that are wanted; spread over files that run side by side. */
export function describeSeeds(
  isWanted: (format: FormatCase) => boolean,
  isSeedWanted: (seed: number) => boolean = () => true,
): void {
  for (const format of subjects.filter(isWanted)) {
    const { oracle } = format;
    if (oracle === undefined) throw new Error(`${format.name} has no oracle to be compared with`);
    describe(format.name, () => {
      const seeds = [...seedsOf(format), ...(OLD_WOUNDS[format.name] ?? [])];
      test.each(seeds.filter(isSeedWanted))(`${format.name} seed %i`, (seed) => run(format, oracle, seed));
    });
  }
}
