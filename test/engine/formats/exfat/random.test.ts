import { expect } from 'vitest';
import { fsckExfat, imageFile } from '../../../support/checkers.ts';
import type { FlatDevice } from '../../../support/flat-device.ts';
import { describeRandomRuns } from '../fat-family/random.ts';
import { KIT } from './support.ts';

/** A volume in use, apart from the mark that says so. */
function cleanCopy(device: FlatDevice): Uint8Array {
  const bytes = device.bytes.slice();
  expect((bytes[106] ?? 0) & ~2, 'no flag but VolumeDirty').toBe(0);
  bytes[106] = 0;
  return bytes;
}

describeRandomRuns(KIT, {
  volumes: [
    ['clusters of 512 bytes', 1, { 'cluster-size': '512' }],
    ['clusters of 4 KiB', 1, {}],
    ['clusters of 64 KiB', 4, { 'cluster-size': '64k' }],
  ],
  seeds: 'EXFAT_SEEDS',
  remountEvery: 25,
  afterMount: (device) => expect(fsckExfat(imageFile(cleanCopy(device)))).toBe(''),
});
