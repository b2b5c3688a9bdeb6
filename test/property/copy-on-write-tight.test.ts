import { describeSeeds, isTightSeed } from './seeds.ts';

/** The same on disks without room, which take the longest. */
describeSeeds(
  ({ facts }) => facts.isCopyOnWrite === true && !facts.isCaseSensitive,
  (seed) => isTightSeed(seed),
);
