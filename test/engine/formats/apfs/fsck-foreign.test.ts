import { expect, test } from 'vitest';
import { fsck } from '../../../../src/engine/formats/apfs/fsck.ts';
import { IMAGES } from './view-images.ts';

/** What macOS and mkapfs made is sound; what the checker does not follow it says, and nothing else. */

/** Findings that are no fault of the container: kinds by a part of the image's name. */
const EXPECTED: readonly (readonly [string, readonly string[]])[] = [
  // Its first 442 blocks of 32758.
  ['securityronin', ['superblock']],
  ['encrypted', ['unsupported', 'encrypted']],
];

test.each(IMAGES.map((image) => [image.name, image] as const))('%s', (name, image) => {
  const { isReadable, findings, lines } = fsck(image.device(), { repair: false });
  expect(isReadable).toBe(true);
  const expected = EXPECTED.find(([part]) => name.includes(part))?.[1] ?? [];
  expect(
    findings.map(({ kind }) => kind),
    lines.join('\n'),
  ).toEqual(expected);
});
