import { expect, test } from 'vitest';
import { LazyTree } from '../../src/ui/state/lazy-tree.svelte.ts';

/** Goal: a directory of 20,000 names costs the pages looked at. Method: a counted source of numbers below numbers. */
function tree(total: number) {
  let asked = 0;
  const lazy = new LazyTree<string>({
    children: async (parent, { offset, countMax }) => {
      asked += 1;
      const count = parent === null ? total : 10;
      const items = Array.from({ length: Math.max(0, Math.min(countMax, count - offset)) }, (_, at) =>
        parent === null ? `${offset + at}` : `${parent}/${offset + at}`,
      );
      return { items, total: count };
    },
    keyOf: (item) => item,
    canOpen: (item) => !item.includes('/'),
  });
  return { lazy, asked: () => asked };
}

test('only the pages looked at are fetched, once', async () => {
  const { lazy, asked } = tree(20_000);
  await lazy.reload();
  expect(lazy.rowCount).toBe(20_000);
  expect(lazy.rowAt(15_000).item).toBeNull();
  lazy.need(15_000, 15_020);
  lazy.need(15_000, 15_020);
  await Promise.resolve().then(() => {});
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(lazy.rowAt(15_010)).toMatchObject({ item: '15010', depth: 0, isOpen: false, position: 15_011 });
  expect(asked()).toBe(2);
});

test('open nodes put their children between the rows, at every depth', async () => {
  const { lazy } = tree(5);
  await lazy.reload();
  await lazy.toggle(3);
  await lazy.toggle(1);
  expect(lazy.rowCount).toBe(25);
  const keys = Array.from({ length: 25 }, (_, row) => lazy.rowAt(row).key);
  const below = (parent: number) => Array.from({ length: 10 }, (_, at) => `${parent}/${at}`);
  expect(keys).toEqual(['0', '1', ...below(1), '2', '3', ...below(3), '4']);
  expect(lazy.rowAt(2)).toMatchObject({ depth: 1, isOpen: null });
  await lazy.toggle(1);
  expect(lazy.rowCount).toBe(15);
});

test('what is selected elsewhere is found, opened and survives a reload', async () => {
  const { lazy } = tree(1000);
  await lazy.reload();
  expect(await lazy.reveal(['700', '700/4'])).toBe(705);
  expect(lazy.rowAt(705).item).toBe('700/4');
  await lazy.reload();
  expect(lazy.rowAt(705).item).toBe('700/4');
  expect(await lazy.reveal(['nowhere'])).toBe(-1);
});
