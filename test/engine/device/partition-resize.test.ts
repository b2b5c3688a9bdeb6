import { expect, test } from 'vitest';
import { Prng } from '../../../src/engine/base/prng.ts';
import { crashImages } from '../../../src/engine/device/crash.ts';
import {
  readPartitionMap,
  VOLUME_TYPES,
  writeWholeDiskMap,
} from '../../../src/engine/device/partition-map.ts';
import { partitionBlocksMax, resizePartition } from '../../../src/engine/device/partition-resize.ts';
import { PROFILES } from '../../../src/engine/device/profile.ts';
import { Store } from '../../../src/engine/device/store.ts';
import { Tape } from '../../../src/engine/device/tape.ts';

const MIB_BLOCKS = 2048;

function disk(scheme: 'gpt' | 'mbr'): Store {
  const store = new Store({ blockSizeBytes: 512, blockCount: 64 * MIB_BLOCKS });
  writeWholeDiskMap(store, scheme, { ...VOLUME_TYPES.apfs, name: 'Data' }, new Prng(1));
  return store;
}

function resize(store: Store, blockCount: number): void {
  const map = readPartitionMap(store);
  const [partition] = map.partitions;
  if (partition === undefined) throw new Error('there is a partition');
  resizePartition(store, map, partition, blockCount);
}

test.each(['gpt', 'mbr'] as const)(
  '%s: only the end of the partition changes, and it can grow back',
  (scheme) => {
    const store = disk(scheme);
    const [before] = readPartitionMap(store).partitions;
    resize(store, 10 * MIB_BLOCKS);
    const map = readPartitionMap(store);
    expect(map.problems).toEqual([]);
    expect(map.partitions).toEqual([{ ...before, blockCount: 10 * MIB_BLOCKS }]);
    const [small] = map.partitions;
    if (small === undefined || before === undefined) throw new Error('there is a partition');
    expect(partitionBlocksMax(store, map, small)).toBe(before.blockCount);
    resize(store, before.blockCount);
    expect(readPartitionMap(store).partitions).toEqual([before]);
  },
);

test.each(['gpt', 'mbr'] as const)('%s: a power cut leaves a partition of either size', (scheme) => {
  const store = disk(scheme);
  const before = store.fork();
  const tape = new Tape(512);
  store.tape = tape;
  const [old] = readPartitionMap(store).partitions;
  resize(store, 10 * MIB_BLOCKS);
  const seen = new Set<number>();
  const how = { profile: PROFILES.hdd, seed: 7, exhaustiveMax: 5, samples: 30 };
  for (const { device, description } of crashImages(before, tape, { from: 0, to: tape.length }, how)) {
    const { partitions } = readPartitionMap(device);
    expect(partitions.length, description).toBe(1);
    seen.add(partitions[0]?.blockCount ?? 0);
  }
  expect([...seen].sort((a, b) => a - b)).toEqual([10 * MIB_BLOCKS, old?.blockCount]);
});

test('a damaged copy of the map is not made true by a change', () => {
  const store = disk('gpt');
  store.write(store.blockCount - 1, new Uint8Array(512), { role: 'partition', owner: '', reason: 'damage' });
  expect(() => resize(store, 10 * MIB_BLOCKS)).toThrow(
    /copy of the GPT header .*both copies of the map are sound/,
  );
});
