import { viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { Device } from '../../device/device.ts';
import type { Container, MountOptions, Volume } from '../contract.ts';
import { Blocks } from './blocks.ts';
import { faultOfRings, faultOfSuperblock, readCheckpoint, superblocksOf } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import { CheckpointTrees } from './checkpoint-trees.ts';
import { Commit } from './commit.ts';
import { ApfsContainer } from './container.ts';
import { ContainerMap } from './container-map.ts';
import {
  BLOCK_SIZE_BYTES,
  CONTAINER_FEATURE,
  CONTAINER_INCOMPATIBLE,
  CONTAINER_MAGIC,
  NxSuperblock,
} from './layout.ts';
import { get64 } from './words.ts';

/**
 * Opens a container: finds the newest checkpoint that is whole, refuses in a sentence what cannot be used, falls back
 * with a warning when the newest is damaged. Writes nothing.
 */
export function openContainer(device: Device, options: MountOptions): Container {
  return open(device, options);
}

/** The first volume of the container, which is closed when this volume is unmounted. */
export function mountFirstVolume(device: Device, options: MountOptions): Volume {
  const container = open(device, options);
  const first = container.volumes()[0];
  if (first === undefined) {
    const why = container.warnings.join('; ');
    throw new FsError('EIO', '', '', `the container has no volume that can be mounted${why && `: ${why}`}`);
  }
  return container.mountOnly(first.index);
}

/** Does block 0 look like an APFS container? */
export function detect(device: Device): boolean {
  if (device.blockCount * device.blockSizeBytes < BLOCK_SIZE_BYTES) return false;
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  try {
    device.read(0, bytes);
  } catch (error) {
    if (error instanceof FsError) return false;
    throw error;
  }
  return viewOf(bytes).getUint32(0x20, true) === CONTAINER_MAGIC;
}

type Refusal = 'EINVAL' | 'EIO' | 'EFTYPE' | 'ENOTSUP';

const refusal = (code: Refusal, detail: string): FsError => new FsError(code, '', '', detail);

function open(device: Device, options: MountOptions): ApfsContainer {
  const blocks = new Blocks(device);
  const block0 = readBlock0(blocks);
  const { checkpoint, newestXid, isLeftBehind, warnings } = choose(blocks, block0, options);
  const superblock = NxSuperblock.peek(checkpoint.superblock);
  checkUsable(superblock);
  const isCutOff = superblock.blockCount > blocks.count;
  if (isCutOff) warnings.push(cutOff(superblock.blockCount, blocks.count));
  blocks.limit(superblock.blockCount);
  const isOlder = options.checkpointXid !== undefined;
  const isLimited = superblock.readOnlyCompatibleFeatures !== 0;
  if (isLimited) warnings.push('The container has features nobody here knows; it is open for reading only.');
  const isReadOnly = options.isReadOnly || device.isReadOnly || isOlder || isLimited || isCutOff;
  const map = new ContainerMap(blocks, superblock.omapBlock, checkpoint.xid);
  const nextXid = isOlder ? checkpoint.xid + 1 : newestXid + 1;
  const commit = new Commit(blocks, checkpoint, map, options, isReadOnly, nextXid, isLeftBehind);
  return new ApfsContainer(commit, warnings);
}

function readBlock0(blocks: Blocks): Uint8Array {
  if (blocks.count === 0) throw refusal('EINVAL', 'the device is too small for an APFS container');
  const bytes = blocks.copyOf(0);
  if (viewOf(bytes).getUint32(0x20, true) !== CONTAINER_MAGIC) {
    throw refusal('EINVAL', "block 0 has no 'NXSB': this is no APFS container");
  }
  const { blockSizeBytes } = NxSuperblock.peek(bytes);
  if (blockSizeBytes !== BLOCK_SIZE_BYTES) {
    throw refusal(
      'ENOTSUP',
      `the container has blocks of ${blockSizeBytes} bytes; only those of ${BLOCK_SIZE_BYTES} can be read here`,
    );
  }
  const fault = faultOfSuperblock(bytes);
  if (fault !== null) {
    throw refusal('EIO', `block 0 of the container is damaged: ${fault}; check it with fsck`);
  }
  return bytes;
}

interface Choice {
  readonly checkpoint: Checkpoint;
  /** Highest transaction whose superblock is in the ring, whole or not: the next one must be higher. */
  readonly newestXid: number;
  /** Block 0 shows another one: nobody has unmounted the container. */
  readonly isLeftBehind: boolean;
  readonly warnings: string[];
}

function choose(blocks: Blocks, block0: Uint8Array, options: MountOptions): Choice {
  const rings = NxSuperblock.peek(block0);
  const fault = faultOfRings(rings, blocks);
  if (fault !== null) throw refusal('EIO', `the container cannot be used: ${fault}`);
  const candidates = superblocksOf(blocks, rings);
  const [newest] = candidates;
  if (newest === undefined) {
    throw refusal('EIO', 'no usable checkpoint: the descriptor ring holds no intact superblock');
  }
  const newestXid = xidOfSuperblock(newest);
  const { checkpointXid } = options;
  if (checkpointXid !== undefined) {
    const wanted = candidates.find((bytes) => xidOfSuperblock(bytes) === checkpointXid);
    if (wanted === undefined) {
      const there = candidates.map(xidOfSuperblock).join(', ');
      throw refusal('EINVAL', `there is no checkpoint ${checkpointXid} in the ring, only ${there}`);
    }
    const found = checked(blocks, wanted, rings);
    const fault = typeof found === 'string' ? found : faultOfTrees(blocks, wanted);
    if (typeof found === 'string' || fault !== '') {
      throw refusal('EINVAL', `checkpoint ${checkpointXid} is not whole any more: ${fault}`);
    }
    return { checkpoint: found, newestXid, isLeftBehind: false, warnings: [] };
  }
  const warnings: string[] = [];
  for (const bytes of candidates) {
    const found = checked(blocks, bytes, rings);
    if (typeof found !== 'string') {
      const isLeftBehind = xidOfSuperblock(block0) !== found.xid && options.isContinued !== true;
      if (isLeftBehind && warnings.length === 0) warnings.push(leftBehind(found.xid));
      return { checkpoint: found, newestXid, isLeftBehind, warnings };
    }
    warnings.push(
      `Checkpoint ${xidOfSuperblock(bytes)} is not whole (${found}); an older one is used, what changed since is lost.`,
    );
  }
  throw refusal('EIO', `no usable checkpoint: ${warnings.join(' ')}`);
}

/** What lies in front of the cut can still be read. */
const cutOff = (blockCount: number, thereCount: number): string =>
  `The container has ${blockCount} blocks, the device only ${thereCount}: its end is cut off; it is open for reading only.`;

/** Block 0 is written when a container is closed; a power cut leaves it behind, and nothing else. */
const leftBehind = (xid: number): string =>
  `The container was not unmounted. It is in its newest checkpoint, transaction ${xid}; nothing has to be repaired.`;

const xidOfSuperblock = (bytes: Uint8Array): number => get64(viewOf(bytes), 0x10);

/** The checkpoint of a superblock that stands in the ring of block 0, or why it cannot be used. */
function checked(
  blocks: Blocks,
  bytes: Uint8Array,
  rings: ReturnType<typeof NxSuperblock.peek>,
): Checkpoint | string {
  const own = NxSuperblock.peek(bytes);
  const isSameRing =
    own.descriptorBase === rings.descriptorBase && own.descriptorBlocks === rings.descriptorBlocks;
  if (!isSameRing) return 'it names another ring than block 0';
  return readCheckpoint(blocks, bytes);
}

/** Of a checkpoint that is whole in its rings: what is wrong with what it leads to; '' when nothing is. */
function faultOfTrees(blocks: Blocks, bytes: Uint8Array): string {
  const superblock = NxSuperblock.peek(bytes);
  const trees = new CheckpointTrees((block) =>
    blocks.contains(block, 1) ? blocks.copyOf(block) : undefined,
  );
  return trees.faultOf({ xid: superblock.xid, superblock, problem: '' });
}

function checkUsable(superblock: ReturnType<typeof NxSuperblock.peek>): void {
  const { incompatibleFeatures, blockCount, blockSizeBytes, nextXid, xid } = superblock;
  if (blockSizeBytes !== BLOCK_SIZE_BYTES) {
    throw refusal('ENOTSUP', `the checkpoint has blocks of ${blockSizeBytes} bytes, block 0 of 4096`);
  }
  if (
    incompatibleFeatures & CONTAINER_INCOMPATIBLE.fusion ||
    superblock.features & CONTAINER_FEATURE.lowCapacityFusion
  ) {
    throw refusal('ENOTSUP', 'this is one half of a Fusion drive; such containers are not supported');
  }
  const { version1, version2 } = CONTAINER_INCOMPATIBLE;
  if (incompatibleFeatures & version1) {
    throw refusal(
      'ENOTSUP',
      'the container is of the beta of APFS in macOS 10.12, which nobody can read any more',
    );
  }
  const unknown = incompatibleFeatures - (incompatibleFeatures & version2);
  if (unknown !== 0) {
    throw refusal('ENOTSUP', `the container has features that nobody here knows: 0x${unknown.toString(16)}`);
  }
  if (blockCount === 0) throw refusal('EIO', 'the container says that it has no blocks');
  if (nextXid <= xid) {
    throw refusal('EIO', `checkpoint ${xid} says that ${nextXid} comes next; check the container with fsck`);
  }
}
