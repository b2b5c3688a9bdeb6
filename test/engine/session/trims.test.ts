import { describe, expect, test } from 'vitest';
import { Session } from '../../../src/engine/session/session.ts';
import { bench, benchOf } from './bench.ts';
import type { Bench } from './bench.ts';

/**
 * Goal: what a format trims it trims behind the commit that frees it, and not at all when it is told so, also after a
 * save. Method: the tape; and the same lines with and without trims, which have to write the same otherwise.
 */
interface Access {
  readonly kind: string;
  readonly first: number;
  readonly count: number;
}

function accessesOf({ session: { tape } }: Bench): Access[] {
  return Array.from({ length: tape.length }, (_, i) => ({
    ...{ kind: tape.kindAt(i), first: tape.firstBlockAt(i), count: tape.blockCountAt(i) },
  }));
}

const trimsIn = (accesses: readonly Access[]): Access[] => accesses.filter(({ kind }) => kind === 'trim');
const LINES = ['mkfile 200k film.mov; echo a > a', 'rm film.mov', 'echo b > b', 'rm a', 'echo c > c'];

function ran(format: string, trims?: boolean): Bench {
  const one = bench({ format, ...(trims === undefined ? {} : { trims }) });
  for (const line of LINES) one.run(line);
  return one;
}

function restored({ session }: Bench): Bench {
  const { number, head, beginning, steps, lines, visits, blocks } = structuredClone(session.checkpoint(null));
  if (beginning === null) throw new Error('the first save holds everything');
  const saved = { ...{ number, head, beginning, steps, lines, visits }, blocks: [blocks] };
  return benchOf((onOutput) => Session.restore(saved, null, onOutput));
}

describe.each(['apfs', 'hfsplus', 'hfsx'])('%s', (format) => {
  test('the contents of a file are trimmed once, and only behind a barrier that follows its removal', () => {
    const one = bench({ format });
    one.run('mkfile 200k film.mov');
    const [extent] = one.session.machine.extentsOf('film.mov');
    const first = (extent?.deviceOffsetBytes ?? 0) / 512;
    const begin = one.session.tape.length;
    one.run('rm film.mov');
    one.run('echo b > b');
    const after = accessesOf(one).slice(begin);
    const at = after.findIndex(
      (each) => each.kind === 'trim' && each.first <= first && first < each.first + each.count,
    );
    expect(at).toBeGreaterThan(0);
    expect(after.slice(0, at).filter(({ kind }) => kind === 'barrier').length).toBeGreaterThan(0);
    const blocks = trimsIn(after).reduce((sum, { count }) => sum + count, 0);
    expect(blocks).toBeGreaterThanOrEqual((200 * 1024) / 512);
  });

  test('told not to, it trims nothing, and writes the same otherwise', () => {
    const [trimming, silent] = [ran(format), ran(format, false)];
    expect(trimsIn(accessesOf(trimming)).length).toBeGreaterThan(0);
    expect(accessesOf(silent)).toEqual(accessesOf(trimming).filter(({ kind }) => kind !== 'trim'));
    expect(silent.run('ls; cat b c')).toBe(trimming.run('ls; cat b c'));
    expect(silent.session.views.check().findings).toEqual([]);
  });

  test.each([true, false])('a save keeps the choice: %s', (trims) => {
    const back = restored(ran(format, trims));
    for (const line of ['rm b', 'echo d > d', 'rm c', 'echo e > e']) back.run(line);
    const found = trimsIn(accessesOf(back)).length;
    if (trims) expect(found).toBeGreaterThan(0);
    else expect(found).toBe(0);
    back.run('mount -u -o rw disk2s1');
    back.session.undo();
    back.session.undo();
    back.run('rm d; echo f > f');
    if (!trims) expect(trimsIn(accessesOf(back)).length).toBe(0);
  });
});

test.each(['fat32', 'exfat'])('%s trims nothing', (format) => {
  expect(trimsIn(accessesOf(ran(format)))).toEqual([]);
});
