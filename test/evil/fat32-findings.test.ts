import { beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../src/engine/device/store.ts';
import { fsck } from '../../src/engine/formats/fat32/fsck.ts';
import { explore } from './explore.ts';
import { DIRECTORIES, NAMES } from './fat32-cases-entries.ts';
import { BOOT, CHAINS, TABLES } from './fat32-cases-tables.ts';
import { Patient } from './patient.ts';
import { FLOPPY, SMALL_16, SMALL_32, makeVolume, vfatVerdict } from './volumes.ts';

/**
 * Goal: fsck names every kind of damage and repairs it so that fsck.vfat has nothing left to say.
 * Method: a volume made by mkfs.vfat and mcopy, one thing spoilt by hand; the finding must come, nothing may throw, and
 * after the repair both checkers are silent.
 */
describe.each([FLOPPY, SMALL_16, SMALL_32])('FAT$type', (recipe) => {
  let healthy: Store | null = null;
  beforeAll(() => {
    healthy = makeVolume(recipe);
  });

  const cases = [...CHAINS, ...TABLES, ...BOOT, ...NAMES, ...DIRECTORIES].filter(
    ({ types }) => types === undefined || types.includes(recipe.type),
  );

  test.each(cases.map((one) => [one.what, one.kind, one] as const))(
    '%s is found as %s and repaired',
    (_, kind, one) => {
      const { spoil, says, then } = one;
      if (!healthy) return;
      const store = healthy.fork();
      spoil(new Patient(store));

      explore(store.fork());

      const before = store.version();
      const report = fsck(store, { repair: false });
      expect(report.isReadable).toBe(true);
      expect(store.version(), 'a check writes nothing').toBe(before);
      const finding = report.findings.find((one) => one.kind === kind);
      expect(finding, report.lines.join('\n')).toBeDefined();
      if (says) expect(finding?.message).toMatch(says);
      expect(report.findings.every((one) => !one.isRepaired)).toBe(true);

      const repair = fsck(store, { repair: true });
      expect(
        repair.findings.every((one) => one.isRepaired),
        repair.lines.join('\n'),
      ).toBe(true);
      expect(repair.lines.at(-1)).toBe('***** FILE SYSTEM WAS MODIFIED *****');
      expect(fsck(store, { repair: false }).findings).toEqual([]);
      expect(vfatVerdict(store)).toBe('');
      then?.(new Patient(store));
    },
  );
});
