import type { Role } from '../../base/role.ts';
import type { Device } from '../../device/device.ts';
import type { Region } from '../survey.ts';
import type { Geometry } from './layout.ts';
import { OWNER_OF_PLACE, OwnerIndex, reservedKind } from './owner-index.ts';

/** What every block is for, as runs in the order of the device. Costs what is stored, not what could be. */
export function regions(device: Device, index: OwnerIndex = new OwnerIndex(device)): Region[] {
  const { geometry } = index;
  const spans = new Spans();
  if (!geometry) {
    spans.add(index.medium.sizeBytes, 'reserved', '');
  } else {
    addReserved(spans, geometry);
    for (let copy = 0; copy < geometry.fatCount; copy++) {
      const end = geometry.reservedSectors + (copy + 1) * geometry.fatSizeSectors;
      spans.add(end * geometry.sectorSizeBytes, 'allocation', `FAT ${copy + 1}`);
    }
    spans.add(geometry.dataFirstSector * geometry.sectorSizeBytes, 'directory', '/');
    addClusters(spans, geometry, index);
    spans.add(geometry.totalSectors * geometry.sectorSizeBytes, 'reserved', OWNER_OF_PLACE.tail);
    spans.add(index.medium.sizeBytes, 'reserved', OWNER_OF_PLACE.outside);
  }
  return spans.inBlocks(device);
}

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

function addReserved(spans: Spans, geometry: Geometry): void {
  const { reservedSectors, sectorSizeBytes, fsInfoSector, backupBootSector } = geometry;
  const special = [0, fsInfoSector, backupBootSector, backupBootSector + fsInfoSector];
  for (const sector of [...new Set(special)].sort((a, b) => a - b)) {
    if (sector >= reservedSectors) continue;
    const kind = reservedKind(geometry, sector);
    spans.add(sector * sectorSizeBytes, 'reserved', OWNER_OF_PLACE.reserved);
    spans.add(
      (sector + 1) * sectorSizeBytes,
      kind === 'reserved' ? 'reserved' : 'header',
      OWNER_OF_PLACE[kind],
    );
  }
  spans.add(reservedSectors * sectorSizeBytes, 'reserved', OWNER_OF_PLACE.reserved);
}

export const LOST = 'lost clusters';

function addClusters(spans: Spans, geometry: Geometry, index: OwnerIndex): void {
  const dataBytes = geometry.dataFirstSector * geometry.sectorSizeBytes;
  const endOf = (cluster: number): number => dataBytes + (cluster - 1) * geometry.clusterSizeBytes;
  const unheld = unheldClusters(geometry, index);
  let next = 0;
  let cluster = 2;
  /** Up to, not including, `end`: free but for the clusters that are marked and nobody's. */
  const fillTo = (end: number): void => {
    for (; (unheld[next] ?? Infinity) < end; next++) {
      const marked = unheld[next] ?? 0;
      if (marked > 2) spans.add(endOf(marked - 1), 'free', '');
      const isBad = index.table.get(marked) === index.table.marks.bad;
      spans.add(endOf(marked), isBad ? 'bad' : 'data', isBad ? '' : LOST);
    }
    if (end > 2) spans.add(endOf(end - 1), 'free', '');
    cluster = end;
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
    const role = index.files[file]?.isDirectory ? 'directory' : 'data';
    spans.add(endOf(cluster - 1), role, path, index.lastRunOf(file) === run);
  }
  if (cluster < geometry.clusterCount + 2) fillTo(geometry.clusterCount + 2);
}

/** Clusters that the FAT does not call free and no file holds, ascending. */
function unheldClusters(geometry: Geometry, index: OwnerIndex): number[] {
  const found: number[] = [];
  let run = 0;
  for (const [first, entries] of index.table.pages()) {
    for (let i = first === 0 ? 2 : 0; i < entries.length && first + i < geometry.clusterCount + 2; i++) {
      if (((entries[i] ?? 0) & 0x0fff_ffff) === 0) continue;
      const cluster = first + i;
      let held = index.runsByCluster[run];
      while (held && held.firstCluster + held.clusterCount <= cluster) held = index.runsByCluster[++run];
      if (!held || cluster < held.firstCluster) found.push(cluster);
    }
  }
  return found;
}
