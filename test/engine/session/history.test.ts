import { describe, expect, test } from 'vitest';
import { History } from '../../../src/engine/session/history.ts';
import type { NewStep } from '../../../src/engine/session/history.ts';
import { NO_COSTS, NO_FIGURES } from '../../../src/engine/session/costs.ts';
import { Prng } from '../../../src/engine/base/prng.ts';
import { Stopwatch } from '../../support/stopwatch.ts';

const step = (line: string): NewStep<string> => ({
  view: {
    line,
    exitCode: 0,
    error: null,
    costs: NO_COSTS,
    figures: NO_FIGURES,
    writeCount: 0,
    freeBytesChange: 0,
    startedAt: { seconds: 0, nanoseconds: 0 },
    written: new Float64Array(),
  },
  entries: { from: 0, to: 0 },
  spans: { from: 0, to: 0 },
  state: line,
});
const historyOf = (...lines: string[]) => {
  const history = new History(step('newfs'));
  lines.forEach((line) => history.append(step(line)));
  return history;
};
const lineAt = (history: History<string>, moment: { step: number } | null) =>
  moment && history.step(moment.step)?.view.line;

describe('history', () => {
  test('undo and redo walk the line back and forth and stop at its ends', () => {
    const history = historyOf('a', 'b');
    expect(lineAt(history, history.previous)).toBe('a');
    expect(history.next).toBeNull();
    history.moveTo({ step: 0 });
    expect(history.previous).toBeNull();
    expect(lineAt(history, history.next)).toBe('a');
  });

  test('typing in the past branches, loses nothing, and redo takes the branch visited last', () => {
    const history = historyOf('a', 'b');
    history.moveTo({ step: 1 });
    history.append(step('c'));
    expect(history.view().steps.map(({ line, branch }) => `${line} ${branch}`)).toEqual([
      'newfs main',
      'a main',
      'b main',
      'c branch 2',
    ]);
    history.moveTo({ step: 1 });
    expect(lineAt(history, history.next)).toBe('c');
    history.moveTo({ step: 2 });
    history.moveTo({ step: 0 });
    expect(history.view().path.map((index) => history.step(index)?.view.line)).toEqual(['newfs', 'a', 'b']);
  });

  test('inside a step undo leads to its beginning and redo to its end', () => {
    const history = historyOf('a', 'b');
    history.moveTo({ step: 2, write: 3 });
    expect([history.previous, history.next]).toEqual([{ step: 1 }, { step: 2 }]);
  });

  test('the way to a step leads from the nearest start, at latest from the beginning', () => {
    const history = historyOf('a', 'b', 'c', 'd');
    const lines = (route: { state: string }[]) => route.map(({ state }) => state);
    expect(lines(history.routeTo(4, ({ state }) => state === 'b'))).toEqual(['b', 'c', 'd']);
    expect(lines(history.routeTo(4, () => true))).toEqual(['d']);
    expect(lines(history.routeTo(2, () => false))).toEqual(['newfs', 'a', 'b']);
    expect(history.step(4)?.depth).toBe(4);
  });

  test('redo leads along the branch visited last, wherever one has been in between', () => {
    const random = new Prng(11);
    const history = historyOf();
    // The rule said naively: every step on the way to where one stands is its parent's choice.
    const chosen = new Map<number, number>();
    const visit = (step: number) => {
      for (let at = step; at > 0; at = history.step(at)?.view.parent ?? 0) {
        chosen.set(history.step(at)?.view.parent ?? 0, at);
      }
    };
    for (let i = 0; i < 1000; i++) {
      if (random.below(3) > 0) history.append(step(`${i}`));
      else history.moveTo({ step: random.below(history.length) });
      visit(history.now.step);
      expect(history.next?.step).toBe(chosen.get(history.now.step));
      const path = history.view().path.filter((at) => at >= history.now.step);
      expect(path.every((at, nth) => nth === 0 || chosen.get(path[nth - 1] ?? -1) === at)).toBe(true);
    }
  });

  test('twenty thousand lines in a row are twenty thousand moves, not their square', () => {
    const history = historyOf();
    const watch = new Stopwatch();
    for (let i = 0; i < 20_000; i++) history.append(step(''));
    for (let i = 0; i < 20_000; i++) history.moveTo({ step: (i * 7919) % 20_000 });
    expect(watch.milliseconds).toBeLessThan(15_000); // squared it is minutes
  });
});
