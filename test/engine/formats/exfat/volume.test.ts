import { describe, expect, test } from 'vitest';
import { generate } from '../../../../src/engine/device/generated.ts';
import { fsck } from '../../../../src/engine/formats/exfat/fsck.ts';
import {
  describeContents,
  describeErrors,
  describeFullVolume,
  describeNames,
  describeWriteback,
  largeVolume,
  testComputedContents,
} from '../fat-family/operations.ts';
import { bytesOf, INIT } from '../fat-family/support.ts';
import { fresh, KIT } from './support.ts';

/** Goal and method: see the suites of the family; here stands what only exFAT has. */
describe.each(['512', '4k', '64k'])('clusters of %s', (size) => {
  const scene = () => fresh(8, { 'cluster-size': size });
  describeContents(KIT, scene);
  describeNames(KIT, scene);
});

describeErrors(KIT, [
  [
    'a file of 2^53 bytes',
    'EFBIG',
    ({ volume }) => volume.truncate(volume.create(volume.root, 'x', INIT), 2 ** 53),
  ],
  ['a name of half a surrogate pair', 'EILSEQ', ({ volume }) => volume.create(volume.root, 'x\ud800', INIT)],
  ['a label of twelve units', 'ENAMETOOLONG', ({ volume }) => volume.setLabel('twelve units')],
]);

describe('computed contents', () => {
  testComputedContents(KIT);

  test('a file far beyond 4 GiB is made at once, and read at its end', () => {
    const { device, volume } = largeVolume(KIT);
    const node = volume.create(volume.root, 'x', INIT);
    const size = 7 * 2 ** 30 + 5;
    const fill = { generator: 'random', seed: 1, offsetBytes: 0 } as const;
    expect(volume.fill(node, 0, size, fill)).toBe(size);
    expect(volume.attributes(node).sizeBytes).toBe(size);
    expect(volume.extents(node)).toHaveLength(1);
    const wanted = new Uint8Array(100);
    generate(fill, size - 100, wanted);
    const into = new Uint8Array(200);
    expect(volume.read(node, size - 100, into)).toBe(100);
    expect(into.subarray(0, 100)).toEqual(wanted);
    volume.write(node, size, bytesOf(9));
    volume.release(node);
    volume.unmount();
    expect(fsck(device, { repair: false }).findings).toEqual([]);
  });
});

describeFullVolume(KIT, (policy) => fresh(1, { 'cluster-size': '1k' }, { policy }));
describeWriteback(KIT);
