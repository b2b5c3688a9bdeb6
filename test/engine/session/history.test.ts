import { describe, expect, test } from 'vitest';
import { History } from '../../../src/engine/session/history.ts';
import type { NewStep } from '../../../src/engine/session/history.ts';
import { NO_COSTS, NO_FIGURES } from '../../../src/engine/session/costs.ts';

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
});
