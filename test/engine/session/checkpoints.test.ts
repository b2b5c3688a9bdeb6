import { expect, test } from 'vitest';
import { bench } from './bench.ts';
import type { Bench } from './bench.ts';

/**
 * Goal: every checkpoint of the ring that is said to be intact opens and is the state of then; no other opens.
 * Method: names and contents are written down transaction by transaction and held against what each one shows; the
 * fingerprint of the disk tells whether looking wrote anything.
 */
const states = ({ session }: Bench) => session.views.checkpoints();
const newestOf = (of: Bench) => states(of).find(({ isNewest }) => isNewest);
const seen = (of: Bench): string => of.run('ls -A; cat a b c d 2> /dev/null');

function written(options: Parameters<typeof bench>[0] = {}) {
  const apfs = bench({ format: 'apfs', sizeBytes: 2 ** 23, ...options });
  const known = new Map<number, string>();
  for (const line of ['echo one > a', 'echo two > b', 'rm a', 'echo three > c', 'mv b d', 'rm c']) {
    apfs.run(line);
    known.set(newestOf(apfs)?.xid ?? 0, seen(apfs));
  }
  return { apfs, known };
}

test('the newest is mounted, the one before is intact, what was trimmed since says so', () => {
  const { apfs } = written();
  const [newest, before, ...older] = states(apfs);
  expect(newest).toMatchObject({ isMounted: true, isNewest: true, problem: '', line: '' });
  expect(before).toMatchObject({
    ...{ isMounted: false, isNewest: false, problem: '', xid: (newest?.xid ?? 0) - 1 },
    line: `mount -u -o checkpoint=${before?.xid} disk2s1`,
  });
  expect(older.length).toBeGreaterThan(0);
  for (const { problem, line, xid } of older) {
    expect(problem).toContain('the object map of the container is no longer in block');
    expect(line).toBe('');
    expect(apfs.run(`mount -u -o checkpoint=${xid} disk2s1`)).toContain('is not whole any more');
  }
  expect(states(apfs)[0]?.isMounted, 'refused, and all as it was').toBe(true);
  expect(apfs.run('pwd; echo still > there; cat there')).toBe('/Volumes/BENCH\nstill\n');
});

test.each([true, false])(
  'one that is intact opens as it was, writes nothing, and leads back (trims: %s)',
  (trims) => {
    const { apfs, known } = written({ trims });
    const hash = apfs.session.imageHash();
    const today = seen(apfs);
    let opened = 0;
    for (const { xid, problem, line, isNewest } of states(apfs)) {
      if (problem !== '' || isNewest) continue;
      expect(apfs.run(line)).toBe('');
      expect(states(apfs).filter(({ isMounted }) => isMounted)).toMatchObject([{ xid }]);
      expect(seen(apfs)).toBe(known.get(xid));
      expect(apfs.run('echo no > no')).toContain('Read-only file system');
      opened += 1;
    }
    expect(opened).toBeGreaterThan(0);
    expect(apfs.run(newestOf(apfs)?.line ?? '')).toBe('');
    expect(apfs.session.imageHash()).toBe(hash);
    expect(seen(apfs)).toBe(today);
    apfs.run('echo yes > yes');
    expect(apfs.run('cat yes')).toBe('yes\n');
    const { isClean, findings } = apfs.session.views.check();
    expect(findings).toEqual([]);
    expect(isClean).toBe(true);
  },
);

test('undo leads out of an older checkpoint and redo back into it', () => {
  const { apfs } = written();
  const [, before] = states(apfs);
  const today = seen(apfs);
  apfs.run(before?.line ?? '');
  const then = seen(apfs);
  expect(then).not.toBe(today);
  apfs.session.undo();
  apfs.session.undo();
  expect(states(apfs)[0]?.isMounted).toBe(true);
  apfs.session.redo();
  expect(states(apfs)[1]?.isMounted).toBe(true);
  expect(seen(apfs)).toBe(then);
});

test('a node that was damaged since takes its checkpoint away and no other', () => {
  const { apfs } = written();
  apfs.run('mkdir e');
  const { before } = apfs.session.views.diagrams();
  const root = before.find(({ id }) => id === 'tree:catalog.0')?.parts[0];
  expect(states(apfs)[1]?.problem).toBe('');
  apfs.run(`scope poke ${(root?.deviceOffsetBytes ?? 0) / 512} 200 ff`);
  const [newest, older] = states(apfs);
  expect(newest).toMatchObject({ problem: '', isMounted: true });
  expect(older?.problem).toMatch(/^object \d+ of the object map of BENCH is no longer in block/);
});

test('a damaged superblock, a file in use and a format without checkpoints are refused in a sentence', () => {
  const { apfs } = written();
  const [, before] = states(apfs);
  apfs.run('exec 3< d');
  expect(apfs.run(before?.line ?? '')).toContain('Resource busy');
  expect(apfs.run('pwd; exec 3<&-; cat d')).toBe('/Volumes/BENCH\ntwo\n');
  const { nodes } = apfs.session.views.structures('checkpoints', { offset: 1, countMax: 1 });
  const superblock = (nodes[0]?.deviceOffsetBytes ?? 0) / 512;
  apfs.run(`scope poke ${superblock} 100 ff`);
  expect(states(apfs)[1]).toMatchObject({ problem: 'its superblock has a wrong checksum', line: '' });
  const fat = bench();
  expect(states(fat)).toEqual([]);
  expect(fat.run('mount -u -o rw disk1')).toContain('it is no APFS container');
});

test('all volumes of a container go back together, and one that is not mounted is mounted so', () => {
  const apfs = bench({ format: 'apfs', sizeBytes: 2 ** 30, diskSettings: { volumes: 'Data' } });
  apfs.run('echo one > a; mkdir /Volumes/Data/b');
  const [, before] = states(apfs);
  apfs.run(before?.line ?? '');
  expect(apfs.run('ls /Volumes/BENCH /Volumes/Data')).not.toContain('b');
  expect(apfs.run('echo no > /Volumes/Data/no')).toContain('Read-only');
  expect(apfs.run('cd /; umount /Volumes/Data; mount disk2s2; ls /Volumes/Data')).toBe('');
  apfs.run('umount /Volumes/BENCH');
  apfs.session.undo();
  apfs.session.redo();
  expect(states(apfs)[1]?.isMounted).toBe(true);
  apfs.run('umount /Volumes/Data; cd /; umount /Volumes/BENCH');
  const [, unmounted] = states(apfs);
  expect(unmounted?.line).toBe(`mount -o checkpoint=${unmounted?.xid} disk2s1`);
  expect(apfs.run(unmounted?.line ?? '')).toBe('');
  expect(states(apfs)[1]?.isMounted).toBe(true);
});
