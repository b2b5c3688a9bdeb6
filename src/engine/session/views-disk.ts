import { FsError } from '../base/errno.ts';
import type { Version } from '../device/store.ts';
import type { Format } from '../formats/contract.ts';
import type { BlockAnnotation, Page, Region, Survey } from '../formats/survey.ts';
import type { Computer } from './computer.ts';
import type { Slice } from './disk.ts';
import type { DiskView, StructuresView, VolumeView } from './view.ts';

/**
 * The disk as blocks: what they are for and what they say. Formats speak of their own device; here everything is moved
 * to blocks and bytes of the whole disk, and the partition map and the gaps around the volumes are added.
 */
export class DiskViews {
  readonly #computer: Computer;
  /** Of the state `version`, what was found by looking: kept until something is written. */
  #version: Version | null = null;
  #regions: readonly Region[] | null = null;
  readonly #surveys = new Map<Slice, Survey>();

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
    this.#forgetIfWritten();
    return (this.#regions ??= this.#findRegions());
  }

  #forgetIfWritten(): void {
    const version = this.#computer.disk.store.version();
    if (this.#version === version) return;
    this.#version = version;
    this.#regions = null;
    this.#surveys.clear();
  }

  /** Of the first slice with a format. */
  mainSurvey(): Survey | null {
    const { mainSlice } = this.#computer.disk;
    return mainSlice?.format ? this.#surveyOf(mainSlice, mainSlice.format) : null;
  }

  #surveyOf(slice: Slice, format: Format): Survey {
    this.#forgetIfWritten();
    const known = this.#surveys.get(slice);
    if (known) return known;
    const survey = format.survey(slice.plain);
    this.#surveys.set(slice, survey);
    return survey;
  }

  #findRegions(): Region[] {
    const { disk } = this.#computer;
    const found: Region[] = [...disk.mapRegions()];
    for (const slice of disk.slices) {
      for (const region of this.#regionsOf(slice)) {
        found.push({ ...region, firstBlock: region.firstBlock + slice.firstBlock });
      }
    }
    return found.sort((a, b) => a.firstBlock - b.firstBlock);
  }

  #regionsOf(slice: Slice): readonly Region[] {
    const { format, blockCount, typeName } = slice;
    if (format !== null) return this.#surveyOf(slice, format).regions();
    return [{ firstBlock: 0, blockCount, role: 'reserved', owner: typeName || 'no known file system' }];
  }

  /** EINVAL for a block that the disk does not have. */
  annotate(block: number): BlockAnnotation {
    const { disk } = this.#computer;
    this.requireBlock(block);
    const ofMap = disk.annotateMapBlock(block);
    if (ofMap !== null) return ofMap;
    const slice = disk.sliceAt(block);
    if (slice?.format) return this.#surveyOf(slice, slice.format).annotate(block - slice.firstBlock);
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
    const { mainSlice, store } = this.#computer.disk;
    const survey = this.mainSurvey();
    if (mainSlice === undefined || survey === null) return { nodes: [], total: 0 };
    const shiftBytes = mainSlice.firstBlock * store.blockSizeBytes;
    const { nodes, total } = survey.structures(parent, page);
    return {
      nodes: nodes.map((node) => ({ ...node, deviceOffsetBytes: node.deviceOffsetBytes + shiftBytes })),
      total,
    };
  }
}
