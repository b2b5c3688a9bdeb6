import { expect, test } from 'vitest';
import { FsError } from '../../../src/engine/base/errno.ts';
import { TreeWalk } from '../../../src/engine/shell/fts.ts';
import type { WalkOptions } from '../../../src/engine/shell/fts.ts';
import type { Stat, SystemCalls } from '../../../src/engine/vfs/calls.ts';
import { S_IFDIR, S_IFREG } from '../../../src/engine/vfs/constants.ts';

/**
 * Goal: a walk over a tree no sound volume has: directories that hold themselves, that cannot be read, that lie on
 * another volume. Method: system calls that answer from a table.
 */
interface Made {
  readonly inode: number;
  readonly device?: number;
  readonly names?: readonly string[];
  readonly error?: 'EIO' | 'EACCES';
}

function walkOver(table: Readonly<Record<string, Made>>, options: Partial<WalkOptions> = {}): string[] {
  const open = new Map<number, string[]>();
  const lstat = (path: string): Stat => {
    const made = table[path];
    if (!made) throw new FsError('ENOENT', 'lstat', path);
    const mode = made.names || made.error ? S_IFDIR : S_IFREG;
    return { inode: made.inode, device: made.device ?? 1, mode } as unknown as Stat;
  };
  const system = {
    lstat,
    stat: lstat,
    open: (path: string) => {
      const made = table[path];
      if (made?.error) throw new FsError(made.error, 'open', path);
      open.set(open.size + 3, [...(made?.names ?? [])]);
      return open.size + 2;
    },
    getdirentries: (fd: number) => (open.get(fd) ?? []).splice(0, 2).map((name) => ({ name })),
    close: () => {},
  } as unknown as SystemCalls;
  const walk = new TreeWalk(system, ['r'], { follow: 'never', ...options });
  const events: string[] = [];
  for (;;) {
    const running = walk.next();
    let step = running.next();
    while (!step.done) step = running.next();
    if (step.value === null) return events;
    const { event, path, error } = step.value;
    events.push(`${event} ${path}${error ? ` ${error.code}` : ''}`);
    if (path.endsWith('/skipped')) walk.skip();
    if (path.endsWith('/passed') && event === 'directory') walk.passOver();
  }
}

test('every entry once, directories before and after what is in them', () => {
  const tree = {
    r: { inode: 2, names: ['a', 'd', 'b'] },
    'r/a': { inode: 3 },
    'r/d': { inode: 4, names: ['x'] },
    'r/d/x': { inode: 5 },
    'r/b': { inode: 6 },
  };
  expect(walkOver(tree)).toEqual([
    'directory r',
    'file r/a',
    'directory r/d',
    'file r/d/x',
    'directory end r/d',
    'file r/b',
    'directory end r',
  ]);
});

test('a directory that is its own ancestor is told and not entered', () => {
  const tree = { r: { inode: 2, names: ['up'] }, 'r/up': { inode: 2, names: ['up'] } };
  expect(walkOver(tree)).toEqual(['directory r', 'cycle r/up', 'directory end r']);
});

test('what cannot be read is told, and the walk goes on', () => {
  const tree = {
    r: { inode: 2, names: ['bad', 'gone', 'a'] },
    'r/bad': { inode: 3, error: 'EIO' },
    'r/a': { inode: 4 },
  } as const;
  expect(walkOver(tree)).toEqual([
    'directory r',
    'directory r/bad',
    'unreadable r/bad EIO',
    'missing r/gone ENOENT',
    'file r/a',
    'directory end r',
  ]);
});

test('another volume is named and not entered, when asked', () => {
  const tree = {
    r: { inode: 2, names: ['other'] },
    'r/other': { inode: 2, device: 9, names: ['x'] },
    'r/other/x': { inode: 3, device: 9 },
  };
  expect(walkOver(tree, { oneVolume: true })).toEqual([
    'directory r',
    'directory r/other',
    'directory end r/other',
    'directory end r',
  ]);
  expect(walkOver(tree)).toContain('file r/other/x');
});

test('skipping leaves a directory out, passing over leaves out what is in it', () => {
  const tree = {
    r: { inode: 2, names: ['skipped', 'passed'] },
    'r/skipped': { inode: 3, names: ['x'] },
    'r/passed': { inode: 4, names: ['x'] },
  };
  expect(walkOver(tree)).toEqual([
    'directory r',
    'directory r/skipped',
    'directory r/passed',
    'directory end r/passed',
    'directory end r',
  ]);
});

test('sorted when asked', () => {
  const tree = { r: { inode: 2, names: ['b', 'a'] }, 'r/a': { inode: 3 }, 'r/b': { inode: 4 } };
  const compare = (a: string, b: string) => (a < b ? -1 : 1);
  expect(walkOver(tree, { compare })).toEqual(['directory r', 'file r/a', 'file r/b', 'directory end r']);
});
