import { describe, expect, test } from 'vitest';
import { fsck } from '../../../../src/engine/formats/hfsplus/fsck.ts';
import { hfsplusVerdict, makeHfsplus, RECIPES } from '../../../evil/hfsplus-volumes.ts';

/** Volumes as other people's tools make them: nothing to find, and the words of fsck_hfs. */
describe.each(RECIPES)('$name', (recipe) => {
  test('has nothing to be found', () => {
    const store = makeHfsplus(recipe);
    if (store === null) return;
    const before = store.version();
    const report = fsck(store, { repair: false });
    expect(report.findings.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([]);
    expect(report.isReadable).toBe(true);
    expect(report.lines).toEqual([
      '   Executing fsck_hfs (version hfs-715.100.10).',
      recipe.isJournaled
        ? '** Checking Journaled HFS Plus volume.'
        : '** Checking non-journaled HFS Plus Volume.',
      ...(recipe.isCaseSensitive ? ['   Detected a case-sensitive volume.'] : []),
      '   The volume name is Witness',
      '** Checking extents overflow file.',
      '** Checking catalog file.',
      '** Checking multi-linked files.',
      '** Checking catalog hierarchy.',
      '** Checking extended attributes file.',
      '** Checking volume bitmap.',
      '** Checking volume information.',
      '** The volume Witness appears to be OK.',
    ]);
    expect(store.version()).toBe(before);
    expect(hfsplusVerdict(store)).toBe('');
  });

  test('a repair of what is clean writes nothing', () => {
    const store = makeHfsplus(recipe);
    if (store === null) return;
    const before = store.version();
    expect(fsck(store, { repair: true }).findings).toEqual([]);
    expect(store.version()).toBe(before);
  });
});
