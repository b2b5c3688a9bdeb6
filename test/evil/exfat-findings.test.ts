import { beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../src/engine/device/store.ts';
import { fsck } from '../../src/engine/formats/exfat/fsck.ts';
import { findChecker } from '../support/checkers.ts';
import { BOOT, CHAINS, NAMES, TABLES } from './exfat-cases.ts';
import { ExfatPatient } from './exfat-patient.ts';
import { ONE_SECTOR_CLUSTERS, SMALL_CLUSTERS, exfatVerdict, makeExfat } from './exfat-volumes.ts';

/**
 * Goal: fsck names every kind of damage and repairs it so that fsck.exfat has nothing left to say, losing nothing that
 * can be kept.
 * Method: a volume made by mkfs.exfat and filled by hand, one thing spoilt; the finding must come, nothing may throw,
 * fsck.exfat must complain wherever it can see, and after the repair both are silent.
 */
describe.each([SMALL_CLUSTERS, ONE_SECTOR_CLUSTERS])('clusters of $clusterSizeBytes bytes', (recipe) => {
  let healthy: Store | null = null;
  beforeAll(() => {
    healthy = makeExfat(recipe);
  });

  test('a healthy volume is clean for both', () => {
    if (!healthy) return;
    const report = fsck(healthy.fork(), { repair: true });
    expect(report.findings.filter(({ kind }) => kind !== 'percent-in-use')).toEqual([]);
    expect(exfatVerdict(healthy)).toBe('');
    expect(report.lines).toContain('** Volume name is DISK.');
    const again = fsck(healthy.fork(), { repair: false });
    expect(again.lines.at(-1)).toBe('** The volume DISK appears to be OK.');
  });

  const cases = [...BOOT, ...TABLES, ...CHAINS, ...NAMES];
  test.each(cases.map((one) => [one.what, one.kind, one] as const))(
    '%s is found as %s and repaired',
    (_, kind, { spoil, says, isBlind, then }) => {
      if (!healthy) return;
      const store = healthy.fork();
      fsck(store, { repair: true });
      const before = new ExfatPatient(store.fork());
      const patient = new ExfatPatient(store);
      spoil(patient);

      const version = store.version();
      const report = fsck(store, { repair: false });
      expect(report.isReadable).toBe(true);
      expect(store.version(), 'a check writes nothing').toBe(version);
      const finding = report.findings.find((one) => one.kind === kind);
      expect(finding, report.lines.join('\n')).toBeDefined();
      if (says) expect(finding?.message).toMatch(says);
      expect(report.findings.every((one) => !one.isRepaired)).toBe(true);
      if (findChecker('fsck.exfat') && !isBlind) expect(exfatVerdict(store)).not.toBe('');

      const repair = fsck(store, { repair: true });
      expect(
        repair.findings.filter((one) => !one.isRepaired),
        repair.lines.join('\n'),
      ).toEqual([]);
      expect(repair.lines).toContain('***** FILE SYSTEM WAS MODIFIED *****');
      expect(fsck(store, { repair: false }).findings).toEqual([]);
      expect(exfatVerdict(store)).toBe('');
      then?.(new ExfatPatient(store), before);
    },
  );
});
