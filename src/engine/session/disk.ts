import type { Clock } from '../base/clock.ts';
import { FsError } from '../base/errno.ts';
import type { Device } from '../device/device.ts';
import {
  annotateMapBlock,
  mapRegions,
  readPartitionMap,
  VOLUME_TYPES,
  wholeDiskPartition,
  writeWholeDiskMap,
} from '../device/partition-map.ts';
import type {
  MapBlockAnnotation,
  MapRegion,
  MapScheme,
  Partition,
  PartitionMap,
} from '../device/partition-map.ts';
import { partitionBlocksMax, resizePartition } from '../device/partition-resize.ts';
import { PartitionDevice } from '../device/partition.ts';
import { PROFILES } from '../device/profile.ts';
import type { ProfileName } from '../device/profile.ts';
import type { Store } from '../device/store.ts';
import type { Format, FormatName } from '../formats/contract.ts';
import type { Prng } from '../base/prng.ts';
import { FORMATS } from '../formats/registry.ts';
import { MeteredDevice } from './metered-device.ts';

/**
 * A whole disk of the machine: its store, its partition map as it is now, and in each slice the format found there.
 * Two ways lead to the blocks: `metered` for whatever runs (counted and timed), `plain` for those who only look.
 */
export interface Slice {
  /** 'disk1s1'; the disk's own name without a partition map. */
  readonly device: string;
  readonly index: number;
  /** What the map says, as diskutil prints it; empty without a map. */
  readonly typeName: string;
  readonly firstBlock: number;
  readonly blockCount: number;
  /** Null: no format knows what is here. */
  readonly format: Format | null;
  readonly metered: Device;
  readonly plain: Device;
}

export class Disk {
  readonly metered: MeteredDevice;
  #map: PartitionMap = { scheme: 'none', partitions: [], problems: [] };
  #slices: readonly Slice[] = [];

  /** `device`: 'disk1'; `name`: what the image is called, for people. */
  constructor(
    readonly device: string,
    readonly name: string,
    readonly store: Store,
    profile: ProfileName,
    clock: Clock,
  ) {
    this.metered = new MeteredDevice(store, PROFILES[profile], clock);
    this.examine();
  }

  get scheme(): MapScheme {
    return this.#map.scheme;
  }

  /** Sentences about what is wrong with the partition map. */
  get mapProblems(): readonly string[] {
    return this.#map.problems;
  }

  get slices(): readonly Slice[] {
    return this.#slices;
  }

  get sizeBytes(): number {
    return this.store.blockCount * this.store.blockSizeBytes;
  }

  /** Read the partition map and look for formats again, after somebody changed them. Never throws on damage. */
  examine(): void {
    this.#map = reading({ scheme: 'none', partitions: [], problems: [] }, () => readPartitionMap(this.store));
    if (this.#map.scheme === 'none') {
      const whole = { index: 0, typeName: '', firstBlock: 0 };
      this.#slices = [this.#slice(whole, this.metered, this.store)];
      return;
    }
    this.#slices = this.#map.partitions
      .filter(({ isUsable }) => isUsable)
      .map((partition) => {
        const { firstBlock, blockCount } = partition;
        const metered = new PartitionDevice(this.metered, firstBlock, blockCount);
        return this.#slice(partition, metered, new PartitionDevice(this.store, firstBlock, blockCount));
      });
  }

  #slice(part: Pick<Slice, 'index' | 'typeName' | 'firstBlock'>, metered: Device, plain: Device): Slice {
    const { index, typeName, firstBlock } = part;
    const device = index === 0 ? this.device : `${this.device}s${index}`;
    return {
      ...{ device, index, typeName, firstBlock, format: formatOn(plain), metered, plain },
      get blockCount() {
        return plain.blockCount;
      },
    };
  }

  /** The first slice that a format knows, or else the first one. */
  get mainSlice(): Slice | undefined {
    return this.#slices.find(({ format }) => format !== null) ?? this.#slices[0];
  }

  slice(device: string): Slice | undefined {
    return this.#slices.find((slice) => slice.device === device);
  }

  /** The slice that block `block` of the disk belongs to. */
  sliceAt(block: number): Slice | undefined {
    return this.#slices.find(
      ({ firstBlock, blockCount }) => block >= firstBlock && block < firstBlock + blockCount,
    );
  }

  /**
   * Let the map say that its one partition now holds `format`. Maps with more partitions, and those of others that lie
   * elsewhere, stay as they are.
   */
  enterInMap(format: FormatName, label: string, random: Prng): void {
    const { scheme, partitions } = this.#map;
    if (scheme !== 'gpt' && scheme !== 'mbr') return;
    const place = wholeDiskPartition(this.store, scheme);
    const [only, more] = partitions;
    if (only === undefined || more !== undefined || place?.firstBlock !== only.firstBlock) return;
    if (place.blockCount !== only.blockCount) return;
    writeWholeDiskMap(this.metered, scheme, { ...VOLUME_TYPES[format], name: label }, random);
  }

  /** So many blocks a slice can have where its partition map lets it. */
  blocksMax(slice: Slice): number {
    const partition = this.#partitionOf(slice);
    return partition === undefined ? slice.blockCount : partitionBlocksMax(this.store, this.#map, partition);
  }

  /** Another end for a slice; whoever has its devices keeps them. Without a map the slice is the disk and stays. */
  resizeSlice(slice: Slice, blockCount: number): void {
    const partition = this.#partitionOf(slice);
    if (partition === undefined || blockCount === slice.blockCount) return;
    resizePartition(this.metered, this.#map, partition, blockCount);
    this.#map = readPartitionMap(this.store);
    for (const device of [slice.metered, slice.plain]) {
      if (device instanceof PartitionDevice) device.resize(blockCount);
    }
  }

  /** Of a map that can be changed. */
  #partitionOf({ index }: Slice): Partition | undefined {
    const { scheme, partitions } = this.#map;
    return scheme === 'gpt' || scheme === 'mbr' ? partitions.find((each) => each.index === index) : undefined;
  }

  /** What lies outside the slices: the partition map and the gaps. */
  mapRegions(): MapRegion[] {
    return mapRegions(this.store, this.#map);
  }

  annotateMapBlock(block: number): MapBlockAnnotation | null {
    return annotateMapBlock(this.store, this.#map, block);
  }
}

/** The same slice of another state of its disk. */
export const sameSlice = ({ index, firstBlock, blockCount }: Slice, store: Store): Device =>
  index === 0 ? store : new PartitionDevice(store, firstBlock, blockCount);

export const formatOn = (device: Device): Format | null =>
  reading(null, () => FORMATS.find((format) => format.detect(device)) ?? null);

/** A sector that cannot be read holds neither map nor format; whoever wants to use it will hear why. */
function reading<T>(otherwise: T, look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (error instanceof FsError && error.code === 'EIO') return otherwise;
    throw error;
  }
}

/** 'disk1s1' of '/dev/rdisk1s1'. */
export const deviceName = (text: string): string => text.replace(/^\/dev\//, '').replace(/^r(?=disk)/, '');
