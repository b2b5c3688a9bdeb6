import { describe, expect, test } from 'vitest';
import { compare, comparedFile } from '../../../src/engine/session/compare.ts';
import { chartSvg, comparisonChart } from '../../../src/engine/session/compare-chart.ts';
import type { Palette } from '../../../src/engine/session/compare-chart.ts';
import { comparisonCsv, comparisonJson } from '../../../src/engine/session/compare-export.ts';
import type { Comparison } from '../../../src/engine/session/comparison.ts';
import { bench } from './bench.ts';

/** Goal: what leaves the program says the same figures, and a hostile name in it is nothing but a name. */
const HOSTILE = ['=1+1', '@SUM(A1)', "-2+3, 'x'", 'a "quoted", name', '<b>&</b>', '+cmd|calc'];

function comparisonOf(lines: readonly string[], paths: readonly string[] = []): Comparison {
  const disks = (['apfs', 'fat32'] as const).map((format) => {
    const { session, run } = bench({ format });
    for (const line of lines) run(line);
    const files = paths.map((path) => comparedFile(path, session.views.file(path)));
    return { title: format, blockSizeBytes: 512, steps: session.timeline().steps.slice(1), files };
  });
  return compare(disks, 'nvme');
}

/** A reader of RFC 4180 that shares nothing with the writer. */
function parsed(csv: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)!.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}

describe('CSV', () => {
  const lines = ['mkfile 100k =1+1', '  echo "a,b\n" > ./@SUM\\(A1\\)', '=nothing', 'rm ./=1+1'];
  const comparison = comparisonOf(lines, ['@SUM(A1)']);
  const [head = [], ...rows] = parsed(comparisonCsv(comparison));
  const cell = (row: string[], name: string) => row[head.indexOf(name)];

  test('every line has every column and says the figures', () => {
    expect(new Set(rows.map(({ length }) => length))).toEqual(new Set([head.length]));
    expect(rows.length).toBe(2 * (lines.length + 1 + 1));
    for (const [at, figures] of comparison.total.entries()) {
      const row = rows.filter(([kind]) => kind === 'total')[at]!;
      expect(cell(row, 'disk')).toBe(['apfs', 'fat32'][at]);
      expect(Number(cell(row, 'bytes'))).toBe(figures.bytes);
      expect(Number(cell(row, 'checkpoint bytes'))).toBe(figures.bytesByGroup.checkpoint);
      expect(Number(cell(row, 'metadata blocks'))).toBe(figures.blocksByGroup.metadata);
      expect(Number(cell(row, 'simulated nanoseconds'))).toBe(figures.simulatedNanoseconds);
      expect(Number(cell(row, 'free bytes change'))).toBe(figures.freeBytesChange);
      expect(Number(cell(row, 'write amplification'))).toBe(figures.writeAmplification);
    }
    const file = rows.find(([kind]) => kind === 'file')!;
    expect([cell(file, 'file size bytes'), cell(file, 'file extents')]).toEqual(['5', '1']);
  });

  test('no text begins a formula; numbers below 0 stay numbers', () => {
    const names = rows.map((row) => cell(row, 'command or file'));
    expect(names).toContain(`'${lines[2]}`);
    expect(names).toContain("'@SUM(A1)");
    expect(names).toContain(lines[1]);
    for (const row of rows) for (const text of row) expect(text).not.toMatch(/^\s*([=+@]|-(?!\d+$))/);
    expect(rows.some((row) => Number(cell(row, 'free bytes change')) < 0)).toBe(true);
    const titled = {
      ...comparison,
      disks: HOSTILE.slice(0, 2).map((title) => ({ title, blockSizeBytes: 512 })),
    };
    expect(parsed(comparisonCsv(titled))[1]).toContain("'=1+1");
  });
});

test('JSON holds the comparison as it is', () => {
  const comparison = comparisonOf(['mkfile 100k a', 'cp -c a b']);
  const { format, version, meanings, ...rest } = JSON.parse(comparisonJson(comparison)) as Record<
    string,
    unknown
  >;
  expect([format, version]).toEqual(['diskoscope comparison', 1]);
  expect(rest).toEqual(comparison);
  expect(Object.keys(meanings as object)).toContain('Write amplification');
});

describe('the chart', () => {
  const palette: Palette = {
    ...{ ink: '#111', soft: '#222', paper: '#fff', track: '#eee', time: '#00f' },
    groups: { data: '#001', metadata: '#002', journal: '#003', checkpoint: '#004' },
  };

  test('bars are as long as what they stand for', () => {
    const comparison = comparisonOf(['mkfile 100k a', 'cp -c a b || cp a b']);
    const { shapes } = comparisonChart(comparison, palette);
    const bars = (colour: string) =>
      shapes.flatMap((shape) =>
        shape.kind === 'rectangle' && shape.colour === colour && shape.height > 10 ? [shape.width] : [],
      );
    const most = Math.max(...comparison.total.map(({ bytes }) => bytes));
    const [track] = bars(palette.track);
    const data = comparison.total.map(({ bytesByGroup }) => (bytesByGroup.data / most) * track!);
    expect(bars(palette.groups.data)).toEqual(data);
    expect(bars(palette.groups.checkpoint).length).toBe(1);
    expect(Math.max(...bars(palette.time))).toBe(track);
  });

  test('names are text, whatever is in them', () => {
    const comparison = comparisonOf([`echo '<script>"&' \u0007 > a`]);
    const hostile = {
      ...comparison,
      disks: ['<img onerror=x>', 'a\u202Eb\uD800'].map((title) => ({ title, blockSizeBytes: 512 })),
    };
    const svg = chartSvg(comparisonChart(hostile, palette));
    expect(svg).not.toMatch(/<script|<img|[\u0000-\u0009\u000b-\u001f\u202e\ud800-\udfff]/);
    expect(svg).toContain('&#60;img onerror=x&#62;');
    expect(svg).toContain('a\ufffdb\ufffd');
    expect(svg.match(/<(?!\/|svg |title>|rect |text )/g)).toBeNull();
  });
});
