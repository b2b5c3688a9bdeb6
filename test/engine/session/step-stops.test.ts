import { describe, expect, test } from 'vitest';
import { stepStops } from '../../../src/engine/session/step-stops.ts';
import { Tape } from '../../../src/engine/device/tape.ts';
import type { TraceRow } from '../../../src/engine/session/view.ts';
import { bench } from './bench.ts';

/**
 * Goal: stopping by call, structure or write means what the trace shows. Method: the stops of real steps of every format
 * against the rows of their traces, which know nothing of stops.
 */
const PAGE = { offset: 0, countMax: 1e6 };

/** Accesses with which a call ends, read off the rows: the last access before the depth comes back to the call's. */
function callEnds(rows: readonly TraceRow[]): number[] {
  const ends = new Set<number>();
  rows.forEach((row, at) => {
    if (row.kind !== 'call') return;
    let last = -1;
    for (const below of rows.slice(at + 1)) {
      if (below.depth <= row.depth) break;
      last = Math.max(last, below.write);
    }
    if (last >= 0) ends.add(last);
  });
  const last = Math.max(-1, ...rows.map(({ write }) => write));
  if (last >= 0) ends.add(last);
  return [...ends].sort((a, b) => a - b);
}

describe.each(['fat32', 'exfat', 'hfsplus', 'apfs'])('%s: the stops of a step', (format) => {
  test('are the ends of calls and the barriers that its trace shows', () => {
    const { session, run } = bench({ format });
    run('cd /Volumes/BENCH');
    for (const line of [
      'mkdir d',
      'echo one > d/a',
      'cp d/a d/b; cp d/b c',
      'mv c d/c',
      'rm d/b',
      'ls',
      'sync',
    ]) {
      run(line);
      const { step } = session.now;
      const { rows } = session.views.trace(step, PAGE);
      const stops = session.views.stops(step);
      const accesses = rows.filter(({ write }) => write >= 0);
      expect(stops.accessCount).toBe(accesses.length);
      expect([...stops.calls]).toEqual(callEnds(rows));
      expect([...stops.barriers]).toEqual(
        accesses.filter(({ kind }) => kind === 'barrier').map(({ write }) => write),
      );
      // A structure ends no later than the next one begins: neighbours in one change have one role.
      const ends = new Set(stops.structures);
      accesses.forEach(({ write, kind, role }, at) => {
        const next = accesses.slice(at + 1).find((other) => other.kind !== 'barrier');
        if (kind === 'barrier' || next === undefined || ends.has(next.write - 1)) return;
        expect([role, write]).toEqual([next.role, write]);
      });
      expect(stops.structures.at(-1)).toBe(accesses.length === 0 ? undefined : accesses.length - 1);
      expect([...stops.structures]).toEqual([...ends].sort((a, b) => a - b));
    }
  });

  test('there are none of a step that is not there', () => {
    expect(() => bench({ format }).session.views.stops(3)).toThrow('there is no step 3');
  });
});

test('a change of a structure goes on over its barrier and ends with another owner or operation', () => {
  const tape = new Tape(512);
  const label = (owner: string) => ({ role: 'tree', owner, reason: '' }) as const;
  tape.open('command', 'x');
  tape.open('call', 'write');
  tape.append('write', 0, 1, label('catalog'));
  tape.append('write', 1, 1, label('catalog'));
  tape.append('barrier', 0, 0, label(''));
  tape.append('write', 2, 1, label('extents'));
  tape.close();
  tape.open('call', 'close');
  tape.append('write', 3, 1, label('extents'));
  tape.close();
  tape.close();
  const stops = stepStops(tape, 1, { from: 0, to: tape.length }, { from: 0, to: tape.spanCount });
  expect({ ...stops, calls: [...stops.calls], structures: [...stops.structures] }).toMatchObject({
    ...{ step: 1, accessCount: 5, calls: [3, 4], structures: [2, 3, 4] },
  });
  expect([...stops.barriers]).toEqual([2]);
});
