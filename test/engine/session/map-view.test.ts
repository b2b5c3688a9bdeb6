import { describe, expect, test } from 'vitest';
import { roleIndex } from '../../../src/engine/base/role.ts';
import { mapView, regionAt } from '../../../src/engine/session/map-view.ts';
import type { Region } from '../../../src/engine/formats/contract.ts';

const region = (firstBlock: number, blockCount: number, role: Region['role'], owner = ''): Region => ({
  firstBlock,
  blockCount,
  role,
  owner,
});
const regions = [
  region(0, 1, 'header', 'boot sector'),
  region(1, 9, 'allocation', 'FAT 1'),
  region(10, 6, 'data', '/a'),
  region(16, 84, 'free'),
];
const none = new Float64Array();
const whole = { firstBlock: 0, blockCount: 100 };

describe('map view', () => {
  test('one cell a block says exactly what the regions say', () => {
    const view = mapView(regions, 100, { ...whole, cellsMax: 100 }, Float64Array.of(9, 2));
    expect(view.blocksPerCell).toBe(1);
    expect([view.roles[0], view.roles[9], view.roles[15], view.roles[16]]).toEqual(
      (['header', 'allocation', 'data', 'free'] as const).map(roleIndex),
    );
    expect(view.owners[view.owner[12] ?? 0]).toBe('/a');
    expect([...view.written.subarray(8, 12)]).toEqual([0, 1, 1, 0]);
    expect([view.fill[15], view.fill[16]]).toEqual([255, 0]);
  });

  test('an aggregated cell shows its most telling role and the share in use', () => {
    const view = mapView(regions, 100, { ...whole, cellsMax: 5 }, none);
    expect(view.blocksPerCell).toBe(20);
    expect([...view.roles]).toEqual([roleIndex('header'), 0, 0, 0, 0]);
    expect(view.fill[0]).toBe(Math.ceil((16 / 20) * 255));
    expect(view.owners[view.owner[0] ?? 0]).toBe('boot sector');
  });

  test('a window in the middle begins at its own first block', () => {
    const view = mapView(
      regions,
      100,
      { firstBlock: 12, blockCount: 8, cellsMax: 4 },
      Float64Array.of(0, 13),
    );
    expect([...view.roles]).toEqual([...(['data', 'data', 'free', 'free'] as const)].map(roleIndex));
    expect([...view.written]).toEqual([1, 0, 0, 0]);
  });

  test.each([
    { firstBlock: -5, blockCount: 1e9, cellsMax: 10 },
    { firstBlock: 200, blockCount: 10, cellsMax: 10 },
    { firstBlock: NaN, blockCount: Infinity, cellsMax: -1 },
    { firstBlock: 3, blockCount: 0, cellsMax: 0 },
  ])('an odd request is cut to the disk: %o', (request) => {
    const view = mapView(regions, 100, request, none);
    expect(view.firstBlock + view.blockCount).toBeLessThanOrEqual(100);
    expect(view.roles.length * view.blocksPerCell).toBeGreaterThanOrEqual(view.blockCount);
  });

  test('a disk of 16 TB costs its runs, not its blocks', () => {
    const blockCount = 2 ** 35;
    const huge = [region(0, 32, 'header'), region(32, blockCount - 32, 'free')];
    const began = performance.now();
    const view = mapView(huge, blockCount, { firstBlock: 0, blockCount, cellsMax: 20_000 }, none);
    expect(performance.now() - began).toBeLessThan(50);
    expect(view.fill[0]).toBe(1);
  });

  test('regionAt finds the run a block lies in', () => {
    expect([0, 1, 9, 10, 99, 100].map((block) => regionAt(regions, block))).toEqual([0, 1, 1, 2, 3, 4]);
  });
});
