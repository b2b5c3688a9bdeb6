import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Moment, StepView } from '../../../src/engine/session/view.ts';
import { bench } from './bench.ts';
import type { Bench } from './bench.ts';
import { differingBlocks, wholeAt } from './moment-oracle.ts';
import type { Whole } from './moment-oracle.ts';

/**
 * Goal: what is said of two moments is what a full comparison of both disks finds.
 * Method: random scripts with branches on every format; then pairs of moments, also inside steps and across branches,
 * against the whole disks byte by byte and against every file read by a machine that knows only those bytes.
 */
const FORMATS = ['fat32', 'exfat', 'hfsplus', 'apfs'] as const;
const SIZE_BYTES = { fat32: 2 ** 26, exfat: 2 ** 24, hfsplus: 2 ** 24, apfs: 2 ** 24 };
const ALL = { offset: 0, countMax: 1e6 };

const name = fc.constantFrom('a', 'b', 'c', 'd/a', 'd/b');
const line = fc.oneof(
  fc.tuple(name, fc.nat(30_000)).map(([file, size]) => `mkfile ${size} ${file}`),
  fc.tuple(fc.string({ minLength: 1, maxLength: 9, unit: fc.constantFrom('x', 'y', 'z') }), name).map(([text, file]) => `echo ${text} >> ${file}`),
  fc.tuple(name, name).map(([from, to]) => `cp ${from} ${to}`),
  fc.tuple(name, name).map(([from, to]) => `mv ${from} ${to}`),
  fc.tuple(name, name).map(([from, to]) => `cp -c ${from} ${to}`),
  name.map((file) => `rm ${file}`),
  name.map((file) => `xattr -w note ${'v'.repeat(60)}${file.length} ${file}`),
  fc.tuple(name, fc.nat(40)).map(([file, block]) => `echo Q | dd of=${file} bs=512 seek=${block} conv=notrunc`),
  name.map((file) => `chmod 600 ${file}`),
  name.map((file) => `ln -s a ${file}`),
  fc.constantFrom('rmdir d', 'mkdir d', 'ls', 'touch d'),
);
/** A line to type, or a place of the history (in thousandths of it) to go to. */
const action = fc.oneof({ weight: 6, arbitrary: line }, { weight: 1, arbitrary: fc.nat(1000) });

function play(format: string, actions: readonly (string | number)[]): { table: Bench; steps: readonly StepView[] } {
  const table = bench({ format, sizeBytes: SIZE_BYTES[format as 'fat32'] });
  table.run('cd /Volumes/BENCH');
  table.run('mkdir d');
  for (const act of actions) {
    if (typeof act === 'string') table.run(act);
    else table.session.seek({ step: Math.floor((act / 1001) * table.session.timeline().steps.length) });
  }
  return { table, steps: table.session.timeline().steps };
}

/** Some moment: `share` of all steps, and of its accesses when `inside`. */
function momentAt(steps: readonly StepView[], share: number, inside: number | null): Moment {
  const step = steps[Math.floor(share * steps.length)];
  if (step === undefined) return { step: 0 };
  if (inside === null || step.writeCount === 0) return { step: step.step };
  return { step: step.step, write: Math.floor(inside * step.writeCount) };
}
const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const moment = fc.tuple(share, fc.option(share));

describe.each(FORMATS)('%s: any two moments', (format) => {
  test('differ in exactly the blocks and files that a full comparison finds', () => {
    fc.assert(
      fc.property(
        fc.array(action, { minLength: 2, maxLength: 14 }),
        fc.array(fc.tuple(moment, moment), { minLength: 2, maxLength: 2 }),
        (actions, pairs) => {
          const { table, steps } = play(format, actions);
          for (const [a, b] of pairs) {
            const [before, after] = [momentAt(steps, ...a), momentAt(steps, ...b)];
            const [was, is] = [wholeAt(table.session, before), wholeAt(table.session, after)];
            const difference = table.session.differences.between({ before, after });
            const { ranges, blockCount, isExact } = difference.blocks(ALL);
            const blocks = differingBlocks(was.disk, is.disk, 512);
            expect(expanded(ranges)).toEqual(blocks);
            expect([blockCount, isExact]).toEqual([blocks.length, true]);
            const structures = difference.structures(ALL).rows;
            expect(structures.reduce((sum, row) => sum + row.blockCount, 0)).toBe(blocks.length);
            compareFiles(difference.files(ALL).rows, was, is);
          }
        },
      ),
      { numRuns: format === 'fat32' ? 4 : 12, seed: 20261201 },
    );
  });
});

const expanded = (ranges: Float64Array): number[] => {
  const blocks: number[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    for (let k = 0; k < (ranges[i + 1] ?? 0); k++) blocks.push((ranges[i] ?? 0) + k);
  }
  return blocks;
};

type Rows = ReturnType<ReturnType<Bench['session']['differences']['between']>['files']>['rows'];

function compareFiles(rows: Rows, was: Whole, is: Whole): void {
  const expected = [...new Set([...was.files.keys(), ...is.files.keys()])].sort().flatMap((path) => {
    const [a, b] = [was.files.get(path), is.files.get(path)];
    const shown = path || '/';
    if (a === undefined || b === undefined) return [`${a === undefined ? 'added' : 'removed'} ${shown}`];
    if ((a.contents === null) !== (b.contents === null)) return [`removed ${shown}`, `added ${shown}`];
    const isSame = a.facts === b.facts && Buffer.compare(a.contents ?? EMPTY, b.contents ?? EMPTY) === 0;
    return isSame ? [] : [`changed ${shown}`];
  });
  expect(rows.map(({ kind, path }) => `${kind} ${path}`).sort()).toEqual(expected.sort());
  for (const { path, kind, contents, isExact } of rows) {
    if (kind !== 'changed') continue;
    expect(isExact).toBe(true);
    const key = path === '/' ? '' : path;
    compareContents(contents, was.files.get(key)?.contents ?? EMPTY, is.files.get(key)?.contents ?? EMPTY);
  }
}

const EMPTY = new Uint8Array();

/** Every byte that differs lies in a range, and every range begins and ends with one. */
function compareContents(ranges: Float64Array, a: Uint8Array, b: Uint8Array): void {
  const differs = (i: number) => a[i] !== b[i];
  let at = 0;
  const outside: number[] = [];
  for (let i = 0; i <= ranges.length; i += 2) {
    const first = ranges[i] ?? Math.max(a.length, b.length);
    for (; at < first; at++) if (differs(at)) outside.push(at);
    if (i === ranges.length) break;
    const last = first + (ranges[i + 1] ?? 0) - 1;
    expect([differs(first), differs(last)]).toEqual([true, true]);
    at = last + 1;
  }
  expect(outside).toEqual([]);
}
