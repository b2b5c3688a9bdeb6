import { describe, expect, test } from 'vitest';
import { Prng } from '../../../src/engine/base/prng.ts';
import { bench } from './bench.ts';

/** Goal: going back and forth, branching and replaying never lose or change a byte. Method: fingerprints of the disk. */

const LINES = [
  'mkdir photos && echo one > photos/a.txt',
  'for i in 1 2 3 4 5; do echo "line $i" >> photos/log.txt; done',
  'mkfile 300k big; rm photos/a.txt',
  'mv photos/log.txt "a long name with ünïcödé 名前.txt"',
  'x=5; f() { echo "$x from f"; }; cd photos',
  'f > ../out; touch new; cd ..; sync',
  'rmdir nothing; cp -R photos copy',
  'truncate -s 10k big; dd if=/dev/urandom of=noise bs=1k count=7 status=none',
];

describe.each(['each', 'writeback'] as const)('history under %s', (policy) => {
  test('undo and redo lead through exactly the states there were', () => {
    const { session, run } = bench({ policy });
    const states = [session.imageHash()];
    const places = [session.directory];
    for (const line of LINES) {
      run(line);
      states.push(session.imageHash());
      places.push(session.directory);
    }
    for (let i = LINES.length - 1; i >= 0; i--) {
      session.undo();
      expect([session.now.step, session.imageHash(), session.directory]).toEqual([i, states[i], places[i]]);
    }
    for (let i = 1; i <= LINES.length; i++) {
      session.redo();
      expect([session.now.step, session.imageHash(), session.directory]).toEqual([i, states[i], places[i]]);
    }
    expect(session.timeline()).toMatchObject({ canUndo: true, canRedo: false });
  });

  test('a line run again after undo gives the bytes it gave the first time', () => {
    const straight = bench({ policy });
    const wandering = bench({ policy });
    const prng = new Prng(3);
    for (const line of LINES) {
      straight.run(line);
      wandering.run(line);
      for (let i = prng.below(4); i > 0; i--) {
        const back = wandering.session.now.step;
        wandering.session.seek({ step: prng.below(back + 1) });
        wandering.session.seek({ step: back });
      }
      wandering.session.undo();
      wandering.run(line);
      expect(wandering.session.imageHash(), line).toBe(straight.session.imageHash());
    }
  });

  test('shell variables, functions and $RANDOM belong to the moment', () => {
    const { session, run } = bench({ policy });
    run('x=before; RANDOM=5');
    const first = run('echo $x $RANDOM $RANDOM; x=after; f() { :; }');
    session.undo();
    expect(run('echo $x $RANDOM $RANDOM; x=after; f() { :; }')).toBe(first);
    expect(run('echo $x; type f')).toContain('after\nf is a');
    session.seek({ step: 1 });
    expect(run('echo $x; type f')).not.toContain('f is a function');
  });

  test('lines before the beginning of the history stay; lines that are run again are not remembered twice', () => {
    const { session, run } = bench({ policy });
    run('echo one > a; mkdir d; cd d');
    session.beginHistory();
    const beginning = session.imageHash();
    run('echo two > b');
    run('echo three > ../c');
    session.undo();
    session.undo();
    expect([session.imageHash(), session.timeline().canUndo]).toEqual([beginning, false]);
    session.redo();
    expect(run('cat ../a b; pwd')).toBe('one\ntwo\n/Volumes/BENCH/d\n');
    expect(run('history').trimEnd().split('\n')).toHaveLength(5);
  });

  test('what a command read from the terminal is read again when lines are replayed', () => {
    const { session, run } = bench({ policy, isTerminal: true });
    run('read x; echo "$x" > typed', ['hello\n']);
    const state = session.imageHash();
    run('echo more > b');
    session.undo();
    expect(session.imageHash()).toBe(state);
    expect(session.views.file('/typed').file.sizeBytes).toBe(6);
  });
});

describe('history', () => {
  test('typing in the past makes a branch, and both branches stay', () => {
    const { session, run } = bench();
    run('echo a > a');
    run('echo b > b');
    const main = session.imageHash();
    session.undo();
    run('echo c > c');
    expect(run('ls')).toBe('a\nc\n');
    expect(session.timeline().steps.map(({ branch }) => branch)).toEqual([
      'main',
      'main',
      'main',
      'branch 2',
      'branch 2',
    ]);
    session.seek({ step: 2 });
    expect([session.imageHash(), run('ls')]).toEqual([main, 'a\nb\n']);
  });

  test('scope undo and scope redo move once the line has ended, and are no steps', () => {
    const { session, run } = bench();
    run('echo a > a');
    const one = session.imageHash();
    run('echo b > b');
    const two = session.imageHash();
    run('scope undo');
    expect([session.now, session.imageHash()]).toEqual([{ step: 1 }, one]);
    run('scope redo');
    expect([session.now, session.imageHash()]).toEqual([{ step: 2 }, two]);
    expect(session.timeline().steps).toHaveLength(3);
    expect(run('scope redo; echo still here')).toContain('still here');
  });

  test('inside a step the disk is what had been written by then, and only to look at', () => {
    const { session, run } = bench();
    run('echo a > a');
    const before = session.imageHash();
    run('echo hello > b');
    const after = session.imageHash();
    const { writeCount } = session.timeline().steps[2]!;
    const seen = Array.from({ length: writeCount }, (_, write) => {
      session.seek({ step: 2, write });
      expect(session.views.disk().volume?.isReadOnly).toBe(true);
      return session.imageHash();
    });
    expect(new Set([before, ...seen]).size).toBeGreaterThan(3);
    expect(seen.at(-1)).toBe(after);
    session.seek({ step: 2, write: 0 });
    expect(run('echo no > no')).toContain('in the middle of a step');
    session.redo();
    expect([session.now, session.imageHash()]).toEqual([{ step: 2 }, after]);
    expect(run('ls')).toBe('a\nb\n');
  });

  test('a moment that does not exist is EINVAL', () => {
    const { session, run } = bench();
    run('echo a > a');
    for (const moment of [{ step: 9 }, { step: -1 }, { step: 1, write: 10_000 }, { step: 0, write: 0 }]) {
      expect(() => session.seek(moment)).toThrow('there is no such moment');
    }
  });

  test('of many steps the old ones are thinned and still come back', () => {
    const { session, run } = bench();
    const states: string[] = [session.imageHash()];
    for (let i = 1; i <= 100; i++) {
      run(`echo ${i} > f${i % 7}`);
      states.push(session.imageHash());
    }
    for (const step of [3, 16, 17, 40, 99, 0]) {
      session.seek({ step });
      expect(session.imageHash()).toBe(states[step]);
    }
  });

  test('an interrupted line is a step with exit code 130, and what it did stands', () => {
    const { session } = bench({ policy: 'writeback' });
    const running = session.run('i=0; while :; do i=$((i+1)); echo $i > f$i; done');
    for (let i = 0; i < 3000; i++) running.next();
    session.interrupt();
    const last = running.next();
    expect(last.value).toMatchObject({ exitCode: 130, step: { step: 1, exitCode: 130 } });
    const state = session.imageHash();
    session.undo();
    session.redo();
    expect(session.imageHash()).toBe(state);
    expect(session.views.directory('/', { offset: 0, countMax: 5 }).total).toBeGreaterThan(3);
  });
});

describe('the same seed and lines', () => {
  const hashOf = (options: Parameters<typeof bench>[0], lines: readonly string[]) => {
    const { session, run } = bench(options);
    lines.forEach((line) => run(line));
    return session.imageHash();
  };

  test.each(['each', 'writeback'] as const)('give the same bytes twice under %s', (policy) => {
    expect(hashOf({ policy, seed: 11 }, LINES)).toBe(hashOf({ policy, seed: 11 }, LINES));
    expect(hashOf({ policy, seed: 11 }, LINES)).not.toBe(hashOf({ policy, seed: 12 }, LINES));
  });

  test('give the same bytes as one script, and without a tape', () => {
    const script = LINES.join('\n');
    expect(hashOf({}, [script])).toBe(hashOf({}, LINES));
    expect(hashOf({ isRecording: false }, [script])).toBe(hashOf({}, LINES));
  });
});

describe('a step', () => {
  test('knows its costs, its ranges, the change of free space and the first errno', () => {
    const { session, run } = bench();
    run('mkfile 10k a');
    const made = session.timeline().steps[1]!;
    expect(made.costs.bytesByRole.data).toBe(10240);
    expect(made.freeBytesChange).toBe(-10240);
    expect(made.costs.barriers).toBeGreaterThan(0);
    expect(made.costs.simulatedNanoseconds).toBeGreaterThan(1e5);
    expect(made.writeCount).toBe(made.costs.writes + made.costs.barriers + made.costs.trims);
    const blocks = made.written.filter((_, i) => i % 2 === 1).reduce((sum, count) => sum + count, 0);
    expect(blocks).toBeGreaterThanOrEqual(20 + 3);

    run('mkfile 100m too-large');
    expect(session.timeline().steps[2]).toMatchObject({ error: { code: 'ENOSPC' }, exitCode: 1 });
    run('cat missing 2> /dev/null; rm missing 2> /dev/null');
    expect(session.timeline().steps[3]).toMatchObject({ error: { code: 'ENOENT' } });
    run('echo fine > b');
    expect(session.timeline().steps[4]?.error).toBeNull();
  });

  test('has a trace from command to write, each a sentence below what caused it', () => {
    const { session, run } = bench();
    run('echo hi > a');
    const { rows, total } = session.views.trace(1, { offset: 0, countMax: 1000 });
    expect(total).toBe(rows.length);
    expect(rows[0]).toMatchObject({ kind: 'command', depth: 0 });
    expect(rows.filter(({ kind }) => kind === 'call').length).toBeGreaterThan(1);
    const writes = rows.filter(({ kind }) => kind === 'write');
    expect(writes.length).toBe(session.timeline().steps[1]?.costs.writes);
    for (const row of rows) expect(row.sentence).not.toBe('');
    for (const write of writes) expect(write.depth).toBeGreaterThanOrEqual(2);
    const indexes = rows.flatMap(({ write }) => (write < 0 ? [] : [write]));
    expect(indexes).toEqual(indexes.map((_, i) => i));
    expect(session.views.trace(1, { offset: 2, countMax: 3 }).rows).toEqual(rows.slice(2, 5));
  });

  test('looking at files leaves no trace, between lines and while one runs', () => {
    const spansOf = (look: (session: ReturnType<typeof bench>['session']) => void) => {
      const { session, run } = bench();
      run('echo hi > a');
      look(session);
      const running = session.run('for i in 1 2 3; do echo $i > f$i; done');
      while (running.next().done !== true) look(session);
      return session.tape.spanCount;
    };
    const looked = spansOf(({ views }) => {
      views.forget();
      views.directory('/', { offset: 0, countMax: 10 });
      views.file('/a');
    });
    expect(looked).toBe(spansOf(() => {}));
  });

  test('takes the time it took, also when it is run again after an undo', () => {
    const { session, run } = bench({ profile: 'hdd' });
    run('mkfile 1m a');
    run('echo x > b; rm a');
    const { costs } = session.timeline().steps[2]!;
    session.undo();
    run('echo x > b; rm a');
    expect(session.timeline().steps[3]?.costs).toEqual(costs);
  });
});
