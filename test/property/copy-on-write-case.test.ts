import { describeSeeds } from './seeds.ts';

/** The same for those that tell 'a' from 'A'. */
describeSeeds(({ facts }) => facts.isCopyOnWrite === true && facts.isCaseSensitive);
