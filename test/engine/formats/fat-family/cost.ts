import { expect, test } from 'vitest';
import type { WriteLabel } from '../../../../src/engine/device/device.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import type { Kit } from './support.ts';
import { fastest } from '../../../support/stopwatch.ts';

/**
 * Goal: a check costs what is stored. The bounds leave room above what was measured, so that they fail for a change of
 * kind, not for a busy machine.
 */
export const LABEL: WriteLabel = { role: 'data', owner: 'test', reason: 'test' };

export function emptyVolume(kit: Kit, sizeBytes: number): Store {
  const store = new Store({ blockSizeBytes: 512, blockCount: sizeBytes / 512 });
  kit.formatted(store);
  return store;
}

export function testEmptyDisk(kit: Kit, name: string, sizeBytes: number): void {
  test(`${name} takes milliseconds`, () => {
    const store = emptyVolume(kit, sizeBytes);
    let findings = -1;
    const took = fastest(5, () => (findings = kit.format.fsck(store, { repair: false }).findings.length));
    expect(findings).toBe(0);
    expect(took).toBeLessThan(50);
    expect(fastest(5, () => kit.format.survey(store).regions())).toBeLessThan(50);
  });
}
