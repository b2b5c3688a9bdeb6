import { stripOf } from '../../base/diagram.ts';
import type { Diagram } from '../../base/diagram.ts';
import type { Device } from '../../device/device.ts';
import { bitsPerEntry } from './layout.ts';
import { count } from './fsck-report.ts';
import { entryByteOffset } from './fsck-table.ts';
import { OwnerIndex } from './owner-index.ts';

/** What FAT draws: the table as a strip. Chains are threads over the map of blocks. */
export function diagrams(device: Device, index: OwnerIndex = new OwnerIndex(device)): Diagram[] {
  const { geometry } = index;
  if (!geometry) return [];
  const { clusterCount } = geometry;
  const runs = function* (): Generator<readonly [number, number]> {
    for (const [first, entries] of index.table.pages())
      for (let i = first === 0 ? 2 : 0; i < entries.length; i++)
        if (((entries[i] ?? 0) & 0x0fff_ffff) !== 0) yield [first + i - 2, first + i - 1];
  };
  const text = `an entry for each of ${count(clusterCount, 'cluster')}`;
  const whereOf = (first: number, end: number) => ({
    deviceOffsetBytes: entryByteOffset(geometry, first + 2, 0),
    lengthBytes: Math.ceil(((end - first) * bitsPerEntry(geometry.type)) / 8),
  });
  const strip = { total: clusterCount, unit: 'cluster', firstNumber: 2, runs: runs(), whereOf };
  return [stripOf({ id: 'fat', title: 'File allocation table', text }, strip)];
}
