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
  fc
    .tuple(fc.string({ minLength: 1, maxLength: 9, unit: fc.constantFrom('x', 'y', 'z') }), name)
    .map(([text, file]) => `echo ${text} >> ${file}`),
  fc.tuple(name, name).map(([from, to]) => `cp ${from} ${to}`),
  fc.tuple(name, name).map(([from, to]) => `mv ${from} ${to}`),
  fc.tuple(name, name).map(([from, to]) => `cp -c ${from} ${to}`),
  name.map((file) => `rm ${file}`),
  name.map((file) => `xattr -w note ${'v'.repeat(60)}${file.length} ${file}`),
  fc
    .tuple(name, fc.nat(40))
    .map(([file, block]) => `echo Q | dd of=${file} bs=512 seek=${block} conv=notrunc`),
  fc
    .tuple(name, fc.nat(20_000))
    .map(([file, byte]) => `echo R | dd of=${file} bs=1 seek=${byte} conv=notrunc`),
  name.map((file) => `chmod 600 ${file}`),
  name.map((file) => `ln -s a ${file}`),
  fc.constantFrom('rmdir d', 'mkdir d', 'ls', 'touch d'),
);
/** A line to type, or a place of the history (in thousandths of it) to go to. */
const action = fc.oneof({ weight: 6, arbitrary: line }, { weight: 1, arbitrary: fc.nat(1000) });

function play(
  format: string,
  actions: readonly (string | number)[],
): { table: Bench; steps: readonly StepView[] } {
  const table = bench({ format, sizeBytes: SIZE_BYTES[format as 'fat32'] });
  table.run('cd /Volumes/BENCH');
  table.run('mkdir d');
  for (const file of ['a', 'b', 'd/a']) table.run(`yes ${file} | head -c 20000 > ${file}`);
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

describe.each(FORMATS)('%s: a file changed', (format) => {
  test('in two bytes differs in these two, whatever its times say', () => {
    const table = bench({ format, sizeBytes: SIZE_BYTES[format] });
    for (const text of ['cd /Volumes/BENCH', 'yes 1234567 | head -c 20000 > f', 'cp f g']) table.run(text);
    const before = table.session.now;
    table.run('echo Q | dd of=f bs=1 seek=10000 conv=notrunc');
    const after = table.session.now;
    const { rows, added, removed } = table.session.differences.between({ before, after }).files(ALL);
    const files = rows.filter(({ type }) => type === 'file');
    expect(files.map(({ path, kind, contents }) => [path, kind, ...contents])).toEqual([
      ['/f', 'changed', 10000, 2],
    ]);
    expect([added, removed]).toEqual([0, 0]);
  });

  test('only in an extended attribute of the same length is told', () => {
    const table = bench({ format, sizeBytes: SIZE_BYTES[format] });
    const value = 'v'.repeat(60);
    for (const text of ['cd /Volumes/BENCH', 'echo 1 > f', `xattr -w note ${value}1 f`]) table.run(text);
    const before = table.session.now;
    table.run(`xattr -w note ${value}2 f`);
    const { rows } = table.session.differences.between({ before, after: table.session.now }).files(ALL);
    expect(rows.filter(({ type }) => type === 'file').map(({ path }) => path)).toContain(
      format === 'hfsplus' || format === 'apfs' ? '/f' : '/._f',
    );
    expect(rows.every(({ facts, contents }) => facts.length + contents.length > 0)).toBe(true);
  });
});

describe('structures and bytes', () => {
  test('say what blocks were, what they are, and which fields have another value', () => {
    const table = bench();
    table.run('cd /Volumes/BENCH');
    const before = table.session.now;
    table.run('echo hello > f');
    const difference = table.session.differences.between({ before, after: table.session.now });
    const { rows } = difference.structures(ALL);
    const words = rows.map(
      (row) => `${row.before.role} ${row.before.owner} → ${row.after.role} ${row.after.owner}`,
    );
    expect(words).toContain('free  → data /f');
    expect(words).toContain('allocation FAT 1 → allocation FAT 1');
    const fat = rows.find(({ after }) => after.owner === 'FAT 1');
    const view = difference.block(fat?.ranges[0] ?? -1);
    expect(view.before).not.toEqual(view.after);
    expect(view.fields.map(({ before, after }) => before !== after)).toContain(true);
    expect(
      view.fields.every(({ offsetBytes, lengthBytes }) => {
        const end = offsetBytes + lengthBytes;
        return (
          Buffer.compare(view.before.subarray(offsetBytes, end), view.after.subarray(offsetBytes, end)) !== 0
        );
      }),
    ).toBe(true);
    expect(() => difference.block(1e9)).toThrow('has blocks 0 to');
  });

  test('of a terabyte of zeros cost what its metadata do', () => {
    const table = bench({ format: 'exfat', sizeBytes: 2 ** 41 });
    table.run('cd /Volumes/BENCH');
    const before = table.session.now;
    table.run('mkfile 1024g f');
    const difference = table.session.differences.between({ before, after: table.session.now });
    const { total, blockCount } = difference.blocks(ALL);
    expect(total).toBeLessThan(2000);
    expect(difference.files(ALL).rows.map(({ path, kind }) => `${kind} ${path}`)).toContain('added /f');
    expect(blockCount).toBeGreaterThan(0);
  });

  test('there is no difference with a moment that is not there', () => {
    const { session } = bench();
    expect(() => session.differences.between({ before: { step: 0 }, after: { step: 7 } })).toThrow(
      'no such moment',
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
