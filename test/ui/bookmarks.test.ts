import { expect, test } from 'vitest';
import { BOOKMARKS_MAX, Bookmarks, NAME_MAX } from '../../src/ui/state/bookmarks.svelte.ts';
import type { SavedNames } from '../../src/ui/state/bookmarks.svelte.ts';

/** Goal: names of moments and branches are kept as they were given, and no stranger's file can give others. */

test('what is saved comes back, under the same moments and branches; each change asks to be kept', () => {
  let changes = 0;
  const names = new Bookmarks(() => changes++);
  names.add({ number: 2 }, 'second');
  names.add({ number: 0 }, '  the beginning  ');
  const inside = names.add({ number: 2, write: 7 }, 'inside');
  names.rename(inside?.id ?? -1, 'inside it');
  names.renameBranch('branch 2', 'other');
  names.remove(names.at({ number: 0 })?.id ?? -1);
  expect(changes).toBe(6);
  const back = new Bookmarks(() => changes++);
  back.add({ number: 1 }, 'goes');
  changes = 0;
  back.load(JSON.parse(JSON.stringify(names.saved())) as SavedNames, 2);
  expect(changes).toBe(0);
  expect(back.list.map(({ name, moment }) => [name, moment])).toEqual([
    ['second', { number: 2 }],
    ['inside it', { number: 2, write: 7 }],
  ]);
  expect([back.nameOf('branch 2'), back.nameOf('main')]).toEqual(['other', 'main']);
  expect(new Set(back.list.map(({ id }) => id)).size).toBe(2);
});

test('a save from before there were names has none', () => {
  const names = new Bookmarks();
  names.add({ number: 0 }, 'goes');
  names.load({}, 5);
  expect(names.saved()).toEqual({ bookmarks: [], branchNames: [] });
});

test('of rubbish only what can be a name is taken', () => {
  const good = { name: 'x'.repeat(500), moment: { number: 3, write: 1, other: 'thing' } };
  const rubbish: unknown[] = [
    ...[null, 7, 'x', {}, { name: 'a' }, { name: 'a', moment: null }, { name: 1, moment: { number: 1 } }],
    ...[4, -1, 0.5, '1', Infinity].map((number) => ({ name: 'a', moment: { number } })),
    { name: 'a', moment: { number: 1, write: -1 } },
  ];
  const names = new Bookmarks();
  const branchNames = [['main', ' mine '], ['a'], 'main', null, ['b', 3]];
  names.load({ bookmarks: [...rubbish, good, good], branchNames } as unknown as SavedNames, 3);
  expect(names.saved()).toEqual({
    bookmarks: [{ name: 'x'.repeat(NAME_MAX), moment: { number: 3, write: 1 } }],
    branchNames: [['main', 'mine']],
  });
  names.load({ bookmarks: 'all', branchNames: {} } as unknown as SavedNames, 3);
  expect(names.saved()).toEqual({ bookmarks: [], branchNames: [] });
  const many = Array.from({ length: 300 }, (_, number) => ({ name: 'a', moment: { number } }));
  names.load({ bookmarks: many }, 300);
  expect(names.list).toHaveLength(BOOKMARKS_MAX);
});
