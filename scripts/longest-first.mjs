// The order of test files: those that take minutes begin, so that no processor waits for one of them at the end.
import { BaseSequencer } from 'vitest/node';

const LONGEST = [
  /\/test\/crash\/apfs/,
  /\/test\/property\//,
  /\/test\/crash\//,
  /\/test\/evil\//,
  /\/test\/cli\//,
];

const rankOf = ({ moduleId }) => {
  const rank = LONGEST.findIndex((pattern) => pattern.test(moduleId));
  return rank < 0 ? LONGEST.length : rank;
};

export class LongestFirst extends BaseSequencer {
  async sort(files) {
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => rankOf(one) - rankOf(other));
  }
}
