import type { Device } from '../../device/device.ts';
import { Medium } from '../../device/medium.ts';
import {
  BLOCK_SIZE_BYTES,
  CONTAINER_MAGIC,
  NxSuperblock,
  OBJECT,
  ObjectHeader,
  VOLUMES_MAX,
} from './layout.ts';
import { FREE_QUEUE } from './layout-space.ts';
import { bytesOfObject, checkpointAt, checkpointsOf, dataRing, descriptorRing } from './view-checkpoints.ts';
import type { Checkpoint, EphemeralObject, Ring } from './view-checkpoints.ts';
import { SpaceView, queueTree } from './view-space.ts';
import { NodeReader } from './view-tree.ts';
import type { ViewTree } from './view-tree.ts';
import { OmapView, VolumeView } from './view-volume.ts';

/**
 * A container as its newest whole checkpoint has it, for those who explain it. Reads leniently: of a damaged one it
 * knows what can be known. Describes the device as it was when this was made.
 */
export class ContainerView {
  readonly medium: Medium;
  /** '' when this is a container. */
  readonly problem: string;
  /** Blocks of 4,096 bytes, of those that are on the device. */
  readonly blockCount: number;
  readonly nodes: NodeReader;
  readonly #blocks = new Map<number, Uint8Array>();
  readonly #ephemeral = new Map<number, EphemeralObject>();
  readonly #trees = new Map<number, ViewTree | null>();
  readonly #current: Checkpoint | null;
  #checkpoints: readonly Checkpoint[] | undefined;
  #space: SpaceView | null | undefined;
  #omap: OmapView | undefined;
  #volumes: readonly VolumeView[] | undefined;

  constructor(device: Device) {
    this.medium = new Medium(device);
    this.nodes = new NodeReader((block) => this.read(block));
    const first = this.medium.read(0, BLOCK_SIZE_BYTES);
    const start = NxSuperblock.peek(first);
    this.problem =
      start.magic !== CONTAINER_MAGIC
        ? "block 0 does not say 'NXSB'"
        : start.blockSizeBytes !== BLOCK_SIZE_BYTES
          ? `its blocks have ${start.blockSizeBytes} bytes; only 4096 are understood`
          : '';
    const onDevice = Math.floor(this.medium.sizeBytes / BLOCK_SIZE_BYTES);
    this.blockCount = this.problem === '' ? Math.min(start.blockCount, onDevice) : onDevice;
    this.#current = this.problem === '' ? this.#choose(first, start) : null;
    for (const object of this.#current?.objects ?? []) this.#ephemeral.set(object.oid, object);
  }

  /** The newest checkpoint that is whole; without any the newest there is, then what block 0 says. */
  #choose(first: Uint8Array, start: NxSuperblock): Checkpoint {
    this.#checkpoints = checkpointsOf((block) => this.read(block), start, this.blockCount);
    const ring = descriptorRing(start, this.blockCount);
    return (
      this.#checkpoints.find(({ problem }) => problem === '') ??
      this.#checkpoints.find(({ objects }) => objects.length > 0) ??
      checkpointAt((block) => this.read(block), first, ring, -1, 0, this.blockCount)
    );
  }

  /** Superblocks of the descriptor ring, newest first. */
  get checkpoints(): readonly Checkpoint[] {
    return this.#checkpoints ?? [];
  }

  /** Only asked of a container, like all below. */
  get current(): Checkpoint {
    if (!this.#current) throw new RangeError('only a container has checkpoints');
    return this.#current;
  }

  get superblock(): NxSuperblock {
    return this.current.superblock;
  }

  get descriptorRing(): Ring {
    return descriptorRing(this.superblock, this.blockCount);
  }

  get dataRing(): Ring {
    return dataRing(this.superblock, this.blockCount);
  }

  /** A block, kept for a while; undefined outside the container. Not to be changed. */
  readonly read = (block: number): Uint8Array | undefined => {
    if (!(block >= 0 && block < this.blockCount)) return undefined;
    const known = this.#blocks.get(block);
    if (known) return known;
    const bytes = this.medium.read(block * BLOCK_SIZE_BYTES, BLOCK_SIZE_BYTES);
    if (this.#blocks.size >= BLOCKS_KEPT_MAX) this.#blocks.clear();
    this.#blocks.set(block, bytes);
    return bytes;
  };

  ephemeral(oid: number): EphemeralObject | undefined {
    return this.#ephemeral.get(oid);
  }

  /** Null when the space manager cannot be found. */
  get space(): SpaceView | null {
    if (this.#space === undefined) {
      const object = this.#ephemeral.get(this.superblock.spaceManagerOid);
      const bytes = object && bytesOfObject(this.read, object.blocks);
      const isOne = bytes !== undefined && ObjectHeader.peek(bytes).type % 65_536 === OBJECT.spaceManager;
      this.#space = isOne ? new SpaceView(bytes, this.read, this.blockCount) : null;
    }
    return this.#space;
  }

  /** Null when the queue has no tree. */
  queueTree(which: number): ViewTree | null {
    let tree = this.#trees.get(which);
    if (tree === undefined) {
      const oid = this.space?.queue(which).treeOid ?? 0;
      tree =
        oid === 0
          ? null
          : queueTree(this.nodes, oid, (reference) => this.#ephemeral.get(reference)?.blocks[0]);
      this.#trees.set(which, tree);
    }
    return tree;
  }

  get mainQueue(): ViewTree | null {
    return this.queueTree(FREE_QUEUE.main);
  }

  get omap(): OmapView {
    this.#omap ??= new OmapView(this.nodes, this.read, this.superblock.omapBlock);
    return this.#omap;
  }

  /** In the order of their slots; what has no superblock is left out. */
  get volumes(): readonly VolumeView[] {
    if (this.#volumes) return this.#volumes;
    const volumes: VolumeView[] = [];
    const { volumeOids, xid } = this.superblock;
    for (let slot = 0; slot < VOLUMES_MAX; slot++) {
      const oid = volumeOids[slot] ?? 0;
      const block = oid === 0 ? undefined : this.omap.blockOf(oid, xid);
      const bytes = block === undefined ? undefined : this.read(block);
      if (block === undefined || bytes === undefined) continue;
      if (ObjectHeader.peek(bytes).type % 65_536 !== OBJECT.volume) continue;
      volumes.push(new VolumeView(this.nodes, this.read, slot, oid, block, bytes, xid));
    }
    this.#volumes = volumes;
    return volumes;
  }

  /** What stands before the names of a volume's structures and files; nothing while there is only one volume. */
  prefixOf(volume: VolumeView): string {
    return this.volumes.length > 1 ? `${volume.name}: ` : '';
  }

  /** What block 0 says of the checkpoint it was copied from. */
  get checkpointInBlock0(): NxSuperblock {
    return NxSuperblock.peek(this.read(0) ?? new Uint8Array(BLOCK_SIZE_BYTES));
  }
}

/** 16 MiB. */
const BLOCKS_KEPT_MAX = 4096;
