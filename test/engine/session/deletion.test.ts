import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeletionView } from '../../../src/engine/session/deletion-words.ts';
import { bench } from './bench.ts';
import type { Bench } from './bench.ts';
import { DISK_SIZES } from './disk-sizes.ts';

/**
 * Goal: what is said of deleting something is what deleting it does, to the block.
 * Method: random lives of a volume with clones, hard links, snapshots, holes and open files; then whatever `why` counts is
 * really done, by the very line it gives, and free blocks are counted before and after.
 */

const freeBlocks = ({ session }: Bench): number => {
  const { volume } = session.views.disk();
  if (volume === null) throw new Error('no volume is mounted');
  return volume.freeBytes / volume.allocationBlockSizeBytes;
};

/** Does what the view says on the machine, and undoes it. */
function freedReally(machine: Bench, { line }: DeletionView): number {
  const { session, run } = machine;
  const { step } = session.now;
  const before = freeBlocks(machine);
  run(line);
  const after = freeBlocks(machine);
  expect(session.timeline().steps.at(-1)?.exitCode, line).toBe(0);
  session.seek({ step });
  return after - before;
}

function compare(machine: Bench, views: readonly DeletionView[]): void {
  for (const view of views) {
    expect(view.line, view.sentence).not.toBe('');
    expect(view.freedBlocks, `${view.line}: ${view.sentence}`).toBe(freedReally(machine, view));
  }
}

const hasClones = (format: string) => format === 'apfs';
const hasLinks = (format: string) => format !== 'fat32' && format !== 'exfat';

const NAMES = ['a', 'b', 'c and d', 'e', "f'g", 'dir/h', 'dir/i', 'dir/sub/j'];
const name = fc.constantFrom(...NAMES);

/** One line of a volume's life. */
const lineOf = (format: string) => {
  const quoted = (path: string) => `"${path}"`;
  const make = fc
    .tuple(name, fc.integer({ min: 1, max: 90 }))
    .map(([path, kib]) => `mkfile ${kib}k ${quoted(path)}`);
  const grow = name.map((path) => `printf 12345 >> ${quoted(path)}`);
  const remove = name.map((path) => `rm -f ${quoted(path)}`);
  const copy = fc.tuple(name, name).map(([from, to]) => `cp ${quoted(from)} ${quoted(to)}`);
  const lines = [make, make, grow, remove, copy];
  if (hasLinks(format))
    lines.push(fc.tuple(name, name).map(([from, to]) => `ln ${quoted(from)} ${quoted(to)}`));
  if (hasClones(format)) {
    const clone = fc.tuple(name, name).map(([from, to]) => `cp -c ${quoted(from)} ${quoted(to)}`);
    const patch = fc
      .tuple(name, fc.nat({ max: 20 }))
      .map(([path, at]) => `printf X | dd of=${quoted(path)} bs=1024 seek=${at} conv=notrunc`);
    const snapshot = fc.constantFrom('one', 'two').map((each) => `scope snapshot create ${each}`);
    lines.push(clone, clone, patch, snapshot);
  }
  return fc.oneof(...lines);
};

describe.each(Object.keys(DISK_SIZES))('%s', (format) => {
  const machineOf = (lines: readonly string[] = []) => {
    const machine = bench({ format, sizeBytes: DISK_SIZES[format] ?? 2 ** 24 });
    machine.run('mkdir dir; mkdir dir/sub');
    machine.run(`{ ${lines.join('; ')}; } 2>/dev/null`);
    return machine;
  };

  test('files, directories, sets and snapshots free what is said of them', () => {
    fc.assert(
      fc.property(fc.array(lineOf(format), { minLength: 3, maxLength: 14 }), (lines) => {
        const machine = machineOf(lines);
        const { session } = machine;
        const { files } = session.views.directory('/', { offset: 0, countMax: 4 });
        for (const { path } of [...files, { path: '/dir/sub' }])
          compare(machine, session.views.why(path).deletions);
        compare(machine, session.views.snapshots());
      }),
      { seed: 20261201, numRuns: Number(process.env['LIVES'] ?? 10) },
    );
  });

  test('a file that is open frees its blocks when it is closed, and that is said', () => {
    const machine = machineOf(['mkfile 40k open']);
    const { session, run } = machine;
    run('exec 3<open');
    const [view] = session.views.why('/open').deletions;
    const before = freeBlocks(machine);
    run('rm open');
    expect(view?.freedBlocks).toBe(freeBlocks(machine) - before);
    run('exec 3<&-');
    const freed = freeBlocks(machine) - before;
    expect(view?.sentence).toMatch(new RegExp(`at once, for it is in use, and ${freed} blocks`));
    expect(freed).toBeGreaterThan(9);
  });

  test('asking changes nothing: not the disk, not the clock, not the history', () => {
    const machine = machineOf(['mkfile 40k a', 'mkfile 9k dir/b']);
    const { session } = machine;
    const state = () => [session.imageHash(), session.timeline(), session.totalCosts, session.tape.length];
    const before = state();
    session.views.why('/dir');
    session.views.why('/a');
    session.views.snapshots();
    expect(state()).toEqual(before);
  });

  test('a directory with more than can be deleted on the side says so, and says it soon', () => {
    const machine = machineOf();
    machine.run('mkdir many; cd many; touch $(seq 1 401)');
    const [view] = machine.session.views.why('/many').deletions;
    expect(view).toMatchObject({ freedBlocks: null, line: '' });
    expect(view?.sentence).toContain('more than 400 files');
  });

  test('what may not be deleted says why', () => {
    const machine = machineOf(['mkfile 4k locked', 'chflags uchg locked']);
    const [view] = machine.session.views.why('/locked').deletions;
    expect(view).toMatchObject({ freedBlocks: null, line: '' });
    expect(view?.sentence).toContain('Operation not permitted');
  });

  test('in the middle of a step, and before changes are on the disk, there is a sentence instead', () => {
    const { session, run } = machineOf(['mkfile 40k a']);
    const { steps } = session.timeline();
    session.seek({ step: steps.length - 1, write: (steps.at(-1)?.writeCount ?? 1) - 1 });
    expect(session.views.why('/dir').deletions[0]?.sentence).toContain('whole steps only');
    const lazy = bench({ format, sizeBytes: DISK_SIZES[format] ?? 2 ** 24, policy: 'writeback' });
    lazy.run('echo a > a');
    expect(lazy.session.views.why('/a').deletions[0]?.sentence).toContain('run sync');
    lazy.run('sync');
    expect(lazy.session.views.why('/a').deletions[0]?.freedBlocks).not.toBeNull();
    expect(run('true')).toContain('middle of a step');
  });

  test('of a block: who holds it, and whether deleting that frees it', () => {
    const machine = machineOf(['mkfile 40k film.mov']);
    const { session, run } = machine;
    const [block] = session.views.file('/film.mov').extentFirstBlocks;
    const said = run(`scope why ${block}`);
    expect(said).toContain('/film.mov');
    expect(said).toContain('This block would be free then.');
    compare(machine, session.views.why(block ?? 0).deletions);
  });
});

describe('words', () => {
  test('a clone: nothing is freed, and the other file is named with what it still holds; both together free it', () => {
    const { run } = bench({ format: 'apfs', sizeBytes: 2 ** 26 });
    run('mkfile 8m film.mov; cp -c film.mov copy.mov');
    const said = run('scope why film.mov');
    expect(said).toMatch(/Deleting it would free 0 blocks: \/copy\.mov still holds all 2,048\.\n/);
    expect(said).toMatch(/Deleting it together with \/copy\.mov would free 2,04[89] blocks/);
    run('scope snapshot create before');
    expect(run('scope why film.mov')).toMatch(
      /together with \/copy\.mov would free 0 blocks[^:]*: the snapshot ‘before’ still holds all 2,048\.\n/,
    );
    expect(run('scope why film.mov')).toMatch(
      /\/copy\.mov and the snapshot ‘before’ would free 2,0\d\d blocks/,
    );
    run('rm film.mov copy.mov');
    expect(run('scope snapshot why before')).toMatch(
      /Deleting the snapshot ‘before’ would free 2,0\d\d blocks/,
    );
    expect(run('scope snapshot why nothing')).toContain('no snapshot of this name');
  });

  test('another name of the file: it keeps all of it', () => {
    const { run } = bench({ format: 'hfsplus', sizeBytes: 2 ** 24 });
    run('mkfile 40k a; ln a b');
    expect(run('scope why a')).toMatch(
      /It has 2 names\.[^]*Deleting it would free 0 blocks[^:]*: \/b still holds all 10/,
    );
  });
});
