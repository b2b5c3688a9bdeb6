import { describe, expect, test } from 'vitest';
import { knowAllFormats } from '../../src/engine/session/all-formats.ts';
import type { StepView } from '../../src/rpc/protocol.ts';
import { EngineServer } from '../../src/rpc/server.ts';
import type { Scene, Seen } from '../../src/ui/demos/scene.ts';
import { SCENES } from '../../src/ui/demos/scenes.ts';
import { orderOf } from '../../src/ui/state/typed-order.ts';

/**
 * Goal: what the demonstrations claim is what the engines did. Method: each scene on real engines, without a page; every
 * claim is asked of the figures of its beat.
 */
const NAMES: Readonly<Record<string, string>> = {
  apfs: 'APFS',
  hfsplus: 'HFS+',
  exfat: 'exFAT',
  fat32: 'FAT32',
};

/** The claims of a scene in order, with whether the figures bear them out. */
async function claimsOf(scene: Scene): Promise<string[]> {
  const engines = new Map<string, EngineServer>();
  const steps = new Map<string, StepView>();
  const freeBytes = new Map<string, number>();
  for (const request of scene.disks) {
    const engine = new EngineServer(Promise.resolve(knowAllFormats()));
    await engine.createDisk(request);
    engines.set(request.format, engine);
  }
  const known = <T>(map: ReadonlyMap<string, T>, format: string): T => {
    const value = map.get(format);
    if (value === undefined) throw new Error(`nothing is known of ${format}`);
    return value;
  };
  const seen: Seen = {
    step: (format) => known(steps, format),
    api: (format) => known(engines, format),
    freeBytes: (format) => known(freeBytes, format),
  };
  const named = scene.disks.map(({ format }) => ({ key: format, name: NAMES[format] ?? format }));
  const claims: string[] = [];
  for (const { line, claim, look } of scene.beats) {
    const order = orderOf(line ?? 'true', named, null);
    if (order.kind !== 'run') throw new Error(`not a line: ${line}`);
    for (const format of line === undefined ? [] : order.keys) {
      const { step, delta } = await known(engines, format).run(order.line, () => {});
      if (step !== null) steps.set(format, step);
      freeBytes.set(format, delta.disk.volume?.freeBytes ?? 0);
    }
    if (look?.path !== undefined) await known(engines, look.format).file(look.path);
    const made = await claim?.(seen);
    if (made !== undefined) claims.push(`${made.holds ? 'holds' : 'FAILS'}: ${made.sentence}`);
  }
  return claims;
}

describe.each(SCENES)('$title', (scene) => {
  test('every claim is borne out by the figures', { timeout: 120_000 }, async () => {
    const claims = await claimsOf(scene);
    expect(claims.length).toBeGreaterThanOrEqual(2);
    expect(claims.filter((claim) => !claim.startsWith('holds'))).toEqual([]);
    console.log(claims.join('\n'));
  });
});

test('a claim that does not hold is found: the wall stands elsewhere on exFAT', async () => {
  const wall = SCENES.find(({ id }) => id === 'the-4-gib-wall') as Scene;
  const turned = {
    ...wall,
    disks: wall.disks.map((disk) => (disk.format === 'fat32' ? { ...disk, format: 'exfat' } : disk)),
  };
  await expect(claimsOf(turned)).rejects.toThrow('fat32');
});
