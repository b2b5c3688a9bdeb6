import { FsError } from '../base/errno.ts';
import type { BlockAnnotation, Page, Region, StructurePage } from '../formats/contract.ts';
import type { Computer } from './computer.ts';
import type { Slice } from './disk.ts';
import type { DiskView, StructuresView, VolumeView } from './view.ts';

/**
 * The disk as blocks: what they are for and what they say. Formats speak of their own device; here everything is moved
 * to blocks and bytes of the whole disk, and the partition map and the gaps around the volumes are added.
 */
export class DiskViews {
  readonly #computer: Computer;
  /** Regions of the state `version`; finding them walks the whole volume, so they are kept until something is written. */
  #regions: { readonly version: unknown; readonly regions: readonly Region[] } | null = null;

  constructor(computer: Computer) {
    this.#computer = computer;
  }

  disk(): DiskView {
    const { disk } = this.#computer;
    const volume = this.#volume();
    return {
      device: disk.device,
      name: disk.name,
      sizeBytes: disk.sizeBytes,
      blockSizeBytes: disk.store.blockSizeBytes,
      blockCount: disk.store.blockCount,
      scheme: disk.scheme,
      volume,
      problem: volume === null ? this.#computer.problem : null,
    };
  }

  #volume(): VolumeView | null {
    const mount = this.#computer.mounts.first;
    if (mount === undefined) return null;
    const { slice, volume, on } = mount;
    const { blockSizeBytes, totalBlocks, freeBlocks } = volume.statistics();
    return {
      device: slice.device,
      formatName: volume.formatName,
      title: volume.title,
      label: volume.label,
      mountPoint: on,
      isReadOnly: volume.isReadOnly,
      firstBlock: slice.firstBlock,
      totalBytes: totalBlocks * blockSizeBytes,
      freeBytes: freeBlocks * blockSizeBytes,
      allocationBlockSizeBytes: blockSizeBytes,
      warnings: volume.warnings,
    };
  }

  /** Of the whole disk, ascending, without gaps. */
  regions(): readonly Region[] {
    const { disk } = this.#computer;
    const version = disk.store.version();
    if (this.#regions?.version !== version) this.#regions = { version, regions: this.#findRegions() };
    return this.#regions.regions;
  }

  #findRegions(): Region[] {
    const { disk } = this.#computer;
    const found: Region[] = [...disk.mapRegions()];
    for (const slice of disk.slices) {
      for (const region of regionsOf(slice)) {
        found.push({ ...region, firstBlock: region.firstBlock + slice.firstBlock });
      }
    }
    return found.sort((a, b) => a.firstBlock - b.firstBlock);
  }

  /** EINVAL for a block that the disk does not have. */
  annotate(block: number): BlockAnnotation {
    const { disk } = this.#computer;
    this.requireBlock(block);
    const ofMap = disk.annotateMapBlock(block);
    if (ofMap !== null) return ofMap;
    const slice = disk.sliceAt(block);
    if (slice?.format) return slice.format.annotate(slice.plain, block - slice.firstBlock);
    const title = slice === undefined ? 'Between the partitions' : 'No known file system';
    return { role: 'free', owner: '', title, fields: [] };
  }

  requireBlock(block: number): void {
    const { disk } = this.#computer;
    const { blockCount } = disk.store;
    if (Number.isInteger(block) && block >= 0 && block < blockCount) return;
    const detail = `${disk.device} has blocks 0 to ${blockCount - 1}`;
    throw new FsError('EINVAL', 'read', String(block), detail);
  }

  /** Structures of the first slice with a format, at bytes of the whole disk. */
  structures(parent: string | null, page: Page): StructuresView {
    const { disk } = this.#computer;
    const slice = disk.mainSlice;
    if (slice?.format == null) return { nodes: [], total: 0 };
    const shiftBytes = slice.firstBlock * disk.store.blockSizeBytes;
    const { nodes, total }: StructurePage = slice.format.structures(slice.plain, parent, page);
    return {
      nodes: nodes.map((node) => ({ ...node, deviceOffsetBytes: node.deviceOffsetBytes + shiftBytes })),
      total,
    };
  }
}

function regionsOf({ format, plain, blockCount, typeName }: Slice): Region[] {
  if (format !== null) return format.regions(plain);
  return [{ firstBlock: 0, blockCount, role: 'reserved', owner: typeName || 'no known file system' }];
}
