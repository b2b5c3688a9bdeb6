import { describeSeeds, isTightSeed } from './seeds.ts';

/** Formats that copy on write, clones and snapshots among the operations: see seeds.ts. */
describeSeeds(
  ({ facts }) => facts.isCopyOnWrite === true && !facts.isCaseSensitive,
  (seed) => !isTightSeed(seed),
);
