import { expect, test } from 'vitest';
import { commandLine } from '../cli/built.ts';
import { liveCleanly } from '../cli/mixed-life.ts';
import { EVERYTHING, mixedScript } from '../cli/mixed-script.ts';
import { fsckApfs } from '../support/checkers.ts';

/**
 * Goal: what test/cli/mixed shows of 64 MiB holds for a gigabyte, which has several chunks of space, files of hundreds
 * of megabytes and a queue of freed blocks to match. Method: the same life, on a disk that has to be filled with more.
 */
const diskoscope = commandLine();
const SIZE_MEBIBYTES = 1024;

test.each(['each', 'writeback'])('a gigabyte under %s is clean after every 25 lines', (policy) => {
  const script = mixedScript(policy === 'each' ? 42 : 43, { ...EVERYTHING, sizeMebibytes: SIZE_MEBIBYTES });
  expect(script.length).toBeGreaterThanOrEqual(500);
  const size = `${SIZE_MEBIBYTES}m`;
  liveCleanly(diskoscope, {
    ...{ format: 'apfs', size, policy, script },
    ...{ stretchLines: 25, judge: fsckApfs },
  });
});
