import { describe, expect, test } from 'vitest';
import { fsck } from '../../../../src/engine/formats/fat32/fsck.ts';
import { FLOPPY, SMALL_16, SMALL_32, makeVolume, vfatVerdict } from '../../../evil/volumes.ts';

describe.each([FLOPPY, SMALL_16, SMALL_32])('a volume of mkfs.vfat and mcopy, FAT$type', (recipe) => {
  test('is clean to both checkers', () => {
    const volume = makeVolume(recipe);
    if (!volume) return;
    expect(vfatVerdict(volume)).toBe('');
    const report = fsck(volume, { repair: false });
    expect(report.findings).toEqual([]);
  });
});
