import { describe, expect, test } from 'vitest';
import { roleIndex } from '../../../src/engine/base/role.ts';
import { mapView, regionAt } from '../../../src/engine/session/map-view.ts';
import type { Region } from '../../../src/engine/formats/survey.ts';
import { fastest } from '../../support/stopwatch.ts';

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
const none: Float64Array[] = [];
const whole = { firstBlock: 0, blockCount: 100 };

describe('map view', () => {
  test('one cell a block says exactly what the regions say', () => {
    const view = mapView(regions, 100, { ...whole, cellsMax: 100 }, [Float64Array.of(9, 2)]);
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
    const view = mapView(regions, 100, { firstBlock: 12, blockCount: 8, cellsMax: 4 }, [
      Float64Array.of(0, 13),
    ]);
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

  test('a cell says how many steps ago it was written last', () => {
    const steps = [
      Float64Array.of(2, 1),
      Float64Array.of(0, 4, 10, 2),
      new Float64Array(),
      Float64Array.of(3, 3),
    ];
    const { age, written } = mapView(regions, 100, { ...whole, cellsMax: 100 }, steps);
    expect([...age.subarray(0, 12)]).toEqual([1, 1, 0, 1, 3, 3, 255, 255, 255, 255, 1, 1]);
    expect([...written.subarray(0, 4)]).toEqual([0, 0, 1, 0]);
    const many = Array.from({ length: 300 }, () => new Float64Array());
    expect(mapView(regions, 100, { ...whole, cellsMax: 4 }, [...many, Float64Array.of(0, 100)]).age[0]).toBe(
      255,
    );
  });

  test('a cell says how many files hold it, and where a chain ends', () => {
    const shared = [
      { ...region(0, 10, 'shared', '/a and /b'), holderCount: 2 },
      { ...region(10, 10, 'shared', '/a, /b and many more'), holderCount: Infinity },
      { ...region(20, 10, 'data', '/c'), endsChain: true },
      region(30, 70, 'free'),
    ];
    const view = mapView(shared, 100, { ...whole, cellsMax: 100 }, none);
    expect([view.holders[0], view.holders[15], view.holders[25], view.holders[40]]).toEqual([2, 255, 1, 0]);
    expect([...view.chainEnds].flatMap((is, cell) => (is === 1 ? [cell] : []))).toEqual([29]);
  });

  test.each([
    ['16 TiB in sectors', 2 ** 35],
    ['10 million blocks', 10_000_000],
  ])('a disk of %s costs its runs and cells, not its blocks', (_, blockCount) => {
    const piece = Math.floor(blockCount / 4000);
    const runs = Array.from({ length: 4000 }, (_run, i) =>
      region(i * piece, i === 3999 ? blockCount - i * piece : piece, i % 2 === 0 ? 'data' : 'free', `/f${i}`),
    );
    // Every one of many steps wrote all over the disk.
    const steps = Array.from({ length: 250 }, () => Float64Array.of(0, blockCount));
    const request = { firstBlock: 0, blockCount, cellsMax: 20_000 };
    expect(mapView(runs, blockCount, request, steps).roles[0]).toBe(roleIndex('data'));
    expect(fastest(5, () => mapView(runs, blockCount, request, steps))).toBeLessThan(50);
  });

  test('regionAt finds the run a block lies in', () => {
    expect([0, 1, 9, 10, 99, 100].map((block) => regionAt(regions, block))).toEqual([0, 1, 1, 2, 3, 4]);
  });
});
