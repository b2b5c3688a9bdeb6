import { stripOf } from '../../base/diagram.ts';
import type { Diagram } from '../../base/diagram.ts';
import type { Device } from '../../device/device.ts';
import type { StructureId } from '../survey.ts';
import { setsDiagram } from './diagrams-sets.ts';
import { clusterOffsetBytes } from './layout.ts';
import { count } from './fsck-report.ts';
import { OwnerIndex } from './owner-index.ts';
import { markedRuns } from './regions.ts';
import { directoryId } from './structures-directory.ts';

/** What exFAT draws: the allocation bitmap as a strip, the entry sets of the root and of the directory chosen. */
export function diagrams(
  device: Device,
  chosen: StructureId | null = null,
  index: OwnerIndex = new OwnerIndex(device),
): Diagram[] {
  const { geometry } = index;
  if (!geometry) return [];
  const { clusterCount } = geometry;
  const runs = markedRuns(index, geometry).map(
    ({ firstCluster, clusterCount: length }) => [firstCluster - 2, firstCluster - 2 + length] as const,
  );
  const bitmap = index.files.slice(0, 3).find((file) => file.kind === 'bitmap' && file.runCount > 0);
  const start = bitmap ? clusterOffsetBytes(geometry, bitmap.firstCluster) : 0;
  // Where the bitmap is not in one piece, later pieces of the strip lead to its beginning only.
  const isWhole = bitmap?.runCount === 1;
  const whereOf = (first: number, end: number) => ({
    deviceOffsetBytes: start + (isWhole ? first >>> 3 : 0),
    lengthBytes: bitmap ? ((end - 1) >>> 3) - (first >>> 3) + 1 : 0,
  });
  const text = `a bit for each of ${count(clusterCount, 'cluster')}`;
  const strip = { total: clusterCount, unit: 'cluster', firstNumber: 2, runs, whereOf };
  const directory = index.files.findIndex(
    ({ kind, runCount, firstCluster }) =>
      kind === 'directory' && runCount > 0 && directoryId(firstCluster) === chosen,
  );
  return [
    stripOf({ id: 'bitmap', title: 'Allocation bitmap', text }, strip),
    setsDiagram(index, 0),
    ...(directory > 0 ? [setsDiagram(index, directory)] : []),
  ];
}
