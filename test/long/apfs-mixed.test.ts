import { expect, test } from 'vitest';
import { liveCleanly } from '../cli/mixed-life.ts';
import { EVERYTHING, mixedScript } from '../cli/mixed-script.ts';
import { fsckApfs, temporaryFolder } from '../support/checkers.ts';

/**
 * Goal: what test/cli/mixed shows of 64 MiB holds for a gigabyte, which has several chunks of space, files of hundreds
 * of megabytes and a queue of freed blocks to match. Method: the same life, on a disk that has to be filled with more.
 */
const SIZE_MEBIBYTES = 1024;

test.each(['each', 'writeback'])('a gigabyte under %s is clean after every 25 lines', async (policy) => {
  const script = mixedScript(policy === 'each' ? 42 : 43, { ...EVERYTHING, sizeMebibytes: SIZE_MEBIBYTES });
  expect(script.length).toBeGreaterThanOrEqual(500);
  const size = `${SIZE_MEBIBYTES}m`;
  await liveCleanly({
    ...{ format: 'apfs', size, policy, script },
    ...{ stretchLines: 25, judge: fsckApfs, folder: temporaryFolder() },
  });
});
