import { describe, expect, test } from 'vitest';
import { fsck } from '../../../../src/engine/formats/fat32/fsck.ts';
import {
  describeContents,
  describeErrors,
  describeFullVolume,
  describeNames,
  describeWriteback,
  largeVolume,
  testComputedContents,
} from '../fat-family/operations.ts';
import { bytesOf, INIT, outcome } from '../fat-family/support.ts';
import { fresh, KIT } from './support.ts';

/** Goal and method: see the suites of the family; here stands what only FAT has. */
const SIZES = { fat12: 4, fat16: 16, fat32: 34 };

describe.each(['fat12', 'fat16', 'fat32'] as const)('%s', (type) => {
  const scene = () => fresh(SIZES[type], { type });
  describeContents(KIT, scene, ['ALONGE~1.TEX']);
  describeNames(KIT, scene);
});

describeErrors(KIT, [
  [
    'a file of 4 GiB',
    'EFBIG',
    ({ volume }) => volume.truncate(volume.create(volume.root, 'x', INIT), 2 ** 32),
  ],
  [
    'a write past 4 GiB',
    'EFBIG',
    ({ volume }) => volume.write(volume.create(volume.root, 'x', INIT), 2 ** 32 - 2, bytesOf(2)),
  ],
]);

describe('computed contents', () => {
  testComputedContents(KIT);

  test('a file of 4 GiB less one byte is made at once; nothing is written past it', () => {
    const { device, volume } = largeVolume(KIT);
    const node = volume.create(volume.root, 'x', INIT);
    const size = 2 ** 32 - 1;
    expect(volume.fill(node, 0, size, { generator: 'random', seed: 1, offsetBytes: 0 })).toBe(size);
    expect(outcome(() => volume.write(node, size, bytesOf(1)))).toBe('EFBIG');
    expect(outcome(() => volume.fill(node, size - 1, 2, { generator: 'zero' }))).toBe('EFBIG');
    expect(outcome(() => volume.truncate(node, size + 1))).toBe('EFBIG');
    expect(volume.attributes(node).sizeBytes).toBe(size);
    expect(volume.extents(node)).toHaveLength(1);
    volume.release(node);
    volume.unmount();
    expect(fsck(device, { repair: false }).findings).toEqual([]);
  });
});

describeFullVolume(KIT, (policy) => fresh(2, { type: 'fat12' }, { policy }));
describeWriteback(KIT);
