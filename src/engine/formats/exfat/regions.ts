import type { Role } from '../../base/role.ts';
import type { Device } from '../../device/device.ts';
import type { Region } from '../survey.ts';
import { BOOT_REGION_SECTORS, FAT_BAD } from './layout.ts';
import type { Geometry } from './layout.ts';
import { PIECE_BYTES } from './fsck-bitmap.ts';
import type { Run } from './fsck-contents.ts';
import { OWNER_OF_PLACE, OwnerIndex } from './owner-index.ts';
import type { OwnedFile } from './owner-index.ts';

/** What every block is for, as runs in the order of the device. Costs what is stored, not what could be. */
export function regions(device: Device, index: OwnerIndex = new OwnerIndex(device)): Region[] {
  const { geometry } = index;
  const spans = new Spans();
  if (!geometry) {
    spans.add(index.medium.sizeBytes, 'reserved', '');
    return spans.inBlocks(device);
  }
  const { sectorSizeBytes, fatFirstSector, fatSizeSectors, fatCount, heapFirstSector, totalSectors } =
    geometry;
  const sectors = (end: number, role: Role, owner: string): void =>
    spans.add(end * sectorSizeBytes, role, owner);
  sectors(BOOT_REGION_SECTORS, 'header', OWNER_OF_PLACE['main boot']);
  sectors(2 * BOOT_REGION_SECTORS, 'header', OWNER_OF_PLACE['backup boot']);
  sectors(fatFirstSector, 'reserved', OWNER_OF_PLACE['before FAT']);
  for (let copy = 0; copy < fatCount; copy++) {
    sectors(fatFirstSector + (copy + 1) * fatSizeSectors, 'allocation', fatName(geometry, copy));
  }
  sectors(heapFirstSector, 'reserved', OWNER_OF_PLACE['before heap']);
  addClusters(spans, geometry, index);
  sectors(totalSectors, 'reserved', OWNER_OF_PLACE.tail);
  spans.add(index.medium.sizeBytes, 'reserved', OWNER_OF_PLACE.outside);
  return spans.inBlocks(device);
}

/** 'FAT', or with its number where there are two. */
export const fatName = ({ fatCount }: Geometry, copy: number): string =>
  fatCount > 1 ? `FAT ${copy + 1}` : 'FAT';

/** What a cluster is for, by what holds it. */
export const ROLE_OF_KIND: Readonly<Record<OwnedFile['kind'], Role>> = {
  directory: 'directory',
  file: 'data',
  bitmap: 'allocation',
  upcase: 'header',
};

/** A list of neighbours, each said by where it ends. */
class Spans {
  readonly #list: { endBytes: number; readonly role: Role; readonly owner: string; endsChain: boolean }[] =
    [];
  #endBytes = 0;

  add(endBytes: number, role: Role, owner: string, endsChain = false): void {
    if (endBytes <= this.#endBytes) return;
    this.#endBytes = endBytes;
    const last = this.#list.at(-1);
    if (last?.role === role && last.owner === owner && !last.endsChain) {
      last.endBytes = endBytes;
      last.endsChain = endsChain;
    } else this.#list.push({ endBytes, role, owner, endsChain });
  }

  /** A block larger than a sector belongs to the part that its first byte belongs to. */
  inBlocks({ blockSizeBytes, blockCount }: Device): Region[] {
    const regions: Region[] = [];
    let firstBlock = 0;
    for (const { endBytes, role, owner, endsChain } of this.#list) {
      const end = Math.min(Math.ceil(endBytes / blockSizeBytes), blockCount);
      if (end <= firstBlock) continue;
      const region = { firstBlock, blockCount: end - firstBlock, role, owner };
      regions.push(endsChain ? { ...region, endsChain } : region);
      firstBlock = end;
    }
    return regions;
  }
}

export const LOST = 'lost clusters';

function addClusters(spans: Spans, geometry: Geometry, index: OwnerIndex): void {
  const heapBytes = geometry.heapFirstSector * geometry.sectorSizeBytes;
  const end = geometry.clusterCount + 2;
  const endOf = (cluster: number): number => heapBytes + (cluster - 1) * geometry.clusterSizeBytes;
  const marked = markedRuns(index, geometry);
  let next = 0;
  let cluster = 2;
  /** Up to, not including, `to`: free but for what is marked and nobody's. */
  const fillTo = (to: number): void => {
    for (; next < marked.length; next++) {
      const { firstCluster, clusterCount } = marked[next] ?? { firstCluster: to, clusterCount: 0 };
      if (firstCluster >= to) break;
      const from = Math.max(firstCluster, cluster);
      const until = Math.min(firstCluster + clusterCount, to);
      if (from < until) {
        if (from > cluster) spans.add(endOf(from - 1), 'free', '');
        addUnheld(spans, index, from, until, endOf);
        cluster = until;
      }
      if (firstCluster + clusterCount > to) break;
    }
    if (to > cluster) spans.add(endOf(to - 1), 'free', '');
    cluster = Math.max(cluster, to);
  };
  let path = '';
  let file = -1;
  for (const run of index.runsByCluster) {
    fillTo(run.firstCluster);
    if (run.file !== file) {
      file = run.file;
      path = index.pathOf(file);
    }
    cluster = run.firstCluster + run.clusterCount;
    const { kind = 'file', isContiguous = true } = index.files[file] ?? {};
    const endsChain = !isContiguous && index.lastRunOf(file) === run;
    spans.add(endOf(cluster - 1), ROLE_OF_KIND[kind], path, endsChain);
  }
  fillTo(end);
}

/** Clusters that are marked as used and that nobody holds: bad ones, and lost ones. */
function addUnheld(
  spans: Spans,
  index: OwnerIndex,
  from: number,
  until: number,
  endOf: (cluster: number) => number,
) {
  for (let cluster = from; cluster < until; cluster++) {
    const isBad = index.fat.get(cluster) === FAT_BAD;
    spans.add(endOf(cluster), isBad ? 'bad' : 'data', isBad ? '' : LOST);
  }
}

/** Clusters that the bitmap calls used, as runs, ascending. */
export function markedRuns({ bitmap }: OwnerIndex, { clusterCount }: Geometry): Run[] {
  const runs: { firstCluster: number; clusterCount: number }[] = [];
  const add = (firstCluster: number, count: number): void => {
    const last = runs.at(-1);
    if (last && last.firstCluster + last.clusterCount === firstCluster) last.clusterCount += count;
    else runs.push({ firstCluster, clusterCount: count });
  };
  if (!bitmap) return runs;
  for (const number of [...bitmap.pieceNumbers()].sort((a, b) => a - b)) {
    const bytes = bitmap.piece(number) ?? new Uint8Array(0);
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0;
      if (byte === 0) continue;
      const first = 2 + (number * PIECE_BYTES + i) * 8;
      if (byte === 0xff && first + 8 <= clusterCount + 2) add(first, 8);
      else {
        for (let bit = 0; bit < 8 && first + bit < clusterCount + 2; bit++) {
          if ((byte >> bit) & 1) add(first + bit, 1);
        }
      }
    }
  }
  return runs;
}
