import { describe, expect, test } from 'vitest';
import { annotateMapBlock, mapRegions, readPartitionMap } from '../../../src/engine/device/partition-map.ts';
import { Store } from '../../../src/engine/device/store.ts';

/** Apple partition maps made here, field by field, as pdisk lays them out. */
const LABEL = { role: 'partition', owner: '', reason: '' } as const;

interface Slot {
  type: string;
  name: string;
  first: number;
  count: number;
}

const SLOTS: readonly Slot[] = [
  { type: 'Apple_partition_map', name: 'Apple', first: 1, count: 63 },
  { type: 'Apple_HFS', name: 'Macintosh HD', first: 64, count: 1000 },
  { type: 'Apple_Free', name: 'Extra', first: 1064, count: 936 },
];

function disk(slots: readonly Slot[], unit = 512, claimed = slots.length): Store {
  const store = new Store({ blockSizeBytes: 512, blockCount: 2000 });
  const write = (offsetBytes: number, bytes: Uint8Array) => store.write(offsetBytes / 512, bytes, LABEL);
  const first = Buffer.alloc(512);
  first.write('ER', 0);
  first.writeUInt16BE(unit, 2);
  write(0, first);
  slots.forEach(({ type, name, first, count }, i) => {
    const entry = Buffer.alloc(512);
    entry.write('PM', 0);
    entry.writeUInt32BE(claimed, 4);
    entry.writeUInt32BE(first, 8);
    entry.writeUInt32BE(count, 12);
    entry.write(name, 16);
    entry.write(type, 48);
    write((i + 1) * unit, entry);
  });
  return store;
}

describe('an Apple partition map', () => {
  test('gives its volumes; the map is no volume, free space is not listed', () => {
    const map = readPartitionMap(disk(SLOTS));
    expect(map.scheme).toBe('apm');
    expect(map.problems).toEqual([]);
    expect(map.partitions).toMatchObject([
      { index: 1, typeName: 'Apple_partition_map', isUsable: false },
      {
        index: 2,
        typeName: 'Apple_HFS',
        name: 'Macintosh HD',
        firstBlock: 64,
        blockCount: 1000,
        isUsable: true,
      },
    ]);
  });

  test('counts in the unit that block 0 names', () => {
    const slots = [SLOTS[0]!, { type: 'Apple_HFS', name: 'x', first: 64, count: 100 }];
    const { partitions } = readPartitionMap(disk(slots, 2048));
    expect(partitions[1]).toMatchObject({ firstBlock: 256, blockCount: 400 });
  });

  test('regions and annotations cover the map', () => {
    const store = disk(SLOTS);
    const map = readPartitionMap(store);
    expect(mapRegions(store, map)).toMatchObject([
      { firstBlock: 0, blockCount: 64, role: 'partition' },
      { firstBlock: 1064, blockCount: 936, role: 'free' },
    ]);
    for (const block of [0, 1, 2, 40]) {
      const said = annotateMapBlock(store, map, block);
      let end = 0;
      for (const { offsetBytes, lengthBytes } of said?.fields ?? []) {
        expect(offsetBytes).toBe(end);
        end = offsetBytes + lengthBytes;
      }
      expect(end).toBe(512);
    }
    expect(annotateMapBlock(store, map, 64)).toBeNull();
  });

  test('damage is said, never thrown: a torn entry, an absurd count, a partition beyond the end', () => {
    const torn = disk(SLOTS, 512, 9);
    expect(readPartitionMap(torn).problems).toEqual([
      'Entry 4 of the partition map is damaged; the map ends there.',
    ]);
    const absurd = disk(SLOTS, 512, 2 ** 32 - 1);
    expect(readPartitionMap(absurd).problems[0]).toContain('4294967295 entries');
    const beyond = disk([SLOTS[0]!, { ...SLOTS[1]!, count: 5000 }]);
    expect(readPartitionMap(beyond)).toMatchObject({
      problems: [expect.stringContaining('the disk at block 2000')],
    });
  });

  test('a driver descriptor without entries is no map', () => {
    expect(readPartitionMap(disk([])).scheme).toBe('none');
  });
});
