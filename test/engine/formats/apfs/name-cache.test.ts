import { describe, expect, test, vi } from 'vitest';
import { BtreeNode } from '../../../../src/engine/formats/apfs/btree-node.ts';
import { Inode } from '../../../../src/engine/formats/apfs/inode.ts';
import { NameCache } from '../../../../src/engine/formats/apfs/name-cache.ts';
import { NodeTable } from '../../../../src/engine/formats/apfs/node-table.ts';
import type { VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { ApfsDisk, DIRECTORY_INIT, INIT } from './apfs-disk.ts';

/**
 * Goal: names and inodes kept in memory say what the tree says, whatever came before, and are bounded.
 * Method: names are asked for before and after everything that changes what they lead to; searches are counted.
 */
const disk = (settings = {}) => {
  const { volume } = new ApfsDisk({ settings, policy: 'writeback' });
  const make = (name: string, directory: VolumeNode = volume.root) => {
    const node = volume.create(directory, name, INIT);
    volume.release(node);
    return node.inode;
  };
  const find = (name: string, directory: VolumeNode = volume.root) => volume.lookup(directory, name)?.inode;
  return { volume, make, find };
};

/** How many nodes are searched meanwhile. */
function searches(body: () => void): number {
  const search = vi.spyOn(BtreeNode.prototype, 'search');
  try {
    body();
    return search.mock.calls.length;
  } finally {
    search.mockRestore();
  }
}

describe('a name asked for before', () => {
  test('is found without the tree, as it is spelt', () => {
    const { volume, make, find } = disk();
    const inode = make('Écrit');
    expect(searches(() => expect(find('Écrit')).toBe(inode))).toBe(0);
    expect(searches(() => expect(find('écrit')).toBe(inode))).toBeGreaterThan(0);
    volume.remove(volume.root, 'éCRIT');
    expect([find('Écrit'), find('écrit')]).toEqual([undefined, undefined]);
  });

  test('is gone once it is removed, by whichever spelling', () => {
    const { volume, make, find } = disk();
    for (const [made, removed] of [
      ['a', 'a'],
      ['b', 'B'],
      ['caf\u00e9', 'CAFE\u0301'],
    ] as const) {
      const inode = make(made);
      expect([find(made), find(removed)]).toEqual([inode, inode]);
      volume.remove(volume.root, removed);
      expect([find(made), find(removed)]).toEqual([undefined, undefined]);
      expect(make(removed)).not.toBe(inode);
      expect(find(made)).toBe(find(removed));
    }
  });

  test('is where it was moved to, and nowhere else', () => {
    const { volume, make, find } = disk();
    const there = volume.makeDirectory(volume.root, 'there', DIRECTORY_INIT);
    const [one, two] = [make('one'), make('two')];
    volume.rename(volume.root, 'one', there, 'One');
    expect([find('one'), find('One', there), find('one', there)]).toEqual([undefined, one, one]);
    volume.swap(volume.root, 'two', there, 'ONE');
    expect([find('two'), find('One', there)]).toEqual([one, two]);
    volume.rename(there, 'One', volume.root, 'two');
    expect([find('two'), find('One', there)]).toEqual([two, undefined]);
    volume.rename(volume.root, 'two', volume.root, 'TWO');
    expect([find('two'), find('TWO')]).toEqual([two, two]);
    volume.remove(volume.root, 'two');
    expect([find('two'), find('TWO')]).toEqual([undefined, undefined]);
  });

  test('is what it was once the volume is reverted to a snapshot', () => {
    const { volume, make, find } = disk();
    const [kept, moved] = [make('kept'), make('moved')];
    volume.snapshots!.create('before');
    volume.remove(volume.root, 'kept');
    volume.rename(volume.root, 'moved', volume.root, 'elsewhere');
    make('kept');
    make('later');
    volume.snapshots!.revert('before');
    expect([find('kept'), find('moved'), find('elsewhere'), find('later')]).toEqual([
      ...[kept, moved, undefined, undefined],
    ]);
  });

  test('tells its case where case counts', () => {
    const { make, find } = disk({ 'case-sensitive': 'yes' });
    const [small, large] = [make('x'), make('X')];
    expect([find('x'), find('X')]).toEqual([small, large]);
  });
});

describe('what is kept is bounded', () => {
  test('names: one more than there is room for, and all are forgotten', () => {
    const names = new NameCache(3);
    for (const name of ['a', 'b', 'c']) names.add(2, name, name.charCodeAt(0));
    names.forget(2, 'b');
    names.add(16, 'b', 98);
    expect([names.find(2, 'a'), names.find(2, 'b'), names.find(16, 'b')]).toEqual([97, undefined, 98]);
    names.add(2, 'd', 100);
    expect([names.find(2, 'a'), names.find(16, 'b'), names.find(2, 'd')]).toEqual([
      undefined,
      undefined,
      100,
    ]);
  });

  test('names: bytes that are no UTF-8 are not kept by what they look like', () => {
    const names = new NameCache();
    names.add(2, 'a\ufffd', 20);
    expect(names.find(2, 'a\ufffd')).toBeUndefined();
  });

  test('inodes: the oldest that nobody holds go, the others are the same objects', () => {
    let loads = 0;
    const table = new NodeTable((number) => (loads++, new Inode(number)), 16);
    const held = table.get(20)!;
    table.retain(held);
    const oldest = table.get(21)!;
    for (let number = 100; number < 114; number++) table.get(number);
    const later = table.get(114)!;
    expect(loads).toBe(17);
    expect([table.get(20), table.get(114)]).toEqual([held, later]);
    expect(table.current(held)).toBe(held);
    expect(loads).toBe(17);
    expect(table.current(oldest)).not.toBe(oldest);
    expect(loads).toBe(18);
  });
});
