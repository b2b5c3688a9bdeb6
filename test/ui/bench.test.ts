import { describe, expect, test, vi } from 'vitest';
import { BenchHistory } from '../../src/ui/state/bench-history.svelte.ts';
import type { Taken } from '../../src/ui/state/bench-history.svelte.ts';
import type { Bench } from '../../src/ui/state/bench.svelte.ts';
import { Keeper } from '../../src/ui/state/keeper.svelte.ts';
import { LineRunner } from '../../src/ui/state/line-runner.svelte.ts';
import { OutputFan } from '../../src/ui/state/output-fan.ts';
import { orderOf } from '../../src/ui/state/typed-order.ts';
import type { Note, Shelf } from '../../src/ui/storage/shelf.ts';

/** Goal: several disks behave as one bench. Method: the three rules behind it, without disks. */

const took = (step: number): Taken => ({ step, typed: [], isInterrupted: false });
const onBoth = (step: number) => new Map([['a', took(step)], ['b', took(step)]]); // prettier-ignore

describe('the history of a bench', () => {
  test('a disk that did not take part stays where its last line left it', () => {
    const history = new BenchHistory();
    history.append('all', onBoth(1));
    history.append('on a', new Map([['a', took(2)]]));
    const none = () => 0;
    expect(history.momentOf('a', history.now, none)).toEqual({ step: 2 });
    expect(history.momentOf('b', history.now, none)).toEqual({ step: 1 });
    expect(history.momentOf('b', { number: 0 }, none)).toEqual({ step: 0 });
    expect(history.momentOf('came later', history.now, none)).toEqual({ step: 0 });
  });

  test('inside a line each disk is after its own access, or at its end', () => {
    const history = new BenchHistory();
    history.append('all', onBoth(1));
    expect(history.momentOf('a', { number: 1, write: 2 }, () => 4)).toEqual({ step: 1, write: 2 });
    expect(history.momentOf('a', { number: 1, write: 3 }, () => 4)).toEqual({ step: 1 });
    expect(history.momentOf('a', { number: 1, write: 9 }, () => 4)).toEqual({ step: 1 });
  });

  test('typing in the past branches; redo takes the branch visited last; nothing is lost', () => {
    const history = new BenchHistory();
    history.append('one', onBoth(1));
    history.append('two', onBoth(2));
    history.moveTo({ number: 1 });
    expect(history.path).toEqual([1, 2]);
    history.append('other two', onBoth(3));
    expect([history.path, history.current.branch, history.current.depth]).toEqual([[1, 3], 'branch 2', 2]);
    history.moveTo({ number: 2 });
    history.moveTo({ number: 1 });
    expect([history.path, history.next]).toEqual([[1, 2], { number: 2 }]);
    history.moveTo({ number: 0 });
    expect([history.path, history.canUndo, history.canRedo, history.index]).toEqual([[1, 2], false, true, 0]);
    expect(history.all()).toHaveLength(4);
  });

  test('redo leads along the branch visited last, wherever one has been; the path stays one array along it', () => {
    const history = new BenchHistory();
    const chosen = new Map<number, number>();
    let seed = 7;
    const below = (limit: number) => (seed = (seed * 16807) % 2147483647) % limit;
    for (let i = 0; i < 600; i++) {
      if (below(3) > 0) history.append(String(i), onBoth(i));
      else history.moveTo({ number: below(history.length) });
      for (let at = history.step(history.now.number); at && at.number > 0; at = history.step(at.parent))
        chosen.set(at.parent, at.number);
      expect(history.next?.number).toBe(chosen.get(history.now.number));
      history.path.forEach((number, at) => expect(chosen.get(history.path[at - 1] ?? 0)).toBe(number));
    }
    const { path } = history;
    for (const number of path.slice(0, 20)) history.moveTo({ number });
    expect(history.path).toBe(path);
  });

  test('a disk made anew knows only the lines it ran again', () => {
    const history = new BenchHistory();
    history.append('one', onBoth(1));
    history.append('two', onBoth(2));
    history.rewrite('b', new Map([[2, took(7)]]));
    expect(history.step(1)?.taken.has('b')).toBe(false);
    expect(history.momentOf('b', { number: 2 }, () => 0)).toEqual({ step: 7 });
    expect(history.momentOf('a', { number: 2 }, () => 0)).toEqual({ step: 2 });
  });
});

describe('a line that ran', () => {
  test('is kept before the prompt comes back, and a storage that does not answer is not waited for', async () => {
    let keep = () => {};
    const noted: Note[] = [];
    const shelf = {
      note: (_id: string, _number: number, note: Note) => {
        noted.push(note);
        return new Promise<void>((resolve) => (keep = resolve));
      },
    } as unknown as Shelf;
    const keeper = new Keeper({ columns: [], runner: { running: [] } } as unknown as Bench, shelf);
    vi.spyOn(keeper, 'save').mockReturnValue();
    keeper.savedAt = 1;
    const history = new BenchHistory();
    const result = { isComplete: true, unread: '', step: { step: 1, exitCode: 0 }, typed: [] };
    const column = { key: 'a', name: 'A', disk: { run: async () => result } };
    const runner = new LineRunner({
      ...{ keeper, history, column, columns: [column], target: null, demo: { takeOver: () => {} } },
      busy: (_what: string, _stop: unknown, task: () => Promise<unknown>) => task(),
    } as unknown as Bench);
    for (const { answer, waitsFor } of [
      { answer: () => keep(), waitsFor: 0 },
      { answer: () => {}, waitsFor: 1000 },
    ]) {
      vi.useFakeTimers();
      let isBack = false;
      const running = runner
        .run('echo', () => {})
        .then(() => runner.kept())
        .then(() => (isBack = true));
      await vi.advanceTimersByTimeAsync(100);
      expect([noted.at(-1), isBack]).toEqual([
        { kind: 'line', text: 'echo', on: [{ key: 'a', typed: [] }] },
        false,
      ]);
      answer();
      await vi.advanceTimersByTimeAsync(waitsFor);
      await running;
      vi.useRealTimers();
    }
  });
});

describe('one terminal for several disks', () => {
  const printed = () => {
    const lines: string[] = [];
    return {
      lines,
      print: ({ stream, text }: { stream: string; text: string }) =>
        void lines.push(`${stream === 'stdout' ? '' : `${stream} `}${text}`),
    };
  };
  const out = (text: string) => ({ stream: 'stdout', text }) as const;

  test('what all say is printed once', () => {
    const { lines, print } = printed();
    const fan = new OutputFan(['A', 'B'], print);
    fan.from(0)(out('x\n'));
    fan.from(1)(out('x'));
    fan.from(1)(out('\n'));
    fan.end();
    expect(lines).toEqual(['x\n']);
  });

  test('what differs comes under the names of those who say it', () => {
    const { lines, print } = printed();
    const fan = new OutputFan(['A', 'B', 'C'], print);
    fan.from(0)(out('x\n'));
    fan.from(2)(out('x\n'));
    fan.from(1)({ stream: 'stderr', text: 'no' });
    fan.end();
    expect(lines).toEqual(['remark A · C\n', 'x\n', 'remark B\n', 'stderr no', '\n']);
  });

  test('a slow command is followed on the first disk', () => {
    vi.useFakeTimers();
    const { lines, print } = printed();
    const fan = new OutputFan(['A', 'B'], print);
    fan.from(0)(out('1\n'));
    vi.advanceTimersByTime(1000);
    expect(lines).toEqual(['1\n']);
    fan.from(0)(out('2\n'));
    fan.from(1)(out('other\n'));
    fan.end();
    vi.useRealTimers();
    expect(lines).toEqual(['1\n', '2\n', 'remark A: as above\n', 'remark B\n', 'other\n']);
  });

  test('what is held is bounded, and says so', () => {
    const { lines, print } = printed();
    const fan = new OutputFan(['A', 'B'], print);
    for (let nth = 0; nth < 10; nth++) fan.from(1)(out('x'.repeat(100_000)));
    fan.end();
    const whole = lines.join('');
    expect(whole.length).toBeLessThan(300_000);
    expect(whole).toContain('cut after 262,144 characters');
  });
});

describe('whom a line is for', () => {
  const disks = [
    { key: '1', name: 'APFS' },
    { key: '2', name: 'HFS+' },
    { key: '3', name: 'FAT32 2' },
  ];
  test.each([
    ['ls', null, { kind: 'run', keys: ['1', '2', '3'], line: 'ls' }],
    ['ls', '2', { kind: 'run', keys: ['2'], line: 'ls' }],
    ['on apfs ls -l', null, { kind: 'run', keys: ['1'], line: 'ls -l' }],
    ['on hfs+ ls', null, { kind: 'run', keys: ['2'], line: 'ls' }],
    ['on fat32-2 echo a\nb', null, { kind: 'run', keys: ['3'], line: 'echo a\nb' }],
    ['on all ls', '2', { kind: 'run', keys: ['1', '2', '3'], line: 'ls' }],
    ['on HFS', null, { kind: 'narrow', key: '2' }],
    ['on all', '2', { kind: 'narrow', key: null }],
    ['one two', null, { kind: 'run', keys: ['1', '2', '3'], line: 'one two' }],
  ])('%j with the prompt at %j', (text, target, order) => {
    expect(orderOf(text, disks, target)).toEqual(order);
  });

  test.each(['on', 'on ntfs ls'])('%j is refused with the names there are', (text) => {
    const order = orderOf(text, disks, null);
    expect(order).toMatchObject({ kind: 'refusal' });
    expect(JSON.stringify(order)).toContain('apfs, hfs, fat32-2, and all');
  });
});
