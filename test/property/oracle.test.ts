import { describeSeeds } from './seeds.ts';

/** Formats that write in place: see seeds.ts. */
describeSeeds(({ facts }) => facts.isCopyOnWrite !== true);
